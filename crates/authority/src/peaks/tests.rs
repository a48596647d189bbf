use rand::{SeedableRng as _, rngs::StdRng};

use super::*;

const LIMITS: PeakLimits = PeakLimits {
    queue: Limits {
        photo_change: 10,
        reapplication: 20,
        first: 40,
    },
    room: Limits {
        photo_change: 25,
        reapplication: 50,
        first: 100,
    },
};

fn held(queue: u64, room: u64) -> [Option<Cause>; 3] {
    let load = Load { queue, room };
    [Kind::PhotoChange, Kind::Reapplication, Kind::First].map(|kind| held_back(kind, load, &LIMITS))
}

#[test]
fn sc_36_photo_changes_are_held_back_first_and_first_applications_last() {
    let (queue, machine) = (Some(Cause::ReviewQueue), Some(Cause::Machine));
    for (load, expected) in [
        ((0, 0), [None, None, None]),
        ((9, 24), [None, None, None]),
        ((10, 0), [queue, None, None]),
        ((20, 0), [queue, queue, None]),
        ((40, 0), [queue, queue, queue]),
        ((0, 25), [machine, None, None]),
        ((0, 50), [machine, machine, None]),
        ((0, 100), [machine, machine, machine]),
        ((10, 50), [queue, machine, None]),
        ((u64::MAX, u64::MAX), [queue, queue, queue]),
    ] {
        assert_eq!(held(load.0, load.1), expected, "{load:?}");
    }
}

#[test]
fn sc_36_whatever_the_load_nothing_overtakes_a_first_application() {
    for queue in 0..50 {
        for room in 0..=100 {
            let [change, again, first] = held(queue, room);
            assert!(first.is_none() || again.is_some(), "{queue} {room}");
            assert!(again.is_none() || change.is_some(), "{queue} {room}");
        }
    }
}

#[test]
fn the_limits_that_apply_by_themselves_are_in_order() {
    assert!(PeakLimits::default().in_order());
    let swapped = Limits {
        first: 5,
        ..LIMITS.queue
    };
    assert!(!swapped.in_order());
}

#[test]
fn r87_a_photo_change_comes_again_when_the_queue_of_now_is_decided() {
    let calendar = Calendar::built_in();
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    // A Friday before a Saturday on which people work.
    let now = at("2024-09-13T08:00:00Z");
    let again = |kind, cause| come_again(kind, cause, now, &calendar);
    let by_queue = |kind| again(kind, Cause::ReviewQueue);
    assert_eq!(by_queue(Kind::PhotoChange), at("2024-09-14T15:59:59Z"));
    assert_eq!(by_queue(Kind::Reapplication), at("2024-09-13T10:00:00Z"));
    assert_eq!(by_queue(Kind::First), at("2024-09-13T09:00:00Z"));
    for cause in [Cause::ReviewQueue, Cause::Machine] {
        let [change, reapplication, first] =
            [Kind::PhotoChange, Kind::Reapplication, Kind::First].map(|kind| again(kind, cause));
        assert!(now < first && first < reapplication && reapplication < change);
    }
    // A year without its calendar: a day.
    let far = at("2090-01-02T08:00:00Z");
    let again = come_again(Kind::PhotoChange, Cause::ReviewQueue, far, &calendar);
    assert_eq!(again, at("2090-01-03T08:00:00Z"));
}

#[test]
fn those_who_come_again_do_not_all_come_at_once() {
    let now: Timestamp = "2024-09-13T08:00:00Z".parse().unwrap();
    let at = after(now, SignedDuration::from_hours(40));
    let mut rng = StdRng::seed_from_u64(1);
    let drawn: Vec<_> = (0..200).map(|_| spread(now, at, &mut rng)).collect();
    let latest = after(at, SignedDuration::from_hours(2));
    assert!(drawn.iter().all(|one| (at..latest).contains(one)));
    let distinct: std::collections::BTreeSet<_> = drawn.iter().collect();
    assert!(distinct.len() > 150, "{}", distinct.len());
    assert_eq!(spread(now, now, &mut rng), now);
}

#[test]
fn r87_the_advice_names_the_time_in_both_languages() {
    let now: Timestamp = "2024-09-13T08:00:00Z".parse().unwrap();
    let at = "2024-09-14T15:59:59Z".parse().unwrap();
    for (kind, advice) in [
        (Kind::PhotoChange, "更换照片请避开业务高峰"),
        (Kind::Reapplication, "重新申领"),
        (Kind::First, "申领人数过多"),
    ] {
        let error = super::held(kind, Cause::ReviewQueue, now, at);
        assert_eq!(error.code(), "business-peak");
        assert_eq!(error.retry_after(), Some(115_199));
        let because = &error.reasons()[0];
        assert_eq!(because.code, "review-queue-full");
        assert_eq!(because.rule.as_deref(), Some("R87"));
        assert!(because.zh.contains(advice), "{}", because.zh);
        for text in [&because.zh, &because.en] {
            assert!(text.contains("2024-09-15 00:00"), "{text}");
        }
    }
}
