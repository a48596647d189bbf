//! Automatic issues that an officer looks at afterwards (抽查), and the stop of an e-licence while one
//! is objected to.

use jiff::Timestamp;

use crate::{
    ApplicationId, Conflict, ELicenceId, HolderId, Locked, Store, StoreError, Tx,
    error::exactly_one, rows::Columns,
};

/// A sample to be added, open.
#[derive(Clone, Debug)]
pub struct NewIssueSample {
    /// The application that was issued by itself.
    pub application: ApplicationId,
    /// What was issued.
    pub e_licence: ELicenceId,
    /// The office whose queue it goes to.
    pub office: String,
    /// When it was taken.
    pub taken_at: Timestamp,
}

/// A sample as stored.
#[derive(Clone, Debug)]
pub struct IssueSampleRow {
    /// Of which application.
    pub application: ApplicationId,
    /// Whose.
    pub holder: HolderId,
    /// What was issued.
    pub e_licence: ELicenceId,
    /// The office in whose queue it is.
    pub office: String,
    /// How far it is.
    pub state: SampleState,
    /// When it was taken.
    pub taken_at: Timestamp,
    /// Who looked at it.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// Why it was objected to, as JSON.
    pub reasons: Option<String>,
    /// The second officer, where it was objected to.
    pub settled_by: Option<String>,
}

/// How far a sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleState {
    /// Nobody has looked at it.
    Open,
    /// The issue was right.
    Confirmed,
    /// It was not, says one officer: the e-licence is stopped.
    Objected,
    /// It was, says the second officer: the e-licence is as before.
    Lifted,
    /// It was not, says the second too: the e-licence is revoked.
    Revoked,
}

impl SampleState {
    const ALL: [Self; 5] = [
        Self::Open,
        Self::Confirmed,
        Self::Objected,
        Self::Lifted,
        Self::Revoked,
    ];

    /// Its stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Confirmed => "confirmed",
            Self::Objected => "objected",
            Self::Lifted => "lifted",
            Self::Revoked => "revoked",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

const TABLE: &str = "issue_samples";

impl Store {
    /// The sample of an application's issue.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn issue_sample(
        &self,
        application: &ApplicationId,
    ) -> Result<Option<IssueSampleRow>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT application_id, holder_id, e_licence_id, office, state, taken_at, decided_by, decided_at, reasons, \
             settled_by FROM issue_samples WHERE partition = $1 AND application_id = $2",
        )
        .bind(application.partition().sql())
        .bind(application.as_str())
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

    /// Whether an e-licence is stopped because a sample of its issue is objected to.
    ///
    /// # Errors
    /// As [`Store::issue_sample`].
    pub async fn is_objected_to(&self, e_licence: &ELicenceId) -> Result<bool, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT application_id FROM issue_samples WHERE partition = $1 AND e_licence_id = $2 AND state = 'objected'",
        )
        .bind(e_licence.partition().sql())
        .bind(e_licence.as_str())
        .fetch_optional(&mut *connection)
        .await?;
        Ok(row.is_some())
    }
}

impl Tx {
    /// Adds a sample, open.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_issue_sample(
        &mut self,
        locked: &Locked,
        sample: &NewIssueSample,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO issue_samples (partition, application_id, holder_id, e_licence_id, office, state, taken_at) \
             VALUES ($1, $2, $3, $4, $5, 'open', $6)",
        )
        .bind(self.partition().sql())
        .bind(sample.application.as_str())
        .bind(locked.holder().as_str())
        .bind(sample.e_licence.as_str())
        .bind(sample.office.as_str())
        .bind(sample.taken_at.as_microsecond())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Open -> confirmed or, with `reasons` as JSON, objected.
    ///
    /// # Errors
    /// [`Conflict::Sample`] when it is no longer open.
    pub async fn decide_issue_sample(
        &mut self,
        locked: &Locked,
        application: &ApplicationId,
        (by, reasons): (&str, Option<&str>),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let state = if reasons.is_some() {
            SampleState::Objected
        } else {
            SampleState::Confirmed
        };
        let moved = sqlx::query(
            "UPDATE issue_samples SET state = $4, decided_by = $5, decided_at = $6, reasons = $7 \
             WHERE partition = $1 AND application_id = $2 AND holder_id = $3 AND state = 'open'",
        )
        .bind(self.partition().sql())
        .bind(application.as_str())
        .bind(locked.holder().as_str())
        .bind(state.as_str())
        .bind(by)
        .bind(now.as_microsecond())
        .bind(reasons)
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::Sample)
    }

    /// Objected -> lifted or revoked, by an officer other than the first.
    ///
    /// # Errors
    /// [`Conflict::Sample`] when it is not objected to any more, or by the same officer.
    pub async fn settle_issue_sample(
        &mut self,
        locked: &Locked,
        application: &ApplicationId,
        (by, state): (&str, SampleState),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE issue_samples SET state = $4, settled_by = $5, settled_at = $6 \
             WHERE partition = $1 AND application_id = $2 AND holder_id = $3 AND state = 'objected' AND decided_by <> $5",
        )
        .bind(self.partition().sql())
        .bind(application.as_str())
        .bind(locked.holder().as_str())
        .bind(state.as_str())
        .bind(by)
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::Sample)
    }

    /// Active -> stopped, because a sample of its issue is objected to.
    ///
    /// # Errors
    /// [`Conflict::ELicenceState`] when it is not active.
    pub async fn stop_for_sample(
        &mut self,
        locked: &Locked,
        e_licence: &ELicenceId,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE e_licences SET stage = 'stopped' WHERE partition = $1 AND id = $2 AND holder_id = $3 AND stage = 'active'",
        )
        .bind(self.partition().sql())
        .bind(e_licence.as_str())
        .bind(locked.holder().as_str())
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::ELicenceState)
    }

    /// Stopped -> active, once the objection was lifted in this transaction; answers whether it is: a
    /// sanction may stop it still.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn restore_after_sample(
        &mut self,
        locked: &Locked,
        e_licence: &ELicenceId,
    ) -> Result<bool, StoreError> {
        let moved = sqlx::query(
            "UPDATE e_licences SET stage = 'active' WHERE partition = $1 AND id = $2 AND holder_id = $3 \
             AND stage = 'stopped' AND sanction_id IS NULL AND NOT EXISTS (SELECT 1 FROM issue_samples s \
             WHERE s.partition = $1 AND s.e_licence_id = $2 AND s.state = 'objected')",
        )
        .bind(self.partition().sql())
        .bind(e_licence.as_str())
        .bind(locked.holder().as_str())
        .execute(self.connection())
        .await?
        .rows_affected();
        Ok(moved == 1)
    }
}

fn read(row: &Columns<'_>) -> Result<IssueSampleRow, StoreError> {
    Ok(IssueSampleRow {
        application: row.parsed("application_id", ApplicationId::parse)?,
        holder: row.parsed("holder_id", HolderId::parse)?,
        e_licence: row.parsed("e_licence_id", ELicenceId::parse)?,
        office: row.text("office")?,
        state: row.named("state", SampleState::parse)?,
        taken_at: row.instant("taken_at")?,
        decided_by: row.opt_text("decided_by")?,
        decided_at: row.opt_instant("decided_at")?,
        reasons: row.opt_text("reasons")?,
        settled_by: row.opt_text("settled_by")?,
    })
}
