//! Accounts, activation codes and sessions.

use storage::{
    ActivationCode, ActivationId, Blind, Conflict, DeviceId, HolderId, Session, SessionKind,
};

use crate::{
    harness::{Setup, after, conflict, start},
    steps::write_in,
};

pub(crate) async fn a_password_is_set_and_replaced(setup: &Setup) {
    let holder = HolderId::random(&mut setup.rng());
    assert!(setup.store.account(&holder).await.unwrap().is_none());
    for (hash, at) in [("$argon2id$one", 1), ("$argon2id$two", 2)] {
        write_in(&setup.store, holder.partition(), async |tx| {
            tx.set_password(&holder, hash, after(at)).await
        })
        .await
        .unwrap();
        let account = setup.store.account(&holder).await.unwrap().unwrap();
        assert_eq!(account.holder, holder);
        assert_eq!(account.password_hash, hash);
        assert_eq!(account.activated_at, after(1));
    }
}

const MOST: u64 = 5;

async fn new_code(setup: &Setup, holder: &HolderId, code: &str, at: i64) -> Blind {
    let id = ActivationId::generate(holder.partition(), &mut setup.rng());
    let blind = setup.store.blind("activation", code.as_bytes());
    write_in(&setup.store, holder.partition(), async |tx| {
        tx.insert_activation_code((&id, &blind), holder, "stf_counter", after(at), after(600))
            .await
    })
    .await
    .unwrap();
    blind
}

async fn try_code(setup: &Setup, holder: &HolderId, at: i64) -> Option<ActivationCode> {
    write_in(&setup.store, holder.partition(), async |tx| {
        tx.try_activation_code(holder, MOST, after(at)).await
    })
    .await
    .unwrap()
}

pub(crate) async fn a_new_activation_code_replaces_the_open_one(setup: &Setup) {
    let holder = HolderId::random(&mut setup.rng());
    assert!(try_code(setup, &holder, 1).await.is_none());
    let first = new_code(setup, &holder, "ABCD-1", 1).await;
    let found = try_code(setup, &holder, 1).await.unwrap();
    assert!(first.matches(&found.code));
    assert_eq!(found.attempts, 1);
    let second = new_code(setup, &holder, "ABCD-2", 2).await;
    let refused = write_in(&setup.store, holder.partition(), async |tx| {
        tx.use_activation_code(&found, after(3)).await
    })
    .await;
    assert_eq!(conflict(refused), Conflict::ActivationCode);
    let found = try_code(setup, &holder, 3).await.unwrap();
    assert!(second.matches(&found.code));
    // It works until its end and not at it.
    assert!(try_code(setup, &holder, 600).await.is_none());
    write_in(&setup.store, holder.partition(), async |tx| {
        tx.end_activation_code(&holder, after(4)).await
    })
    .await
    .unwrap();
    assert!(try_code(setup, &holder, 5).await.is_none());
}

/// A try is counted before anybody looks at the code, so that however many come at once, no more
/// than the limit learn anything.
pub(crate) async fn tries_are_counted_before_they_are_judged(setup: &Setup) {
    let holder = HolderId::random(&mut setup.rng());
    new_code(setup, &holder, "ABCD-1", 1).await;
    let tries: Vec<_> = (0..12)
        .map(|_| {
            let (store, holder) = (setup.store.clone(), holder.clone());
            tokio::spawn(async move {
                write_in(&store, holder.partition(), async |tx| {
                    tx.try_activation_code(&holder, MOST, after(2)).await
                })
                .await
            })
        })
        .collect();
    let mut seen = Vec::new();
    for one in tries {
        seen.extend(one.await.unwrap().unwrap().map(|code| code.attempts));
    }
    seen.sort_unstable();
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    assert!(try_code(setup, &holder, 3).await.is_none());
}

/// The last try may be the right one.
pub(crate) async fn the_last_try_can_be_right(setup: &Setup) {
    let holder = HolderId::random(&mut setup.rng());
    let code = new_code(setup, &holder, "ABCD-1", 1).await;
    for _ in 1..MOST {
        try_code(setup, &holder, 2).await.unwrap();
    }
    write_in(&setup.store, holder.partition(), async |tx| {
        let found = tx.try_activation_code(&holder, MOST, after(3)).await?;
        let found = found.unwrap();
        assert!(code.matches(&found.code));
        tx.use_activation_code(&found, after(3)).await
    })
    .await
    .unwrap();
    assert!(try_code(setup, &holder, 4).await.is_none());
}

