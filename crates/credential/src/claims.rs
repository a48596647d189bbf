//! What a licence credential says, and its one encoding: deterministic CBOR (RFC 8949, 4.2.1)
//! as a CWT claims set (RFC 8392).
//!
//! | Claim | Key | CBOR |
//! |---|---|---|
//! | `iss` issuer | 1 | text |
//! | `exp` end of technical validity | 4 | seconds |
//! | `nbf` start of technical validity | 5 | seconds |
//! | `iat` time of signing | 6 | seconds |
//! | `cti` credential id | 7 | bytes of the id's text |
//! | `cnf` holder's device key | 8 | `{1: COSE_Key}` (RFC 8747), optional |
//! | `status` | 65535 | `{"status_list": {"idx", "uri"}}` (Token Status List) |
//! | licence | -65537 | map, below |
//!
//! Licence data lies in one private-use claim with small keys: private-use numbers take five
//! bytes each, and a credential has to fit a QR code.
//!
//! | Licence data (驾驶证信息) | Key | CBOR |
//! |---|---|---|
//! | e-licence id 电子证编号 | 1 | text |
//! | generated at 电子证生成时间 (R17) | 2 | seconds |
//! | certificate identifier 电子证照标识 (GB/T 36904) | 3 | text, optional |
//! | licence number 证号 | 4 | text |
//! | name 姓名 | 5 | text |
//! | sex 性别 (GB/T 2261.1) | 6 | 1 male, 2 female |
//! | nationality 国籍 | 7 | text |
//! | birth date 出生日期 | 8 | days, tag 100 (RFC 8943) |
//! | address 住址 | 9 | text, optional |
//! | first issue date 初次领证日期 | 10 | days |
//! | classes 准驾车型 | 11 | array of texts, as granted |
//! | valid from 有效起始日期 | 12 | days |
//! | valid until 有效期限 | 13 | days (the last day on which it holds), or the text `long-term` |
//! | code of the issuing authority 发证机关代码 | 14 | text |
//! | issuing authority 发证机关 | 15 | text |
//! | file number 档案编号 | 16 | text, optional |
//! | edition of the paper licence 证件版本 | 17 | unsigned |
//! | SHA-256 of the portrait 照片摘要 | 18 | 32 bytes, optional |

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt};

use crate::{
    cbor::Value,
    fields::{self, Fields, Key},
    key::PublicKey,
    malformed::Malformed,
    time::{NumericDate, decode_date, encode_date},
};

/// The claims of a licence credential. `Debug` shows no personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct LicenceClaims {
    /// Who issued it, as the trust list names the issuer.
    pub issuer: String,
    /// The e-licence to which this credential belongs: visible ASCII, at most 64.
    pub e_licence_id: String,
    /// This credential: visible ASCII, at most 64.
    pub credential_id: String,
    /// When it was signed.
    pub issued_at: NumericDate,
    /// First instant of its technical validity.
    pub not_before: NumericDate,
    /// End of its technical validity; at this instant it no longer holds.
    pub expires_at: NumericDate,
    /// When the e-licence was generated (电子证生成时间, R17).
    pub generated_at: NumericDate,
    /// Where its status is published.
    pub status: StatusReference,
    /// Electronic-certificate identifier (电子证照标识, GB/T 36904).
    pub certificate_identifier: Option<String>,
    /// Licence number (证号).
    pub licence_number: String,
    /// Name (姓名).
    pub name: String,
    /// Sex (性别).
    pub sex: Sex,
    /// Nationality (国籍), ISO 3166-1 alpha-3.
    pub nationality: String,
    /// Birth date (出生日期).
    pub birth_date: Date,
    /// Address (住址).
    pub address: Option<String>,
    /// Date of first issue (初次领证日期).
    pub first_issue_date: Date,
    /// Vehicle classes as granted (准驾车型), unknown codes included.
    pub classes: Vec<String>,
    /// First day of the licence's validity (有效起始日期).
    pub valid_from: Date,
    /// End of the licence's validity (有效期限).
    pub valid_until: Validity,
    /// Code of the issuing authority (发证机关代码), for instance 5101.
    pub authority_code: String,
    /// Name of the issuing authority (发证机关).
    pub authority_name: String,
    /// File number (档案编号).
    pub file_number: Option<String>,
    /// Edition of the paper licence (证件版本).
    pub document_edition: u32,
    /// SHA-256 of the portrait's bytes.
    pub portrait_sha256: Option<[u8; 32]>,
    /// The holder's device key; P-256 only.
    pub holder_key: Option<PublicKey>,
}

