//! Sealing of personal columns and photos.
//!
//! A sealed value is `suite (1) | key version (4, big endian) | nonce (12) | ciphertext | tag (16)`.
//! The associated data names table, column, owner, row and version, so that a value moved to
//! another place, or an older one put back, does not open. Each owner has a key of its own, derived
//! from the data key by HKDF: a random 96-bit nonce then stays far from its collision bound however
//! many drivers there are.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use rand::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    Blind, StoreError,
    at_rest::{AeadKey, AtRest, DataKey, Failed, IndexKey, NONCE},
    blinds::NameKeys,
};

/// Suite and key version: what tells under which key a value lies.
pub(crate) const LABEL: usize = 1 + 4;
const HEADER: usize = LABEL + NONCE;

const WRONG_MASTER: StoreError =
    StoreError::Mismatch("the master key does not open the database's data keys");

/// The two secrets that live outside the database, apart from each other.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MasterKeys {
    /// Wraps the data keys.
    pub master: [u8; 32],
    /// Keys the blind index of names.
    pub index: [u8; 32],
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKeys(..)")
    }
}

/// Where a sealed value lies; all of it is bound to the ciphertext.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    /// The holder (or other owner) whose key seals it.
    pub(crate) owner: &'a str,
    pub(crate) row: &'a str,
    pub(crate) version: u64,
}

impl Place<'_> {
    fn associated_data(&self) -> Vec<u8> {
        let mut data = Vec::with_capacity(128);
        for part in [self.table, self.column, self.owner, self.row] {
            // Identifiers are far shorter than 64 KiB; a longer one would only fail to open.
            let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
            data.extend_from_slice(&length.to_be_bytes());
            data.extend_from_slice(part.as_bytes());
        }
        data.extend_from_slice(&self.version.to_be_bytes());
        data
    }

    pub(crate) fn broken(&self) -> StoreError {
        StoreError::Inconsistent {
            table: self.table,
            column: self.column,
            row: Some(self.row.to_owned()),
            what: "the sealed value does not open: it was changed, moved, or its key is missing",
        }
    }
}

/// A data key as the database keeps it.
#[derive(Clone)]
pub(crate) struct StoredKey {
    pub(crate) version: u32,
    pub(crate) wrapped: Vec<u8>,
    /// Whether new values are sealed with it once it is the newest such.
    pub(crate) active: bool,
}

/// The data keys this node knows.
struct Ring {
    keys: BTreeMap<u32, DataKey>,
    active: u32,
}

