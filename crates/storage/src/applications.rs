//! Applications (申领), guarded by state in SQL too.

use jiff::Timestamp;
use licence::{
    Due,
    application::{Kind, PhotoOrigin, Stage},
};
use sqlx::AnyConnection;
use zeroize::Zeroizing;

use crate::{
    ApplicationId, Conflict, ELicenceId, HolderId, Locked, PhotoId, Store, StoreError, Tx,
    error::{exactly_one, unique},
    rows::Columns,
    seal::{Place, Sealer},
};

/// An application to be added, under review at once (the counter's path).
#[derive(Clone, Debug)]
pub struct NewApplication {
    /// Which.
    pub id: ApplicationId,
    /// What for.
    pub kind: Kind,
    /// Where the photo came from.
    pub photo_source: PhotoOrigin,
    /// The office whose queue reviews it.
    pub office: String,
    /// The photo.
    pub photo: PhotoId,
    /// How an officer established identity, as JSON.
    pub identity: Zeroizing<Vec<u8>>,
    /// The officer.
    pub submitted_by: String,
    /// When.
    pub submitted_at: Timestamp,
    /// When the review is due.
    pub due: Due,
}

/// An application as stored.
#[derive(Clone, Debug)]
pub struct ApplicationRow {
    /// Which.
    pub id: ApplicationId,
    /// Whose.
    pub holder: HolderId,
    /// What for.
    pub kind: Kind,
    /// Where it was made: `app` or `counter`.
    pub channel: String,
    /// Where the photo came from.
    pub photo_source: PhotoOrigin,
    /// The office whose queue reviews it.
    pub office: String,
    /// Its stage.
    pub stage: Stage,
    /// The photo.
    pub photo: Option<PhotoId>,
    /// How identity was established, as JSON.
    pub identity: Option<Zeroizing<Vec<u8>>>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// Which text of the photo rules the applicant read, and when.
    pub rules_read: Option<(String, Timestamp)>,
    /// When the applicant confirmed the information, or the photo as it would stand.
    pub confirmed_at: Option<Timestamp>,
    /// When the person check let the applicant go on.
    pub verified_at: Option<Timestamp>,
    /// Who submitted it.
    pub submitted_by: Option<String>,
    /// When it was submitted.
    pub submitted_at: Option<Timestamp>,
    /// When the review is due.
    pub due: Option<Due>,
    /// The reviewer.
    pub decided_by: Option<String>,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// Reasons of a rejection, as JSON.
    pub reasons: Option<String>,
    /// What was issued.
    pub e_licence: Option<ELicenceId>,
    /// When the applicant gave up.
    pub withdrawn_at: Option<Timestamp>,
}

const TABLE: &str = "applications";
const SELECT: &str = "SELECT id, holder_id, kind, channel, photo_source, office, stage, photo_id, identity_sealed, \
     created_at, rules_version, rules_read_at, confirmed_at, verified_at, submitted_by, submitted_at, due, due_at, \
     decided_by, decided_at, reasons, e_licence_id, withdrawn_at FROM applications";

impl Store {
    /// An application.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn application(
        &self,
        id: &ApplicationId,
    ) -> Result<Option<ApplicationRow>, StoreError> {
        let mut connection = self.reader().await?;
        load(&mut connection, self.sealer(), id).await
    }

    /// All applications of a holder, newest first.
    ///
    /// # Errors
    /// As [`Store::application`].
    pub async fn applications_of(
        &self,
        holder: &HolderId,
    ) -> Result<Vec<ApplicationRow>, StoreError> {
        let mut connection = self.reader().await?;
        let text = select(
            " WHERE partition = $1 AND holder_id = $2 ORDER BY created_at DESC, id DESC LIMIT 200",
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(holder.partition().sql())
            .bind(holder.as_str())
            .fetch_all(&mut *connection)
            .await?;
        rows.iter()
            .map(|row| read(self.sealer(), &Columns { table: TABLE, row }))
            .collect()
    }

    /// Applications approved before `before` and not issued yet, of all partitions.
    ///
    /// # Errors
    /// As [`Store::application`].
    pub async fn approved_before(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<ApplicationId>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT id FROM applications WHERE stage = 'approved' AND decided_at < $1 ORDER BY decided_at LIMIT $2",
        )
        .bind(before.as_microsecond())
        .bind(i64::from(limit))
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| Columns { table: TABLE, row }.parsed("id", ApplicationId::parse))
            .collect()
    }
}

