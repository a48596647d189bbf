//! The index key changes while drivers are looked up, claimed and written.

use std::time::Duration;

use licence::{LicenceNumber, Record};
use storage::{
    AliasClaim, AliasKind, AtRest, Conflict, HolderId, IndexRetirement, MasterKeys, Partition,
    Reindexed, Steward, Store, StoreError, StoreOptions, names_of,
};
use testkit::random;

use crate::{
    harness::{Setup, after, keys, open, start},
    people,
    rotation::{audited, dropped_after},
    steps::{entry, plain_driver, write},
};

pub(crate) const NEW: [u8; 32] = [0x77; 32];

pub(crate) fn by(seconds: i64) -> Steward<'static> {
    Steward {
        actor: "operator",
        request: "request-1",
        now: after(seconds),
    }
}

/// A driver with a name of every kind, a previous number among them.
pub(crate) struct Named {
    pub(crate) holder: HolderId,
    pub(crate) record: Record,
}

pub(crate) fn record(n: u32, version: i64) -> Record {
    let mut record = people::record(n, version);
    let previous = LicenceNumber::parse(&people::licence_number(n + 5_000)).unwrap();
    record.previous_licence_numbers = vec![previous];
    record
}

pub(crate) fn claims(store: &Store, holder: &HolderId, record: &Record) -> Vec<AliasClaim> {
    let claim = |(kind, name)| AliasClaim {
        kind,
        blind: store.alias(kind, name),
        holder: holder.clone(),
    };
    names_of(record).into_iter().map(claim).collect()
}

/// Claims the names of a new driver and writes it, as a delivery does.
pub(crate) async fn deliver(store: &Store, holder: &HolderId, n: u32) -> Result<(), StoreError> {
    let mut driver = plain_driver(store, holder, n, 1, None);
    driver.record = record(n, 1);
    let claims = claims(store, holder, &driver.record);
    let owned = store.claim_aliases(&claims, start()).await?;
    assert!(owned.values().all(|owner| owner == holder));
    let sealed = store.seal_driver(driver)?;
    let mut tx = store.begin_in(holder.partition()).await?;
    tx.insert_drivers(&[sealed], start()).await?;
    let trail = entry("registry.registered");
    tx.commit(trail, Vec::new()).await.map(drop)
}

pub(crate) async fn named(setup: &Setup, n: u32) -> Named {
    let holder = HolderId::random(&mut setup.rng());
    deliver(&setup.store, &holder, n).await.unwrap();
    Named {
        holder,
        record: record(n, 1),
    }
}

pub(crate) async fn some(setup: &Setup, count: u32) -> Vec<Named> {
    let mut drivers = Vec::new();
    for n in 0..count {
        drivers.push(named(setup, n).await);
    }
    drivers
}

pub(crate) async fn all_found(store: &Store, drivers: &[Named]) {
    for driver in drivers {
        for (kind, name) in names_of(&driver.record) {
            let found = store.holders_named(kind, &[name, "nobody's"]).await;
            assert_eq!(found.unwrap(), [Some(driver.holder.clone()), None]);
        }
    }
}

pub(crate) async fn prepare(setup: &Setup, suite: AtRest) {
    setup.spoil();
    let version = setup.store.prepare_index_key(&NEW, suite, &by(0)).await;
    assert_eq!(version.unwrap(), 2);
}

pub(crate) async fn begin(setup: &Setup) {
    prepare(setup, AtRest::Aes256Gcm).await;
    assert_eq!(setup.store.begin_reindex(&by(1)).await.unwrap(), 2);
}

/// Steps until the pass has been everywhere.
pub(crate) async fn pass(store: &Store, limit: u32) -> Vec<Reindexed> {
    let mut steps = Vec::new();
    loop {
        let step = store.reindex_batch(&by(2), limit).await.unwrap();
        let finished = step.finished;
        steps.push(step);
        if finished {
            return steps;
        }
    }
}

pub(crate) async fn retire(store: &Store) -> IndexRetirement {
    store.retire_index_key(&NEW, &by(3)).await.unwrap()
}

pub(crate) async fn open_with(
    options: &StoreOptions,
    index: [u8; 32],
) -> Result<Store, StoreError> {
    let keys = MasterKeys {
        master: keys().master,
        index,
    };
    Store::open(options, &keys, start(), &mut random::seeded(9)).await
}

pub(crate) fn is_mismatch<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Mismatch(_)))
}

pub(crate) async fn every_name_is_found_at_every_step_of_a_pass(setup: &Setup) {
    takes_over(setup, AtRest::Aes256Gcm).await;
}

