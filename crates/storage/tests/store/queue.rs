//! The review queue of an office, filled from the outbox.

use jiff::civil::{Date, date};
use storage::{
    ApplicationId, CaseChange, CaseKind, Claim, Conflict, HolderId, LoanId, LoanRow, Partition,
    ReviewCase, ReviewLoad, Stands, Store, StoreError, Takes,
};

use crate::{
    harness::{Setup, after, conflict, start},
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
        kind: CaseKind::Application,
        not_by: None,
        submitted_at: after(submitted),
        due_at: due.map(after),
        claimed_by: None,
        lease_until: None,
        loan: None,
    }
}

/// What an event says of a case at its submission.
fn change(case: &ReviewCase, stands: Stands) -> CaseChange {
    CaseChange {
        application: case.application.clone(),
        office: case.office.clone(),
        kind: case.kind,
        not_by: case.not_by.clone(),
        submitted_at: case.submitted_at,
        due_at: case.due_at,
        stands,
        at: case.submitted_at,
    }
}

fn opened(cases: &[ReviewCase]) -> Vec<CaseChange> {
    cases
        .iter()
        .map(|case| change(case, Stands::Open))
        .collect()
}

async fn project(setup: &Setup, seqs: (u64, u64), changes: &[CaseChange]) {
    setup
        .store
        .project_cases(FOLLOWER, Partition::of_holders(3), seqs, changes)
        .await
        .unwrap();
}

async fn claim(
    store: &Store,
    case: &ReviewCase,
    who: &str,
    (now, until): (i64, i64),
) -> Result<(), StoreError> {
    claim_under(store, case, who, (now, until), None).await
}

async fn claim_under(
    store: &Store,
    case: &ReviewCase,
    who: &str,
    (now, until): (i64, i64),
    loan: Option<(&LoanRow, Date)>,
) -> Result<(), StoreError> {
    let claim = Claim {
        reviewer: who,
        takes: Takes::FreeOrOwn,
        now: after(now),
        until: after(until),
        loan,
    };
    write_in(store, store.office_partition(&case.office), async |tx| {
        tx.claim_case(&case.application, &claim).await
    })
    .await
}

