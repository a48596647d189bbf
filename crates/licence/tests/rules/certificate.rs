use licence::CertificateIdentifier;
use licence::certificate::{CertificateIdentifierError, DEMO_ISSUER, DEMO_TYPE, check_character};

#[test]
fn check_characters_of_the_reference() {
    assert_eq!(check_character("ABC123"), Some('0'));
    assert_eq!(check_character("A12425GABC1234002"), Some('M'));
    assert_eq!(check_character("abc"), None);
    assert_eq!(check_character("A.B"), None);
}

#[test]
fn identifiers_in_use_are_read_and_written_back() {
    for text in [
        "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
        "1.2.156.3005.2.11100000000013338W009.11330105002500287C.2025052201.002.0",
        "1.2.156.3005.2.11100000MB03271699022.340100.000000016.001.9",
        "1.2.156.3005.2.11100000000013127D999.11110000999999999D.110000990000001.001.2",
        "1.2.156.3005.2.11100000000013127D999.11110000999999999D.110000990000001.002.Z",
    ] {
        assert_eq!(
            CertificateIdentifier::parse(text).unwrap().to_string(),
            text
        );
    }
}

#[test]
fn the_demo_identifier_is_built_from_its_parts() {
    let first = CertificateIdentifier::build(DEMO_TYPE, DEMO_ISSUER, "110000990000001", 1).unwrap();
    assert!(first.to_string().ends_with(".001.2"));
    let second = first.next_version().unwrap();
    assert!(second.to_string().ends_with(".002.Z"));
    assert_eq!((second.version(), second.serial()), (2, "110000990000001"));
    let last = CertificateIdentifier::build(DEMO_TYPE, DEMO_ISSUER, "1", 999).unwrap();
    assert_eq!(last.next_version(), None);
}

#[test]
fn malformed_identifiers_are_refused_with_their_reason() {
    use CertificateIdentifierError as E;
    let cases = [
        ("", E::Form),
        ("1.2.156.3005.3.A.B.C.001.0", E::Form),
        (
            "1.2.156.3005.2.11100000000013127D999.11110000999999999D.1.001",
            E::Form,
        ),
        (
            "1.2.156.3005.2.11100000000013127D99.11110000999999999D.1.001.2",
            E::TypeCode,
        ),
        (
            "1.2.156.3005.2.11100000000013127d999.11110000999999999D.1.001.2",
            E::TypeCode,
        ),
        (
            "1.2.156.3005.2.11100000000013127D99A.11110000999999999D.1.001.2",
            E::TypeCode,
        ),
        ("1.2.156.3005.2.11100000000013127D999.1.1.001.2", E::Issuer),
        (
            "1.2.156.3005.2.11100000000013127D999.11110000999999999D..001.2",
            E::Serial,
        ),
        (
            "1.2.156.3005.2.11100000000013127D999.11110000999999999D.1.000.2",
            E::Version,
        ),
        (
            "1.2.156.3005.2.11100000000013127D999.11110000999999999D.1.1.2",
            E::Version,
        ),
        (
            "1.2.156.3005.2.11100000000013127D999.11110000999999999D.1.+01.2",
            E::Version,
        ),
        (
            "1.2.156.3005.2.11100000000013127D999.11110000999999999D.110000990000001.001.3",
            E::CheckCharacter,
        ),
        (
            "1.2.156.3005.2.11100000000013127D999.11110000999999999D.110000990000001.002.z",
            E::CheckCharacter,
        ),
        (
            "1.2.156.3005.2.11100000000013127D999.11110000999999999D.110000990000001.001.",
            E::CheckCharacter,
        ),
    ];
    for (text, error) in cases {
        assert_eq!(CertificateIdentifier::parse(text), Err(error), "{text}");
    }
}