/// Sex (性别, GB/T 2261.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sex {
    /// 男
    Male,
    /// 女
    Female,
}

/// End of a licence's validity (有效期限).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Validity {
    /// The last day on which it holds.
    Until(Date),
    /// 长期
    LongTerm,
}

/// Index into a status list (Token Status List, `status_list`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StatusReference {
    /// URI of the list.
    pub list: String,
    /// Index in the list.
    pub index: u64,
}

const ISSUER: Key = (1, "iss");
pub(crate) const EXPIRES_AT: Key = (4, "exp");
pub(crate) const NOT_BEFORE: Key = (5, "nbf");
pub(crate) const ISSUED_AT: Key = (6, "iat");
pub(crate) const CREDENTIAL_ID: Key = (7, "cti");
const CONFIRMATION: Key = (8, "cnf");
const STATUS: Key = (65_535, "status");
const LICENCE: Key = (-65_537, "licence");
/// The member of `cnf` that holds a `COSE_Key` (RFC 8747).
const COSE_KEY: Key = (1, "cnf");

pub(crate) const E_LICENCE_ID: Key = (1, "e_licence_id");
const GENERATED_AT: Key = (2, "generated_at");
const CERTIFICATE_IDENTIFIER: Key = (3, "certificate_identifier");
pub(crate) const LICENCE_NUMBER: Key = (4, "licence_number");
const NAME: Key = (5, "name");
pub(crate) const SEX: Key = (6, "sex");
pub(crate) const NATIONALITY: Key = (7, "nationality");
pub(crate) const BIRTH_DATE: Key = (8, "birth_date");
pub(crate) const ADDRESS: Key = (9, "address");
pub(crate) const FIRST_ISSUE_DATE: Key = (10, "first_issue_date");
const CLASSES: Key = (11, "classes");
const VALID_FROM: Key = (12, "valid_from");
const VALID_UNTIL: Key = (13, "valid_until");
pub(crate) const AUTHORITY_CODE: Key = (14, "authority_code");
pub(crate) const AUTHORITY_NAME: Key = (15, "authority_name");
pub(crate) const FILE_NUMBER: Key = (16, "file_number");
pub(crate) const DOCUMENT_EDITION: Key = (17, "document_edition");
const PORTRAIT_SHA256: Key = (18, "portrait_sha256");

const LONG_TERM: &str = "long-term";
const STATUS_LIST: &str = "status_list";

impl LicenceClaims {
    /// The claims set in its one encoding.
    #[must_use]
    pub fn to_cbor(&self) -> Vec<u8> {
        let confirmation = self
            .holder_key
            .as_ref()
            .map(|key| map([(COSE_KEY, Some(key.to_cose_key()))]));
        map([
            (ISSUER, Some(Value::text(&self.issuer))),
            (EXPIRES_AT, Some(self.expires_at.encode())),
            (NOT_BEFORE, Some(self.not_before.encode())),
            (ISSUED_AT, Some(self.issued_at.encode())),
            (
                CREDENTIAL_ID,
                Some(Value::bytes(self.credential_id.as_bytes())),
            ),
            (CONFIRMATION, confirmation),
            (STATUS, Some(self.status.encode())),
            (LICENCE, Some(self.licence())),
        ])
        .encode()
    }

