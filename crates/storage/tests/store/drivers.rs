//! Drivers, their sealed records, and the revision that locks them.

use storage::{ActivationId, Conflict, HolderId, Notification, NotificationId, Partition};

use crate::{
    harness::{Setup, after, conflict, inconsistent, start},
    people,
    steps::{changed, driver_write, entry, plain_driver, write},
};

pub(crate) async fn a_driver_comes_back_as_written(setup: &Setup) {
    let driver = setup.driver(1).await;
    assert_eq!(driver.record, people::record(1, 1));
    assert_eq!((driver.revision, driver.registry_version), (1, 1));
    assert!(!driver.registry_gap);
    assert_eq!(driver.status_value, 0);
    assert!(driver.photo.is_some());
    assert_eq!(driver.updated_at, start());
    let digest = setup.store.blind("record", b"1 1");
    assert!(digest.matches(&driver.digest));
    let nobody = HolderId::random(&mut setup.rng());
    assert!(setup.store.driver(&nobody).await.unwrap().is_none());
}

pub(crate) async fn an_update_replaces_the_record_and_raises_the_revision(setup: &Setup) {
    let driver = setup.driver(1).await;
    let mut change = plain_driver(&setup.store, &driver.id, 1, 4, None);
    change.registry_gap = true;
    change.status_value = 3;
    change.next_transition_at = None;
    let change = setup.store.seal_driver(change).unwrap();
    let (mut tx, locked) = setup.store.begin(&driver.id, 1).await.unwrap();
    assert_eq!((locked.revision(), locked.holder()), (2, &driver.id));
    tx.update_driver(&locked, &change, after(5)).await.unwrap();
    let seen = tx.driver(&driver.id).await.unwrap().unwrap();
    assert_eq!(seen.registry_version, 4);
    let revision = tx.driver_revision(&driver.id).await.unwrap();
    assert_eq!(revision, Some(2));
    let nobody = HolderId::random(&mut setup.rng());
    assert_eq!(tx.driver_revision(&nobody).await.unwrap(), None);
    tx.commit(entry("registry.changed"), vec![changed(&driver.id)])
        .await
        .unwrap();
    let found = setup.reread(&driver.id).await;
    assert_eq!(found.record, people::record(1, 4));
    assert_eq!((found.revision, found.registry_version), (2, 4));
    assert!(found.registry_gap);
    assert_eq!((found.status_value, found.photo), (3, None));
    assert_eq!(found.updated_at, after(5));
}

pub(crate) async fn a_stale_revision_or_another_partition_is_refused(setup: &Setup) {
    let driver = setup.driver_in(Partition::of_holders(7), 1).await;
    write(&setup.store, &driver.id, async |_, _| Ok(()))
        .await
        .unwrap();
    for revision in [0, 1, 3] {
        let refused = setup.store.begin(&driver.id, revision).await;
        assert_eq!(conflict(refused), Conflict::Revision);
    }
    let mut tx = setup
        .store
        .begin_in(Partition::of_holders(8))
        .await
        .unwrap();
    assert_eq!(conflict(tx.lock(&driver.id, 2).await), Conflict::Revision);
    drop(tx);
    let stranger = HolderId::random(&mut setup.rng());
    let refused = setup.store.begin(&stranger, 1).await;
    assert_eq!(conflict(refused), Conflict::Revision);
    setup.store.begin(&driver.id, 2).await.unwrap();
}

pub(crate) async fn a_lock_is_good_for_its_driver_only(setup: &Setup) {
    let partition = Partition::of_holders(9);
    let one = setup.driver_in(partition, 1).await;
    let other = setup.driver_in(partition, 2).await;
    let change = driver_write(&setup.store, &other.id, 2, 2, None);
    let refused = write(&setup.store, &one.id, async |tx, locked| {
        tx.update_driver(locked, &change, after(5)).await
    })
    .await;
    assert_eq!(conflict(refused), Conflict::Revision);
    assert_eq!(setup.reread(&other.id).await.registry_version, 1);
    assert_eq!(setup.reread(&one.id).await.revision, 1);
}

pub(crate) async fn the_same_driver_is_not_added_twice(setup: &Setup) {
    let driver = setup.driver(1).await;
    let new = driver_write(&setup.store, &driver.id, 1, 2, None);
    let mut tx = setup.store.begin_in(driver.id.partition()).await.unwrap();
    let refused = tx.insert_drivers(&[new], start()).await;
    assert_eq!(conflict(refused), Conflict::Revision);
    drop(tx);
    assert_eq!(setup.reread(&driver.id).await.registry_version, 1);
}

