//! Key files that a passphrase or a wrapping key protects.
//!
//! ```text
//! jiazhao-protected-key/1 master
//! argon2id 65536 3 1 6f0c...          or: key-file
//! <nonce, 24 hexadecimal digits>
//! <what the plain file holds, by AES-256-GCM, in hexadecimal digits>
//! ```
//!
//! The first two lines are associated data: a file does not open for another purpose, nor with
//! other parameters than it was made with.

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use rand::Rng;
use zeroize::Zeroizing;

use super::{Purpose, decoded_bytes, encoded_bytes, wrapping_key};
use crate::{failure::Failure, unlock::Unlock};

const FORMAT: &str = "jiazhao-protected-key/1";
const PASSPHRASE: &str = "argon2id";
const KEY_FILE: &str = "key-file";

/// 64 MiB and three passes, after the second recommendation of RFC 9106: a second a file on a loaded
/// machine, once at the start.
const COST: Cost = Cost {
    memory: 64 * 1024,
    passes: 3,
    lanes: 1,
};
/// A file that asks for more is none of ours: opening it must not take the machine down.
const MOST: Cost = Cost {
    memory: 1024 * 1024,
    passes: 16,
    lanes: 16,
};

#[derive(Clone, Copy)]
struct Cost {
    memory: u32,
    passes: u32,
    lanes: u32,
}

/// What a file is protected by.
#[derive(Debug)]
pub enum Guard {
    /// A passphrase.
    Passphrase(Zeroizing<String>),
    /// The key of another file.
    KeyFile(Zeroizing<[u8; 32]>),
}

/// A protected file, read but not opened.
struct Parsed<'t> {
    purpose: &'t str,
    /// The two lines that are associated data.
    header: &'t str,
    way: &'t str,
    nonce: &'t str,
    body: &'t str,
}

/// Whether the text is that of a protected file.
#[must_use]
pub fn is_protected(text: &str) -> bool {
    text.starts_with("jiazhao-protected-key/")
}

/// Whether a protected file is opened by a passphrase.
#[must_use]
pub fn asks_for_passphrase(text: &str) -> bool {
    parse(text).is_some_and(|parsed| parsed.way.starts_with(PASSPHRASE))
}

/// For what a protected file is meant.
#[must_use]
pub fn purpose_of(text: &str) -> Option<Purpose> {
    Purpose::parse(parse(text)?.purpose)
}

/// Protects the content of a key file.
///
/// # Errors
/// When the provider fails.
pub fn protect(
    purpose: Purpose,
    plain: &str,
    guard: &Guard,
    rng: &mut impl Rng,
) -> Result<Zeroizing<String>, Failure> {
    let (way, key) = match guard {
        Guard::Passphrase(passphrase) => {
            let mut salt = [0_u8; 16];
            rng.fill_bytes(&mut salt);
            let Cost {
                memory,
                passes,
                lanes,
            } = COST;
            let way = format!(
                "{PASSPHRASE} {memory} {passes} {lanes} {}",
                encoded_bytes(&salt).as_str()
            );
            (way, stretched(passphrase, &salt, COST).ok_or_else(failed)?)
        }
        Guard::KeyFile(key) => (KEY_FILE.to_owned(), key.clone()),
    };
    let header = format!("{FORMAT} {}\n{way}", purpose.as_str());
    let aead = RandomizedNonceKey::new(&AES_256_GCM, &*key).map_err(|_unspecified| failed())?;
    let mut body = Zeroizing::new(plain.as_bytes().to_vec());
    let nonce = aead
        .seal_in_place_append_tag(Aad::from(header.as_bytes()), &mut *body)
        .map_err(|_unspecified| failed())?;
    Ok(Zeroizing::new(format!(
        "{header}\n{}\n{}\n",
        encoded_bytes(nonce.as_ref()).as_str(),
        encoded_bytes(&body).as_str()
    )))
}

/// Opens a protected file.
///
/// # Errors
/// `key-malformed`, `key-for-another-purpose`, `key-not-opened`, or why passphrase or wrapping key
/// cannot be had.
pub fn open(text: &str, purpose: Purpose, unlock: &Unlock) -> Result<Zeroizing<String>, Failure> {
    let parsed = parse(text).ok_or(MALFORMED)?;
    if parsed.purpose != purpose.as_str() {
        return Err(Failure::new(
            "key-for-another-purpose",
            "该密钥文件用于其他用途",
            "The key file is one for another purpose",
        )
        .about(Purpose::parse(parsed.purpose).map_or("?", Purpose::as_str)));
    }
    let nonce = decoded_bytes(parsed.nonce)
        .and_then(|nonce| <[u8; 12]>::try_from(nonce.as_slice()).ok())
        .ok_or(MALFORMED)?;
    let mut body = decoded_bytes(parsed.body).ok_or(MALFORMED)?;
    let key = key_of(parsed.way, unlock)?;
    let aead = RandomizedNonceKey::new(&AES_256_GCM, &*key).map_err(|_unspecified| failed())?;
    // One answer, whether passphrase, wrapping key or file is another.
    let plain = aead
        .open_in_place(
            Nonce::from(&nonce),
            Aad::from(parsed.header.as_bytes()),
            &mut body,
        )
        .map_err(|_unspecified| {
            Failure::new(
                "key-not-opened",
                "口令或包裹密钥不正确，或密钥文件已被更改",
                "Passphrase or wrapping key is wrong, or the key file was changed",
            )
        })?;
    match std::str::from_utf8(plain) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_not_text) => Err(MALFORMED),
    }
}

const MALFORMED: Failure = Failure::new(
    "key-malformed",
    "受保护的密钥文件格式不正确",
    "The protected key file does not follow its form",
);

