//! Signing in and out: what drivers and staff share. Of a token only the hash is
//! kept (see `secret`).

mod holder;
mod staff;

pub(crate) use staff::Proof;

use jiff::{SignedDuration, Timestamp};
use licence::LicenceNumber;
use storage::{AliasKind, DeviceId, HolderId, Partition, Session, SessionKind, Tx, audit::Entry};
use zeroize::Zeroizing;

use crate::{
    Act, Actor, Authority, Client, Error, refusal, secret,
    views::{SessionKindView, SessionView, SignIn},
};

/// A holder's session: long enough to show a licence through a day.
const HOLDER_SESSION: SignedDuration = SignedDuration::from_hours(12);

impl Authority {
    /// Signs in; answers the token and the session.
    ///
    /// # Errors
    /// [`refusal::WRONG_LOGIN`], the same and as slow whatever was wrong; [`Error::TooMany`] from a
    /// source that tries too often.
    pub async fn sign_in(
        &self,
        act: &mut Act,
        request: SignIn,
        client: Client<'_>,
    ) -> Result<(String, SessionView), Error> {
        self.inner.limits.sign_in(act)?;
        match request.kind {
            SessionKindView::Holder => {
                let password = Zeroizing::new(request.password);
                self.sign_in_holder(act, &request.login, password, client)
                    .await
            }
            SessionKindView::Staff => self.sign_in_staff(act, request).await,
        }
    }

    /// Ends the session of `token`.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn sign_out(&self, act: &mut Act, token: &str) -> Result<(), Error> {
        let (partition, hash) = secret::read(token).ok_or(refusal::SIGN_IN)?;
        let mut tx = self.store().begin_in(partition).await?;
        if partition == Partition::SYSTEM {
            tx.delete_staff_session(&hash).await?;
        } else {
            tx.delete_session(&hash).await?;
        }
        tx.commit(act.entry("session.ended"), Vec::new()).await?;
        Ok(())
    }

    /// Who the token belongs to. A driver's is good together with the secret of its device only.
    ///
    /// # Errors
    /// [`refusal::SIGN_IN`] when it is unknown or has ended.
    pub async fn authenticate(
        &self,
        token: &str,
        device: Option<&str>,
        now: Timestamp,
    ) -> Result<(Actor, SessionView), Error> {
        let (partition, hash) = secret::read(token).ok_or(refusal::SIGN_IN)?;
        let found = if partition == Partition::SYSTEM {
            self.authenticate_staff(&hash, now).await?
        } else {
            let session = self.store().session(partition, &hash).await?;
            let session = session
                .filter(|session| now < session.expires_at)
                .ok_or(refusal::SIGN_IN)?;
            match session.kind {
                SessionKind::Holder => {
                    let session = (&session, hash);
                    self.authenticate_holder(session, device, now).await?
                }
                // Those of staff have a table of their own.
                SessionKind::Staff => return Err(refusal::SIGN_IN.into()),
            }
        };
        self.note_reached(now);
        Ok(found)
    }

    /// The registry source that holds `token`.
    ///
    /// # Errors
    /// [`refusal::UNKNOWN_SOURCE`].
    pub async fn authenticate_source(&self, token: &str) -> Result<Actor, Error> {
        let hash = secret::hash(token.as_bytes());
        let source = self.store().registry_source(&hash).await?;
        Ok(Actor::Registry(source.ok_or(refusal::UNKNOWN_SOURCE)?))
    }

    /// The holder whose record has this number, present or previous. An alias alone does not count:
    /// it may stand for a write that never came.
    pub(crate) async fn holder_by_number(
        &self,
        number: &LicenceNumber,
    ) -> Result<Option<HolderId>, Error> {
        let owners = self
            .store()
            .holders_named(AliasKind::LicenceNumber, &[number.as_str()])
            .await?;
        let Some(holder) = owners.into_iter().flatten().next() else {
            return Ok(None);
        };
        let driver = self.store().driver(&holder).await?;
        Ok(driver
            .filter(|driver| {
                driver.record.licence_number == *number
                    || driver.record.previous_licence_numbers.contains(number)
            })
            .map(|driver| driver.id))
    }
}

/// A session that was opened.
pub(crate) struct Opened {
    pub(crate) token: Zeroizing<String>,
    expires_at: Timestamp,
}

impl Opened {
    pub(crate) fn entry(&self, act: &Act) -> Entry {
        act.entry("session.began")
            .with("until", self.expires_at.to_string())
    }
}

/// Opens a driver's session. Its token is always a new one: what a client brings along is never taken over.
pub(crate) async fn open_session(
    tx: &mut Tx,
    act: &mut Act,
    owner: &str,
    device: Option<&DeviceId>,
) -> Result<Opened, Error> {
    let expires_at = act.now.saturating_add(HOLDER_SESSION).unwrap_or(act.now);
    let made = secret::new(tx.partition(), &mut act.rng);
    let session = Session {
        kind: SessionKind::Holder,
        owner: owner.to_owned(),
        device: device.cloned(),
        created_at: act.now,
        expires_at,
    };
    tx.insert_session(&made.hash, &session).await?;
    Ok(Opened {
        token: made.text,
        expires_at,
    })
}
