//! What must not come alive again when a store is set back to an earlier instant.
//!
//! A store that was set back knows nothing of what was used, ended or handed out since. Whatever
//! works once, or for a while, is ended; places in the status lists that may have been handed out
//! are not handed out again.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::AnyConnection;

use crate::{Partition, Steward, Store, StoreError, audit::Entry, store::sql_number};

/// What may have been handed out since the instant to which the store was set back.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// Places in the status lists, in each partition.
    pub places: u64,
    /// The same where more is known of a partition; the greater counts.
    pub places_of: BTreeMap<Partition, u64>,
}

/// How much was ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended(Vec<(&'static str, u64)>);

/// Tables with what works once or for a while, and how that is ended, `$1` being the instant. Whoever
/// adds such a table adds it here; a test asks of every table whether it belongs here.
const ENDED: &[(&str, &str)] = &[
    ("sessions", "DELETE FROM sessions"),
    (
        "numeric_codes",
        "UPDATE numeric_codes SET used_at = $1 WHERE used_at IS NULL",
    ),
    (
        "activation_codes",
        "UPDATE activation_codes SET closed_at = $1, closed_as = 'replaced' WHERE closed_at IS NULL",
    ),
    (
        "texts",
        "UPDATE texts SET state = 'given-up', last_error = 'set-back', next_at = NULL, \
         params_sealed = NULL, settled_at = $1 WHERE state = 'queued'",
    ),
    ("phone_challenges", "DELETE FROM phone_challenges"),
    // One that ended since must not be told again; the app subscribes anew.
    ("push_subscriptions", "DELETE FROM push_subscriptions"),
    ("staff_sessions", "DELETE FROM staff_sessions"),
    ("staff_recovery_codes", "DELETE FROM staff_recovery_codes"),
    ("staff_factor_resets", "DELETE FROM staff_factor_resets"),
    // A device that was replaced since would present again, and codes that were used since would count
    // once more. Devices bind anew by themselves.
    (
        "bindings",
        "UPDATE bindings SET stage = 'revoked', challenge = NULL, ended_at = $1 \
         WHERE stage IN ('pending', 'active')",
    ),
    // A list that was rejected since must not be activated after all.
    (
        "trust_proposals",
        "UPDATE trust_proposals SET state = 'rejected', settled_by = 'set-back', settled_at = $1 \
         WHERE state = 'open'",
    ),
    // Frames that answered since would answer once more.
    (
        "person_checks",
        "UPDATE person_checks SET outcome = 'expired', reasons = '{\"v\":1,\"codes\":[\"set-back\"]}', closed_at = $1 \
         WHERE outcome IS NULL",
    ),
    // A consent that was withdrawn since must not stand again: it is asked for anew. One to a single
    // check stands for no other, and cannot be withdrawn.
    (
        "face_consents",
        "UPDATE face_consents SET withdrawn_at = $1 WHERE withdrawn_at IS NULL AND check_id IS NULL",
    ),
    ("leases", "DELETE FROM leases"),
    (
        "review_cases",
        "UPDATE review_cases SET claimed_by = NULL, lease_until = NULL WHERE claimed_by IS NOT NULL",
    ),
];

impl Ended {
    /// Table and number of rows.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().copied()
    }

    /// Adds the numbers to an audit entry.
    fn told(&self, entry: Entry) -> Entry {
        self.0
            .iter()
            .fold(entry, |entry, (table, rows)| entry.with(table, *rows))
    }
}

impl Store {
    /// Ends what must not come alive again in a store that was set back by other means than
    /// [`CheckedBackup::restore`](super::CheckedBackup::restore), or whose clock was. Audited as
    /// `act`.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_past(
        &self,
        past: &Past,
        act: &'static str,
        by: &Steward<'_>,
    ) -> Result<Ended, StoreError> {
        let mut tx = self.begin_in(Partition::SYSTEM).await?;
        let ended = end(tx.connection(), past, by.now).await?;
        tx.commit(ended.told(by.entry(act)), Vec::new()).await?;
        Ok(ended)
    }
}

