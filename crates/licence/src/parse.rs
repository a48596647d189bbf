//! Reading the fields of a JSON object so that every problem is named, not just the first.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::clock::midnight;
use crate::message::Text;
use crate::registry_line::FieldProblem;

/// What is wrong with one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) code: &'static str,
    pub(crate) text: Text,
}

macro_rules! problems {
    ($($name:ident = $code:literal, $zh:literal, $en:literal;)+) => {
        $(pub(crate) const $name: Problem = Problem {
            code: $code,
            text: Text { zh: $zh, en: $en },
        };)+
    };
}

problems! {
    MISSING = "missing", "缺少必填项", "A required field is missing";
    UNKNOWN_FIELD = "unknown-field", "未定义的字段", "The field is not defined";
    WRONG_TYPE = "wrong-type", "数据类型不正确", "The value has the wrong type";
    IMPOSSIBLE_DATE = "impossible-date", "日期不存在或者格式不是 YYYY-MM-DD", "The date does not exist or is not written YYYY-MM-DD";
    IMPOSSIBLE_TIME = "impossible-time", "时间不存在或者格式不正确", "The time does not exist or is not written in RFC 3339";
    DATE_ORDER = "date-order", "日期先后矛盾", "The dates are in the wrong order";
    OUT_OF_RANGE = "out-of-range", "数值超出范围", "The number is out of range";
    TOO_LONG = "too-long", "内容过长", "The value is too long";
    EMPTY = "empty", "内容为空", "The value is empty";
    FORM = "form", "格式不正确", "The value does not have the right form";
    DUPLICATE = "duplicate", "内容重复", "The value stands there twice";
    DATA_URL = "data-url", "照片数据不是 JPEG、PNG 或者 WebP 的 base64 数据", "The photo is not base64 data of a JPEG, PNG or WebP image";
    PHOTO_PATH = "photo-path", "照片路径不正确", "The path of the photo is not acceptable";
}

/// The fields of one object, taken one by one; what is left over at the end is a problem too.
#[derive(Debug)]
pub(crate) struct Fields {
    prefix: String,
    map: Map<String, Value>,
    problems: Vec<FieldProblem>,
}

impl Fields {
    pub(crate) fn new(map: Map<String, Value>) -> Self {
        Self {
            prefix: String::new(),
            map,
            problems: Vec::new(),
        }
    }

