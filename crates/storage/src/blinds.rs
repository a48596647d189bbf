//! Keyed hashes under which a value is found but not read: of the layout key, which never changes,
//! and, for the names of drivers, of the index key, which does.

use std::{collections::BTreeSet, fmt, sync::Arc};

use aws_lc_rs::constant_time;
use zeroize::Zeroizing;

use crate::{
    Partition, StoreError,
    at_rest::{AtRest, Failed, IndexKey},
};

pub(crate) const OTHER_INDEX: StoreError =
    StoreError::Mismatch("the index key is not the one under which names were entered");

/// The version that stands for the layout key.
const LAYOUT: u32 = 0;

/// A keyed hash under which a value can be found but not read. While names are brought under another
/// index key, that of a name is two: the older key's, and the newer one's.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Blind {
    hash: [u8; 32],
    version: u32,
    newer: Option<(u32, [u8; 32])>,
}

impl Blind {
    /// One under the layout key.
    pub(crate) fn of_layout(key: &IndexKey, kind: &str, value: &[u8]) -> Self {
        Self {
            hash: hash(key, kind, value),
            version: LAYOUT,
            newer: None,
        }
    }

    /// Its bytes; of a name under two keys, those of the older one.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.hash
    }

    /// Compares in constant time.
    #[must_use]
    pub fn matches(&self, other: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.hash, other).is_ok()
    }

    /// The holders' partition that it stands for.
    #[must_use]
    pub fn partition(&self) -> Partition {
        Partition::of_holders(self.first())
    }

    pub(crate) fn first(&self) -> u8 {
        self.hash[0]
    }

    pub(crate) fn sql(&self) -> Vec<u8> {
        self.hash.to_vec()
    }

    /// The hash under the index key of that version, if it has one.
    pub(crate) fn under(&self, version: u32) -> Option<[u8; 32]> {
        self.hashes()
            .find(|(of, _)| *of == version)
            .map(|(_, hash)| hash)
    }

    /// Index key version and hash, the older first.
    pub(crate) fn hashes(&self) -> impl Iterator<Item = (u32, [u8; 32])> {
        std::iter::once((self.version, self.hash)).chain(self.newer)
    }

    /// Whether it can find what lies under any of these index keys.
    pub(crate) fn covers(&self, versions: &BTreeSet<u32>) -> bool {
        versions
            .iter()
            .all(|version| self.under(*version).is_some())
    }
}

impl fmt::Debug for Blind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blind(..)")
    }
}

/// The partition in which a name lies.
pub(crate) fn partition_of(hash: &[u8; 32]) -> Partition {
    let [first, ..] = hash;
    Partition::of_holders(*first)
}

fn hash(key: &IndexKey, kind: &str, value: &[u8]) -> [u8; 32] {
    key.hash(&[kind.as_bytes(), &[0], value])
}

/// An index key as the database knows it.
pub(crate) struct StoredIndex {
    pub(crate) version: u32,
    pub(crate) suite: AtRest,
    /// The hash by which another key is known at once.
    pub(crate) check: Vec<u8>,
    /// The key itself, while there are two: it was unwrapped already.
    pub(crate) secret: Option<Zeroizing<Vec<u8>>>,
    /// Whether names are or were entered under it.
    pub(crate) activated: bool,
    /// Whether no name is entered under it any more.
    pub(crate) left: bool,
}

/// An index key that this node has.
#[derive(Clone)]
struct NameKey {
    version: u32,
    secret: Arc<Zeroizing<[u8; 32]>>,
    key: Arc<IndexKey>,
}

/// The index keys, oldest first: one, or two while names are brought from one to the other.
pub(crate) struct NameKeys {
    older: NameKey,
    newer: Option<NameKey>,
    /// Under which names are entered.
    active: u32,
}

impl NameKeys {
    /// Those of the database, of which `given` must be one.
    pub(crate) fn open(given: &[u8; 32], stored: &[StoredIndex]) -> Result<Self, StoreError> {
        let known = stored
            .iter()
            .find_map(|one| NameKey::checked(one, given).transpose())
            .ok_or(OTHER_INDEX)??;
        Self::assemble(stored, |version| {
            (version == known.version).then(|| known.clone())
        })
    }

    /// Those that the database has now, with what this node knew.
    pub(crate) fn reloaded(&self, stored: &[StoredIndex]) -> Result<Self, StoreError> {
        Self::assemble(stored, |version| {
            let mut known = std::iter::once(&self.older).chain(&self.newer);
            known.find(|key| key.version == version).cloned()
        })
    }

    fn assemble(
        stored: &[StoredIndex],
        known: impl Fn(u32) -> Option<NameKey>,
    ) -> Result<Self, StoreError> {
        let mut keys = Vec::with_capacity(stored.len());
        for one in stored {
            keys.push(match &one.secret {
                Some(secret) => {
                    let secret = <&[u8; 32]>::try_from(secret.as_slice());
                    let secret = secret.map_err(|_length| odd("wrapped"))?;
                    NameKey::checked(one, secret)?.ok_or_else(|| odd("check_blind"))?
                }
                None => known(one.version).ok_or(OTHER_INDEX)?,
            });
        }
        let active = stored.iter().find(|one| one.activated && !one.left);
        let active = active.ok_or_else(|| odd("activated_at"))?.version;
        let mut keys = keys.into_iter();
        match (keys.next(), keys.next(), keys.next()) {
            (Some(older), newer, None) => Ok(Self {
                older,
                newer,
                active,
            }),
            _ => Err(odd("version")),
        }
    }

