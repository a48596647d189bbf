//! Working days (工作日) of China, as data (R42).
//!
//! A year that is not in the calendar is never guessed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use crate::clock::{civil_date, end_of_day};

/// The working calendar.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Calendar {
    years: BTreeMap<i16, YearPlan>,
}

/// The announcement for one year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct YearPlan {
    /// The year.
    pub year: i16,
    /// Days off, weekends within them included.
    pub holidays: BTreeSet<Date>,
    /// Weekend days on which people work (调休上班).
    pub make_up_days: BTreeSet<Date>,
}

/// Why a year's plan was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum YearPlanError {
    /// A date belongs to another year.
    #[error("{0} belongs to another year")]
    OtherYear(Date),
    /// A date is both a holiday and a make-up day.
    #[error("{0} is both a holiday and a working day")]
    Both(Date),
    /// A make-up day is no weekend day.
    #[error("{0} is no weekend day")]
    NoWeekend(Date),
}

/// When something is due. What waits for a calendar sorts first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Due {
    /// The calendar of the year is missing; it is computed when it arrives.
    PendingCalendar,
    /// By this instant, the last second of a day in Asia/Shanghai.
    At(Timestamp),
}

impl Due {
    /// The civil date, if known.
    #[must_use]
    pub fn date(self) -> Option<Date> {
        match self {
            Self::PendingCalendar => None,
            Self::At(at) => Some(civil_date(at)),
        }
    }
}

impl Calendar {
    /// The years 2021 to 2026, as announced.
    #[must_use]
    pub fn built_in() -> Self {
        Self {
            years: BUILT_IN
                .iter()
                .map(|year| (year.year, year.plan()))
                .collect(),
        }
    }

    /// Adds or replaces a year.
    ///
    /// # Errors
    /// If the plan contradicts itself or names days of another year.
    pub fn with_year(mut self, plan: YearPlan) -> Result<Self, YearPlanError> {
        for day in plan.holidays.iter().chain(&plan.make_up_days).copied() {
            if day.year() != plan.year {
                return Err(YearPlanError::OtherYear(day));
            }
        }
        if let Some(day) = plan.holidays.intersection(&plan.make_up_days).next() {
            return Err(YearPlanError::Both(*day));
        }
        if let Some(day) = plan.make_up_days.iter().find(|day| !is_weekend(**day)) {
            return Err(YearPlanError::NoWeekend(*day));
        }
        self.years.insert(plan.year, plan);
        Ok(self)
    }

    /// The years that it has, in order.
    pub fn years(&self) -> impl Iterator<Item = &YearPlan> {
        self.years.values()
    }

    /// Whether people work on a day; `None` if its year is not in the calendar.
    #[must_use]
    pub fn is_working_day(&self, day: Date) -> Option<bool> {
        let plan = self.years.get(&day.year())?;
        Some(plan.make_up_days.contains(&day) || !(is_weekend(day) || plan.holidays.contains(&day)))
    }

    /// One working day after a submission: the day of submission does not count, and the term
    /// ends with the next working day (R42).
    #[must_use]
    pub fn due_end_of_next_working_day(&self, submitted: Timestamp) -> Due {
        let mut day = civil_date(submitted);
        loop {
            let Ok(next) = day.tomorrow() else {
                return Due::PendingCalendar;
            };
            day = next;
            match self.is_working_day(day) {
                None => return Due::PendingCalendar,
                Some(true) => return Due::At(end_of_day(day)),
                Some(false) => {}
            }
        }
    }

    /// The year that begins or has begun within the next 60 days and is missing, for the
    /// operator's warning.
    #[must_use]
    pub fn missing_year(&self, on: Date) -> Option<i16> {
        [on.year(), on.saturating_add(60.days()).year()]
            .into_iter()
            .find(|year| !self.years.contains_key(year))
    }
}

fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// A year's announcement in short: months and days, holidays as first and last day.
struct Announced {
    year: i16,
    holidays: &'static [[i8; 4]],
    make_up_days: &'static [[i8; 2]],
}

impl Announced {
    fn plan(&self) -> YearPlan {
        let day = |month, day| Date::new(self.year, month, day).ok();
        YearPlan {
            year: self.year,
            holidays: self
                .holidays
                .iter()
                .filter_map(|[month, first, last_month, last]| {
                    Some((day(*month, *first)?, day(*last_month, *last)?))
                })
                .flat_map(|(first, last)| first.series(1.day()).take_while(move |day| *day <= last))
                .collect(),
            make_up_days: self
                .make_up_days
                .iter()
                .filter_map(|[month, number]| day(*month, *number))
                .collect(),
        }
    }
}

static BUILT_IN: [Announced; 6] = [
    Announced {
        year: 2021,
        holidays: &[
            [1, 1, 1, 3],
            [2, 11, 2, 17],
            [4, 3, 4, 5],
            [5, 1, 5, 5],
            [6, 12, 6, 14],
            [9, 19, 9, 21],
            [10, 1, 10, 7],
        ],
        make_up_days: &[[2, 7], [2, 20], [4, 25], [5, 8], [9, 18], [9, 26], [10, 9]],
    },
    Announced {
        year: 2022,
        holidays: &[
            [1, 1, 1, 3],
            [1, 31, 2, 6],
            [4, 3, 4, 5],
            [4, 30, 5, 4],
            [6, 3, 6, 5],
            [9, 10, 9, 12],
            [10, 1, 10, 7],
            [12, 31, 12, 31],
        ],
        make_up_days: &[[1, 29], [1, 30], [4, 2], [4, 24], [5, 7], [10, 8], [10, 9]],
    },
    Announced {
        year: 2023,
        holidays: &[
            [1, 1, 1, 2],
            [1, 21, 1, 27],
            [4, 5, 4, 5],
            [4, 29, 5, 3],
            [6, 22, 6, 24],
            [9, 29, 10, 6],
            [12, 30, 12, 31],
        ],
        make_up_days: &[[1, 28], [1, 29], [4, 23], [5, 6], [6, 25], [10, 7], [10, 8]],
    },
    Announced {
        year: 2024,
        holidays: &[
            [1, 1, 1, 1],
            [2, 10, 2, 17],
            [4, 4, 4, 6],
            [5, 1, 5, 5],
            [6, 10, 6, 10],
            [9, 15, 9, 17],
            [10, 1, 10, 7],
        ],
        make_up_days: &[
            [2, 4],
            [2, 18],
            [4, 7],
            [4, 28],
            [5, 11],
            [9, 14],
            [9, 29],
            [10, 12],
        ],
    },
    Announced {
        year: 2025,
        holidays: &[
            [1, 1, 1, 1],
            [1, 28, 2, 4],
            [4, 4, 4, 6],
            [5, 1, 5, 5],
            [5, 31, 6, 2],
            [10, 1, 10, 8],
        ],
        make_up_days: &[[1, 26], [2, 8], [4, 27], [9, 28], [10, 11]],
    },
    Announced {
        year: 2026,
        holidays: &[
            [1, 1, 1, 3],
            [2, 15, 2, 23],
            [4, 4, 4, 6],
            [5, 1, 5, 5],
            [6, 19, 6, 21],
            [9, 25, 9, 27],
            [10, 1, 10, 7],
        ],
        make_up_days: &[[1, 4], [2, 14], [2, 28], [5, 9], [9, 20], [10, 10]],
    },
];
