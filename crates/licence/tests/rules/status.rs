use jiff::civil::Date;
use licence::status::{StatusLetter, StatusValue};
use licence::{
    Record, Showing, ValidUntil, effective, effective_at, midnight, next_transition, showing,
};
use proptest::prelude::*;

use crate::sample::{date, record, with_status};

const TODAY: Date = jiff::civil::date(2024, 6, 1);

fn codes(record: &Record, on: Date) -> Vec<&'static str> {
    effective(record, on)
        .reasons
        .iter()
        .map(|reason| reason.code)
        .collect()
}

fn letters(record: &Record, on: Date) -> String {
    effective(record, on)
        .letters
        .iter()
        .map(StatusLetter::as_str)
        .collect()
}

/// The table of GA/T 16.25: letter, value, reason, whether it is shown.
#[test]
fn every_letter_has_its_value_reason_and_showing() {
    use StatusValue::{Invalid, Red, Suspended, Valid};
    let table = [
        ("A", Valid, None),
        ("H", Valid, None),
        ("I", Valid, None),
        ("B", Red, Some("points-reached")),
        ("D", Red, Some("suspended")),
        ("U", Red, Some("withheld")),
        ("K", Red, Some("impounded")),
        ("M", Red, Some("expired")),
        ("S", Red, Some("review-overdue")),
        ("E", Invalid, Some("annulled")),
        ("F", Invalid, Some("revoked")),
        ("G", Invalid, Some("cancelled")),
        ("J", Suspended, Some("out-of-use")),
        ("L", Suspended, Some("locked")),
        ("C", Suspended, Some("transferred-out")),
        ("R", Suspended, Some("cancelled-recoverable")),
        ("Z", Suspended, Some("other-status")),
        ("N", Red, Some("extension-date-missing")),
        ("P", Red, Some("extension-date-missing")),
        ("T", Red, Some("extension-date-missing")),
        ("X", Red, Some("unknown-status")),
    ];
    for (letter, value, code) in table {
        let found = effective(&with_status(letter), TODAY);
        assert_eq!(found.value, value, "{letter}");
        let codes: Vec<_> = found.reasons.iter().map(|reason| reason.code).collect();
        assert_eq!(codes, code.into_iter().collect::<Vec<_>>(), "{letter}");
        let shown = match showing(&found) {
            Showing::Black => Valid,
            Showing::Red { reasons } => {
                assert_eq!(reasons, found.reasons);
                Red
            }
            Showing::Hidden { reasons } => {
                assert!(reasons.iter().all(|reason| !reason.clears.zh.is_empty()));
                assert_eq!(reasons, found.reasons);
                if value == Invalid { Invalid } else { Suspended }
            }
        };
        assert_eq!(shown, value, "{letter}");
        assert!(!found.letters[0].name().zh.is_empty());
    }
}

#[test]
fn status_values_are_those_of_the_lists() {
    let values = StatusValue::ALL.map(|value| (value.value(), value.public_value()));
    assert_eq!(values, [(0, 0), (1, 1), (2, 2), (3, 2)]);
    for value in StatusValue::ALL {
        assert_eq!(StatusValue::from_value(value.value()), Some(value));
    }
    assert_eq!(StatusValue::from_value(4), None);
}

#[test]
fn of_several_the_strictest_counts_and_every_reason_stays() {
    let record = with_status("SH");
    assert_eq!(effective(&record, TODAY).value, StatusValue::Red);
    assert_eq!(letters(&record, TODAY), "SH");
    let record = with_status("ABLG");
    assert_eq!(effective(&record, TODAY).value, StatusValue::Invalid);
    assert_eq!(
        codes(&record, TODAY),
        ["points-reached", "locked", "cancelled"]
    );
    assert_eq!(
        effective(&with_status("BL"), TODAY).value,
        StatusValue::Suspended
    );
}

