//! Holders' accounts and the single-use activation codes printed at a counter.

use jiff::Timestamp;

use crate::{
    ActivationId, Blind, Conflict, HolderId, Store, StoreError, Tx,
    error::{exactly_one, unique},
    rows::Columns,
    store::sql_number,
};

/// A holder's account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Whose.
    pub holder: HolderId,
    /// Argon2id, PHC text.
    pub password_hash: String,
    /// When it was first activated.
    pub activated_at: Timestamp,
}

/// An activation code that a try was counted for.
#[derive(Clone, Debug)]
pub struct ActivationCode {
    /// Which.
    pub id: ActivationId,
    /// Keyed hash of the code.
    pub code: Vec<u8>,
    /// Tries so far, this one included.
    pub attempts: u64,
}

impl Store {
    /// The account of a holder.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn account(&self, holder: &HolderId) -> Result<Option<Account>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT password_hash, activated_at FROM accounts WHERE partition = $1 AND holder_id = $2",
        )
        .bind(holder.partition().sql())
        .bind(holder.as_str())
        .fetch_optional(&mut *connection)
        .await?;
        row.map(|row| {
            let row = Columns {
                table: "accounts",
                row: &row,
            };
            Ok(Account {
                holder: holder.clone(),
                password_hash: row.text("password_hash")?,
                activated_at: row.instant("activated_at")?,
            })
        })
        .transpose()
    }

    /// Holders of whom somebody had the password right on a device that is none of theirs, the
    /// longest waiting first.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn holders_to_warn(&self, limit: u32) -> Result<Vec<HolderId>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT holder_id FROM accounts WHERE warn_at IS NOT NULL ORDER BY warn_at LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| {
                Columns {
                    table: "accounts",
                    row,
                }
                .parsed("holder_id", HolderId::parse)
            })
            .collect()
    }
}

impl Tx {
    /// Sets the holder's password; the account comes to be with the first one.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn set_password(
        &mut self,
        holder: &HolderId,
        password_hash: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.expect_own("accounts", holder.partition())?;
        sqlx::query(
            "INSERT INTO accounts (partition, holder_id, password_hash, activated_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (partition, holder_id) DO UPDATE SET password_hash = excluded.password_hash",
        )
        .bind(holder.partition().sql())
        .bind(holder.as_str())
        .bind(password_hash)
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Adds an activation code; an open one is replaced.
    ///
    /// # Errors
    /// [`Conflict::ActivationCode`] when another is being added.
    pub async fn insert_activation_code(
        &mut self,
        code: (&ActivationId, &Blind),
        holder: &HolderId,
        made_by: &str,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.expect_own("activation_codes", holder.partition())?;
        self.end_activation_code(holder, now).await?;
        sqlx::query(
            "INSERT INTO activation_codes (partition, id, holder_id, code_blind, made_by, made_at, expires_at, attempts) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, 0)",
        )
        .bind(holder.partition().sql())
        .bind(code.0.as_str())
        .bind(holder.as_str())
        .bind(code.1.sql())
        .bind(made_by)
        .bind(now.as_microsecond())
        .bind(expires_at.as_microsecond())
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::ActivationCode))?;
        Ok(())
    }

    /// Counts a try at the holder's open code before anybody looks at it, and answers the code if
    /// it is in time. The try that reaches `most` closes it; a right one counts as used by
    /// [`Tx::use_activation_code`]. It is one statement in every case, and tries at one code come
    /// one after the other.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn try_activation_code(
        &mut self,
        holder: &HolderId,
        most: u64,
        now: Timestamp,
    ) -> Result<Option<ActivationCode>, StoreError> {
        let row = sqlx::query(
            "UPDATE activation_codes SET attempts = attempts + 1, \
             closed_at = CASE WHEN attempts + 1 >= $3 THEN $4 ELSE closed_at END, \
             closed_as = CASE WHEN attempts + 1 >= $3 THEN 'guessed' ELSE closed_as END \
             WHERE partition = $1 AND holder_id = $2 AND closed_at IS NULL AND expires_at > $4 \
             RETURNING id, code_blind, attempts",
        )
        .bind(holder.partition().sql())
        .bind(holder.as_str())
        .bind(sql_number(most))
        .bind(now.as_microsecond())
        .fetch_optional(self.connection())
        .await?;
        row.map(|row| {
            let row = Columns {
                table: "activation_codes",
                row: &row,
            };
            Ok(ActivationCode {
                id: row.parsed("id", ActivationId::parse)?,
                code: row.bytes("code_blind")?,
                attempts: row.number("attempts")?,
            })
        })
        .transpose()
    }

    /// The code was right in the try that this transaction counted.
    ///
    /// # Errors
    /// [`Conflict::ActivationCode`] when it is closed.
    pub async fn use_activation_code(
        &mut self,
        code: &ActivationCode,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE activation_codes SET closed_at = $4, closed_as = 'used' \
             WHERE partition = $1 AND id = $2 AND attempts = $3 \
             AND (closed_as IS NULL OR closed_as = 'guessed' AND closed_at = $4)",
        )
        .bind(self.partition().sql())
        .bind(code.id.as_str())
        .bind(sql_number(code.attempts))
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::ActivationCode)
    }

    /// Ends the holder's open code as if another had replaced it.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_activation_code(
        &mut self,
        holder: &HolderId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE activation_codes SET closed_at = $3, closed_as = 'replaced' \
             WHERE partition = $1 AND holder_id = $2 AND closed_at IS NULL",
        )
        .bind(holder.partition().sql())
        .bind(holder.as_str())
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Notes that somebody had the password right on a device that is none of the account's, unless
    /// the driver was warned after `not_since` or is about to be. For nobody it is the same
    /// statement.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn note_to_warn(
        &mut self,
        holder: &HolderId,
        now: Timestamp,
        not_since: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE accounts SET warn_at = $3 WHERE partition = $1 AND holder_id = $2 \
             AND warn_at IS NULL AND (warned_at IS NULL OR warned_at <= $4)",
        )
        .bind(holder.partition().sql())
        .bind(holder.as_str())
        .bind(now.as_microsecond())
        .bind(not_since.as_microsecond())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Takes the note again: the driver is being warned in this transaction. Whether there was one.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn take_note_to_warn(
        &mut self,
        holder: &HolderId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let taken = sqlx::query(
            "UPDATE accounts SET warn_at = NULL, warned_at = $3 \
             WHERE partition = $1 AND holder_id = $2 AND warn_at IS NOT NULL",
        )
        .bind(holder.partition().sql())
        .bind(holder.as_str())
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        Ok(taken == 1)
    }
}
