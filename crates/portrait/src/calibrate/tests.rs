use super::*;
use crate::assess::tests::MODELS;

/// Pairs of two persons from far to near, and of one from near to far, a hundred of each.
fn pairs() -> Pairs {
    let at = |number: u8| f32::from(number) / 100.0;
    Pairs {
        genuine: (0..100)
            .map(|it| (0.2 + at(it) * 0.4, 0.95 - at(it) * 0.4))
            .collect(),
        impostor: (0..100)
            .map(|it| (0.9 - at(it) * 0.4, 0.3 + at(it) * 0.4))
            .collect(),
        persons: 20,
        photos: 40,
    }
}

#[test]
fn thresholds_let_through_what_is_wanted_and_no_more() {
    let pairs = pairs();
    let mut genuine_lost = Vec::new();
    for (wanted, allowed) in [(0.0, 0), (0.009, 0), (0.01, 1), (0.05, 5)] {
        let errors = pairs.errors(&pairs.thresholds(wanted).unwrap());
        assert_eq!(errors.false_matches, allowed, "{wanted}");
        genuine_lost.push(errors.false_non_matches);
    }
    assert!(genuine_lost.is_sorted_by(|one, next| one >= next));
    assert!(genuine_lost[0] > 0, "the two kinds overlap");
    assert_eq!(
        pairs.errors(&pairs.thresholds(0.01).unwrap()).false_rejects,
        0
    );
}

#[test]
fn without_pairs_of_both_kinds_there_are_no_thresholds() {
    let pairs = pairs();
    let no_impostors = Pairs {
        impostor: Vec::new(),
        ..pairs.clone()
    };
    let no_genuine = Pairs {
        genuine: Vec::new(),
        ..pairs
    };
    assert!(no_impostors.thresholds(0.01).is_none());
    assert!(no_genuine.thresholds(0.01).is_none());
    assert!(Pairs::default().thresholds(0.01).is_none());
}

#[test]
fn along_the_curve_one_error_falls_while_the_other_grows() {
    let curve = pairs().curve();
    for rule in [Rule::Distance, Rule::Similarity, Rule::Both] {
        let points: Vec<&Point> = curve.iter().filter(|it| it.rule == rule).collect();
        assert_eq!(points.len(), 25, "{}", rule.code());
        assert!(points.is_sorted_by(|one, next| one.fmr <= next.fmr && one.fnmr >= next.fnmr));
        let (first, last) = (points[0], points[24]);
        assert!(first.fmr < 0.01 && first.fnmr > 0.9, "{first:?}");
        assert!(last.fmr > 0.9 && last.fnmr < 0.01, "{last:?}");
    }
    // Both together let through no more than either alone.
    let at = |rule| curve.iter().filter(move |it| it.rule == rule);
    for (both, alone) in at(Rule::Both).zip(at(Rule::Distance)) {
        assert!(both.fmr <= alone.fmr && both.fnmr >= alone.fnmr);
    }
}

fn record() -> Record {
    let made_at = "2026-11-30T01:00:00Z".parse().unwrap();
    Record::new(&pairs(), 3, 0.01, &MODELS, made_at).unwrap()
}

fn signed(record: Record) -> Vec<u8> {
    // Not a signature, but something that only this message has.
    let length = record.message().unwrap().len();
    record
        .signed("key".to_owned(), length.to_string())
        .unwrap()
        .into_bytes()
}

fn believed(claimed: &Claimed<'_>) -> bool {
    claimed.key_id == "key" && claimed.signature == claimed.message.len().to_string()
}

#[test]
fn a_record_reads_back_as_it_was_signed() {
    let record = record();
    assert_eq!(
        (record.genuine, record.impostor, record.false_matches),
        (100, 100, 1)
    );
    assert!(
        record
            .message()
            .unwrap()
            .starts_with(b"jiazhao-calibration/1\n{")
    );
    let text = signed(record.clone());
    assert_eq!(Record::verify(&text, believed), Ok(record));
    assert_eq!(
        Record::verify(&text, |_| false),
        Err(RecordError::BadSignature)
    );
}

#[test]
fn a_record_that_was_changed_is_not_believed() {
    let text = String::from_utf8(signed(record())).unwrap();
    let changed = text.replace("\"impostor\": 100", "\"impostor\": 100000");
    assert_ne!(changed, text);
    let changed = Record::verify(changed.as_bytes(), believed);
    assert_eq!(changed, Err(RecordError::BadSignature));
    for other in [
        "{}",
        "not a record",
        &text.replace("calibration/1", "calibration/2"),
        &text.replace("\"key_id\"", "\"more\": 1, \"key_id\""),
    ] {
        let refused = Record::verify(other.as_bytes(), believed);
        assert_eq!(refused, Err(RecordError::Malformed), "{other}");
    }
}

#[test]
fn nothing_rests_on_few_pairs_many_errors_or_other_models() {
    let enough = Record {
        persons: 250,
        genuine: 300,
        impostor: 40_000,
        false_matches: 0,
        ..record()
    };
    let checked = |it: Record| it.checked(&MODELS, &Demand::AUTOMATIC_ISSUE);
    let good = checked(enough.clone()).unwrap();
    assert_eq!(good.thresholds(), enough.thresholds);
    assert_eq!(checked(record()), Err(RecordError::TooFew));
    for few in [
        Record {
            persons: 249,
            ..enough.clone()
        },
        Record {
            genuine: 249,
            ..enough.clone()
        },
        Record {
            impostor: 29_999,
            ..enough.clone()
        },
    ] {
        assert_eq!(checked(few), Err(RecordError::TooFew));
    }
    let erring = Record {
        false_matches: 2,
        ..enough.clone()
    };
    assert_eq!(checked(erring), Err(RecordError::FmrTooHigh));
    let mut other = enough;
    other
        .models
        .insert("faceres.bin".to_owned(), "00".repeat(32));
    assert_eq!(checked(other), Err(RecordError::OtherModels));
}

#[test]
fn refusals_have_codes_of_their_own() {
    let errors = [
        RecordError::Malformed,
        RecordError::BadSignature,
        RecordError::OtherModels,
        RecordError::TooFew,
        RecordError::FmrTooHigh,
    ];
    let codes: std::collections::BTreeSet<_> = errors.iter().map(|it| it.code()).collect();
    assert_eq!(codes.len(), errors.len());
}
