//! Snapshots of the status memory in the object store.
//!
//! A snapshot spares a node that starts from reading every credential. It is never the only place
//! of anything: one that is missing, damaged, exchanged or does not fit the database is refused, and
//! the values are read from the database instead.
//!
//! Each shard is an object of its own, and a head names them all with the cursors from which the
//! events follow on. Everything is sealed to its place, so that neither a shard of another list nor
//! one of another snapshot opens. The head holds a hash of the newest event that it knows in each
//! partition: a snapshot from another past of the database, which was set back since, does not fit.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    Store, StoreError,
    rows::Columns,
    seal::Place,
    status_lists::{Cursors, StoredCursors},
    store::sql_number,
};

/// The object of the head.
const HEAD: &str = "status/head";

/// A snapshot that fits the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusSnapshot {
    generation: u64,
    /// The shards' values know at least the events up to here; those after it follow on.
    pub cursors: Cursors,
    /// When it was made.
    pub at: Timestamp,
    /// Its shards' lists.
    pub lists: Vec<u32>,
}

/// Why a snapshot is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotFault {
    /// There is none.
    Missing,
    /// It does not open: changed, moved, cut short, or sealed with a key that is gone.
    Damaged,
    /// It is of a form that this program does not know.
    OtherForm,
    /// It knows events that the database does not have.
    OtherPast,
}

impl SnapshotFault {
    /// Its stable text, for the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Damaged => "damaged",
            Self::OtherForm => "of another form",
            Self::OtherPast => "of another past of the database",
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    v: u8,
    generation: u64,
    at: i64,
    cursors: StoredCursors,
    /// SHA-256 over each partition's newest known event, in the order of the partitions.
    newest: String,
    lists: Vec<u32>,
}

impl Store {
    /// Writes one shard of the snapshot `generation`, a number that no other has.
    ///
    /// # Errors
    /// When the object store cannot be reached.
    pub async fn write_status_shard(
        &self,
        generation: u64,
        list: u32,
        values: &[u8],
    ) -> Result<(), StoreError> {
        let name = shard_name(generation, list);
        let sealed = self.sealer().seal(&place(&name), values)?;
        self.inner.objects.put_plain(&name, sealed).await
    }

    /// Lets a snapshot count, all shards of which are written; the one before is removed.
    ///
    /// # Errors
    /// When the database or the object store cannot be reached.
    pub async fn finish_status_snapshot(
        &self,
        generation: u64,
        cursors: &Cursors,
        at: Timestamp,
        lists: &[u32],
    ) -> Result<(), StoreError> {
        let before = self.snapshot_head().await?;
        let head = Head {
            v: 1,
            generation,
            at: at.as_microsecond(),
            cursors: StoredCursors::of(cursors),
            newest: self.newest_events(cursors).await?.unwrap_or_default(),
            lists: lists.to_vec(),
        };
        let head = serde_json::to_vec(&head).map_err(|_not_json| StoreError::Inconsistent {
            table: "objects",
            column: "status",
            row: None,
            what: "cannot be written as JSON",
        })?;
        let sealed = self.sealer().seal(&place(HEAD), &head)?;
        self.inner.objects.put_plain(HEAD, sealed).await?;
        if let Ok(before) = before
            && before.generation != generation
        {
            for list in before.lists {
                let name = shard_name(before.generation, list);
                self.inner.objects.remove(&name).await?;
            }
        }
        Ok(())
    }

    /// The newest snapshot, if it fits the database.
    ///
    /// # Errors
    /// When the database or the object store cannot be reached.
    pub async fn status_snapshot(
        &self,
    ) -> Result<Result<StatusSnapshot, SnapshotFault>, StoreError> {
        let head = match self.snapshot_head().await? {
            Ok(head) => head,
            Err(fault) => return Ok(Err(fault)),
        };
        let (Some(cursors), Ok(at)) = (head.cursors.read(), Timestamp::from_microsecond(head.at))
        else {
            return Ok(Err(SnapshotFault::OtherForm));
        };
        if self.newest_events(&cursors).await? != Some(head.newest) {
            return Ok(Err(SnapshotFault::OtherPast));
        }
        Ok(Ok(StatusSnapshot {
            generation: head.generation,
            cursors,
            at,
            lists: head.lists,
        }))
    }

    /// One shard of a snapshot; none where it does not open as that.
    ///
    /// # Errors
    /// When the object store cannot be reached.
    pub async fn status_shard(
        &self,
        snapshot: &StatusSnapshot,
        list: u32,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let name = shard_name(snapshot.generation, list);
        let Some(sealed) = self.inner.objects.raw(&name).await? else {
            return Ok(None);
        };
        Ok(self.sealer().unseal(&place(&name), &sealed).ok())
    }

    async fn snapshot_head(&self) -> Result<Result<Head, SnapshotFault>, StoreError> {
        let Some(sealed) = self.inner.objects.raw(HEAD).await? else {
            return Ok(Err(SnapshotFault::Missing));
        };
        let Ok(plain) = self.sealer().unseal(&place(HEAD), &sealed) else {
            return Ok(Err(SnapshotFault::Damaged));
        };
        let head = serde_json::from_slice::<Head>(&plain);
        Ok(head
            .ok()
            .filter(|head| head.v == 1)
            .ok_or(SnapshotFault::OtherForm))
    }

    /// A hash over the event at each cursor; none where an event is not there.
    async fn newest_events(&self, cursors: &Cursors) -> Result<Option<String>, StoreError> {
        let mut connection = self.reader().await?;
        let mut known = Vec::new();
        for (partition, seq) in cursors.iter().filter(|(_, seq)| **seq > 0) {
            let row = sqlx::query(
                "SELECT partition, at, event FROM outbox WHERE partition = $1 AND seq = $2",
            )
            .bind(partition.sql())
            .bind(sql_number(*seq))
            .fetch_optional(&mut *connection)
            .await?;
            let Some(row) = row else {
                return Ok(None);
            };
            let row = Columns {
                table: "outbox",
                row: &row,
            };
            let event = format!("{} {}", row.int("at")?, row.text("event")?);
            known.extend_from_slice(&partition.sql().to_be_bytes());
            known.extend_from_slice(digest(&SHA256, event.as_bytes()).as_ref());
        }
        Ok(Some(hex::encode(digest(&SHA256, &known))))
    }
}

fn shard_name(generation: u64, list: u32) -> String {
    format!("status/{generation:016x}/{list}")
}

fn place(name: &str) -> Place<'_> {
    Place {
        table: "objects",
        column: "status",
        owner: "status",
        row: name,
        version: 1,
    }
}
