//! `jiazhao backup` and `jiazhao restore`

use std::{collections::BTreeMap, path::PathBuf};

use authority::{AuditCheck, LostRows};
use clap::Args;
use storage::{
    Partition, Steward,
    backup::{Backup as Made, BackupError, CheckedBackup, Past},
};

use super::{Context, audit, say, tell};
use crate::{
    app::{self, App, Options},
    config::Config,
    failure::Failure,
    key_files::{self, Missing},
    seen,
};

/// Places in the status lists that are not given again in each partition: as many as there are in
/// one list, a million in all.
const PLACES: u64 = 4096;
/// A place is taken before the issue that may lose a race and take another, three times at most.
const PLACES_PER_ROW: u64 = 4;
/// More rows than a partition can have lost between two backups: a witness that tells of more is
/// not believed.
const CREDIBLE: u64 = 1 << 30;
/// Partitions told by name.
const TOLD: usize = 20;

/// Copies the platform, which may be serving, into a new folder: 0 whole, 1 files that rows name are
/// missing, 2 could not run
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The folder, which must not exist
    folder: PathBuf,
    /// An earlier backup on the same disk: what is unchanged since is linked instead of copied
    #[arg(long, value_name = "DIR")]
    base: Option<PathBuf>,
}

/// Puts a backup into an empty database and an empty data folder: 0 done, 1 its audit is not whole,
/// 2 could not run
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The backup
    folder: PathBuf,
    /// Only check that the backup is whole and that the master key is the one it needs
    #[arg(long)]
    check: bool,
    /// A file of checkpoints that were pushed out of the reach of the database: tells what is lost
    #[arg(long, value_name = "WITNESS")]
    against: Option<PathBuf>,
    /// Places in the status lists that are passed over in each partition, where more than so many
    /// licences were issued in one since the backup
    #[arg(long, value_name = "NUMBER", default_value_t = PLACES)]
    skip_places: u64,
}

impl Backup {
    pub(super) async fn run(&self, context: &Context) -> Result<u8, Failure> {
        let (_, app) = context.open().await?;
        let act = app.act("backup");
        let by = Steward {
            actor: &act.actor_id(),
            request: &act.request,
            now: act.now,
        };
        let store = app.authority().store();
        let made = store.backup(&self.folder, self.base.as_deref(), &by).await;
        app.close().await;
        let Made {
            manifest,
            shared,
            missing,
        } = made.map_err(|error| failure(error, &self.folder))?;
        for name in &missing {
            say(&format!("missing: {name}"))?;
        }
        say(&format!(
            "backup of {}, schema {}, checkpoint {}, rows {}, objects {} ({shared} shared, {} missing)",
            manifest.made_at,
            manifest.schema_version(),
            manifest.checkpoint,
            manifest.rows(),
            manifest.objects,
            manifest.missing,
        ))?;
        Ok(u8::from(manifest.missing > 0))
    }
}

impl Restore {
    pub(super) async fn run(&self, context: &Context) -> Result<u8, Failure> {
        let config = context.config()?;
        let mut rng = context.ambient.entropy.rng();
        let opened = key_files::open(&config, Missing::Never, &mut rng)?;
        let failed = |error| failure(error, &self.folder);
        let checked = CheckedBackup::open(&self.folder, &opened.keys).map_err(failed)?;
        let manifest = checked.manifest();
        say(&format!(
            "backup of {}, schema {}, checkpoint {}, rows {}, objects {}",
            manifest.made_at,
            manifest.schema_version(),
            manifest.checkpoint,
            manifest.rows(),
            manifest.objects,
        ))?;
        let lost = match &self.against {
            Some(witness) => Some(LostRows::since(&manifest.heads, witness).await?),
            None => None,
        };
        let places_of = lost.as_ref().map(places).transpose()?;
        if !self.check {
            let past = Past {
                places: self.skip_places,
                places_of: places_of.unwrap_or_default(),
            };
            app::data_folders(&config)?;
            let target = app::store_options(&config, &Options::default());
            let act = context.ambient.act("restore");
            let by = Steward {
                actor: &act.actor_id(),
                request: &act.request,
                now: act.now,
            };
            let restored = checked.restore(&target, &opened.keys, &past, &by, &mut rng);
            let restored = restored.await.map_err(failed)?;
            let ended = restored.ended.iter();
            let ended: Vec<String> = ended.map(|(what, rows)| format!("{what} {rows}")).collect();
            say(&format!("ended: {}", ended.join(", ")))?;
        }
        if let Some(lost) = &lost {
            told(lost)?;
        }
        if self.check {
            return Ok(0);
        }
        verify(&config, context).await
    }
}

