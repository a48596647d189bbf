//! The cases of `test-vectors/codes.json`: what is shown, and the reasons that every verifier gives.

use credential::{
    Code, Form, OfflineCode, ProfileClaims, Rest, Signature, Stamp, StatusPlace, Suite, Validity,
};
use jiff::civil::date;
use serde_json::{Value, json};

use super::{
    forged, forging,
    making::{
        ID, INVALID, NOW, PORTRAIT, RED, SUSPENDED, claims, device, dynamic, enforcement, honest,
        online_key, rest, second, shown, signed, stamp, suites, text,
    },
    malformed,
};

/// One check, with what the same verifier checked before.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) code: String,
    pub(crate) at: &'static str,
    pub(crate) trust: &'static str,
    pub(crate) lists: &'static str,
    /// Earlier checks: code, trust list, instant.
    pub(crate) before: Vec<(String, &'static str, &'static str)>,
    pub(crate) reasons: Vec<&'static str>,
}

impl Case {
    pub(super) fn new(name: impl Into<String>, code: String, reasons: &[&'static str]) -> Self {
        Self {
            name: name.into(),
            code,
            at: NOW,
            trust: "current",
            lists: "current",
            before: Vec::new(),
            reasons: reasons.to_vec(),
        }
    }

    fn at(self, at: &'static str) -> Self {
        Self { at, ..self }
    }

    fn trust(self, trust: &'static str) -> Self {
        Self { trust, ..self }
    }

    fn lists(self, lists: &'static str) -> Self {
        Self { lists, ..self }
    }

    fn after(mut self, code: &str, trust: &'static str, at: &'static str) -> Self {
        self.before.push((code.to_owned(), trust, at));
        self
    }

    pub(crate) fn to_json(&self, expect: &Value) -> Value {
        let before = self
            .before
            .iter()
            .map(|(code, trust, at)| json!({"code": code, "trust": trust, "at": at}));
        json!({
            "name": self.name, "code": self.code, "at": self.at, "trust": self.trust,
            "lists": self.lists, "before": before.collect::<Vec<_>>(), "expect": expect,
        })
    }
}

pub(crate) fn all() -> Vec<Case> {
    [
        honest_codes(),
        online_codes(),
        windows(),
        terms(),
        keys(),
        stale_trust(),
        statuses(),
        seen_before(),
        forged::profiles(),
        forged::devices(),
        forged::stamps(),
        malformed::texts(),
        malformed::encodings(),
        malformed::items(),
        malformed::envelopes(),
        malformed::headers(),
        malformed::claim_sets(),
        malformed::profile_claims(),
        malformed::profile_bindings(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub(super) fn public() -> String {
    text(honest(&claims(), &Suite::sm2()))
}

/// Shown by the true device, over a profile of whatever bytes.
pub(super) fn over(profile: Vec<u8>) -> String {
    text(shown(profile, stamp(&Suite::sm2()), NOW, None, &device()))
}

fn honest_codes() -> Vec<Case> {
    let long_term = ProfileClaims {
        valid_until: Validity::LongTerm,
        form: Form::Public {
            portrait_sha256: None,
        },
        ..claims()
    };
    let far_away = Rest {
        address: Some("测".repeat(170)),
        authority_name: "局".repeat(80),
        ..rest()
    };
    let mut cases = Vec::new();
    for suite in suites() {
        let profile = signed(&claims(), &suite);
        for (name, code) in [
            ("offline without portrait", honest(&claims(), &suite)),
            (
                "offline with portrait",
                shown(profile, stamp(&suite), NOW, Some(PORTRAIT), &device()),
            ),
            ("offline, long-term licence", honest(&long_term, &suite)),
            ("enforcement", honest(&enforcement(&rest()), &suite)),
            (
                "enforcement, address left out",
                honest(&enforcement(&far_away), &suite),
            ),
        ] {
            cases.push(Case::new(format!("{name}, {suite}"), text(code), &[]));
        }
    }
    cases
}

fn online_codes() -> Vec<Case> {
    let numeric = "771000000000005724".to_owned();
    let screenshot = "dynamic, a screenshot of two minutes ago";
    vec![
        Case::new("dynamic", dynamic(NOW), &["needs-server"]),
        Case::new(screenshot, dynamic(NOW), &["not-fresh", "needs-server"])
            .at("2021-09-15T00:02:00Z"),
        Case::new("numeric", numeric, &["needs-server"]),
    ]
}

fn windows() -> Vec<Case> {
    let cases: [(_, _, &[&'static str]); 6] = [
        ("at the end of its window", "2021-09-15T00:01:00Z", &[]),
        ("half a minute ahead", "2021-09-14T23:59:30Z", &[]),
        (
            "a second past its window",
            "2021-09-15T00:01:01Z",
            &["not-fresh"],
        ),
        (
            "a second more ahead than clocks may stand apart",
            "2021-09-14T23:59:29Z",
            &["not-fresh"],
        ),
        (
            "clock ten minutes off, the verifier's ahead",
            "2021-09-15T00:10:00Z",
            &["clock-off"],
        ),
        (
            "clock ten minutes off, the verifier's behind",
            "2021-09-14T23:50:00Z",
            &["clock-off"],
        ),
    ];
    let cases = cases.into_iter();
    cases
        .map(|(name, at, reasons)| Case::new(name, public(), reasons).at(at))
        .collect()
}

/// Made at this time with the stamp of every case.
fn made_at(time: &str) -> String {
    let profile = signed(&claims(), &Suite::sm2());
    text(shown(profile, stamp(&Suite::sm2()), time, None, &device()))
}

fn terms() -> Vec<Case> {
    let of = |claims| text(honest(&claims, &Suite::sm2()));
    let short = ProfileClaims {
        expires_at: second(NOW),
        ..claims()
    };
    let ended = ProfileClaims {
        valid_until: Validity::Until(date(2021, 9, 14)),
        ..claims()
    };
    let to_come = ProfileClaims {
        valid_from: date(2021, 9, 16),
        ..claims()
    };
    let (august, last, over) = (
        "2021-08-31T00:00:00Z",
        "2021-09-20T23:59:59Z",
        "2021-09-21T00:00:00Z",
    );
    let before = ["credential-not-yet-valid", "stamp-not-yet-valid"];
    let stale = ["stamp-stale", "status-list-stale"];
    vec![
        Case::new("credential expired", of(short), &["credential-expired"]),
        Case::new("before credential and stamp", made_at(august), &before).at(august),
        Case::new(
            "licence ended yesterday in China",
            of(ended),
            &["licence-expired"],
        ),
        Case::new(
            "licence begins tomorrow in China",
            of(to_come),
            &["licence-not-yet-valid"],
        ),
        Case::new(
            "stamp in its last second",
            made_at(last),
            &["status-list-stale"],
        )
        .at(last),
        Case::new("stamp stale", made_at(over), &stale).at(over),
    ]
}

fn keys() -> Vec<Case> {
    let cases: [(_, &[&'static str]); 7] = [
        ("licence keys revoked", &["key-distrusted"]),
        ("online keys revoked", &["stamp-key-distrusted"]),
        ("licence keys retired", &[]),
        ("licence keys removed", &["foreign-issuer"]),
        ("online keys removed", &["stamp-key-unknown"]),
        ("licence keys ended before", &["key-not-valid-then"]),
        ("online keys ended before", &["stamp-key-not-valid-then"]),
    ];
    let cases = cases.into_iter();
    cases
        .map(|(trust, reasons)| {
            Case::new(format!("under: {trust}"), public(), reasons).trust(trust)
        })
        .collect()
}

fn stale_trust() -> Vec<Case> {
    let october = "2021-10-01T00:00:00Z";
    let renewed_at = second("2021-09-30T00:00:00Z");
    let stamp = Stamp::sign(&online_key(&Suite::sm2()), &ID, renewed_at).unwrap();
    let profile = signed(&claims(), &Suite::sm2());
    let code = text(shown(profile, stamp, october, None, &device()));
    let unknown = ["key-unknown", "trust-list-stale"];
    vec![
        Case::new(
            "trust list stale",
            code.clone(),
            &["status-list-stale", "trust-list-stale"],
        )
        .at(october),
        Case::new(
            "trust list stale and licence key unknown",
            code.clone(),
            &unknown,
        )
        .at(october)
        .trust("licence keys removed"),
        Case::new("trust list stale and online key unknown", code, &unknown)
            .at(october)
            .trust("online keys removed"),
    ]
}

fn statuses() -> Vec<Case> {
    let young = ProfileClaims {
        issued_at: second("2021-09-14T20:00:00Z"),
        ..claims()
    };
    let at = |index| {
        let status = StatusPlace { list: 79, index };
        text(honest(&ProfileClaims { status, ..claims() }, &Suite::sm2()))
    };
    let elsewhere = ProfileClaims {
        status: StatusPlace { list: 80, index: 0 },
        ..claims()
    };
    vec![
        Case::new("status invalid", at(INVALID), &["status-invalid"]),
        Case::new("status suspended", at(SUSPENDED), &["status-suspended"]),
        Case::new(
            "status red, in the public list",
            at(RED),
            &["status-suspended"],
        ),
        Case::new(
            "status red, in the list for verifiers",
            at(RED),
            &["status-red"],
        )
        .lists("for verifiers"),
        Case::new("status valid in the list for verifiers", public(), &[]).lists("for verifiers"),
        Case::new("no status list", public(), &["status-unknown"]).lists("none"),
        Case::new("status list stale", public(), &["status-list-stale"]).lists("stale"),
        Case::new(
            "stale status list that says invalid",
            at(INVALID),
            &["status-list-stale"],
        )
        .lists("stale"),
        Case::new(
            "signed after the status list",
            text(honest(&young, &Suite::sm2())),
            &["status-unknown"],
        ),
        Case::new("index beyond the list", at(1000), &["status-unknown"]),
        Case::new(
            "list that is not held",
            text(honest(&elsewhere, &Suite::sm2())),
            &["status-unknown"],
        ),
    ]
}

fn seen_before() -> Vec<Case> {
    let good = public();
    let Ok(Code::Offline(code)) = Code::parse(&good) else {
        unreachable!("an offline code")
    };
    let other = Signature::from_raw(forging::other_form(*code.signature.as_raw()));
    let rewritten = text(OfflineCode {
        signature: other,
        ..code
    });
    vec![
        Case::new(
            "shown a second time to the same verifier",
            good.clone(),
            &["code-used"],
        )
        .after(&good, "current", "2021-09-15T00:00:05Z")
        .at("2021-09-15T00:00:40Z"),
        Case::new(
            "the device's signature in its other form",
            rewritten.clone(),
            &[],
        ),
        Case::new(
            "shown again with the signature in its other form",
            rewritten,
            &["code-used"],
        )
        .after(&good, "current", NOW),
        Case::new(
            "trust list rolled back",
            good.clone(),
            &["trust-list-rolled-back"],
        )
        .trust("older")
        .after(&good, "current", "2021-09-14T23:50:00Z"),
        Case::new("trust list newer than before", good.clone(), &[]).after(
            &good,
            "older",
            "2021-09-14T23:50:00Z",
        ),
    ]
}
