//! What is kept for a while and then removed: used codes, sessions and devices that ended, request
//! keys, texts that left. The audit is no such thing, and stays.

use jiff::{SignedDuration, Timestamp};
use sqlx::AssertSqlSafe;

use crate::{StoreError, Tx};

/// A table whose rows are over at some time, and how long they are kept from then on.
struct Kept {
    table: &'static str,
    /// The rest of its key after the partition.
    key: &'static str,
    /// When a row was over; NULL while it is not.
    over: &'static str,
    keeps: SignedDuration,
}

const A_DAY: SignedDuration = SignedDuration::from_hours(24);
const A_MONTH: SignedDuration = SignedDuration::from_hours(30 * 24);
/// As long as a complaint about a text, a device or a printed code may take to arrive: what was done is
/// in the audit, these rows say with which phone.
const HALF_A_YEAR: SignedDuration = SignedDuration::from_hours(183 * 24);

const KEPT: [Kept; 6] = [
    // A verifier who is late is told that a code was used or is too old, and not that there was none.
    Kept {
        table: "numeric_codes",
        key: "code_blind",
        over: "expires_at",
        keeps: A_DAY,
    },
    Kept {
        table: "sessions",
        key: "token_hash",
        over: "expires_at",
        keeps: A_DAY,
    },
    // Whoever repeats a request later than this starts it anew; what a second one would do wrong is
    // guarded by its own state.
    Kept {
        table: "idempotency",
        key: "key_blind",
        over: "at",
        keeps: A_MONTH,
    },
    Kept {
        table: "texts",
        key: "id",
        over: "CASE WHEN state <> 'queued' THEN settled_at END",
        keeps: HALF_A_YEAR,
    },
    Kept {
        table: "devices",
        key: "id",
        over: "COALESCE(ended_at, expires_at)",
        keeps: HALF_A_YEAR,
    },
    Kept {
        table: "activation_codes",
        key: "id",
        over: "COALESCE(closed_at, expires_at)",
        keeps: HALF_A_YEAR,
    },
];

/// Rows removed by one statement: others wait for no more.
const AT_ONCE: i64 = 1_000;

impl Tx {
    /// Removes rows of this partition that have been kept long enough, at most a thousand of each
    /// table; answers how many of which, where there were any. As long as one has a thousand there
    /// may be more.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn clear_past(
        &mut self,
        now: Timestamp,
    ) -> Result<Vec<(&'static str, u64)>, StoreError> {
        let mut cleared = Vec::new();
        for Kept {
            table,
            key,
            over,
            keeps,
        } in KEPT
        {
            let before = now.saturating_sub(keeps).unwrap_or(Timestamp::MIN);
            let text = format!(
                "DELETE FROM {table} WHERE partition = $1 AND {key} IN (SELECT {key} FROM {table} \
                 WHERE partition = $1 AND {over} < $2 LIMIT {AT_ONCE})"
            );
            let rows = sqlx::query(AssertSqlSafe(text))
                .bind(self.partition().sql())
                .bind(before.as_microsecond())
                .execute(self.connection())
                .await?
                .rows_affected();
            if rows > 0 {
                cleared.push((table, rows));
            }
        }
        Ok(cleared)
    }
}

/// Whether a table was cut off and may hold more.
#[must_use]
pub fn may_hold_more(cleared: &[(&'static str, u64)]) -> bool {
    let most = AT_ONCE.unsigned_abs();
    cleared.iter().any(|(_, rows)| *rows >= most)
}
