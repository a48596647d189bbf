//! `jiazhao case-file`: checking the exported file of a sanction offline (R76).

use std::path::PathBuf;

use authority::read_case_file;
use clap::{Args, Subcommand};

use super::{Context, say, tell, trusted::Trusted};
use crate::{failure::Failure, import::read_within};

/// Larger than any case file: sixteen items of evidence with their photos.
const MAX_FILE: usize = 256 << 20;

#[derive(Debug, Subcommand)]
pub(super) enum CaseFileCommand {
    /// Check the manifests and every file of an exported case file: 0 it holds, 1 it does not
    Verify(Verify),
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The archive
    file: PathBuf,
    #[command(flatten)]
    trust: Trusted,
}

impl CaseFileCommand {
    pub(super) fn run(&self, _context: &Context) -> Result<u8, Failure> {
        match self {
            Self::Verify(command) => command.run(),
        }
    }
}

impl Verify {
    fn run(&self) -> Result<u8, Failure> {
        let trust = self.trust.list()?;
        let archive = read_within(&self.file, MAX_FILE).ok_or_else(|| {
            Failure::new(
                "file-unreadable",
                "无法读取文件或文件过大",
                "The file cannot be read or is too large",
            )
            .about(self.file.display())
        })?;
        match read_case_file(&archive, &trust) {
            Ok(report) => {
                let manifest = &report.manifest;
                say(&format!("sanction   {}", manifest.sub))?;
                say(&format!("made by    {} ({})", manifest.by, manifest.iss))?;
                say(&format!("made at    {}", report.made_at()))?;
                say(&format!("keys       {}", report.keys.join(" ")))?;
                say(&format!(
                    "files      {}, as they were signed",
                    manifest.files.len()
                ))?;
                Ok(0)
            }
            Err(fault) => {
                let licence::Text { zh, en } = fault.text();
                let path = fault
                    .path()
                    .map_or_else(String::new, |path| format!(": {path}"));
                tell(&format!("{}: {en} ({zh}){path}", fault.code()))?;
                Ok(1)
            }
        }
    }
}
