//! Rows taken apart into cells.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use encoding_rs::GB18030;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::Value;

use super::convert::{CELLS, ENCODING, NESTED, NO_COLUMN, NOT_JSON, Problem};

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// Separated by commas, in quotes where needed (RFC 4180), with a header.
    Csv,
    /// Separated by tabs, with a header.
    Tsv,
    /// One JSON object a line.
    Ndjson,
}

/// How text is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) enum Encoding {
    /// UTF-8.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// GB 18030, of which GBK and GB 2312 are parts.
    #[serde(rename = "gb18030")]
    Gb18030,
}

/// The cells of a row.
pub(super) enum Cells<'r> {
    Listed(Vec<Cow<'r, [u8]>>),
    Named(BTreeMap<String, Value>),
}

/// Where the columns are that the mapping names.
#[derive(Debug)]
pub(super) struct Header {
    places: BTreeMap<String, usize>,
    pub(super) width: usize,
}

impl Format {
    pub(super) fn has_header(self) -> bool {
        match self {
            Self::Csv | Self::Tsv => true,
            Self::Ndjson => false,
        }
    }

    /// Whether a row ends where the line does: within quotes a line break is part of a cell.
    pub(super) fn ends(self, row: &[u8]) -> bool {
        match self {
            Self::Csv => row.iter().fold(true, |even, byte| even != (*byte == b'"')),
            Self::Tsv | Self::Ndjson => true,
        }
    }

    pub(super) fn cells(self, row: &[u8]) -> Result<Cells<'_>, Problem> {
        let row = row.strip_suffix(b"\r").unwrap_or(row);
        match self {
            Self::Csv => quoted(row).map(Cells::Listed),
            Self::Tsv => {
                let cells = row.split(|byte| *byte == b'\t').map(Cow::Borrowed);
                Ok(Cells::Listed(cells.collect()))
            }
            Self::Ndjson => {
                let Once(cells) = serde_json::from_slice(row).map_err(|_other| NOT_JSON)?;
                Ok(Cells::Named(cells))
            }
        }
    }
}

impl Encoding {
    /// Separators and quotes are never part of a longer character in either encoding, so that rows
    /// can be taken apart before they are decoded.
    pub(super) fn text(self, cell: Cow<'_, [u8]>) -> Result<Cow<'_, str>, Problem> {
        let decoded = match (self, cell) {
            (Self::Utf8, Cow::Borrowed(bytes)) => std::str::from_utf8(bytes).ok().map(Cow::from),
            (Self::Utf8, Cow::Owned(bytes)) => String::from_utf8(bytes).ok().map(Cow::from),
            (Self::Gb18030, cell) => GB18030
                .decode_without_bom_handling_and_without_replacement(&cell)
                .map(|text| Cow::Owned(text.into_owned())),
        };
        decoded.ok_or(ENCODING)
    }
}

impl Cells<'_> {
    /// How many there are, where they have an order.
    pub(super) fn listed(&self) -> Option<usize> {
        match self {
            Self::Listed(cells) => Some(cells.len()),
            Self::Named(_) => None,
        }
    }

    /// The cell of a column, as bytes of the file's encoding; JSON is UTF-8 by itself.
    pub(super) fn of(
        &self,
        column: &str,
        header: Option<&Header>,
    ) -> Result<Cow<'_, [u8]>, Problem> {
        match self {
            Self::Listed(cells) => {
                let place = header.and_then(|header| header.places.get(column));
                let cell = place.and_then(|place| cells.get(*place));
                cell.map(|cell| Cow::Borrowed(&**cell)).ok_or(NO_COLUMN)
            }
            Self::Named(cells) => match cells.get(column).ok_or(NO_COLUMN)? {
                Value::Null => Ok(Cow::Borrowed(b"")),
                Value::String(text) => Ok(Cow::Borrowed(text.as_bytes())),
                Value::Number(number) => Ok(Cow::Owned(number.to_string().into_bytes())),
                Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(NESTED),
            },
        }
    }
}

impl Header {
    /// # Errors
    /// The first of `columns` that is not there, or is there twice.
    pub(super) fn of(
        row: &Cells<'_>,
        encoding: Encoding,
        columns: &[&str],
    ) -> Result<Self, String> {
        let Cells::Listed(cells) = row else {
            return Err("-".to_owned());
        };
        let names: Vec<_> = cells
            .iter()
            .enumerate()
            .map(|(place, cell)| {
                // Excel begins a file in UTF-8 so.
                let cell = match place {
                    0 => cell.strip_prefix(b"\xef\xbb\xbf").unwrap_or(cell),
                    _ => cell,
                };
                encoding.text(Cow::Borrowed(cell)).unwrap_or_default()
            })
            .collect();
        let mut places = BTreeMap::new();
        for column in columns {
            let mut found = (0..).zip(&names).filter(|(_, name)| *name == column);
            match (found.next(), found.next()) {
                (Some((place, _)), None) => places.insert((*column).to_owned(), place),
                _ => return Err((*column).to_owned()),
            };
        }
        Ok(Self {
            places,
            width: cells.len(),
        })
    }
}

