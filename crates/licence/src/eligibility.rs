//! May this driver apply for an e-licence now, and if not, why not (R6, R24-R30, R75).

use jiff::Timestamp;

use crate::clock::civil_date;
use crate::named::named;
use crate::notes::notes;
use crate::reason::{self, Reason};
use crate::record::Record;

use crate::rollout::Rollout;
use crate::status::effective;

named! {
    /// Where an application is made.
    pub enum Channel {
        /// The driver's own app (全国统一 App).
        App = "app",
        /// The counter of the issuing office (车辆管理所窗口).
        Counter = "counter",
    }
}

/// Everything the answer depends on.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The registry's record.
    pub record: &'a Record,
    /// The roll-out.
    pub rollout: &'a Rollout,
    /// The instant.
    pub at: Timestamp,
    /// Whether a sanction (R75) stands against the person: it closes the app, not the counter.
    pub sanctioned: bool,
    /// Where the application is made.
    pub channel: Channel,
    /// Whether an active e-licence stands in the way of this application.
    pub has_active_e_licence: bool,
    /// Whether another application is open.
    pub has_open_application: bool,
}

/// Every reason that blocks applying; none means the driver may apply.
#[must_use]
pub fn eligibility(situation: &Situation<'_>) -> Vec<Reason> {
    let record = situation.record;
    let on = civil_date(situation.at);
    let mut reasons = effective(record, on).reasons;
    if record.valid_from > on {
        reasons.push(reason::NOT_YET_VALID.on(record.valid_from));
    }
    reasons.extend(
        notes(record, on)
            .into_iter()
            .filter(|note| note.contradiction)
            .map(|note| Reason {
                text: note.text,
                ..reason::CONTRADICTION.reason()
            }),
    );
    match situation
        .rollout
        .opens(record.issuing_authority.code.as_str())
    {
        None => reasons.push(reason::NOT_ROLLED_OUT.reason()),
        Some(from) if from > on => reasons.push(reason::NOT_ROLLED_OUT_YET.on(from)),
        Some(_) => {}
    }
    if situation.sanctioned && situation.channel == Channel::App {
        reasons.push(reason::SANCTIONED.reason());
    }
    if situation.has_active_e_licence {
        reasons.push(reason::ALREADY_ISSUED.reason());
    }
    if situation.has_open_application {
        reasons.push(reason::APPLICATION_OPEN.reason());
    }
    reasons
}
