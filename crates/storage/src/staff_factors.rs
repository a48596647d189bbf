//! Second factors of staff, their recovery codes, and wishes to reset them.

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::{
    Blind, Conflict, StaffId, Store, StoreError, Tx,
    error::exactly_one,
    rows::Columns,
    seal::{Place, Sealer},
    store::sql_number,
};

/// How far a second factor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorStage {
    /// A secret was made; its first code has not come back yet.
    Pending,
    /// It counts.
    Active,
}

/// A second factor. Its `Debug` form leaves the secret out.
#[derive(Clone)]
pub struct StaffFactor {
    /// How far it is.
    pub stage: FactorStage,
    /// Grows with each secret.
    pub enrolment: u64,
    /// The secret.
    pub secret: Zeroizing<Vec<u8>>,
    /// The newest step whose code was accepted.
    pub last_step: u64,
    /// Wrong codes since the last right one.
    pub wrong_in_row: u64,
    /// Until then no code is looked at.
    pub wait_until: Option<Timestamp>,
}

impl std::fmt::Debug for StaffFactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StaffFactor")
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

/// A wish to reset an administrator's factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactorReset {
    /// Who wished it.
    pub requested_by: String,
    /// Until when another may approve it.
    pub expires_at: Timestamp,
}

const FACTOR: &str = "SELECT stage, enrolment, secret_sealed, last_step, wrong_in_row, wait_until FROM staff_factors WHERE staff_id = $1";

impl Store {
    /// The second factor of a member of staff.
    ///
    /// # Errors
    /// When the database cannot be reached or the secret does not open.
    pub async fn staff_factor(&self, staff: &StaffId) -> Result<Option<StaffFactor>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(FACTOR)
            .bind(staff.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| read(self.sealer(), staff, &columns(&row)))
            .transpose()
    }

    /// The members whose second factor is active.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn staff_with_factor(&self) -> Result<Vec<StaffId>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query("SELECT staff_id FROM staff_factors WHERE stage = 'active'")
            .fetch_all(&mut *connection)
            .await?;
        rows.iter()
            .map(|row| columns(row).parsed("staff_id", StaffId::parse))
            .collect()
    }

    /// The wish to reset a member's factor.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn factor_reset(&self, staff: &StaffId) -> Result<Option<FactorReset>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT requested_by, expires_at FROM staff_factor_resets WHERE staff_id = $1",
        )
        .bind(staff.as_str())
        .fetch_optional(&mut *connection)
        .await?;
        row.map(|row| {
            let row = Columns {
                table: "staff_factor_resets",
                row: &row,
            };
            Ok(FactorReset {
                requested_by: row.text("requested_by")?,
                expires_at: row.instant("expires_at")?,
            })
        })
        .transpose()
    }
}

impl Tx {
    /// Begins a second factor with a new secret, in place of one that is pending.
    ///
    /// # Errors
    /// [`Conflict::SecondFactor`] when one is active, or another secret was made meanwhile.
    pub async fn begin_factor(
        &mut self,
        staff: &StaffId,
        enrolment: u64,
        secret: &[u8],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sealed = self.sealer().seal(&place(staff, enrolment), secret)?;
        let written = sqlx::query(
            "INSERT INTO staff_factors (staff_id, stage, enrolment, secret_sealed, last_step, wrong_in_row, begun_at) \
             VALUES ($1, 'pending', $2, $3, 0, 0, $4) ON CONFLICT (staff_id) DO UPDATE \
             SET enrolment = excluded.enrolment, secret_sealed = excluded.secret_sealed, begun_at = excluded.begun_at \
             WHERE staff_factors.stage = 'pending' AND staff_factors.enrolment < excluded.enrolment",
        )
        .bind(staff.as_str())
        .bind(sql_number(enrolment))
        .bind(sealed)
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        one(written)
    }

    /// The second factor, held until this transaction ends: of many tries at once each sees what
    /// the one before it left.
    ///
    /// # Errors
    /// As [`Store::staff_factor`].
    pub async fn hold_factor(
        &mut self,
        staff: &StaffId,
    ) -> Result<Option<StaffFactor>, StoreError> {
        sqlx::query("UPDATE staff_factors SET last_step = last_step WHERE staff_id = $1")
            .bind(staff.as_str())
            .execute(self.connection())
            .await?;
        let row = sqlx::query(FACTOR)
            .bind(staff.as_str())
            .fetch_optional(self.connection())
            .await?;
        row.map(|row| read(self.sealer(), staff, &columns(&row)))
            .transpose()
    }

