//! Clearing what was kept long enough (see `storage::retention`).

use jiff::SignedDuration;
use storage::{Partition, may_hold_more};

use crate::{Act, Authority, Error};

/// Who clears keeps the others, and itself started anew, from it for so long: it reads whole tables,
/// and once a day is enough.
const LEASE: SignedDuration = SignedDuration::from_hours(20);

impl Authority {
    /// Removes, in every partition, codes, sessions, devices, request keys and texts that were over
    /// long enough ago; answers how many rows. One node at a time does it, and each partition's audit
    /// says what was removed there.
    ///
    /// # Errors
    /// When the store fails; what is left is done by the next run.
    pub async fn clear_past(&self, act: &Act, node: &str) -> Result<u64, Error> {
        let until = act.now.saturating_add(LEASE).unwrap_or(act.now);
        if !self
            .store()
            .lease("clear-past", node, act.now, until)
            .await?
        {
            return Ok(0);
        }
        let mut removed = 0_u64;
        for partition in Partition::all() {
            loop {
                let mut tx = self.store().begin_in(partition).await?;
                let cleared = tx.clear_past(act.now).await?;
                if cleared.is_empty() {
                    break;
                }
                let entry = cleared
                    .iter()
                    .fold(act.entry("past.cleared"), |entry, (table, rows)| {
                        entry.with(table, *rows)
                    });
                tx.commit(entry, Vec::new()).await?;
                removed = cleared
                    .iter()
                    .fold(removed, |sum, (_, rows)| sum.saturating_add(*rows));
                if !may_hold_more(&cleared) {
                    break;
                }
            }
        }
        Ok(removed)
    }
}
