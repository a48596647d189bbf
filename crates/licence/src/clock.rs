//! Civil dates and instants of Asia/Shanghai, kept apart.
//!
//! China has had one offset and no summer time since 1991-09-15, so a fixed UTC+8 is exact for
//! every date on which anything here takes effect, and no time-zone database is needed.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

const SHANGHAI: Offset = Offset::constant(8);

/// The civil date in Asia/Shanghai at an instant.
#[must_use]
pub fn civil_date(at: Timestamp) -> Date {
    SHANGHAI.to_datetime(at).date()
}

/// The instant at which a civil date begins in Asia/Shanghai.
#[must_use]
pub fn midnight(date: Date) -> Timestamp {
    instant(date.at(0, 0, 0, 0))
}

/// The last whole second of a civil date in Asia/Shanghai.
#[must_use]
pub fn end_of_day(date: Date) -> Timestamp {
    instant(date.at(23, 59, 59, 0))
}

/// The civil minute in Asia/Shanghai in which an instant lies, as people read it: `2024-09-14 08:30`.
#[must_use]
pub fn minute(at: Timestamp) -> String {
    let civil = SHANGHAI.to_datetime(at);
    let time = civil.time();
    format!("{} {:02}:{:02}", civil.date(), time.hour(), time.minute())
}

/// Civil times at the very edge of the calendar, beyond what an instant can name, give the edge.
fn instant(at: DateTime) -> Timestamp {
    let edge = if at.year() < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    SHANGHAI.to_timestamp(at).unwrap_or(edge)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_day_runs_from_midnight_to_the_last_second_in_shanghai() {
        let day = date(2024, 9, 14);
        assert_eq!(midnight(day).to_string(), "2024-09-13T16:00:00Z");
        assert_eq!(end_of_day(day).to_string(), "2024-09-14T15:59:59Z");
        assert_eq!(civil_date(midnight(day)), day);
        assert_eq!(civil_date(end_of_day(day)), day);
        assert_eq!(
            civil_date("2024-09-14T16:00:00Z".parse().unwrap()),
            date(2024, 9, 15)
        );
    }

    #[test]
    fn a_minute_reads_as_in_shanghai() {
        let at = "2024-09-14T16:05:59Z".parse().unwrap();
        assert_eq!(minute(at), "2024-09-15 00:05");
    }

    #[test]
    fn the_edges_of_the_calendar_saturate() {
        assert_eq!(end_of_day(Date::MAX), Timestamp::MAX);
        assert_eq!(midnight(Date::MIN), Timestamp::MIN);
    }
}