    /// A field that must be there and must not be null.
    pub(crate) fn required<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Value) -> Result<T, Problem>,
    ) -> Option<T> {
        match self.map.remove(name) {
            None | Some(Value::Null) => {
                self.problem(name, MISSING);
                None
            }
            Some(value) => self.read(name, value, read),
        }
    }

    /// A field that may be missing or null.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Value) -> Result<T, Problem>,
    ) -> Option<T> {
        match self.map.remove(name) {
            None | Some(Value::Null) => None,
            Some(value) => self.read(name, value, read),
        }
    }

    /// A field that may be missing, but is not null where it stands.
    pub(crate) fn defaulted<T>(
        &mut self,
        name: &str,
        default: T,
        read: impl FnOnce(Value) -> Result<T, Problem>,
    ) -> T {
        match self.map.remove(name) {
            None => default,
            Some(value) => self.read(name, value, read).unwrap_or(default),
        }
    }

    /// A list without duplicates; each bad element is named by its position.
    pub(crate) fn list<T: PartialEq>(
        &mut self,
        name: &str,
        limit: usize,
        mut read: impl FnMut(Value) -> Result<T, Problem>,
    ) -> Vec<T> {
        let mut list = Vec::new();
        for (position, value) in self.values(name, limit).into_iter().enumerate() {
            let name = format!("{name}[{position}]");
            if let Some(item) = self.read(&name, value, &mut read) {
                if list.contains(&item) {
                    self.problem(&name, DUPLICATE);
                } else {
                    list.push(item);
                }
            }
        }
        list
    }

    /// The same, with at least one element.
    pub(crate) fn required_list<T: PartialEq>(
        &mut self,
        name: &str,
        limit: usize,
        read: impl FnMut(Value) -> Result<T, Problem>,
    ) -> Vec<T> {
        match self.map.get(name) {
            None => self.problem(name, MISSING),
            Some(value) if value.as_array().is_some_and(Vec::is_empty) => self.problem(name, EMPTY),
            Some(_) => {}
        }
        self.list(name, limit, read)
    }

    /// A list of objects.
    pub(crate) fn objects<T>(
        &mut self,
        name: &str,
        limit: usize,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Vec<T> {
        let mut list = Vec::new();
        for (position, value) in self.values(name, limit).into_iter().enumerate() {
            list.extend(self.nested(&format!("{name}[{position}]"), value, &mut read));
        }
        list
    }

    /// An object that must be there.
    pub(crate) fn required_object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        match self.map.remove(name) {
            None => {
                self.problem(name, MISSING);
                None
            }
            Some(value) => self.nested(name, value, read),
        }
    }

    /// An object that may be missing or null.
    pub(crate) fn object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        match self.map.remove(name) {
            None | Some(Value::Null) => None,
            Some(value) => self.nested(name, value, read),
        }
    }

    /// Adds a problem of a field.
    pub(crate) fn problem(&mut self, name: &str, problem: Problem) {
        self.problems.push(FieldProblem {
            field: format!("{}{name}", self.prefix),
            code: problem.code,
            text: problem.text,
        });
    }

    /// Every problem, those of fields that nobody asked for among them.
    pub(crate) fn finish(mut self) -> Vec<FieldProblem> {
        for name in std::mem::take(&mut self.map)
            .into_iter()
            .map(|(name, _)| name)
        {
            // The name is the sender's: it is cut so that a report stays readable.
            let name: String = name.chars().take(64).collect();
            self.problem(&name, UNKNOWN_FIELD);
        }
        self.problems
    }

    fn read<T>(
        &mut self,
        name: &str,
        value: Value,
        read: impl FnOnce(Value) -> Result<T, Problem>,
    ) -> Option<T> {
        match read(value) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.problem(name, problem);
                None
            }
        }
    }

    fn values(&mut self, name: &str, limit: usize) -> Vec<Value> {
        match self.map.remove(name) {
            None => Vec::new(),
            Some(Value::Array(values)) if values.len() <= limit => values,
            Some(Value::Array(_)) => {
                self.problem(name, TOO_LONG);
                Vec::new()
            }
            Some(_) => {
                self.problem(name, WRONG_TYPE);
                Vec::new()
            }
        }
    }

    fn nested<T>(
        &mut self,
        name: &str,
        value: Value,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let Value::Object(map) = value else {
            self.problem(name, WRONG_TYPE);
            return None;
        };
        let mut fields = Self {
            prefix: format!("{}{name}.", self.prefix),
            map,
            problems: Vec::new(),
        };
        let result = read(&mut fields);
        self.problems.extend(fields.finish());
        result
    }
}

/// A date written `YYYY-MM-DD`, and in no other way.
pub(crate) fn date(value: Value) -> Result<Date, Problem> {
    let text = string(value)?;
    text.parse::<Date>()
        .ok()
        .filter(|date| date.to_string() == text && (1850..=2200).contains(&date.year()))
        .ok_or(IMPOSSIBLE_DATE)
}

/// An instant in RFC 3339, or a date, which means its midnight in Asia/Shanghai.
pub(crate) fn instant(value: Value) -> Result<Timestamp, Problem> {
    if let Ok(date) = date(value.clone()) {
        return Ok(midnight(date));
    }
    string(value)?.parse().ok().ok_or(IMPOSSIBLE_TIME)
}

pub(crate) fn boolean(value: Value) -> Result<bool, Problem> {
    serde_json::from_value(value).ok().ok_or(WRONG_TYPE)
}

pub(crate) fn string(value: Value) -> Result<String, Problem> {
    match value {
        Value::String(text) => Ok(text),
        Value::Null | Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            Err(WRONG_TYPE)
        }
    }
}

/// A text for people: one line, not blank at its ends, of at most `limit` characters.
pub(crate) fn text(limit: usize) -> impl Fn(Value) -> Result<String, Problem> {
    move |value| {
        let text = string(value)?;
        if text.is_empty() {
            Err(EMPTY)
        } else if text.chars().count() > limit {
            Err(TOO_LONG)
        } else if text.trim() != text || text.chars().any(char::is_control) {
            Err(FORM)
        } else {
            Ok(text)
        }
    }
}

/// A whole number within a range.
pub(crate) fn number<T: TryFrom<i64>>(
    least: i64,
    most: i64,
) -> impl Fn(Value) -> Result<T, Problem> {
    move |value| {
        if !value.is_number() {
            return Err(WRONG_TYPE);
        }
        value
            .as_i64()
            .filter(|number| (least..=most).contains(number))
            .and_then(|number| T::try_from(number).ok())
            .ok_or(OUT_OF_RANGE)
    }
}
