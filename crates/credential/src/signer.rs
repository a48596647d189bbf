//! Who signs: a trait, because keys may lie in hardware, and the implementation in memory.

use aws_lc_rs::{
    agreement::{ECDH_P256, PrivateKey},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use rand::CryptoRng;
use sm2::elliptic_curve::sec1::ToSec1Point as _;
use std::fmt;
use zeroize::Zeroizing;

use crate::{
    key::{BadKey, KeyId, PublicKey},
    malformed::Malformed,
    signature::Signature,
    sm2_signing::SigningScalar,
    suite::Suite,
};

/// A signing key, wherever it lies. Synchronous: callers that must not wait move it to a thread
/// of its own.
pub trait Signer: Send + Sync + fmt::Debug {
    /// The suite it signs in.
    fn suite(&self) -> &Suite {
        self.public_key().suite()
    }

    /// The key that verifies.
    fn public_key(&self) -> &PublicKey;

    /// Identifier of the key.
    fn key_id(&self) -> &KeyId {
        self.public_key().key_id()
    }

    /// Signs a message; hashing is part of it.
    ///
    /// # Errors
    /// [`SignError`] where the key or its device does not answer with a signature.
    fn sign(&self, message: &[u8]) -> Result<Signature, SignError>;
}

/// No signature was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("signing-failed: the key made no signature (签名失败)")]
pub struct SignError;

/// Nothing was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The content could not be read back: what the strict parser would refuse is never signed.
    #[error("unfit-to-sign: {0}")]
    Unfit(#[from] Malformed),
    /// The key made no signature.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// A signing key in memory.
///
/// ES256 draws its nonces from the provider's own generator, which takes no other; SM2 derives
/// them from key and message (RFC 6979), so that equal messages have equal signatures.
pub struct SoftwareSigner {
    public_key: PublicKey,
    secret: Zeroizing<[u8; 32]>,
    key: Key,
}

enum Key {
    Es256(EcdsaKeyPair),
    Sm2(Box<SigningScalar>),
}

/// Draws before giving up: a draw misses the curve's order once in 2^32, so that a second miss
/// in a row already means a broken generator.
const MAX_DRAWS: u8 = 8;

impl SoftwareSigner {
    /// Makes a new key from this generator.
    ///
    /// # Errors
    /// [`BadKey`] where the generator yields no usable secret.
    pub fn generate(suite: &Suite, rng: &mut impl CryptoRng) -> Result<Self, BadKey> {
        for _ in 0..MAX_DRAWS {
            let mut secret = Zeroizing::new([0; 32]);
            rng.fill_bytes(secret.as_mut_slice());
            if let Ok(signer) = Self::from_secret(suite, secret) {
                return Ok(signer);
            }
        }
        Err(BadKey)
    }

    /// From the secret scalar, 32 bytes big-endian.
    ///
    /// Signs and verifies once before the key is handed out: a key that disagrees with itself
    /// (damaged storage, or the one SM2 scalar, order minus 1, that cannot sign) must not reach
    /// a trust list.
    ///
    /// # Errors
    /// [`BadKey`] where the scalar is zero, not below the order, or cannot sign.
    pub fn from_secret(suite: &Suite, secret: Zeroizing<[u8; 32]>) -> Result<Self, BadKey> {
        let signer = match suite {
            Suite::Es256 => Self::es256(secret),
            Suite::Sm2Sm3(_) => Self::sm2(suite, secret),
        }
        .ok_or(BadKey)?;
        let probe = b"jiazhao pairwise consistency";
        match signer.sign(probe) {
            Ok(signature) if signer.public_key.verify(probe, &signature).is_ok() => Ok(signer),
            Ok(_) | Err(SignError) => Err(BadKey),
        }
    }

    fn es256(secret: Zeroizing<[u8; 32]>) -> Option<Self> {
        let point = PrivateKey::from_private_key(&ECDH_P256, secret.as_slice())
            .ok()?
            .compute_public_key()
            .ok()?;
        let key = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            secret.as_slice(),
            point.as_ref(),
        );
        Some(Self {
            public_key: PublicKey::from_sec1(Suite::Es256, point.as_ref()).ok()?,
            secret,
            key: Key::Es256(key.ok()?),
        })
    }

    fn sm2(suite: &Suite, secret: Zeroizing<[u8; 32]>) -> Option<Self> {
        let point = sm2::SecretKey::from_slice(secret.as_slice()).ok()?;
        let point = point.public_key().to_sec1_point(false);
        Some(Self {
            public_key: PublicKey::from_sec1(suite.clone(), point.as_bytes()).ok()?,
            key: Key::Sm2(Box::new(SigningScalar::new(&secret)?)),
            secret,
        })
    }

    /// The secret scalar, for a sealed key store and nothing else.
    #[must_use]
    pub fn secret(&self) -> Zeroizing<[u8; 32]> {
        self.secret.clone()
    }
}

impl Signer for SoftwareSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        let raw = match &self.key {
            Key::Es256(key) => key
                .sign(&SystemRandom::new(), message)
                .ok()
                .and_then(|signature| signature.as_ref().try_into().ok()),
            Key::Sm2(key) => {
                let digest = self.public_key.sm2_digest(message);
                digest.and_then(|digest| key.sign(&digest))
            }
        };
        raw.map(Signature::from_raw).ok_or(SignError)
    }
}

impl fmt::Debug for SoftwareSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoftwareSigner")
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn both_suites_sign_verify_and_come_back_from_their_secret() {
        let mut rng = StdRng::seed_from_u64(1);
        for suite in [Suite::Es256, Suite::sm2()] {
            let signer = SoftwareSigner::generate(&suite, &mut rng).unwrap();
            let signature = signer.sign(b"message").unwrap();
            assert!(signer.public_key().verify(b"message", &signature).is_ok());
            assert!(signer.public_key().verify(b"Message", &signature).is_err());
            let again = SoftwareSigner::from_secret(&suite, signer.secret()).unwrap();
            assert_eq!(again.public_key(), signer.public_key());
            assert_eq!(again.key_id(), signer.key_id());
            let shown = format!("{signer:?}");
            assert!(
                !shown.contains(&hex::encode(signer.secret().as_slice())),
                "{shown}"
            );
        }
    }

    #[test]
    fn scalars_that_are_no_keys_are_refused() {
        let order_minus_1 = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54122";
        for (suite, secret) in [
            (Suite::Es256, "00".repeat(32)),
            (Suite::Es256, "ff".repeat(32)),
            (Suite::sm2(), "00".repeat(32)),
            (Suite::sm2(), "ff".repeat(32)),
            (Suite::sm2(), order_minus_1.to_owned()),
        ] {
            let mut bytes = Zeroizing::new([0; 32]);
            hex::decode_to_slice(&secret, bytes.as_mut_slice()).unwrap();
            assert_eq!(
                SoftwareSigner::from_secret(&suite, bytes).err(),
                Some(BadKey),
                "{secret}"
            );
        }
    }

    #[test]
    fn one_point_under_two_user_ids_is_two_keys() {
        let secret = Zeroizing::new([1; 32]);
        let other = Suite::Sm2Sm3("ALICE123@YAHOO.COM".parse().unwrap());
        let a = SoftwareSigner::from_secret(&Suite::sm2(), secret.clone()).unwrap();
        let b = SoftwareSigner::from_secret(&other, secret).unwrap();
        assert_eq!(a.public_key().to_sec1(), b.public_key().to_sec1());
        assert_ne!(a.key_id(), b.key_id());
        let signature = a.sign(b"message").unwrap();
        assert!(b.public_key().verify(b"message", &signature).is_err());
    }
}
