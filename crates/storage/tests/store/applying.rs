//! Applications that drivers make themselves: drafts, findings, person checks, consents.

use licence::{
    Due,
    application::{Kind, PhotoOrigin, Stage},
    person_check::{FacePurpose, Method, Outcome},
    photo::{Profile, Verdict},
};
use storage::{
    ApplicationId, ClosedCheck, Conflict, DeviceId, ELicenceId, FaceConsentId, FaceConsentRow,
    HolderId, NewDraft, NewPersonCheck, PersonCheckId, PhotoFindingsRow, PhotoId, PhotoMeta,
    PhotoRow, StoreError,
};
use zeroize::Zeroizing;

use crate::{
    harness::{Setup, after, conflict},
    steps::{new_credential, new_e_licence, write},
};

const STATE: Conflict = Conflict::ApplicationState;

pub(crate) fn draft(setup: &Setup, holder: &HolderId, source: PhotoOrigin) -> NewDraft {
    let photo = PhotoId::generate(holder.partition(), &mut setup.rng());
    NewDraft {
        id: ApplicationId::generate(holder.partition(), &mut setup.rng()),
        kind: Kind::First,
        photo_source: source,
        office: "1101".to_owned(),
        photo: (source == PhotoOrigin::OnFile).then_some(photo),
        created_at: after(10),
    }
}

async fn begun(setup: &Setup, holder: &HolderId, source: PhotoOrigin) -> NewDraft {
    let new = draft(setup, holder, source);
    write(&setup.store, holder, async |tx, locked| {
        tx.insert_draft(locked, &new).await
    })
    .await
    .unwrap();
    new
}

async fn stage(setup: &Setup, id: &ApplicationId) -> Stage {
    setup.store.application(id).await.unwrap().unwrap().stage
}

/// Begun with the photo on file, confirmed, and the person verified.
async fn verified(setup: &Setup, holder: &HolderId) -> NewDraft {
    let new = begun(setup, holder, PhotoOrigin::OnFile).await;
    let which = (&new.id, new.photo.as_ref().unwrap());
    write(&setup.store, holder, async |tx, locked| {
        tx.confirm_application(locked, which, after(11)).await?;
        tx.verify_person(locked, which, after(12)).await
    })
    .await
    .unwrap();
    new
}

pub(crate) async fn r35_the_photo_on_file_goes_its_way(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let new = begun(setup, &holder, PhotoOrigin::OnFile).await;
    let (id, photo) = (&new.id, new.photo.as_ref().unwrap());
    let verify = async || -> Result<(), StoreError> {
        write(&setup.store, &holder, async |tx, locked| {
            tx.verify_person(locked, (id, photo), after(12)).await
        })
        .await
    };
    // R38 comes before R39.
    assert_eq!(conflict(verify().await), STATE);
    write(&setup.store, &holder, async |tx, locked| {
        tx.confirm_application(locked, (id, photo), after(11)).await
    })
    .await
    .unwrap();
    verify().await.unwrap();
    assert_eq!(conflict(verify().await), STATE);
    write(&setup.store, &holder, async |tx, locked| {
        tx.submit_for_review(locked, id, Due::At(after(86_400)), after(13))
            .await
    })
    .await
    .unwrap();
    let found = setup.store.application(id).await.unwrap().unwrap();
    assert_eq!(
        (found.stage, found.channel.as_str()),
        (Stage::UnderReview, "app")
    );
    assert_eq!((found.kind, found.photo), (Kind::First, new.photo.clone()));
    assert_eq!(found.created_at, after(10));
    assert_eq!(found.confirmed_at, Some(after(11)));
    assert_eq!(found.verified_at, Some(after(12)));
    assert_eq!(found.submitted_at, Some(after(13)));
    assert_eq!(found.submitted_by.as_deref(), Some(holder.as_str()));
    assert_eq!(found.due, Some(Due::At(after(86_400))));
    assert_eq!((found.rules_read, found.identity), (None, None));
}

