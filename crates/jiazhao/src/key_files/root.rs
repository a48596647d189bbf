//! The file of the root keys. It is written whole, under a pending name, and seen to the disk
//! before the keys count; afterwards it gets its name. Whatever happens in between, keys that count
//! are never lost, and what lies under the pending name is told from them by the trust list.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use authority::RootKeys;

use super::{Purpose, unwritable, write_new};
use crate::{failure::Failure, unlock::Unlock};

/// What every file of root keys holds within its first bytes.
const MARKS: [&str; 2] = ["jiazhao-root-keys/", "jiazhao-protected-key/1 root\n"];

/// Where the keys lie until they count.
#[must_use]
pub fn pending(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pending");
    PathBuf::from(name)
}

/// Writes the keys under the pending name, on the disk when this returns.
///
/// # Errors
/// When either file exists, or it cannot be written.
pub fn write_pending(path: &Path, roots: &RootKeys) -> Result<(), Failure> {
    if path.exists() {
        let exists = io::Error::from(io::ErrorKind::AlreadyExists);
        return Err(unwritable(path, &exists));
    }
    write_new(&pending(path), &roots.to_json())?;
    sync_folder(path)
}

/// Gives the file its name: the keys count.
///
/// # Errors
/// When it cannot be renamed; it stays under the pending name then.
pub fn finish(path: &Path) -> Result<(), Failure> {
    let from = pending(path);
    fs::rename(&from, path).map_err(|error| unwritable(&from, &error))?;
    sync_folder(path)
}

/// Removes keys that never counted.
///
/// # Errors
/// When they cannot be removed.
pub fn discard(path: &Path) -> Result<(), Failure> {
    let from = pending(path);
    fs::remove_file(&from).map_err(|error| unwritable(&from, &error))?;
    sync_folder(path)
}

/// What an attempt that was cut off has left under the pending name. A file that was not written
/// whole is none: keys in it never counted.
///
/// # Errors
/// When it cannot be read.
pub fn left_over(path: &Path) -> Result<LeftOver, Failure> {
    let from = pending(path);
    match fs::read(&from) {
        Ok(json) => Ok(RootKeys::from_json(&json).map_or(LeftOver::Torn, LeftOver::Keys)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(LeftOver::Nothing),
        Err(error) => Err(unwritable(&from, &error)),
    }
}

/// What lies under the pending name.
#[derive(Debug)]
pub enum LeftOver {
    /// Nothing.
    Nothing,
    /// Root keys.
    Keys(RootKeys),
    /// Something that was not written whole.
    Torn,
}

/// Reads a file of root keys, opened by passphrase or wrapping key where it is protected.
///
/// # Errors
/// When it cannot be read or opened, or is none.
pub fn read(path: &Path, unlock: &Unlock) -> Result<RootKeys, Failure> {
    let text = super::content(path, Purpose::Root, unlock)?;
    RootKeys::from_json(text.as_bytes()).map_err(|_malformed| {
        Failure::new(
            "root-keys-malformed",
            "该文件不是根密钥文件",
            "This is no file of root keys",
        )
        .about(path.display())
    })
}

/// A file of root keys in one of the folders, whatever its name, but for those of the SQLite
/// `database`: its locks are the process's (POSIX), and closing any handle of such a file gives them
/// up. The next process that opens the database then takes itself for the first, cuts the shared
/// index, and the memory of this one is gone (SIGBUS).
#[must_use]
pub fn found_in(folders: &[&Path], database: Option<&Path>) -> Option<PathBuf> {
    let of_database = |path: &Path| {
        let names = (path.file_name(), database.and_then(Path::file_name));
        let (Some(name), Some(database)) = names else {
            return false;
        };
        let (name, database) = (name.as_encoded_bytes(), database.as_encoded_bytes());
        name.starts_with(database)
    };
    folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flat_map(|entries| entries.filter_map(Result::ok))
        .map(|entry| entry.path())
        .find(|path| path.is_file() && !of_database(path) && is_root(path))
}

/// Whether the file is one of root keys, plain or protected.
#[must_use]
pub fn is_root(path: &Path) -> bool {
    let mut start = Vec::with_capacity(256);
    let read = File::open(path).and_then(|file| file.take(256).read_to_end(&mut start));
    let text = String::from_utf8_lossy(&start);
    read.is_ok() && MARKS.iter().any(|mark| text.contains(mark))
}

/// A name is on the disk when its folder is.
fn sync_folder(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| unwritable(folder, &error))
}
