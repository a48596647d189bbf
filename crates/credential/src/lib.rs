#![forbid(unsafe_code)]
//! Signed forms of the electronic licence (电子驾驶证): suites, trust list, licence credential,
//! numeric code, and the codes that a holder's device signs.
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
//! | [`succession`] | whether one trust list may follow another |
//! | [`certificate`] | keys as X.509 certificates |
//! | [`claims`] | what a licence credential says, as deterministic CBOR |
//! | [`cwt`] | the credential itself, CWT in COSE_Sign1: prepare, complete, parse, verify |
//! | [`device`] | the holder's device: its key and the proof that it has it |
//! | [`profile`], [`rest`] | what an offline code carries of a licence, openly and sealed |
//! | [`stamp`] | the server's renewal stamp |
//! | [`code`] | dynamic and offline codes as text, their windows and sizes |
//! | [`status_list`] | status lists: values, compression, JWT and CWT |
//! | [`manifest`] | what files belong to a case file, and their hashes, as JWS |
//! | [`verify`] | the answer to an offline check of a credential or a code |
//! | [`numeric`] | the 18-digit numeric code |

mod base45;
mod catalogue;
mod cbor;
pub mod certificate;
pub mod claims;
pub mod code;
mod cose;
pub mod cwt;
pub mod device;
mod fields;
mod hpke;
pub mod key;
pub mod malformed;
pub mod manifest;
pub mod numeric;
pub mod profile;
pub mod reason;
pub mod rest;
#[cfg(test)]
mod samples;
pub mod signature;
pub mod signer;
mod sm2_signing;
pub mod stamp;
pub mod status_list;
pub mod succession;
pub mod suite;
pub mod time;
pub mod trust;
pub mod verify;

pub use catalogue::reasons;
pub use certificate::Issuing;
pub use claims::{LicenceClaims, Sex, StatusReference, Validity};
pub use code::{Code, CodeRefusal, DynamicCode, NotFresh, OfflineCode};
pub use cwt::{Prepared, Refusal, Unverified, Verified, issue, prepare};
pub use device::{DeviceKey, Handle};
pub use key::{BadKey, Check, KeyId, NotAKeyId, PublicKey};
pub use malformed::Malformed;
pub use manifest::{Manifest, ManifestFile, ManifestRefusal, UnverifiedManifest, sign_manifest};
pub use numeric::{NotACode, NumericCode};
pub use profile::{
    CredentialId, Form, MaskedNumber, ProfileClaims, StatusPlace, UnverifiedProfile,
    VerifiedProfile,
};
pub use reason::Reason;
pub use rest::{EnforcementKey, EnforcementSecret, Rest, RestRefusal, SealedRest};
pub use signature::{BadSignature, Signature};
pub use signer::{IssueError, SignError, Signer, SoftwareSigner};
pub use stamp::{Stamp, StampLapse, StampRefusal};
pub use status_list::{
    CompressedList, ListClaims, ListRefusal, StatusList, UnverifiedStatusList, VerifiedStatusList,
    Width,
};
pub use succession::{KeyChange, KeyStep, NotASuccessor, changes};
pub use suite::{Suite, UnknownSuite, UserId};
pub use time::NumericDate;
pub use trust::{
    KeyState, KeyUse, SignedTrustList, TrustList, TrustRefusal, TrustedKey, VerifiedTrustList,
    sign_trust_list,
};
pub use verify::{
    Answer, Memory, Status, StatusSource, check_code, check_credential, check_credentials,
};
