//! Years of the working calendar that an administrator entered.

use jiff::Timestamp;

use crate::{Store, StoreError, Tx, rows::Columns};

/// A year of the working calendar as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarYear {
    /// The year.
    pub year: i16,
    /// Its days off and make-up days, as JSON.
    pub plan: String,
    /// When it was set.
    pub set_at: Timestamp,
}

impl Store {
    /// The years that were entered, in order.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn calendar_years(&self) -> Result<Vec<CalendarYear>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query("SELECT year, plan, set_at FROM calendar_years ORDER BY year")
            .fetch_all(&mut *connection)
            .await?;
        rows.iter()
            .map(|row| {
                let row = Columns {
                    table: "calendar_years",
                    row,
                };
                Ok(CalendarYear {
                    year: i16::try_from(row.int("year")?)
                        .map_err(|_no_year| row.odd("year", "is no year"))?,
                    plan: row.text("plan")?,
                    set_at: row.instant("set_at")?,
                })
            })
            .collect()
    }
}

impl Tx {
    /// Enters a year; it replaces what was entered for it.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn set_calendar_year(
        &mut self,
        year: i16,
        plan: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO calendar_years (year, plan, set_by, set_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (year) DO UPDATE SET plan = excluded.plan, set_by = excluded.set_by, set_at = excluded.set_at",
        )
        .bind(i64::from(year))
        .bind(plan)
        .bind(by)
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
