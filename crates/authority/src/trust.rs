//! Signing keys and the trust list: made once, loaded at start.

use std::sync::Arc;

use credential::{
    KeyId, KeyState, KeyUse, NumericDate, SignedTrustList, Signer, SoftwareSigner, Suite,
    TrustList, TrustedKey, VerifiedTrustList, sign_trust_list,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use storage::{Partition, SigningKeyRow, Store};
use zeroize::Zeroizing;

use crate::{Act, Actor, Authority, Error, Settings, authentic::CheckedForms, refusal};

/// How long a signing key signs: a period of two years.
const KEY_LASTS: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);
/// After this a verifier must have fetched a newer list; a revocation reaches the last of them
/// within it.
const LIST_LASTS: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Keys that sign and the list that vouches for them.
#[derive(Debug)]
pub(crate) struct Signing {
    /// They sign licences, in the order of the configured suites.
    pub(crate) signers: Vec<Arc<dyn Signer>>,
    /// They sign what the server states of the present, in the same order; none where the keys were
    /// made before there was this use.
    pub(crate) online: Vec<Arc<dyn Signer>>,
    pub(crate) trust: VerifiedTrustList,
    pub(crate) document: String,
    /// Forms found good under this list.
    pub(crate) checked: CheckedForms,
}

/// The root keys, which are kept apart from the system.
#[derive(Debug)]
pub struct RootKeys(Vec<SoftwareSigner>);

#[derive(Serialize, Deserialize)]
struct RootFile {
    format: String,
    keys: Vec<RootKey>,
}

#[derive(Serialize, Deserialize)]
struct RootKey {
    suite: Suite,
    secret: Zeroizing<String>,
}

const ROOT_FORMAT: &str = "jiazhao-root-keys/1";

/// Keys that were made and do not count yet.
#[derive(Debug)]
pub struct PreparedKeys {
    /// The root keys, to be kept safe before the others count.
    pub roots: RootKeys,
    rows: Vec<SigningKeyRow>,
    version: u64,
    document: String,
}

/// A signing key as listed.
#[derive(Clone, Debug, Serialize)]
pub struct KeyView {
    /// Identifier.
    pub key_id: String,
    /// Suite.
    pub suite: String,
    /// What it signs: `licence` or `online`.
    pub key_use: String,
    /// In whose name it signs.
    pub issuer: String,
    /// First instant.
    pub not_before: Timestamp,
    /// Last instant.
    pub not_after: Timestamp,
    /// `active`, `retired` or `revoked`.
    pub state: String,
}

