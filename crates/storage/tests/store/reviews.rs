//! Appeals, samples of automatic issues, comparisons of photos, and years of the working calendar.

use licence::{
    Due,
    application::Stage,
    e_licence::{RevocationCause, Stage as ELicenceStage},
};
use storage::{
    AppealRow, ApplicationId, Conflict, CurrentELicence, FaceTemplateRow, FacesNear, HolderId,
    NewIssueSample, Partition, PhotoComparisonRow, PhotoId, SampleState, Store, StoreError,
};
use zeroize::Zeroizing;

use crate::{
    harness::{Setup, after, conflict},
    steps::{new_application, write, write_in},
};

const REASONS: &str = r#"{"v":1,"reasons":[]}"#;

async fn reject(
    setup: &Setup,
    holder: &HolderId,
    id: &ApplicationId,
    by: &str,
) -> Result<(), StoreError> {
    write(&setup.store, holder, async |tx, locked| {
        let from = (id, Stage::UnderReview);
        tx.reject_application(locked, from, by, REASONS, after(20))
            .await
    })
    .await
}

fn appeal(holder: &HolderId, id: &ApplicationId, by: &str) -> AppealRow {
    AppealRow {
        application: id.clone(),
        holder: holder.clone(),
        text: Zeroizing::new("照片背景就是白墙".to_owned()),
        filed_at: after(30),
        first_by: by.to_owned(),
        first_at: after(20),
        first_reasons: REASONS.to_owned(),
    }
}

async fn file(setup: &Setup, row: &AppealRow) -> Result<(), StoreError> {
    write(&setup.store, &row.holder, async |tx, locked| {
        tx.insert_appeal(locked, row, Due::At(after(86_400))).await
    })
    .await
}

pub(crate) async fn sc_08_an_appeal_comes_back_as_written_and_once(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let id = setup.applied(&holder).await;
    let row = appeal(&holder, &id, "stf_a");
    assert_eq!(
        conflict(file(setup, &row).await),
        Conflict::ApplicationState
    );
    assert!(setup.store.appeal(&id).await.unwrap().is_none());
    reject(setup, &holder, &id, "stf_a").await.unwrap();
    let forged = appeal(&holder, &id, "stf_b");
    assert_eq!(
        conflict(file(setup, &forged).await),
        Conflict::ApplicationState
    );
    file(setup, &row).await.unwrap();
    let found = setup.store.appeal(&id).await.unwrap().unwrap();
    assert_eq!(*found.text, *row.text);
    assert_eq!((found.filed_at, found.first_at), (after(30), after(20)));
    assert_eq!(
        (found.first_by.as_str(), found.first_reasons.as_str()),
        ("stf_a", REASONS)
    );
    let open = setup.store.application(&id).await.unwrap().unwrap();
    assert_eq!(open.stage, Stage::UnderReview);
    assert_eq!(open.due, Some(Due::At(after(86_400))));
    assert_eq!(open.appealed_from.as_deref(), Some("stf_a"));
    assert_eq!((open.decided_by, open.reasons), (None, None));
    // Whoever rejected does not decide it, in whatever order the writes come.
    let refused = reject(setup, &holder, &id, "stf_a").await;
    assert_eq!(conflict(refused), Conflict::ApplicationState);
    let refused = write(&setup.store, &holder, async |tx, locked| {
        tx.approve_application(locked, &id, "stf_a", after(40))
            .await
    })
    .await;
    assert_eq!(conflict(refused), Conflict::ApplicationState);
    reject(setup, &holder, &id, "stf_b").await.unwrap();
    let again = appeal(&holder, &id, "stf_b");
    assert_eq!(
        conflict(file(setup, &again).await),
        Conflict::ApplicationState
    );
    let stays = setup.store.application(&id).await.unwrap().unwrap();
    assert_eq!(stays.stage, Stage::Rejected);
    assert!(!format!("{row:?}").contains("白墙"));
}

