//! Public keys and their identifiers.

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey},
};
use serde::{Deserialize, Serialize};
use sm2_verifier::{
    Algorithm, Es256, Item, KnownKey, KnownKeys, Signature as InRange, digests, is_point,
    verify_batch,
};
use std::{
    fmt,
    str::FromStr,
    sync::{Arc, LazyLock, OnceLock},
};

use crate::{
    cbor::Value,
    fields::{self, Fields},
    malformed::Malformed,
    signature::{BadSignature, Signature},
    suite::Suite,
};

/// Identifier of a key: the first 16 bytes of SHA-256 over the suite's text form, a zero byte,
/// and the point in uncompressed form. Shown as 32 hexadecimal digits.
///
/// The suite is part of it, so that a key cannot be read under another algorithm or user id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId([u8; 16]);

impl KeyId {
    /// From its bytes, as a COSE header carries them.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    fn of(suite: &Suite, point: &[u8; 65]) -> Self {
        let mut input = suite.to_string().into_bytes();
        input.push(0);
        input.extend_from_slice(point);
        let hash = digest(&SHA256, &input);
        // SHA-256 has 32 bytes: there is always a first half.
        Self(hash.as_ref().first_chunk().copied().unwrap_or_default())
    }
}

/// The text is not 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not-a-key-id: 32 hexadecimal digits in lower case are required (密钥标识无效)")]
pub struct NotAKeyId;

impl FromStr for KeyId {
    type Err = NotAKeyId;

    fn from_str(text: &str) -> Result<Self, NotAKeyId> {
        let mut bytes = [0; 16];
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) if !text.bytes().any(|b| b.is_ascii_uppercase()) => Ok(Self(bytes)),
            Ok(()) | Err(_) => Err(NotAKeyId),
        }
    }
}

impl TryFrom<String> for KeyId {
    type Error = NotAKeyId;

    fn try_from(text: String) -> Result<Self, NotAKeyId> {
        text.parse()
    }
}

impl From<KeyId> for String {
    fn from(key_id: KeyId) -> Self {
        key_id.to_string()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// A public key that lies on its suite's curve.
#[derive(Clone)]
pub struct PublicKey {
    suite: Suite,
    point: [u8; 65],
    key_id: OnceLock<KeyId>,
    verifier: Verifier,
}

#[derive(Clone)]
enum Verifier {
    /// A key of which nothing is known: of somebody's device, say.
    Es256(ByProvider),
    /// One of [`KNOWN_KEYS`], and the same for as long as it has no table: the provider is faster then.
    KnownEs256(Arc<KnownKey<Es256>>, ByProvider),
    /// One of [`KNOWN_KEYS`].
    Sm2(Arc<KnownKey>),
}

/// The provider's form of a key, made when it is first needed: a credential names its holder's device key, by which
/// nothing is verified where the credential alone is checked.
#[derive(Clone, Default)]
struct ByProvider(OnceLock<Option<ParsedPublicKey>>);

impl ByProvider {
    fn verify(&self, point: &[u8; 65], message: &[u8], signature: &[u8; 64]) -> bool {
        let parsed = || ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok();
        let key = self.0.get_or_init(parsed).as_ref();
        key.is_some_and(|key| key.verify_sig(message, signature).is_ok())
    }
}

/// Every SM2 key of the process, and those for ES256 that sign often. A key is the same one however often a trust
/// list is read, so that its table of multiples is built once.
static KNOWN_KEYS: LazyLock<KnownKeys> = LazyLock::new(|| KnownKeys::new(TABLES));

/// Bytes that their tables may take: room for twenty keys in daily use. Of a list with more, those that are
/// used most have tables.
const TABLES: usize = 64 << 20;

/// One signature of many.
#[derive(Clone, Debug)]
pub struct Check<'a> {
    /// The key.
    pub key: &'a PublicKey,
    /// What is signed; hashing it is part of the check.
    pub message: Vec<u8>,
    /// The signature.
    pub signature: &'a Signature,
}

/// The bytes are not a key of the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bad-key: not a usable key of the suite (密钥无效)")]
pub struct BadKey;

impl PublicKey {
    /// From the uncompressed point of SEC 1, 65 bytes. Compressed points, points off the curve
    /// and the point at infinity are refused.
    ///
    /// # Errors
    /// [`BadKey`].
    pub fn from_sec1(suite: Suite, point: &[u8]) -> Result<Self, BadKey> {
        let Ok(point) = <[u8; 65]>::try_from(point) else {
            return Err(BadKey);
        };
        let [4, ..] = point else {
            return Err(BadKey);
        };
        let verifier = match &suite {
            Suite::Es256 => {
                is_point::<Es256>(&point).then(|| Verifier::Es256(ByProvider::default()))
            }
            Suite::Sm2Sm3(id) => KNOWN_KEYS
                .key(&point, id.as_str().as_bytes())
                .map(Verifier::Sm2)
                .ok(),
        };
        Ok(Self {
            key_id: OnceLock::new(),
            verifier: verifier.ok_or(BadKey)?,
            suite,
            point,
        })
    }

