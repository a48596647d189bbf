//! Closed segments: old audit rows that were moved to the object store, one JSON object a line.
//!
//! They are not sealed, since audit rows hold no personal data, and not hashed as a whole: every
//! row carries its own link of the chain, which names the row that was changed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;

use crate::{Partition, Store, StoreError, Tx, audit::AuditRow, rows::Columns, store::sql_number};

/// Where rows `from` to `to` of a partition lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSegment {
    /// The partition.
    pub partition: Partition,
    /// Number of its first row.
    pub from: u64,
    /// Number of its last row.
    pub to: u64,
    /// Chain hash before the first row.
    pub previous_hash: Vec<u8>,
    /// Chain hash of the last row.
    pub last_hash: Vec<u8>,
    /// Its name in the object store.
    pub object: String,
    /// Its bytes.
    pub size: u64,
}

/// What lies in the object store under a segment's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SegmentRows {
    /// Rows, as far as the object can be read; `damaged` where it goes on unreadably or has not
    /// the size it should have.
    Found {
        /// The rows, in the order of the object.
        rows: Vec<AuditRow>,
        /// Whether something else follows them.
        damaged: bool,
    },
    /// Nothing.
    Missing,
}

/// A row in a segment.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    seq: u64,
    at: i64,
    act: String,
    actor: String,
    subject: String,
    request: String,
    detail: String,
    hash: String,
}

impl Store {
    /// The first segment of `partition` that ends at or after row `seq`.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn audit_segment(
        &self,
        partition: Partition,
        seq: u64,
    ) -> Result<Option<AuditSegment>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT partition, from_seq, to_seq, previous_hash, last_hash, object, size \
             FROM audit_segments WHERE partition = $1 AND to_seq >= $2 ORDER BY from_seq LIMIT 1",
        )
        .bind(partition.sql())
        .bind(sql_number(seq))
        .fetch_optional(&mut *connection)
        .await?;
        row.as_ref().map(segment).transpose()
    }

    /// The newest segment of `partition`.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn newest_audit_segment(
        &self,
        partition: Partition,
    ) -> Result<Option<AuditSegment>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT partition, from_seq, to_seq, previous_hash, last_hash, object, size \
             FROM audit_segments WHERE partition = $1 ORDER BY from_seq DESC LIMIT 1",
        )
        .bind(partition.sql())
        .fetch_optional(&mut *connection)
        .await?;
        row.as_ref().map(segment).transpose()
    }

    /// Number of the first row of `partition` that lies in the table; none where it is empty.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn first_audit_seq(&self, partition: Partition) -> Result<Option<i64>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query("SELECT seq FROM audit WHERE partition = $1 ORDER BY seq LIMIT 1")
            .bind(partition.sql())
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| {
            Columns {
                table: "audit",
                row: &row,
            }
            .int("seq")
        })
        .transpose()
    }

    /// Writes `rows`, which follow each other after `previous_hash`, to the object store and reads
    /// them back; none where there are none. Until [`Tx::close_segment`] nothing points there, and
    /// a second attempt writes the object anew.
    ///
    /// # Errors
    /// When the object store cannot be reached, or gives back something else than it was given.
    pub async fn write_segment(
        &self,
        previous_hash: &[u8],
        rows: &[AuditRow],
    ) -> Result<Option<AuditSegment>, StoreError> {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Ok(None);
        };
        let bytes = lines(rows)?;
        let segment = AuditSegment {
            partition: first.partition,
            from: first.seq,
            to: last.seq,
            previous_hash: previous_hash.to_vec(),
            last_hash: last.hash.clone(),
            object: format!(
                "audit/{:03x}/{:012}-{:012}.ndjson",
                first.partition.number(),
                first.seq,
                last.seq
            ),
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        };
        let objects = &self.inner.objects;
        objects.put_plain(&segment.object, bytes).await?;
        // The rows are about to be deleted: what cannot be read back was not kept.
        let kept = SegmentRows::Found {
            rows: rows.to_vec(),
            damaged: false,
        };
        if self.segment_rows(&segment).await? == kept {
            Ok(Some(segment))
        } else {
            Err(damaged("does not come back as it was written"))
        }
    }

    /// The rows of a segment, not checked against the chain.
    ///
    /// # Errors
    /// When the object store cannot be reached.
    pub async fn segment_rows(&self, segment: &AuditSegment) -> Result<SegmentRows, StoreError> {
        let objects = &self.inner.objects;
        let Some((bytes, whole)) = objects.plain(&segment.object, segment.size).await? else {
            return Ok(SegmentRows::Missing);
        };
        let mut rows = Vec::new();
        let mut damaged = !whole;
        for line in bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            let Some(row) = row_of(segment.partition, line) else {
                damaged = true;
                break;
            };
            rows.push(row);
        }
        Ok(SegmentRows::Found { rows, damaged })
    }
}

impl Tx {
    /// Takes the rows of a written segment out of the table.
    ///
    /// # Errors
    /// When they are not all there any more, or the database cannot be reached.
    pub async fn close_segment(&mut self, segment: &AuditSegment) -> Result<(), StoreError> {
        self.expect_own("audit_segments", segment.partition)?;
        let gone =
            sqlx::query("DELETE FROM audit WHERE partition = $1 AND seq >= $2 AND seq <= $3")
                .bind(segment.partition.sql())
                .bind(sql_number(segment.from))
                .bind(sql_number(segment.to))
                .execute(self.connection())
                .await?
                .rows_affected();
        if gone != segment.to.saturating_sub(segment.from).saturating_add(1) {
            return Err(damaged("its rows are not in the table any more"));
        }
        sqlx::query(
            "INSERT INTO audit_segments (partition, from_seq, to_seq, previous_hash, last_hash, object, size) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(segment.partition.sql())
        .bind(sql_number(segment.from))
        .bind(sql_number(segment.to))
        .bind(segment.previous_hash.as_slice())
        .bind(segment.last_hash.as_slice())
        .bind(segment.object.as_str())
        .bind(sql_number(segment.size))
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

fn damaged(what: &'static str) -> StoreError {
    StoreError::Inconsistent {
        table: "objects",
        column: "audit",
        row: None,
        what,
    }
}

fn segment(row: &AnyRow) -> Result<AuditSegment, StoreError> {
    let row = Columns {
        table: "audit_segments",
        row,
    };
    Ok(AuditSegment {
        partition: row.partition()?,
        from: row.number("from_seq")?,
        to: row.number("to_seq")?,
        previous_hash: row.bytes("previous_hash")?,
        last_hash: row.bytes("last_hash")?,
        object: row.text("object")?,
        size: row.number("size")?,
    })
}

fn lines(rows: &[AuditRow]) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    for row in rows {
        let line = Line {
            seq: row.seq,
            at: row.at.as_microsecond(),
            act: row.act.clone(),
            actor: row.actor.clone(),
            subject: row.subject.clone(),
            request: row.request.clone(),
            detail: row.detail.clone(),
            hash: hex::encode(&row.hash),
        };
        serde_json::to_writer(&mut bytes, &line)
            .map_err(|_not_json| damaged("cannot be written as JSON"))?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

fn row_of(partition: Partition, line: &[u8]) -> Option<AuditRow> {
    let line: Line = serde_json::from_slice(line).ok()?;
    Some(AuditRow {
        partition,
        seq: line.seq,
        at: Timestamp::from_microsecond(line.at).ok()?,
        act: line.act,
        actor: line.actor,
        subject: line.subject,
        request: line.request,
        detail: line.detail,
        hash: hex::decode(line.hash).ok()?,
    })
}
