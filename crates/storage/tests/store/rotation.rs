//! Data keys and suites that change, while the store is in use.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};

use storage::{
    AtRest, Conflict, Damaged, HolderId, MasterKeys, Partition, Resealed, Retirement, Steward,
    Store, StoreError,
};
use testkit::random;

use crate::{
    everything::{Everything, VALUES, WITH_FILE},
    harness::{Kind, Setup, after, conflict, inconsistent, keys, open, start},
    people,
    steps::{driver_write, entry, touch, write},
};

fn by(seconds: i64) -> Steward<'static> {
    Steward {
        actor: "operator",
        request: "request-1",
        now: after(seconds),
    }
}

async fn rotate(setup: &Setup, suite: AtRest) -> u32 {
    setup.spoil();
    let version = setup
        .store
        .rotate_data_key(suite, &by(0), &mut setup.rng())
        .await;
    version.unwrap()
}

/// Steps until the pass has been everywhere; what each of them did.
async fn pass(store: &Store, limit: u32) -> Vec<Resealed> {
    let mut steps = Vec::new();
    loop {
        let step = store.reseal_batch(&by(1), limit).await.unwrap();
        let finished = step.finished;
        steps.push(step);
        if finished {
            return steps;
        }
    }
}

fn total(steps: &[Resealed]) -> u64 {
    steps.iter().map(|step| step.resealed).sum()
}

async fn nothing_under(store: &Store, version: u32) {
    assert_eq!(store.values_under(version).await.unwrap(), []);
}

/// How many audit rows of `act` there are in all partitions.
pub(crate) async fn audited(setup: &Setup, act: &str) -> usize {
    let mut count = 0;
    for partition in Partition::all() {
        let rows = setup.store.audit_after(partition, 0, 1_000).await.unwrap();
        count += rows.iter().filter(|row| row.act == act).count();
    }
    count
}

pub(crate) async fn a_new_data_key_takes_every_value_over(setup: &Setup) {
    takes_over(setup, AtRest::Aes256Gcm).await;
}

/// From AES-256-GCM to SM4-GCM, and back.
pub(crate) async fn a_change_of_suite_takes_every_value_over(setup: &Setup) {
    takes_over(setup, AtRest::Sm4Gcm).await;
    let version = rotate(setup, AtRest::Aes256Gcm).await;
    let before = total(&pass(&setup.store, 100).await);
    assert_eq!(before, 2 * WITH_FILE);
    nothing_under(&setup.store, version - 1).await;
}

async fn takes_over(setup: &Setup, suite: AtRest) {
    let store = &setup.store;
    let one = Everything::of(setup, 1).await;
    assert_eq!(rotate(setup, suite).await, 2);
    one.reads_as_written(store).await;
    let two = Everything::of(setup, 2).await;
    let under = |values: Vec<(String, u64)>| values.iter().map(|(_, n)| n).sum::<u64>();
    assert_eq!(under(store.values_under(1).await.unwrap()), WITH_FILE);
    assert_eq!(under(store.values_under(2).await.unwrap()), WITH_FILE);

    let steps = pass(store, 1).await;
    assert_eq!(total(&steps), WITH_FILE);
    assert!(
        steps
            .iter()
            .all(|step| step.version == 2 && step.damaged.is_empty())
    );
    assert!(steps.iter().all(|step| step.resealed <= 1));
    nothing_under(store, 1).await;
    // No step without its audit row, and only steps that did something have one.
    assert_eq!(audited(setup, "seal.resealed").await, steps.len() - 1);
    assert_eq!(audited(setup, "seal.reseal-begun").await, 1);
    assert_eq!(audited(setup, "seal.reseal-finished").await, 1);
    // Once finished it stays so.
    let again = pass(store, 1).await;
    assert_eq!((again.len(), total(&again)), (1, 0));
    retires(setup, suite, &[one, two]).await;
}

/// What was sealed ahead of its transaction cannot get past a pass that began in between.
pub(crate) async fn what_was_sealed_before_a_pass_is_sealed_anew(setup: &Setup) {
    let store = &setup.store;
    let holder = HolderId::random(&mut setup.rng());
    let sealed = || driver_write(store, &holder, 1, 1, None);
    let write = async |driver| {
        let mut tx = store.begin_in(holder.partition()).await.unwrap();
        tx.insert_drivers(&[driver], start()).await.unwrap();
        tx.commit(entry("registry.registered"), Vec::new()).await
    };
    let early = sealed();
    rotate(setup, AtRest::Aes256Gcm).await;
    pass(store, 100).await;
    assert_eq!(conflict(write(early).await), Conflict::Revision);
    assert!(store.driver(&holder).await.unwrap().is_none());
    write(sealed()).await.unwrap();
    nothing_under(store, 1).await;
}

