use licence::identifier::Sex;
use licence::{
    AuthorityCode, CITIES, Channel, LicenceNumber, Reason, Record, Rollout, Scope, Situation,
    StatusLetter, Wave, eligibility,
};
use proptest::prelude::*;

use crate::sample::{date, noon, record, with_status};

const TODAY: &str = "2024-06-01";

fn reasons(record: &Record, on: &str) -> Vec<Reason> {
    eligibility(&Situation {
        record,
        rollout: &Rollout::built_in(),
        at: noon(on),
        sanctioned: false,
        channel: Channel::App,
        has_active_e_licence: false,
        has_open_application: false,
    })
}

fn codes(record: &Record) -> Vec<(&'static str, &'static str)> {
    reasons(record, TODAY)
        .iter()
        .map(|reason| (reason.rule, reason.code))
        .collect()
}

fn of_city(code: &str) -> Record {
    let mut record = record();
    record.issuing_authority.code = AuthorityCode::parse(code).unwrap();
    record
}

#[test]
fn sc_01_r6_from_the_day_of_the_city() {
    assert_eq!(reasons(&of_city("5101"), "2021-06-01"), []);
    let early = reasons(&of_city("1101"), "2021-08-31");
    assert_eq!(early.len(), 1);
    assert_eq!((early[0].code, early[0].rule), ("not-rolled-out", "R6"));
    assert_eq!(early[0].date, Some(date("2021-09-01")));
    assert!(
        early[0].text.en.contains("from 2021-09-01"),
        "{}",
        early[0].text.en
    );
    assert!(
        early[0].text.zh.contains("自 2021-09-01 起"),
        "{}",
        early[0].text.zh
    );
    assert_eq!(reasons(&of_city("1101"), "2021-09-01"), []);
}

#[test]
fn r2_r3_the_28_cities_open_in_two_waves() {
    let rollout = Rollout::built_in();
    for city in CITIES {
        let pilot = ["1201", "5101", "3205"].contains(&city.code);
        let from = if pilot { "2021-06-01" } else { "2021-09-01" };
        assert_eq!(rollout.opens(city.code), Some(date(from)), "{}", city.zh);
    }
    assert_eq!(rollout.opens("3501"), None);
}

#[test]
fn r5_later_waves_are_the_operators() {
    let wave = |scope, from| Wave {
        scope,
        from: date(from),
    };
    let city = |code| Scope::City(AuthorityCode::parse(code).unwrap());
    let rollout = Rollout::built_in()
        .with_wave(wave(city("3501"), "2022-03-01"))
        .with_wave(wave(city("1101"), "2022-03-01"))
        .with_wave(wave(Scope::Nationwide, "2022-06-01"))
        .with_wave(wave(Scope::Nationwide, "2022-07-01"));
    assert_eq!(rollout.opens("3501"), Some(date("2022-03-01")));
    assert_eq!(rollout.opens("1101"), Some(date("2021-09-01")));
    assert_eq!(rollout.opens("6201"), Some(date("2022-06-01")));
}

#[test]
fn r6_a_city_without_a_date_says_so() {
    let found = reasons(&of_city("3501"), TODAY);
    assert_eq!((found[0].code, found[0].date), ("not-rolled-out", None));
}

#[test]
fn sc_02_every_reason_comes_with_rule_texts_and_what_clears_it() {
    let mut record = with_status("U");
    record.valid_until = licence::ValidUntil::Date(date("2024-05-01"));
    record.review_due = Some(date("2024-04-01"));
    let found = reasons(&record, TODAY);
    let codes: Vec<_> = found
        .iter()
        .map(|reason| (reason.rule, reason.code))
        .collect();
    assert_eq!(
        codes,
        [
            ("R25", "withheld"),
            ("R28", "review-overdue"),
            ("R24", "expired")
        ]
    );
    for reason in &found {
        let json = serde_json::to_value(reason).unwrap();
        for key in ["code", "rule", "zh", "en", "clears_zh", "clears_en"] {
            assert!(
                json[key].as_str().is_some_and(|text| !text.is_empty()),
                "{key}"
            );
        }
    }
    assert_eq!(
        serde_json::to_value(&found[2]).unwrap()["date"],
        "2024-05-01"
    );
}

#[test]
fn r24_validity_is_from_the_first_day_to_the_last() {
    let on = |day| {
        reasons(&record(), day)
            .iter()
            .map(|r| (r.code, r.date))
            .collect::<Vec<_>>()
    };
    let mut later = record();
    later.valid_from = date("2024-06-02");
    assert_eq!(codes(&later), [("R24", "not-yet-valid")]);
    assert_eq!(on("2028-05-01"), []);
    assert_eq!(on("2028-05-02"), [("expired", Some(date("2028-05-01")))]);
    assert_eq!(on("2030-05-02"), [("expired", Some(date("2028-05-01")))]);
    assert_eq!(on("2033-05-02"), [("expired", Some(date("2028-05-01")))]);
    assert_eq!(codes(&with_status("M")), [("R24", "expired")]);
}

