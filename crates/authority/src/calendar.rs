//! What midnight in Asia/Shanghai brings: expiry, overdue review, the end of an extension.
//!
//! Answers never wait for this job: pages and verification compute the status for the instant asked.
//! It turns what others follow, the status lists and the open pages, when the calendar alone changes
//! a status.

use jiff::SignedDuration;
use licence::{civil_date, effective, midnight, next_transition};
use storage::{Conflict, HolderId, StoreError, outbox::Event};

use crate::{
    Act, Authority, Error,
    registry_write::{message, notified, status_event, strictest_with},
};

/// The job's lease, and how long a node that died keeps others from it.
const LEASE: &str = "calendar";
const LEASE_LASTS: SignedDuration = SignedDuration::from_secs(60);
/// Drivers turned before the lease is renewed.
const BATCH: u32 = 200;

impl Authority {
    /// Turns every driver whose status the calendar has changed by now; answers how many. `node`
    /// names this node: another's lease makes it answer 0.
    ///
    /// # Errors
    /// When the store fails; what was turned is turned, the next call goes on.
    pub async fn turn_calendar(&self, act: &mut Act, node: &str) -> Result<u64, Error> {
        let until = act.now.saturating_add(LEASE_LASTS).unwrap_or(act.now);
        let mut turned = 0_u64;
        while self.store().lease(LEASE, node, act.now, until).await? {
            let due = self.store().drivers_due(act.now, BATCH).await?;
            if due.is_empty() {
                break;
            }
            for holder in due {
                match self.turn(act, &holder).await {
                    Ok(()) => turned = turned.saturating_add(1),
                    // The record changed meanwhile, and its writer computed the status anew.
                    Err(Error::Store(StoreError::Conflict(Conflict::Revision))) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(turned)
    }

    async fn turn(&self, act: &mut Act, holder: &HolderId) -> Result<(), Error> {
        let driver = self.store().driver(holder).await?;
        let driver = driver.ok_or(Error::Internal("a due driver is missing"))?;
        let today = civil_date(act.now);
        let value = effective(&driver.record, today).value;
        let next = next_transition(&driver.record, today).map(midnight);
        let current = self.store().current_e_licence(holder).await?;
        let (mut tx, locked) = self.store().begin(holder, driver.revision).await?;
        tx.turn_driver(&locked, value.value(), next).await?;
        let mut events = vec![Event::DriverChanged {
            holder: holder.clone(),
        }];
        if let Some(current) = &current {
            let shown = strictest_with(value, current);
            let credential = current.credential.as_ref();
            let before = credential.map_or(driver.status_value, |it| it.status_value);
            if shown.value() != before {
                if let Some(credential) = credential {
                    tx.set_status_value(&locked, &credential.id, shown.value())
                        .await?;
                }
                events.extend(status_event(holder, current, shown));
                let message = message(act, holder, "status-changed", &shown.as_str());
                tx.insert_notification(&message).await?;
                events.push(notified(&message));
            }
        }
        let entry = act
            .entry("calendar.turned")
            .about(holder)
            .with("status", value.as_str())
            .with("next", next.map(|next| next.to_string()));
        let committed = tx.commit(entry, events).await?;
        self.follow_committed(&[committed]).await
    }
}
