//! Browsers that are told what the inbox says: one for each device, until the device ends.

use storage::{
    Channel, ClientKind, Conflict, Device, DeviceEnd, DeviceId, DeviceProof, HolderId,
    Notification, NotificationId, PushSubscription, PushSubscriptionId, Session, SessionKind,
    Store, TextId, TextOutcome, TextState,
};
use zeroize::Zeroizing;

use crate::{
    harness::{Setup, after, conflict, inconsistent},
    steps::{write, write_in},
};

const TARGET: &str = r#"{"v":1,"endpoint":"https://push.example/secret"}"#;

/// A driver with a device.
async fn device(setup: &Setup, holder: &HolderId, secret: &[u8]) -> DeviceId {
    let device = Device {
        id: DeviceId::generate(holder.partition(), &mut setup.rng()),
        holder: holder.clone(),
        client: ClientKind::Phone,
        proof: DeviceProof::CounterCode,
        created_at: after(0),
        last_seen_at: after(0),
        expires_at: after(10_000),
        ended_at: None,
    };
    write(&setup.store, holder, async |tx, locked| {
        tx.insert_device(locked, &device, secret).await
    })
    .await
    .unwrap();
    device.id
}

fn subscription(setup: &Setup, holder: &HolderId, device: &DeviceId) -> PushSubscription {
    PushSubscription {
        id: PushSubscriptionId::generate(holder.partition(), &mut setup.rng()),
        holder: holder.clone(),
        device: device.clone(),
        target: Zeroizing::new(TARGET.to_owned()),
        created_at: after(10),
    }
}

async fn put(setup: &Setup, holder: &HolderId, device: &DeviceId) -> PushSubscription {
    let new = subscription(setup, holder, device);
    write(&setup.store, holder, async |tx, locked| {
        tx.put_push_subscription(locked, &new).await
    })
    .await
    .unwrap();
    new
}

/// Puts a message into the inbox.
async fn message(setup: &Setup, holder: &HolderId, at: i64) -> NotificationId {
    let message = Notification {
        id: NotificationId::generate(holder.partition(), &mut setup.rng()),
        holder: holder.clone(),
        kind: "status-changed".to_owned(),
        params: r#"{"v":1,"about":null}"#.to_owned(),
        created_at: after(at),
        read_at: None,
    };
    write_in(&setup.store, holder.partition(), async |tx| {
        tx.insert_notification(&message).await
    })
    .await
    .unwrap();
    message.id
}

async fn due(store: &Store) -> Vec<TextId> {
    store
        .texts_due(Channel::Push, after(9_000), 100)
        .await
        .unwrap()
}

async fn of(store: &Store, holder: &HolderId) -> Vec<PushSubscriptionId> {
    let found = store.push_subscriptions_of(holder).await.unwrap();
    found.into_iter().map(|one| one.id).collect()
}

pub(crate) async fn a_message_is_queued_for_every_browser_that_is_told(setup: &Setup) {
    let store = &setup.store;
    let holder = setup.driver(1).await.id;
    message(setup, &holder, 5).await;
    assert_eq!(due(store).await, []);
    let (one, two) = (
        device(setup, &holder, b"one").await,
        device(setup, &holder, b"two").await,
    );
    let told = [
        put(setup, &holder, &one).await,
        put(setup, &holder, &two).await,
    ];
    let other = setup.driver(2).await.id;
    let others = device(setup, &other, b"other").await;
    put(setup, &other, &others).await;

    let notification = message(setup, &holder, 20).await;
    assert_eq!(due(store).await.len(), 2);
    assert_eq!(
        store
            .texts_due(Channel::Sms, after(9_000), 9)
            .await
            .unwrap(),
        []
    );
    let mut reached = Vec::new();
    for id in due(store).await {
        let push = store
            .claim_text(&id, after(30), after(60))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (push.channel, push.kind.as_str()),
            (Channel::Push, "status-changed")
        );
        assert_eq!((&push.holder, push.to.as_str()), (&holder, TARGET));
        assert_eq!(push.notification.as_ref(), Some(&notification));
        assert_eq!(push.expires_at, after(20 + 3 * 86_400));
        reached.extend(push.subscription.clone());
        assert!(!format!("{push:?} {:?}", told[0]).contains("secret"));
    }
    reached.sort_unstable();
    let mut expected = told.map(|one| one.id);
    expected.sort_unstable();
    assert_eq!(reached, expected);
    // It is shown beside the message, and counted apart from texts to phones.
    let shown = store.texts_of(&holder, 10).await.unwrap();
    assert!(shown.iter().all(|row| row.channel == Channel::Push));
    let queued = async |channel| store.text_queue(channel).await.unwrap().queued;
    assert_eq!(
        (queued(Channel::Push).await, queued(Channel::Sms).await),
        (2, 0)
    );
    assert_eq!(store.text_counts(Channel::Sms, after(0)).await.unwrap(), []);
    let counts = store.text_counts(Channel::Push, after(0)).await.unwrap();
    assert_eq!((counts[0].state, counts[0].count), (TextState::Queued, 2));
}

/// Whoever reports for the gateway says nothing of what a push service took.
pub(crate) async fn the_gateway_reports_no_push(setup: &Setup) {
    let store = &setup.store;
    let holder = setup.driver(1).await.id;
    let device = device(setup, &holder, b"one").await;
    put(setup, &holder, &device).await;
    message(setup, &holder, 20).await;
    let id = due(store).await.remove(0);
    let delivered = TextOutcome::Delivered { reference: None };
    let reported = write_in(store, holder.partition(), async |tx| {
        tx.report_text(&id, &delivered, after(30)).await
    })
    .await;
    assert_eq!(conflict(reported), Conflict::Text);
}

