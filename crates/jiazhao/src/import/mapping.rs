//! Registry exports with columns of their own, read as registry records by a mapping.
//!
//! A mapping names the column of each field and how its cells are read. It repairs nothing: a cell
//! that cannot be converted rejects its row by line, column and reason, and everything else is
//! judged by the same rules as any record.

mod cells;
mod convert;
mod plan;

use std::{
    collections::VecDeque,
    fmt,
    io::{self, BufRead, Read},
};

use serde_json::{Map, Value};

use super::report::{RejectedField, RejectedRecord};
use crate::{
    failure::Failure,
    lines::{BoundedLines, Line},
};
use cells::{Cells, Encoding, Header};
pub(super) use convert::Problem;
pub use plan::Mapping;
use plan::Source;

/// Longest row, in bytes; photos are not in such exports.
const MAX_ROW: usize = 1 << 20;
/// Most line breaks within the quotes of a row.
const MAX_LINES: usize = 16;

/// Rows of an export, read as registry records, one a line. Line numbers stay those of the file:
/// the header, a row that was rejected, and lines within a quoted cell are blank lines.
pub struct MappedRows<R, F> {
    lines: BoundedLines<R>,
    mapping: Mapping,
    header: Option<Header>,
    /// Lines that were taken for part of a row and are none.
    again: VecDeque<Line>,
    rejected: F,
    /// Lines read so far.
    line: u64,
    ready: Vec<u8>,
    taken: usize,
}

/// A row and how many lines it has.
struct Row {
    bytes: Result<Vec<u8>, Problem>,
    lines: u64,
}

impl<R: BufRead, F: FnMut(RejectedRecord) -> io::Result<()>> MappedRows<R, F> {
    /// Reads the header, where the format has one.
    ///
    /// # Errors
    /// When the file cannot be read, or a column that the mapping names is not there, or is twice.
    pub fn open(input: R, mapping: Mapping, rejected: F) -> Result<Self, Failure> {
        let mut rows = Self {
            lines: BoundedLines::new(input, MAX_ROW),
            mapping,
            header: None,
            again: VecDeque::new(),
            rejected,
            line: 0,
            ready: Vec::new(),
            taken: 0,
        };
        if rows.mapping.format.has_header()
            && let Some(Row { bytes, lines }) = rows.row()?
        {
            let mapping = &rows.mapping;
            let header = bytes.and_then(|row| {
                let cells = mapping.format.cells(&row)?;
                Ok(Header::of(&cells, mapping.encoding, &mapping.columns()))
            });
            let header = header.unwrap_or_else(|_malformed| Err("-".to_owned()));
            rows.header = Some(header.map_err(|column| missing(&column))?);
            rows.end(lines);
        }
        Ok(rows)
    }

    /// The next row, none at the end. A quote that does not end costs its own line only: the lines
    /// behind it are read again.
    fn row(&mut self) -> io::Result<Option<Row>> {
        let Some(first) = self.next_line()? else {
            return Ok(None);
        };
        self.line = first.number;
        let mut row = first.bytes;
        let mut behind = Vec::new();
        while !self.mapping.format.ends(&row) && row.len() <= MAX_ROW && behind.len() < MAX_LINES {
            let Some(next) = self.next_line()? else {
                break;
            };
            row.push(b'\n');
            row.extend_from_slice(&next.bytes);
            behind.push(next);
        }
        if row.len() <= MAX_ROW && self.mapping.format.ends(&row) {
            let lines = u64::try_from(behind.len()).map_or(1, |more| more.saturating_add(1));
            return Ok(Some(Row {
                bytes: Ok(row),
                lines,
            }));
        }
        for line in behind.into_iter().rev() {
            self.again.push_front(line);
        }
        Ok(Some(Row {
            bytes: Err(convert::UNENDED),
            lines: 1,
        }))
    }

