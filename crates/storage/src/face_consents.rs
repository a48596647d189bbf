//! Consent to face processing (人脸信息处理单独同意): given apart from everything else, withdrawn at will.

use jiff::Timestamp;
use licence::person_check::FacePurpose;

use crate::{
    Conflict, DeviceId, FaceConsentId, HolderId, Locked, PersonCheckId, Store, StoreError, Tx,
    error::unique, rows::Columns,
};

/// A consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaceConsentRow {
    /// Which.
    pub id: FaceConsentId,
    /// Whose.
    pub holder: HolderId,
    /// What the face is processed for.
    pub purpose: FacePurpose,
    /// Which text was agreed to.
    pub text_version: String,
    /// On which device.
    pub device: DeviceId,
    /// The one check that it covers, of a consent that came with an activation. None where it stands
    /// until it is withdrawn.
    pub check: Option<PersonCheckId>,
    /// When.
    pub given_at: Timestamp,
    /// When it was withdrawn.
    pub withdrawn_at: Option<Timestamp>,
}

const TABLE: &str = "face_consents";
const SELECT: &str = "SELECT id, holder_id, purpose, text_version, device_id, check_id, given_at, \
     withdrawn_at FROM face_consents";

impl Store {
    /// All consents of a holder, the newest first.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn face_consents_of(
        &self,
        holder: &HolderId,
    ) -> Result<Vec<FaceConsentRow>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!(
            "{SELECT} WHERE partition = $1 AND holder_id = $2 ORDER BY given_at DESC, id LIMIT 200"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(holder.partition().sql())
            .bind(holder.as_str())
            .fetch_all(&mut *connection)
            .await?;
        rows.iter()
            .map(|row| read(&Columns { table: TABLE, row }))
            .collect()
    }

    /// The consent that stands for a purpose.
    ///
    /// # Errors
    /// As [`Store::face_consents_of`].
    pub async fn face_consent(
        &self,
        holder: &HolderId,
        purpose: FacePurpose,
    ) -> Result<Option<FaceConsentRow>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!(
            "{SELECT} WHERE partition = $1 AND holder_id = $2 AND purpose = $3 AND withdrawn_at IS NULL \
             AND check_id IS NULL"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(holder.partition().sql())
            .bind(holder.as_str())
            .bind(purpose.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| {
            read(&Columns {
                table: TABLE,
                row: &row,
            })
        })
        .transpose()
    }
}

impl Tx {
    /// Adds a consent of the locked driver.
    ///
    /// # Errors
    /// [`Conflict::Consent`] when one stands for the purpose; a consent to one check stands for none.
    pub async fn insert_face_consent(
        &mut self,
        locked: &Locked,
        new: &FaceConsentRow,
    ) -> Result<(), StoreError> {
        self.expect_own(TABLE, new.id.partition())?;
        sqlx::query(
            "INSERT INTO face_consents (partition, id, holder_id, purpose, text_version, device_id, check_id, \
             given_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(self.partition().sql())
        .bind(new.id.as_str())
        .bind(locked.holder().as_str())
        .bind(new.purpose.as_str())
        .bind(new.text_version.as_str())
        .bind(new.device.as_str())
        .bind(new.check.as_ref().map(PersonCheckId::as_str))
        .bind(new.given_at.as_microsecond())
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::Consent))?;
        Ok(())
    }

    /// Withdraws the consent that stands for a purpose; whether one stood. What was measured of the
    /// face under it goes with it.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn withdraw_face_consent(
        &mut self,
        locked: &Locked,
        purpose: FacePurpose,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let moved = sqlx::query(
            "UPDATE face_consents SET withdrawn_at = $4 \
             WHERE partition = $1 AND holder_id = $2 AND purpose = $3 AND withdrawn_at IS NULL \
             AND check_id IS NULL",
        )
        .bind(self.partition().sql())
        .bind(locked.holder().as_str())
        .bind(purpose.as_str())
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        sqlx::query(
            "UPDATE person_checks SET distances_sealed = NULL WHERE partition = $1 AND holder_id = $2",
        )
        .bind(self.partition().sql())
        .bind(locked.holder().as_str())
        .execute(self.connection())
        .await?;
        Ok(moved == 1)
    }
}

fn read(row: &Columns<'_>) -> Result<FaceConsentRow, StoreError> {
    Ok(FaceConsentRow {
        id: row.parsed("id", FaceConsentId::parse)?,
        holder: row.parsed("holder_id", HolderId::parse)?,
        purpose: row.named("purpose", FacePurpose::parse)?,
        text_version: row.text("text_version")?,
        device: row.parsed("device_id", DeviceId::parse)?,
        check: row.opt_parsed("check_id", PersonCheckId::parse)?,
        given_at: row.instant("given_at")?,
        withdrawn_at: row.opt_instant("withdrawn_at")?,
    })
}
