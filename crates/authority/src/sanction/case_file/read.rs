//! Checking a case file offline: the manifests against the trust list, every file against them.

use std::collections::BTreeMap;

use credential::{Manifest, ManifestRefusal, UnverifiedManifest, VerifiedTrustList};
use jiff::Timestamp;
use licence::Text;

use super::tar;
use crate::registry_write::sha256;

/// What a case file is that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseFileReport {
    /// The manifest.
    pub manifest: Manifest,
    /// The keys that signed it.
    pub keys: Vec<String>,
}

impl CaseFileReport {
    /// When it was made.
    #[must_use]
    pub fn made_at(&self) -> Timestamp {
        // The check of the manifest has read it.
        Timestamp::from_second(self.manifest.iat).unwrap_or_default()
    }
}

/// Why a case file does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseFileFault {
    /// Not an archive of plain files.
    NotAnArchive,
    /// No manifest, or manifests that do not say the same.
    NoManifest,
    /// A manifest that is not believed.
    Manifest(ManifestRefusal),
    /// A file of the manifest is missing.
    Missing(String),
    /// A file is not the one of the manifest.
    Changed(String),
    /// A file that the manifest does not know, or one path twice.
    Unlisted(String),
}

impl CaseFileFault {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAnArchive => "not-an-archive",
            Self::NoManifest => "no-manifest",
            Self::Manifest(refusal) => refusal.reason().code,
            Self::Missing(_) => "file-missing",
            Self::Changed(_) => "file-changed",
            Self::Unlisted(_) => "file-unlisted",
        }
    }

    /// What it means.
    #[must_use]
    pub const fn text(&self) -> Text {
        let (zh, en) = match self {
            Self::NotAnArchive => ("不是案卷归档文件", "this is no archive of a case"),
            Self::NoManifest => (
                "缺少清单，或者清单之间不一致",
                "the manifest is missing, or the manifests differ",
            ),
            Self::Manifest(refusal) => {
                let reason = refusal.reason();
                (reason.zh, reason.en)
            }
            Self::Missing(_) => ("清单所列文件缺失", "a file of the manifest is missing"),
            Self::Changed(_) => ("文件与清单不符", "a file is not the one of the manifest"),
            Self::Unlisted(_) => ("存在清单未列的文件", "a file is not in the manifest"),
        };
        Text { zh, en }
    }

    /// Which file it is about.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Missing(path) | Self::Changed(path) | Self::Unlisted(path) => Some(path),
            Self::NotAnArchive | Self::NoManifest | Self::Manifest(_) => None,
        }
    }
}

/// Checks a case file: every manifest in it is signed by an online key of the trust list, they say the
/// same, and they name exactly the files that are there.
///
/// # Errors
/// The first thing that does not hold.
pub fn read_case_file(
    archive: &[u8],
    trust: &VerifiedTrustList,
) -> Result<CaseFileReport, CaseFileFault> {
    let all = tar::files(archive).ok_or(CaseFileFault::NotAnArchive)?;
    let (manifests, others): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(path, _)| is_manifest(path));
    let mut report: Option<CaseFileReport> = None;
    for (_, bytes) in manifests {
        let text = std::str::from_utf8(bytes);
        let text = text.map_err(|_not_text| CaseFileFault::Manifest(ManifestRefusal::Malformed))?;
        let unverified = UnverifiedManifest::parse(text).map_err(CaseFileFault::Manifest)?;
        let key = unverified.key_id().to_string();
        let manifest = unverified.verify(trust).map_err(CaseFileFault::Manifest)?;
        let report = report.get_or_insert_with(|| CaseFileReport {
            manifest: manifest.clone(),
            keys: Vec::new(),
        });
        if report.manifest != manifest {
            return Err(CaseFileFault::NoManifest);
        }
        report.keys.push(key);
    }
    let report = report.ok_or(CaseFileFault::NoManifest)?;
    compare(&report.manifest, others)?;
    Ok(report)
}

fn is_manifest(path: &str) -> bool {
    path.strip_prefix("manifest.")
        .is_some_and(|rest| rest.strip_suffix(".jws").is_some())
}

fn compare(manifest: &Manifest, files: Vec<(String, &[u8])>) -> Result<(), CaseFileFault> {
    let listed = manifest.files.iter();
    let mut listed: BTreeMap<&str, &str> = listed.map(|it| (&*it.path, &*it.sha256)).collect();
    for (path, bytes) in files {
        let Some(stated) = listed.remove(path.as_str()) else {
            return Err(CaseFileFault::Unlisted(path));
        };
        if sha256(bytes) != stated {
            return Err(CaseFileFault::Changed(path));
        }
    }
    match listed.into_keys().next() {
        Some(path) => Err(CaseFileFault::Missing(path.to_owned())),
        None => Ok(()),
    }
}
