//! Signature suites (签名算法套件) as values.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A signature algorithm with its parameters.
///
/// Its text form is `ES256`, `SM2-SM3`, or `SM2-SM3:<user id>` where the user id is not the
/// default one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Suite {
    /// ECDSA on P-256 with SHA-256 (FIPS 186-5, RFC 9053).
    Es256,
    /// SM2 with SM3 (GB/T 32918.2, GB/T 32905) under this user id.
    Sm2Sm3(UserId),
}

/// COSE algorithm of ES256 (RFC 9053).
const COSE_ES256: i64 = -7;

/// COSE algorithm of SM2 with SM3. None is registered, so this is from the private-use range of
/// the registry (below -65536, RFC 9052 section 11.1); it means the same in every release.
const COSE_SM2_SM3: i64 = -65_537;

impl Suite {
    /// SM2 with SM3 under the default user id.
    #[must_use]
    pub fn sm2() -> Self {
        Self::Sm2Sm3(UserId::default())
    }

    /// Name of the algorithm without its parameters.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Sm2Sm3(_) => "SM2-SM3",
        }
    }

    /// The algorithm's number in COSE headers.
    #[must_use]
    pub fn cose_algorithm(&self) -> i64 {
        match self {
            Self::Es256 => COSE_ES256,
            Self::Sm2Sm3(_) => COSE_SM2_SM3,
        }
    }

    /// `alg` of JOSE. None is registered for SM2 with SM3: this is a private name.
    pub(crate) const fn jose_algorithm(&self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Sm2Sm3(_) => "SM2",
        }
    }

    pub(crate) fn is_known_algorithm(algorithm: i64) -> bool {
        [COSE_ES256, COSE_SM2_SM3].contains(&algorithm)
    }
}

/// The text names no suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown-suite: ES256, SM2-SM3 or SM2-SM3:<user id> is required (未知的签名算法)")]
pub struct UnknownSuite;

impl FromStr for Suite {
    type Err = UnknownSuite;

    fn from_str(text: &str) -> Result<Self, UnknownSuite> {
        match (text, text.split_once(':')) {
            ("ES256", _) => Ok(Self::Es256),
            ("SM2-SM3", _) => Ok(Self::sm2()),
            (_, Some(("SM2-SM3", user_id))) => match UserId::from_str(user_id) {
                // One text for each suite: the default id is never spelled out.
                Ok(user_id) if user_id != UserId::default() => Ok(Self::Sm2Sm3(user_id)),
                Ok(_) | Err(_) => Err(UnknownSuite),
            },
            _ => Err(UnknownSuite),
        }
    }
}

impl TryFrom<String> for Suite {
    type Error = UnknownSuite;

    fn try_from(text: String) -> Result<Self, UnknownSuite> {
        text.parse()
    }
}

impl From<Suite> for String {
    fn from(suite: Suite) -> Self {
        suite.to_string()
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())?;
        match self {
            Self::Sm2Sm3(user_id) if *user_id != UserId::default() => {
                write!(f, ":{}", user_id.as_str())
            }
            Self::Es256 | Self::Sm2Sm3(_) => Ok(()),
        }
    }
}

/// User id of SM2 signatures (用户身份标识): 1 to 64 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserId(String);

impl UserId {
    /// The id itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for UserId {
    /// The default of GM/T 0009, `1234567812345678`.
    fn default() -> Self {
        Self("1234567812345678".to_owned())
    }
}

impl FromStr for UserId {
    type Err = UnknownSuite;

    fn from_str(text: &str) -> Result<Self, UnknownSuite> {
        if (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(UnknownSuite)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_have_one_text_each() {
        let other = Suite::Sm2Sm3("ALICE123@YAHOO.COM".parse().unwrap());
        for suite in [Suite::Es256, Suite::sm2(), other] {
            assert_eq!(suite.to_string().parse(), Ok(suite.clone()));
            let json = serde_json::to_string(&suite).unwrap();
            assert_eq!(serde_json::from_str::<Suite>(&json).unwrap(), suite);
        }
        for text in [
            "",
            "es256",
            "SM2",
            "SM2-SM3:",
            "SM2-SM3:1234567812345678",
            "SM2-SM3:a b",
        ] {
            assert_eq!(text.parse::<Suite>(), Err(UnknownSuite), "{text}");
        }
        assert!(Suite::sm2().cose_algorithm() < -65_536);
    }
}
