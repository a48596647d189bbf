//! A write. It can be committed only together with its audit rows and events.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::Ordering,
};

use sqlx::{Any, AnyConnection, Transaction};

use crate::{
    Conflict, HolderId, Partition, Store, StoreError, audit::Trail, engine::RowsAtOnce, numbers,
    outbox::Event, seal::Sealer, store::sql_number,
};

/// An open write in one partition, or in several. Dropped without a commit it leaves nothing behind.
#[derive(Debug)]
pub struct Tx {
    store: Store,
    inner: Transaction<'static, Any>,
    partition: Partition,
    /// All that it began with.
    partitions: BTreeSet<Partition>,
    /// The lowest data key version under which this write can have sealed something.
    least_key: u32,
    /// The lowest index key version under which names of a driver written here were claimed.
    least_index: u32,
}

/// Proof that this transaction holds the driver at the revision the caller read. Every write that
/// concerns a driver asks for it.
#[derive(Debug)]
pub struct Locked {
    holder: HolderId,
    revision: u64,
}

impl Locked {
    /// Whose record is held.
    #[must_use]
    pub fn holder(&self) -> &HolderId {
        &self.holder
    }

    /// The driver's revision once this transaction commits.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

/// A write that has its numbers, so that no other of its partition can have later ones before it
/// ends, and only waits for the commit.
#[derive(Debug)]
pub struct Numbered {
    inner: Transaction<'static, Any>,
    committed: Vec<Committed>,
}

/// What a write leaves behind in one partition besides its rows.
#[derive(Clone, Debug)]
pub struct Traces {
    /// Its audit rows.
    pub trail: Trail,
    /// Its events.
    pub events: Vec<Event>,
}

/// What a commit left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The partition written.
    pub partition: Partition,
    /// Number of its newest audit row.
    pub audit_seq: u64,
    /// Number of its newest event.
    pub outbox_seq: u64,
}

impl Tx {
    pub(crate) fn new(
        store: Store,
        inner: Transaction<'static, Any>,
        partition: Partition,
        partitions: BTreeSet<Partition>,
    ) -> Self {
        let least_key = store.sealer().active();
        Self {
            store,
            inner,
            partition,
            partitions,
            least_key,
            least_index: u32::MAX,
        }
    }

    /// Takes the driver at the revision the caller read. In a write of several drivers, lock them
    /// in the order of their identifiers.
    ///
    /// # Errors
    /// [`Conflict::Revision`] when the driver changed since, or lies in another partition.
    pub async fn lock(&mut self, holder: &HolderId, revision: u64) -> Result<Locked, StoreError> {
        if holder.partition() != self.partition {
            return Err(Conflict::Revision.into());
        }
        let touched = sqlx::query(
            "UPDATE drivers SET revision = revision + 1 WHERE partition = $1 AND id = $2 AND revision = $3",
        )
        .bind(self.partition.sql())
        .bind(holder.as_str())
        .bind(sql_number(revision))
        .execute(&mut *self.inner)
        .await?
        .rows_affected();
        if touched != 1 {
            return Err(Conflict::Revision.into());
        }
        Ok(Locked {
            holder: holder.clone(),
            revision: revision.saturating_add(1),
        })
    }

    /// Commits with its audit trail and events.
    ///
    /// # Errors
    /// [`Conflict::Revision`] when a pass to a newer data key began after this write did, or one to a
    /// newer index key after its drivers' names were claimed, or this node did not know of it; the
    /// next write does. When the database cannot be reached. Nothing
    /// was written then.
    pub async fn commit(
        self,
        trail: impl Into<Trail> + Send,
        events: Vec<Event>,
    ) -> Result<Committed, StoreError> {
        let work = &self.store.inner.work;
        work.commits.fetch_add(1, Ordering::Relaxed);
        self.number(trail, events).await?.commit().await
    }

