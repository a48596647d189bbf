//! What an office's reviewers will have to do, and working days.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /review/forecast`: arrivals and decisions as they were lately, carried on over the next working
/// days. Numbers of cases; no persons.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ForecastView {
    /// The issuing authority.
    pub office: String,
    /// As of when.
    #[schema(value_type = String, format = DateTime)]
    pub as_of: Timestamp,
    /// Open cases that nobody holds.
    pub waiting: u64,
    /// Open cases that are late already.
    pub overdue: u64,
    /// Cases that came in each hour of a day in Asia/Shanghai, on average.
    pub arrivals_per_hour: Vec<f64>,
    /// Median from claim to decision, of the newest decisions.
    pub seconds_per_decision: u32,
    /// How many decisions that rests on; with none the time is assumed.
    pub decisions_measured: u64,
    /// Reviewers who held a case or decided one since the last working day began.
    pub reviewers: u32,
    /// The fewest reviewers with whom as few cases as possible come late.
    pub reviewers_needed: u32,
    /// Cases that come late with the reviewers there are.
    pub predicted_breaches: u64,
    /// The next working days.
    pub days: Vec<ForecastDayView>,
}

/// A working day ahead.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ForecastDayView {
    /// The day.
    #[schema(value_type = String, format = Date)]
    pub date: Date,
    /// Cases due at its end, those that are still to come among them.
    pub due: f64,
    /// Cases that come late at its end.
    pub breaches: u64,
    /// Its working hours that are left.
    pub hours: Vec<ForecastHourView>,
}

/// A working hour ahead.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ForecastHourView {
    /// The hour of the day in Asia/Shanghai.
    pub hour: u8,
    /// Cases that come in it.
    pub arrivals: f64,
    /// Cases to decide in it, so that those due at the day's end are spread evenly over what is left.
    pub due_load: f64,
}

/// `PUT /admin/calendar`: a year's announcement of holidays (节假日安排), and `GET`, the years there are.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CalendarYearView {
    /// The year.
    pub year: i16,
    /// Days off, weekends within them included.
    #[schema(value_type = Vec<String>)]
    pub holidays: Vec<Date>,
    /// Weekend days on which people work (调休上班).
    #[schema(value_type = Vec<String>)]
    pub make_up_days: Vec<Date>,
}

/// The working calendar.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CalendarView {
    /// The years it has.
    pub years: Vec<CalendarYearView>,
    /// The year that begins within 60 days, or has begun, and is missing: reviews have no due time then.
    pub missing: Option<i16>,
}
