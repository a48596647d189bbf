//! Verification by keys that are known beforehand: SM2 (GB/T 32918.2, GM/T 0003.2), and ES256 (ECDSA on P-256
//! with SHA-256) by the same means.
//!
//! A library that meets a key for the first time has to compute with it. A terminal that checks
//! millions of signatures by a handful of keys can compute once: [`KnownKey`] holds multiples of
//! the key's point, so that a verification is a sum of looked-up points, and [`verify_batch`] adds the
//! points of many signatures with one division for all.
//!
//! [`KnownKeys`] bounds the memory of many keys. What is said without an algorithm is SM2's; `KnownKey<Es256>` and
//! the like are ES256's.
//!
//! **For public data only.** Verification knows no secrets, and this crate relies on that: its time
//! and its memory accesses depend on what it is given. [`generator_multiple_x`] alone is made for secrets.
//!
//! ```
//! use sm2_verifier::{DEFAULT_USER_ID, Es256, KnownKey, Signature, Width};
//!
//! # fn check(point: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//! let key = KnownKey::new(point, DEFAULT_USER_ID, Width::BITS_12)?;
//! key.verify(message, &Signature::from_raw(signature)?)?;
//!
//! let key = KnownKey::<Es256>::es256(point, Width::BITS_12)?;
//! key.verify(message, &Signature::from_raw(signature)?)?;
//! # Ok(())
//! # }
//! ```

mod batch;
#[cfg(target_arch = "x86_64")]
mod batch8;
mod curve;
mod digest;
mod es256;
mod field;
#[cfg(target_arch = "x86_64")]
mod field8;
mod generator;
mod hidden;
mod key;
mod keys;
mod modulus;
mod point;
mod scalar;
mod secret;
mod signature;
mod slot;
mod sm2;
mod sm3;
#[cfg(target_arch = "x86_64")]
mod sm3x16;
mod sm3x8;
mod table;

/// What [`Algorithm`] rests on: nothing to be used by itself.
#[doc(hidden)]
pub mod internals {
    pub use crate::{
        batch::{Answers, Room},
        curve::{Case, Curve, Message, Multiples},
        modulus::Modulus,
        scalar::Scalar,
        slot::Slot,
    };
}

pub use batch::{Item, has_avx512, verify_batch, verify_batch_scalar};
pub use curve::Algorithm;
pub use digest::{digests, digests_scalar};
pub use es256::Es256;
pub use generator::generator_bytes;
pub use key::{BadKey, KnownKey, Rejected, is_point};
pub use keys::{Grown, KnownKeys};
pub use secret::generator_multiple_x;
pub use signature::{BadSignature, Signature};
pub use sm2::{DEFAULT_USER_ID, Sm2};
pub use table::Width;
