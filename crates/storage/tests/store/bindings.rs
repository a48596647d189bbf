//! Bindings: one presenting device for each e-licence.

use std::collections::HashSet;

use licence::{
    binding::{Assurance, Stage},
    e_licence,
};
use storage::{
    BindingId, BindingRow, Conflict, CurrentELicence, DeviceId, HolderId, NewBinding, StoreError,
    ToPresent,
};

use crate::{
    harness::{Setup, after, conflict},
    steps::{new_credential, write, write_in},
};

fn pending(setup: &Setup, current: &CurrentELicence, seconds: i64) -> NewBinding {
    let partition = current.e_licence.id.partition();
    let mut rng = setup.rng();
    NewBinding {
        id: BindingId::generate(partition, &mut rng),
        e_licence: current.e_licence.id.clone(),
        device: DeviceId::generate(partition, &mut rng),
        device_key: [4; 65],
        challenge: [9; 32],
        created_at: after(seconds),
        expires_at: after(seconds + 300),
    }
}

async fn insert(setup: &Setup, holder: &HolderId, binding: &NewBinding) {
    write(&setup.store, holder, async |tx, locked| {
        tx.insert_binding(locked, binding).await
    })
    .await
    .unwrap();
}

async fn activate(
    setup: &Setup,
    holder: &HolderId,
    binding: &NewBinding,
    seconds: i64,
) -> Result<Option<DeviceId>, StoreError> {
    write(&setup.store, holder, async |tx, locked| {
        let which = (&binding.e_licence, &binding.id);
        tx.activate_binding(locked, which, Assurance::Software, after(seconds))
            .await
    })
    .await
}

async fn read(setup: &Setup, binding: &NewBinding) -> BindingRow {
    setup.store.binding(&binding.id).await.unwrap().unwrap()
}

async fn stages(setup: &Setup, current: &CurrentELicence) -> Vec<(BindingId, Stage)> {
    let found = setup
        .store
        .bindings_of(&current.e_licence.id)
        .await
        .unwrap();
    found.into_iter().map(|one| (one.id, one.stage)).collect()
}

pub(crate) async fn a_binding_comes_back_as_written(setup: &Setup) {
    let driver = setup.driver(1).await;
    let current = setup.issued(&driver.id).await;
    let first = pending(setup, &current, 100);
    insert(setup, &driver.id, &first).await;
    let found = read(setup, &first).await;
    assert_eq!(found.stage, Stage::Pending);
    assert_eq!(found.holder, driver.id);
    assert_eq!(found.device, first.device);
    assert_eq!(found.device_key, first.device_key);
    assert_eq!(found.challenge.as_deref(), Some(&first.challenge[..]));
    assert_eq!(found.assurance, Assurance::Software);
    assert_eq!(
        (found.created_at, found.expires_at),
        (after(100), after(400))
    );
    let replaced = activate(setup, &driver.id, &first, 110).await;
    assert_eq!(replaced.unwrap(), None);
    let found = read(setup, &first).await;
    assert_eq!(found.challenge, None);
    assert_eq!(
        (found.activated_at, found.renewed_at),
        (Some(after(110)), Some(after(110)))
    );
}

/// SC-17: the second device replaces the first, which is answered so that it can be told.
pub(crate) async fn sc_17_a_new_device_replaces_the_one_before(setup: &Setup) {
    let driver = setup.driver(1).await;
    let current = setup.issued(&driver.id).await;
    let first = pending(setup, &current, 100);
    let second = pending(setup, &current, 200);
    insert(setup, &driver.id, &first).await;
    activate(setup, &driver.id, &first, 110).await.unwrap();
    insert(setup, &driver.id, &second).await;
    let replaced = activate(setup, &driver.id, &second, 210).await.unwrap();
    assert_eq!(replaced, Some(first.device.clone()));
    assert_eq!(
        stages(setup, &current).await,
        [
            (second.id.clone(), Stage::Active),
            (first.id.clone(), Stage::Replaced)
        ]
    );
    // Neither the replaced one nor the active one is activated again, and nothing is lost by trying.
    for binding in [&first, &second] {
        let refused = activate(setup, &driver.id, binding, 300).await;
        assert_eq!(conflict(refused), Conflict::Binding);
    }
    let active = setup.store.active_binding(&current.e_licence.id).await;
    assert_eq!(active.unwrap().unwrap().id, second.id);
}

