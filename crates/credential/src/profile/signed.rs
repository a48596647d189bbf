//! A profile in its `COSE_Sign1`: prepare, complete, parse, verify.

use std::fmt;

use super::{Kind, ProfileClaims};
use crate::{
    cose::{Content, Sign1, Unsigned},
    cwt::Refusal,
    key::KeyId,
    malformed::Malformed,
    signature::Signature,
    signer::{IssueError, Signer},
    suite::Suite,
    trust::{KeyState, KeyUse, TrustedKey, VerifiedTrustList},
};

/// Largest profile in bytes: no QR symbol in use holds a larger one.
const MAX_PROFILE: usize = 1024;

/// A profile ready to be signed by one key.
#[derive(Clone)]
pub struct PreparedProfile {
    body: Unsigned,
    suite: Suite,
}

/// Prepares a profile for the key.
///
/// # Errors
/// [`Malformed`] where the strict parser would refuse what is about to be signed.
pub fn prepare(
    claims: &ProfileClaims,
    suite: &Suite,
    key_id: &KeyId,
) -> Result<PreparedProfile, Malformed> {
    let payload = claims.to_cbor();
    if ProfileClaims::from_cbor(&payload, claims.kind())? != *claims {
        return Err(Malformed::NotCanonical);
    }
    let prepared = PreparedProfile {
        body: Unsigned::new(claims.kind().content(), suite, key_id, payload),
        suite: suite.clone(),
    };
    if prepared.length() > MAX_PROFILE {
        return Err(Malformed::TooLarge);
    }
    Ok(prepared)
}

impl PreparedProfile {
    /// The bytes that the key signs (`Sig_structure`); hashing is the key's part.
    #[must_use]
    pub fn to_be_signed(&self) -> Vec<u8> {
        self.body.to_be_signed()
    }

    /// The profile's bytes. An ES256 signature gets its settled form, the one that verifiers take.
    #[must_use]
    pub fn complete(self, signature: &Signature) -> Vec<u8> {
        self.body.complete(&signature.settled(&self.suite))
    }

    /// How long the profile will be, whatever its signature.
    pub(crate) fn length(&self) -> usize {
        let any = Signature::from_raw([0; 64]);
        self.body.clone().complete(&any).len()
    }
}

impl fmt::Debug for PreparedProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedProfile").finish_non_exhaustive()
    }
}

/// Prepares, signs and completes at once, where the key answers at once.
///
/// # Errors
/// [`IssueError`].
pub fn issue(claims: &ProfileClaims, signer: &dyn Signer) -> Result<Vec<u8>, IssueError> {
    let prepared = prepare(claims, signer.suite(), signer.key_id())?;
    let signature = signer.sign(&prepared.to_be_signed())?;
    Ok(prepared.complete(&signature))
}

/// A profile whose signature nobody has checked. Its claims cannot be read.
#[derive(Clone)]
pub struct UnverifiedProfile {
    sign1: Sign1,
    kind: Kind,
}

impl UnverifiedProfile {
    /// Reads the envelope of either profile.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > MAX_PROFILE {
            return Err(Malformed::TooLarge);
        }
        let parsed =
            |kind: Kind| Sign1::parse(bytes, kind.content()).map(|sign1| Self { sign1, kind });
        match parsed(Kind::Public) {
            Err(Malformed::WrongType) => parsed(Kind::Enforcement),
            other => other,
        }
    }

    /// The key that is said to have signed.
    #[must_use]
    pub fn key_id(&self) -> &KeyId {
        &self.sign1.key_id
    }

    /// The bytes that the key is said to have signed.
    #[must_use]
    pub fn to_be_signed(&self) -> Vec<u8> {
        self.sign1.body.to_be_signed()
    }

    /// The signature that is said to be over them.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.sign1.signature
    }

    /// Checks key, signature and claims against a trust list.
    ///
    /// Whether the profile is in force at some instant is not asked here: that depends on a clock,
    /// authenticity does not.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn verify(&self, trust: &VerifiedTrustList) -> Result<VerifiedProfile, Refusal> {
        let key = trust.key(self.key_id()).ok_or(Refusal::Foreign)?;
        let suite = key.public_key.suite();
        if self.sign1.algorithm != suite.cose_algorithm() {
            return Err(Refusal::AlgorithmMismatch);
        }
        if key.key_use != KeyUse::Licence {
            return Err(Refusal::WrongUse);
        }
        if self.sign1.verify(&key.public_key).is_err() {
            return Err(Refusal::BadSignature);
        }
        if !self.sign1.signature.is_settled(suite) {
            return Err(Refusal::Malleated);
        }
        if matches!(key.state, KeyState::Revoked { .. }) {
            return Err(Refusal::KeyDistrusted);
        }
        let claims = ProfileClaims::from_cbor(self.sign1.body.payload(), self.kind)
            .map_err(Refusal::Malformed)?;
        if !key.may_sign_at(claims.issued_at) {
            return Err(Refusal::KeyNotValidThen);
        }
        Ok(VerifiedProfile {
            claims,
            key: key.clone(),
        })
    }
}

impl Kind {
    fn content(self) -> Content {
        match self {
            Self::Public => Content::PublicProfile,
            Self::Enforcement => Content::EnforcementProfile,
        }
    }
}

impl fmt::Debug for UnverifiedProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedProfile")
            .field("key_id", self.key_id())
            .finish_non_exhaustive()
    }
}

/// A profile that a trusted key signed. Only [`UnverifiedProfile::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedProfile {
    claims: ProfileClaims,
    key: TrustedKey,
}

impl VerifiedProfile {
    /// What it says.
    #[must_use]
    pub fn claims(&self) -> &ProfileClaims {
        &self.claims
    }

    /// The key that signed it.
    #[must_use]
    pub fn key(&self) -> &TrustedKey {
        &self.key
    }
}