    /// Writes audit rows and events under the next numbers of the partition, and keeps the
    /// partition's head locked until the returned write is committed or dropped.
    ///
    /// # Errors
    /// As [`Tx::commit`].
    pub async fn number(
        self,
        trail: impl Into<Trail> + Send,
        events: Vec<Event>,
    ) -> Result<Numbered, StoreError> {
        let traces = Traces {
            trail: trail.into(),
            events,
        };
        let partition = self.partition;
        self.number_each(BTreeMap::from([(partition, traces)]))
            .await
    }

    /// Commits a write in several partitions, each with its own traces; answers in the order of the
    /// partitions.
    ///
    /// # Errors
    /// As [`Tx::commit`]; also when a partition of the write has no traces, or another has.
    pub async fn commit_each(
        self,
        traces: BTreeMap<Partition, Traces>,
    ) -> Result<Vec<Committed>, StoreError> {
        let numbered = self.number_each(traces).await?;
        numbered.inner.commit().await?;
        Ok(numbered.committed)
    }

    async fn number_each(
        mut self,
        traces: BTreeMap<Partition, Traces>,
    ) -> Result<Numbered, StoreError> {
        if !traces.keys().eq(&self.partitions) {
            return Err(foreign("partition_heads"));
        }
        let committed = numbers::give(&mut self, traces).await?;
        Ok(Numbered {
            inner: self.inner,
            committed,
        })
    }

    /// The partition this transaction writes in; of several, the one it was last turned to.
    #[must_use]
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// Turns to another of the partitions with which the write began: what follows lies there.
    ///
    /// # Errors
    /// When it did not begin with that one.
    pub fn turn_to(&mut self, partition: Partition) -> Result<(), StoreError> {
        if !self.partitions.contains(&partition) {
            return Err(foreign("partition_heads"));
        }
        self.partition = partition;
        Ok(())
    }

    /// A row of another partition would be numbered and found in the wrong place.
    pub(crate) fn expect_own(
        &self,
        table: &'static str,
        partition: Partition,
    ) -> Result<(), StoreError> {
        if partition == self.partition {
            Ok(())
        } else {
            Err(foreign(table))
        }
    }

    /// The same for a row written together with those of other partitions.
    pub(crate) fn expect_one_of_own(
        &self,
        table: &'static str,
        partition: Partition,
    ) -> Result<(), StoreError> {
        if self.partitions.contains(&partition) {
            Ok(())
        } else {
            Err(foreign(table))
        }
    }

    /// Says that a value was sealed with the data key of that version before this write began.
    pub(crate) fn sealed_with(&mut self, version: u32) {
        self.least_key = self.least_key.min(version);
    }

    pub(crate) fn least_key(&self) -> u32 {
        self.least_key
    }

    /// Says that the names of a driver were claimed under the index key of that version, or a later.
    pub(crate) fn named_under(&mut self, version: u32) {
        self.least_index = self.least_index.min(version);
    }

    pub(crate) fn least_index(&self) -> u32 {
        self.least_index
    }

    pub(crate) fn connection(&mut self) -> &mut AnyConnection {
        let work = &self.store.inner.work;
        work.statements.fetch_add(1, Ordering::Relaxed);
        &mut self.inner
    }

    /// How many rows a statement of this write takes.
    pub(crate) fn rows_at_once(&self) -> RowsAtOnce {
        RowsAtOnce::of(&self.inner)
    }

    pub(crate) fn store(&self) -> Store {
        self.store.clone()
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        self.store.sealer()
    }
}

/// What lies in a partition with which the write did not begin.
fn foreign(table: &'static str) -> StoreError {
    StoreError::Inconsistent {
        table,
        column: "partition",
        row: None,
        what: "is not the partition of the transaction",
    }
}

impl Numbered {
    /// Commits.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn commit(self) -> Result<Committed, StoreError> {
        let newest = self.committed.last().copied();
        self.inner.commit().await?;
        newest.ok_or(StoreError::Mismatch("a write had no partition"))
    }
}