pub(crate) async fn a_device_is_told_at_one_place_and_of_its_own_driver(setup: &Setup) {
    let store = &setup.store;
    let holder = setup.driver(1).await.id;
    let here = device(setup, &holder, b"one").await;
    let first = put(setup, &holder, &here).await;
    let second = put(setup, &holder, &here).await;
    assert_eq!(of(store, &holder).await, std::slice::from_ref(&second.id));
    assert!(
        !store
            .push_subscription_stands(&first.id, after(20))
            .await
            .unwrap()
    );
    assert!(
        store
            .push_subscription_stands(&second.id, after(20))
            .await
            .unwrap()
    );
    // A device that nobody has seen for long is told no more.
    assert!(
        !store
            .push_subscription_stands(&second.id, after(10_000))
            .await
            .unwrap()
    );
    message(setup, &holder, 10_000).await;
    assert_eq!(due(store).await, []);

    let other = setup.driver(2).await.id;
    let stolen = subscription(setup, &other, &here);
    let refused = write(store, &other, async |tx, locked| {
        tx.put_push_subscription(locked, &stolen).await
    })
    .await;
    assert!(refused.is_err(), "another's device");
    let foreign = subscription(setup, &holder, &here);
    let refused = write(store, &other, async |tx, locked| {
        tx.put_push_subscription(locked, &foreign).await
    })
    .await;
    assert!(refused.is_err(), "another's subscription");
    assert_eq!(of(store, &holder).await, [second.id]);
}

pub(crate) async fn a_subscription_ends_with_its_device(setup: &Setup) {
    let store = &setup.store;
    let holder = setup.driver(1).await.id;
    let (one, two, three) = (
        device(setup, &holder, b"one").await,
        device(setup, &holder, b"two").await,
        device(setup, &holder, b"three").await,
    );
    put(setup, &holder, &one).await;
    let second = put(setup, &holder, &two).await;
    let third = put(setup, &holder, &three).await;
    write(store, &holder, async |tx, _locked| {
        tx.end_device(&holder, &one, DeviceEnd::Removed, after(20))
            .await
    })
    .await
    .unwrap();
    let mut left = of(store, &holder).await;
    left.sort_unstable();
    let mut expected = [second.id.clone(), third.id.clone()];
    expected.sort_unstable();
    assert_eq!(left, expected);
    // Its own end, which is told by its push service.
    let gone = async || {
        write_in(store, holder.partition(), async |tx| {
            tx.end_push_subscription(&second.id).await
        })
        .await
        .unwrap()
    };
    assert_eq!((gone().await, gone().await), (true, false));
    let refused = write(store, &holder, async |tx, locked| {
        tx.put_push_subscription(locked, &subscription(setup, &holder, &one))
            .await
    })
    .await;
    assert_eq!(conflict(refused), Conflict::Device);
    write(store, &holder, async |tx, locked| {
        tx.end_devices(locked, DeviceEnd::Frozen, after(30)).await
    })
    .await
    .unwrap();
    assert_eq!(of(store, &holder).await, []);
}

pub(crate) async fn signing_out_ends_it_on_that_device_alone(setup: &Setup) {
    let store = &setup.store;
    let holder = setup.driver(1).await.id;
    let (one, two) = (
        device(setup, &holder, b"one").await,
        device(setup, &holder, b"two").await,
    );
    put(setup, &holder, &one).await;
    let second = put(setup, &holder, &two).await;
    let session = Session {
        kind: SessionKind::Holder,
        owner: holder.to_string(),
        device: Some(one.clone()),
        created_at: after(0),
        expires_at: after(900),
    };
    let signed_out = async |token: &[u8]| {
        write_in(store, holder.partition(), async |tx| {
            tx.end_push_subscription_with(token).await
        })
        .await
        .unwrap()
    };
    write_in(store, holder.partition(), async |tx| {
        tx.insert_session(b"token", &session).await
    })
    .await
    .unwrap();
    assert!(!signed_out(b"another").await);
    assert!(signed_out(b"token").await);
    assert_eq!(of(store, &holder).await, [second.id]);
}

/// SC-63: where a browser is reached opens in its own row only.
pub(crate) async fn sc_63_a_target_is_sealed_to_its_subscription(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let (one, two) = (
        device(setup, &holder, b"one").await,
        device(setup, &holder, b"two").await,
    );
    let first = put(setup, &holder, &one).await;
    let second = put(setup, &holder, &two).await;
    let swap = format!(
        "UPDATE push_subscriptions SET target_sealed = \
         (SELECT target_sealed FROM push_subscriptions WHERE id = '{}') WHERE id = '{}'",
        first.id, second.id
    );
    assert_eq!(setup.execute(&swap).await, 1);
    let read = setup.store.push_subscriptions_of(&holder).await;
    assert_eq!(inconsistent(read), ("push_subscriptions", "target_sealed"));
}

pub(crate) async fn of_two_keys_of_pushes_made_at_once_one_counts(setup: &Setup) {
    let store = &setup.store;
    assert!(store.push_key().await.unwrap().is_none());
    let tries: Vec<_> = [b"one", b"two"]
        .into_iter()
        .map(|secret| {
            let store = store.clone();
            tokio::spawn(async move {
                write_in(&store, storage::Partition::SYSTEM, async |tx| {
                    tx.insert_push_key(secret, after(1)).await
                })
                .await
                .map(|()| secret)
            })
        })
        .collect();
    let mut made = Vec::new();
    for one in tries {
        match one.await.unwrap() {
            Ok(secret) => made.push(secret.to_vec()),
            refused => assert_eq!(conflict(refused), Conflict::PushKey),
        }
    }
    assert_eq!(made.len(), 1);
    assert_eq!(*store.push_key().await.unwrap().unwrap(), made[0]);
}
