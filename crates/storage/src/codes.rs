//! Numeric codes: one use each; only a keyed hash is kept.

use jiff::Timestamp;

use crate::{
    Blind, Conflict, ELicenceId, HolderId, Partition, Store, StoreError, Tx, error::unique,
    rows::Columns,
};

/// A numeric code as stored.
#[derive(Clone, Debug)]
pub struct NumericCodeRow {
    /// Keyed hash of its digits.
    pub code: Blind,
    /// Whose licence it stands for.
    pub holder: HolderId,
    /// Which e-licence.
    pub e_licence: ELicenceId,
    /// When it was made.
    pub made_at: Timestamp,
    /// Until when it works.
    pub expires_at: Timestamp,
}

/// What came of using a numeric code.
#[derive(Clone, Debug)]
pub enum CodeUse {
    /// It worked, this once.
    Used(NumericCodeRow),
    /// No such code was made.
    Unknown,
    /// It worked before.
    AlreadyUsed(HolderId),
    /// It is too old.
    Expired(HolderId),
}

impl Store {
    /// What would come of using a numeric code now. Nothing is used up: the answer can be prepared
    /// on it before [`Tx::use_numeric_codes`] decides.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn peek_numeric_code(
        &self,
        partition: Partition,
        code: &Blind,
        now: Timestamp,
    ) -> Result<CodeUse, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT holder_id, e_licence_id, made_at, expires_at, used_at FROM numeric_codes \
             WHERE partition = $1 AND code_blind = $2",
        )
        .bind(partition.sql())
        .bind(code.sql())
        .fetch_optional(&mut *connection)
        .await?;
        let Some(row) = row else {
            return Ok(CodeUse::Unknown);
        };
        let row = Columns {
            table: "numeric_codes",
            row: &row,
        };
        let found = read(&row, code)?;
        Ok(match row.opt_instant("used_at")? {
            Some(_) => CodeUse::AlreadyUsed(found.holder),
            None if found.expires_at <= now => CodeUse::Expired(found.holder),
            None => CodeUse::Used(found),
        })
    }
}

impl Tx {
    /// Adds a numeric code.
    ///
    /// # Errors
    /// [`Conflict::Request`] when the same code lives already: make another.
    pub async fn insert_numeric_code(&mut self, code: &NumericCodeRow) -> Result<(), StoreError> {
        self.expect_own("numeric_codes", code.holder.partition())?;
        sqlx::query(
            "INSERT INTO numeric_codes (partition, code_blind, holder_id, e_licence_id, made_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(self.partition().sql())
        .bind(code.code.sql())
        .bind(code.holder.as_str())
        .bind(code.e_licence.as_str())
        .bind(code.made_at.as_microsecond())
        .bind(code.expires_at.as_microsecond())
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::Request))?;
        Ok(())
    }
}

fn read(row: &Columns<'_>, code: &Blind) -> Result<NumericCodeRow, StoreError> {
    Ok(NumericCodeRow {
        code: code.clone(),
        holder: row.parsed("holder_id", HolderId::parse)?,
        e_licence: row.parsed("e_licence_id", ELicenceId::parse)?,
        made_at: row.instant("made_at")?,
        expires_at: row.instant("expires_at")?,
    })
}
