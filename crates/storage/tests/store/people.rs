//! Synthetic drivers: their county numbers end in 99, which no real county has.

use jiff::{ToSpan, civil::date};
use licence::{Record, RegistryLine};
use serde_json::json;

const CITIES: [(&str, &str); 4] = [
    ("1101", "北京市公安局公安交通管理局（演示）"),
    ("5101", "四川省成都市公安局交通管理局（演示）"),
    ("3205", "江苏省苏州市公安局交通警察支队（演示）"),
    ("1201", "天津市公安局交通管理局（演示）"),
];
const NAMES: [&str; 10] = [
    "测试甲",
    "测试乙",
    "测试丙",
    "测试丁",
    "测试戊",
    "测试己",
    "测试庚",
    "测试辛",
    "测试壬",
    "测试癸",
];

/// The registry's record of driver number `n` at `version`.
pub(crate) fn record(n: u32, version: i64) -> Record {
    let index = usize::try_from(n).unwrap();
    let (code, authority) = CITIES[index % CITIES.len()];
    let line = json!({
        "subject": format!("S{n:08}"),
        "licence_number": licence_number(n),
        "file_number": format!("{code}99{n:06}"),
        "document_edition": 1,
        "name": NAMES[index % NAMES.len()],
        "sex": if n.is_multiple_of(2) { "male" } else { "female" },
        "birth_date": birth(n),
        "address": format!("样例区测试路{n}号"),
        "first_issue_date": "2015-06-01",
        "classes": ["C1"],
        "valid_from": "2021-06-01",
        "valid_until": "2031-06-01",
        "issuing_authority": { "code": code, "name": authority },
        "status": ["A"],
        "version": version,
    });
    RegistryLine::parse(line.to_string().as_bytes())
        .unwrap()
        .record
}

/// Area, birth, sequence and check digit (GB 11643).
pub(crate) fn licence_number(n: u32) -> String {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let index = usize::try_from(n).unwrap();
    let (code, _) = CITIES[index % CITIES.len()];
    // Odd sequences are male.
    let sequence = if n.is_multiple_of(2) { 991 } else { 992 };
    let digits = format!("{code}99{}{sequence}", birth(n).replace('-', ""));
    let sum: u32 = digits
        .chars()
        .zip(WEIGHTS)
        .map(|(digit, weight)| digit.to_digit(10).unwrap() * weight)
        .sum();
    let check = b"10X98765432"[usize::try_from(sum % 11).unwrap()];
    format!("{digits}{}", char::from(check))
}

fn birth(n: u32) -> String {
    let born = date(1960, 1, 1) + i64::from(n % 14_000).days();
    born.to_string()
}
