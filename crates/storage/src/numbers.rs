//! Numbers: the audit rows and events of a write, set by set, under the next numbers of each of its
//! partitions.
//!
//! The heads are locked in the order of the partitions and stay locked until the commit, so that
//! the order of numbers is the order of commits, and two writes in several partitions never wait
//! for each other.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;

use crate::{
    Conflict, Partition, StoreError, Tx,
    audit::{AuditRow, Entry},
    outbox::{Envelope, Event},
    rows::{Columns, sets},
    store::sql_number,
    tx::{Committed, Traces},
};

/// A partition's newest numbers.
struct Head {
    partition: Partition,
    audit_seq: u64,
    audit_hash: Vec<u8>,
    outbox_seq: u64,
    least_key: u32,
    least_index: u32,
}

/// An event as its row holds it.
struct EventRow {
    partition: Partition,
    seq: u64,
    at: i64,
    event: String,
}

/// Writes the traces and moves the heads; answers them in the order of the partitions.
pub(crate) async fn give(
    tx: &mut Tx,
    traces: BTreeMap<Partition, Traces>,
) -> Result<Vec<Committed>, StoreError> {
    let partitions: Vec<Partition> = traces.keys().copied().collect();
    let mut heads = lock_heads(tx, &partitions).await?;
    let too_old =
        |head: &Head| head.least_key > tx.least_key() || head.least_index > tx.least_index();
    if heads.iter().any(too_old) {
        // What was sealed here lies under a data key that is being given up, or the names of a driver
        // were claimed under such an index key.
        tx.sealer().mark_stale();
        return Err(Conflict::Revision.into());
    }
    let (mut audit, mut events) = (Vec::new(), Vec::new());
    for (head, traces) in heads.iter_mut().zip(traces.into_values()) {
        let entries = traces.trail.into_entries();
        let at = entries.first().map(|entry| entry.at).unwrap_or_default();
        head.number_audit(entries, &mut audit);
        head.number_events(traces.events, at.as_microsecond(), &mut events)?;
    }
    insert_audit(tx, &audit).await?;
    insert_events(tx, &events).await?;
    move_heads(tx, &heads).await?;
    Ok(heads
        .iter()
        .map(|head| Committed {
            partition: head.partition,
            audit_seq: head.audit_seq,
            outbox_seq: head.outbox_seq,
        })
        .collect())
}

impl Tx {
    /// The number that the first audit row of this write will have. The partition's head stays locked
    /// from here on: nothing but rows of its own is to follow before the commit.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub(crate) async fn next_audit_seq(&mut self) -> Result<u64, StoreError> {
        let partition = self.partition();
        let heads = lock_heads(self, std::slice::from_ref(&partition)).await?;
        let newest = heads.first().map_or(0, |head| head.audit_seq);
        Ok(newest.saturating_add(1))
    }
}

impl Head {
    fn number_audit(&mut self, entries: Vec<Entry>, rows: &mut Vec<AuditRow>) {
        for entry in entries {
            self.audit_seq = self.audit_seq.saturating_add(1);
            let mut row = AuditRow {
                partition: self.partition,
                seq: self.audit_seq,
                at: entry.at,
                act: entry.act.to_owned(),
                actor: entry.actor,
                subject: entry.subject.map(String::from).unwrap_or_default(),
                request: entry.request,
                detail: serde_json::Value::Object(entry.detail).to_string(),
                hash: Vec::new(),
            };
            row.hash = row.chained(&self.audit_hash);
            self.audit_hash.clone_from(&row.hash);
            rows.push(row);
        }
    }

    fn number_events(
        &mut self,
        events: Vec<Event>,
        at: i64,
        rows: &mut Vec<EventRow>,
    ) -> Result<(), StoreError> {
        for event in events {
            self.outbox_seq = self.outbox_seq.saturating_add(1);
            let event = serde_json::to_string(&Envelope { v: 1, event }).map_err(|_not_json| {
                StoreError::Inconsistent {
                    table: "outbox",
                    column: "event",
                    row: None,
                    what: "cannot be written as JSON",
                }
            })?;
            rows.push(EventRow {
                partition: self.partition,
                seq: self.outbox_seq,
                at,
                event,
            });
        }
        Ok(())
    }
}

