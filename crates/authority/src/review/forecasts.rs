//! How the queues stand and what is ahead of them: for reviewers, administrators, metrics and the
//! admission of what can wait (R87). Numbers, no persons.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date};
use licence::{
    Calendar, Due, civil_date, midnight,
    workload::{DayForecast, Forecast, Workload, forecast},
};
use storage::{ReviewHistory, ReviewLoad};

use super::queue::own_office;
use crate::{
    Act, Authority, Error, Measure, Role, refusal,
    views::{ForecastDayView, ForecastHourView, ForecastView},
};

/// Days from which arrivals are taken: two weeks have each day of the week twice.
const LOOK_BACK: i32 = 14;
/// What a decision is assumed to take where none was measured yet: to look at two photos, a dozen of
/// findings and the record.
const ASSUMED_SECONDS: u32 = 120;
/// What machines read is not older than this, and is not made anew for each of them.
const FRESH: SignedDuration = SignedDuration::from_secs(60);
/// Offices whose forecast machines read, those with most waiting first.
const MEASURED: usize = 500;

/// The forecast of an office with what it rests on.
#[derive(Clone, Debug)]
pub struct ReviewForecast {
    /// The issuing authority.
    pub office: String,
    /// How its queue stands.
    pub load: ReviewLoad,
    /// What is carried on.
    pub workload: Workload,
    /// How many decisions its time rests on.
    pub decisions: u64,
    /// What is ahead.
    pub forecast: Forecast,
}

/// What machines read, for a while.
#[derive(Debug, Default)]
pub(crate) struct ForecastCache(Mutex<Option<(Timestamp, Vec<Measure>)>>);

impl ForecastCache {
    fn fresh(&self, now: Timestamp) -> Option<Vec<Measure>> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, measures) = held.as_ref()?;
        let age = now.duration_since(*at);
        (SignedDuration::ZERO <= age && age < FRESH).then(|| measures.clone())
    }

    fn keep(&self, now: Timestamp, measures: &[Measure]) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *held = Some((now, measures.to_vec()));
    }
}

impl Authority {
    /// How the queue of an office stands: one look into its index, cheap enough for every request.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn review_load(&self, office: &str, now: Timestamp) -> Result<ReviewLoad, Error> {
        Ok(self.store().review_load(office, now).await?)
    }

    /// The forecast of an office.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn review_forecast_of(
        &self,
        office: &str,
        now: Timestamp,
    ) -> Result<ReviewForecast, Error> {
        let calendar = self.inner.calendar.calendar();
        let today = civil_date(now);
        let since = today.checked_sub(LOOK_BACK.days()).unwrap_or(today);
        let active_since = midnight(last_working_day(&calendar, today));
        let history = self
            .store()
            .review_history(office, midnight(since), (now, active_since))
            .await?;
        let load = self.review_load(office, now).await?;
        let workload = workload(&history, now);
        Ok(ReviewForecast {
            office: office.to_owned(),
            load,
            decisions: count(history.seconds.len()),
            forecast: forecast(&workload, &calendar),
            workload,
        })
    }

    /// The forecast for a reviewer's own office, or for any, as an administrator names it.
    ///
    /// # Errors
    /// Without the role; for a reviewer of another office; for an office that there is not.
    pub async fn review_forecast(
        &self,
        act: &Act,
        office: Option<&str>,
    ) -> Result<ForecastView, Error> {
        let actor = act.staff(&[Role::Reviewer, Role::Admin])?;
        let office = match office {
            Some(named) if actor.has(Role::Admin) => {
                let offices = self.store().offices().await?;
                let known = offices.iter().any(|it| it.authority_code == named);
                known.then_some(named).ok_or(refusal::NOT_FOUND)?
            }
            Some(named) if own_office(actor)? == named => named,
            Some(_) => return Err(refusal::OUT_OF_SCOPE.into()),
            None => own_office(actor)?,
        };
        let found = self.review_forecast_of(office, act.now).await?;
        Ok(forecast_view(found, act.now))
    }

    /// What machines watch of the queues, of each office that has open cases.
    pub(crate) async fn review_measures(&self, now: Timestamp) -> Result<Vec<Measure>, Error> {
        if let Some(fresh) = self.inner.forecasts.fresh(now) {
            return Ok(fresh);
        }
        let mut loads = self.store().review_loads(now).await?;
        loads.sort_by_key(|(_, load)| std::cmp::Reverse(load.open));
        loads.truncate(MEASURED);
        loads.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut found = Vec::with_capacity(loads.len());
        for (office, _) in &loads {
            found.push(self.review_forecast_of(office, now).await?);
        }
        let measures = measures(&found);
        self.inner.forecasts.keep(now, &measures);
        Ok(measures)
    }
}