pub(crate) async fn r47_another_photo_is_confirmed_anew(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let new = begun(setup, &holder, PhotoOrigin::Camera).await;
    let photo = || PhotoId::generate(holder.partition(), &mut setup.rng());
    let (first, second) = (photo(), photo());
    let submit = async |photo: &PhotoId| -> Result<(), StoreError> {
        write(&setup.store, &holder, async |tx, locked| {
            tx.submit_photo(locked, &new.id, photo).await
        })
        .await
    };
    let confirm = async |photo: &PhotoId| -> Result<(), StoreError> {
        write(&setup.store, &holder, async |tx, locked| {
            tx.confirm_application(locked, (&new.id, photo), after(12))
                .await
        })
        .await
    };
    let verify = async |photo: &PhotoId| -> Result<(), StoreError> {
        write(&setup.store, &holder, async |tx, locked| {
            tx.verify_person(locked, (&new.id, photo), after(13)).await
        })
        .await
    };
    write(&setup.store, &holder, async |tx, locked| {
        tx.note_rules_read(locked, &new.id, "1", after(11)).await
    })
    .await
    .unwrap();
    assert_eq!(conflict(confirm(&first).await), STATE);
    submit(&first).await.unwrap();
    confirm(&first).await.unwrap();
    submit(&second).await.unwrap();
    assert_eq!(conflict(confirm(&first).await), STATE);
    assert_eq!(conflict(verify(&second).await), STATE);
    confirm(&second).await.unwrap();
    assert_eq!(conflict(verify(&first).await), STATE);
    verify(&second).await.unwrap();
    assert_eq!(conflict(submit(&first).await), STATE);
    let found = setup.store.application(&new.id).await.unwrap().unwrap();
    assert_eq!(found.stage, Stage::PersonVerified);
    assert_eq!(found.rules_read, Some(("1".to_owned(), after(11))));
}

/// R36: only the photo on file is issued without a review, and only from the stage after the check.
pub(crate) async fn r34_a_submitted_photo_is_not_issued_unreviewed(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let new = begun(setup, &holder, PhotoOrigin::Album).await;
    let photo = PhotoId::generate(holder.partition(), &mut setup.rng());
    write(&setup.store, &holder, async |tx, locked| {
        tx.submit_photo(locked, &new.id, &photo).await?;
        let which = (&new.id, &photo);
        tx.confirm_application(locked, which, after(11)).await?;
        tx.verify_person(locked, which, after(12)).await
    })
    .await
    .unwrap();
    let other = setup.driver(2).await.id;
    let on_file = begun(setup, &other, PhotoOrigin::OnFile).await;
    for (holder, id) in [(&holder, &new.id), (&other, &on_file.id)] {
        let e_licence = ELicenceId::generate(holder.partition(), &mut setup.rng());
        let refused = write(&setup.store, holder, async |tx, locked| {
            tx.mark_issued_unreviewed(locked, id, &e_licence, after(13))
                .await
        })
        .await;
        assert_eq!(conflict(refused), STATE);
    }
    assert_eq!(stage(setup, &new.id).await, Stage::PersonVerified);
    assert_eq!(stage(setup, &on_file.id).await, Stage::Draft);
}

pub(crate) async fn r36_an_unreviewed_issue_comes_back_as_written(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let new = verified(setup, &holder).await;
    let place = setup
        .store
        .reserve_status_place(holder.partition())
        .await
        .unwrap();
    let e_licence = new_e_licence(setup, &holder, &new.id, after(60));
    let credential = new_credential(setup, &e_licence.id, place);
    write(&setup.store, &holder, async |tx, locked| {
        tx.insert_e_licence(locked, &e_licence).await?;
        tx.insert_credential(locked, &credential).await?;
        tx.mark_issued_unreviewed(locked, &new.id, &e_licence.id, after(60))
            .await
    })
    .await
    .unwrap();
    let found = setup.store.application(&new.id).await.unwrap().unwrap();
    assert_eq!((found.stage, found.decided_by), (Stage::Issued, None));
    assert_eq!(found.e_licence, Some(e_licence.id));
    assert_eq!(found.submitted_at, Some(after(60)));
}

