//! Names claimed, and drivers written, beside a pass to another index key.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use storage::{
    AliasClaim, AliasKind, AtRest, Conflict, HolderId, IndexRetirement, Store, StoreError,
};

use crate::{
    harness::{Setup, after, conflict, open, start},
    reindex::{
        Named, all_found, begin, by, claims, deliver, is_mismatch, named, pass, prepare, record,
        retire, some,
    },
    steps::{entry, plain_driver, write},
};

/// Whoever claims what somebody has, before or behind the pass, on whichever node, loses; new names
/// have one owner; and those who claim their own keep it.
pub(crate) async fn claims_beside_a_pass_have_one_owner(setup: &Setup) {
    const DRIVERS: u32 = 8;
    let drivers = Arc::new(some(setup, DRIVERS).await);
    let other = open(&setup.options, 7).await.unwrap();
    prepare(setup, AtRest::Aes256Gcm).await;
    let phase = Arc::new(AtomicU8::new(BEFORE));
    let mut tasks = Vec::new();
    for (node, store) in [&setup.store, &other, &setup.store].into_iter().enumerate() {
        let (store, drivers, phase) = (store.clone(), drivers.clone(), phase.clone());
        let rng = setup.rng();
        tasks.push(tokio::spawn(async move {
            keep_claiming(&store, &drivers[node..], &phase, rng).await
        }));
    }
    setup.store.begin_reindex(&by(1)).await.unwrap();
    phase.store(BEGUN, Ordering::SeqCst);
    pass(&setup.store, 1).await;
    phase.store(DONE, Ordering::SeqCst);
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    pass(&setup.store, 1).await;
    assert_eq!(retire(&setup.store).await, IndexRetirement::Retired);
    all_found(&setup.store, &drivers).await;
    // What two nodes were told of a new name is the same, and still so.
    let rounds = answers.iter().map(Vec::len).min().unwrap();
    assert!(rounds > 0);
    for round in 0..rounds {
        let owners: BTreeSet<_> = answers.iter().map(|told| told[round].clone()).collect();
        assert_eq!(owners.len(), 1, "round {round}");
        let name = format!("new-{round}");
        let names = [name.as_str()];
        let found = setup.store.holders_named(AliasKind::Subject, &names);
        assert_eq!(found.await.unwrap(), [owners.first().cloned()]);
    }
    other.close().await;
}

const BEFORE: u8 = 0;
const BEGUN: u8 = 1;
const DONE: u8 = 2;

/// Claims in turn a driver's names for a stranger, for the driver, and, once the pass has begun, a new
/// name that the other nodes claim too; answers who was said to own the new ones.
async fn keep_claiming(
    store: &Store,
    drivers: &[Named],
    phase: &AtomicU8,
    mut rng: rand::rngs::StdRng,
) -> Vec<HolderId> {
    let mut told = Vec::new();
    for round in 0_usize.. {
        let now = phase.load(Ordering::SeqCst);
        let known = &drivers[round % drivers.len()];
        let stranger = HolderId::random(&mut rng);
        let strange = || {
            let mut strange = claims(store, &stranger, &known.record);
            strange.retain(|claim| claim.kind != AliasKind::FileNumber);
            strange
        };
        let owners = claimed(store, strange).await;
        // The subject's owner alone is answered.
        assert_eq!(owners, std::slice::from_ref(&known.holder));
        // Without its subject, a number is refused by itself as well.
        let owners = claimed(store, || strange().split_off(1)).await;
        assert_eq!(owners, [&known.holder, &known.holder].map(Clone::clone));
        let owners = claimed(store, || claims(store, &known.holder, &known.record)).await;
        assert!(owners.len() == 3 && owners.iter().all(|owner| *owner == known.holder));
        if now > BEFORE {
            let name = format!("new-{}", told.len());
            let new = || AliasClaim {
                kind: AliasKind::Subject,
                blind: store.alias(AliasKind::Subject, &name),
                holder: stranger.clone(),
            };
            told.extend(claimed(store, || vec![new()]).await);
        }
        if now == DONE && round >= drivers.len() {
            break;
        }
    }
    told
}