    /// The same key, of which many signatures are to be expected: an issuer's. Those are verified several times
    /// as fast once it has been met often enough.
    #[must_use]
    pub(crate) fn met_often(self) -> Self {
        let verifier = match self.verifier {
            Verifier::Es256(by_provider) => match KNOWN_KEYS.es256_key(&self.point) {
                Ok(known) => Verifier::KnownEs256(known, by_provider),
                // Of a point that was found to be one: it never happens, and changes no answer.
                Err(_) => Verifier::Es256(by_provider),
            },
            known @ (Verifier::KnownEs256(..) | Verifier::Sm2(_)) => known,
        };
        Self { verifier, ..self }
    }

    /// The uncompressed point of SEC 1.
    #[must_use]
    pub fn to_sec1(&self) -> [u8; 65] {
        self.point
    }

    /// `SubjectPublicKeyInfo` in DER (RFC 5480), as OpenSSL reads it for both suites.
    #[must_use]
    pub fn to_spki_der(&self) -> Vec<u8> {
        let mut der = match &self.suite {
            Suite::Es256 => SPKI_P256.to_vec(),
            Suite::Sm2Sm3(_) => SPKI_SM2.to_vec(),
        };
        der.extend_from_slice(&self.point);
        der
    }

    /// The suite under which this key verifies.
    #[must_use]
    pub fn suite(&self) -> &Suite {
        &self.suite
    }

    /// Its identifier.
    #[must_use]
    pub fn key_id(&self) -> &KeyId {
        let key_id = || KeyId::of(&self.suite, &self.point);
        self.key_id.get_or_init(key_id)
    }

    /// Verifies a signature over a message; hashing is part of it.
    ///
    /// # Errors
    /// [`BadSignature`], also where r or s is out of range.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        let raw = signature.as_raw();
        let by_provider = |key: &ByProvider| key.verify(&self.point, message, raw);
        let good = match &self.verifier {
            Verifier::Es256(key) => by_provider(key),
            Verifier::KnownEs256(key, provider) => InRange::from_raw(raw).is_ok_and(|signature| {
                let by_table = key.verify_by_table(message, &signature);
                by_table.map_or_else(|| by_provider(provider), |verdict| verdict.is_ok())
            }),
            Verifier::Sm2(key) => InRange::from_raw(raw)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
        };
        if good { Ok(()) } else { Err(BadSignature) }
    }

    /// Verifies many at once, which is several times as fast for keys that are met often; the answers are in
    /// the order of the checks, and each is what [`PublicKey::verify`] says of it.
    #[must_use]
    pub fn verify_all(checks: &[Check<'_>]) -> Vec<Result<(), BadSignature>> {
        let mut answers = vec![Err(BadSignature); checks.len()];
        let (mut sm2, mut es256) = (Vec::new(), Vec::new());
        for (answer, check) in answers.iter_mut().zip(checks) {
            match &check.key.verifier {
                Verifier::Sm2(key) => sm2.extend(Of::key(key, check, answer)),
                Verifier::KnownEs256(key, _) => es256.extend(Of::key(key, check, answer)),
                Verifier::Es256(_) => *answer = check.key.verify(&check.message, check.signature),
            }
        }
        Of::judge(sm2);
        Of::judge(es256);
        answers
    }

    /// The digest that a key of SM2 signs, which covers the key and its user id.
    pub(crate) fn sm2_digest(&self, message: &[u8]) -> Option<[u8; 32]> {
        match &self.verifier {
            Verifier::Sm2(key) => Some(key.digest(message)),
            Verifier::Es256(_) | Verifier::KnownEs256(..) => None,
        }
    }

    /// As `COSE_Key` (RFC 9052 section 7). Only P-256 has registered numbers there.
    pub(crate) fn to_cose_key(&self) -> Value<'_> {
        let (x, y) = self.point.get(1..).unwrap_or_default().split_at(32);
        Value::Map(vec![
            (Value::from(COSE_KTY.0), Value::from(COSE_KTY_EC2)),
            (Value::from(COSE_CRV.0), Value::from(COSE_CRV_P256)),
            (Value::from(COSE_X.0), Value::bytes(x)),
            (Value::from(COSE_Y.0), Value::bytes(y)),
        ])
    }

