//! What an office's reviewers will have to do until what is due (R42): arrivals and decisions as they
//! were lately, carried on hour by hour over the next working days. Numbers of cases, no persons.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::calendar::{Calendar, Due};
use crate::clock::{civil_date, midnight};

/// The hours of a working day in which decisions are made: 9 to 12 and 13 to 17, as counters of
/// vehicle administration offices are open.
pub const WORKING_HOURS: [u8; 7] = [9, 10, 11, 13, 14, 15, 16];
/// Working days ahead: what comes in on the last of them is due after it.
const DAYS: usize = 3;
/// Civil days that are looked through for them; the longest holidays have nine.
const LOOK_AHEAD: i32 = 15;
/// No office has more reviewers.
const MOST_REVIEWERS: u32 = 1000;
/// A case in the thousandths in which the forecast counts.
const CASE: u64 = 1000;
const HOUR: u64 = 3600;

/// What is known of an office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// As of when.
    pub at: Timestamp,
    /// Open cases by what is due when.
    pub open: Vec<(Due, u64)>,
    /// Thousandths of cases that come in each hour of a day in Asia/Shanghai.
    pub arrivals: [u64; 24],
    /// From claim to decision.
    pub seconds_per_decision: u32,
    /// Who decide at the same time.
    pub reviewers: u32,
}

/// What will have to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// The next working days, this one among them while it lasts.
    pub days: Vec<DayForecast>,
    /// The fewest reviewers with whom as few cases as possible come late.
    pub reviewers_needed: u32,
    /// Cases that come late with the reviewers there are; those that are late already do not count.
    pub breaches: u64,
}

/// A working day ahead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayForecast {
    /// The day.
    pub date: Date,
    /// Thousandths of cases due at its end, those that are still to come among them.
    pub due: u64,
    /// Cases that come late at its end.
    pub breaches: u64,
    /// Its working hours that are left.
    pub hours: Vec<HourForecast>,
}

/// A working hour ahead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourForecast {
    /// The hour of the day in Asia/Shanghai.
    pub hour: u8,
    /// Thousandths of cases that come in it.
    pub arrivals: u64,
    /// Thousandths of cases to decide in it, so that those due at the day's end are spread evenly
    /// over what is left of the day.
    pub due_load: u64,
}

/// Carries the workload on. Where the working calendar ends, so does the forecast.
#[must_use]
pub fn forecast(workload: &Workload, calendar: &Calendar) -> Forecast {
    let plan = Plan::new(workload, calendar);
    let days = plan.run(workload.reviewers);
    let fewest = breaches(&plan.run(MOST_REVIEWERS));
    let (mut low, mut high) = (0, MOST_REVIEWERS);
    while low < high {
        let middle = low.midpoint(high);
        if breaches(&plan.run(middle)) > fewest {
            low = middle.saturating_add(1);
        } else {
            high = middle;
        }
    }
    Forecast {
        breaches: breaches(&days),
        days,
        reviewers_needed: low,
    }
}

fn breaches(days: &[DayForecast]) -> u64 {
    days.iter()
        .map(|day| day.breaches)
        .fold(0, u64::saturating_add)
}

/// The hours to go through, which are the same for any number of reviewers.
struct Plan<'a> {
    workload: &'a Workload,
    hours: Vec<PlannedHour>,
}

struct PlannedHour {
    date: Date,
    hour: u8,
    /// Thousandths of cases that come in it, and the day at whose end they are due.
    arrivals: u64,
    due: Option<Date>,
    /// Seconds in which decisions are made; none outside working hours.
    work: u64,
    /// Whether the day ends with it.
    last: bool,
}

impl<'a> Plan<'a> {
    fn new(workload: &'a Workload, calendar: &Calendar) -> Self {
        let today = civil_date(workload.at);
        let mut hours = Vec::new();
        let mut working_days = 0_usize;
        for date in (0..LOOK_AHEAD).filter_map(|ahead| today.checked_add(ahead.days()).ok()) {
            let Some(working) = calendar.is_working_day(date) else {
                break;
            };
            let due = calendar.due_end_of_next_working_day(midnight(date)).date();
            for (hour, arrivals) in (0_u8..).zip(workload.arrivals) {
                let left = seconds_left(workload.at, date, hour);
                hours.push(PlannedHour {
                    date,
                    hour,
                    arrivals: arrivals.saturating_mul(left) / HOUR,
                    due,
                    work: if working && WORKING_HOURS.contains(&hour) {
                        left
                    } else {
                        0
                    },
                    last: hour == 23,
                });
            }
            // A day whose hours are over still has its deadline, and counts as none to work on.
            let worked = hours.iter().any(|it| it.date == date && it.work > 0);
            working_days = working_days.saturating_add(usize::from(worked));
            if working_days == DAYS {
                break;
            }
        }
        Self { workload, hours }
    }

