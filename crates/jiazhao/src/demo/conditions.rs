//! What can be the case with a driver's licence: in order in many ways, or remarkable.

use jiff::{ToSpan as _, civil::Date};
use serde_json::json;

use super::people::{Person, after, before, with_check_digit};

/// What grants of classes look like, by how common they are.
const COMMON_CLASSES: [&[&str]; 8] = [
    &["C1"],
    &["C2"],
    &["C1", "D"],
    &["C1"],
    &["B2"],
    &["C2"],
    &["C1", "E"],
    &["A2", "D"],
];

/// A driver whose licence is in order, in one of many ways.
pub(super) fn in_order(person: Person, number: u64) -> Person {
    let person = person.granted(classes_of(number / 5));
    let today = person.today;
    match number / 5 % 12 {
        1 => person.and("points", 1 + number % 11),
        2 => person.with_status(&["H"]),
        3 => person.with_status(&["I"]).and("points", 3),
        4 => person.long_term(),
        5 => person
            .with_status(&["N"])
            .valid_until_date(before(today, 20))
            .and("extension_until", json!({ "N": after(today, 200) })),
        6 => person
            .with_status(&["P"])
            .and("medical_due", json!(before(today, 10)))
            .and("extension_until", json!({ "P": after(today, 300) })),
        7 => person
            .with_status(&["T"])
            .and("review_due", json!(before(today, 30)))
            .and("extension_until", json!({ "T": after(today, 150) })),
        8 => person.and("hearing_aid", true),
        9 => with_remarks(person),
        10 => person
            .and("medical_due", json!(after(today, 90)))
            .and("review_due", json!(after(today, 120))),
        11 => person.with_status(&["A", "H"]).and("points", 6),
        _ => person,
    }
}

/// A driver about whom something is to be told apart.
pub(super) fn remarkable(person: Person, which: u64) -> Person {
    let conditions = REMARKABLE.len();
    let place = usize::try_from(which).unwrap_or_default() % conditions;
    match REMARKABLE.get(place) {
        Some(condition) => condition(person),
        None => person,
    }
}

/// Every status letter, alone and several at once; every class; flags, dates, contradictions, and
/// codes that no table knows.
const REMARKABLE: [fn(Person) -> Person; 70] = [
    |it| it.with_status(&["B"]).and("points", 12),
    |it| it.with_status(&["C"]),
    |it| it.with_status(&["D"]),
    |it| it.with_status(&["E"]),
    |it| it.with_status(&["F"]),
    |it| it.with_status(&["G"]),
    |it| it.with_status(&["J"]),
    |it| it.with_status(&["K"]),
    |it| it.with_status(&["L"]),
    |it| it.with_status(&["M"]),
    |it| it.with_status(&["R"]),
    |it| it.with_status(&["S"]),
    |it| it.with_status(&["U"]),
    |it| it.with_status(&["Z"]),
    |it| it.with_status(&["S", "H"]),
    |it| it.with_status(&["B", "H"]).and("points", 14),
    |it| it.with_status(&["D", "U"]),
    |it| it.with_status(&["M", "S"]),
    |it| it.with_status(&["H", "I"]),
    |it| it.with_status(&["B", "G"]).and("points", 12),
    |it| it.with_status(&["N"]),
    |it| it.with_status(&["P"]),
    |it| it.with_status(&["T"]),
    |it| ended_extension(it, "N"),
    |it| ended_extension(it, "P"),
    |it| ended_extension(it, "T"),
    |it| it.with_status(&["Q"]),
    |it| it.with_status(&["A", "W"]),
    |it| it.with_status(&["A", "B"]).and("points", 12),
    |it| it.with_status(&["A", "S"]),
    |it| it.and("withheld", true),
    |it| it.and("out_of_use", true),
    |it| it.with_status(&["H"]).and("withheld", true),
    |it| it.with_status(&["J"]).and("out_of_use", true),
    |it| it.and("points", 12),
    |it| overdue(it, "medical_due", 1),
    |it| overdue(it, "medical_due", 200),
    |it| overdue(it, "review_due", 1),
    |it| overdue(it, "review_due", 500),
    |it| overdue(overdue(it, "medical_due", 30), "review_due", 30),
    |it| ended(it, 1),
    |it| ended(it, 400),
    |it| ended(it, 1_500),
    |it| overdue(ended(it, 60), "review_due", 60).and("withheld", true),
    |it| ends_today(it),
    |it| begins_later(it),
    |it| it.granted(&["A1"]),
    |it| it.granted(&["A2"]),
    |it| it.granted(&["A3"]),
    |it| it.granted(&["B1"]),
    |it| it.granted(&["B2"]),
    |it| it.granted(&["C3"]),
    |it| it.granted(&["C4"]),
    |it| it.granted(&["C5"]).and("hearing_aid", true),
    |it| it.granted(&["C1", "C6"]),
    |it| it.granted(&["F"]),
    |it| it.granted(&["M"]),
    |it| it.granted(&["N"]),
    |it| it.granted(&["P"]),
    |it| it.granted(&["A1", "A2", "D"]).long_term(),
    |it| it.granted(&["X9"]),
    |it| it.granted(&["C1", "Q7"]),
    other_birth_date,
    other_sex,
    |it| resident(it, "810000"),
    |it| resident(it, "820000"),
    |it| resident(it, "830000"),
    foreign_resident,
    soldier,
    once_a_soldier,
];

