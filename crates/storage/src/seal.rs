//! Sealing of personal columns and photos, and the blind index.
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

use aws_lc_rs::constant_time;
use rand::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    Partition, StoreError,
    at_rest::{AeadKey, AtRest, DataKey, Failed, IndexKey, NONCE},
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
    /// Keys the blind index.
    pub index: [u8; 32],
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKeys(..)")
    }
}

/// A keyed hash under which a value can be found but not read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Blind([u8; 32]);

impl Blind {
    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Compares in constant time.
    #[must_use]
    pub fn matches(&self, other: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.0, other).is_ok()
    }

    /// The holders' partition that it stands for.
    #[must_use]
    pub fn partition(&self) -> Partition {
        Partition::of_holders(self.first())
    }

    pub(crate) fn first(&self) -> u8 {
        self.0[0]
    }

    pub(crate) fn sql(&self) -> Vec<u8> {
        self.0.to_vec()
    }
}

impl fmt::Debug for Blind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blind(..)")
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

    fn broken(&self) -> StoreError {
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
    index: IndexKey,
    /// A value named a key that the ring lacks: another node may have made one.
    stale: AtomicBool,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

impl Sealer {
    /// Unwraps the stored data keys; `index` is the suite of the blind index.
    pub(crate) fn open(
        keys: &MasterKeys,
        stored: &[StoredKey],
        index: AtRest,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            ring: RwLock::new(Arc::new(ring(&keys.master, stored)?)),
            master: RwLock::new(Zeroizing::new(keys.master)),
            index: IndexKey::new(index, &keys.index)
                .map_err(|Failed| StoreError::Mismatch("the index key cannot be used"))?,
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
        wrap(master, suite, version, &*secret)
    }

    /// The same data key wrapped by another master key.
    pub(crate) fn rewrapped(
        &self,
        stored: &StoredKey,
        master: &[u8; 32],
    ) -> Result<Vec<u8>, StoreError> {
        let (suite, secret) = unwrap(&self.master(), stored)?;
        wrap(master, suite, stored.version, &secret)
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

    /// The blind index of `value` among values of `kind`.
    pub(crate) fn blind(&self, kind: &str, value: &[u8]) -> Blind {
        Blind(self.index.hash(&[kind.as_bytes(), &[0], value]))
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

fn wrap(
    master: &[u8; 32],
    suite: AtRest,
    version: u32,
    secret: &[u8],
) -> Result<Vec<u8>, StoreError> {
    AeadKey::wrapping(suite, master)
        .and_then(|key| seal_with(&key, suite, version, &data_key_place(), secret))
        .map_err(|Failed| data_key_place().broken())
}

fn unwrap(
    master: &[u8; 32],
    stored: &StoredKey,
) -> Result<(AtRest, Zeroizing<Vec<u8>>), StoreError> {
    let (suite, version) = label(&stored.wrapped).ok_or(WRONG_MASTER)?;
    if version != stored.version {
        return Err(WRONG_MASTER);
    }
    let secret = AeadKey::wrapping(suite, master)
        .and_then(|key| unseal_with(&key, &data_key_place(), &stored.wrapped))
        .map_err(|Failed| WRONG_MASTER)?;
    Ok((suite, secret))
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

    const SUITES: [AtRest; 2] = [AtRest::Aes256Gcm, AtRest::Sm4Gcm];

    fn keys(seed: u8) -> MasterKeys {
        MasterKeys {
            master: [seed; 32],
            index: [seed ^ 0xff; 32],
        }
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
        Sealer::open(&keys(seed), &[stored(seed, suite, 1)], suite).unwrap()
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
            assert!(Sealer::open(&keys(1), &stored, suite).is_ok());
            assert!(Sealer::open(&keys(2), &stored, suite).is_err());
            // Nor does a wrapped key pass under another version or suite.
            let mut moved = stored.clone();
            moved[0].version = 2;
            assert!(Sealer::open(&keys(1), &moved, suite).is_err());
            let mut relabelled = stored;
            relabelled[0].wrapped[0] ^= 3;
            assert!(Sealer::open(&keys(1), &relabelled, suite).is_err());
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

    #[test]
    fn blind_indexes_differ_by_kind_key_and_suite() {
        for suite in SUITES {
            let one = sealer(1, suite);
            assert_eq!(one.blind("a", b"x"), one.blind("a", b"x"));
            assert_ne!(one.blind("a", b"x"), one.blind("b", b"x"));
            assert_ne!(one.blind("a", b"x"), sealer(2, suite).blind("a", b"x"));
        }
        let [aes, sm4] = SUITES.map(|suite| sealer(1, suite).blind("a", b"x"));
        assert_ne!(aes, sm4);
    }
}
