//! The audit trail and the events: numbered in commit order, chained, all or nothing.

use storage::{
    Conflict, Partition, Store,
    audit::{AuditRow, Trail},
    outbox::Event,
};

use crate::{
    harness::{Setup, after, conflict, start},
    steps::{changed, driver_write, entry, touch, write_in},
};

/// All rows of a partition, after checking numbers and chain from 32 zero bytes on.
pub(crate) async fn whole_trail(store: &Store, partition: Partition) -> Vec<AuditRow> {
    let rows = store.audit_after(partition, 0, 100_000).await.unwrap();
    let mut previous = vec![0; 32];
    for (seq, row) in (1..).zip(&rows) {
        assert_eq!((row.partition, row.seq), (partition, seq));
        assert_eq!(row.hash, row.chained(&previous));
        previous.clone_from(&row.hash);
    }
    rows
}

pub(crate) async fn audit_rows_come_back_as_written(setup: &Setup) {
    let driver = setup.driver(1).await;
    let partition = driver.id.partition();
    let tx = setup.store.begin_in(partition).await.unwrap();
    assert_eq!(tx.partition(), partition);
    let trail = Trail::from(
        entry("e-licence.issued")
            .about(&driver.id)
            .with("suite", "ES256")
            .with("edition", 2),
    )
    .and(entry("credential.issued"));
    let committed = tx.commit(trail, Vec::new()).await.unwrap();
    assert_eq!(committed.partition, partition);
    assert_eq!((committed.audit_seq, committed.outbox_seq), (3, 1));
    let rows = whole_trail(&setup.store, partition).await;
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[1].act, "e-licence.issued");
    assert_eq!(rows[1].at, start());
    assert_eq!(rows[1].actor, "stf_test");
    assert_eq!(rows[1].request, "request-1");
    assert_eq!(rows[1].subject, driver.id.as_str());
    assert_eq!(rows[1].detail, r#"{"edition":2,"suite":"ES256"}"#);
    assert_eq!(rows[2].act, "credential.issued");
    assert_eq!(
        (rows[2].subject.as_str(), rows[2].detail.as_str()),
        ("", "{}")
    );
    let page = setup.store.audit_after(partition, 1, 1).await.unwrap();
    assert_eq!(page, rows[1..2]);
}

pub(crate) async fn partitions_have_trails_of_their_own(setup: &Setup) {
    let (one, other) = (Partition::of_holders(1), Partition::of_holders(2));
    for partition in [one, other, one, Partition::SYSTEM, one] {
        write_in(&setup.store, partition, async |_| Ok(()))
            .await
            .unwrap();
    }
    for (partition, length) in [(one, 3), (other, 1), (Partition::SYSTEM, 1)] {
        assert_eq!(whole_trail(&setup.store, partition).await.len(), length);
    }
}

/// More than one statement's worth of rows and events in one act.
pub(crate) async fn a_long_trail_is_numbered_and_chained(setup: &Setup) {
    let driver = setup.driver(1).await;
    let partition = driver.id.partition();
    let entries = (0..1_200).map(|n| entry("registry.imported").with("line", n));
    let trail = Trail::of(entries.collect()).unwrap();
    let events = vec![changed(&driver.id); 1_100];
    let tx = setup.store.begin_in(partition).await.unwrap();
    let committed = tx.commit(trail, events).await.unwrap();
    assert_eq!((committed.audit_seq, committed.outbox_seq), (1_201, 1_101));
    let rows = whole_trail(&setup.store, partition).await;
    assert_eq!(rows.len(), 1_201);
    assert_eq!(rows[1_200].detail, r#"{"line":1199}"#);
    let events = setup.store.events_after(partition, 0, 5_000).await.unwrap();
    let seqs: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (1..=1_101).collect::<Vec<_>>());
    assert!(Trail::of(Vec::new()).is_none());
}

