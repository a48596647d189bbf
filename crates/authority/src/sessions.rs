//! Signing in and out: what drivers and staff share, and staff. Of a token only
//! the hash is kept (see `secret`).

mod holder;

use jiff::{SignedDuration, Timestamp};
use licence::LicenceNumber;
use storage::{
    AliasKind, DeviceId, HolderId, Partition, Session, SessionKind, Staff, StaffId, Tx,
    audit::Entry,
};
use zeroize::Zeroizing;

use crate::{
    Act, Actor, Authority, Client, Error, StaffActor, refusal, secret,
    views::{SessionKindView, SessionView, SignIn},
};

/// A holder's session: long enough to show a licence through a day.
const HOLDER_SESSION: SignedDuration = SignedDuration::from_hours(12);
/// A session of staff: a shift. An unattended desk must not stay open longer.
const STAFF_SESSION: SignedDuration = SignedDuration::from_hours(8);

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
        let password = Zeroizing::new(request.password);
        match request.kind {
            SessionKindView::Holder => {
                self.sign_in_holder(act, &request.login, password, client)
                    .await
            }
            SessionKindView::Staff => self.sign_in_staff(act, &request.login, password).await,
        }
    }

    async fn sign_in_staff(
        &self,
        act: &mut Act,
        login: &str,
        password: Zeroizing<String>,
    ) -> Result<(String, SessionView), Error> {
        let staff = self.store().staff_by_login(login).await?;
        let staff = staff.filter(|staff| staff.disabled_at.is_none());
        let hash = staff.as_ref().map(|staff| staff.password_hash.as_str());
        let matches = self.inner.passwords.matches(password, hash).await;
        let (Some(staff), true) = (staff, matches) else {
            let wrong = refusal::WRONG_LOGIN.into();
            return self.refuse(act, "session.refused", None, wrong).await;
        };
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        let opened =
            open_session(&mut tx, act, SessionKind::Staff, staff.id.as_str(), None).await?;
        let entry = opened.entry(act);
        tx.commit(entry, Vec::new()).await?;
        Ok((
            opened.token.to_string(),
            staff_view(&staff, opened.expires_at),
        ))
    }

    /// Ends the session of `token`.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn sign_out(&self, act: &mut Act, token: &str) -> Result<(), Error> {
        let (partition, hash) = secret::read(token).ok_or(refusal::SIGN_IN)?;
        let mut tx = self.store().begin_in(partition).await?;
        tx.delete_session(&hash).await?;
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
        let session = self.store().session(partition, &hash).await?;
        let session = session
            .filter(|session| now < session.expires_at)
            .ok_or(refusal::SIGN_IN)?;
        match session.kind {
            SessionKind::Holder => self.authenticate_holder(&session, device, now).await,
            SessionKind::Staff => self.authenticate_staff(&session).await,
        }
    }

    async fn authenticate_staff(&self, session: &Session) -> Result<(Actor, SessionView), Error> {
        let id = StaffId::parse(&session.owner)
            .map_err(|_not_an_id| Error::Internal("a session names no member of staff"))?;
        let staff = self.store().staff(&id).await?;
        let staff = staff
            .filter(|staff| staff.disabled_at.is_none())
            .ok_or(refusal::SIGN_IN)?;
        let office = match &staff.office {
            Some(code) => self.store().office(code).await?,
            None => None,
        };
        let view = staff_view(&staff, session.expires_at);
        Ok((Actor::Staff(StaffActor { staff, office }), view))
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
        let blind = self
            .store()
            .alias(AliasKind::LicenceNumber, number.as_str());
        let owners = self
            .store()
            .holders_of(AliasKind::LicenceNumber, std::slice::from_ref(&blind))
            .await?;
        let Some(holder) = owners.into_values().next() else {
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

/// Opens a session. Its token is always a new one: what a client brings along is never taken over.
pub(crate) async fn open_session(
    tx: &mut Tx,
    act: &mut Act,
    kind: SessionKind,
    owner: &str,
    device: Option<&DeviceId>,
) -> Result<Opened, Error> {
    let lasts = match kind {
        SessionKind::Holder => HOLDER_SESSION,
        SessionKind::Staff => STAFF_SESSION,
    };
    let expires_at = act.now.saturating_add(lasts).unwrap_or(act.now);
    let made = secret::new(tx.partition(), &mut act.rng);
    let session = Session {
        kind,
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

fn staff_view(staff: &Staff, expires_at: Timestamp) -> SessionView {
    SessionView {
        kind: SessionKindView::Staff,
        id: staff.id.to_string(),
        roles: staff.roles.clone(),
        office: staff.office.clone(),
        expires_at,
    }
}
