//! The file of a table in a backup: its columns, then its rows.
//!
//! `JZT1`, the number of columns (2 bytes), of each its name (2 bytes of length) and its type (1
//! byte). Each row has of each column one byte, 0 for NULL or 1, and then the value: a number as 8
//! bytes, a text or bytes after their length (4 bytes). Numbers are big endian.

use std::io::{self, Read, Write};

use sqlx::{
    Any, Row as _,
    any::{AnyArguments, AnyRow},
    query::Query,
};

use crate::{
    StoreError,
    schema::{ColumnType, Table},
};

const MAGIC: &[u8; 4] = b"JZT1";
/// Bytes of one value that are read. Nothing written here comes near it.
const MAX_VALUE: u32 = 64 << 20;

/// A value of one of the three types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

impl Value {
    pub(super) fn of(row: &AnyRow, index: usize, kind: ColumnType) -> Result<Self, StoreError> {
        Ok(match kind {
            ColumnType::Int => Self::Int(row.try_get(index)?),
            ColumnType::Text => Self::Text(row.try_get(index)?),
            ColumnType::Bytes => Self::Bytes(row.try_get(index)?),
        })
    }

    pub(super) fn bind(self, query: Query<'_, Any, AnyArguments>) -> Query<'_, Any, AnyArguments> {
        match self {
            Self::Int(value) => query.bind(value),
            Self::Text(value) => query.bind(value),
            Self::Bytes(value) => query.bind(value),
        }
    }

    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Int(Some(value)) => {
                out.write_all(&[1])?;
                out.write_all(&value.to_be_bytes())
            }
            Self::Text(Some(value)) => write_bytes(out, value.as_bytes()),
            Self::Bytes(Some(value)) => write_bytes(out, value),
            Self::Int(None) | Self::Text(None) | Self::Bytes(None) => out.write_all(&[0]),
        }
    }

    fn read(input: &mut impl Read, kind: ColumnType) -> io::Result<Self> {
        let there = match u8::from_be_bytes(array(input)?) {
            0 => false,
            1 => true,
            _ => return Err(damaged("a value is neither there nor NULL")),
        };
        Ok(match kind {
            ColumnType::Int => {
                let value = there.then(|| array(input).map(i64::from_be_bytes));
                Self::Int(value.transpose()?)
            }
            ColumnType::Text => {
                let value = there.then(|| bytes(input).and_then(text));
                Self::Text(value.transpose()?)
            }
            ColumnType::Bytes => Self::Bytes(there.then(|| bytes(input)).transpose()?),
        })
    }
}

pub(super) fn write_head(out: &mut impl Write, table: &Table) -> io::Result<()> {
    out.write_all(MAGIC)?;
    out.write_all(&short(table.columns.len())?)?;
    for (name, kind) in &table.columns {
        out.write_all(&short(name.len())?)?;
        out.write_all(name.as_bytes())?;
        out.write_all(&[match kind {
            ColumnType::Int => b'i',
            ColumnType::Text => b't',
            ColumnType::Bytes => b'b',
        }])?;
    }
    Ok(())
}

/// Reads the rows of a file one after another.
#[derive(Debug)]
pub(super) struct Rows<R> {
    input: R,
    pub(super) columns: Vec<(String, ColumnType)>,
}

impl<R: Read> Rows<R> {
    pub(super) fn open(mut input: R) -> io::Result<Self> {
        if array(&mut input)? != *MAGIC {
            return Err(damaged("is no table of a backup"));
        }
        let count = u16::from_be_bytes(array(&mut input)?);
        let mut columns = Vec::new();
        for _ in 0..count {
            let length = u16::from_be_bytes(array(&mut input)?);
            let name = text(exactly(&mut input, u32::from(length))?)?;
            let kind = match array(&mut input)? {
                [b'i'] => ColumnType::Int,
                [b't'] => ColumnType::Text,
                [b'b'] => ColumnType::Bytes,
                _ => return Err(damaged("a column has no known type")),
            };
            columns.push((name, kind));
        }
        Ok(Self { input, columns })
    }

