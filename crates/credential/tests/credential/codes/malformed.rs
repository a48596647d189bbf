//! Codes that are not what they should be, from their text down to the claims of their profile.

use ciborium::Value as Cbor;
use credential::{MaskedNumber, Signer as _, Suite};

use super::{
    cases::{Case, over, public},
    forging::{self, int, uint},
    making::{NOW, claims, device, dynamic, licence_key, signed},
};

pub(super) fn texts() -> Vec<Case> {
    let good = public();
    let cut = |to: usize| good.get(..to).unwrap().to_owned();
    // The last group has three characters or two.
    let last = if good.len() % 3 == 1 { 3 } else { 2 };
    let extended = [forging::bytes(&good), vec![0, 0]].concat();
    [
        ("empty", String::new(), "not-code-text"),
        (
            "an address",
            "https://jiazhao.example/verify".to_owned(),
            "not-code-text",
        ),
        ("lower case", good.to_lowercase(), "not-code-text"),
        ("a line end after it", format!("{good}\n"), "not-base45"),
        ("nothing after the prefix", "JZ1:".to_owned(), "truncated"),
        (
            "truncated by one group",
            cut(good.len() - last),
            "truncated",
        ),
        (
            "truncated by half",
            cut(4 + (good.len() - 4) / 6 * 3),
            "truncated",
        ),
        (
            "extended by two bytes",
            forging::text(&extended),
            "trailing-bytes",
        ),
        (
            "a group above what bytes can be",
            "JZ1::::".to_owned(),
            "not-base45",
        ),
        (
            "larger than any symbol in use",
            format!("JZ1:{}", "0".repeat(1729)),
            "too-large",
        ),
        (
            "numeric, mistyped",
            "771000000000005725".to_owned(),
            "not-code-text",
        ),
    ]
    .into_iter()
    .map(|(name, text, reason)| Case::new(name, text, &[reason]))
    .collect()
}

const HUGE_STRING: [u8; 11] = [
    0x84, 0x01, 0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
];
const HUGE_ARRAY: [u8; 10] = [0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];

pub(super) fn encodings() -> Vec<Case> {
    let dynamic = forging::bytes(&dynamic(NOW));
    let after_kind = dynamic.get(2..).unwrap();
    let begun = |head: &[u8]| [head, after_kind].concat();
    let indefinite = [&begun(&[0x9f, 0x01])[..], &[0xff]].concat();
    [
        (
            "re-encoded: a longer integer",
            begun(&[0x84, 0x18, 0x01]),
            "not-canonical",
        ),
        (
            "re-encoded: a longer array head",
            begun(&[0x98, 0x04, 0x01]),
            "not-canonical",
        ),
        (
            "re-encoded: an indefinite array",
            indefinite,
            "not-canonical",
        ),
        ("huge string", HUGE_STRING.to_vec(), "truncated"),
        ("huge array", HUGE_ARRAY.to_vec(), "truncated"),
        ("nested too deeply", vec![0x81; 9], "too-deep"),
        (
            "a float",
            begun(&[0x84, 0xf9, 0x3c, 0x00]),
            "unsupported-cbor",
        ),
        (
            "the simple value false",
            begun(&[0x84, 0xf4]),
            "unsupported-cbor",
        ),
        (
            "a duplicate key in a map",
            vec![0xa2, 0x01, 0x00, 0x01, 0x00],
            "duplicate-key",
        ),
        (
            "keys of a map out of order",
            vec![0xa2, 0x02, 0x00, 0x01, 0x00],
            "not-canonical",
        ),
        ("a text that is not UTF-8", vec![0x61, 0xff], "not-utf8"),
    ]
    .into_iter()
    .map(|(name, bytes, reason)| Case::new(name, forging::text(&bytes), &[reason]))
    .collect()
}

