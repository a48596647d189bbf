//! The keys, lists and people behind `test-vectors/codes.json`, and the codes that honest devices
//! make. The people are synthetic, the keys of no other use.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use credential::{
    CredentialId, DeviceKey, EnforcementSecret, Form, Handle, KeyState, KeyUse, ListClaims,
    MaskedNumber, NumericDate, ProfileClaims, Rest, Sex, Signer as _, SoftwareSigner, Stamp,
    StatusList, StatusPlace, StatusSource, Suite, TrustList, TrustedKey, UnverifiedStatusList,
    Validity, VerifiedTrustList, Width,
    code::{self, Code, DynamicCode, OfflineCode},
    profile, sign_trust_list,
    status_list::{sign_cwt, sign_jwt},
};
use jiff::{Timestamp, civil::date};
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::signer;

pub(crate) const NOW: &str = "2021-09-15T00:00:00Z";
pub(crate) const RENEWED: &str = "2021-09-14T00:00:00Z";
pub(crate) const PORTRAIT: &[u8] = b"RIFF\x1e\0\0\0WEBPVP8L, a portrait";
pub(crate) const ID: CredentialId = CredentialId::from_bytes([0x4f; 16]);
/// Places of the status list that say valid, invalid, suspended, and red in the wider list.
pub(crate) const VALID: u64 = 7;
pub(crate) const INVALID: u64 = 8;
pub(crate) const SUSPENDED: u64 = 9;
pub(crate) const RED: u64 = 10;

pub(crate) fn second(text: &str) -> NumericDate {
    NumericDate::try_from(text.parse::<Timestamp>().unwrap()).unwrap()
}

pub(crate) fn suites() -> [Suite; 2] {
    [Suite::Es256, Suite::sm2()]
}

/// Secrets by role and suite: every one is a byte repeated.
pub(crate) fn licence_key(suite: &Suite) -> SoftwareSigner {
    signer(suite, [0x11; 32])
}

pub(crate) fn online_key(suite: &Suite) -> SoftwareSigner {
    signer(suite, [0x22; 32])
}

pub(crate) fn device() -> SoftwareSigner {
    signer(&Suite::Es256, [0x33; 32])
}

pub(crate) fn another_device() -> SoftwareSigner {
    signer(&Suite::Es256, [0x34; 32])
}

pub(crate) fn enforcement_secret() -> EnforcementSecret {
    EnforcementSecret::from_bytes(Zeroizing::new([0x44; 32]))
}

pub(crate) fn claims() -> ProfileClaims {
    ProfileClaims {
        credential_id: ID,
        issued_at: second("2021-09-01T01:00:00Z"),
        not_before: second("2021-09-01T01:00:00Z"),
        expires_at: second("2022-09-01T01:00:00Z"),
        name: "测试甲".to_owned(),
        masked_number: MaskedNumber::of("510199199001019917"),
        classes: vec!["C1".to_owned(), "D".to_owned()],
        valid_from: date(2016, 5, 4),
        valid_until: Validity::Until(date(2026, 5, 4)),
        authority_code: "5101".to_owned(),
        status: StatusPlace {
            list: 79,
            index: VALID,
        },
        device_key: DeviceKey::from_sec1(&device().public_key().to_sec1()).unwrap(),
        form: Form::Public {
            portrait_sha256: Some(code::sha256(PORTRAIT)),
        },
    }
}

pub(crate) fn rest() -> Rest {
    Rest {
        e_licence_id: "lic_4f000000000000000000000000000001".to_owned(),
        licence_number: "510199199001019917".to_owned(),
        sex: Sex::Male,
        nationality: "CHN".to_owned(),
        birth_date: date(1990, 1, 1),
        address: Some("成都市样例区测试路0号".to_owned()),
        first_issue_date: date(2010, 5, 4),
        authority_code: "5101".to_owned(),
        authority_name: "四川省成都市公安局交通管理局（演示）".to_owned(),
        file_number: Some("510199000001".to_owned()),
        document_edition: 1,
        points: 3,
    }
}

/// Sealed with a generator that starts from the same seed each time.
pub(crate) fn enforcement(rest: &Rest) -> ProfileClaims {
    let mut rng = StdRng::seed_from_u64(44);
    let to = enforcement_secret().public_key().unwrap();
    code::enforcement(&claims(), rest, &to, &mut rng).unwrap()
}

pub(crate) fn signed(claims: &ProfileClaims, suite: &Suite) -> Vec<u8> {
    profile::issue(claims, &licence_key(suite)).unwrap()
}

pub(crate) fn stamp(suite: &Suite) -> Stamp {
    Stamp::sign(&online_key(suite), &ID, second(RENEWED)).unwrap()
}

/// An offline code of whatever parts, signed by a device.
pub(crate) fn shown(
    profile: Vec<u8>,
    stamp: Stamp,
    time: &str,
    portrait: Option<&[u8]>,
    by: &SoftwareSigner,
) -> OfflineCode {
    let time = second(time);
    let message = code::offline_to_be_signed(&profile, stamp.renewed_at, time, portrait);
    OfflineCode {
        signature: by.sign(&message).unwrap(),
        portrait: portrait.map(<[u8]>::to_vec),
        profile,
        stamp,
        time,
    }
}

