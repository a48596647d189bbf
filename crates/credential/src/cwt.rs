//! The licence credential: claims as CWT in a tagged `COSE_Sign1`.
//!
//! Issuing is split in two, so that a key in hardware can sign in between: [`prepare`] gives the
//! bytes to be signed, [`Prepared::complete`] the credential. Reading is split in two as well:
//! [`Unverified`] can be asked for its key only, and [`Verified`] exists only after the check.

use std::fmt;

use crate::{
    claims::LicenceClaims,
    cose::{Content, Sign1, Unsigned},
    key::{KeyId, PublicKey},
    malformed::Malformed,
    reason::Reason,
    signature::{BadSignature, Signature},
    signer::{IssueError, Signer},
    suite::Suite,
    trust::{KeyState, KeyUse, TrustedKey, VerifiedTrustList},
};

/// Largest credential in bytes. One with every claim is about 650; its ten texts at their longest
/// stay below this.
pub const MAX_CREDENTIAL: usize = 8192;

/// Claims ready to be signed by one key.
#[derive(Clone)]
pub struct Prepared(Unsigned);

/// Prepares a credential for the key.
///
/// # Errors
/// [`Malformed`] where the strict parser would refuse what is about to be signed.
pub fn prepare(
    claims: &LicenceClaims,
    suite: &Suite,
    key_id: &KeyId,
) -> Result<Prepared, Malformed> {
    let payload = claims.to_cbor();
    if payload.len() > MAX_CREDENTIAL - MAX_ENVELOPE {
        return Err(Malformed::TooLarge);
    }
    if LicenceClaims::from_cbor(&payload)? != *claims {
        return Err(Malformed::NotCanonical);
    }
    let body = Unsigned::new(Content::Licence, suite, key_id, payload);
    Ok(Prepared(body))
}

/// Headers, signature and heads around a payload: 102 bytes with SM2, the longer of the two.
const MAX_ENVELOPE: usize = 128;

impl Prepared {
    /// The bytes that the key signs (`Sig_structure`); hashing is the key's part.
    #[must_use]
    pub fn to_be_signed(&self) -> Vec<u8> {
        self.0.to_be_signed()
    }

    /// The credential.
    #[must_use]
    pub fn complete(self, signature: &Signature) -> Vec<u8> {
        self.0.complete(signature)
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").finish_non_exhaustive()
    }
}

/// Prepares, signs and completes at once, where the key answers at once.
///
/// # Errors
/// [`IssueError`].
pub fn issue(claims: &LicenceClaims, signer: &dyn Signer) -> Result<Vec<u8>, IssueError> {
    let prepared = prepare(claims, signer.suite(), signer.key_id())?;
    let signature = signer.sign(&prepared.to_be_signed())?;
    Ok(prepared.complete(&signature))
}

/// A credential whose signature nobody has checked. Its claims cannot be read.
#[derive(Clone)]
pub struct Unverified(Sign1);

impl Unverified {
    /// Reads the envelope. Strict: one encoding, exactly the required headers, no byte more.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > MAX_CREDENTIAL {
            return Err(Malformed::TooLarge);
        }
        Sign1::parse(bytes, Content::Licence).map(Self)
    }

    /// The key that is said to have signed.
    #[must_use]
    pub fn key_id(&self) -> &KeyId {
        &self.0.key_id
    }

    /// The bytes that the key is said to have signed.
    #[must_use]
    pub fn to_be_signed(&self) -> Vec<u8> {
        self.0.body.to_be_signed()
    }

    /// The signature that is said to be over them.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.0.signature
    }

    /// What it says, whoever signed it. Only for the issuer who signs its own stored credential anew,
    /// because the key of the present form is trusted no more, and knows by other means that it lay
    /// there unchanged.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn dangerous_claims(&self) -> Result<LicenceClaims, Malformed> {
        LicenceClaims::from_cbor(self.0.body.payload())
    }

    /// Checks key, signature and claims against a trust list.
    ///
    /// Whether the credential is in force at some instant is not asked here: that depends on a
    /// clock, authenticity does not.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn verify(&self, trust: &VerifiedTrustList) -> Result<Verified, Refusal> {
        let key = self.trusted_key(trust)?;
        let signature = self.0.verify(&key.public_key);
        self.judged(key, signature)
    }

    /// [`Unverified::verify`] of many at once, which is several times as fast with SM2. The answers are in
    /// the order of the credentials.
    #[must_use]
    pub fn verify_all(
        credentials: &[Self],
        trust: &VerifiedTrustList,
    ) -> Vec<Result<Verified, Refusal>> {
        let keys: Vec<_> = credentials.iter().map(|it| it.trusted_key(trust)).collect();
        let with_key = credentials.iter().zip(&keys);
        let checks: Vec<_> = with_key
            .filter_map(|(it, key)| Some(it.0.check(&key.as_ref().ok()?.public_key)))
            .collect();
        let mut verdicts = PublicKey::verify_all(&checks).into_iter();
        let judged = credentials.iter().zip(keys).map(|(it, key)| {
            let key = key?;
            it.judged(key, verdicts.next().unwrap_or(Err(BadSignature)))
        });
        judged.collect()
    }

    fn trusted_key<'a>(&self, trust: &'a VerifiedTrustList) -> Result<&'a TrustedKey, Refusal> {
        let Some(key) = trust.key(&self.0.key_id) else {
            return Err(self.unknown_key(trust));
        };
        if self.0.algorithm != key.public_key.suite().cose_algorithm() {
            return Err(Refusal::AlgorithmMismatch);
        }
        if key.key_use != KeyUse::Licence {
            return Err(Refusal::WrongUse);
        }
        Ok(key)
    }

    /// What follows from the signature's check.
    fn judged(
        &self,
        key: &TrustedKey,
        signature: Result<(), BadSignature>,
    ) -> Result<Verified, Refusal> {
        if signature.is_err() {
            return Err(Refusal::BadSignature);
        }
        if matches!(key.state, KeyState::Revoked { .. }) {
            return Err(Refusal::KeyDistrusted);
        }
        let claims = LicenceClaims::from_cbor(self.0.body.payload()).map_err(Refusal::Malformed)?;
        if claims.issuer != key.issuer {
            return Err(Refusal::IssuerMismatch);
        }
        if !key.may_sign_at(claims.issued_at) {
            return Err(Refusal::KeyNotValidThen);
        }
        Ok(Verified {
            claims,
            key: key.clone(),
        })
    }

    /// Under a key that nobody knows: somebody else's credential, or one that uses our issuer's
    /// name. The unverified name decides only which of two refusals is shown.
    fn unknown_key(&self, trust: &VerifiedTrustList) -> Refusal {
        let claimed = LicenceClaims::from_cbor(self.0.body.payload());
        let ours = |issuer: &str| trust.list().keys.iter().any(|key| key.issuer == issuer);
        match claimed {
            Ok(claims) if ours(&claims.issuer) => Refusal::ReSigned,
            Ok(_) | Err(_) => Refusal::Foreign,
        }
    }
}

