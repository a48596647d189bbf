//! The status (驾驶证状态) that holds on a given day.
//!
//! The effective status is a function of record and date: the registry's letters, its flags and
//! its dates together. Nothing cancels anything; an extension (N, P, T) moves only its own
//! deadline, and only up to its last day.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;

use crate::clock::civil_date;
use crate::named::named;
use crate::points::WITHHELD_AT;
use crate::reason::{self, Cause, Reason};
use crate::record::{Record, ValidUntil};
pub use crate::status_code::{StatusLetter, StatusLetterError, StatusValue};

/// The status that holds on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Effective {
    /// The registry's letters, then those that flags and dates count as.
    pub letters: Vec<StatusLetter>,
    /// The strictest value of them all.
    pub value: StatusValue,
    /// Every reason why the value is not valid; empty if it is.
    pub reasons: Vec<Reason>,
}

/// The status of a record on a civil date of Asia/Shanghai.
#[must_use]
pub fn effective(record: &Record, on: Date) -> Effective {
    let mut effective = Effective {
        letters: Vec::new(),
        value: StatusValue::Valid,
        reasons: Vec::new(),
    };
    for letter in &record.status {
        let (value, reason) = weigh(record, letter, on);
        effective.add(letter.clone(), value, reason);
    }
    if record.withheld {
        effective.count_as(StatusLetter::U, reason::WITHHELD.reason());
    }
    if record.out_of_use {
        effective.count_as(StatusLetter::J, reason::OUT_OF_USE.reason());
    }
    if record.points >= WITHHELD_AT {
        effective.count_as(StatusLetter::B, reason::POINTS_REACHED.reason());
    }
    if let Some(due) = medical_deadline(record).filter(|due| on > *due) {
        effective.count_as(StatusLetter::S, reason::MEDICAL_OVERDUE.on(due));
    }
    if let Some(due) = review_deadline(record).filter(|due| on > *due) {
        effective.count_as(StatusLetter::S, reason::REVIEW_OVERDUE_ON.on(due));
    }
    if let Some(deadline) = renewal_deadline(record)
        && let Some(lapse) = Lapse::on(deadline, on)
    {
        effective.count_as(lapse.letter(), lapse.cause().on(deadline));
    }
    effective
}

/// The status of a record at an instant.
#[must_use]
pub fn effective_at(record: &Record, at: Timestamp) -> Effective {
    effective(record, civil_date(at))
}

/// The next civil date after `after` at whose midnight the effective status can change while the
/// record stays as it is; `None` if it never will.
#[must_use]
pub fn next_transition(record: &Record, after: Date) -> Option<Date> {
    let renewal = renewal_deadline(record);
    let last_days: BTreeSet<Date> = [
        renewal,
        renewal.map(|deadline| deadline.saturating_add(1.year())),
        renewal.map(|deadline| deadline.saturating_add(3.years())),
        medical_deadline(record),
        review_deadline(record),
        Extension::Renewal.in_force(record),
        Extension::Medical.in_force(record),
        Extension::Review.in_force(record),
    ]
    .into_iter()
    .flatten()
    .collect();
    last_days
        .into_iter()
        .filter_map(|last_day| last_day.tomorrow().ok())
        .find(|first_day| *first_day > after)
}

impl Effective {
    fn count_as(&mut self, letter: StatusLetter, reason: Reason) {
        let value = fixed(&letter).map_or(StatusValue::Red, |(value, _)| value);
        self.add(letter, value, Some(reason));
    }

    fn add(&mut self, letter: StatusLetter, value: StatusValue, reason: Option<Reason>) {
        self.value = self.value.strictest(value);
        if !self.letters.contains(&letter) {
            self.letters.push(letter);
        }
        let Some(reason) = reason else { return };
        let known = self
            .reasons
            .iter_mut()
            .find(|known| known.code == reason.code);
        match known {
            None => self.reasons.push(reason),
            // A letter and a date that say the same are one reason; the date says more.
            Some(known) if known.date.is_none() => *known = reason,
            Some(_) => {}
        }
    }
}

/// What one of the registry's letters means on a day.
pub(crate) fn weigh(
    record: &Record,
    letter: &StatusLetter,
    on: Date,
) -> (StatusValue, Option<Reason>) {
    if let Some((value, cause)) = fixed(letter) {
        return (value, cause.map(Cause::reason));
    }
    let Some(extension) = Extension::of(letter) else {
        return (StatusValue::Red, Some(reason::UNKNOWN_STATUS.reason()));
    };
    match extension.until(record) {
        None => (
            StatusValue::Red,
            Some(reason::EXTENSION_DATE_MISSING.reason()),
        ),
        Some(until) if on > until => (StatusValue::Red, Some(extension.ended().on(until))),
        Some(_) => (StatusValue::Valid, None),
    }
}

