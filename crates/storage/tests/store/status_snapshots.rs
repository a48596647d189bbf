//! Snapshots of the status memory: used only where they fit the database.

use std::fs;

use storage::{Cursors, Partition, SnapshotFault, StatusSnapshot};

use crate::{
    harness::{Setup, after},
    steps::touch,
};

/// The newest events of all partitions.
async fn heads(setup: &Setup) -> Cursors {
    let heads = setup.store.outbox_heads().await.unwrap();
    heads.into_iter().collect()
}

/// Writes a snapshot of lists 3 and 5, each of whose bytes is `value`.
async fn write(setup: &Setup, generation: u64, value: u8) -> Cursors {
    let cursors = heads(setup).await;
    for list in [3, 5] {
        let shard = vec![value; 1000 + usize::try_from(list).unwrap()];
        let written = setup.store.write_status_shard(generation, list, &shard);
        written.await.unwrap();
    }
    let store = &setup.store;
    store
        .finish_status_snapshot(generation, &cursors, after(5), &[3, 5])
        .await
        .unwrap();
    cursors
}

async fn found(setup: &Setup) -> Result<StatusSnapshot, SnapshotFault> {
    setup.store.status_snapshot().await.unwrap()
}

async fn shard(setup: &Setup, snapshot: &StatusSnapshot, list: u32) -> Option<Vec<u8>> {
    let shard = setup.store.status_shard(snapshot, list).await.unwrap();
    shard.map(|shard| shard.to_vec())
}

pub(crate) async fn a_snapshot_comes_back_as_written(setup: &Setup) {
    assert_eq!(found(setup).await, Err(SnapshotFault::Missing));
    let driver = setup.driver(1).await;
    let cursors = write(setup, 77, 9).await;
    // What comes later does not matter to it.
    touch(&setup.store, &driver.id).await.unwrap();
    let snapshot = found(setup).await.unwrap();
    assert_eq!((snapshot.at, &snapshot.cursors), (after(5), &cursors));
    assert_eq!(snapshot.lists, [3, 5]);
    assert_eq!(shard(setup, &snapshot, 3).await, Some(vec![9; 1003]));
    assert_eq!(shard(setup, &snapshot, 5).await, Some(vec![9; 1005]));
    assert_eq!(shard(setup, &snapshot, 4).await, None);
}

pub(crate) async fn a_newer_snapshot_replaces_the_one_before(setup: &Setup) {
    write(setup, 77, 1).await;
    let before = found(setup).await.unwrap();
    write(setup, 78, 2).await;
    let newest = found(setup).await.unwrap();
    assert_eq!(shard(setup, &newest, 3).await, Some(vec![2; 1003]));
    assert_eq!(shard(setup, &before, 3).await, None, "it was removed");
}

/// A database that was set back, also one that has come as far again since.
pub(crate) async fn a_snapshot_of_another_past_does_not_fit(setup: &Setup) {
    let partition = Partition::of_holders(60);
    let driver = setup.driver_in(partition, 1).await;
    touch(&setup.store, &driver.id).await.unwrap();
    write(setup, 77, 9).await;
    assert!(found(setup).await.is_ok());
    let newest =
        "partition = 60 AND seq = (SELECT outbox_seq FROM partition_heads WHERE partition = 60)";
    setup
        .execute(&format!("UPDATE outbox SET at = at + 1 WHERE {newest}"))
        .await;
    assert_eq!(found(setup).await, Err(SnapshotFault::OtherPast));
    setup
        .execute(&format!("UPDATE outbox SET at = at - 1 WHERE {newest}"))
        .await;
    assert!(found(setup).await.is_ok());
    setup
        .execute(&format!("DELETE FROM outbox WHERE {newest}"))
        .await;
    assert_eq!(found(setup).await, Err(SnapshotFault::OtherPast));
}

/// A shard of another list, of an older snapshot, cut short, or changed; a head that is none.
pub(crate) async fn sc_63_a_changed_or_exchanged_snapshot_is_refused(setup: &Setup) {
    let folder = setup.options.objects.join("status");
    let file = |generation: u64, list: u32| folder.join(format!("{generation:016x}/{list}"));
    write(setup, 77, 1).await;
    let older = fs::read(file(77, 3)).unwrap();
    let older_head = fs::read(folder.join("head")).unwrap();
    write(setup, 78, 2).await;
    let (third, fifth) = (file(78, 3), file(78, 5));
    let good = fs::read(&third).unwrap();
    let mut flipped = good.clone();
    flipped[40] ^= 1;
    let bad = [
        older,
        fs::read(fifth).unwrap(),
        good[..good.len() - 1].to_vec(),
        flipped,
        Vec::new(),
    ];
    for bad in bad {
        fs::write(&third, bad).unwrap();
        let snapshot = found(setup).await.unwrap();
        assert_eq!(shard(setup, &snapshot, 3).await, None);
        assert!(shard(setup, &snapshot, 5).await.is_some());
    }
    // The head of before names shards that are gone.
    fs::write(folder.join("head"), older_head).unwrap();
    let snapshot = found(setup).await.unwrap();
    assert_eq!(shard(setup, &snapshot, 3).await, None);
    for bad in [&b"{}"[..], &good] {
        fs::write(folder.join("head"), bad).unwrap();
        assert_eq!(found(setup).await, Err(SnapshotFault::Damaged));
    }
}
