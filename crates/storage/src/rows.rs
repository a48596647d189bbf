//! Rows are parsed, not trusted: small readers that name the column that does not fit.

use jiff::Timestamp;
use sqlx::{Any, Decode, Row, Type, any::AnyRow};

use crate::{Partition, StoreError, engine::RowsAtOnce};

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
            column: column_of(column),
            row: self.identifier(),
            what,
        }
    }

    /// The row's identifier, where the statement selected one: of several, the one of its table. What
    /// does not look like an identifier is left out: somebody may have written anything there.
    fn identifier(&self) -> Option<String> {
        let own = match self.table {
            "drivers" => "driver_id",
            "numeric_codes" => "code_e_licence",
            "credentials" | "credential_forms" => "credential_id",
            _ => "id",
        };
        [
            own,
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

/// The column that a statement over several tables names otherwise.
fn column_of(name: &'static str) -> &'static str {
    match name {
        "driver_id" => "id",
        "driver_status" => "status_value",
        "driver_photo" => "photo_id",
        "code_holder" => "holder_id",
        "code_e_licence" => "e_licence_id",
        "code_expires_at" => "expires_at",
        "credential_stage" => "stage",
        name => name,
    }
}

/// Rows of a statement whose text is the same for both engines.
const PART: usize = 16;

/// Cuts `items` into parts for one statement each, of sixteen rows at most. What is left at the end
/// is cut into powers of two, so that the texts of a statement are few and stay prepared.
pub(crate) fn parts<T>(mut items: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let (part, rest) = items.split_at_checked(power_of_two(items.len().min(PART))?)?;
        items = rest;
        Some(part)
    })
}

/// The greatest power of two that is no greater.
fn power_of_two(number: usize) -> Option<usize> {
    Some(1_usize << number.checked_ilog2()?)
}

/// Cuts `items` into sets for one statement each, as the engine takes them best.
pub(crate) fn sets<T>(mut items: &[T], at_once: RowsAtOnce) -> impl Iterator<Item = Set<'_, T>> {
    std::iter::from_fn(move || {
        let most = items.len().min(at_once.most);
        let power = power_of_two(most)?;
        let size = if at_once.padded { most } else { power };
        let (part, rest) = items.split_at_checked(size)?;
        items = rest;
        Some(whole(part, at_once))
    })
}

/// All of `items` for one statement, however many they are.
pub(crate) fn whole<T>(items: &[T], at_once: RowsAtOnce) -> Set<'_, T> {
    let most = items.len();
    let rows = if at_once.padded {
        most.next_power_of_two()
    } else {
        most
    };
    Set {
        items,
        rows,
        // Of one row or two there is no other number that makes as many.
        beyond: at_once.padded && rows > 2,
        numbered: at_once.numbered,
    }
}

/// Items of one statement. It may have rows beyond them, so that its texts are few: those repeat the
/// last item under no key, and what joins or adds by the key leaves them out.
pub(crate) struct Set<'a, T> {
    items: &'a [T],
    rows: usize,
    /// Whether a statement of so many rows may have some beyond its items.
    beyond: bool,
    numbered: bool,
}

impl<'a, T> Set<'a, T> {
    pub(crate) fn items(&self) -> &'a [T] {
        self.items
    }

    /// Each row with its first column, the key: nothing for a row beyond the items.
    pub(crate) fn keyed(
        &self,
        key: impl Fn(&T) -> i64,
    ) -> impl Iterator<Item = (Option<i64>, &'a T)> {
        let items = self.items.iter();
        let beyond = self.items.last().into_iter().cycle();
        let beyond = beyond.take(self.rows.saturating_sub(self.items.len()));
        items
            .map(move |item| (Some(key(item)), item))
            .chain(beyond.map(|item| (None, item)))
    }

    /// The rows as a list of `VALUES`, of which those beyond the items have no key. The statement has
    /// no other parameters: each `?` of `form` is one of its own.
    pub(crate) fn tuples(&self, form: &str) -> String {
        if self.numbered {
            return tuples(self.rows, form, 0);
        }
        let mut text = String::with_capacity(self.rows.saturating_mul(form.len() + 2));
        for row in 0..self.rows {
            text.push_str(if row > 0 { ", " } else { "" });
            text.push_str(form);
        }
        text
    }

    /// What follows the columns of an `INSERT`: the rows of the items.
    pub(crate) fn to_insert(&self, form: &str) -> String {
        let tuples = self.tuples(form);
        if self.beyond {
            format!("SELECT * FROM (VALUES {tuples}) n WHERE n.column1 IS NOT NULL")
        } else {
            format!("VALUES {tuples}")
        }
    }
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
    fn sets_of_a_server_are_filled_up_by_rows_without_a_key() {
        let many = RowsAtOnce {
            most: 8,
            padded: true,
            numbered: true,
        };
        let items: Vec<i64> = (0..13).collect();
        let found: Vec<_> = sets(&items, many)
            .map(|set| (set.items().len(), set.tuples("(?)").split(", ").count()))
            .collect();
        assert_eq!(found, [(8, 8), (5, 8)]);
        let Some(last) = sets(&items, many).nth(1) else {
            panic!("there are two sets");
        };
        let keys: Vec<_> = last.keyed(|item| *item).collect();
        assert_eq!(
            keys[4..],
            [(Some(12), &12), (None, &12), (None, &12), (None, &12)]
        );
        assert_eq!(
            sets(&items[..3], many).next().unwrap().to_insert("(?)"),
            "SELECT * FROM (VALUES ($1), ($2), ($3), ($4)) n WHERE n.column1 IS NOT NULL"
        );
        for rows in [1, 2] {
            let set = sets(&items[..rows], many).next().unwrap();
            assert_eq!(set.keyed(|item| *item).count(), rows);
            assert!(set.to_insert("(?)").starts_with("VALUES ($1)"));
        }
        assert_eq!(sets::<i64>(&[], many).count(), 0);
    }

    #[test]
    fn sets_of_the_embedded_engine_are_powers_of_two_without_numbers() {
        let few = RowsAtOnce {
            most: 4,
            padded: false,
            numbered: false,
        };
        let items: Vec<i64> = (0..7).collect();
        let texts: Vec<_> = sets(&items, few)
            .map(|set| set.to_insert("(?, 1, ?)"))
            .collect();
        assert_eq!(
            texts,
            [
                "VALUES (?, 1, ?), (?, 1, ?), (?, 1, ?), (?, 1, ?)",
                "VALUES (?, 1, ?), (?, 1, ?)",
                "VALUES (?, 1, ?)"
            ]
        );
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
