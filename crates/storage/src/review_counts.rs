//! Numbers of the review queues: how much waits, what came and how long decisions took. No persons.

use jiff::Timestamp;
use sqlx::any::AnyRow;

use crate::{Store, StoreError, review_cases::PENDING_CALENDAR, rows::Columns};

/// How an office's queue stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReviewLoad {
    /// Open cases.
    pub open: u64,
    /// Of them, those that nobody holds.
    pub waiting: u64,
    /// Of them, those whose time has passed.
    pub overdue: u64,
    /// Of them, those whose working calendar is missing.
    pub pending_calendar: u64,
}

/// What happened in an office's queue since an instant, and what is due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReviewHistory {
    /// Hours since 1970 (UTC), and how many cases came in each.
    pub arrivals: Vec<(i64, u64)>,
    /// Seconds from claim to decision of the newest decisions, the newest first.
    pub seconds: Vec<u64>,
    /// Instants at which open cases are due, and how many each; none: the calendar is missing.
    pub due: Vec<(Option<Timestamp>, u64)>,
    /// Reviewers who hold a case or decided one since `active_since`.
    pub reviewers: u64,
}

const TABLE: &str = "review_cases";
/// The newest decisions from which the time of one is taken.
const DECISIONS: i64 = 101;

impl Store {
    /// How the queue of an office stands.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn review_load(
        &self,
        office: &str,
        now: Timestamp,
    ) -> Result<ReviewLoad, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT COUNT(*) AS open, COUNT(CASE WHEN claimed_by IS NULL OR lease_until <= $3 THEN 1 END) AS waiting, \
             COUNT(CASE WHEN due_at < $3 AND due_at <> 0 THEN 1 END) AS overdue, \
             COUNT(CASE WHEN due_at = 0 THEN 1 END) AS pending_calendar \
             FROM review_cases WHERE partition = $1 AND office = $2 AND state = 'open'",
        )
        .bind(self.office_partition(office).sql())
        .bind(office)
        .bind(now.as_microsecond())
        .fetch_one(&mut *connection)
        .await?;
        load(&row)
    }

    /// The same of every office that has open cases.
    ///
    /// # Errors
    /// As [`Store::review_load`].
    pub async fn review_loads(
        &self,
        now: Timestamp,
    ) -> Result<Vec<(String, ReviewLoad)>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT office, COUNT(*) AS open, \
             COUNT(CASE WHEN claimed_by IS NULL OR lease_until <= $1 THEN 1 END) AS waiting, \
             COUNT(CASE WHEN due_at < $1 AND due_at <> 0 THEN 1 END) AS overdue, \
             COUNT(CASE WHEN due_at = 0 THEN 1 END) AS pending_calendar \
             FROM review_cases WHERE state = 'open' GROUP BY office ORDER BY office",
        )
        .bind(now.as_microsecond())
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| Ok((Columns { table: TABLE, row }.text("office")?, load(row)?)))
            .collect()
    }

    /// What came to an office and what it decided since `since`, and what is due there now.
    ///
    /// # Errors
    /// As [`Store::review_load`].
    pub async fn review_history(
        &self,
        office: &str,
        since: Timestamp,
        (now, active_since): (Timestamp, Timestamp),
    ) -> Result<ReviewHistory, StoreError> {
        let partition = self.office_partition(office).sql();
        let mut connection = self.reader().await?;
        let arrivals = sqlx::query(
            "SELECT opened_at / 3600000000 AS hour, COUNT(*) AS cases FROM review_cases \
             WHERE partition = $1 AND office = $2 AND opened_at >= $3 GROUP BY opened_at / 3600000000 ORDER BY 1",
        )
        .bind(partition)
        .bind(office)
        .bind(since.as_microsecond())
        .fetch_all(&mut *connection)
        .await?;
        let seconds = sqlx::query(
            "SELECT (decided_at - claimed_at) / 1000000 AS seconds FROM review_cases \
             WHERE partition = $1 AND office = $2 AND decided_at >= $3 AND claimed_at <= decided_at \
             ORDER BY decided_at DESC LIMIT $4",
        )
        .bind(partition)
        .bind(office)
        .bind(since.as_microsecond())
        .bind(DECISIONS)
        .fetch_all(&mut *connection)
        .await?;
        let due = sqlx::query(
            "SELECT due_at, COUNT(*) AS cases FROM review_cases \
             WHERE partition = $1 AND office = $2 AND state = 'open' GROUP BY due_at ORDER BY due_at",
        )
        .bind(partition)
        .bind(office)
        .fetch_all(&mut *connection)
        .await?;
        let reviewers = sqlx::query(
            "SELECT COUNT(DISTINCT claimed_by) AS reviewers FROM review_cases WHERE partition = $1 AND office = $2 \
             AND (state = 'open' AND lease_until > $3 OR state = 'closed' AND decided_at >= $4)",
        )
        .bind(partition)
        .bind(office)
        .bind(now.as_microsecond())
        .bind(active_since.as_microsecond())
        .fetch_one(&mut *connection)
        .await?;
        Ok(ReviewHistory {
            arrivals: each(&arrivals, |row| {
                Ok((row.int("hour")?, row.number("cases")?))
            })?,
            seconds: each(&seconds, |row| row.number("seconds"))?,
            due: each(&due, |row| {
                let at = row.int("due_at")?;
                let known = (at != PENDING_CALENDAR).then(|| row.instant("due_at"));
                Ok((known.transpose()?, row.number("cases")?))
            })?,
            reviewers: Columns {
                table: TABLE,
                row: &reviewers,
            }
            .number("reviewers")?,
        })
    }
}

fn each<T>(
    rows: &[AnyRow],
    read: impl Fn(&Columns<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    rows.iter()
        .map(|row| read(&Columns { table: TABLE, row }))
        .collect()
}

fn load(row: &AnyRow) -> Result<ReviewLoad, StoreError> {
    let row = Columns { table: TABLE, row };
    Ok(ReviewLoad {
        open: row.number("open")?,
        waiting: row.number("waiting")?,
        overdue: row.number("overdue")?,
        pending_calendar: row.number("pending_calendar")?,
    })
}
