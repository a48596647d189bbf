//! Second factors, recovery codes and sessions of staff.

use storage::{
    Blind, Conflict, FactorReset, FactorStage, Office, Partition, Staff, StaffId, StaffScope,
    StaffSession, StoreError, Tx,
};

use crate::{
    harness::{Setup, after, conflict, inconsistent, start},
    steps::write_in,
};

async fn write<T>(
    setup: &Setup,
    act: impl AsyncFnOnce(&mut Tx) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    write_in(&setup.store, Partition::SYSTEM, act).await
}

fn member(setup: &Setup) -> StaffId {
    StaffId::generate(Partition::SYSTEM, &mut setup.rng())
}

fn new_member(setup: &Setup, login: &str) -> Staff {
    Staff {
        id: member(setup),
        login: login.to_owned(),
        name: "演示员".to_owned(),
        password_hash: "first".to_owned(),
        roles: vec!["counter".to_owned()],
        office: None,
        own_licence: None,
        disabled_at: None,
    }
}

async fn employed(setup: &Setup, login: &str) -> StaffId {
    let staff = new_member(setup, login);
    write(setup, async |tx| tx.insert_staff(&staff, start()).await)
        .await
        .unwrap();
    staff.id
}

async fn active(setup: &Setup) -> StaffId {
    let staff = member(setup);
    write(setup, async |tx| {
        tx.begin_factor(&staff, 1, b"a secret of 20 bytes", start())
            .await?;
        tx.confirm_factor(&staff, 1, 100, after(1)).await
    })
    .await
    .unwrap();
    staff
}

pub(crate) async fn a_factor_is_begun_anew_while_pending(setup: &Setup) {
    let staff = member(setup);
    let factor = async || setup.store.staff_factor(&staff).await.unwrap();
    assert!(factor().await.is_none());
    let begin = async |enrolment: u64, secret: &'static [u8]| {
        write(setup, async |tx| {
            tx.begin_factor(&staff, enrolment, secret, start()).await
        })
        .await
    };
    begin(5, b"one").await.unwrap();
    begin(6, b"two").await.unwrap();
    assert_eq!(conflict(begin(6, b"three").await), Conflict::SecondFactor);
    let pending = factor().await.unwrap();
    assert_eq!(
        (pending.stage, pending.enrolment),
        (FactorStage::Pending, 6)
    );
    assert_eq!(*pending.secret, b"two");
    assert!(!format!("{pending:?}").contains("secret"));
}

pub(crate) async fn a_factor_is_confirmed_once_and_removed(setup: &Setup) {
    let staff = member(setup);
    write(setup, async |tx| {
        tx.begin_factor(&staff, 6, b"two", start()).await
    })
    .await
    .unwrap();
    let factor = async || setup.store.staff_factor(&staff).await.unwrap();
    let confirm = async |enrolment: u64| {
        write(setup, async |tx| {
            tx.confirm_factor(&staff, enrolment, 100, after(1)).await
        })
        .await
    };
    assert_eq!(conflict(confirm(5).await), Conflict::SecondFactor);
    confirm(6).await.unwrap();
    assert_eq!(conflict(confirm(6).await), Conflict::SecondFactor);
    let begun = write(setup, async |tx| {
        tx.begin_factor(&staff, 7, b"four", start()).await
    })
    .await;
    assert_eq!(conflict(begun), Conflict::SecondFactor);
    let found = factor().await.unwrap();
    assert_eq!((found.stage, found.last_step), (FactorStage::Active, 100));
    assert_eq!(
        setup.store.staff_with_factor().await.unwrap(),
        std::slice::from_ref(&staff)
    );
    let removed = write(setup, async |tx| tx.remove_factor(&staff).await).await;
    assert!(removed.unwrap());
    assert!(factor().await.is_none());
    let again = write(setup, async |tx| tx.remove_factor(&staff).await).await;
    assert!(!again.unwrap());
}

pub(crate) async fn a_step_is_used_once_and_in_order(setup: &Setup) {
    let staff = active(setup).await;
    let step =
        async |step: u64| write(setup, async |tx| tx.use_factor_step(&staff, step).await).await;
    for used in [100, 99] {
        assert_eq!(conflict(step(used).await), Conflict::SecondFactor);
    }
    step(102).await.unwrap();
    for used in [102, 101] {
        assert_eq!(conflict(step(used).await), Conflict::SecondFactor);
    }
    // A factor that is only begun has no steps to use.
    let pending = member(setup);
    let used = write(setup, async |tx| {
        tx.begin_factor(&pending, 1, b"x", start()).await?;
        tx.use_factor_step(&pending, 5).await
    })
    .await;
    assert_eq!(conflict(used), Conflict::SecondFactor);
}

