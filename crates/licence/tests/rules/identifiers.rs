use licence::identifier::{FileNumber, IdentifierError, LicenceNumber, NumberKind, Sex};
use licence::{AuthorityCode, CITIES};
use proptest::prelude::*;

use crate::sample::date;

fn number(text: &str) -> LicenceNumber {
    LicenceNumber::parse(text).unwrap()
}

#[test]
fn citizen_numbers_of_the_reference_are_read() {
    let number = number("11010519491231002X");
    assert_eq!(number.kind(), NumberKind::Citizen);
    assert_eq!(number.birth_date(), Some(date("1949-12-31")));
    assert_eq!(number.sex(), Some(Sex::Female));
    assert_eq!(number.masked(), "110***********002X");
}

#[test]
fn the_sample_numbers_of_every_city_and_kind_are_read() {
    for city in CITIES {
        let number = number(city.sample_id);
        assert_eq!(number.kind(), NumberKind::Citizen);
        assert_eq!(number.birth_date(), Some(date("1990-01-01")));
        assert!(city.sample_id.starts_with(city.code));
    }
    for residence in [
        "810000199001019910",
        "820000199001019920",
        "830000199001019914",
    ] {
        assert_eq!(number(residence).kind(), NumberKind::HongKongMacaoTaiwan);
    }
    for foreign in ["911999199001019916", "932682198501010017"] {
        assert_eq!(number(foreign).kind(), NumberKind::ForeignPermanentResident);
    }
    assert_eq!(
        number("932682198501010017").birth_date(),
        Some(date("1985-01-01"))
    );
}

#[test]
fn other_documents_have_no_check_digit_and_state_nothing() {
    for text in ["E12345678", "军字第1234567号", "123456789", "ABCDE"] {
        let number = number(text);
        assert_eq!(number.kind(), NumberKind::Other, "{text}");
        assert_eq!((number.birth_date(), number.sex()), (None, None));
        assert!(number.masked().contains("***"), "{text}");
    }
}

#[test]
fn malformed_licence_numbers_are_refused_with_their_reason() {
    use IdentifierError::{Area, BirthDate, Character, CheckDigit, Length};
    let cases = [
        ("", Length),
        ("1101", Length),
        ("1101991990010199", Length),
        ("11019919900101991", Length),
        ("1101991990010199121", Length),
        ("11010519491231002", Length),
        ("1101051949123100X", Length),
        ("110105194912310021", CheckDigit),
        ("11010519491231002x", Character),
        ("11010519491231002Y", Character),
        (" E12345678", Character),
        ("e12345678", Character),
        ("E1234567\u{0}", Character),
        ("１10105194912310", Character),
        ("000105194912310021", Area),
        ("810001199001019910", Area),
        ("770105194912310021", Area),
        ("110105194902300021", BirthDate),
        ("110105194913310021", BirthDate),
        ("110105000001010021", BirthDate),
    ];
    for (text, error) in cases {
        assert_eq!(LicenceNumber::parse(text), Err(error), "{text}");
    }
}

#[test]
fn file_numbers_have_twelve_digits_and_a_place() {
    assert_eq!(
        FileNumber::parse("110199000001").unwrap().masked(),
        "1101******01"
    );
    assert_eq!(
        FileNumber::parse("11019900000"),
        Err(IdentifierError::Length)
    );
    assert_eq!(
        FileNumber::parse("11019900000X"),
        Err(IdentifierError::Character)
    );
    assert_eq!(
        FileNumber::parse("990199000001"),
        Err(IdentifierError::Area)
    );
    assert_eq!(AuthorityCode::parse("1101").unwrap().as_str(), "1101");
    assert_eq!(AuthorityCode::parse("11011"), Err(IdentifierError::Length));
    assert_eq!(
        AuthorityCode::parse("11a1"),
        Err(IdentifierError::Character)
    );
    assert_eq!(AuthorityCode::parse("9901"), Err(IdentifierError::Area));
}

#[test]
fn nothing_personal_is_in_debug_or_errors() {
    let number = number("11010519491231002X");
    assert_eq!(format!("{number:?}"), "LicenceNumber(citizen)");
    let file = FileNumber::parse("110199000001").unwrap();
    assert_eq!(format!("{file:?}"), "FileNumber(..)");
    let error = serde_json::from_str::<LicenceNumber>("\"11010519491231002x\"").unwrap_err();
    assert!(!error.to_string().contains("110105"), "{error}");
}

proptest! {
    #[test]
    fn any_single_changed_digit_is_noticed(position in 0..18_usize, change in 1..10_u8) {
        let mut digits: Vec<u8> = b"110199199001019912".to_vec();
        digits[position] = b'0' + (digits[position] - b'0' + change) % 10;
        let text = String::from_utf8(digits).unwrap();
        prop_assert!(LicenceNumber::parse(&text).is_err());
    }

    #[test]
    fn what_is_read_is_written_back_unchanged(text in "\\PC{0,24}|[0-9X]{15,19}|[0-9A-Z]{5,18}") {
        if let Ok(number) = LicenceNumber::parse(&text) {
            prop_assert_eq!(number.as_str(), &text);
            prop_assert_eq!(number.masked().chars().count(), text.chars().count());
            prop_assert_ne!(number.masked(), text);
        }
    }
}
