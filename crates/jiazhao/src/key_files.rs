//! The two master keys, which live outside the database and apart from each other.
//!
//! Each file holds 64 hexadecimal digits, plain or protected by a passphrase or another key file
//! ([`protected`]). On the embedded default they are made on first start, readable by their owner
//! only; a database that exists is never given new ones, since what it holds opens with the old ones
//! only.

pub mod protected;
pub mod root;

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use rand::Rng;
use storage::MasterKeys;
use zeroize::Zeroizing;

use crate::{config::Config, failure::Failure, unlock::Unlock};

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

/// What a key file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It wraps the data keys.
    Master,
    /// It keys the blind index.
    Index,
    /// It signs the trust list.
    Root,
}

impl Purpose {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Index => "index",
            Self::Root => "root",
        }
    }

    /// The purpose of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Master, Self::Index, Self::Root]
            .into_iter()
            .find(|purpose| purpose.as_str() == name)
    }
}

/// Longer than any key file: two root keys take half a kilobyte, protected twice that.
const MOST: u64 = 16 * 1024;

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
    let mut one = |path: &Path, purpose| -> Result<[u8; 32], Failure> {
        if may_make && !path.exists() {
            write_new(path, &encoded(rng))?;
            made.push(path.to_owned());
        }
        read(path, purpose, &config.keys.unlock)
    };
    let keys = MasterKeys {
        master: one(&config.keys.master_file, Purpose::Master)?,
        index: one(&config.keys.index_file, Purpose::Index)?,
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
    read_plain(path).map(|key| *key)
}

/// The index key of a file that the configuration does not name yet; it is made where there is none.
///
/// # Errors
/// When it is malformed, or cannot be read, opened or written.
pub fn next_index(config: &Config, path: &Path, rng: &mut impl Rng) -> Result<[u8; 32], Failure> {
    if !path.exists() {
        return make(path, rng);
    }
    read(path, Purpose::Index, &config.keys.unlock)
}

/// The index key of the file that the configuration names.
///
/// # Errors
/// When it is missing or malformed, or cannot be read or opened.
pub fn present_index(config: &Config) -> Result<[u8; 32], Failure> {
    read(&config.keys.index_file, Purpose::Index, &config.keys.unlock)
}

/// What is wrong with the key files as they lie there, for `config check`: nobody is asked for a
/// passphrase.
#[must_use]
pub fn problems(config: &Config) -> Vec<Failure> {
    let mut problems = beside_data(config);
    for path in expected(config) {
        match text_of(path) {
            Ok(text) if protected::is_protected(&text) => {
                if protected::purpose_of(&text).is_none() {
                    problems.push(malformed(path));
                }
            }
            Ok(_) => problems.extend(read_plain(path).err()),
            Err(failure) => problems.push(failure),
        }
    }
    problems
}

/// The key files that lie there as plain text, for `config check`.
#[must_use]
pub fn plain(config: &Config) -> Vec<&Path> {
    let is_plain = |path: &Path| text_of(path).is_ok_and(|text| !protected::is_protected(&text));
    let mut files = expected(config);
    files.retain(|path| is_plain(path));
    files
}

/// Both key files, unless the first start makes them.
fn expected(config: &Config) -> Vec<&Path> {
    let makes_them = config.sqlite_file().is_some_and(|file| !file.exists());
    let mut files = vec![
        config.keys.master_file.as_path(),
        config.keys.index_file.as_path(),
    ];
    files.retain(|path| !makes_them || path.exists());
    files
}

/// On a database server, what opens the data and lies in the data folder: whoever copies that
/// folder for the photos would carry the keys along. A protected key file may lie there, but not
/// what it is opened with.
#[must_use]
pub fn beside_data(config: &Config) -> Vec<Failure> {
    if config.sqlite_file().is_some() || config.keys.beside_data {
        return Vec::new();
    }
    let unlock = &config.keys.unlock;
    let mut files = plain(config);
    files.extend(unlock.passphrase_file.as_deref());
    files.extend(unlock.wrapping_file.as_deref());
    files
        .into_iter()
        .filter(|path| lies_in(path, &config.data))
        .map(|path| {
            Failure::new(
                "key-beside-data",
                "密钥文件与数据存放在同一目录：请移至他处，或设置 keys.beside_data = true",
                "A key lies beside the data: move it away, or set keys.beside_data = true",
            )
            .about(path.display())
        })
        .collect()
}