/// SC-30: of two tries with one printed code exactly one sets the password.
pub(crate) async fn sc_30_an_activation_code_is_used_once(setup: &Setup) {
    for round in 0..10 {
        let holder = HolderId::random(&mut setup.rng());
        new_code(setup, &holder, &format!("ABCD-{round}"), 1).await;
        let tries: Vec<_> = (0..3)
            .map(|n| {
                let (store, holder) = (setup.store.clone(), holder.clone());
                tokio::spawn(async move {
                    write_in(&store, holder.partition(), async |tx| {
                        let Some(code) = tx.try_activation_code(&holder, MOST, after(2)).await?
                        else {
                            return Ok(false);
                        };
                        tx.use_activation_code(&code, after(2)).await?;
                        tx.set_password(&holder, &format!("hash-{n}"), after(2))
                            .await?;
                        Ok(true)
                    })
                    .await
                })
            })
            .collect();
        let mut winners = Vec::new();
        for (n, one) in tries.into_iter().enumerate() {
            if one.await.unwrap().unwrap() {
                winners.push(n);
            }
        }
        assert_eq!(winners.len(), 1);
        let account = setup.store.account(&holder).await.unwrap().unwrap();
        assert_eq!(account.password_hash, format!("hash-{}", winners[0]));
    }
}

/// SC-18: a note to warn is taken once, and not made again too soon.
pub(crate) async fn sc_18_a_note_to_warn_is_taken_once(setup: &Setup) {
    let holder = HolderId::random(&mut setup.rng());
    let note = async |at: i64| {
        write_in(&setup.store, holder.partition(), async |tx| {
            tx.note_to_warn(&holder, after(at), after(at - 60)).await
        })
        .await
        .unwrap();
    };
    let take = async |at: i64| {
        write_in(&setup.store, holder.partition(), async |tx| {
            tx.take_note_to_warn(&holder, after(at)).await
        })
        .await
        .unwrap()
    };
    note(1).await;
    assert!(!take(1).await, "nobody has an account");
    write_in(&setup.store, holder.partition(), async |tx| {
        tx.set_password(&holder, "hash", after(1)).await
    })
    .await
    .unwrap();
    note(2).await;
    note(3).await;
    assert!(
        setup
            .store
            .holders_to_warn(10)
            .await
            .unwrap()
            .contains(&holder)
    );
    assert!(take(4).await);
    assert!(!take(4).await);
    note(63).await;
    assert!(!take(63).await, "warned less than a minute before");
    note(64).await;
    assert!(take(64).await);
}

fn session_on(holder: &HolderId, device: &DeviceId) -> Session {
    Session {
        kind: SessionKind::Holder,
        owner: holder.to_string(),
        device: Some(device.clone()),
        created_at: start(),
        expires_at: after(900),
    }
}

/// SC-18: what ends on one device, or on all but one.
pub(crate) async fn sc_18_sessions_end_by_device(setup: &Setup) {
    let holder = HolderId::random(&mut setup.rng());
    let partition = holder.partition();
    let [here, there] = [(); 2].map(|()| DeviceId::generate(partition, &mut setup.rng()));
    let ended = write_in(&setup.store, partition, async |tx| {
        for (token, device) in [
            (b"token-1", &here),
            (b"token-2", &here),
            (b"token-3", &there),
        ] {
            tx.insert_session(token, &session_on(&holder, device))
                .await?;
        }
        let others = tx
            .delete_other_sessions_of(holder.as_str(), b"token-1")
            .await?;
        let some = tx.delete_sessions_on(&holder, &here).await?;
        let last = tx.delete_sessions_on(&holder, &there).await?;
        Ok([others, some, last])
    })
    .await
    .unwrap();
    assert_eq!(ended, [2, 1, 0]);
}

pub(crate) async fn sessions_begin_and_end(setup: &Setup) {
    let holder = HolderId::random(&mut setup.rng());
    let partition = holder.partition();
    let store = &setup.store;
    let device = DeviceId::generate(partition, &mut setup.rng());
    let session = session_on(&holder, &device);
    let staff = Session {
        kind: SessionKind::Staff,
        owner: "stf_somebody".to_owned(),
        device: None,
        ..session.clone()
    };
    write_in(store, partition, async |tx| {
        for token in [b"token-1", b"token-2", b"token-3"] {
            tx.insert_session(token, &session).await?;
        }
        tx.insert_session(b"token-4", &staff).await
    })
    .await
    .unwrap();
    let found = store.session(partition, b"token-1").await.unwrap().unwrap();
    assert_eq!(found.kind, SessionKind::Holder);
    assert_eq!(found.owner, holder.as_str());
    assert_eq!(found.device, Some(device.clone()));
    assert_eq!((found.created_at, found.expires_at), (start(), after(900)));
    let found = store.session(partition, b"token-4").await.unwrap().unwrap();
    assert_eq!(found.kind, SessionKind::Staff);
    assert!(
        store
            .session(partition, b"token-5")
            .await
            .unwrap()
            .is_none()
    );

    let ended = write_in(store, partition, async |tx| {
        tx.delete_session(b"token-1").await?;
        tx.delete_sessions_of(holder.as_str()).await
    })
    .await
    .unwrap();
    assert_eq!(ended, 2);
    for token in [b"token-1", b"token-2", b"token-3"] {
        assert!(store.session(partition, token).await.unwrap().is_none());
    }
    assert!(
        store
            .session(partition, b"token-4")
            .await
            .unwrap()
            .is_some()
    );
}
