//! Signing keys that were revoked in an emergency, before a signed list says so.

use jiff::Timestamp;

use crate::{
    Conflict, Store, StoreError, Tx,
    error::{exactly_one, unique},
    rows::Columns,
};

/// An emergency revocation as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDistrust {
    /// The key, in hex.
    pub key_id: String,
    /// Why, as a code.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// The first of the two who lift it.
    pub undo_by: Option<String>,
}

impl Store {
    /// All emergency revocations that stand, by key.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn key_distrusts(&self) -> Result<Vec<KeyDistrust>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT key_id, reason, distrusted_at, undo_by FROM key_distrusts ORDER BY key_id",
        )
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| {
                let row = Columns {
                    table: "key_distrusts",
                    row,
                };
                Ok(KeyDistrust {
                    key_id: row.text("key_id")?,
                    reason: row.text("reason")?,
                    since: row.instant("distrusted_at")?,
                    undo_by: row.opt_text("undo_by")?,
                })
            })
            .collect()
    }
}

impl Tx {
    /// Revokes a key in an emergency.
    ///
    /// # Errors
    /// [`Conflict::TrustChange`] when it is so already.
    pub async fn distrust_key(
        &mut self,
        key_id: &str,
        reason: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO key_distrusts (key_id, reason, distrusted_by, distrusted_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(key_id)
        .bind(reason)
        .bind(by)
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::TrustChange))?;
        Ok(())
    }

    /// The first of two wishes to lift an emergency revocation, in the place of the wish `before`.
    ///
    /// # Errors
    /// [`Conflict::TrustChange`] when there is none, or somebody asked for it meanwhile.
    pub async fn ask_to_trust_key(
        &mut self,
        key_id: &str,
        (by, before): (&str, Option<&str>),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let asked = sqlx::query(
            "UPDATE key_distrusts SET undo_by = $2, undo_at = $3 WHERE key_id = $1 AND COALESCE(undo_by, '') = $4",
        )
        .bind(key_id)
        .bind(by)
        .bind(now.as_microsecond())
        .bind(before.unwrap_or_default())
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(asked, Conflict::TrustChange)
    }

    /// Lifts an emergency revocation that `asked_by` asked to lift.
    ///
    /// # Errors
    /// [`Conflict::TrustChange`] when that is no longer so.
    pub async fn trust_key(&mut self, key_id: &str, asked_by: &str) -> Result<(), StoreError> {
        let lifted = sqlx::query("DELETE FROM key_distrusts WHERE key_id = $1 AND undo_by = $2")
            .bind(key_id)
            .bind(asked_by)
            .execute(self.connection())
            .await?
            .rows_affected();
        exactly_one(lifted, Conflict::TrustChange)
    }

    /// Ends an emergency revocation because a signed list that two activated says otherwise.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn forget_distrust(&mut self, key_id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM key_distrusts WHERE key_id = $1")
            .bind(key_id)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
