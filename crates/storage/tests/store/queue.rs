//! The review queue of an office, filled from the outbox.

use storage::{ApplicationId, Conflict, HolderId, Partition, ReviewCase, Store, StoreError};

use crate::{
    harness::{Setup, after, conflict},
    steps::write_in,
};

const OFFICE: &str = "110101";
const FOLLOWER: &str = "review-queue";

fn case(setup: &Setup, office: &str, submitted: i64, due: Option<i64>) -> ReviewCase {
    let mut rng = setup.rng();
    let partition = HolderId::random(&mut rng).partition();
    ReviewCase {
        application: ApplicationId::generate(partition, &mut rng),
        office: office.to_owned(),
        submitted_at: after(submitted),
        due_at: due.map(after),
        claimed_by: None,
        lease_until: None,
    }
}

async fn project(setup: &Setup, seqs: (u64, u64), cases: &[(ReviewCase, bool)]) {
    setup
        .store
        .project_cases(FOLLOWER, Partition::of_holders(3), seqs, cases)
        .await
        .unwrap();
}

async fn claim(
    store: &Store,
    case: &ReviewCase,
    who: &str,
    (now, until): (i64, i64),
) -> Result<(), StoreError> {
    write_in(store, store.office_partition(&case.office), async |tx| {
        tx.claim_case(&case.application, who, after(now), after(until))
            .await
    })
    .await
}

/// R42: by deadline; what waits for its working calendar comes first.
pub(crate) async fn r42_the_queue_is_ordered_by_deadline(setup: &Setup) {
    let late = case(setup, OFFICE, 1, Some(900));
    let soon = case(setup, OFFICE, 3, Some(100));
    let pending_second = case(setup, OFFICE, 4, None);
    let pending_first = case(setup, OFFICE, 2, None);
    let elsewhere = case(setup, "510101", 0, Some(1));
    let cases = [&late, &soon, &pending_second, &pending_first, &elsewhere]
        .map(|case| (case.clone(), true));
    project(setup, (0, 5), &cases).await;
    let queue = setup.store.open_cases(OFFICE, 10).await.unwrap();
    assert_eq!(queue, [pending_first.clone(), pending_second, soon, late]);
    let first = setup.store.open_cases(OFFICE, 1).await.unwrap();
    assert_eq!(first, [pending_first]);
    let other = setup.store.open_cases("510101", 10).await.unwrap();
    assert_eq!(other, [elsewhere]);
}

pub(crate) async fn a_closed_case_leaves_the_queue(setup: &Setup) {
    let one = case(setup, OFFICE, 1, Some(100));
    project(setup, (0, 1), &[(one.clone(), true)]).await;
    let found = setup
        .store
        .open_case(OFFICE, &one.application)
        .await
        .unwrap();
    assert_eq!(found, Some(one.clone()));
    let elsewhere = setup.store.open_case("510101", &one.application).await;
    assert!(elsewhere.unwrap().is_none());
    claim(&setup.store, &one, "stf_a", (10, 20)).await.unwrap();
    project(setup, (1, 2), &[(one.clone(), false)]).await;
    let found = setup
        .store
        .open_case(OFFICE, &one.application)
        .await
        .unwrap();
    assert!(found.is_none());
    assert!(setup.store.open_cases(OFFICE, 10).await.unwrap().is_empty());
    let refused = claim(&setup.store, &one, "stf_a", (30, 40)).await;
    assert_eq!(conflict(refused), Conflict::Claim);
}

/// Two nodes follow; an event is applied by one of them, once.
pub(crate) async fn a_cursor_moves_only_from_where_it_stood(setup: &Setup) {
    let partition = Partition::of_holders(3);
    let one = case(setup, OFFICE, 1, Some(100));
    let store = &setup.store;
    assert!(store.cursors(FOLLOWER).await.unwrap().is_empty());
    project(setup, (0, 4), &[]).await;
    for (from, to) in [(0, 4), (3, 5), (5, 6)] {
        let refused = store
            .project_cases(FOLLOWER, partition, (from, to), &[(one.clone(), true)])
            .await;
        assert_eq!(conflict(refused), Conflict::Cursor);
    }
    // What came with a refused move was not applied.
    assert!(store.open_cases(OFFICE, 10).await.unwrap().is_empty());
    project(setup, (4, 9), &[(one, true)]).await;
    store
        .project_cases("another", partition, (0, 2), &[])
        .await
        .unwrap();
    let cursors = store.cursors(FOLLOWER).await.unwrap();
    assert_eq!(cursors, [(partition, 9)]);
}

