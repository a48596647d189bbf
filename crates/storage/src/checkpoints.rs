//! Signed checkpoints of the audit, as documents: what stands in them is the authority's affair.

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, any::AnyRow};

use crate::{
    Partition, Store, StoreError,
    rows::{Columns, placeholders},
    store::sql_number,
};

/// A checkpoint as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointRow {
    /// Its number, from 1 without gaps.
    pub number: u64,
    /// When it was made.
    pub at: Timestamp,
    /// The signed document.
    pub document: String,
}

/// The newest audit row of a partition: number and chain hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// The partition.
    pub partition: Partition,
    /// Number of its newest row, 0 where it has none.
    pub seq: u64,
    /// Chain hash of that row.
    pub hash: Vec<u8>,
}

impl Store {
    /// The heads of all partitions as of one instant, by partition.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn audit_heads(&self) -> Result<Vec<AuditHead>, StoreError> {
        self.heads(
            "partition_heads",
            "SELECT partition, audit_seq AS seq, audit_hash AS hash FROM partition_heads ORDER BY partition",
        )
        .await
    }

    /// What the newest checkpoint knows of each partition that has rows, by partition.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn checkpointed_heads(&self) -> Result<Vec<AuditHead>, StoreError> {
        self.heads(
            "audit_checkpointed",
            "SELECT partition, seq, hash FROM audit_checkpointed ORDER BY partition",
        )
        .await
    }

    async fn heads(
        &self,
        table: &'static str,
        text: &'static str,
    ) -> Result<Vec<AuditHead>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(text).fetch_all(&mut *connection).await?;
        rows.iter()
            .map(|row| {
                let row = Columns { table, row };
                Ok(AuditHead {
                    partition: row.partition()?,
                    seq: row.number("seq")?,
                    hash: row.bytes("hash")?,
                })
            })
            .collect()
    }

    /// The newest checkpoint.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn newest_checkpoint(&self) -> Result<Option<CheckpointRow>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT number, at, document FROM audit_checkpoints ORDER BY number DESC LIMIT 1",
        )
        .fetch_optional(&mut *connection)
        .await?;
        row.as_ref().map(checkpoint).transpose()
    }

    /// Up to `limit` checkpoints after number `after`, in order.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn checkpoints_after(
        &self,
        after: u64,
        limit: u32,
    ) -> Result<Vec<CheckpointRow>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT number, at, document FROM audit_checkpoints WHERE number > $1 ORDER BY number LIMIT $2",
        )
        .bind(sql_number(after))
        .bind(i64::from(limit))
        .fetch_all(&mut *connection)
        .await?;
        rows.iter().map(checkpoint).collect()
    }

    /// Adds a checkpoint that names the heads `named`; answers whether it was added. Where another
    /// node took its number, nothing is written.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_checkpoint(
        &self,
        checkpoint: &CheckpointRow,
        named: &[AuditHead],
    ) -> Result<bool, StoreError> {
        let mut tx = self.inner.database.begin().await?;
        let added = sqlx::query(
            "INSERT INTO audit_checkpoints (number, at, document) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(sql_number(checkpoint.number))
        .bind(checkpoint.at.as_microsecond())
        .bind(checkpoint.document.as_str())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if added != 1 {
            return Ok(false);
        }
        if !named.is_empty() {
            let text = format!(
                "INSERT INTO audit_checkpointed (partition, seq, hash) VALUES {} \
                 ON CONFLICT (partition) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
                placeholders(named.len(), 3, 0)
            );
            let mut query = sqlx::query(AssertSqlSafe(text));
            for head in named {
                query = query
                    .bind(head.partition.sql())
                    .bind(sql_number(head.seq))
                    .bind(head.hash.as_slice());
            }
            query.execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}

fn checkpoint(row: &AnyRow) -> Result<CheckpointRow, StoreError> {
    let row = Columns {
        table: "audit_checkpoints",
        row,
    };
    Ok(CheckpointRow {
        number: row.number("number")?,
        at: row.instant("at")?,
        document: row.text("document")?,
    })
}
