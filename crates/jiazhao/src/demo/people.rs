//! Synthetic drivers of all 28 cities and of one outside the roll-out, in every status.
//!
//! Nobody here exists: no real county code ends in 99, names and addresses say that they are made
//! up, and every number of a citizen has its true check digit. A person is a function of place,
//! number and day, so that statuses stay what they are meant to be whenever the demo starts.

use jiff::{Span, ToSpan as _, civil::Date};
use licence::{CITIES, City};
use serde_json::{Value, json};

use super::conditions;

/// A city whose drivers cannot apply: it takes no part in the roll-out (R6).
pub const OUTSIDE: City = City {
    code: "4201",
    zh: "武汉",
    en: "Wuhan",
    authority: "湖北省武汉市公安局交通管理局",
    sample_id: "420199199001019915",
};

/// One synthetic driver's record; [`Person::line`] is what a registry would send of it.
#[derive(Clone, Debug)]
pub struct Person {
    city: &'static City,
    number: u64,
    /// Three digits from 991 to 999; odd is male.
    pub(super) sequence: u64,
    pub(super) born: Date,
    pub(super) today: Date,
    pub(super) licence_number: String,
    pub(super) classes: Vec<&'static str>,
    pub(super) valid_from: Date,
    pub(super) valid_until: Option<Date>,
    pub(super) status: Vec<&'static str>,
    pub(super) edition: u32,
    pub(super) version: u32,
    pub(super) photo: Option<String>,
    /// Fields besides, and those that contradict the others on purpose.
    pub(super) besides: Vec<(&'static str, Value)>,
}

const NAMES: [&str; 20] = [
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
    "样例一",
    "样例二",
    "样例三",
    "样例四",
    "样例五",
    "样例六",
    "样例七",
    "样例八",
    "样例九",
    "演示员",
];

/// Birth dates lie within these days, fifty years from this one.
const FIRST_BIRTH: Date = Date::constant(1950, 1, 1);
const BIRTH_DAYS: u64 = 18_262;
/// 1990-01-01, the birth date of each city's first driver.
const SAMPLE_DAY: u64 = 14_610;
/// Coprime to [`BIRTH_DAYS`]: nine people share a day, and then no day comes twice for long.
const BIRTH_STEP: u64 = 7_919;
/// As many people as one city can have.
pub const MOST_IN_A_CITY: u64 = BIRTH_DAYS * 9;

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/// Every hundredth driver lives outside the roll-out.
const OUTSIDE_EVERY: u64 = 100;
/// The first drivers of a city are as ordinary as can be: the demo takes them further.
const ORDINARY_FIRST: u64 = 12;
/// Of five others, three are in order and two have something about them.
const OF_FIVE_IN_ORDER: u64 = 3;

/// The drivers of a demo of this size, as they stand on `today`.
pub fn population(size: u64, today: Date) -> impl Iterator<Item = Person> {
    (0..size).map(move |index| {
        let row = index / OUTSIDE_EVERY;
        if index % OUTSIDE_EVERY == OUTSIDE_EVERY - 1 {
            return Person::new(&OUTSIDE, row, today);
        }
        let inside = index - row;
        let cities = u64::try_from(CITIES.len()).unwrap_or(1);
        let place = usize::try_from(inside % cities).unwrap_or_default();
        let city = CITIES.get(place).unwrap_or(&OUTSIDE);
        let number = inside / cities;
        let person = Person::new(city, number, today);
        if number < ORDINARY_FIRST {
            return person;
        }
        let (five, of_five) = (number / 5, number % 5);
        match of_five.checked_sub(OF_FIVE_IN_ORDER) {
            None => conditions::in_order(person, number),
            Some(more) => conditions::remarkable(person, five * 2 + more + inside % cities),
        }
    })
}

impl Person {
    /// The driver with this number of a city: class C1, normal, valid for years.
    #[must_use]
    pub fn new(city: &'static City, number: u64, today: Date) -> Self {
        let day = (SAMPLE_DAY + (number / 9) * BIRTH_STEP) % BIRTH_DAYS;
        let born = after(FIRST_BIRTH, day);
        let sequence = 991 + (first_sequence(city) - 991 + number) % 9;
        let valid_from = before(today, 200 + (number * 37) % 700);
        Self {
            city,
            number,
            sequence,
            born,
            today,
            licence_number: with_check_digit(&format!("{}99", city.code), born, sequence),
            classes: vec!["C1"],
            valid_from,
            valid_until: Some(valid_from.saturating_add(6.years())),
            status: vec!["A"],
            edition: 1,
            version: 1,
            photo: None,
            besides: Vec::new(),
        }
    }

    /// The licence number (证号).
    #[must_use]
    pub fn licence_number(&self) -> &str {
        &self.licence_number
    }

    /// The number within the city, by which portraits vary.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The day to which the dates refer.
    #[must_use]
    pub fn today(&self) -> Date {
        self.today
    }

