//! What every status list says, in memory: four bits for each place.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use storage::{LIST_SIZE, StatusPlace};

/// The status memory of this node.
#[derive(Debug, Default)]
pub(crate) struct StatusPlane {
    shards: RwLock<HashMap<u32, Box<[u8]>>>,
}

/// Two places of INVALID: a place that nobody was given grants nothing.
const UNUSED: u8 = 0x11;

impl StatusPlane {
    /// Sets what the lists say at `place`.
    pub(crate) fn set(&self, place: StatusPlace, value: u8) {
        let mut shards = self.shards.write().unwrap_or_else(PoisonError::into_inner);
        let shard = shards
            .entry(place.list)
            .or_insert_with(|| vec![UNUSED; bytes_of_a_shard()].into_boxed_slice());
        let (at, high) = position(place);
        if let Some(byte) = shard.get_mut(at) {
            *byte = if high {
                (*byte & 0x0f) | (value << 4)
            } else {
                (*byte & 0xf0) | (value & 0x0f)
            };
        }
    }

    /// What the lists say at `place`; nothing where its list is not known here.
    pub(crate) fn get(&self, place: StatusPlace) -> Option<u8> {
        let shards = self.shards.read().unwrap_or_else(PoisonError::into_inner);
        let (at, high) = position(place);
        let byte = *shards.get(&place.list)?.get(at)?;
        Some(if high { byte >> 4 } else { byte & 0x0f })
    }
}

fn bytes_of_a_shard() -> usize {
    usize::try_from(LIST_SIZE / 2).unwrap_or_default()
}

fn position(place: StatusPlace) -> (usize, bool) {
    // A place beyond the list has no byte: `get` answers nothing and `set` does nothing.
    let at = usize::try_from(place.index / 2).unwrap_or(usize::MAX);
    (at, place.index % 2 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_do_not_touch_each_other() {
        let plane = StatusPlane::default();
        let at = |index| StatusPlace { list: 3, index };
        for index in 0..64 {
            plane.set(at(index), u8::try_from(index % 4).unwrap());
        }
        for index in 0..64 {
            assert_eq!(plane.get(at(index)), Some(u8::try_from(index % 4).unwrap()));
        }
        assert_eq!(plane.get(at(64)), Some(1), "an unused place is invalid");
        assert_eq!(plane.get(StatusPlace { list: 4, index: 0 }), None);
        assert_eq!(plane.get(at(LIST_SIZE)), None);
    }
}