pub(crate) async fn what_was_withdrawn_is_open_no_more(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let new = begun(setup, &holder, PhotoOrigin::OnFile).await;
    let second = draft(setup, &holder, PhotoOrigin::Camera);
    let begin = async || -> Result<(), StoreError> {
        write(&setup.store, &holder, async |tx, locked| {
            tx.insert_draft(locked, &second).await
        })
        .await
    };
    let withdraw = async || -> Result<(), StoreError> {
        write(&setup.store, &holder, async |tx, locked| {
            tx.withdraw_application(locked, &new.id, after(20)).await
        })
        .await
    };
    assert_eq!(conflict(begin().await), Conflict::OpenApplication);
    let old = setup.store.unsubmitted_before(after(11), 10).await.unwrap();
    assert_eq!(old, std::slice::from_ref(&new.id));
    withdraw().await.unwrap();
    assert_eq!(conflict(withdraw().await), STATE);
    let found = setup.store.application(&new.id).await.unwrap().unwrap();
    assert_eq!(found.stage, Stage::Withdrawn);
    assert_eq!(found.withdrawn_at, Some(after(20)));
    let old = setup.store.unsubmitted_before(after(11), 10).await.unwrap();
    assert!(old.is_empty());
    begin().await.unwrap();
}

/// SC-20: the lock of one driver moves nothing of another.
pub(crate) async fn sc_20_another_drivers_draft_is_not_moved(setup: &Setup) {
    let one = setup.driver(1).await;
    let other = setup.driver_in(one.id.partition(), 2).await.id;
    let new = verified(setup, &one.id).await;
    let check = opened(setup, &one.id, &new).await;
    let e_licence = ELicenceId::generate(other.partition(), &mut setup.rng());
    let photo = new.photo.clone().unwrap();
    let findings = findings(&one.id, &photo, Verdict::Pass);
    write(&setup.store, &one.id, async |tx, locked| {
        tx.insert_photo_findings(locked, &findings).await
    })
    .await
    .unwrap();
    let mut refused = Vec::new();
    for attempt in 0..6 {
        let result = write(&setup.store, &other, async |tx, locked| match attempt {
            0 => tx.withdraw_application(locked, &new.id, after(20)).await,
            1 => {
                tx.submit_for_review(locked, &new.id, Due::PendingCalendar, after(20))
                    .await
            }
            2 => {
                tx.mark_issued_unreviewed(locked, &new.id, &e_licence, after(20))
                    .await
            }
            3 => {
                tx.close_person_check(locked, &check.id, &ended(Outcome::Match, 20))
                    .await
            }
            4 => tx.insert_photo_findings(locked, &findings).await,
            _ => tx.note_rules_read(locked, &new.id, "1", after(20)).await,
        })
        .await;
        refused.push(conflict(result));
    }
    refused.dedup();
    assert_eq!(refused, [STATE, Conflict::PersonCheck, STATE]);
    assert_eq!(stage(setup, &new.id).await, Stage::PersonVerified);
}

