//! The suites under which data lies sealed, and nothing about where it lies.
//!
//! A suite seals (AEAD), derives the owners' keys (HKDF) and keys the blind index (HMAC). The first
//! is the default; the second is the national one: SM4-GCM (GB/T 32907, GCM as in RFC 8998) with
//! HMAC-SM3 (GB/T 32905 in the construction of RFC 2104). Each data key belongs to one suite, and
//! every sealed value names suite and key version, so that reading never guesses.

use aes_gcm::{
    AesGcm,
    aead::{AeadInOut, KeyInit, consts::U12},
};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey},
    hkdf as provider_hkdf, hmac as provider_hmac, rand as provider_rand,
};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sm3::Sm3;
use sm4::Sm4;
use zeroize::Zeroizing;

/// A nonce: 96 random bits.
pub(crate) const NONCE: usize = 12;
/// The tag of both suites.
const TAG: usize = 16;
/// Separates the owners' keys from any other use of a data key.
const SALT: &[u8] = b"jiazhao seal";

/// Which suite seals data at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AtRest {
    /// AES-256-GCM, with HKDF and HMAC over SHA-256.
    #[default]
    Aes256Gcm,
    /// SM4-GCM, with HKDF and HMAC over SM3.
    Sm4Gcm,
}

impl AtRest {
    /// Its name in configuration and audit.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "aes-256-gcm",
            Self::Sm4Gcm => "sm4-gcm",
        }
    }

    /// The suite of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Aes256Gcm, Self::Sm4Gcm]
            .into_iter()
            .find(|suite| suite.as_str() == name)
    }

    /// The first byte of every sealed value.
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Aes256Gcm => 1,
            Self::Sm4Gcm => 2,
        }
    }

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        [Self::Aes256Gcm, Self::Sm4Gcm]
            .into_iter()
            .find(|suite| suite.byte() == byte)
    }
}

/// Something of the provider or of a length failed; there is nothing to tell but that.
#[derive(Debug)]
pub(crate) struct Failed;

/// A key that seals and opens.
pub(crate) enum AeadKey {
    Aes(Box<RandomizedNonceKey>),
    Sm4(Box<AesGcm<Sm4, U12>>),
}

impl AeadKey {
    /// The key that wraps data keys of `suite`. For AES the master key itself, as from the first
    /// version on; SM4 takes 128 bits, derived so that no key serves two ciphers.
    pub(crate) fn wrapping(suite: AtRest, master: &[u8; 32]) -> Result<Self, Failed> {
        match suite {
            AtRest::Aes256Gcm => Self::aes(master),
            AtRest::Sm4Gcm => {
                let mut key = Zeroizing::new([0_u8; 16]);
                Hkdf::<Sm3>::new(Some(b"jiazhao wrap"), master)
                    .expand(b"", &mut *key)
                    .map_err(|_length| Failed)?;
                Ok(Self::sm4(&key))
            }
        }
    }

    fn aes(key: &[u8; 32]) -> Result<Self, Failed> {
        RandomizedNonceKey::new(&AES_256_GCM, key)
            .map(|key| Self::Aes(Box::new(key)))
            .map_err(|_unspecified| Failed)
    }

    fn sm4(key: &[u8; 16]) -> Self {
        Self::Sm4(Box::new(AesGcm::new(key.into())))
    }

    /// Encrypts `body` in place, appends the tag, and answers the nonce.
    pub(crate) fn seal(&self, aad: &[u8], body: &mut Vec<u8>) -> Result<[u8; NONCE], Failed> {
        match self {
            Self::Aes(key) => {
                let nonce = key
                    .seal_in_place_append_tag(Aad::from(aad), body)
                    .map_err(|_unspecified| Failed)?;
                Ok(*nonce.as_ref())
            }
            Self::Sm4(key) => {
                let mut nonce = [0_u8; NONCE];
                provider_rand::fill(&mut nonce).map_err(|_unspecified| Failed)?;
                let tag = key
                    .encrypt_inout_detached(&nonce.into(), aad, body.as_mut_slice().into())
                    .map_err(|_too_long| Failed)?;
                body.extend_from_slice(&tag);
                Ok(nonce)
            }
        }
    }

