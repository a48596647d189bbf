//! Restoring a checked backup into an empty database and an empty object store.
//!
//! Objects first, then everything else in one transaction: the tables, the rows, what must not come
//! alive again, and the audit row that says so. Whoever opens the database finds all of it or
//! nothing.

use std::collections::BTreeSet;
use std::{
    fs::File,
    io::{self, BufReader},
    sync::Arc,
};

use rand::CryptoRng;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{
    BackupError, CheckedBackup, TABLES,
    objects::List,
    past::{self, Ended, Past},
    rows::{Rows, Value},
};
use crate::{
    AtRest, MasterKeys, Partition, Steward, Store, StoreError, StoreOptions, Tx,
    data_keys::open_sealer_in,
    engine::Database,
    migrate,
    objects::Objects,
    rows::placeholders,
    store::{Counters, Inner},
};

/// Parameters of one statement. Looking one up costs SQLite their number, so that many would cost
/// its square.
const PARAMETERS: usize = 600;

/// What was restored.
#[derive(Clone, Debug)]
pub struct Restored {
    /// Rows of all tables.
    pub rows: u64,
    /// Photos and closed segments of the audit.
    pub objects: u64,
    /// What was ended.
    pub ended: Ended,
}

impl CheckedBackup {
    /// Puts everything in its place. The target's database and object store must be empty; where
    /// this fails they are empty again.
    ///
    /// # Errors
    /// [`BackupError::NotEmpty`]; [`StoreError::Mismatch`] when the keys are not those of the
    /// backup; when something cannot be read or written.
    pub async fn restore(
        &self,
        target: &StoreOptions,
        keys: &MasterKeys,
        past: &Past,
        by: &Steward<'_>,
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<Restored, BackupError> {
        let database = Database::open(&target.url, target.connections).await?;
        let objects = Objects::local(&target.objects, target.durable_objects)?;
        let empty = database.tables().await? == 0;
        if !empty || !objects.is_empty().await? {
            database.close().await;
            let what = if empty {
                "the object folder"
            } else {
                "the database"
            };
            return Err(BackupError::NotEmpty(what));
        }
        let work = Work {
            backup: self,
            target,
            keys,
            past,
            by,
        };
        let outcome = work.run(&database, &objects, rng).await;
        if outcome.is_err()
            && let Err(error) = objects.clear().await
        {
            tracing::warn!(%error, "objects of a restore that failed were not removed");
        }
        database.close().await;
        outcome
    }
}

struct Work<'a> {
    backup: &'a CheckedBackup,
    target: &'a StoreOptions,
    keys: &'a MasterKeys,
    past: &'a Past,
    by: &'a Steward<'a>,
}

impl Work<'_> {
    async fn run(
        &self,
        database: &Database,
        objects: &Objects,
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<Restored, BackupError> {
        let placed = self.place_objects(objects).await?;
        let manifest = &self.backup.manifest;
        let (engine, layout, now) = (database.engine, self.target.layout, self.by.now);
        let mut tx = database.begin().await?;
        // The schema of then, the rows that fit it, and then what has changed since.
        let then = manifest.schema_version();
        migrate::migrate_in(&mut tx, engine, layout, now, then).await?;
        let mut rows = 0_u64;
        for table in migrate::tables(then) {
            rows = rows.saturating_add(self.fill(&mut tx, &table.name).await?);
        }
        migrate::migrate_in(&mut tx, engine, layout, now, i64::MAX).await?;
        let sealer = open_sealer_in(&mut tx, AtRest::default(), self.keys, now, rng).await?;
        let ended = past::end(&mut tx, self.past, now).await?;
        let store = Store {
            inner: Arc::new(Inner {
                database: database.clone(),
                sealer,
                objects: objects.clone(),
                work: Counters::default(),
            }),
        };
        let entry = self.by.entry("store.restored");
        let entry = entry
            .with("made_at", manifest.made_at.to_string())
            .with("checkpoint", manifest.checkpoint)
            .with("rows", rows);
        Tx::new(
            store,
            tx,
            Partition::SYSTEM,
            BTreeSet::from([Partition::SYSTEM]),
        )
        .commit(past::entry(&ended, entry), Vec::new())
        .await?;
        Ok(Restored {
            rows,
            objects: placed,
            ended,
        })
    }

    async fn place_objects(&self, objects: &Objects) -> Result<u64, BackupError> {
        let mut list = List::open(&self.backup.folder)?;
        let mut placed = 0_u64;
        while let Some(entry) = list.next()? {
            if let Some(bytes) = self.backup.object(&entry)? {
                objects.put_plain(&entry.name, bytes).await?;
                placed = placed.saturating_add(1);
            }
        }
        Ok(placed)
    }

    async fn fill(&self, connection: &mut AnyConnection, table: &str) -> Result<u64, BackupError> {
        let path = self.backup.folder.join(TABLES).join(table);
        let failed = |error: io::Error| BackupError::io(&path, &error);
        let file = File::open(&path).map_err(failed)?;
        let mut rows = Rows::open(BufReader::with_capacity(1 << 18, file)).map_err(failed)?;
        let names: Vec<String> = rows.columns.iter().map(|(name, _)| name.clone()).collect();
        // A migration may have put rows of its own here.
        sqlx::query(AssertSqlSafe(format!("DELETE FROM {table}")))
            .execute(&mut *connection)
            .await
            .map_err(StoreError::from)?;
        let bulk = PARAMETERS / names.len().max(1);
        let mut count = 0_u64;
        let mut batch: Vec<Vec<Value>> = Vec::with_capacity(bulk);
        loop {
            let row = rows.next().map_err(failed)?;
            let last = row.is_none();
            batch.extend(row);
            if !batch.is_empty() && (last || batch.len() >= bulk) {
                count = count.saturating_add(u64::try_from(batch.len()).unwrap_or(u64::MAX));
                insert(connection, table, &names, batch.drain(..)).await?;
            }
            if last {
                return Ok(count);
            }
        }
    }
}

async fn insert(
    connection: &mut AnyConnection,
    table: &str,
    names: &[String],
    rows: impl ExactSizeIterator<Item = Vec<Value>>,
) -> Result<(), StoreError> {
    let text = format!(
        "INSERT INTO {table} ({}) VALUES {}",
        names.join(", "),
        placeholders(rows.len(), names.len(), 0)
    );
    let mut query = sqlx::query(AssertSqlSafe(text));
    for value in rows.flatten() {
        query = value.bind(query);
    }
    query.execute(connection).await?;
    Ok(())
}