/// How many places may have been taken in each partition by what is lost.
fn places(lost: &LostRows) -> Result<BTreeMap<Partition, u64>, Failure> {
    let places = lost.rows.iter().map(|(partition, (from, to))| {
        let rows = to.saturating_sub(*from).saturating_add(1);
        if rows > CREDIBLE {
            return Err(Failure::new(
                "witness-not-credible",
                "见证文件所载的记录数不可信",
                "The witness tells of more rows than there can be",
            ));
        }
        Ok((*partition, rows.saturating_mul(PLACES_PER_ROW)))
    });
    places.collect()
}

fn told(lost: &LostRows) -> Result<(), Failure> {
    for (partition, (from, to)) in lost.rows.iter().take(TOLD) {
        let partition = partition.number();
        say(&format!("lost: partition {partition} rows {from} to {to}"))?;
    }
    say(&format!(
        "lost {} rows of the audit in {} partitions, as far as checkpoint {} of the witness knows",
        lost.count(),
        lost.rows.len(),
        lost.newest
    ))
}

async fn verify(config: &Config, context: &Context) -> Result<u8, Failure> {
    let app = App::open(config, &context.ambient, Options::default()).await?;
    let report = app.authority().verify_audit(&AuditCheck::default()).await?;
    audit::tell(&report)?;
    // What this node saw of the database that was lost would keep it from starting.
    seen::note(&app).await?;
    app.close().await;
    tell(
        "Before others may use it: deliver the registry's records again; look through staff, their \
         roles, registry sources and signing keys, which are those of then; begin a new witness file \
         and keep the old one. (对外开放前：重新推送登记数据，复核人员、角色、数据来源与密钥，另起见证文件并保留旧文件)",
    )?;
    Ok(u8::from(report.first.is_some()))
}

fn failure(error: BackupError, folder: &std::path::Path) -> Failure {
    let folder = folder.display();
    match error {
        BackupError::Store(error) => error.into(),
        BackupError::File { path, error } => Failure::new(
            "backup-file",
            "无法读写备份文件",
            "A file of the backup cannot be read or written",
        )
        .about(format!("{path}: {error}")),
        BackupError::Exists => Failure::new(
            "backup-exists",
            "备份目录已存在，不覆盖",
            "The folder exists already and is not written over",
        )
        .about(folder),
        BackupError::Incomplete => Failure::new(
            "backup-incomplete",
            "没有清单文件：备份未完成，或此目录不是备份",
            "There is no manifest: the backup was not finished, or this is none",
        )
        .about(folder),
        BackupError::Damaged(name) => Failure::new(
            "backup-damaged",
            "备份文件损坏或缺失",
            "A file of the backup is damaged or missing",
        )
        .about(format!("{folder}: {name}")),
        BackupError::OtherKey => Failure::new(
            "backup-other-key",
            "备份是在另一主密钥下制作的",
            "The backup was made under another master key",
        )
        .about(folder),
        BackupError::Newer => Failure::new(
            "backup-newer",
            "备份由更新版本的程序制作",
            "The backup was made by a newer version of this program",
        )
        .about(folder),
        BackupError::NotEmpty(what) => Failure::new(
            "restore-not-empty",
            "恢复目标不为空",
            "What it is to be restored into is not empty",
        )
        .about(what),
    }
}