/// Ends it within the caller's transaction.
pub(super) async fn end(
    connection: &mut AnyConnection,
    past: &Past,
    now: Timestamp,
) -> Result<Ended, StoreError> {
    let mut ended = Ended::default();
    for (table, text) in ENDED {
        let mut query = sqlx::query(*text);
        if text.contains("$1") {
            query = query.bind(now.as_microsecond());
        }
        let rows = query.execute(&mut *connection).await?.rows_affected();
        ended.0.push((table, rows));
    }
    for partition in Partition::all() {
        let known = past.places_of.get(&partition).copied().unwrap_or(0);
        sqlx::query("UPDATE status_counters SET next_place = next_place + $2 WHERE partition = $1")
            .bind(partition.sql())
            .bind(sql_number(known.max(past.places)))
            .execute(&mut *connection)
            .await?;
    }
    Ok(ended)
}

/// The audit entry of a restore.
pub(super) fn entry(ended: &Ended, entry: Entry) -> Entry {
    ended.told(entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate;

    /// Tables that are right as they were, each for a reason.
    const KEPT: &[(&str, &str)] = &[
        ("partition_heads", "goes on from where it was"),
        ("audit", "what happened"),
        ("outbox", "what happened"),
        ("follower_cursors", "fits the outbox beside it"),
        ("data_keys", "needed by what is sealed"),
        ("owned_aliases", "names of the drivers there are"),
        ("shared_aliases", "names of the drivers there are"),
        ("drivers", "the registry delivers later versions again"),
        ("photos", "name objects that are in the backup"),
        ("photo_findings", "what was found"),
        ("applications", "go on from where they were"),
        ("appeals", "what happened"),
        ("issue_samples", "go on from where they were"),
        ("photo_comparisons", "what was found"),
        (
            "face_templates",
            "carry their end, and a job erases them then",
        ),
        ("review_loans", "settings of then"),
        ("review_loan_days", "fit the cases beside them"),
        ("calendar_years", "settings of then"),
        ("e_licences", "those that are known"),
        ("sanctions", "go on from where they were"),
        ("sanction_steps", "what happened"),
        ("status_counters", "moved on beside the list"),
        ("credentials", "those that are known"),
        ("status_publications", "fits the outbox beside it"),
        ("status_lists", "published anew where the values are others"),
        ("status_list_forms", "the same"),
        ("credential_forms", "those that are known"),
        ("presentations", "go with their credentials"),
        ("accounts", "passwords of then"),
        ("devices", "known with the password of then only"),
        ("freeze_links", "freezing twice harms nobody"),
        ("staff_factors", "codes of then are over by their time"),
        ("verifications", "what happened"),
        ("notifications", "what happened"),
        ("idempotency", "answers what was answered then"),
        ("offices", "settings of then"),
        ("staff", "settings of then"),
        ("registry_sources", "settings of then"),
        ("rollout_waves", "settings of then"),
        ("signing_keys", "needed by what is signed"),
        ("push_keys", "browsers subscribe for it"),
        ("trust_lists", "those that are known"),
        ("key_distrusts", "those that are known"),
        ("signing_counts", "fits the forms beside it"),
        ("audit_checkpoints", "what happened"),
        ("audit_checkpointed", "fits the checkpoints beside it"),
        ("audit_segments", "what happened"),
        ("reseals", "a pass goes on from where it was"),
        ("blind_indexes", "needed by every look-up"),
        ("layout_keys", "needed by every keyed hash that stays"),
        ("reindexes", "a pass goes on from where it was"),
    ];

    #[test]
    fn every_table_is_ended_or_kept_for_a_reason() {
        let mut judged: Vec<&str> = ENDED.iter().chain(KEPT).map(|(table, _)| *table).collect();
        let mut tables: Vec<String> = migrate::tables(i64::MAX)
            .into_iter()
            .map(|table| table.name)
            .collect();
        judged.sort_unstable();
        tables.sort_unstable();
        assert_eq!(tables, judged);
    }
}