/// The last working day before `today`; the day before, where the calendar does not say.
fn last_working_day(calendar: &Calendar, today: Date) -> Date {
    let before = (1..=LOOK_BACK).filter_map(|days| today.checked_sub(days.days()).ok());
    let mut working = before.filter(|day| calendar.is_working_day(*day) == Some(true));
    working
        .next()
        .or_else(|| today.yesterday().ok())
        .unwrap_or(today)
}

/// What was, as it is carried on.
fn workload(history: &ReviewHistory, now: Timestamp) -> Workload {
    let mut seconds = history.seconds.clone();
    seconds.sort_unstable();
    let median = seconds.get(seconds.len() / 2).copied();
    Workload {
        at: now,
        open: history
            .due
            .iter()
            .map(|(due, cases)| (due.map_or(Due::PendingCalendar, Due::At), *cases))
            .collect(),
        arrivals: arrivals(&history.arrivals, now),
        seconds_per_decision: median.map_or(ASSUMED_SECONDS, |median| {
            u32::try_from(median.max(1)).unwrap_or(u32::MAX)
        }),
        reviewers: u32::try_from(history.reviewers).unwrap_or(u32::MAX),
    }
}

/// Thousandths of cases that came in each hour of a day in Asia/Shanghai: the average of the whole
/// days since the first case of the last two weeks; of today, where there was none before.
fn arrivals(hours: &[(i64, u64)], now: Timestamp) -> [u64; 24] {
    const PER_DAY: i64 = 24;
    const SHANGHAI: i64 = 8;
    // Hours and days since 1970 as they are counted in Shanghai.
    let local = |hour: i64| hour.saturating_add(SHANGHAI);
    let today = local(now.as_second().div_euclid(3600)).div_euclid(PER_DAY);
    let day_of = |hour: i64| local(hour).div_euclid(PER_DAY);
    let first = hours.iter().map(|(hour, _)| day_of(*hour)).min();
    let whole_days = first.map_or(0, |first| today.saturating_sub(first));
    let days = u64::try_from(whole_days.max(1)).unwrap_or(1);
    let mut arrivals = [0_u64; 24];
    for (hour, cases) in hours {
        if whole_days > 0 && day_of(*hour) >= today {
            continue;
        }
        let of_day = usize::try_from(local(*hour).rem_euclid(PER_DAY)).unwrap_or_default();
        if let Some(sum) = arrivals.get_mut(of_day) {
            *sum = sum.saturating_add(cases.saturating_mul(1000));
        }
    }
    arrivals.map(|sum| sum / days)
}

fn measures(found: &[ReviewForecast]) -> Vec<Measure> {
    type Read = fn(&ReviewForecast) -> u64;
    let rows: [(&'static str, &'static str, Read); 8] = [
        (
            "jiazhao_review_waiting",
            "Open cases that nobody holds, by office.",
            |it| it.load.waiting,
        ),
        ("jiazhao_review_open", "Open cases, by office.", |it| {
            it.load.open
        }),
        (
            "jiazhao_review_overdue",
            "Open cases whose time has passed, by office.",
            |it| it.load.overdue,
        ),
        (
            "jiazhao_review_arrivals_per_day",
            "Cases that came in a day on average, by office.",
            |it| {
                it.workload
                    .arrivals
                    .iter()
                    .fold(0, |sum: u64, it| sum.saturating_add(*it))
                    / 1000
            },
        ),
        (
            "jiazhao_review_decision_seconds",
            "Median from claim to decision, by office.",
            |it| it.workload.seconds_per_decision.into(),
        ),
        (
            "jiazhao_review_due_load_per_hour",
            "Cases to decide in the next working hour, by office.",
            |it| due_load(&it.forecast).div_ceil(1000),
        ),
        (
            "jiazhao_review_reviewers_needed",
            "Reviewers with whom as few cases as possible come late, by office.",
            |it| it.forecast.reviewers_needed.into(),
        ),
        (
            "jiazhao_review_predicted_breaches",
            "Cases that come late with the reviewers there are, by office.",
            |it| it.forecast.breaches,
        ),
    ];
    rows.into_iter()
        .map(|(name, help, read)| {
            let samples = found.iter().map(|it| (it.office.clone(), read(it)));
            Measure::gauges(name, help, "office", samples)
        })
        .collect()
}

