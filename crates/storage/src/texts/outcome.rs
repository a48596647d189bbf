//! What came of a text: written by whoever claimed it, or as the gateway says later.

use jiff::Timestamp;

use super::{TABLE, TextState, TextToSend};
use crate::{Conflict, StoreError, TextId, Tx, error::exactly_one, store::sql_number};

/// What came of sending a text, or of waiting for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextOutcome {
    /// The gateway took it.
    Sent {
        /// The gateway's own name for it.
        reference: Option<String>,
    },
    /// It arrived.
    Delivered {
        /// The gateway's own name for it.
        reference: Option<String>,
    },
    /// The gateway will not deliver it.
    Failed {
        /// Stable code.
        error: &'static str,
    },
    /// It is tried again.
    Deferred {
        /// Stable code.
        error: &'static str,
        /// When.
        next_at: Timestamp,
    },
    /// It is not tried again.
    GivenUp {
        /// Stable code.
        error: &'static str,
    },
}

impl Tx {
    /// Records what came of a claimed text.
    ///
    /// # Errors
    /// [`Conflict::Text`] when the lease ended and another node took it, or it left the queue.
    pub async fn settle_text(
        &mut self,
        text: &TextToSend,
        outcome: &TextOutcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write_outcome(&text.id, outcome, Some(text.attempt), now)
            .await
    }

    /// Records what the gateway says later of a text that it took, also where this system does not
    /// know that it did. Of a push it says nothing.
    ///
    /// # Errors
    /// [`Conflict::Text`] when there is no such text, or its last state was reached before.
    pub async fn report_text(
        &mut self,
        id: &TextId,
        outcome: &TextOutcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write_outcome(id, outcome, None, now).await
    }

    async fn write_outcome(
        &mut self,
        id: &TextId,
        outcome: &TextOutcome,
        attempt: Option<u64>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.expect_own(TABLE, id.partition())?;
        let Written {
            state,
            error,
            reference,
            next_at,
        } = Written::of(outcome);
        // The attempt is the fence: a sender whose lease ended changes nothing.
        let moved = sqlx::query(
            "UPDATE texts SET state = $3, next_at = $4, last_error = COALESCE($5, last_error), \
             gateway_ref = COALESCE($6, gateway_ref), settled_at = $7, \
             params_sealed = CASE WHEN $3 = 'queued' THEN params_sealed ELSE NULL END \
             WHERE partition = $1 AND id = $2 AND (state = 'queued' AND attempts = $8 \
             OR $8 IS NULL AND channel = 'sms' AND state IN ('queued', 'sent'))",
        )
        .bind(id.partition().sql())
        .bind(id.as_str())
        .bind(state.as_str())
        .bind(next_at.map(Timestamp::as_microsecond))
        .bind(error)
        .bind(reference)
        .bind(now.as_microsecond())
        .bind(attempt.map(sql_number))
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::Text)
    }
}

/// An outcome as columns.
struct Written<'a> {
    state: TextState,
    error: Option<&'static str>,
    reference: Option<&'a str>,
    next_at: Option<Timestamp>,
}

impl<'a> Written<'a> {
    fn of(outcome: &'a TextOutcome) -> Self {
        let (state, error, reference, next_at) = match outcome {
            TextOutcome::Sent { reference } => (TextState::Sent, None, reference.as_deref(), None),
            TextOutcome::Delivered { reference } => {
                (TextState::Delivered, None, reference.as_deref(), None)
            }
            TextOutcome::Failed { error } => (TextState::Failed, Some(*error), None, None),
            TextOutcome::GivenUp { error } => (TextState::GivenUp, Some(*error), None, None),
            TextOutcome::Deferred { error, next_at } => {
                (TextState::Queued, Some(*error), None, Some(*next_at))
            }
        };
        Self {
            state,
            error,
            reference,
            next_at,
        }
    }
}
