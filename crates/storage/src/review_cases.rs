//! The review queue, keyed by office and filled from the outbox.

use jiff::Timestamp;

use crate::{
    ApplicationId, Conflict, Partition, Store, StoreError, Tx, error::exactly_one, rows::Columns,
    store::sql_number,
};

/// A case in an office's queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewCase {
    /// The application to review.
    pub application: ApplicationId,
    /// The office.
    pub office: String,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// When it is due; none while the working calendar is missing (those come first).
    pub due_at: Option<Timestamp>,
    /// Who holds it.
    pub claimed_by: Option<String>,
    /// Until when.
    pub lease_until: Option<Timestamp>,
}

const TABLE: &str = "review_cases";
const COLUMNS: &str = "application_id, office, submitted_at, due_at, claimed_by, lease_until";
/// `due_at` of a case whose working calendar is missing: before all others.
const PENDING_CALENDAR: i64 = 0;

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
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(self.office_partition(office).sql())
            .bind(office)
            .bind(i64::from(limit))
            .fetch_all(&mut *connection)
            .await?;
        rows.iter()
            .map(|row| read(&Columns { table: TABLE, row }))
            .collect()
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
        let row = sqlx::query(sqlx::AssertSqlSafe(text))
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

    /// Applies cases that events of `partition` opened (and whether each is still open), and moves
    /// the follower's cursor there from `from` to `to`, all at once.
    ///
    /// # Errors
    /// [`Conflict::Cursor`] when another node moved it first.
    pub async fn project_cases(
        &self,
        follower: &str,
        partition: Partition,
        (from, to): (u64, u64),
        cases: &[(ReviewCase, bool)],
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
        for (case, open) in cases {
            sqlx::query(
                "INSERT INTO review_cases (partition, application_id, office, state, submitted_at, due_at) \
                 VALUES ($1, $2, $3, $4, $5, $6) \
                 ON CONFLICT (partition, application_id) DO UPDATE SET state = excluded.state",
            )
            .bind(self.office_partition(&case.office).sql())
            .bind(case.application.as_str())
            .bind(case.office.as_str())
            .bind(if *open { "open" } else { "closed" })
            .bind(case.submitted_at.as_microsecond())
            .bind(case.due_at.map_or(PENDING_CALENDAR, Timestamp::as_microsecond))
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

impl Tx {
    /// Claims an open case for `reviewer` until `until`; the same reviewer may renew.
    ///
    /// # Errors
    /// [`Conflict::Claim`] when somebody else holds it or it is closed.
    pub async fn claim_case(
        &mut self,
        application: &ApplicationId,
        reviewer: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE review_cases SET claimed_by = $3, lease_until = $5 \
             WHERE partition = $1 AND application_id = $2 AND state = 'open' \
             AND (claimed_by IS NULL OR claimed_by = $3 OR lease_until <= $4)",
        )
        .bind(self.partition().sql())
        .bind(application.as_str())
        .bind(reviewer)
        .bind(now.as_microsecond())
        .bind(until.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::Claim)
    }
}

fn read(row: &Columns<'_>) -> Result<ReviewCase, StoreError> {
    let due_at = row.int("due_at")?;
    Ok(ReviewCase {
        application: row.parsed("application_id", ApplicationId::parse)?,
        office: row.text("office")?,
        submitted_at: row.instant("submitted_at")?,
        due_at: (due_at != PENDING_CALENDAR)
            .then(|| row.instant("due_at"))
            .transpose()?,
        claimed_by: row.opt_text("claimed_by")?,
        lease_until: row.opt_instant("lease_until")?,
    })
}