#[test]
fn flags_dates_and_points_count_as_letters() {
    let mut with = record();
    with.withheld = true;
    assert_eq!(
        (letters(&with, TODAY).as_str(), codes(&with, TODAY)),
        ("AU", vec!["withheld"])
    );

    let mut with = record();
    with.out_of_use = true;
    assert_eq!(
        (letters(&with, TODAY).as_str(), codes(&with, TODAY)),
        ("AJ", vec!["out-of-use"])
    );
    assert_eq!(effective(&with, TODAY).value, StatusValue::Suspended);

    let mut with = record();
    with.points = 12;
    assert_eq!(
        (letters(&with, TODAY).as_str(), codes(&with, TODAY)),
        ("AB", vec!["points-reached"])
    );
    with.points = 11;
    assert_eq!(effective(&with, TODAY).value, StatusValue::Valid);
}

#[test]
fn a_due_date_is_the_last_good_day() {
    let mut with = record();
    with.medical_due = Some(TODAY);
    with.review_due = Some(TODAY);
    assert_eq!(effective(&with, TODAY).value, StatusValue::Valid);
    let tomorrow = TODAY.tomorrow().unwrap();
    assert_eq!(
        codes(&with, tomorrow),
        ["medical-overdue", "review-overdue"]
    );
    assert_eq!(letters(&with, tomorrow), "AS");
}

#[test]
fn a_letter_and_a_date_that_say_the_same_are_one_reason_with_the_date() {
    let mut with = with_status("S");
    with.review_due = Some(date("2024-05-01"));
    let found = effective(&with, TODAY);
    assert_eq!(found.reasons.len(), 1);
    assert_eq!(found.reasons[0].date, Some(date("2024-05-01")));
    assert!(found.reasons[0].text.en.contains("2024-05-01"));
}

#[test]
fn past_validity_it_is_m_then_r_then_g() {
    let table = [
        ("2028-05-01", "A", StatusValue::Valid),
        ("2028-05-02", "AM", StatusValue::Red),
        ("2029-05-01", "AM", StatusValue::Red),
        ("2029-05-02", "AR", StatusValue::Suspended),
        ("2031-05-01", "AR", StatusValue::Suspended),
        ("2031-05-02", "AG", StatusValue::Invalid),
    ];
    for (on, expected, value) in table {
        let found = effective(&record(), date(on));
        assert_eq!(
            (letters(&record(), date(on)).as_str(), found.value),
            (expected, value),
            "{on}"
        );
    }
    let mut long_term = record();
    long_term.valid_until = ValidUntil::LongTerm;
    assert_eq!(
        effective(&long_term, date("2099-01-01")).value,
        StatusValue::Valid
    );
    assert_eq!(next_transition(&long_term, TODAY), None);
}

#[test]
fn sc_66_a_licence_expires_at_midnight_in_shanghai() {
    let expiry = midnight(date("2028-05-02"));
    let before = expiry - jiff::SignedDuration::from_secs(1);
    assert_eq!(showing(&effective_at(&record(), before)), Showing::Black);
    assert!(matches!(
        showing(&effective_at(&record(), expiry)),
        Showing::Red { .. }
    ));
    assert_eq!(before.to_string(), "2028-05-01T15:59:59Z");
}

#[test]
fn an_extension_moves_its_own_deadline_up_to_its_last_day() {
    let mut with = with_status("N");
    with.extension_until.renewal = Some(date("2028-12-31"));
    assert_eq!(
        effective(&with, date("2028-05-02")).value,
        StatusValue::Valid
    );
    assert_eq!(
        effective(&with, date("2028-12-31")).value,
        StatusValue::Valid
    );
    assert_eq!(
        codes(&with, date("2029-01-01")),
        ["renewal-delay-ended", "expired"]
    );
    assert_eq!(effective(&with, date("2029-01-01")).value, StatusValue::Red);

    let mut with = with_status("P");
    with.medical_due = Some(date("2024-01-01"));
    with.extension_until.medical = Some(TODAY);
    assert_eq!(effective(&with, TODAY).value, StatusValue::Valid);
    let tomorrow = TODAY.tomorrow().unwrap();
    assert_eq!(
        codes(&with, tomorrow),
        ["medical-delay-ended", "medical-overdue"]
    );

    let mut with = with_status("T");
    with.review_due = Some(date("2024-01-01"));
    with.extension_until.review = Some(TODAY);
    assert_eq!(effective(&with, TODAY).value, StatusValue::Valid);
    assert_eq!(
        codes(&with, tomorrow),
        ["review-delay-ended", "review-overdue"]
    );
}

