//! Two acts at once on one driver: exactly one wins, the other gets a named conflict.

use std::sync::Arc;

use licence::application::Stage;
use storage::{Conflict, Driver, StoreError};
use tokio::{sync::Barrier, task::JoinHandle};

use crate::{
    audit::whole_trail,
    harness::{Setup, after, conflict},
    steps::{driver_write, entry, issue, new_application, new_credential, new_e_licence, write},
};

const ROUNDS: u32 = 12;

/// Starts `act` with others that wait at the same barrier.
fn at_once<T: Send + 'static>(
    barrier: &Arc<Barrier>,
    act: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    let barrier = Arc::clone(barrier);
    tokio::spawn(async move {
        barrier.wait().await;
        act.await
    })
}

/// How many were done; every other was refused with one of `conflicts`.
fn done<T>(results: Vec<Result<T, StoreError>>, conflicts: &[Conflict]) -> usize {
    let mut done = 0;
    for result in results {
        if result.is_ok() {
            done += 1;
        } else {
            let refused = conflict(result);
            assert!(conflicts.contains(&refused), "{refused:?}");
        }
    }
    done
}

/// Two officers approve what both saw under review.
pub(crate) async fn of_two_approvals_one_counts(setup: &Setup) {
    for n in 0..ROUNDS {
        let driver = setup.driver(n).await;
        let id = setup.applied(&driver.id).await;
        let revision = setup.reread(&driver.id).await.revision;
        let barrier = Arc::new(Barrier::new(2));
        let officers = ["stf_a", "stf_b"].map(|who| {
            let (store, holder, id) = (setup.store.clone(), driver.id.clone(), id.clone());
            at_once(&barrier, async move {
                let (mut tx, locked) = store.begin(&holder, revision).await?;
                tx.approve_application(&locked, &id, who, after(30)).await?;
                let entry = entry("application.approved").about(&holder);
                tx.commit(entry.with("by", who), Vec::new()).await
            })
        });
        let mut results = Vec::new();
        for officer in officers {
            results.push(officer.await.unwrap());
        }
        let winner = usize::from(results[0].is_err());
        assert_eq!(done(results, &[Conflict::Revision]), 1);
        let found = setup.store.application(&id).await.unwrap().unwrap();
        assert_eq!(found.stage, Stage::Approved);
        assert_eq!(
            found.decided_by.as_deref(),
            Some(["stf_a", "stf_b"][winner])
        );
        assert_eq!(setup.reread(&driver.id).await.revision, revision + 1);
        let trail = whole_trail(&setup.store, driver.id.partition()).await;
        let approvals = trail
            .iter()
            .filter(|row| row.act == "application.approved" && row.subject == driver.id.as_str());
        assert_eq!(approvals.count(), 1);
    }
}

/// The officer who reads the driver anew after losing still finds the application moved.
pub(crate) async fn an_approval_tried_again_finds_the_state_guarded(setup: &Setup) {
    for n in 0..ROUNDS {
        let driver = setup.driver(n).await;
        let id = setup.applied(&driver.id).await;
        let barrier = Arc::new(Barrier::new(3));
        let mut officers = Vec::new();
        for who in ["stf_a", "stf_b", "stf_c"] {
            let (store, holder, id) = (setup.store.clone(), driver.id.clone(), id.clone());
            officers.push(at_once(&barrier, async move {
                loop {
                    let tried = write(&store, &holder, async |tx, locked| {
                        tx.approve_application(locked, &id, who, after(30)).await
                    })
                    .await;
                    if !matches!(tried, Err(StoreError::Conflict(Conflict::Revision))) {
                        return tried;
                    }
                }
            }));
        }
        let mut results = Vec::new();
        for officer in officers {
            results.push(officer.await.unwrap());
        }
        assert_eq!(done(results, &[Conflict::ApplicationState]), 1);
    }
}

/// Two counters apply for one driver.
pub(crate) async fn of_two_applications_one_is_open(setup: &Setup) {
    for n in 0..ROUNDS {
        let driver = setup.driver(n).await;
        let barrier = Arc::new(Barrier::new(2));
        let mut counters = Vec::new();
        for _ in 0..2 {
            let (store, holder) = (setup.store.clone(), driver.id.clone());
            let new = new_application(setup, &holder);
            counters.push(at_once(&barrier, async move {
                loop {
                    let tried = write(&store, &holder, async |tx, locked| {
                        tx.insert_counter_application(locked, &new).await
                    })
                    .await;
                    if !matches!(tried, Err(StoreError::Conflict(Conflict::Revision))) {
                        return tried;
                    }
                }
            }));
        }
        let mut results = Vec::new();
        for counter in counters {
            results.push(counter.await.unwrap());
        }
        assert_eq!(done(results, &[Conflict::OpenApplication]), 1);
        let all = setup.store.applications_of(&driver.id).await.unwrap();
        assert_eq!(all.len(), 1);
    }
}

