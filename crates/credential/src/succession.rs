//! Whether one trust list may follow another, and what changes by it.
//!
//! A list is followed by the next version, signed by the same roots, in which nothing is lost: every
//! key that was named is named again with its issuer, use and dates, and its state only goes on
//! (active, retired, revoked), but for the one step back that undoes a revocation. The change of a
//! root is no succession: it is a new installation for every verifier that has pinned the roots.

use std::fmt;

use crate::{
    key::KeyId,
    reason::Reason,
    trust::{KeyState, TrustedKey, VerifiedTrustList},
};

/// What a list changes about one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// The key.
    pub key_id: KeyId,
    /// What is new about it.
    pub step: KeyStep,
}

/// A step of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStep {
    /// It is named for the first time and signs from now on.
    Named,
    /// It signs no more.
    Retired,
    /// It is trusted no more.
    Revoked,
    /// Its revocation is undone.
    Restored,
}

impl KeyStep {
    /// `named`, `retired`, `revoked` or `restored`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
            Self::Restored => "restored",
        }
    }
}

/// Why a list does not follow another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotASuccessor {
    /// Other roots signed it, or not all of them.
    OtherRoots,
    /// Its version is not one more.
    Version,
    /// It was signed before the one that it should follow.
    Earlier,
    /// A key that was named is missing.
    Lost(KeyId),
    /// A key has another issuer, use, period or instant of revocation than before.
    Altered(KeyId),
    /// A retired key would sign again, or a new one is named as something else than active.
    Backwards(KeyId),
}

impl NotASuccessor {
    /// The stable code and both texts.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::OtherRoots => Reason::new(
                "trust-other-root",
                "信任列表不是由原有的全部根密钥签署",
                "the trust list is not signed by exactly the roots of the one before",
            ),
            Self::Version => Reason::new(
                "trust-version",
                "信任列表的版本号不是现行版本加一",
                "the version of the trust list is not one more than the present one",
            ),
            Self::Earlier => Reason::new(
                "trust-earlier",
                "信任列表的签署时间早于现行列表",
                "the trust list was signed before the present one",
            ),
            Self::Lost(_) => Reason::new(
                "trust-key-lost",
                "信任列表缺少此前列出的密钥",
                "a key that was named before is missing from the trust list",
            ),
            Self::Altered(_) => Reason::new(
                "trust-key-altered",
                "信任列表改动了已列出密钥的签发者、用途、有效期或撤销时间",
                "the trust list alters issuer, use, period or revocation time of a known key",
            ),
            Self::Backwards(_) => Reason::new(
                "trust-key-backwards",
                "密钥状态只能由启用到停用再到撤销",
                "the state of a key goes from active to retired to revoked only",
            ),
        }
    }
}

impl fmt::Display for NotASuccessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reason { code, zh, en } = self.reason();
        write!(f, "{code}")?;
        match self {
            Self::Lost(key) | Self::Altered(key) | Self::Backwards(key) => write!(f, " {key}")?,
            Self::OtherRoots | Self::Version | Self::Earlier => {}
        }
        write!(f, ": {en} ({zh})")
    }
}

impl std::error::Error for NotASuccessor {}

/// What `next` changes, in its order of keys; nothing where it only lasts longer.
///
/// # Errors
/// [`NotASuccessor`] where it may not follow `former`.
pub fn changes(
    former: &VerifiedTrustList,
    next: &VerifiedTrustList,
) -> Result<Vec<KeyChange>, NotASuccessor> {
    if former.roots() != next.roots() {
        return Err(NotASuccessor::OtherRoots);
    }
    if former.list().version.checked_add(1) != Some(next.list().version) {
        return Err(NotASuccessor::Version);
    }
    if next.list().issued_at < former.list().issued_at {
        return Err(NotASuccessor::Earlier);
    }
    if let Some(lost) = former
        .list()
        .keys
        .iter()
        .find(|key| next.key(key.key_id()).is_none())
    {
        return Err(NotASuccessor::Lost(*lost.key_id()));
    }
    let mut changes = Vec::new();
    for key in &next.list().keys {
        let key_id = *key.key_id();
        let step = step(former.key(&key_id), key)?;
        changes.extend(step.map(|step| KeyChange { key_id, step }));
    }
    Ok(changes)
}

