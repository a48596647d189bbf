//! How many forms each key has signed, beside the forms that are there.

use std::collections::BTreeMap;

use sqlx::any::AnyRow;

use crate::{Partition, Store, StoreError, Tx, rows::Columns};

/// What is known of the signatures of one partition as of one instant, by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignatureTally {
    /// Number of the partition's newest audit row at that instant.
    pub seq: u64,
    /// Chain hash of that row.
    pub hash: Vec<u8>,
    /// Signatures counted.
    pub counted: BTreeMap<String, u64>,
    /// Forms stored.
    pub forms: BTreeMap<String, u64>,
}

impl Store {
    /// Counts, forms and audit heads of all partitions as of one instant: one statement reads them.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn signature_tallies(
        &self,
    ) -> Result<BTreeMap<Partition, SignatureTally>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT partition, 'head' AS kind, '' AS key_id, audit_seq AS number, audit_hash AS hash \
             FROM partition_heads \
             UNION ALL SELECT partition, 'counted', key_id, signatures, NULL FROM signing_counts \
             UNION ALL SELECT partition, 'form', key_id, COUNT(*), NULL FROM credential_forms \
             GROUP BY partition, key_id",
        )
        .fetch_all(&mut *connection)
        .await?;
        let mut tallies = BTreeMap::new();
        for row in &rows {
            add(&mut tallies, row)?;
        }
        Ok(tallies)
    }
}

fn add(tallies: &mut BTreeMap<Partition, SignatureTally>, row: &AnyRow) -> Result<(), StoreError> {
    let row = Columns {
        table: "signing_counts",
        row,
    };
    let tally: &mut SignatureTally = tallies.entry(row.partition()?).or_default();
    let number = row.number("number")?;
    match row.text("kind")?.as_str() {
        "head" => {
            tally.seq = number;
            tally.hash = row.bytes("hash")?;
        }
        "counted" => {
            tally.counted.insert(row.text("key_id")?, number);
        }
        _ => {
            tally.forms.insert(row.text("key_id")?, number);
        }
    }
    Ok(())
}

impl Tx {
    /// Counts a signature of each of these keys, once for each time it is named. Whoever writes
    /// signed forms calls this in the same transaction, and names the same keys as `keys` in the
    /// audit entry (`code-keys` for what codes carry): `audit verify` compares the two.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn count_signatures(&mut self, key_ids: &[&str]) -> Result<(), StoreError> {
        let mut by_key: BTreeMap<&str, i64> = BTreeMap::new();
        for key_id in key_ids {
            let count = by_key.entry(key_id).or_default();
            *count = count.saturating_add(1);
        }
        // In one order, so that two writes of a partition never wait for each other.
        for (key_id, count) in by_key {
            sqlx::query(
                "INSERT INTO signing_counts (partition, key_id, signatures) VALUES ($1, $2, $3) \
                 ON CONFLICT (partition, key_id) DO UPDATE SET signatures = signing_counts.signatures + excluded.signatures",
            )
            .bind(self.partition().sql())
            .bind(key_id)
            .bind(count)
            .execute(self.connection())
            .await?;
        }
        Ok(())
    }
}
