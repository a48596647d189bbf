//! Holder binding (持证人绑定): one device presents an e-licence, by a key that never leaves it.
//!
//! Only a device on which the person was proved binds (see `accounts`): its session stands for that
//! proof. The device names its key, proves that it holds it, and gets a credential that names it; the
//! credential before it ends, and with it whatever another device shows. The e-licence goes on. See
//! `docs/decisions/0022-holder-binding.md`.

mod bound;
mod unbind;

pub(crate) use bound::in_codes;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use credential::{Handle, PublicKey, Signature, Suite, device::binding_proof};
use jiff::SignedDuration;
use licence::{
    StatusValue,
    binding::{Assurance, Binding, Event as Move, Stage},
};
use rand::Rng as _;
use storage::{
    BindingId, BindingRow, Conflict, CurrentELicence, DeviceId, Driver, NewBinding, StoreError,
    outbox::Event,
};

use self::bound::Bound;
use crate::{
    Act, Authority, Error, HolderActor,
    accounts::{Notice, after},
    enrol::method_code,
    notify::TextKind,
    refusal,
    registry_write::{message, notified},
    views::{BeginBinding, BindingChallengeView, BindingView, CounterAccount, ProveBinding},
};

/// How long a device has to prove that it holds the key. It answers at once; whoever gets hold of a
/// challenge later still lacks the key, so that this only keeps what nobody finishes short.
const PROOF_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// How often it is prepared anew when the driver changes meanwhile.
const ATTEMPTS: u8 = 3;
const PROVED: &str = "binding.proved";

impl Authority {
    /// Begins to bind the device at hand: it names its key and learns what to sign.
    ///
    /// # Errors
    /// [`refusal::INVALID_DEVICE_KEY`]; where there is no e-licence to show, as for its pages.
    pub async fn begin_binding(
        &self,
        act: &mut Act,
        request: BeginBinding,
    ) -> Result<BindingChallengeView, Error> {
        let HolderActor { device, .. } = act.holder_here()?.clone();
        self.inner.limits.binding(&device, act.now)?;
        let device_key = device_key(&request.device_key)?;
        let (driver, current) = self.own_bindable(act).await?;
        let mut challenge = [0; 32];
        act.rng.fill_bytes(&mut challenge);
        let new = NewBinding {
            id: BindingId::generate(driver.id.partition(), &mut act.rng),
            e_licence: current.e_licence.id.clone(),
            device,
            device_key: device_key.to_sec1(),
            challenge,
            created_at: act.now,
            expires_at: after(act.now, PROOF_WITHIN),
        };
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        tx.insert_binding(&locked, &new).await?;
        let entry = act
            .entry("binding.begun")
            .about(&driver.id)
            .with("binding", new.id.as_str())
            .with("device", new.device.as_str());
        tx.commit(entry, Vec::new()).await?;
        Ok(BindingChallengeView {
            id: new.id.to_string(),
            challenge: URL_SAFE_NO_PAD.encode(new.challenge),
            expires_at: new.expires_at,
        })
    }

