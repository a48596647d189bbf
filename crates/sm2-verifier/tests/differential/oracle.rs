//! Another implementation of each algorithm, the same way for both: the crates `sm2` and `p256`.

use std::{ops::Neg, sync::Arc};

use p256::{
    U256,
    ecdsa::signature::{Signer as _, hazmat::PrehashVerifier as _},
    elliptic_curve::{Group as _, ops::Reduce, point::AffineCoordinates as _},
};
use sm2_verifier::{Algorithm, BadKey, DEFAULT_USER_ID, Es256, KnownKey, KnownKeys, Sm2, Width};

const USER_ID: &str = "1234567812345678";

/// A number modulo the group's order.
#[derive(Clone, Copy)]
pub(crate) enum Number {
    Small(u8),
    Any([u8; 32]),
    /// So much less than the order.
    Minus(u8),
}

/// r and s, and a digest.
pub(crate) type Crafted = ([u8; 64], [u8; 32]);

pub(crate) trait Oracle: Algorithm {
    /// The group's order, in hexadecimal digits.
    const ORDER_HEX: &str;
    /// `SubjectPublicKeyInfo` before the point, in hexadecimal digits.
    const SPKI: &str;
    /// What OpenSSL is to be told beside the key.
    const USER_ID: &[u8];
    /// Files of the fuzz target.
    const CORPUS: &str;
    /// A key that signs.
    type Signing: Send + Sync;

    fn signing(secret: &[u8; 32]) -> Option<Self::Signing>;
    fn point(signing: &Self::Signing) -> Vec<u8>;
    fn sign(signing: &Self::Signing, message: &[u8]) -> [u8; 64];
    /// Whether r and s verify over the digest; `None` where they are out of range.
    fn verifies(signing: &Self::Signing, digest: &[u8; 32], raw: &[u8; 64]) -> Option<bool>;
    fn is_point(sec1: &[u8; 65]) -> bool;
    /// r and s of the one DER form.
    fn of_der(der: &[u8]) -> Option<[u8; 64]>;
    /// A signature for which the generator is taken the first number of times, the key's point the second, and a
    /// digest for which it holds; `None` where there is none.
    fn crafted(signing: &Self::Signing, of_generator: Number, of_key: Number) -> Option<Crafted>;

    fn known(point: &[u8], width: Width) -> Result<KnownKey<Self>, BadKey>;
    /// One without room for a table.
    fn bare(point: &[u8]) -> Arc<KnownKey<Self>>;
}

impl Number {
    fn modulo<S: Reduce<U256> + From<u64> + Neg<Output = S>>(self) -> S {
        match self {
            Self::Small(number) => S::from(u64::from(number)),
            Self::Any(bytes) => S::reduce(&U256::from_be_slice(&bytes)),
            Self::Minus(number) => -S::from(u64::from(number)),
        }
    }
}

fn joined(r: impl AsRef<[u8]>, s: impl AsRef<[u8]>) -> [u8; 64] {
    [r.as_ref(), s.as_ref()].concat().try_into().unwrap()
}

impl Oracle for Sm2 {
    const ORDER_HEX: &str = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123";
    const SPKI: &str = "3059301306072a8648ce3d020106082a811ccf5501822d034200";
    const USER_ID: &[u8] = DEFAULT_USER_ID;
    const CORPUS: &str = "sm2_verify";
    type Signing = sm2::dsa::SigningKey;

    fn signing(secret: &[u8; 32]) -> Option<Self::Signing> {
        sm2::dsa::SigningKey::from_slice(USER_ID, secret).ok()
    }

    fn point(signing: &Self::Signing) -> Vec<u8> {
        signing.verifying_key().to_sec1_bytes().to_vec()
    }

    fn sign(signing: &Self::Signing, message: &[u8]) -> [u8; 64] {
        let signature: sm2::dsa::Signature = signing.sign(message);
        signature.to_bytes().into()
    }

    fn verifies(signing: &Self::Signing, digest: &[u8; 32], raw: &[u8; 64]) -> Option<bool> {
        let signature = sm2::dsa::Signature::from_slice(raw).ok()?;
        let key = signing.verifying_key();
        Some(key.verify_prehash(digest, &signature).is_ok())
    }

