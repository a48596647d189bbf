//! A synthetic driver, changed by each test in the one respect that it is about.

use jiff::Timestamp;
use jiff::civil::Date;
use licence::{Record, RegistryLine, StatusLetter, midnight};
use serde_json::{Value, json};

/// A record with every field, as the registry sends it.
pub(crate) fn full() -> Value {
    json!({
        "subject": "S-0001",
        "licence_number": "110199199001019912",
        "previous_licence_numbers": ["820000199001019920"],
        "file_number": "110199000001",
        "document_edition": 2,
        "name": "测试甲",
        "sex": "male",
        "nationality": "CHN",
        "birth_date": "1990-01-01",
        "address": "北京市样例区测试路0号",
        "contact": {"phone": "+8610000000000", "verified_at": "2021-01-01T00:00:00Z"},
        "first_issue_date": "2012-05-01",
        "classes": ["C1"],
        "valid_from": "2018-05-01",
        "valid_until": "2028-05-01",
        "issuing_authority": {"code": "1101", "name": "北京市公安局公安交通管理局（演示）"},
        "status": ["A"],
        "extension_until": {"N": "2029-05-01"},
        "points": 3,
        "points_cycle_start": "2024-05-01",
        "medical_due": "2027-05-01",
        "review_due": "2027-05-01",
        "withheld": false,
        "out_of_use": false,
        "hearing_aid": false,
        "remarks": [{"date": "2018-05-01", "text": "期满换证"}],
        "photo": "photos/1.jpg",
        "photo_taken_on": "2018-04-20",
        "version": 7
    })
}

/// A record with the required fields only: normal, in force, issued in Beijing.
pub(crate) fn minimal() -> Value {
    json!({
        "licence_number": "110199199001019912",
        "name": "测试甲",
        "sex": "male",
        "birth_date": "1990-01-01",
        "first_issue_date": "2012-05-01",
        "classes": ["C1"],
        "valid_from": "2018-05-01",
        "valid_until": "2028-05-01",
        "issuing_authority": {"code": "1101", "name": "北京市公安局公安交通管理局（演示）"},
        "status": ["A"],
        "version": 1
    })
}

pub(crate) fn record() -> Record {
    RegistryLine::from_value(minimal())
        .map(|line| line.record)
        .unwrap()
}

/// The record with these status letters.
pub(crate) fn with_status(letters: &str) -> Record {
    let mut record = record();
    record.status = StatusLetter::parse_joined(letters).unwrap();
    record
}

pub(crate) fn date(text: &str) -> Date {
    text.parse().unwrap()
}

/// Noon of a day in Asia/Shanghai.
pub(crate) fn noon(text: &str) -> Timestamp {
    midnight(date(text)) + jiff::SignedDuration::from_hours(12)
}