    pub(crate) fn from_cose_key(value: &Value<'_>, name: &'static str) -> Result<Self, Malformed> {
        let mut fields = Fields::open(value, name)?;
        let kty = fields.required(COSE_KTY, |value, _| Ok(value.as_i64()))?;
        let crv = fields.required(COSE_CRV, |value, _| Ok(value.as_i64()))?;
        let x: [u8; 32] = fields.required(COSE_X, fields::array_of)?;
        let y: [u8; 32] = fields.required(COSE_Y, fields::array_of)?;
        fields.close()?;
        if (kty, crv) != (Some(COSE_KTY_EC2), Some(COSE_CRV_P256)) {
            return Err(Malformed::ClaimValue(name));
        }
        let point = [&[4][..], &x, &y].concat();
        match Self::from_sec1(Suite::Es256, &point) {
            Ok(key) => Ok(key),
            Err(BadKey) => Err(Malformed::BadPublicKey),
        }
    }
}

/// One check of many with the key of an algorithm, and the place of its answer.
struct Of<'a, A: Algorithm> {
    key: &'a KnownKey<A>,
    message: &'a [u8],
    signature: InRange<A>,
    answer: &'a mut Result<(), BadSignature>,
}

impl<'a, A: Algorithm> Of<'a, A> {
    /// `None` where r or s is out of range.
    fn key(
        key: &'a KnownKey<A>,
        check: &'a Check<'_>,
        answer: &'a mut Result<(), BadSignature>,
    ) -> Option<Self> {
        Some(Self {
            key,
            message: &check.message,
            signature: InRange::from_raw(check.signature.as_raw()).ok()?,
            answer,
        })
    }

    fn judge(checks: Vec<Self>) {
        let messages: Vec<_> = checks.iter().map(|it| (it.key, it.message)).collect();
        let items = digests(&messages).into_iter().zip(&checks);
        let items: Vec<_> = items
            .map(|(digest, it)| Item {
                key: it.key,
                digest,
                signature: it.signature,
            })
            .collect();
        for (it, verdict) in checks.into_iter().zip(verify_batch(&items)) {
            *it.answer = verdict.map_err(|_rejected| BadSignature);
        }
    }
}

const COSE_KTY: fields::Key = (1, "kty");
const COSE_CRV: fields::Key = (-1, "crv");
const COSE_X: fields::Key = (-2, "x");
const COSE_Y: fields::Key = (-3, "y");
const COSE_KTY_EC2: i64 = 2;
const COSE_CRV_P256: i64 = 1;

/// SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING of 65 bytes }.
const SPKI_P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The same with the curve 1.2.156.10197.1.301.
const SPKI_SM2: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d, 0x03, 0x42, 0x00,
];

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.suite == other.suite && self.point == other.point
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} {})", self.suite, self.key_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_ids_are_lower_case_hexadecimal() {
        let id = "00112233445566778899aabbccddeeff";
        assert_eq!(id.parse::<KeyId>().unwrap().to_string(), id);
        for text in [
            "",
            "00",
            "00112233445566778899AABBCCDDEEFF",
            "zz112233445566778899aabbccddeeff",
        ] {
            assert_eq!(text.parse::<KeyId>(), Err(NotAKeyId), "{text}");
        }
    }

    #[test]
    fn points_that_are_none_are_refused() {
        for suite in [Suite::Es256, Suite::sm2()] {
            let mut off_curve = [7; 65];
            off_curve[0] = 4;
            assert_eq!(PublicKey::from_sec1(suite.clone(), &off_curve), Err(BadKey));
            assert_eq!(PublicKey::from_sec1(suite.clone(), &[0]), Err(BadKey));
            assert_eq!(PublicKey::from_sec1(suite.clone(), &[0; 65]), Err(BadKey));
            assert_eq!(PublicKey::from_sec1(suite, &[]), Err(BadKey));
        }
    }
}