impl Tx {
    /// The application as this transaction sees it.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn application(
        &mut self,
        id: &ApplicationId,
    ) -> Result<Option<ApplicationRow>, StoreError> {
        let store = self.store();
        load(self.connection(), store.sealer(), id).await
    }

    /// Adds a counter application, under review.
    ///
    /// # Errors
    /// [`Conflict::OpenApplication`] when the driver has one.
    pub async fn insert_counter_application(
        &mut self,
        locked: &Locked,
        new: &NewApplication,
    ) -> Result<(), StoreError> {
        let sealed = self
            .sealer()
            .seal(&place(locked.holder(), &new.id), &new.identity)?;
        let (due, due_at) = due_columns(new.due);
        sqlx::query(
            "INSERT INTO applications (partition, id, holder_id, kind, channel, photo_source, office, stage, photo_id, \
             identity_sealed, created_at, submitted_by, submitted_at, due, due_at) \
             VALUES ($1, $2, $3, $4, 'counter', $5, $6, 'under-review', $7, $8, $9, $10, $9, $11, $12)",
        )
        .bind(self.partition().sql())
        .bind(new.id.as_str())
        .bind(locked.holder().as_str())
        .bind(new.kind.as_str())
        .bind(new.photo_source.as_str())
        .bind(new.office.as_str())
        .bind(new.photo.as_str())
        .bind(sealed)
        .bind(new.submitted_at.as_microsecond())
        .bind(new.submitted_by.as_str())
        .bind(due)
        .bind(due_at)
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::OpenApplication))?;
        Ok(())
    }

    /// Under review -> approved.
    ///
    /// # Errors
    /// [`Conflict::ApplicationState`] when it is no longer under review.
    pub async fn approve_application(
        &mut self,
        locked: &Locked,
        id: &ApplicationId,
        by: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE applications SET stage = 'approved', decided_by = $4, decided_at = $5 \
             WHERE partition = $1 AND id = $2 AND holder_id = $3 AND stage = 'under-review'",
        )
        .bind(self.partition().sql())
        .bind(id.as_str())
        .bind(locked.holder().as_str())
        .bind(by)
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        expect_one(moved)
    }

    /// `from` -> rejected, with `reasons` as JSON.
    ///
    /// # Errors
    /// [`Conflict::ApplicationState`] when it is no longer in `from`.
    pub async fn reject_application(
        &mut self,
        locked: &Locked,
        (id, from): (&ApplicationId, Stage),
        by: &str,
        reasons: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE applications SET stage = 'rejected', decided_by = $5, decided_at = $6, reasons = $7 \
             WHERE partition = $1 AND id = $2 AND holder_id = $3 AND stage = $4",
        )
        .bind(self.partition().sql())
        .bind(id.as_str())
        .bind(locked.holder().as_str())
        .bind(from.as_str())
        .bind(by)
        .bind(now.as_microsecond())
        .bind(reasons)
        .execute(self.connection())
        .await?
        .rows_affected();
        expect_one(moved)
    }

    /// Approved -> issued.
    ///
    /// # Errors
    /// [`Conflict::ApplicationState`] when it is no longer approved.
    pub async fn mark_issued(
        &mut self,
        locked: &Locked,
        id: &ApplicationId,
        e_licence: &ELicenceId,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE applications SET stage = 'issued', e_licence_id = $4 \
             WHERE partition = $1 AND id = $2 AND holder_id = $3 AND stage = 'approved'",
        )
        .bind(self.partition().sql())
        .bind(id.as_str())
        .bind(locked.holder().as_str())
        .bind(e_licence.as_str())
        .execute(self.connection())
        .await?
        .rows_affected();
        expect_one(moved)
    }
}

/// Exactly one application was in the stage that the act expected.
pub(crate) fn expect_one(moved: u64) -> Result<(), StoreError> {
    exactly_one(moved, Conflict::ApplicationState)
}

/// `due` and `due_at`.
pub(crate) fn due_columns(due: Due) -> (&'static str, Option<i64>) {
    match due {
        Due::At(at) => ("at", Some(at.as_microsecond())),
        Due::PendingCalendar => ("pending-calendar", None),
    }
}

fn select(tail: &str) -> String {
    format!("{SELECT}{tail}")
}

async fn load(
    connection: &mut AnyConnection,
    sealer: &Sealer,
    id: &ApplicationId,
) -> Result<Option<ApplicationRow>, StoreError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(select(
        " WHERE partition = $1 AND id = $2",
    )))
    .bind(id.partition().sql())
    .bind(id.as_str())
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        read(
            sealer,
            &Columns {
                table: TABLE,
                row: &row,
            },
        )
    })
    .transpose()
}

fn read(sealer: &Sealer, row: &Columns<'_>) -> Result<ApplicationRow, StoreError> {
    let id = row.parsed("id", ApplicationId::parse)?;
    let holder = row.parsed("holder_id", HolderId::parse)?;
    let identity = row
        .opt_bytes("identity_sealed")?
        .map(|sealed| sealer.unseal(&place(&holder, &id), &sealed))
        .transpose()?;
    let due = match (row.opt_text("due")?.as_deref(), row.opt_instant("due_at")?) {
        (None, None) => None,
        (Some("at"), Some(at)) => Some(Due::At(at)),
        (Some("pending-calendar"), None) => Some(Due::PendingCalendar),
        _ => return Err(row.odd("due", "contradicts due_at")),
    };
    let rules_read = match (
        row.opt_text("rules_version")?,
        row.opt_instant("rules_read_at")?,
    ) {
        (None, None) => None,
        (Some(version), Some(at)) => Some((version, at)),
        _ => return Err(row.odd("rules_version", "contradicts rules_read_at")),
    };
    Ok(ApplicationRow {
        kind: row.named("kind", Kind::parse)?,
        channel: row.text("channel")?,
        photo_source: row.named("photo_source", PhotoOrigin::parse)?,
        office: row.text("office")?,
        stage: row.named("stage", Stage::parse)?,
        photo: row.opt_parsed("photo_id", PhotoId::parse)?,
        identity,
        created_at: row.instant("created_at")?,
        rules_read,
        confirmed_at: row.opt_instant("confirmed_at")?,
        verified_at: row.opt_instant("verified_at")?,
        submitted_by: row.opt_text("submitted_by")?,
        submitted_at: row.opt_instant("submitted_at")?,
        due,
        decided_by: row.opt_text("decided_by")?,
        decided_at: row.opt_instant("decided_at")?,
        reasons: row.opt_text("reasons")?,
        e_licence: row.opt_parsed("e_licence_id", ELicenceId::parse)?,
        withdrawn_at: row.opt_instant("withdrawn_at")?,
        id,
        holder,
    })
}

fn place<'a>(holder: &'a HolderId, id: &'a ApplicationId) -> Place<'a> {
    Place {
        table: TABLE,
        column: "identity_sealed",
        owner: holder.as_str(),
        row: id.as_str(),
        version: 1,
    }
}
