use std::sync::LazyLock;

use fast_qr::{ECL, Mode, QRBuilder};
use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng};

use super::*;
use crate::{
    profile::{ProfileClaims, issue},
    rest::{EnforcementSecret, Rest, RestRefusal},
    samples::{CREDENTIAL, PORTRAIT, device, profile, rest, second, signer, suites},
    signer::{Signer as _, SoftwareSigner},
    suite::Suite,
};

const NOW: &str = "2021-09-15T00:00:00Z";
const HANDLE: Handle = Handle::from_bytes([0x3a; 16]);

fn dynamic() -> Code {
    let time = second(NOW);
    let signature = device().sign(&dynamic_to_be_signed(&HANDLE, time)).unwrap();
    Code::Dynamic(DynamicCode {
        handle: HANDLE,
        time,
        signature,
    })
}

fn offline(suite: &Suite, claims: &ProfileClaims, portrait: Option<&[u8]>) -> Code {
    let profile = issue(claims, &signer(suite, 0x11)).unwrap();
    let online = signer(suite, 0x22);
    let stamp = Stamp::sign(&online, &CREDENTIAL, second("2021-09-14T00:00:00Z")).unwrap();
    let time = second(NOW);
    let message = offline_to_be_signed(&profile, stamp.renewed_at, time, portrait);
    Code::Offline(OfflineCode {
        signature: device().sign(&message).unwrap(),
        portrait: portrait.map(<[u8]>::to_vec),
        profile,
        stamp,
        time,
    })
}

fn device_key(of: &SoftwareSigner) -> DeviceKey {
    of.public_key().try_into().unwrap()
}

#[test]
fn codes_come_back_from_their_text_and_verify_with_their_device_alone() {
    let stranger = signer(&Suite::Es256, 0x34);
    let portrait = Some(PORTRAIT);
    let public = offline(&Suite::sm2(), &profile(), portrait);
    for code in [dynamic(), public, offline(&Suite::Es256, &profile(), None)] {
        let text = code.to_text();
        let again = Code::parse(&text).unwrap();
        assert_eq!(again, code);
        let verify = |by: &SoftwareSigner| match &again {
            Code::Dynamic(code) => code.verify(&device_key(by)),
            Code::Offline(code) => code.verify(&device_key(by)),
        };
        assert_eq!(verify(&device()), Ok(()));
        assert_eq!(verify(&stranger), Err(BadSignature));
    }
}

#[test]
fn the_device_signs_profile_stamp_time_and_portrait_together() {
    let Code::Offline(good) = offline(&Suite::sm2(), &profile(), Some(PORTRAIT)) else {
        unreachable!("an offline code")
    };
    let key = device_key(&device());
    let later = second("2021-09-15T00:00:01Z");
    let mut profile = good.profile.clone();
    *profile.last_mut().unwrap() ^= 1;
    let changed = [
        OfflineCode {
            profile,
            ..good.clone()
        },
        OfflineCode {
            time: later,
            ..good.clone()
        },
        OfflineCode {
            portrait: None,
            ..good.clone()
        },
        OfflineCode {
            portrait: Some(vec![1]),
            ..good.clone()
        },
        OfflineCode {
            stamp: Stamp {
                renewed_at: later,
                ..good.stamp.clone()
            },
            ..good.clone()
        },
    ];
    assert_eq!(good.verify(&key), Ok(()));
    for code in changed {
        assert_eq!(code.verify(&key), Err(BadSignature));
    }
}

/// What stands in the capacity table, by the encoder that draws the symbols.
#[test]
fn the_versions_are_those_of_an_encoder_at_level_m() {
    let version = |characters: usize| {
        let built = QRBuilder::new("A".repeat(characters))
            .mode(Mode::Alphanumeric)
            .ecl(ECL::M)
            .build();
        (built.unwrap().size - 17) / 4
    };
    let mut largest = 0;
    for characters in 1..=1732 {
        let ours = usize::from(qr_version(characters).unwrap());
        // Building every symbol would take minutes: both sides of every step are enough.
        if ours > largest || qr_version(characters + 1).map(usize::from) != Some(ours) {
            assert_eq!(version(characters), ours, "{characters}");
        }
        largest = ours;
    }
    assert_eq!((largest, qr_version(1733)), (28, None));
}

#[test]
fn codes_stay_within_their_symbols() {
    let version = |code: &Code| qr_version(code.to_text().len()).unwrap();
    assert!(version(&dynamic()) <= LARGEST_DYNAMIC);
    let long_name = ProfileClaims {
        name: "买买提·吐尔逊·阿卜杜热合曼".to_owned(),
        classes: ["A1", "A2", "B1", "D", "E"].map(str::to_owned).to_vec(),
        ..profile()
    };
    for suite in suites() {
        let code = offline(&suite, &long_name, None);
        assert!(version(&code) <= LARGEST_OFFLINE, "{}", version(&code));
        let Code::Offline(OfflineCode { profile, .. }) = &code else {
            unreachable!("an offline code")
        };
        assert_eq!(offline_version(profile.len(), None), Some(version(&code)));
        let budget = portrait_budget(profile.len());
        assert!(budget >= 600, "{budget} bytes for a portrait");
        let fullest = offline(&suite, &long_name, Some(&vec![7; budget]));
        assert_eq!(version(&fullest), LARGEST_WITH_PORTRAIT);
        assert_eq!(offline_version(profile.len(), Some(budget + 1)), None);
    }
    assert_eq!(portrait_budget(2000), 0);
}

