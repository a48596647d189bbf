//! The signed forms of a status list: `statuslist+jwt` and `statuslist+cwt`.
//!
//! | Claim | JWT | CWT |
//! |---|---|---|
//! | the list's public address | `sub` | 2 |
//! | signed at | `iat` | 6 |
//! | stale from | `exp` | 4 |
//! | seconds that a copy may be kept | `ttl` | 65534 |
//! | the list | `status_list` | 65533 |

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fmt;

use super::{CompressedList, JsonList, StatusList, Width};
use crate::{
    cbor::Value,
    cose::{self, Content, Sign1, Unsigned},
    fields::{self, Fields, Key},
    key::KeyId,
    malformed::Malformed,
    reason::Reason,
    signature::{BadSignature, Signature},
    signer::{IssueError, Signer},
    time::NumericDate,
    trust::{KeyState, KeyUse, TrustedKey, VerifiedTrustList},
};

/// Largest token in bytes: one of 8-bit entries that do not compress, twice in base64, fits.
pub const MAX_TOKEN: usize = 2 << 20;

const SUBJECT: Key = (2, "sub");
const EXPIRES_AT: Key = (4, "exp");
const ISSUED_AT: Key = (6, "iat");
const STATUS_LIST: Key = (65_533, "status_list");
const TTL: Key = (65_534, "ttl");

/// What a signed list says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListClaims {
    /// The list's public address; credentials name it.
    pub subject: String,
    /// When its values were so.
    pub issued_at: NumericDate,
    /// From this instant on it is stale.
    pub expires_at: NumericDate,
    /// Seconds after which a newer one may be there.
    pub ttl: u64,
    /// The values.
    pub list: CompressedList,
}

