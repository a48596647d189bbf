//! A signed manifest (清单): which files belong together, each by its SHA-256, as a JWS in compact
//! form (RFC 7515) by an online key.
//!
//! The protected header is exactly `alg`, `kid` and `typ`, and `typ` is [`TYPE`]: what was signed as
//! something else is none of these. The payload is the JSON of [`Manifest`].

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt};

use crate::{
    key::KeyId,
    reason::Reason,
    signature::Signature,
    signer::{SignError, Signer},
    time::NumericDate,
    trust::{KeyState, KeyUse, VerifiedTrustList},
};

/// `typ` of the protected header.
pub const TYPE: &str = "jiazhao-manifest+jws";
/// Largest manifest in bytes: one of a thousand files has a quarter of it.
pub const MAX_MANIFEST: usize = 1 << 20;

/// What belongs together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// In whose name it was made.
    pub iss: String,
    /// What it is about: the identifier of a sanction.
    pub sub: String,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// Who made it: the identifier of an officer.
    pub by: String,
    /// Every file but the manifest itself, each path once.
    pub files: Vec<ManifestFile>,
}

/// A file of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Its path in the archive.
    pub path: String,
    /// SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: KeyId,
    typ: String,
}

/// Signs a manifest.
///
/// # Errors
/// [`SignError`] where the key makes no signature.
pub fn sign_manifest(manifest: &Manifest, signer: &dyn Signer) -> Result<String, SignError> {
    let header = Header {
        alg: signer.suite().jose_algorithm().to_owned(),
        kid: *signer.key_id(),
        typ: TYPE.to_owned(),
    };
    let mut text = format!("{}.{}", part(&header), part(manifest));
    let signature = signer.sign(text.as_bytes())?;
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(signature.as_raw(), &mut text);
    Ok(text)
}

fn part(content: &impl Serialize) -> String {
    // Texts and numbers: serialising them cannot fail.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(content).unwrap_or_default())
}

/// A manifest whose signature nobody has checked. Nothing can be read from it but its key.
#[derive(Clone)]
pub struct UnverifiedManifest {
    key_id: KeyId,
    algorithm: String,
    signed: Vec<u8>,
    signature: Signature,
    manifest: Manifest,
}

impl UnverifiedManifest {
    /// Reads a manifest. Strict: exactly the required members, base64url without padding, each path
    /// once, and no byte more.
    ///
    /// # Errors
    /// [`ManifestRefusal::Malformed`].
    pub fn parse(text: &str) -> Result<Self, ManifestRefusal> {
        Self::read(text).ok_or(ManifestRefusal::Malformed)
    }

    fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_MANIFEST {
            return None;
        }
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let header: Header = read_part(header)?;
        let manifest: Manifest = read_part(payload)?;
        let paths: BTreeSet<&str> = manifest.files.iter().map(|file| &*file.path).collect();
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        (header.typ == TYPE && paths.len() == manifest.files.len()).then_some(())?;
        Some(Self {
            key_id: header.kid,
            algorithm: header.alg,
            signed: signed.as_bytes().to_vec(),
            signature: Signature::from_raw(<[u8; 64]>::try_from(signature).ok()?),
            manifest,
        })
    }

    /// The key that is said to have signed.
    #[must_use]
    pub const fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// Checks key and signature against a trust list.
    ///
    /// # Errors
    /// [`ManifestRefusal`].
    pub fn verify(self, trust: &VerifiedTrustList) -> Result<Manifest, ManifestRefusal> {
        let key = trust.key(&self.key_id).ok_or(ManifestRefusal::UnknownKey)?;
        if self.algorithm != key.public_key.suite().jose_algorithm() {
            return Err(ManifestRefusal::AlgorithmMismatch);
        }
        if key.key_use != KeyUse::Online {
            return Err(ManifestRefusal::WrongUse);
        }
        let checked = key.public_key.verify(&self.signed, &self.signature);
        checked.map_err(|_forged| ManifestRefusal::BadSignature)?;
        if matches!(key.state, KeyState::Revoked { .. }) {
            return Err(ManifestRefusal::KeyDistrusted);
        }
        let made_at = Timestamp::from_second(self.manifest.iat);
        let made_at = made_at.map_err(|_out_of_range| ManifestRefusal::Malformed)?;
        if !key.may_sign_at(NumericDate::floor(made_at)) {
            return Err(ManifestRefusal::KeyNotValidThen);
        }
        Ok(self.manifest)
    }
}

fn read_part<T: serde::de::DeserializeOwned>(part: &str) -> Option<T> {
    let json = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&json).ok()
}

/// Shows nothing of what it says.
impl fmt::Debug for UnverifiedManifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedManifest")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// Why a manifest is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestRefusal {
    /// Not a manifest in its form.
    Malformed,
    /// A key that the trust list does not know.
    UnknownKey,
    /// The header names another algorithm than the key's.
    AlgorithmMismatch,
    /// The key is one of the trust list, and not for this.
    WrongUse,
    /// Altered or forged.
    BadSignature,
    /// The key is trusted no more.
    KeyDistrusted,
    /// It says to have been made when the key might not sign.
    KeyNotValidThen,
}

impl ManifestRefusal {
    /// The stable code and both texts.
    #[must_use]
    pub const fn reason(self) -> Reason {
        let (code, zh, en) = match self {
            Self::Malformed => (
                "manifest-malformed",
                "清单格式不正确",
                "the manifest does not follow its form",
            ),
            Self::UnknownKey => (
                "manifest-unknown-key",
                "清单的签名密钥不在信任列表中",
                "the manifest is signed by a key that is not in the trust list",
            ),
            Self::AlgorithmMismatch => (
                "manifest-algorithm-mismatch",
                "清单的签名算法与密钥不符",
                "the algorithm of the manifest is not the key's",
            ),
            Self::WrongUse => (
                "key-wrong-use",
                "签名所用的密钥不用于此类内容",
                "the signing key is not for content of this kind",
            ),
            Self::BadSignature => (
                "manifest-bad-signature",
                "清单的签名验证失败",
                "the signature of the manifest does not verify",
            ),
            Self::KeyDistrusted => (
                "manifest-key-distrusted",
                "清单的签名密钥已不受信任",
                "the key that signed the manifest is no longer trusted",
            ),
            Self::KeyNotValidThen => (
                "manifest-key-not-valid-then",
                "清单的签署时间不在签名密钥的有效期内",
                "the manifest was signed outside the period of its key",
            ),
        };
        Reason::new(code, zh, en)
    }
}

impl fmt::Display for ManifestRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reason { code, zh, en } = self.reason();
        write!(f, "{code}: {en} ({zh})")
    }
}

impl std::error::Error for ManifestRefusal {}

#[cfg(test)]
mod tests;