/// Each holds the row from reading to writing: no try is lost, and none sees an old count.
pub(crate) async fn of_many_wrong_codes_at_once_each_is_counted(setup: &Setup) {
    let staff = active(setup).await;
    let tries = (0..8).map(|_| {
        let (store, staff) = (setup.store.clone(), staff.clone());
        tokio::spawn(async move {
            write_in(&store, Partition::SYSTEM, async |tx| {
                let held = tx.hold_factor(&staff).await?.unwrap();
                let wait = (held.wrong_in_row == 7).then(|| after(900));
                tx.count_wrong_factor(&staff, wait).await?;
                Ok(held.wrong_in_row)
            })
            .await
        })
    });
    let mut seen = Vec::new();
    for one in tries.collect::<Vec<_>>() {
        seen.push(one.await.unwrap().unwrap());
    }
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6, 7]);
    let factor = setup.store.staff_factor(&staff).await.unwrap().unwrap();
    assert_eq!(
        (factor.wrong_in_row, factor.wait_until),
        (8, Some(after(900)))
    );
    write(setup, async |tx| tx.use_factor_step(&staff, 101).await)
        .await
        .unwrap();
    let factor = setup.store.staff_factor(&staff).await.unwrap().unwrap();
    assert_eq!((factor.wrong_in_row, factor.wait_until), (0, None));
    let gone = write(setup, async |tx| {
        tx.count_wrong_factor(&member(setup), None).await
    })
    .await;
    assert_eq!(conflict(gone), Conflict::SecondFactor);
}

/// SC-63: a factor that somebody knows, put in another's place, does not open.
pub(crate) async fn sc_63_a_swapped_factor_is_noticed(setup: &Setup) {
    let (one, other) = (active(setup).await, active(setup).await);
    let swap = format!(
        "UPDATE staff_factors SET secret_sealed = (SELECT secret_sealed FROM staff_factors WHERE staff_id = '{other}') WHERE staff_id = '{one}'"
    );
    assert_eq!(setup.execute(&swap).await, 1);
    let found = setup.store.staff_factor(&one).await;
    assert_eq!(inconsistent(found), ("staff_factors", "secret_sealed"));
    let later = format!("UPDATE staff_factors SET enrolment = 2 WHERE staff_id = '{other}'");
    assert_eq!(setup.execute(&later).await, 1);
    let found = setup.store.staff_factor(&other).await;
    assert_eq!(inconsistent(found), ("staff_factors", "secret_sealed"));
}

pub(crate) async fn a_recovery_code_is_used_once(setup: &Setup) {
    let (staff, other) = (active(setup).await, active(setup).await);
    let blind = |n: u32| setup.store.blind("code", &n.to_be_bytes());
    let replace = async |codes: &[Blind]| {
        write(setup, async |tx| {
            tx.replace_recovery_codes(&staff, codes, start()).await
        })
        .await
        .unwrap();
    };
    let use_of = async |staff: &StaffId, code: Blind| {
        write(setup, async |tx| {
            tx.use_recovery_code(staff, &code, after(5)).await
        })
        .await
        .unwrap()
    };
    replace(&[blind(1), blind(2), blind(3)]).await;
    write(setup, async |tx| {
        tx.count_wrong_factor(&staff, Some(after(9))).await
    })
    .await
    .unwrap();
    assert_eq!(use_of(&staff, blind(9)).await, None);
    assert_eq!(use_of(&other, blind(1)).await, None);
    assert_eq!(use_of(&staff, blind(1)).await, Some(2));
    assert_eq!(use_of(&staff, blind(1)).await, None);
    let factor = setup.store.staff_factor(&staff).await.unwrap().unwrap();
    assert_eq!((factor.wrong_in_row, factor.wait_until), (0, None));
    replace(&[blind(4)]).await;
    assert_eq!(use_of(&staff, blind(2)).await, None);
    assert_eq!(use_of(&staff, blind(4)).await, Some(0));
}

pub(crate) async fn a_wish_to_reset_is_taken_by_whoever_approves_it(setup: &Setup) {
    let staff = member(setup);
    assert!(setup.store.factor_reset(&staff).await.unwrap().is_none());
    let wish = |by: &str, seconds| FactorReset {
        requested_by: by.to_owned(),
        expires_at: after(seconds),
    };
    for wish in [wish("stf_a", 10), wish("stf_b", 20)] {
        write(setup, async |tx| {
            tx.request_factor_reset(&staff, &wish, start()).await
        })
        .await
        .unwrap();
        let found = setup.store.factor_reset(&staff).await.unwrap();
        assert_eq!(found, Some(wish));
    }
    let take =
        async |by: &str| write(setup, async |tx| tx.take_factor_reset(&staff, by).await).await;
    assert_eq!(conflict(take("stf_a").await), Conflict::SecondFactor);
    take("stf_b").await.unwrap();
    assert_eq!(conflict(take("stf_b").await), Conflict::SecondFactor);
}

