//! Person checks that activate a device: of drivers and of nobody.

use jiff::SignedDuration;
use licence::{
    application::PhotoOrigin,
    person_check::{FacePurpose, Method, Outcome},
};
use storage::{
    Conflict, DeviceId, FaceConsentId, FaceConsentRow, HolderId, NewPersonCheck, PersonCheckId,
    PhotoId, StoreError,
};

use crate::{
    applying::{draft, ended},
    harness::{Setup, after, conflict},
    steps::{write, write_in},
};

fn new_check(setup: &Setup, holder: &HolderId) -> NewPersonCheck {
    let partition = holder.partition();
    NewPersonCheck {
        id: PersonCheckId::generate(partition, &mut setup.rng()),
        application: None,
        photo: PhotoId::generate(partition, &mut setup.rng()),
        method: Method::IdentityService,
        here: None,
        device_key: [4; 65],
        challenge: "turn-left,blink,turn-right".to_owned(),
        nonce: [9; 32],
        opened_at: after(40),
        expires_at: after(100),
    }
}

pub(crate) async fn opened(setup: &Setup, holder: &HolderId) -> NewPersonCheck {
    let new = new_check(setup, holder);
    let claim = setup.store.blind("test", new.id.as_str().as_bytes());
    write_in(&setup.store, holder.partition(), async |tx| {
        tx.open_activation_check(holder, &new, &claim).await
    })
    .await
    .unwrap();
    new
}

async fn answer(setup: &Setup, id: &PersonCheckId, at: i64) -> Result<(), StoreError> {
    write_in(&setup.store, id.partition(), async |tx| {
        tx.answer_activation_check(id, after(at)).await
    })
    .await
}

async fn end(setup: &Setup, id: &PersonCheckId, outcome: Outcome) -> Result<(), StoreError> {
    write_in(&setup.store, id.partition(), async |tx| {
        tx.end_activation_check(id, &ended(outcome, 60)).await
    })
    .await
}

/// Of a driver and of nobody alike; and nothing measured is kept.
pub(crate) async fn an_activation_check_is_answered_and_ends_once_and_in_time(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let nobody = HolderId::generate(holder.partition(), &mut setup.rng());
    let over = Conflict::PersonCheck;
    for of in [&holder, &nobody] {
        let new = opened(setup, of).await;
        let read = async || {
            let found = setup.store.activation_check(&new.id).await.unwrap();
            found.unwrap()
        };
        let (found, claim) = read().await;
        let blind = setup.store.blind("test", new.id.as_str().as_bytes());
        assert!(blind.matches(&claim));
        assert_eq!((&found.holder, &found.photo), (of, &new.photo));
        assert_eq!((found.application, found.here), (None, None));
        assert_eq!((found.opened_at, found.expires_at), (after(40), after(100)));
        assert!(found.closed.is_none());
        // Neither late, nor before it is answered.
        assert_eq!(conflict(answer(setup, &new.id, 101).await), over);
        assert_eq!(conflict(end(setup, &new.id, Outcome::Match).await), over);
        answer(setup, &new.id, 100).await.unwrap();
        let closed = read().await.0.closed.unwrap();
        assert_eq!((closed.outcome, closed.at), (Outcome::Reject, after(100)));
        assert_eq!(conflict(answer(setup, &new.id, 50).await), over);
        end(setup, &new.id, Outcome::Match).await.unwrap();
        assert_eq!(conflict(end(setup, &new.id, Outcome::Match).await), over);
        assert_eq!(conflict(answer(setup, &new.id, 50).await), over);
        let closed = read().await.0.closed.unwrap();
        assert_eq!((closed.outcome, closed.distances), (Outcome::Match, None));
    }
}

pub(crate) async fn of_two_answers_to_an_activation_check_one_is_judged(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let id = opened(setup, &holder).await.id;
    let (one, other) = tokio::join!(answer(setup, &id, 50), answer(setup, &id, 50));
    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1);
    // What could not be judged is open again, and then ends once.
    let reopen = async || {
        write_in(&setup.store, id.partition(), async |tx| {
            tx.reopen_activation_check(&id).await
        })
        .await
    };
    reopen().await.unwrap();
    assert_eq!(conflict(reopen().await), Conflict::PersonCheck);
    answer(setup, &id, 51).await.unwrap();
    end(setup, &id, Outcome::Reject).await.unwrap();
    assert_eq!(conflict(reopen().await), Conflict::PersonCheck);
}

/// A check of an application activates nothing, and is not found as one that could.
pub(crate) async fn a_check_of_an_application_is_none_for_an_activation(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let of = draft(setup, &holder, PhotoOrigin::OnFile);
    let new = NewPersonCheck {
        application: Some(of.id.clone()),
        here: Some((
            DeviceId::generate(holder.partition(), &mut setup.rng()),
            vec![7; 32],
        )),
        ..new_check(setup, &holder)
    };
    write(&setup.store, &holder, async |tx, locked| {
        tx.insert_draft(locked, &of).await?;
        tx.open_person_check(locked, &new).await
    })
    .await
    .unwrap();
    let found = setup.store.activation_check(&new.id).await.unwrap();
    assert!(found.is_none());
    let answered = answer(setup, &new.id, 50).await;
    assert_eq!(conflict(answered), Conflict::PersonCheck);
    // Nor is it swept with those.
    let swept = write_in(&setup.store, holder.partition(), async |tx| {
        tx.sweep_challenges(after(1_000)).await
    })
    .await
    .unwrap();
    assert_eq!(swept, 0);
    let kept = setup.store.person_check(&new.id).await.unwrap();
    assert!(kept.is_some());
}

