//! `jiazhao audit`

use std::path::PathBuf;

use authority::{AuditCheck, AuditReport};
use clap::Subcommand;
use credential::KeyId;
use jiff::Timestamp;
use licence::Text;
use serde_json::json;
use tempfile::NamedTempFile;

use super::{Context, say, trusted::from_file};
use crate::{
    app::App,
    config::{Config, Witness, witness_named},
    failure::Failure,
    http_witness::HttpWitness,
};

/// Checkpoints printed at once.
const BATCH: u32 = 50;

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Verify the whole audit: 0 whole, 1 not (the first such place is named), 2 could not check
    Verify {
        /// The checkpoints that were pushed out of the reach of the database: a file, or the
        /// address of a service
        #[arg(long, value_name = "WITNESS")]
        against: Option<String>,
        /// A trust list that was kept elsewhere [default: the one in the database]
        #[arg(long, value_name = "FILE")]
        trust: Option<PathBuf>,
        /// The identifier of a root key of that list, once for each: no other root is believed
        #[arg(long = "root", value_name = "KEY", requires = "trust")]
        roots: Vec<KeyId>,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Append the checkpoints that a witness does not have yet
    Push {
        /// A file, made where it is missing, or the address of a service
        #[arg(value_name = "WITNESS")]
        witness: String,
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
        let (config, app) = context.open().await?;
        let code = match self {
            Self::Verify {
                against,
                trust,
                roots,
                json,
            } => {
                let copy = match against {
                    Some(named) => Some(copied(&config, named).await?),
                    None => None,
                };
                let check = AuditCheck {
                    witness: copy.as_ref().map(Copied::path),
                    trust: trust
                        .as_deref()
                        .map(|it| from_file(it, roots))
                        .transpose()?,
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
                let pushed = match named(&config, witness)? {
                    Witness::File(path) => app.authority().push_checkpoints(&path).await?,
                    Witness::Http(peer) => {
                        let service = HttpWitness::new(&peer)?;
                        app.authority().push_to_service(&service).await?
                    }
                };
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

/// What the witness keeps, as a file: its own, or a copy that lasts as long as this.
enum Copied {
    Own(PathBuf),
    Copy(NamedTempFile),
}

impl Copied {
    fn path(&self) -> PathBuf {
        match self {
            Self::Own(path) => path.clone(),
            Self::Copy(file) => file.path().to_owned(),
        }
    }
}

async fn copied(config: &Config, text: &str) -> Result<Copied, Failure> {
    match named(config, text)? {
        Witness::File(path) => Ok(Copied::Own(path)),
        Witness::Http(peer) => {
            let service = HttpWitness::new(&peer)?;
            service.copied().await.map(Copied::Copy)
        }
    }
}

fn named(config: &Config, text: &str) -> Result<Witness, Failure> {
    witness_named(&config.audit, text)
        .map_err(|Text { zh, en }| Failure::new("witness-address", zh, en).about(text))
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
        signatures,
    } = report;
    say(&format!("rows checked {rows}, of them archived {archived}"))?;
    let newest = newest_checkpoint_at.map_or_else(|| "none".to_owned(), |at| at.to_string());
    say(&format!(
        "checkpoints {checkpoints}, newest {newest}, witnessed {witnessed}"
    ))?;
    say(&format!("rows that no checkpoint covers yet {uncovered}"))?;
    say(&format!("signatures under credentials {signatures}"))?;
    match first {
        Some(finding) => say(&finding.to_string()),
        None => say("whole: every row checked is as it was written (审计完整)"),
    }
}