    /// Reads a claims set. Strict: unknown and repeated claims, other types, other encodings,
    /// impossible values and trailing bytes are refused.
    ///
    /// # Errors
    /// [`Malformed`], which names the claim and never its content.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, Malformed> {
        let value = Value::decode(bytes)?;
        let mut outer = Fields::open(&value, "claims")?;
        let mut inner = outer.required(LICENCE, Fields::open)?;
        let claims = Self {
            issuer: outer.required(ISSUER, fields::text)?,
            e_licence_id: inner.required(E_LICENCE_ID, id)?,
            credential_id: outer.required(CREDENTIAL_ID, id_bytes)?,
            issued_at: outer.required(ISSUED_AT, instant)?,
            not_before: outer.required(NOT_BEFORE, instant)?,
            expires_at: outer.required(EXPIRES_AT, instant)?,
            generated_at: inner.required(GENERATED_AT, instant)?,
            status: outer.required(STATUS, StatusReference::decode)?,
            certificate_identifier: inner.optional(CERTIFICATE_IDENTIFIER, fields::text)?,
            licence_number: inner.required(LICENCE_NUMBER, fields::text)?,
            name: inner.required(NAME, fields::text)?,
            sex: inner.required(SEX, sex)?,
            nationality: inner.required(NATIONALITY, fields::text)?,
            birth_date: inner.required(BIRTH_DATE, date)?,
            address: inner.optional(ADDRESS, fields::text)?,
            first_issue_date: inner.required(FIRST_ISSUE_DATE, date)?,
            classes: inner.required(CLASSES, classes)?,
            valid_from: inner.required(VALID_FROM, date)?,
            valid_until: inner.required(VALID_UNTIL, validity)?,
            authority_code: inner.required(AUTHORITY_CODE, fields::text)?,
            authority_name: inner.required(AUTHORITY_NAME, fields::text)?,
            file_number: inner.optional(FILE_NUMBER, fields::text)?,
            document_edition: inner.required(DOCUMENT_EDITION, edition)?,
            portrait_sha256: inner.optional(PORTRAIT_SHA256, fields::array_of)?,
            holder_key: outer.optional(CONFIRMATION, confirmation)?,
        };
        inner.close()?;
        outer.close()?;
        claims.check_order()
    }

    fn licence(&self) -> Value<'_> {
        map([
            (E_LICENCE_ID, Some(Value::text(&self.e_licence_id))),
            (GENERATED_AT, Some(self.generated_at.encode())),
            (
                CERTIFICATE_IDENTIFIER,
                optional_text(self.certificate_identifier.as_ref()),
            ),
            (LICENCE_NUMBER, Some(Value::text(&self.licence_number))),
            (NAME, Some(Value::text(&self.name))),
            (SEX, Some(self.sex.encode())),
            (NATIONALITY, Some(Value::text(&self.nationality))),
            (BIRTH_DATE, Some(encode_date(self.birth_date))),
            (ADDRESS, optional_text(self.address.as_ref())),
            (FIRST_ISSUE_DATE, Some(encode_date(self.first_issue_date))),
            (CLASSES, Some(encode_classes(&self.classes))),
            (VALID_FROM, Some(encode_date(self.valid_from))),
            (VALID_UNTIL, Some(self.valid_until.encode())),
            (AUTHORITY_CODE, Some(Value::text(&self.authority_code))),
            (AUTHORITY_NAME, Some(Value::text(&self.authority_name))),
            (FILE_NUMBER, optional_text(self.file_number.as_ref())),
            (
                DOCUMENT_EDITION,
                Some(Value::Unsigned(u64::from(self.document_edition))),
            ),
            (
                PORTRAIT_SHA256,
                self.portrait_sha256
                    .as_ref()
                    .map(|hash| Value::bytes(hash.as_slice())),
            ),
        ])
    }

    /// Periods must not end before they begin, and a credential is not signed after its end.
    fn check_order(self) -> Result<Self, Malformed> {
        if self.expires_at <= self.not_before || self.expires_at <= self.issued_at {
            return Err(Malformed::ClaimValue(EXPIRES_AT.1));
        }
        match self.valid_until {
            Validity::Until(last_day) if last_day < self.valid_from => {
                Err(Malformed::ClaimValue(VALID_UNTIL.1))
            }
            Validity::Until(_) | Validity::LongTerm => Ok(self),
        }
    }
}

impl Sex {
    pub(crate) fn encode(self) -> Value<'static> {
        match self {
            Self::Male => Value::Unsigned(1),
            Self::Female => Value::Unsigned(2),
        }
    }
}

impl Validity {
    pub(crate) fn encode(self) -> Value<'static> {
        match self {
            Self::Until(last_day) => encode_date(last_day),
            Self::LongTerm => Value::text(LONG_TERM),
        }
    }

    /// The last day, where there is one.
    #[must_use]
    pub fn last_day(self) -> Option<Date> {
        match self {
            Self::Until(last_day) => Some(last_day),
            Self::LongTerm => None,
        }
    }
}

pub(crate) fn encode_classes(classes: &[String]) -> Value<'_> {
    Value::Array(classes.iter().map(Value::text).collect())
}