impl ListClaims {
    /// The list's number: the last segment of its address.
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        let (_, last) = self.subject.rsplit_once('/')?;
        let number: u32 = last.parse().ok()?;
        // One spelling for each: neither 07 nor +7.
        (number.to_string() == last).then_some(number)
    }

    fn to_cbor(&self) -> Vec<u8> {
        Value::Map(vec![
            (Value::from(SUBJECT.0), Value::text(&self.subject)),
            (Value::from(EXPIRES_AT.0), self.expires_at.encode()),
            (Value::from(ISSUED_AT.0), self.issued_at.encode()),
            (Value::from(STATUS_LIST.0), self.list.encode()),
            (Value::from(TTL.0), Value::Unsigned(self.ttl)),
        ])
        .encode()
    }

    fn from_cbor(bytes: &[u8]) -> Result<Self, Malformed> {
        let value = Value::decode(bytes)?;
        let mut fields = Fields::open(&value, "claims")?;
        let claims = Self {
            subject: fields.required(SUBJECT, fields::text)?,
            issued_at: fields.required(ISSUED_AT, NumericDate::decode)?,
            expires_at: fields.required(EXPIRES_AT, NumericDate::decode)?,
            ttl: fields.required(TTL, fields::unsigned)?,
            list: fields.required(STATUS_LIST, CompressedList::decode)?,
        };
        fields.close()?;
        claims.checked()
    }

    fn to_json(&self) -> JsonClaims {
        JsonClaims {
            sub: self.subject.clone(),
            iat: self.issued_at.timestamp().as_second(),
            exp: self.expires_at.timestamp().as_second(),
            ttl: self.ttl,
            status_list: self.list.json(),
        }
    }

    fn from_json(claims: JsonClaims) -> Result<Self, Malformed> {
        let instant = |second, name| match Timestamp::from_second(second) {
            Ok(instant) => Ok(NumericDate::floor(instant)),
            Err(_out_of_range) => Err(Malformed::ClaimValue(name)),
        };
        Self {
            subject: fields::text(&Value::text(claims.sub), SUBJECT.1)?,
            issued_at: instant(claims.iat, ISSUED_AT.1)?,
            expires_at: instant(claims.exp, EXPIRES_AT.1)?,
            ttl: claims.ttl,
            list: CompressedList::of_json(claims.status_list)?,
        }
        .checked()
    }

    /// What both forms ask for.
    fn checked(self) -> Result<Self, Malformed> {
        if self.number().is_none() {
            return Err(Malformed::ClaimValue(SUBJECT.1));
        }
        if self.expires_at <= self.issued_at {
            return Err(Malformed::ClaimValue(EXPIRES_AT.1));
        }
        if self.ttl == 0 {
            return Err(Malformed::ClaimValue(TTL.1));
        }
        Ok(self)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonClaims {
    sub: String,
    iat: i64,
    exp: i64,
    ttl: u64,
    status_list: JsonList,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonHeader {
    alg: String,
    kid: KeyId,
    typ: String,
}

const JWT_TYPE: &str = "statuslist+jwt";

/// Signs a list as CWT.
///
/// # Errors
/// [`IssueError::Unfit`] where the strict parser would refuse it; [`IssueError::Sign`].
pub fn sign_cwt(claims: &ListClaims, signer: &dyn Signer) -> Result<Vec<u8>, IssueError> {
    let payload = claims.clone().checked()?.to_cbor();
    let body = Unsigned::new(
        Content::StatusList,
        signer.suite(),
        signer.key_id(),
        payload,
    );
    let signature = signer.sign(&body.to_be_signed())?;
    let token = body.complete(&signature);
    let read = UnverifiedStatusList::from_cwt(&token)?;
    read.unfit(claims).map_or(Ok(token), Err)
}

/// Signs a list as JWT (RFC 7519).
///
/// # Errors
/// As [`sign_cwt`].
pub fn sign_jwt(claims: &ListClaims, signer: &dyn Signer) -> Result<String, IssueError> {
    let header = JsonHeader {
        alg: signer.suite().jose_algorithm().to_owned(),
        kid: *signer.key_id(),
        typ: JWT_TYPE.to_owned(),
    };
    let mut token = format!("{}.{}", part(&header), part(&claims.to_json()));
    let signature = signer.sign(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature.as_raw(), &mut token);
    let read = UnverifiedStatusList::from_jwt(&token)?;
    read.unfit(claims).map_or(Ok(token), Err)
}

fn part(content: &impl Serialize) -> String {
    // Texts and numbers: serialising them cannot fail.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(content).unwrap_or_default())
}

/// A list whose signature nobody has checked. Nothing can be read from it but its key.
#[derive(Clone)]
pub struct UnverifiedStatusList {
    key_id: KeyId,
    algorithm: Algorithm,
    signed: Vec<u8>,
    signature: Signature,
    claims: ListClaims,
}

/// The header's algorithm, as each form writes it.
#[derive(Clone)]
enum Algorithm {
    Jose(String),
    Cose(i64),
}

impl UnverifiedStatusList {
    /// Reads either form.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.first() == Some(&cose::FIRST_BYTE) {
            return Self::from_cwt(bytes);
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::from_jwt(text),
            Err(_neither) => Err(Malformed::NotStatusList),
        }
    }

    /// Reads a CWT. Strict: one encoding, exactly the required headers and claims.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn from_cwt(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > MAX_TOKEN {
            return Err(Malformed::TooLarge);
        }
        let parsed = Sign1::parse(bytes, Content::StatusList)?;
        Ok(Self {
            key_id: parsed.key_id,
            algorithm: Algorithm::Cose(parsed.algorithm),
            claims: ListClaims::from_cbor(parsed.body.payload())?,
            signed: parsed.body.to_be_signed(),
            signature: parsed.signature,
        })
    }

    /// Reads a JWT in its compact form. Strict: exactly the required header members and claims, base64url
    /// without padding, and no byte more; the order of members is free.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn from_jwt(text: &str) -> Result<Self, Malformed> {
        if text.len() > MAX_TOKEN {
            return Err(Malformed::TooLarge);
        }
        let parts = text.rsplit_once('.');
        let (signed, signature) = parts.ok_or(Malformed::NotStatusList)?;
        let (header, payload) = signed.split_once('.').ok_or(Malformed::NotStatusList)?;
        let header: JsonHeader = read_part(header, Malformed::Headers)?;
        if header.typ != JWT_TYPE {
            return Err(Malformed::WrongType);
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        let Ok(signature) = <[u8; 64]>::try_from(signature) else {
            return Err(Malformed::SignatureLength);
        };
        let claims = read_part(payload, Malformed::NotStatusList)?;
        Ok(Self {
            key_id: header.kid,
            algorithm: Algorithm::Jose(header.alg),
            claims: ListClaims::from_json(claims)?,
            signed: signed.as_bytes().to_vec(),
            signature: Signature::from_raw(signature),
        })
    }

    /// The key that is said to have signed.
    #[must_use]
    pub fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// Checks key, signature and content against a trust list. Whether it is stale is not asked
    /// here: that depends on a clock.
    ///
    /// # Errors
    /// [`ListRefusal`].
    pub fn verify(&self, trust: &VerifiedTrustList) -> Result<VerifiedStatusList, ListRefusal> {
        let key = trust.key(&self.key_id).ok_or(ListRefusal::UnknownKey)?;
        let suite = key.public_key.suite();
        let same = match &self.algorithm {
            Algorithm::Jose(name) => name == suite.jose_algorithm(),
            Algorithm::Cose(number) => *number == suite.cose_algorithm(),
        };
        if !same {
            return Err(ListRefusal::AlgorithmMismatch);
        }
        if key.key_use != KeyUse::Online {
            return Err(ListRefusal::WrongUse);
        }
        let checked = key.public_key.verify(&self.signed, &self.signature);
        checked.map_err(|BadSignature| ListRefusal::BadSignature)?;
        trusted_for_lists(key, self.claims.issued_at)?;
        let list = self.claims.list.expand().map_err(ListRefusal::Malformed)?;
        let number = self.claims.number();
        let subject = Malformed::ClaimValue(SUBJECT.1);
        Ok(VerifiedStatusList {
            number: number.ok_or(ListRefusal::Malformed(subject))?,
            issued_at: self.claims.issued_at,
            expires_at: self.claims.expires_at,
            ttl: self.claims.ttl,
            list,
        })
    }

    /// Why these claims should not have been signed, if they should not.
    fn unfit(&self, claims: &ListClaims) -> Option<IssueError> {
        let expands = self.claims.list.expand().err();
        let other = (self.claims != *claims).then_some(Malformed::NotCanonical);
        expands.or(other).map(IssueError::Unfit)
    }
}

