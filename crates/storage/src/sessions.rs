//! Sessions. Only the hash of a token is kept; the token carries its partition.

use jiff::Timestamp;

use crate::{DeviceId, HolderId, Partition, Store, StoreError, Tx, rows::Columns};

/// Whose session it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// A driver's.
    Holder,
    /// A member of staff's.
    Staff,
}

/// A session.
#[derive(Clone, Debug)]
pub struct Session {
    /// Whose kind.
    pub kind: SessionKind,
    /// The holder's or member of staff's identifier.
    pub owner: String,
    /// The device on which alone a driver's session is good.
    pub device: Option<DeviceId>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Store {
    /// The session with this token hash.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn session(
        &self,
        partition: Partition,
        token_hash: &[u8],
    ) -> Result<Option<Session>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT kind, owner_id, device_id, created_at, expires_at FROM sessions WHERE partition = $1 AND token_hash = $2",
        )
        .bind(partition.sql())
        .bind(token_hash)
        .fetch_optional(&mut *connection)
        .await?;
        row.map(|row| {
            let row = Columns {
                table: "sessions",
                row: &row,
            };
            Ok(Session {
                kind: row.parsed("kind", |text| match text {
                    "holder" => Ok(SessionKind::Holder),
                    "staff" => Ok(SessionKind::Staff),
                    _ => Err(()),
                })?,
                owner: row.text("owner_id")?,
                device: row.opt_parsed("device_id", DeviceId::parse)?,
                created_at: row.instant("created_at")?,
                expires_at: row.instant("expires_at")?,
            })
        })
        .transpose()
    }
}

impl Tx {
    /// Adds a session in this transaction's partition.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_session(
        &mut self,
        token_hash: &[u8],
        session: &Session,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO sessions (partition, token_hash, kind, owner_id, created_at, expires_at, device_id) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(self.partition().sql())
        .bind(token_hash)
        .bind(match session.kind {
            SessionKind::Holder => "holder",
            SessionKind::Staff => "staff",
        })
        .bind(session.owner.as_str())
        .bind(session.created_at.as_microsecond())
        .bind(session.expires_at.as_microsecond())
        .bind(session.device.as_ref().map(DeviceId::as_str))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Ends one session.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn delete_session(&mut self, token_hash: &[u8]) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM sessions WHERE partition = $1 AND token_hash = $2")
            .bind(self.partition().sql())
            .bind(token_hash)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Ends every session of `owner`.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn delete_sessions_of(&mut self, owner: &str) -> Result<u64, StoreError> {
        Ok(
            sqlx::query("DELETE FROM sessions WHERE partition = $1 AND owner_id = $2")
                .bind(self.partition().sql())
                .bind(owner)
                .execute(self.connection())
                .await?
                .rows_affected(),
        )
    }

    /// Ends the sessions of `holder` on one device.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn delete_sessions_on(
        &mut self,
        holder: &HolderId,
        device: &DeviceId,
    ) -> Result<u64, StoreError> {
        Ok(sqlx::query(
            "DELETE FROM sessions WHERE partition = $1 AND owner_id = $2 AND device_id = $3",
        )
        .bind(self.partition().sql())
        .bind(holder.as_str())
        .bind(device.as_str())
        .execute(self.connection())
        .await?
        .rows_affected())
    }

    /// Ends every session of `owner` but the one of a token.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn delete_other_sessions_of(
        &mut self,
        owner: &str,
        token_hash: &[u8],
    ) -> Result<u64, StoreError> {
        Ok(sqlx::query(
            "DELETE FROM sessions WHERE partition = $1 AND owner_id = $2 AND token_hash <> $3",
        )
        .bind(self.partition().sql())
        .bind(owner)
        .bind(token_hash)
        .execute(self.connection())
        .await?
        .rows_affected())
    }
}
