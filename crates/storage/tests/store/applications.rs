//! Applications: one open at a time, moved only from the state that the act expects.

use licence::{
    Due,
    application::{Kind, PhotoOrigin, Stage},
};
use storage::{Conflict, ELicenceId, StoreError};

use crate::{
    harness::{Setup, after, conflict},
    steps::{new_application, write},
};

pub(crate) async fn an_application_comes_back_as_written(setup: &Setup) {
    let driver = setup.driver(1).await;
    let mut new = new_application(setup, &driver.id);
    new.due = Due::PendingCalendar;
    write(&setup.store, &driver.id, async |tx, locked| {
        tx.insert_counter_application(locked, &new).await?;
        let seen = tx.application(&new.id).await?.unwrap();
        assert_eq!(seen.stage, Stage::UnderReview);
        Ok(())
    })
    .await
    .unwrap();
    let found = setup.store.application(&new.id).await.unwrap().unwrap();
    assert_eq!(found.holder, driver.id);
    assert_eq!(
        (found.kind, found.channel.as_str()),
        (Kind::First, "counter")
    );
    assert_eq!(found.photo_source, PhotoOrigin::Counter);
    assert_eq!(found.office, new.office);
    assert_eq!(found.stage, Stage::UnderReview);
    assert_eq!(found.photo, Some(new.photo.clone()));
    assert_eq!(found.identity, Some(new.identity.clone()));
    assert_eq!(found.submitted_by.as_deref(), Some("stf_counter"));
    assert_eq!(found.submitted_at, Some(after(10)));
    assert_eq!(found.due, Some(Due::PendingCalendar));
    assert_eq!((found.decided_by, found.decided_at), (None, None));
    assert_eq!((found.reasons, found.e_licence), (None, None));
}

pub(crate) async fn a_driver_has_one_open_application(setup: &Setup) {
    let driver = setup.driver(1).await;
    let first = setup.applied(&driver.id).await;
    let second = new_application(setup, &driver.id);
    let refused = write(&setup.store, &driver.id, async |tx, locked| {
        tx.insert_counter_application(locked, &second).await
    })
    .await;
    assert_eq!(conflict(refused), Conflict::OpenApplication);
    write(&setup.store, &driver.id, async |tx, locked| {
        tx.reject_application(
            locked,
            (&first, Stage::UnderReview),
            "stf_reviewer",
            r#"{"v":1,"reasons":["R61"]}"#,
            after(20),
        )
        .await
    })
    .await
    .unwrap();
    write(&setup.store, &driver.id, async |tx, locked| {
        tx.insert_counter_application(locked, &second).await
    })
    .await
    .unwrap();
    let all = setup.store.applications_of(&driver.id).await.unwrap();
    assert_eq!(all.len(), 2);
    let rejected = all.iter().find(|one| one.id == first).unwrap();
    assert_eq!(rejected.stage, Stage::Rejected);
    assert_eq!(rejected.decided_by.as_deref(), Some("stf_reviewer"));
    assert_eq!(rejected.decided_at, Some(after(20)));
    assert!(rejected.reasons.as_deref().unwrap().contains("R61"));
}

pub(crate) async fn a_move_from_another_state_is_refused(setup: &Setup) {
    let driver = setup.driver(1).await;
    let id = setup.applied(&driver.id).await;
    let e_licence = ELicenceId::generate(driver.id.partition(), &mut setup.rng());
    let approve = async || -> Result<(), StoreError> {
        write(&setup.store, &driver.id, async |tx, locked| {
            tx.approve_application(locked, &id, "stf_reviewer", after(30))
                .await
        })
        .await
    };
    let reject = async |from| -> Result<(), StoreError> {
        write(&setup.store, &driver.id, async |tx, locked| {
            tx.reject_application(locked, (&id, from), "stf_reviewer", "[]", after(30))
                .await
        })
        .await
    };
    let issue = async || -> Result<(), StoreError> {
        write(&setup.store, &driver.id, async |tx, locked| {
            tx.mark_issued(locked, &id, &e_licence).await
        })
        .await
    };
    let state = Conflict::ApplicationState;
    assert_eq!(conflict(issue().await), state);
    assert_eq!(conflict(reject(Stage::Approved).await), state);
    approve().await.unwrap();
    assert_eq!(conflict(approve().await), state);
    assert_eq!(conflict(reject(Stage::UnderReview).await), state);
    issue().await.unwrap();
    assert_eq!(conflict(issue().await), state);
    assert_eq!(conflict(approve().await), state);
    assert_eq!(conflict(reject(Stage::Approved).await), state);
    let found = setup.store.application(&id).await.unwrap().unwrap();
    assert_eq!(found.stage, Stage::Issued);
    assert_eq!(found.e_licence, Some(e_licence));
}

/// SC-34: what was approved is refused after all when the registry has withheld the licence.
pub(crate) async fn sc_34_an_approved_application_can_be_refused(setup: &Setup) {
    let driver = setup.driver(1).await;
    let id = setup.approved(&driver.id).await;
    write(&setup.store, &driver.id, async |tx, locked| {
        tx.reject_application(locked, (&id, Stage::Approved), "system", "[]", after(40))
            .await
    })
    .await
    .unwrap();
    let found = setup.store.application(&id).await.unwrap().unwrap();
    assert_eq!(found.stage, Stage::Rejected);
    assert_eq!(found.decided_by.as_deref(), Some("system"));
}

/// SC-20: the lock of one driver moves nothing of another.
pub(crate) async fn sc_20_another_drivers_application_is_not_moved(setup: &Setup) {
    let one = setup.driver(1).await;
    let other = setup.driver_in(one.id.partition(), 2).await;
    let id = setup.applied(&one.id).await;
    let refused = write(&setup.store, &other.id, async |tx, locked| {
        tx.approve_application(locked, &id, "stf_reviewer", after(30))
            .await
    })
    .await;
    assert_eq!(conflict(refused), Conflict::ApplicationState);
    let of_other = setup.store.applications_of(&other.id).await.unwrap();
    assert!(of_other.is_empty());
}

pub(crate) async fn approved_ones_wait_in_the_order_of_decision(setup: &Setup) {
    let mut ids = Vec::new();
    for n in 1..=3 {
        let driver = setup.driver(n).await;
        let id = setup.applied(&driver.id).await;
        // The latest is decided first.
        let at = after(100 - i64::from(n));
        write(&setup.store, &driver.id, async |tx, locked| {
            tx.approve_application(locked, &id, "stf_reviewer", at)
                .await
        })
        .await
        .unwrap();
        ids.insert(0, id);
    }
    let waiting = setup.store.approved_before(after(200), 10).await.unwrap();
    assert_eq!(waiting, ids);
    let first = setup.store.approved_before(after(99), 1).await.unwrap();
    assert_eq!(first, ids[..1]);
    assert_eq!(
        setup.store.approved_before(after(99), 10).await.unwrap(),
        ids[..2]
    );
}
