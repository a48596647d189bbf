//! An audit that can be proved: checkpoints, their witness, closed segments, verification.
//!
//! A checkpoint is the act of no holder and of no member of staff. It needs no audit row: it is
//! recorded by itself, numbered and chained, and a row a minute would change the very heads that it
//! is about.

mod archive;
mod checkpoint;
mod lost;
mod push;
mod report;
mod verify;
mod walk;
mod witness;

use std::{path::Path, sync::Arc};

use credential::{KeyState, NumericDate, Signer};
use jiff::{SignedDuration, Timestamp};
use storage::CheckpointRow;

pub use lost::LostRows;
pub(crate) use push::WitnessCounts;
pub use push::{Witness, WitnessAt};
pub use report::{AuditFault, AuditFinding, AuditReport};
pub use verify::AuditCheck;

use crate::{Act, Authority, Error, refusal};
use checkpoint::{Checkpoint, Head, Heads, Statement};
use witness::Tail;

/// The job's lease, and how long a node that died keeps others from it.
const LEASE: &str = "checkpoint";
const LEASE_LASTS: SignedDuration = SignedDuration::from_secs(90);
/// Checkpoints pushed at once.
const BATCH: u32 = 50;

/// A checkpoint as it is pushed to a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointLine {
    /// Its number, from 1 without gaps.
    pub number: u64,
    /// The signed document, one line without its end.
    pub line: String,
}

impl Authority {
    /// Makes a checkpoint over the heads of all partitions; answers its number. `node` names this
    /// node: where another has the lease, or made one meanwhile, nothing is done.
    ///
    /// # Errors
    /// When the store fails, no key may sign now, or the audit is shorter than the newest
    /// checkpoint says; that one is not covered up by a new checkpoint.
    pub async fn checkpoint(&self, act: &Act, node: &str) -> Result<Option<u64>, Error> {
        let until = act.now.saturating_add(LEASE_LASTS).unwrap_or(act.now);
        if !self.store().lease(LEASE, node, act.now, until).await? {
            return Ok(None);
        }
        let newest = match self.store().newest_checkpoint().await? {
            Some(row) => Some(parsed(&row)?),
            None => None,
        };
        let moved = self.moved_heads(newest.as_ref()).await?;
        // The store counts microseconds.
        let at = Timestamp::from_microsecond(act.now.as_microsecond()).unwrap_or(act.now);
        let signer = self.checkpoint_signer(at)?;
        let statement = Statement {
            number: newest
                .as_ref()
                .map_or(1, |newest| newest.statement.number.saturating_add(1)),
            at,
            previous: newest.as_ref().map_or([0; 32], Checkpoint::hash),
            heads: moved.named,
            all: moved.all,
            key_id: *signer.key_id(),
        };
        let checkpoint = signed(signer, statement).await?;
        let heads: Vec<_> = checkpoint
            .statement
            .heads
            .iter()
            .map(Head::stored)
            .collect();
        let row = CheckpointRow {
            number: checkpoint.statement.number,
            at,
            document: checkpoint.to_json(),
        };
        let added = self.store().insert_checkpoint(&row, &heads).await?;
        Ok(added.then_some(row.number))
    }

    /// The heads that moved since the newest checkpoint.
    async fn moved_heads(&self, newest: Option<&Checkpoint>) -> Result<Moved, Error> {
        let broken = || Error::Internal("a hash of the audit has another length");
        let read = |heads: Vec<storage::AuditHead>| {
            heads
                .iter()
                .map(|head| Head::of(head).ok_or_else(broken))
                .collect::<Result<Vec<_>, Error>>()
        };
        // What was known before what is now: a checkpoint of another node in between would make
        // rows look cut.
        let known = Heads::of(read(self.store().checkpointed_heads().await?)?);
        let heads = read(self.store().audit_heads().await?)?;
        let all = Heads::of(heads.iter().copied()).digest();
        let said = newest.map_or_else(|| Heads::default().digest(), |one| one.statement.all);
        if known.digest() != said {
            // It was changed outside, or is another node's: nothing is concluded from it.
            return Ok(Moved { named: heads, all });
        }
        let mut named = Vec::new();
        for head in heads {
            let before = known.get(head.partition);
            if head == before {
                continue;
            }
            if head.seq <= before.seq {
                return Err(Error::Internal(
                    "the audit was cut or changed since the newest checkpoint",
                ));
            }
            named.push(head);
        }
        Ok(Moved { named, all })
    }

