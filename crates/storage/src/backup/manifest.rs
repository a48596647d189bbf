//! What a backup says of itself: written last, so that a folder without it is no backup.
//!
//! Two lines: a JSON object, and in hexadecimal its HMAC-SHA-256 under a key derived from the master
//! key. Whoever can change the backup cannot change what it says without that key.

use std::{fs, io::Write as _, path::Path};

use aws_lc_rs::hmac;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BackupError, files};
use crate::MasterKeys;

/// Its name in the folder.
pub(super) const FILE: &str = "manifest";
const FORMAT: &str = "jiazhao-backup/1";
/// Larger than any: 257 heads and some forty files have 30 KB.
const MAX_BYTES: u64 = 4 << 20;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub(super) format: String,
    /// The instant whose data it holds.
    pub made_at: Timestamp,
    /// On which engine it was made. It can be restored on either.
    pub engine: String,
    /// The migrations that had been applied: number and SHA-256.
    pub schema: Vec<(i64, String)>,
    /// The suite in which new values were sealed.
    pub suite: String,
    /// The data keys it needs, which lie in it wrapped by the master key.
    pub data_keys: Vec<u32>,
    /// By which the two keys that are not in it are known.
    pub keys: Fingerprints,
    /// Number of the newest checkpoint of the audit, 0 where there is none.
    pub checkpoint: u64,
    /// The newest audit row of every partition that has any: partition, number, chain hash.
    pub heads: Vec<(u16, u64, String)>,
    /// Its files, the list of objects among them.
    pub files: Vec<FileEntry>,
    /// Photos and closed segments of the audit that it holds.
    pub objects: u64,
    /// Their bytes.
    pub object_bytes: u64,
    /// Objects that rows name and that were not there.
    pub missing: u64,
}

/// By which keys are known without being told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprints {
    /// Of the master key.
    pub master: String,
    /// Of the index key.
    pub index: String,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its path within the backup.
    pub name: String,
    /// Its bytes.
    pub size: u64,
    /// SHA-256 of them, in hexadecimal.
    pub sha256: String,
    /// Rows, where it is a table's.
    pub rows: u64,
}

impl Manifest {
    pub(super) fn format() -> String {
        FORMAT.to_owned()
    }

    /// The number of the newest migration.
    #[must_use]
    pub fn schema_version(&self) -> i64 {
        self.schema.last().map_or(0, |(version, _)| *version)
    }

    /// Rows of all tables.
    #[must_use]
    pub fn rows(&self) -> u64 {
        let rows = self.files.iter().map(|file| file.rows);
        rows.fold(0, u64::saturating_add)
    }

    /// Writes it into `folder`, on the disk when this answers.
    pub(super) fn write(&self, folder: &Path, master: &[u8; 32]) -> Result<(), BackupError> {
        let path = folder.join(FILE);
        let text = serde_json::to_string(self)
            .map_err(|error| BackupError::io(&path, &std::io::Error::from(error)))?;
        let mac = hex::encode(mac(master, text.as_bytes()).as_ref());
        let written = files::create(&path)
            .and_then(|mut file| {
                writeln!(file, "{text}\n{mac}")?;
                file.sync_all()
            })
            .and_then(|()| files::sync_folder(folder));
        written.map_err(|error| BackupError::io(&path, &error))
    }

    /// Reads that of `folder` and checks that the holder of the master key wrote it.
    pub(super) fn read(folder: &Path, keys: &MasterKeys) -> Result<Self, BackupError> {
        let path = folder.join(FILE);
        let damaged = || BackupError::Damaged(FILE.to_owned());
        let length = match fs::metadata(&path) {
            Ok(found) => found.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(BackupError::Incomplete);
            }
            Err(error) => return Err(BackupError::io(&path, &error)),
        };
        if length > MAX_BYTES {
            return Err(damaged());
        }
        let bytes = fs::read(&path).map_err(|error| BackupError::io(&path, &error))?;
        let text = String::from_utf8(bytes).map_err(|_not_text| damaged())?;
        let (text, said) = text
            .strip_suffix('\n')
            .and_then(|lines| lines.split_once('\n'))
            .ok_or_else(damaged)?;
        let manifest: Self = serde_json::from_str(text).map_err(|_other_form| damaged())?;
        if manifest.format != FORMAT {
            return Err(BackupError::Newer);
        }
        // First, so that the wrong key is not called damage.
        if manifest.keys.master != fingerprint(&keys.master) {
            return Err(BackupError::OtherKey);
        }
        let said = hex::decode(said).map_err(|_not_hex| damaged())?;
        hmac::verify(&mac_key(&keys.master), text.as_bytes(), &said).map_err(|_other| damaged())?;
        Ok(manifest)
    }
}

/// By which a master key is known.
pub(super) fn fingerprint(master: &[u8; 32]) -> String {
    let tag = mac(master, b"fingerprint");
    hex::encode(tag.as_ref().first_chunk::<8>().unwrap_or(&[0; 8]))
}

fn mac(master: &[u8; 32], message: &[u8]) -> hmac::Tag {
    hmac::sign(&mac_key(master), message)
}

/// Derived, so that nothing is signed with the master key itself but this.
fn mac_key(master: &[u8; 32]) -> hmac::Key {
    let master = hmac::Key::new(hmac::HMAC_SHA256, master);
    let derived = hmac::sign(&master, b"jiazhao backup manifest");
    hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
}