pub(crate) async fn an_index_key_of_another_suite_takes_over(setup: &Setup) {
    takes_over(setup, AtRest::Sm4Gcm).await;
}

async fn takes_over(setup: &Setup, suite: AtRest) {
    const DRIVERS: u32 = 4;
    let store = &setup.store;
    let drivers = some(setup, DRIVERS).await;
    // A file number may be two drivers' by mistake.
    let shared = &drivers[0].record.file_number.as_ref().unwrap().as_str();
    let also = AliasClaim {
        kind: AliasKind::FileNumber,
        blind: store.alias(AliasKind::FileNumber, shared),
        holder: drivers[1].holder.clone(),
    };
    store.claim_aliases(&[also], start()).await.unwrap();
    prepare(setup, suite).await;
    all_found(store, &drivers[1..]).await;
    assert_eq!(store.begin_reindex(&by(1)).await.unwrap(), 2);
    assert_eq!(store.begin_reindex(&by(1)).await.unwrap(), 2);
    all_found(store, &drivers[1..]).await;
    let steps = step_by_step(store, &drivers[1..]).await;
    let moved: u64 = steps.iter().map(|step| step.moved).sum();
    let given_up: u64 = steps.iter().map(|step| step.given_up).sum();
    assert_eq!((moved, given_up), (u64::from(DRIVERS) * 4, 1));
    all_found(store, &drivers).await;
    assert_eq!(store.names_under(1).await.unwrap(), 0);
    assert_eq!(store.names_under(2).await.unwrap(), moved);
    assert_eq!(audited(setup, "seal.reindexed").await, steps.len() - 1);
    settles(setup, &drivers, suite).await;
}

/// The pass in the smallest steps; behind each, every name is found.
async fn step_by_step(store: &Store, drivers: &[Named]) -> Vec<Reindexed> {
    let mut steps = Vec::new();
    loop {
        let step = store.reindex_batch(&by(2), 1).await.unwrap();
        all_found(store, drivers).await;
        let finished = step.finished;
        assert_eq!(step.left, 0);
        steps.push(step);
        if finished {
            return steps;
        }
        if steps.len() == 1 {
            assert!(matches!(retire(store).await, IndexRetirement::InUse(_)));
        }
    }
}

/// The newer key alone is known afterwards, and a node that was not told goes on.
async fn settles(setup: &Setup, drivers: &[Named], suite: AtRest) {
    for index in [keys().index, NEW] {
        let either = open_with(&setup.options, index).await.unwrap();
        all_found(&either, drivers).await;
        either.close().await;
    }
    assert_eq!(retire(&setup.store).await, IndexRetirement::Retired);
    assert_eq!(retire(&setup.store).await, IndexRetirement::NoOlder);
    let left = setup.store.index_keys().await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].version, left[0].suite), (2, suite));
    assert!(is_mismatch(&open_with(&setup.options, keys().index).await));
    let again = open_with(&setup.options, NEW).await.unwrap();
    for store in [&setup.store, &again] {
        all_found(store, drivers).await;
        let finished = store.reindex_batch(&by(9), 10).await.unwrap();
        assert!(finished.finished);
    }
    again.close().await;
    left_behind(setup).await;
}

/// An audit row of each step, and no key.
async fn left_behind(setup: &Setup) {
    for act in [
        "seal.index-prepared",
        "seal.reindex-begun",
        "seal.reindex-everywhere",
        "seal.index-retired",
    ] {
        assert_eq!(audited(setup, act).await, 1);
    }
    let wrapped = "UPDATE blind_indexes SET wrapped = NULL WHERE wrapped IS NOT NULL";
    assert_eq!(setup.execute(wrapped).await, 0);
}

/// A pass that is dropped after any number of polls, and a node started anew, lose no name.
pub(crate) async fn a_pass_dropped_anywhere_goes_on(setup: &Setup) {
    let drivers = some(setup, 4).await;
    begin(setup).await;
    let mut interrupted = 0;
    for polls in 1..60 {
        let by = by(2);
        match dropped_after(polls, setup.store.reindex_batch(&by, 2)).await {
            None => interrupted += 1,
            Some(Ok(step)) if step.finished => break,
            // Or the commit of a step that was dropped came through after this one had begun.
            Some(Ok(_) | Err(StoreError::Conflict(Conflict::Cursor))) => {}
            Some(Err(error)) => panic!("{error:?}"),
        }
        all_found(&setup.store, &drivers).await;
    }
    assert!(interrupted > 0);
    // What was dropped last may still be on its way.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let again = open_with(&setup.options, NEW).await.unwrap();
    pass(&again, 2).await;
    assert_eq!(retire(&again).await, IndexRetirement::Retired);
    all_found(&again, &drivers).await;
    let mut raw = setup.raw().await;
    let (moved, given_up): (i64, i64) =
        sqlx::query_as("SELECT moved, given_up FROM reindexes WHERE version = 2")
            .fetch_one(&mut raw)
            .await
            .unwrap();
    assert_eq!((moved, given_up), (16, 0));
    again.close().await;
}

