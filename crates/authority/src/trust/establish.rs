//! The first keys and the first list.

use std::collections::BTreeMap;

use credential::{
    KeyId, KeyState, KeyUse, NumericDate, SignedTrustList, Signer as _, SoftwareSigner, TrustList,
    TrustedKey,
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
        let roots = RootKeys(roots);
        let issuer = &self.inner.settings.issuer;
        let next_update = act.now.saturating_add(LIST_LASTS).unwrap_or(act.now);
        let list = TrustList {
            version: 1,
            issued_at: NumericDate::floor(act.now),
            next_update: NumericDate::floor(next_update),
            keys: signers
                .iter()
                .map(|(key_use, signer)| named(signer, *key_use, issuer, act.now))
                .collect(),
        };
        let signed = roots.signed(&list, BTreeMap::new())?;
        let rows = signers.iter().map(|(_, signer)| row(signer, act.now));
        Ok(PreparedKeys {
            rows: rows.collect(),
            list: signed.row(&list),
            roots,
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
        tx.insert_trust_list(&prepared.list, act.now).await?;
        let entry = act
            .entry("keys.established")
            .with("keys", ids)
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

/// How a list names a new key.
pub(super) fn named(
    signer: &SoftwareSigner,
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
