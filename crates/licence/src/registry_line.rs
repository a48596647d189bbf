//! Reading a line of the registry, naming every problem of a malformed line at once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value;

use crate::class::ClassCode;
use crate::identifier::{AuthorityCode, FileNumber, IdentifierError, LicenceNumber, Sex};
use crate::json::{self, JsonError};
use crate::message::Text;
use crate::parse::{
    self, DATA_URL, DATE_ORDER, DUPLICATE, FORM, Fields, PHOTO_PATH, Problem, TOO_LONG, WRONG_TYPE,
};
use crate::record::{
    Contact, Extensions, IssuingAuthority, LONG_TERM, PhotoMedia, PhotoSource, Record, Remark,
    ValidUntil,
};
use crate::status::StatusLetter;

/// The longest line that is read, in bytes: a photo of 8 MiB and its record.
pub const MAX_LINE: usize = 12 << 20;

/// A record and where its photo is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryLine {
    /// The record.
    pub record: Record,
    /// Its photo, if the registry has one.
    pub photo: Option<PhotoSource>,
}

/// One thing wrong with a line. It never repeats a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldProblem {
    /// The field, e.g. `issuing_authority.code` or `classes[1]`; `line` for the line as a whole.
    pub field: String,
    /// The stable code, e.g. `check-digit`.
    pub code: &'static str,
    /// The text for people.
    pub text: Text,
}

impl RegistryLine {
    /// Reads a line of NDJSON.
    ///
    /// # Errors
    /// Every problem of the line.
    pub fn parse(line: &[u8]) -> Result<Self, Vec<FieldProblem>> {
        if line.len() > MAX_LINE {
            return Err(whole_line(TOO_LONG));
        }
        match json::parse(line) {
            Ok(value) => Self::from_value(value),
            Err(JsonError::DuplicateKey) => Err(whole_line(DUPLICATE_KEY)),
            Err(JsonError::NotJson) => Err(whole_line(NOT_JSON)),
        }
    }

    /// Reads a record that has already been parsed as JSON.
    ///
    /// # Errors
    /// Every problem of the record.
    pub fn from_value(value: Value) -> Result<Self, Vec<FieldProblem>> {
        let Value::Object(map) = value else {
            return Err(whole_line(WRONG_TYPE));
        };
        let mut fields = Fields::new(map);
        let photo = fields.optional("photo", photo);
        let identity = identity(&mut fields);
        let licence = licence(&mut fields);
        let condition = condition(&mut fields);
        let version = fields.required("version", parse::number(1, i64::MAX));
        if let (Some(identity), Some(licence)) = (&identity, &licence)
            && licence.first_issue_date < identity.birth_date
        {
            fields.problem("first_issue_date", DATE_ORDER);
        }
        let problems = fields.finish();
        match (identity, licence, version) {
            (Some(identity), Some(licence), Some(version)) if problems.is_empty() => Ok(Self {
                record: record(identity, licence, condition, version),
                photo,
            }),
            _ => Err(problems),
        }
    }
}

const NOT_JSON: Problem = Problem {
    code: "not-json",
    text: Text {
        zh: "不是有效的 JSON",
        en: "The line is not valid JSON",
    },
};
const DUPLICATE_KEY: Problem = Problem {
    code: "duplicate-key",
    text: Text {
        zh: "同一字段出现两次",
        en: "A field stands there twice",
    },
};

fn whole_line(problem: Problem) -> Vec<FieldProblem> {
    vec![FieldProblem {
        field: "line".to_owned(),
        code: problem.code,
        text: problem.text,
    }]
}

struct Identity {
    subject: String,
    licence_number: LicenceNumber,
    previous_licence_numbers: Vec<LicenceNumber>,
    file_number: Option<FileNumber>,
    name: String,
    sex: Sex,
    nationality: String,
    birth_date: Date,
    address: Option<String>,
    contact: Option<Contact>,
}

