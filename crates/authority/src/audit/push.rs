//! Pushing checkpoints out of the reach of whoever can write to the database.

use std::{
    fmt,
    future::Future,
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use jiff::SignedDuration;

use super::{BATCH, checkpoint::Checkpoint};
use crate::{Act, Authority, Error, measures::Measure, refusal};

/// The job's lease, and how long a node that died keeps others from it.
const LEASE: &str = "witness";
const LEASE_LASTS: SignedDuration = SignedDuration::from_secs(90);

/// A service that keeps the lines of checkpoints and never takes one back.
pub trait Witness: Send + Sync + fmt::Debug {
    /// The last line that it keeps; none while it keeps none.
    fn newest<'a>(
        &'a self,
    ) -> Pin<Box<dyn Future<Output = Result<Option<String>, Error>> + Send + 'a>>;

    /// Keeps more lines behind the last. When this answers they are kept for good.
    fn append<'a>(
        &'a self,
        lines: &'a [String],
    ) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;
}

/// Where checkpoints are pushed.
#[derive(Clone, Debug)]
pub enum WitnessAt {
    /// To a file.
    File(PathBuf),
    /// To a service.
    Service(Arc<dyn Witness>),
}

/// What this node knows of its witness.
#[derive(Debug, Default)]
pub(crate) struct WitnessCounts {
    /// The newest checkpoint that the witness had when this node last reached it.
    acknowledged: AtomicU64,
    failures: AtomicU64,
}

impl Authority {
    /// Pushes the checkpoints that the witness does not have yet; answers how many. `node` names
    /// this node: another's lease makes it answer 0.
    ///
    /// # Errors
    /// As [`Authority::push_checkpoints`]. Nothing else waits for the witness; the next call goes on
    /// behind what it acknowledged.
    pub async fn push_to_witness(
        &self,
        act: &Act,
        node: &str,
        witness: &WitnessAt,
    ) -> Result<u64, Error> {
        let until = act.now.saturating_add(LEASE_LASTS).unwrap_or(act.now);
        if !self.store().lease(LEASE, node, act.now, until).await? {
            return Ok(0);
        }
        // Read before: one made meanwhile may or may not be among those that are pushed.
        let newest = self.store().newest_checkpoint().await?;
        let pushed = match witness {
            WitnessAt::File(path) => self.push_checkpoints(path).await,
            WitnessAt::Service(service) => self.push_to_service(service.as_ref()).await,
        };
        let counts = &self.inner.witness;
        match &pushed {
            Ok(_) => {
                let newest = newest.map_or(0, |newest| newest.number);
                counts.acknowledged.store(newest, Relaxed);
            }
            Err(_told_by_the_caller) => {
                counts.failures.fetch_add(1, Relaxed);
            }
        }
        pushed
    }

    /// Pushes the checkpoints that a service does not have yet; answers how many.
    ///
    /// # Errors
    /// [`refusal::WITNESS_FAILED`] when it cannot be reached or refuses;
    /// [`refusal::WITNESS_AHEAD`] when its last line is not what the database holds: nothing is
    /// pushed then.
    pub async fn push_to_service(&self, service: &dyn Witness) -> Result<u64, Error> {
        let mut number = match service.newest().await? {
            Some(line) => {
                let seen = Checkpoint::parse(&line).ok_or(refusal::WITNESS_AHEAD)?;
                self.known_here(&seen).await?
            }
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
            service.append(&lines).await?;
            pushed = pushed.saturating_add(u64::try_from(lines.len()).unwrap_or(u64::MAX));
        }
    }

    /// What machines watch of the witness; nothing where this node never reached one.
    pub(crate) fn witness_measures(&self) -> Vec<Measure> {
        let counts = &self.inner.witness;
        let acknowledged = counts.acknowledged.load(Relaxed);
        let failures = counts.failures.load(Relaxed);
        if acknowledged == 0 && failures == 0 {
            return Vec::new();
        }
        vec![
            Measure::gauge(
                "jiazhao_witness_checkpoint",
                "Newest checkpoint that the witness of the audit acknowledged to this node.",
                acknowledged,
            ),
            Measure {
                counter: true,
                ..Measure::gauge(
                    "jiazhao_witness_failures_total",
                    "Pushes to the witness of the audit that failed.",
                    failures,
                )
            },
        ]
    }
}
