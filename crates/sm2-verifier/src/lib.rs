//! Verification of SM2 signatures (GB/T 32918.2, GM/T 0003.2) by keys that are known beforehand.
//!
//! A library that meets a key for the first time has to compute with it. A terminal that checks
//! millions of signatures by a handful of keys can compute once: [`KnownKey`] holds multiples of
//! the key's point, so that a verification is a sum of looked-up points, and [`verify_batch`] adds the
//! points of many signatures with one division for all.
//!
//! [`KnownKeys`] bounds the memory of many keys.
//!
//! **For public data only.** Verification knows no secrets, and this crate relies on that: its time
//! and its memory accesses depend on what it is given. [`generator_multiple_x`] alone is made for secrets.
//!
//! ```
//! use sm2_verifier::{DEFAULT_USER_ID, KnownKey, Signature, Width};
//!
//! # fn check(point: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//! let key = KnownKey::new(point, DEFAULT_USER_ID, Width::BITS_12)?;
//! let signature = Signature::from_raw(signature)?;
//! key.verify(message, &signature)?;
//! # Ok(())
//! # }
//! ```

mod batch;
#[cfg(target_arch = "x86_64")]
mod batch8;
mod curve;
mod digest;
mod field;
#[cfg(target_arch = "x86_64")]
mod field8;
mod generator;
mod hidden;
mod key;
mod keys;
mod scalar;
mod secret;
mod signature;
mod slot;
#[cfg(target_arch = "x86_64")]
mod sm3x16;
mod table;

pub use batch::{Item, has_avx512, verify_batch, verify_batch_scalar};
pub use digest::digests;
pub use generator::generator_bytes;
pub use key::{BadKey, DEFAULT_USER_ID, KnownKey, Rejected};
pub use keys::{Grown, KnownKeys};
pub use secret::generator_multiple_x;
pub use signature::{BadSignature, Signature};
pub use table::Width;