fn read_part<T: DeserializeOwned>(part: &str, refusal: Malformed) -> Result<T, Malformed> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_other| refusal)?;
    serde_json::from_slice(&json).map_err(|_other| refusal)
}

fn trusted_for_lists(key: &TrustedKey, issued_at: NumericDate) -> Result<(), ListRefusal> {
    if matches!(key.state, KeyState::Revoked { .. }) {
        return Err(ListRefusal::KeyDistrusted);
    }
    if !key.may_sign_at(issued_at) {
        return Err(ListRefusal::KeyNotValidThen);
    }
    Ok(())
}

/// Shows no values.
impl fmt::Debug for UnverifiedStatusList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedStatusList")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// Why a well-formed status list is not believed. Nothing follows from it for any credential: its
/// status is not known then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListRefusal {
    /// A key that the trust list does not know.
    UnknownKey,
    /// The header names another algorithm than the key's.
    AlgorithmMismatch,
    /// The key is one of the trust list, and not for lists.
    WrongUse,
    /// Altered or forged.
    BadSignature,
    /// The key is trusted no more.
    KeyDistrusted,
    /// It says to have been signed when the key might not sign.
    KeyNotValidThen,
    /// Signed, and yet no status list.
    Malformed(Malformed),
}

impl ListRefusal {
    /// The stable code and both texts.
    #[must_use]
    pub const fn reason(self) -> Reason {
        let (code, zh, en) = match self {
            Self::UnknownKey => (
                "status-list-unknown-key",
                "状态列表的签名密钥不在信任列表中",
                "the status list is signed by a key that is not in the trust list",
            ),
            Self::AlgorithmMismatch => (
                "status-list-algorithm-mismatch",
                "状态列表的签名算法与密钥不符",
                "the algorithm of the status list is not the key's",
            ),
            Self::WrongUse => (
                "key-wrong-use",
                "签名所用的密钥不用于此类内容",
                "the signing key is not for content of this kind",
            ),
            Self::BadSignature => (
                "status-list-bad-signature",
                "状态列表的签名验证失败",
                "the signature of the status list does not verify",
            ),
            Self::KeyDistrusted => (
                "status-list-key-distrusted",
                "状态列表的签名密钥已不受信任",
                "the key that signed the status list is no longer trusted",
            ),
            Self::KeyNotValidThen => (
                "status-list-key-not-valid-then",
                "状态列表的签发时间不在签名密钥的有效期内",
                "the status list was signed outside the period of its key",
            ),
            Self::Malformed(malformed) => return malformed.reason(),
        };
        Reason::new(code, zh, en)
    }
}

impl fmt::Display for ListRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reason { code, zh, en } = self.reason();
        write!(f, "{code}: {en} ({zh})")
    }
}

impl std::error::Error for ListRefusal {}

/// A list that a trusted key signed. Only [`UnverifiedStatusList::verify`] makes one.
#[derive(Clone, Debug)]
pub struct VerifiedStatusList {
    number: u32,
    issued_at: NumericDate,
    expires_at: NumericDate,
    ttl: u64,
    list: StatusList,
}

impl VerifiedStatusList {
    /// Its number. A list is taken for another only where this is compared.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Bits of an entry: in a list of two red reads as suspended.
    #[must_use]
    pub const fn width(&self) -> Width {
        self.list.width()
    }

    /// The instant as of which its values are known. Of a credential that was signed at that
    /// second or later it says nothing: places that nobody has been given read "invalid".
    #[must_use]
    pub const fn issued_at(&self) -> NumericDate {
        self.issued_at
    }

    /// From when on a newer one should have been fetched.
    #[must_use]
    pub const fn next_update(&self) -> NumericDate {
        self.expires_at
    }

    /// Seconds after which a newer one may be there.
    #[must_use]
    pub const fn ttl(&self) -> u64 {
        self.ttl
    }

    /// Whether a newer one should have been fetched by now. What it says is still told, with its
    /// time, and never counts as valid.
    #[must_use]
    pub fn is_stale(&self, at: Timestamp) -> bool {
        at >= self.expires_at.timestamp()
    }

    /// All of its values.
    #[must_use]
    pub const fn values(&self) -> &StatusList {
        &self.list
    }

    /// The value at a place; none beyond the end.
    #[must_use]
    pub fn value(&self, index: u64) -> Option<u8> {
        self.list.value(index)
    }
}

#[cfg(test)]
mod tests;
