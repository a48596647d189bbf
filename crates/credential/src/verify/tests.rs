use super::*;
use crate::{
    cwt::issue,
    samples::{self, instant, signer, suites, trusted, verified},
    signer::Signer as _,
    trust::KeyState,
};
use jiff::civil::date;

const NOW: &str = "2021-09-15T00:00:00Z";

fn trust() -> VerifiedTrustList {
    verified(
        suites()
            .iter()
            .map(|suite| trusted(signer(suite, 0x11).public_key(), KeyState::Active))
            .collect(),
    )
}

fn check(claims: &LicenceClaims, at: &str) -> Answer {
    let bytes = issue(claims, &signer(&Suite::sm2(), 0x11)).unwrap();
    check_credential(&bytes, &trust(), instant(at))
}

fn codes(answer: &Answer) -> Vec<&'static str> {
    answer.reasons.iter().map(|reason| reason.code).collect()
}

#[test]
fn an_authentic_credential_alone_is_never_more_than_unchecked() {
    for suite in suites() {
        let signer = signer(&suite, 0x11);
        let bytes = issue(&samples::claims(), &signer).unwrap();
        let answer = check_credential(&bytes, &trust(), instant(NOW));
        assert!(answer.authentic && !answer.fresh);
        assert_eq!(codes(&answer), ["not-fresh", "status-unknown"]);
        assert_eq!(
            (answer.outcome(), answer.exit_code()),
            (Outcome::Unchecked, 2)
        );
        let by = answer.by.unwrap();
        assert_eq!((&by.key_id, &by.suite), (signer.key_id(), &suite));
    }
}

#[test]
fn the_json_has_the_names_that_scripts_rely_on() {
    let json = serde_json::to_value(check(&samples::claims(), NOW)).unwrap();
    assert_eq!(json["authentic"], true);
    assert_eq!(json["fresh"], false);
    assert_eq!(json["status"], "unknown");
    assert_eq!(json["status_as_of"], serde_json::Value::Null);
    assert_eq!(json["person"], "not-compared");
    assert_eq!(json["reasons"][0]["code"], "not-fresh");
    assert_eq!(json["by"]["suite"], "SM2-SM3");
    assert_eq!(json["licence"]["name"], "测试甲");
    assert_eq!(json["licence"]["valid_until"], "2026-05-04");
    assert_eq!(json["trust_list"]["stale"], false);
}

#[test]
fn technical_validity_holds_from_its_first_second_to_before_its_end() {
    for (at, first, code) in [
        ("2021-09-01T00:59:59Z", "credential-not-yet-valid", 1),
        ("2021-09-01T01:00:00Z", "not-fresh", 2),
        ("2022-09-01T00:59:59Z", "not-fresh", 2),
        ("2022-09-01T01:00:00Z", "credential-expired", 1),
    ] {
        let answer = check(&samples::claims(), at);
        assert!(answer.authentic, "expiry does not make a forgery of it");
        assert_eq!(
            (codes(&answer)[0], answer.exit_code()),
            (first, code),
            "{at}"
        );
    }
}

#[test]
fn sc_66_the_licence_ends_at_midnight_in_china() {
    let claims = LicenceClaims {
        valid_from: date(2021, 9, 10),
        valid_until: Validity::Until(date(2021, 9, 14)),
        ..samples::claims()
    };
    for (at, first, code) in [
        ("2021-09-09T15:59:59Z", "licence-not-yet-valid", 1),
        ("2021-09-09T16:00:00Z", "not-fresh", 2),
        ("2021-09-14T15:59:59Z", "not-fresh", 2),
        ("2021-09-14T16:00:00Z", "licence-expired", 1),
    ] {
        let answer = check(&claims, at);
        assert_eq!(
            (codes(&answer)[0], answer.exit_code()),
            (first, code),
            "{at}"
        );
    }
    let long_term = LicenceClaims {
        valid_until: Validity::LongTerm,
        ..claims
    };
    assert_eq!(check(&long_term, "2021-09-14T16:00:00Z").exit_code(), 2);
}

#[test]
fn sc_45_under_a_stale_trust_list_nothing_is_valid_and_the_answer_says_so() {
    let stale = "2021-10-01T00:00:00Z";
    let answer = check(&samples::claims(), stale);
    assert!(answer.authentic && answer.trust_list.stale);
    assert_eq!(codes(&answer).last(), Some(&"trust-list-stale"));
    assert_eq!(answer.exit_code(), 2);

    // A key that a stale list does not know may be a new one: not checked, not forged.
    let unknown = issue(&samples::claims(), &signer(&Suite::sm2(), 0x22)).unwrap();
    let before = check_credential(&unknown, &trust(), instant(NOW));
    assert_eq!((codes(&before), before.exit_code()), (vec!["re-signed"], 1));
    let after = check_credential(&unknown, &trust(), instant(stale));
    assert_eq!(codes(&after), ["key-unknown", "trust-list-stale"]);
    assert_eq!((after.authentic, after.exit_code()), (false, 2));
}

#[test]
fn sc_42_refused_bytes_fail_without_a_word_of_revocation_or_of_the_claims() {
    let good = issue(&samples::claims(), &signer(&Suite::sm2(), 0x11)).unwrap();
    let mut altered = good.clone();
    if let Some(last) = altered.last_mut() {
        *last ^= 1;
    }
    for (bytes, code) in [
        (altered, "bad-signature"),
        (good[..good.len() - 1].to_vec(), "truncated"),
        (b"not a credential".to_vec(), "not-cose-sign1"),
    ] {
        let answer = check_credential(&bytes, &trust(), instant(NOW));
        let json = serde_json::to_string(&answer).unwrap();
        assert_eq!((codes(&answer)[0], answer.exit_code()), (code, 1));
        assert!(!answer.authentic && answer.by.is_none() && answer.licence.is_none());
        assert!(
            !json.contains("revoked") && !json.contains("吊销"),
            "{json}"
        );
    }
}

#[test]
fn debug_shows_nothing_personal() {
    let shown = format!("{:?}", check(&samples::claims(), NOW));
    assert!(
        !shown.contains("测试甲") && !shown.contains("510199"),
        "{shown}"
    );
}

#[test]
fn many_at_once_are_answered_as_each_alone() {
    let signers = suites().map(|suite| signer(&suite, 0x11));
    let stranger = signer(&Suite::sm2(), 0x77);
    let mut credentials = Vec::new();
    for i in 0..60_usize {
        let signer = if i % 7 == 3 {
            &stranger
        } else {
            &signers[i % signers.len()]
        };
        let mut bytes = issue(&samples::claims(), signer).unwrap();
        match i % 11 {
            5 => bytes.truncate(40),
            6 => *bytes.last_mut().unwrap() ^= 1,
            _ => {}
        }
        credentials.push(bytes);
    }
    let trust = trust();
    let at = instant(NOW);
    let together = check_credentials(&credentials, &trust, at);
    assert_eq!(together.len(), credentials.len());
    for (answer, bytes) in together.iter().zip(&credentials) {
        let alone = check_credential(bytes, &trust, at);
        assert_eq!(
            serde_json::to_value(answer).unwrap(),
            serde_json::to_value(&alone).unwrap()
        );
    }
    let authentic = together.iter().filter(|answer| answer.authentic).count();
    assert!((40..50).contains(&authentic), "{authentic}");
    assert!(check_credentials::<Vec<u8>>(&[], &trust, at).is_empty());
}
