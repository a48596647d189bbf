//! Look-ups with the answers given, and requests already answered.

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::{
    Blind, Conflict, HolderId, Partition, Store, StoreError, Tx, VerificationId,
    error::unique,
    rows::Columns,
    seal::{Place, Sealer, label},
};

/// A look-up.
#[derive(Clone, Debug)]
pub struct VerificationRow {
    /// Which.
    pub id: VerificationId,
    /// Who was looked up.
    pub holder: HolderId,
    /// By whom.
    pub verifier: String,
    /// The verifier's office.
    pub office: String,
    /// For what.
    pub purpose: String,
    /// When.
    pub at: Timestamp,
    /// The answer given, as JSON.
    pub answer: Zeroizing<Vec<u8>>,
}

/// A look-up with its answer sealed, as it will lie in the database.
#[derive(Clone, Debug)]
pub struct SealedVerification {
    pub(crate) id: VerificationId,
    pub(crate) holder: HolderId,
    pub(crate) verifier: String,
    pub(crate) office: String,
    pub(crate) purpose: String,
    pub(crate) at: Timestamp,
    pub(crate) answer: Vec<u8>,
    /// Version of the data key it is sealed with.
    pub(crate) key: u32,
}

/// A request already answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Hash of the request's body.
    pub fingerprint: Vec<u8>,
    /// What it made.
    pub resource: String,
}

const TABLE: &str = "verifications";
const COLUMNS: &str = "id, holder_id, verifier, office, purpose, at, answer_sealed";

impl Store {
    /// A look-up.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not open.
    pub async fn verification(
        &self,
        id: &VerificationId,
    ) -> Result<Option<VerificationRow>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!("SELECT {COLUMNS} FROM verifications WHERE partition = $1 AND id = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(id.partition().sql())
            .bind(id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| {
            read(
                self.sealer(),
                &Columns {
                    table: TABLE,
                    row: &row,
                },
            )
        })
        .transpose()
    }

    /// The look-ups of a holder, newest first.
    ///
    /// # Errors
    /// As [`Store::verification`].
    pub async fn verifications_of(
        &self,
        holder: &HolderId,
        limit: u32,
    ) -> Result<Vec<VerificationRow>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!(
            "SELECT {COLUMNS} FROM verifications WHERE partition = $1 AND holder_id = $2 ORDER BY at DESC, id LIMIT $3"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(holder.partition().sql())
            .bind(holder.as_str())
            .bind(i64::from(limit))
            .fetch_all(&mut *connection)
            .await?;
        rows.iter()
            .map(|row| read(self.sealer(), &Columns { table: TABLE, row }))
            .collect()
    }

    /// What came of an earlier request with this key.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn remembered(
        &self,
        partition: Partition,
        key: &Blind,
    ) -> Result<Option<Remembered>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT fingerprint, resource FROM idempotency WHERE partition = $1 AND key_blind = $2",
        )
        .bind(partition.sql())
        .bind(key.sql())
        .fetch_optional(&mut *connection)
        .await?;
        row.map(|row| {
            let row = Columns {
                table: "idempotency",
                row: &row,
            };
            Ok(Remembered {
                fingerprint: row.bytes("fingerprint")?,
                resource: row.text("resource")?,
            })
        })
        .transpose()
    }
}

impl Store {
    /// Seals a look-up that is to be written: outside the transaction, which others wait for.
    ///
    /// # Errors
    /// When sealing fails.
    pub fn seal_verification(
        &self,
        row: VerificationRow,
    ) -> Result<SealedVerification, StoreError> {
        let answer = self
            .sealer()
            .seal(&place(&row.holder, &row.id), &row.answer)?;
        Ok(SealedVerification {
            key: label(&answer).map_or(0, |(_, version)| version),
            id: row.id,
            holder: row.holder,
            verifier: row.verifier,
            office: row.office,
            purpose: row.purpose,
            at: row.at,
            answer,
        })
    }
}

impl Tx {
    /// Remembers that the request with this key made `resource`.
    ///
    /// # Errors
    /// [`Conflict::Request`] when the key has been used: read what it made.
    pub async fn remember(
        &mut self,
        key: &Blind,
        remembered: &Remembered,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO idempotency (partition, key_blind, fingerprint, resource, at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(self.partition().sql())
        .bind(key.sql())
        .bind(remembered.fingerprint.as_slice())
        .bind(remembered.resource.as_str())
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::Request))?;
        Ok(())
    }
}

fn read(sealer: &Sealer, row: &Columns<'_>) -> Result<VerificationRow, StoreError> {
    let id = row.parsed("id", VerificationId::parse)?;
    let holder = row.parsed("holder_id", HolderId::parse)?;
    Ok(VerificationRow {
        verifier: row.text("verifier")?,
        office: row.text("office")?,
        purpose: row.text("purpose")?,
        at: row.instant("at")?,
        answer: sealer.unseal(&place(&holder, &id), &row.bytes("answer_sealed")?)?,
        id,
        holder,
    })
}

fn place<'a>(holder: &'a HolderId, id: &'a VerificationId) -> Place<'a> {
    Place {
        table: TABLE,
        column: "answer_sealed",
        owner: holder.as_str(),
        row: id.as_str(),
        version: 1,
    }
}
