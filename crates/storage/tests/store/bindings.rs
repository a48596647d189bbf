//! Bindings: one presenting device for each e-licence.

use licence::{binding::Stage, e_licence};
use storage::{BindingId, BindingRow, Conflict, CurrentELicence, StoreError};

use crate::{
    harness::{Setup, after, conflict},
    steps::write,
};

fn pending(setup: &Setup, current: &CurrentELicence, seconds: i64) -> BindingRow {
    BindingRow {
        id: BindingId::generate(current.e_licence.id.partition(), &mut setup.rng()),
        holder: current.e_licence.holder.clone(),
        e_licence: current.e_licence.id.clone(),
        stage: Stage::Pending,
        device_key: vec![4; 65],
        assurance: "software".to_owned(),
        created_at: after(seconds),
    }
}

async fn insert(setup: &Setup, binding: &BindingRow) {
    write(&setup.store, &binding.holder, async |tx, locked| {
        tx.insert_binding(locked, binding).await
    })
    .await
    .unwrap();
}

async fn activate(setup: &Setup, binding: &BindingRow, seconds: i64) -> Result<(), StoreError> {
    write(&setup.store, &binding.holder, async |tx, locked| {
        tx.activate_binding(locked, &binding.e_licence, &binding.id, after(seconds))
            .await
    })
    .await
}

async fn stages(setup: &Setup, current: &CurrentELicence) -> Vec<(BindingId, Stage)> {
    let found = setup
        .store
        .bindings_of(&current.e_licence.id)
        .await
        .unwrap();
    found.into_iter().map(|one| (one.id, one.stage)).collect()
}

/// SC-17: the second device replaces the first.
pub(crate) async fn sc_17_a_new_device_replaces_the_one_before(setup: &Setup) {
    let driver = setup.driver(1).await;
    let current = setup.issued(&driver.id).await;
    let first = pending(setup, &current, 100);
    let second = pending(setup, &current, 200);
    insert(setup, &first).await;
    let found = setup
        .store
        .bindings_of(&current.e_licence.id)
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].stage, Stage::Pending);
    assert_eq!(found[0].holder, driver.id);
    assert_eq!(found[0].device_key, first.device_key);
    assert_eq!(found[0].assurance, "software");
    assert_eq!(found[0].created_at, after(100));
    activate(setup, &first, 110).await.unwrap();
    insert(setup, &second).await;
    activate(setup, &second, 210).await.unwrap();
    assert_eq!(
        stages(setup, &current).await,
        [
            (second.id.clone(), Stage::Active),
            (first.id.clone(), Stage::Replaced)
        ]
    );
    // Neither the replaced one nor the active one is activated again, and nothing is lost by trying.
    for binding in [&first, &second] {
        let refused = activate(setup, binding, 300).await;
        assert_eq!(conflict(refused), Conflict::Binding);
    }
    assert_eq!(stages(setup, &current).await[0], (second.id, Stage::Active));
}

pub(crate) async fn ending_an_e_licence_revokes_its_bindings(setup: &Setup) {
    let driver = setup.driver(1).await;
    let current = setup.issued(&driver.id).await;
    let active = pending(setup, &current, 100);
    let waiting = pending(setup, &current, 200);
    insert(setup, &active).await;
    activate(setup, &active, 110).await.unwrap();
    insert(setup, &waiting).await;
    write(&setup.store, &driver.id, async |tx, locked| {
        let stage = e_licence::Stage::Superseded;
        tx.end_e_licence(locked, &current, stage, "new-edition", after(300))
            .await
    })
    .await
    .unwrap();
    assert_eq!(
        stages(setup, &current).await,
        [
            (waiting.id.clone(), Stage::Revoked),
            (active.id, Stage::Revoked)
        ]
    );
    let refused = activate(setup, &waiting, 310).await;
    assert_eq!(conflict(refused), Conflict::Binding);
}

pub(crate) async fn another_drivers_binding_is_not_activated(setup: &Setup) {
    let one = setup.driver(1).await;
    let other = setup.driver_in(one.id.partition(), 2).await;
    let current = setup.issued(&one.id).await;
    let binding = pending(setup, &current, 100);
    insert(setup, &binding).await;
    let refused = write(&setup.store, &other.id, async |tx, locked| {
        tx.activate_binding(locked, &binding.e_licence, &binding.id, after(110))
            .await
    })
    .await;
    assert_eq!(conflict(refused), Conflict::Binding);
    assert_eq!(
        stages(setup, &current).await,
        [(binding.id, Stage::Pending)]
    );
}
