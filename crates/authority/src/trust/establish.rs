//! The first keys and the first list.

use std::{collections::BTreeMap, sync::Arc};

use credential::{
    KeyId, KeyState, KeyUse, NumericDate, SignedTrustList, Signer, SoftwareSigner, Suite,
    TrustList, TrustedKey,
};
use jiff::Timestamp;
use storage::{Partition, SigningKeyRow, TrustListRow};
use zeroize::Zeroizing;

use super::{KEY_LASTS, LIST_LASTS, RootKeys};
use crate::{Act, Actor, Authority, Error, refusal};

/// Keys that were made and do not count yet.
#[derive(Debug)]
pub struct PreparedKeys {
    /// The root keys, to be kept safe before the others count.
    pub roots: RootKeys,
    /// All that the list names, those in a token among them.
    ids: Vec<String>,
    rows: Vec<SigningKeyRow>,
    list: TrustListRow,
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
        if self.held_signing().is_some() {
            return Err(refusal::KEYS_EXIST.into());
        }
        let (mut roots, mut keys, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        let issuer = &self.inner.settings.issuer;
        for suite in &self.inner.settings.suites {
            roots.push(generated(suite, act)?);
            for key_use in [KeyUse::Licence, KeyUse::Online] {
                // A key in a token takes the place of one that would be made.
                if let Some(signer) = self.token_key(suite, key_use) {
                    keys.push(named(signer.as_ref(), key_use, issuer, act.now));
                } else {
                    let signer = generated(suite, act)?;
                    keys.push(named(&signer, key_use, issuer, act.now));
                    rows.push(row(&signer, act.now));
                }
            }
        }
        let roots = RootKeys(roots);
        let next_update = act.now.saturating_add(LIST_LASTS).unwrap_or(act.now);
        let list = TrustList {
            version: 1,
            issued_at: NumericDate::floor(act.now),
            next_update: NumericDate::floor(next_update),
            keys,
        };
        let signed = roots.signed(&list, BTreeMap::new())?;
        let ids = list.keys.iter().map(|key| key.key_id().to_string());
        Ok(PreparedKeys {
            ids: ids.collect(),
            rows,
            list: signed.row(&list),
            roots,
        })
    }

    fn token_key(&self, suite: &Suite, key_use: KeyUse) -> Option<&Arc<dyn Signer>> {
        let keys = self.inner.settings.token_keys.iter();
        let mut fitting = keys.filter(|key| key.key_use == key_use && key.signer.suite() == suite);
        fitting.next().map(|key| &key.signer)
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
        for row in &prepared.rows {
            tx.insert_signing_key(row, act.now).await?;
        }
        tx.insert_trust_list(&prepared.list, act.now).await?;
        let entry = act
            .entry("keys.established")
            .with("keys", prepared.ids.clone())
            .with("trust-list", prepared.list.version);
        tx.commit(entry, Vec::new()).await?;
        Ok(())
    }

    /// Whether exactly these roots signed the trust list that counts.
    #[must_use]
    pub fn rests_on(&self, roots: &RootKeys) -> bool {
        let pins: Vec<KeyId> = roots.0.iter().map(|root| *root.key_id()).collect();
        self.held_signing()
            .and_then(|signing| SignedTrustList::from_json(signing.row.document.as_bytes()).ok())
            .is_some_and(|list| list.verify(Some(&pins)).is_ok())
    }
}

fn generated(suite: &Suite, act: &mut Act) -> Result<SoftwareSigner, Error> {
    SoftwareSigner::generate(suite, &mut act.rng)
        .map_err(|_no_key| Error::Internal("a key could not be made"))
}

/// How a list names a new key.
pub(super) fn named(
    signer: &dyn Signer,
    key_use: KeyUse,
    issuer: &str,
    now: Timestamp,
) -> TrustedKey {
    TrustedKey {
        public_key: signer.public_key().clone(),
        issuer: issuer.to_owned(),
        not_before: NumericDate::floor(now),
        not_after: NumericDate::floor(not_after(now)),
        key_use,
        state: KeyState::Active,
    }
}

/// How a new key is kept.
pub(super) fn row(signer: &SoftwareSigner, now: Timestamp) -> SigningKeyRow {
    SigningKeyRow {
        key_id: signer.key_id().to_string(),
        suite: signer.suite().to_string(),
        secret: Zeroizing::new(signer.secret().to_vec()),
        not_before: now,
        not_after: not_after(now),
    }
}

fn not_after(now: Timestamp) -> Timestamp {
    now.saturating_add(KEY_LASTS).unwrap_or(now)
}