pub(crate) async fn sc_08_an_appeal_waits_for_no_other_application(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let first = setup.applied(&holder).await;
    reject(setup, &holder, &first, "stf_a").await.unwrap();
    let second = setup.applied(&holder).await;
    let row = appeal(&holder, &first, "stf_a");
    assert_eq!(conflict(file(setup, &row).await), Conflict::OpenApplication);
    reject(setup, &holder, &second, "stf_a").await.unwrap();
    file(setup, &row).await.unwrap();
    // Two at once: the one file has one appeal.
    let other = setup.driver(2).await.id;
    let id = setup.applied(&other).await;
    reject(setup, &other, &id, "stf_a").await.unwrap();
    let row = appeal(&other, &id, "stf_a");
    let revision = setup.reread(&other).await.revision;
    let (mut one, locked) = setup.store.begin(&other, revision).await.unwrap();
    one.insert_appeal(&locked, &row, Due::PendingCalendar)
        .await
        .unwrap();
    let entry = crate::steps::entry("test.written").about(&other);
    one.commit(entry, Vec::new()).await.unwrap();
    let late = setup.store.begin(&other, revision).await;
    assert_eq!(conflict(late), Conflict::Revision);
}

pub(crate) async fn r42_a_due_time_is_set_when_the_calendar_is_there(setup: &Setup) {
    let store = &setup.store;
    let mut waiting = Vec::new();
    for n in 1..=3 {
        let holder = setup.driver(n).await.id;
        let mut new = new_application(setup, &holder);
        new.due = Due::PendingCalendar;
        write(store, &holder, async |tx, locked| {
            tx.insert_counter_application(locked, &new).await
        })
        .await
        .unwrap();
        waiting.push((new.id, holder));
    }
    waiting.sort();
    let ids = |from: usize| -> Vec<ApplicationId> {
        waiting[from..].iter().map(|(id, _)| id.clone()).collect()
    };
    assert_eq!(store.pending_calendar(None, 9).await.unwrap(), ids(0));
    assert_eq!(store.pending_calendar(None, 1).await.unwrap(), ids(0)[..1]);
    let behind = store.pending_calendar(Some(&waiting[0].0), 9).await;
    assert_eq!(behind.unwrap(), ids(1));
    let (id, holder) = &waiting[0];
    let set = async || {
        write(store, holder, async |tx, locked| {
            tx.set_due(locked, id, after(86_400)).await
        })
        .await
    };
    set().await.unwrap();
    let found = store.application(id).await.unwrap().unwrap();
    assert_eq!(found.due, Some(Due::At(after(86_400))));
    assert_eq!(conflict(set().await), Conflict::ApplicationState);
    assert_eq!(store.pending_calendar(None, 9).await.unwrap(), ids(1));
}

async fn sampled(setup: &Setup, n: u32) -> (HolderId, NewIssueSample) {
    let holder = setup.driver(n).await.id;
    let current = setup.issued(&holder).await;
    let sample = sampled_issue(setup, &holder, &current).await;
    (holder, sample)
}

/// Takes what was issued as a sample.
pub(crate) async fn sampled_issue(
    setup: &Setup,
    holder: &HolderId,
    current: &CurrentELicence,
) -> NewIssueSample {
    let sample = NewIssueSample {
        application: current.e_licence.application.clone(),
        e_licence: current.e_licence.id.clone(),
        office: "110101".to_owned(),
        taken_at: after(70),
    };
    write(&setup.store, holder, async |tx, locked| {
        tx.insert_issue_sample(locked, &sample).await
    })
    .await
    .unwrap();
    sample
}

async fn decide(
    store: &Store,
    holder: &HolderId,
    sample: &NewIssueSample,
    reasons: Option<&str>,
) -> Result<(), StoreError> {
    write(store, holder, async |tx, locked| {
        let by = ("stf_a", reasons);
        tx.decide_issue_sample(locked, &sample.application, by, after(80))
            .await?;
        if reasons.is_some() {
            tx.stop_for_sample(locked, &sample.e_licence).await?;
        }
        Ok(())
    })
    .await
}

