//! Signing in and out. A token carries its partition and 32 random bytes; only its hash is kept.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use licence::LicenceNumber;
use rand::Rng;
use storage::{AliasKind, HolderId, Partition, Session, SessionKind, Tx, audit::Entry};
use zeroize::Zeroizing;

use crate::{
    Act, Actor, Authority, Error, refusal,
    views::{SessionKindView, SessionView, SignIn},
};

mod staff;

pub(crate) use staff::Proof;

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
    ) -> Result<(String, SessionView), Error> {
        self.inner.limits.sign_in(act)?;
        match request.kind {
            SessionKindView::Holder => {
                let password = Zeroizing::new(request.password);
                self.sign_in_holder(act, &request.login, password).await
            }
            SessionKindView::Staff => self.sign_in_staff(act, request).await,
        }
    }

    async fn sign_in_holder(
        &self,
        act: &mut Act,
        login: &str,
        password: Zeroizing<String>,
    ) -> Result<(String, SessionView), Error> {
        let holder = match LicenceNumber::parse(login) {
            Ok(number) => self.holder_by_number(&number).await?,
            Err(_) => None,
        };
        let account = match &holder {
            Some(holder) => self.store().account(holder).await?,
            None => None,
        };
        let hash = account
            .as_ref()
            .map(|account| account.password_hash.as_str());
        let matches = self.inner.passwords.matches(password, hash).await;
        let (Some(holder), true) = (holder.clone(), matches) else {
            let wrong = refusal::WRONG_LOGIN.into();
            return self
                .refuse(act, "session.refused", holder.as_ref(), wrong)
                .await;
        };
        self.begin_holder_session(act, &holder).await
    }

    /// Opens a session for a holder whose identity the caller has established.
    pub(crate) async fn begin_holder_session(
        &self,
        act: &mut Act,
        holder: &HolderId,
    ) -> Result<(String, SessionView), Error> {
        let mut tx = self.store().begin_in(holder.partition()).await?;
        let opened = open_session(&mut tx, act, holder.as_str()).await?;
        let entry = opened.entry(act).about(holder);
        tx.commit(entry, Vec::new()).await?;
        Ok((opened.token, holder_view(holder, opened.expires_at)))
    }

    /// Ends the session of `token`.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn sign_out(&self, act: &mut Act, token: &str) -> Result<(), Error> {
        let (partition, hash) = read_token(token).ok_or(refusal::SIGN_IN)?;
        let mut tx = self.store().begin_in(partition).await?;
        if partition == Partition::SYSTEM {
            tx.delete_staff_session(&hash).await?;
        } else {
            tx.delete_session(&hash).await?;
        }
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
        if partition == Partition::SYSTEM {
            return self.authenticate_staff(&hash, now).await;
        }
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
            // Those of staff have a table of their own.
            SessionKind::Staff => Err(refusal::SIGN_IN.into()),
        }
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

async fn open_session(tx: &mut Tx, act: &mut Act, owner: &str) -> Result<Opened, Error> {
    let expires_at = act.now.saturating_add(HOLDER_SESSION).unwrap_or(act.now);
    let token = new_token(tx.partition(), &mut act.rng);
    let (_, hash) = read_token(&token).ok_or(Error::Internal("a new token cannot be read"))?;
    let session = Session {
        kind: SessionKind::Holder,
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