fn findings(holder: &HolderId, photo: &PhotoId, verdict: Verdict) -> PhotoFindingsRow {
    PhotoFindingsRow {
        photo: photo.clone(),
        holder: holder.clone(),
        profile: Profile::Submitted,
        verdict,
        findings: Zeroizing::new(format!(r#"{{"v":1,"of":"{verdict}"}}"#).into_bytes()),
        created_at: after(30),
    }
}

pub(crate) async fn findings_come_back_as_written_and_the_newest_count(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let photo = PhotoId::generate(holder.partition(), &mut setup.rng());
    assert!(setup.store.photo_findings(&photo).await.unwrap().is_none());
    for verdict in Verdict::ALL {
        let new = findings(&holder, &photo, *verdict);
        write(&setup.store, &holder, async |tx, locked| {
            tx.insert_photo_findings(locked, &new).await
        })
        .await
        .unwrap();
        let found = setup.store.photo_findings(&photo).await.unwrap().unwrap();
        assert_eq!((&found.photo, &found.holder), (&photo, &holder));
        assert_eq!((found.profile, found.verdict), (new.profile, *verdict));
        assert_eq!(found.findings, new.findings);
        assert_eq!(found.created_at, after(30));
    }
    let all = setup.store.photo_findings_of(&holder).await.unwrap();
    assert_eq!(all.len(), 1);
}

pub(crate) async fn a_photo_of_nothing_can_be_removed(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let row = |source| PhotoRow {
        id: PhotoId::generate(holder.partition(), &mut setup.rng()),
        holder: holder.clone(),
        source,
        meta: PhotoMeta {
            sha256: "00".repeat(32),
            media_type: "image/jpeg".to_owned(),
            width: 358,
            height: 441,
            taken_on: None,
        },
        created_at: after(5),
    };
    let (submitted, on_file) = (row(PhotoOrigin::Camera), row(PhotoOrigin::OnFile));
    let found = findings(&holder, &submitted.id, Verdict::Pass);
    write(&setup.store, &holder, async |tx, locked| {
        tx.insert_photo(&submitted).await?;
        tx.insert_photo(&on_file).await?;
        tx.insert_photo_findings(locked, &found).await
    })
    .await
    .unwrap();
    let store = &setup.store;
    let bytes = b"a drawn portrait".as_slice();
    store
        .put_photo_bytes(&holder, &submitted.id, bytes)
        .await
        .unwrap();
    assert_eq!(store.photos_of(&holder).await.unwrap().len(), 2);
    let removed = write(store, &holder, async |tx, locked| {
        let one = tx.remove_photo(locked, &submitted.id).await?;
        Ok((one, tx.remove_photo(locked, &on_file.id).await?))
    })
    .await
    .unwrap();
    assert_eq!(removed, (true, false));
    store.remove_photo_bytes(&submitted.id).await.unwrap();
    assert!(store.photo_bytes(&holder, &submitted.id).await.is_err());
    assert!(store.photo_findings(&submitted.id).await.unwrap().is_none());
    let left = store.photos_of(&holder).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].id, on_file.id);
}

async fn opened(setup: &Setup, holder: &HolderId, draft: &NewDraft) -> NewPersonCheck {
    let partition = holder.partition();
    let device = DeviceId::generate(partition, &mut setup.rng());
    let photo = draft.photo.clone();
    let new = NewPersonCheck {
        id: PersonCheckId::generate(partition, &mut setup.rng()),
        application: Some(draft.id.clone()),
        photo: photo.unwrap_or_else(|| PhotoId::generate(partition, &mut setup.rng())),
        method: Method::Frames,
        here: Some((device, vec![7; 32])),
        device_key: [4; 65],
        challenge: "turn-left,blink,turn-right".to_owned(),
        nonce: [9; 32],
        opened_at: after(40),
        expires_at: after(100),
    };
    write(&setup.store, holder, async |tx, locked| {
        tx.open_person_check(locked, &new).await
    })
    .await
    .unwrap();
    new
}

