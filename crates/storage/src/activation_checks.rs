//! Person checks that activate a device (实人认证激活). Anybody begins one, so every request has a row,
//! also for a number that nobody has.

use jiff::Timestamp;
use sqlx::AssertSqlSafe;

use crate::{
    Blind, ClosedCheck, Conflict, HolderId, NewPersonCheck, PersonCheckId, PersonCheckRow, Store,
    StoreError, Tx,
    error::exactly_one,
    person_checks::{SELECT, TABLE, read},
    rows::Columns,
};

/// Why a check is a refusal that was answered and is not judged yet.
const ANSWERED: &str = r#"{"v":1,"codes":["answered"]}"#;

impl Store {
    /// A person check for an activation, and the keyed hash of who was claimed.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn activation_check(
        &self,
        id: &PersonCheckId,
    ) -> Result<Option<(PersonCheckRow, Vec<u8>)>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!("{SELECT} WHERE partition = $1 AND id = $2 AND claim_blind IS NOT NULL");
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(id.partition().sql())
            .bind(id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| {
            let claim = Columns {
                table: TABLE,
                row: &row,
            }
            .bytes("claim_blind")?;
            Ok((read(self.sealer(), &row)?, claim))
        })
        .transpose()
    }
}

impl Tx {
    /// Begins a person check for an activation of `holder`, who is nobody's name where nobody can be
    /// proved.
    ///
    /// # Errors
    /// [`Conflict::PersonCheck`] when there is one of that name.
    pub async fn open_activation_check(
        &mut self,
        holder: &HolderId,
        new: &NewPersonCheck,
        claim: &Blind,
    ) -> Result<(), StoreError> {
        self.expect_own(TABLE, new.id.partition())?;
        self.insert_person_check(holder, new, Some(claim)).await
    }

    /// Open -> answered, in time and once; the same statement for nobody. It comes before the answer is
    /// judged: however many answers come at once, one is looked at. An answered check is refused until
    /// [`Tx::end_activation_check`] says otherwise.
    ///
    /// # Errors
    /// [`Conflict::PersonCheck`] when it was answered, or its time is over.
    pub async fn answer_activation_check(
        &mut self,
        id: &PersonCheckId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE person_checks SET outcome = 'reject', reasons = $4, closed_at = $3 \
             WHERE partition = $1 AND id = $2 AND claim_blind IS NOT NULL AND outcome IS NULL AND expires_at >= $3",
        )
        .bind(self.partition().sql())
        .bind(id.as_str())
        .bind(now.as_microsecond())
        .bind(ANSWERED)
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::PersonCheck)
    }

    /// Answered -> ended, once. Nothing measured is kept.
    ///
    /// # Errors
    /// [`Conflict::PersonCheck`] when it is not answered, or has ended.
    pub async fn end_activation_check(
        &mut self,
        id: &PersonCheckId,
        closed: &ClosedCheck,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE person_checks SET outcome = $3, reasons = $4, closed_at = $5 \
             WHERE partition = $1 AND id = $2 AND claim_blind IS NOT NULL AND reasons = $6",
        )
        .bind(self.partition().sql())
        .bind(id.as_str())
        .bind(closed.outcome.as_str())
        .bind(closed.reasons.as_str())
        .bind(closed.at.as_microsecond())
        .bind(ANSWERED)
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::PersonCheck)
    }

    /// Answered -> open: the answer could not be judged.
    ///
    /// # Errors
    /// As [`Tx::end_activation_check`].
    pub async fn reopen_activation_check(&mut self, id: &PersonCheckId) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE person_checks SET outcome = NULL, reasons = NULL, closed_at = NULL \
             WHERE partition = $1 AND id = $2 AND claim_blind IS NOT NULL AND reasons = $3",
        )
        .bind(self.partition().sql())
        .bind(id.as_str())
        .bind(ANSWERED)
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::PersonCheck)
    }

    /// Makes the person checks for an activation of `holder` that have not ended, whose account is being
    /// frozen, checks of nobody: they can be answered, as before, and prove nobody.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn disown_activation_checks(
        &mut self,
        holder: &HolderId,
        nobody: &HolderId,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE person_checks SET holder_id = $3 \
             WHERE partition = $1 AND holder_id = $2 AND claim_blind IS NOT NULL AND (outcome IS NULL OR reasons = $4)",
        )
        .bind(self.partition().sql())
        .bind(holder.as_str())
        .bind(nobody.as_str())
        .bind(ANSWERED)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
