//! Writes in several partitions at once: what imports and look-ups commit together.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use storage::{
    AliasClaim, AliasKind, CodeToUse, ELicenceId, HolderId, NumericCodeRow, Partition, Store,
    StoreError, Traces, audit::Trail,
};

use crate::{
    audit::whole_trail,
    harness::{Setup, after, inconsistent, open, start},
    steps::{changed, driver_write, entry, touch, write_in},
};

fn partitions(numbers: &[u8]) -> BTreeSet<Partition> {
    numbers.iter().copied().map(Partition::of_holders).collect()
}

/// An audit row and an event about each of `holders`, by partition.
fn traces(holders: &[HolderId]) -> BTreeMap<Partition, Traces> {
    let traces = holders.iter().map(|holder| {
        let traces = Traces {
            trail: Trail::from(entry("test.batch").about(holder)),
            events: vec![changed(holder)],
        };
        (holder.partition(), traces)
    });
    traces.collect()
}

fn holders(setup: &Setup, numbers: &[u8]) -> Vec<HolderId> {
    let mut rng = setup.rng();
    let numbers = numbers.iter().copied().map(Partition::of_holders);
    numbers
        .map(|partition| HolderId::generate(partition, &mut rng))
        .collect()
}

/// Each partition has its numbers and its chain, as if it had been written alone.
pub(crate) async fn each_partition_of_a_write_is_numbered(setup: &Setup) {
    let numbers = [70, 3, 71];
    let holders = holders(setup, &numbers);
    for round in 1..=3 {
        let tx = setup.store.begin_in_each(partitions(&numbers)).await;
        let committed = tx.unwrap().commit_each(traces(&holders)).await.unwrap();
        let given: Vec<_> = committed
            .iter()
            .map(|it| (it.partition.number(), it.audit_seq, it.outbox_seq))
            .collect();
        let expected = [(3, round, round), (70, round, round), (71, round, round)];
        assert_eq!(given, expected);
    }
    for holder in &holders {
        let trail = whole_trail(&setup.store, holder.partition()).await;
        assert_eq!(trail.len(), 3);
        assert!(trail.iter().all(|row| row.subject == holder.as_str()));
    }
}

/// No partition is written without a trace, and none beyond those with which the write began.
pub(crate) async fn a_write_leaves_traces_in_each_of_its_partitions(setup: &Setup) {
    let three = holders(setup, &[80, 81, 82]);
    for wrong in [&three[..1], &three[..]] {
        let tx = setup.store.begin_in_each(partitions(&[80, 81])).await;
        let refused = tx.unwrap().commit_each(traces(wrong)).await;
        assert_eq!(inconsistent(refused), ("partition_heads", "partition"));
    }
    let mut tx = setup
        .store
        .begin_in_each(partitions(&[80, 81]))
        .await
        .unwrap();
    let refused = tx.turn_to(three[2].partition());
    assert_eq!(inconsistent(refused), ("partition_heads", "partition"));
    let foreign = driver_write(&setup.store, &three[2], 1, 1, None);
    let refused = tx.insert_drivers(&[foreign], start()).await;
    assert_eq!(inconsistent(refused), ("drivers", "partition"));
    drop(tx);
    for holder in &three {
        let trail = whole_trail(&setup.store, holder.partition()).await;
        assert!(trail.is_empty());
    }
    let none = setup.store.begin_in_each(BTreeSet::new()).await;
    assert!(matches!(none, Err(StoreError::Mismatch(_))));
}

/// Drivers of several partitions are added by the same statements.
pub(crate) async fn drivers_of_several_partitions_are_added_at_once(setup: &Setup) {
    let numbers: Vec<u8> = (90..130).collect();
    let holders = holders(setup, &numbers);
    let new: Vec<_> = (1..)
        .zip(&holders)
        .map(|(n, holder)| driver_write(&setup.store, holder, n, 1, None))
        .collect();
    let tx = setup.store.begin_in_each(partitions(&numbers)).await;
    let mut tx = tx.unwrap();
    tx.insert_drivers(&new, start()).await.unwrap();
    tx.commit_each(traces(&holders)).await.unwrap();
    assert_eq!(setup.store.drivers(&holders).await.unwrap().len(), 40);
}

