//! Leases: which node does a job that one node at a time does.

use jiff::Timestamp;

use crate::{Store, StoreError};

impl Store {
    /// Takes or renews the lease `name` for `owner` until `until`; answers whether `owner` has it.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn lease(
        &self,
        name: &str,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.inner.database.begin().await?;
        let taken = sqlx::query(
            "INSERT INTO leases (name, owner, until) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until \
             WHERE leases.owner = excluded.owner OR leases.until <= $4",
        )
        .bind(name)
        .bind(owner)
        .bind(until.as_microsecond())
        .bind(now.as_microsecond())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        tx.commit().await?;
        Ok(taken == 1)
    }
}
