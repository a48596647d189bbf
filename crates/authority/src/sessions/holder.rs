//! A driver signs in: with number and password on a device that an activation made, and nowhere
//! else (SC-18).

use jiff::{SignedDuration, Timestamp};
use storage::{Device, HolderId, Session};
use zeroize::Zeroizing;

use super::{Opened, open_session};
use crate::{
    Act, Actor, Authority, Client, Error, HolderActor,
    accounts::{Claimant, DEVICE_LASTS, after},
    refusal,
    views::{SessionKindView, SessionView},
};

/// A driver whose password is right on unknown devices is warned, but not more often: whoever knows
/// the password cannot make the phone ring all day.
const WARNED_EVERY: SignedDuration = SignedDuration::from_hours(1);

impl Authority {
    pub(super) async fn sign_in_holder(
        &self,
        act: &mut Act,
        login: &str,
        password: Zeroizing<String>,
        client: Client<'_>,
    ) -> Result<(String, SessionView), Error> {
        let here = self.device(client.device).await?;
        if let Some(here) = &here {
            self.inner.limits.device(&here.id, act.now)?;
        }
        let claimant = self.claimant(act, login).await?;
        let matches = self
            .inner
            .passwords
            .matches(password, claimant.password_hash())
            .await;
        let own = here.filter(|here| here.holder == claimant.holder && here.lives(act.now));
        match (own, claimant.not_frozen()) {
            (Some(own), Some(_)) if matches => self.begin_holder_session(act, &own).await,
            _ => self.refuse_holder(act, &claimant, matches).await,
        }
    }

    /// Opens a session on a device, in the place of the one that was there.
    async fn begin_holder_session(
        &self,
        act: &mut Act,
        device: &Device,
    ) -> Result<(String, SessionView), Error> {
        let holder = &device.holder;
        let mut tx = self.store().begin_in(holder.partition()).await?;
        tx.see_device(&device.id, act.now, after(act.now, DEVICE_LASTS))
            .await?;
        tx.delete_sessions_on(holder, &device.id).await?;
        let owner = holder.as_str();
        let opened = open_session(&mut tx, act, owner, Some(&device.id)).await?;
        let entry = opened
            .entry(act)
            .about(holder)
            .with("device", device.id.as_str());
        tx.commit(entry, Vec::new()).await?;
        Ok((opened.token.to_string(), opened.holder_view(holder)))
    }

    /// Refuses. Whatever was wrong, it is one statement and one commit; where the password was right,
    /// that statement leaves a note by which a job warns the driver.
    async fn refuse_holder<T>(
        &self,
        act: &mut Act,
        claimant: &Claimant,
        matches: bool,
    ) -> Result<T, Error> {
        let partition = claimant.holder.partition();
        let nobody = HolderId::generate(partition, &mut act.rng);
        let warned = if matches { &claimant.holder } else { &nobody };
        let not_since = act.now.saturating_sub(WARNED_EVERY).unwrap_or(act.now);
        let mut tx = self.store().begin_in(partition).await?;
        tx.note_to_warn(warned, act.now, not_since).await?;
        let mut entry = act
            .entry("session.refused")
            .with("refused", refusal::WRONG_LOGIN.code);
        if let Some(holder) = claimant.known() {
            entry = entry.about(holder);
        }
        tx.commit(entry, Vec::new()).await?;
        Err(refusal::WRONG_LOGIN.into())
    }

    /// The driver of a session that is used on its own device.
    pub(super) async fn authenticate_holder(
        &self,
        (session, hash): (&Session, Vec<u8>),
        device: Option<&str>,
        now: Timestamp,
    ) -> Result<(Actor, SessionView), Error> {
        let holder = HolderId::parse(&session.owner)
            .map_err(|_not_an_id| Error::Internal("a session names no holder"))?;
        let here = self.device(device).await?;
        let here = here.filter(|here| {
            here.holder == holder && Some(&here.id) == session.device.as_ref() && here.lives(now)
        });
        let device = here.ok_or(refusal::SIGN_IN)?.id;
        let view = holder_view(&holder, session.expires_at);
        let actor = HolderActor {
            id: holder,
            device,
            session: hash,
        };
        Ok((Actor::Holder(actor), view))
    }
}

impl Opened {
    pub(crate) fn holder_view(&self, holder: &HolderId) -> SessionView {
        holder_view(holder, self.expires_at)
    }
}

fn holder_view(holder: &HolderId, expires_at: Timestamp) -> SessionView {
    SessionView {
        kind: SessionKindView::Holder,
        id: holder.to_string(),
        roles: Vec::new(),
        office: None,
        expires_at,
        second_factor: None,
        recovery_codes_left: None,
    }
}