/// Writes in the same partitions, in any order and at the same time: none waits for ever, every
/// number is given once.
pub(crate) async fn overlapping_writes_do_not_deadlock(setup: &Setup) {
    let sets: [&[u8]; 4] = [&[140, 141, 142], &[142, 141], &[141], &[142, 140]];
    let tasks: Vec<_> = sets
        .iter()
        .map(|numbers| {
            let (store, holders) = (setup.store.clone(), holders(setup, numbers));
            let set = partitions(numbers);
            tokio::spawn(async move {
                for _ in 0..15 {
                    let tx = store.begin_in_each(set.clone()).await.unwrap();
                    tx.commit_each(traces(&holders)).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for (number, writes) in [(140, 2), (141, 3), (142, 3)] {
        let trail = whole_trail(&setup.store, Partition::of_holders(number)).await;
        assert_eq!(trail.len(), writes * 15);
    }
}

/// A driver of their own partition with a living code.
async fn driver_with_code(setup: &Setup, n: u8) -> (HolderId, CodeToUse) {
    let partition = Partition::of_holders(n);
    let driver = setup.driver_in(partition, u32::from(n)).await;
    let row = NumericCodeRow {
        code: setup.store.blind("numeric-code", &[n]),
        e_licence: ELicenceId::generate(partition, &mut setup.rng()),
        holder: driver.id.clone(),
        made_at: start(),
        expires_at: after(60),
    };
    let made = write_in(&setup.store, partition, async |tx| {
        tx.insert_numeric_code(&row).await
    });
    made.await.unwrap();
    let code = CodeToUse {
        partition,
        code: row.code,
        at: after(1),
    };
    (driver.id, code)
}

async fn use_all(store: &Store, codes: Vec<CodeToUse>, holders: Vec<HolderId>) -> usize {
    let set: BTreeSet<Partition> = codes.iter().map(|code| code.partition).collect();
    let mut tx = store.begin_in_each(set).await.unwrap();
    let revisions = tx.driver_revisions(&holders).await.unwrap();
    assert_eq!(revisions.len(), holders.len());
    let used = tx.use_numeric_codes(&codes).await.unwrap().len();
    tx.commit_each(traces(&holders)).await.unwrap();
    used
}

/// SC-43: groups of look-ups that share codes, at the same time: each code works once.
pub(crate) async fn sc_43_of_groups_at_once_each_code_works_once(setup: &Setup) {
    let (mut holders, mut codes) = (Vec::new(), Vec::new());
    for n in 150..170 {
        let (holder, code) = driver_with_code(setup, n).await;
        holders.push(holder);
        codes.push(code);
    }
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            let store = setup.store.clone();
            let (mut holders, mut codes) = (holders.clone(), codes.clone());
            if task % 2 == 1 {
                codes.reverse();
                holders.reverse();
            }
            tokio::spawn(async move { use_all(&store, codes, holders).await })
        })
        .collect();
    let mut used = 0;
    for task in tasks {
        used += task.await.unwrap();
    }
    assert_eq!(used, codes.len());
}

/// A number counts only with its subject: the names of a record whose subject somebody else claimed
/// first are left to whoever has the subject.
pub(crate) async fn names_without_their_subject_are_not_claimed(setup: &Setup) {
    let mut rng = setup.rng();
    let (first, second) = (HolderId::random(&mut rng), HolderId::random(&mut rng));
    let claims = |holder: &HolderId| {
        let kinds = [
            (AliasKind::LicenceNumber, "110199199001010000"),
            (AliasKind::FileNumber, "110199000001"),
            (AliasKind::Subject, "S1"),
        ];
        kinds.map(|(kind, name)| AliasClaim {
            kind,
            blind: setup.store.alias(kind, name),
            holder: holder.clone(),
        })
    };
    let subject = &claims(&first)[2..];
    setup.store.claim_aliases(subject, start()).await.unwrap();
    let all = claims(&second);
    let owned = setup.store.claim_aliases(&all, after(1)).await.unwrap();
    let expected = HashMap::from([((AliasKind::Subject, all[2].blind.clone()), first.clone())]);
    assert_eq!(owned, expected);
    for claim in &all[..2] {
        let names = std::slice::from_ref(&claim.blind);
        let found = setup.store.holders_of(claim.kind, names).await.unwrap();
        assert!(found.is_empty());
    }
    let all = claims(&first);
    let owned = setup.store.claim_aliases(&all, after(2)).await.unwrap();
    assert!(owned.values().all(|owner| *owner == first) && owned.len() == 2);
}

/// Long writes one after another, as of an import in a process of its own, let others in between.
pub(crate) async fn an_import_lets_others_write(setup: &Setup) {
    const LONG: Duration = Duration::from_millis(100);
    let [importer, other] = holders(setup, &[180, 181]).try_into().unwrap();
    let beside = open(&setup.options, 5).await.unwrap();
    let import = tokio::spawn(async move {
        for _ in 0..20 {
            beside.let_others_first().await;
            let tx = beside.begin_in(importer.partition()).await.unwrap();
            let held = tx.number(entry("test.import"), Vec::new()).await.unwrap();
            tokio::time::sleep(LONG).await;
            held.commit().await.unwrap();
        }
        beside.close().await;
    });
    for _ in 0..4 {
        touch(&setup.store, &other).await.unwrap();
        tokio::time::sleep(LONG / 2).await;
    }
    assert!(!import.is_finished(), "it had to wait for the whole import");
    import.await.unwrap();
}
