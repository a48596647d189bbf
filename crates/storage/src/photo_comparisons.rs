//! The photo of an application compared with the photo on file by both matchers.

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::{ApplicationId, HolderId, PhotoId, Store, StoreError, Tx, rows::Columns, seal::Place};

/// A comparison as stored.
#[derive(Clone, Debug)]
pub struct PhotoComparisonRow {
    /// For which application.
    pub application: ApplicationId,
    /// Whose.
    pub holder: HolderId,
    /// The application's photo.
    pub photo: PhotoId,
    /// The photo on file of that moment.
    pub other: PhotoId,
    /// `match`, `reject` or `officer`.
    pub outcome: String,
    /// What the two matchers measured, as JSON.
    pub distances: Zeroizing<Vec<u8>>,
    /// When.
    pub compared_at: Timestamp,
}

const TABLE: &str = "photo_comparisons";

impl Store {
    /// The comparison made for an application.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn photo_comparison(
        &self,
        application: &ApplicationId,
    ) -> Result<Option<PhotoComparisonRow>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT application_id, holder_id, photo_id, other_photo_id, outcome, distances_sealed, compared_at \
             FROM photo_comparisons WHERE partition = $1 AND application_id = $2",
        )
        .bind(application.partition().sql())
        .bind(application.as_str())
        .fetch_optional(&mut *connection)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let row = Columns {
            table: TABLE,
            row: &row,
        };
        let holder = row.parsed("holder_id", HolderId::parse)?;
        let sealed = row.bytes("distances_sealed")?;
        Ok(Some(PhotoComparisonRow {
            application: application.clone(),
            photo: row.parsed("photo_id", PhotoId::parse)?,
            other: row.parsed("other_photo_id", PhotoId::parse)?,
            outcome: row.text("outcome")?,
            distances: self
                .sealer()
                .unseal(&place(&holder, application), &sealed)?,
            compared_at: row.instant("compared_at")?,
            holder,
        }))
    }
}

impl Tx {
    /// Adds the comparison of an application's photo; a later one replaces it.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_photo_comparison(
        &mut self,
        row: &PhotoComparisonRow,
    ) -> Result<(), StoreError> {
        self.expect_own(TABLE, row.application.partition())?;
        let place = place(&row.holder, &row.application);
        let sealed = self.sealer().seal(&place, &row.distances)?;
        sqlx::query(
            "INSERT INTO photo_comparisons (partition, application_id, holder_id, photo_id, other_photo_id, outcome, \
             distances_sealed, compared_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (partition, application_id) DO UPDATE SET photo_id = excluded.photo_id, \
             other_photo_id = excluded.other_photo_id, outcome = excluded.outcome, \
             distances_sealed = excluded.distances_sealed, compared_at = excluded.compared_at",
        )
        .bind(self.partition().sql())
        .bind(row.application.as_str())
        .bind(row.holder.as_str())
        .bind(row.photo.as_str())
        .bind(row.other.as_str())
        .bind(row.outcome.as_str())
        .bind(sealed)
        .bind(row.compared_at.as_microsecond())
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

fn place<'a>(holder: &'a HolderId, application: &'a ApplicationId) -> Place<'a> {
    Place {
        table: TABLE,
        column: "distances_sealed",
        owner: holder.as_str(),
        row: application.as_str(),
        version: 1,
    }
}
