//! The review queue, keyed by office and filled from the outbox.

use jiff::{Timestamp, civil::Date};
use sqlx::AssertSqlSafe;

use crate::{
    ApplicationId, Conflict, LoanId, Partition, Store, StoreError, rows::Columns, store::sql_number,
};

/// A case in an office's queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewCase {
    /// The application to review.
    pub application: ApplicationId,
    /// The office.
    pub office: String,
    /// What is to be decided about it.
    pub kind: CaseKind,
    /// An officer who may not decide it.
    pub not_by: Option<String>,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// When it is due; none while the working calendar is missing (those come first).
    pub due_at: Option<Timestamp>,
    /// Who holds it.
    pub claimed_by: Option<String>,
    /// Until when.
    pub lease_until: Option<Timestamp>,
    /// The loan under which it was taken last, and the day.
    pub loan: Option<(LoanId, Date)>,
}

/// What is to be decided about an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseKind {
    /// Whether it is approved.
    Application,
    /// The same once more, after an appeal (申诉).
    Appeal,
    /// Whether its automatic issue was right (抽查).
    Sample,
    /// Whether an objection to that was right.
    Objection,
}

/// What an event says of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseChange {
    /// The application.
    pub application: ApplicationId,
    /// The office.
    pub office: String,
    /// What is to be decided.
    pub kind: CaseKind,
    /// An officer who may not decide it.
    pub not_by: Option<String>,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// When it is due; none while the working calendar is missing.
    pub due_at: Option<Timestamp>,
    /// How it stands now.
    pub stands: Stands,
    /// When it came to stand so.
    pub at: Timestamp,
}

/// How a case stands after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// It waits; whoever holds it goes on to.
    Open,
    /// It waits for something else to be decided than before: nobody holds it.
    Anew,
    /// A decision closed it.
    Decided,
    /// It was closed otherwise, or never waited.
    Closed,
}

const TABLE: &str = "review_cases";
const COLUMNS: &str = "application_id, office, kind, not_by, submitted_at, due_at, claimed_by, lease_until, \
     loan_id, loan_day";
/// `due_at` of a case whose working calendar is missing: before all others.
pub(crate) const PENDING_CALENDAR: i64 = 0;

impl CaseKind {
    const ALL: [Self; 4] = [
        Self::Application,
        Self::Appeal,
        Self::Sample,
        Self::Objection,
    ];

