//! Following the outbox: status memory and live pages on every node, the review queue once.

use std::collections::HashMap;

use licence::application::Stage;
use storage::{Conflict, HolderId, Partition, ReviewCase, Store, StoreError, outbox::Event};

use crate::{Authority, Error};

/// What an open page of a holder learns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// Whose page.
    pub holder: HolderId,
    /// What changed: `licence`, `status`, `e-licence`, `application` or `notification`.
    pub kind: &'static str,
    /// Which.
    pub id: Option<String>,
}

/// How far this node has come.
#[derive(Debug)]
pub(crate) struct Follower {
    seen: HashMap<Partition, u64>,
}

/// The durable follower that fills the review queue.
const CASES: &str = "review-cases";
/// Events read at once.
const BATCH: u32 = 500;

impl Follower {
    pub(crate) async fn start(store: &Store) -> Result<Self, Error> {
        Ok(Self {
            seen: store.outbox_heads().await?.into_iter().collect(),
        })
    }
}

impl Authority {
    /// Brings status memory, live pages and review queue up to the newest events. Called after every
    /// act, and again and again by a job for what other nodes committed.
    ///
    /// # Errors
    /// When the store cannot be reached; nothing is lost, the next call goes on.
    pub async fn follow(&self) -> Result<(), Error> {
        let mut follower = self.inner.follower.lock().await;
        let heads = self.store().outbox_heads().await?;
        let cursors: HashMap<Partition, u64> =
            self.store().cursors(CASES).await?.into_iter().collect();
        for (partition, head) in heads {
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
            let projected = cursors.get(&partition).copied().unwrap_or_default();
            if projected < head {
                self.project(partition, projected, head).await?;
            }
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
            Event::ApplicationChanged { application, .. } => {
                ("application", Some(application.to_string()))
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

    /// Moves the review queue past the events of one partition.
    async fn project(&self, partition: Partition, from: u64, head: u64) -> Result<(), Error> {
        let mut at = from;
        while at < head {
            let events = self.store().events_after(partition, at, BATCH).await?;
            let Some(last) = events.last().map(|event| event.seq) else {
                return Ok(());
            };
            let cases: Vec<(ReviewCase, bool)> = events
                .into_iter()
                .filter_map(|event| case_of(event.event))
                .collect();
            match self
                .store()
                .project_cases(CASES, partition, (at, last), &cases)
                .await
            {
                Ok(()) => at = last,
                // Another node did it.
                Err(StoreError::Conflict(Conflict::Cursor)) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn case_of(event: Event) -> Option<(ReviewCase, bool)> {
    let Event::ApplicationChanged {
        application,
        stage,
        office,
        submitted_at,
        due_at,
        ..
    } = event
    else {
        return None;
    };
    let case = ReviewCase {
        application,
        office,
        submitted_at: submitted_at?,
        due_at,
        claimed_by: None,
        lease_until: None,
    };
    Some((case, stage == Stage::UnderReview.as_str()))
}
