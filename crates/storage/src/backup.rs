//! Backup of a store that is in use, and restoring it into an empty one. Decision 0019 tells why it
//! has this form.
//!
//! A backup is a folder: a file for each table (all read in one transaction, so of one instant), the
//! objects that those rows name, a list of these, and last the manifest. Sealed values stay sealed;
//! no key is in it but the data keys, wrapped by the master key.

mod check;
mod files;
mod manifest;
mod objects;
mod past;
mod restore;
mod rows;

use std::{io, path::Path};

use futures_util::TryStreamExt as _;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};
use thiserror::Error;

pub use check::CheckedBackup;
pub use manifest::{FileEntry, Fingerprints, Manifest};
pub use past::{Ended, Past};
pub use restore::Restored;

use crate::{Partition, Steward, Store, StoreError, migrate, rows::Columns, schema::Table};
use files::Hashed;
use rows::Value;

/// Why a backup was not made or not restored.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file or folder cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// The folder exists already.
    #[error("the folder exists already")]
    Exists,
    /// The folder has no manifest: the backup was not finished, or it is none.
    #[error("there is no manifest")]
    Incomplete,
    /// A file is not what the manifest says, or the manifest was not written by the key's holder.
    #[error("{0} is damaged or missing")]
    Damaged(String),
    /// It was made under another master key.
    #[error("another master key")]
    OtherKey,
    /// It was made by a newer program.
    #[error("made by a newer program")]
    Newer,
    /// What it is to be restored into holds something.
    #[error("{0} is not empty")]
    NotEmpty(&'static str),
}

impl BackupError {
    fn io(path: &Path, error: &io::Error) -> Self {
        Self::File {
            path: path.display().to_string(),
            error: io::Error::new(error.kind(), error.to_string()),
        }
    }
}

/// A finished backup.
#[derive(Clone, Debug)]
pub struct Backup {
    /// What it holds.
    pub manifest: Manifest,
    /// Objects taken over from an earlier backup without using space again.
    pub shared: u64,
    /// Names of objects that were not there, a hundred at most.
    pub missing: Vec<String>,
}

/// The folder of the tables' files.
const TABLES: &str = "tables";
/// Objects that were not there which are told by name.
const TOLD: usize = 100;

impl Store {
    /// Copies the store, which may be in use, into a new `folder`. Objects that lie unchanged in the
    /// earlier backup `base` are linked instead of copied. It is audited when it begins and when it
    /// is finished.
    ///
    /// # Errors
    /// [`BackupError::Exists`]; when something cannot be read or written. The folder then holds no
    /// manifest and is no backup.
    pub async fn backup(
        &self,
        folder: &Path,
        base: Option<&Path>,
        by: &Steward<'_>,
    ) -> Result<Backup, BackupError> {
        if let Some(parent) = folder.parent() {
            files::folder(parent).map_err(|error| BackupError::io(parent, &error))?;
        }
        if folder.exists() {
            return Err(BackupError::Exists);
        }
        let tables = folder.join(TABLES);
        files::folder(&tables).map_err(|error| BackupError::io(&tables, &error))?;
        self.audited(by.entry("backup.begun")).await?;
        let mut manifest = self.copy_tables(folder, by).await?;
        let copied = self.copy_objects(folder, base).await?;
        for path in [&tables, folder] {
            files::sync_folder(path).map_err(|error| BackupError::io(path, &error))?;
        }
        manifest.files.push(copied.list);
        manifest.objects = copied.count;
        manifest.object_bytes = copied.bytes;
        manifest.missing = copied.missing;
        manifest.write(folder, &self.sealer().master())?;
        let finished = by
            .entry("backup.finished")
            .with("checkpoint", manifest.checkpoint)
            .with("rows", manifest.rows())
            .with("objects", manifest.objects)
            .with("missing", manifest.missing);
        self.audited(finished).await?;
        Ok(Backup {
            manifest,
            shared: copied.shared,
            missing: copied.missing_names,
        })
    }

    async fn audited(&self, entry: crate::audit::Entry) -> Result<(), StoreError> {
        let tx = self.begin_in(Partition::SYSTEM).await?;
        tx.commit(entry, Vec::new()).await.map(drop)
    }