    /// Its stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Appeal => "appeal",
            Self::Sample => "sample",
            Self::Objection => "objection",
        }
    }

    /// The kind with this text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl Store {
    /// The partition in which an office's queue lies.
    #[must_use]
    pub fn office_partition(&self, office: &str) -> Partition {
        Partition::of_holders(self.blind("office", office.as_bytes()).first())
    }

    /// The open cases of an office, by deadline.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn open_cases(
        &self,
        office: &str,
        limit: u32,
    ) -> Result<Vec<ReviewCase>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!(
            "SELECT {COLUMNS} FROM review_cases WHERE partition = $1 AND office = $2 AND state = 'open' \
             ORDER BY due_at, submitted_at, application_id LIMIT $3"
        );
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(self.office_partition(office).sql())
            .bind(office)
            .bind(i64::from(limit))
            .fetch_all(&mut *connection)
            .await?;
        read_all(&rows)
    }

    /// Those of them that `reviewer` can claim at `now`: nobody holds them, and the reviewer is not
    /// the one who may not decide them.
    ///
    /// # Errors
    /// As [`Store::open_cases`].
    pub async fn free_cases(
        &self,
        office: &str,
        reviewer: &str,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<ReviewCase>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!(
            "SELECT {COLUMNS} FROM review_cases WHERE partition = $1 AND office = $2 AND state = 'open' \
             AND (claimed_by IS NULL OR lease_until <= $4) AND (not_by IS NULL OR not_by <> $3) \
             ORDER BY due_at, submitted_at, application_id LIMIT $5"
        );
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(self.office_partition(office).sql())
            .bind(office)
            .bind(reviewer)
            .bind(now.as_microsecond())
            .bind(i64::from(limit))
            .fetch_all(&mut *connection)
            .await?;
        read_all(&rows)
    }

    /// The cases of an office that `reviewer` holds at `now`, by deadline.
    ///
    /// # Errors
    /// As [`Store::open_cases`].
    pub async fn cases_held(
        &self,
        office: &str,
        reviewer: &str,
        now: Timestamp,
    ) -> Result<Vec<ReviewCase>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!(
            "SELECT {COLUMNS} FROM review_cases WHERE partition = $1 AND office = $2 AND state = 'open' \
             AND claimed_by = $3 AND lease_until > $4 ORDER BY due_at, submitted_at, application_id LIMIT 200"
        );
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(self.office_partition(office).sql())
            .bind(office)
            .bind(reviewer)
            .bind(now.as_microsecond())
            .fetch_all(&mut *connection)
            .await?;
        read_all(&rows)
    }

    /// How many open cases an office has, counted up to `most`.
    ///
    /// # Errors
    /// As [`Store::open_cases`].
    pub async fn count_open_cases(&self, office: &str, most: u32) -> Result<u64, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT COUNT(*) AS cases FROM (SELECT application_id FROM review_cases \
             WHERE partition = $1 AND office = $2 AND state = 'open' LIMIT $3) open_cases",
        )
        .bind(self.office_partition(office).sql())
        .bind(office)
        .bind(i64::from(most))
        .fetch_one(&mut *connection)
        .await?;
        Columns {
            table: TABLE,
            row: &row,
        }
        .number("cases")
    }

    /// The open case of an application in an office's queue.
    ///
    /// # Errors
    /// As [`Store::open_cases`].
    pub async fn open_case(
        &self,
        office: &str,
        application: &ApplicationId,
    ) -> Result<Option<ReviewCase>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!(
            "SELECT {COLUMNS} FROM review_cases WHERE partition = $1 AND application_id = $2 AND office = $3 AND state = 'open'"
        );
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(self.office_partition(office).sql())
            .bind(application.as_str())
            .bind(office)
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

    /// How far the durable follower `name` has come in each partition.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn cursors(&self, name: &str) -> Result<Vec<(Partition, u64)>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query("SELECT partition, seq FROM follower_cursors WHERE follower = $1")
            .bind(name)
            .fetch_all(&mut *connection)
            .await?;
        rows.iter()
            .map(|row| {
                let row = Columns {
                    table: "follower_cursors",
                    row,
                };
                Ok((row.partition()?, row.number("seq")?))
            })
            .collect()
    }

    /// Applies what events of `partition` say of cases, and moves the follower's cursor there from
    /// `from` to `to`, all at once.
    ///
    /// # Errors
    /// [`Conflict::Cursor`] when another node moved it first.
    pub async fn project_cases(
        &self,
        follower: &str,
        partition: Partition,
        (from, to): (u64, u64),
        changes: &[CaseChange],
    ) -> Result<(), StoreError> {
        let mut tx = self.inner.database.begin().await?;
        let moved = if from == 0 {
            sqlx::query("INSERT INTO follower_cursors (partition, follower, seq) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                .bind(partition.sql())
                .bind(follower)
                .bind(sql_number(to))
        } else {
            sqlx::query("UPDATE follower_cursors SET seq = $3 WHERE partition = $1 AND follower = $2 AND seq = $4")
                .bind(partition.sql())
                .bind(follower)
                .bind(sql_number(to))
                .bind(sql_number(from))
        }
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if moved != 1 {
            return Err(Conflict::Cursor.into());
        }
        for change in changes {
            let partition = self.office_partition(&change.office);
            let due_at = change.due_at.map(Timestamp::as_microsecond);
            let mut query = sqlx::query(change.statement())
                .bind(partition.sql())
                .bind(change.application.as_str())
                .bind(change.office.as_str())
                .bind(change.kind.as_str())
                .bind(change.not_by.as_deref())
                .bind(change.submitted_at.as_microsecond())
                .bind(due_at.unwrap_or(PENDING_CALENDAR));
            if change.stands != Stands::Closed {
                query = query.bind(change.at.as_microsecond());
            }
            query.execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// Who held it goes on to, unless it was closed in between.
const OPEN: &str = "INSERT INTO review_cases (partition, application_id, office, state, kind, not_by, submitted_at, due_at, opened_at) \
     VALUES ($1, $2, $3, 'open', $4, $5, $6, $7, $8) \
     ON CONFLICT (partition, application_id) DO UPDATE SET state = 'open', kind = excluded.kind, \
     not_by = excluded.not_by, submitted_at = excluded.submitted_at, due_at = excluded.due_at, \
     opened_at = CASE WHEN review_cases.state = 'open' THEN review_cases.opened_at ELSE excluded.opened_at END, \
     claimed_by = CASE WHEN review_cases.state = 'open' THEN review_cases.claimed_by END, \
     lease_until = CASE WHEN review_cases.state = 'open' THEN review_cases.lease_until END, \
     claimed_at = CASE WHEN review_cases.state = 'open' THEN review_cases.claimed_at END";
/// Something else is to be decided: it comes anew, and nobody holds it.
const ANEW: &str = "INSERT INTO review_cases (partition, application_id, office, state, kind, not_by, submitted_at, due_at, opened_at) \
     VALUES ($1, $2, $3, 'open', $4, $5, $6, $7, $8) \
     ON CONFLICT (partition, application_id) DO UPDATE SET state = 'open', kind = excluded.kind, \
     not_by = excluded.not_by, submitted_at = excluded.submitted_at, due_at = excluded.due_at, \
     opened_at = excluded.opened_at, claimed_by = NULL, lease_until = NULL, claimed_at = NULL, loan_id = NULL, loan_day = NULL";
/// What closes is as it was last; what follows a decision does not decide it once more.
const DECIDED: &str = "INSERT INTO review_cases (partition, application_id, office, state, kind, not_by, submitted_at, due_at, decided_at) \
     VALUES ($1, $2, $3, 'closed', $4, $5, $6, $7, $8) \
     ON CONFLICT (partition, application_id) DO UPDATE SET state = 'closed', \
     decided_at = CASE WHEN review_cases.state = 'open' THEN excluded.decided_at ELSE review_cases.decided_at END";
const CLOSED: &str = "INSERT INTO review_cases (partition, application_id, office, state, kind, not_by, submitted_at, due_at) \
     VALUES ($1, $2, $3, 'closed', $4, $5, $6, $7) \
     ON CONFLICT (partition, application_id) DO UPDATE SET state = 'closed'";

impl CaseChange {
    const fn statement(&self) -> &'static str {
        match self.stands {
            Stands::Open => OPEN,
            Stands::Anew => ANEW,
            Stands::Decided => DECIDED,
            Stands::Closed => CLOSED,
        }
    }
}

fn read_all(rows: &[sqlx::any::AnyRow]) -> Result<Vec<ReviewCase>, StoreError> {
    rows.iter()
        .map(|row| read(&Columns { table: TABLE, row }))
        .collect()
}

fn read(row: &Columns<'_>) -> Result<ReviewCase, StoreError> {
    let due_at = row.int("due_at")?;
    let loan = row.opt_parsed("loan_id", LoanId::parse)?;
    let day = row.opt_parsed("loan_day", str::parse::<Date>)?;
    Ok(ReviewCase {
        application: row.parsed("application_id", ApplicationId::parse)?,
        office: row.text("office")?,
        kind: row.named("kind", CaseKind::parse)?,
        not_by: row.opt_text("not_by")?,
        submitted_at: row.instant("submitted_at")?,
        due_at: (due_at != PENDING_CALENDAR)
            .then(|| row.instant("due_at"))
            .transpose()?,
        claimed_by: row.opt_text("claimed_by")?,
        lease_until: row.opt_instant("lease_until")?,
        loan: loan.zip(day),
    })
}