impl StatusReference {
    fn encode(&self) -> Value<'_> {
        let reference = Value::Map(vec![
            (Value::text("idx"), Value::Unsigned(self.index)),
            (Value::text("uri"), Value::text(&self.list)),
        ]);
        Value::Map(vec![(Value::text(STATUS_LIST), reference)])
    }

    fn decode(value: &Value<'_>, name: &'static str) -> Result<Self, Malformed> {
        let Value::Map(status) = value else {
            return Err(Malformed::ClaimType(name));
        };
        let [(Value::Text(mechanism), Value::Map(reference))] = status.as_slice() else {
            return Err(Malformed::ClaimType(name));
        };
        let [(Value::Text(idx), index), (Value::Text(uri), list)] = reference.as_slice() else {
            return Err(Malformed::ClaimType(name));
        };
        if (&**mechanism, &**idx, &**uri) != (STATUS_LIST, "idx", "uri") {
            return Err(Malformed::UnknownClaim);
        }
        Ok(Self {
            list: fields::text(list, name)?,
            index: fields::unsigned(index, name)?,
        })
    }
}

impl fmt::Debug for LicenceClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LicenceClaims")
            .field("credential_id", &self.credential_id)
            .field("e_licence_id", &self.e_licence_id)
            .finish_non_exhaustive()
    }
}

pub(crate) fn map<const N: usize>(entries: [(Key, Option<Value<'_>>); N]) -> Value<'_> {
    let present = entries
        .into_iter()
        .filter_map(|((key, _), value)| Some((Value::from(key), value?)));
    Value::Map(present.collect())
}

pub(crate) fn optional_text(text: Option<&String>) -> Option<Value<'_>> {
    text.map(Value::text)
}

pub(crate) fn instant(value: &Value<'_>, name: &'static str) -> Result<NumericDate, Malformed> {
    NumericDate::decode(value, name)
}

pub(crate) fn date(value: &Value<'_>, name: &'static str) -> Result<Date, Malformed> {
    decode_date(value, name)
}

pub(crate) fn id(value: &Value<'_>, name: &'static str) -> Result<String, Malformed> {
    match fields::text(value, name)? {
        id if is_id(&id) => Ok(id),
        _ => Err(Malformed::ClaimValue(name)),
    }
}

fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

fn id_bytes(value: &Value<'_>, name: &'static str) -> Result<String, Malformed> {
    match str::from_utf8(fields::bytes(value, name)?) {
        Ok(id) if is_id(id) => Ok(id.to_owned()),
        Ok(_) | Err(_) => Err(Malformed::ClaimValue(name)),
    }
}

pub(crate) fn sex(value: &Value<'_>, name: &'static str) -> Result<Sex, Malformed> {
    match fields::unsigned(value, name)? {
        1 => Ok(Sex::Male),
        2 => Ok(Sex::Female),
        _ => Err(Malformed::ClaimValue(name)),
    }
}

/// At least one class, none twice. Codes that nobody knows are kept: they are shown and grant
/// nothing.
pub(crate) fn classes(value: &Value<'_>, name: &'static str) -> Result<Vec<String>, Malformed> {
    let classes = fields::items(value, name)?
        .iter()
        .map(|class| id(class, name))
        .collect::<Result<Vec<_>, _>>()?;
    let distinct: BTreeSet<_> = classes.iter().collect();
    if classes.is_empty() || distinct.len() != classes.len() {
        return Err(Malformed::ClaimValue(name));
    }
    Ok(classes)
}

pub(crate) fn validity(value: &Value<'_>, name: &'static str) -> Result<Validity, Malformed> {
    match value {
        Value::Text(text) if text == LONG_TERM => Ok(Validity::LongTerm),
        Value::Text(_) => Err(Malformed::ClaimValue(name)),
        Value::Unsigned(_)
        | Value::Negative(_)
        | Value::Bytes(_)
        | Value::Array(_)
        | Value::Map(_)
        | Value::Tag(..)
        | Value::True
        | Value::Null => decode_date(value, name).map(Validity::Until),
    }
}

pub(crate) fn edition(value: &Value<'_>, name: &'static str) -> Result<u32, Malformed> {
    match u32::try_from(fields::unsigned(value, name)?) {
        Ok(edition) => Ok(edition),
        Err(_too_large) => Err(Malformed::ClaimValue(name)),
    }
}

fn confirmation(value: &Value<'_>, name: &'static str) -> Result<PublicKey, Malformed> {
    let mut fields = Fields::open(value, name)?;
    let key = fields.required(COSE_KEY, PublicKey::from_cose_key)?;
    fields.close()?;
    Ok(key)
}

#[cfg(test)]
mod tests;