    /// The keyed hash of a name, under each key that there is.
    pub(crate) fn blind(&self, kind: &str, name: &[u8]) -> Blind {
        Blind {
            hash: hash(&self.older.key, kind, name),
            version: self.older.version,
            newer: self
                .newer
                .as_ref()
                .map(|newer| (newer.version, hash(&newer.key, kind, name))),
        }
    }

    /// Under which names are entered.
    pub(crate) fn active(&self) -> u32 {
        self.active
    }

    /// The older version, while names are brought over from it.
    pub(crate) fn left(&self) -> Option<u32> {
        (self.older.version != self.active).then_some(self.older.version)
    }

    /// The newest key that is known.
    pub(crate) fn newest(&self) -> u32 {
        self.newer.as_ref().unwrap_or(&self.older).version
    }

    /// The secrets by their versions.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (u32, &[u8; 32])> {
        std::iter::once(&self.older)
            .chain(&self.newer)
            .map(|key| (key.version, &**key.secret))
    }

    /// The version of `secret`, if it is one of these keys.
    pub(crate) fn version_of(&self, secret: &[u8; 32]) -> Option<u32> {
        self.secrets()
            .find(|(_, known)| constant_time::verify_slices_are_equal(*known, secret).is_ok())
            .map(|(version, _)| version)
    }
}

impl NameKey {
    /// The key, if `secret` is the one that was meant.
    fn checked(stored: &StoredIndex, secret: &[u8; 32]) -> Result<Option<Self>, StoreError> {
        let key = index_key(stored.suite, secret)?;
        let fits = constant_time::verify_slices_are_equal(&check(&key), &stored.check).is_ok();
        Ok(fits.then(|| Self {
            version: stored.version,
            secret: Arc::new(Zeroizing::new(*secret)),
            key: Arc::new(key),
        }))
    }
}

pub(crate) fn index_key(suite: AtRest, secret: &[u8; 32]) -> Result<IndexKey, StoreError> {
    IndexKey::new(suite, secret)
        .map_err(|Failed| StoreError::Mismatch("the index key cannot be used"))
}

/// By which a key is known without being told.
pub(crate) fn check(key: &IndexKey) -> [u8; 32] {
    hash(key, "index-check", b"")
}

fn odd(column: &'static str) -> StoreError {
    StoreError::Inconsistent {
        table: "blind_indexes",
        column,
        row: None,
        what: "does not fit the index keys that there are",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUITES: [AtRest; 2] = [AtRest::Aes256Gcm, AtRest::Sm4Gcm];

    fn stored(version: u32, suite: AtRest, secret: [u8; 32]) -> StoredIndex {
        StoredIndex {
            version,
            suite,
            check: check(&index_key(suite, &secret).unwrap()).to_vec(),
            secret: None,
            activated: true,
            left: false,
        }
    }

    fn only(suite: AtRest, secret: [u8; 32]) -> NameKeys {
        NameKeys::open(&secret, &[stored(1, suite, secret)]).unwrap()
    }

    #[test]
    fn blind_indexes_differ_by_kind_key_and_suite() {
        for suite in SUITES {
            let one = only(suite, [1; 32]);
            assert_eq!(one.blind("a", b"x"), one.blind("a", b"x"));
            assert_ne!(one.blind("a", b"x"), one.blind("b", b"x"));
            assert_ne!(one.blind("a", b"x"), only(suite, [2; 32]).blind("a", b"x"));
        }
        let [aes, sm4] = SUITES.map(|suite| only(suite, [1; 32]).blind("a", b"x"));
        assert_ne!(aes, sm4);
    }

    #[test]
    fn another_index_key_or_suite_is_refused() {
        let there = [stored(1, AtRest::Aes256Gcm, [1; 32])];
        assert!(NameKeys::open(&[2; 32], &there).is_err());
        let relabelled = [StoredIndex {
            suite: AtRest::Sm4Gcm,
            ..stored(1, AtRest::Aes256Gcm, [1; 32])
        }];
        assert!(NameKeys::open(&[1; 32], &relabelled).is_err());
    }

    /// While there are two, either file opens, and each name is asked for under both.
    #[test]
    fn during_a_pass_either_key_opens_both() {
        let wrapped = |one: StoredIndex, secret: [u8; 32]| StoredIndex {
            secret: Some(Zeroizing::new(secret.to_vec())),
            ..one
        };
        let both = |left: bool| {
            let mut older = wrapped(stored(1, AtRest::Aes256Gcm, [1; 32]), [1; 32]);
            let mut newer = wrapped(stored(2, AtRest::Sm4Gcm, [2; 32]), [2; 32]);
            (older.left, newer.activated) = (left, left);
            [older, newer]
        };
        let old = only(AtRest::Aes256Gcm, [1; 32]);
        let settled = [stored(2, AtRest::Sm4Gcm, [2; 32])];
        for left in [false, true] {
            for given in [[1; 32], [2; 32]] {
                let keys = NameKeys::open(&given, &both(left)).unwrap();
                assert_eq!(keys.active(), if left { 2 } else { 1 });
                assert_eq!(keys.left(), left.then_some(1));
                let blind = keys.blind("a", b"x");
                assert_eq!(
                    blind.under(1).unwrap(),
                    old.blind("a", b"x").under(1).unwrap()
                );
                assert!(blind.covers(&BTreeSet::from([1, 2])));
                let after = keys.reloaded(&settled).unwrap();
                assert_eq!(after.blind("a", b"x").under(2), blind.under(2));
                assert_eq!(after.blind("a", b"x").under(1), None);
            }
            assert!(NameKeys::open(&[3; 32], &both(left)).is_err());
        }
        // A node that heard nothing of the whole pass does not know the key any more.
        assert!(old.reloaded(&settled).is_err());
    }
}
