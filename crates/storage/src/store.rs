//! The store: database, sealing keys and objects together.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::Timestamp;
use rand::CryptoRng;
use sqlx::{Any, AssertSqlSafe, pool::PoolConnection};

use crate::{
    AtRest, Blind, Engine, HolderId, Layout, MasterKeys, Partition, StoreError, Tx,
    audit::AuditRow,
    data_keys::open_sealer,
    engine::Database,
    migrate::migrate,
    objects::Objects,
    outbox::{Envelope, Numbered},
    rows::{Columns, placeholders},
    seal::Sealer,
    tx::Locked,
};

/// Where and how the store keeps its data.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// `sqlite:PATH` or `postgres://...`.
    pub url: String,
    /// Connections for reading (SQLite) or for everything (PostgreSQL).
    pub connections: u32,
    /// How growing tables are laid out; fixed when the database is made.
    pub layout: Layout,
    /// The folder of the object store. It must exist.
    pub objects: PathBuf,
    /// Whether objects reach the disk before they are acknowledged. Off only in tests.
    pub durable_objects: bool,
}

/// The store. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) database: Database,
    pub(crate) sealer: Sealer,
    pub(crate) objects: Objects,
    pub(crate) work: Counters,
}

/// What the store was asked for since it was opened: by it one sees that two answers cost the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Reads outside of writes.
    pub reads: u64,
    /// Statements inside writes, audit and events aside.
    pub statements: u64,
    /// Writes that were to be committed.
    pub commits: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    reads: AtomicU64,
    pub(crate) statements: AtomicU64,
    pub(crate) commits: AtomicU64,
}

impl Store {
    /// Opens the store, migrates it, and makes its first data key where it is new.
    ///
    /// # Errors
    /// When the database cannot be reached, is newer than this program, its data keys do not open
    /// with `keys`, or its names were entered under another index key.
    pub async fn open(
        options: &StoreOptions,
        keys: &MasterKeys,
        now: Timestamp,
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<Self, StoreError> {
        Self::open_at_rest(options, AtRest::default(), keys, now, rng).await
    }

    /// The same, with the suite that seals a store which is new. One that exists keeps the suites
    /// of its data keys (see [`Store::rotate_data_key`]) and of its index.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_at_rest(
        options: &StoreOptions,
        suite: AtRest,
        keys: &MasterKeys,
        now: Timestamp,
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<Self, StoreError> {
        let database = Database::open(&options.url, options.connections).await?;
        migrate(&database, options.layout, now).await?;
        let sealer = open_sealer(&database, suite, keys, now, rng).await?;
        seed_partitions(&database).await?;
        let objects = Objects::local(&options.objects, options.durable_objects)?;
        Ok(Self {
            inner: Arc::new(Inner {
                database,
                sealer,
                objects,
                work: Counters::default(),
            }),
        })
    }

    /// Begins a write that concerns the driver `holder`, whose record the caller read at
    /// `revision`. It is lock and freshness check in one.
    ///
    /// # Errors
    /// [`Conflict::Revision`](crate::Conflict::Revision) when the driver changed since.
    pub async fn begin(
        &self,
        holder: &HolderId,
        revision: u64,
    ) -> Result<(Tx, Locked), StoreError> {
        let mut tx = self.begin_in(holder.partition()).await?;
        let locked = tx.lock(holder, revision).await?;
        Ok((tx, locked))
    }

    /// Begins a write in `partition` that concerns no driver's record.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn begin_in(&self, partition: Partition) -> Result<Tx, StoreError> {
        self.begin_in_each(BTreeSet::from([partition])).await
    }

    /// Begins a write in several partitions at once, turned to the first of them. It is committed
    /// with traces for each (see [`Tx::commit_each`]).
    ///
    /// # Errors
    /// When there is none, or the database cannot be reached.
    pub async fn begin_in_each(&self, partitions: BTreeSet<Partition>) -> Result<Tx, StoreError> {
        let first = partitions.first().copied();
        let first = first.ok_or(StoreError::Mismatch("a write needs a partition"))?;
        self.heal_keys().await;
        let inner = self.inner.database.begin().await?;
        Ok(Tx::new(self.clone(), inner, first, partitions))
    }

    /// Lets other writers go first, before a write that takes long: SQLite has no queue between
    /// processes.
    pub async fn let_others_first(&self) {
        self.inner.database.let_others_first().await;
    }

    /// How many writes can go on at once to any gain: one on SQLite.
    #[must_use]
    pub fn writers(&self) -> u32 {
        self.inner.database.writers()
    }

