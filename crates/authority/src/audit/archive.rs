//! Closed segments: old rows leave the table for the object store and stay verifiable.

use jiff::{SignedDuration, Timestamp};
use storage::{AuditHead, Partition, audit::AuditRow};

use crate::{Act, Actor, Authority, Error, refusal};

/// The job's lease, and how long a node that died keeps others from it.
const LEASE: &str = "audit-archive";
const LEASE_LASTS: SignedDuration = SignedDuration::from_secs(60);
/// Rows of a segment at most. Verification holds one segment of each partition in memory.
const SEGMENT_ROWS: u32 = 500;

impl Authority {
    /// Moves the audit rows that were written before `before` to the object store, as far as the
    /// newest checkpoint covers them; answers how many. `node` names this node: another's lease
    /// makes it answer 0. Only the system itself or the operator's command line may.
    ///
    /// # Errors
    /// When the store fails, or [`refusal::AUDIT_BROKEN`] when rows do not follow each other: then
    /// they stay where they are. What was moved is moved, the next call goes on.
    pub async fn archive_audit(
        &self,
        act: &Act,
        node: &str,
        before: Timestamp,
    ) -> Result<u64, Error> {
        let Actor::System(_) = act.actor else {
            return Err(refusal::NOT_YOUR_ROLE.into());
        };
        let until = act.now.saturating_add(LEASE_LASTS).unwrap_or(act.now);
        let mut moved = 0_u64;
        for covered in self.store().checkpointed_heads().await? {
            while self.store().lease(LEASE, node, act.now, until).await? {
                match self.archive_segment(act, &covered, before).await? {
                    0 => break,
                    rows => moved = moved.saturating_add(rows),
                }
            }
        }
        Ok(moved)
    }

    async fn archive_segment(
        &self,
        act: &Act,
        covered: &AuditHead,
        before: Timestamp,
    ) -> Result<u64, Error> {
        let partition = covered.partition;
        let last = self.store().newest_audit_segment(partition).await?;
        let (after, previous) = last.map_or_else(
            || (0, vec![0; 32]),
            |segment| (segment.to, segment.last_hash),
        );
        let mut rows = self
            .store()
            .audit_after(partition, after, SEGMENT_ROWS)
            .await?;
        // Nothing is closed that a signature does not cover: it could still be taken for cut.
        let open = rows
            .iter()
            .position(|row| row.at >= before || row.seq > covered.seq);
        rows.truncate(open.unwrap_or(rows.len()));
        check(partition, after, &previous, &rows)?;
        let Some(segment) = self.store().write_segment(&previous, &rows).await? else {
            return Ok(0);
        };
        let mut tx = self.store().begin_in(partition).await?;
        tx.close_segment(&segment).await?;
        let entry = act
            .entry("audit.archived")
            .with("from", segment.from)
            .with("to", segment.to)
            .with("object", segment.object.as_str());
        tx.commit(entry, Vec::new()).await?;
        Ok(segment.to.saturating_sub(after))
    }
}

/// What is broken stays in the table, where it can be looked at.
fn check(
    partition: Partition,
    after: u64,
    previous: &[u8],
    rows: &[AuditRow],
) -> Result<(), Error> {
    let mut previous = previous;
    for (seq, row) in (after.saturating_add(1)..).zip(rows) {
        if row.seq != seq || row.hash != row.chained(previous) {
            tracing::error!(partition = partition.number(), seq, "the audit is broken");
            return Err(refusal::AUDIT_BROKEN.into());
        }
        previous = &row.hash;
    }
    Ok(())
}
