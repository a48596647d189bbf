//! Sealing of personal columns and photos, and the blind index.
//!
//! A sealed value is `suite (1) | key version (4, big endian) | nonce (12) | ciphertext | tag (16)`.
//! The associated data names table, column, owner, row and version, so that a value moved to
//! another place, or an older one put back, does not open. Each owner has a key of its own, derived
//! from the data key by HKDF-SHA256: a random 96-bit nonce then stays far from its collision bound
//! however many drivers there are.

use std::{collections::BTreeMap, fmt};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey},
    constant_time, hkdf, hmac,
};
use rand::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::StoreError;

/// AES-256-GCM with a random nonce. The first byte of every sealed value.
const SUITE_AES_256_GCM: u8 = 1;
const HEADER: usize = 1 + 4 + 12;

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
            what: "the sealed value does not open: it was changed, moved, or its key is missing",
        }
    }
}

struct OwnerKey;

impl hkdf::KeyType for OwnerKey {
    fn len(&self) -> usize {
        32
    }
}

pub(crate) struct Sealer {
    data_keys: BTreeMap<u32, hkdf::Prk>,
    newest: u32,
    index: hmac::Key,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

impl Sealer {
    /// Unwraps the stored data keys (version, wrapped key).
    pub(crate) fn open(keys: &MasterKeys, wrapped: &[(u32, Vec<u8>)]) -> Result<Self, StoreError> {
        let wrong = StoreError::Mismatch("the master key does not open the database's data keys");
        let mut data_keys = BTreeMap::new();
        for (version, bytes) in wrapped {
            let Ok(data_key) = unwrap_data_key(keys, *version, bytes) else {
                return Err(wrong);
            };
            data_keys.insert(
                *version,
                hkdf::Salt::new(hkdf::HKDF_SHA256, b"jiazhao seal").extract(&data_key),
            );
        }
        let Some(newest) = data_keys.keys().next_back().copied() else {
            return Err(wrong);
        };
        Ok(Self {
            data_keys,
            newest,
            index: hmac::Key::new(hmac::HMAC_SHA256, &keys.index),
        })
    }

    /// A new data key, wrapped for storage.
    pub(crate) fn new_data_key(
        keys: &MasterKeys,
        version: u32,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, StoreError> {
        let mut data_key = Zeroizing::new([0_u8; 32]);
        rng.fill_bytes(&mut *data_key);
        seal_with(&keys.master, version, &data_key_place(), &*data_key)
    }

    pub(crate) fn seal(&self, place: &Place<'_>, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let key = self.owner_key(self.newest, place)?;
        seal_with(&key, self.newest, place, plain)
    }

    pub(crate) fn unseal(
        &self,
        place: &Place<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let version = key_version(sealed).ok_or_else(|| place.broken())?;
        let key = self.owner_key(version, place)?;
        unseal_with(&key, place, sealed)
    }

    fn owner_key(
        &self,
        version: u32,
        place: &Place<'_>,
    ) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        let mut key = Zeroizing::new([0_u8; 32]);
        self.data_keys
            .get(&version)
            .and_then(|prk| {
                prk.expand(&[place.owner.as_bytes()], OwnerKey)
                    .and_then(|okm| okm.fill(&mut *key))
                    .ok()
            })
            .ok_or_else(|| place.broken())?;
        Ok(key)
    }

    /// The blind index of `value` among values of `kind`.
    pub(crate) fn blind(&self, kind: &str, value: &[u8]) -> Blind {
        let mut context = hmac::Context::with_key(&self.index);
        context.update(kind.as_bytes());
        context.update(&[0]);
        context.update(value);
        let mut blind = [0_u8; 32];
        blind.copy_from_slice(context.sign().as_ref());
        Blind(blind)
    }
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

fn unwrap_data_key(
    keys: &MasterKeys,
    version: u32,
    wrapped: &[u8],
) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    if key_version(wrapped) != Some(version) {
        return Err(data_key_place().broken());
    }
    unseal_with(&keys.master, &data_key_place(), wrapped)
}

fn key_version(sealed: &[u8]) -> Option<u32> {
    let (suite, rest) = sealed.split_first()?;
    let version = rest.first_chunk::<4>()?;
    (*suite == SUITE_AES_256_GCM).then(|| u32::from_be_bytes(*version))
}

fn seal_with(
    key: &[u8; 32],
    version: u32,
    place: &Place<'_>,
    plain: &[u8],
) -> Result<Vec<u8>, StoreError> {
    let mut body = plain.to_vec();
    let nonce = RandomizedNonceKey::new(&AES_256_GCM, key)
        .and_then(|key| key.seal_in_place_append_tag(Aad::from(place.associated_data()), &mut body))
        .map_err(|_unspecified| place.broken())?;
    let mut sealed = Vec::with_capacity(HEADER + body.len());
    sealed.push(SUITE_AES_256_GCM);
    sealed.extend_from_slice(&version.to_be_bytes());
    sealed.extend_from_slice(nonce.as_ref());
    sealed.append(&mut body);
    Ok(sealed)
}

fn unseal_with(
    key: &[u8; 32],
    place: &Place<'_>,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let open = || {
        let (head, body) = sealed.split_at_checked(HEADER)?;
        let nonce = Nonce::from(head.last_chunk::<12>()?);
        let mut buffer = Zeroizing::new(body.to_vec());
        let length = RandomizedNonceKey::new(&AES_256_GCM, key)
            .ok()?
            .open_in_place(nonce, Aad::from(place.associated_data()), &mut buffer)
            .ok()?
            .len();
        buffer.truncate(length);
        Some(buffer)
    };
    open().ok_or_else(|| place.broken())
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn sealer(seed: u8) -> Sealer {
        let keys = MasterKeys {
            master: [seed; 32],
            index: [seed ^ 0xff; 32],
        };
        let wrapped =
            Sealer::new_data_key(&keys, 1, &mut StdRng::seed_from_u64(u64::from(seed))).unwrap();
        Sealer::open(&keys, &[(1, wrapped)]).unwrap()
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
        let one = sealer(1);
        let sealed = one.seal(&HERE, b"secret").unwrap();
        assert_eq!(&*one.unseal(&HERE, &sealed).unwrap(), b"secret");
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

    #[test]
    fn a_changed_or_cut_value_does_not_open() {
        let one = sealer(1);
        let sealed = one.seal(&HERE, b"secret").unwrap();
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(one.unseal(&HERE, &changed).is_err(), "byte {index}");
            assert!(one.unseal(&HERE, &sealed[..index]).is_err());
        }
    }

    #[test]
    fn another_master_key_is_refused_at_the_start() {
        let keys = |byte| MasterKeys {
            master: [byte; 32],
            index: [9; 32],
        };
        let wrapped = Sealer::new_data_key(&keys(1), 1, &mut StdRng::seed_from_u64(1)).unwrap();
        assert!(Sealer::open(&keys(2), &[(1, wrapped)]).is_err());
    }

    #[test]
    fn blind_indexes_differ_by_kind_and_key() {
        let one = sealer(1);
        assert_eq!(one.blind("a", b"x"), one.blind("a", b"x"));
        assert_ne!(one.blind("a", b"x"), one.blind("b", b"x"));
        assert_ne!(one.blind("a", b"x"), sealer(2).blind("a", b"x"));
    }
}