/// The first data key goes once its time has come, and nobody misses it.
async fn retires(setup: &Setup, suite: AtRest, written: &[Everything]) {
    let store = &setup.store;
    let early = store.retire_data_key(1, &by(60)).await.unwrap();
    assert_eq!(early, Retirement::NotBefore(after(3_601)));
    let late = store.retire_data_key(1, &by(3_601)).await.unwrap();
    assert_eq!(late, Retirement::Retired);
    let left = store.data_keys().await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].version, left[0].suite), (2, suite));
    assert_eq!(left[0].activated_at, Some(start()));

    // A store opened anew makes no first key again.
    let reopened = open(&setup.options, 7).await.unwrap();
    assert_eq!(reopened.data_keys().await.unwrap(), left);
    for everything in written {
        everything.reads_as_written(store).await;
        everything.reads_as_written(&reopened).await;
    }
    reopened.close().await;
}

/// A pass neither loses nor overwrites what is written meanwhile.
pub(crate) async fn a_pass_goes_on_while_others_write(setup: &Setup) {
    const DRIVERS: u32 = 6;
    let mut drivers = Vec::new();
    for n in 0..DRIVERS {
        drivers.push(setup.driver(n).await.id);
    }
    rotate(setup, AtRest::Sm4Gcm).await;
    let done = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (store, drivers, done) = (setup.store.clone(), drivers.clone(), done.clone());
        async move { keep_writing(&store, &drivers, &done).await }
    });
    let steps = pass(&setup.store, 1).await;
    done.store(true, Ordering::SeqCst);
    let versions = writer.await.unwrap();
    assert!(total(&steps) <= u64::from(DRIVERS));
    nothing_under(&setup.store, 1).await;
    for ((n, id), version) in (0..).zip(&drivers).zip(versions) {
        let found = setup.reread(id).await;
        assert_eq!(found.registry_version, version);
        assert_eq!(found.record, people::record(n, version));
    }
}