impl fmt::Debug for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unverified")
            .field("key_id", self.key_id())
            .finish_non_exhaustive()
    }
}

/// Why a well-formed credential is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// An issuer and a key that the trust list does not know.
    Foreign,
    /// It names an issuer of the trust list, but the key is not one of that list.
    ReSigned,
    /// The key is one of the trust list, and not for licences.
    WrongUse,
    /// The key is known; the signature is not its own over these bytes: altered or forged.
    BadSignature,
    /// The header names another algorithm than the key's.
    AlgorithmMismatch,
    /// The key signed it, and is trusted no more.
    KeyDistrusted,
    /// It says to have been signed when the key might not sign.
    KeyNotValidThen,
    /// The key signs in another issuer's name.
    IssuerMismatch,
    /// The signature verifies, in the second of two forms that ES256 allows: somebody other than
    /// the issuer rewrote it.
    Malleated,
    /// Signed, and yet not a licence credential.
    Malformed(Malformed),
}

impl Refusal {
    /// The stable code and both texts.
    #[must_use]
    pub const fn reason(self) -> Reason {
        let (code, zh, en) = match self {
            Self::Foreign => (
                "foreign-issuer",
                "签发者不在信任列表中",
                "the issuer is not in the trust list",
            ),
            Self::ReSigned => (
                "re-signed",
                "冒用签发者名义，签名密钥不在信任列表中",
                "it bears a trusted issuer's name, but the signing key is not in the trust list",
            ),
            Self::WrongUse => (
                "key-wrong-use",
                "签名所用的密钥不用于此类内容",
                "the signing key is not for content of this kind",
            ),
            Self::BadSignature => (
                "bad-signature",
                "签名验证失败，内容被改动或系伪造",
                "the signature does not verify: altered or forged",
            ),
            Self::AlgorithmMismatch => (
                "algorithm-mismatch",
                "签名算法与密钥不符",
                "the algorithm is not the key's",
            ),
            Self::KeyDistrusted => (
                "key-distrusted",
                "签发所用的密钥已不受信任，请持证人更新电子证",
                "the signing key is no longer trusted; the holder needs a newly signed credential",
            ),
            Self::KeyNotValidThen => (
                "key-not-valid-then",
                "签发时间不在签名密钥的有效期内",
                "signed outside the period of the signing key",
            ),
            Self::IssuerMismatch => (
                "issuer-mismatch",
                "签发者名称与签名密钥不符",
                "the signing key belongs to another issuer",
            ),
            Self::Malleated => (
                "signature-malleated",
                "签名形式被改写",
                "the signature was rewritten into its other form",
            ),
            Self::Malformed(malformed) => return malformed.reason(),
        };
        Reason::new(code, zh, en)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reason { code, zh, en } = self.reason();
        write!(f, "{code}: {en} ({zh})")
    }
}

impl std::error::Error for Refusal {}

/// A credential that a trusted key signed. Only [`Unverified::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    claims: LicenceClaims,
    key: TrustedKey,
}

impl Verified {
    /// What it says.
    #[must_use]
    pub fn claims(&self) -> &LicenceClaims {
        &self.claims
    }

    /// The key that signed it.
    #[must_use]
    pub fn key(&self) -> &TrustedKey {
        &self.key
    }

    pub(crate) fn into_parts(self) -> (LicenceClaims, TrustedKey) {
        (self.claims, self.key)
    }
}

#[cfg(test)]
mod tests;