pub(crate) async fn two_nodes_share_a_pass_over_names(setup: &Setup) {
    let drivers = some(setup, 6).await;
    let other = open(&setup.options, 7).await.unwrap();
    begin(setup).await;
    let share = async |store: &Store| {
        let mut moved = 0;
        loop {
            match store.reindex_batch(&by(2), 1).await {
                Ok(step) if step.finished => return moved,
                Ok(step) => moved += step.moved,
                Err(StoreError::Conflict(Conflict::Cursor)) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    };
    let (first, second) = tokio::join!(share(&setup.store), share(&other));
    assert_eq!(first + second, 6 * 4);
    assert_eq!(retire(&other).await, IndexRetirement::Retired);
    // The one that did not retire the key hears of it.
    all_found(&setup.store, &drivers).await;
    all_found(&other, &drivers).await;
    other.close().await;
}

/// Nobody can tell the name of a claim whose driver never came.
pub(crate) async fn a_claim_without_a_driver_is_given_up(setup: &Setup) {
    let store = &setup.store;
    let mut rng = setup.rng();
    let (never, later) = (HolderId::random(&mut rng), HolderId::random(&mut rng));
    let orphans = claims(store, &never, &record(3, 1));
    store.claim_aliases(&orphans, start()).await.unwrap();
    begin(setup).await;
    let steps = pass(store, 10).await;
    let given_up: u64 = steps.iter().map(|step| step.given_up).sum();
    assert_eq!(given_up, 4);
    assert_eq!(retire(store).await, IndexRetirement::Retired);
    deliver(store, &later, 3).await.unwrap();
    let found = Named {
        holder: later,
        record: record(3, 1),
    };
    all_found(store, &[found]).await;
}

/// A number that a driver had and whose record does not hold it any more goes too, and the audit names
/// the driver: until then nobody else could have it.
pub(crate) async fn a_former_name_is_given_up_and_said_so(setup: &Setup) {
    let store = &setup.store;
    let known = named(setup, 1).await;
    let mut changed = plain_driver(store, &known.holder, 1, 2, None);
    changed.record = people::record(1, 2);
    let changed = store.seal_driver(changed).unwrap();
    let change = write(store, &known.holder, async |tx, locked| {
        tx.update_driver(locked, &changed, after(1)).await
    });
    change.await.unwrap();
    begin(setup).await;
    let steps = pass(store, 10).await;
    let given_up: u64 = steps.iter().map(|step| step.given_up).sum();
    assert_eq!(given_up, 1);
    let mut told = Vec::new();
    for partition in Partition::all() {
        let rows = store.audit_after(partition, 0, 1_000).await.unwrap();
        told.extend(rows.into_iter().map(|row| row.detail));
    }
    let former_of = format!(r#""former_of":["{}"]"#, known.holder);
    assert_eq!(
        told.iter().filter(|row| row.contains(&former_of)).count(),
        1
    );
    let previous = known.record.previous_licence_numbers[0].as_str();
    let names = [previous];
    let found = store.holders_named(AliasKind::LicenceNumber, &names);
    assert_eq!(found.await.unwrap(), [None]);
}

/// Between the beginning and the pass, whoever claims its own again has it under the newer key.
pub(crate) async fn a_claim_is_brought_over_by_its_holder(setup: &Setup) {
    let store = &setup.store;
    let holder = HolderId::random(&mut setup.rng());
    let early = claims(store, &holder, &record(3, 1));
    store.claim_aliases(&early, start()).await.unwrap();
    begin(setup).await;
    deliver(store, &holder, 3).await.unwrap();
    // The file number is there twice, which harms nobody.
    assert_eq!(store.names_under(1).await.unwrap(), 1);
    assert_eq!(store.names_under(2).await.unwrap(), 4);
    let steps = pass(store, 10).await;
    assert_eq!(steps.iter().map(|step| step.given_up).sum::<u64>(), 0);
    assert_eq!(store.names_under(2).await.unwrap(), 4);
    assert_eq!(retire(store).await, IndexRetirement::Retired);
    let found = Named {
        holder,
        record: record(3, 1),
    };
    all_found(store, &[found]).await;
}
