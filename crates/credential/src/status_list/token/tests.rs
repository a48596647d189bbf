use proptest::prelude::*;

use super::*;
use crate::{
    cwt::Unverified,
    samples::{instant, second, signer, suites, trusted, verified},
};

fn values() -> StatusList {
    let mut list = StatusList::from_bytes(Width::Two, vec![0x55; 1000]).unwrap();
    for (index, value) in [(0, 0), (7, 2), (3999, 3)] {
        list.set(index, value);
    }
    list
}

fn claims() -> ListClaims {
    ListClaims {
        subject: "https://jiazhao.example/api/v1/status-lists/79".to_owned(),
        issued_at: second("2021-09-01T01:00:00Z"),
        expires_at: second("2021-09-02T01:00:00Z"),
        ttl: 600,
        list: values().compress(),
    }
}

/// A trust list with the online key of each suite, as `edit` leaves them.
fn trust(edit: impl Fn(&mut TrustedKey)) -> VerifiedTrustList {
    let keys = suites().map(|suite| {
        let mut key = trusted(signer(&suite, 0x21).public_key(), KeyState::Active);
        key.key_use = KeyUse::Online;
        edit(&mut key);
        key
    });
    verified(keys.to_vec())
}

/// Every form of the claims in every suite.
fn signed(claims: &ListClaims) -> Vec<Vec<u8>> {
    let signers = suites().map(|suite| signer(&suite, 0x21));
    let forms = signers.iter().flat_map(|signer| {
        let jwt = sign_jwt(claims, signer).unwrap();
        [sign_cwt(claims, signer).unwrap(), jwt.into_bytes()]
    });
    forms.collect()
}

#[test]
fn both_forms_say_the_same_in_both_suites() {
    for token in signed(&claims()) {
        let list = UnverifiedStatusList::parse(&token).unwrap();
        let list = list.verify(&trust(|_| {})).unwrap();
        assert_eq!(list.number(), 79);
        assert_eq!(list.width(), Width::Two);
        assert_eq!(list.issued_at(), claims().issued_at);
        assert_eq!(list.next_update(), claims().expires_at);
        assert_eq!(list.ttl(), 600);
        let read: Vec<_> = [0, 7, 8, 3999, 4000].map(|at| list.value(at)).into();
        assert_eq!(read, [Some(0), Some(2), Some(1), Some(3), None]);
        assert!(!list.is_stale(instant("2021-09-02T00:59:59Z")));
        assert!(list.is_stale(instant("2021-09-02T01:00:00Z")));
    }
}

#[test]
fn no_byte_of_a_list_can_be_changed() {
    let claims = claims();
    let signer = signer(&suites()[0], 0x21);
    let trust = trust(|_| {});
    let cwt = sign_cwt(&claims, &signer).unwrap();
    let jwt = sign_jwt(&claims, &signer).unwrap().into_bytes();
    for token in [cwt, jwt] {
        for at in 0..token.len() {
            let mut changed = token.clone();
            changed[at] ^= 1;
            let read = UnverifiedStatusList::parse(&changed);
            let believed = read.is_ok_and(|list| list.verify(&trust).is_ok());
            assert!(!believed, "byte {at}");
        }
    }
}

/// Each refusal is about the list; none speaks of a licence.
#[test]
fn what_is_not_believed_says_why() {
    type Edit = fn(&mut TrustedKey);
    let cases: [(Edit, ListRefusal); 5] = [
        (
            |key| key.public_key = signer(key.public_key.suite(), 0x22).public_key().clone(),
            ListRefusal::UnknownKey,
        ),
        (|key| key.key_use = KeyUse::Licence, ListRefusal::WrongUse),
        (
            |key| {
                key.state = KeyState::Revoked {
                    at: second("2021-09-01T02:00:00Z"),
                }
            },
            ListRefusal::KeyDistrusted,
        ),
        (
            |key| key.not_before = second("2021-09-01T01:00:01Z"),
            ListRefusal::KeyNotValidThen,
        ),
        (
            |key| key.not_after = second("2021-09-01T00:59:59Z"),
            ListRefusal::KeyNotValidThen,
        ),
    ];
    for (edit, refusal) in cases {
        for token in signed(&claims()) {
            let list = UnverifiedStatusList::parse(&token).unwrap();
            assert_eq!(list.verify(&trust(edit)).err(), Some(refusal));
            let reason = refusal.reason();
            assert!(!reason.en.contains("revoked") && !reason.zh.contains("吊销"));
        }
    }
    // A retired key's lists stay good, as its credentials do.
    for token in signed(&claims()) {
        let list = UnverifiedStatusList::parse(&token).unwrap();
        assert!(
            list.verify(&trust(|key| key.state = KeyState::Retired))
                .is_ok()
        );
    }
}