/// R13: two nodes issue what both prepared at one revision; the loser's signatures are discarded.
pub(crate) async fn r13_of_two_issues_one_is_a_licence(setup: &Setup) {
    for n in 0..ROUNDS {
        let driver = setup.driver(n).await;
        let application = setup.approved(&driver.id).await;
        let revision = setup.reread(&driver.id).await.revision;
        let barrier = Arc::new(Barrier::new(2));
        let mut nodes = Vec::new();
        for _ in 0..2 {
            let partition = driver.id.partition();
            let place = setup.store.reserve_status_place(partition).await.unwrap();
            let e_licence = new_e_licence(setup, &driver.id, &application, after(60));
            let credential = new_credential(setup, &e_licence.id, place);
            let (store, holder) = (setup.store.clone(), driver.id.clone());
            nodes.push(at_once(&barrier, async move {
                issue(&store, &holder, revision, &e_licence, &credential).await?;
                Ok(e_licence.id)
            }));
        }
        let mut results = Vec::new();
        for node in nodes {
            results.push(node.await.unwrap());
        }
        let winner = results
            .iter()
            .find_map(|result| result.as_ref().ok())
            .cloned();
        assert_eq!(done(results, &[Conflict::Revision]), 1);
        let current = setup.store.current_e_licence(&driver.id).await.unwrap();
        assert_eq!(Some(&current.unwrap().e_licence.id), winner.as_ref());
        let found = setup
            .store
            .application(&application)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((found.stage, found.e_licence), (Stage::Issued, winner));
        assert_eq!(setup.reread(&driver.id).await.revision, revision + 1);
    }
}

/// SC-34: an issue never rests on a record that has just changed.
pub(crate) async fn sc_34_an_issue_and_a_registry_change_do_not_cross(setup: &Setup) {
    for n in 0..ROUNDS {
        let driver = setup.driver(n).await;
        let application = setup.approved(&driver.id).await;
        let before = setup.reread(&driver.id).await;
        let barrier = Arc::new(Barrier::new(2));
        let change = registry_change(setup, &barrier, &before, n);
        let place = setup
            .store
            .reserve_status_place(driver.id.partition())
            .await
            .unwrap();
        let e_licence = new_e_licence(setup, &driver.id, &application, after(60));
        let credential = new_credential(setup, &e_licence.id, place);
        let (store, holder) = (setup.store.clone(), driver.id.clone());
        let issuing = at_once(&barrier, async move {
            issue(&store, &holder, before.revision, &e_licence, &credential).await?;
            Ok(())
        });
        let (change, issuing) = (change.await.unwrap(), issuing.await.unwrap());
        let was_issued = issuing.is_ok();
        assert_eq!(done(vec![change, issuing], &[Conflict::Revision]), 1);

        let after = setup.reread(&driver.id).await;
        assert_eq!(after.registry_version, if was_issued { 1 } else { 2 });
        assert_eq!(after.revision, before.revision + 1);
        let current = setup.store.current_e_licence(&driver.id).await.unwrap();
        assert_eq!(current.is_some(), was_issued);
        let found = setup
            .store
            .application(&application)
            .await
            .unwrap()
            .unwrap();
        let expected = if was_issued {
            Stage::Issued
        } else {
            Stage::Approved
        };
        assert_eq!(found.stage, expected);
    }
}

fn registry_change(
    setup: &Setup,
    barrier: &Arc<Barrier>,
    driver: &Driver,
    n: u32,
) -> JoinHandle<Result<(), StoreError>> {
    let change = driver_write(&setup.store, &driver.id, n, 2, driver.photo.clone());
    let (store, holder, revision) = (setup.store.clone(), driver.id.clone(), driver.revision);
    at_once(barrier, async move {
        let (mut tx, locked) = store.begin(&holder, revision).await?;
        tx.update_driver(&locked, &change, after(5)).await?;
        let entry = entry("registry.changed").about(&holder);
        tx.commit(entry, Vec::new()).await?;
        Ok(())
    })
}

/// Writers of two drivers in one partition hold different rows and meet only at the head.
pub(crate) async fn writers_of_one_partition_do_not_deadlock(setup: &Setup) {
    let partition = storage::Partition::of_holders(50);
    let mut drivers = Vec::new();
    for n in 0..4 {
        drivers.push(setup.driver_in(partition, n).await.id);
    }
    let writers: Vec<_> = drivers
        .iter()
        .cloned()
        .map(|holder| {
            let store = setup.store.clone();
            tokio::spawn(async move {
                for _ in 0..15 {
                    write(&store, &holder, async |_, _| Ok(())).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    for holder in &drivers {
        assert_eq!(setup.reread(holder).await.revision, 16);
    }
    assert_eq!(whole_trail(&setup.store, partition).await.len(), 64);
}
