use licence::record::{PhotoMedia, PhotoSource, Record};
use licence::registry_line::MAX_LINE;
use licence::{FieldProblem, RegistryLine, ValidUntil, notes};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::sample::{date, full, minimal};

fn problems(value: &Value) -> Vec<(String, &'static str)> {
    let problems = RegistryLine::parse(value.to_string().as_bytes()).unwrap_err();
    problems
        .into_iter()
        .map(|FieldProblem { field, code, .. }| (field, code))
        .collect()
}

fn with(field: &str, value: Value) -> Value {
    let mut record = full();
    record[field] = value;
    record
}

#[test]
fn a_full_record_is_read_and_written_back() {
    let line = RegistryLine::parse(full().to_string().as_bytes()).unwrap();
    assert_eq!(
        line.photo,
        Some(PhotoSource::Path("photos/1.jpg".to_owned()))
    );
    let written = serde_json::to_value(&line.record).unwrap();
    let mut expected = full();
    expected.as_object_mut().unwrap().remove("photo");
    assert_eq!(written, expected);
    assert_eq!(
        serde_json::from_value::<Record>(written).unwrap(),
        line.record
    );
}

#[test]
fn each_flag_is_read_for_itself() {
    let flags = ["withheld", "out_of_use", "hearing_aid"];
    for flag in flags {
        let record = RegistryLine::from_value(with(flag, json!(true)))
            .unwrap()
            .record;
        let written = serde_json::to_value(&record).unwrap();
        for other in flags {
            assert_eq!(written[other], json!(other == flag), "{flag} {other}");
        }
    }
}

#[test]
fn only_the_required_fields_are_required() {
    let record = RegistryLine::from_value(minimal()).unwrap().record;
    assert_eq!(record.subject, record.licence_number.as_str());
    assert_eq!((record.document_edition, record.points), (1, 0));
    assert_eq!(record.nationality, "CHN");
    assert!(!record.withheld && !record.out_of_use && !record.hearing_aid);

    for field in minimal().as_object().unwrap().keys() {
        let mut without = minimal();
        without.as_object_mut().unwrap().remove(field);
        assert_eq!(problems(&without), [(field.clone(), "missing")]);
    }
}

#[test]
fn null_is_absence_where_the_contract_says_so() {
    let optional = [
        "subject",
        "file_number",
        "address",
        "contact",
        "extension_until",
        "points_cycle_start",
        "medical_due",
        "review_due",
        "photo",
        "photo_taken_on",
    ];
    for field in optional {
        assert!(
            RegistryLine::from_value(with(field, Value::Null)).is_ok(),
            "{field}"
        );
    }
    for field in [
        "withheld",
        "out_of_use",
        "points",
        "classes",
        "status",
        "version",
        "name",
    ] {
        assert_eq!(problems(&with(field, Value::Null)).len(), 1, "{field}");
    }
}

/// Field, malformed value, the field named in the answer, the code: one row for each field and
/// each way of being wrong.
const MALFORMED: &str = r#"
subject | "" | subject | empty
licence_number | 5 | licence_number | wrong-type
licence_number | "110199199001019913" | licence_number | check-digit
licence_number | "110199199002309912" | licence_number | birth-date
licence_number | "11019919900101991" | licence_number | length
previous_licence_numbers | "x" | previous_licence_numbers | wrong-type
previous_licence_numbers | ["1"] | previous_licence_numbers[0] | length
previous_licence_numbers | ["110199199001019912"] | previous_licence_numbers | duplicate
file_number | "12" | file_number | length
document_edition | 0 | document_edition | out-of-range
document_edition | 1.5 | document_edition | out-of-range
name | " 测试甲" | name | form
name | "测试\n甲" | name | form
sex | "男" | sex | form
nationality | "China" | nationality | form
birth_date | "1990-02-30" | birth_date | impossible-date
birth_date | "19900101" | birth_date | impossible-date
birth_date | "1990-01-01T00:00:00" | birth_date | impossible-date
address | [] | address | wrong-type
contact | "13" | contact | wrong-type
contact | {} | contact.phone | missing
contact | {"phone": "call me"} | contact.phone | form
contact | {"phone": "12345", "verified_at": "soon"} | contact.verified_at | impossible-time
contact | {"phone": "12345", "mail": "x"} | contact.mail | unknown-field
first_issue_date | "1989-01-01" | first_issue_date | date-order
classes | [] | classes | empty
classes | "C1" | classes | wrong-type
classes | ["C1", "C1"] | classes[1] | duplicate
classes | ["c1"] | classes[0] | form
valid_until | "forever" | valid_until | impossible-date
valid_until | "2018-04-30" | valid_until | date-order
valid_from | "9999-01-01" | valid_from | impossible-date
issuing_authority | {"code": "110", "name": "x"} | issuing_authority.code | length
issuing_authority | {"code": "1101"} | issuing_authority.name | missing
issuing_authority | "1101" | issuing_authority | wrong-type
status | [] | status | empty
status | ["A", 1] | status[1] | wrong-type
status | ["?"] | status[0] | form
extension_until | {"N": "never"} | extension_until.N | impossible-date
extension_until | {"X": "2024-01-01"} | extension_until.X | unknown-field
points | -1 | points | out-of-range
points | "3" | points | wrong-type
points_cycle_start | "2023-02-29" | points_cycle_start | impossible-date
medical_due | "2024-13-01" | medical_due | impossible-date
review_due | 20240101 | review_due | wrong-type
withheld | "true" | withheld | wrong-type
out_of_use | 1 | out_of_use | wrong-type
hearing_aid | [] | hearing_aid | wrong-type
remarks | [{"date": "2024-01-01"}] | remarks[0].text | missing
remarks | ["x"] | remarks[0] | wrong-type
photo | "../secret.jpg" | photo | photo-path
photo | "a\\..\\b.jpg" | photo | photo-path
photo | "https://example.org/a.jpg" | photo | photo-path
photo | "data:text/html;base64,AAAA" | photo | data-url
photo | "data:image/jpeg;base64,A*A=" | photo | data-url
photo | "data:image/jpeg;base64," | photo | data-url
photo_taken_on | "yesterday" | photo_taken_on | impossible-date
version | 0 | version | out-of-range
version | 18446744073709551615 | version | out-of-range
version | "1" | version | wrong-type
nickname | "x" | nickname | unknown-field
"#;