    fn next_line(&mut self) -> io::Result<Option<Line>> {
        match self.again.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.lines.next(),
        }
    }

    /// Ends what was made of a row of so many lines.
    fn end(&mut self, lines: u64) {
        for _ in 0..lines {
            self.ready.push(b'\n');
        }
    }

    /// Makes the next row ready; answers whether there was one.
    fn fill(&mut self) -> io::Result<bool> {
        self.ready.clear();
        self.taken = 0;
        let Some(Row { bytes, lines }) = self.row()? else {
            return Ok(false);
        };
        let record = match bytes {
            Err(problem) => Err(vec![RejectedField::mapped("line", problem)]),
            Ok(row) if row.iter().all(u8::is_ascii_whitespace) => Ok(None),
            Ok(row) => self.record(&row).map(Some),
        };
        match record {
            Ok(None) => {}
            Ok(Some(record)) => serde_json::to_writer(&mut self.ready, &record)?,
            Err(reasons) => (self.rejected)(RejectedRecord {
                line: self.line,
                reasons,
            })?,
        }
        self.end(lines);
        Ok(true)
    }

    fn record(&self, row: &[u8]) -> Result<Value, Vec<RejectedField>> {
        let whole = |problem| vec![RejectedField::mapped("line", problem)];
        let cells = self.mapping.format.cells(row).map_err(whole)?;
        let width = self.header.as_ref().map(|header| header.width);
        if cells.listed() != width {
            return Err(whole(convert::CELL_COUNT));
        }
        let mut record = Map::new();
        let mut problems = Vec::new();
        for (field, source) in &self.mapping.fields {
            match source {
                Source::Constant(value) => put(&mut record, field, value.clone()),
                Source::Column { name, convert } => {
                    let text = self.text(&cells, name);
                    // An empty cell says nothing: whether the field may be left out is for the
                    // rules of records to say.
                    let value = text.and_then(|text| match text.as_str() {
                        "" => Ok(None),
                        text => convert.read(text).map(Some),
                    });
                    match value {
                        Ok(Some(value)) => put(&mut record, field, value),
                        Ok(None) => {}
                        Err(problem) => {
                            let place = format!("{field} ({name})");
                            problems.push(RejectedField::mapped(&place, problem));
                        }
                    }
                }
            }
        }
        if problems.is_empty() {
            Ok(Value::Object(record))
        } else {
            Err(problems)
        }
    }

    fn text(&self, cells: &Cells<'_>, column: &str) -> Result<String, Problem> {
        let cell = cells.of(column, self.header.as_ref())?;
        let encoding = match cells {
            Cells::Listed(_) => self.mapping.encoding,
            // What was read as JSON is text already.
            Cells::Named(_) => Encoding::Utf8,
        };
        encoding.text(cell).map(std::borrow::Cow::into_owned)
    }
}

impl<R: BufRead, F: FnMut(RejectedRecord) -> io::Result<()>> Read for MappedRows<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken >= self.ready.len() {
            if !self.fill()? {
                return Ok(0);
            }
        }
        let mut rest = self.ready.get(self.taken..).unwrap_or_default();
        let read = rest.read(buffer)?;
        self.taken = self.taken.saturating_add(read);
        Ok(read)
    }
}

impl<R, F> fmt::Debug for MappedRows<R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MappedRows")
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

/// Puts a value at a field, which may lie within an object: `issuing_authority.code`.
fn put(record: &mut Map<String, Value>, field: &str, value: Value) {
    let Some((object, inner)) = field.split_once('.') else {
        record.insert(field.to_owned(), value);
        return;
    };
    let place = record
        .entry(object)
        .or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(map) = place {
        map.insert(inner.to_owned(), value);
    }
}

fn missing(column: &str) -> Failure {
    Failure::new(
        "mapping-column",
        "表头中缺少映射的列，或该列出现两次",
        "The header lacks a column of the mapping, or has it twice",
    )
    .about(column)
}
