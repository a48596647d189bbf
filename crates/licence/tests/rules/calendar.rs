use licence::calendar::{Calendar, Due, YearPlan, YearPlanError};
use licence::midnight;

use crate::sample::{date, noon};

/// Submitted and due, from the announcements of 2021 to 2026.
const DUE: [(&str, &str); 8] = [
    ("2021-09-17", "2021-09-18"),
    ("2021-09-30", "2021-10-08"),
    ("2024-09-13", "2024-09-14"),
    ("2025-01-27", "2025-02-05"),
    ("2025-09-30", "2025-10-09"),
    ("2026-01-01", "2026-01-04"),
    ("2026-02-14", "2026-02-24"),
    ("2026-04-30", "2026-05-06"),
];

#[test]
fn r42_every_due_date_of_the_reference() {
    let calendar = Calendar::built_in();
    for (submitted, due) in DUE {
        let found = calendar.due_end_of_next_working_day(noon(submitted));
        assert_eq!(found.date(), Some(date(due)), "{submitted}");
    }
}

#[test]
fn sc_06_friday_afternoon_is_due_by_the_end_of_the_make_up_saturday() {
    let submitted = "2024-09-13T16:00:00+08:00".parse().unwrap();
    let due = Calendar::built_in().due_end_of_next_working_day(submitted);
    assert_eq!(due, Due::At("2024-09-14T23:59:59+08:00".parse().unwrap()));
}

#[test]
fn the_day_of_submission_is_that_of_shanghai() {
    let calendar = Calendar::built_in();
    let last_second = "2024-09-12T23:59:59+08:00".parse().unwrap();
    assert_eq!(
        calendar.due_end_of_next_working_day(last_second).date(),
        Some(date("2024-09-13"))
    );
    let first_second = midnight(date("2024-09-13"));
    assert_eq!(
        calendar.due_end_of_next_working_day(first_second).date(),
        Some(date("2024-09-14"))
    );
}

#[test]
fn a_year_that_is_missing_is_never_guessed_and_sorts_first() {
    let calendar = Calendar::built_in();
    let pending = calendar.due_end_of_next_working_day(noon("2026-12-31"));
    assert_eq!(pending, Due::PendingCalendar);
    assert!(pending < Due::At(noon("2021-01-01")));
    assert_eq!(calendar.is_working_day(date("2027-01-04")), None);
    assert_eq!(calendar.missing_year(date("2026-11-01")), None);
    assert_eq!(calendar.missing_year(date("2026-11-02")), Some(2027));
    assert_eq!(calendar.missing_year(date("2027-03-01")), Some(2027));

    let plan = YearPlan {
        year: 2027,
        holidays: [date("2027-01-01")].into(),
        make_up_days: [date("2027-01-02")].into(),
    };
    let calendar = calendar.with_year(plan).unwrap();
    let due = calendar.due_end_of_next_working_day(noon("2026-12-31"));
    assert_eq!(due.date(), Some(date("2027-01-02")));
    assert_eq!(calendar.missing_year(date("2026-11-02")), None);
}

#[test]
fn a_plan_that_contradicts_itself_is_refused() {
    let plan = |holiday: &str, make_up: &str| YearPlan {
        year: 2027,
        holidays: [date(holiday)].into(),
        make_up_days: [date(make_up)].into(),
    };
    let refused = |plan| Calendar::built_in().with_year(plan).unwrap_err();
    assert_eq!(
        refused(plan("2026-12-31", "2027-01-02")),
        YearPlanError::OtherYear(date("2026-12-31"))
    );
    assert_eq!(
        refused(plan("2027-01-02", "2027-01-02")),
        YearPlanError::Both(date("2027-01-02"))
    );
    assert_eq!(
        refused(plan("2027-01-01", "2027-01-04")),
        YearPlanError::NoWeekend(date("2027-01-04"))
    );
}

#[test]
fn weekends_holidays_and_make_up_days() {
    let calendar = Calendar::built_in();
    let is = |day| calendar.is_working_day(date(day));
    assert_eq!(is("2024-09-14"), Some(true));
    assert_eq!(is("2024-09-15"), Some(false));
    assert_eq!(is("2024-09-16"), Some(false));
    assert_eq!(is("2024-09-18"), Some(true));
    assert_eq!(is("2025-02-04"), Some(false));
    assert_eq!(is("2023-10-06"), Some(false));
    assert_eq!(is("2020-01-02"), None);
}