/// Of the next working hour.
fn due_load(forecast: &Forecast) -> u64 {
    let mut hours = forecast.days.iter().flat_map(|day| &day.hours);
    hours.next().map_or(0, |hour| hour.due_load)
}

fn forecast_view(found: ReviewForecast, now: Timestamp) -> ForecastView {
    ForecastView {
        office: found.office,
        as_of: now,
        waiting: found.load.waiting,
        overdue: found.load.overdue,
        arrivals_per_hour: found.workload.arrivals.map(cases).to_vec(),
        seconds_per_decision: found.workload.seconds_per_decision,
        decisions_measured: found.decisions,
        reviewers: found.workload.reviewers,
        reviewers_needed: found.forecast.reviewers_needed,
        predicted_breaches: found.forecast.breaches,
        days: found.forecast.days.iter().map(day_view).collect(),
    }
}

fn day_view(day: &DayForecast) -> ForecastDayView {
    ForecastDayView {
        date: day.date,
        due: cases(day.due),
        breaches: day.breaches,
        hours: day
            .hours
            .iter()
            .map(|hour| ForecastHourView {
                hour: hour.hour,
                arrivals: cases(hour.arrivals),
                due_load: cases(hour.due_load),
            })
            .collect(),
    }
}

/// Thousandths of cases as cases.
fn cases(thousandths: u64) -> f64 {
    f64::from(u32::try_from(thousandths).unwrap_or(u32::MAX)) / 1000.0
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn hour(text: &str) -> i64 {
        at(text).as_second() / 3600
    }

    #[test]
    fn arrivals_are_the_average_of_whole_days_by_the_hour_of_shanghai() {
        let now = at("2024-09-04T12:00:00+08:00");
        let came = [
            (hour("2024-09-02T10:00:00+08:00"), 6),
            (hour("2024-09-03T10:00:00+08:00"), 2),
            (hour("2024-09-03T00:00:00+08:00"), 1),
            // Today is not over.
            (hour("2024-09-04T10:00:00+08:00"), 50),
        ];
        let found = arrivals(&came, now);
        assert_eq!((found[10], found[0]), (4000, 500));
        assert_eq!(found.iter().sum::<u64>(), 4500);
        // Where nothing came before, today counts.
        let found = arrivals(&came[3..], now);
        assert_eq!(found[10], 50_000);
        assert_eq!(arrivals(&[], now), [0; 24]);
    }

    #[test]
    fn a_decision_takes_the_median_or_what_is_assumed() {
        let now = at("2024-09-04T12:00:00+08:00");
        let history = |seconds: &[u64]| ReviewHistory {
            seconds: seconds.to_vec(),
            ..ReviewHistory::default()
        };
        let taken = |seconds: &[u64]| workload(&history(seconds), now).seconds_per_decision;
        assert_eq!(taken(&[]), ASSUMED_SECONDS);
        assert_eq!(taken(&[900, 30, 40]), 40);
        assert_eq!(taken(&[0]), 1);
    }

    #[test]
    fn the_last_working_day_is_before_weekend_and_holidays() {
        let calendar = Calendar::built_in();
        for (today, last) in [
            ("2024-09-03", "2024-09-02"),
            ("2024-09-02", "2024-08-30"),
            ("2024-09-18", "2024-09-14"),
            ("2030-01-02", "2030-01-01"),
        ] {
            let found = last_working_day(&calendar, today.parse().unwrap());
            assert_eq!(found, last.parse().unwrap());
        }
    }
}
