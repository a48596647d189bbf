//! A backup is checked whole before anything is written.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    BackupError, TABLES, files,
    manifest::{FileEntry, Manifest},
    objects::{FOLDER, LIST, List, ObjectEntry},
};
use crate::{MasterKeys, migrate};

/// A backup whose every file is what its manifest says, and whose manifest the holder of the master
/// key wrote.
#[derive(Debug)]
pub struct CheckedBackup {
    pub(super) folder: PathBuf,
    pub(super) manifest: Manifest,
}

impl CheckedBackup {
    /// Reads everything in `folder`.
    ///
    /// # Errors
    /// [`BackupError::Incomplete`], [`BackupError::Damaged`] with the first such file,
    /// [`BackupError::OtherKey`], [`BackupError::Newer`]; when a file cannot be read.
    pub fn open(folder: &Path, keys: &MasterKeys) -> Result<Self, BackupError> {
        let manifest = Manifest::read(folder, keys)?;
        let mut schema = Vec::new();
        for (version, hash) in &manifest.schema {
            schema.push((*version, hex::decode(hash).unwrap_or_default()));
        }
        migrate::known(&schema).map_err(|_unknown| BackupError::Newer)?;
        // Every table of that schema, each once, and nothing else: what is read later was checked.
        let mut expected: Vec<String> = migrate::tables(manifest.schema_version())
            .into_iter()
            .map(|table| format!("{TABLES}/{}", table.name))
            .collect();
        expected.push(LIST.to_owned());
        let names: Vec<&String> = manifest.files.iter().map(|file| &file.name).collect();
        if names != expected.iter().collect::<Vec<_>>() {
            return Err(BackupError::Damaged(super::manifest::FILE.to_owned()));
        }
        for file in &manifest.files {
            files::check(folder, file)?;
        }
        let checked = Self {
            folder: folder.to_owned(),
            manifest,
        };
        let mut list = List::open(folder)?;
        let mut objects = 0_u64;
        while let Some(entry) = list.next()? {
            objects = objects.saturating_add(u64::from(checked.check_object(&entry)?));
        }
        if objects == checked.manifest.objects {
            Ok(checked)
        } else {
            Err(BackupError::Damaged(LIST.to_owned()))
        }
    }

    /// What it says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn check_object(&self, entry: &ObjectEntry) -> Result<bool, BackupError> {
        let Some(sha256) = &entry.sha256 else {
            return Ok(false);
        };
        let file = FileEntry {
            name: format!("{FOLDER}/{}", entry.name),
            size: entry.size,
            sha256: sha256.clone(),
            rows: 0,
        };
        files::check(&self.folder, &file)?;
        Ok(true)
    }

    /// The bytes of an object, checked again: time has passed.
    pub(super) fn object(&self, entry: &ObjectEntry) -> Result<Option<Vec<u8>>, BackupError> {
        let Some(sha256) = &entry.sha256 else {
            return Ok(None);
        };
        let path = self.folder.join(FOLDER).join(&entry.name);
        let bytes = fs::read(&path).map_err(|error| BackupError::io(&path, &error))?;
        if files::sha256(&bytes) == *sha256 {
            Ok(Some(bytes))
        } else {
            Err(BackupError::Damaged(format!("{FOLDER}/{}", entry.name)))
        }
    }
}
