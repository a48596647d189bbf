//! `jiazhao audit`

use std::path::{Path, PathBuf};

use authority::{AuditCheck, AuditReport};
use clap::Subcommand;
use credential::{Reason, SignedTrustList, VerifiedTrustList};
use jiff::Timestamp;
use serde_json::json;

use super::{Context, say};
use crate::{app::App, failure::Failure, import::read_within};

/// Larger than any trust list that would be believed.
const MAX_TRUST: usize = 2 << 20;
/// Checkpoints printed at once.
const BATCH: u32 = 50;

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Verify the whole audit: 0 whole, 1 not (the first such place is named), 2 could not check
    Verify {
        /// A file of checkpoints that were pushed out of the reach of the database
        #[arg(long, value_name = "WITNESS")]
        against: Option<PathBuf>,
        /// A trust list that was kept elsewhere [default: the one in the database]
        #[arg(long, value_name = "FILE")]
        trust: Option<PathBuf>,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Append the checkpoints that a witness file does not have yet
    Push {
        /// The file, made where it is missing
        #[arg(value_name = "WITNESS")]
        witness: PathBuf,
    },
    /// Print checkpoints, one a line, for a witness that is reached by other means
    Checkpoints {
        /// Those after this number
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        after: u64,
    },
    /// Move rows that the newest checkpoint covers to the object store, where they stay verifiable
    Archive {
        /// Rows written before this instant
        #[arg(long, value_name = "TIME")]
        before: Timestamp,
    },
}

impl AuditCommand {
    pub(super) async fn run(&self, context: &Context) -> Result<u8, Failure> {
        let (_, app) = context.open().await?;
        let code = match self {
            Self::Verify {
                against,
                trust,
                json,
            } => {
                let check = AuditCheck {
                    witness: against.clone(),
                    trust: trust.as_deref().map(trust_list).transpose()?,
                };
                let report = app.authority().verify_audit(&check).await?;
                if *json {
                    say(&json!(report).to_string())?;
                } else {
                    tell(&report)?;
                }
                u8::from(report.first.is_some())
            }
            Self::Push { witness } => {
                let pushed = app.authority().push_checkpoints(witness).await?;
                say(&format!("pushed {pushed}"))?;
                0
            }
            Self::Checkpoints { after } => {
                print(&app, *after).await?;
                0
            }
            Self::Archive { before } => {
                let act = app.act("audit-archive");
                let archive = app.authority().archive_audit(&act, app.node(), *before);
                say(&format!("archived {}", archive.await?))?;
                0
            }
        };
        app.close().await;
        Ok(code)
    }
}

async fn print(app: &App, mut after: u64) -> Result<(), Failure> {
    loop {
        let lines = app.authority().checkpoints_after(after, BATCH).await?;
        let Some(last) = lines.last() else {
            return Ok(());
        };
        after = last.number;
        for checkpoint in &lines {
            say(&checkpoint.line)?;
        }
    }
}

fn trust_list(path: &Path) -> Result<VerifiedTrustList, Failure> {
    let refused = |Reason { code, zh, en }| Failure::new(code, zh, en).about(path.display());
    let bytes = read_within(path, MAX_TRUST).ok_or_else(|| {
        Failure::new(
            "file-unreadable",
            "无法读取文件或文件过大",
            "The file cannot be read or is too large",
        )
        .about(path.display())
    })?;
    SignedTrustList::from_json(&bytes)
        .map_err(|malformed| refused(malformed.reason()))?
        .verify(None)
        .map_err(|refusal| refused(refusal.reason()))
}

/// The last line is the outcome.
pub(super) fn tell(report: &AuditReport) -> Result<(), Failure> {
    let AuditReport {
        first,
        rows,
        archived,
        uncovered,
        checkpoints,
        newest_checkpoint_at,
        witnessed,
    } = report;
    say(&format!("rows checked {rows}, of them archived {archived}"))?;
    let newest = newest_checkpoint_at.map_or_else(|| "none".to_owned(), |at| at.to_string());
    say(&format!(
        "checkpoints {checkpoints}, newest {newest}, witnessed {witnessed}"
    ))?;
    say(&format!("rows that no checkpoint covers yet {uncovered}"))?;
    match first {
        Some(finding) => say(&finding.to_string()),
        None => say("whole: every row checked is as it was written (审计完整)"),
    }
}