impl Signing {
    /// Loads the newest trust list and the signers it calls active, in the order of the configured
    /// suites; none where no keys were made yet.
    pub(crate) async fn load(
        store: &Store,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Option<Self>, Error> {
        let Some((_, document)) = store.trust_list().await? else {
            return Ok(None);
        };
        let trust = SignedTrustList::from_json(document.as_bytes())
            .map_err(|_malformed| Error::Internal("the stored trust list is malformed"))?
            .verify(None)
            .map_err(|_refused| Error::Internal("the stored trust list does not verify"))?;
        let rows = store.signing_keys().await?;
        let mut signers: Vec<Arc<dyn Signer>> = Vec::new();
        let mut online: Vec<Arc<dyn Signer>> = Vec::new();
        for suite in &settings.suites {
            let may_sign = |key_use| signer_for(suite, key_use, (&rows, &trust), now);
            let signer = may_sign(KeyUse::Licence)?.ok_or(Error::Internal(
                "a configured suite has no key that may sign",
            ))?;
            signers.push(Arc::new(signer));
            if let Some(signer) = may_sign(KeyUse::Online)? {
                online.push(Arc::new(signer));
            }
        }
        Ok(Some(Self {
            signers,
            online,
            trust,
            document,
            checked: CheckedForms::default(),
        }))
    }
}

/// The newest key of a suite that the trust list lets sign now, for this use.
fn signer_for(
    suite: &Suite,
    key_use: KeyUse,
    (rows, trust): (&[SigningKeyRow], &VerifiedTrustList),
    now: Timestamp,
) -> Result<Option<SoftwareSigner>, Error> {
    for row in rows.iter().filter(|row| row.suite == suite.to_string()) {
        let signer = signer_of(suite, row)?;
        let trusted = trust.key(signer.key_id()).is_some_and(|key| {
            key.key_use == key_use
                && key.state == KeyState::Active
                && key.may_sign_at(NumericDate::floor(now))
        });
        if trusted {
            return Ok(Some(signer));
        }
    }
    Ok(None)
}

fn signer_of(suite: &Suite, row: &SigningKeyRow) -> Result<SoftwareSigner, Error> {
    let broken = Error::Internal("a stored signing key is damaged");
    let Ok(secret) = <[u8; 32]>::try_from(row.secret.as_slice()) else {
        return Err(broken);
    };
    match SoftwareSigner::from_secret(suite, Zeroizing::new(secret)) {
        Ok(signer) if signer.key_id().to_string() == row.key_id => Ok(signer),
        Ok(_) | Err(_) => Err(broken),
    }
}

impl RootKeys {
    /// The file in which the roots are taken away.
    #[must_use]
    pub fn to_json(&self) -> Zeroizing<String> {
        let file = RootFile {
            format: ROOT_FORMAT.to_owned(),
            keys: self
                .0
                .iter()
                .map(|root| RootKey {
                    suite: root.suite().clone(),
                    secret: Zeroizing::new(hex::encode(*root.secret())),
                })
                .collect(),
        };
        Zeroizing::new(serde_json::to_string_pretty(&file).unwrap_or_default())
    }

    /// Reads the file.
    ///
    /// # Errors
    /// When it is none of these files.
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        let broken = || Error::Internal("this is no file of root keys");
        let file: RootFile = serde_json::from_slice(json).map_err(|_not_json| broken())?;
        if file.format != ROOT_FORMAT {
            return Err(broken());
        }
        let mut roots = Vec::new();
        for key in file.keys {
            let mut secret = Zeroizing::new([0_u8; 32]);
            hex::decode_to_slice(key.secret.as_bytes(), &mut *secret)
                .map_err(|_not_hex| broken())?;
            roots.push(
                SoftwareSigner::from_secret(&key.suite, secret).map_err(|_bad_key| broken())?,
            );
        }
        Ok(Self(roots))
    }
}

impl Authority {
    /// Makes root keys, signing keys and the first trust list; open the authority anew to use them.
    /// The roots are only returned, never stored: where they are to be kept safe before they count,
    /// see [`Authority::prepare_keys`].
    ///
    /// # Errors
    /// [`refusal::KEYS_EXIST`] when there are keys; only the operator's command line may.
    pub async fn establish_keys(&self, act: &mut Act) -> Result<RootKeys, Error> {
        let prepared = self.prepare_keys(act)?;
        self.commit_keys(act, &prepared).await?;
        Ok(prepared.roots)
    }

