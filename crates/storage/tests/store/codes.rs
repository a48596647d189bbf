//! Numeric codes: one use each.

use storage::{Blind, CodeToUse, CodeUse, Conflict, ELicenceId, HolderId, NumericCodeRow, Store};

use crate::{
    harness::{Setup, after, conflict, start},
    steps::write_in,
};

const DIGITS: &str = "770000000000000013";

async fn insert(setup: &Setup, digits: &str) -> NumericCodeRow {
    let mut rng = setup.rng();
    let holder = HolderId::random(&mut rng);
    let row = NumericCodeRow {
        code: setup.store.blind("numeric-code", digits.as_bytes()),
        e_licence: ELicenceId::generate(holder.partition(), &mut rng),
        holder,
        made_at: start(),
        expires_at: after(60),
    };
    write_in(&setup.store, row.holder.partition(), async |tx| {
        tx.insert_numeric_code(&row).await
    })
    .await
    .unwrap();
    row
}

/// Uses a code as a look-up does: what was seen before counts if the use finds it so.
async fn use_it(store: &Store, row: &NumericCodeRow, code: &Blind, seconds: i64) -> CodeUse {
    let partition = row.holder.partition();
    let peek = async || {
        let seen = store.peek_numeric_code((partition, code), "", after(seconds));
        seen.await.unwrap()
    };
    let seen = peek().await;
    let used = write_in(store, partition, async |tx| {
        tx.use_numeric_codes(&[to_use(row, code, seconds)]).await
    });
    if used.await.unwrap().contains(code) {
        assert!(matches!(seen, CodeUse::Used(..)));
        return seen;
    }
    peek().await
}

fn to_use(row: &NumericCodeRow, code: &Blind, seconds: i64) -> CodeToUse {
    CodeToUse {
        partition: row.holder.partition(),
        code: code.clone(),
        at: after(seconds),
    }
}

/// SC-43: used, not a code, expired: each says so.
pub(crate) async fn sc_43_a_numeric_code_works_once_and_in_time(setup: &Setup) {
    let row = insert(setup, DIGITS).await;
    let CodeUse::Used(found, _) = use_it(&setup.store, &row, &row.code, 59).await else {
        panic!("a fresh code works");
    };
    assert_eq!(
        (&found.holder, &found.e_licence),
        (&row.holder, &row.e_licence)
    );
    assert_eq!((found.made_at, found.expires_at), (start(), after(60)));
    for seconds in [59, 60, 3_600] {
        let again = use_it(&setup.store, &row, &row.code, seconds).await;
        assert!(matches!(again, CodeUse::AlreadyUsed(holder) if holder == row.holder));
    }
    let mistyped = setup.store.blind("numeric-code", b"770000000000000031");
    let unknown = use_it(&setup.store, &row, &mistyped, 1).await;
    assert!(matches!(unknown, CodeUse::Unknown));

    let late = insert(setup, "770000000000000020").await;
    for seconds in [60, 61] {
        let expired = use_it(&setup.store, &late, &late.code, seconds).await;
        assert!(matches!(expired, CodeUse::Expired(holder) if holder == late.holder));
    }
    // An attempt that came too late does not use the code up.
    let used = use_it(&setup.store, &late, &late.code, 30).await;
    assert!(matches!(used, CodeUse::Used(..)));
}

/// To look is not to use: the answer is prepared on it, and the use decides.
pub(crate) async fn looking_at_a_code_uses_nothing_up(setup: &Setup) {
    let row = insert(setup, DIGITS).await;
    let partition = row.holder.partition();
    let peek = async |code: &Blind, seconds| {
        let seen = setup
            .store
            .peek_numeric_code((partition, code), "", after(seconds));
        seen.await.unwrap()
    };
    for _ in 0..2 {
        let seen = peek(&row.code, 59).await;
        assert!(matches!(seen, CodeUse::Used(found, _) if found.e_licence == row.e_licence));
    }
    assert!(matches!(peek(&row.code, 60).await, CodeUse::Expired(_)));
    let mistyped = setup.store.blind("numeric-code", b"");
    assert!(matches!(peek(&mistyped, 1).await, CodeUse::Unknown));
    let used = use_it(&setup.store, &row, &row.code, 59).await;
    assert!(matches!(used, CodeUse::Used(..)));
    assert!(matches!(peek(&row.code, 59).await, CodeUse::AlreadyUsed(_)));
    assert!(matches!(peek(&row.code, 60).await, CodeUse::AlreadyUsed(_)));
}

pub(crate) async fn a_code_that_lives_is_not_made_again(setup: &Setup) {
    let row = insert(setup, DIGITS).await;
    let refused = write_in(&setup.store, row.holder.partition(), async |tx| {
        tx.insert_numeric_code(&row).await
    })
    .await;
    assert_eq!(conflict(refused), Conflict::Request);
}

/// Nothing is used up by a look-up that could not be written down.
pub(crate) async fn a_use_that_is_not_committed_is_none(setup: &Setup) {
    let row = insert(setup, DIGITS).await;
    let mut tx = setup.store.begin_in(row.holder.partition()).await.unwrap();
    let codes = [to_use(&row, &row.code, 1)];
    let first = tx.use_numeric_codes(&codes).await.unwrap();
    assert!(first.contains(&row.code));
    drop(tx);
    let second = use_it(&setup.store, &row, &row.code, 2).await;
    assert!(matches!(second, CodeUse::Used(..)));
}

/// SC-43: two verifiers at once.
pub(crate) async fn sc_43_of_two_uses_at_once_one_works(setup: &Setup) {
    for round in 0..20 {
        let row = insert(setup, &format!("{round}")).await;
        let tries: Vec<_> = (0..4)
            .map(|_| {
                let (store, row) = (setup.store.clone(), row.clone());
                tokio::spawn(async move { use_it(&store, &row, &row.code, 1).await })
            })
            .collect();
        let mut used = 0;
        for one in tries {
            match one.await.unwrap() {
                CodeUse::Used(..) => used += 1,
                CodeUse::AlreadyUsed(holder) => assert_eq!(holder, row.holder),
                lost @ (CodeUse::Unknown | CodeUse::Expired(_)) => panic!("{lost:?}"),
            }
        }
        assert_eq!(used, 1);
    }
}