/// The letters whose meaning does not depend on a date.
fn fixed(letter: &StatusLetter) -> Option<(StatusValue, Option<&'static Cause>)> {
    use StatusLetter as L;
    use StatusValue::{Invalid, Red, Suspended, Valid};

    Some(match letter {
        L::A | L::H | L::I => (Valid, None),
        L::B => (Red, Some(&reason::POINTS_REACHED)),
        L::D => (Red, Some(&reason::SUSPENDED)),
        L::U => (Red, Some(&reason::WITHHELD)),
        L::K => (Red, Some(&reason::IMPOUNDED)),
        L::M => (Red, Some(&reason::EXPIRED)),
        L::S => (Red, Some(&reason::REVIEW_OVERDUE)),
        L::E => (Invalid, Some(&reason::ANNULLED)),
        L::F => (Invalid, Some(&reason::REVOKED)),
        L::G => (Invalid, Some(&reason::CANCELLED)),
        L::J => (Suspended, Some(&reason::OUT_OF_USE)),
        L::L => (Suspended, Some(&reason::LOCKED)),
        L::C => (Suspended, Some(&reason::TRANSFERRED_OUT)),
        L::R => (Suspended, Some(&reason::CANCELLED_RECOVERABLE)),
        L::Z => (Suspended, Some(&reason::OTHER_STATUS)),
        L::N | L::P | L::T | L::Unknown(_) => return None,
    })
}

/// The extensions: each moves one deadline.
#[derive(Clone, Copy)]
enum Extension {
    Renewal,
    Medical,
    Review,
}

impl Extension {
    fn of(letter: &StatusLetter) -> Option<Self> {
        [Self::Renewal, Self::Medical, Self::Review]
            .into_iter()
            .find(|extension| extension.letter() == *letter)
    }

    fn letter(self) -> StatusLetter {
        match self {
            Self::Renewal => StatusLetter::N,
            Self::Medical => StatusLetter::P,
            Self::Review => StatusLetter::T,
        }
    }

    fn until(self, record: &Record) -> Option<Date> {
        match self {
            Self::Renewal => record.extension_until.renewal,
            Self::Medical => record.extension_until.medical,
            Self::Review => record.extension_until.review,
        }
    }

    /// The last day of the extension, if the record carries its letter.
    fn in_force(self, record: &Record) -> Option<Date> {
        self.until(record)
            .filter(|_| record.status.contains(&self.letter()))
    }

    fn ended(self) -> &'static Cause {
        match self {
            Self::Renewal => &reason::RENEWAL_DELAY_ENDED,
            Self::Medical => &reason::MEDICAL_DELAY_ENDED,
            Self::Review => &reason::REVIEW_DELAY_ENDED,
        }
    }

    fn moved(self, record: &Record, deadline: Date) -> Date {
        self.in_force(record)
            .map_or(deadline, |until| until.max(deadline))
    }
}

fn renewal_deadline(record: &Record) -> Option<Date> {
    match record.valid_until {
        ValidUntil::LongTerm => None,
        ValidUntil::Date(date) => Some(Extension::Renewal.moved(record, date)),
    }
}

fn medical_deadline(record: &Record) -> Option<Date> {
    record
        .medical_due
        .map(|due| Extension::Medical.moved(record, due))
}

fn review_deadline(record: &Record) -> Option<Date> {
    record
        .review_due
        .map(|due| Extension::Review.moved(record, due))
}

named! {
    /// How long a licence has been past its validity (逾期未换证, 注销可恢复, 注销).
    pub enum Lapse {
        /// Up to one year.
        Overdue = "overdue",
        /// More than one year, up to three.
        Recoverable = "recoverable",
        /// More than three years.
        Cancelled = "cancelled",
    }
}

impl Lapse {
    /// The lapse on a day, given the last good day; `None` while the licence is good.
    #[must_use]
    pub fn on(last_good_day: Date, on: Date) -> Option<Self> {
        if on <= last_good_day {
            None
        } else if on <= last_good_day.saturating_add(1.year()) {
            Some(Self::Overdue)
        } else if on <= last_good_day.saturating_add(3.years()) {
            Some(Self::Recoverable)
        } else {
            Some(Self::Cancelled)
        }
    }

    /// The letter it counts as.
    #[must_use]
    pub const fn letter(self) -> StatusLetter {
        match self {
            Self::Overdue => StatusLetter::M,
            Self::Recoverable => StatusLetter::R,
            Self::Cancelled => StatusLetter::G,
        }
    }

    const fn cause(self) -> &'static Cause {
        match self {
            Self::Overdue => &reason::EXPIRED_ON,
            Self::Recoverable => &reason::EXPIRED_RECOVERABLE,
            Self::Cancelled => &reason::EXPIRED_CANCELLED,
        }
    }
}