    /// Opens a ciphertext with its tag.
    pub(crate) fn open(
        &self,
        nonce: [u8; NONCE],
        aad: &[u8],
        body: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Failed> {
        let mut plain = Zeroizing::new(body.to_vec());
        let length = body.len().checked_sub(TAG).ok_or(Failed)?;
        match self {
            Self::Aes(key) => {
                key.open_in_place(Nonce::from(&nonce), Aad::from(aad), &mut plain)
                    .map_err(|_unspecified| Failed)?;
                plain.truncate(length);
            }
            Self::Sm4(key) => {
                let (_, tag) = body.split_last_chunk::<TAG>().ok_or(Failed)?;
                plain.truncate(length);
                key.decrypt_inout_detached(
                    &nonce.into(),
                    aad,
                    plain.as_mut_slice().into(),
                    tag.into(),
                )
                .map_err(|_other_tag| Failed)?;
            }
        }
        Ok(plain)
    }
}

/// An unwrapped data key, from which the owners' keys are derived.
pub(crate) enum DataKey {
    Aes(provider_hkdf::Prk),
    Sm4(Box<Hkdf<Sm3>>),
}

impl DataKey {
    pub(crate) fn new(suite: AtRest, secret: &[u8]) -> Self {
        match suite {
            AtRest::Aes256Gcm => {
                let salt = provider_hkdf::Salt::new(provider_hkdf::HKDF_SHA256, SALT);
                Self::Aes(salt.extract(secret))
            }
            AtRest::Sm4Gcm => Self::Sm4(Box::new(Hkdf::new(Some(SALT), secret))),
        }
    }

    pub(crate) fn suite(&self) -> AtRest {
        match self {
            Self::Aes(_) => AtRest::Aes256Gcm,
            Self::Sm4(_) => AtRest::Sm4Gcm,
        }
    }

    pub(crate) fn owner_key(&self, owner: &str) -> Result<AeadKey, Failed> {
        match self {
            Self::Aes(prk) => {
                let mut key = Zeroizing::new([0_u8; 32]);
                prk.expand(&[owner.as_bytes()], Length32)
                    .and_then(|okm| okm.fill(&mut *key))
                    .map_err(|_unspecified| Failed)?;
                AeadKey::aes(&key)
            }
            Self::Sm4(hkdf) => {
                let mut key = Zeroizing::new([0_u8; 16]);
                hkdf.expand(owner.as_bytes(), &mut *key)
                    .map_err(|_length| Failed)?;
                Ok(AeadKey::sm4(&key))
            }
        }
    }
}

struct Length32;

impl provider_hkdf::KeyType for Length32 {
    fn len(&self) -> usize {
        32
    }
}

/// The key of the blind index.
pub(crate) enum IndexKey {
    Sha256(Box<provider_hmac::Key>),
    Sm3(Box<Hmac<Sm3>>),
}

impl IndexKey {
    pub(crate) fn new(suite: AtRest, key: &[u8; 32]) -> Result<Self, Failed> {
        Ok(match suite {
            AtRest::Aes256Gcm => Self::Sha256(Box::new(provider_hmac::Key::new(
                provider_hmac::HMAC_SHA256,
                key,
            ))),
            AtRest::Sm4Gcm => Self::Sm3(Box::new(
                Hmac::new_from_slice(key).map_err(|_length| Failed)?,
            )),
        })
    }

