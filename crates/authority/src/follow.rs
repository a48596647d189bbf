//! Following the outbox: status memory and live pages on every node, the review queue once.

use std::collections::{BTreeMap, HashMap};

use licence::application::Stage;
use storage::{
    CaseChange, CaseKind, Committed, Conflict, Cursors, HolderId, Partition, Stands, StoreError,
    outbox::{Event, Numbered},
};

use crate::{Authority, Error};

/// What an open page of a holder learns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// Whose page.
    pub holder: HolderId,
    /// What changed: `licence`, `status`, `e-licence`, `application`, `binding` or `notification`.
    pub kind: &'static str,
    /// Which.
    pub id: Option<String>,
}

/// How far this node has come.
#[derive(Debug)]
pub(crate) struct Follower {
    /// The newest event of each partition that this node has learnt of.
    seen: Cursors,
    /// Events that were there, at the last look at all partitions, and not learnt of yet.
    behind: u64,
    /// The review queue is at least as far.
    projected: HashMap<Partition, u64>,
}

/// The durable follower that fills the review queue.
const CASES: &str = "review-cases";
/// Events read at once.
const BATCH: u32 = 500;

impl Follower {
    /// One whose memory knows the events up to `seen`.
    pub(crate) fn start(seen: Cursors) -> Self {
        Self {
            seen,
            behind: 0,
            projected: HashMap::new(),
        }
    }

    /// How far the memory is.
    pub(crate) fn cursors(&self) -> Cursors {
        self.seen.clone()
    }

    /// How many events it had not learnt of at the last look.
    pub(crate) fn behind(&self) -> u64 {
        self.behind
    }
}

impl Authority {
    /// Brings status memory, live pages and review queue up to the newest events of all partitions:
    /// a job calls it again and again for what other nodes committed.
    ///
    /// # Errors
    /// When the store cannot be reached; nothing is lost, the next call goes on.
    pub async fn follow(&self) -> Result<(), Error> {
        let mut follower = self.inner.follower.lock().await;
        let heads = self.store().outbox_heads().await?;
        follower
            .projected
            .extend(self.store().cursors(CASES).await?);
        follower.behind = behind(&follower.seen, &heads);
        for (partition, head) in heads {
            self.follow_to(&mut follower, partition, head).await?;
        }
        follower.behind = 0;
        Ok(())
    }

    /// The values of `lists`, four bits each, and exactly the events that they know: all that were
    /// committed before this was asked, and none of which only some lists would know.
    ///
    /// # Errors
    /// As [`Authority::follow`].
    pub(crate) async fn caught_up(
        &self,
        lists: &[u32],
    ) -> Result<(Cursors, BTreeMap<u32, Vec<u8>>), Error> {
        let mut follower = self.inner.follower.lock().await;
        for (partition, head) in self.store().outbox_heads().await? {
            self.follow_to(&mut follower, partition, head).await?;
        }
        // The memory learns under this lock only: it stands still while it is copied.
        let plane = &self.inner.plane;
        let values = lists
            .iter()
            .filter_map(|list| Some((*list, plane.values(*list)?)));
        Ok((follower.cursors(), values.collect()))
    }

    /// The same for what was just committed here: an act knows what it wrote, and asks for nothing
    /// else.
    ///
    /// # Errors
    /// As [`Authority::follow`].
    pub(crate) async fn follow_committed(&self, committed: &[Committed]) -> Result<(), Error> {
        let mut follower = self.inner.follower.lock().await;
        for committed in committed {
            let (partition, head) = (committed.partition, committed.outbox_seq);
            self.follow_to(&mut follower, partition, head).await?;
        }
        Ok(())
    }

    /// Goes on to event `head` of a partition at least.
    async fn follow_to(
        &self,
        follower: &mut Follower,
        partition: Partition,
        head: u64,
    ) -> Result<(), Error> {
        let seen = follower.seen.entry(partition).or_default();
        while *seen < head {
            let events = self.store().events_after(partition, *seen, BATCH).await?;
            let Some(last) = events.last().map(|event| event.seq) else {
                break;
            };
            for event in events {
                self.learn(&event.event);
            }
            *seen = last;
        }
        let projected = follower.projected.entry(partition).or_default();
        if *projected < head {
            *projected = self.project(partition, *projected, head).await?;
        }
        Ok(())
    }