#[test]
fn every_field_is_checked() {
    for row in MALFORMED.trim().lines() {
        let cells: Vec<_> = row.split(" | ").collect();
        let &[field, value, named, code] = cells.as_slice() else {
            panic!("a row of four cells: {row}");
        };
        let value = serde_json::from_str(value).unwrap();
        assert_eq!(
            problems(&with(field, value)),
            [(named.to_owned(), code)],
            "{row}"
        );
    }
    // Every field that the contract names is in the table.
    for field in full().as_object().unwrap().keys() {
        assert!(MALFORMED.contains(&format!("\n{field} | ")), "{field}");
    }
}

#[test]
fn long_texts_are_refused() {
    for field in ["subject", "name", "address"] {
        let long = json!("长".repeat(600));
        assert_eq!(
            problems(&with(field, long)),
            [(field.to_owned(), "too-long")]
        );
    }
    let many = json!(vec!["C1"; 40]);
    assert_eq!(
        problems(&with("classes", many)),
        [("classes".to_owned(), "too-long")]
    );
}

#[test]
fn every_problem_of_a_line_is_named() {
    let mut record = full();
    record["licence_number"] = json!("110199199001019913");
    record["valid_until"] = json!("2024-02-30");
    record["status"] = json!([]);
    record["extra"] = json!(1);
    let found = problems(&record);
    for expected in [
        ("licence_number", "check-digit"),
        ("valid_until", "impossible-date"),
        ("status", "empty"),
        ("extra", "unknown-field"),
    ] {
        assert!(
            found.contains(&(expected.0.to_owned(), expected.1)),
            "{expected:?}"
        );
    }
    assert_eq!(found.len(), 4);
}

#[test]
fn lines_that_are_no_record_are_refused_as_a_whole() {
    let code = |line: &[u8]| RegistryLine::parse(line).unwrap_err()[0].code;
    assert_eq!(code(b""), "not-json");
    assert_eq!(code(b"{"), "not-json");
    assert_eq!(code(b"{} {}"), "not-json");
    assert_eq!(code(b"\xff\xfe"), "not-json");
    assert_eq!(code(b"[]"), "wrong-type");
    assert_eq!(code(b"{\"name\":1,\"name\":2}"), "duplicate-key");
    assert_eq!(
        code(b"{\"contact\":{\"phone\":1,\"phone\":2}}"),
        "duplicate-key"
    );
    assert_eq!(code("[".repeat(100_000).as_bytes()), "not-json");
    assert_eq!(code(&vec![b' '; MAX_LINE + 1]), "too-long");
}

#[test]
fn photos_come_as_path_or_data_url() {
    let photo = |text: &str| {
        RegistryLine::from_value(with("photo", json!(text)))
            .unwrap()
            .photo
    };
    assert_eq!(
        photo("/srv/photos/1.jpg"),
        Some(PhotoSource::Path("/srv/photos/1.jpg".to_owned()))
    );
    assert_eq!(
        photo("data:image/png;base64,iVBORw=="),
        Some(PhotoSource::DataUrl {
            media: PhotoMedia::Png,
            bytes: b"\x89PNG".to_vec()
        })
    );
}

