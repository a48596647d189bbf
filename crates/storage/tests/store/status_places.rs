//! Places in the status lists.

use std::collections::HashSet;

use storage::{LIST_SIZE, Partition, StatusPlace};

use crate::harness::{Kind, Setup};

const PARTITIONS: [u8; 5] = [0, 1, 77, 254, 255];

/// 20,000 places on PostgreSQL. SQLite waits for the disk with each, and the places follow from the
/// counters alike on every engine, so elsewhere a tenth shows that the counters are taken one by one.
pub(crate) async fn places_are_unique_and_within_their_list(setup: &Setup) {
    let each = match setup.kind {
        Kind::PostgreSql => 4_000,
        Kind::Sqlite | Kind::Partitioned => 400,
    };
    // The second list begins within the run.
    setup
        .execute("UPDATE status_counters SET next_place = 3900")
        .await;
    let takers = PARTITIONS.map(|number| {
        let store = setup.store.clone();
        tokio::spawn(async move {
            let mut places = Vec::with_capacity(each);
            for _ in 0..each {
                let partition = Partition::of_holders(number);
                places.push(store.reserve_status_place(partition).await.unwrap());
            }
            places
        })
    });
    let mut seen: HashSet<StatusPlace> = HashSet::new();
    for taker in takers {
        for place in taker.await.unwrap() {
            assert!(place.index < LIST_SIZE);
            assert!(seen.insert(place), "{place:?} is given twice");
        }
    }
    let lists: HashSet<u32> = seen.iter().map(|place| place.list).collect();
    assert_eq!(lists, HashSet::from([0, 1]));
    let in_first = seen.iter().filter(|place| place.list == 0).count();
    assert_eq!(in_first, PARTITIONS.len() * 196);
}

/// Neither the order of issue nor the partition shows in a place.
pub(crate) async fn places_do_not_tell_order_or_partition(setup: &Setup) {
    let mut places = Vec::new();
    for _ in 0..64 {
        let partition = Partition::of_holders(3);
        places.push(setup.store.reserve_status_place(partition).await.unwrap());
    }
    let next_to_each_other = places
        .windows(2)
        .filter(|pair| pair[0].index.abs_diff(pair[1].index) < 64)
        .count();
    assert!(next_to_each_other < 4, "{next_to_each_other}");
    let own_block = places
        .iter()
        .filter(|place| place.index / 4096 == 3)
        .count();
    assert!(own_block < 4, "{own_block}");
}

pub(crate) async fn two_at_once_take_two_places(setup: &Setup) {
    let partition = Partition::of_holders(8);
    let takers: Vec<_> = (0..40)
        .map(|_| {
            let store = setup.store.clone();
            tokio::spawn(async move { store.reserve_status_place(partition).await.unwrap() })
        })
        .collect();
    let mut seen = HashSet::new();
    for taker in takers {
        assert!(seen.insert(taker.await.unwrap()));
    }
}

pub(crate) async fn acts_of_no_holder_have_no_places(setup: &Setup) {
    let refused = setup.store.reserve_status_place(Partition::SYSTEM).await;
    assert!(refused.is_err());
}