    /// Applies one event to this node's memory and tells open pages.
    fn learn(&self, event: &Event) {
        let (kind, id) = match event {
            Event::CredentialStatus { place, value, .. } => {
                self.inner.plane.set(*place, *value);
                ("status", None)
            }
            Event::DriverChanged { .. } => ("licence", None),
            Event::ELicenceChanged { e_licence, .. } => ("e-licence", Some(e_licence.to_string())),
            Event::ApplicationChanged { application, .. }
            | Event::ReviewCaseChanged { application, .. } => {
                ("application", Some(application.to_string()))
            }
            Event::BindingChanged { binding, .. } => {
                ("binding", binding.as_ref().map(ToString::to_string))
            }
            Event::Notified { notification, .. } => {
                ("notification", Some(notification.to_string()))
            }
        };
        // Nobody listening is no failure.
        drop(self.inner.live.send(Live {
            holder: event.holder().clone(),
            kind,
            id,
        }));
    }

    /// Moves the review queue past the events of one partition; answers how far it is.
    async fn project(&self, partition: Partition, from: u64, head: u64) -> Result<u64, Error> {
        let mut at = from;
        while at < head {
            let events = self.store().events_after(partition, at, BATCH).await?;
            let Some(last) = events.last().map(|event| event.seq) else {
                return Ok(at);
            };
            let cases: Vec<CaseChange> = events.into_iter().filter_map(case_of).collect();
            match self
                .store()
                .project_cases(CASES, partition, (at, last), &cases)
                .await
            {
                Ok(()) => at = last,
                // Another node did it, perhaps not as far.
                Err(StoreError::Conflict(Conflict::Cursor)) => {
                    let cursor = self.case_cursor(partition).await?;
                    if cursor <= at {
                        return Ok(cursor);
                    }
                    at = cursor;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(at)
    }

    async fn case_cursor(&self, partition: Partition) -> Result<u64, Error> {
        let cursors = self.store().cursors(CASES).await?;
        let of_partition = cursors.into_iter().find(|(of, _)| *of == partition);
        Ok(of_partition.map(|(_, at)| at).unwrap_or_default())
    }
}

fn behind(seen: &Cursors, heads: &[(Partition, u64)]) -> u64 {
    let behind = heads
        .iter()
        .map(|(of, head)| head.saturating_sub(seen.get(of).copied().unwrap_or_default()));
    behind.fold(0, u64::saturating_add)
}

/// What an event says of the review queue.
fn case_of(event: Numbered) -> Option<CaseChange> {
    match event.event {
        Event::ApplicationChanged {
            application,
            stage,
            office,
            submitted_at,
            due_at,
            ..
        } => Some(CaseChange {
            application,
            office,
            kind: CaseKind::Application,
            not_by: None,
            submitted_at: submitted_at?,
            due_at,
            stands: stands(Stage::parse(&stage)?),
            at: event.at,
        }),
        Event::ReviewCaseChanged {
            application,
            kind,
            office,
            since,
            due_at,
            not_by,
            open,
            ..
        } => Some(CaseChange {
            application,
            office,
            kind: CaseKind::parse(&kind)?,
            not_by,
            submitted_at: since,
            due_at,
            stands: if open { Stands::Anew } else { Stands::Decided },
            at: event.at,
        }),
        Event::DriverChanged { .. }
        | Event::CredentialStatus { .. }
        | Event::ELicenceChanged { .. }
        | Event::BindingChanged { .. }
        | Event::Notified { .. } => None,
    }
}

/// How a case stands in each stage of its application.
const fn stands(stage: Stage) -> Stands {
    match stage {
        Stage::UnderReview => Stands::Open,
        Stage::Approved | Stage::Rejected => Stands::Decided,
        Stage::Draft
        | Stage::PhotoSubmitted
        | Stage::PersonVerified
        | Stage::Issued
        | Stage::Withdrawn => Stands::Closed,
    }
}
