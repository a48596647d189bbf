//! Holders' accounts and the single-use activation codes printed at a counter.

use jiff::Timestamp;

use crate::{
    ActivationId, Blind, Conflict, HolderId, Store, StoreError, Tx, error::unique, rows::Columns,
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

/// An open activation code.
#[derive(Clone, Debug)]
pub struct ActivationCode {
    /// Which.
    pub id: ActivationId,
    /// For whom.
    pub holder: HolderId,
    /// Keyed hash of the code.
    pub code: Vec<u8>,
    /// Until when it works.
    pub expires_at: Timestamp,
    /// Wrong tries so far.
    pub attempts: u64,
}

/// How an activation code ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeClosing {
    /// It set a password.
    Used,
    /// Too many wrong tries.
    Guessed,
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

    /// The holder's open activation code.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn open_activation_code(
        &self,
        holder: &HolderId,
    ) -> Result<Option<ActivationCode>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT id, code_blind, expires_at, attempts FROM activation_codes \
             WHERE partition = $1 AND holder_id = $2 AND closed_at IS NULL",
        )
        .bind(holder.partition().sql())
        .bind(holder.as_str())
        .fetch_optional(&mut *connection)
        .await?;
        row.map(|row| {
            let row = Columns {
                table: "activation_codes",
                row: &row,
            };
            Ok(ActivationCode {
                id: row.parsed("id", ActivationId::parse)?,
                holder: holder.clone(),
                code: row.bytes("code_blind")?,
                expires_at: row.instant("expires_at")?,
                attempts: row.number("attempts")?,
            })
        })
        .transpose()
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
        sqlx::query(
            "UPDATE activation_codes SET closed_at = $3, closed_as = 'replaced' \
             WHERE partition = $1 AND holder_id = $2 AND closed_at IS NULL",
        )
        .bind(holder.partition().sql())
        .bind(holder.as_str())
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?;
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

    /// Counts a wrong try, from the number the caller read.
    ///
    /// # Errors
    /// [`Conflict::ActivationCode`] when another try was counted or the code is closed.
    pub async fn count_attempt(&mut self, code: &ActivationCode) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE activation_codes SET attempts = attempts + 1 \
             WHERE partition = $1 AND id = $2 AND attempts = $3 AND closed_at IS NULL",
        )
        .bind(self.partition().sql())
        .bind(code.id.as_str())
        .bind(sql_number(code.attempts))
        .execute(self.connection())
        .await?
        .rows_affected();
        closed_unless_one(moved)
    }

    /// Closes an open code.
    ///
    /// # Errors
    /// [`Conflict::ActivationCode`] when it is closed already.
    pub async fn close_activation_code(
        &mut self,
        code: &ActivationId,
        closing: CodeClosing,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE activation_codes SET closed_at = $3, closed_as = $4 \
             WHERE partition = $1 AND id = $2 AND closed_at IS NULL",
        )
        .bind(self.partition().sql())
        .bind(code.as_str())
        .bind(now.as_microsecond())
        .bind(match closing {
            CodeClosing::Used => "used",
            CodeClosing::Guessed => "guessed",
        })
        .execute(self.connection())
        .await?
        .rows_affected();
        closed_unless_one(moved)
    }
}

fn closed_unless_one(moved: u64) -> Result<(), StoreError> {
    if moved == 1 {
        Ok(())
    } else {
        Err(Conflict::ActivationCode.into())
    }
}