/// SC-62: a changed row no longer has the hash that its chain asks for.
pub(crate) async fn sc_62_a_changed_row_breaks_the_chain(setup: &Setup) {
    let partition = Partition::of_holders(5);
    for _ in 0..4 {
        write_in(&setup.store, partition, async |_| Ok(()))
            .await
            .unwrap();
    }
    let before = whole_trail(&setup.store, partition).await;
    for change in [
        "actor = 'stf_else'",
        "act = 'test.read'",
        "at = at + 1",
        "subject = 'drv_x'",
        "request = ''",
        "detail = '{\"a\":1}'",
    ] {
        setup
            .execute(&format!("UPDATE audit SET {change} WHERE seq = 2"))
            .await;
        let rows = setup.store.audit_after(partition, 0, 10).await.unwrap();
        assert_ne!(rows[1].hash, rows[1].chained(&rows[0].hash), "{change}");
        let row = &before[1];
        let restore = format!(
            "UPDATE audit SET actor = '{}', act = '{}', at = {}, subject = '{}', request = '{}', detail = '{}' WHERE seq = 2",
            row.actor,
            row.act,
            row.at.as_microsecond(),
            row.subject,
            row.request,
            row.detail
        );
        setup.execute(&restore).await;
        assert_eq!(whole_trail(&setup.store, partition).await, before);
    }
}

/// SC-61: an act that did not commit left nothing: no record, no audit row, no event, no number.
pub(crate) async fn sc_61_what_is_not_committed_never_was(setup: &Setup) {
    let driver = setup.driver(1).await;
    let partition = driver.id.partition();
    let change = driver_write(&setup.store, &driver.id, 1, 2, None);
    let (mut tx, locked) = setup.store.begin(&driver.id, 1).await.unwrap();
    tx.update_driver(&locked, &change, after(5)).await.unwrap();
    drop(tx);
    let (mut tx, locked) = setup.store.begin(&driver.id, 1).await.unwrap();
    tx.update_driver(&locked, &change, after(5)).await.unwrap();
    let numbered = tx
        .number(entry("registry.changed"), vec![changed(&driver.id)])
        .await
        .unwrap();
    drop(numbered);
    let found = setup.reread(&driver.id).await;
    assert_eq!((found.revision, found.registry_version), (1, 1));
    assert_eq!(whole_trail(&setup.store, partition).await.len(), 1);
    let committed = touch(&setup.store, &driver.id).await.unwrap();
    assert_eq!((committed.audit_seq, committed.outbox_seq), (2, 2));
    assert_eq!(whole_trail(&setup.store, partition).await.len(), 2);
    let again = setup.store.begin(&driver.id, 2).await;
    assert_eq!(conflict(again), Conflict::Revision);
}

pub(crate) async fn events_follow_in_commit_order(setup: &Setup) {
    let partition = Partition::of_holders(6);
    let mut expected = Vec::new();
    for n in 1..=5 {
        let driver = setup.driver_in(partition, n).await;
        expected.push(changed(&driver.id));
        setup.driver_in(Partition::of_holders(7), n + 100).await;
    }
    let all = setup.store.events_after(partition, 0, 100).await.unwrap();
    let found: Vec<Event> = all.iter().map(|one| one.event.clone()).collect();
    assert_eq!(found, expected);
    assert!(all.iter().all(|one| one.at == start()));
    let page = setup.store.events_after(partition, 2, 2).await.unwrap();
    let seqs: Vec<u64> = page.iter().map(|one| one.seq).collect();
    assert_eq!(seqs, [3, 4]);
    let heads = setup.store.outbox_heads().await.unwrap();
    assert!(heads.contains(&(partition, 5)));
    assert_eq!(page[0].event.holder(), expected[2].holder());
}

/// Every kind of event keeps what it says.
pub(crate) async fn events_come_back_as_written(setup: &Setup) {
    let driver = setup.driver(1).await;
    let current = setup.issued(&driver.id).await;
    let holder = driver.id.clone();
    let written = vec![
        changed(&holder),
        Event::CredentialStatus {
            holder: holder.clone(),
            place: current.credential.as_ref().unwrap().place,
            value: 3,
        },
        Event::ELicenceChanged {
            holder: holder.clone(),
            e_licence: current.e_licence.id.clone(),
            stage: "superseded".to_owned(),
        },
        Event::ApplicationChanged {
            holder: holder.clone(),
            application: current.e_licence.application.clone(),
            stage: "under-review".to_owned(),
            office: "110101".to_owned(),
            submitted_at: Some(after(1)),
            due_at: None,
        },
        Event::Notified {
            holder: holder.clone(),
            notification: storage::NotificationId::generate(holder.partition(), &mut setup.rng()),
        },
    ];
    let tx = setup.store.begin_in(holder.partition()).await.unwrap();
    let head = tx.commit(entry("test"), written.clone()).await.unwrap();
    let found = setup
        .store
        .events_after(holder.partition(), head.outbox_seq - 5, 10)
        .await
        .unwrap();
    let found: Vec<Event> = found.into_iter().map(|one| one.event).collect();
    assert_eq!(found, written);
}
