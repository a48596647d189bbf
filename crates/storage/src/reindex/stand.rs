//! How far a pass to a newer index key has come.

use serde::{Deserialize, Serialize};

use super::OlderName;
use crate::{AliasKind, Partition, StoreError};

/// How far the pass has come: behind a name of a kind in a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stand {
    v: u32,
    kind: String,
    pub(super) partition: i64,
    blind: String,
    pub(super) holder: String,
}

impl Stand {
    pub(super) fn first() -> Self {
        Self::start_of(AliasKind::Subject, 0)
    }

    fn start_of(kind: AliasKind, partition: i64) -> Self {
        Self {
            v: 1,
            kind: kind.as_str().to_owned(),
            partition,
            blind: String::new(),
            holder: String::new(),
        }
    }

    pub(super) fn behind(&self, name: &OlderName) -> Self {
        Self {
            blind: hex::encode(name.hash),
            holder: name.holder.to_string(),
            ..self.clone()
        }
    }

    /// The next partition of drivers, or the next kind's first; none behind the last.
    pub(super) fn next_place(&self) -> Result<Option<Self>, StoreError> {
        let kind = self.kind()?;
        let next = self.partition.saturating_add(1);
        if next < i64::from(Partition::HOLDERS) {
            return Ok(Some(Self::start_of(kind, next)));
        }
        let mut kinds = AliasKind::AS_CLAIMED.into_iter();
        let later = kinds.find(|one| *one == kind).and_then(|_| kinds.next());
        Ok(later.map(|kind| Self::start_of(kind, 0)))
    }

    /// The hash behind which it stands.
    pub(super) fn blind(&self) -> Result<Vec<u8>, StoreError> {
        hex::decode(&self.blind).map_err(|_not_hex| odd("is no position"))
    }

    pub(super) fn kind(&self) -> Result<AliasKind, StoreError> {
        let mut kinds = AliasKind::AS_CLAIMED.into_iter();
        let kind = kinds.find(|kind| kind.as_str() == self.kind);
        kind.ok_or_else(|| odd("names no kind"))
    }

    pub(super) fn partition(&self) -> Result<Partition, StoreError> {
        Partition::from_number(self.partition).ok_or_else(|| odd("names no partition"))
    }

    pub(super) fn parse(text: &str) -> Result<Self, StoreError> {
        let stand: Self = serde_json::from_str(text).map_err(|_not_json| odd("is no position"))?;
        if stand.v == 1 {
            Ok(stand)
        } else {
            Err(odd("was written by a newer version"))
        }
    }

    pub(super) fn text(&self) -> Result<String, StoreError> {
        serde_json::to_string(self).map_err(|_not_json| odd("cannot be written as JSON"))
    }
}

fn odd(what: &'static str) -> StoreError {
    StoreError::Inconsistent {
        table: "reindexes",
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
        let mut stand = Stand::first();
        let mut visited = vec![stand.clone()];
        while let Some(next) = stand.next_place().unwrap() {
            assert!(!visited.contains(&next), "{next:?}");
            visited.push(next.clone());
            stand = next;
        }
        assert_eq!(visited.len(), 3 * usize::from(Partition::HOLDERS));
        for stand in visited {
            assert_eq!(Stand::parse(&stand.text().unwrap()).unwrap(), stand);
        }
    }

    #[test]
    fn a_position_of_another_version_is_refused() {
        for bad in [
            "",
            "{}",
            &Stand::first().text().unwrap().replace(":1", ":2"),
        ] {
            assert!(Stand::parse(bad).is_err(), "{bad}");
        }
    }
}
