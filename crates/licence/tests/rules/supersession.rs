use licence::{AuthorityCode, ClassCode, Record, ValidUntil, supersedes};

use crate::sample::{date, record};

fn codes(change: impl FnOnce(&mut Record)) -> Vec<&'static str> {
    let old = record();
    let mut new = old.clone();
    new.document_edition += 1;
    change(&mut new);
    supersedes(&old, &new)
        .iter()
        .map(|reason| reason.code)
        .collect()
}

#[test]
fn sc_15_r88_new_classes_supersede() {
    assert_eq!(
        codes(|new| new.classes = vec![ClassCode::A2, ClassCode::C1]),
        ["classes-changed"]
    );
    assert_eq!(
        codes(|new| new.classes = vec![ClassCode::B2]),
        ["classes-changed"]
    );
}

#[test]
fn r89_new_validity_supersedes() {
    assert_eq!(
        codes(|new| new.valid_until = ValidUntil::LongTerm),
        ["validity-changed"]
    );
    assert_eq!(
        codes(|new| new.valid_from = date("2019-01-01")),
        ["validity-changed"]
    );
}

#[test]
fn r90_a_new_authority_supersedes() {
    assert_eq!(
        codes(|new| new.issuing_authority.code = AuthorityCode::parse("5101").unwrap()),
        ["authority-changed"]
    );
}

#[test]
fn r88_r89_r90_come_together() {
    let found = codes(|new| {
        new.classes = vec![ClassCode::A2];
        new.valid_until = ValidUntil::LongTerm;
        new.issuing_authority.code = AuthorityCode::parse("5101").unwrap();
    });
    assert_eq!(
        found,
        ["classes-changed", "validity-changed", "authority-changed"]
    );
}

#[test]
fn sc_16_r10_other_changes_supersede_nothing() {
    let unchanged = |change: fn(&mut Record)| assert!(codes(change).is_empty());
    unchanged(|_| {});
    unchanged(|new| new.address = Some("成都市样例区测试路0号".to_owned()));
    unchanged(|new| new.issuing_authority.name = "更名后的机关".to_owned());
    unchanged(|new| new.points = 6);
    // A change of classes without a new paper licence is displayed at once (R10).
    unchanged(|new| {
        new.document_edition -= 1;
        new.classes = vec![ClassCode::B1];
    });
}

#[test]
fn the_order_of_the_classes_means_nothing() {
    let mut old = record();
    old.classes = vec![ClassCode::A2, ClassCode::D];
    let mut new = old.clone();
    new.document_edition += 1;
    new.classes.reverse();
    assert_eq!(supersedes(&old, &new), []);
}
