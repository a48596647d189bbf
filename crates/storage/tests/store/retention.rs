//! What was kept long enough goes, and nothing else.

use jiff::SignedDuration;
use storage::{
    ActivationId, Channel, ClientKind, Device, DeviceId, DeviceProof, ELicenceId, HolderId,
    NewText, NumericCodeRow, Remembered, Session, SessionKind, TextId, TextOutcome, may_hold_more,
};
use zeroize::Zeroizing;

use crate::{
    harness::{Setup, after, start},
    steps::{write, write_in},
};

/// All that passes, over by `after(100)`.
async fn passing(setup: &Setup, holder: &HolderId, name: &str) {
    let (store, partition) = (&setup.store, holder.partition());
    let mut rng = setup.rng();
    let blind = store.blind("test", name.as_bytes());
    let code = NumericCodeRow {
        code: blind.clone(),
        holder: holder.clone(),
        e_licence: ELicenceId::generate(partition, &mut rng),
        made_at: after(1),
        expires_at: after(100),
    };
    let session = Session {
        kind: SessionKind::Holder,
        owner: holder.to_string(),
        device: None,
        created_at: after(1),
        expires_at: after(100),
    };
    let device = Device {
        id: DeviceId::generate(partition, &mut rng),
        holder: holder.clone(),
        client: ClientKind::Phone,
        proof: DeviceProof::CounterCode,
        created_at: after(1),
        last_seen_at: after(1),
        expires_at: after(100),
        ended_at: None,
    };
    let request = Remembered {
        fingerprint: vec![1; 32],
        resource: "none".to_owned(),
    };
    let activation = ActivationId::generate(partition, &mut rng);
    write(store, holder, async |tx, locked| {
        tx.insert_numeric_code(&code).await?;
        tx.insert_session(name.as_bytes(), &session).await?;
        tx.insert_device(locked, &device, name.as_bytes()).await?;
        tx.remember(&blind, &request, after(100)).await?;
        let of = (&activation, &blind);
        tx.insert_activation_code(of, holder, "stf_counter", after(1), after(100))
            .await
    })
    .await
    .unwrap();
    for settled in [true, false] {
        text(setup, holder, settled).await;
    }
}

async fn text(setup: &Setup, holder: &HolderId, settled: bool) {
    let (store, partition) = (&setup.store, holder.partition());
    let text = NewText {
        id: TextId::generate(partition, &mut setup.rng()),
        holder: holder.clone(),
        notification: None,
        kind: "phone-code",
        to: Zeroizing::new("13900000042".to_owned()),
        params: Zeroizing::new("{}".to_owned()),
        created_at: after(1),
        expires_at: after(100),
    };
    write_in(store, partition, async |tx| tx.queue_text(&text).await)
        .await
        .unwrap();
    if settled {
        let claim = store.claim_text(&text.id, after(2), after(90)).await;
        let claim = claim.unwrap().unwrap();
        let outcome = TextOutcome::Sent { reference: None };
        write_in(store, partition, async |tx| {
            tx.settle_text(&claim, &outcome, after(100)).await
        })
        .await
        .unwrap();
    }
}

async fn cleared(setup: &Setup, holder: &HolderId, days: i64) -> Vec<(&'static str, u64)> {
    let now = start() + SignedDuration::from_hours(24 * days);
    let cleared = write_in(&setup.store, holder.partition(), async |tx| {
        tx.clear_past(now).await
    });
    cleared.await.unwrap()
}

pub(crate) async fn what_was_kept_long_enough_goes(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    passing(setup, &holder, "one").await;
    assert_eq!(cleared(setup, &holder, 1).await, []);
    // A hundred seconds after the day, and so on.
    assert_eq!(
        cleared(setup, &holder, 2).await,
        [("numeric_codes", 1), ("sessions", 1)]
    );
    assert_eq!(cleared(setup, &holder, 30).await, []);
    assert_eq!(cleared(setup, &holder, 31).await, [("idempotency", 1)]);
    assert_eq!(cleared(setup, &holder, 183).await, []);
    // A text that is still to be sent is not over.
    assert_eq!(
        cleared(setup, &holder, 184).await,
        [("texts", 1), ("devices", 1), ("activation_codes", 1)]
    );
    assert_eq!(cleared(setup, &holder, 9_999).await, []);
    assert_eq!(
        setup.store.text_queue(Channel::Sms).await.unwrap().queued,
        1
    );
    let audit = setup.store.audit_after(holder.partition(), 0, 100).await;
    assert!(audit.unwrap().len() > 5);
}

pub(crate) async fn another_partition_is_cleared_by_itself(setup: &Setup) {
    let one = setup.driver(1).await.id;
    let mut other = setup.driver(2).await.id;
    while other.partition() == one.partition() {
        other = setup.driver(3).await.id;
    }
    passing(setup, &one, "one").await;
    passing(setup, &other, "other").await;
    assert_eq!(cleared(setup, &one, 9_999).await.len(), 6);
    assert_eq!(cleared(setup, &one, 9_999).await, []);
    assert_eq!(cleared(setup, &other, 9_999).await.len(), 6);
}

/// One statement removes so many, and says that there may be more.
pub(crate) async fn a_thousand_go_at_once(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let session = Session {
        kind: SessionKind::Holder,
        owner: holder.to_string(),
        device: None,
        created_at: after(1),
        expires_at: after(100),
    };
    write_in(&setup.store, holder.partition(), async |tx| {
        for number in 0..1_001_u32 {
            tx.insert_session(&number.to_be_bytes(), &session).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let first = cleared(setup, &holder, 9).await;
    assert_eq!(first, [("sessions", 1_000)]);
    assert!(may_hold_more(&first));
    let second = cleared(setup, &holder, 9).await;
    assert_eq!(second, [("sessions", 1)]);
    assert!(!may_hold_more(&second));
}