    /// Makes root keys, signing keys and the first trust list, and writes nothing.
    ///
    /// # Errors
    /// As [`Authority::establish_keys`].
    pub fn prepare_keys(&self, act: &mut Act) -> Result<PreparedKeys, Error> {
        let Actor::System(_) = act.actor else {
            return Err(refusal::NOT_YOUR_ROLE.into());
        };
        if self.inner.signing.is_some() {
            return Err(refusal::KEYS_EXIST.into());
        }
        let failed = Error::Internal("a key could not be made");
        let (mut roots, mut signers) = (Vec::new(), Vec::new());
        for suite in &self.inner.settings.suites {
            let mut generate = || SoftwareSigner::generate(suite, &mut act.rng);
            let (Ok(root), Ok(licence), Ok(online)) = (generate(), generate(), generate()) else {
                return Err(failed);
            };
            roots.push(root);
            signers.push((KeyUse::Licence, licence));
            signers.push((KeyUse::Online, online));
        }
        let not_after = act.now.saturating_add(KEY_LASTS).unwrap_or(act.now);
        let list = first_list(act.now, not_after, &self.inner.settings.issuer, &signers);
        let root_signers: Vec<&dyn Signer> =
            roots.iter().map(|root| -> &dyn Signer { root }).collect();
        let signed = sign_trust_list(&list, &root_signers)
            .map_err(|_unsigned| Error::Internal("the trust list could not be signed"))?;
        let rows = signers
            .iter()
            .map(|(_, signer)| SigningKeyRow {
                key_id: signer.key_id().to_string(),
                suite: signer.suite().to_string(),
                secret: Zeroizing::new(signer.secret().to_vec()),
                not_before: act.now,
                not_after,
            })
            .collect();
        Ok(PreparedKeys {
            roots: RootKeys(roots),
            rows,
            version: list.version,
            document: signed.to_json(),
        })
    }

    /// Lets prepared keys count.
    ///
    /// # Errors
    /// [`refusal::KEYS_EXIST`] when others count already.
    pub async fn commit_keys(&self, act: &Act, prepared: &PreparedKeys) -> Result<(), Error> {
        let Actor::System(_) = act.actor else {
            return Err(refusal::NOT_YOUR_ROLE.into());
        };
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        let mut ids = Vec::new();
        for row in &prepared.rows {
            tx.insert_signing_key(row, act.now).await?;
            ids.push(row.key_id.clone());
        }
        tx.insert_trust_list(prepared.version, &prepared.document, act.now)
            .await?;
        let entry = act
            .entry("keys.established")
            .with("keys", ids)
            .with("trust-list", prepared.version);
        tx.commit(entry, Vec::new()).await?;
        Ok(())
    }

    /// Whether exactly these roots signed the trust list that counts.
    #[must_use]
    pub fn rests_on(&self, roots: &RootKeys) -> bool {
        let pins: Vec<KeyId> = roots.0.iter().map(|root| *root.key_id()).collect();
        let list = self.inner.signing.as_ref();
        list.and_then(|signing| SignedTrustList::from_json(signing.document.as_bytes()).ok())
            .is_some_and(|list| list.verify(Some(&pins)).is_ok())
    }

    /// The signing keys that the trust list names.
    ///
    /// # Errors
    /// [`refusal::NO_KEYS`] when there are none.
    pub fn keys(&self) -> Result<Vec<KeyView>, Error> {
        let list = self.signing()?.trust.list();
        Ok(list
            .keys
            .iter()
            .map(|key| KeyView {
                key_id: key.key_id().to_string(),
                suite: key.public_key.suite().to_string(),
                key_use: key.key_use.as_str().to_owned(),
                issuer: key.issuer.clone(),
                not_before: key.not_before.timestamp(),
                not_after: key.not_after.timestamp(),
                state: key.state.as_str().to_owned(),
            })
            .collect())
    }

    /// The signed trust list, as verifiers take it.
    ///
    /// # Errors
    /// [`refusal::NO_KEYS`] when there is none.
    pub fn trust_list(&self) -> Result<String, Error> {
        Ok(self.signing()?.document.clone())
    }
}

fn first_list(
    now: Timestamp,
    not_after: Timestamp,
    issuer: &str,
    signers: &[(KeyUse, SoftwareSigner)],
) -> TrustList {
    let next_update = now.saturating_add(LIST_LASTS).unwrap_or(now);
    TrustList {
        version: 1,
        issued_at: NumericDate::floor(now),
        next_update: NumericDate::floor(next_update),
        keys: signers
            .iter()
            .map(|(key_use, signer)| TrustedKey {
                public_key: signer.public_key().clone(),
                issuer: issuer.to_owned(),
                not_before: NumericDate::floor(now),
                not_after: NumericDate::floor(not_after),
                key_use: *key_use,
                state: KeyState::Active,
            })
            .collect(),
    }
}