#[test]
fn an_extension_cancels_nothing_else() {
    let mut with = with_status("N");
    with.extension_until.renewal = Some(date("2029-12-31"));
    with.review_due = Some(date("2024-01-01"));
    with.withheld = true;
    assert_eq!(codes(&with, TODAY), ["withheld", "review-overdue"]);
    // The date without the letter extends nothing, and the letter M beside N stays.
    let mut without = record();
    without.extension_until.renewal = Some(date("2029-12-31"));
    assert_eq!(codes(&without, date("2028-05-02")), ["expired"]);
    let mut both = with_status("NM");
    both.extension_until.renewal = Some(date("2029-12-31"));
    assert_eq!(codes(&both, TODAY), ["expired"]);
}

#[test]
fn the_next_transition_is_the_next_midnight_that_can_change_the_status() {
    let mut with = with_status("T");
    with.medical_due = Some(date("2025-03-01"));
    with.extension_until.review = Some(date("2024-06-01"));
    let mut found = Vec::new();
    let mut day = TODAY;
    while let Some(next) = next_transition(&with, day) {
        found.push(next.to_string());
        day = next;
    }
    assert_eq!(
        found,
        [
            "2024-06-02",
            "2025-03-02",
            "2028-05-02",
            "2029-05-02",
            "2031-05-02"
        ]
    );
}

fn any_record() -> impl Strategy<Value = Record> {
    let day = || {
        prop::option::of(
            (0..4000_i64).prop_map(|days| date("2020-01-01") + jiff::Span::new().days(days)),
        )
    };
    (
        "[AHINPTBSMX]{1,3}",
        day(),
        day(),
        day(),
        day(),
        day(),
        day(),
    )
        .prop_map(|(letters, until, medical, review, n, p, t)| {
            let mut record = with_status(&letters);
            record.valid_until = until.map_or(ValidUntil::LongTerm, ValidUntil::Date);
            record.medical_due = medical;
            record.review_due = review;
            record.extension_until.renewal = n;
            record.extension_until.medical = p;
            record.extension_until.review = t;
            record
        })
}

proptest! {
    #[test]
    fn nothing_changes_before_the_next_transition(record in any_record(), ahead in 0..3000_i64) {
        let start = date("2022-01-01");
        let later = start + jiff::Span::new().days(ahead);
        if next_transition(&record, start).is_none_or(|next| later < next) {
            prop_assert_eq!(effective(&record, start), effective(&record, later));
        }
    }

    #[test]
    fn the_strictest_does_not_depend_on_the_order(a in 0..4_u8, b in 0..4_u8, c in 0..4_u8) {
        let [a, b, c] = [a, b, c].map(|value| StatusValue::from_value(value).unwrap());
        prop_assert_eq!(a.strictest(b), b.strictest(a));
        prop_assert_eq!(a.strictest(b).strictest(c), a.strictest(b.strictest(c)));
        prop_assert_eq!(a.strictest(StatusValue::Valid), a);
        prop_assert_eq!(a.strictest(StatusValue::Invalid), StatusValue::Invalid);
    }

    #[test]
    fn a_further_blocking_letter_never_softens(letters in "[AHIBDUKMSEFGJLCRZ]{1,3}", further in "[A-Z]") {
        let less = effective(&with_status(&letters), TODAY).value;
        let more = effective(&with_status(&format!("{letters}{further}")), TODAY).value;
        prop_assert_eq!(less.strictest(more), more);
    }
}
