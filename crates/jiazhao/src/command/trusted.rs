//! A trust list from a file, believed as far as its roots are.

use std::path::{Path, PathBuf};

use clap::Args;
use credential::{KeyId, Reason, SignedTrustList, VerifiedTrustList};

use crate::{failure::Failure, import::read_within};

/// Larger than any trust list that would be believed.
const MAX_FILE: usize = 2 << 20;

#[derive(Debug, Args)]
pub(super) struct Trusted {
    /// The exported trust list
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// The identifier of a root key, once for each: no other root is believed [default: those that
    /// the list brings along]
    #[arg(long = "root", value_name = "KEY")]
    roots: Vec<KeyId>,
}

impl Trusted {
    pub(super) fn list(&self) -> Result<VerifiedTrustList, Failure> {
        from_file(&self.trust, &self.roots)
    }
}

/// The list in a file; where roots are named, they must be just those that signed it.
pub(super) fn from_file(path: &Path, roots: &[KeyId]) -> Result<VerifiedTrustList, Failure> {
    let json = read_within(path, MAX_FILE).ok_or_else(|| {
        Failure::new(
            "file-unreadable",
            "无法读取文件或文件过大",
            "The file cannot be read or is too large",
        )
    });
    let pins = (!roots.is_empty()).then_some(roots);
    json.and_then(|json| trusted(&json, pins))
        .map_err(|failure| failure.about(path.display()))
}

pub(super) fn trusted(json: &[u8], pins: Option<&[KeyId]>) -> Result<VerifiedTrustList, Failure> {
    let refused = |Reason { code, zh, en }| Failure::new(code, zh, en);
    SignedTrustList::from_json(json)
        .map_err(|malformed| refused(malformed.reason()))?
        .verify(pins)
        .map_err(|refusal| refused(refusal.reason()))
}