    /// The keyed hash under which `value` is found among values of `kind`.
    #[must_use]
    pub fn blind(&self, kind: &str, value: &[u8]) -> Blind {
        self.inner.sealer.blind(kind, value)
    }

    /// What was asked of it so far.
    #[must_use]
    pub fn work(&self) -> Work {
        let counters = &self.inner.work;
        Work {
            reads: counters.reads.load(Ordering::Relaxed),
            statements: counters.statements.load(Ordering::Relaxed),
            commits: counters.commits.load(Ordering::Relaxed),
        }
    }

    /// Which engine this store runs on.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.inner.database.engine
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut connection = self.reader().await?;
        sqlx::query("SELECT 1").execute(&mut *connection).await?;
        Ok(())
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.inner.database.close().await;
    }

    /// Up to `limit` events of `partition` after number `after`, in commit order.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn events_after(
        &self,
        partition: Partition,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Numbered>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT seq, at, event FROM outbox WHERE partition = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        )
        .bind(partition.sql())
        .bind(sql_number(after))
        .bind(i64::from(limit))
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| {
                let row = Columns {
                    table: "outbox",
                    row,
                };
                let envelope: Envelope = row.parsed("event", |text| serde_json::from_str(text))?;
                if envelope.v != 1 {
                    return Err(row.odd("event", "written by a newer version"));
                }
                Ok(Numbered {
                    seq: row.number("seq")?,
                    at: row.instant("at")?,
                    event: envelope.event,
                })
            })
            .collect()
    }

    /// The newest event number of every partition.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn outbox_heads(&self) -> Result<Vec<(Partition, u64)>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query("SELECT partition, outbox_seq FROM partition_heads")
            .fetch_all(&mut *connection)
            .await?;
        rows.iter()
            .map(|row| {
                let row = Columns {
                    table: "partition_heads",
                    row,
                };
                Ok((row.partition()?, row.number("outbox_seq")?))
            })
            .collect()
    }

    /// Up to `limit` audit rows of `partition` after number `after`.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn audit_after(
        &self,
        partition: Partition,
        after: u64,
        limit: u32,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT partition, seq, at, act, actor, subject, request, detail, hash FROM audit \
             WHERE partition = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        )
        .bind(partition.sql())
        .bind(sql_number(after))
        .bind(i64::from(limit))
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| {
                let row = Columns {
                    table: "audit",
                    row,
                };
                Ok(AuditRow {
                    partition: row.partition()?,
                    seq: row.number("seq")?,
                    at: row.instant("at")?,
                    act: row.text("act")?,
                    actor: row.text("actor")?,
                    subject: row.text("subject")?,
                    request: row.text("request")?,
                    detail: row.text("detail")?,
                    hash: row.bytes("hash")?,
                })
            })
            .collect()
    }

    pub(crate) async fn reader(&self) -> Result<PoolConnection<Any>, StoreError> {
        self.heal_keys().await;
        self.inner.work.reads.fetch_add(1, Ordering::Relaxed);
        self.inner.database.reader().await
    }

    /// Loads the data keys anew where something showed that another node made one. Where that
    /// fails, the access goes on with the keys there are.
    async fn heal_keys(&self) {
        if self.sealer().take_stale()
            && let Err(error) = self.refresh_keys().await
        {
            tracing::warn!(%error, "the data keys could not be loaded anew");
        }
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        &self.inner.sealer
    }
}

/// A count or number as the engines keep it. Numbers here stay far below 2^63.
pub(crate) fn sql_number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

async fn seed_partitions(database: &Database) -> Result<(), StoreError> {
    let count = Partition::all().count();
    let mut tx = database.begin().await?;
    let heads = format!(
        "INSERT INTO partition_heads (partition, audit_seq, audit_hash, outbox_seq) VALUES {} ON CONFLICT DO NOTHING",
        placeholders(count, 4, 0)
    );
    let mut query = sqlx::query(AssertSqlSafe(heads));
    for partition in Partition::all() {
        query = query
            .bind(partition.sql())
            .bind(0_i64)
            .bind(vec![0_u8; 32])
            .bind(0_i64);
    }
    query.execute(&mut *tx).await?;
    let counters = format!(
        "INSERT INTO status_counters (partition, next_place) VALUES {} ON CONFLICT DO NOTHING",
        placeholders(count, 2, 0)
    );
    let mut query = sqlx::query(AssertSqlSafe(counters));
    for partition in Partition::all() {
        query = query.bind(partition.sql()).bind(0_i64);
    }
    query.execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(())
}
