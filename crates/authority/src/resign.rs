//! Signing anew: credentials whose key signs no more, or that end soon, get new signatures in their
//! place. It is the same credential with the same place in the status lists, so that whoever kept its
//! reference finds the same answer; only its forms and dates are new.
//!
//! It happens on the holder's next contact, and by a job that goes through all partitions slowly.

use std::sync::{Mutex, PoisonError};

use credential::{LicenceClaims, Unverified};
use jiff::{SignedDuration, Timestamp};
use storage::{
    Conflict, CredentialId, CredentialRow, CurrentELicence, Driver, ELicenceRow, FormRow, HolderId,
    NewELicence, Partition, StoreError,
};

use crate::{
    Act, Authority, Error,
    issue::{expiry, sign_each},
    trust::Signing,
};

/// A credential that ends within this is signed anew on contact: a holder who opens the app once a
/// month always has one that lasts.
const RENEWED_BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The job's lease, and how long a node that died keeps others from it.
const LEASE: &str = "sign-anew";
const LEASE_LASTS: SignedDuration = SignedDuration::from_secs(60);
/// Credentials that one run signs anew. With a run a second it leaves a core to those who wait for
/// an answer; a million takes four to five hours. Whoever shows a licence is not waiting for it.
const BATCH: u32 = 64;
/// Partitions that one run looks into: in most there may be nothing to do.
const PARTITIONS: u16 = 16;

/// How far the job has gone through the credentials of the keys that departed.
#[derive(Debug, Default)]
pub(crate) struct Walk(Mutex<Position>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Position {
    /// Whose credentials are looked for; with other keys the walk begins anew.
    departed: Vec<String>,
    /// The partition at hand; past the last one the walk has ended.
    partition: u16,
    after: Option<CredentialId>,
}

impl Walk {
    fn at(&self, departed: Vec<String>) -> Position {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.departed == departed {
            held.clone()
        } else {
            Position {
                departed,
                ..Position::default()
            }
        }
    }

    fn keep(&self, position: Position) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = position;
    }
}

