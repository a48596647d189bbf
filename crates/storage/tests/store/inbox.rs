//! Messages, look-ups, and requests already answered.

use storage::{
    Conflict, HolderId, Notification, NotificationId, Partition, Remembered, VerificationId,
    VerificationRow,
};
use zeroize::Zeroizing;

use crate::{
    harness::{Setup, after, conflict, inconsistent},
    steps::write_in,
};

/// R37, R43: messages wait in the inbox, the newest first.
pub(crate) async fn r37_messages_are_listed_newest_first(setup: &Setup) {
    let mut rng = setup.rng();
    let holder = HolderId::random(&mut rng);
    let messages: Vec<_> = (0..3)
        .map(|n| Notification {
            id: NotificationId::generate(holder.partition(), &mut rng),
            holder: holder.clone(),
            kind: format!("kind-{n}"),
            params: format!(r#"{{"v":1,"n":{n}}}"#),
            created_at: after(n),
            read_at: None,
        })
        .collect();
    write_in(&setup.store, holder.partition(), async |tx| {
        for message in &messages {
            tx.insert_notification(message).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let found = setup.store.notifications_of(&holder, 2).await.unwrap();
    assert_eq!(found.len(), 2);
    for (found, written) in found.iter().zip(messages.iter().rev()) {
        assert_eq!((&found.id, &found.kind), (&written.id, &written.kind));
        assert_eq!((&found.holder, &found.params), (&holder, &written.params));
        assert_eq!(
            (found.created_at, found.read_at),
            (written.created_at, None)
        );
    }
    let other = HolderId::generate(holder.partition(), &mut rng);
    let none = setup.store.notifications_of(&other, 10).await.unwrap();
    assert!(none.is_empty());
}

fn look_up(setup: &Setup, holder: &HolderId, seconds: i64) -> VerificationRow {
    VerificationRow {
        id: VerificationId::generate(holder.partition(), &mut setup.rng()),
        holder: holder.clone(),
        verifier: "stf_police".to_owned(),
        office: "510101".to_owned(),
        purpose: "enforcement".to_owned(),
        at: after(seconds),
        answer: Zeroizing::new(format!(r#"{{"v":1,"at":{seconds}}}"#).into_bytes()),
    }
}

/// SC-21: the holder sees who looked, newest first, and the answer is sealed to its row.
pub(crate) async fn sc_21_look_ups_are_kept_with_their_answers(setup: &Setup) {
    let holder = HolderId::random(&mut setup.rng());
    let (first, second) = (look_up(setup, &holder, 1), look_up(setup, &holder, 2));
    write_in(&setup.store, holder.partition(), async |tx| {
        let sealed = [&first, &second].map(|row| setup.store.seal_verification(row.clone()));
        let [first, second] = sealed.map(Result::unwrap);
        tx.insert_verifications(&[&first, &second]).await
    })
    .await
    .unwrap();
    let all = setup.store.verifications_of(&holder, 10).await.unwrap();
    assert_eq!(all.len(), 2);
    for (found, written) in all.iter().zip([&second, &first]) {
        assert_eq!((&found.id, &found.holder), (&written.id, &holder));
        assert_eq!(found.verifier, written.verifier);
        assert_eq!(
            (&found.office, &found.purpose),
            (&written.office, &written.purpose)
        );
        assert_eq!((found.at, &found.answer), (written.at, &written.answer));
    }
    assert_eq!(
        setup
            .store
            .verifications_of(&holder, 1)
            .await
            .unwrap()
            .len(),
        1
    );
    let found = setup.store.verification(&first.id).await.unwrap().unwrap();
    assert_eq!(found.answer, first.answer);
    let swap = format!(
        "UPDATE verifications SET answer_sealed = (SELECT answer_sealed FROM verifications WHERE id = '{}') WHERE id = '{}'",
        second.id, first.id
    );
    assert_eq!(setup.execute(&swap).await, 1);
    let found = setup.store.verification(&first.id).await;
    assert_eq!(inconsistent(found), ("verifications", "answer_sealed"));
}

/// SC-43: a request key serves one request, also when it comes several times at once.
pub(crate) async fn sc_43_a_request_key_is_used_once(setup: &Setup) {
    let partition = Partition::of_holders(40);
    let made = |n: usize| Remembered {
        fingerprint: vec![u8::try_from(n).unwrap(); 32],
        resource: format!("app_{n}"),
    };
    for round in 0..10_i64 {
        let key = setup.store.blind("request", &round.to_be_bytes());
        let before = setup.store.remembered(partition, &key).await.unwrap();
        assert!(before.is_none());
        let tries: Vec<_> = (0..3)
            .map(|n| {
                let (store, key, made) = (setup.store.clone(), key.clone(), made(n));
                tokio::spawn(async move {
                    write_in(&store, partition, async |tx| {
                        tx.remember(&key, &made, after(1)).await
                    })
                    .await
                })
            })
            .collect();
        let mut winners = Vec::new();
        for (n, one) in tries.into_iter().enumerate() {
            match one.await.unwrap() {
                Ok(()) => winners.push(n),
                refused => assert_eq!(conflict(refused), Conflict::Request),
            }
        }
        assert_eq!(winners.len(), 1);
        let found = setup.store.remembered(partition, &key).await.unwrap();
        assert_eq!(found, Some(made(winners[0])));
        let elsewhere = Partition::of_holders(41);
        let found = setup.store.remembered(elsewhere, &key).await.unwrap();
        assert!(found.is_none());
    }
}