async fn release(store: &Store, case: &ReviewCase, who: &str, now: i64) -> Result<(), StoreError> {
    write_in(store, store.office_partition(&case.office), async |tx| {
        tx.release_case(&case.application, who, after(now)).await
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
    let cases = [&late, &soon, &pending_second, &pending_first, &elsewhere].map(Clone::clone);
    project(setup, (0, 5), &opened(&cases)).await;
    let queue = setup.store.open_cases(OFFICE, 10).await.unwrap();
    assert_eq!(queue, [pending_first.clone(), pending_second, soon, late]);
    let first = setup.store.open_cases(OFFICE, 1).await.unwrap();
    assert_eq!(first, [pending_first]);
    let other = setup.store.open_cases("510101", 10).await.unwrap();
    assert_eq!(other, [elsewhere]);
}

pub(crate) async fn a_closed_case_leaves_the_queue(setup: &Setup) {
    let one = case(setup, OFFICE, 1, Some(100));
    project(setup, (0, 1), &opened(std::slice::from_ref(&one))).await;
    let found = setup
        .store
        .open_case(OFFICE, &one.application)
        .await
        .unwrap();
    assert_eq!(found, Some(one.clone()));
    let elsewhere = setup.store.open_case("510101", &one.application).await;
    assert!(elsewhere.unwrap().is_none());
    claim(&setup.store, &one, "stf_a", (10, 20)).await.unwrap();
    project(setup, (1, 2), &[change(&one, Stands::Closed)]).await;
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
            .project_cases(
                FOLLOWER,
                partition,
                (from, to),
                &opened(std::slice::from_ref(&one)),
            )
            .await;
        assert_eq!(conflict(refused), Conflict::Cursor);
    }
    // What came with a refused move was not applied.
    assert!(store.open_cases(OFFICE, 10).await.unwrap().is_empty());
    project(setup, (4, 9), &opened(&[one])).await;
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
    project(setup, (0, 1), &opened(std::slice::from_ref(&one))).await;
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
    // Who asks for a free case is not given the one that is in hand.
    let free = Claim {
        reviewer: "stf_b",
        takes: Takes::Free,
        now: after(121),
        until: after(300),
        loan: None,
    };
    let refused = write_in(store, store.office_partition(OFFICE), async |tx| {
        tx.claim_case(&one.application, &free).await
    });
    assert_eq!(conflict(refused.await), Conflict::Claim);
    let stranger = case(setup, OFFICE, 1, Some(100));
    let refused = claim(store, &stranger, "stf_a", (10, 20)).await;
    assert_eq!(conflict(refused), Conflict::Claim);
}

/// SC-32: two reviewers claim the same case at once; one has it.
pub(crate) async fn sc_32_of_two_claims_at_once_one_holds(setup: &Setup) {
    let cases: Vec<_> = (0..20).map(|n| case(setup, OFFICE, n, Some(900))).collect();
    project(setup, (0, 20), &opened(&cases)).await;
    for one in &cases {
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
                    let cases = opened(&[one]);
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

/// SC-32: what a reviewer gives back is free at once, and nobody gives back what another holds.
pub(crate) async fn sc_32_a_case_is_given_back(setup: &Setup) {
    let one = case(setup, OFFICE, 1, Some(100));
    project(setup, (0, 1), &opened(std::slice::from_ref(&one))).await;
    let store = &setup.store;
    let refused = release(store, &one, "stf_a", 5).await;
    assert_eq!(conflict(refused), Conflict::Claim);
    claim(store, &one, "stf_a", (10, 70)).await.unwrap();
    let held = store.cases_held(OFFICE, "stf_a", after(20)).await.unwrap();
    assert_eq!(held.len(), 1);
    assert!(
        store
            .cases_held(OFFICE, "stf_b", after(20))
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        store
            .free_cases(OFFICE, "stf_b", after(20), 9)
            .await
            .unwrap()
            .is_empty()
    );
    let refused = release(store, &one, "stf_b", 20).await;
    assert_eq!(conflict(refused), Conflict::Claim);
    release(store, &one, "stf_a", 20).await.unwrap();
    let free = store
        .free_cases(OFFICE, "stf_b", after(20), 9)
        .await
        .unwrap();
    assert_eq!(free, std::slice::from_ref(&one));
    claim(store, &one, "stf_b", (20, 80)).await.unwrap();
    // A lease that has ended is nothing to give back.
    let refused = release(store, &one, "stf_b", 80).await;
    assert_eq!(conflict(refused), Conflict::Claim);
    let free = store
        .free_cases(OFFICE, "stf_a", after(80), 9)
        .await
        .unwrap();
    assert_eq!(free.len(), 1);
}

/// Something else to decide comes anew: nobody holds it, and whoever decided first cannot take it.
pub(crate) async fn sc_08_an_appeal_is_a_case_for_another(setup: &Setup) {
    let one = case(setup, OFFICE, 1, Some(100));
    project(setup, (0, 1), &opened(std::slice::from_ref(&one))).await;
    let store = &setup.store;
    claim(store, &one, "stf_a", (10, 70)).await.unwrap();
    project(setup, (1, 2), &[change(&one, Stands::Decided)]).await;
    let appeal = ReviewCase {
        kind: CaseKind::Appeal,
        not_by: Some("stf_a".to_owned()),
        submitted_at: after(40),
        due_at: Some(after(400)),
        ..one.clone()
    };
    let moves = [change(&appeal, Stands::Open), change(&appeal, Stands::Anew)];
    project(setup, (2, 4), &moves).await;
    let queue = store.open_cases(OFFICE, 9).await.unwrap();
    assert_eq!(queue, std::slice::from_ref(&appeal));
    assert!(
        store
            .free_cases(OFFICE, "stf_a", after(50), 9)
            .await
            .unwrap()
            .is_empty()
    );
    let refused = claim(store, &appeal, "stf_a", (50, 90)).await;
    assert_eq!(conflict(refused), Conflict::Claim);
    claim(store, &appeal, "stf_b", (50, 90)).await.unwrap();
    // A new due time leaves the claim alone.
    let later = ReviewCase {
        due_at: Some(after(900)),
        ..appeal.clone()
    };
    project(setup, (4, 5), &[change(&later, Stands::Open)]).await;
    let found = store.open_case(OFFICE, &one.application).await.unwrap();
    let found = found.unwrap();
    assert_eq!(found.due_at, Some(after(900)));
    assert_eq!(found.claimed_by.as_deref(), Some("stf_b"));
}

fn loan(setup: &Setup, daily_limit: Option<u64>, beyond: Option<u64>) -> LoanRow {
    LoanRow {
        id: LoanId::generate(Partition::SYSTEM, &mut setup.rng()),
        lender: OFFICE.to_owned(),
        borrower: "510101".to_owned(),
        from: start(),
        until: after(86_400),
        daily_limit,
        beyond,
        set_by: "stf_admin".to_owned(),
        set_at: start(),
        ended_at: None,
    }
}

pub(crate) async fn a_loan_comes_back_as_written_and_ends(setup: &Setup) {
    let one = loan(setup, Some(3), Some(7));
    let store = &setup.store;
    write_in(store, Partition::SYSTEM, async |tx| {
        tx.insert_loan(&one).await
    })
    .await
    .unwrap();
    assert_eq!(store.loans(9).await.unwrap(), std::slice::from_ref(&one));
    assert_eq!(store.loan(&one.id).await.unwrap(), Some(one.clone()));
    assert_eq!(store.lenders_to("510101").await.unwrap(), [OFFICE]);
    let to = async |borrower: &str, at| store.loans_to(borrower, after(at)).await.unwrap();
    assert_eq!(to("510101", 0).await, std::slice::from_ref(&one));
    assert!(to(OFFICE, 0).await.is_empty());
    assert!(to("510101", -1).await.is_empty());
    assert!(to("510101", 86_400).await.is_empty());
    let end = async |at| {
        write_in(store, Partition::SYSTEM, async |tx| {
            tx.end_loan(&one.id, "stf_admin", after(at)).await
        })
        .await
    };
    end(10).await.unwrap();
    assert_eq!(conflict(end(11).await), Conflict::Loan);
    assert!(to("510101", 12).await.is_empty());
    let ended = store.loan(&one.id).await.unwrap().unwrap();
    assert_eq!(ended.ended_at, Some(after(10)));
}

/// A day's limit holds for all who take at once; a case counts once a day, whoever left it.
pub(crate) async fn a_loan_gives_so_many_a_day(setup: &Setup) {
    let cases: Vec<_> = (0..8).map(|n| case(setup, OFFICE, n, Some(900))).collect();
    project(setup, (0, 8), &opened(&cases)).await;
    let (store, rule) = (&setup.store, loan(setup, Some(3), None));
    let today = date(2024, 9, 2);
    let tries: Vec<_> = cases
        .iter()
        .enumerate()
        .map(|(n, one)| {
            let (store, one, rule) = (store.clone(), one.clone(), rule.clone());
            tokio::spawn(async move {
                let who = format!("stf_{n}");
                let under = Some((&rule, today));
                claim_under(&store, &one, &who, (10, 70), under).await
            })
        })
        .collect();
    let mut taken = Vec::new();
    for (one, tried) in cases.iter().zip(tries) {
        match tried.await.unwrap() {
            Ok(()) => taken.push(one),
            refused => assert_eq!(conflict(refused), Conflict::Loan),
        }
    }
    assert_eq!(taken.len(), 3);
    assert_eq!(store.taken_on_loan(&rule, today).await.unwrap(), 3);
    // Another takes over what was left, and that is no further case.
    let under = |day| Some((&rule, day));
    claim_under(store, taken[0], "stf_x", (80, 140), under(today))
        .await
        .unwrap();
    assert_eq!(store.taken_on_loan(&rule, today).await.unwrap(), 3);
    let free = cases
        .iter()
        .find(|one| taken.iter().all(|it| it.application != one.application));
    let free = free.unwrap();
    let refused = claim_under(store, free, "stf_x", (80, 140), under(today)).await;
    assert_eq!(conflict(refused), Conflict::Loan);
    let tomorrow = date(2024, 9, 3);
    claim_under(store, free, "stf_x", (90, 150), under(tomorrow))
        .await
        .unwrap();
    assert_eq!(store.taken_on_loan(&rule, tomorrow).await.unwrap(), 1);
    let found = store.open_case(OFFICE, &free.application).await.unwrap();
    assert_eq!(found.unwrap().loan, Some((rule.id, tomorrow)));
}

/// A loan beyond a length of the queue gives what is more than that, also to many at once.
pub(crate) async fn a_loan_gives_what_the_queue_is_too_long_by(setup: &Setup) {
    let cases: Vec<_> = (0..6).map(|n| case(setup, OFFICE, n, Some(900))).collect();
    project(setup, (0, 6), &opened(&cases)).await;
    let (store, rule) = (&setup.store, loan(setup, None, Some(4)));
    let mut taken = 0;
    for (n, one) in cases.iter().enumerate() {
        let (who, under) = (format!("stf_{n}"), Some((&rule, date(2024, 9, 2))));
        match claim_under(store, one, &who, (10, 70), under).await {
            Ok(()) => taken += 1,
            refused => assert_eq!(conflict(refused), Conflict::Loan),
        }
    }
    assert_eq!(taken, 2);
}

pub(crate) async fn r42_a_queue_is_counted(setup: &Setup) {
    let late = case(setup, OFFICE, 1, Some(100));
    let held = case(setup, OFFICE, 2, Some(9_000));
    let pending = case(setup, OFFICE, 3, None);
    let elsewhere = case(setup, "510101", 4, Some(9_000));
    let gone = case(setup, OFFICE, 5, Some(9_000));
    let store = &setup.store;
    let cases = [late, held.clone(), pending, elsewhere, gone.clone()];
    project(setup, (0, 5), &opened(&cases)).await;
    project(setup, (5, 6), &[change(&gone, Stands::Closed)]).await;
    claim(store, &held, "stf_a", (150, 300)).await.unwrap();
    let here = ReviewLoad {
        open: 3,
        waiting: 2,
        overdue: 1,
        pending_calendar: 1,
    };
    assert_eq!(store.review_load(OFFICE, after(200)).await.unwrap(), here);
    let there = ReviewLoad {
        open: 1,
        waiting: 1,
        ..ReviewLoad::default()
    };
    let all = store.review_loads(after(200)).await.unwrap();
    assert_eq!(
        all,
        [(OFFICE.to_owned(), here), ("510101".to_owned(), there)]
    );
    let nothing = store.review_load("110102", after(200)).await.unwrap();
    assert_eq!(nothing, ReviewLoad::default());
    // The lease that has ended makes it wait again.
    assert_eq!(
        store.review_load(OFFICE, after(300)).await.unwrap().waiting,
        3
    );
}

/// Arrivals by the hour, seconds from claim to decision, what is due, and who reviews.
pub(crate) async fn r42_what_a_queue_saw_is_counted(setup: &Setup) {
    let one = case(setup, OFFICE, 0, Some(9_000));
    let two = case(setup, OFFICE, 4_000, Some(9_000));
    let automatic = case(setup, OFFICE, 10, Some(20));
    let withdrawn = case(setup, OFFICE, 20, None);
    let store = &setup.store;
    let mut changes = opened(&[one.clone(), two.clone(), withdrawn.clone()]);
    changes.push(change(&automatic, Stands::Closed));
    project(setup, (0, 4), &changes).await;
    claim(store, &one, "stf_a", (100, 1_000)).await.unwrap();
    // Renewed, not taken anew.
    claim(store, &one, "stf_a", (130, 1_030)).await.unwrap();
    claim(store, &withdrawn, "stf_b", (100, 1_000))
        .await
        .unwrap();
    let decided = CaseChange {
        at: after(145),
        ..change(&one, Stands::Decided)
    };
    let after_it = CaseChange {
        at: after(150),
        ..change(&one, Stands::Closed)
    };
    let given_up = change(&withdrawn, Stands::Closed);
    project(setup, (4, 7), &[decided, after_it, given_up]).await;
    let now = after(5_000);
    let seen = store.review_history(OFFICE, start(), (now, start())).await;
    let seen = seen.unwrap();
    let hour = start().as_second() / 3600;
    assert_eq!(seen.arrivals, [(hour, 2), (hour + 1, 1)]);
    assert_eq!(seen.seconds, [45]);
    assert_eq!(seen.due, [(Some(after(9_000)), 1)]);
    assert_eq!(seen.reviewers, 1);
    let later = store.review_history(OFFICE, after(4_000), (now, after(146)));
    let later = later.await.unwrap();
    assert_eq!(later.arrivals, [(hour + 1, 1)]);
    assert!(later.seconds.is_empty());
    assert_eq!(later.reviewers, 0);
}
