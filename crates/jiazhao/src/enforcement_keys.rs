//! The key pair of enforcement terminals (执法终端密钥): the public key seals the rest of a licence in
//! enforcement codes, and only terminals hold the secret. Each is a file of 64 hexadecimal digits.

use std::{
    fs,
    path::{Path, PathBuf},
};

use authority::rand::CryptoRng;
use credential::{EnforcementKey, EnforcementSecret};

use crate::{failure::Failure, key_files};

/// Where the public key lies beside the secret: its name and `.pub`.
#[must_use]
pub fn public_beside(secret: &Path) -> PathBuf {
    let mut name = secret.as_os_str().to_owned();
    name.push(".pub");
    PathBuf::from(name)
}

/// Makes a pair: the secret in `secret`, readable by its owner only, and the public key beside it.
///
/// # Errors
/// When either file exists or cannot be written.
pub fn generate(secret: &Path, rng: &mut impl CryptoRng) -> Result<EnforcementKey, Failure> {
    let made = EnforcementSecret::generate(rng);
    let public = made.public_key().map_err(|_failed| unusable(secret))?;
    let text = |bytes: &[u8; 32]| {
        let mut text = key_files::encoded_bytes(bytes);
        text.push('\n');
        text
    };
    key_files::write_new(secret, &text(made.as_bytes()))?;
    key_files::write_new(&public_beside(secret), &text(public.as_bytes()))?;
    Ok(public)
}

/// Reads a public key.
///
/// # Errors
/// When the file cannot be read, or holds no key to which anything can be sealed.
pub fn read_public(path: &Path) -> Result<EnforcementKey, Failure> {
    let read = fs::read_to_string(path).map_err(|error| {
        let about = format!("{}: {error}", path.display());
        unreadable().about(about)
    })?;
    let bytes = key_files::decoded(&read).ok_or_else(|| unreadable().about(path.display()))?;
    let key = EnforcementKey::from_bytes(bytes);
    if key.is_usable() {
        Ok(key)
    } else {
        Err(unusable(path))
    }
}

fn unreadable() -> Failure {
    Failure::new(
        "enforcement-key",
        "执法终端公钥应为 64 位十六进制数的文件",
        "The public key of enforcement terminals is a file of 64 hexadecimal digits",
    )
}

fn unusable(path: &Path) -> Failure {
    Failure::new(
        "enforcement-key",
        "该密钥不能用于加密",
        "Nothing can be sealed to this key",
    )
    .about(path.display())
}

#[cfg(test)]
mod tests {
    use authority::rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn a_pair_is_made_once_and_its_public_key_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("enforcement.key");
        let mut rng = StdRng::seed_from_u64(5);
        let made = generate(&secret, &mut rng).unwrap();
        let public = public_beside(&secret);
        assert_eq!(public, folder.path().join("enforcement.key.pub"));
        assert_eq!(read_public(&public).unwrap(), made);
        assert!(generate(&secret, &mut rng).is_err());
        assert_eq!(read_public(&public).unwrap(), made);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pub");
        assert_eq!(read_public(&path).unwrap_err().code(), "enforcement-key");
        for text in ["", "00", &"0".repeat(64), &"x".repeat(64)] {
            fs::write(&path, text).unwrap();
            assert_eq!(
                read_public(&path).unwrap_err().code(),
                "enforcement-key",
                "{text}"
            );
        }
    }
}
