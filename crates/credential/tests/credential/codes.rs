//! The codes in `test-vectors/codes.json`: honest ones of every kind in both suites, and everything
//! that may be wrong with one. Verifiers in other languages are held to the same file.

mod cases;
mod forged;
mod forging;
mod making;
mod malformed;

use std::{collections::BTreeMap, path::Path, sync::LazyLock};

use credential::{
    Answer, Code, Memory, SignedTrustList, VerifiedTrustList, check_code,
    verify::{CodeKind, Status},
};
use serde_json::{Value, json};

use self::{
    cases::Case,
    making::{ID, enforcement_secret, rest},
};
use crate::{text, vector};

static FILE: LazyLock<Value> = LazyLock::new(|| vector("codes.json"));
static CASES: LazyLock<Vec<Case>> = LazyLock::new(cases::all);

fn verified(lists: &Value) -> BTreeMap<String, VerifiedTrustList> {
    let lists = lists.as_object().unwrap().iter();
    lists
        .map(|(name, list)| {
            let signed = SignedTrustList::from_json(list.to_string().as_bytes()).unwrap();
            (name.clone(), signed.verify(None).unwrap())
        })
        .collect()
}

/// Checks one case of the file, after what the same verifier checked before.
fn answered(file: &Value, trust: &BTreeMap<String, VerifiedTrustList>, case: &Value) -> Answer {
    let lists = making::source(
        &file["status_lists"][text(case, "lists")],
        &trust["current"],
    );
    let mut memory = Memory::default();
    let mut check = |it: &Value| {
        let at = text(it, "at").parse().unwrap();
        let trust = &trust[text(it, "trust")];
        check_code(text(it, "code"), trust, &lists, Some(&mut memory), at)
    };
    for earlier in case["before"].as_array().unwrap() {
        check(earlier);
    }
    check(case)
}

fn facts(answer: &Answer) -> Value {
    let json = serde_json::to_value(answer).unwrap();
    let reasons: Vec<_> = answer.reasons.iter().map(|reason| reason.code).collect();
    json!({
        "authentic": json["authentic"], "fresh": json["fresh"], "status": json["status"],
        "status_as_of": json["status_as_of"], "person": json["person"], "code": json["code"],
        "licence": json["licence"], "reasons": reasons, "exit_code": answer.exit_code(),
    })
}

fn named(name: &str) -> Answer {
    let trust = verified(&FILE["trust_lists"]);
    let cases = FILE["cases"].as_array().unwrap();
    let case = cases.iter().find(|case| case["name"] == name).expect(name);
    answered(&FILE, &trust, case)
}

#[test]
fn sc_42_every_code_on_file_is_answered_as_on_file() {
    let trust = verified(&FILE["trust_lists"]);
    let cases = FILE["cases"].as_array().unwrap();
    assert!(cases.len() > 100);
    for case in cases {
        let answer = answered(&FILE, &trust, case);
        assert_eq!(facts(&answer), case["expect"], "{}", case["name"]);
        for reason in &answer.reasons {
            let words = format!("{} {}", reason.zh, reason.en).to_lowercase();
            assert!(
                !words.contains("revoked") && !words.contains("吊销"),
                "{words}"
            );
        }
        if !answer.authentic {
            assert!(answer.licence.is_none() && answer.by.is_none());
            assert_eq!(answer.status, Status::Unknown);
        }
        assert!(!format!("{answer:?}").contains("测试甲"));
    }
}

