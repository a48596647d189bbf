//! Every decoder of bytes that came from outside, fed with whatever. The fuzz targets of the same names
//! call [`check`], and their corpora are replayed by the tests.
//!
//! What is only read after a signature is signed here with a key that the trust list knows, so that
//! the signature is no wall before it.

use std::sync::LazyLock;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ciborium::Value;
use credential::{
    Code, KeyState, KeyUse, LicenceClaims, NumericDate, SignedTrustList, Signer as _,
    SoftwareSigner, Suite, TrustList, TrustedKey, Unverified, UnverifiedProfile,
    UnverifiedStatusList, VerifiedTrustList, profile, sign_trust_list, status_list::LIST_ENTRIES,
};
use jiff::Timestamp;
use serde_json::json;
use zeroize::Zeroizing;

const ALPHABET: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// Feeds the decoder of this name, and panics where what it takes is not what it writes.
pub(crate) fn check(decoder: &str, data: &[u8]) {
    match decoder {
        "code" => code(data),
        "cose" => cose(data),
        "credential_cbor" => credential_cbor(data),
        "trust_list" => trust_list(data),
        "status_list_cwt" => status_list_cwt(data),
        "status_list_jwt" => status_list_jwt(data),
        other => unreachable!("no decoder is called {other}"),
    }
}

fn code(data: &[u8]) {
    let mut encoded = String::from("JZ1:");
    for pair in data.chunks(2) {
        let mut rest = pair.iter().fold(0, |n, byte| n * 256 + usize::from(*byte));
        for _ in 0..=pair.len() {
            encoded.push(char::from(ALPHABET[rest % 45]));
            rest /= 45;
        }
    }
    for text in [std::str::from_utf8(data).unwrap_or_default(), &encoded] {
        if let Ok(code) = Code::parse(text) {
            assert_eq!(code.to_text(), text);
        }
    }
}

fn cose(data: &[u8]) {
    if let Ok(credential) = Unverified::parse(data) {
        assert!(data.ends_with(credential.signature().as_raw()));
        drop(credential.verify(&TRUST));
    }
    if let Ok(profile) = UnverifiedProfile::parse(data) {
        assert!(data.ends_with(profile.signature().as_raw()));
        drop(profile.verify(&TRUST));
    }
}

fn credential_cbor(data: &[u8]) {
    if let Ok(claims) = LicenceClaims::from_cbor(data) {
        assert_eq!(claims.to_cbor(), data);
    }
    for content in ["jz-offline", "jz-enforce"] {
        let bytes = sign1(&LICENCE, content, data);
        let Ok(unverified) = UnverifiedProfile::parse(&bytes) else {
            continue;
        };
        if let Ok(profile) = unverified.verify(&TRUST) {
            let key_id = LICENCE.key_id();
            let again = profile::prepare(profile.claims(), &Suite::Es256, key_id).unwrap();
            assert_eq!(again.to_be_signed(), unverified.to_be_signed());
        }
    }
}

fn trust_list(data: &[u8]) {
    if let Ok(signed) = SignedTrustList::from_json(data) {
        let again = SignedTrustList::from_json(signed.to_json().as_bytes()).unwrap();
        assert!(again == signed);
        drop(signed.verify(None));
    }
    let list = sign1(&LICENCE, "application/vnd.jiazhao.trust.v1+cbor", data);
    let root = LICENCE.public_key();
    let file = json!({
        "format": "jiazhao-trust/1",
        "roots": [{
            "suite": "ES256",
            "key_id": root.key_id(),
            "public_key": STANDARD.encode(root.to_sec1()),
        }],
        "lists": [STANDARD.encode(&list)],
    });
    let signed = SignedTrustList::from_json(file.to_string().as_bytes()).unwrap();
    if let Ok(verified) = signed.verify(None) {
        let again = sign_trust_list(verified.list(), &[&*LICENCE]).unwrap();
        assert_eq!(again.verify(None).unwrap(), verified);
    }
}

fn status_list_cwt(data: &[u8]) {
    drop(UnverifiedStatusList::parse(data).map(|list| list.verify(&TRUST)));
    let token = sign1(&ONLINE, "application/statuslist+cwt", data);
    if let Ok(list) = UnverifiedStatusList::from_cwt(&token) {
        bounded(&list);
    }
}

fn status_list_jwt(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        drop(UnverifiedStatusList::from_jwt(text).map(|list| list.verify(&TRUST)));
    }
    let header = json!({"alg": "ES256", "kid": ONLINE.key_id(), "typ": "statuslist+jwt"});
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!("{}.{}", part(header.to_string().as_bytes()), part(data));
    let signature = ONLINE.sign(signed.as_bytes()).unwrap();
    let token = format!("{signed}.{}", part(signature.as_raw()));
    if let Ok(list) = UnverifiedStatusList::from_jwt(&token) {
        bounded(&list);
    }
}

/// However little a list is on its way, it never grows beyond the largest.
fn bounded(list: &UnverifiedStatusList) {
    if let Ok(list) = list.verify(&TRUST) {
        assert_eq!(list.value(u64::from(LIST_ENTRIES)), None);
        assert!(list.next_update() > list.issued_at());
    }
}

fn sign1(by: &SoftwareSigner, content: &str, payload: &[u8]) -> Vec<u8> {
    let encoded = |value: Value| {
        let mut out = Vec::new();
        ciborium::into_writer(&value, &mut out).unwrap();
        out
    };
    let int = |n: i64| Value::Integer(n.into());
    let protected = encoded(Value::Map(vec![
        (int(1), int(-7)),
        (int(4), Value::Bytes(by.key_id().as_bytes().to_vec())),
        (int(16), Value::Text(content.to_owned())),
    ]));
    let message = encoded(Value::Array(vec![
        Value::Text("Signature1".to_owned()),
        Value::Bytes(protected.clone()),
        Value::Bytes(Vec::new()),
        Value::Bytes(payload.to_vec()),
    ]));
    let signature = by.sign(&message).unwrap();
    let parts = vec![
        Value::Bytes(protected),
        Value::Map(Vec::new()),
        Value::Bytes(payload.to_vec()),
        Value::Bytes(signature.as_raw().to_vec()),
    ];
    encoded(Value::Tag(18, Box::new(Value::Array(parts))))
}

static LICENCE: LazyLock<SoftwareSigner> = LazyLock::new(|| signer(0x11));
static ONLINE: LazyLock<SoftwareSigner> = LazyLock::new(|| signer(0x22));

static TRUST: LazyLock<VerifiedTrustList> = LazyLock::new(|| {
    let second = |text: &str| NumericDate::floor(text.parse::<Timestamp>().unwrap());
    let trusted = |signer: &SoftwareSigner, key_use| TrustedKey {
        public_key: signer.public_key().clone(),
        issuer: "CN-DEMO".to_owned(),
        not_before: second("1970-01-01T00:00:00Z"),
        not_after: second("9999-01-01T00:00:00Z"),
        key_use,
        state: KeyState::Active,
    };
    let list = TrustList {
        version: 1,
        issued_at: second("2021-08-01T00:00:00Z"),
        next_update: second("2021-10-01T00:00:00Z"),
        keys: vec![
            trusted(&LICENCE, KeyUse::Licence),
            trusted(&ONLINE, KeyUse::Online),
        ],
    };
    let root = signer(0x55);
    sign_trust_list(&list, &[&root])
        .unwrap()
        .verify(None)
        .unwrap()
});

fn signer(secret: u8) -> SoftwareSigner {
    SoftwareSigner::from_secret(&Suite::Es256, Zeroizing::new([secret; 32])).unwrap()
}
