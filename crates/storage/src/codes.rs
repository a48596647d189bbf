//! Numeric codes: one use each; only a keyed hash is kept.

use jiff::Timestamp;

use crate::{
    Blind, Conflict, ELicenceId, HolderId, StoreError, Subject, Tx, error::unique, rows::Columns,
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
    /// It worked, this once. With what it is about, where that is there.
    Used(NumericCodeRow, Option<Box<Subject>>),
    /// No such code was made.
    Unknown,
    /// It worked before.
    AlreadyUsed(HolderId),
    /// It is too old.
    Expired(HolderId),
}

/// What [`read`] and whoever judges a code ask for, of codes as `n`.
pub(crate) const CODE_COLUMNS: &str = "n.holder_id AS code_holder, n.e_licence_id AS code_e_licence, n.made_at, \
     n.expires_at AS code_expires_at, n.used_at";

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

pub(crate) fn read(row: &Columns<'_>, code: &Blind) -> Result<NumericCodeRow, StoreError> {
    Ok(NumericCodeRow {
        code: code.clone(),
        holder: row.parsed("code_holder", HolderId::parse)?,
        e_licence: row.parsed("code_e_licence", ELicenceId::parse)?,
        made_at: row.instant("made_at")?,
        expires_at: row.instant("code_expires_at")?,
    })
}