fn identity(fields: &mut Fields) -> Option<Identity> {
    let subject = fields.optional("subject", parse::text(128));
    let licence_number = fields.required("licence_number", licence_number);
    let previous_licence_numbers =
        fields.list("previous_licence_numbers", 32, self::licence_number);
    if let Some(current) = &licence_number
        && previous_licence_numbers.contains(current)
    {
        fields.problem("previous_licence_numbers", DUPLICATE);
    }
    let file_number = fields.optional("file_number", |value| {
        FileNumber::parse(&parse::string(value)?).map_err(identifier_problem)
    });
    let name = fields.required("name", parse::text(64));
    let sex = fields.required("sex", |value| {
        Sex::parse(&parse::string(value)?).ok_or(FORM)
    });
    let nationality = fields.defaulted("nationality", "CHN".to_owned(), nationality);
    let birth_date = fields.required("birth_date", parse::date);
    let address = fields.optional("address", parse::text(256));
    let contact = fields.object("contact", contact);
    let licence_number = licence_number?;
    Some(Identity {
        subject: subject.unwrap_or_else(|| licence_number.as_str().to_owned()),
        licence_number,
        previous_licence_numbers,
        file_number,
        name: name?,
        sex: sex?,
        nationality,
        birth_date: birth_date?,
        address,
        contact,
    })
}

struct Licence {
    document_edition: u32,
    first_issue_date: Date,
    classes: Vec<ClassCode>,
    valid_from: Date,
    valid_until: ValidUntil,
    issuing_authority: IssuingAuthority,
}

fn licence(fields: &mut Fields) -> Option<Licence> {
    let document_edition = fields.defaulted("document_edition", 1, parse::number(1, 1_000_000));
    let first_issue_date = fields.required("first_issue_date", parse::date);
    let classes = fields.required_list("classes", 32, |value| {
        ClassCode::parse(&parse::string(value)?).ok().ok_or(FORM)
    });
    let valid_from = fields.required("valid_from", parse::date);
    let valid_until = fields.required("valid_until", valid_until);
    if let (Some(from), Some(ValidUntil::Date(until))) = (valid_from, valid_until)
        && until < from
    {
        fields.problem("valid_until", DATE_ORDER);
    }
    let issuing_authority = fields.required_object("issuing_authority", issuing_authority);
    Some(Licence {
        document_edition,
        first_issue_date: first_issue_date?,
        classes,
        valid_from: valid_from?,
        valid_until: valid_until?,
        issuing_authority: issuing_authority?,
    })
}

struct Condition {
    status: Vec<StatusLetter>,
    extension_until: Extensions,
    points: u32,
    points_cycle_start: Option<Date>,
    medical_due: Option<Date>,
    review_due: Option<Date>,
    withheld: bool,
    out_of_use: bool,
    hearing_aid: bool,
    remarks: Vec<Remark>,
    photo_taken_on: Option<Date>,
}

fn condition(fields: &mut Fields) -> Condition {
    let status = fields.required_list("status", 32, |value| {
        StatusLetter::parse(&parse::string(value)?).ok().ok_or(FORM)
    });
    Condition {
        status,
        extension_until: fields
            .object("extension_until", |extensions| {
                Some(Extensions {
                    renewal: extensions.optional("N", parse::date),
                    medical: extensions.optional("P", parse::date),
                    review: extensions.optional("T", parse::date),
                })
            })
            .unwrap_or_default(),
        points: fields.defaulted("points", 0, parse::number(0, 1_000_000)),
        points_cycle_start: fields.optional("points_cycle_start", parse::date),
        medical_due: fields.optional("medical_due", parse::date),
        review_due: fields.optional("review_due", parse::date),
        withheld: fields.defaulted("withheld", false, parse::boolean),
        out_of_use: fields.defaulted("out_of_use", false, parse::boolean),
        hearing_aid: fields.defaulted("hearing_aid", false, parse::boolean),
        remarks: fields.objects("remarks", 256, |remark| {
            let date = remark.required("date", parse::date);
            let text = remark.required("text", parse::text(512));
            Some(Remark {
                date: date?,
                text: text?,
            })
        }),
        photo_taken_on: fields.optional("photo_taken_on", parse::date),
    }
}