/// Claims, hashing anew where the key changed in between, as a delivery does; answers the owners.
async fn claimed(store: &Store, claims: impl Fn() -> Vec<AliasClaim>) -> Vec<HolderId> {
    for _ in 0..3 {
        match store.claim_aliases(&claims(), start()).await {
            Err(StoreError::Conflict(Conflict::IndexKey)) => {}
            owned => return owned.unwrap().into_values().collect(),
        }
    }
    panic!("the key does not settle");
}

/// A driver whose names were claimed under the older key cannot come after the pass looked.
pub(crate) async fn what_was_claimed_before_a_pass_is_not_written_after_it_began(setup: &Setup) {
    let store = &setup.store;
    let known = named(setup, 1).await;
    let holder = HolderId::random(&mut setup.rng());
    let mut driver = plain_driver(store, &holder, 2, 1, None);
    driver.record = record(2, 1);
    let early = claims(store, &holder, &driver.record);
    store.claim_aliases(&early, start()).await.unwrap();
    let sealed = store.seal_driver(driver).unwrap();
    let mut changed = plain_driver(store, &known.holder, 1, 2, None);
    changed.record = record(1, 2);
    let changed = store.seal_driver(changed).unwrap();
    begin(setup).await;
    pass(store, 10).await;
    let refused = async {
        let mut tx = store.begin_in(holder.partition()).await?;
        tx.insert_drivers(std::slice::from_ref(&sealed), start())
            .await?;
        tx.commit(entry("registry.registered"), Vec::new()).await
    };
    assert_eq!(conflict(refused.await), Conflict::Revision);
    let refused = write(store, &known.holder, async |tx, locked| {
        tx.update_driver(locked, &changed, after(5)).await
    });
    assert_eq!(conflict(refused.await), Conflict::Revision);
    // Its claims went with the pass; delivered again, all is well.
    assert_eq!(retire(store).await, IndexRetirement::Retired);
    deliver(store, &holder, 2).await.unwrap();
    let other = Named {
        holder,
        record: record(2, 1),
    };
    all_found(store, &[known, other]).await;
}

/// Neither before nor after the older key is retired; and it looks nobody up wrongly.
pub(crate) async fn a_node_that_hears_nothing_claims_nothing(setup: &Setup) {
    let drivers = some(setup, 2).await;
    let hears = open(&setup.options, 7).await.unwrap();
    let deaf = open(&setup.options, 8).await.unwrap();
    let kind = AliasKind::Subject;
    let claim = |store: &Store| {
        [AliasClaim {
            kind,
            blind: store.alias(kind, "S-new"),
            holder: drivers[0].holder.clone(),
        }]
    };
    let early = claim(&hears);
    let subject = drivers[0].record.subject.as_str();
    let asked = [hears.alias(kind, subject)];
    begin(setup).await;
    let refused = hears.claim_aliases(&early, start()).await;
    assert_eq!(conflict(refused), Conflict::IndexKey);
    // It has heard by now, and the claim was hashed before.
    let refused = hears.claim_aliases(&early, start()).await;
    assert_eq!(conflict(refused), Conflict::IndexKey);
    let refused = hears.holders_of(kind, &asked).await;
    assert_eq!(conflict(refused), Conflict::IndexKey);
    let owned = hears.claim_aliases(&claim(&hears), start()).await.unwrap();
    assert!(owned.values().eq([&drivers[0].holder]));
    all_found(&hears, &drivers).await;
    pass(&setup.store, 10).await;
    assert_eq!(retire(&setup.store).await, IndexRetirement::Retired);
    all_found(&hears, &drivers).await;
    hears.close().await;
    stays_deaf(&deaf, &drivers[0]).await;
    deaf.close().await;
}

/// A node that knows none of the keys that are left.
async fn stays_deaf(deaf: &Store, driver: &Named) {
    let kind = AliasKind::Subject;
    let subject = driver.record.subject.as_str();
    let late = claims(deaf, &driver.holder, &driver.record);
    assert!(is_mismatch(&deaf.claim_aliases(&late, start()).await));
    assert!(is_mismatch(&deaf.holders_named(kind, &[subject]).await));
    assert!(is_mismatch(&deaf.refresh_keys().await));
    // What has nothing to do with names goes on.
    deaf.driver(&driver.holder).await.unwrap().unwrap();
}
