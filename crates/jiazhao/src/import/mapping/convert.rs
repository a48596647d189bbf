//! How a cell is read. What cannot be converted is refused, never put right.

use std::collections::BTreeMap;

use jiff::civil::Date;
use licence::Text;
use serde_json::{Number, Value};

/// Why a cell or a row is refused. It never repeats a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) code: &'static str,
    pub(crate) text: Text,
}

macro_rules! problems {
    ($($name:ident = $code:literal, $zh:literal, $en:literal;)+) => {
        $(pub(super) const $name: Problem = Problem {
            code: $code,
            text: Text { zh: $zh, en: $en },
        };)+
    };
}

problems! {
    ENCODING = "cell-encoding", "内容不符合文件编码", "The cell is not of the file's encoding";
    INTEGER = "cell-integer", "不是整数", "The cell is not a whole number";
    DATE = "cell-date", "日期不存在或不符合规定的格式", "The date does not exist or is not written as the mapping says";
    SEX = "cell-sex", "性别代码不是 1 或 2", "The code of the sex is neither 1 nor 2";
    CLASSES = "cell-classes", "不是连写的准驾车型代号", "The cell is not a row of class codes";
    LETTERS = "cell-status-letters", "不是状态字母", "The cell is not a row of status letters";
    FLAG = "cell-flag", "不是 0 或 1", "The cell is neither 0 nor 1";
    TABLE = "cell-not-in-table", "对照表中没有此值", "The value is not in the table of the mapping";
    NESTED = "cell-nested", "内容不是文本或数字", "The cell is neither text nor a number";
    CELLS = "row-malformed", "行的分隔或引号不正确", "The row's quotes or separators do not fit";
    CELL_COUNT = "row-cell-count", "列数与表头不一致", "The row has another number of cells than the header";
    NO_COLUMN = "row-without-column", "该行缺少此列", "The row lacks this column";
    UNENDED = "row-unended", "行过长或引号未结束", "The row is too long, or a quote in it does not end";
    NOT_JSON = "not-json", "不是有效的 JSON 对象，或有重复的键", "The line is no JSON object, or a key stands there twice";
}

/// How a cell is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Convert {
    /// As it stands.
    Text,
    /// Digits, with a sign or without.
    Integer,
    /// A date of this form.
    Date(String),
    /// A date of this form, or `长期`.
    LongTerm(String),
    /// 1 or 2 (GB/T 2261.1).
    Sex,
    /// Class codes without separators, e.g. `A2D`.
    Classes,
    /// Status letters without separators, e.g. `SH`.
    StatusLetters,
    /// 0 or 1.
    Flag,
    /// One of these.
    Table(BTreeMap<String, String>),
}

/// How a validity without an end is written.
const LONG_TERM: &str = "长期";

impl Convert {
    /// The conversion with this name; none where there is no such.
    pub(super) fn named(name: &str) -> Option<Self> {
        let form = |form: &str| {
            let plain = form.contains("%Y") && form.contains("%m") && form.contains("%d");
            plain.then(|| form.to_owned())
        };
        if let Some(rest) = name.strip_prefix("date:") {
            return form(rest).map(Self::Date);
        }
        if let Some(rest) = name.strip_prefix("long-term:") {
            return form(rest).map(Self::LongTerm);
        }
        match name {
            "text" => Some(Self::Text),
            "integer" => Some(Self::Integer),
            "sex" => Some(Self::Sex),
            "classes" => Some(Self::Classes),
            "status-letters" => Some(Self::StatusLetters),
            "flag" => Some(Self::Flag),
            _ => None,
        }
    }

    pub(super) fn read(&self, text: &str) -> Result<Value, Problem> {
        match self {
            Self::Text => Ok(text.into()),
            Self::Integer => integer(text),
            Self::LongTerm(_) if text == LONG_TERM => Ok("long-term".into()),
            Self::Date(form) | Self::LongTerm(form) => date(form, text),
            Self::Sex => match text {
                "1" => Ok("male".into()),
                "2" => Ok("female".into()),
                _ => Err(SEX),
            },
            Self::Classes => classes(text),
            Self::StatusLetters => {
                let letters = text.chars().all(|letter| letter.is_ascii_uppercase());
                let list = || text.chars().map(|letter| Value::from(letter.to_string()));
                letters.then(|| list().collect()).ok_or(LETTERS)
            }
            Self::Flag => match text {
                "0" => Ok(false.into()),
                "1" => Ok(true.into()),
                _ => Err(FLAG),
            },
            Self::Table(table) => {
                let value = table.get(text).ok_or(TABLE)?;
                Ok(value.as_str().into())
            }
        }
    }
}

