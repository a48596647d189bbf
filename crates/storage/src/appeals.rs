//! Appeals against rejections (申诉): one for each application, decided by another reviewer.

use jiff::Timestamp;
use licence::Due;
use zeroize::Zeroizing;

use crate::{
    ApplicationId, Conflict, HolderId, Locked, Store, StoreError, Tx,
    applications::due_columns,
    error::{exactly_one, unique},
    rows::Columns,
    seal::Place,
};

/// An appeal as stored. How it stands is the stage of its application.
#[derive(Clone)]
pub struct AppealRow {
    /// Against the rejection of which application.
    pub application: ApplicationId,
    /// Whose.
    pub holder: HolderId,
    /// What the driver says.
    pub text: Zeroizing<String>,
    /// When it was filed.
    pub filed_at: Timestamp,
    /// Who rejected the application.
    pub first_by: String,
    /// When.
    pub first_at: Timestamp,
    /// Why, as JSON.
    pub first_reasons: String,
}

impl std::fmt::Debug for AppealRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppealRow")
            .field("application", &self.application)
            .finish_non_exhaustive()
    }
}

const TABLE: &str = "appeals";

impl Store {
    /// The appeal against the rejection of an application.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn appeal(
        &self,
        application: &ApplicationId,
    ) -> Result<Option<AppealRow>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT application_id, holder_id, text_sealed, filed_at, first_by, first_at, first_reasons FROM appeals \
             WHERE partition = $1 AND application_id = $2",
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
        let sealed = row.bytes("text_sealed")?;
        let text = self
            .sealer()
            .unseal(&place(&holder, application), &sealed)?;
        let text = String::from_utf8(text.to_vec())
            .map_err(|_not_text| row.odd("text_sealed", "is not text"))?;
        Ok(Some(AppealRow {
            application: application.clone(),
            text: Zeroizing::new(text),
            filed_at: row.instant("filed_at")?,
            first_by: row.text("first_by")?,
            first_at: row.instant("first_at")?,
            first_reasons: row.text("first_reasons")?,
            holder,
        }))
    }
}

impl Tx {
    /// Rejected -> under review once more: the appeal keeps the decision against which it is.
    ///
    /// # Errors
    /// [`Conflict::ApplicationState`] when it is not rejected by that officer any more, or was
    /// appealed; [`Conflict::OpenApplication`] when the driver has an open one.
    pub async fn insert_appeal(
        &mut self,
        locked: &Locked,
        appeal: &AppealRow,
        due: Due,
    ) -> Result<(), StoreError> {
        let (due, due_at) = due_columns(due);
        let moved = sqlx::query(
            "UPDATE applications SET stage = 'under-review', reasons = NULL, decided_by = NULL, decided_at = NULL, \
             appealed_from = decided_by, due = $5, due_at = $6 \
             WHERE partition = $1 AND id = $2 AND holder_id = $3 AND stage = 'rejected' AND decided_by = $4 \
             AND appealed_from IS NULL",
        )
        .bind(self.partition().sql())
        .bind(appeal.application.as_str())
        .bind(locked.holder().as_str())
        .bind(appeal.first_by.as_str())
        .bind(due)
        .bind(due_at)
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::OpenApplication))?
        .rows_affected();
        exactly_one(moved, Conflict::ApplicationState)?;
        let sealed = self.sealer().seal(
            &place(locked.holder(), &appeal.application),
            appeal.text.as_bytes(),
        )?;
        sqlx::query(
            "INSERT INTO appeals (partition, application_id, holder_id, text_sealed, filed_at, first_by, first_at, first_reasons) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(self.partition().sql())
        .bind(appeal.application.as_str())
        .bind(locked.holder().as_str())
        .bind(sealed)
        .bind(appeal.filed_at.as_microsecond())
        .bind(appeal.first_by.as_str())
        .bind(appeal.first_at.as_microsecond())
        .bind(appeal.first_reasons.as_str())
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::ApplicationState))?;
        Ok(())
    }
}

fn place<'a>(holder: &'a HolderId, application: &'a ApplicationId) -> Place<'a> {
    Place {
        table: TABLE,
        column: "text_sealed",
        owner: holder.as_str(),
        row: application.as_str(),
        version: 1,
    }
}