    /// Makes a pending factor active with its first code.
    ///
    /// # Errors
    /// [`Conflict::SecondFactor`] when it is not this pending one.
    pub async fn confirm_factor(
        &mut self,
        staff: &StaffId,
        enrolment: u64,
        step: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE staff_factors SET stage = 'active', confirmed_at = $4, last_step = $3, wrong_in_row = 0, wait_until = NULL \
             WHERE staff_id = $1 AND enrolment = $2 AND stage = 'pending'",
        )
        .bind(staff.as_str())
        .bind(sql_number(enrolment))
        .bind(sql_number(step))
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        one(moved)
    }

    /// Uses up a step of an active factor.
    ///
    /// # Errors
    /// [`Conflict::SecondFactor`] when it or a later one was used before.
    pub async fn use_factor_step(&mut self, staff: &StaffId, step: u64) -> Result<(), StoreError> {
        let used = sqlx::query(
            "UPDATE staff_factors SET last_step = $2, wrong_in_row = 0, wait_until = NULL \
             WHERE staff_id = $1 AND stage = 'active' AND last_step < $2",
        )
        .bind(staff.as_str())
        .bind(sql_number(step))
        .execute(self.connection())
        .await?
        .rows_affected();
        one(used)
    }

    /// Counts a wrong code, and sets until when none is looked at.
    ///
    /// # Errors
    /// [`Conflict::SecondFactor`] when there is no such factor any more.
    pub async fn count_wrong_factor(
        &mut self,
        staff: &StaffId,
        wait_until: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let counted = sqlx::query(
            "UPDATE staff_factors SET wrong_in_row = wrong_in_row + 1, wait_until = $2 WHERE staff_id = $1",
        )
        .bind(staff.as_str())
        .bind(wait_until.map(Timestamp::as_microsecond))
        .execute(self.connection())
        .await?
        .rows_affected();
        one(counted)
    }

    /// Removes a member's factor, its recovery codes, and a wish to reset it. Answers whether there
    /// was a factor.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn remove_factor(&mut self, staff: &StaffId) -> Result<bool, StoreError> {
        let mut removed = 0;
        for text in [
            "DELETE FROM staff_recovery_codes WHERE staff_id = $1",
            "DELETE FROM staff_factor_resets WHERE staff_id = $1",
            "DELETE FROM staff_factors WHERE staff_id = $1",
        ] {
            removed = sqlx::query(text)
                .bind(staff.as_str())
                .execute(self.connection())
                .await?
                .rows_affected();
        }
        Ok(removed > 0)
    }

    /// Puts recovery codes in the place of all that a member had.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn replace_recovery_codes(
        &mut self,
        staff: &StaffId,
        codes: &[Blind],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM staff_recovery_codes WHERE staff_id = $1")
            .bind(staff.as_str())
            .execute(self.connection())
            .await?;
        for code in codes {
            sqlx::query(
                "INSERT INTO staff_recovery_codes (staff_id, code_blind, made_at) VALUES ($1, $2, $3)",
            )
            .bind(staff.as_str())
            .bind(code.as_bytes())
            .bind(now.as_microsecond())
            .execute(self.connection())
            .await?;
        }
        Ok(())
    }

    /// Uses a recovery code, which also ends a wait for the factor. Answers how many are left; none
    /// where the code is not one, or was used.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn use_recovery_code(
        &mut self,
        staff: &StaffId,
        code: &Blind,
        now: Timestamp,
    ) -> Result<Option<u64>, StoreError> {
        let used = sqlx::query(
            "UPDATE staff_recovery_codes SET used_at = $3 WHERE staff_id = $1 AND code_blind = $2 AND used_at IS NULL",
        )
        .bind(staff.as_str())
        .bind(code.as_bytes())
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        if used != 1 {
            return Ok(None);
        }
        sqlx::query(
            "UPDATE staff_factors SET wrong_in_row = 0, wait_until = NULL WHERE staff_id = $1",
        )
        .bind(staff.as_str())
        .execute(self.connection())
        .await?;
        let row = sqlx::query(
            "SELECT COUNT(*) AS unused FROM staff_recovery_codes WHERE staff_id = $1 AND used_at IS NULL",
        )
        .bind(staff.as_str())
        .fetch_one(self.connection())
        .await?;
        let row = Columns {
            table: "staff_recovery_codes",
            row: &row,
        };
        row.number("unused").map(Some)
    }

    /// Notes a wish to reset a member's factor, in place of an earlier one.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn request_factor_reset(
        &mut self,
        staff: &StaffId,
        reset: &FactorReset,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO staff_factor_resets (staff_id, requested_by, requested_at, expires_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (staff_id) DO UPDATE SET requested_by = excluded.requested_by, \
             requested_at = excluded.requested_at, expires_at = excluded.expires_at",
        )
        .bind(staff.as_str())
        .bind(reset.requested_by.as_str())
        .bind(now.as_microsecond())
        .bind(reset.expires_at.as_microsecond())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Takes the wish to reset a member's factor that `requested_by` made.
    ///
    /// # Errors
    /// [`Conflict::SecondFactor`] when it is gone or another's.
    pub async fn take_factor_reset(
        &mut self,
        staff: &StaffId,
        requested_by: &str,
    ) -> Result<(), StoreError> {
        let taken = sqlx::query(
            "DELETE FROM staff_factor_resets WHERE staff_id = $1 AND requested_by = $2",
        )
        .bind(staff.as_str())
        .bind(requested_by)
        .execute(self.connection())
        .await?
        .rows_affected();
        one(taken)
    }
}

fn one(touched: u64) -> Result<(), StoreError> {
    exactly_one(touched, Conflict::SecondFactor)
}

fn columns(row: &sqlx::any::AnyRow) -> Columns<'_> {
    Columns {
        table: "staff_factors",
        row,
    }
}

fn read(sealer: &Sealer, staff: &StaffId, row: &Columns<'_>) -> Result<StaffFactor, StoreError> {
    let enrolment = row.number("enrolment")?;
    Ok(StaffFactor {
        stage: row.named("stage", |text| match text {
            "pending" => Some(FactorStage::Pending),
            "active" => Some(FactorStage::Active),
            _ => None,
        })?,
        secret: sealer.unseal(&place(staff, enrolment), &row.bytes("secret_sealed")?)?,
        last_step: row.number("last_step")?,
        wrong_in_row: row.number("wrong_in_row")?,
        wait_until: row.opt_instant("wait_until")?,
        enrolment,
    })
}

fn place(staff: &StaffId, enrolment: u64) -> Place<'_> {
    Place {
        table: "staff_factors",
        column: "secret_sealed",
        owner: staff.as_str(),
        row: staff.as_str(),
        version: enrolment,
    }
}