/// Cells separated by commas. A quoted cell is quoted as a whole, and `""` in it is a quote.
fn quoted(row: &[u8]) -> Result<Vec<Cow<'_, [u8]>>, Problem> {
    let mut cells = Vec::new();
    let mut rest = row;
    loop {
        let (cell, after) = if let Some(rest) = rest.strip_prefix(b"\"") {
            in_quotes(rest)?
        } else {
            bare(rest)?
        };
        cells.push(cell);
        match after.split_first() {
            None => return Ok(cells),
            Some((b',', next)) => rest = next,
            Some(_) => return Err(CELLS),
        }
    }
}

/// A cell without quotes, and what follows it.
fn bare(rest: &[u8]) -> Result<(Cow<'_, [u8]>, &[u8]), Problem> {
    let end = rest.iter().position(|byte| *byte == b',');
    let (cell, after) = rest
        .split_at_checked(end.unwrap_or(rest.len()))
        .ok_or(CELLS)?;
    if cell.contains(&b'"') {
        return Err(CELLS);
    }
    Ok((Cow::Borrowed(cell), after))
}

/// A cell behind its first quote, and what follows its last.
fn in_quotes(mut rest: &[u8]) -> Result<(Cow<'_, [u8]>, &[u8]), Problem> {
    let mut cell = Vec::new();
    loop {
        let end = rest.iter().position(|byte| *byte == b'"').ok_or(CELLS)?;
        let (part, after) = rest.split_at_checked(end).ok_or(CELLS)?;
        cell.extend_from_slice(part);
        let (_, after) = after.split_first().ok_or(CELLS)?;
        match after.strip_prefix(b"\"") {
            Some(next) => {
                cell.push(b'"');
                rest = next;
            }
            None => return Ok((Cow::Owned(cell), after)),
        }
    }
}

/// A JSON object in which no key stands twice.
struct Once(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Once;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Once, A::Error> {
                let mut cells = BTreeMap::new();
                while let Some((key, value)) = map.next_entry()? {
                    if cells.insert(key, value).is_some() {
                        return Err(A::Error::custom("a key stands there twice"));
                    }
                }
                Ok(Once(cells))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(row: &str) -> Option<Vec<String>> {
        let Ok(Cells::Listed(cells)) = Format::Csv.cells(row.as_bytes()) else {
            return None;
        };
        let text = |cell: &Cow<'_, [u8]>| String::from_utf8(cell.to_vec()).unwrap();
        Some(cells.iter().map(text).collect())
    }

    #[test]
    fn rows_are_taken_apart_as_they_were_put_together() {
        let list = |cells: &[&str]| Some(cells.iter().map(|&cell| cell.to_owned()).collect());
        assert_eq!(cells("a,b,c\r"), list(&["a", "b", "c"]));
        assert_eq!(cells("a,,"), list(&["a", "", ""]));
        assert_eq!(cells(""), list(&[""]));
        assert_eq!(
            cells(r#""a,b","say ""x""",c"#),
            list(&["a,b", "say \"x\"", "c"])
        );
        assert_eq!(cells("\"two\nlines\",b"), list(&["two\nlines", "b"]));
        for malformed in [r#"a"b"#, r#""a"b"#, r#""a"#, r#"a,"b" ,c"#] {
            assert_eq!(cells(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn gb18030_is_decoded_strictly() {
        let text = |bytes: &[u8]| Encoding::Gb18030.text(Cow::Owned(bytes.to_vec()));
        let (bytes, ..) = GB18030.encode("测试甲𠀀");
        assert_eq!(text(&bytes).unwrap(), "测试甲𠀀");
        assert_eq!(text(b"\xb2"), Err(ENCODING));
        assert_eq!(
            Encoding::Utf8.text(Cow::Borrowed(b"\xb2\xe2")),
            Err(ENCODING)
        );
    }

    #[test]
    fn a_key_that_stands_twice_is_refused() {
        assert!(Format::Ndjson.cells(br#"{"a":1,"b":null}"#).is_ok());
        for row in [r#"{"a":1,"a":2}"#, "[]", "{", ""] {
            assert!(Format::Ndjson.cells(row.as_bytes()).is_err(), "{row}");
        }
    }
}