/// A header that names another algorithm, or another kind of content, under the same key.
#[test]
fn kinds_and_algorithms_are_not_confused() {
    let [es256, sm2] = suites().map(|suite| signer(&suite, 0x21));
    let jwt = |alg: &str, typ: &str| {
        let header = JsonHeader {
            alg: alg.to_owned(),
            kid: *es256.key_id(),
            typ: typ.to_owned(),
        };
        let signed = format!("{}.{}", part(&header), part(&claims().to_json()));
        let signature = es256.sign(signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_raw()))
    };
    let trust = trust(|_| {});
    let good = UnverifiedStatusList::from_jwt(&jwt("ES256", JWT_TYPE)).unwrap();
    assert!(good.verify(&trust).is_ok());
    for alg in ["SM2", "none", "HS256", ""] {
        let list = UnverifiedStatusList::from_jwt(&jwt(alg, JWT_TYPE)).unwrap();
        assert_eq!(
            list.verify(&trust).err(),
            Some(ListRefusal::AlgorithmMismatch)
        );
    }
    let other = UnverifiedStatusList::from_jwt(&jwt("ES256", "JWT"));
    assert_eq!(other.err(), Some(Malformed::WrongType));
    let cwt = sign_cwt(&claims(), &sm2).unwrap();
    assert_eq!(Unverified::parse(&cwt).err(), Some(Malformed::WrongType));
}

#[test]
fn what_nobody_would_read_is_not_signed() {
    type Edit = fn(&mut ListClaims);
    let edits: [Edit; 7] = [
        |claims| claims.subject = "https://jiazhao.example/api/v1/status-lists/079".to_owned(),
        |claims| claims.subject = "https://jiazhao.example/api/v1/status-lists/+7".to_owned(),
        |claims| claims.subject = "79".to_owned(),
        |claims| claims.expires_at = claims.issued_at,
        |claims| claims.ttl = 0,
        |claims| {
            claims.list = CompressedList {
                width: Width::Two,
                zlib: vec![0x03, 0x00],
            }
        },
        |claims| claims.subject = format!("https://{}/79", "x".repeat(600)),
    ];
    let signer = signer(&suites()[1], 0x21);
    for (number, edit) in edits.into_iter().enumerate() {
        let mut claims = claims();
        edit(&mut claims);
        assert!(
            matches!(sign_cwt(&claims, &signer), Err(IssueError::Unfit(_))),
            "{number}"
        );
        assert!(
            matches!(sign_jwt(&claims, &signer), Err(IssueError::Unfit(_))),
            "{number}"
        );
    }
}

#[test]
fn other_shapes_of_a_jwt_are_refused_each_by_its_name() {
    let signer = signer(&suites()[0], 0x21);
    let token = sign_jwt(&claims(), &signer).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let with = |header: &str, payload: &str, signature: &str| {
        UnverifiedStatusList::from_jwt(&format!("{header}.{payload}.{signature}")).err()
    };
    let json = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let [header, payload, signature] = [parts[0], parts[1], parts[2]];
    assert_eq!(with(header, payload, signature), None);
    assert_eq!(with(header, payload, ""), Some(Malformed::SignatureLength));
    let padded = format!("{signature}==");
    assert_eq!(
        with(header, payload, &padded),
        Some(Malformed::SignatureLength)
    );
    let critical = json(&format!(
        r#"{{"alg":"ES256","kid":"{}","typ":"statuslist+jwt","crit":["exp"]}}"#,
        signer.key_id()
    ));
    assert_eq!(
        with(&critical, payload, signature),
        Some(Malformed::Headers)
    );
    assert_eq!(with("", payload, signature), Some(Malformed::Headers));
    assert_eq!(
        with(header, &json("{}"), signature),
        Some(Malformed::NotStatusList)
    );
    assert_eq!(with(header, "+", signature), Some(Malformed::NotStatusList));
    let two = format!("{header}.{payload}");
    assert_eq!(
        UnverifiedStatusList::from_jwt(&two).err(),
        Some(Malformed::NotStatusList)
    );
    let long = "A".repeat(MAX_TOKEN + 1);
    assert_eq!(
        UnverifiedStatusList::from_jwt(&long).err(),
        Some(Malformed::TooLarge)
    );
    assert_eq!(
        UnverifiedStatusList::parse(&[0xff]).err(),
        Some(Malformed::NotStatusList)
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>, text: String) {
        drop(UnverifiedStatusList::parse(&bytes));
        drop(UnverifiedStatusList::from_jwt(&text));
        let tagged = [vec![cose::FIRST_BYTE], bytes].concat();
        drop(UnverifiedStatusList::parse(&tagged));
    }
}
