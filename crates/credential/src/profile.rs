//! The holder-bound profiles (持证人绑定凭证): what an offline code carries of a licence, small enough
//! for a QR symbol, signed by an issuer, and bound to the holder's device key.
//!
//! | Claim | Key | CBOR |
//! |---|---|---|
//! | `exp`, `nbf`, `iat` | 4, 5, 6 | seconds |
//! | `cti` credential id | 7 | 16 bytes |
//! | profile | -65538 | map, below |
//!
//! | Profile | Key | CBOR |
//! |---|---|---|
//! | name 姓名 | 1 | text |
//! | masked licence number 证号（部分隐藏） | 2 | text |
//! | classes 准驾车型 | 3 | array of texts, as granted |
//! | valid from 有效起始日期 | 4 | days, tag 100 |
//! | valid until 有效期限 | 5 | days, or the text `long-term` |
//! | code of the issuing authority 发证机关代码 | 6 | text |
//! | status | 7 | `[list, index]` |
//! | SHA-256 of the small portrait | 8 | 32 bytes, public profile, optional |
//! | device key | 9 | 33 bytes, a compressed point of P-256 |
//! | sealed rest | 10 | `[enc, ciphertext]`, enforcement profile |
//! | address left out | 11 | `true` where there was no room for it, enforcement profile |
//!
//! There is no issuer: the key's identifier names one, by way of the trust list.

mod signed;

pub use signed::{PreparedProfile, UnverifiedProfile, VerifiedProfile, issue, prepare};

use jiff::civil::Date;
use serde::{Serialize, Serializer};
use std::fmt;

use crate::{
    cbor::Value,
    claims::{
        CREDENTIAL_ID, EXPIRES_AT, ISSUED_AT, NOT_BEFORE, Validity, classes, date, encode_classes,
        instant, map, validity,
    },
    device::DeviceKey,
    fields::{self, Fields, Key},
    malformed::Malformed,
    rest::SealedRest,
    time::{NumericDate, encode_date},
};

/// What a profile says. `Debug` shows no personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct ProfileClaims {
    /// The credential of which it is a form.
    pub credential_id: CredentialId,
    /// When it was signed.
    pub issued_at: NumericDate,
    /// First instant of its technical validity.
    pub not_before: NumericDate,
    /// End of its technical validity; at this instant it no longer holds.
    pub expires_at: NumericDate,
    /// Name (姓名).
    pub name: String,
    /// Licence number (证号), its middle hidden.
    pub masked_number: MaskedNumber,
    /// Vehicle classes as granted (准驾车型), unknown codes included.
    pub classes: Vec<String>,
    /// First day of the licence's validity (有效起始日期).
    pub valid_from: Date,
    /// End of the licence's validity (有效期限).
    pub valid_until: Validity,
    /// Code of the issuing authority (发证机关代码), for instance 5101.
    pub authority_code: String,
    /// Where its status is published.
    pub status: StatusPlace,
    /// The key of the device that may show it.
    pub device_key: DeviceKey,
    /// Which profile it is, and what only that one has.
    pub form: Form,
}

/// The two profiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// For everybody.
    Public {
        /// SHA-256 of the small portrait, where there is one.
        portrait_sha256: Option<[u8; 32]>,
    },
    /// With the rest of the licence, sealed to enforcement terminals.
    Enforcement {
        /// The rest.
        rest: SealedRest,
        /// The record has an address, and the code had no room for it.
        address_left_out: bool,
    },
}

/// Identifier of a credential in binary: the 16 bytes of its id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CredentialId([u8; 16]);

impl CredentialId {
    /// From its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for CredentialId {
    /// 32 hexadecimal digits in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialId({self})")
    }
}

/// A place in the status lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StatusPlace {
    /// Number of the list.
    pub list: u64,
    /// Index in it.
    pub index: u64,
}

/// A licence number of which the middle is hidden. A full number never is one.
#[derive(Clone, PartialEq, Eq)]
pub struct MaskedNumber(String);

/// Characters shown at each end, at most.
const SHOWN: usize = 4;

impl MaskedNumber {
    /// Hides the middle: four characters stay at each end, fewer where the number is short.
    #[must_use]
    pub fn of(licence_number: &str) -> Self {
        let length = licence_number.chars().count();
        let shown = SHOWN.min(length / 3);
        let hidden = shown..length.saturating_sub(shown);
        let masked = licence_number.chars().enumerate();
        Self(
            masked
                .map(|(at, character)| if hidden.contains(&at) { '*' } else { character })
                .collect(),
        )
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn decode(value: &Value<'_>, name: &'static str) -> Result<Self, Malformed> {
        let text = fields::text(value, name)?;
        let masked = Self::of(&text);
        if masked.0 == text {
            Ok(masked)
        } else {
            Err(Malformed::ClaimValue(name))
        }
    }
}

impl Serialize for MaskedNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Debug for MaskedNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskedNumber")
    }
}

const PROFILE: Key = (-65_538, "profile");

const NAME: Key = (1, "name");
const MASKED_NUMBER: Key = (2, "masked_number");
const CLASSES: Key = (3, "classes");
const VALID_FROM: Key = (4, "valid_from");
const VALID_UNTIL: Key = (5, "valid_until");
const AUTHORITY_CODE: Key = (6, "authority_code");
const STATUS: Key = (7, "status");
const PORTRAIT_SHA256: Key = (8, "portrait_sha256");
const DEVICE_KEY: Key = (9, "device_key");
const REST: Key = (10, "rest");
const ADDRESS_LEFT_OUT: Key = (11, "address_left_out");

