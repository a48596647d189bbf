//! Licence numbers (证号), file numbers (档案编号) and the codes of issuing authorities.
//!
//! A parser accepts the canonical form only and repairs nothing: a lower-case `x` or a space is
//! refused, so that one number has one spelling and one blind index.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::message::Text;
use crate::named::named;

named! {
    /// Sex (性别) as the licence states it.
    pub enum Sex {
        /// 男
        Male = "male",
        /// 女
        Female = "female",
    }
}

named! {
    /// What kind of document a licence number comes from.
    pub enum NumberKind {
        /// Citizen identity number, GB 11643-1999.
        Citizen = "citizen",
        /// Residence permit for Hong Kong, Macao and Taiwan residents.
        HongKongMacaoTaiwan = "hong-kong-macao-taiwan",
        /// Permanent residence card for foreigners, the form in use since 2023-12.
        ForeignPermanentResident = "foreign-permanent-resident",
        /// Military identity card or passport: variable, without check digit.
        Other = "other",
    }
}

/// Why an identifier was refused. The identifier itself is never part of the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Too short or too long for its kind.
    #[error("wrong length")]
    Length,
    /// A character that the form does not allow, a lower-case `x` among them.
    #[error("a character that is not allowed")]
    Character,
    /// The first digits name no place.
    #[error("unknown area")]
    Area,
    /// The digits of the birth date name no day of the calendar.
    #[error("impossible birth date")]
    BirthDate,
    /// The check digit is wrong (ISO 7064 MOD 11-2).
    #[error("wrong check digit")]
    CheckDigit,
}

impl IdentifierError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Character => "character",
            Self::Area => "area",
            Self::BirthDate => "birth-date",
            Self::CheckDigit => "check-digit",
        }
    }

    /// The text for people.
    #[must_use]
    pub const fn text(self) -> Text {
        match self {
            Self::Length => Text {
                zh: "号码长度不正确",
                en: "The number has the wrong length",
            },
            Self::Character => Text {
                zh: "号码含有不允许的字符（末位字母须为大写 X）",
                en: "The number has a character that is not allowed (a final X must be upper case)",
            },
            Self::Area => Text {
                zh: "号码的地区代码不存在",
                en: "The area code of the number does not exist",
            },
            Self::BirthDate => Text {
                zh: "号码中的出生日期不存在",
                en: "The birth date in the number does not exist",
            },
            Self::CheckDigit => Text {
                zh: "号码校验位不正确",
                en: "The check digit of the number is wrong",
            },
        }
    }
}

/// A licence number (证号), which is the holder's identity number (身份证明号码).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LicenceNumber(String);

impl LicenceNumber {
    /// Reads a number in its canonical form.
    ///
    /// # Errors
    /// Says what is wrong with the number, never repeating it.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        if looks_like_identity_number(text) {
            check_identity_number(text)?;
        } else {
            check_other_number(text)?;
        }
        Ok(Self(text.to_owned()))
    }

    /// The number itself: personal data, never for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The kind of document behind the number.
    #[must_use]
    pub fn kind(&self) -> NumberKind {
        if !looks_like_identity_number(&self.0) {
            NumberKind::Other
        } else if self.0.starts_with('9') {
            NumberKind::ForeignPermanentResident
        } else if self.0.starts_with('8') {
            NumberKind::HongKongMacaoTaiwan
        } else {
            NumberKind::Citizen
        }
    }

    /// The birth date that the number states, where its kind states one.
    #[must_use]
    pub fn birth_date(&self) -> Option<Date> {
        match self.kind() {
            NumberKind::Other => None,
            NumberKind::Citizen
            | NumberKind::HongKongMacaoTaiwan
            | NumberKind::ForeignPermanentResident => birth_date_of(&self.0),
        }
    }

    /// The sex that the number states (odd sequence: male), where its kind states one.
    #[must_use]
    pub fn sex(&self) -> Option<Sex> {
        match self.kind() {
            NumberKind::Other => None,
            NumberKind::Citizen
            | NumberKind::HongKongMacaoTaiwan
            | NumberKind::ForeignPermanentResident => {
                let last_of_sequence = self.0.as_bytes().get(16)?;
                Some(if last_of_sequence % 2 == 1 {
                    Sex::Male
                } else {
                    Sex::Female
                })
            }
        }
    }

    /// The number with its middle hidden, e.g. `110***********9912`, for screens.
    #[must_use]
    pub fn masked(&self) -> String {
        match self.0.chars().count() {
            18 => masked(&self.0, 3, 4),
            9.. => masked(&self.0, 2, 2),
            _ => masked(&self.0, 1, 1),
        }
    }
}

/// A file number (档案编号): 12 digits, the first of them naming a place.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileNumber(String);

