//! The mapping file.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Deserialize;
use serde_json::Value;

use super::{
    cells::{Encoding, Format},
    convert::Convert,
};
use crate::failure::Failure;

/// The mapping that is built in, by its name on the command line.
const BUILT_IN: (&str, &str) = ("gat", include_str!("../../../mappings/gat.toml"));

/// Every field that a column may be mapped to. Lists of objects and photos are not in tables.
const FIELDS: [&str; 29] = [
    "subject",
    "licence_number",
    "file_number",
    "document_edition",
    "name",
    "sex",
    "nationality",
    "birth_date",
    "address",
    "contact.phone",
    "contact.verified_at",
    "first_issue_date",
    "classes",
    "valid_from",
    "valid_until",
    "issuing_authority.code",
    "issuing_authority.name",
    "status",
    "extension_until.N",
    "extension_until.P",
    "extension_until.T",
    "points",
    "points_cycle_start",
    "medical_due",
    "review_due",
    "withheld",
    "out_of_use",
    "hearing_aid",
    "version",
];
/// Those without which no record is one.
const REQUIRED: [&str; 12] = [
    "licence_number",
    "name",
    "sex",
    "birth_date",
    "classes",
    "valid_from",
    "valid_until",
    "first_issue_date",
    "issuing_authority.code",
    "issuing_authority.name",
    "status",
    "version",
];

/// Which column becomes which field, and how.
#[derive(Clone, Debug)]
pub struct Mapping {
    pub(super) format: Format,
    pub(super) encoding: Encoding,
    pub(super) fields: Vec<(String, Source)>,
}

/// Where a field comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Column { name: String, convert: Convert },
    Constant(Value),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: Format,
    #[serde(default)]
    encoding: Encoding,
    fields: BTreeMap<String, Field>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    column: Option<String>,
    convert: Option<String>,
    table: Option<BTreeMap<String, String>>,
    constant: Option<toml::Value>,
}

impl Mapping {
    /// Reads a mapping file, or the built-in one of that name.
    ///
    /// # Errors
    /// Every problem of the file.
    pub fn load(named: &Path) -> Result<Self, Failure> {
        let (name, text) = BUILT_IN;
        if named == Path::new(name) {
            return Self::parse(text, named);
        }
        let text = fs::read_to_string(named).map_err(|error| {
            Failure::new("file-unreadable", "无法读取文件", "The file cannot be read")
                .about(format!("{}: {error}", named.display()))
        })?;
        Self::parse(&text, named)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, Failure> {
        let invalid = |about: &str| {
            Failure::new(
                "mapping-invalid",
                "列映射文件有误",
                "The mapping has problems",
            )
            .about(format!("{}: {about}", path.display()))
        };
        let file: File = toml::from_str(text).map_err(|error| invalid(&error.to_string()))?;
        let mut problems = Vec::new();
        for field in REQUIRED {
            if !file.fields.contains_key(field) {
                problems.push(format!(
                    "{field}: a required field is not mapped (必填项未映射)"
                ));
            }
        }
        let mut fields = Vec::new();
        for (name, field) in file.fields {
            if !FIELDS.contains(&name.as_str()) {
                problems.push(format!("{name}: there is no such field (没有此字段)"));
            }
            match source(field) {
                Ok(source) => fields.push((name, source)),
                Err(what) => problems.push(format!("{name}: {what}")),
            }
        }
        if problems.is_empty() {
            Ok(Self {
                format: file.format,
                encoding: file.encoding,
                fields,
            })
        } else {
            Err(invalid(&problems.join("; ")))
        }
    }

    /// The columns that are needed, each once.
    pub(super) fn columns(&self) -> Vec<&str> {
        let named = self.fields.iter().filter_map(|(_, source)| match source {
            Source::Column { name, .. } => Some(name.as_str()),
            Source::Constant(_) => None,
        });
        let mut columns: Vec<&str> = named.collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }
}

fn source(field: Field) -> Result<Source, &'static str> {
    let Field {
        column,
        convert,
        table,
        constant,
    } = field;
    match (column, constant) {
        (Some(name), None) => {
            let convert = match (convert, table) {
                (None, None) => Convert::Text,
                (None, Some(table)) => Convert::Table(table),
                (Some(name), None) => {
                    Convert::named(&name).ok_or("there is no such conversion (没有此转换方式)")?
                }
                (Some(_), Some(_)) => {
                    return Err(
                        "convert and table exclude each other (convert 与 table 只能有一个)",
                    );
                }
            };
            Ok(Source::Column { name, convert })
        }
        (None, Some(constant)) if convert.is_none() && table.is_none() => {
            constant_value(&constant).map(Source::Constant)
        }
        _ => Err("either a column or a constant is named (应为 column 或 constant 之一)"),
    }
}

fn constant_value(value: &toml::Value) -> Result<Value, &'static str> {
    const OTHER: &str =
        "a constant is text, a whole number, true, false, or a list of texts (常量类型不正确)";
    match value {
        toml::Value::String(text) => Ok(text.as_str().into()),
        toml::Value::Integer(number) => Ok((*number).into()),
        toml::Value::Boolean(flag) => Ok((*flag).into()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
            texts.map(Value::from).ok_or(OTHER)
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => Err(OTHER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_mapping_is_one() {
        let mapping = Mapping::load(Path::new("gat")).unwrap();
        assert_eq!(mapping.encoding, Encoding::Gb18030);
        assert!(mapping.columns().contains(&"SFZMHM"));
    }

    #[test]
    fn every_problem_of_a_mapping_is_named() {
        let (_, good) = BUILT_IN;
        for (from, to, named) in [
            ("format = \"csv\"", "format = \"xls\"", "xls"),
            ("encoding =", "encodin =", "encodin"),
            ("name = { column = \"XM\" }", "", "name: a required field"),
            (
                "nationality =",
                "nation =",
                "nation: there is no such field",
            ),
            (
                "\"classes\" }",
                "\"class\" }",
                "classes: there is no such conversion",
            ),
            ("{ column = \"DZ\" }", "{ colum = \"DZ\" }", "colum"),
            (
                "{ column = \"DZ\" }",
                "{ }",
                "address: either a column or a constant",
            ),
            (
                "{ column = \"DZ\" }",
                "{ column = \"DZ\", constant = \"x\" }",
                "address: either a column or a constant",
            ),
            (
                "{ column = \"DZ\" }",
                "{ column = \"DZ\", convert = \"text\", table = { a = \"b\" } }",
                "address: convert and table",
            ),
            (
                "{ column = \"DZ\" }",
                "{ constant = 1.5 }",
                "address: a constant is",
            ),
        ] {
            assert!(good.contains(from), "{from}");
            let text = good.replacen(from, to, 1);
            let failure = Mapping::parse(&text, Path::new("m"))
                .unwrap_err()
                .to_string();
            assert!(failure.contains(named), "{named}: {failure}");
        }
    }
}