#[test]
fn long_term_and_dates_of_contact_are_read() {
    let line = RegistryLine::from_value(with("valid_until", json!("long-term"))).unwrap();
    assert_eq!(line.record.valid_until, ValidUntil::LongTerm);
    let contact = json!({"phone": "12345", "verified_at": "2024-01-02"});
    let line = RegistryLine::from_value(with("contact", contact)).unwrap();
    let verified = line.record.contact.unwrap().verified_at.unwrap();
    assert_eq!(verified.to_string(), "2024-01-01T16:00:00Z");
}

#[test]
fn odd_records_are_imported_and_noted() {
    let mut odd = full();
    odd["birth_date"] = json!("1990-01-02");
    odd["sex"] = json!("female");
    odd["withheld"] = json!(true);
    odd["classes"] = json!(["C1", "Q9"]);
    odd["status"] = json!(["A", "SH"]);
    let record = RegistryLine::from_value(odd).unwrap().record;
    let notes = notes(&record, date("2024-06-01"));
    let codes: Vec<_> = notes
        .iter()
        .map(|note| (note.code, note.contradiction))
        .collect();
    let expected = [
        ("birth-date-contradiction", true),
        ("sex-contradiction", true),
        ("status-contradiction", true),
        ("unknown-class", false),
        ("unknown-status", false),
    ];
    assert_eq!(codes, expected);
    assert!(notes[3].text.en.contains("Q9") && notes[4].text.zh.contains("SH"));
}

#[test]
fn a_record_in_order_has_no_notes() {
    let record = RegistryLine::from_value(full()).unwrap().record;
    assert_eq!(notes(&record, date("2024-06-01")), []);
}

#[test]
fn nothing_personal_is_in_debug_or_problems() {
    let line = RegistryLine::from_value(full()).unwrap();
    let shown = format!(
        "{line:?} {:?} {:?}",
        line.record.contact, line.record.remarks
    );
    let refused = problems(&with("licence_number", json!("110199199001019913")));
    let error = serde_json::from_value::<Record>(with("name", json!("\u{7}测试甲"))).unwrap_err();
    let shown = format!("{shown} {refused:?} {error}");
    for secret in [
        "测试甲",
        "1101991990",
        "样例区",
        "10000000000",
        "1990-01-01",
        "photos/1.jpg",
    ] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn a_stored_record_is_held_to_the_same_rules() {
    let mut stored = minimal();
    stored["version"] = json!(0);
    let error = serde_json::from_value::<Record>(stored).unwrap_err();
    assert!(
        error.to_string().contains("version (out-of-range)"),
        "{error}"
    );
}

fn any_line() -> impl Strategy<Value = Value> {
    let day = || {
        (1900..2100_i16, 1..13_i8, 1..29_i8).prop_map(|(y, m, d)| format!("{y:04}-{m:02}-{d:02}"))
    };
    let due = || prop::option::of(day());
    (
        (
            "[\u{4e00}-\u{4eff}·A-Z]{1,20}",
            prop::option::of("[\u{4e00}-\u{4eff}0-9]{1,40}"),
        ),
        prop::collection::btree_set("[A-F][1-9]?", 1..5),
        prop::collection::btree_set("[A-Z]", 1..5),
        (due(), due(), due(), due()),
        (0..30_u32, any::<bool>(), any::<bool>(), 1..i64::MAX),
        prop::collection::vec((day(), "[\u{4e00}-\u{4eff}]{1,20}"), 0..4),
    )
        .prop_map(|(texts, classes, status, dues, numbers, remarks)| {
            let mut line = minimal();
            line["name"] = json!(texts.0);
            line["address"] = json!(texts.1);
            line["classes"] = json!(classes);
            line["status"] = json!(status);
            line["medical_due"] = json!(dues.0);
            line["review_due"] = json!(dues.1);
            line["extension_until"] = json!({"N": dues.2, "T": dues.3});
            line["points"] = json!(numbers.0);
            line["withheld"] = json!(numbers.1);
            line["hearing_aid"] = json!(numbers.2);
            line["version"] = json!(numbers.3);
            line["remarks"] = remarks
                .into_iter()
                .map(|(date, text)| json!({"date": date, "text": text}))
                .collect();
            line
        })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(line in any_line()) {
        let record = RegistryLine::from_value(line).unwrap().record;
        let written = serde_json::to_string(&record).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Record>(&written).unwrap(), &record);
        prop_assert_eq!(RegistryLine::parse(written.as_bytes()).unwrap().record, record);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(RegistryLine::parse(&bytes).is_err());
    }

    #[test]
    fn no_mangled_line_makes_the_reader_panic(
        position in 0..800_usize,
        byte in any::<u8>(),
        cut in 0..900_usize,
    ) {
        let mut line = full().to_string().into_bytes();
        if let Some(place) = line.get_mut(position) {
            *place = byte;
        }
        line.truncate(cut);
        if let Ok(read) = RegistryLine::parse(&line) {
            let written = serde_json::to_vec(&read.record).unwrap();
            prop_assert_eq!(RegistryLine::parse(&written).unwrap().record, read.record);
        }
    }
}