pub(crate) async fn sessions_of_staff_begin_and_end(setup: &Setup) {
    let (one, other) = (employed(setup, "one").await, employed(setup, "other").await);
    let session = |staff: &StaffId, scope, until| StaffSession {
        staff: staff.clone(),
        scope,
        created_at: start(),
        expires_at: after(until),
        last_used_at: start(),
    };
    let add = async |token: &'static [u8], session: &StaffSession| {
        write(setup, async |tx| {
            tx.insert_staff_session(token, session).await
        })
        .await
        .unwrap();
    };
    let found = async |token: &'static [u8]| {
        let found = setup.store.signed_in_staff(token).await.unwrap();
        found.map(|found| {
            assert_eq!(found.session.staff, found.staff.id);
            found.session
        })
    };
    let first = session(&one, StaffScope::Enrolment, 900);
    add(b"1", &first).await;
    assert_eq!(found(b"1").await, Some(first.clone()));
    setup
        .store
        .touch_staff_session(b"1", after(60))
        .await
        .unwrap();
    setup
        .store
        .touch_staff_session(b"1", after(30))
        .await
        .unwrap();
    assert_eq!(found(b"1").await.unwrap().last_used_at, after(60));

    // What ended by time goes when the member signs in again.
    let mut second = session(&one, StaffScope::Full, 5_000);
    second.created_at = after(900);
    add(b"2", &session(&other, StaffScope::Full, 900)).await;
    add(b"3", &second).await;
    assert!(found(b"1").await.is_none() && found(b"2").await.is_some());
    add(b"4", &second).await;
    write(setup, async |tx| tx.delete_staff_session(b"4").await)
        .await
        .unwrap();
    assert!(found(b"4").await.is_none());
    add(b"5", &second).await;
    let ended = write(setup, async |tx| tx.delete_staff_sessions_of(&one).await).await;
    assert_eq!(ended.unwrap(), 2);
    assert!(found(b"3").await.is_none() && found(b"2").await.is_some());
}

/// Who signed in is read with the session: what is changed counts for the next request.
pub(crate) async fn a_session_knows_its_member_and_office(setup: &Setup) {
    let id = employed(setup, "one").await;
    let session = StaffSession {
        staff: id.clone(),
        scope: StaffScope::Full,
        created_at: start(),
        expires_at: after(900),
        last_used_at: start(),
    };
    write(setup, async |tx| {
        tx.insert_staff_session(b"1", &session).await
    })
    .await
    .unwrap();
    let found = async || setup.store.signed_in_staff(b"1").await.unwrap().unwrap();
    let before = found().await;
    assert_eq!(before.staff.name, "演示员");
    assert_eq!(before.office, None);
    let office = Office {
        code: "110101".to_owned(),
        name: "演示车管所".to_owned(),
        authority_code: "1101".to_owned(),
    };
    write(setup, async |tx| {
        tx.insert_office(&office, start()).await?;
        let roles = ["police".to_owned()];
        tx.change_staff(&before.staff, &roles, Some("110101"), Some(after(5)))
            .await
    })
    .await
    .unwrap();
    let now = found().await;
    assert_eq!(now.office, Some(office));
    assert_eq!(now.staff.roles, ["police"]);
    assert_eq!(now.staff.disabled_at, Some(after(5)));
    assert!(setup.store.signed_in_staff(b"2").await.unwrap().is_none());
}

pub(crate) async fn a_change_of_staff_that_rests_on_old_facts_is_refused(setup: &Setup) {
    let before = new_member(setup, "one");
    write(setup, async |tx| tx.insert_staff(&before, start()).await)
        .await
        .unwrap();
    let roles = ["reviewer".to_owned(), "counter".to_owned()];
    let change = async |before: &Staff| {
        write(setup, async |tx| {
            tx.change_staff(before, &roles, Some("110101"), Some(after(5)))
                .await
        })
        .await
    };
    change(&before).await.unwrap();
    assert_eq!(conflict(change(&before).await), Conflict::StaffChanged);
    let changed = setup.store.staff(&before.id).await.unwrap().unwrap();
    assert_eq!(changed.roles, roles);
    assert_eq!(changed.office.as_deref(), Some("110101"));
    assert_eq!(changed.disabled_at, Some(after(5)));
    change(&changed).await.unwrap();

    let password = async |hash: &str| {
        write(setup, async |tx| tx.set_staff_password(&before, hash).await).await
    };
    password("second").await.unwrap();
    assert_eq!(conflict(password("third").await), Conflict::StaffChanged);
    let all = setup.store.all_staff().await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].password_hash, "second");
}
