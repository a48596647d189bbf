//! Places in the status lists.
//!
//! A list has 2^20 places, 4096 for each holders' partition. A place is drawn from the partition's
//! counter and moved by a keyed permutation of the whole list, so that neither the order of issue
//! nor the partition shows, and nothing has to be tried until it is free.

use serde::{Deserialize, Serialize};

use crate::{Partition, Store, StoreError, rows::Columns};

/// Places in one list.
pub const LIST_SIZE: u32 = 1 << HALF_BITS << HALF_BITS;
const HALF_BITS: u32 = 10;
pub(crate) const PLACES_PER_PARTITION: u64 = 4096;
/// Rounds of the Feistel network; four already give a permutation that looks random.
const ROUNDS: u8 = 6;

/// A credential's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StatusPlace {
    /// Which list.
    pub list: u32,
    /// Which entry of it.
    pub index: u32,
}

impl Store {
    /// Takes the next place of `partition`. A place that is then not used is burnt.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn reserve_status_place(
        &self,
        partition: Partition,
    ) -> Result<StatusPlace, StoreError> {
        let mut tx = self.inner.database.begin().await?;
        let row = sqlx::query(
            "UPDATE status_counters SET next_place = next_place + 1 WHERE partition = $1 RETURNING next_place",
        )
        .bind(partition.sql())
        .fetch_one(&mut *tx)
        .await?;
        let taken = Columns {
            table: "status_counters",
            row: &row,
        }
        .number("next_place")?
        .saturating_sub(1);
        tx.commit().await?;
        place(self, partition, taken).ok_or(StoreError::Mismatch("the status lists are full"))
    }
}

fn place(store: &Store, partition: Partition, taken: u64) -> Option<StatusPlace> {
    let list = u32::try_from(taken / PLACES_PER_PARTITION).ok()?;
    let within = u32::try_from(taken % PLACES_PER_PARTITION).ok()?;
    let block = u32::try_from(PLACES_PER_PARTITION).ok()?;
    if partition.number() >= Partition::HOLDERS {
        return None;
    }
    let position = u32::from(partition.number()) * block + within;
    let index = permute(position, |round, half| {
        let mut input = [0_u8; 7];
        input[..4].copy_from_slice(&list.to_be_bytes());
        input[4] = round;
        input[5..].copy_from_slice(&half.to_be_bytes());
        let hash = store.blind("status-place", &input);
        let mut two = [0_u8; 2];
        two.copy_from_slice(hash.as_bytes().first_chunk::<2>().unwrap_or(&[0; 2]));
        u16::from_be_bytes(two)
    });
    Some(StatusPlace { list, index })
}

/// A balanced Feistel network over 20 bits.
fn permute(position: u32, round_value: impl Fn(u8, u16) -> u16) -> u32 {
    const MASK: u32 = (1 << HALF_BITS) - 1;
    let (mut left, mut right) = (position >> HALF_BITS, position & MASK);
    for round in 0..ROUNDS {
        // `right` has 10 bits, so the conversion never fails.
        let mixed = u32::from(round_value(round, u16::try_from(right).unwrap_or_default())) & MASK;
        (left, right) = (right, left ^ mixed);
    }
    (left << HALF_BITS) | right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_permutation_is_one_to_one() {
        let mut seen = vec![false; usize::try_from(LIST_SIZE).unwrap()];
        for position in 0..LIST_SIZE {
            let index = permute(position, |round, half| {
                half.wrapping_mul(40_503)
                    .rotate_left(u32::from(round))
                    .wrapping_add(u16::from(round) * 977)
            });
            let slot = &mut seen[usize::try_from(index).unwrap()];
            assert!(!*slot);
            *slot = true;
        }
    }
}
