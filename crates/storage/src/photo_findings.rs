//! What the machine found about photos: the verdict in the open, everything else sealed.

use jiff::Timestamp;
use licence::photo::{Profile, Verdict};
use sqlx::any::AnyRow;
use zeroize::Zeroizing;

use crate::{
    Conflict, HolderId, Locked, PhotoId, Store, StoreError, Tx,
    error::exactly_one,
    rows::Columns,
    seal::{Place, Sealer},
};

/// What was found about a photo.
#[derive(Clone, Debug)]
pub struct PhotoFindingsRow {
    /// About which photo.
    pub photo: PhotoId,
    /// Whose.
    pub holder: HolderId,
    /// By which rules.
    pub profile: Profile,
    /// The gravest verdict of all.
    pub verdict: Verdict,
    /// The findings, the fingerprint and what was declared, as JSON.
    pub findings: Zeroizing<Vec<u8>>,
    /// When.
    pub created_at: Timestamp,
}

const TABLE: &str = "photo_findings";
const SELECT: &str =
    "SELECT photo_id, holder_id, profile, verdict, findings_sealed, created_at FROM photo_findings";

impl Store {
    /// What was found about a photo, if it was judged.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn photo_findings(
        &self,
        photo: &PhotoId,
    ) -> Result<Option<PhotoFindingsRow>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!("{SELECT} WHERE partition = $1 AND photo_id = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(photo.partition().sql())
            .bind(photo.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| read(self.sealer(), &row)).transpose()
    }

    /// What was found about the photos of a holder, the newest first.
    ///
    /// # Errors
    /// As [`Store::photo_findings`].
    pub async fn photo_findings_of(
        &self,
        holder: &HolderId,
    ) -> Result<Vec<PhotoFindingsRow>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!(
            "{SELECT} WHERE partition = $1 AND holder_id = $2 ORDER BY created_at DESC, photo_id LIMIT 200"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(holder.partition().sql())
            .bind(holder.as_str())
            .fetch_all(&mut *connection)
            .await?;
        rows.iter().map(|row| read(self.sealer(), row)).collect()
    }
}

impl Tx {
    /// Writes what was found about a photo of the locked driver, in the place of what was found
    /// before.
    ///
    /// # Errors
    /// When the database cannot be reached, or the photo is another driver's.
    pub async fn insert_photo_findings(
        &mut self,
        locked: &Locked,
        new: &PhotoFindingsRow,
    ) -> Result<(), StoreError> {
        self.expect_own(TABLE, new.photo.partition())?;
        let sealed = self
            .sealer()
            .seal(&place(locked.holder(), &new.photo), &new.findings)?;
        let written = sqlx::query(
            "INSERT INTO photo_findings (partition, photo_id, holder_id, profile, verdict, findings_sealed, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (partition, photo_id) DO UPDATE SET \
             profile = excluded.profile, verdict = excluded.verdict, findings_sealed = excluded.findings_sealed, \
             created_at = excluded.created_at WHERE photo_findings.holder_id = excluded.holder_id",
        )
        .bind(self.partition().sql())
        .bind(new.photo.as_str())
        .bind(locked.holder().as_str())
        .bind(new.profile.as_str())
        .bind(new.verdict.as_str())
        .bind(sealed)
        .bind(new.created_at.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(written, Conflict::ApplicationState)
    }
}

fn read(sealer: &Sealer, row: &AnyRow) -> Result<PhotoFindingsRow, StoreError> {
    let row = Columns { table: TABLE, row };
    let photo = row.parsed("photo_id", PhotoId::parse)?;
    let holder = row.parsed("holder_id", HolderId::parse)?;
    Ok(PhotoFindingsRow {
        profile: row.named("profile", Profile::parse)?,
        verdict: row.named("verdict", Verdict::parse)?,
        findings: sealer.unseal(&place(&holder, &photo), &row.bytes("findings_sealed")?)?,
        created_at: row.instant("created_at")?,
        photo,
        holder,
    })
}

fn place<'a>(holder: &'a HolderId, photo: &'a PhotoId) -> Place<'a> {
    Place {
        table: TABLE,
        column: "findings_sealed",
        owner: holder.as_str(),
        row: photo.as_str(),
        version: 1,
    }
}