impl Authority {
    /// Signs the driver's credential anew where that is due; answers whether it did, which moved the
    /// driver's revision. What comes in between leaves it to the next contact, and to the job.
    pub(crate) async fn renew_on_contact(
        &self,
        act: &mut Act,
        driver: &Driver,
        current: &CurrentELicence,
    ) -> Result<bool, Error> {
        let signing = self.signing()?;
        if !self.is_due(act, &signing, current).await? {
            return Ok(false);
        }
        match self.sign_anew(act, &signing, driver, current).await {
            Ok(()) => Ok(true),
            Err(Error::Store(StoreError::Conflict(_))) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// One run of the job; answers how many credentials were signed anew. `node` names this node:
    /// another's lease makes it answer 0.
    ///
    /// # Errors
    /// When the store fails; what was signed is signed, the next run goes on.
    pub async fn sign_anew_departed(&self, act: &mut Act, node: &str) -> Result<u64, Error> {
        let Some(signing) = self.held_signing() else {
            return Ok(0);
        };
        let mut position = self.inner.resigning.at(signing.departed());
        let ended = position.partition >= Partition::HOLDERS;
        if position.departed.is_empty() || ended {
            return Ok(0);
        }
        let until = act.now.saturating_add(LEASE_LASTS).unwrap_or(act.now);
        if !self.store().lease(LEASE, node, act.now, until).await? {
            return Ok(0);
        }
        let mut done = 0_u64;
        for _ in 0..PARTITIONS {
            let Some(partition) = u8::try_from(position.partition).ok() else {
                break;
            };
            let found = self
                .store()
                .credentials_signed_by(
                    Partition::of_holders(partition),
                    &position.departed,
                    position.after.as_ref(),
                    BATCH,
                )
                .await?;
            let more = found.len() >= usize::try_from(BATCH).unwrap_or(usize::MAX);
            for due in found {
                done =
                    done.saturating_add(u64::from(self.tried(act, &signing, &due.holder).await?));
                position.after = Some(due.credential);
            }
            if !more {
                position.partition = position.partition.saturating_add(1);
                position.after = None;
            }
            self.inner.resigning.keep(position.clone());
            if done > 0 {
                break;
            }
        }
        Ok(done)
    }

    /// Whether the driver's credential was signed anew. Whoever changed at the same time is left to
    /// the next contact.
    async fn tried(
        &self,
        act: &mut Act,
        signing: &Signing,
        holder: &HolderId,
    ) -> Result<bool, Error> {
        let driver = self.store().driver(holder).await?;
        let current = self.store().current_e_licence(holder).await?;
        let (Some(driver), Some(current)) = (driver, current) else {
            return Ok(false);
        };
        if !self.is_due(act, signing, &current).await? {
            return Ok(false);
        }
        match self.sign_anew(act, signing, &driver, &current).await {
            Ok(()) => Ok(true),
            Err(Error::Store(StoreError::Conflict(
                Conflict::Revision | Conflict::ELicenceState,
            ))) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn is_due(
        &self,
        act: &Act,
        signing: &Signing,
        current: &CurrentELicence,
    ) -> Result<bool, Error> {
        let Some(credential) = &current.credential else {
            return Ok(false);
        };
        if signing.signers.is_empty() {
            return Ok(false);
        }
        // A binding renews its credential itself: the forms for its codes end with it.
        if credential.binding.is_none() && ends_soon(credential.expires_at, act.now) {
            return Ok(true);
        }
        let departed = signing.departed();
        if departed.is_empty() {
            return Ok(false);
        }
        let keys = self.store().form_keys(&credential.id).await?;
        Ok(keys.iter().any(|(_, key_id)| departed.contains(key_id)))
    }

    /// Signs in every suite in which a key may sign now, on what the record says now.
    async fn sign_anew(
        &self,
        act: &mut Act,
        signing: &Signing,
        driver: &Driver,
        current: &CurrentELicence,
    ) -> Result<(), Error> {
        let credential = current.credential.as_ref();
        let credential = credential.ok_or(Error::Internal("an e-licence has no credential"))?;
        let old = self.store().forms(&driver.id, &credential.id).await?;
        let claims = self.claims_anew(act, driver, (&current.e_licence, credential), &old);
        let claims = claims.await?;
        let forms = sign_each(signing.signers.clone(), claims).await?;
        let replaced = |suite: &str| old.iter().find(|form| form.suite == suite);
        let replaced: Vec<String> = forms
            .iter()
            .filter_map(|form| Some(replaced(&form.suite)?.key_id.clone()))
            .collect();
        let keys: Vec<String> = forms.iter().map(|form| form.key_id.clone()).collect();
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        let dates = (act.now, expiry(act.now));
        tx.sign_anew(&locked, &credential.id, &forms, dates).await?;
        let entry = act
            .entry("credential.signed-anew")
            .about(&driver.id)
            .with("e-licence", current.e_licence.id.as_str())
            .with("credential", credential.id.as_str())
            .with("keys", keys)
            .with("replaced-keys", replaced);
        let committed = tx.commit(entry, Vec::new()).await?;
        self.follow_committed(&[committed]).await
    }

    /// What the credential is to say now. What was drawn at random, and the device's key, stay as
    /// they were; the sealed form in the store is what says them, since its key may be trusted no
    /// more.
    async fn claims_anew(
        &self,
        act: &mut Act,
        driver: &Driver,
        (e_licence, credential): (&ELicenceRow, &CredentialRow),
        old: &[FormRow],
    ) -> Result<LicenceClaims, Error> {
        let photo = self.store().photo(&e_licence.photo).await?;
        let photo = photo.ok_or(Error::Internal("an e-licence's photo is missing"))?;
        let form = old
            .first()
            .ok_or(Error::Internal("a credential has no form"))?;
        let said = Unverified::parse(&form.form)
            .and_then(|form| form.dangerous_claims())
            .map_err(|_malformed| Error::Internal("a stored form is malformed"))?;
        let same = NewELicence {
            id: e_licence.id.clone(),
            application: e_licence.application.clone(),
            edition: e_licence.edition,
            photo: photo.id.clone(),
            generated_at: e_licence.generated_at,
        };
        let claims = self.claims(
            act,
            driver,
            (&same, &credential.id),
            credential.place,
            &photo,
        )?;
        Ok(LicenceClaims {
            certificate_identifier: said.certificate_identifier,
            holder_key: said.holder_key,
            ..claims
        })
    }
}

fn ends_soon(expires_at: Timestamp, now: Timestamp) -> bool {
    now.saturating_add(RENEWED_BEFORE)
        .is_ok_and(|soon| expires_at <= soon)
}
