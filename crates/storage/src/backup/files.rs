//! Files of a backup: written for their owner only, hashed on the way, on the disk before they count.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufReader, BufWriter, Read, Write},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use aws_lc_rs::digest::{Context, SHA256, digest};

use super::{BackupError, manifest::FileEntry};

/// A new file.
pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// A folder with those above it.
pub(super) fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Names made in a folder last once the folder itself is on the disk.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Writes a new file and hashes what goes into it.
pub(super) struct Hashed {
    file: BufWriter<File>,
    hash: Context,
    size: u64,
}

impl Hashed {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::with_capacity(1 << 18, create(path)?),
            hash: Context::new(&SHA256),
            size: 0,
        })
    }

    /// Sees it to the disk.
    pub(super) fn finish(self, name: String, rows: u64) -> io::Result<FileEntry> {
        let file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(FileEntry {
            name,
            size: self.size,
            sha256: hex::encode(self.hash.finish().as_ref()),
            rows,
        })
    }
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        self.size = self
            .size
            .saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes).as_ref())
}

/// Checks a file against what the manifest says of it.
pub(super) fn check(folder: &Path, entry: &FileEntry) -> Result<(), BackupError> {
    let damaged = || BackupError::Damaged(entry.name.clone());
    let path = folder.join(&entry.name);
    let mut file = match File::open(&path) {
        Ok(file) => BufReader::with_capacity(1 << 18, file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(damaged()),
        Err(error) => return Err(BackupError::io(&path, &error)),
    };
    let (mut hash, mut size) = (Context::new(&SHA256), 0_u64);
    let mut chunk = vec![0_u8; 1 << 16];
    loop {
        let read = file
            .read(&mut chunk)
            .map_err(|error| BackupError::io(&path, &error))?;
        if read == 0 {
            break;
        }
        hash.update(chunk.get(..read).unwrap_or_default());
        size = size.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
    if size == entry.size && hex::encode(hash.finish().as_ref()) == entry.sha256 {
        Ok(())
    } else {
        Err(damaged())
    }
}

/// Whether the file at `path` holds just these bytes.
pub(super) fn same(path: &Path, bytes: &[u8]) -> bool {
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == length)
        && fs::read(path).is_ok_and(|found| found == bytes)
}
