//! Signing keys in a token (PKCS#11), where the configuration names one. A build without the feature
//! `pkcs11` refuses such a configuration: it would sign by other keys than the operator means.

#[cfg(feature = "pkcs11")]
mod key;
#[cfg(feature = "pkcs11")]
mod session;

use authority::TokenKey;

use crate::{config::Config, failure::Failure};

/// The keys in the configured token, ready to sign; none where none is configured.
///
/// # Errors
/// When the token or a key is not what the configuration says, or the PIN is refused.
pub(crate) fn keys(config: &Config) -> Result<Vec<TokenKey>, Failure> {
    match &config.pkcs11 {
        None => Ok(Vec::new()),
        #[cfg(feature = "pkcs11")]
        Some(settings) => key::open(settings, &config.issuer.suites),
        #[cfg(not(feature = "pkcs11"))]
        Some(_) => Err(NOT_BUILT),
    }
}

/// What is wrong with the token as it is, for `config check`: nobody is asked for a PIN.
pub(crate) fn problem(config: &Config) -> Option<Failure> {
    match &config.pkcs11 {
        None => None,
        #[cfg(feature = "pkcs11")]
        Some(settings) if settings.pin_file.is_none() => session::Token::find(settings).err(),
        #[cfg(feature = "pkcs11")]
        Some(settings) => key::open(settings, &config.issuer.suites).err(),
        #[cfg(not(feature = "pkcs11"))]
        Some(_) => Some(NOT_BUILT),
    }
}

#[cfg(not(feature = "pkcs11"))]
const NOT_BUILT: Failure = Failure::new(
    "pkcs11-not-built",
    "本程序构建时未启用 PKCS#11：请使用 --features pkcs11 构建的版本",
    "This build has no PKCS#11: take one built with --features pkcs11",
);