impl Person {
    fn granted(mut self, classes: &[&'static str]) -> Self {
        self.classes = classes.to_vec();
        self
    }

    fn long_term(mut self) -> Self {
        self.valid_until = None;
        self
    }

    fn valid_until_date(mut self, last_day: Date) -> Self {
        self.valid_until = Some(last_day);
        self.valid_from = last_day.saturating_sub(6.years());
        self
    }
}

/// An extension whose last day was yesterday.
fn ended_extension(person: Person, letter: &'static str) -> Person {
    let ended = before(person.today, 1);
    person
        .with_status(&[letter])
        .and("extension_until", json!({ letter: ended }))
}

fn overdue(person: Person, field: &'static str, days: u64) -> Person {
    let due = before(person.today, days);
    person.and(field, json!(due))
}

/// Its last day was so many days ago.
fn ended(person: Person, days: u64) -> Person {
    let last_day = before(person.today, days);
    person.valid_until_date(last_day)
}

/// Black until midnight.
fn ends_today(person: Person) -> Person {
    let today = person.today;
    person.valid_until_date(today)
}

fn begins_later(mut person: Person) -> Person {
    person.valid_from = after(person.today, 45);
    person.valid_until = Some(person.valid_from.saturating_add(10.years()));
    person
}

fn other_birth_date(person: Person) -> Person {
    let other = after(person.born, 1);
    person.and("birth_date", json!(other))
}

fn other_sex(person: Person) -> Person {
    let stated = if person.sequence.is_multiple_of(2) {
        "male"
    } else {
        "female"
    };
    person.and("sex", stated)
}

/// A resident from Hong Kong, Macao or Taiwan (港澳台居民居住证).
fn resident(mut person: Person, area: &str) -> Person {
    person.sequence = beyond_cities(&person);
    person.licence_number = with_check_digit(area, person.born, person.sequence);
    person
}

/// 外国人永久居留身份证, of no country that exists.
fn foreign_resident(mut person: Person) -> Person {
    person.sequence = beyond_cities(&person);
    person.licence_number = with_check_digit("911999", person.born, person.sequence);
    person.and("nationality", "XXX")
}

/// The sequence of a number that does not name a city, so that two cities share none.
fn beyond_cities(person: &Person) -> u64 {
    991 + person.number() % 9
}

fn soldier(mut person: Person) -> Person {
    person.licence_number = military_number(&person);
    person
}

/// A citizen's number that replaced a military one.
fn once_a_soldier(person: Person) -> Person {
    let earlier = military_number(&person);
    person.and("previous_licence_numbers", json!([earlier]))
}

fn military_number(person: &Person) -> String {
    let place: String = person.licence_number.chars().take(4).collect();
    format!("军测{place}{:06}", person.number())
}

fn with_remarks(person: Person) -> Person {
    let today = person.today;
    person.and(
        "remarks",
        json!([
            { "date": before(today, 900), "text": "增加准驾车型（演示）" },
            { "date": before(today, 300), "text": "审验合格（演示）" },
        ]),
    )
}

fn classes_of(which: u64) -> &'static [&'static str] {
    let place = usize::try_from(which).unwrap_or_default() % COMMON_CLASSES.len();
    COMMON_CLASSES.get(place).copied().unwrap_or(&["C1"])
}
