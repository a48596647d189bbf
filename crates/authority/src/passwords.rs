//! Passwords: argon2id, always at full cost, whether or not the login exists.

use std::sync::atomic::{AtomicU64, Ordering};

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use rand::Rng;
use zeroize::Zeroizing;

use crate::{Error, PasswordCost, refusal};

/// Hash of no password: what an unknown login is compared with, so that it costs the same.
#[derive(Debug)]
pub(crate) struct Passwords {
    cost: PasswordCost,
    nobody: String,
    runs: AtomicU64,
}

/// Fewest and most characters. The most keeps a long text from becoming work for the server.
const LENGTH: std::ops::RangeInclusive<usize> = 10..=128;

impl Passwords {
    pub(crate) fn new(cost: PasswordCost) -> Self {
        let nobody = hasher(cost)
            .and_then(|argon2| {
                argon2
                    .hash_password_with_salt(b"nobody has this password", b"jiazhao no such login")
                    .ok()
            })
            .map(|hash| hash.to_string())
            .unwrap_or_default();
        Self {
            cost,
            nobody,
            runs: AtomicU64::new(0),
        }
    }

    /// How often argon2 ran: what makes two answers take as long.
    pub(crate) fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }

    /// Checks the rule for new passwords.
    pub(crate) fn check(password: &str, licence_number: Option<&str>) -> Result<(), Error> {
        let long_enough = LENGTH.contains(&password.chars().count());
        if long_enough && licence_number.is_none_or(|number| !password.contains(number)) {
            Ok(())
        } else {
            Err(refusal::WEAK_PASSWORD.into())
        }
    }

    pub(crate) async fn hash(
        &self,
        password: Zeroizing<String>,
        rng: &mut impl Rng,
    ) -> Result<String, Error> {
        let mut salt = [0_u8; 16];
        rng.fill_bytes(&mut salt);
        self.runs.fetch_add(1, Ordering::Relaxed);
        let cost = self.cost;
        let hashed = tokio::task::spawn_blocking(move || {
            hasher(cost)?
                .hash_password_with_salt(password.as_bytes(), &salt)
                .ok()
                .map(|hash| hash.to_string())
        })
        .await;
        hashed
            .ok()
            .flatten()
            .ok_or(Error::Internal("the password could not be hashed"))
    }

    /// Whether `password` has the hash `known`; with none it takes as long and is wrong.
    pub(crate) async fn matches(&self, password: Zeroizing<String>, known: Option<&str>) -> bool {
        let (hash, exists) = match known {
            Some(hash) => (hash.to_owned(), true),
            None => (self.nobody.clone(), false),
        };
        self.runs.fetch_add(1, Ordering::Relaxed);
        let cost = self.cost;
        let matches = tokio::task::spawn_blocking(move || {
            let Some(argon2) = hasher(cost) else {
                return false;
            };
            PasswordHash::new(&hash)
                .is_ok_and(|hash| argon2.verify_password(password.as_bytes(), &hash).is_ok())
        })
        .await;
        exists && matches.unwrap_or(false)
    }
}

fn hasher(cost: PasswordCost) -> Option<Argon2<'static>> {
    let params = match cost {
        PasswordCost::Standard => Params::new(19 * 1024, 2, 1, None),
        PasswordCost::Test => Params::new(Params::MIN_M_COST, 1, 1, None),
    };
    Some(Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        params.ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[tokio::test]
    async fn only_the_right_password_matches() {
        let passwords = Passwords::new(PasswordCost::Test);
        let secret = || Zeroizing::new("correct horse battery".to_owned());
        let hash = passwords
            .hash(secret(), &mut StdRng::seed_from_u64(1))
            .await
            .unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(passwords.matches(secret(), Some(&hash)).await);
        assert!(!passwords.matches(secret(), None).await);
        let wrong = Zeroizing::new("wrong horse battery".to_owned());
        assert!(!passwords.matches(wrong, Some(&hash)).await);
    }

    #[test]
    fn weak_passwords_are_refused() {
        for (password, number) in [
            ("short", None),
            ("", None),
            ("x110199199001019912x", Some("110199199001019912")),
        ] {
            assert!(Passwords::check(password, number).is_err(), "{password}");
        }
        assert!(Passwords::check("一二三四五六七八九十", None).is_ok());
    }
}