    fn is_point(sec1: &[u8; 65]) -> bool {
        sm2::dsa::VerifyingKey::from_sec1_bytes(USER_ID, sec1).is_ok()
    }

    fn of_der(der: &[u8]) -> Option<[u8; 64]> {
        let signature = sm2::dsa::Signature::from_der(der).ok()?;
        assert_eq!(signature.to_der().as_bytes(), der);
        Some(signature.to_bytes().into())
    }

    /// s and t = r + s, and the digest (x - r) for it.
    fn crafted(signing: &Self::Signing, of_generator: Number, of_key: Number) -> Option<Crafted> {
        let (s, t): (sm2::Scalar, sm2::Scalar) = (of_generator.modulo(), of_key.modulo());
        let secret: &sm2::Scalar = signing.as_nonzero_scalar();
        let sum = sm2::ProjectivePoint::mul_by_generator(&(s + t * secret));
        let x = U256::from_be_slice(&sum.to_affine().x());
        let e = t - s - sm2::Scalar::reduce(&x);
        Some((
            joined((t - s).to_bytes(), s.to_bytes()),
            e.to_bytes().into(),
        ))
    }

    fn known(point: &[u8], width: Width) -> Result<KnownKey<Self>, BadKey> {
        KnownKey::new(point, DEFAULT_USER_ID, width)
    }

    fn bare(point: &[u8]) -> Arc<KnownKey<Self>> {
        KnownKeys::new(0).key(point, DEFAULT_USER_ID).unwrap()
    }
}

impl Oracle for Es256 {
    const ORDER_HEX: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    const SPKI: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
    const USER_ID: &[u8] = b"";
    const CORPUS: &str = "es256_verify";
    type Signing = p256::ecdsa::SigningKey;

    fn signing(secret: &[u8; 32]) -> Option<Self::Signing> {
        p256::ecdsa::SigningKey::from_slice(secret).ok()
    }

    fn point(signing: &Self::Signing) -> Vec<u8> {
        let point = signing.verifying_key().to_sec1_point(false);
        point.as_bytes().to_vec()
    }

    fn sign(signing: &Self::Signing, message: &[u8]) -> [u8; 64] {
        let signature: p256::ecdsa::Signature = signing.sign(message);
        signature.to_bytes().into()
    }

    fn verifies(signing: &Self::Signing, digest: &[u8; 32], raw: &[u8; 64]) -> Option<bool> {
        let signature = p256::ecdsa::Signature::from_slice(raw).ok()?;
        let key = signing.verifying_key();
        Some(key.verify_prehash(digest, &signature).is_ok())
    }

    fn is_point(sec1: &[u8; 65]) -> bool {
        p256::ecdsa::VerifyingKey::from_sec1_bytes(sec1).is_ok()
    }

    fn of_der(der: &[u8]) -> Option<[u8; 64]> {
        let signature = p256::ecdsa::Signature::from_der(der).ok()?;
        assert_eq!(signature.to_der().as_bytes(), der);
        Some(signature.to_bytes().into())
    }

    /// r is the sum's x, s the quotient of r and the second number, and the digest s times the first.
    fn crafted(signing: &Self::Signing, of_generator: Number, of_key: Number) -> Option<Crafted> {
        let (u1, u2): (p256::Scalar, p256::Scalar) = (of_generator.modulo(), of_key.modulo());
        let secret: &p256::Scalar = signing.as_nonzero_scalar();
        let sum = p256::ProjectivePoint::mul_by_generator(&(u1 + u2 * secret));
        let x = U256::from_be_slice(&sum.to_affine().x());
        let r = p256::Scalar::reduce(&x);
        let s = r * Option::<p256::Scalar>::from(u2.invert())?;
        let e = u1 * s;
        Some((joined(r.to_bytes(), s.to_bytes()), e.to_bytes().into()))
    }

    fn known(point: &[u8], width: Width) -> Result<KnownKey<Self>, BadKey> {
        KnownKey::es256(point, width)
    }

    fn bare(point: &[u8]) -> Arc<KnownKey<Self>> {
        KnownKeys::new(0).es256_key(point).unwrap()
    }
}
