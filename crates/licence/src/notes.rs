//! What is odd about a record that is well formed.

use jiff::civil::Date;
use serde::Serialize;

use crate::message::{Message, Text};
use crate::record::Record;
use crate::status::{StatusLetter, StatusValue, weigh};

/// Something odd about a well-formed record, listed in the summary of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The stable code, e.g. `sex-contradiction`.
    pub code: &'static str,
    /// The text for people, without personal data.
    pub text: Message,
    /// Whether the record contradicts itself, which blocks applying.
    pub contradiction: bool,
}

/// What is odd about a record on a day: contradictions, and codes that the tables do not know.
#[must_use]
pub fn notes(record: &Record, on: Date) -> Vec<Note> {
    let mut notes = Vec::new();
    let number = &record.licence_number;
    if number
        .birth_date()
        .is_some_and(|date| date != record.birth_date)
    {
        notes.push(contradiction(
            "birth-date-contradiction",
            "出生日期与证号不一致",
            "The birth date does not agree with the licence number",
        ));
    }
    if number.sex().is_some_and(|sex| sex != record.sex) {
        notes.push(contradiction(
            "sex-contradiction",
            "性别与证号不一致",
            "The sex does not agree with the licence number",
        ));
    }
    let blocking_letter = record
        .status
        .iter()
        .any(|letter| weigh(record, letter, on).0 != StatusValue::Valid);
    if record.status.contains(&StatusLetter::A)
        && (blocking_letter || record.withheld || record.out_of_use)
    {
        notes.push(contradiction(
            "status-contradiction",
            "状态“正常”与限制性状态并存",
            "The status says normal beside a blocking letter or flag",
        ));
    }
    notes.extend(unknown_codes(record));
    notes
}

fn contradiction(code: &'static str, zh: &'static str, en: &'static str) -> Note {
    Note {
        code,
        text: Text { zh, en }.into(),
        contradiction: true,
    }
}

fn unknown_codes(record: &Record) -> Vec<Note> {
    let classes = record.classes.iter().filter(|class| class.row().is_none());
    let letters = record
        .status
        .iter()
        .filter(|letter| matches!(letter, StatusLetter::Unknown(_)));
    let class_notes = classes.map(|class| Note {
        code: "unknown-class",
        text: Message {
            zh: format!("未知准驾车型代号 {class}").into(),
            en: format!("Unknown vehicle class {class}").into(),
        },
        contradiction: false,
    });
    let letter_notes = letters.map(|letter| Note {
        code: "unknown-status",
        text: Message {
            zh: format!("未知状态代码 {letter}").into(),
            en: format!("Unknown status letter {letter}").into(),
        },
        contradiction: false,
    });
    class_notes.chain(letter_notes).collect()
}
