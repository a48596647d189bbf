//! Who holds a case of the review queue, and the loans under which others take cases.

use jiff::{Timestamp, civil::Date};

use crate::{
    ApplicationId, Conflict, LoanRow, Store, StoreError, Tx, error::exactly_one,
    review_loans::LIMITLESS, rows::Columns, store::sql_number,
};

/// Which cases a claim takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Takes {
    /// One that nobody holds. Of two requests of one reviewer at once each gets another.
    Free,
    /// Also one that the reviewer holds already, whose lease begins anew.
    FreeOrOwn,
}

/// A claim of a case.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Who takes it.
    pub reviewer: &'a str,
    /// Which cases.
    pub takes: Takes,
    /// When.
    pub now: Timestamp,
    /// Until when it holds.
    pub until: Timestamp,
    /// The loan under which somebody of another office takes it, and the day in Asia/Shanghai.
    pub loan: Option<(&'a LoanRow, Date)>,
}

impl Tx {
    /// Claims an open case. Under a loan it counts on that day, once.
    ///
    /// # Errors
    /// [`Conflict::Claim`] when it is held by whom the claim does not take it from, the reviewer may not decide it, or it is
    /// closed; [`Conflict::Loan`] when the loan gives no more.
    pub async fn claim_case(
        &mut self,
        application: &ApplicationId,
        claim: &Claim<'_>,
    ) -> Result<(), StoreError> {
        if let Some((loan, day)) = claim.loan {
            self.take_on_loan(application, loan, (day, claim.now))
                .await?;
        }
        let moved = sqlx::query(
            "UPDATE review_cases SET claimed_by = $3, lease_until = $5, \
             claimed_at = CASE WHEN claimed_by = $3 AND lease_until > $4 THEN claimed_at ELSE $4 END, \
             loan_id = $6, loan_day = $7 \
             WHERE partition = $1 AND application_id = $2 AND state = 'open' \
             AND (claimed_by IS NULL OR claimed_by = $8 OR lease_until <= $4) AND (not_by IS NULL OR not_by <> $3)",
        )
        .bind(self.partition().sql())
        .bind(application.as_str())
        .bind(claim.reviewer)
        .bind(claim.now.as_microsecond())
        .bind(claim.until.as_microsecond())
        .bind(claim.loan.map(|(loan, _)| loan.id.as_str()))
        .bind(claim.loan.map(|(_, day)| day.to_string()))
        .bind((claim.takes == Takes::FreeOrOwn).then_some(claim.reviewer))
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::Claim)
    }

    /// Gives a case back that `reviewer` holds.
    ///
    /// # Errors
    /// [`Conflict::Claim`] when the reviewer does not hold it.
    pub async fn release_case(
        &mut self,
        application: &ApplicationId,
        reviewer: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE review_cases SET claimed_by = NULL, lease_until = NULL, claimed_at = NULL \
             WHERE partition = $1 AND application_id = $2 AND state = 'open' AND claimed_by = $3 AND lease_until > $4",
        )
        .bind(self.partition().sql())
        .bind(application.as_str())
        .bind(reviewer)
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::Claim)
    }

    /// Counts a case on its day, unless it was counted then: who took it may have left. The row of
    /// the day is locked first, so that of two at once the second sees what the first took.
    async fn take_on_loan(
        &mut self,
        application: &ApplicationId,
        loan: &LoanRow,
        (day, now): (Date, Timestamp),
    ) -> Result<(), StoreError> {
        let day = day.to_string();
        sqlx::query(
            "INSERT INTO review_loan_days (partition, loan_id, day, taken) VALUES ($1, $2, $3, 0) ON CONFLICT DO NOTHING",
        )
        .bind(self.partition().sql())
        .bind(loan.id.as_str())
        .bind(day.as_str())
        .execute(self.connection())
        .await?;
        let counts = sqlx::query(
            "UPDATE review_loan_days SET taken = taken + CASE WHEN EXISTS (SELECT 1 FROM review_cases c \
             WHERE c.partition = $1 AND c.application_id = $4 AND c.loan_id = $2 AND c.loan_day = $3) THEN 0 ELSE 1 END \
             WHERE partition = $1 AND loan_id = $2 AND day = $3",
        )
        .bind(self.partition().sql())
        .bind(loan.id.as_str())
        .bind(day.as_str())
        .bind(application.as_str())
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(counts, Conflict::Loan)?;
        let row = sqlx::query(
            "SELECT d.taken, (SELECT COUNT(*) FROM review_cases c WHERE c.partition = $1 AND c.office = $4 \
             AND c.state = 'open' AND (c.claimed_by IS NULL OR c.lease_until <= $5)) AS waiting, \
             (SELECT COUNT(*) FROM review_cases c WHERE c.partition = $1 AND c.application_id = $6 \
             AND c.loan_id = $2 AND c.loan_day = $3) AS counted \
             FROM review_loan_days d WHERE d.partition = $1 AND d.loan_id = $2 AND d.day = $3",
        )
        .bind(self.partition().sql())
        .bind(loan.id.as_str())
        .bind(day.as_str())
        .bind(loan.lender.as_str())
        .bind(now.as_microsecond())
        .bind(application.as_str())
        .fetch_one(self.connection())
        .await?;
        let row = Columns {
            table: "review_loan_days",
            row: &row,
        };
        let counted = row.int("counted")? > 0;
        let within = row.int("taken")? <= loan.daily_limit.map_or(LIMITLESS, sql_number);
        let long = loan
            .beyond
            .is_none_or(|beyond| row.int("waiting").is_ok_and(|it| it > sql_number(beyond)));
        if counted || within && long {
            Ok(())
        } else {
            Err(Conflict::Loan.into())
        }
    }
}

impl Store {
    /// How many cases were taken under a loan on a day.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn taken_on_loan(&self, loan: &LoanRow, day: Date) -> Result<u64, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT taken FROM review_loan_days WHERE partition = $1 AND loan_id = $2 AND day = $3",
        )
        .bind(self.office_partition(&loan.lender).sql())
        .bind(loan.id.as_str())
        .bind(day.to_string())
        .fetch_optional(&mut *connection)
        .await?;
        row.map_or(Ok(0), |row| {
            let table = "review_loan_days";
            Columns { table, row: &row }.number("taken")
        })
    }
}