#[test]
fn only_what_is_authentic_fresh_and_known_to_be_valid_is_good() {
    let good: Vec<_> = FILE["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| &case["expect"])
        .filter(|expect| expect["exit_code"] == 0)
        .collect();
    assert!(good.len() >= 10);
    for expect in good {
        let facts = (&expect["authentic"], &expect["fresh"], &expect["status"]);
        assert_eq!(facts, (&json!(true), &json!(true), &json!("valid")));
        assert_eq!(expect["reasons"], json!([]));
    }
}

#[test]
fn sc_12_a_screenshot_of_the_dynamic_code_is_not_fresh() {
    let answer = named("dynamic, a screenshot of two minutes ago");
    assert_eq!((answer.fresh, answer.exit_code()), (false, 1));
    assert_eq!(answer.reasons[0].code, "not-fresh");
    assert_eq!(named("dynamic").exit_code(), 2, "only the server can tell");
}

#[test]
fn sc_13_offline_the_status_is_told_as_of_the_lists_time() {
    let answer = named("offline with portrait, SM2-SM3");
    assert_eq!((answer.status, answer.exit_code()), (Status::Valid, 0));
    assert_eq!(
        answer.status_as_of,
        Some(making::second("2021-09-14T20:00:00Z"))
    );
    let stale = named("status list stale");
    assert_eq!((stale.status, stale.exit_code()), (Status::Unknown, 2));
    assert_eq!(stale.status_as_of, answer.status_as_of);
    assert!(stale.authentic && stale.fresh);
}

#[test]
fn sc_45_under_a_stale_or_rolled_back_trust_list_no_code_is_good() {
    for name in ["trust list stale", "trust list rolled back"] {
        let answer = named(name);
        assert_eq!((answer.authentic, answer.exit_code()), (true, 2), "{name}");
    }
    assert!(named("trust list rolled back").trust_list.rolled_back);
}

#[test]
fn sc_64_codes_of_retired_keys_verify_and_of_revoked_or_removed_ones_do_not() {
    assert_eq!(named("under: licence keys retired").exit_code(), 0);
    for name in [
        "licence keys revoked",
        "online keys revoked",
        "licence keys removed",
    ] {
        assert_eq!(named(&format!("under: {name}")).exit_code(), 1, "{name}");
    }
}

#[test]
fn the_enforcement_key_opens_the_rest_and_the_answer_does_not_show_it() {
    for suite in ["ES256", "SM2-SM3"] {
        let answer = named(&format!("enforcement, {suite}"));
        let code = answer.code.clone().unwrap();
        assert_eq!(
            (code.kind, code.address_left_out),
            (CodeKind::Enforcement, false)
        );
        assert_eq!(
            code.rest.unwrap().open(&ID, &enforcement_secret()),
            Ok(rest())
        );
        let json = serde_json::to_string(&answer).unwrap();
        assert!(!json.contains("510199199001019917"));

        let less = named(&format!("enforcement, address left out, {suite}"))
            .code
            .unwrap();
        assert!(less.address_left_out);
        assert_eq!(
            less.rest
                .unwrap()
                .open(&ID, &enforcement_secret())
                .unwrap()
                .address,
            None
        );
    }
}

/// Signatures by ES256 are random, so everything but them is compared.
#[test]
fn the_form_of_codes_has_not_changed() {
    assert_eq!(
        without_tokens(making::status_lists()),
        without_tokens(FILE["status_lists"].clone())
    );
    let on_file = FILE["cases"].as_array().unwrap();
    assert_eq!(on_file.len(), CASES.len());
    for (case, on_file) in CASES.iter().zip(on_file) {
        let name = &case.name;
        assert_eq!(on_file["name"], json!(name));
        assert_eq!(on_file["expect"]["reasons"], json!(case.reasons), "{name}");
        let code = text(on_file, "code");
        assert_eq!(code.len(), case.code.len(), "{name}");
        match (Code::parse(code), Code::parse(&case.code)) {
            (Ok(Code::Offline(theirs)), Ok(Code::Offline(ours))) => {
                let unsigned = theirs.profile.len().saturating_sub(64);
                assert_eq!(
                    theirs.profile[..unsigned],
                    ours.profile[..unsigned],
                    "{name}"
                );
                let rest = |code: &credential::OfflineCode| {
                    (
                        code.time,
                        code.portrait.clone(),
                        code.stamp.key_id,
                        code.stamp.renewed_at,
                    )
                };
                assert_eq!(rest(&theirs), rest(&ours), "{name}");
            }
            (Ok(Code::Dynamic(theirs)), Ok(Code::Dynamic(ours))) => {
                assert_eq!(
                    (theirs.handle, theirs.time),
                    (ours.handle, ours.time),
                    "{name}"
                );
            }
            (theirs, ours) => assert_eq!(theirs.err(), ours.err(), "{name}"),
        }
    }
}

fn without_tokens(mut lists: Value) -> Value {
    for lists in lists.as_object_mut().unwrap().values_mut() {
        for list in lists.as_array_mut().unwrap() {
            list["jwt"] = Value::Null;
        }
    }
    lists
}

#[test]
#[ignore = "writes test-vectors/codes.json anew, where the form was changed on purpose"]
fn write_the_file_anew() {
    let secret = |byte: u8| hex::encode([byte; 32]);
    let mut file = json!({
        "source": "made by crates/credential; synthetic person, secrets of no other use",
        "keys": {
            "licence": secret(0x11), "online": secret(0x22), "device": secret(0x33),
            "another_device": secret(0x34), "enforcement_x25519": secret(0x44),
        },
        "trust_lists": making::trust_lists(),
        "status_lists": making::status_lists(),
        "cases": [],
    });
    let trust = verified(&file["trust_lists"]);
    let cases: Vec<_> = CASES
        .iter()
        .map(|case| {
            let answer = answered(&file, &trust, &case.to_json(&Value::Null));
            let facts = facts(&answer);
            assert_eq!(facts["reasons"], json!(case.reasons), "{}", case.name);
            case.to_json(&facts)
        })
        .collect();
    file["cases"] = json!(cases);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-vectors/codes.json");
    std::fs::write(path, serde_json::to_string_pretty(&file).unwrap() + "\n").unwrap();
}
