//! Jobs that one node at a time does, and what the calendar's job reads and writes.

use storage::Partition;

use crate::{
    harness::{Setup, after},
    steps::write,
};

/// SC-66: whom the calendar concerns is found over all partitions, the longest due first, and not
/// again once turned.
pub(crate) async fn sc_66_drivers_whose_instant_has_come_are_found(setup: &Setup) {
    let mut ids = Vec::new();
    for n in 1..=3_u8 {
        let partition = Partition::of_holders(n * 80);
        let driver = setup.driver_in(partition, u32::from(n)).await;
        // The last one is due first.
        let next = after(100 - i64::from(n));
        write(&setup.store, &driver.id, async |tx, locked| {
            tx.turn_driver(locked, 0, Some(next)).await
        })
        .await
        .unwrap();
        ids.insert(0, driver.id);
    }
    let due = async |seconds, limit| {
        let found = setup.store.drivers_due(after(seconds), limit);
        found.await.unwrap()
    };
    assert_eq!(due(96, 10).await, []);
    assert_eq!(due(98, 10).await, ids[..2]);
    assert_eq!(due(500, 10).await, ids);
    assert_eq!(due(500, 1).await, ids[..1]);

    for (holder, next) in ids.iter().zip([None, Some(after(600)), None]) {
        let before = setup.reread(holder).await;
        write(&setup.store, holder, async |tx, locked| {
            tx.turn_driver(locked, 3, next).await
        })
        .await
        .unwrap();
        let turned = setup.reread(holder).await;
        assert_eq!((turned.status_value, before.status_value), (3, 0));
        assert_eq!(turned.revision, before.revision + 1);
        assert_eq!(turned.record, before.record);
    }
    assert_eq!(due(500, 10).await, []);
    assert_eq!(due(600, 10).await, ids[1..2]);
}

pub(crate) async fn a_lease_is_renewed_by_its_owner_and_ends_by_itself(setup: &Setup) {
    let lease = async |name, owner, now, until| {
        let taken = setup.store.lease(name, owner, after(now), after(until));
        taken.await.unwrap()
    };
    assert!(lease("calendar", "node-a", 0, 30).await);
    assert!(!lease("calendar", "node-b", 29, 60).await);
    assert!(lease("another", "node-b", 29, 60).await);
    assert!(lease("calendar", "node-a", 29, 60).await);
    assert!(!lease("calendar", "node-b", 59, 90).await);
    assert!(lease("calendar", "node-b", 60, 90).await);
    assert!(!lease("calendar", "node-a", 61, 90).await);
}

pub(crate) async fn of_two_nodes_at_once_one_has_the_lease(setup: &Setup) {
    for round in 0..12 {
        let name = format!("job-{round}");
        let nodes = ["node-a", "node-b", "node-c"].map(|owner| {
            let (store, name) = (setup.store.clone(), name.clone());
            tokio::spawn(async move {
                let taken = store.lease(&name, owner, after(0), after(30));
                taken.await.unwrap()
            })
        });
        let mut holders = 0;
        for node in nodes {
            holders += u32::from(node.await.unwrap());
        }
        assert_eq!(holders, 1);
    }
}
