//! The folder that `jiazhao verify --status` reads: `trust.json`, `<number>.cwt` each, and the tags by
//! which the server knows what is here.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{SHA256, digest};
use credential::status_list::token::MAX_TOKEN;
use serde::{Deserialize, Serialize};

use crate::{failure::Failure, import::read_within, key_files::encoded_bytes};

/// The name of the trust list.
pub(super) const TRUST: &str = "trust.json";
const TAGS: &str = "tags.json";
/// Larger than any trust list that would be believed, and than the tags of all lists.
pub(super) const MAX_TRUST: usize = 2 << 20;

pub(super) struct Folder {
    path: PathBuf,
    tags: BTreeMap<String, Tag>,
}

/// By what the server knows a content, and which content that is: a file that was put back from
/// elsewhere is not taken for it.
#[derive(Serialize, Deserialize)]
struct Tag {
    etag: String,
    sha256: String,
}

/// The name of a status list.
pub(super) fn list(number: u32) -> String {
    format!("{number}.cwt")
}

impl Folder {
    /// Tags that cannot be read are none: what they speak of is fetched once more.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(path).map_err(|error| unwritable(path, &error))?;
        let tags = read_within(&path.join(TAGS), MAX_TRUST);
        let tags = tags.and_then(|json| serde_json::from_slice(&json).ok());
        Ok(Self {
            path: path.to_owned(),
            tags: tags.unwrap_or_default(),
        })
    }

    /// The trust list, if one is there. One that is there and cannot be read ends the command:
    /// starting afresh would forget which roots are believed, and which version was seen.
    pub(super) fn trust(&self) -> Result<Option<Vec<u8>>, Failure> {
        self.there(TRUST, MAX_TRUST)
    }

    /// A status list, if one is there.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        self.there(name, MAX_TOKEN)
    }

    fn there(&self, name: &str, most: usize) -> Result<Option<Vec<u8>>, Failure> {
        let path = self.path.join(name);
        if matches!(path.try_exists(), Ok(false)) {
            return Ok(None);
        }
        let bytes = read_within(&path, most);
        bytes.map(Some).ok_or_else(|| {
            Failure::new(
                "file-unreadable",
                "无法读取文件或文件过大",
                "The file cannot be read or is too large",
            )
            .about(path.display())
        })
    }

    /// By what the server knows the file of this content.
    pub(super) fn tag(&self, name: &str, content: &[u8]) -> Option<&str> {
        let tag = self.tags.get(name)?;
        (tag.sha256 == hash(content)).then_some(tag.etag.as_str())
    }

    /// Puts a file in its place as a whole: whoever reads meanwhile reads the old or the new one, and
    /// so does whoever comes after a crash.
    pub(super) fn put(
        &mut self,
        name: &str,
        content: &[u8],
        tag: Option<String>,
    ) -> Result<(), Failure> {
        self.replace(name, content)?;
        let sha256 = hash(content);
        let tag = tag.map(|etag| Tag { etag, sha256 });
        match tag {
            Some(tag) => self.tags.insert(name.to_owned(), tag),
            None => self.tags.remove(name),
        };
        Ok(())
    }

    pub(super) fn keep_tags(&self) -> Result<(), Failure> {
        let json = serde_json::to_vec(&self.tags).unwrap_or_default();
        self.replace(TAGS, &json)
    }

    fn replace(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        let path = self.path.join(name);
        let new = self.path.join(format!("{name}.new"));
        let written = || -> io::Result<()> {
            let mut file = File::create(&new)?;
            file.write_all(content)?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(&self.path)?.sync_all()
        };
        written().map_err(|error| unwritable(&path, &error))
    }
}

fn hash(content: &[u8]) -> String {
    encoded_bytes(digest(&SHA256, content).as_ref()).to_string()
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        "file-unwritable",
        "无法写入文件",
        "The file cannot be written",
    )
    .about(format!("{}: {error}", path.display()))
}