    /// The next row; none at the end of the file.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<Value>>> {
        let mut first = [0_u8; 1];
        if self.input.read(&mut first)? == 0 {
            return Ok(None);
        }
        let mut input = first.as_slice().chain(&mut self.input);
        let row = self
            .columns
            .iter()
            .map(|(_, kind)| Value::read(&mut input, *kind));
        row.collect::<io::Result<_>>().map(Some)
    }

    /// Where the column `name` stands.
    pub(super) fn index(&self, name: &str) -> io::Result<usize> {
        let mut names = self.columns.iter();
        names
            .position(|(column, _)| column == name)
            .ok_or_else(|| damaged("lacks a column"))
    }
}

fn write_bytes(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_too_long| damaged("a value is too long"))?;
    out.write_all(&[1])?;
    out.write_all(&length.to_be_bytes())?;
    out.write_all(bytes)
}

fn short(number: usize) -> io::Result<[u8; 2]> {
    u16::try_from(number)
        .map(u16::to_be_bytes)
        .map_err(|_too_long| damaged("a name is too long"))
}

fn array<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn bytes(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let length = u32::from_be_bytes(array(input)?);
    if length > MAX_VALUE {
        return Err(damaged("a value is too long"));
    }
    exactly(input, length)
}

/// A length that lies does not make room for more than there is.
fn exactly(input: &mut impl Read, length: u32) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(u64::from(length)).read_to_end(&mut bytes)?;
    if u32::try_from(bytes.len()) == Ok(length) {
        Ok(bytes)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_not_text| damaged("a text is none"))
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table() -> Table {
        let column = |name: &str, kind| (name.to_owned(), kind);
        Table {
            name: "t".to_owned(),
            columns: vec![
                column("a", ColumnType::Int),
                column("b", ColumnType::Text),
                column("c", ColumnType::Bytes),
            ],
        }
    }

    fn file(rows: &[Vec<Value>]) -> Vec<u8> {
        let mut out = Vec::new();
        write_head(&mut out, &table()).unwrap();
        for value in rows.iter().flatten() {
            value.write(&mut out).unwrap();
        }
        out
    }

    fn read(bytes: &[u8]) -> io::Result<Vec<Vec<Value>>> {
        let mut rows = Rows::open(bytes)?;
        assert_eq!(rows.columns, table().columns);
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push(row);
        }
        Ok(all)
    }

    fn row() -> impl Strategy<Value = Vec<Value>> {
        let (int, text, bytes) = (
            any::<Option<i64>>(),
            any::<Option<String>>(),
            any::<Option<Vec<u8>>>(),
        );
        (int, text, bytes)
            .prop_map(|(a, b, c)| vec![Value::Int(a), Value::Text(b), Value::Bytes(c)])
    }

    proptest! {
        #[test]
        fn rows_come_back_as_written(rows in prop::collection::vec(row(), 0..5)) {
            prop_assert_eq!(read(&file(&rows)).unwrap(), rows);
        }

        #[test]
        fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut whole = file(&[]);
            whole.extend_from_slice(&bytes);
            for input in [&bytes, &whole] {
                if let Ok(mut rows) = Rows::open(input.as_slice()) {
                    while let Ok(Some(_)) = rows.next() {}
                }
            }
        }
    }

    #[test]
    fn a_file_cut_within_a_row_is_damaged() {
        let whole = file(&[vec![
            Value::Int(Some(7)),
            Value::Text(None),
            Value::Bytes(Some(vec![1, 2])),
        ]]);
        let empty = file(&[]).len();
        for end in empty + 1..whole.len() {
            assert!(read(&whole[..end]).is_err(), "{end}");
        }
        assert_eq!(read(&whole[..empty]).unwrap(), Vec::<Vec<Value>>::new());
    }
}
