//! What every status list says, in memory: four bits for each place.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use storage::{LIST_SIZE, StatusPlace};

/// The status memory of this node.
#[derive(Debug, Default)]
pub(crate) struct StatusPlane {
    shards: RwLock<Shards>,
}

#[derive(Debug, Default)]
struct Shards {
    living: BTreeMap<u32, Box<[u8]>>,
    /// Lists whose credentials have all expired: nothing is kept of them.
    retired: BTreeSet<u32>,
}

/// Two places of INVALID: a place that nobody was given grants nothing.
const UNUSED: u8 = 0x11;

impl StatusPlane {
    /// Sets what the lists say at `place`.
    pub(crate) fn set(&self, place: StatusPlace, value: u8) {
        let mut shards = self.write();
        if shards.retired.contains(&place.list) {
            return;
        }
        let shard = shards
            .living
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
        let shards = self.read();
        let (at, high) = position(place);
        let byte = *shards.living.get(&place.list)?.get(at)?;
        Some(if high { byte >> 4 } else { byte & 0x0f })
    }

    /// The lists that are kept.
    pub(crate) fn lists(&self) -> Vec<u32> {
        self.read().living.keys().copied().collect()
    }

    /// All values of a list, four bits each.
    pub(crate) fn values(&self, list: u32) -> Option<Vec<u8>> {
        Some(self.read().living.get(&list)?.to_vec())
    }

    /// Takes over all values of a list; whether they are as many as a list has.
    pub(crate) fn load(&self, list: u32, values: &[u8]) -> bool {
        let whole = values.len() == bytes_of_a_shard();
        let mut shards = self.write();
        if whole && !shards.retired.contains(&list) {
            shards.living.insert(list, values.into());
        }
        whole
    }

    /// Drops a list for good.
    pub(crate) fn retire(&self, list: u32) {
        let mut shards = self.write();
        shards.living.remove(&list);
        shards.retired.insert(list);
    }

    fn read(&self) -> RwLockReadGuard<'_, Shards> {
        self.shards.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Shards> {
        self.shards.write().unwrap_or_else(PoisonError::into_inner)
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

    #[test]
    fn a_retired_list_is_not_kept_again() {
        let plane = StatusPlane::default();
        let ninth = StatusPlace { list: 3, index: 9 };
        plane.set(ninth, 2);
        let values = plane.values(3).unwrap();
        plane.retire(3);
        plane.set(ninth, 0);
        assert!(plane.load(3, &values));
        assert_eq!((plane.get(ninth), plane.lists()), (None, Vec::new()));
    }

    #[test]
    fn values_come_back_as_they_were_and_others_are_not_taken() {
        let (plane, other) = (StatusPlane::default(), StatusPlane::default());
        let ninth = StatusPlace { list: 3, index: 9 };
        plane.set(ninth, 3);
        let values = plane.values(3).unwrap();
        assert!(!other.load(3, &values[1..]));
        assert_eq!(other.get(ninth), None);
        assert!(other.load(3, &values));
        assert_eq!((other.get(ninth), other.lists()), (Some(3), vec![3]));
    }
}