    pub(crate) fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut out = [0_u8; 32];
        match self {
            Self::Sha256(key) => {
                let mut context = provider_hmac::Context::with_key(key);
                for part in parts {
                    context.update(part);
                }
                out.copy_from_slice(context.sign().as_ref());
            }
            Self::Sm3(mac) => {
                let mut mac = mac.as_ref().clone();
                for part in parts {
                    mac.update(part);
                }
                out.copy_from_slice(&mac.finalize().into_bytes());
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };

    use proptest::prelude::*;

    use super::*;

    fn bytes<const N: usize>(hex: &str) -> [u8; N] {
        hex::decode(hex).unwrap().try_into().unwrap()
    }

    /// RFC 8998, appendix A.1.
    #[test]
    fn sm4_gcm_of_rfc_8998() {
        let key = AeadKey::sm4(&bytes("0123456789abcdeffedcba9876543210"));
        let nonce = bytes::<NONCE>("00001234567800000000abcd");
        let aad = hex::decode("feedfacedeadbeeffeedfacedeadbeefabaddad2").unwrap();
        let plain = hex::decode(concat!(
            "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd",
            "eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa"
        ))
        .unwrap();
        let sealed = hex::decode(concat!(
            "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735",
            "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d",
            "83de3541e4c2b58177e065a9bf7b62ec"
        ))
        .unwrap();
        assert_eq!(&*key.open(nonce, &aad, &sealed).unwrap(), &plain);
        // The sealing side draws its nonce, so it is compared by opening what was sealed.
        let mut body = plain.clone();
        let drawn = key.seal(&aad, &mut body).unwrap();
        assert_eq!(&*key.open(drawn, &aad, &body).unwrap(), &plain);
        let mut cipher = plain;
        let AeadKey::Sm4(gcm) = &key else {
            panic!("an SM4 key")
        };
        let tag = gcm
            .encrypt_inout_detached(&nonce.into(), &aad, cipher.as_mut_slice().into())
            .unwrap();
        cipher.extend_from_slice(&tag);
        assert_eq!(cipher, sealed);
    }

    /// HMAC-SM3, as OpenSSL computes it.
    #[test]
    fn hmac_sm3_agrees_with_openssl() {
        for (key, message) in [
            ([0x22_u8; 32], b"subject\0D-1".as_slice()),
            ([0x5a; 32], b"".as_slice()),
            ([0xff; 32], [7; 200].as_slice()),
        ] {
            let ours = IndexKey::new(AtRest::Sm4Gcm, &key)
                .unwrap()
                .hash(&[message]);
            assert_eq!(hex::encode(ours), openssl_hmac(&key, message));
        }
    }

    fn openssl_hmac(key: &[u8], message: &[u8]) -> String {
        let mut child = Command::new("openssl")
            .args(["dgst", "-sm3", "-mac", "hmac", "-macopt"])
            .arg(format!("hexkey:{}", hex::encode(key)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(message).unwrap();
        let out = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        out.trim().rsplit(' ').next().unwrap().to_owned()
    }

    /// The owner's key is HKDF (RFC 5869) over HMAC-SM3, computed here by its definition.
    #[test]
    fn an_owners_sm4_key_is_hkdf_over_hmac_sm3() {
        let hmac = |key: &[u8; 32], parts: &[&[u8]]| {
            IndexKey::new(AtRest::Sm4Gcm, key).unwrap().hash(parts)
        };
        let mut salt = [0; 32];
        salt[..SALT.len()].copy_from_slice(SALT);
        let prk = hmac(&salt, &[&[9; 32]]);
        let okm = hmac(&prk, &[b"drv_1", &[1]]);
        let expected = AeadKey::sm4(okm.first_chunk().unwrap());
        let derived = DataKey::new(AtRest::Sm4Gcm, &[9; 32])
            .owner_key("drv_1")
            .unwrap();
        let mut body = b"plain".to_vec();
        let nonce = derived.seal(b"", &mut body).unwrap();
        assert_eq!(&**expected.open(nonce, b"", &body).unwrap(), b"plain");
    }

    #[test]
    fn suites_have_names_and_bytes_of_their_own() {
        for suite in [AtRest::Aes256Gcm, AtRest::Sm4Gcm] {
            assert_eq!(AtRest::parse(suite.as_str()), Some(suite));
            assert_eq!(AtRest::from_byte(suite.byte()), Some(suite));
        }
        assert_eq!(AtRest::parse("rot13"), None);
        assert_eq!(AtRest::from_byte(0), None);
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_and_nothing_else_does(
            plain in proptest::collection::vec(any::<u8>(), 0..200),
            aad in proptest::collection::vec(any::<u8>(), 0..40),
            place in any::<prop::sample::Index>(),
            bit in 0_u8..8,
        ) {
            for suite in [AtRest::Aes256Gcm, AtRest::Sm4Gcm] {
                let key = DataKey::new(suite, &[3; 32]).owner_key("a").unwrap();
                let mut body = plain.clone();
                let nonce = key.seal(&aad, &mut body).unwrap();
                prop_assert_eq!(body.len(), plain.len() + TAG);
                prop_assert_eq!(&*key.open(nonce, &aad, &body).unwrap(), &plain);
                let mut longer = aad.clone();
                longer.push(0);
                prop_assert!(key.open(nonce, &longer, &body).is_err());
                let at = place.index(body.len());
                prop_assert!(key.open(nonce, &aad, &body[..at]).is_err());
                body[at] ^= 1 << bit;
                prop_assert!(key.open(nonce, &aad, &body).is_err());
            }
        }

        #[test]
        fn no_bytes_break_the_opener(body in proptest::collection::vec(any::<u8>(), 0..100)) {
            for suite in [AtRest::Aes256Gcm, AtRest::Sm4Gcm] {
                let key = DataKey::new(suite, &[3; 32]).owner_key("a").unwrap();
                prop_assert!(key.open([0; NONCE], b"", &body).is_err());
            }
        }
    }
}