#[test]
fn the_address_goes_first_where_the_rest_does_not_fit() {
    let mut rng = StdRng::seed_from_u64(4);
    let secret = EnforcementSecret::generate(&mut rng);
    let to = secret.public_key().unwrap();
    let mut made = |rest: &Rest| enforcement(&profile(), rest, &to, &mut rng);
    let read = |claims: &ProfileClaims| match &claims.form {
        crate::profile::Form::Enforcement {
            rest,
            address_left_out,
        } => (rest.open(&CREDENTIAL, &secret).unwrap(), *address_left_out),
        crate::profile::Form::Public { .. } => unreachable!("made for enforcement"),
    };
    let whole = made(&rest()).unwrap();
    assert_eq!(read(&whole), (rest(), false));
    let code = offline(&Suite::sm2(), &whole, None);
    assert!(qr_version(code.to_text().len()) <= Some(LARGEST_ENFORCEMENT));

    let far_away = Rest {
        address: Some("测".repeat(170)),
        authority_name: "局".repeat(80),
        ..rest()
    };
    let less = made(&far_away).unwrap();
    let expected = Rest {
        address: None,
        ..far_away.clone()
    };
    assert_eq!(read(&less), (expected, true));
    assert!(qr_version(offline(&Suite::sm2(), &less, None).to_text().len()).is_some());

    let wordy = Rest {
        authority_name: "局".repeat(170),
        file_number: Some("档".repeat(100)),
        ..far_away
    };
    assert_eq!(
        made(&wordy),
        Err(RestRefusal::Malformed(Malformed::TooLarge))
    );
}

#[test]
fn other_texts_are_refused_each_by_its_name() {
    let coded = |value: Value<'_>| format!("{PREFIX}{}", base45::encode(&value.encode()));
    let bytes = |n: usize| Value::bytes(vec![1; n]);
    let one = || Value::Unsigned(1);
    let forged =
        |handle, time, signature| coded(Value::Array(vec![one(), handle, time, signature]));
    let good = dynamic().to_text();
    let cut = |by: usize| good.get(..good.len() - by).unwrap().to_owned();
    for (text, refusal) in [
        (String::new(), Malformed::NotCodeText),
        ("jz1:BB8".to_owned(), Malformed::NotCodeText),
        (
            "https://jiazhao.example/".to_owned(),
            Malformed::NotCodeText,
        ),
        (PREFIX.to_owned(), Malformed::Truncated),
        (format!("{PREFIX}bb8"), Malformed::NotBase45),
        (cut(2), Malformed::NotBase45),
        (cut(3), Malformed::Truncated),
        (format!("{good}000"), Malformed::TrailingBytes),
        (format!("{good}0"), Malformed::NotBase45),
        (format!("{PREFIX}{}", "0".repeat(1729)), Malformed::TooLarge),
        (coded(one()), Malformed::ClaimType("code")),
        (coded(Value::Array(Vec::new())), Malformed::UnknownCodeKind),
        (
            coded(Value::Array(vec![Value::Unsigned(3), one()])),
            Malformed::UnknownCodeKind,
        ),
        (
            coded(Value::Array(vec![one(), one()])),
            Malformed::ClaimType("code"),
        ),
        (
            forged(bytes(15), one(), bytes(64)),
            Malformed::ClaimValue("handle"),
        ),
        (
            forged(bytes(16), Value::from(-1), bytes(64)),
            Malformed::ClaimType("time"),
        ),
        (
            forged(bytes(16), Value::Unsigned(u64::MAX), bytes(64)),
            Malformed::ClaimType("time"),
        ),
        (
            forged(bytes(16), Value::Unsigned(1 << 60), bytes(64)),
            Malformed::ClaimValue("time"),
        ),
        (
            forged(bytes(16), one(), bytes(65)),
            Malformed::SignatureLength,
        ),
        (
            forged(bytes(16), one(), Value::Null),
            Malformed::ClaimType("signature"),
        ),
    ] {
        assert_eq!(Code::parse(&text).err(), Some(refusal), "{text}");
    }
}

#[test]
fn nothing_personal_shows_in_debug() {
    let shown = format!("{:?}", offline(&Suite::sm2(), &profile(), Some(PORTRAIT)));
    assert!(!shown.contains("profile"), "{shown}");
}

static GOOD: LazyLock<(Code, String)> = LazyLock::new(|| {
    let good = offline(&Suite::Es256, &profile(), Some(PORTRAIT));
    let text = good.to_text();
    (good, text)
});

proptest! {
    #[test]
    fn no_text_breaks_the_parser(text: String, base45 in "JZ1:[0-9A-Z $%*+./:-]{0,300}", bytes: Vec<u8>) {
        let encoded = format!("{PREFIX}{}", base45::encode(&bytes));
        for text in [text, base45, encoded] {
            if let Ok(code) = Code::parse(&text) {
                prop_assert_eq!(code.to_text(), text);
            }
        }
    }

    #[test]
    fn no_changed_character_is_the_same_code(at: prop::sample::Index, to in "[0-9A-Z $%*+./:-]") {
        let (good, text) = &*GOOD;
        let at = at.index(text.len());
        let changed = [text.get(..at).unwrap(), &to, text.get(at + 1..).unwrap()].concat();
        if let Ok(code) = Code::parse(&changed) {
            prop_assert_eq!(code == *good, changed == *text);
        }
    }
}
