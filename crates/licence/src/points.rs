//! Violation points (累积记分) and their cycle.

use jiff::ToSpan;
use jiff::civil::Date;

/// The points at which the licence is withheld until study and test.
pub const WITHHELD_AT: u32 = 12;

/// The points that one offence can bring, since 2022-04-01.
pub const OFFENCE_VALUES: [u32; 5] = [12, 9, 6, 3, 1];

/// A cycle of twelve months from the day of the first issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cycle {
    /// Its first day.
    pub first_day: Date,
    /// Its last day.
    pub last_day: Date,
}

/// What becomes of the points when a cycle ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CycleEnd {
    /// Under 12 and the fines paid: the count starts at nought.
    Cleared,
    /// Under 12 and fines open: the count goes on.
    Carried(u32),
    /// 12 or more: withheld until study and test, whatever the cycle.
    Withheld(u32),
}

impl Cycle {
    /// The cycle that a day falls into; `None` before the first issue.
    #[must_use]
    pub fn containing(first_issue: Date, on: Date) -> Option<Self> {
        // Counted from the first issue each time, so that 29 February comes back in leap years.
        let anniversary = |years: i16| first_issue.saturating_add(years.years());
        let years = on.year().saturating_sub(first_issue.year());
        let years = if anniversary(years) > on {
            years.saturating_sub(1)
        } else {
            years
        };
        (years >= 0).then(|| Self {
            first_day: anniversary(years),
            last_day: anniversary(years.saturating_add(1)).saturating_sub(1.day()),
        })
    }
}

/// What becomes of the points at the end of a cycle.
#[must_use]
pub const fn at_cycle_end(points: u32, fines_paid: bool) -> CycleEnd {
    match (points, fines_paid) {
        (WITHHELD_AT.., _) => CycleEnd::Withheld(points),
        (_, true) => CycleEnd::Cleared,
        (_, false) => CycleEnd::Carried(points),
    }
}
