//! Rules by which one office's cases may be reviewed by another (协办).

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, any::AnyRow};

use crate::{
    Conflict, LoanId, Store, StoreError, Tx, error::exactly_one, rows::Columns, store::sql_number,
};

/// A rule of lending as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoanRow {
    /// Which.
    pub id: LoanId,
    /// The issuing authority whose cases are lent.
    pub lender: String,
    /// The one whose reviewers take them.
    pub borrower: String,
    /// From when.
    pub from: Timestamp,
    /// Until when, not including.
    pub until: Timestamp,
    /// At most so many cases a day.
    pub daily_limit: Option<u64>,
    /// Only while more cases than these wait.
    pub beyond: Option<u64>,
    /// The administrator who set it.
    pub set_by: String,
    /// When.
    pub set_at: Timestamp,
    /// When an administrator ended it.
    pub ended_at: Option<Timestamp>,
}

const TABLE: &str = "review_loans";
const COLUMNS: &str =
    "id, lender, borrower, from_at, until_at, daily_limit, beyond, set_by, set_at, ended_at";
/// More than any office takes on a day.
pub(crate) const LIMITLESS: i64 = i64::MAX;

impl Store {
    /// Every loan, the newest first, at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn loans(&self, limit: u32) -> Result<Vec<LoanRow>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!("SELECT {COLUMNS} FROM review_loans ORDER BY set_at DESC, id LIMIT $1");
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(i64::from(limit))
            .fetch_all(&mut *connection)
            .await?;
        rows.iter().map(read).collect()
    }

    /// The loans by which `borrower` takes cases of others at `now`, the one that ends first before
    /// the others.
    ///
    /// # Errors
    /// As [`Store::loans`].
    pub async fn loans_to(
        &self,
        borrower: &str,
        now: Timestamp,
    ) -> Result<Vec<LoanRow>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!(
            "SELECT {COLUMNS} FROM review_loans WHERE borrower = $1 AND ended_at IS NULL AND from_at <= $2 AND until_at > $2 \
             ORDER BY until_at, id"
        );
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(borrower)
            .bind(now.as_microsecond())
            .fetch_all(&mut *connection)
            .await?;
        rows.iter().map(read).collect()
    }

    /// Every office that ever lent to `borrower`: who took a case keeps it when the loan has ended.
    ///
    /// # Errors
    /// As [`Store::loans`].
    pub async fn lenders_to(&self, borrower: &str) -> Result<Vec<String>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT DISTINCT lender FROM review_loans WHERE borrower = $1 ORDER BY lender",
        )
        .bind(borrower)
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| Columns { table: TABLE, row }.text("lender"))
            .collect()
    }

    /// A loan.
    ///
    /// # Errors
    /// As [`Store::loans`].
    pub async fn loan(&self, id: &LoanId) -> Result<Option<LoanRow>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!("SELECT {COLUMNS} FROM review_loans WHERE id = $1");
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.as_ref().map(read).transpose()
    }
}

impl Tx {
    /// Adds a loan.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_loan(&mut self, loan: &LoanRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO review_loans (id, lender, borrower, from_at, until_at, daily_limit, beyond, set_by, set_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(loan.id.as_str())
        .bind(loan.lender.as_str())
        .bind(loan.borrower.as_str())
        .bind(loan.from.as_microsecond())
        .bind(loan.until.as_microsecond())
        .bind(loan.daily_limit.map(sql_number))
        .bind(loan.beyond.map(sql_number))
        .bind(loan.set_by.as_str())
        .bind(loan.set_at.as_microsecond())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Ends a loan before its time.
    ///
    /// # Errors
    /// [`Conflict::Loan`] when it was ended already.
    pub async fn end_loan(
        &mut self,
        id: &LoanId,
        by: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE review_loans SET ended_by = $2, ended_at = $3 WHERE id = $1 AND ended_at IS NULL",
        )
        .bind(id.as_str())
        .bind(by)
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::Loan)
    }
}

fn read(row: &AnyRow) -> Result<LoanRow, StoreError> {
    let row = Columns { table: TABLE, row };
    Ok(LoanRow {
        id: row.parsed("id", LoanId::parse)?,
        lender: row.text("lender")?,
        borrower: row.text("borrower")?,
        from: row.instant("from_at")?,
        until: row.instant("until_at")?,
        daily_limit: row.opt_number("daily_limit")?,
        beyond: row.opt_number("beyond")?,
        set_by: row.text("set_by")?,
        set_at: row.instant("set_at")?,
        ended_at: row.opt_instant("ended_at")?,
    })
}
