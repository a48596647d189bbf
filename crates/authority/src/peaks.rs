//! Business peaks (业务高峰, R87): what is held back so that first applications go on.
//!
//! Photo changes are held back first, then re-applications, first applications last: by the review
//! queue of the office that would get them, and by the photos that wait to be judged on this node.
//! Counters, presentations and verifications are never asked.

mod turns;

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};
use licence::{Calendar, Due, application::Kind, clock::minute};
use rand::Rng;

pub use self::turns::{Turn, Turns};
use crate::{Act, Authority, Because, Error, Measure};

/// From where on each kind is held back. The order is kept by [`PeakLimits::in_order`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeakLimits {
    /// Open cases in the review queue of an office.
    pub queue: Limits,
    /// Photos that wait to be judged, in hundredths of the room for them.
    pub room: Limits,
}

/// One limit for each kind of application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// 更换照片
    pub photo_change: u32,
    /// 重新申领
    pub reapplication: u32,
    /// 首次申领
    pub first: u32,
}

impl Default for PeakLimits {
    /// The queue: a reviewer decides some four hundred cases in a working day at a minute each, so that
    /// photo changes wait once a reviewer's day lies before them. The room: a quarter, a half, all.
    fn default() -> Self {
        Self {
            queue: Limits {
                photo_change: 400,
                reapplication: 1000,
                first: 4000,
            },
            room: Limits {
                photo_change: 25,
                reapplication: 50,
                first: 100,
            },
        }
    }
}

impl Limits {
    const fn of(&self, kind: Kind) -> u32 {
        match kind {
            Kind::PhotoChange => self.photo_change,
            Kind::Reapplication => self.reapplication,
            Kind::First => self.first,
        }
    }

    /// Whether photo changes are held back first and first applications last.
    #[must_use]
    pub const fn in_order(&self) -> bool {
        self.photo_change <= self.reapplication && self.reapplication <= self.first
    }
}

impl PeakLimits {
    /// Whether both are.
    #[must_use]
    pub const fn in_order(&self) -> bool {
        self.queue.in_order() && self.room.in_order()
    }
}

/// How much there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Open cases in the review queue of the office.
    pub queue: u64,
    /// Photos that wait to be judged, in hundredths of the room for them.
    pub room: u64,
}

/// Why something is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The review queue of the office is at its limit.
    ReviewQueue,
    /// The machine is.
    Machine,
}

impl Cause {
    /// Its stable code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReviewQueue => "review-queue-full",
            Self::Machine => "machine-busy",
        }
    }
}

/// Whether an application of this kind is held back under this load, and by what: the queue where
/// both would, since it takes longer.
#[must_use]
pub fn held_back(kind: Kind, load: Load, limits: &PeakLimits) -> Option<Cause> {
    if load.queue >= u64::from(limits.queue.of(kind)) {
        Some(Cause::ReviewQueue)
    } else if load.room >= u64::from(limits.room.of(kind)) {
        Some(Cause::Machine)
    } else {
        None
    }
}

/// When to come again. What waits in a queue now is decided by the end of the next working day
/// (R42): a photo change comes after it. Who has no e-licence yet is asked to wait less.
#[must_use]
pub fn come_again(kind: Kind, cause: Cause, now: Timestamp, calendar: &Calendar) -> Timestamp {
    let minutes = match (cause, kind) {
        (Cause::ReviewQueue, Kind::PhotoChange) => {
            match calendar.due_end_of_next_working_day(now) {
                Due::At(at) => return at,
                Due::PendingCalendar => 24 * 60,
            }
        }
        (Cause::ReviewQueue, Kind::Reapplication) => 120,
        (Cause::ReviewQueue, Kind::First) => 60,
        (Cause::Machine, Kind::PhotoChange) => 30,
        (Cause::Machine, Kind::Reapplication) => 10,
        (Cause::Machine, Kind::First) => 1,
    };
    after(now, SignedDuration::from_mins(minutes))
}

/// Spreads those who come again over a quarter of what they wait, and two hours at most: they would
/// all be there at one instant.
fn spread(now: Timestamp, at: Timestamp, rng: &mut impl Rng) -> Timestamp {
    const MOST: i64 = 2 * 3600;
    let quarter = now.duration_until(at).as_secs().checked_div(4);
    let most = quarter.unwrap_or_default().clamp(1, MOST);
    let drawn = i64::from(rng.next_u32()).checked_rem(most);
    after(at, SignedDuration::from_secs(drawn.unwrap_or_default()))
}

