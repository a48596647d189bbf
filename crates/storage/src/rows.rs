//! Rows are parsed, not trusted: small readers that name the column that does not fit.

use jiff::Timestamp;
use sqlx::{Any, Decode, Row, Type, any::AnyRow};

use crate::{Partition, StoreError};

/// A row of one table.
pub(crate) struct Columns<'r> {
    pub(crate) table: &'static str,
    pub(crate) row: &'r AnyRow,
}

impl Columns<'_> {
    pub(crate) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.get(column)
    }

    pub(crate) fn opt_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        self.get(column)
    }

    pub(crate) fn int(&self, column: &'static str) -> Result<i64, StoreError> {
        self.get(column)
    }

    pub(crate) fn bytes(&self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        self.get(column)
    }

    pub(crate) fn opt_bytes(&self, column: &'static str) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(column)
    }

    pub(crate) fn number(&self, column: &'static str) -> Result<u64, StoreError> {
        u64::try_from(self.int(column)?).map_err(|_negative| self.odd(column, "negative"))
    }

    pub(crate) fn opt_number(&self, column: &'static str) -> Result<Option<u64>, StoreError> {
        let value: Option<i64> = self.get(column)?;
        value
            .map(|value| u64::try_from(value).map_err(|_negative| self.odd(column, "negative")))
            .transpose()
    }

    pub(crate) fn instant(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        self.to_instant(column, self.int(column)?)
    }

    pub(crate) fn opt_instant(
        &self,
        column: &'static str,
    ) -> Result<Option<Timestamp>, StoreError> {
        let value: Option<i64> = self.get(column)?;
        value.map(|v| self.to_instant(column, v)).transpose()
    }

    /// A value of another type (or NULL) is no fault of the connection.
    fn get<'r, T>(&'r self, column: &'static str) -> Result<T, StoreError>
    where
        T: Decode<'r, Any> + Type<Any>,
    {
        self.row
            .try_get(column)
            .map_err(|_other_type| self.odd(column, "has another type"))
    }

    fn to_instant(&self, column: &'static str, value: i64) -> Result<Timestamp, StoreError> {
        Timestamp::from_microsecond(value)
            .map_err(|_out_of_range| self.odd(column, "not an instant"))
    }

    pub(crate) fn partition(&self) -> Result<Partition, StoreError> {
        Partition::from_number(self.int("partition")?)
            .ok_or_else(|| self.odd("partition", "out of range"))
    }

    /// Parses a text column by the rule of its type.
    pub(crate) fn parsed<T, E>(
        &self,
        column: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, StoreError> {
        parse(&self.text(column)?).map_err(|_refused| self.odd(column, "does not follow its rule"))
    }

    /// Reads a text column whose values have stable names.
    pub(crate) fn named<T>(
        &self,
        column: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, StoreError> {
        parse(&self.text(column)?).ok_or_else(|| self.odd(column, "is not a known name"))
    }

    pub(crate) fn opt_parsed<T, E>(
        &self,
        column: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, StoreError> {
        self.opt_text(column)?
            .map(|text| {
                parse(&text).map_err(|_refused| self.odd(column, "does not follow its rule"))
            })
            .transpose()
    }

    pub(crate) fn odd(&self, column: &'static str, what: &'static str) -> StoreError {
        StoreError::Inconsistent {
            table: self.table,
            column,
            row: self.identifier(),
            what,
        }
    }

    /// The row's identifier, where the statement selected one. What does not look like an
    /// identifier is left out: somebody may have written anything there.
    fn identifier(&self) -> Option<String> {
        [
            "id",
            "application_id",
            "photo_id",
            "credential_id",
            "key_id",
        ]
        .into_iter()
        .find_map(|column| self.row.try_get::<String, _>(column).ok())
        .filter(|id| id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
    }
}

/// Rows of one statement that writes or reads many. SQLite looks the name of each parameter up
/// among all of the statement's, so that a statement costs the square of its parameters; past a
/// dozen of rows there is nothing left to be saved on statements.
const ROWS_AT_ONCE: usize = 16;

/// Cuts `items` into parts for one statement each. What is left at the end is cut into powers of
/// two, so that the texts of a statement are few and stay prepared.
pub(crate) fn parts<T>(mut items: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let most = items.len().min(ROWS_AT_ONCE);
        let size = 1_usize << most.checked_ilog2()?;
        let (part, rest) = items.split_at_checked(size)?;
        items = rest;
        Some(part)
    })
}

/// `form` so many times, separated by commas, each `?` in it numbered on after `before` others:
/// what is the same in all rows has a number of its own there, `$1`.
pub(crate) fn tuples(rows: usize, form: &str, before: usize) -> String {
    let mut text = String::with_capacity(rows.saturating_mul(form.len().saturating_mul(3)));
    let mut next = before;
    for row in 0..rows {
        if row > 0 {
            text.push_str(", ");
        }
        for piece in form.split_inclusive('?') {
            match piece.strip_suffix('?') {
                Some(plain) => {
                    next = next.saturating_add(1);
                    text.push_str(plain);
                    text.push('$');
                    text.push_str(&next.to_string());
                }
                None => text.push_str(piece),
            }
        }
    }
    text
}

/// `$1, $2, ...` placeholders for `rows` rows of `columns` columns, after `before` others.
pub(crate) fn placeholders(rows: usize, columns: usize, before: usize) -> String {
    let form = format!("({})", vec!["?"; columns].join(", "));
    tuples(rows, &form, before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_everything_once_and_end_in_powers_of_two() {
        let sizes = |length: usize| -> Vec<usize> {
            let items: Vec<usize> = (0..length).collect();
            let all: Vec<usize> = parts(&items).flatten().copied().collect();
            assert_eq!(all, items);
            parts(&items).map(<[usize]>::len).collect()
        };
        assert!(sizes(0).is_empty());
        assert_eq!(sizes(1), [1]);
        assert_eq!(sizes(77), [16, 16, 16, 16, 8, 4, 1]);
        assert_eq!(sizes(64), [16, 16, 16, 16]);
    }

    #[test]
    fn tuples_number_what_differs_and_share_the_rest() {
        assert_eq!(
            tuples(2, "(?, 1, ?, $1)", 1),
            "($2, 1, $3, $1), ($4, 1, $5, $1)"
        );
        assert_eq!(placeholders(2, 2, 0), "($1, $2), ($3, $4)");
        assert_eq!(placeholders(1, 3, 1), "($2, $3, $4)");
    }
}