pub(crate) async fn activation_checks_have_an_allowance(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let nobody = HolderId::generate(holder.partition(), &mut setup.rng());
    let ten = SignedDuration::from_secs(10);
    let take = async |of: &HolderId, at: i64| {
        write_in(&setup.store, of.partition(), async |tx| {
            tx.take_activation_check(of, (2, ten), after(at)).await
        })
        .await
        .unwrap()
    };
    assert!(take(&holder, 1).await && take(&holder, 1).await);
    assert!(!take(&holder, 10).await);
    assert!(take(&holder, 11).await, "one after each period");
    assert!(!take(&nobody, 11).await);
    // Codes by phone are counted apart.
    let code = write_in(&setup.store, holder.partition(), async |tx| {
        tx.take_phone_code(&holder, (1, ten), after(11)).await
    });
    assert!(code.await.unwrap());
}

pub(crate) async fn sc_19_open_activation_checks_are_nobodys_after_a_freeze(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let other = setup.driver_in(holder.partition(), 2).await.id;
    let nobody = HolderId::generate(holder.partition(), &mut setup.rng());
    let (ended, answered) = (opened(setup, &holder).await, opened(setup, &holder).await);
    for check in [&ended, &answered] {
        answer(setup, &check.id, 50).await.unwrap();
    }
    end(setup, &ended.id, Outcome::Reject).await.unwrap();
    let (open, others) = (opened(setup, &holder).await, opened(setup, &other).await);
    write_in(&setup.store, holder.partition(), async |tx| {
        tx.disown_activation_checks(&holder, &nobody).await
    })
    .await
    .unwrap();
    // One that is being judged may become open again.
    let whose = [
        (&ended, &holder),
        (&answered, &nobody),
        (&open, &nobody),
        (&others, &other),
    ];
    for (check, of) in whose {
        let found = setup.store.activation_check(&check.id).await.unwrap();
        assert_eq!(&found.unwrap().0.holder, of);
    }
    answer(setup, &open.id, 60).await.unwrap();
}

pub(crate) async fn activation_checks_that_are_over_are_swept(setup: &Setup) {
    let store = &setup.store;
    let holder = setup.driver(1).await.id;
    let nobody = HolderId::generate(holder.partition(), &mut setup.rng());
    let checks = [
        opened(setup, &holder).await.id,
        opened(setup, &nobody).await.id,
    ];
    answer(setup, &checks[0], 50).await.unwrap();
    let due = async |at: i64| store.partitions_to_sweep(after(at)).await.unwrap();
    assert!(due(100).await.is_empty());
    assert_eq!(due(101).await, [holder.partition()]);
    let swept = write_in(store, holder.partition(), async |tx| {
        tx.sweep_challenges(after(101)).await
    })
    .await
    .unwrap();
    assert_eq!(swept, 2);
    for id in &checks {
        assert!(store.activation_check(id).await.unwrap().is_none());
    }
}

pub(crate) async fn a_consent_to_one_check_stands_for_no_other(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let purpose = FacePurpose::PersonCheck;
    let new = |check: Option<PersonCheckId>| FaceConsentRow {
        id: FaceConsentId::generate(holder.partition(), &mut setup.rng()),
        holder: holder.clone(),
        purpose,
        text_version: "1".to_owned(),
        device: DeviceId::generate(holder.partition(), &mut setup.rng()),
        check,
        given_at: after(10),
        withdrawn_at: None,
    };
    let give = async |new: FaceConsentRow| -> Result<(), StoreError> {
        write(&setup.store, &holder, async |tx, locked| {
            tx.insert_face_consent(locked, &new).await
        })
        .await
    };
    let check = || {
        Some(PersonCheckId::generate(
            holder.partition(),
            &mut setup.rng(),
        ))
    };
    for _ in 0..2 {
        give(new(check())).await.unwrap();
    }
    let stands = async || setup.store.face_consent(&holder, purpose).await.unwrap();
    assert_eq!(stands().await, None);
    let standing = new(None);
    give(standing.clone()).await.unwrap();
    give(new(check())).await.unwrap();
    assert_eq!(stands().await, Some(standing));
    // A withdrawal is of the one that stands: the others covered what is over.
    let withdrawn = write(&setup.store, &holder, async |tx, locked| {
        tx.withdraw_face_consent(locked, purpose, after(60)).await
    });
    assert!(withdrawn.await.unwrap());
    let all = setup.store.face_consents_of(&holder).await.unwrap();
    let withdrawn = all.iter().filter(|it| it.withdrawn_at.is_some());
    assert_eq!((all.len(), withdrawn.count()), (4, 1));
}
