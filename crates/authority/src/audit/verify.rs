//! Verification of the whole audit: checkpoints in their order, every row that they vouch for, the
//! witness beside them, and the heads at the end.

use std::{collections::BTreeMap, path::PathBuf};

use credential::{KeyState, NumericDate, VerifiedTrustList};
use storage::{CheckpointRow, Partition, Store, StoreError};

use super::{
    checkpoint::{Checkpoint, Hash, Head, Heads},
    report::{AuditFault, AuditFinding, AuditReport},
    walk::{Signed, Stop, Walker},
    witness::Lines,
};
use crate::{Authority, Error};

/// Checkpoints read at once.
const BATCH: u32 = 50;

/// What the audit is checked against, besides itself.
#[derive(Clone, Debug, Default)]
pub struct AuditCheck {
    /// A file of checkpoints that were pushed out of the reach of the database.
    pub witness: Option<PathBuf>,
    /// A trust list that came by another way. Without it the one in the database counts, and
    /// whoever can write there could have put their own key into it.
    pub trust: Option<VerifiedTrustList>,
}

struct Verification<'a> {
    store: &'a Store,
    trust: Option<&'a VerifiedTrustList>,
    witness: Option<Lines>,
    walkers: Vec<Walker>,
    heads: Heads,
    /// Number and hash of the newest checkpoint, and whether its key is still trusted.
    number: u64,
    previous: Hash,
    revoked: bool,
    report: AuditReport,
}

impl Authority {
    /// Checks the audit from its first row to its heads and names the first place that is not as it
    /// was written. It reads alone and may run beside a server.
    ///
    /// # Errors
    /// When the store or the witness cannot be read: then nothing is said about the audit.
    pub async fn verify_audit(&self, check: &AuditCheck) -> Result<AuditReport, Error> {
        let signing = self.held_signing();
        let own = signing.as_ref().map(|signing| &signing.trust);
        let witness = match &check.witness {
            Some(path) => Some(Lines::open(path).await?),
            None => None,
        };
        let mut verification = Verification {
            store: self.store(),
            trust: check.trust.as_ref().or(own),
            witness,
            walkers: Partition::all().map(Walker::new).collect(),
            heads: Heads::default(),
            number: 0,
            previous: [0; 32],
            revoked: false,
            report: AuditReport::default(),
        };
        let outcome = verification.run().await;
        let mut report = verification.counted();
        match outcome {
            Ok(()) => {}
            Err(Stop::Found(finding)) => report.first = Some(*finding),
            Err(Stop::Failed(error)) => report.first = Some(named(error)?),
        }
        Ok(report)
    }
}

/// A row that breaks the rules of its columns is a finding; all else is none.
fn named(error: Error) -> Result<AuditFinding, Error> {
    let table = match &error {
        Error::Store(StoreError::Inconsistent { table, .. }) => *table,
        Error::Store(_)
        | Error::Refused(..)
        | Error::TooMany(_)
        | Error::Held(..)
        | Error::Internal(_) => "",
    };
    let what = match table {
        "audit" => AuditFault::Changed,
        "audit_segments" => AuditFault::Segment,
        "audit_checkpoints" => AuditFault::CheckpointSignature,
        "partition_heads" => AuditFault::Head,
        _ => return Err(error),
    };
    Ok(AuditFinding::new(what))
}

