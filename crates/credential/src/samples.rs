//! Keys, lists and claims that the unit tests share. The people are synthetic.

use jiff::{Timestamp, civil::date};
use proptest::prelude::*;
use zeroize::Zeroizing;

use crate::{
    claims::{LicenceClaims, Sex, StatusReference, Validity},
    code::sha256,
    key::PublicKey,
    profile::{CredentialId, Form, MaskedNumber, ProfileClaims, StatusPlace},
    rest::Rest,
    signer::{Signer, SoftwareSigner},
    suite::Suite,
    time::NumericDate,
    trust::{KeyState, KeyUse, TrustList, TrustedKey, VerifiedTrustList, sign_trust_list},
};

pub(crate) const ISSUER: &str = "CN-MPS-TMB";

pub(crate) fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn second(text: &str) -> NumericDate {
    instant(text).try_into().unwrap()
}

pub(crate) fn signer(suite: &Suite, secret: u8) -> SoftwareSigner {
    SoftwareSigner::from_secret(suite, Zeroizing::new([secret; 32])).unwrap()
}

pub(crate) fn suites() -> [Suite; 2] {
    [Suite::Es256, Suite::sm2()]
}

pub(crate) fn trusted(key: &PublicKey, state: KeyState) -> TrustedKey {
    TrustedKey {
        public_key: key.clone(),
        issuer: ISSUER.to_owned(),
        not_before: second("2021-06-01T00:00:00Z"),
        not_after: second("2022-06-01T00:00:00Z"),
        key_use: KeyUse::Licence,
        state,
    }
}

pub(crate) fn trusted_online(key: &PublicKey) -> TrustedKey {
    TrustedKey {
        key_use: KeyUse::Online,
        ..trusted(key, KeyState::Active)
    }
}

pub(crate) fn list(keys: Vec<TrustedKey>) -> TrustList {
    TrustList {
        version: 7,
        issued_at: second("2021-08-01T00:00:00Z"),
        next_update: second("2021-10-01T00:00:00Z"),
        keys,
    }
}

/// A list signed by both roots and verified.
pub(crate) fn verified(keys: Vec<TrustedKey>) -> VerifiedTrustList {
    let roots = suites().map(|suite| signer(&suite, 0x55));
    let roots: Vec<&dyn Signer> = roots.iter().map(|root| -> &dyn Signer { root }).collect();
    let signed = sign_trust_list(&list(keys), &roots).unwrap();
    signed.verify(None).unwrap()
}

pub(crate) fn claims() -> LicenceClaims {
    LicenceClaims {
        issuer: ISSUER.to_owned(),
        e_licence_id: "el-4f-0000000000000001".to_owned(),
        credential_id: "cr-4f-0000000000000001".to_owned(),
        issued_at: second("2021-09-01T01:00:00Z"),
        not_before: second("2021-09-01T01:00:00Z"),
        expires_at: second("2022-09-01T01:00:00Z"),
        generated_at: second("2021-09-01T00:59:58Z"),
        status: StatusReference {
            list: "https://jiazhao.example/api/v1/status-lists/79".to_owned(),
            index: 1_048_575,
        },
        certificate_identifier: Some(
            "1.2.156.3005.2.11100000000013127D999.11110000999999999D.110000990000001.001.2"
                .to_owned(),
        ),
        licence_number: "510199199001019917".to_owned(),
        name: "测试甲".to_owned(),
        sex: Sex::Male,
        nationality: "CHN".to_owned(),
        birth_date: date(1990, 1, 1),
        address: Some("成都市样例区测试路0号".to_owned()),
        first_issue_date: date(2010, 5, 4),
        classes: vec!["A2".to_owned(), "D".to_owned()],
        valid_from: date(2016, 5, 4),
        valid_until: Validity::Until(date(2026, 5, 4)),
        authority_code: "5101".to_owned(),
        authority_name: "四川省成都市公安局交通管理局（演示）".to_owned(),
        file_number: Some("510199000001".to_owned()),
        document_edition: 2,
        portrait_sha256: Some([0xab; 32]),
        holder_key: Some(signer(&Suite::Es256, 0x33).public_key().clone()),
    }
}

/// What an enforcement terminal reads of the same person.
pub(crate) fn rest() -> Rest {
    let claims = claims();
    Rest {
        e_licence_id: claims.e_licence_id,
        licence_number: claims.licence_number,
        sex: claims.sex,
        nationality: claims.nationality,
        birth_date: claims.birth_date,
        address: claims.address,
        first_issue_date: claims.first_issue_date,
        authority_code: claims.authority_code,
        authority_name: claims.authority_name,
        file_number: claims.file_number,
        document_edition: claims.document_edition,
        points: 3,
    }
}

pub(crate) const PORTRAIT: &[u8] = b"RIFF....WEBP, or so";

pub(crate) const CREDENTIAL: CredentialId = CredentialId::from_bytes([0x4f; 16]);

pub(crate) fn device() -> SoftwareSigner {
    signer(&Suite::Es256, 0x33)
}

/// The same person's public profile with the digest of [`PORTRAIT`].
pub(crate) fn profile() -> ProfileClaims {
    let claims = claims();
    ProfileClaims {
        credential_id: CREDENTIAL,
        issued_at: claims.issued_at,
        not_before: claims.not_before,
        expires_at: claims.expires_at,
        name: claims.name,
        masked_number: MaskedNumber::of(&claims.licence_number),
        classes: claims.classes,
        valid_from: claims.valid_from,
        valid_until: claims.valid_until,
        authority_code: claims.authority_code,
        status: StatusPlace {
            list: 79,
            index: 1_048_575,
        },
        device_key: device().public_key().try_into().unwrap(),
        form: Form::Public {
            portrait_sha256: Some(sha256(PORTRAIT)),
        },
    }
}

/// Claims of any person, with and without what is optional.
pub(crate) fn any_claims() -> impl Strategy<Value = LicenceClaims> {
    let text = || "[\u{4e00}-\u{9fa5}A-Za-z0-9 ·（）]{1,40}";
    let person = (text(), text(), any::<bool>(), prop::option::of(text()));
    let classes = prop::collection::btree_set("[A-Z][0-9]?", 1..6);
    let dates = (-40_000..40_000i32, 0..40_000i32, any::<bool>());
    let seconds = (0..4_000_000_000i64, 1..100_000_000i64);
    let rest = (any::<u64>(), any::<u32>(), any::<Option<[u8; 32]>>());
    (person, classes, dates, seconds, rest).prop_map(
        |((name, authority, male, address), classes, dates, (iat, life), rest)| {
            let (from, length, long_term) = dates;
            let day = |days: i32| date(1970, 1, 1) + jiff::Span::new().days(days);
            let at = |second| NumericDate::floor(Timestamp::from_second(second).unwrap());
            LicenceClaims {
                issued_at: at(iat),
                not_before: at(iat),
                expires_at: at(iat + life),
                status: StatusReference {
                    list: claims().status.list,
                    index: rest.0,
                },
                name,
                authority_name: authority,
                sex: if male { Sex::Male } else { Sex::Female },
                address,
                classes: classes.into_iter().collect(),
                birth_date: day(from),
                valid_from: day(from),
                valid_until: if long_term {
                    Validity::LongTerm
                } else {
                    Validity::Until(day(from + length))
                },
                document_edition: rest.1,
                portrait_sha256: rest.2,
                certificate_identifier: None,
                holder_key: male.then(|| claims().holder_key).flatten(),
                ..claims()
            }
        },
    )
}