/// A row lies in the partition that its identifier names; a transaction of another one refuses it.
pub(crate) async fn a_row_of_another_partition_is_refused(setup: &Setup) {
    let mut rng = setup.rng();
    let holder = HolderId::generate(Partition::of_holders(11), &mut rng);
    let new = driver_write(&setup.store, &holder, 1, 1, None);
    let code = setup.store.blind("activation", b"code");
    let id = ActivationId::generate(holder.partition(), &mut rng);
    let message = Notification {
        id: NotificationId::generate(holder.partition(), &mut rng),
        holder: holder.clone(),
        kind: "kind".to_owned(),
        params: "{}".to_owned(),
        created_at: start(),
        read_at: None,
    };
    let mut tx = setup
        .store
        .begin_in(Partition::of_holders(12))
        .await
        .unwrap();
    let refused = tx.insert_drivers(&[new], start()).await;
    assert_eq!(inconsistent(refused), ("drivers", "partition"));
    let refused = tx.set_password(&holder, "hash", start()).await;
    assert_eq!(inconsistent(refused), ("accounts", "partition"));
    let refused = tx
        .insert_activation_code((&id, &code), &holder, "stf_a", start(), after(60))
        .await;
    assert_eq!(inconsistent(refused), ("activation_codes", "partition"));
    let refused = tx.insert_notification(&message).await;
    assert_eq!(inconsistent(refused), ("notifications", "partition"));
    tx.commit(entry("test.refused"), Vec::new()).await.unwrap();
    assert!(setup.store.driver(&holder).await.unwrap().is_none());
    assert!(setup.store.account(&holder).await.unwrap().is_none());
}

/// More than one statement's worth at once, as a registry file brings them.
pub(crate) async fn many_drivers_are_added_and_read_at_once(setup: &Setup) {
    let partition = Partition::of_holders(200);
    let mut rng = setup.rng();
    let new: Vec<_> = (1..=1_100)
        .map(|n| {
            let id = HolderId::generate(partition, &mut rng);
            driver_write(&setup.store, &id, n, 1, None)
        })
        .collect();
    let mut tx = setup.store.begin_in(partition).await.unwrap();
    tx.insert_drivers(&new, start()).await.unwrap();
    tx.commit(entry("registry.imported"), Vec::new())
        .await
        .unwrap();
    let mut ids: Vec<_> = new.iter().map(|driver| driver.id.clone()).collect();
    ids.push(HolderId::generate(partition, &mut rng));
    let found = setup.store.drivers(&ids).await.unwrap();
    assert_eq!(found.len(), new.len());
    for driver in found {
        let n = new.iter().position(|new| new.id == driver.id).unwrap();
        let written = people::record(u32::try_from(n).unwrap() + 1, 1);
        assert_eq!(driver.record, written);
    }
}

/// SC-63: a record moved to another driver, or an older one put back, does not open.
pub(crate) async fn sc_63_a_swapped_or_rolled_back_record_is_noticed(setup: &Setup) {
    let partition = Partition::of_holders(10);
    let one = setup.driver_in(partition, 1).await;
    let other = setup.driver_in(partition, 2).await;
    let swap = format!(
        "UPDATE drivers SET record_sealed = (SELECT record_sealed FROM drivers WHERE id = '{}') WHERE id = '{}'",
        other.id, one.id
    );
    setup
        .execute("CREATE TABLE stolen AS SELECT id, record_sealed FROM drivers")
        .await;
    assert_eq!(setup.execute(&swap).await, 1);
    let found = setup.store.driver(&one.id).await;
    assert_eq!(inconsistent(found), ("drivers", "record_sealed"));
    setup.reread(&other.id).await;

    let change = driver_write(&setup.store, &other.id, 2, 2, None);
    write(&setup.store, &other.id, async |tx, locked| {
        tx.update_driver(locked, &change, after(5)).await
    })
    .await
    .unwrap();
    let roll_back = format!(
        "UPDATE drivers SET record_sealed = (SELECT record_sealed FROM stolen WHERE id = '{0}') WHERE id = '{0}'",
        other.id
    );
    assert_eq!(setup.execute(&roll_back).await, 1);
    let found = setup.store.driver(&other.id).await;
    assert_eq!(inconsistent(found), ("drivers", "record_sealed"));
}
