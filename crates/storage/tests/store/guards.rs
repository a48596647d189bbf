//! What guards an account: devices, freezing, the hold after a change of phone, codes by phone.

use jiff::SignedDuration;
use storage::{
    ClientKind, Conflict, Device, DeviceEnd, DeviceId, DeviceProof, HolderId, NewChallenge,
};

use crate::{
    harness::{Setup, after, conflict},
    steps::{write, write_in},
};

fn device(setup: &Setup, holder: &HolderId) -> Device {
    Device {
        id: DeviceId::generate(holder.partition(), &mut setup.rng()),
        holder: holder.clone(),
        client: ClientKind::Phone,
        proof: DeviceProof::CounterCode,
        created_at: after(1),
        last_seen_at: after(1),
        expires_at: after(100),
        ended_at: None,
    }
}

pub(crate) async fn sc_18_a_device_lives_until_it_ends(setup: &Setup) {
    let store = &setup.store;
    let holder = setup.driver(1).await.id;
    let other = setup.driver(2).await.id;
    let (first, second) = (device(setup, &holder), device(setup, &holder));
    write(store, &holder, async |tx, locked| {
        tx.insert_device(locked, &first, b"secret-1").await?;
        tx.insert_device(locked, &second, b"secret-2").await
    })
    .await
    .unwrap();
    let twice = write(store, &holder, async |tx, locked| {
        tx.insert_device(locked, &device(setup, &holder), b"secret-1")
            .await
    })
    .await;
    assert_eq!(conflict(twice), Conflict::Device);
    is_found(setup, &first, b"secret-1").await;
    let partition = holder.partition();
    let see = async |id: &DeviceId, at: i64| {
        write_in(store, partition, async |tx| {
            tx.see_device(id, after(at), after(at + 100)).await
        })
        .await
    };
    see(&first.id, 50).await.unwrap();
    assert_eq!(conflict(see(&second.id, 100).await), Conflict::Device);
    let ends = write_in(store, partition, async |tx| {
        let mut ends = Vec::new();
        for of in [&other, &holder, &holder] {
            let end = DeviceEnd::Removed;
            ends.push(tx.end_device(of, &first.id, end, after(60)).await?);
        }
        Ok(ends)
    })
    .await;
    // Not another driver's, and not twice.
    assert_eq!(ends.unwrap(), [false, true, false]);
    assert_eq!(conflict(see(&first.id, 61).await), Conflict::Device);
    let living = store.devices_of(&holder).await.unwrap();
    assert_eq!(living.len(), 1);
    assert_eq!(living[0].id, second.id);
    let ended = write(store, &holder, async |tx, locked| {
        tx.end_devices(locked, DeviceEnd::Frozen, after(62)).await
    })
    .await
    .unwrap();
    assert_eq!(ended, 1);
    assert!(store.devices_of(&holder).await.unwrap().is_empty());
}

async fn is_found(setup: &Setup, device: &Device, secret: &[u8]) {
    let partition = device.holder.partition();
    let found = setup.store.device_by_secret(partition, secret).await;
    let found = found.unwrap().unwrap();
    assert_eq!((&found.id, &found.holder), (&device.id, &device.holder));
    assert_eq!((found.client, found.proof), (device.client, device.proof));
    assert!(found.lives(after(99)) && !found.lives(after(100)));
    let none = setup.store.device_by_secret(partition, b"unknown").await;
    assert!(none.unwrap().is_none());
}