fn after(at: Timestamp, wait: SignedDuration) -> Timestamp {
    at.saturating_add(wait).unwrap_or(at)
}

/// What was held back since the start of this node.
#[derive(Debug, Default)]
pub(crate) struct PeakCounts {
    photo_changes: AtomicU64,
    reapplications: AtomicU64,
    firsts: AtomicU64,
    by_queue: AtomicU64,
    by_machine: AtomicU64,
}

impl PeakCounts {
    fn count(&self, kind: Kind, cause: Cause) {
        let of_kind = match kind {
            Kind::PhotoChange => &self.photo_changes,
            Kind::Reapplication => &self.reapplications,
            Kind::First => &self.firsts,
        };
        let of_cause = match cause {
            Cause::ReviewQueue => &self.by_queue,
            Cause::Machine => &self.by_machine,
        };
        for counter in [of_kind, of_cause] {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Authority {
    /// Whether an application of this kind in the app goes on now, at the office that would review
    /// it. One at the counter is not asked: the person stands there.
    ///
    /// # Errors
    /// [`crate::refusal::BUSINESS_PEAK`] with the time after which to come again.
    pub async fn admit(&self, act: &mut Act, kind: Kind, office: &str) -> Result<(), Error> {
        let limits = &self.inner.settings.peaks;
        let most = limits.queue.first;
        let load = Load {
            queue: self.store().count_open_cases(office, most).await?,
            room: self.room_taken(),
        };
        let Some(cause) = held_back(kind, load, limits) else {
            return Ok(());
        };
        self.inner.peaks.count(kind, cause);
        let at = come_again(kind, cause, act.now, &self.inner.calendar.calendar());
        Err(held(
            kind,
            cause,
            act.now,
            spread(act.now, at, &mut act.rng),
        ))
    }

    /// Photos that wait to be judged on this node, in hundredths of the room for them.
    fn room_taken(&self) -> u64 {
        let Some(judge) = &self.inner.settings.judge else {
            return 0;
        };
        let (waiting, most) = judge.waiting();
        let taken = waiting.saturating_mul(100).checked_div(most);
        taken
            .and_then(|taken| u64::try_from(taken).ok())
            .unwrap_or(100)
    }

    /// What was held back.
    pub(crate) fn peak_measures(&self) -> [Measure; 2] {
        let peaks = &self.inner.peaks;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            Measure::counter(
                "jiazhao_held_back_total",
                "Applications held back in business peaks, by kind.",
                "kind",
                [
                    (Kind::PhotoChange.as_str(), read(&peaks.photo_changes)),
                    (Kind::Reapplication.as_str(), read(&peaks.reapplications)),
                    (Kind::First.as_str(), read(&peaks.firsts)),
                ],
            ),
            Measure::counter(
                "jiazhao_held_back_causes_total",
                "Applications held back in business peaks, by cause.",
                "cause",
                [
                    (Cause::ReviewQueue.as_str(), read(&peaks.by_queue)),
                    (Cause::Machine.as_str(), read(&peaks.by_machine)),
                ],
            ),
        ]
    }
}

fn held(kind: Kind, cause: Cause, now: Timestamp, at: Timestamp) -> Error {
    let seconds = u64::try_from(now.duration_until(at).as_secs()).unwrap_or_default();
    // To the next whole minute: who comes at the time that was told is not early.
    let when = minute(after(at, SignedDuration::from_secs(59)));
    let (zh, en) = match kind {
        Kind::PhotoChange => (
            format!("首次申领优先。更换照片请避开业务高峰，{when} 以后再办理"),
            format!(
                "First applications come first. Please change the photo outside business peaks, after {when} (UTC+8)"
            ),
        ),
        Kind::Reapplication => (
            format!("首次申领优先。请于 {when} 以后再重新申领"),
            format!("First applications come first. Please apply again after {when} (UTC+8)"),
        ),
        Kind::First => (
            format!("当前申领人数过多，请于 {when} 以后再申领"),
            format!("Too many are applying now. Please apply after {when} (UTC+8)"),
        ),
    };
    let because = Because {
        code: cause.as_str().to_owned(),
        rule: Some("R87".to_owned()),
        field: None,
        zh,
        en,
        clears_zh: None,
        clears_en: None,
    };
    Error::Held(seconds.max(1), Box::new(because))
}

#[cfg(test)]
mod tests;