    /// Every table as of one instant.
    async fn copy_tables(&self, folder: &Path, by: &Steward<'_>) -> Result<Manifest, BackupError> {
        let mut snapshot = self.inner.database.snapshot().await?;
        let schema = migrate::applied(&mut snapshot).await?;
        migrate::known(&schema)?;
        let last = schema.last().map_or(0, |(version, _)| *version);
        let mut files = Vec::new();
        for table in migrate::tables(last) {
            let name = format!("{TABLES}/{}", table.name);
            let path = folder.join(&name);
            let failed = |error: io::Error| BackupError::io(&path, &error);
            let mut out = Hashed::create(&path).map_err(failed)?;
            let rows = copy_rows(&mut snapshot, &table, &mut out, &path).await?;
            files.push(out.finish(name, rows).map_err(failed)?);
        }
        let said = Said::read(&mut snapshot).await?;
        snapshot.rollback().await.map_err(StoreError::from)?;
        Ok(Manifest {
            format: Manifest::format(),
            made_at: by.now,
            engine: self.engine().as_str().to_owned(),
            schema: schema
                .into_iter()
                .map(|(version, hash)| (version, hex::encode(hash)))
                .collect(),
            suite: self.sealer().active_suite().as_str().to_owned(),
            data_keys: said.data_keys,
            keys: Fingerprints {
                master: manifest::fingerprint(&self.sealer().master()),
                index: said.index,
            },
            checkpoint: said.checkpoint,
            heads: said.heads,
            files,
            objects: 0,
            object_bytes: 0,
            missing: 0,
        })
    }
}

/// What the manifest says of the rows.
struct Said {
    data_keys: Vec<u32>,
    index: String,
    checkpoint: u64,
    heads: Vec<(u16, u64, String)>,
}

impl Said {
    async fn read(connection: &mut AnyConnection) -> Result<Self, StoreError> {
        let keys = sqlx::query("SELECT version FROM data_keys ORDER BY version")
            .fetch_all(&mut *connection)
            .await?;
        let newest =
            sqlx::query("SELECT COALESCE(MAX(number), 0) AS number FROM audit_checkpoints")
                .fetch_one(&mut *connection)
                .await?;
        let index =
            sqlx::query("SELECT check_blind FROM blind_indexes ORDER BY version DESC LIMIT 1")
                .fetch_one(&mut *connection)
                .await?;
        let index = column("blind_indexes", &index).bytes("check_blind")?;
        let heads = sqlx::query(
            "SELECT partition, audit_seq, audit_hash FROM partition_heads WHERE audit_seq > 0 ORDER BY partition",
        )
        .fetch_all(&mut *connection)
        .await?;
        Ok(Self {
            data_keys: keys
                .iter()
                .map(|row| column("data_keys", row).number("version"))
                .map(|version| Ok(u32::try_from(version?).unwrap_or(u32::MAX)))
                .collect::<Result<_, StoreError>>()?,
            index: hex::encode(index.first_chunk::<8>().unwrap_or(&[0; 8])),
            checkpoint: column("audit_checkpoints", &newest).number("number")?,
            heads: heads
                .iter()
                .map(|row| {
                    let row = column("partition_heads", row);
                    Ok((
                        row.partition()?.number(),
                        row.number("audit_seq")?,
                        hex::encode(row.bytes("audit_hash")?),
                    ))
                })
                .collect::<Result<_, StoreError>>()?,
        })
    }
}

fn column<'r>(table: &'static str, row: &'r sqlx::any::AnyRow) -> Columns<'r> {
    Columns { table, row }
}

async fn copy_rows(
    connection: &mut AnyConnection,
    table: &Table,
    out: &mut Hashed,
    path: &Path,
) -> Result<u64, BackupError> {
    let failed = |error: io::Error| BackupError::io(path, &error);
    rows::write_head(out, table).map_err(failed)?;
    let names: Vec<&str> = table
        .columns
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let text = format!("SELECT {} FROM {}", names.join(", "), table.name);
    let mut found = sqlx::query(AssertSqlSafe(text)).fetch(connection);
    let mut count = 0_u64;
    while let Some(row) = found.try_next().await.map_err(StoreError::from)? {
        debug_assert_eq!(row.len(), table.columns.len());
        for (index, (_, kind)) in table.columns.iter().enumerate() {
            Value::of(&row, index, *kind)?.write(out).map_err(failed)?;
        }
        count = count.saturating_add(1);
    }
    Ok(count)
}
