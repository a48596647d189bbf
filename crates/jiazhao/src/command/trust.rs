//! `jiazhao trust`

use std::{fs, path::PathBuf};

use clap::Subcommand;

use super::{Context, say};
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(super) enum TrustCommand {
    /// Export the signed trust list for verifiers
    Export {
        /// The file to write, anew [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

impl TrustCommand {
    pub(super) async fn run(&self, context: &Context) -> Result<u8, Failure> {
        let Self::Export { out } = self;
        let (_, app) = context.open().await?;
        let document = app.authority().trust_list()?;
        app.close().await;
        match out {
            Some(file) => fs::write(file, format!("{document}\n")).map_err(|error| {
                Failure::new(
                    "file-unwritable",
                    "无法写入文件",
                    "The file cannot be written",
                )
                .about(format!("{}: {error}", file.display()))
            })?,
            None => say(&document)?,
        }
        Ok(0)
    }
}
