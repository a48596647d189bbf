//! Descriptors of faces, kept for a time where the search for duplicates is on. They lie with the office
//! that reviews them, and are found by it, by the device and by the source that they came from.

use std::collections::HashSet;

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, any::AnyRow};
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
    /// The office that reviews it.
    pub office: String,
    /// A keyed hash of the device that submitted it; none where it was submitted at a counter.
    pub device: Option<Vec<u8>>,
    /// A keyed hash of the network that it was submitted from; none as above.
    pub source: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is erased.
    pub expires_at: Timestamp,
    /// The descriptors.
    pub template: Zeroizing<Vec<u8>>,
}

/// Among which descriptors is searched: those that share one of these.
#[derive(Clone, Copy, Debug, Default)]
pub struct FacesNear<'a> {
    /// The office that reviews them.
    pub office: Option<&'a str>,
    /// The keyed hash of the device that submitted them.
    pub device: Option<&'a [u8]>,
    /// The keyed hash of the network that they were submitted from.
    pub source: Option<&'a [u8]>,
}

impl std::fmt::Debug for FaceTemplateRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaceTemplateRow")
            .field("application", &self.application)
            .finish_non_exhaustive()
    }
}

/// The newest of those that count, by the index of what precedes it.
const NEWEST: &str =
    "created_at >= $1 AND expires_at > $2 ORDER BY created_at DESC, application_id LIMIT $3";
const TABLE: &str = "face_templates";
const SELECT: &str = "SELECT application_id, holder_id, office, device_hash, source_hash, created_at, expires_at, \
     template_sealed FROM face_templates";

impl Store {
    /// The descriptors near these that were made since `since` and are not to be erased yet, at most
    /// `limit`: the newest of the device first, then those of the source, which are at most half of
    /// them since a source may stand for a city, then those of the office. What shares a device or a source
    /// may lie with any office, so that all partitions are asked. Each is a walk along an index of its own.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn face_templates(
        &self,
        near: &FacesNear<'_>,
        (since, now): (Timestamp, Timestamp),
        limit: u32,
    ) -> Result<Vec<FaceTemplateRow>, StoreError> {
        let mut connection = self.reader().await?;
        let bound = |clause: &str, limit: u32| {
            let text = format!("{SELECT} WHERE {clause} AND {NEWEST}");
            sqlx::query(AssertSqlSafe(text))
                .bind(since.as_microsecond())
                .bind(now.as_microsecond())
                .bind(i64::from(limit))
        };
        let mut rows = Vec::new();
        if let Some(device) = near.device {
            let found = bound("device_hash = $4", limit).bind(device);
            rows.extend(found.fetch_all(&mut *connection).await?);
        }
        if let Some(source) = near.source {
            let found = bound("source_hash = $4", limit / 2).bind(source);
            rows.extend(found.fetch_all(&mut *connection).await?);
        }
        if let Some(office) = near.office {
            let partition = self.office_partition(office).sql();
            let found = bound("partition = $4 AND office = $5", limit);
            let found = found.bind(partition).bind(office);
            rows.extend(found.fetch_all(&mut *connection).await?);
        }
        let rows = rows.iter().map(|row| read(self.sealer(), row));
        let mut found = rows.collect::<Result<Vec<_>, _>>()?;
        let mut seen = HashSet::new();
        found.retain(|row| seen.insert(row.application.clone()));
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    /// The descriptor of an application's photo, if it is kept.
    ///
    /// # Errors
    /// As [`Store::face_templates`].
    pub async fn face_template(
        &self,
        office: &str,
        application: &ApplicationId,
    ) -> Result<Option<FaceTemplateRow>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!("{SELECT} WHERE partition = $1 AND application_id = $2");
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(self.office_partition(office).sql())
            .bind(application.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| read(self.sealer(), &row)).transpose()
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
    /// Keeps a descriptor; one that is there already stays as it is, but for a device and a source that
    /// it does not have. Answers whether anything was written.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn keep_face_template(&mut self, row: &FaceTemplateRow) -> Result<bool, StoreError> {
        self.expect_own(TABLE, self.store().office_partition(&row.office))?;
        let place = place(&row.holder, &row.application);
        let sealed = self.sealer().seal(&place, &row.template)?;
        let written = sqlx::query(
            "INSERT INTO face_templates (partition, application_id, holder_id, office, device_hash, source_hash, \
             created_at, expires_at, template_sealed) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (partition, application_id) DO UPDATE \
             SET device_hash = COALESCE(face_templates.device_hash, excluded.device_hash), \
             source_hash = COALESCE(face_templates.source_hash, excluded.source_hash) \
             WHERE face_templates.device_hash IS NULL AND excluded.device_hash IS NOT NULL \
             OR face_templates.source_hash IS NULL AND excluded.source_hash IS NOT NULL",
        )
        .bind(self.partition().sql())
        .bind(row.application.as_str())
        .bind(row.holder.as_str())
        .bind(row.office.as_str())
        .bind(row.device.as_deref())
        .bind(row.source.as_deref())
        .bind(row.created_at.as_microsecond())
        .bind(row.expires_at.as_microsecond())
        .bind(sealed)
        .execute(self.connection())
        .await?;
        Ok(written.rows_affected() > 0)
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
        device: row.opt_bytes("device_hash")?,
        source: row.opt_bytes("source_hash")?,
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
