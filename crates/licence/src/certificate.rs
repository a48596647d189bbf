//! Electronic-certificate identifiers (电子证照标识, GB/T 36904-2018).
//!
//! `1.2.156.3005.2` . type (21) . issuer . serial . version (3) . check character. The type is the
//! unified social credit code of the authority that defines it and three digits of its own.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The root of all identifiers.
pub const ROOT: &str = "1.2.156.3005.2";

/// The type code of the demo: the ministry's code with a suffix that no document uses, since the
/// driving licence's own is not public.
pub const DEMO_TYPE: &str = "11100000000013127D999";

/// The issuer code of the demo.
pub const DEMO_ISSUER: &str = "11110000999999999D";

/// An identifier whose check character is right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CertificateIdentifier {
    type_code: String,
    issuer: String,
    serial: String,
    version: u16,
}

/// Why a text is no identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateIdentifierError {
    /// Not the root and five parts.
    #[error("not a certificate identifier")]
    Form,
    /// The type code is not 21 capital letters and digits ending in three digits.
    #[error("wrong type code")]
    TypeCode,
    /// The issuer is not 6 to 18 capital letters and digits.
    #[error("wrong issuer code")]
    Issuer,
    /// The serial is not 1 to 22 capital letters and digits.
    #[error("wrong serial number")]
    Serial,
    /// The version is not three digits from 001.
    #[error("wrong version")]
    Version,
    /// The check character is wrong.
    #[error("wrong check character")]
    CheckCharacter,
}

impl CertificateIdentifier {
    /// Builds an identifier from its parts.
    ///
    /// # Errors
    /// If a part does not have its form.
    pub fn build(
        type_code: &str,
        issuer: &str,
        serial: &str,
        version: u16,
    ) -> Result<Self, CertificateIdentifierError> {
        let suffix_is_number = type_code
            .bytes()
            .rev()
            .take(3)
            .all(|byte| byte.is_ascii_digit());
        if !(shaped(type_code, 21, 21) && suffix_is_number) {
            return Err(CertificateIdentifierError::TypeCode);
        }
        if !shaped(issuer, 6, 18) {
            return Err(CertificateIdentifierError::Issuer);
        }
        if !shaped(serial, 1, 22) {
            return Err(CertificateIdentifierError::Serial);
        }
        if !(1..=999).contains(&version) {
            return Err(CertificateIdentifierError::Version);
        }
        Ok(Self {
            type_code: type_code.to_owned(),
            issuer: issuer.to_owned(),
            serial: serial.to_owned(),
            version,
        })
    }

    /// Reads an identifier in full.
    ///
    /// # Errors
    /// Says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, CertificateIdentifierError> {
        let parts = text
            .strip_prefix(ROOT)
            .and_then(|rest| rest.strip_prefix('.'))
            .ok_or(CertificateIdentifierError::Form)?;
        let parts: Vec<&str> = parts.split('.').collect();
        let [type_code, issuer, serial, version, check] = parts.as_slice() else {
            return Err(CertificateIdentifierError::Form);
        };
        let number = Some(version)
            .filter(|version| version.len() == 3)
            .filter(|version| version.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|version| version.parse().ok())
            .ok_or(CertificateIdentifierError::Version)?;
        let identifier = Self::build(type_code, issuer, serial, number)?;
        if check.chars().eq(identifier.check_character()) {
            Ok(identifier)
        } else {
            Err(CertificateIdentifierError::CheckCharacter)
        }
    }

    /// The type code, 21 characters.
    #[must_use]
    pub fn type_code(&self) -> &str {
        &self.type_code
    }

    /// The issuer's code.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The serial number.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The version, from 1.
    #[must_use]
    pub const fn version(&self) -> u16 {
        self.version
    }

    /// The identifier of the next version of the same certificate; `None` after version 999.
    #[must_use]
    pub fn next_version(&self) -> Option<Self> {
        let version = self.version.checked_add(1)?;
        Self::build(&self.type_code, &self.issuer, &self.serial, version).ok()
    }

    fn check_character(&self) -> Option<char> {
        let Self {
            type_code,
            issuer,
            serial,
            version,
        } = self;
        check_character(&format!("{type_code}{issuer}{serial}{version:03}"))
    }
}

/// ISO 7064 MOD 37,36 over digits and capital letters; `None` for any other text.
#[must_use]
pub fn check_character(text: &str) -> Option<char> {
    let mut product = 36;
    for character in text.chars() {
        if character.is_ascii_lowercase() {
            return None;
        }
        let sum = (product + character.to_digit(36)?) % 36;
        product = (if sum == 0 { 36 } else { sum }) * 2 % 37;
    }
    let check = (37 - product) % 36;
    char::from_digit(check, 36).map(|character| character.to_ascii_uppercase())
}

fn shaped(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

impl fmt::Display for CertificateIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            type_code,
            issuer,
            serial,
            version,
        } = self;
        write!(f, "{ROOT}.{type_code}.{issuer}.{serial}.{version:03}.")?;
        self.check_character()
            .map_or(Ok(()), |check| write!(f, "{check}"))
    }
}

impl TryFrom<String> for CertificateIdentifier {
    type Error = CertificateIdentifierError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<CertificateIdentifier> for String {
    fn from(identifier: CertificateIdentifier) -> Self {
        identifier.to_string()
    }
}