fn record(identity: Identity, licence: Licence, condition: Condition, version: i64) -> Record {
    Record {
        subject: identity.subject,
        licence_number: identity.licence_number,
        previous_licence_numbers: identity.previous_licence_numbers,
        file_number: identity.file_number,
        document_edition: licence.document_edition,
        name: identity.name,
        sex: identity.sex,
        nationality: identity.nationality,
        birth_date: identity.birth_date,
        address: identity.address,
        contact: identity.contact,
        first_issue_date: licence.first_issue_date,
        classes: licence.classes,
        valid_from: licence.valid_from,
        valid_until: licence.valid_until,
        issuing_authority: licence.issuing_authority,
        status: condition.status,
        extension_until: condition.extension_until,
        points: condition.points,
        points_cycle_start: condition.points_cycle_start,
        medical_due: condition.medical_due,
        review_due: condition.review_due,
        withheld: condition.withheld,
        out_of_use: condition.out_of_use,
        hearing_aid: condition.hearing_aid,
        remarks: condition.remarks,
        photo_taken_on: condition.photo_taken_on,
        version,
    }
}

fn licence_number(value: Value) -> Result<LicenceNumber, Problem> {
    LicenceNumber::parse(&parse::string(value)?).map_err(identifier_problem)
}

fn identifier_problem(error: IdentifierError) -> Problem {
    Problem {
        code: error.code(),
        text: error.text(),
    }
}

fn nationality(value: Value) -> Result<String, Problem> {
    let code = parse::string(value)?;
    if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        Ok(code)
    } else {
        Err(FORM)
    }
}

fn contact(fields: &mut Fields) -> Option<Contact> {
    let phone = fields.required("phone", |value| {
        let phone = parse::string(value)?;
        let digits = phone.strip_prefix('+').unwrap_or(&phone);
        let shaped = (5..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if shaped { Ok(phone) } else { Err(FORM) }
    });
    let verified_at = fields.optional("verified_at", parse::instant);
    Some(Contact {
        phone: phone?,
        verified_at,
    })
}

fn valid_until(value: Value) -> Result<ValidUntil, Problem> {
    if value.as_str() == Some(LONG_TERM) {
        Ok(ValidUntil::LongTerm)
    } else {
        parse::date(value).map(ValidUntil::Date)
    }
}

fn issuing_authority(fields: &mut Fields) -> Option<IssuingAuthority> {
    let code = fields.required("code", |value| {
        AuthorityCode::parse(&parse::string(value)?).map_err(identifier_problem)
    });
    let name = fields.required("name", parse::text(128));
    Some(IssuingAuthority {
        code: code?,
        name: name?,
    })
}

fn photo(value: Value) -> Result<PhotoSource, Problem> {
    let text = parse::string(value)?;
    let Some(data) = text.strip_prefix("data:") else {
        return photo_path(text);
    };
    let (media, data) = data.split_once(";base64,").ok_or(DATA_URL)?;
    let media = PhotoMedia::parse(media).ok_or(DATA_URL)?;
    let bytes = STANDARD.decode(data).ok().ok_or(DATA_URL)?;
    if bytes.is_empty() {
        return Err(DATA_URL);
    }
    Ok(PhotoSource::DataUrl { media, bytes })
}

fn photo_path(path: String) -> Result<PhotoSource, Problem> {
    let climbs = path.split(['/', '\\']).any(|part| part == "..");
    let odd = path.is_empty() || path.len() > 1024 || path.chars().any(char::is_control);
    if climbs || odd || path.contains("://") {
        Err(PHOTO_PATH)
    } else {
        Ok(PhotoSource::Path(path))
    }
}
