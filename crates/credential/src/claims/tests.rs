use super::*;
use crate::samples;
use proptest::prelude::*;

fn round_trip(claims: &LicenceClaims) {
    let bytes = claims.to_cbor();
    let back = LicenceClaims::from_cbor(&bytes).unwrap();
    assert_eq!(&back, claims);
    assert_eq!(back.to_cbor(), bytes);
}

#[test]
fn claims_with_everything_and_with_the_least_round_trip_byte_for_byte() {
    round_trip(&samples::claims());
    round_trip(&LicenceClaims {
        certificate_identifier: None,
        address: None,
        file_number: None,
        portrait_sha256: None,
        holder_key: None,
        valid_until: Validity::LongTerm,
        sex: Sex::Female,
        ..samples::claims()
    });
}

proptest! {
    #[test]
    fn any_claims_round_trip_byte_for_byte(claims in samples::any_claims()) {
        round_trip(&claims);
    }

    #[test]
    fn no_bytes_break_the_parser(bytes: Vec<u8>) {
        prop_assert!(LicenceClaims::from_cbor(&bytes).is_err());
    }

    #[test]
    fn whatever_still_reads_after_a_change_has_one_encoding(at: prop::sample::Index, byte: u8) {
        let mut bytes = samples::claims().to_cbor();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(claims) = LicenceClaims::from_cbor(&bytes) {
            prop_assert_eq!(claims.to_cbor(), bytes);
        }
    }
}

/// The published numbers of RFC 8392, RFC 8747 and the status claim, read by another decoder.
#[test]
fn registered_claims_stand_under_their_registered_numbers() {
    let bytes = samples::claims().to_cbor();
    let value: ciborium::Value = ciborium::from_reader(bytes.as_slice()).unwrap();
    let keys: Vec<i128> = value
        .as_map()
        .unwrap()
        .iter()
        .map(|(key, _)| key.as_integer().unwrap().into())
        .collect();
    assert_eq!(keys, [1, 4, 5, 6, 7, 8, 65_535, -65_537]);
}

/// The entries of the outer map after an edit.
fn edited(edit: impl FnOnce(&mut Vec<(Value<'_>, Value<'_>)>)) -> Result<LicenceClaims, Malformed> {
    let bytes = samples::claims().to_cbor();
    let Ok(Value::Map(mut entries)) = Value::decode(&bytes) else {
        unreachable!("a map of claims")
    };
    edit(&mut entries);
    LicenceClaims::from_cbor(&Value::Map(entries).encode())
}

fn with_licence(
    edit: impl FnOnce(&mut Vec<(Value<'_>, Value<'_>)>),
) -> Result<LicenceClaims, Malformed> {
    edited(|entries| {
        for (key, value) in entries {
            if let (true, Value::Map(licence)) = (key.as_i64() == Some(LICENCE.0), value) {
                return edit(licence);
            }
        }
    })
}

fn set((key, _): Key, value: &Value<'static>) -> impl FnOnce(&mut Vec<(Value<'_>, Value<'_>)>) {
    move |entries| {
        entries.retain(|(known, _)| known.as_i64() != Some(key));
        entries.push((Value::from(key), value.clone()));
    }
}

#[test]
fn every_required_claim_is_missed_by_name() {
    for key in [
        ISSUER,
        EXPIRES_AT,
        NOT_BEFORE,
        ISSUED_AT,
        CREDENTIAL_ID,
        STATUS,
        LICENCE,
    ] {
        let missing = edited(|all| all.retain(|(known, _)| known.as_i64() != Some(key.0)));
        assert_eq!(missing, Err(Malformed::MissingClaim(key.1)));
    }
    for key in [
        E_LICENCE_ID,
        GENERATED_AT,
        LICENCE_NUMBER,
        NAME,
        SEX,
        NATIONALITY,
        BIRTH_DATE,
        FIRST_ISSUE_DATE,
        CLASSES,
        VALID_FROM,
        VALID_UNTIL,
        AUTHORITY_CODE,
        AUTHORITY_NAME,
        DOCUMENT_EDITION,
    ] {
        let missing = with_licence(|all| all.retain(|(known, _)| known.as_i64() != Some(key.0)));
        assert_eq!(missing, Err(Malformed::MissingClaim(key.1)));
    }
}