pub(crate) async fn of_two_that_ask_the_later_one_binds(setup: &Setup) {
    let driver = setup.driver(1).await;
    let current = setup.issued(&driver.id).await;
    let first = pending(setup, &current, 100);
    let second = pending(setup, &current, 101);
    insert(setup, &driver.id, &first).await;
    insert(setup, &driver.id, &second).await;
    let refused = activate(setup, &driver.id, &first, 110).await;
    assert_eq!(conflict(refused), Conflict::Binding);
    activate(setup, &driver.id, &second, 110).await.unwrap();
    assert_eq!(
        stages(setup, &current).await,
        [(second.id, Stage::Active), (first.id, Stage::Lapsed)]
    );
}

pub(crate) async fn a_proof_comes_in_time_or_not_at_all(setup: &Setup) {
    let driver = setup.driver(1).await;
    let current = setup.issued(&driver.id).await;
    let active = pending(setup, &current, 100);
    let late = pending(setup, &current, 200);
    insert(setup, &driver.id, &active).await;
    activate(setup, &driver.id, &active, 400).await.unwrap();
    insert(setup, &driver.id, &late).await;
    let refused = activate(setup, &driver.id, &late, 501).await;
    assert_eq!(conflict(refused), Conflict::Binding);
    assert_eq!(read(setup, &active).await.stage, Stage::Active);
}

pub(crate) async fn ending_an_e_licence_revokes_its_bindings(setup: &Setup) {
    let driver = setup.driver(1).await;
    let current = setup.issued(&driver.id).await;
    let active = pending(setup, &current, 100);
    let waiting = pending(setup, &current, 200);
    insert(setup, &driver.id, &active).await;
    activate(setup, &driver.id, &active, 110).await.unwrap();
    insert(setup, &driver.id, &waiting).await;
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
    let refused = activate(setup, &driver.id, &waiting, 310).await;
    assert_eq!(conflict(refused), Conflict::Binding);
}

pub(crate) async fn another_drivers_binding_is_not_touched(setup: &Setup) {
    let one = setup.driver(1).await;
    let other = setup.driver_in(one.id.partition(), 2).await;
    let current = setup.issued(&one.id).await;
    let binding = pending(setup, &current, 100);
    insert(setup, &one.id, &binding).await;
    let refused = activate(setup, &other.id, &binding, 110).await;
    assert_eq!(conflict(refused), Conflict::Binding);
    let revoked = write(&setup.store, &other.id, async |tx, locked| {
        tx.revoke_bindings(locked, &binding.e_licence, None, after(120))
            .await
    })
    .await;
    assert_eq!(revoked.unwrap(), None);
    assert_eq!(
        stages(setup, &current).await,
        [(binding.id, Stage::Pending)]
    );
}

/// Without its binding an e-licence has no credential, and is as good as before.
pub(crate) async fn revoking_a_binding_leaves_the_licence(setup: &Setup) {
    let driver = setup.driver(1).await;
    let current = setup.issued(&driver.id).await;
    let binding = pending(setup, &current, 100);
    insert(setup, &driver.id, &binding).await;
    activate(setup, &driver.id, &binding, 110).await.unwrap();
    let stranger = DeviceId::generate(driver.id.partition(), &mut setup.rng());
    let revoked = write(&setup.store, &driver.id, async |tx, locked| {
        tx.revoke_bindings(locked, &binding.e_licence, Some(&stranger), after(115))
            .await
    })
    .await;
    assert_eq!(revoked.unwrap(), None);
    assert_eq!(read(setup, &binding).await.stage, Stage::Active);
    let revoked = write(&setup.store, &driver.id, async |tx, locked| {
        let id = &current.credential.as_ref().unwrap().id;
        tx.end_credential(locked, id, after(120)).await?;
        tx.revoke_bindings(locked, &binding.e_licence, None, after(120))
            .await
    })
    .await;
    assert_eq!(revoked.unwrap(), Some(binding.device.clone()));
    let left = setup.store.current_e_licence(&driver.id).await;
    let left = left.unwrap().unwrap();
    assert_eq!(left.e_licence.id, current.e_licence.id);
    assert!(left.credential.is_none());
    let refused = write_in(&setup.store, driver.id.partition(), async |tx| {
        tx.renew_binding(&binding.id, after(130)).await
    })
    .await;
    assert_eq!(conflict(refused), Conflict::Binding);
    // The next credential may be another binding's.
    let mut next = new_credential(
        setup,
        &current.e_licence.id,
        storage::StatusPlace {
            list: 0,
            index: 1_048_575,
        },
    );
    next.binding = Some(binding.id.clone());
    write(&setup.store, &driver.id, async |tx, locked| {
        tx.insert_credential(locked, &next).await
    })
    .await
    .unwrap();
    let shown = setup.store.credential(&next.id).await.unwrap().unwrap();
    assert_eq!((shown.holder, shown.active), (driver.id, true));
    assert_eq!(shown.credential.binding, Some(binding.id));
    let ended = current.credential.unwrap().id;
    let ended = setup.store.credential(&ended).await.unwrap().unwrap();
    assert!(!ended.active);
}