impl Verification<'_> {
    async fn run(&mut self) -> Result<(), Stop> {
        loop {
            let rows = self.store.checkpoints_after(self.number, BATCH).await?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                self.checkpoint(row).await?;
            }
        }
        if self.revoked {
            // A thief of that key could have written all that no trusted checkpoint follows.
            let what = AuditFault::CheckpointSignature;
            return Err(AuditFinding::in_checkpoint(what, self.number).into());
        }
        self.rest_of_the_witness().await?;
        self.finish_at_the_heads().await?;
        self.signatures().await
    }

    async fn checkpoint(&mut self, row: &CheckpointRow) -> Result<(), Stop> {
        let number = self.number.saturating_add(1);
        let fault = |what| Stop::from(AuditFinding::in_checkpoint(what, number));
        if row.number != number {
            return Err(fault(AuditFault::CheckpointMissing));
        }
        let checkpoint = Checkpoint::parse(&row.document)
            .filter(|checkpoint| {
                checkpoint.statement.number == number && checkpoint.statement.at == row.at
            })
            .ok_or_else(|| fault(AuditFault::CheckpointSignature))?;
        let trusted = self.signed(&checkpoint);
        self.revoked = !trusted.ok_or_else(|| fault(AuditFault::CheckpointSignature))?;
        if checkpoint.statement.previous != self.previous {
            return Err(fault(AuditFault::CheckpointChain));
        }
        self.witnessed(&checkpoint).await?;
        self.rows_of(&checkpoint).await?;
        if self.heads.digest() != checkpoint.statement.all {
            return Err(fault(AuditFault::CheckpointHeads));
        }
        self.number = number;
        self.previous = checkpoint.hash();
        self.report.checkpoints = number;
        self.report.newest_checkpoint_at = Some(row.at);
        Ok(())
    }

    /// Whether the key that signed it is still trusted; none where no known key did.
    ///
    /// A revoked key vouches for nothing by itself. What it signed in its time stays good here only
    /// because a later checkpoint, by a trusted key, is chained to it.
    fn signed(&self, checkpoint: &Checkpoint) -> Option<bool> {
        let statement = &checkpoint.statement;
        let key = self.trust?.key(&statement.key_id)?;
        let signed = key.may_sign_at(NumericDate::floor(statement.at))
            && key
                .public_key
                .verify(&statement.message(), &checkpoint.signature)
                .is_ok();
        signed.then_some(!matches!(key.state, KeyState::Revoked { .. }))
    }

    /// Compares with the witness, which may have begun later and may have gaps.
    async fn witnessed(&mut self, checkpoint: &Checkpoint) -> Result<(), Stop> {
        let Some(lines) = &mut self.witness else {
            return Ok(());
        };
        let number = checkpoint.statement.number;
        let Some(seen) = lines.peek().await? else {
            return Ok(());
        };
        if seen.statement.number != number {
            return Ok(());
        }
        if seen != checkpoint {
            let other = seen.statement.heads.iter();
            let other = other
                .clone()
                .find(|head| !checkpoint.statement.heads.contains(head));
            return Err(AuditFinding {
                partition: other.map(|head| head.partition.number()),
                seq: other.map(|head| head.seq),
                ..AuditFinding::in_checkpoint(AuditFault::WitnessDiffers, number)
            }
            .into());
        }
        drop(lines.take());
        self.report.witnessed = self.report.witnessed.saturating_add(1);
        Ok(())
    }

    async fn rows_of(&mut self, checkpoint: &Checkpoint) -> Result<(), Stop> {
        let (store, number) = (self.store, checkpoint.statement.number);
        for head in &checkpoint.statement.heads {
            let walker = self.walker(head)?;
            walker.confirm(store, head, number).await?;
            self.heads.set(*head);
        }
        Ok(())
    }

    fn walker(&mut self, head: &Head) -> Result<&mut Walker, Stop> {
        self.walkers
            .get_mut(usize::from(head.partition.number()))
            .ok_or(Stop::Failed(Error::Internal("a partition has no walker")))
    }

    /// Checkpoints that the witness has and the database does not: the rows they name tell best
    /// what is missing.
    async fn rest_of_the_witness(&mut self) -> Result<(), Stop> {
        let mut ahead = false;
        while let Some(lines) = &mut self.witness {
            let Some(checkpoint) = lines.peek().await?.cloned() else {
                break;
            };
            if self.signed(&checkpoint).is_none() {
                return Err(self.witness.as_ref().map_or_else(
                    || Stop::Failed(Error::Internal("the witness is gone")),
                    Lines::damaged,
                ));
            }
            self.rows_of(&checkpoint).await?;
            ahead = true;
            self.witness.as_mut().and_then(Lines::take);
        }
        if ahead {
            let number = self.number.saturating_add(1);
            let what = AuditFault::CheckpointMissing;
            return Err(AuditFinding::in_checkpoint(what, number).into());
        }
        Ok(())
    }

    async fn finish_at_the_heads(&mut self) -> Result<(), Stop> {
        let heads = current_heads(self.store).await?;
        for walker in &mut self.walkers {
            let mut head = heads.get(walker.partition());
            // Rows are written while this runs: a head that was read before them is read again.
            while let Some(beyond) = walker.finish(self.store, &head).await? {
                head = current_heads(self.store).await?.get(walker.partition());
                if head.seq < beyond {
                    return Err(walker.beyond(beyond));
                }
            }
        }
        Ok(())
    }

    /// Compares what rows tell of signatures with what the keys counted and with the forms there
    /// are, all as of one instant. Who signed without a row, or took a form out, is found by it.
    async fn signatures(&mut self) -> Result<(), Stop> {
        let tallies = self.store.signature_tallies().await?;
        for walker in &mut self.walkers {
            let Some(tally) = tallies.get(&walker.partition()) else {
                continue;
            };
            walker.go_on(self.store, (tally.seq, &tally.hash)).await?;
            let told = walker.signed();
            let keys = told
                .keys()
                .chain(tally.counted.keys())
                .chain(tally.forms.keys());
            for key in keys {
                let Signed { made, replaced } = told.get(key).copied().unwrap_or_default();
                let of = |known: &BTreeMap<String, u64>| known.get(key).copied().unwrap_or(0);
                let what = if of(&tally.counted) != made {
                    AuditFault::SignatureCount
                } else if of(&tally.forms) != made.saturating_sub(replaced) {
                    AuditFault::SignedForms
                } else {
                    continue;
                };
                return Err(AuditFinding {
                    partition: Some(walker.partition().number()),
                    key: Some(key.clone()),
                    ..AuditFinding::new(what)
                }
                .into());
            }
            let made = told.values().map(|signed| signed.made).sum();
            self.report.signatures = self.report.signatures.saturating_add(made);
        }
        Ok(())
    }

    fn counted(self) -> AuditReport {
        let mut report = self.report;
        for walker in &self.walkers {
            let (rows, archived, uncovered) = walker.counts();
            report.rows = report.rows.saturating_add(rows);
            report.archived = report.archived.saturating_add(archived);
            report.uncovered = report.uncovered.saturating_add(uncovered);
        }
        report
    }
}

/// The heads as they are now. A partition without a head was never written in.
async fn current_heads(store: &Store) -> Result<Heads, Stop> {
    let heads = store.audit_heads().await?;
    let heads = heads.iter().map(|head| {
        Head::of(head).ok_or_else(|| {
            AuditFinding {
                partition: Some(head.partition.number()),
                seq: Some(head.seq),
                ..AuditFinding::new(AuditFault::Head)
            }
            .into()
        })
    });
    Ok(Heads::of(heads.collect::<Result<Vec<_>, Stop>>()?))
}