/// What the holder's own device shows now of these claims.
pub(crate) fn honest(claims: &ProfileClaims, suite: &Suite) -> OfflineCode {
    shown(signed(claims, suite), stamp(suite), NOW, None, &device())
}

pub(crate) fn text(code: OfflineCode) -> String {
    Code::Offline(code).to_text()
}

pub(crate) fn dynamic(time: &str) -> String {
    let (handle, time) = (Handle::from_bytes([0x3a; 16]), second(time));
    let message = code::dynamic_to_be_signed(&handle, time);
    Code::Dynamic(DynamicCode {
        handle,
        time,
        signature: device().sign(&message).unwrap(),
    })
    .to_text()
}

fn trusted(key: &SoftwareSigner, key_use: KeyUse) -> TrustedKey {
    TrustedKey {
        public_key: key.public_key().clone(),
        issuer: "CN-DEMO".to_owned(),
        not_before: second("2021-06-01T00:00:00Z"),
        not_after: second("2022-06-01T00:00:00Z"),
        key_use,
        state: KeyState::Active,
    }
}

fn exported(version: u64, keys: Vec<TrustedKey>) -> Value {
    let list = TrustList {
        version,
        issued_at: second("2021-08-01T00:00:00Z"),
        next_update: second("2021-10-01T00:00:00Z"),
        keys,
    };
    let roots = [
        signer(&Suite::Es256, [0x71; 32]),
        signer(&Suite::sm2(), [0x72; 32]),
    ];
    let file = sign_trust_list(&list, &[&roots[0], &roots[1]]).unwrap();
    serde_json::from_str(&file.to_json()).unwrap()
}

/// The trust lists of the cases, by name.
pub(crate) fn trust_lists() -> Value {
    let licence = || suites().map(|suite| trusted(&licence_key(&suite), KeyUse::Licence));
    let online = || suites().map(|suite| trusted(&online_key(&suite), KeyUse::Online));
    let with = |licence: [TrustedKey; 2], online: [TrustedKey; 2]| [licence, online].concat();
    let state = |keys: [TrustedKey; 2], state| keys.map(|key| TrustedKey { state, ..key });
    let revoked = KeyState::Revoked {
        at: second("2021-09-14T12:00:00Z"),
    };
    let ended = |keys: [TrustedKey; 2]| {
        let not_after = second("2021-08-01T00:00:00Z");
        keys.map(|key| TrustedKey { not_after, ..key })
    };
    json!({
        "current": exported(7, with(licence(), online())),
        "older": exported(6, with(licence(), online())),
        "licence keys revoked": exported(8, with(state(licence(), revoked), online())),
        "online keys revoked": exported(8, with(licence(), state(online(), revoked))),
        "licence keys retired": exported(8, with(state(licence(), KeyState::Retired), online())),
        "licence keys removed": exported(9, online().to_vec()),
        "online keys removed": exported(9, licence().to_vec()),
        "licence keys ended before": exported(8, with(ended(licence()), online())),
        "online keys ended before": exported(8, with(licence(), ended(online()))),
    })
}

/// The status lists of the cases, by name: what they say, and as they are fetched. The public ones are
/// CWT by SM2, those for verifiers JWT by ES256.
pub(crate) fn status_lists() -> Value {
    let list = |width, values: &str, next_update| {
        let claims = ListClaims {
            subject: "https://jiazhao.example/api/v1/status-lists/79".to_owned(),
            issued_at: second("2021-09-14T20:00:00Z"),
            expires_at: second(next_update),
            ttl: 600,
            list: StatusList::from_bytes(width, hex::decode(values).unwrap())
                .unwrap()
                .compress(),
        };
        let (form, token) = match width {
            Width::Two => {
                let cwt = sign_cwt(&claims, &online_key(&Suite::sm2())).unwrap();
                ("cwt", URL_SAFE_NO_PAD.encode(cwt))
            }
            Width::One | Width::Four | Width::Eight => (
                "jwt",
                sign_jwt(&claims, &online_key(&Suite::Es256)).unwrap(),
            ),
        };
        json!([{
            "number": 79, "bits": width.bits(), "values": values,
            "as_of": claims.issued_at, "next_update": claims.expires_at, form: token,
        }])
    };
    // From place 7 on: 0, 1, 2, and the wider list 3 at place 10 where the public one has 2.
    let (public, wider) = ("551529", "1111110121131111");
    json!({
        "none": [],
        "current": list(Width::Two, public, "2021-09-15T04:00:00Z"),
        "for verifiers": list(Width::Four, wider, "2021-09-15T04:00:00Z"),
        "stale": list(Width::Two, public, "2021-09-14T23:00:00Z"),
    })
}

pub(crate) fn source(lists: &Value, trust: &VerifiedTrustList) -> StatusSource {
    let mut source = StatusSource::default();
    for list in lists.as_array().unwrap() {
        let token = match (list["cwt"].as_str(), list["jwt"].as_str()) {
            (Some(cwt), None) => URL_SAFE_NO_PAD.decode(cwt).unwrap(),
            (None, Some(jwt)) => jwt.as_bytes().to_vec(),
            other => unreachable!("one form, not {other:?}"),
        };
        let unverified = UnverifiedStatusList::parse(&token).unwrap();
        source.hold(unverified.verify(trust).unwrap());
    }
    source
}
