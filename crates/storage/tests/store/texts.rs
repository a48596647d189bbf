//! Texts that leave the system: queued with the act, sent by one node, erased once they left.

use jiff::Timestamp;
use storage::{
    Channel, Conflict, HolderId, NewText, NotificationId, Partition, Store, StoreError, TextId,
    TextOutcome, TextState, TextToSend,
};
use zeroize::Zeroizing;

use crate::{
    harness::{Setup, after, conflict, inconsistent},
    steps::write_in,
};

const PHONE: &str = "13900000042";
const CODE: &str = r#"{"v":1,"code":"424242"}"#;

fn new_text(setup: &Setup, holder: &HolderId, at: i64) -> NewText {
    let mut rng = setup.rng();
    NewText {
        id: TextId::generate(holder.partition(), &mut rng),
        holder: holder.clone(),
        notification: Some(NotificationId::generate(holder.partition(), &mut rng)),
        kind: "phone-code",
        to: Zeroizing::new(PHONE.to_owned()),
        params: Zeroizing::new(CODE.to_owned()),
        created_at: after(at),
        expires_at: after(600),
    }
}

async fn queued(setup: &Setup, at: i64) -> NewText {
    let holder = HolderId::random(&mut setup.rng());
    let text = new_text(setup, &holder, at);
    write_in(&setup.store, holder.partition(), async |tx| {
        tx.queue_text(&text).await
    })
    .await
    .unwrap();
    text
}

async fn claimed(store: &Store, id: &TextId, now: i64) -> Option<TextToSend> {
    let until = after(now + 60);
    store.claim_text(id, after(now), until).await.unwrap()
}

async fn settle(
    store: &Store,
    text: &TextToSend,
    outcome: TextOutcome,
    now: Timestamp,
) -> Result<(), StoreError> {
    write_in(store, text.id.partition(), async |tx| {
        tx.settle_text(text, &outcome, now).await
    })
    .await
}

fn sent() -> TextOutcome {
    TextOutcome::Sent {
        reference: Some("gw-1".to_owned()),
    }
}

fn deferred(until: i64) -> TextOutcome {
    TextOutcome::Deferred {
        error: "unreachable",
        next_at: after(until),
    }
}

/// A text exists exactly when the act that queued it committed.
pub(crate) async fn a_text_is_queued_with_its_act_or_not_at_all(setup: &Setup) {
    let holder = HolderId::random(&mut setup.rng());
    let text = new_text(setup, &holder, 1);
    let mut dropped = setup.store.begin_in(holder.partition()).await.unwrap();
    dropped.queue_text(&text).await.unwrap();
    drop(dropped);
    assert!(setup.store.text(&text.id).await.unwrap().is_none());
    assert_eq!(
        setup
            .store
            .texts_due(Channel::Sms, after(900), 10)
            .await
            .unwrap(),
        []
    );

    let other = holder.partition().number() == 0;
    let elsewhere = Partition::of_holders(u8::from(other));
    let refused = write_in(&setup.store, elsewhere, async |tx| {
        tx.queue_text(&text).await
    })
    .await;
    assert_eq!(inconsistent(refused), ("texts", "partition"));

    write_in(&setup.store, holder.partition(), async |tx| {
        tx.queue_text(&text).await
    })
    .await
    .unwrap();
    assert_eq!(
        setup
            .store
            .texts_due(Channel::Sms, after(0), 10)
            .await
            .unwrap(),
        []
    );
    let due = setup
        .store
        .texts_due(Channel::Sms, after(1), 10)
        .await
        .unwrap();
    assert_eq!(due.as_slice(), std::slice::from_ref(&text.id));
    let row = setup.store.text(&text.id).await.unwrap().unwrap();
    assert_eq!((row.state, row.attempts), (TextState::Queued, 0));
    assert_eq!((row.to.as_str(), row.kind.as_str()), (PHONE, "phone-code"));
    assert_eq!(
        (&row.holder, &row.notification),
        (&holder, &text.notification)
    );
    assert_eq!((row.created_at, row.settled_at), (after(1), after(1)));
    let debug = format!(
        "{text:?} {row:?} {:?}",
        claimed(&setup.store, &text.id, 1).await
    );
    assert!(
        !debug.contains(PHONE) && !debug.contains("424242"),
        "{debug}"
    );
}

/// A claim keeps other nodes out until its lease ends; then the earlier sender records nothing.
pub(crate) async fn a_claimed_text_is_anothers_after_its_lease_only(setup: &Setup) {
    let text = queued(setup, 1).await;
    let store = &setup.store;
    assert!(claimed(store, &text.id, 0).await.is_none());
    let first = claimed(store, &text.id, 10).await.unwrap();
    assert_eq!((first.attempt, first.to.as_str()), (1, PHONE));
    assert_eq!(
        (first.params.as_str(), first.expires_at),
        (CODE, after(600))
    );
    assert!(claimed(store, &text.id, 69).await.is_none());
    assert_eq!(
        store.texts_due(Channel::Sms, after(69), 10).await.unwrap(),
        []
    );
    let second = claimed(store, &text.id, 70).await.unwrap();
    assert_eq!(second.attempt, 2);
    let late = settle(store, &first, sent(), after(71)).await;
    assert_eq!(conflict(late), Conflict::Text);
    settle(store, &second, sent(), after(72)).await.unwrap();
    let twice = settle(store, &second, deferred(80), after(73)).await;
    assert_eq!(conflict(twice), Conflict::Text);
    assert!(claimed(store, &text.id, 500).await.is_none());
    let row = store.text(&text.id).await.unwrap().unwrap();
    assert_eq!((row.state, row.settled_at), (TextState::Sent, after(72)));
    assert_eq!(row.reference.as_deref(), Some("gw-1"));
}