    /// What happens with so many reviewers, who always decide what is due first.
    fn run(&self, reviewers: u32) -> Vec<DayForecast> {
        let mut backlog = Backlog::new(self.workload);
        let mut days: Vec<DayForecast> = Vec::new();
        for hour in &self.hours {
            let opens = days.last().is_none_or(|day| day.date != hour.date);
            if opens {
                days.push(DayForecast {
                    date: hour.date,
                    due: backlog.due_by(hour.date),
                    breaches: 0,
                    hours: Vec::new(),
                });
            }
            let Some(day) = days.last_mut() else {
                continue;
            };
            if hour.work > 0 {
                let left = self.work_left(hour);
                let load = backlog.due_by(hour.date).saturating_mul(hour.work);
                day.hours.push(HourForecast {
                    hour: hour.hour,
                    arrivals: hour.arrivals,
                    due_load: load.checked_div(left).unwrap_or_default(),
                });
            }
            if let Some(due) = hour.due {
                backlog.add(due, hour.arrivals);
            }
            backlog.decide(capacity(self.workload, reviewers, hour.work));
            if hour.last {
                day.breaches = backlog.late(hour.date).div_ceil(CASE);
            }
        }
        days.retain(|day| !day.hours.is_empty() || day.breaches > 0);
        days
    }

    /// Working seconds of the hour's day from it on.
    fn work_left(&self, from: &PlannedHour) -> u64 {
        let later = self
            .hours
            .iter()
            .filter(|it| it.date == from.date && it.hour >= from.hour);
        later.map(|it| it.work).fold(0, u64::saturating_add)
    }
}

/// Thousandths of cases that are decided in so many seconds.
fn capacity(workload: &Workload, reviewers: u32, seconds: u64) -> u64 {
    let seconds = u64::from(reviewers).saturating_mul(seconds);
    let each = u64::from(workload.seconds_per_decision.max(1));
    seconds.saturating_mul(CASE) / each
}

/// Seconds of an hour of a day that are still to come.
fn seconds_left(at: Timestamp, date: Date, hour: u8) -> u64 {
    let begins = midnight(date).saturating_add(SignedDuration::from_hours(hour.into()));
    let ends = begins.and_then(|begins| begins.saturating_add(SignedDuration::from_hours(1)));
    let left = ends.map_or(0, |ends| ends.as_second().saturating_sub(at.as_second()));
    u64::try_from(left.max(0)).map_or(0, |left| left.min(HOUR))
}

/// Thousandths of cases to decide, in the order in which they are decided.
struct Backlog {
    /// What waits for its calendar comes first, then what is late already.
    first: u64,
    by_day: BTreeMap<Date, u64>,
}

impl Backlog {
    fn new(workload: &Workload) -> Self {
        let mut backlog = Self {
            first: 0,
            by_day: BTreeMap::new(),
        };
        for (due, cases) in &workload.open {
            let cases = cases.saturating_mul(CASE);
            match due {
                Due::At(at) if *at >= workload.at => backlog.add(civil_date(*at), cases),
                Due::At(_) | Due::PendingCalendar => {
                    backlog.first = backlog.first.saturating_add(cases);
                }
            }
        }
        backlog
    }

    fn add(&mut self, due: Date, cases: u64) {
        let there = self.by_day.entry(due).or_default();
        *there = there.saturating_add(cases);
    }

    fn due_by(&self, date: Date) -> u64 {
        let due = self.by_day.range(..=date).map(|(_, cases)| *cases);
        due.fold(0, u64::saturating_add)
    }

    fn decide(&mut self, mut capacity: u64) {
        let rows = std::iter::once(&mut self.first).chain(self.by_day.values_mut());
        for row in rows {
            let done = capacity.min(*row);
            *row = row.saturating_sub(done);
            capacity = capacity.saturating_sub(done);
        }
    }

    /// What was due by the end of `date` and is not decided comes late, and first from then on.
    fn late(&mut self, date: Date) -> u64 {
        let late = self.due_by(date);
        self.by_day.retain(|due, _| *due > date);
        self.first = self.first.saturating_add(late);
        late
    }
}