pub(super) fn items() -> Vec<Case> {
    let dynamic = forging::bytes(&dynamic(NOW));
    let items = forging::decoded(&dynamic).into_array().unwrap();
    let with = |at: usize, value: Cbor| {
        let mut items = items.clone();
        items[at] = value;
        Cbor::Array(items)
    };
    let one_more = [items.clone(), vec![uint(0)]].concat();
    let tagged = Cbor::Tag(24, Box::new(Cbor::Array(items.clone())));
    [
        (
            "a map in place of the array",
            Cbor::Map(Vec::new()),
            "claim-type",
        ),
        ("a tag around the code", tagged, "claim-type"),
        ("an unknown kind", with(0, uint(3)), "unknown-code-kind"),
        ("an item too many", Cbor::Array(one_more), "claim-type"),
        (
            "a short handle",
            with(1, Cbor::Bytes(vec![1; 15])),
            "claim-value",
        ),
        ("a negative time", with(2, int(-1)), "claim-type"),
        (
            "a time beyond every calendar",
            with(2, uint(1 << 60)),
            "claim-value",
        ),
        (
            "a long signature",
            with(3, Cbor::Bytes(vec![1; 65])),
            "signature-length",
        ),
    ]
    .into_iter()
    .map(|(name, value, reason)| {
        let text = forging::text(&forging::encoded(&value));
        Case::new(name, text, &[reason])
    })
    .collect()
}

pub(super) fn envelopes() -> Vec<Case> {
    let profile = signed(&claims(), &Suite::sm2());
    let mut wrong_tag = profile.clone();
    wrong_tag[0] = 0xd1;
    let truncated = profile[..profile.len() - 1].to_vec();
    let extended = [&profile[..], &[0]].concat();
    [
        ("COSE tag of a MAC", wrong_tag, "not-cose-sign1"),
        ("no COSE tag", profile[1..].to_vec(), "not-cose-sign1"),
        ("profile truncated", truncated, "truncated"),
        ("profile extended", extended, "trailing-bytes"),
        ("profile of nothing", Vec::new(), "not-cose-sign1"),
    ]
    .into_iter()
    .map(|(name, profile, reason)| Case::new(name, over(profile), &[reason]))
    .collect()
}

pub(super) fn headers() -> Vec<Case> {
    let by = licence_key(&Suite::sm2());
    let (protected, payload) = forging::parts(&signed(&claims(), &Suite::sm2()));
    let payload = forging::encoded(&payload);
    let set = |key, value| forging::with(protected.clone(), key, value);
    let typed = |name: &str| set(16, Some(Cbor::Text(name.to_owned())));
    let trust_list = "application/vnd.jiazhao.trust.v1+cbor";
    [
        (
            "header with a duplicate key",
            forging::with_duplicate(protected.clone()),
            "duplicate-key",
        ),
        (
            "header out of order",
            forging::reversed(protected.clone()),
            "not-canonical",
        ),
        (
            "header of the other suite's algorithm",
            set(1, Some(int(-7))),
            "algorithm-mismatch",
        ),
        (
            "header of an unknown algorithm",
            set(1, Some(int(-8))),
            "unknown-algorithm",
        ),
        ("header without a key", set(4, None), "missing-claim"),
        (
            "header with an extension",
            set(17, Some(uint(1))),
            "headers",
        ),
        (
            "typed as a licence file",
            set(16, Some(uint(61))),
            "wrong-type",
        ),
        ("typed as a trust list", typed(trust_list), "wrong-type"),
        (
            "typed as the other profile",
            typed("jz-enforce"),
            "missing-claim",
        ),
    ]
    .into_iter()
    .map(|(name, protected, reason)| {
        let profile = forging::sign1(forging::encoded(&protected), payload.clone(), &by);
        Case::new(name, over(profile), &[reason])
    })
    .collect()
}

