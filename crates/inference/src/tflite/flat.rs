//! `FlatBuffers`: tables whose fields are found through a table of offsets. Every offset is
//! checked against the file; nothing is followed further than four levels deep, so that a file
//! cannot send the reader in circles.

use crate::form::ModelError;

/// A table at a place of the file.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    file: &'a [u8],
    at: usize,
}

/// A vector of tables.
#[derive(Clone, Copy)]
pub(super) struct Tables<'a> {
    file: &'a [u8],
    /// Where its first offset lies.
    first: usize,
    length: usize,
}

pub(super) fn root(file: &[u8]) -> Result<Table<'_>, ModelError> {
    let at = follow(file, 0)?;
    Ok(Table { file, at })
}

impl<'a> Table<'a> {
    /// Where a field lies, if it is there.
    fn field(&self, number: usize) -> Result<Option<usize>, ModelError> {
        let back = i32::from_le_bytes(take(self.file, self.at)?);
        let at = i64::try_from(self.at).map_err(|_large| broken())?;
        let list = usize::try_from(at - i64::from(back)).map_err(|_negative| broken())?;
        let length = usize::from(u16::from_le_bytes(take(self.file, list)?));
        let place = 4 + number * 2;
        if place + 2 > length {
            return Ok(None);
        }
        let offset = usize::from(u16::from_le_bytes(take(self.file, list + place)?));
        Ok((offset != 0).then(|| self.at + offset))
    }

    pub(super) fn byte(&self, number: usize, absent: u8) -> Result<u8, ModelError> {
        match self.field(number)? {
            Some(at) => take::<1>(self.file, at).map(|[it]| it),
            None => Ok(absent),
        }
    }

    pub(super) fn unsigned(&self, number: usize, absent: u32) -> Result<u32, ModelError> {
        match self.field(number)? {
            Some(at) => take(self.file, at).map(u32::from_le_bytes),
            None => Ok(absent),
        }
    }

    /// A table that the field points to.
    pub(super) fn table(&self, number: usize) -> Result<Option<Self>, ModelError> {
        let Some(at) = self.field(number)? else {
            return Ok(None);
        };
        let at = follow(self.file, at)?;
        Ok(Some(Table {
            file: self.file,
            at,
        }))
    }

    pub(super) fn tables(&self, number: usize) -> Result<Tables<'a>, ModelError> {
        let (first, length) = self.vector(number, 4)?;
        Ok(Tables {
            file: self.file,
            first,
            length,
        })
    }

    pub(super) fn numbers(&self, number: usize) -> Result<Vec<i32>, ModelError> {
        let (first, length) = self.vector(number, 4)?;
        let bytes = self.file.get(first..first + length * 4).unwrap_or_default();
        let (numbers, _) = bytes.as_chunks();
        Ok(numbers.iter().map(|it| i32::from_le_bytes(*it)).collect())
    }

    /// Bytes, or the bytes of a text.
    pub(super) fn bytes(&self, number: usize) -> Result<&'a [u8], ModelError> {
        let (first, length) = self.vector(number, 1)?;
        Ok(self.file.get(first..first + length).unwrap_or_default())
    }

    /// Where the elements begin and how many there are; that many lie in the file.
    fn vector(&self, number: usize, width: usize) -> Result<(usize, usize), ModelError> {
        let Some(at) = self.field(number)? else {
            return Ok((0, 0));
        };
        let at = follow(self.file, at)?;
        let length = usize::try_from(u32::from_le_bytes(take(self.file, at)?));
        let length = length.map_err(|_large| broken())?;
        let first = at + 4;
        let end = length
            .checked_mul(width)
            .and_then(|it| it.checked_add(first));
        match end {
            Some(end) if end <= self.file.len() => Ok((first, length)),
            Some(_) | None => Err(broken()),
        }
    }
}

impl<'a> Tables<'a> {
    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn get(&self, number: usize) -> Result<Table<'a>, ModelError> {
        if number >= self.length {
            return Err(broken());
        }
        let at = follow(self.file, self.first + number * 4)?;
        Ok(Table {
            file: self.file,
            at,
        })
    }
}

/// Where the offset at `at` points to.
fn follow(file: &[u8], at: usize) -> Result<usize, ModelError> {
    let offset = usize::try_from(u32::from_le_bytes(take(file, at)?));
    let place = offset.ok().and_then(|offset| at.checked_add(offset));
    place.filter(|it| *it < file.len()).ok_or_else(broken)
}

fn take<const N: usize>(file: &[u8], at: usize) -> Result<[u8; N], ModelError> {
    let bytes = file.get(at..).and_then(|rest| rest.first_chunk());
    bytes.copied().ok_or_else(broken)
}

fn broken() -> ModelError {
    ModelError::Malformed("an offset that leads out of the file".to_owned())
}