/// The heads of `partitions`, which are in order, locked in that order.
async fn lock_heads(tx: &mut Tx, partitions: &[Partition]) -> Result<Vec<Head>, StoreError> {
    let keeping = tx.store().inner.database.keeping_rows();
    let mut heads = Vec::with_capacity(partitions.len());
    for set in sets(partitions, tx.rows_at_once()) {
        let text = format!(
            "SELECT partition, audit_seq, audit_hash, outbox_seq, least_key, least_index FROM partition_heads \
             WHERE partition IN ({}) ORDER BY partition{keeping}",
            set.tuples("?")
        );
        let mut query = sqlx::query(AssertSqlSafe(text));
        for (partition, _) in set.keyed(|partition| partition.sql()) {
            query = query.bind(partition);
        }
        for row in query.fetch_all(tx.connection()).await? {
            heads.push(read(&Columns {
                table: "partition_heads",
                row: &row,
            })?);
        }
    }
    if heads.iter().map(|head| &head.partition).eq(partitions) {
        Ok(heads)
    } else {
        Err(StoreError::Inconsistent {
            table: "partition_heads",
            column: "partition",
            row: None,
            what: "is missing",
        })
    }
}

fn read(row: &Columns<'_>) -> Result<Head, StoreError> {
    let version = |column| {
        u32::try_from(row.int(column)?).map_err(|_out_of_range| row.odd(column, "out of range"))
    };
    Ok(Head {
        partition: row.partition()?,
        audit_seq: row.number("audit_seq")?,
        audit_hash: row.bytes("audit_hash")?,
        outbox_seq: row.number("outbox_seq")?,
        least_key: version("least_key")?,
        least_index: version("least_index")?,
    })
}

async fn insert_audit(tx: &mut Tx, rows: &[AuditRow]) -> Result<(), StoreError> {
    for set in sets(rows, tx.rows_at_once()) {
        let text = format!(
            "INSERT INTO audit (partition, seq, at, act, actor, subject, request, detail, hash) {}",
            set.to_insert("(?, ?, ?, ?, ?, ?, ?, ?, ?)")
        );
        let mut query = sqlx::query(AssertSqlSafe(text));
        for (partition, row) in set.keyed(|row| row.partition.sql()) {
            query = query
                .bind(partition)
                .bind(sql_number(row.seq))
                .bind(row.at.as_microsecond())
                .bind(&row.act)
                .bind(&row.actor)
                .bind(&row.subject)
                .bind(&row.request)
                .bind(&row.detail)
                .bind(&row.hash);
        }
        query.execute(tx.connection()).await?;
    }
    Ok(())
}

async fn insert_events(tx: &mut Tx, rows: &[EventRow]) -> Result<(), StoreError> {
    for set in sets(rows, tx.rows_at_once()) {
        let text = format!(
            "INSERT INTO outbox (partition, seq, at, event) {}",
            set.to_insert("(?, ?, ?, ?)")
        );
        let mut query = sqlx::query(AssertSqlSafe(text));
        for (partition, row) in set.keyed(|row| row.partition.sql()) {
            query = query
                .bind(partition)
                .bind(sql_number(row.seq))
                .bind(row.at)
                .bind(&row.event);
        }
        query.execute(tx.connection()).await?;
    }
    Ok(())
}

async fn move_heads(tx: &mut Tx, heads: &[Head]) -> Result<(), StoreError> {
    for set in sets(heads, tx.rows_at_once()) {
        let text = format!(
            "UPDATE partition_heads SET audit_seq = n.column2, audit_hash = n.column3, outbox_seq = n.column4 \
             FROM (VALUES {}) n WHERE partition = n.column1",
            set.tuples("(?, ?, ?, ?)")
        );
        let mut query = sqlx::query(AssertSqlSafe(text));
        for (partition, head) in set.keyed(|head| head.partition.sql()) {
            query = query
                .bind(partition)
                .bind(sql_number(head.audit_seq))
                .bind(&head.audit_hash)
                .bind(sql_number(head.outbox_seq));
        }
        query.execute(tx.connection()).await?;
    }
    Ok(())
}