/// What only an issuer with a defect could sign.
pub(super) fn claim_sets() -> Vec<Case> {
    let payload = honest_payload();
    let outer = |key, value| forging::with(payload.clone(), key, value);
    let mut with_issuer = payload.clone().into_map().unwrap();
    with_issuer.insert(0, (uint(1), Cbor::Text("CN-DEMO".to_owned())));
    [
        (
            "claims with a duplicate key",
            forging::with_duplicate(payload.clone()),
            "duplicate-key",
        ),
        (
            "claims out of order",
            forging::reversed(payload.clone()),
            "not-canonical",
        ),
        ("no claims at all", uint(0), "claim-type"),
        ("no end of validity", outer(4, None), "missing-claim"),
        (
            "an end before the beginning",
            outer(4, Some(uint(1))),
            "claim-value",
        ),
        (
            "an issuer, which this form does not name",
            Cbor::Map(with_issuer),
            "unknown-claim",
        ),
    ]
    .into_iter()
    .map(|(name, payload, reason)| signed_anyway(name, &payload, reason))
    .collect()
}

pub(super) fn profile_claims() -> Vec<Case> {
    let text = |text: &str| Cbor::Text(text.to_owned());
    let masked = MaskedNumber::of("510199199001019917");
    let too_little = masked.as_str().replace("**9917", "019917");
    let classes = |classes: &[&str]| Cbor::Array(classes.iter().map(|class| text(class)).collect());
    [
        (
            "a date under another tag",
            (4, Cbor::Tag(101, Box::new(uint(18_000)))),
            "claim-type",
        ),
        ("a date as a number", (4, uint(18_000)), "claim-type"),
        (
            "a full licence number",
            (2, text("510199199001019917")),
            "claim-value",
        ),
        (
            "a licence number masked too little",
            (2, text(&too_little)),
            "claim-value",
        ),
        ("no classes", (3, classes(&[])), "claim-value"),
        ("a class twice", (3, classes(&["C1", "C1"])), "claim-value"),
        ("an empty name", (1, text("")), "claim-value"),
        (
            "a control character in the name",
            (1, text("测\n试")),
            "claim-value",
        ),
    ]
    .map(|(name, change, reason)| with_profile(name, change, reason))
    .into()
}

pub(super) fn profile_bindings() -> Vec<Case> {
    let off_curve = [&[2][..], &[0xff; 32]].concat();
    let uncompressed = device().public_key().to_sec1().to_vec();
    [
        (
            "a status of one number",
            (7, Cbor::Array(vec![uint(1)])),
            "claim-type",
        ),
        (
            "a device key off the curve",
            (9, Cbor::Bytes(off_curve)),
            "bad-public-key",
        ),
        (
            "an uncompressed device key",
            (9, Cbor::Bytes(uncompressed)),
            "bad-public-key",
        ),
        (
            "null for the portrait's digest",
            (8, Cbor::Null),
            "claim-type",
        ),
        (
            "a sealed rest in the public profile",
            (10, Cbor::Array(Vec::new())),
            "unknown-claim",
        ),
    ]
    .map(|(name, change, reason)| with_profile(name, change, reason))
    .into()
}

fn with_profile(name: &str, (key, value): (i64, Cbor), reason: &'static str) -> Case {
    let payload = honest_payload();
    let entries = payload.as_map().unwrap();
    let (_, inner) = entries
        .iter()
        .find(|(key, _)| *key == int(-65_538))
        .unwrap();
    let inner = forging::with(inner.clone(), key, Some(value));
    let payload = forging::with(payload.clone(), -65_538, Some(inner));
    signed_anyway(name, &payload, reason)
}

fn honest_payload() -> Cbor {
    forging::parts(&signed(&claims(), &Suite::sm2())).1
}

fn signed_anyway(name: &str, payload: &Cbor, reason: &'static str) -> Case {
    let (protected, _) = forging::parts(&signed(&claims(), &Suite::sm2()));
    let by = licence_key(&Suite::sm2());
    let profile = forging::sign1(forging::encoded(&protected), forging::encoded(payload), &by);
    Case::new(name, over(profile), &[reason])
}
