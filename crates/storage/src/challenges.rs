//! Requests for a code by phone. Every request has a row, also for a number that nobody has.

use jiff::Timestamp;

use crate::{
    Blind, Conflict, HolderId, Partition, Store, StoreError, Tx,
    error::{exactly_one, unique},
    rows::Columns,
    store::sql_number,
};

/// A request for a code by phone.
#[derive(Clone, Debug)]
pub struct NewChallenge {
    /// Its name here: a hash of the one that the client got.
    pub id: String,
    /// For whom; a name of nobody where no code is to be sent.
    pub holder: HolderId,
    /// Whether a code is to be made and sent.
    pub send: bool,
    /// When.
    pub made_at: Timestamp,
    /// Until when it may be answered.
    pub expires_at: Timestamp,
}

/// A request that waits for its code.
#[derive(Clone, Debug)]
pub struct WaitingChallenge {
    /// Which.
    pub id: String,
    /// For whom.
    pub holder: HolderId,
    /// Until when it may be answered.
    pub expires_at: Timestamp,
}

const TABLE: &str = "phone_challenges";

impl Store {
    /// Requests whose code is to be made and sent, the longest waiting first.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn waiting_challenges(
        &self,
        limit: u32,
    ) -> Result<Vec<WaitingChallenge>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT id, holder_id, expires_at FROM phone_challenges WHERE text_due IS NOT NULL \
             ORDER BY text_due LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| {
                let row = Columns { table: TABLE, row };
                Ok(WaitingChallenge {
                    id: row.text("id")?,
                    holder: row.parsed("holder_id", HolderId::parse)?,
                    expires_at: row.instant("expires_at")?,
                })
            })
            .collect()
    }

    /// Partitions in which requests, freeze links or person checks for an activation lie that were over
    /// before `before`.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn partitions_to_sweep(
        &self,
        before: Timestamp,
    ) -> Result<Vec<Partition>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT partition FROM phone_challenges WHERE expires_at < $1 \
             UNION SELECT partition FROM freeze_links WHERE expires_at < $1 \
             UNION SELECT partition FROM person_checks WHERE application_id IS NULL AND expires_at < $1",
        )
        .bind(before.as_microsecond())
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| Columns { table: TABLE, row }.partition())
            .collect()
    }
}

impl Tx {
    /// Adds a request.
    ///
    /// # Errors
    /// [`Conflict::Request`] when there is one of that name.
    pub async fn insert_challenge(&mut self, new: &NewChallenge) -> Result<(), StoreError> {
        self.expect_own(TABLE, new.holder.partition())?;
        sqlx::query(
            "INSERT INTO phone_challenges (partition, id, holder_id, text_due, made_at, expires_at, attempts) \
             VALUES ($1, $2, $3, $4, $5, $6, 0)",
        )
        .bind(self.partition().sql())
        .bind(new.id.as_str())
        .bind(new.holder.as_str())
        .bind(new.send.then_some(new.made_at.as_microsecond()))
        .bind(new.made_at.as_microsecond())
        .bind(new.expires_at.as_microsecond())
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::Request))?;
        Ok(())
    }

    /// Gives a waiting request its code, or none; whether it was still waiting.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn answer_challenge(
        &mut self,
        id: &str,
        code: Option<&Blind>,
    ) -> Result<bool, StoreError> {
        let moved = sqlx::query(
            "UPDATE phone_challenges SET text_due = NULL, code_blind = $3 \
             WHERE partition = $1 AND id = $2 AND text_due IS NOT NULL",
        )
        .bind(self.partition().sql())
        .bind(id)
        .bind(code.map(Blind::sql))
        .execute(self.connection())
        .await?
        .rows_affected();
        Ok(moved == 1)
    }

    /// Counts a try at a request of `holder` before anybody looks at it, and answers the code's
    /// keyed hash if the request is open, in time, and has one. The try that reaches `most` closes
    /// it; a right one opens it again by [`Tx::use_challenge`]. It is one statement in every case,
    /// and tries at the same request come one after the other.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn try_challenge(
        &mut self,
        id: &str,
        holder: &HolderId,
        most: u64,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let row = sqlx::query(
            "UPDATE phone_challenges SET attempts = attempts + 1, \
             closed_at = CASE WHEN attempts + 1 >= $4 THEN $5 ELSE closed_at END, \
             closed_as = CASE WHEN attempts + 1 >= $4 THEN 'guessed' ELSE closed_as END, \
             text_due = CASE WHEN attempts + 1 >= $4 THEN NULL ELSE text_due END \
             WHERE partition = $1 AND id = $2 AND holder_id = $3 AND closed_at IS NULL AND expires_at > $5 \
             RETURNING code_blind",
        )
        .bind(self.partition().sql())
        .bind(id)
        .bind(holder.as_str())
        .bind(sql_number(most))
        .bind(now.as_microsecond())
        .fetch_optional(self.connection())
        .await?;
        row.map(|row| {
            Columns {
                table: TABLE,
                row: &row,
            }
            .opt_bytes("code_blind")
        })
        .transpose()
        .map(Option::flatten)
    }

    /// The request was answered rightly by the try that this transaction counted.
    ///
    /// # Errors
    /// [`Conflict::ActivationCode`] when there is no such request.
    pub async fn use_challenge(&mut self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE phone_challenges SET closed_at = $3, closed_as = 'used', text_due = NULL \
             WHERE partition = $1 AND id = $2 AND (closed_as IS NULL OR closed_as = 'guessed' AND closed_at = $3)",
        )
        .bind(self.partition().sql())
        .bind(id)
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::ActivationCode)
    }

    /// Ends every open request of `holder`, whose account is being frozen.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_challenges(
        &mut self,
        holder: &HolderId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE phone_challenges SET closed_at = $3, closed_as = 'frozen', text_due = NULL \
             WHERE partition = $1 AND holder_id = $2 AND closed_at IS NULL",
        )
        .bind(self.partition().sql())
        .bind(holder.as_str())
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Removes requests, freeze links and person checks for an activation of this partition that were
    /// over before `before`; how many.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn sweep_challenges(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        let mut swept = 0;
        for text in [
            "DELETE FROM phone_challenges WHERE partition = $1 AND expires_at < $2",
            "DELETE FROM freeze_links WHERE partition = $1 AND expires_at < $2",
            "DELETE FROM person_checks WHERE partition = $1 AND application_id IS NULL AND expires_at < $2",
        ] {
            swept += sqlx::query(text)
                .bind(self.partition().sql())
                .bind(before.as_microsecond())
                .execute(self.connection())
                .await?
                .rows_affected();
        }
        Ok(swept)
    }
}
