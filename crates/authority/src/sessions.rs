//! Signing in and out: what drivers and staff share, and staff. A token carries its partition and
//! 32 random bytes; only its hash is kept.

mod holder;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use licence::LicenceNumber;
use rand::Rng;
use storage::{
    AliasKind, HolderId, Partition, Session, SessionKind, Staff, StaffId, Tx, audit::Entry,
};
use zeroize::Zeroizing;

use self::holder::holder_view;
use crate::{
    Act, Actor, Authority, Error, StaffActor, refusal,
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
    ) -> Result<(String, SessionView), Error> {
        self.inner.limits.sign_in(act)?;
        let password = Zeroizing::new(request.password);
        match request.kind {
            SessionKindView::Holder => self.sign_in_holder(act, &request.login, password).await,
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
        let opened = open_session(&mut tx, act, SessionKind::Staff, staff.id.as_str()).await?;
        let entry = opened.entry(act);
        tx.commit(entry, Vec::new()).await?;
        Ok((opened.token, staff_view(&staff, opened.expires_at)))
    }

    /// Ends the session of `token`.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn sign_out(&self, act: &mut Act, token: &str) -> Result<(), Error> {
        let (partition, hash) = read_token(token).ok_or(refusal::SIGN_IN)?;
        let mut tx = self.store().begin_in(partition).await?;
        tx.delete_session(&hash).await?;
        tx.commit(act.entry("session.ended"), Vec::new()).await?;
        Ok(())
    }

    /// Who the token belongs to.
    ///
    /// # Errors
    /// [`refusal::SIGN_IN`] when it is unknown or has ended.
    pub async fn authenticate(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<(Actor, SessionView), Error> {
        let (partition, hash) = read_token(token).ok_or(refusal::SIGN_IN)?;
        let session = self.store().session(partition, &hash).await?;
        let session = session
            .filter(|session| now < session.expires_at)
            .ok_or(refusal::SIGN_IN)?;
        match session.kind {
            SessionKind::Holder => {
                let holder = HolderId::parse(&session.owner)
                    .map_err(|_not_an_id| Error::Internal("a session names no holder"))?;
                let view = holder_view(&holder, session.expires_at);
                Ok((Actor::Holder(holder), view))
            }
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
        let hash = digest(&SHA256, token.as_bytes());
        let source = self.store().registry_source(hash.as_ref()).await?;
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

struct Opened {
    token: String,
    expires_at: Timestamp,
}

impl Opened {
    fn entry(&self, act: &Act) -> Entry {
        act.entry("session.began")
            .with("until", self.expires_at.to_string())
    }
}

async fn open_session(
    tx: &mut Tx,
    act: &mut Act,
    kind: SessionKind,
    owner: &str,
) -> Result<Opened, Error> {
    let lasts = match kind {
        SessionKind::Holder => HOLDER_SESSION,
        SessionKind::Staff => STAFF_SESSION,
    };
    let expires_at = act.now.saturating_add(lasts).unwrap_or(act.now);
    let token = new_token(tx.partition(), &mut act.rng);
    let (_, hash) = read_token(&token).ok_or(Error::Internal("a new token cannot be read"))?;
    let session = Session {
        kind,
        owner: owner.to_owned(),
        created_at: act.now,
        expires_at,
    };
    tx.insert_session(&hash, &session).await?;
    Ok(Opened { token, expires_at })
}

fn new_token(partition: Partition, rng: &mut impl Rng) -> String {
    let mut bytes = Zeroizing::new([0_u8; 34]);
    rng.fill_bytes(&mut *bytes);
    if let Some(head) = bytes.first_chunk_mut::<2>() {
        *head = partition.number().to_be_bytes();
    }
    URL_SAFE_NO_PAD.encode(*bytes)
}

fn read_token(token: &str) -> Option<(Partition, Vec<u8>)> {
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(token).ok()?);
    if bytes.len() != 34 {
        return None;
    }
    let number = u16::from_be_bytes(*bytes.first_chunk::<2>()?);
    let partition = Partition::from_number(i64::from(number))?;
    Some((partition, digest(&SHA256, &bytes).as_ref().to_vec()))
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
