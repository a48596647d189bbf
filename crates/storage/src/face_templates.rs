//! Descriptors of faces, kept for a time where the search for duplicates is on. They lie with the office
//! within which they are compared.

use jiff::Timestamp;
use sqlx::any::AnyRow;
use zeroize::Zeroizing;

use crate::{
    ApplicationId, HolderId, Partition, Store, StoreError, Tx,
    rows::Columns,
    seal::{Place, Sealer},
};

/// A descriptor as stored.
#[derive(Clone)]
pub struct FaceTemplateRow {
    /// Of which application's photo.
    pub application: ApplicationId,
    /// Whose.
    pub holder: HolderId,
    /// The office within which it is compared.
    pub office: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is erased.
    pub expires_at: Timestamp,
    /// The descriptors.
    pub template: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for FaceTemplateRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaceTemplateRow")
            .field("application", &self.application)
            .finish_non_exhaustive()
    }
}

const TABLE: &str = "face_templates";

impl Store {
    /// The descriptors of an office that were made since `since` and are not to be erased yet, the newest
    /// first, at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn face_templates(
        &self,
        office: &str,
        (since, now): (Timestamp, Timestamp),
        limit: u32,
    ) -> Result<Vec<FaceTemplateRow>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT application_id, holder_id, office, created_at, expires_at, template_sealed FROM face_templates \
             WHERE partition = $1 AND office = $2 AND created_at >= $3 AND expires_at > $4 \
             ORDER BY created_at DESC, application_id LIMIT $5",
        )
        .bind(self.office_partition(office).sql())
        .bind(office)
        .bind(since.as_microsecond())
        .bind(now.as_microsecond())
        .bind(i64::from(limit))
        .fetch_all(&mut *connection)
        .await?;
        rows.iter().map(|row| read(self.sealer(), row)).collect()
    }

    /// Whether there is a descriptor of an application's photo.
    ///
    /// # Errors
    /// As [`Store::face_templates`].
    pub async fn has_face_template(
        &self,
        office: &str,
        application: &ApplicationId,
    ) -> Result<bool, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT application_id FROM face_templates WHERE partition = $1 AND application_id = $2",
        )
        .bind(self.office_partition(office).sql())
        .bind(application.as_str())
        .fetch_optional(&mut *connection)
        .await?;
        Ok(row.is_some())
    }

    /// Where descriptors lie that are to be erased by `now`; with none, wherever any lie.
    ///
    /// # Errors
    /// As [`Store::face_templates`].
    pub async fn face_templates_to_erase(
        &self,
        now: Option<Timestamp>,
    ) -> Result<Vec<Partition>, StoreError> {
        let mut connection = self.reader().await?;
        let rows =
            sqlx::query("SELECT DISTINCT partition FROM face_templates WHERE expires_at <= $1")
                .bind(now.map_or(i64::MAX, Timestamp::as_microsecond))
                .fetch_all(&mut *connection)
                .await?;
        rows.iter()
            .map(|row| Columns { table: TABLE, row }.partition())
            .collect()
    }
}

impl Tx {
    /// Keeps a descriptor; one that is there already stays as it is.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_face_template(&mut self, row: &FaceTemplateRow) -> Result<(), StoreError> {
        self.expect_own(TABLE, self.store().office_partition(&row.office))?;
        let place = place(&row.holder, &row.application);
        let sealed = self.sealer().seal(&place, &row.template)?;
        sqlx::query(
            "INSERT INTO face_templates (partition, application_id, holder_id, office, created_at, expires_at, template_sealed) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        )
        .bind(self.partition().sql())
        .bind(row.application.as_str())
        .bind(row.holder.as_str())
        .bind(row.office.as_str())
        .bind(row.created_at.as_microsecond())
        .bind(row.expires_at.as_microsecond())
        .bind(sealed)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Erases the descriptors of this partition whose time has come by `now`; with none, all of them.
    /// Answers how many.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn erase_face_templates(
        &mut self,
        now: Option<Timestamp>,
    ) -> Result<u64, StoreError> {
        let erased =
            sqlx::query("DELETE FROM face_templates WHERE partition = $1 AND expires_at <= $2")
                .bind(self.partition().sql())
                .bind(now.map_or(i64::MAX, Timestamp::as_microsecond))
                .execute(self.connection())
                .await?;
        Ok(erased.rows_affected())
    }
}

fn read(sealer: &Sealer, row: &AnyRow) -> Result<FaceTemplateRow, StoreError> {
    let row = Columns { table: TABLE, row };
    let application = row.parsed("application_id", ApplicationId::parse)?;
    let holder = row.parsed("holder_id", HolderId::parse)?;
    let under_seal = row.bytes("template_sealed")?;
    Ok(FaceTemplateRow {
        template: sealer.unseal(&place(&holder, &application), &under_seal)?,
        office: row.text("office")?,
        created_at: row.instant("created_at")?,
        expires_at: row.instant("expires_at")?,
        application,
        holder,
    })
}

fn place<'a>(holder: &'a HolderId, application: &'a ApplicationId) -> Place<'a> {
    Place {
        table: TABLE,
        column: "template_sealed",
        owner: holder.as_str(),
        row: application.as_str(),
        version: 1,
    }
}