pub(crate) struct Sealer {
    ring: RwLock<Arc<Ring>>,
    master: RwLock<Zeroizing<[u8; 32]>>,
    layout: IndexKey,
    names: RwLock<Arc<NameKeys>>,
    /// A value named a key that the ring lacks: another node may have made one.
    stale: AtomicBool,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

impl Sealer {
    /// Unwraps the stored data keys.
    pub(crate) fn open(
        master: &[u8; 32],
        stored: &[StoredKey],
        layout: IndexKey,
        names: NameKeys,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            ring: RwLock::new(Arc::new(ring(master, stored)?)),
            master: RwLock::new(Zeroizing::new(*master)),
            layout,
            names: RwLock::new(Arc::new(names)),
            stale: AtomicBool::new(false),
        })
    }

    /// Takes up the data keys as they now are in the database.
    pub(crate) fn reload(&self, stored: &[StoredKey]) -> Result<(), StoreError> {
        let fresh = Arc::new(ring(&self.master(), stored)?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// A new data key, wrapped for storage.
    pub(crate) fn new_data_key(
        master: &[u8; 32],
        suite: AtRest,
        version: u32,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, StoreError> {
        let mut secret = Zeroizing::new([0_u8; 32]);
        rng.fill_bytes(&mut *secret);
        wrap(master, suite, version, &data_key_place(), &*secret)
    }

    /// The same data key wrapped by another master key.
    pub(crate) fn rewrapped(
        &self,
        stored: &StoredKey,
        master: &[u8; 32],
    ) -> Result<Vec<u8>, StoreError> {
        let (suite, secret) = unwrap(&self.master(), stored)?;
        wrap(master, suite, stored.version, &data_key_place(), &secret)
    }

    pub(crate) fn master(&self) -> Zeroizing<[u8; 32]> {
        let master = self.master.read().unwrap_or_else(PoisonError::into_inner);
        master.clone()
    }

    pub(crate) fn set_master(&self, master: &[u8; 32]) {
        *self.master.write().unwrap_or_else(PoisonError::into_inner) = Zeroizing::new(*master);
    }

    /// Whether the keys should be loaded anew; asking resets it.
    pub(crate) fn take_stale(&self) -> bool {
        self.stale.swap(false, Ordering::Relaxed)
    }

    pub(crate) fn mark_stale(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }

    /// The version with which new values are sealed.
    pub(crate) fn active(&self) -> u32 {
        self.ring().active
    }

    /// The suite with which new values are sealed.
    pub(crate) fn active_suite(&self) -> AtRest {
        let ring = self.ring();
        ring.keys
            .get(&ring.active)
            .map_or_else(AtRest::default, DataKey::suite)
    }

    /// How a value begins that is sealed now.
    pub(crate) fn active_label(&self) -> [u8; LABEL] {
        let ring = self.ring();
        let [a, b, c, d] = ring.active.to_be_bytes();
        let suite = ring
            .keys
            .get(&ring.active)
            .map_or(0, |key| key.suite().byte());
        [suite, a, b, c, d]
    }

    pub(crate) fn seal(&self, place: &Place<'_>, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let ring = self.ring();
        let data_key = ring.keys.get(&ring.active).ok_or_else(|| place.broken())?;
        data_key
            .owner_key(place.owner)
            .and_then(|key| seal_with(&key, data_key.suite(), ring.active, place, plain))
            .map_err(|Failed| place.broken())
    }

    pub(crate) fn unseal(
        &self,
        place: &Place<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let (suite, version) = label(sealed).ok_or_else(|| place.broken())?;
        let ring = self.ring();
        let Some(data_key) = ring.keys.get(&version) else {
            self.mark_stale();
            return Err(place.broken());
        };
        if data_key.suite() != suite {
            return Err(place.broken());
        }
        data_key
            .owner_key(place.owner)
            .and_then(|key| unseal_with(&key, place, sealed))
            .map_err(|Failed| place.broken())
    }

    /// The keyed hash of `value` among values of `kind`, under the key that never changes.
    pub(crate) fn blind(&self, kind: &str, value: &[u8]) -> Blind {
        Blind::of_layout(&self.layout, kind, value)
    }

    /// The index keys, for names.
    pub(crate) fn names(&self) -> Arc<NameKeys> {
        Arc::clone(&self.names.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_names(&self, names: NameKeys) {
        *self.names.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(names);
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn ring(master: &[u8; 32], stored: &[StoredKey]) -> Result<Ring, StoreError> {
    let mut keys = BTreeMap::new();
    for key in stored {
        let (suite, secret) = unwrap(master, key)?;
        keys.insert(key.version, DataKey::new(suite, &secret));
    }
    let active = stored.iter().filter(|key| key.active);
    let active = active.map(|key| key.version).max().ok_or(WRONG_MASTER)?;
    Ok(Ring { keys, active })
}

fn data_key_place() -> Place<'static> {
    Place {
        table: "data_keys",
        column: "wrapped",
        owner: "",
        row: "",
        version: 0,
    }
}

/// A key wrapped by the master key, for `place`.
pub(crate) fn wrap(
    master: &[u8; 32],
    suite: AtRest,
    version: u32,
    place: &Place<'_>,
    secret: &[u8],
) -> Result<Vec<u8>, StoreError> {
    AeadKey::wrapping(suite, master)
        .and_then(|key| seal_with(&key, suite, version, place, secret))
        .map_err(|Failed| place.broken())
}

/// Suite and secret of a key that lies wrapped at `place`.
pub(crate) fn unwrap_at(
    master: &[u8; 32],
    place: &Place<'_>,
    wrapped: &[u8],
) -> Result<(AtRest, Zeroizing<Vec<u8>>), StoreError> {
    let (suite, _) = label(wrapped).ok_or(WRONG_MASTER)?;
    let secret = AeadKey::wrapping(suite, master)
        .and_then(|key| unseal_with(&key, place, wrapped))
        .map_err(|Failed| WRONG_MASTER)?;
    Ok((suite, secret))
}

fn unwrap(
    master: &[u8; 32],
    stored: &StoredKey,
) -> Result<(AtRest, Zeroizing<Vec<u8>>), StoreError> {
    match label(&stored.wrapped) {
        Some((_, version)) if version == stored.version => {
            unwrap_at(master, &data_key_place(), &stored.wrapped)
        }
        Some(_) | None => Err(WRONG_MASTER),
    }
}

/// Suite and key version of a sealed value.
pub(crate) fn label(sealed: &[u8]) -> Option<(AtRest, u32)> {
    let (suite, rest) = sealed.split_first()?;
    let version = rest.first_chunk::<4>()?;
    Some((AtRest::from_byte(*suite)?, u32::from_be_bytes(*version)))
}

fn seal_with(
    key: &AeadKey,
    suite: AtRest,
    version: u32,
    place: &Place<'_>,
    plain: &[u8],
) -> Result<Vec<u8>, Failed> {
    // Room for the tag, so that the plain text is not moved, and left behind, when it grows.
    let mut body = Vec::with_capacity(plain.len().saturating_add(16));
    body.extend_from_slice(plain);
    let nonce = key.seal(&place.associated_data(), &mut body)?;
    let mut sealed = Vec::with_capacity(HEADER.saturating_add(body.len()));
    sealed.push(suite.byte());
    sealed.extend_from_slice(&version.to_be_bytes());
    sealed.extend_from_slice(&nonce);
    sealed.append(&mut body);
    Ok(sealed)
}

fn unseal_with(
    key: &AeadKey,
    place: &Place<'_>,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Failed> {
    let (head, body) = sealed.split_at_checked(HEADER).ok_or(Failed)?;
    let nonce = head.last_chunk::<NONCE>().ok_or(Failed)?;
    key.open(*nonce, &place.associated_data(), body)
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;
    use crate::blinds::{StoredIndex, check, index_key};

    const SUITES: [AtRest; 2] = [AtRest::Aes256Gcm, AtRest::Sm4Gcm];

    /// Opens with the index key `[9; 32]`.
    fn open(seed: u8, stored: &[StoredKey]) -> Result<Sealer, StoreError> {
        let key = || index_key(AtRest::Aes256Gcm, &[9; 32]).unwrap();
        let names = StoredIndex {
            version: 1,
            suite: AtRest::Aes256Gcm,
            check: check(&key()).to_vec(),
            secret: None,
            activated: true,
            left: false,
        };
        let names = NameKeys::open(&[9; 32], &[names]).unwrap();
        Sealer::open(&[seed; 32], stored, key(), names)
    }

    fn stored(seed: u8, suite: AtRest, version: u32) -> StoredKey {
        let mut rng = StdRng::seed_from_u64(u64::from(version));
        StoredKey {
            version,
            wrapped: Sealer::new_data_key(&[seed; 32], suite, version, &mut rng).unwrap(),
            active: true,
        }
    }

    fn sealer(seed: u8, suite: AtRest) -> Sealer {
        open(seed, &[stored(seed, suite, 1)]).unwrap()
    }

    const HERE: Place<'static> = Place {
        table: "drivers",
        column: "record",
        owner: "a",
        row: "a",
        version: 7,
    };

    #[test]
    fn sc_63_a_sealed_value_opens_only_where_it_was_put() {
        for suite in SUITES {
            let one = sealer(1, suite);
            let sealed = one.seal(&HERE, b"secret").unwrap();
            assert_eq!(label(&sealed), Some((suite, 1)));
            assert_eq!(&**one.unseal(&HERE, &sealed).unwrap(), b"secret");
            for elsewhere in [
                Place {
                    table: "photos",
                    ..HERE
                },
                Place {
                    column: "meta",
                    ..HERE
                },
                Place { owner: "b", ..HERE },
                Place { row: "b", ..HERE },
                Place { version: 6, ..HERE },
            ] {
                assert!(one.unseal(&elsewhere, &sealed).is_err());
            }
            assert!(!sealed.windows(6).any(|window| window == b"secret"));
        }
    }

    #[test]
    fn sc_63_what_does_not_open_is_named_by_its_place() {
        let error = sealer(1, AtRest::Aes256Gcm).unseal(&HERE, b"").unwrap_err();
        assert_eq!(
            error.to_string(),
            "inconsistent data in drivers.record of a: the sealed value does not open: \
             it was changed, moved, or its key is missing"
        );
    }

    #[test]
    fn a_changed_or_cut_value_does_not_open() {
        for suite in SUITES {
            let one = sealer(1, suite);
            let sealed = one.seal(&HERE, b"secret").unwrap();
            for index in 0..sealed.len() {
                let mut changed = sealed.clone();
                changed[index] ^= 1;
                assert!(one.unseal(&HERE, &changed).is_err(), "byte {index}");
                assert!(one.unseal(&HERE, &sealed[..index]).is_err());
            }
        }
    }

    #[test]
    fn another_master_key_is_refused_at_the_start() {
        for suite in SUITES {
            let stored = [stored(1, suite, 1)];
            assert!(open(1, &stored).is_ok());
            assert!(open(2, &stored).is_err());
            // Nor does a wrapped key pass under another version or suite.
            let mut moved = stored.clone();
            moved[0].version = 2;
            assert!(open(1, &moved).is_err());
            let mut relabelled = stored;
            relabelled[0].wrapped[0] ^= 3;
            assert!(open(1, &relabelled).is_err());
        }
    }

    #[test]
    fn the_newest_active_key_seals_and_every_known_key_opens() {
        let first = stored(1, AtRest::Aes256Gcm, 1);
        let mut second = stored(1, AtRest::Sm4Gcm, 2);
        second.active = false;
        let one = sealer(1, AtRest::Aes256Gcm);
        let old = one.seal(&HERE, b"old").unwrap();
        one.reload(&[first.clone(), second.clone()]).unwrap();
        assert_eq!(one.active(), 1);
        second.active = true;
        one.reload(&[first, second.clone()]).unwrap();
        let new = one.seal(&HERE, b"new").unwrap();
        assert_eq!(label(&new), Some((AtRest::Sm4Gcm, 2)));
        assert!(new.starts_with(&one.active_label()) && !old.starts_with(&one.active_label()));
        assert_eq!(&**one.unseal(&HERE, &old).unwrap(), b"old");
        assert_eq!(&**one.unseal(&HERE, &new).unwrap(), b"new");
        assert!(!one.take_stale());
        one.reload(&[second]).unwrap();
        assert!(one.unseal(&HERE, &old).is_err());
        assert!(one.take_stale() && !one.take_stale());
    }
}