fn integer(text: &str) -> Result<Value, Problem> {
    let number: i64 = text.parse().map_err(|_no_number| INTEGER)?;
    // `+7` and `007` are other texts: one number has one spelling.
    if number.to_string() == text {
        Ok(Value::Number(Number::from(number)))
    } else {
        Err(INTEGER)
    }
}

fn date(form: &str, text: &str) -> Result<Value, Problem> {
    let date = Date::strptime(form, text).map_err(|_no_date| DATE)?;
    let again = date.strftime(form).to_string();
    // Reading is lenient about blanks and missing zeros; writing is not.
    if again == text {
        Ok(date.to_string().into())
    } else {
        Err(DATE)
    }
}

/// Letters, each with a digit behind it or not.
fn classes(text: &str) -> Result<Value, Problem> {
    let mut codes: Vec<String> = Vec::new();
    for character in text.chars() {
        if character.is_ascii_uppercase() {
            codes.push(character.to_string());
        } else {
            let last = codes.last_mut().filter(|code| code.len() == 1);
            let last = last.filter(|_| character.is_ascii_digit());
            last.ok_or(CLASSES)?.push(character);
        }
    }
    Ok(codes.into_iter().map(Value::from).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(convert: &str, text: &str) -> Result<Value, &'static str> {
        let convert = Convert::named(convert).unwrap();
        convert.read(text).map_err(|problem| problem.code)
    }

    #[test]
    fn cells_are_read_as_the_mapping_says() {
        for (convert, text, value) in [
            ("text", " 测试甲", json!(" 测试甲")),
            ("integer", "-3", json!(-3)),
            ("date:%Y%m%d", "20240229", json!("2024-02-29")),
            ("date:%d/%m/%Y", "01/02/2024", json!("2024-02-01")),
            ("long-term:%Y%m%d", "长期", json!("long-term")),
            ("long-term:%Y%m%d", "20310601", json!("2031-06-01")),
            ("sex", "2", json!("female")),
            ("classes", "A2D", json!(["A2", "D"])),
            ("classes", "C1DEX9", json!(["C1", "D", "E", "X9"])),
            ("status-letters", "SH", json!(["S", "H"])),
            ("flag", "1", json!(true)),
        ] {
            assert_eq!(read(convert, text), Ok(value), "{convert} {text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_and_not_put_right() {
        for (convert, text, code) in [
            ("integer", "7.0", "cell-integer"),
            ("integer", "+7", "cell-integer"),
            ("integer", "007", "cell-integer"),
            ("integer", " 7", "cell-integer"),
            ("date:%Y%m%d", "20230229", "cell-date"),
            ("date:%Y%m%d", "2024-02-29", "cell-date"),
            ("date:%Y%m%d", " 20240229", "cell-date"),
            ("date:%Y-%m-%d", "2024-2-9", "cell-date"),
            ("date:%Y%m%d", "长期", "cell-date"),
            ("sex", "0", "cell-sex"),
            ("sex", "男", "cell-sex"),
            ("classes", "a2", "cell-classes"),
            ("classes", "2A", "cell-classes"),
            ("classes", "A12", "cell-classes"),
            ("classes", "A2,D", "cell-classes"),
            ("status-letters", "A H", "cell-status-letters"),
            ("flag", "是", "cell-flag"),
        ] {
            assert_eq!(read(convert, text), Err(code), "{convert} {text}");
        }
    }

    #[test]
    fn a_conversion_has_a_name_that_is_known() {
        for name in ["", "number", "date", "date:", "date:%Y", "classes:x"] {
            assert_eq!(Convert::named(name), None, "{name}");
        }
    }
}
