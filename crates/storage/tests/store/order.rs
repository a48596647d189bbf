//! The order of numbers is the order of commits: a follower that reads `seq > last` skips nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use storage::{Engine, HolderId, Partition, Store};
use tokio::task::JoinHandle;

use crate::{
    audit::whole_trail,
    harness::Setup,
    steps::{changed, entry, touch},
};

const ROUNDS: u64 = 8;
/// Long enough for a write that does not wait to have committed.
const HELD: Duration = Duration::from_millis(25);

/// Follows `partition` until `stop`, then to its end; answers the numbers in the order they came.
fn follow(store: &Store, partition: Partition, stop: &Arc<AtomicBool>) -> JoinHandle<Vec<u64>> {
    let (store, stop) = (store.clone(), Arc::clone(stop));
    tokio::spawn(async move {
        let mut seen = Vec::new();
        loop {
            let last_round = stop.load(Ordering::SeqCst);
            let last = seen.last().copied().unwrap_or_default();
            let events = store.events_after(partition, last, 100).await.unwrap();
            if events.is_empty() {
                if last_round {
                    return seen;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            seen.extend(events.iter().map(|event| event.seq));
        }
    })
}

/// A transaction takes its numbers first and commits last: the other waits for it.
pub(crate) async fn who_takes_numbers_first_commits_first(setup: &Setup) {
    let partition = Partition::of_holders(60);
    let holder = HolderId::generate(partition, &mut setup.rng());
    let store = &setup.store;
    let stop = Arc::new(AtomicBool::new(false));
    let follower = follow(store, partition, &stop);
    for round in 0..ROUNDS {
        let first = store.begin_in(partition).await.unwrap();
        let first = first
            .number(entry("first").about(&holder), vec![changed(&holder); 2])
            .await
            .unwrap();
        let second = tokio::spawn({
            let (store, holder) = (store.clone(), holder.clone());
            async move { touch(&store, &holder).await.unwrap() }
        });
        tokio::time::sleep(HELD).await;
        assert!(!second.is_finished(), "it did not wait for the numbers");
        let seen = store.events_after(partition, 3 * round, 10).await.unwrap();
        assert!(seen.is_empty());
        let first = first.commit().await.unwrap();
        let second = second.await.unwrap();
        assert_eq!(
            (first.audit_seq, first.outbox_seq),
            (2 * round + 1, 3 * round + 2)
        );
        assert_eq!(
            (second.audit_seq, second.outbox_seq),
            (2 * round + 2, 3 * round + 3)
        );
    }
    stop.store(true, Ordering::SeqCst);
    let seen = follower.await.unwrap();
    assert_eq!(seen, (1..=3 * ROUNDS).collect::<Vec<_>>());
    let acts: Vec<_> = whole_trail(store, partition).await;
    let order: Vec<&str> = acts.iter().take(4).map(|row| row.act.as_str()).collect();
    assert_eq!(order, ["first", "test.touched", "first", "test.touched"]);
}

/// What was numbered and given up leaves no gap: the one that waited takes the same numbers.
pub(crate) async fn numbers_given_up_are_given_again(setup: &Setup) {
    let partition = Partition::of_holders(61);
    let holder = HolderId::generate(partition, &mut setup.rng());
    let store = &setup.store;
    for round in 1..=ROUNDS {
        let first = store.begin_in(partition).await.unwrap();
        let first = first
            .number(entry("given-up"), vec![changed(&holder)])
            .await
            .unwrap();
        let second = tokio::spawn({
            let (store, holder) = (store.clone(), holder.clone());
            async move { touch(&store, &holder).await.unwrap() }
        });
        tokio::time::sleep(HELD).await;
        assert!(!second.is_finished(), "it did not wait for the numbers");
        drop(first);
        let second = second.await.unwrap();
        assert_eq!((second.audit_seq, second.outbox_seq), (round, round));
    }
    let trail = whole_trail(store, partition).await;
    assert_eq!(trail.len(), usize::try_from(ROUNDS).unwrap());
    assert!(trail.iter().all(|row| row.act == "test.touched"));
}

/// On PostgreSQL writers of other partitions go on; SQLite has one writer, so there they wait too.
pub(crate) async fn another_partition_does_not_wait(setup: &Setup) {
    let mut rng = setup.rng();
    let partition = Partition::of_holders(62);
    let other = HolderId::generate(Partition::of_holders(63), &mut rng);
    let tx = setup.store.begin_in(partition).await.unwrap();
    let held = tx.number(entry("held"), Vec::new()).await.unwrap();
    let elsewhere = tokio::spawn({
        let store = setup.store.clone();
        async move { touch(&store, &other).await.unwrap() }
    });
    if setup.store.engine() == Engine::PostgreSql {
        let limit = Duration::from_secs(5);
        tokio::time::timeout(limit, elsewhere)
            .await
            .unwrap()
            .unwrap();
        held.commit().await.unwrap();
    } else {
        held.commit().await.unwrap();
        elsewhere.await.unwrap();
    }
}

/// Readers are not kept waiting by an open write, and do not see it.
pub(crate) async fn readers_do_not_wait_for_a_writer(setup: &Setup) {
    let driver = setup.driver(1).await;
    let (tx, _locked) = setup.store.begin(&driver.id, 1).await.unwrap();
    let read = setup.store.driver(&driver.id);
    let limit = Duration::from_secs(5);
    let found = tokio::time::timeout(limit, read).await.unwrap().unwrap();
    assert_eq!(found.unwrap().revision, 1);
    drop(tx);
}

/// Many writers at once while a follower polls: no gap, no repetition, one chain.
pub(crate) async fn a_follower_skips_nothing_under_load(setup: &Setup) {
    let partition = Partition::of_holders(64);
    let stop = Arc::new(AtomicBool::new(false));
    let follower = follow(&setup.store, partition, &stop);
    let writers: Vec<_> = (0..6)
        .map(|n: u64| {
            let store = setup.store.clone();
            let holder = HolderId::generate(partition, &mut setup.rng());
            tokio::spawn(async move {
                for turn in 0..12 {
                    let tx = store.begin_in(partition).await.unwrap();
                    let held = tx
                        .number(entry("test.loaded"), vec![changed(&holder)])
                        .await
                        .unwrap();
                    if (n + turn).is_multiple_of(3) {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    // Every fourth is given up after it took its numbers.
                    if (n + turn).is_multiple_of(4) {
                        drop(held);
                    } else {
                        held.commit().await.unwrap();
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    stop.store(true, Ordering::SeqCst);
    let seen = follower.await.unwrap();
    assert_eq!(seen, (1..=54).collect::<Vec<_>>());
    assert_eq!(whole_trail(&setup.store, partition).await.len(), 54);
}
