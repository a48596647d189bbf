//! Which index key opens a store, before, during and after its change, and what else hangs on it.

use std::collections::BTreeSet;

use storage::{AliasKind, AtRest, Conflict, HolderId, IndexRetirement, MasterKeys, Store};
use testkit::random;

use crate::{
    backups::restore,
    harness::{Setup, conflict, keys, open, start},
    reindex::{NEW, all_found, begin, by, is_mismatch, named, open_with, pass, retire, some},
};

/// Places in the status lists, offices, codes and records are by another key, which stays.
pub(crate) async fn what_is_no_name_stays_where_it_is(setup: &Setup) {
    let store = &setup.store;
    let own = |store: &Store| store.lasting_alias(AliasKind::LicenceNumber, "1");
    let before = (store.blind("kind", b"value"), own(store));
    let place = |store: &Store| store.office_partition("1101");
    let office = place(store);
    begin(setup).await;
    pass(store, 10).await;
    assert_eq!(retire(store).await, IndexRetirement::Retired);
    let again = open_with(&setup.options, NEW).await.unwrap();
    for store in [store, &again] {
        assert_eq!((store.blind("kind", b"value"), own(store)), before);
        assert_eq!(place(store), office);
    }
    again.close().await;
}

/// SC-63: at the start, before the pass, during it and after it.
pub(crate) async fn sc_63_wrong_index_keys_are_refused(setup: &Setup) {
    let store = &setup.store;
    let suite = AtRest::Aes256Gcm;
    named(setup, 1).await;
    assert_eq!(
        conflict(store.begin_reindex(&by(0)).await),
        Conflict::Revision
    );
    for used in [keys().index, keys().master] {
        let refused = store.prepare_index_key(&used, suite, &by(0)).await;
        assert!(is_mismatch(&refused));
    }
    assert!(is_mismatch(&open_with(&setup.options, NEW).await));
    begin(setup).await;
    // The same again goes on; another is refused.
    let again = store.prepare_index_key(&NEW, suite, &by(0)).await;
    assert_eq!(again.unwrap(), 2);
    let other = store.prepare_index_key(&[0x78; 32], suite, &by(0)).await;
    assert_eq!(conflict(other), Conflict::Revision);
    assert!(is_mismatch(&open_with(&setup.options, [0x78; 32]).await));
    assert!(matches!(retire(store).await, IndexRetirement::InUse(4)));
    wrong_at_the_end(setup).await;
}

async fn wrong_at_the_end(setup: &Setup) {
    let store = &setup.store;
    pass(store, 10).await;
    for older in [keys().index, [0x78; 32]] {
        let kept = store.retire_index_key(&older, &by(3)).await.unwrap();
        assert_eq!(kept, IndexRetirement::NotTheNewer);
    }
    assert_eq!(retire(store).await, IndexRetirement::Retired);
    for wrong in [keys().index, [0x78; 32]] {
        assert!(is_mismatch(&open_with(&setup.options, wrong).await));
    }
    open_with(&setup.options, NEW).await.unwrap().close().await;
    // And on to the next.
    let third = store
        .prepare_index_key(&[0x78; 32], AtRest::Sm4Gcm, &by(4))
        .await;
    assert_eq!(third.unwrap(), 3);
}

/// SC-63: nothing is lost because a record was tampered with: its names stay, and so does the key.
pub(crate) async fn sc_63_names_of_a_record_that_does_not_open_stay(setup: &Setup) {
    let store = &setup.store;
    let drivers = some(setup, 3).await;
    let (one, two) = (&drivers[0].holder, &drivers[1].holder);
    let swap = |to: &HolderId, from: &str| {
        format!("UPDATE drivers SET record_sealed = ({from}) WHERE id = '{to}'")
    };
    setup
        .execute("CREATE TABLE kept (record_sealed BYTEA)")
        .await;
    setup
        .execute(&format!(
            "INSERT INTO kept SELECT record_sealed FROM drivers WHERE id = '{one}'"
        ))
        .await;
    let of_two = format!("SELECT record_sealed FROM drivers WHERE id = '{two}'");
    setup.execute(&swap(one, &of_two)).await;
    begin(setup).await;
    let steps = pass(store, 2).await;
    let damaged: BTreeSet<&str> = steps
        .iter()
        .flat_map(|step| &step.damaged)
        .map(|one| one.row.as_str())
        .collect();
    assert_eq!(damaged, BTreeSet::from([one.as_str()]));
    assert_eq!(steps.last().unwrap().left, 4);
    assert_eq!(retire(store).await, IndexRetirement::InUse(4));
    setup
        .execute(&swap(one, "SELECT record_sealed FROM kept"))
        .await;
    assert_eq!(pass(store, 2).await.last().unwrap().left, 0);
    assert_eq!(retire(store).await, IndexRetirement::Retired);
    all_found(store, &drivers).await;
}

pub(crate) async fn a_backup_from_the_middle_of_a_pass_goes_on(setup: &Setup) {
    let drivers = some(setup, 4).await;
    begin(setup).await;
    setup.store.reindex_batch(&by(2), 2).await.unwrap();
    setup.back_up("backup").await;
    let target = setup.target(setup.kind, "target");
    restore(&setup.path("backup"), &target).await.unwrap();
    // With either key, as where it was made.
    let older = open(&target, 7).await.unwrap();
    all_found(&older, &drivers).await;
    older.close().await;
    let newer = open_with(&target, NEW).await.unwrap();
    all_found(&newer, &drivers).await;
    assert!(newer.names_under(1).await.unwrap() > 0);
    pass(&newer, 2).await;
    assert_eq!(retire(&newer).await, IndexRetirement::Retired);
    all_found(&newer, &drivers).await;
    newer.close().await;
    assert!(is_mismatch(&open(&target, 7).await));
}

/// What lies wrapped is wrapped anew, all of it.
pub(crate) async fn another_master_key_in_the_middle_of_a_pass(setup: &Setup) {
    let drivers = some(setup, 2).await;
    let blind = setup.store.blind("kind", b"value");
    begin(setup).await;
    setup.store.rewrap(&[0x44; 32], &by(2)).await.unwrap();
    pass(&setup.store, 2).await;
    let keys = MasterKeys {
        master: [0x44; 32],
        index: NEW,
    };
    let mut rng = random::seeded(8);
    let again = Store::open(&setup.options, &keys, start(), &mut rng);
    let again = again.await.unwrap();
    assert_eq!(again.blind("kind", b"value"), blind);
    all_found(&again, &drivers).await;
    assert_eq!(retire(&again).await, IndexRetirement::Retired);
    again.close().await;
    assert!(is_mismatch(&open_with(&setup.options, NEW).await));
}
