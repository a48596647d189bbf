//! `jiazhao trust`

use std::{
    fs, io,
    path::{Path, PathBuf},
};

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
        /// Write the certificates of roots and signing keys there instead, one PEM file each
        #[arg(long, value_name = "DIR", conflicts_with = "out")]
        certificates: Option<PathBuf>,
    },
}

impl TrustCommand {
    pub(super) async fn run(&self, context: &Context) -> Result<u8, Failure> {
        let Self::Export { out, certificates } = self;
        let (_, app) = context.open().await?;
        if let Some(folder) = certificates {
            let certificates = app.authority().certificates()?;
            app.close().await;
            fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
            for (name, pem) in certificates {
                let file = folder.join(format!("{name}.pem"));
                fs::write(&file, pem).map_err(|error| unwritable(&file, &error))?;
                say(&file.display().to_string())?;
            }
            return Ok(0);
        }
        let document = app.authority().trust_list()?;
        app.close().await;
        match out {
            Some(file) => fs::write(file, format!("{document}\n"))
                .map_err(|error| unwritable(file, &error))?,
            None => say(&document)?,
        }
        Ok(0)
    }
}

pub(super) fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        "file-unwritable",
        "无法写入文件",
        "The file cannot be written",
    )
    .about(format!("{}: {error}", path.display()))
}
