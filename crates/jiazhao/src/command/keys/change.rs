//! Changes of trust: prepared beside the database, signed where the roots are, brought back.

use std::{
    fs,
    path::{Path, PathBuf},
};

use authority::{SignedProposal, Submitted, TrustChange, TrustProposalFile};
use clap::Args;

use super::super::{Context, say, tell, trust::unwritable};
use crate::{app::App, failure::Failure, import::read_within, key_files::root};

/// Larger than any list that would be believed, with its certificates.
const MAX_FILE: usize = 4 << 20;

/// How a change goes on once it is prepared.
#[derive(Debug, Args)]
pub(in crate::command) struct Way {
    /// Sign with these root keys, which are then on this machine, and submit
    #[arg(
        long,
        value_name = "FILE",
        requires = "by",
        required_unless_present = "out"
    )]
    root: Option<PathBuf>,
    /// Write the proposal for `jiazhao keys sign-proposal` on the machine that has the root keys
    #[arg(long, value_name = "FILE", conflicts_with_all = ["root", "by"])]
    out: Option<PathBuf>,
    /// The login of the administrator who prepares it
    #[arg(long, value_name = "LOGIN")]
    by: Option<String>,
}

pub(super) async fn propose(
    context: &Context,
    change: &TrustChange,
    way: &Way,
) -> Result<(), Failure> {
    let (config, app) = context.open().await?;
    // A passphrase that does not fit makes no keys.
    let roots = way
        .root
        .as_deref()
        .map(|file| root::read(file, &config.keys.unlock))
        .transpose()?;
    let mut act = app.act("keys-change");
    let proposal = app.authority().propose_trust(&mut act, change).await?;
    for line in proposal.told()? {
        tell(&line)?;
    }
    if let Some(roots) = roots {
        let signed = roots.sign(&proposal)?;
        let by = way.by.as_deref().unwrap_or_default();
        bring(&app, &signed, by).await?;
    } else if let Some(file) = &way.out {
        write(file, &proposal.to_json())?;
        say(&file.display().to_string())?;
    }
    app.close().await;
    Ok(())
}

pub(super) fn sign(
    context: &Context,
    file: &Path,
    root_file: &Path,
    out: &Path,
) -> Result<(), Failure> {
    let config = context.loaded()?;
    let proposal = TrustProposalFile::from_json(&read(file)?)?;
    for line in proposal.told()? {
        tell(&line)?;
    }
    let signed = root::read(root_file, &config.keys.unlock)?.sign(&proposal)?;
    write(out, &signed.to_json())?;
    say(&out.display().to_string())
}

pub(super) async fn submit(context: &Context, file: &Path, by: &str) -> Result<(), Failure> {
    let signed = SignedProposal::from_json(&read(file)?)?;
    let (_, app) = context.open().await?;
    bring(&app, &signed, by).await?;
    app.close().await;
    Ok(())
}

async fn bring(app: &App, signed: &SignedProposal, by: &str) -> Result<(), Failure> {
    let mut act = app.act("keys-submit");
    let submitted = app.authority().submit_trust(&mut act, signed, Some(by));
    match submitted.await? {
        Submitted::Activated => say("activated (已生效)"),
        Submitted::Waits { id, needs } => say(&format!(
            "{id} waits for {needs} other administrator(s): POST /api/v1/admin/trust-proposals/{id}/activation (等待其他管理员启用)"
        )),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    read_within(file, MAX_FILE).ok_or_else(|| {
        Failure::new(
            "file-unreadable",
            "无法读取文件或文件过大",
            "The file cannot be read or is too large",
        )
        .about(file.display())
    })
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    fs::write(file, format!("{text}\n")).map_err(|error| unwritable(file, &error))
}