/// Several nodes want the same text at once: one has it.
pub(crate) async fn of_two_claims_of_a_text_one_sends(setup: &Setup) {
    for _ in 0..10 {
        let text = queued(setup, 1).await;
        let tries: Vec<_> = (0..3)
            .map(|_| {
                let (store, id) = (setup.store.clone(), text.id.clone());
                tokio::spawn(async move { claimed(&store, &id, 10).await.is_some() })
            })
            .collect();
        let mut winners = 0;
        for one in tries {
            winners += u32::from(one.await.unwrap());
        }
        assert_eq!(winners, 1);
    }
}

/// A text that is tried again keeps its words; one that left the queue has none any more.
pub(crate) async fn what_a_text_said_is_erased_once_it_left(setup: &Setup) {
    let store = &setup.store;
    let deferred_once = queued(setup, 1).await;
    let claim = claimed(store, &deferred_once.id, 2).await.unwrap();
    settle(store, &claim, deferred(20), after(3)).await.unwrap();
    assert!(claimed(store, &deferred_once.id, 19).await.is_none());
    let again = claimed(store, &deferred_once.id, 20).await.unwrap();
    assert_eq!((again.attempt, again.params.as_str()), (2, CODE));
    let row = store.text(&again.id).await.unwrap().unwrap();
    assert_eq!(row.last_error.as_deref(), Some("unreachable"));

    let delivered = TextOutcome::Delivered { reference: None };
    let failed = TextOutcome::Failed { error: "refused" };
    let given_up = TextOutcome::GivenUp { error: "expired" };
    for (n, outcome) in (30..).zip([sent(), delivered, failed, given_up]) {
        let text = queued(setup, 1).await;
        let claim = claimed(store, &text.id, n).await.unwrap();
        settle(store, &claim, outcome, after(n)).await.unwrap();
    }
    let sql = "SELECT COUNT(*) FROM texts WHERE (state = 'queued') = (params_sealed IS NULL)";
    let mut raw = setup.raw().await;
    let wrong: i64 = sqlx::query_scalar(sql).fetch_one(&mut raw).await.unwrap();
    assert_eq!(wrong, 0);
    let queue = store.text_queue(Channel::Sms).await.unwrap();
    assert_eq!((queue.queued, queue.oldest), (1, Some(after(1))));
    let counts = store.text_counts(Channel::Sms, after(0)).await.unwrap();
    let counts: Vec<_> = counts
        .iter()
        .map(|one| (one.state.as_str(), one.count))
        .collect();
    let each = ["delivered", "failed", "given-up", "queued", "sent"].map(|state| (state, 1));
    assert_eq!(counts, each);
    assert_eq!(store.text_counts(Channel::Sms, after(2)).await.unwrap(), []);
}

/// What the gateway reports later counts once, also when its first answer was lost.
pub(crate) async fn a_report_ends_a_text_once(setup: &Setup) {
    let store = &setup.store;
    let report = async |id: &TextId, outcome: TextOutcome| {
        write_in(store, id.partition(), async |tx| {
            tx.report_text(id, &outcome, after(50)).await
        })
        .await
    };
    let delivered = || TextOutcome::Delivered { reference: None };
    let failed = || TextOutcome::Failed {
        error: "undeliverable",
    };
    let lost = queued(setup, 1).await;
    let claim = claimed(store, &lost.id, 2).await.unwrap();
    report(&lost.id, delivered()).await.unwrap();
    let late = settle(store, &claim, deferred(60), after(51)).await;
    assert_eq!(conflict(late), Conflict::Text);
    let other = queued(setup, 1).await;
    let claim = claimed(store, &other.id, 2).await.unwrap();
    settle(store, &claim, sent(), after(3)).await.unwrap();
    report(&other.id, failed()).await.unwrap();
    for (text, state) in [(&lost, TextState::Delivered), (&other, TextState::Failed)] {
        let again = report(&text.id, delivered()).await;
        assert_eq!(conflict(again), Conflict::Text);
        let row = store.text(&text.id).await.unwrap().unwrap();
        assert_eq!((row.state, row.settled_at), (state, after(50)));
    }
    let row = store.text(&other.id).await.unwrap().unwrap();
    assert_eq!(row.reference.as_deref(), Some("gw-1"));
    let unknown = TextId::generate(Partition::of_holders(3), &mut setup.rng());
    assert_eq!(conflict(report(&unknown, failed()).await), Conflict::Text);
}

/// A holder's texts are listed newest first, and only theirs.
pub(crate) async fn r77_texts_are_listed_by_holder(setup: &Setup) {
    let holder = HolderId::random(&mut setup.rng());
    let texts: Vec<_> = (1..4).map(|n| new_text(setup, &holder, n)).collect();
    write_in(&setup.store, holder.partition(), async |tx| {
        for text in &texts {
            tx.queue_text(text).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let found = setup.store.texts_of(&holder, 2).await.unwrap();
    let ids: Vec<_> = found.iter().map(|row| row.id.clone()).collect();
    assert_eq!(ids, [texts[2].id.clone(), texts[1].id.clone()]);
    let other = HolderId::generate(holder.partition(), &mut setup.rng());
    assert!(setup.store.texts_of(&other, 9).await.unwrap().is_empty());
}