impl FileNumber {
    /// Reads a file number.
    ///
    /// # Errors
    /// Says what is wrong with the number, never repeating it.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        if text.chars().count() != 12 {
            return Err(IdentifierError::Length);
        }
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(IdentifierError::Character);
        }
        if !in_province(text) {
            return Err(IdentifierError::Area);
        }
        Ok(Self(text.to_owned()))
    }

    /// The number itself: personal data, never for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number with its middle hidden, for screens.
    #[must_use]
    pub fn masked(&self) -> String {
        masked(&self.0, 4, 2)
    }
}

/// The four-digit prefecture code of an issuing authority (发证机关), e.g. `1101`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AuthorityCode(String);

impl AuthorityCode {
    /// Reads a code.
    ///
    /// # Errors
    /// Says what is wrong with the code.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        if text.chars().count() != 4 {
            return Err(IdentifierError::Length);
        }
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(IdentifierError::Character);
        }
        if !in_province(text) {
            return Err(IdentifierError::Area);
        }
        Ok(Self(text.to_owned()))
    }

    /// The four digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The first two digits of GB/T 2260 that name a province of the mainland, and Taiwan's own.
const PROVINCES: [&str; 32] = [
    "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41",
    "42", "43", "44", "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71",
];

/// The areas of residence permits: Hong Kong, Macao, Taiwan.
const RESIDENCE_AREAS: [&str; 3] = ["810000", "820000", "830000"];

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK_CHARACTERS: &str = "10X98765432";

fn looks_like_identity_number(text: &str) -> bool {
    text.chars().count() == 18 && text.bytes().take(17).all(|byte| byte.is_ascii_digit())
}

fn check_identity_number(text: &str) -> Result<(), IdentifierError> {
    let last = text.chars().last().unwrap_or(' ');
    if !(last.is_ascii_digit() || last == 'X') {
        return Err(IdentifierError::Character);
    }
    let residence = text
        .get(..6)
        .is_some_and(|area| RESIDENCE_AREAS.contains(&area));
    if !(text.starts_with('9') || residence || in_province(text)) {
        return Err(IdentifierError::Area);
    }
    if birth_date_of(text).is_none() {
        return Err(IdentifierError::BirthDate);
    }
    if check_character(text) != Some(last) {
        return Err(IdentifierError::CheckDigit);
    }
    Ok(())
}

/// Military identity cards and passports. What looks like an identity number of the wrong length
/// is refused rather than taken for one of these.
fn check_other_number(text: &str) -> Result<(), IdentifierError> {
    let length = text.chars().count();
    if !(5..=18).contains(&length) {
        return Err(IdentifierError::Length);
    }
    let digits = text.strip_suffix(['X', 'x']).unwrap_or(text);
    if length > 12 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(IdentifierError::Length);
    }
    let allowed = |character: char| {
        character.is_ascii_uppercase()
            || character.is_ascii_digit()
            || ('\u{4e00}'..='\u{9fff}').contains(&character)
    };
    if !text.chars().all(allowed) {
        return Err(IdentifierError::Character);
    }
    Ok(())
}

fn in_province(text: &str) -> bool {
    text.get(..2)
        .is_some_and(|province| PROVINCES.contains(&province))
}

fn birth_date_of(text: &str) -> Option<Date> {
    let year = text.get(6..10)?.parse().ok()?;
    let month = text.get(10..12)?.parse().ok()?;
    let day = text.get(12..14)?.parse().ok()?;
    Date::new(year, month, day)
        .ok()
        .filter(|date| date.year() >= 1850)
}

/// ISO 7064 MOD 11-2 over the first 17 digits.
fn check_character(text: &str) -> Option<char> {
    let sum: u32 = text
        .chars()
        .filter_map(|character| character.to_digit(10))
        .zip(WEIGHTS)
        .map(|(digit, weight)| digit * weight)
        .sum();
    let position = usize::try_from(sum % 11).ok()?;
    CHECK_CHARACTERS.chars().nth(position)
}

fn masked(text: &str, head: usize, tail: usize) -> String {
    let length = text.chars().count();
    text.chars()
        .enumerate()
        .map(|(position, character)| {
            if position < head || position + tail >= length {
                character
            } else {
                '*'
            }
        })
        .collect()
}

impl fmt::Debug for LicenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LicenceNumber({})", self.kind())
    }
}

impl fmt::Debug for FileNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileNumber(..)")
    }
}

impl fmt::Display for AuthorityCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! text_forms {
    ($($name:ident),+) => {$(
        impl TryFrom<String> for $name {
            type Error = IdentifierError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    )+};
}

text_forms!(LicenceNumber, FileNumber, AuthorityCode);