#[test]
fn r25_withheld_blocks_by_letter_and_by_flag() {
    assert_eq!(codes(&with_status("U")), [("R25", "withheld")]);
    let mut flagged = with_status("H");
    flagged.withheld = true;
    assert_eq!(codes(&flagged), [("R25", "withheld")]);
}

#[test]
fn r26_suspended_blocks() {
    assert_eq!(codes(&with_status("D")), [("R26", "suspended")]);
}

#[test]
fn r27_medical_overdue_blocks_without_a_letter_of_its_own() {
    let mut overdue = record();
    overdue.medical_due = Some(date("2024-05-31"));
    assert_eq!(codes(&overdue), [("R27", "medical-overdue")]);
    overdue.medical_due = Some(date("2024-06-01"));
    assert_eq!(codes(&overdue), []);
}

#[test]
fn r28_review_overdue_blocks_by_letter_and_by_date() {
    assert_eq!(codes(&with_status("S")), [("R28", "review-overdue")]);
    let mut overdue = record();
    overdue.review_due = Some(date("2024-05-31"));
    assert_eq!(codes(&overdue), [("R28", "review-overdue")]);
}

#[test]
fn r29_out_of_use_blocks_by_letter_and_by_flag() {
    assert_eq!(codes(&with_status("J")), [("R29", "out-of-use")]);
    let mut flagged = with_status("I");
    flagged.out_of_use = true;
    assert_eq!(codes(&flagged), [("R29", "out-of-use")]);
}

#[test]
fn r30_the_other_letters_block_too() {
    for (letter, code) in [
        ("B", "points-reached"),
        ("C", "transferred-out"),
        ("E", "annulled"),
        ("F", "revoked"),
        ("G", "cancelled"),
        ("K", "impounded"),
        ("L", "locked"),
        ("R", "cancelled-recoverable"),
        ("Z", "other-status"),
        ("Q", "unknown-status"),
        ("N", "extension-date-missing"),
    ] {
        assert_eq!(codes(&with_status(letter)), [("R30", code)]);
    }
    for letter in ["A", "H", "I", "HI"] {
        assert_eq!(codes(&with_status(letter)), [], "{letter}");
    }
}

#[test]
fn contradictions_block_applying() {
    let mut record = record();
    record.birth_date = date("1990-01-02");
    record.sex = Sex::Female;
    record.status = StatusLetter::parse_joined("AB").unwrap();
    let found = reasons(&record, TODAY);
    let texts: Vec<_> = found
        .iter()
        .filter(|reason| reason.code == "contradiction")
        .map(|reason| &reason.text.en)
        .collect();
    assert_eq!(texts.len(), 3);
    assert!(
        texts[0].contains("birth date") && texts[1].contains("sex") && texts[2].contains("normal")
    );
    // A passport states neither birth date nor sex, so there is nothing to contradict.
    record.licence_number = LicenceNumber::parse("E12345678").unwrap();
    record.status = vec![StatusLetter::A];
    assert_eq!(codes(&record), []);
}

#[test]
fn r75_a_sanction_closes_the_app_and_not_the_counter() {
    let record = record();
    let ask = |channel| {
        eligibility(&Situation {
            record: &record,
            rollout: &Rollout::built_in(),
            at: noon(TODAY),
            sanctioned: true,
            channel,
            has_active_e_licence: true,
            has_open_application: true,
        })
        .iter()
        .map(|reason| reason.code)
        .collect::<Vec<_>>()
    };
    assert_eq!(
        ask(Channel::App),
        ["sanctioned", "already-issued", "application-open"]
    );
    assert_eq!(
        ask(Channel::Counter),
        ["already-issued", "application-open"]
    );
}

#[test]
fn unknown_classes_do_not_block_applying() {
    let mut record = record();
    record
        .classes
        .push(licence::ClassCode::parse("Q1").unwrap());
    assert_eq!(codes(&record), []);
}

proptest! {
    #[test]
    fn whatever_is_not_black_cannot_apply(letters in "[A-Z]{1,4}", withheld: bool, out_of_use: bool) {
        let mut record = with_status(&letters);
        record.withheld = withheld;
        record.out_of_use = out_of_use;
        let shown = licence::showing(&licence::effective(&record, date(TODAY)));
        if shown != licence::Showing::Black {
            prop_assert!(!reasons(&record, TODAY).is_empty());
        }
    }
}
