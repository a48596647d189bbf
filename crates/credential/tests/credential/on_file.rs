//! The credential in `test-vectors`, byte for byte: others verify against it too.

use credential::{
    KeyState, KeyUse, LicenceClaims, NumericDate, PublicKey, Sex, SignedTrustList, Signer,
    StatusReference, Suite, TrustList, TrustedKey, Unverified, Validity, VerifiedTrustList, issue,
    sign_trust_list,
};
use jiff::{Timestamp, civil::date};

use crate::{bytes, signer, text, vector};

fn second(text: &str) -> NumericDate {
    NumericDate::try_from(text.parse::<Timestamp>().unwrap()).unwrap()
}

pub(crate) fn claims() -> LicenceClaims {
    LicenceClaims {
        issuer: "CN-DEMO".to_owned(),
        e_licence_id: "4f-el-000000000001".to_owned(),
        credential_id: "4f-cr-000000000001".to_owned(),
        issued_at: second("2021-09-01T01:00:00Z"),
        not_before: second("2021-09-01T01:00:00Z"),
        expires_at: second("2022-09-01T01:00:00Z"),
        generated_at: second("2021-09-01T00:59:58Z"),
        status: StatusReference {
            list: "https://jiazhao.example/api/v1/status-lists/79".to_owned(),
            index: 4711,
        },
        certificate_identifier: None,
        licence_number: "510199199001019917".to_owned(),
        name: "测试甲".to_owned(),
        sex: Sex::Male,
        nationality: "CHN".to_owned(),
        birth_date: date(1990, 1, 1),
        address: Some("成都市样例区测试路0号".to_owned()),
        first_issue_date: date(2010, 5, 4),
        classes: vec!["C1".to_owned(), "D".to_owned()],
        valid_from: date(2016, 5, 4),
        valid_until: Validity::Until(date(2026, 5, 4)),
        authority_code: "5101".to_owned(),
        authority_name: "四川省成都市公安局交通管理局（演示）".to_owned(),
        file_number: Some("510199000001".to_owned()),
        document_edition: 1,
        portrait_sha256: Some([0x5a; 32]),
        holder_key: None,
    }
}

fn roots() -> [credential::SoftwareSigner; 2] {
    [
        signer(&Suite::Es256, [0x71; 32]),
        signer(&Suite::sm2(), [0x72; 32]),
    ]
}

/// A list that trusts this one key, by way of its exported file and the pins of both roots.
pub(crate) fn trust(key: &PublicKey) -> VerifiedTrustList {
    let list = TrustList {
        version: 1,
        issued_at: second("2021-08-01T00:00:00Z"),
        next_update: second("2021-10-01T00:00:00Z"),
        keys: vec![TrustedKey {
            public_key: key.clone(),
            issuer: claims().issuer,
            not_before: second("2021-06-01T00:00:00Z"),
            not_after: second("2022-06-01T00:00:00Z"),
            key_use: KeyUse::Licence,
            state: KeyState::Active,
        }],
    };
    let [es256, sm2] = roots();
    let file = sign_trust_list(&list, &[&es256, &sm2]).unwrap().to_json();
    let pins = [*es256.key_id(), *sm2.key_id()];
    let signed = SignedTrustList::from_json(file.as_bytes()).unwrap();
    signed.verify(Some(&pins)).unwrap()
}

#[test]
fn the_form_of_a_credential_has_not_changed() {
    let vector = vector("licence-credential.json");
    assert_eq!(hex::encode(claims().to_cbor()), text(&vector, "claims"));
    for (suite, name) in [(Suite::Es256, "es256"), (Suite::sm2(), "sm2_sm3")] {
        let signer = signer(&suite, bytes(&vector[name], "private_key"));
        assert_eq!(signer.key_id().to_string(), text(&vector[name], "key_id"));
        let on_file = hex::decode(text(&vector[name], "credential")).unwrap();
        let verified = Unverified::parse(&on_file)
            .unwrap()
            .verify(&trust(signer.public_key()))
            .unwrap();
        assert_eq!(verified.claims(), &claims());
        let made_now = issue(&claims(), &signer).unwrap();
        // ES256 signatures differ each time; everything before them does not.
        let same = if suite == Suite::Es256 {
            made_now.len() - 64
        } else {
            made_now.len()
        };
        assert_eq!(made_now[..same], on_file[..same]);
    }
}
