use licence::ValidUntil;
use licence::application::PhotoOrigin;
use licence::photo::{change_possible_from, taken_within_six_months};
use licence::points::{Cycle, CycleEnd, at_cycle_end};
use licence::status::Lapse;
use licence::validity::{Term, in_renewal_window, needs_yearly_medical};

use crate::sample::date;

#[test]
fn r71_six_months_count_from_the_day_the_photo_was_taken() {
    let within = |taken, on| taken_within_six_months(date(taken), date(on));
    assert!(within("2024-03-15", "2024-03-15"));
    assert!(within("2024-03-15", "2024-09-15"));
    assert!(!within("2024-03-15", "2024-09-16"));
    assert!(within("2024-08-31", "2025-02-28"));
    assert!(!within("2024-08-31", "2025-03-01"));
    assert!(!within("2024-03-16", "2024-03-15"));
}

#[test]
fn r32_sc_14_a_photo_change_waits_only_after_a_submitted_photo() {
    let from = |origin| change_possible_from(origin, date("2024-03-15"));
    assert_eq!(from(PhotoOrigin::OnFile), date("2024-03-15"));
    assert_eq!(from(PhotoOrigin::Camera), date("2024-09-15"));
    assert_eq!(from(PhotoOrigin::Album), date("2024-09-15"));
    assert_eq!(from(PhotoOrigin::Counter), date("2024-09-15"));
}

#[test]
fn points_are_counted_in_years_from_the_first_issue() {
    let cycle = |first, on| {
        Cycle::containing(date(first), date(on)).map(|cycle| (cycle.first_day, cycle.last_day))
    };
    let span = |first, last| Some((date(first), date(last)));
    assert_eq!(
        cycle("2012-05-01", "2024-04-30"),
        span("2023-05-01", "2024-04-30")
    );
    assert_eq!(
        cycle("2012-05-01", "2024-05-01"),
        span("2024-05-01", "2025-04-30")
    );
    assert_eq!(
        cycle("2012-05-01", "2012-05-01"),
        span("2012-05-01", "2013-04-30")
    );
    assert_eq!(cycle("2012-05-01", "2012-04-30"), None);
    assert_eq!(
        cycle("2020-02-29", "2023-02-28"),
        span("2023-02-28", "2024-02-28")
    );
    assert_eq!(
        cycle("2020-02-29", "2024-02-29"),
        span("2024-02-29", "2025-02-27")
    );
}

#[test]
fn at_the_end_of_a_cycle_points_are_cleared_carried_or_held() {
    assert_eq!(at_cycle_end(11, true), CycleEnd::Cleared);
    assert_eq!(at_cycle_end(11, false), CycleEnd::Carried(11));
    assert_eq!(at_cycle_end(12, true), CycleEnd::Withheld(12));
    assert_eq!(at_cycle_end(15, false), CycleEnd::Withheld(15));
}

#[test]
fn terms_grow_where_no_cycle_reached_twelve() {
    assert_eq!(Term::SixYears.next(false), Term::TenYears);
    assert_eq!(Term::TenYears.next(false), Term::LongTerm);
    assert_eq!(Term::LongTerm.next(false), Term::LongTerm);
    for term in Term::ALL {
        assert_eq!(term.next(true), *term);
    }
    let until = |term: Term| term.valid_until(date("2018-05-01"));
    assert_eq!(until(Term::SixYears), ValidUntil::Date(date("2024-05-01")));
    assert_eq!(until(Term::TenYears), ValidUntil::Date(date("2028-05-01")));
    assert_eq!(until(Term::LongTerm), ValidUntil::LongTerm);
}

#[test]
fn renewal_is_possible_in_the_last_ninety_days() {
    let window = |on| in_renewal_window(ValidUntil::Date(date("2024-05-01")), date(on));
    assert!(!window("2024-02-01"));
    assert!(window("2024-02-02"));
    assert!(window("2024-05-01"));
    assert!(!window("2024-05-02"));
    assert!(!in_renewal_window(ValidUntil::LongTerm, date("2024-05-01")));
}

#[test]
fn the_yearly_medical_begins_on_the_seventieth_birthday() {
    assert!(!needs_yearly_medical(
        date("1954-05-01"),
        date("2024-04-30")
    ));
    assert!(needs_yearly_medical(date("1954-05-01"), date("2024-05-01")));
}

#[test]
fn past_validity_up_to_one_year_three_years_and_beyond() {
    let lapse = |on| Lapse::on(date("2020-05-01"), date(on));
    assert_eq!(lapse("2020-05-01"), None);
    assert_eq!(lapse("2020-05-02"), Some(Lapse::Overdue));
    assert_eq!(lapse("2021-05-01"), Some(Lapse::Overdue));
    assert_eq!(lapse("2021-05-02"), Some(Lapse::Recoverable));
    assert_eq!(lapse("2023-05-01"), Some(Lapse::Recoverable));
    assert_eq!(lapse("2023-05-02"), Some(Lapse::Cancelled));
}
