//! The two master keys, which live outside the database and apart from each other.
//!
//! Each file holds 64 hexadecimal digits. On the embedded default they are made on first start,
//! readable by their owner only; a database that exists is never given new ones, since what it holds
//! opens with the old ones only.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use rand::Rng;
use storage::MasterKeys;
use zeroize::Zeroizing;

use crate::{config::Config, failure::Failure};

/// The keys, and the files that were made for them just now.
#[derive(Debug)]
pub struct Opened {
    /// The keys.
    pub keys: MasterKeys,
    made: Vec<PathBuf>,
}

/// Whether keys may be made where there are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Only beside a SQLite file that does not exist yet.
    MakeForNewFile,
    /// Also for a database server: the operator asked for it.
    Make,
    /// Not even beside a new file: what is about to be put there needs keys that exist.
    Never,
}

/// Reads both keys, or makes those that are missing where that can lose nothing.
///
/// # Errors
/// When a key is missing, malformed or cannot be read or written.
pub fn open(config: &Config, missing: Missing, rng: &mut impl Rng) -> Result<Opened, Failure> {
    let new_file = config.sqlite_file().map(|file| !file.exists());
    let may_make = match (new_file, missing) {
        (_, Missing::Never) => false,
        (Some(new), Missing::MakeForNewFile | Missing::Make) => new,
        (None, missing) => missing == Missing::Make,
    };
    let mut made = Vec::new();
    let mut one = |path: &Path| -> Result<[u8; 32], Failure> {
        if may_make && !path.exists() {
            write_new(path, &encoded(rng))?;
            made.push(path.to_owned());
        }
        read(path)
    };
    let keys = MasterKeys {
        master: one(&config.keys.master_file)?,
        index: one(&config.keys.index_file)?,
    };
    if keys.master == keys.index {
        return Err(Failure::new(
            "keys-equal",
            "两个主密钥不得相同",
            "The two master keys must differ",
        ));
    }
    Ok(Opened { keys, made })
}

/// Makes a key in a file that must not exist yet.
///
/// # Errors
/// When it exists or cannot be written.
pub fn make(path: &Path, rng: &mut impl Rng) -> Result<[u8; 32], Failure> {
    write_new(path, &encoded(rng))?;
    read(path)
}

/// What is wrong with the key files as they lie there, for `config check`.
#[must_use]
pub fn problems(config: &Config) -> Vec<Failure> {
    let makes_them = config.sqlite_file().is_some_and(|file| !file.exists());
    let mut problems = Vec::new();
    for path in [&config.keys.master_file, &config.keys.index_file] {
        if makes_them && !path.exists() {
            continue;
        }
        match read(path) {
            Ok(_) if open_to_others(path) => problems.push(
                Failure::new(
                    "key-open-to-others",
                    "密钥文件可被其他用户读取",
                    "Other users can read the key file",
                )
                .about(path.display()),
            ),
            Ok(_) => {}
            Err(failure) => problems.push(failure),
        }
    }
    problems
}

impl Opened {
    /// Removes keys that were made just now and fit no data.
    pub fn withdraw(&self) {
        for path in &self.made {
            if let Err(error) = fs::remove_file(path) {
                tracing::warn!(path = %path.display(), %error, "a new key file was not removed");
            }
        }
    }
}

/// Makes a folder that only its owner may enter.
///
/// # Errors
/// When it cannot be made.
pub fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file that must not exist yet, for its owner only, and sees it to the disk.
///
/// # Errors
/// When it exists or cannot be written.
pub fn write_new(path: &Path, content: &str) -> Result<(), Failure> {
    let mut file = create_new(path)?;
    let written = file
        .write_all(content.as_bytes())
        .and_then(|()| file.sync_all());
    written.map_err(|error| unwritable(path, &error))
}

/// Opens a file that must not exist yet, for its owner only.
///
/// # Errors
/// When it exists or cannot be made.
pub fn create_new(path: &Path) -> Result<File, Failure> {
    if let Some(folder) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
        private_folder(folder).map_err(|error| unwritable(folder, &error))?;
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        "file-unwritable",
        "无法写入文件",
        "The file cannot be written",
    )
    .about(format!("{}: {error}", path.display()))
}