pub(crate) async fn sc_19_freezing_is_lifted_and_links_work_once(setup: &Setup) {
    let store = &setup.store;
    let holder = setup.driver(1).await.id;
    let partition = holder.partition();
    write_in(store, partition, async |tx| {
        for (token, until) in [(b"link-1", 100), (b"link-2", 100), (b"link-3", 10)] {
            tx.insert_freeze_link(&holder, token, after(1), after(until))
                .await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    for (token, works) in [
        (&b"link-1"[..], true),
        (b"link-3", false),
        (b"link-4", false),
    ] {
        let found = store
            .freeze_link(partition, token, after(10))
            .await
            .unwrap();
        assert_eq!(found.is_some(), works);
    }
    let freeze = async |token: &[u8]| {
        write(store, &holder, async |tx, locked| {
            let worked = tx.use_freeze_link(token, after(20)).await?;
            tx.set_frozen(locked, Some(after(20))).await?;
            Ok(worked)
        })
        .await
        .unwrap()
    };
    assert!(freeze(b"link-1").await);
    assert!(!freeze(b"link-1").await);
    let driver = store.driver(&holder).await.unwrap().unwrap();
    assert_eq!(driver.frozen_at, Some(after(20)));
    write(store, &holder, async |tx, locked| {
        tx.set_frozen(locked, None).await?;
        tx.end_freeze_links(locked, after(30)).await
    })
    .await
    .unwrap();
    let driver = store.driver(&holder).await.unwrap().unwrap();
    assert_eq!(driver.frozen_at, None);
    let left = store.freeze_link(partition, b"link-2", after(31)).await;
    assert!(left.unwrap().is_none());
}

pub(crate) async fn a_former_phone_is_told_until_the_hold_ends(setup: &Setup) {
    let store = &setup.store;
    let holder = setup.driver(1).await.id;
    assert!(
        store
            .former_phone(&holder, after(1))
            .await
            .unwrap()
            .is_none()
    );
    write(store, &holder, async |tx, locked| {
        tx.hold_phone(locked, after(100), Some("19900000001")).await
    })
    .await
    .unwrap();
    let driver = store.driver(&holder).await.unwrap().unwrap();
    assert_eq!(driver.phone_held_until, Some(after(100)));
    let former = store.former_phone(&holder, after(99)).await.unwrap();
    assert_eq!(*former.unwrap(), "19900000001");
    assert!(
        store
            .former_phone(&holder, after(100))
            .await
            .unwrap()
            .is_none()
    );
    write(store, &holder, async |tx, locked| {
        tx.hold_phone(locked, after(200), None).await
    })
    .await
    .unwrap();
    assert!(
        store
            .former_phone(&holder, after(150))
            .await
            .unwrap()
            .is_none()
    );
}

pub(crate) async fn codes_by_phone_have_an_allowance(setup: &Setup) {
    let store = &setup.store;
    let holder = setup.driver(1).await.id;
    let take = async |of: &HolderId, at: i64| {
        write_in(store, of.partition(), async |tx| {
            tx.take_phone_code(of, (3, SignedDuration::from_secs(10)), after(at))
                .await
        })
        .await
        .unwrap()
    };
    for at in [1, 1, 2] {
        assert!(take(&holder, at).await);
    }
    assert!(!take(&holder, 10).await);
    assert!(take(&holder, 11).await, "one after each period");
    assert!(!take(&holder, 11).await);
    for _ in 0..3 {
        assert!(take(&holder, 1000).await, "whole again");
    }
    assert!(!take(&holder, 1000).await);
    let nobody = HolderId::generate(holder.partition(), &mut setup.rng());
    assert!(!take(&nobody, 1).await);
}

fn request(holder: &HolderId, id: &str, send: bool) -> NewChallenge {
    NewChallenge {
        id: id.to_owned(),
        holder: holder.clone(),
        send,
        made_at: after(1),
        expires_at: after(600),
    }
}

pub(crate) async fn requests_wait_for_their_codes(setup: &Setup) {
    let store = &setup.store;
    let holder = setup.driver(1).await.id;
    let partition = holder.partition();
    let waiting = async || {
        let waiting = store.waiting_challenges(10).await.unwrap();
        let mut ids: Vec<_> = waiting.into_iter().map(|one| one.id).collect();
        ids.sort_unstable();
        ids
    };
    write_in(store, partition, async |tx| {
        for (id, send) in [("a1", true), ("a2", false), ("a3", true)] {
            tx.insert_challenge(&request(&holder, id, send)).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(waiting().await, ["a1", "a3"]);
    write_in(store, partition, async |tx| {
        assert!(tx.answer_challenge("a1", None).await?);
        assert!(!tx.answer_challenge("a2", None).await?);
        tx.end_challenges(&holder, after(6)).await
    })
    .await
    .unwrap();
    assert!(waiting().await.is_empty());
}

pub(crate) async fn a_request_for_a_code_is_answered_once(setup: &Setup) {
    let store = &setup.store;
    let holder = setup.driver(1).await.id;
    let partition = holder.partition();
    let code = store.blind("phone-code", b"12345678");
    write_in(store, partition, async |tx| {
        for id in ["a1", "a3"] {
            tx.insert_challenge(&request(&holder, id, true)).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let answer = async |id: &str| {
        write_in(store, partition, async |tx| {
            tx.answer_challenge(id, Some(&code)).await
        })
        .await
        .unwrap()
    };
    let tried = async |id: &str, at: i64| {
        write_in(store, partition, async |tx| {
            tx.try_challenge(id, &holder, 2, after(at)).await
        })
        .await
        .unwrap()
    };
    assert!(tried("a1", 2).await.is_none(), "no code yet");
    assert!(answer("a1").await && !answer("a1").await);
    assert!(tried("a1", 600).await.is_none(), "too late");
    write_in(store, partition, async |tx| {
        // The last try is the right one.
        let found = tx.try_challenge("a1", &holder, 2, after(3)).await?;
        assert!(code.matches(&found.unwrap()));
        tx.use_challenge("a1", after(3)).await
    })
    .await
    .unwrap();
    assert!(tried("a1", 4).await.is_none(), "it was used");
    for _ in 0..3 {
        assert!(tried("a3", 5).await.is_none());
    }
    assert!(!answer("a3").await, "its tries are up");
}

pub(crate) async fn requests_that_are_over_are_swept(setup: &Setup) {
    let store = &setup.store;
    let holder = setup.driver(1).await.id;
    let partition = holder.partition();
    write_in(store, partition, async |tx| {
        tx.insert_freeze_link(&holder, b"link", after(1), after(50))
            .await?;
        for (id, until) in [("b1", 50), ("b2", 150)] {
            tx.insert_challenge(&NewChallenge {
                expires_at: after(until),
                ..request(&holder, id, false)
            })
            .await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    assert!(
        store
            .partitions_to_sweep(after(50))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        store.partitions_to_sweep(after(51)).await.unwrap(),
        [partition]
    );
    let swept = write_in(store, partition, async |tx| {
        tx.sweep_challenges(after(51)).await
    })
    .await
    .unwrap();
    assert_eq!(swept, 2);
    assert!(
        store
            .partitions_to_sweep(after(51))
            .await
            .unwrap()
            .is_empty()
    );
}
