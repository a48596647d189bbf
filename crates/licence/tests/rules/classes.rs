use std::collections::BTreeSet;

use licence::{CLASS_TABLE, ClassCode, entitles, granted_closure};
use proptest::prelude::*;

fn codes(text: &str) -> Vec<ClassCode> {
    text.split_whitespace()
        .map(|code| ClassCode::parse(code).unwrap())
        .collect()
}

/// The table of Order 162: what each class also allows.
const ALSO: [(&str, &str); 17] = [
    ("A1", "A3 B1 B2 C1 C2 C3 C4 M"),
    ("A2", "B1 B2 C1 C2 C3 C4 C6 M"),
    ("A3", "C1 C2 C3 C4"),
    ("B1", "C1 C2 C3 C4 M"),
    ("B2", "C1 C2 C3 C4 M"),
    ("C1", "C2 C3 C4"),
    ("C2", ""),
    ("C3", "C4"),
    ("C4", ""),
    ("C5", ""),
    ("C6", ""),
    ("D", "E F"),
    ("E", "F"),
    ("F", ""),
    ("M", ""),
    ("N", ""),
    ("P", ""),
];

#[test]
fn r22_the_table_has_every_class_with_what_it_allows() {
    assert_eq!(CLASS_TABLE.len(), ALSO.len());
    for (row, (code, also)) in CLASS_TABLE.iter().zip(ALSO) {
        assert_eq!((row.code, row.class.as_str()), (code, code));
        assert_eq!(row.also, codes(also), "{code}");
        assert!(!row.name.zh.is_empty() && !row.name.en.is_empty());
        assert!(!row.vehicles.zh.is_empty() && !row.vehicles.en.is_empty());
        let mut closure: BTreeSet<_> = codes(also).into_iter().collect();
        closure.insert(row.class.clone());
        assert_eq!(granted_closure(std::slice::from_ref(&row.class)), closure);
    }
}

#[test]
fn unknown_codes_are_kept_and_never_grant() {
    let unknown = ClassCode::parse("Q9").unwrap();
    assert_eq!(unknown, ClassCode::Unknown("Q9".to_owned()));
    assert!(!entitles(std::slice::from_ref(&unknown), &unknown));
    assert!(!entitles(&[ClassCode::A1], &unknown));
    assert!(!entitles(
        &[ClassCode::Unknown("C1".to_owned())],
        &ClassCode::C1
    ));
    assert!(entitles(&codes("Q9 C1"), &ClassCode::C2));
    assert!(!entitles(&codes("C2"), &ClassCode::C1));
    assert_eq!(serde_json::to_string(&unknown).unwrap(), "\"Q9\"");
}

#[test]
fn joined_codes_are_taken_apart() {
    assert_eq!(ClassCode::parse_joined("A2D").unwrap(), codes("A2 D"));
    assert_eq!(ClassCode::parse_joined("C1DM").unwrap(), codes("C1 D M"));
    assert_eq!(ClassCode::parse_joined("A9X").unwrap(), codes("A9 X"));
    for bad in ["", "1A", "a2", "A2 D", "A２"] {
        assert!(ClassCode::parse_joined(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_cannot_be_a_code_is_refused() {
    for bad in ["", "c1", "C 1", "C1,", "ABCDEFGHI", "小"] {
        assert!(ClassCode::parse(bad).is_err(), "{bad}");
    }
}

fn any_class() -> impl Strategy<Value = ClassCode> {
    prop_oneof![
        (0..CLASS_TABLE.len()).prop_map(|row| CLASS_TABLE[row].class.clone()),
        "[A-Z][0-9]".prop_map(|code| ClassCode::parse(&code).unwrap()),
    ]
}

proptest! {
    #[test]
    fn closing_twice_adds_nothing(granted in prop::collection::vec(any_class(), 0..6)) {
        let once = granted_closure(&granted);
        let again: Vec<_> = once.iter().cloned().collect();
        prop_assert_eq!(granted_closure(&again), once);
    }

    #[test]
    fn a_further_class_takes_nothing_away(
        granted in prop::collection::vec(any_class(), 0..6),
        further in any_class(),
    ) {
        let less = granted_closure(&granted);
        let more = granted_closure(&[granted, vec![further]].concat());
        prop_assert!(less.is_subset(&more));
    }
}
