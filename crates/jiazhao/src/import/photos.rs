//! Photo files beside a registry file, and nothing outside its folder.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Component, Path, PathBuf},
};

use authority::MAX_PHOTO_BYTES;
use licence::PhotoSource;
use portrait::{Limits, Photo};

use super::report::RejectedField;

/// The folder of a registry file.
#[derive(Clone, Debug)]
pub struct PhotoFolder(PathBuf);

/// The photo is not there, not a file, too large, or outside the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

impl PhotoFolder {
    /// The folder in which `file` lies.
    ///
    /// # Errors
    /// When it cannot be resolved.
    pub fn beside(file: &Path) -> io::Result<Self> {
        let folder = match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            Some(_) | None => Path::new("."),
        };
        folder.canonicalize().map(Self)
    }

    /// The bytes of the photo at a relative path, links followed as long as they stay inside: a
    /// registry file must not be able to make any other file of this machine somebody's photo.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        let path = Path::new(path);
        let relative = path
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !relative {
            return Err(Unreadable);
        }
        let inside = self.0.join(path).canonicalize().ok();
        let inside = inside.filter(|full| full.starts_with(&self.0));
        let full = inside.ok_or(Unreadable)?;
        // Opening a pipe would wait for its other end.
        if !full.is_file() {
            return Err(Unreadable);
        }
        read_within(&full, MAX_PHOTO_BYTES).ok_or(Unreadable)
    }

    /// Why the photo of a record would be refused.
    pub(super) fn problem(&self, source: Option<&PhotoSource>) -> Option<RejectedField> {
        let bytes = match source? {
            PhotoSource::Path(path) => match self.read(path) {
                Ok(bytes) => bytes,
                Err(Unreadable) => return Some(RejectedField::photo_unreadable()),
            },
            PhotoSource::DataUrl { bytes, .. } => bytes.clone(),
        };
        let error = Photo::decode(&bytes, &Limits::PHOTO).err()?;
        Some(RejectedField::photo(error))
    }
}

/// A whole file of at most so many bytes.
pub(crate) fn read_within(path: &Path, most: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(most).ok()?.saturating_add(1);
    let file = File::open(path).ok()?;
    file.take(limit).read_to_end(&mut bytes).ok()?;
    (bytes.len() <= most).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn only_files_of_the_folder_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("in");
        fs::create_dir_all(inside.join("photos")).unwrap();
        fs::write(inside.join("photos/a.jpg"), b"a").unwrap();
        fs::write(folder.path().join("secret"), b"secret").unwrap();
        symlink("photos/a.jpg", inside.join("link")).unwrap();
        symlink("../secret", inside.join("out")).unwrap();
        fs::write(inside.join("large"), vec![0; MAX_PHOTO_BYTES + 1]).unwrap();
        let photos = PhotoFolder::beside(&inside.join("records.ndjson")).unwrap();

        for good in ["photos/a.jpg", "./photos/a.jpg", "link"] {
            assert_eq!(photos.read(good).as_deref(), Ok(&b"a"[..]), "{good}");
        }
        let absolute = inside.join("photos/a.jpg");
        for bad in [
            absolute.to_str().unwrap(),
            "../secret",
            "photos/../../secret",
            "out",
            "photos",
            "missing",
            "large",
            "/dev/zero",
            "",
        ] {
            assert_eq!(photos.read(bad), Err(Unreadable), "{bad}");
        }
    }
}
