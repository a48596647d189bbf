//! How far a pass to a newer data key has come.

use serde::{Deserialize, Serialize};

use crate::{
    Partition, StoreError,
    sealed_columns::{SEALED, SealedColumn},
};

/// The photo files, which are visited behind all columns.
pub(crate) const OBJECTS: &str = "objects.photo";

/// Where the pass stands: behind the row `after` of a partition of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    v: u32,
    pub(crate) place: String,
    partition: i64,
    pub(crate) after: Vec<String>,
}

impl Position {
    pub(crate) fn first() -> Self {
        Self::start_of(0)
    }

    /// The beginning of a place: the columns in their order, then the photo files.
    fn start_of(place: usize) -> Self {
        Self {
            v: 1,
            place: SEALED
                .get(place)
                .map_or_else(|| OBJECTS.to_owned(), SealedColumn::name),
            partition: 0,
            after: Vec::new(),
        }
    }

    pub(crate) fn behind(&self, after: Vec<String>) -> Self {
        Self {
            after,
            ..self.clone()
        }
    }

    /// The next partition, or the next column's first; none behind the last of the photo files.
    pub(crate) fn next_place(&self) -> Option<Self> {
        if self.partition < Partition::SYSTEM.sql() {
            return Some(Self {
                partition: self.partition.saturating_add(1),
                after: Vec::new(),
                ..self.clone()
            });
        }
        let column = SEALED
            .iter()
            .position(|column| column.name() == self.place)?;
        Some(Self::start_of(column.saturating_add(1)))
    }

    pub(crate) fn partition(&self) -> Result<Partition, StoreError> {
        Partition::from_number(self.partition).ok_or_else(|| odd("names no partition"))
    }

    pub(crate) fn parse(text: &str) -> Result<Self, StoreError> {
        let position: Self =
            serde_json::from_str(text).map_err(|_not_json| odd("is no position"))?;
        let known = position.place == OBJECTS
            || SEALED.iter().any(|column| column.name() == position.place);
        if position.v == 1 && known {
            Ok(position)
        } else {
            Err(odd("was written by a newer version"))
        }
    }

    pub(crate) fn text(&self) -> Result<String, StoreError> {
        serde_json::to_string(self).map_err(|_not_json| odd("cannot be written as JSON"))
    }
}

fn odd(what: &'static str) -> StoreError {
    StoreError::Inconsistent {
        table: "reseals",
        column: "position",
        row: None,
        what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pass_visits_every_place_once() {
        let mut position = Position::first();
        let mut visited = vec![position.clone()];
        while let Some(next) = position.next_place() {
            assert!(!visited.contains(&next), "{next:?}");
            visited.push(next.clone());
            position = next;
        }
        assert_eq!(visited.len(), (SEALED.len() + 1) * Partition::all().count());
        for position in visited {
            position.partition().unwrap();
            assert_eq!(
                Position::parse(&position.text().unwrap()).unwrap(),
                position
            );
        }
    }

    #[test]
    fn a_position_of_another_version_is_refused() {
        for bad in [
            "",
            "{}",
            r#"{"v":2,"place":"objects.photo","partition":0,"after":[]}"#,
            r#"{"v":1,"place":"later.column","partition":0,"after":[]}"#,
        ] {
            assert!(Position::parse(bad).is_err(), "{bad}");
        }
    }
}