    /// With a photo on file, as a data URL.
    #[must_use]
    pub fn with_photo(mut self, data_url: String) -> Self {
        self.photo = Some(data_url);
        self
    }

    /// The registry's next version of the record.
    #[must_use]
    pub fn next(mut self) -> Self {
        self.version += 1;
        self
    }

    /// With these status letters.
    #[must_use]
    pub fn with_status(mut self, letters: &[&'static str]) -> Self {
        self.status = letters.to_vec();
        self
    }

    /// After a new paper licence with these classes (R88).
    #[must_use]
    pub fn with_new_edition(mut self, classes: &[&'static str]) -> Self {
        self.edition += 1;
        self.classes = classes.to_vec();
        self
    }

    /// The record as one JSON object.
    #[must_use]
    pub fn record(&self) -> Value {
        let city = self.city;
        let name = usize::try_from(self.number).unwrap_or_default() % NAMES.len();
        let mut record = json!({
            "subject": format!("demo-{}-{}", city.code, self.number),
            "licence_number": self.licence_number,
            "file_number": format!("{}99{:06}", city.code, self.number % 1_000_000),
            "document_edition": self.edition,
            "name": NAMES.get(name).unwrap_or(&"演示员"),
            "sex": if self.sequence.is_multiple_of(2) { "female" } else { "male" },
            "nationality": "CHN",
            "birth_date": self.born,
            "address": format!("{}市样例区测试路0号", city.zh),
            "first_issue_date": self.first_issue(),
            "classes": self.classes,
            "valid_from": self.valid_from,
            "valid_until": self.valid_until.map_or_else(|| json!("long-term"), |date| json!(date)),
            "issuing_authority": {
                "code": city.code,
                "name": format!("{}（演示）", city.authority),
            },
            "status": self.status,
            "points": 0,
            "points_cycle_start": self.cycle_start(),
            "version": self.version,
        });
        if let Some(fields) = record.as_object_mut() {
            for (name, value) in &self.besides {
                fields.insert((*name).to_owned(), value.clone());
            }
            if let Some(photo) = &self.photo {
                fields.insert("photo".to_owned(), json!(photo));
            }
        }
        record
    }

    /// The record as a line of a registry file.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{}\n", self.record())
    }

    /// With another field, or another value of one.
    pub(super) fn and(mut self, field: &'static str, value: impl Into<Value>) -> Self {
        self.besides.push((field, value.into()));
        self
    }

    /// Nobody drives before 18; most have driven for years when the present licence begins.
    fn first_issue(&self) -> Date {
        let of_age = self.born.saturating_add(18.years());
        let earlier = self.valid_from.saturating_sub(6.years());
        earlier.max(of_age).min(self.valid_from)
    }

    /// The last anniversary of the first issue.
    fn cycle_start(&self) -> Date {
        let first = self.first_issue();
        let years = self.today.year().saturating_sub(first.year());
        let this_year = first.saturating_add(Span::new().years(years));
        if this_year > self.today {
            first.saturating_add(Span::new().years(years.saturating_sub(1)))
        } else {
            this_year
        }
    }
}

/// The sequence of the city's sample number.
fn first_sequence(city: &City) -> u64 {
    let digits = city
        .sample_id
        .get(14..17)
        .and_then(|digits| digits.parse().ok());
    digits
        .filter(|first| (991..=999).contains(first))
        .unwrap_or(991)
}

/// An identity number: its first digits, birth date, sequence and the true check digit (ISO 7064
/// MOD 11-2).
pub(super) fn with_check_digit(head: &str, born: Date, sequence: u64) -> String {
    let digits = format!("{head}{}{sequence:03}", born.strftime("%Y%m%d"));
    let sum: u32 = digits
        .chars()
        .filter_map(|digit| digit.to_digit(10))
        .zip(WEIGHTS)
        .map(|(digit, weight)| digit * weight)
        .sum();
    let check = match (12 - sum % 11) % 11 {
        10 => 'X',
        digit => char::from_digit(digit, 10).unwrap_or('X'),
    };
    format!("{digits}{check}")
}

/// The day so many days later.
pub(super) fn after(day: Date, days: u64) -> Date {
    let span = Span::new().try_days(i64::try_from(days).unwrap_or_default());
    span.map_or(day, |span| day.saturating_add(span))
}

/// The day so many days earlier.
pub(super) fn before(day: Date, days: u64) -> Date {
    let span = Span::new().try_days(i64::try_from(days).unwrap_or_default());
    span.map_or(day, |span| day.saturating_sub(span))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use licence::{Channel, Record, RegistryLine, Rollout, StatusValue, effective, notes};

    use super::*;

    const TODAY: Date = Date::constant(2026, 2, 28);

    fn records(size: u64, today: Date) -> Vec<Record> {
        population(size, today)
            .map(|person| {
                RegistryLine::parse(person.line().as_bytes())
                    .unwrap()
                    .record
            })
            .collect()
    }

    #[test]
    fn first_driver_of_each_city_has_the_sample_number() {
        for city in CITIES.iter().chain([&OUTSIDE]) {
            assert_eq!(Person::new(city, 0, TODAY).licence_number, city.sample_id);
        }
    }

    #[test]
    fn r3_every_city_and_one_outside_in_ten_thousand_different_people() {
        let records = records(10_000, TODAY);
        let numbers: BTreeSet<&str> = records
            .iter()
            .map(|it| it.licence_number.as_str())
            .collect();
        assert_eq!(numbers.len(), 10_000);
        let files: BTreeSet<&str> = records
            .iter()
            .filter_map(|it| it.file_number.as_ref().map(licence::FileNumber::as_str))
            .collect();
        assert_eq!(files.len(), 10_000);
        let places: BTreeSet<&str> = records
            .iter()
            .map(|it| it.issuing_authority.code.as_str())
            .collect();
        assert_eq!(places.len(), 29);
        assert!(Rollout::built_in().opens(OUTSIDE.code).is_none());
        for record in &records {
            assert!(record.issuing_authority.name.ends_with("（演示）"));
        }
    }

    #[test]
    fn no_number_comes_twice_in_a_city() {
        let numbers: BTreeSet<String> = (0..MOST_IN_A_CITY)
            .map(|number| Person::new(&OUTSIDE, number, TODAY).licence_number)
            .collect();
        assert_eq!(u64::try_from(numbers.len()).unwrap(), MOST_IN_A_CITY);
    }

    #[test]
    fn every_letter_class_and_colour_occurs_whenever_the_demo_starts() {
        for today in [
            TODAY,
            Date::constant(2024, 2, 29),
            Date::constant(2031, 12, 31),
        ] {
            let records = records(10_000, today);
            let letters: BTreeSet<String> = records
                .iter()
                .flat_map(|it| it.status.iter().map(ToString::to_string))
                .collect();
            for letter in "ABCDEFGHIJKLMNPRSTUZ".chars() {
                assert!(letters.contains(&letter.to_string()), "{letter}");
            }
            let classes: BTreeSet<&str> = records
                .iter()
                .flat_map(|it| it.classes.iter().map(licence::ClassCode::as_str))
                .collect();
            for row in &licence::CLASS_TABLE {
                assert!(classes.contains(row.code), "{}", row.code);
            }
            let count = |value| {
                let same = |it: &&Record| effective(it, today).value == value;
                records.iter().filter(same).count()
            };
            assert!(count(StatusValue::Valid) > 6_000);
            for value in [
                StatusValue::Red,
                StatusValue::Suspended,
                StatusValue::Invalid,
            ] {
                assert!(count(value) > 150, "{value:?}");
            }
        }
    }

    #[test]
    fn sc_02_every_blocking_reason_occurs() {
        let records = records(10_000, TODAY);
        let mut codes: BTreeSet<&str> = BTreeSet::new();
        let rollout = Rollout::built_in();
        let at = licence::midnight(TODAY);
        for record in &records {
            let reasons = licence::eligibility(&licence::Situation {
                record,
                rollout: &rollout,
                at,
                sanctioned: false,
                channel: Channel::Counter,
                has_active_e_licence: false,
                has_open_application: false,
            });
            codes.extend(reasons.iter().map(|reason| reason.code));
        }
        for code in [
            "expired",
            "not-yet-valid",
            "renewal-delay-ended",
            "withheld",
            "suspended",
            "medical-overdue",
            "medical-delay-ended",
            "review-overdue",
            "review-delay-ended",
            "out-of-use",
            "impounded",
            "points-reached",
            "annulled",
            "revoked",
            "cancelled",
            "locked",
            "transferred-out",
            "cancelled-recoverable",
            "other-status",
            "unknown-status",
            "extension-date-missing",
            "not-rolled-out",
            "contradiction",
        ] {
            assert!(codes.contains(code), "{code} is not among {codes:?}");
        }
    }

    #[test]
    fn the_first_of_each_city_are_in_order() {
        let rollout = Rollout::built_in();
        for city in &CITIES {
            for number in 0..ORDINARY_FIRST {
                let person = Person::new(city, number, TODAY);
                let record = RegistryLine::parse(person.line().as_bytes())
                    .unwrap()
                    .record;
                assert!(notes(&record, TODAY).is_empty());
                assert_eq!(effective(&record, TODAY).value, StatusValue::Valid);
                assert!(rollout.opens(city.code).is_some());
            }
        }
    }

    #[test]
    fn sc_15_a_new_edition_supersedes_and_a_status_does_not() {
        let person = Person::new(&OUTSIDE, 7, TODAY);
        let read = |person: &Person| {
            RegistryLine::parse(person.line().as_bytes())
                .unwrap()
                .record
        };
        let status = person.clone().next().with_status(&["B"]);
        assert!(licence::supersedes(&read(&person), &read(&status)).is_empty());
        let edition = status.clone().next().with_new_edition(&["A2"]);
        assert!(!licence::supersedes(&read(&status), &read(&edition)).is_empty());
        assert_eq!(read(&edition).version, 3);
    }
}