#[test]
fn unknown_claims_are_refused_inside_and_outside() {
    let other = Value::from(1);
    assert_eq!(
        edited(set((2, "sub"), &other)),
        Err(Malformed::UnknownClaim)
    );
    assert_eq!(
        with_licence(set((19, "more"), &other)),
        Err(Malformed::UnknownClaim)
    );
    let by_text = edited(|all| all.push((Value::text("iss"), Value::text("x"))));
    assert_eq!(by_text, Err(Malformed::UnknownClaim));
}

#[test]
fn wrong_types_are_refused_by_name() {
    let number = Value::from(1);
    for key in [
        E_LICENCE_ID,
        NAME,
        ADDRESS,
        BIRTH_DATE,
        CLASSES,
        VALID_UNTIL,
        PORTRAIT_SHA256,
    ] {
        assert_eq!(
            with_licence(set(key, &number)),
            Err(Malformed::ClaimType(key.1))
        );
    }
    let text = Value::text("1");
    for key in [EXPIRES_AT, CREDENTIAL_ID, CONFIRMATION, STATUS, LICENCE] {
        assert_eq!(edited(set(key, &text)), Err(Malformed::ClaimType(key.1)));
    }
    let undated = Value::Tag(1004, Box::new(Value::text("1990-01-01")));
    assert_eq!(
        with_licence(set(BIRTH_DATE, &undated)),
        Err(Malformed::ClaimType("birth_date"))
    );
}

#[test]
fn impossible_values_are_refused_by_name() {
    let text = |text: &str| Value::text(text.to_owned());
    let days = |days: i64| Value::Tag(100, Box::new(Value::from(days)));
    for (key, value) in [
        (NAME, text("")),
        (NAME, text(&"长".repeat(171))),
        (NAME, text("甲\n乙")),
        (SEX, Value::from(3)),
        (E_LICENCE_ID, text("有")),
        (E_LICENCE_ID, text(&"x".repeat(65))),
        (CLASSES, Value::Array(Vec::new())),
        (CLASSES, Value::Array(vec![text("C1"), text("C1")])),
        (VALID_UNTIL, text("forever")),
        (VALID_UNTIL, days(0)),
        (BIRTH_DATE, days(i64::MAX)),
        (BIRTH_DATE, days(-10_000_000)),
        (DOCUMENT_EDITION, Value::Unsigned(1 << 32)),
        (PORTRAIT_SHA256, Value::bytes(vec![0; 31])),
    ] {
        assert_eq!(
            with_licence(set(key, &value)),
            Err(Malformed::ClaimValue(key.1))
        );
    }
    for value in [0, i64::MAX] {
        let refused = edited(set(EXPIRES_AT, &Value::from(value)));
        assert_eq!(refused, Err(Malformed::ClaimValue("exp")));
    }
    let not_text = edited(set(CREDENTIAL_ID, &Value::bytes(vec![0xff])));
    assert_eq!(not_text, Err(Malformed::ClaimValue("cti")));
}

#[test]
fn status_and_holder_key_have_one_shape() {
    let reference = |mechanism: &'static str, idx: &'static str, uri: &'static str| {
        let inner = vec![
            (Value::text(idx), Value::from(1)),
            (Value::text(uri), Value::text("https://jiazhao.example/1")),
        ];
        Value::Map(vec![(Value::text(mechanism), Value::Map(inner))])
    };
    assert!(edited(set(STATUS, &reference("status_list", "idx", "uri"))).is_ok());
    for other in [
        reference("status_tree", "idx", "uri"),
        reference("status_list", "ids", "uri"),
        reference("status_list", "idx", "urn"),
    ] {
        assert_eq!(edited(set(STATUS, &other)), Err(Malformed::UnknownClaim));
    }
    let off_curve = Value::Map(vec![
        (Value::from(1), Value::from(2)),
        (Value::from(-1), Value::from(1)),
        (Value::from(-2), Value::bytes(vec![1; 32])),
        (Value::from(-3), Value::bytes(vec![1; 32])),
    ]);
    let confirmation = Value::Map(vec![(Value::from(1), off_curve)]);
    assert_eq!(
        edited(set(CONFIRMATION, &confirmation)),
        Err(Malformed::BadPublicKey)
    );
}

#[test]
fn debug_and_errors_show_nothing_personal() {
    let claims = samples::claims();
    let shown = format!("{claims:?} {}", Malformed::ClaimValue("name"));
    for secret in [
        &claims.name,
        &claims.licence_number,
        "1990",
        "成都",
        "510199",
    ] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
