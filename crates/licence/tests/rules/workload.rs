use jiff::Timestamp;
use licence::calendar::{Calendar, Due};
use licence::workload::{Forecast, WORKING_HOURS, Workload, forecast};

use crate::sample::date;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The end of a day in Asia/Shanghai.
fn due(day: &str) -> Due {
    Due::At(at(&format!("{day}T23:59:59+08:00")))
}

/// Monday 2024-09-02 at 9 in Shanghai: nothing comes, a decision takes ten minutes.
fn monday(open: Vec<(Due, u64)>, reviewers: u32) -> Workload {
    Workload {
        at: at("2024-09-02T09:00:00+08:00"),
        open,
        arrivals: [0; 24],
        seconds_per_decision: 600,
        reviewers,
    }
}

fn of(workload: &Workload) -> Forecast {
    forecast(workload, &Calendar::built_in())
}

/// Open cases with their day, reviewers, and what follows: reviewers needed, cases late. A reviewer
/// decides six an hour and 42 a day.
type Case = (&'static [(&'static str, u64)], u32, u32, u64);

const CASES: [Case; 9] = [
    (&[], 0, 0, 0),
    (&[("2024-09-02", 42)], 1, 1, 0),
    (&[("2024-09-02", 43)], 1, 2, 1),
    (&[("2024-09-02", 43)], 2, 2, 0),
    (&[("2024-09-02", 10)], 0, 1, 10),
    // What is due tomorrow has both days.
    (&[("2024-09-03", 84)], 1, 1, 0),
    (&[("2024-09-03", 85)], 1, 2, 1),
    // What is due first is decided first.
    (&[("2024-09-02", 42), ("2024-09-03", 42)], 1, 1, 0),
    (&[("2024-09-02", 40), ("2024-09-03", 50)], 1, 2, 6),
];

#[test]
fn r42_what_is_due_says_how_many_reviewers_are_needed() {
    for (open, reviewers, needed, late) in CASES {
        let open: Vec<_> = open.iter().map(|(day, cases)| (due(day), *cases)).collect();
        let found = of(&monday(open.clone(), reviewers));
        assert_eq!(
            (found.reviewers_needed, found.breaches),
            (needed, late),
            "{open:?} with {reviewers}"
        );
    }
}

#[test]
fn r42_the_next_working_days_skip_holidays_and_take_make_up_days() {
    // Friday 2024-09-13: Saturday is worked, Sunday to Tuesday are the Mid-Autumn holidays.
    let friday = Workload {
        at: at("2024-09-13T16:30:00+08:00"),
        ..monday(vec![(due("2024-09-14"), 14)], 1)
    };
    let found = of(&friday);
    let days: Vec<_> = found.days.iter().map(|day| day.date).collect();
    let expected = ["2024-09-13", "2024-09-14", "2024-09-18"].map(date);
    assert_eq!(days, expected);
    let hours =
        |day: usize| -> Vec<u8> { found.days[day].hours.iter().map(|it| it.hour).collect() };
    assert_eq!(hours(0), [16]);
    assert_eq!(hours(1), WORKING_HOURS);
    // Half an hour on Friday decides three; eleven are left for seven hours on Saturday.
    let saturday = &found.days[1];
    assert_eq!(saturday.due, 11_000);
    assert_eq!(saturday.hours[0].due_load, 11_000 / 7);
    assert_eq!(found.breaches, 0);
}

/// What comes in is due at the end of the next working day, and is decided beside what is there.
#[test]
fn r42_what_is_still_to_come_is_counted() {
    let mut arrivals = [0; 24];
    arrivals[10] = 60_000;
    let busy = Workload {
        arrivals,
        ..monday(Vec::new(), 1)
    };
    let found = of(&busy);
    // Sixty a day with 42 decided: of Monday's, 42 - 6 (the hour before they come) are done on
    // Monday and the rest on Tuesday; what Tuesday leaves is late on Wednesday's end.
    let late: Vec<_> = found.days.iter().map(|day| day.breaches).collect();
    assert_eq!(late, [0, 0, 0]);
    assert_eq!(found.days[1].due, 24_000);
    assert_eq!(found.days[0].hours[1].arrivals, 60_000);
    let idle = of(&Workload {
        reviewers: 0,
        ..busy.clone()
    });
    assert_eq!(idle.breaches, 120);
    assert_eq!(idle.reviewers_needed, 1);
    let surge = of(&Workload {
        arrivals: arrivals.map(|cases| cases * 2),
        ..busy
    });
    assert!(surge.breaches > 0, "{surge:?}");
    assert_eq!(surge.reviewers_needed, 2);
}

/// What is late already is decided first and is no new breach; nobody can prevent what is due in an
/// evening without working hours.
#[test]
fn r42_what_cannot_be_prevented_needs_no_reviewers() {
    let late = monday(vec![(due("2024-08-30"), 42), (due("2024-09-02"), 1)], 1);
    let found = of(&late);
    assert_eq!((found.breaches, found.reviewers_needed), (1, 2));
    let pending = monday(vec![(Due::PendingCalendar, 42), (due("2024-09-02"), 1)], 1);
    assert_eq!(of(&pending).breaches, 1);
    let evening = Workload {
        at: at("2024-09-02T20:00:00+08:00"),
        ..monday(vec![(due("2024-09-02"), 5)], 3)
    };
    let found = of(&evening);
    assert_eq!((found.breaches, found.reviewers_needed), (5, 0));
    assert_eq!(found.days[0].date, date("2024-09-02"));
    assert!(found.days[0].hours.is_empty());
}

#[test]
fn a_forecast_ends_where_the_working_calendar_ends() {
    let eve = Workload {
        at: at("2026-12-31T09:00:00+08:00"),
        ..monday(vec![(due("2026-12-31"), 43)], 1)
    };
    let found = of(&eve);
    assert_eq!(found.days.len(), 1);
    assert_eq!(found.breaches, 1);
    let unknown = Workload {
        at: at("2027-01-04T09:00:00+08:00"),
        ..eve
    };
    let found = of(&unknown);
    assert!(found.days.is_empty());
    assert_eq!((found.breaches, found.reviewers_needed), (0, 0));
}

#[test]
fn the_greatest_numbers_do_not_overflow() {
    let absurd = Workload {
        open: vec![(due("2024-09-02"), u64::MAX), (due("2024-09-03"), u64::MAX)],
        arrivals: [u64::MAX; 24],
        seconds_per_decision: 0,
        reviewers: u32::MAX,
        ..monday(Vec::new(), 1)
    };
    assert!(of(&absurd).breaches > 0);
}