    fn checkpoint_signer(&self, at: Timestamp) -> Result<Arc<dyn Signer>, Error> {
        let signing = self.signing()?;
        let may = |signer: &&Arc<dyn Signer>| {
            signing.trust.key(signer.key_id()).is_some_and(|key| {
                key.state == KeyState::Active && key.may_sign_at(NumericDate::floor(at))
            })
        };
        let signer = signing.online.iter().chain(&signing.signers).find(may);
        signer.cloned().ok_or_else(|| refusal::NO_KEYS.into())
    }

    /// Up to `limit` checkpoints after `number`, as they are pushed to a witness.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn checkpoints_after(
        &self,
        number: u64,
        limit: u32,
    ) -> Result<Vec<CheckpointLine>, Error> {
        let rows = self.store().checkpoints_after(number, limit).await?;
        Ok(rows
            .into_iter()
            .map(|row| CheckpointLine {
                number: row.number,
                line: row.document,
            })
            .collect())
    }

    /// Appends the checkpoints that the witness file does not have yet, on the disk when this
    /// answers; answers how many. One process at a time may write a file.
    ///
    /// # Errors
    /// [`refusal::WITNESS_FAILED`] when it cannot be read or written;
    /// [`refusal::WITNESS_AHEAD`] when its last line is not what the database holds: nothing is
    /// written then.
    pub async fn push_checkpoints(&self, witness: &Path) -> Result<u64, Error> {
        let path = witness.to_owned();
        let mut tail = blocking(move || Tail::open(&path)).await?;
        let mut number = match &tail.newest {
            Some(newest) => self.known_here(newest).await?,
            None => 0,
        };
        let mut pushed = 0_u64;
        loop {
            let rows = self.checkpoints_after(number, BATCH).await?;
            let Some(last) = rows.last() else {
                return Ok(pushed);
            };
            number = last.number;
            let lines: Vec<String> = rows.into_iter().map(|row| row.line).collect();
            pushed = pushed.saturating_add(u64::try_from(lines.len()).unwrap_or(u64::MAX));
            let path = witness.to_owned();
            tail = blocking(move || {
                let written = tail.append(&lines);
                written.map_err(|error| witness::failed(&path, &error))?;
                Ok(tail)
            })
            .await?;
        }
    }

    /// The number of a checkpoint of the witness, if the database holds the same.
    async fn known_here(&self, seen: &Checkpoint) -> Result<u64, Error> {
        let before = seen.statement.number.saturating_sub(1);
        let row = self.store().checkpoints_after(before, 1).await?;
        let same = row
            .first()
            .and_then(|row| Checkpoint::parse(&row.document))
            .is_some_and(|own| own == *seen);
        if same {
            Ok(seen.statement.number)
        } else {
            Err(refusal::WITNESS_AHEAD.into())
        }
    }
}

struct Moved {
    named: Vec<Head>,
    all: checkpoint::Hash,
}

fn parsed(row: &CheckpointRow) -> Result<Checkpoint, Error> {
    Checkpoint::parse(&row.document)
        .filter(|checkpoint| checkpoint.statement.number == row.number)
        .ok_or(Error::Internal("the newest checkpoint is damaged"))
}

/// Signs off the runtime's threads: the key may lie in a device.
async fn signed(signer: Arc<dyn Signer>, statement: Statement) -> Result<Checkpoint, Error> {
    blocking(move || {
        let signature = signer
            .sign(&statement.message())
            .map_err(|_no_signature| Error::Internal("a checkpoint could not be signed"))?;
        Ok(Checkpoint {
            statement,
            signature,
        })
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_ended| Error::Internal("a blocking task ended early"))?
}
