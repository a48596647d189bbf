#![forbid(unsafe_code)]
//! Signed forms of the electronic licence (电子驾驶证): suites, trust list, licence credential,
//! numeric code.
//!
//! Pure: no I/O, no async, no clock. Bytes that came from outside are an [`Unverified`] or a
//! [`SignedTrustList`]; what can be read out of them is a [`Verified`] or a
//! [`VerifiedTrustList`], and only the check of their signatures makes one. A parser accepts
//! exactly one encoding of each value and never repairs.
//!
//! | Module | Holds |
//! |---|---|
//! | [`suite`], [`key`], [`signature`] | algorithms as values, and what belongs to them |
//! | [`signer`] | the [`Signer`] trait and keys held in memory |
//! | [`trust`] | the trust list: which keys may sign licences |
//! | [`claims`] | what a licence credential says, as deterministic CBOR |
//! | [`cwt`] | the credential itself, CWT in COSE_Sign1: prepare, complete, parse, verify |
//! | [`verify`] | the answer to an offline check of a credential |
//! | [`numeric`] | the 18-digit numeric code |

mod cbor;
pub mod claims;
mod cose;
pub mod cwt;
mod fields;
pub mod key;
pub mod malformed;
pub mod numeric;
pub mod reason;
#[cfg(test)]
mod samples;
pub mod signature;
pub mod signer;
mod sm2_signing;
pub mod suite;
pub mod time;
pub mod trust;
pub mod verify;

pub use claims::{LicenceClaims, Sex, StatusReference, Validity};
pub use cwt::{Prepared, Refusal, Unverified, Verified, issue, prepare};
pub use key::{BadKey, Check, KeyId, NotAKeyId, PublicKey};
pub use malformed::Malformed;
pub use numeric::{NotACode, NumericCode};
pub use reason::Reason;
pub use signature::{BadSignature, Signature};
pub use signer::{IssueError, SignError, Signer, SoftwareSigner};
pub use suite::{Suite, UnknownSuite, UserId};
pub use time::NumericDate;
pub use trust::{
    KeyState, SignedTrustList, TrustList, TrustRefusal, TrustedKey, VerifiedTrustList,
    sign_trust_list,
};
pub use verify::{Answer, check_credential, check_credentials};