/// Updates the drivers in turn; answers the version of each that was acknowledged last.
async fn keep_writing(store: &Store, drivers: &[HolderId], done: &AtomicBool) -> Vec<i64> {
    let mut versions = vec![1; drivers.len()];
    for turn in 0.. {
        // At least once each, so that something was written during the pass or after it.
        if done.load(Ordering::SeqCst) && turn >= drivers.len() {
            break;
        }
        let n = turn % drivers.len();
        let version = versions[n] + 1;
        let change = driver_write(store, &drivers[n], u32::try_from(n).unwrap(), version, None);
        let written = write(store, &drivers[n], async |tx, locked| {
            tx.update_driver(locked, &change, after(5)).await
        })
        .await;
        match written {
            Ok(()) => versions[n] = version,
            // The pass began between this write's beginning and its end.
            Err(StoreError::Conflict(Conflict::Revision)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    versions
}

/// A pass that is dropped anywhere, and a node that is started anew, lose and repeat nothing.
pub(crate) async fn an_interrupted_pass_goes_on_where_it_was(setup: &Setup) {
    let one = Everything::of(setup, 1).await;
    let two = Everything::of(setup, 2).await;
    rotate(setup, AtRest::Sm4Gcm).await;
    let mut interrupted = 0;
    for polls in 1..60 {
        let by = by(1);
        match dropped_after(polls, setup.store.reseal_batch(&by, 2)).await {
            None => interrupted += 1,
            Some(Ok(step)) if step.finished => break,
            // Or the commit of a step that was dropped came through after this one had begun.
            Some(Ok(_) | Err(StoreError::Conflict(Conflict::Cursor))) => {}
            Some(Err(error)) => panic!("{error:?}"),
        }
    }
    assert!(interrupted > 0);
    let reopened = open(&setup.options, 7).await.unwrap();
    // What was dropped last may still be on its way.
    tokio::time::sleep(Duration::from_millis(50)).await;
    pass(&reopened, 2).await;
    nothing_under(&reopened, 1).await;
    for everything in [&one, &two] {
        everything.reads_as_written(&reopened).await;
    }
    let counted: i64 = {
        let mut raw = setup.raw().await;
        sqlx::query_scalar("SELECT resealed FROM reseals WHERE version = 2")
            .fetch_one(&mut raw)
            .await
            .unwrap()
    };
    // A photo file may have been replaced by a step that then was not counted; a column never.
    let counted = counted.unsigned_abs();
    assert!((2 * VALUES..=2 * WITH_FILE).contains(&counted), "{counted}");
    reopened.close().await;
}

/// Polls a future so many times at most, then drops it.
pub(crate) async fn dropped_after<T>(polls: u32, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        let Some(fewer) = left.checked_sub(1) else {
            return Poll::Ready(None);
        };
        left = fewer;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// Two nodes at one pass: each step is done once.
pub(crate) async fn two_nodes_share_a_pass(setup: &Setup) {
    let one = Everything::of(setup, 1).await;
    let two = Everything::of(setup, 2).await;
    let second = open(&setup.options, 7).await.unwrap();
    rotate(setup, AtRest::Aes256Gcm).await;
    let share = async |store: &Store| {
        let mut resealed = 0;
        loop {
            match store.reseal_batch(&by(1), 1).await {
                Ok(step) if step.finished => return resealed,
                Ok(step) => resealed += step.resealed,
                Err(StoreError::Conflict(Conflict::Cursor)) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    };
    let (first, other) = tokio::join!(share(&setup.store), share(&second));
    let resealed = first + other;
    assert!(
        (2 * VALUES..=2 * WITH_FILE).contains(&resealed),
        "{resealed}"
    );
    nothing_under(&second, 1).await;
    for everything in [&one, &two] {
        everything.reads_as_written(&second).await;
    }
    second.close().await;
}

/// A node that was not told seals nothing under a key that is being given up, and learns by itself.
pub(crate) async fn a_node_that_does_not_know_the_key_learns_of_it(setup: &Setup) {
    let driver = setup.driver(1).await;
    let other = open(&setup.options, 7).await.unwrap();
    rotate(setup, AtRest::Sm4Gcm).await;
    // Before the pass begins the old key is as good as the new one.
    touch(&other, &driver.id).await.unwrap();
    let open_write = other.begin_in(driver.id.partition()).await.unwrap();
    if setup.kind == Kind::Sqlite {
        // One writer at a time there; the next write of the other node begins with the old key too.
        drop(open_write);
        pass(&setup.store, 10).await;
        let refused = touch(&other, &driver.id).await;
        assert_eq!(conflict(refused), Conflict::Revision);
    } else {
        pass(&setup.store, 10).await;
        let late = entry("test.late");
        let refused = open_write.commit(late, Vec::new()).await;
        assert_eq!(conflict(refused), Conflict::Revision);
    }
    let late = Everything::of(setup, 2).await;
    touch(&other, &driver.id).await.unwrap();
    late.reads_as_written(&other).await;
    nothing_under(&other, 1).await;

    // A value that names an unknown key is refused once, and read from then on.
    rotate(setup, AtRest::Aes256Gcm).await;
    let fresh = setup.driver(3).await;
    let refused = other.driver(&fresh.id).await;
    assert_eq!(inconsistent(refused), ("drivers", "record_sealed"));
    let found = other.driver(&fresh.id).await.unwrap().unwrap();
    assert_eq!(found.record, fresh.record);
    other.close().await;
}

/// Every node can know a key before the first value lies under it.
pub(crate) async fn a_prepared_key_seals_nothing_yet(setup: &Setup) {
    setup.spoil();
    let store = &setup.store;
    let prepare = async |suite| {
        let mut rng = setup.rng();
        store.prepare_data_key(suite, &by(0), &mut rng).await
    };
    assert_eq!(prepare(AtRest::Sm4Gcm).await.unwrap(), 2);
    // An interrupted rotation goes on with the key it made.
    assert_eq!(prepare(AtRest::Sm4Gcm).await.unwrap(), 2);
    let refused = prepare(AtRest::Aes256Gcm).await;
    assert_eq!(conflict(refused), Conflict::Revision);
    let other = open(&setup.options, 7).await.unwrap();
    setup.driver(1).await;
    nothing_under(store, 2).await;

    store.activate_data_key(2, &by(5)).await.unwrap();
    let twice = store.activate_data_key(2, &by(5)).await;
    assert_eq!(conflict(twice), Conflict::Revision);
    // The other node was started after the key was made: it reads without a hitch.
    let driver = setup.driver(2).await;
    let found = other.driver(&driver.id).await.unwrap().unwrap();
    assert_eq!(found.record, driver.record);
    other.refresh_keys().await.unwrap();
    let photo = storage::PhotoId::generate(driver.id.partition(), &mut setup.rng());
    other
        .put_photo_bytes(&driver.id, &photo, b"face")
        .await
        .unwrap();
    assert_eq!(audited(setup, "seal.key-prepared").await, 1);
    assert_eq!(audited(setup, "seal.key-activated").await, 1);
    other.close().await;
}

/// SC-63: what was changed or exchanged is named by the pass, which goes on, and its key stays.
pub(crate) async fn sc_63_a_pass_names_what_does_not_open(setup: &Setup) {
    let one = Everything::of(setup, 1).await;
    let two = Everything::of(setup, 2).await;
    setup
        .execute(&format!(
            "UPDATE drivers SET record_sealed = (SELECT record_sealed FROM drivers WHERE id = '{}') WHERE id = '{}'",
            two.holder, one.holder
        ))
        .await;
    std::fs::remove_file(one.photo_file(setup)).unwrap();
    rotate(setup, AtRest::Aes256Gcm).await;
    let steps = pass(&setup.store, 3).await;
    let damaged: Vec<&Damaged> = steps.iter().flat_map(|step| &step.damaged).collect();
    let named = |place: &str, row: &str| Damaged {
        place: place.to_owned(),
        row: row.to_owned(),
    };
    assert_eq!(
        damaged,
        [
            &named("drivers.record_sealed", one.holder.as_str()),
            &named("objects.photo", one.photo.as_str()),
        ]
    );
    assert_eq!(steps.last().unwrap().damaged_so_far, 2);
    assert_eq!(total(&steps), 2 * WITH_FILE - 2);
    two.reads_as_written(&setup.store).await;
    let kept = setup.store.retire_data_key(1, &by(9_000)).await.unwrap();
    let in_use = vec![("drivers.record_sealed".to_owned(), 1)];
    assert_eq!(kept, Retirement::InUse(in_use));
}

pub(crate) async fn a_key_in_use_is_not_retired(setup: &Setup) {
    let store = &setup.store;
    let one = Everything::of(setup, 1).await;
    let retire = async |version| store.retire_data_key(version, &by(9_000)).await.unwrap();
    assert_eq!(retire(1).await, Retirement::NotOlder);
    assert_eq!(retire(9).await, Retirement::NotOlder);
    rotate(setup, AtRest::Aes256Gcm).await;
    assert_eq!(retire(1).await, Retirement::PassUnfinished);
    store.reseal_batch(&by(1), 1).await.unwrap();
    assert_eq!(retire(1).await, Retirement::PassUnfinished);
    pass(store, 10).await;
    // A file put back from before the pass is found by looking, whatever the pass said.
    let file = one.photo_file(setup);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[4] = 1;
    std::fs::write(&file, bytes).unwrap();
    let in_use = vec![("objects.photo".to_owned(), 1)];
    assert_eq!(retire(1).await, Retirement::InUse(in_use));
}

pub(crate) async fn another_master_key_takes_the_data_keys_over(setup: &Setup) {
    let one = Everything::of(setup, 1).await;
    rotate(setup, AtRest::Sm4Gcm).await;
    let two = Everything::of(setup, 2).await;
    let new = MasterKeys {
        master: [0x44; 32],
        index: keys().index,
    };
    let old_node = open(&setup.options, 9).await.unwrap();
    setup.store.rewrap(&new.master, &by(0)).await.unwrap();
    // A node that still has the old key reads on, and makes no data key that nobody could open.
    one.reads_as_written(&old_node).await;
    let mut rng = setup.rng();
    let by = by(0);
    let refused = old_node.rotate_data_key(AtRest::Sm4Gcm, &by, &mut rng);
    assert!(matches!(refused.await, Err(StoreError::Mismatch(_))));
    old_node.close().await;
    assert_eq!(audited(setup, "seal.keys-rewrapped").await, 1);
    let refused = open(&setup.options, 7).await;
    assert!(matches!(refused, Err(StoreError::Mismatch(_))));
    let mut rng = random::seeded(8);
    let again = Store::open(&setup.options, &new, start(), &mut rng);
    let again = again.await.unwrap();
    // The node that did it goes on, also with the next rotation.
    rotate(setup, AtRest::Aes256Gcm).await;
    pass(&setup.store, 10).await;
    again.refresh_keys().await.unwrap();
    for everything in [&one, &two] {
        everything.reads_as_written(&setup.store).await;
        everything.reads_as_written(&again).await;
    }
    again.close().await;
}