fn step(before: Option<&TrustedKey>, now: &TrustedKey) -> Result<Option<KeyStep>, NotASuccessor> {
    let key_id = *now.key_id();
    let Some(before) = before else {
        return match now.state {
            KeyState::Active => Ok(Some(KeyStep::Named)),
            KeyState::Retired | KeyState::Revoked { .. } => Err(NotASuccessor::Backwards(key_id)),
        };
    };
    let same = TrustedKey {
        state: before.state,
        ..now.clone()
    };
    if same != *before {
        return Err(NotASuccessor::Altered(key_id));
    }
    match (before.state, now.state) {
        (before, now) if before == now => Ok(None),
        (KeyState::Active, KeyState::Retired) => Ok(Some(KeyStep::Retired)),
        (KeyState::Active | KeyState::Retired, KeyState::Revoked { .. }) => {
            Ok(Some(KeyStep::Revoked))
        }
        (KeyState::Revoked { .. }, KeyState::Active | KeyState::Retired) => {
            Ok(Some(KeyStep::Restored))
        }
        (KeyState::Revoked { .. }, KeyState::Revoked { .. }) => Err(NotASuccessor::Altered(key_id)),
        // Both the same was answered above, active to retired too.
        (KeyState::Active | KeyState::Retired, KeyState::Active | KeyState::Retired) => {
            Err(NotASuccessor::Backwards(key_id))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        samples::{self, second, signer},
        signer::{Signer, SoftwareSigner},
        suite::Suite,
        trust::{KeyUse, TrustList, sign_trust_list},
    };

    fn root(seed: u8) -> SoftwareSigner {
        signer(&Suite::Es256, seed)
    }

    fn verified(list: &TrustList, roots: &[&dyn Signer]) -> VerifiedTrustList {
        sign_trust_list(list, roots).unwrap().verify(None).unwrap()
    }

    fn list(version: u64, states: &[KeyState]) -> TrustList {
        let seeds = (0x21..).zip(states);
        let keys = seeds.map(|(seed, state)| {
            samples::trusted(signer(&Suite::Es256, seed).public_key(), *state)
        });
        TrustList {
            version,
            ..samples::list(keys.collect())
        }
    }

    fn steps(former: &[KeyState], next: &[KeyState]) -> Result<Vec<KeyStep>, NotASuccessor> {
        let root = root(0x55);
        let former = verified(&list(7, former), &[&root]);
        let next = verified(&list(8, next), &[&root]);
        let changes = changes(&former, &next)?;
        Ok(changes.into_iter().map(|change| change.step).collect())
    }

    #[test]
    fn sc_64_states_only_go_on_but_for_a_revocation_undone() {
        use KeyState::{Active, Retired};
        let revoked = KeyState::Revoked {
            at: second("2021-08-01T00:00:00Z"),
        };
        let later = KeyState::Revoked {
            at: second("2021-08-02T00:00:00Z"),
        };
        assert_eq!(steps(&[Active], &[Active]), Ok(vec![]));
        assert_eq!(
            steps(&[Active], &[Active, Active]),
            Ok(vec![KeyStep::Named])
        );
        assert_eq!(steps(&[Active], &[Retired]), Ok(vec![KeyStep::Retired]));
        for before in [Active, Retired] {
            assert_eq!(steps(&[before], &[revoked]), Ok(vec![KeyStep::Revoked]));
            assert_eq!(steps(&[revoked], &[before]), Ok(vec![KeyStep::Restored]));
        }
        let key = *root(0x21).key_id();
        let new = *root(0x22).key_id();
        assert_eq!(
            steps(&[Retired], &[Active]),
            Err(NotASuccessor::Backwards(key))
        );
        assert_eq!(
            steps(&[revoked], &[later]),
            Err(NotASuccessor::Altered(key))
        );
        assert_eq!(steps(&[Active], &[]), Err(NotASuccessor::Lost(key)));
        for state in [Retired, revoked] {
            let named = steps(&[Active], &[Active, state]);
            assert_eq!(named, Err(NotASuccessor::Backwards(new)));
        }
    }

    #[test]
    fn roots_versions_and_times_are_those_that_follow() {
        let (one, other) = (root(0x55), root(0x56));
        let active = [KeyState::Active];
        let former = verified(&list(7, &active), &[&one]);
        let next = verified(&list(8, &active), &[&one]);
        assert_eq!(changes(&former, &next), Ok(vec![]));
        let foreign: [&dyn Signer; 1] = [&other];
        for roots in [&foreign[..], &[&one, &other]] {
            let elsewhere = verified(&list(8, &active), roots);
            assert_eq!(changes(&former, &elsewhere), Err(NotASuccessor::OtherRoots));
        }
        for version in [6, 7, 9, u64::MAX] {
            let wrong = verified(&list(version, &active), &[&one]);
            assert_eq!(changes(&former, &wrong), Err(NotASuccessor::Version));
        }
        let mut early = list(8, &active);
        early.issued_at = second("2020-01-01T00:00:00Z");
        let early = verified(&early, &[&one]);
        assert_eq!(changes(&former, &early), Err(NotASuccessor::Earlier));
    }

    #[test]
    fn nothing_about_a_known_key_is_altered() {
        let one = root(0x55);
        let former = verified(&list(7, &[KeyState::Active]), &[&one]);
        let alterations: [fn(&mut TrustedKey); 4] = [
            |key| key.issuer.push('x'),
            |key| key.not_before = second("2020-01-01T00:00:00Z"),
            |key| key.not_after = second("2099-01-01T00:00:00Z"),
            |key| key.key_use = KeyUse::Online,
        ];
        for alter in alterations {
            let mut next = list(8, &[KeyState::Active]);
            alter(&mut next.keys[0]);
            let key = *next.keys[0].key_id();
            let next = verified(&next, &[&one]);
            assert_eq!(changes(&former, &next), Err(NotASuccessor::Altered(key)));
        }
    }
}