pub(crate) async fn contact_renews_and_a_clock_set_back_shortens_nothing(setup: &Setup) {
    let driver = setup.driver(1).await;
    let current = setup.issued(&driver.id).await;
    let binding = pending(setup, &current, 100);
    insert(setup, &driver.id, &binding).await;
    activate(setup, &driver.id, &binding, 110).await.unwrap();
    for (seconds, renewed) in [(500, 500), (300, 500), (501, 501)] {
        write_in(&setup.store, driver.id.partition(), async |tx| {
            tx.renew_binding(&binding.id, after(seconds)).await
        })
        .await
        .unwrap();
        assert_eq!(read(setup, &binding).await.renewed_at, Some(after(renewed)));
    }
}

/// SC-12: a code counts once, and none of its instant or before it counts after it.
pub(crate) async fn sc_12_codes_count_once_and_in_order(setup: &Setup) {
    let one = setup.driver(1).await;
    let other = setup.driver_in(one.id.partition(), 2).await;
    let mut bindings = Vec::new();
    for driver in [&one, &other] {
        let current = setup.issued(&driver.id).await;
        let binding = pending(setup, &current, 100);
        insert(setup, &driver.id, &binding).await;
        activate(setup, &driver.id, &binding, 110).await.unwrap();
        bindings.push(binding);
    }
    let present = async |times: &[(usize, u64)]| {
        let codes: Vec<ToPresent> = times
            .iter()
            .map(|(which, time)| ToPresent {
                binding: bindings[*which].id.clone(),
                time: *time,
            })
            .collect();
        write_in(&setup.store, one.id.partition(), async |tx| {
            tx.present(&codes).await
        })
        .await
        .unwrap()
    };
    let ids = |which: &[usize]| -> HashSet<BindingId> {
        which.iter().map(|it| bindings[*it].id.clone()).collect()
    };
    assert_eq!(present(&[(0, 1000), (1, 5)]).await, ids(&[0, 1]));
    assert_eq!(present(&[(0, 1000), (1, 6)]).await, ids(&[1]));
    assert_eq!(present(&[(0, 999)]).await, ids(&[]));
    assert_eq!(present(&[(0, 1001)]).await, ids(&[0]));
    assert_eq!(read(setup, &bindings[0]).await.last_presented, Some(1001));
    write(&setup.store, &one.id, async |tx, locked| {
        tx.revoke_bindings(locked, &bindings[0].e_licence, None, after(200))
            .await
    })
    .await
    .unwrap();
    assert_eq!(present(&[(0, 2000)]).await, ids(&[]));
}

/// Of two that present one code at once, one counts.
pub(crate) async fn sc_12_of_two_uses_at_once_one_counts(setup: &Setup) {
    let driver = setup.driver(1).await;
    let current = setup.issued(&driver.id).await;
    let binding = pending(setup, &current, 100);
    insert(setup, &driver.id, &binding).await;
    activate(setup, &driver.id, &binding, 110).await.unwrap();
    for time in 1..=10 {
        let present = async || {
            let code = ToPresent {
                binding: binding.id.clone(),
                time,
            };
            write_in(&setup.store, driver.id.partition(), async |tx| {
                tx.present(std::slice::from_ref(&code)).await
            })
            .await
            .unwrap()
            .len()
        };
        let (first, second) = tokio::join!(present(), present());
        assert_eq!(first + second, 1);
    }
}
