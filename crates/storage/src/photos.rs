//! Photos: a row with sealed facts, and sealed bytes in the object store.

use jiff::{Timestamp, civil::Date};
use licence::application::PhotoOrigin;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    HolderId, Locked, PhotoId, Store, StoreError, Tx,
    objects::photo_name,
    rows::Columns,
    seal::{Place, Sealer},
};

/// Facts about a photo's bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhotoMeta {
    /// SHA-256 of the bytes, in hex.
    pub sha256: String,
    /// Media type.
    pub media_type: String,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// When it was taken, where that is known.
    pub taken_on: Option<Date>,
}

/// A photo.
#[derive(Clone, Debug)]
pub struct PhotoRow {
    /// Which.
    pub id: PhotoId,
    /// Whose.
    pub holder: HolderId,
    /// Where it came from.
    pub source: PhotoOrigin,
    /// Facts about its bytes.
    pub meta: PhotoMeta,
    /// When it came here.
    pub created_at: Timestamp,
}

const TABLE: &str = "photos";

impl Store {
    /// Puts a photo's bytes into the object store. Do so before the row: a row always has bytes.
    ///
    /// # Errors
    /// When the object store cannot be reached.
    pub async fn put_photo_bytes(
        &self,
        holder: &HolderId,
        photo: &PhotoId,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        self.inner
            .objects
            .put_photo(self.sealer(), holder, photo, bytes)
            .await
    }

    /// The bytes of a photo of `holder`.
    ///
    /// # Errors
    /// When the object store cannot be reached or the bytes were changed or swapped.
    pub async fn photo_bytes(
        &self,
        holder: &HolderId,
        photo: &PhotoId,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.inner.objects.photo(self.sealer(), holder, photo).await
    }

    /// Removes the bytes of a photo whose row is gone.
    ///
    /// # Errors
    /// When the object store cannot be reached.
    pub async fn remove_photo_bytes(&self, photo: &PhotoId) -> Result<(), StoreError> {
        self.inner.objects.remove(&photo_name(photo)).await
    }

    /// The rows of a holder's photos, the newest first.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn photos_of(&self, holder: &HolderId) -> Result<Vec<PhotoRow>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT id, holder_id, source, meta_sealed, created_at FROM photos \
             WHERE partition = $1 AND holder_id = $2 ORDER BY created_at DESC, id LIMIT 200",
        )
        .bind(holder.partition().sql())
        .bind(holder.as_str())
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| read(self.sealer(), &Columns { table: TABLE, row }))
            .collect()
    }

    /// A photo's row.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn photo(&self, id: &PhotoId) -> Result<Option<PhotoRow>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT id, holder_id, source, meta_sealed, created_at FROM photos WHERE partition = $1 AND id = $2",
        )
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
}

impl Tx {
    /// Adds a photo's row.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_photo(&mut self, photo: &PhotoRow) -> Result<(), StoreError> {
        self.expect_own(TABLE, photo.id.partition())?;
        let plain =
            serde_json::to_vec(&photo.meta).map_err(|_not_json| StoreError::Inconsistent {
                table: TABLE,
                column: "meta_sealed",
                row: Some(photo.id.to_string()),
                what: "cannot be written as JSON",
            })?;
        let sealed = self
            .sealer()
            .seal(&place(&photo.holder, &photo.id), &plain)?;
        sqlx::query(
            "INSERT INTO photos (partition, id, holder_id, source, meta_sealed, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(self.partition().sql())
        .bind(photo.id.as_str())
        .bind(photo.holder.as_str())
        .bind(photo.source.as_str())
        .bind(sealed)
        .bind(photo.created_at.as_microsecond())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Removes the row of a photo that the locked driver submitted and nothing came of, with what was
    /// found about it; whether there was one. The bytes go once this is committed.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn remove_photo(
        &mut self,
        locked: &Locked,
        photo: &PhotoId,
    ) -> Result<bool, StoreError> {
        let removed = sqlx::query(
            "DELETE FROM photos WHERE partition = $1 AND id = $2 AND holder_id = $3 AND source IN ('camera', 'album') \
             AND NOT EXISTS (SELECT 1 FROM e_licences WHERE partition = $1 AND photo_id = $2)",
        )
        .bind(self.partition().sql())
        .bind(photo.as_str())
        .bind(locked.holder().as_str())
        .execute(self.connection())
        .await?
        .rows_affected();
        if removed == 1 {
            sqlx::query("DELETE FROM photo_findings WHERE partition = $1 AND photo_id = $2")
                .bind(self.partition().sql())
                .bind(photo.as_str())
                .execute(self.connection())
                .await?;
        }
        Ok(removed == 1)
    }
}

fn read(sealer: &Sealer, row: &Columns<'_>) -> Result<PhotoRow, StoreError> {
    let id = row.parsed("id", PhotoId::parse)?;
    let holder = row.parsed("holder_id", HolderId::parse)?;
    let plain = sealer.unseal(&place(&holder, &id), &row.bytes("meta_sealed")?)?;
    Ok(PhotoRow {
        source: row.named("source", PhotoOrigin::parse)?,
        meta: serde_json::from_slice(&plain)
            .map_err(|_not_json| row.odd("meta_sealed", "is not what it should be"))?,
        created_at: row.instant("created_at")?,
        id,
        holder,
    })
}

fn place<'a>(holder: &'a HolderId, id: &'a PhotoId) -> Place<'a> {
    Place {
        table: TABLE,
        column: "meta_sealed",
        owner: holder.as_str(),
        row: id.as_str(),
        version: 1,
    }
}
