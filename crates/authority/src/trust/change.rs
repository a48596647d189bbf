//! Preparing a change of trust: the list that the roots are to sign.

use credential::{
    KeyId, KeyState, KeyStep, KeyUse, NumericDate, Reason, SoftwareSigner, Suite, TrustList,
    TrustedKey,
};
use storage::{Partition, SigningKeyRow};

use super::{
    LIST_LASTS, TrustProposalFile, establish,
    proposal::{certificates_of, stepped},
    verified,
};
use crate::{Act, Actor, Authority, Because, Error, refusal};

/// What is to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustChange {
    /// New keys beside those that sign now, which stay until they are retired.
    Rotate {
        /// In this suite, or in every configured one.
        suite: Option<Suite>,
        /// For this use, or for both.
        key_use: Option<KeyUse>,
    },
    /// The keys in the token of this machine beside those that sign now, as far as the list does not
    /// name them yet.
    Adopt {
        /// For this use, or for both.
        key_use: Option<KeyUse>,
    },
    /// Nothing but the day from which the list is stale.
    Renew,
    /// The key signs no more; what it signed stays good.
    Retire(KeyId),
    /// The key is trusted no more.
    Revoke(KeyId),
    /// A revocation is undone: what the key signed is good again, and it signs nothing new.
    Restore(KeyId),
}

impl Authority {
    /// Prepares a change: makes the keys that it needs, which sign nothing yet, and the list that the
    /// roots are to sign.
    ///
    /// # Errors
    /// [`refusal::NOT_FOUND`] for a key that the list does not name; [`refusal::NOT_IN_THIS_STATE`]
    /// where its state does not allow the step; [`refusal::LAST_KEY`] where nothing would sign any
    /// more. Only the operator's command line may.
    pub async fn propose_trust(
        &self,
        act: &mut Act,
        change: &TrustChange,
    ) -> Result<TrustProposalFile, Error> {
        let Actor::System(_) = act.actor else {
            return Err(refusal::NOT_YOUR_ROLE.into());
        };
        let former = self.store().trust_list().await?.ok_or(refusal::NO_KEYS)?;
        let mut list = verified(&former.document)?.list().clone();
        list.version = list.version.saturating_add(1);
        // A clock that was set back a little since must not make lists that nobody accepts.
        list.issued_at = list.issued_at.max(NumericDate::floor(act.now));
        let next_update = act.now.saturating_add(LIST_LASTS).unwrap_or(act.now);
        list.next_update = NumericDate::floor(next_update);
        let (mut made, mut adopted) = (Vec::new(), Vec::new());
        match change {
            TrustChange::Rotate { suite, key_use } => {
                made = self.new_keys(act, &mut list, suite.as_ref(), *key_use)?;
            }
            TrustChange::Adopt { key_use } => {
                adopted = self.token_keys(act, &mut list, *key_use)?;
            }
            TrustChange::Renew => {}
            TrustChange::Retire(key_id) => {
                let key = step(&mut list, key_id, KeyStep::Retired, act)?;
                another_signs(&list, &key, act)?;
            }
            TrustChange::Revoke(key_id) => {
                step(&mut list, key_id, KeyStep::Revoked, act)?;
            }
            TrustChange::Restore(key_id) => {
                step(&mut list, key_id, KeyStep::Restored, act)?;
            }
        }
        let proposal = TrustProposalFile::new(&former, &list, certificates_of(&former)?);
        if !(made.is_empty() && adopted.is_empty()) {
            let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
            for row in &made {
                tx.insert_signing_key(row, act.now).await?;
            }
            let ids = made.iter().map(|row| &row.key_id).chain(&adopted);
            let ids: Vec<&str> = ids.map(String::as_str).collect();
            let entry = act
                .entry("keys.prepared")
                .with("keys", ids)
                .with("trust-list", list.version);
            tx.commit(entry, Vec::new()).await?;
        }
        Ok(proposal)
    }

