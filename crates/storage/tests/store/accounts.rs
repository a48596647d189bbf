//! Accounts, activation codes and sessions.

use storage::{
    ActivationCode, ActivationId, CodeClosing, Conflict, HolderId, Session, SessionKind,
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

async fn new_code(setup: &Setup, holder: &HolderId, code: &str, at: i64) -> ActivationCode {
    let id = ActivationId::generate(holder.partition(), &mut setup.rng());
    let blind = setup.store.blind("activation", code.as_bytes());
    write_in(&setup.store, holder.partition(), async |tx| {
        tx.insert_activation_code((&id, &blind), holder, "stf_counter", after(at), after(600))
            .await
    })
    .await
    .unwrap();
    let open = setup.store.open_activation_code(holder).await.unwrap();
    let open = open.unwrap();
    assert_eq!(open.id, id);
    assert!(blind.matches(&open.code));
    open
}

pub(crate) async fn a_new_activation_code_replaces_the_open_one(setup: &Setup) {
    let holder = HolderId::random(&mut setup.rng());
    let none = setup.store.open_activation_code(&holder).await.unwrap();
    assert!(none.is_none());
    let first = new_code(setup, &holder, "ABCD-1", 1).await;
    assert_eq!((first.attempts, first.expires_at), (0, after(600)));
    assert_eq!(first.holder, holder);
    let second = new_code(setup, &holder, "ABCD-2", 2).await;
    let refused = write_in(&setup.store, holder.partition(), async |tx| {
        tx.close_activation_code(&first.id, CodeClosing::Used, after(3))
            .await
    })
    .await;
    assert_eq!(conflict(refused), Conflict::ActivationCode);
    let open = setup.store.open_activation_code(&holder).await.unwrap();
    assert_eq!(open.unwrap().id, second.id);
}

pub(crate) async fn wrong_tries_are_counted_one_by_one(setup: &Setup) {
    let holder = HolderId::random(&mut setup.rng());
    let code = new_code(setup, &holder, "ABCD-1", 1).await;
    let count = async |code: &ActivationCode| {
        write_in(&setup.store, holder.partition(), async |tx| {
            tx.count_attempt(code).await
        })
        .await
    };
    count(&code).await.unwrap();
    // Whoever read the code before that try has to read it again.
    assert_eq!(conflict(count(&code).await), Conflict::ActivationCode);
    let open = setup.store.open_activation_code(&holder).await.unwrap();
    let open = open.unwrap();
    assert_eq!(open.attempts, 1);
    count(&open).await.unwrap();
    write_in(&setup.store, holder.partition(), async |tx| {
        tx.close_activation_code(&code.id, CodeClosing::Guessed, after(9))
            .await
    })
    .await
    .unwrap();
    let none = setup.store.open_activation_code(&holder).await.unwrap();
    assert!(none.is_none());
    let late = ActivationCode {
        attempts: 2,
        ..open
    };
    assert_eq!(conflict(count(&late).await), Conflict::ActivationCode);
}

/// SC-30: of two tries with one printed code exactly one sets the password.
pub(crate) async fn sc_30_an_activation_code_is_used_once(setup: &Setup) {
    for round in 0..10 {
        let holder = HolderId::random(&mut setup.rng());
        let code = new_code(setup, &holder, &format!("ABCD-{round}"), 1).await;
        let tries: Vec<_> = (0..3)
            .map(|n| {
                let (store, holder, id) = (setup.store.clone(), holder.clone(), code.id.clone());
                tokio::spawn(async move {
                    write_in(&store, holder.partition(), async |tx| {
                        tx.close_activation_code(&id, CodeClosing::Used, after(2))
                            .await?;
                        tx.set_password(&holder, &format!("hash-{n}"), after(2))
                            .await
                    })
                    .await
                })
            })
            .collect();
        let mut winners = Vec::new();
        for (n, one) in tries.into_iter().enumerate() {
            match one.await.unwrap() {
                Ok(()) => winners.push(n),
                refused => assert_eq!(conflict(refused), Conflict::ActivationCode),
            }
        }
        assert_eq!(winners.len(), 1);
        let account = setup.store.account(&holder).await.unwrap().unwrap();
        assert_eq!(account.password_hash, format!("hash-{}", winners[0]));
    }
}

pub(crate) async fn sessions_begin_and_end(setup: &Setup) {
    let holder = HolderId::random(&mut setup.rng());
    let partition = holder.partition();
    let store = &setup.store;
    let session = Session {
        kind: SessionKind::Holder,
        owner: holder.to_string(),
        created_at: start(),
        expires_at: after(900),
    };
    let staff = Session {
        kind: SessionKind::Staff,
        owner: "stf_somebody".to_owned(),
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