/// Which profile a signature is over: the header says it, and the claims must be of that form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Public,
    Enforcement,
}

impl ProfileClaims {
    pub(crate) fn kind(&self) -> Kind {
        match self.form {
            Form::Public { .. } => Kind::Public,
            Form::Enforcement { .. } => Kind::Enforcement,
        }
    }

    pub(crate) fn to_cbor(&self) -> Vec<u8> {
        let credential_id = Value::bytes(self.credential_id.as_bytes());
        map([
            (EXPIRES_AT, Some(self.expires_at.encode())),
            (NOT_BEFORE, Some(self.not_before.encode())),
            (ISSUED_AT, Some(self.issued_at.encode())),
            (CREDENTIAL_ID, Some(credential_id)),
            (PROFILE, Some(self.profile())),
        ])
        .encode()
    }

    fn profile(&self) -> Value<'_> {
        let (portrait_sha256, rest, left_out) = match &self.form {
            Form::Public { portrait_sha256 } => (*portrait_sha256, None, false),
            Form::Enforcement {
                rest,
                address_left_out,
            } => (None, Some(rest.encode()), *address_left_out),
        };
        let StatusPlace { list, index } = self.status;
        let status = Value::Array(vec![Value::Unsigned(list), Value::Unsigned(index)]);
        let portrait_sha256 = portrait_sha256.map(|hash| Value::bytes(hash.to_vec()));
        map([
            (NAME, Some(Value::text(&self.name))),
            (
                MASKED_NUMBER,
                Some(Value::text(self.masked_number.as_str())),
            ),
            (CLASSES, Some(encode_classes(&self.classes))),
            (VALID_FROM, Some(encode_date(self.valid_from))),
            (VALID_UNTIL, Some(self.valid_until.encode())),
            (AUTHORITY_CODE, Some(Value::text(&self.authority_code))),
            (STATUS, Some(status)),
            (PORTRAIT_SHA256, portrait_sha256),
            (DEVICE_KEY, Some(self.device_key.encode())),
            (REST, rest),
            (ADDRESS_LEFT_OUT, left_out.then_some(Value::True)),
        ])
    }

    /// Strict, as everything here: unknown claims, other types and impossible values are refused,
    /// and what only the other profile has.
    pub(crate) fn from_cbor(bytes: &[u8], kind: Kind) -> Result<Self, Malformed> {
        let value = Value::decode(bytes)?;
        let mut outer = Fields::open(&value, "claims")?;
        let mut inner = outer.required(PROFILE, Fields::open)?;
        let claims = Self {
            credential_id: CredentialId(outer.required(CREDENTIAL_ID, fields::array_of)?),
            issued_at: outer.required(ISSUED_AT, instant)?,
            not_before: outer.required(NOT_BEFORE, instant)?,
            expires_at: outer.required(EXPIRES_AT, instant)?,
            name: inner.required(NAME, fields::text)?,
            masked_number: inner.required(MASKED_NUMBER, MaskedNumber::decode)?,
            classes: inner.required(CLASSES, classes)?,
            valid_from: inner.required(VALID_FROM, date)?,
            valid_until: inner.required(VALID_UNTIL, validity)?,
            authority_code: inner.required(AUTHORITY_CODE, fields::text)?,
            status: inner.required(STATUS, status_place)?,
            device_key: inner.required(DEVICE_KEY, DeviceKey::decode)?,
            form: match kind {
                Kind::Public => Form::Public {
                    portrait_sha256: inner.optional(PORTRAIT_SHA256, fields::array_of)?,
                },
                Kind::Enforcement => Form::Enforcement {
                    rest: inner.required(REST, SealedRest::decode)?,
                    address_left_out: inner.optional(ADDRESS_LEFT_OUT, only_true)?.is_some(),
                },
            },
        };
        inner.close()?;
        outer.close()?;
        claims.check_order()
    }

    /// Periods must not end before they begin, and a credential is not signed after its end.
    fn check_order(self) -> Result<Self, Malformed> {
        if self.expires_at <= self.not_before || self.expires_at <= self.issued_at {
            return Err(Malformed::ClaimValue(EXPIRES_AT.1));
        }
        if self
            .valid_until
            .last_day()
            .is_some_and(|last_day| last_day < self.valid_from)
        {
            return Err(Malformed::ClaimValue(VALID_UNTIL.1));
        }
        Ok(self)
    }
}

impl fmt::Debug for ProfileClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProfileClaims")
            .field("credential_id", &self.credential_id)
            .finish_non_exhaustive()
    }
}

fn status_place(value: &Value<'_>, name: &'static str) -> Result<StatusPlace, Malformed> {
    let [list, index] = fields::items(value, name)? else {
        return Err(Malformed::ClaimType(name));
    };
    Ok(StatusPlace {
        list: fields::unsigned(list, name)?,
        index: fields::unsigned(index, name)?,
    })
}

fn only_true(value: &Value<'_>, name: &'static str) -> Result<(), Malformed> {
    if matches!(value, Value::True) {
        Ok(())
    } else {
        Err(Malformed::ClaimType(name))
    }
}

#[cfg(test)]
mod tests;