pub(crate) fn ended(outcome: Outcome, seconds: i64) -> ClosedCheck {
    ClosedCheck {
        outcome,
        reasons: r#"{"v":1,"codes":["another-person"]}"#.to_owned(),
        distances: Some(Zeroizing::new(br#"{"v":1,"distance":0.7}"#.to_vec())),
        at: after(seconds),
    }
}

async fn close(
    setup: &Setup,
    holder: &HolderId,
    id: &PersonCheckId,
    closed: &ClosedCheck,
) -> Result<(), StoreError> {
    write(&setup.store, holder, async |tx, locked| {
        tx.close_person_check(locked, id, closed).await
    })
    .await
}

pub(crate) async fn r39_a_person_check_comes_back_as_written(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let draft = begun(setup, &holder, PhotoOrigin::OnFile).await;
    let new = opened(setup, &holder, &draft).await;
    let found = setup.store.person_check(&new.id).await.unwrap().unwrap();
    assert_eq!((&found.holder, found.method), (&holder, Method::Frames));
    assert_eq!(found.application, new.application);
    assert_eq!(
        (found.photo, found.here),
        (new.photo.clone(), new.here.clone())
    );
    assert_eq!(found.device_key, new.device_key);
    assert_eq!(
        (found.challenge, found.nonce),
        (new.challenge.clone(), vec![9; 32])
    );
    assert_eq!((found.opened_at, found.expires_at), (after(40), after(100)));
    assert!(found.closed.is_none());
    let closed = ended(Outcome::Officer, 100);
    close(setup, &holder, &new.id, &closed).await.unwrap();
    let found = setup.store.person_check(&new.id).await.unwrap().unwrap();
    let found = found.closed.unwrap();
    assert_eq!((found.outcome, found.at), (Outcome::Officer, after(100)));
    assert_eq!(found.reasons, closed.reasons);
    assert_eq!(found.distances, closed.distances);
    // Without an application it is none of these: nothing could answer it.
    let of_none = NewPersonCheck {
        id: PersonCheckId::generate(holder.partition(), &mut setup.rng()),
        application: None,
        ..new
    };
    let opened = write(&setup.store, &holder, async |tx, locked| {
        tx.open_person_check(locked, &of_none).await
    });
    assert_eq!(conflict(opened.await), Conflict::PersonCheck);
}

pub(crate) async fn r39_a_person_check_ends_once_and_in_time(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let draft = begun(setup, &holder, PhotoOrigin::OnFile).await;
    let over = Conflict::PersonCheck;
    let first = opened(setup, &holder, &draft).await;
    let second = opened(setup, &holder, &draft).await;
    let matched = ended(Outcome::Match, 50);
    assert_eq!(
        conflict(close(setup, &holder, &first.id, &matched).await),
        over
    );
    for outcome in [Outcome::Match, Outcome::Officer] {
        let late = ended(outcome, 101);
        assert_eq!(
            conflict(close(setup, &holder, &second.id, &late).await),
            over
        );
    }
    let late = ended(Outcome::Expired, 101);
    close(setup, &holder, &second.id, &late).await.unwrap();
    assert_eq!(
        conflict(close(setup, &holder, &second.id, &matched).await),
        over
    );
    let third = opened(setup, &holder, &draft).await;
    write(&setup.store, &holder, async |tx, locked| {
        tx.leave_person_checks(locked, &draft.id, after(60)).await
    })
    .await
    .unwrap();
    assert_eq!(
        conflict(close(setup, &holder, &third.id, &matched).await),
        over
    );
    let all = setup
        .store
        .person_checks_of_application(&draft.id)
        .await
        .unwrap();
    assert_eq!(all.len(), 3);
    let expired = |check: &storage::PersonCheckRow| {
        check.closed.as_ref().map(|it| it.outcome) == Some(Outcome::Expired)
    };
    assert!(all.iter().all(expired));
}

/// SC-04: what let nobody go on is counted, whatever the application.
pub(crate) async fn sc_04_checks_in_vain_are_counted(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let draft = begun(setup, &holder, PhotoOrigin::OnFile).await;
    let vain = async |since| {
        let counted = setup.store.person_checks_in_vain(&holder, after(since));
        counted.await.unwrap()
    };
    assert_eq!(vain(0).await, 0);
    let one = opened(setup, &holder, &draft).await;
    assert_eq!(vain(0).await, 1);
    close(setup, &holder, &one.id, &ended(Outcome::Match, 50))
        .await
        .unwrap();
    assert_eq!(vain(0).await, 0);
    let other = opened(setup, &holder, &draft).await;
    close(setup, &holder, &other.id, &ended(Outcome::Reject, 50))
        .await
        .unwrap();
    assert_eq!((vain(0).await, vain(40).await), (1, 0));
    // Anybody begins one for an activation: it takes nothing away from the driver's applications.
    crate::activation_checks::opened(setup, &holder).await;
    assert_eq!(vain(0).await, 1);
}

pub(crate) async fn of_two_answers_at_once_one_counts(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let draft = begun(setup, &holder, PhotoOrigin::OnFile).await;
    let check = opened(setup, &holder, &draft).await;
    let (matched, rejected) = (ended(Outcome::Match, 50), ended(Outcome::Reject, 50));
    let (one, other) = tokio::join!(
        close(setup, &holder, &check.id, &matched),
        close(setup, &holder, &check.id, &rejected),
    );
    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1);
}

pub(crate) async fn a_consent_stands_until_it_is_withdrawn(setup: &Setup) {
    let driver = setup.driver(1).await;
    let holder = driver.id;
    let purpose = FacePurpose::PersonCheck;
    let new = || FaceConsentRow {
        id: FaceConsentId::generate(holder.partition(), &mut setup.rng()),
        holder: holder.clone(),
        purpose,
        text_version: "1".to_owned(),
        device: DeviceId::generate(holder.partition(), &mut setup.rng()),
        check: None,
        given_at: after(10),
        withdrawn_at: None,
    };
    let give = async |new: &FaceConsentRow| -> Result<(), StoreError> {
        write(&setup.store, &holder, async |tx, locked| {
            tx.insert_face_consent(locked, new).await
        })
        .await
    };
    let stands = async || setup.store.face_consent(&holder, purpose).await.unwrap();
    assert_eq!(stands().await, None);
    let first = new();
    give(&first).await.unwrap();
    assert_eq!(conflict(give(&new()).await), Conflict::Consent);
    assert_eq!(stands().await, Some(first.clone()));
    let draft = begun(setup, &holder, PhotoOrigin::OnFile).await;
    let check = opened(setup, &holder, &draft).await;
    close(setup, &holder, &check.id, &ended(Outcome::Reject, 50))
        .await
        .unwrap();
    let mut withdrawn = Vec::new();
    for _ in 0..2 {
        let one = write(&setup.store, &holder, async |tx, locked| {
            tx.withdraw_face_consent(locked, purpose, after(60)).await
        });
        withdrawn.push(one.await.unwrap());
    }
    assert_eq!(withdrawn, [true, false]);
    assert_eq!(stands().await, None);
    // What was measured of the face goes with the consent; that there was a check does not.
    let check = setup.store.person_check(&check.id).await.unwrap().unwrap();
    let closed = check.closed.unwrap();
    assert_eq!((closed.outcome, closed.distances), (Outcome::Reject, None));
    give(&new()).await.unwrap();
    let all = setup.store.face_consents_of(&holder).await.unwrap();
    assert_eq!(all.len(), 2);
    assert!(all.iter().any(|it| it.withdrawn_at == Some(after(60))));
}

pub(crate) async fn a_row_of_another_partition_is_no_draft(setup: &Setup) {
    let one = setup.driver(1).await.id;
    let elsewhere = storage::Partition::all()
        .find(|partition| *partition != one.partition())
        .unwrap();
    let mut new = draft(setup, &one, PhotoOrigin::OnFile);
    new.id = ApplicationId::generate(elsewhere, &mut setup.rng());
    let refused = write(&setup.store, &one, async |tx, locked| {
        tx.insert_draft(locked, &new).await
    })
    .await;
    assert!(matches!(refused, Err(StoreError::Inconsistent { .. })));
}