fn encoded(rng: &mut impl Rng) -> Zeroizing<String> {
    let mut key = Zeroizing::new([0_u8; 32]);
    rng.fill_bytes(key.as_mut_slice());
    let mut text = Zeroizing::new(String::with_capacity(65));
    for byte in key.iter() {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    text.push('\n');
    text
}

fn read(path: &Path) -> Result<[u8; 32], Failure> {
    let mut text = Zeroizing::new(String::with_capacity(128));
    // A key has 65 bytes; whatever is much longer is another file.
    let outcome = File::open(path).and_then(|file| file.take(128).read_to_string(&mut text));
    if let Err(error) = outcome {
        let failure = if error.kind() == io::ErrorKind::NotFound {
            Failure::new(
                "key-missing",
                "缺少主密钥文件；已有数据只能用原密钥打开，新数据库请运行 jiazhao keys generate",
                "A master key is missing: what exists opens with the old one only; for a new database run `jiazhao keys generate`",
            )
        } else {
            Failure::new(
                "key-unreadable",
                "无法读取主密钥文件",
                "A master key cannot be read",
            )
        };
        return Err(failure.about(format!("{}: {error}", path.display())));
    }
    decoded(text.trim_end()).ok_or_else(|| {
        Failure::new(
            "key-malformed",
            "主密钥文件应为 64 位十六进制数",
            "A master key is a file of 64 hexadecimal digits",
        )
        .about(path.display())
    })
}

fn decoded(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| u8::try_from(digit.to_digit(16)?).ok())
        .collect();
    let digits = Zeroizing::new(digits?);
    if digits.len() != 64 {
        return None;
    }
    let mut key = [0_u8; 32];
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        if let [high, low] = pair {
            *byte = (high << 4) | low;
        }
    }
    Some(key)
}

fn open_to_others(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0)
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn config(data: &Path, text: &str) -> Config {
        Config::parse(text, None, data).unwrap()
    }

    #[test]
    fn keys_are_made_once_and_only_for_their_owner() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), "");
        let mut rng = StdRng::seed_from_u64(1);
        let first = open(&config, Missing::MakeForNewFile, &mut rng).unwrap();
        let second = open(&config, Missing::MakeForNewFile, &mut rng).unwrap();
        assert_eq!(first.keys.master, second.keys.master);
        assert_eq!(first.keys.index, second.keys.index);
        assert_ne!(first.keys.master, first.keys.index);
        for file in [&config.keys.master_file, &config.keys.index_file] {
            assert_eq!(
                fs::metadata(file).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
        assert!(problems(&config).is_empty());
    }

    #[test]
    fn a_database_that_exists_gets_no_new_keys() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("jiazhao.sqlite"), b"").unwrap();
        let config = config(folder.path(), "");
        let mut rng = StdRng::seed_from_u64(1);
        for missing in [Missing::MakeForNewFile, Missing::Make] {
            let failure = open(&config, missing, &mut rng).unwrap_err();
            assert_eq!(failure.code(), "key-missing");
        }
        assert!(!config.keys.master_file.exists());
        assert_eq!(problems(&config).len(), 2);
    }

    #[test]
    fn a_server_gets_keys_only_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), "[database]\nurl = \"postgres://db/jz\"");
        let mut rng = StdRng::seed_from_u64(1);
        let failure = open(&config, Missing::MakeForNewFile, &mut rng).unwrap_err();
        assert_eq!(failure.code(), "key-missing");
        let opened = open(&config, Missing::Make, &mut rng).unwrap();
        assert!(config.keys.master_file.exists());
        opened.withdraw();
        assert!(!config.keys.master_file.exists());
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), "");
        let mut rng = StdRng::seed_from_u64(1);
        open(&config, Missing::MakeForNewFile, &mut rng).unwrap();
        let good = fs::read_to_string(&config.keys.master_file).unwrap();
        for (text, code) in [
            ("", "key-malformed"),
            ("12\n", "key-malformed"),
            (&"g".repeat(64), "key-malformed"),
            (&"0".repeat(66), "key-malformed"),
            (&good, "keys-equal"),
        ] {
            fs::write(&config.keys.index_file, text).unwrap();
            let failure = open(&config, Missing::MakeForNewFile, &mut rng).unwrap_err();
            assert_eq!(failure.code(), code);
        }
    }
}