/// SC-32: a claim is a lease; it can be renewed, it keeps others out, and it ends by itself.
pub(crate) async fn sc_32_a_lease_ends_by_itself(setup: &Setup) {
    let one = case(setup, OFFICE, 1, Some(100));
    project(setup, (0, 1), &[(one.clone(), true)]).await;
    let store = &setup.store;
    claim(store, &one, "stf_a", (10, 70)).await.unwrap();
    let refused = claim(store, &one, "stf_b", (69, 130)).await;
    assert_eq!(conflict(refused), Conflict::Claim);
    claim(store, &one, "stf_a", (60, 120)).await.unwrap();
    let held = store.open_case(OFFICE, &one.application).await.unwrap();
    let held = held.unwrap();
    assert_eq!(held.claimed_by.as_deref(), Some("stf_a"));
    assert_eq!(held.lease_until, Some(after(120)));
    let refused = claim(store, &one, "stf_b", (119, 200)).await;
    assert_eq!(conflict(refused), Conflict::Claim);
    claim(store, &one, "stf_b", (120, 200)).await.unwrap();
    let refused = claim(store, &one, "stf_a", (130, 200)).await;
    assert_eq!(conflict(refused), Conflict::Claim);
    let held = store.open_case(OFFICE, &one.application).await.unwrap();
    assert_eq!(held.unwrap().claimed_by.as_deref(), Some("stf_b"));
    let stranger = case(setup, OFFICE, 1, Some(100));
    let refused = claim(store, &stranger, "stf_a", (10, 20)).await;
    assert_eq!(conflict(refused), Conflict::Claim);
}

/// SC-32: two reviewers claim the same case at once; one has it.
pub(crate) async fn sc_32_of_two_claims_at_once_one_holds(setup: &Setup) {
    let cases: Vec<_> = (0..20)
        .map(|n| (case(setup, OFFICE, n, Some(900)), true))
        .collect();
    project(setup, (0, 20), &cases).await;
    for (one, _) in &cases {
        let tries = ["stf_a", "stf_b", "stf_c"].map(|who| {
            let (store, one) = (setup.store.clone(), one.clone());
            tokio::spawn(async move { (who, claim(&store, &one, who, (10, 70)).await) })
        });
        let mut holders = Vec::new();
        for one in tries {
            let (who, claimed) = one.await.unwrap();
            match claimed {
                Ok(()) => holders.push(who),
                refused => assert_eq!(conflict(refused), Conflict::Claim),
            }
        }
        assert_eq!(holders.len(), 1);
        let found = setup.store.open_case(OFFICE, &one.application).await;
        assert_eq!(
            found.unwrap().unwrap().claimed_by.as_deref(),
            Some(holders[0])
        );
    }
}

/// Two nodes project the same events at once: one moves the cursor, the other learns of it.
pub(crate) async fn of_two_projections_at_once_one_moves_the_cursor(setup: &Setup) {
    for round in 0..10 {
        let one = case(setup, OFFICE, round, Some(900));
        let from = u64::try_from(round).unwrap();
        let nodes: Vec<_> = (0..3)
            .map(|_| {
                let (store, one) = (setup.store.clone(), one.clone());
                tokio::spawn(async move {
                    let at = Partition::of_holders(3);
                    let cases = [(one, true)];
                    store
                        .project_cases(FOLLOWER, at, (from, from + 1), &cases)
                        .await
                })
            })
            .collect();
        let mut moved = 0;
        for node in nodes {
            match node.await.unwrap() {
                Ok(()) => moved += 1,
                refused => assert_eq!(conflict(refused), Conflict::Cursor),
            }
        }
        assert_eq!(moved, 1);
    }
    assert_eq!(setup.store.open_cases(OFFICE, 50).await.unwrap().len(), 10);
}