    /// The device proves that it holds the key; from then on it presents, and no other.
    ///
    /// # Errors
    /// [`refusal::NOT_FOUND`], the same for another's binding as for none (SC-20);
    /// [`refusal::BINDING_REFUSED`] for a proof that is not the key's.
    pub async fn prove_binding(
        &self,
        act: &mut Act,
        id: &str,
        proof: ProveBinding,
    ) -> Result<BindingView, Error> {
        let binding = self.own_pending(act, id).await?;
        if !proves(&binding, &proof.signature) {
            let holder = Some(&binding.holder);
            let refused = refusal::BINDING_REFUSED.into();
            return self.refuse(act, PROVED, holder, refused).await;
        }
        let mut attempt = 1;
        loop {
            match self.try_prove(act, &binding).await {
                Err(Error::Store(StoreError::Conflict(Conflict::Revision)))
                    if attempt < ATTEMPTS =>
                {
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    /// The e-licence to be bound, while it is shown. A request that began before the account was frozen
    /// binds nothing after it.
    async fn own_bindable(&self, act: &Act) -> Result<(Driver, CurrentELicence), Error> {
        let (driver, current) = self.own_shown(act).await?;
        if driver.frozen_at.is_some() {
            return Err(refusal::ALREADY_FROZEN.into());
        }
        Ok((driver, current))
    }

    /// A binding that the device at hand began and may still prove.
    async fn own_pending(&self, act: &Act, id: &str) -> Result<BindingRow, Error> {
        let here = act.holder_here()?;
        let id = BindingId::parse(id).map_err(|_not_an_id| Error::from(refusal::NOT_FOUND))?;
        let binding = self.store().binding(&id).await?;
        let binding = binding
            .filter(|binding| binding.holder == here.id && binding.device == here.device)
            .ok_or(refusal::NOT_FOUND)?;
        let pending = match binding.stage {
            Stage::Pending => Binding::Pending {
                expires: binding.expires_at,
            },
            Stage::Active | Stage::Replaced | Stage::Revoked | Stage::Lapsed => {
                return Err(Conflict::Binding.into());
            }
        };
        pending.apply(Move::Confirm {
            assurance: Assurance::Software,
            at: act.now,
        })?;
        Ok(binding)
    }

    async fn try_prove(&self, act: &mut Act, binding: &BindingRow) -> Result<BindingView, Error> {
        let (driver, current) = self.own_bindable(act).await?;
        if current.e_licence.id != binding.e_licence {
            return Err(Conflict::Binding.into());
        }
        let bound = self.prepare_bound(act, &driver, &current, binding).await?;
        let former = self.store().former_phone(&driver.id, act.now).await?;
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        let which = (&binding.e_licence, &binding.id);
        let replaced = tx
            .activate_binding(&locked, which, Assurance::Software, act.now)
            .await?;
        let mut events = bound.commit(&mut tx, &locked, &current, act.now).await?;
        events.push(Event::BindingChanged {
            holder: driver.id.clone(),
            binding: Some(binding.id.clone()),
        });
        if replaced.as_ref().is_some_and(|it| *it != binding.device) {
            let notice = Notice {
                kind: TextKind::DeviceReplaced,
                driver: &driver,
                former,
            };
            events.push(self.tell(act, &mut tx, notice).await?);
        }
        let entry = act
            .entry(PROVED)
            .about(&driver.id)
            .with("binding", binding.id.as_str())
            .with("device", binding.device.as_str())
            .with("replaced", replaced.as_ref().map(DeviceId::as_str))
            .with("assurance", Assurance::Software.as_str())
            .with("e-licence", binding.e_licence.as_str())
            .with("credential", bound.id())
            .with("keys", bound.keys())
            .with("code-keys", bound.code_keys());
        let committed = tx.commit(entry, events).await?;
        self.follow_committed(&[committed]).await?;
        let proved = self.store().binding(&binding.id).await?;
        let proved = proved.ok_or(Error::Internal("a binding is gone"))?;
        Ok(binding_view(&proved, &binding.device))
    }

    /// The binding of the device that presents now, whichever of the driver's it is.
    ///
    /// # Errors
    /// [`refusal::NO_BINDING`].
    pub async fn current_binding(&self, act: &mut Act) -> Result<BindingView, Error> {
        let HolderActor { id, device, .. } = act.holder_here()?;
        let current = self.store().current_e_licence(id).await?;
        let current = current.ok_or(refusal::NO_BINDING)?;
        let binding = self.store().active_binding(&current.e_licence.id).await?;
        let binding = binding.ok_or(refusal::NO_BINDING)?;
        Ok(binding_view(&binding, device))
    }

    /// Ends the driver's own binding, from whichever of the driver's devices.
    ///
    /// # Errors
    /// [`refusal::NO_BINDING`].
    pub async fn revoke_own_binding(&self, act: &mut Act) -> Result<(), Error> {
        let driver = self.own_driver(act).await?;
        self.revoke_binding(act, &driver, None).await
    }

    /// Ends the binding of a driver who stands at the counter. The driver binds another device after
    /// activating it.
    ///
    /// # Errors
    /// Outside the office's scope, an officer's own record, an unknown driver, or
    /// [`refusal::NO_BINDING`].
    pub async fn revoke_binding_at_counter(
        &self,
        act: &mut Act,
        request: CounterAccount,
    ) -> Result<(), Error> {
        let method = method_code(&request.identity)?;
        let driver = self
            .driver_at_counter(act, &request.licence_number, "binding.revoked")
            .await?;
        self.revoke_binding(act, &driver, Some(&method)).await
    }

    async fn revoke_binding(
        &self,
        act: &mut Act,
        driver: &Driver,
        identity: Option<&str>,
    ) -> Result<(), Error> {
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        let unbound = Self::unbind(&mut tx, &locked, None, act.now).await?;
        let Some(device) = unbound.device else {
            return Err(refusal::NO_BINDING.into());
        };
        let mut events = unbound.events;
        let inbox = message(act, &driver.id, "binding-revoked", &());
        tx.insert_notification(&inbox).await?;
        events.push(notified(&inbox));
        let mut entry = act
            .entry("binding.revoked")
            .about(&driver.id)
            .with("device", device.as_str());
        if let Some(identity) = identity {
            entry = entry.with("identity", identity);
        }
        let committed = tx.commit(entry, events).await?;
        self.follow_committed(&[committed]).await
    }

    /// The binding by which the device at hand presents.
    ///
    /// # Errors
    /// [`refusal::NOT_BOUND`] where none does, [`refusal::OTHER_DEVICE`] where another does.
    pub(crate) async fn own_binding(
        &self,
        act: &Act,
        current: &CurrentELicence,
    ) -> Result<BindingRow, Error> {
        let binding = self.store().active_binding(&current.e_licence.id).await?;
        let binding = binding.ok_or(refusal::NOT_BOUND)?;
        if binding.device != act.holder_here()?.device {
            return Err(refusal::OTHER_DEVICE.into());
        }
        Ok(binding)
    }

    /// The binding's credential, made anew where it is not what the device should show: near its
    /// end, of an older record, or from other keys and settings.
    pub(crate) async fn renewed_credential(
        &self,
        act: &mut Act,
        (driver, current): (&Driver, &CurrentELicence),
        binding: &BindingRow,
    ) -> Result<Option<Bound>, Error> {
        if self
            .shows_as_it_should(act, driver, current, binding)
            .await?
        {
            return Ok(None);
        }
        let bound = self.prepare_bound(act, driver, current, binding).await?;
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        tx.renew_binding(&binding.id, act.now).await?;
        let events = bound.commit(&mut tx, &locked, current, act.now).await?;
        let entry = act
            .entry("credential.renewed")
            .about(&driver.id)
            .with("binding", binding.id.as_str())
            .with("credential", bound.id())
            .with("keys", bound.keys())
            .with("code-keys", bound.code_keys());
        let committed = tx.commit(entry, events).await?;
        self.follow_committed(&[committed]).await?;
        Ok(Some(bound))
    }
}

/// Whether the signature over challenge, handle and key is the named key's.
fn proves(binding: &BindingRow, signature: &str) -> bool {
    let key = <[u8; 65]>::try_from(binding.device_key.as_slice());
    let challenge = binding.challenge.as_deref().map(<[u8; 32]>::try_from);
    let raw = URL_SAFE_NO_PAD.decode(signature).ok();
    let raw = raw.and_then(|raw| <[u8; 64]>::try_from(raw).ok());
    let (Ok(key), Some(Ok(challenge)), Some(raw)) = (key, challenge, raw) else {
        return false;
    };
    let message = binding_proof(&challenge, &handle(&binding.id), &key);
    PublicKey::from_sec1(Suite::Es256, &key)
        .is_ok_and(|key| key.verify(&message, &Signature::from_raw(raw)).is_ok())
}

/// The key that a device names: a point of P-256, uncompressed, as `WebCrypto` exports it.
pub(crate) fn device_key(text: &str) -> Result<PublicKey, Error> {
    URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|point| PublicKey::from_sec1(Suite::Es256, &point).ok())
        .ok_or_else(|| refusal::INVALID_DEVICE_KEY.into())
}

/// What codes name the binding by.
pub(crate) fn handle(binding: &BindingId) -> Handle {
    Handle::from_bytes(binding.to_bytes())
}

fn binding_view(binding: &BindingRow, here: &DeviceId) -> BindingView {
    let bound_at = binding.activated_at.unwrap_or(binding.created_at);
    BindingView {
        id: binding.id.to_string(),
        handle: handle_text(&binding.id),
        assurance: binding.assurance.as_str().to_owned(),
        bound_at,
        renewed_at: binding.renewed_at.unwrap_or(bound_at),
        this_device: binding.device == *here,
    }
}

/// The handle as the device puts it into codes.
pub(crate) fn handle_text(binding: &BindingId) -> String {
    URL_SAFE_NO_PAD.encode(binding.to_bytes())
}

/// What the lists say of a credential that was just made for a driver.
pub(crate) fn value_now(act: &Act, driver: &Driver, current: &CurrentELicence) -> StatusValue {
    let record = licence::effective(&driver.record, licence::civil_date(act.now)).value;
    crate::registry_write::strictest_with(record, current)
}