pub(crate) async fn a_sample_is_decided_once(setup: &Setup) {
    let (holder, sample) = sampled(setup, 1).await;
    let store = &setup.store;
    let found = store
        .issue_sample(&sample.application)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (found.state, found.taken_at),
        (SampleState::Open, after(70))
    );
    assert_eq!(
        (&found.holder, &found.e_licence),
        (&holder, &sample.e_licence)
    );
    decide(store, &holder, &sample, None).await.unwrap();
    for reasons in [None, Some(REASONS)] {
        let refused = decide(store, &holder, &sample, reasons).await;
        assert_eq!(conflict(refused), Conflict::Sample);
    }
    let found = store
        .issue_sample(&sample.application)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.state, SampleState::Confirmed);
    assert_eq!(found.decided_by.as_deref(), Some("stf_a"));
    assert!(!store.is_objected_to(&sample.e_licence).await.unwrap());
}

/// An objection stops at once and is settled by another officer.
pub(crate) async fn an_objection_is_a_second_officers(setup: &Setup) {
    for (n, state) in [(1, SampleState::Lifted), (2, SampleState::Revoked)] {
        let (holder, sample) = sampled(setup, n).await;
        let store = &setup.store;
        let stage = async || {
            store
                .e_licence(&sample.e_licence)
                .await
                .unwrap()
                .unwrap()
                .stage
        };
        decide(store, &holder, &sample, Some(REASONS))
            .await
            .unwrap();
        assert_eq!(stage().await, ELicenceStage::Stopped);
        assert!(store.is_objected_to(&sample.e_licence).await.unwrap());
        let current = store.current_e_licence(&holder).await.unwrap().unwrap();
        let settle = async |by| {
            write(store, &holder, async |tx, locked| {
                let settled = (by, state);
                tx.settle_issue_sample(locked, &sample.application, settled, after(90))
                    .await?;
                if state == SampleState::Lifted {
                    let restored = tx.restore_after_sample(locked, &sample.e_licence).await?;
                    assert!(restored);
                    return Ok(());
                }
                let cause = RevocationCause::WronglyIssued.as_str();
                tx.end_e_licence(locked, &current, ELicenceStage::Revoked, cause, after(90))
                    .await
            })
            .await
        };
        // While it stands nothing restores the e-licence, and the first officer does not settle it.
        let restored = write(store, &holder, async |tx, locked| {
            tx.restore_after_sample(locked, &sample.e_licence).await
        })
        .await;
        assert!(!restored.unwrap());
        assert_eq!(conflict(settle("stf_a").await), Conflict::Sample);
        settle("stf_b").await.unwrap();
        assert_eq!(conflict(settle("stf_c").await), Conflict::Sample);
        let expected = if state == SampleState::Lifted {
            ELicenceStage::Active
        } else {
            ELicenceStage::Revoked
        };
        assert_eq!(stage().await, expected);
        let found = store
            .issue_sample(&sample.application)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (found.state, found.settled_by.as_deref()),
            (state, Some("stf_b"))
        );
        assert_eq!(found.reasons.as_deref(), Some(REASONS));
    }
}

