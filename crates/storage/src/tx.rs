//! A write. It can be committed only together with its audit rows and events.

use std::sync::atomic::Ordering;

use sqlx::{Any, AnyConnection, AssertSqlSafe, Transaction};

use crate::{
    Conflict, HolderId, Partition, Store, StoreError,
    audit::{AuditRow, Trail},
    outbox::{Envelope, Event},
    rows::{Columns, placeholders},
    seal::Sealer,
    store::sql_number,
};

/// Rows of audit or outbox written by one statement.
const BULK: usize = 500;

/// An open write in one partition. Dropped without [`Tx::commit`] it leaves nothing behind.
#[derive(Debug)]
pub struct Tx {
    store: Store,
    inner: Transaction<'static, Any>,
    partition: Partition,
    /// The lowest data key version under which this write can have sealed something.
    least_key: u32,
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
    committed: Committed,
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
    ) -> Self {
        let least_key = store.sealer().active();
        Self {
            store,
            inner,
            partition,
            least_key,
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
    /// [`Conflict::Revision`] when a pass to a newer data key began after this write did, or this
    /// node did not know of it; the next write does. When the database cannot be reached. Nothing
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
        mut self,
        trail: impl Into<Trail> + Send,
        events: Vec<Event>,
    ) -> Result<Numbered, StoreError> {
        let entries = trail.into().into_entries();
        let at = entries.first().map(|entry| entry.at).unwrap_or_default();
        let row = sqlx::query(
            "UPDATE partition_heads SET audit_seq = audit_seq + $2, outbox_seq = outbox_seq + $3 \
             WHERE partition = $1 AND least_key <= $4 RETURNING audit_seq, audit_hash, outbox_seq",
        )
        .bind(self.partition.sql())
        .bind(sql_count(entries.len()))
        .bind(sql_count(events.len()))
        .bind(i64::from(self.least_key))
        .fetch_optional(&mut *self.inner)
        .await?;
        let Some(row) = row else {
            // What was sealed here lies under a data key that is being given up.
            self.store.sealer().mark_stale();
            return Err(Conflict::Revision.into());
        };
        let head = Columns {
            table: "partition_heads",
            row: &row,
        };
        let committed = Committed {
            partition: self.partition,
            audit_seq: head.number("audit_seq")?,
            outbox_seq: head.number("outbox_seq")?,
        };
        let first = committed.audit_seq.saturating_sub(count(entries.len()));
        let mut previous = head.bytes("audit_hash")?;
        let mut audit = Vec::with_capacity(entries.len());
        for (seq, entry) in (first.saturating_add(1)..).zip(entries) {
            let mut row = AuditRow {
                partition: self.partition,
                seq,
                at: entry.at,
                act: entry.act.to_owned(),
                actor: entry.actor,
                subject: entry.subject.map(String::from).unwrap_or_default(),
                request: entry.request,
                detail: serde_json::Value::Object(entry.detail).to_string(),
                hash: Vec::new(),
            };
            row.hash = row.chained(&previous);
            previous.clone_from(&row.hash);
            audit.push(row);
        }
        self.insert_audit(&audit).await?;
        sqlx::query("UPDATE partition_heads SET audit_hash = $2 WHERE partition = $1")
            .bind(self.partition.sql())
            .bind(previous)
            .execute(&mut *self.inner)
            .await?;
        let first = committed.outbox_seq.saturating_sub(count(events.len()));
        self.insert_events(first, at.as_microsecond(), events)
            .await?;
        Ok(Numbered {
            inner: self.inner,
            committed,
        })
    }

    async fn insert_audit(&mut self, rows: &[AuditRow]) -> Result<(), StoreError> {
        for chunk in rows.chunks(BULK) {
            let text = format!(
                "INSERT INTO audit (partition, seq, at, act, actor, subject, request, detail, hash) VALUES {}",
                placeholders(chunk.len(), 9, 0)
            );
            let mut query = sqlx::query(AssertSqlSafe(text));
            for row in chunk {
                query = query
                    .bind(row.partition.sql())
                    .bind(sql_number(row.seq))
                    .bind(row.at.as_microsecond())
                    .bind(&row.act)
                    .bind(&row.actor)
                    .bind(&row.subject)
                    .bind(&row.request)
                    .bind(&row.detail)
                    .bind(&row.hash);
            }
            query.execute(&mut *self.inner).await?;
        }
        Ok(())
    }

    async fn insert_events(
        &mut self,
        first: u64,
        at: i64,
        events: Vec<Event>,
    ) -> Result<(), StoreError> {
        let mut seq = first;
        for chunk in events.chunks(BULK) {
            let text = format!(
                "INSERT INTO outbox (partition, seq, at, event) VALUES {}",
                placeholders(chunk.len(), 4, 0)
            );
            let mut query = sqlx::query(AssertSqlSafe(text));
            for event in chunk {
                seq = seq.saturating_add(1);
                let envelope = Envelope {
                    v: 1,
                    event: event.clone(),
                };
                let text = serde_json::to_string(&envelope).map_err(|_not_json| {
                    StoreError::Inconsistent {
                        table: "outbox",
                        column: "event",
                        row: None,
                        what: "cannot be written as JSON",
                    }
                })?;
                query = query
                    .bind(self.partition.sql())
                    .bind(sql_number(seq))
                    .bind(at)
                    .bind(text);
            }
            query.execute(&mut *self.inner).await?;
        }
        Ok(())
    }

    /// The partition this transaction writes in.
    #[must_use]
    pub fn partition(&self) -> Partition {
        self.partition
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
            Err(StoreError::Inconsistent {
                table,
                column: "partition",
                row: None,
                what: "is not the partition of the transaction",
            })
        }
    }

    pub(crate) fn connection(&mut self) -> &mut AnyConnection {
        let work = &self.store.inner.work;
        work.statements.fetch_add(1, Ordering::Relaxed);
        &mut self.inner
    }

    pub(crate) fn store(&self) -> Store {
        self.store.clone()
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        self.store.sealer()
    }
}

impl Numbered {
    /// Commits.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn commit(self) -> Result<Committed, StoreError> {
        self.inner.commit().await?;
        Ok(self.committed)
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn sql_count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
