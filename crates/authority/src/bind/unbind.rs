//! The end of a binding, within whatever act ends it: what the device shows dies with it, online at
//! once and in the status lists. It needs no signature, so that nothing keeps anybody from it.

use jiff::Timestamp;
use licence::StatusValue;
use storage::{DeviceId, Locked, Tx, outbox::Event};

use crate::{Authority, Error};

/// What ended.
#[derive(Debug, Default)]
pub(crate) struct Unbound {
    /// The device that presented, if one did.
    pub(crate) device: Option<DeviceId>,
    /// What followers learn.
    pub(crate) events: Vec<Event>,
}

impl Authority {
    /// Ends the binding of the locked driver's e-licence with its credential: whichever there is, or
    /// only that of one device.
    pub(crate) async fn unbind(
        tx: &mut Tx,
        locked: &Locked,
        only: Option<&DeviceId>,
        now: Timestamp,
    ) -> Result<Unbound, Error> {
        let holder = locked.holder();
        let current = tx.current_e_licences(std::slice::from_ref(holder)).await?;
        let Some(current) = current.into_iter().next() else {
            return Ok(Unbound::default());
        };
        let device = tx
            .revoke_bindings(locked, &current.e_licence.id, only, now)
            .await?;
        let mut events = Vec::new();
        // A store that was set back ends bindings and leaves their credentials.
        let bound = current.credential.filter(|it| it.binding.is_some());
        if let Some(credential) = bound.filter(|_| device.is_some() || only.is_none()) {
            tx.end_credential(locked, &credential.id, now).await?;
            events.push(Event::CredentialStatus {
                holder: holder.clone(),
                place: credential.place,
                value: StatusValue::Invalid.value(),
            });
        }
        if device.is_some() {
            events.push(Event::BindingChanged {
                holder: holder.clone(),
                binding: None,
            });
        }
        Ok(Unbound { device, events })
    }
}