pub(crate) async fn sc_33_a_comparison_comes_back_as_written(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let application = setup.applied(&holder).await;
    let mut rng = setup.rng();
    let mut row = PhotoComparisonRow {
        photo: PhotoId::generate(holder.partition(), &mut rng),
        other: PhotoId::generate(holder.partition(), &mut rng),
        holder: holder.clone(),
        outcome: "reject".to_owned(),
        distances: Zeroizing::new(br#"{"v":1,"distance":0.7}"#.to_vec()),
        compared_at: after(5),
        application,
    };
    let store = &setup.store;
    for outcome in ["reject", "match"] {
        outcome.clone_into(&mut row.outcome);
        write_in(store, holder.partition(), async |tx| {
            tx.insert_photo_comparison(&row).await
        })
        .await
        .unwrap();
        let found = store.photo_comparison(&row.application).await.unwrap();
        let found = found.unwrap();
        assert_eq!(found.outcome, outcome);
        assert_eq!((&found.photo, &found.other), (&row.photo, &row.other));
        assert_eq!(found.distances, row.distances);
    }
    let elsewhere = write_in(store, Partition::SYSTEM, async |tx| {
        tx.insert_photo_comparison(&row).await
    })
    .await;
    assert!(matches!(elsewhere, Err(StoreError::Inconsistent { .. })));
}

pub(crate) async fn r42_years_are_entered_and_replaced(setup: &Setup) {
    let store = &setup.store;
    for (year, plan) in [(2028, "{}"), (2027, "{}"), (2028, r#"{"v":1}"#)] {
        write_in(store, Partition::SYSTEM, async |tx| {
            tx.set_calendar_year(year, plan, "stf_admin", after(1))
                .await
        })
        .await
        .unwrap();
    }
    let years = store.calendar_years().await.unwrap();
    let found: Vec<_> = years.iter().map(|it| (it.year, it.plan.as_str())).collect();
    assert_eq!(found, [(2027, "{}"), (2028, r#"{"v":1}"#)]);
}

fn template(setup: &Setup, office: &str, (from, until): (i64, i64)) -> FaceTemplateRow {
    let mut rng = setup.rng();
    let holder = HolderId::random(&mut rng);
    FaceTemplateRow {
        application: ApplicationId::generate(holder.partition(), &mut rng),
        holder,
        office: office.to_owned(),
        device: None,
        source: None,
        created_at: after(from),
        expires_at: after(until),
        template: Zeroizing::new(vec![1, 2, 3]),
    }
}

async fn keep(store: &Store, row: &FaceTemplateRow) -> Result<bool, StoreError> {
    write_in(store, store.office_partition(&row.office), async |tx| {
        tx.keep_face_template(row).await
    })
    .await
}

async fn erase(store: &Store, now: Option<i64>) -> u64 {
    let now = now.map(after);
    let mut erased = 0;
    for partition in store.face_templates_to_erase(now).await.unwrap() {
        erased += write_in(store, partition, async |tx| {
            tx.erase_face_templates(now).await
        })
        .await
        .unwrap();
    }
    erased
}

/// Descriptors are an office's, for a time; then they are gone.
pub(crate) async fn a_face_is_kept_for_its_office_and_its_time(setup: &Setup) {
    let store = &setup.store;
    let old = template(setup, "110101", (10, 100));
    let new = template(setup, "110101", (50, 200));
    let elsewhere = template(setup, "510101", (50, 200));
    for (row, written) in [
        (&old, true),
        (&new, true),
        (&elsewhere, true),
        (&new, false),
    ] {
        assert_eq!(keep(store, row).await.unwrap(), written);
    }
    let found = async |since, now| -> Vec<ApplicationId> {
        let when = (after(since), after(now));
        let near = of_office("110101");
        let rows = store.face_templates(&near, when, 9).await.unwrap();
        rows.into_iter().map(|row| row.application).collect()
    };
    let (older, newer) = (old.application.clone(), new.application.clone());
    assert_eq!(found(0, 60).await, [newer.clone(), older]);
    assert_eq!(found(50, 60).await, std::slice::from_ref(&newer));
    assert_eq!(found(0, 100).await, [newer]);
    let near = of_office("110101");
    let first = store.face_templates(&near, (after(0), after(60)), 1);
    assert_eq!(first.await.unwrap().len(), 1);
    let is_kept = async |office| {
        let kept = store.face_template(office, &old.application).await.unwrap();
        kept.is_some_and(|row| row.template == old.template)
    };
    assert!(is_kept("110101").await);
    assert!(!is_kept("510101").await);
    assert_eq!(erase(store, Some(99)).await, 0);
    assert_eq!(erase(store, Some(100)).await, 1);
    assert!(!is_kept("110101").await);
    // Where the search was turned off, all of them go.
    assert_eq!(erase(store, None).await, 2);
    assert!(!format!("{new:?}").contains("template"));
}

fn of_office(office: &str) -> FacesNear<'_> {
    FacesNear {
        office: Some(office),
        ..FacesNear::default()
    }
}

/// A reviewer was faster than the driver who submitted it: device and source are added, once.
pub(crate) async fn a_face_that_is_kept_already_gets_its_device_and_source(setup: &Setup) {
    let store = &setup.store;
    let of = |device: u8, source: u8| (Some(vec![device; 32]), Some(vec![source; 32]));
    let kept = template(setup, "110101", (50, 200));
    let from = |(device, source)| FaceTemplateRow {
        device,
        source,
        ..kept.clone()
    };
    let written = [
        (kept.clone(), true),
        (from(of(5, 6)), true),
        (from(of(5, 6)), false),
        (from(of(7, 6)), false),
    ];
    for (row, written) in &written {
        assert_eq!(keep(store, row).await.unwrap(), *written);
    }
    for (device, source, count) in [(Some(5), None, 1), (None, Some(6), 1), (Some(7), None, 0)] {
        let (device, source) = (device.map(|it| [it; 32]), source.map(|it| [it; 32]));
        let near = FacesNear {
            office: None,
            device: device.as_ref().map(<[u8; 32]>::as_slice),
            source: source.as_ref().map(<[u8; 32]>::as_slice),
        };
        let found = store.face_templates(&near, (after(0), after(60)), 9).await;
        let found = found.unwrap();
        assert_eq!(found.len(), count);
        assert!(
            found
                .iter()
                .all(|it| it.application == kept.application && it.template == kept.template)
        );
    }
}

/// Wherever they are reviewed, those of one device or one source are found, and before those of the office.
pub(crate) async fn a_face_is_found_by_its_device_and_its_source(setup: &Setup) {
    let store = &setup.store;
    let from = |office, at, device: Option<u8>, source: Option<u8>| FaceTemplateRow {
        device: device.map(|byte| vec![byte; 32]),
        source: source.map(|byte| vec![byte; 32]),
        ..template(setup, office, (at, 200))
    };
    let rows = [
        from("110101", 10, Some(1), Some(2)),
        from("510101", 20, Some(1), None),
        from("510101", 30, None, Some(2)),
        from("420101", 40, Some(3), Some(4)),
        from("110101", 50, None, None),
    ];
    for row in &rows {
        keep(store, row).await.unwrap();
    }
    let [both, device, source, stranger, counter] = rows.each_ref().map(|row| &row.application);
    let found = async |near: FacesNear<'_>| {
        let when = (after(0), after(60));
        let rows = store.face_templates(&near, when, 9).await.unwrap();
        rows.into_iter()
            .map(|row| row.application)
            .collect::<Vec<_>>()
    };
    let (one, two) = ([1; 32], [2; 32]);
    let near = FacesNear {
        office: Some("110101"),
        device: Some(&one),
        source: Some(&two),
    };
    let all = found(near).await;
    assert_eq!(
        all.iter().collect::<Vec<_>>(),
        [device, both, source, counter]
    );
    assert!(!all.contains(stranger));
    let by_device = FacesNear {
        device: Some(&one),
        ..FacesNear::default()
    };
    assert_eq!(found(by_device).await, [device.clone(), both.clone()]);
    let by_source = FacesNear {
        source: Some(&two),
        ..FacesNear::default()
    };
    assert_eq!(found(by_source).await, [source.clone(), both.clone()]);
    assert_eq!(found(FacesNear::default()).await, []);
    let kept = store.face_template("110101", both).await.unwrap().unwrap();
    assert_eq!(
        (&kept.device, &kept.source),
        (&rows[0].device, &rows[0].source)
    );
}