/// The content of a key file, opened where it is protected.
///
/// # Errors
/// When it cannot be read or opened, or is plain and others can read it.
pub fn content(
    path: &Path,
    purpose: Purpose,
    unlock: &Unlock,
) -> Result<Zeroizing<String>, Failure> {
    let text = text_of(path)?;
    if protected::is_protected(&text) {
        return protected::open(&text, purpose, unlock)
            .map_err(|failure| failure.within(path.display()));
    }
    if fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o007 != 0) {
        return Err(Failure::new(
            "key-open-to-others",
            "密钥文件可被其他用户读取",
            "Other users can read the key file",
        )
        .about(path.display()));
    }
    Ok(text)
}

/// The content of a key file, which is what it is said to be.
///
/// # Errors
/// As [`content`], and when it holds no such key.
pub fn checked(
    path: &Path,
    purpose: Purpose,
    unlock: &Unlock,
) -> Result<Zeroizing<String>, Failure> {
    let text = content(path, purpose, unlock)?;
    match purpose {
        Purpose::Master | Purpose::Index => {
            decoded(&text).ok_or_else(|| malformed(path))?;
        }
        Purpose::Root => {
            root::read(path, unlock)?;
        }
    }
    Ok(text)
}

/// Puts another content in the place of a key file, as a whole: a crash leaves the old or the new.
///
/// # Errors
/// When it cannot be written.
pub fn replace(path: &Path, content: &str) -> Result<(), Failure> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    write_new(&new, content)?;
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    fs::rename(&new, path)
        .and_then(|()| File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all())
        .map_err(|error| unwritable(path, &error))
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
    text.push_str(&encoded_bytes(&*key));
    text.push('\n');
    text
}

pub(crate) fn encoded_bytes(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().saturating_mul(2)));
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    text
}

fn read(path: &Path, purpose: Purpose, unlock: &Unlock) -> Result<[u8; 32], Failure> {
    let text = content(path, purpose, unlock)?;
    decoded(&text).ok_or_else(|| malformed(path))
}

/// The key that protects others.
fn wrapping_key(unlock: &Unlock) -> Result<Zeroizing<[u8; 32]>, Failure> {
    let file = unlock.wrapping_file.as_deref().ok_or_else(|| {
        Failure::new(
            "wrapping-key-missing",
            "密钥文件由另一密钥文件保护：请设置 keys.wrapping_file",
            "The key file is protected by another key file: set keys.wrapping_file",
        )
    })?;
    read_plain(file)
}

/// Whether `path` lies within `folder`, links followed.
fn lies_in(path: &Path, folder: &Path) -> bool {
    match (fs::canonicalize(path), fs::canonicalize(folder)) {
        (Ok(path), Ok(folder)) => path.starts_with(folder),
        (Err(_), _) | (_, Err(_)) => false,
    }
}

/// A key that must lie there plain.
pub(crate) fn read_plain(path: &Path) -> Result<Zeroizing<[u8; 32]>, Failure> {
    let text = text_of(path)?;
    if protected::is_protected(&text) {
        return Err(malformed(path));
    }
    let text = content(path, Purpose::Master, &Unlock::default())?;
    decoded(&text)
        .map(Zeroizing::new)
        .ok_or_else(|| malformed(path))
}

fn text_of(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::with_capacity(1024));
    let outcome = File::open(path).and_then(|file| file.take(MOST).read_to_string(&mut text));
    let Err(error) = outcome else {
        return Ok(text);
    };
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
    Err(failure.about(format!("{}: {error}", path.display())))
}

fn malformed(path: &Path) -> Failure {
    Failure::new(
        "key-malformed",
        "主密钥文件应为 64 位十六进制数",
        "A master key is a file of 64 hexadecimal digits",
    )
    .about(path.display())
}

pub(crate) fn decoded(text: &str) -> Option<[u8; 32]> {
    let bytes = decoded_bytes(text.trim_end())?;
    <[u8; 32]>::try_from(bytes.as_slice()).ok()
}

pub(crate) fn decoded_bytes(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| u8::try_from(digit.to_digit(16)?).ok())
        .collect();
    let digits = Zeroizing::new(digits?);
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let bytes = pairs.iter().map(|[high, low]| (high << 4) | low).collect();
    Some(Zeroizing::new(bytes))
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