    /// Names what lies in the token; answers what is new to the list.
    fn token_keys(
        &self,
        act: &Act,
        list: &mut TrustList,
        key_use: Option<KeyUse>,
    ) -> Result<Vec<String>, Error> {
        let settings = &self.inner.settings;
        let keys = settings.token_keys.iter();
        let keys = keys.filter(|key| {
            key_use.is_none_or(|key_use| key.key_use == key_use)
                && settings.suites.contains(key.signer.suite())
        });
        let mut keys = keys.peekable();
        if keys.peek().is_none() {
            return Err(refusal::NOT_FOUND.into());
        }
        let mut adopted = Vec::new();
        for key in keys {
            let key_id = key.signer.key_id();
            if list.keys.iter().any(|named| named.key_id() == key_id) {
                continue;
            }
            let named =
                establish::named(key.signer.as_ref(), key.key_use, &settings.issuer, act.now);
            list.keys.push(named);
            adopted.push(key_id.to_string());
        }
        if adopted.is_empty() {
            return Err(refusal::NOT_IN_THIS_STATE.into());
        }
        Ok(adopted)
    }

    fn new_keys(
        &self,
        act: &mut Act,
        list: &mut TrustList,
        suite: Option<&Suite>,
        key_use: Option<KeyUse>,
    ) -> Result<Vec<SigningKeyRow>, Error> {
        let settings = &self.inner.settings;
        let suites = settings.suites.iter();
        let suites: Vec<&Suite> = suites
            .filter(|it| suite.is_none_or(|suite| *it == suite))
            .collect();
        if suites.is_empty() {
            return Err(refusal::NOT_FOUND.into());
        }
        let mut rows = Vec::new();
        for suite in suites {
            for one in [KeyUse::Licence, KeyUse::Online] {
                if key_use.is_some_and(|key_use| key_use != one) {
                    continue;
                }
                let signer = SoftwareSigner::generate(suite, &mut act.rng)
                    .map_err(|_no_key| Error::Internal("a key could not be made"))?;
                let key = establish::named(&signer, one, &settings.issuer, act.now);
                list.keys.push(key);
                rows.push(establish::row(&signer, act.now));
            }
        }
        Ok(rows)
    }
}

/// Takes a key of the list one step on; answers what it was.
fn step(
    list: &mut TrustList,
    key_id: &KeyId,
    step: KeyStep,
    act: &Act,
) -> Result<TrustedKey, Error> {
    let mut keys = list.keys.iter_mut();
    let key = keys
        .find(|key| key.key_id() == key_id)
        .ok_or(refusal::NOT_FOUND)?;
    let fits = match (step, key.state) {
        (KeyStep::Retired | KeyStep::Revoked, KeyState::Active)
        | (KeyStep::Revoked, KeyState::Retired)
        | (KeyStep::Restored, KeyState::Revoked { .. }) => true,
        (KeyStep::Named, _)
        | (KeyStep::Retired, KeyState::Retired | KeyState::Revoked { .. })
        | (KeyStep::Revoked, KeyState::Revoked { .. })
        | (KeyStep::Restored, KeyState::Active | KeyState::Retired) => false,
    };
    if !fits {
        return Err(refusal::NOT_IN_THIS_STATE.into());
    }
    let was = key.clone();
    *key = stepped(key, step, act.now);
    Ok(was)
}

/// That another key of the same suite and use signs on.
fn another_signs(list: &TrustList, key: &TrustedKey, act: &Act) -> Result<(), Error> {
    let now = NumericDate::floor(act.now);
    let signs = list.keys.iter().any(|other| {
        other.state == KeyState::Active
            && other.public_key.suite() == key.public_key.suite()
            && other.key_use == key.key_use
            && other.may_sign_at(now)
    });
    if signs {
        Ok(())
    } else {
        Err(refusal::LAST_KEY.into())
    }
}

/// A list or file that is not believed, with the reason.
pub(super) fn refused(reason: Reason) -> Error {
    let because = Because {
        code: reason.code.to_owned(),
        rule: None,
        field: None,
        zh: reason.zh.to_owned(),
        en: reason.en.to_owned(),
        clears_zh: None,
        clears_en: None,
    };
    Error::Refused(refusal::TRUST_REFUSED, vec![because])
}