fn parse(text: &str) -> Option<Parsed<'_>> {
    let (first, rest) = text.split_once('\n')?;
    let (way, rest) = rest.split_once('\n')?;
    let (nonce, body) = rest.split_once('\n')?;
    let purpose = first.strip_prefix(FORMAT)?.strip_prefix(' ')?;
    let header = text.get(..first.len().checked_add(way.len())?.checked_add(1)?)?;
    Some(Parsed {
        purpose,
        header,
        way,
        nonce,
        body: body.strip_suffix('\n')?,
    })
}

fn key_of(way: &str, unlock: &Unlock) -> Result<Zeroizing<[u8; 32]>, Failure> {
    if way == KEY_FILE {
        return wrapping_key(unlock);
    }
    let words: Vec<&str> = way.split(' ').collect();
    let [PASSPHRASE, memory, passes, lanes, salt] = words.as_slice() else {
        return Err(MALFORMED);
    };
    let number = |text: &str, most: u32| text.parse().ok().filter(|n| (1..=most).contains(n));
    let cost = number(memory, MOST.memory)
        .zip(number(passes, MOST.passes))
        .zip(number(lanes, MOST.lanes));
    let (Some(((memory, passes), lanes)), Some(salt)) = (cost, decoded_bytes(salt)) else {
        return Err(MALFORMED);
    };
    let cost = Cost {
        memory,
        passes,
        lanes,
    };
    let passphrase = unlock.passphrase()?;
    stretched(&passphrase, &salt, cost).ok_or(MALFORMED)
}

fn stretched(passphrase: &str, salt: &[u8], cost: Cost) -> Option<Zeroizing<[u8; 32]>> {
    let params = Params::new(cost.memory, cost.passes, cost.lanes, Some(32)).ok()?;
    let mut key = Zeroizing::new([0_u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut *key)
        .ok()?;
    Some(key)
}

fn failed() -> Failure {
    Failure::new(
        "key-not-protected",
        "密钥文件无法加密",
        "The key file could not be protected",
    )
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    const PLAIN: &str = "0000000000000000000000000000000000000000000000000000000000000007\n";

    fn unlock(folder: &std::path::Path, passphrase: &str) -> Unlock {
        let file = folder.join(passphrase.replace(' ', "-"));
        if !file.exists() {
            super::super::write_new(&file, passphrase).unwrap();
        }
        Unlock::new(Some(file), None)
    }

    fn guard(passphrase: &str) -> Guard {
        Guard::Passphrase(Zeroizing::new(passphrase.to_owned()))
    }

    #[test]
    fn what_is_protected_opens_with_its_passphrase_and_purpose_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut rng = StdRng::seed_from_u64(1);
        let right = unlock(folder.path(), "a long passphrase");
        let text = protect(
            Purpose::Master,
            PLAIN,
            &guard("a long passphrase"),
            &mut rng,
        )
        .unwrap();
        assert!(is_protected(&text) && asks_for_passphrase(&text));
        assert!(!text.contains(PLAIN.trim_end()));
        assert_eq!(*open(&text, Purpose::Master, &right).unwrap(), PLAIN);
        let code = |text: &str, purpose, unlock| open(text, purpose, unlock).unwrap_err().code();
        assert_eq!(
            code(&text, Purpose::Index, &right),
            "key-for-another-purpose"
        );
        // Neither does a changed label make it one.
        let relabelled = text.replace(" master\n", " index\n");
        assert_eq!(code(&relabelled, Purpose::Index, &right), "key-not-opened");
        let wrong = unlock(folder.path(), "another passphrase");
        assert_eq!(code(&text, Purpose::Master, &wrong), "key-not-opened");
        let none = Unlock::new(Some(folder.path().join("nothing")), None);
        assert_eq!(code(&text, Purpose::Master, &none), "passphrase-unreadable");
    }

    #[test]
    fn a_damaged_file_never_opens() {
        let folder = tempfile::tempdir().unwrap();
        let mut rng = StdRng::seed_from_u64(2);
        let key = Zeroizing::new([5; 32]);
        let file = folder.path().join("wrapping.key");
        super::super::write_new(&file, &encoded_bytes(&*key)).unwrap();
        let unlock = Unlock::new(None, Some(file));
        let text = protect(Purpose::Index, PLAIN, &Guard::KeyFile(key), &mut rng).unwrap();
        assert!(!asks_for_passphrase(&text));
        assert_eq!(*open(&text, Purpose::Index, &unlock).unwrap(), PLAIN);
        for at in 0..text.len() {
            let cut = text.get(..at).unwrap();
            assert!(open(cut, Purpose::Index, &unlock).is_err(), "{at}");
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(open(&changed, Purpose::Index, &unlock).is_err(), "{at}");
        }
    }

    #[test]
    fn a_file_does_not_ask_for_the_whole_machine() {
        let folder = tempfile::tempdir().unwrap();
        let unlock = unlock(folder.path(), "a long passphrase");
        for way in [
            "argon2id 4294967295 3 1 00112233445566778899aabbccddeeff",
            "argon2id 65536 4000000000 1 00112233445566778899aabbccddeeff",
            "argon2id 65536 3 1",
            "argon2id 0 0 0 00",
            "scrypt 1 1 1 00",
        ] {
            let text = format!(
                "{FORMAT} master\n{way}\n{}\n{}\n",
                "00".repeat(12),
                "00".repeat(40)
            );
            let failure = open(&text, Purpose::Master, &unlock).unwrap_err();
            assert_eq!(failure.code(), "key-malformed", "{way}");
        }
    }
}
