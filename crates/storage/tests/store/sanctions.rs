//! Sanctions: two officers each way, guarded by state, with what they stop.

use std::sync::Arc;

use licence::{
    e_licence,
    sanction::{Appeal, Evidence, EvidenceItem, Ground, Grounds, Stage},
};
use storage::{
    Conflict, Driver, ELicenceId, HolderId, NewSanction, NewSanctionStep, SanctionId, SanctionMove,
    SanctionRow, SanctionStepId, StepKind, StoreError,
};
use tokio::sync::Barrier;

use crate::{
    audit::whole_trail,
    harness::{Setup, after, conflict, named},
    steps::{entry, issue, new_credential, new_e_licence, write},
};

const ROUNDS: u32 = 8;

fn proposal(setup: &Setup, holder: &HolderId, by: &str) -> NewSanction {
    let photo = EvidenceItem::Photo("pho_1".to_owned());
    NewSanction {
        id: SanctionId::generate(holder.partition(), &mut setup.rng()),
        office: "1101".to_owned(),
        grounds: Grounds::new(vec![Ground::ProcessedFace, Ground::ImmoralContent]).unwrap(),
        evidence: Evidence::new(vec![photo]).unwrap(),
        proposed_by: by.to_owned(),
        proposed_at: after(100),
    }
}

async fn proposed(setup: &Setup, holder: &HolderId) -> SanctionId {
    let new = proposal(setup, holder, "stf_one");
    write(&setup.store, holder, async |tx, locked| {
        tx.insert_sanction(locked, &new).await
    })
    .await
    .unwrap();
    new.id
}

async fn moved(
    setup: &Setup,
    holder: &HolderId,
    id: &SanctionId,
    to: SanctionMove<'_>,
    by: &str,
) -> Result<(), StoreError> {
    write(&setup.store, holder, async |tx, locked| {
        tx.move_sanction(locked, id, to, (by, after(200))).await
    })
    .await
}

pub(crate) async fn in_force(setup: &Setup, holder: &HolderId) -> SanctionId {
    let id = proposed(setup, holder).await;
    let confirm = SanctionMove::Confirm { e_licence: None };
    moved(setup, holder, &id, confirm, "stf_two").await.unwrap();
    id
}

async fn appeal(setup: &Setup, holder: &HolderId, id: &SanctionId) -> Result<(), StoreError> {
    write(&setup.store, holder, async |tx, locked| {
        tx.appeal_sanction(locked, id).await
    })
    .await
}

async fn read(setup: &Setup, id: &SanctionId) -> SanctionRow {
    setup.store.sanction(id).await.unwrap().unwrap()
}

pub(crate) async fn a_sanction_comes_back_as_written(setup: &Setup) {
    let driver = setup.driver(1).await;
    let new = proposal(setup, &driver.id, "stf_one");
    write(&setup.store, &driver.id, async |tx, locked| {
        tx.insert_sanction(locked, &new).await
    })
    .await
    .unwrap();
    let found = read(setup, &new.id).await;
    assert_eq!(found.stage, Stage::Proposed);
    assert_eq!((&found.holder, &*found.office), (&driver.id, "1101"));
    assert_eq!(found.grounds, new.grounds);
    assert_eq!(found.evidence, new.evidence);
    assert_eq!(
        (&*found.proposed_by, found.proposed_at),
        ("stf_one", after(100))
    );
    assert_eq!((found.decided_by, found.appeal), (None, Appeal::None));
    let store = &setup.store;
    assert_eq!(store.sanction_in_force(&driver.id).await.unwrap(), None);

    let e_licence = ELicenceId::generate(driver.id.partition(), &mut setup.rng());
    let confirm = SanctionMove::Confirm {
        e_licence: Some(&e_licence),
    };
    moved(setup, &driver.id, &new.id, confirm, "stf_two")
        .await
        .unwrap();
    let found = store.sanction_in_force(&driver.id).await.unwrap().unwrap();
    assert_eq!(found.stage, Stage::InForce);
    assert_eq!(found.decided_by.as_deref(), Some("stf_two"));
    assert_eq!(found.decided_at, Some(after(200)));
    assert_eq!(found.e_licence, Some(e_licence));
    assert_eq!(store.sanctions_of(&driver.id).await.unwrap(), [found]);
}

pub(crate) async fn r75_a_driver_has_one_open_sanction(setup: &Setup) {
    let driver = setup.driver(1).await;
    let other = setup.driver(2).await;
    let first = proposed(setup, &driver.id).await;
    proposed(setup, &other.id).await;
    let second = proposal(setup, &driver.id, "stf_three");
    let again = async || {
        write(&setup.store, &driver.id, async |tx, locked| {
            tx.insert_sanction(locked, &second).await
        })
        .await
    };
    assert_eq!(conflict(again().await), Conflict::OpenSanction);
    let confirm = SanctionMove::Confirm { e_licence: None };
    moved(setup, &driver.id, &first, confirm, "stf_two")
        .await
        .unwrap();
    assert_eq!(conflict(again().await), Conflict::OpenSanction);
    moved(
        setup,
        &driver.id,
        &first,
        SanctionMove::ProposeLift,
        "stf_two",
    )
    .await
    .unwrap();
    assert_eq!(conflict(again().await), Conflict::OpenSanction);
    moved(setup, &driver.id, &first, SanctionMove::Lift, "stf_one")
        .await
        .unwrap();
    again().await.unwrap();
    assert_eq!(setup.store.sanctions_of(&driver.id).await.unwrap().len(), 2);
}

/// SC-35: the officers' rules hold in SQL as well.
pub(crate) async fn sc_35_nobody_decides_what_they_proposed_or_confirmed(setup: &Setup) {
    let driver = setup.driver(1).await;
    let holder = &driver.id;
    let id = proposed(setup, holder).await;
    let confirm = SanctionMove::Confirm { e_licence: None };
    let refused = async |to: SanctionMove<'_>, by: &str| {
        let tried = moved(setup, holder, &id, to, by).await;
        assert_eq!(conflict(tried), Conflict::SanctionState, "{to:?} by {by}");
    };
    refused(confirm, "stf_one").await;
    refused(SanctionMove::Decline, "stf_one").await;
    refused(SanctionMove::ProposeLift, "stf_three").await;
    moved(setup, holder, &id, confirm, "stf_two").await.unwrap();
    refused(confirm, "stf_three").await;
    refused(SanctionMove::Decline, "stf_three").await;
    refused(SanctionMove::Lift, "stf_three").await;
    moved(setup, holder, &id, SanctionMove::ProposeLift, "stf_three")
        .await
        .unwrap();
    for by in ["stf_three", "stf_two"] {
        refused(SanctionMove::Lift, by).await;
        refused(SanctionMove::DeclineLift, by).await;
    }
    moved(setup, holder, &id, SanctionMove::DeclineLift, "stf_four")
        .await
        .unwrap();
    let found = read(setup, &id).await;
    assert_eq!(
        (found.stage, found.lift_by, found.lift_at),
        (Stage::InForce, None, None)
    );
    moved(setup, holder, &id, SanctionMove::ProposeLift, "stf_two")
        .await
        .unwrap();
    moved(setup, holder, &id, SanctionMove::Lift, "stf_one")
        .await
        .unwrap();
    let found = read(setup, &id).await;
    assert_eq!(found.stage, Stage::Lifted);
    assert_eq!(found.lifted_by.as_deref(), Some("stf_one"));
    refused(SanctionMove::ProposeLift, "stf_three").await;
}

pub(crate) async fn sc_35_an_appeal_is_answered_by_the_decision(setup: &Setup) {
    let driver = setup.driver(1).await;
    let holder = &driver.id;
    let id = proposed(setup, holder).await;
    assert_eq!(
        conflict(appeal(setup, holder, &id).await),
        Conflict::SanctionState
    );
    let confirm = SanctionMove::Confirm { e_licence: None };
    moved(setup, holder, &id, confirm, "stf_two").await.unwrap();
    appeal(setup, holder, &id).await.unwrap();
    assert_eq!(
        conflict(appeal(setup, holder, &id).await),
        Conflict::SanctionState
    );
    for (decision, expected) in [
        (SanctionMove::DeclineLift, Appeal::Dismissed),
        (SanctionMove::Lift, Appeal::Granted),
    ] {
        moved(setup, holder, &id, SanctionMove::ProposeLift, "stf_two")
            .await
            .unwrap();
        moved(setup, holder, &id, decision, "stf_one")
            .await
            .unwrap();
        assert_eq!(read(setup, &id).await.appeal, expected);
        if expected == Appeal::Dismissed {
            appeal(setup, holder, &id).await.unwrap();
        }
    }
    let stranger = setup.driver(2).await;
    assert_eq!(
        conflict(appeal(setup, &stranger.id, &id).await),
        Conflict::SanctionState
    );
}

pub(crate) async fn sc_35_an_e_licence_stops_and_comes_back(setup: &Setup) {
    let driver = setup.driver(1).await;
    let holder = &driver.id;
    let current = setup.issued(holder).await;
    let (id, other) = (
        in_force(setup, holder).await,
        SanctionId::generate(holder.partition(), &mut setup.rng()),
    );
    let stop = async || {
        write(&setup.store, holder, async |tx, locked| {
            tx.stop_e_licence(locked, &current.e_licence.id, &id).await
        })
        .await
    };
    let restore = async |sanction: &SanctionId| {
        write(&setup.store, holder, async |tx, locked| {
            tx.restore_e_licence(locked, sanction).await
        })
        .await
        .unwrap()
    };
    let stage = async || {
        let current = setup.store.current_e_licence(holder).await.unwrap();
        current.unwrap().e_licence.stage
    };
    assert!(!restore(&id).await, "it was not stopped");
    stop().await.unwrap();
    assert_eq!(stage().await, e_licence::Stage::Stopped);
    assert_eq!(conflict(stop().await), Conflict::ELicenceState);
    assert!(!restore(&other).await, "another's sanction");
    assert!(restore(&id).await);
    assert_eq!(stage().await, e_licence::Stage::Active);

    // One that is superseded meanwhile does not come back.
    stop().await.unwrap();
    write(&setup.store, holder, async |tx, locked| {
        let superseded = e_licence::Stage::Superseded;
        tx.end_e_licence(locked, &current, superseded, "new-e-licence", after(300))
            .await
    })
    .await
    .unwrap();
    assert!(!restore(&id).await);
}

pub(crate) async fn r76_steps_are_kept_in_order_with_their_audit_rows(setup: &Setup) {
    let driver = setup.driver(1).await;
    let holder = &driver.id;
    let id = proposed(setup, holder).await;
    let kinds = [StepKind::Proposed, StepKind::Appealed, StepKind::Exported];
    for (kind, statement) in kinds
        .into_iter()
        .zip([Some("一句说明"), Some("two\nlines"), None])
    {
        let revision = setup.reread(holder).await.revision;
        let (mut tx, locked) = setup.store.begin(holder, revision).await.unwrap();
        let step = NewSanctionStep {
            id: SanctionStepId::generate(holder.partition(), &mut setup.rng()),
            sanction: &id,
            kind,
            actor: "stf_one".to_owned(),
            at: after(10),
            statement,
        };
        tx.add_sanction_step(&locked, &step).await.unwrap();
        let trail = entry("sanction.step")
            .about(holder)
            .with("step", kind.as_str());
        tx.commit(trail, Vec::new()).await.unwrap();
    }
    let steps = setup.store.sanction_steps(&id).await.unwrap();
    let written: Vec<_> = steps
        .iter()
        .map(|step| {
            (
                step.kind,
                step.statement.as_ref().map(|text| text.to_string()),
            )
        })
        .collect();
    assert_eq!(
        written,
        [
            (StepKind::Proposed, Some("一句说明".to_owned())),
            (StepKind::Appealed, Some("two\nlines".to_owned())),
            (StepKind::Exported, None),
        ]
    );
    let trail = whole_trail(&setup.store, holder.partition()).await;
    for step in &steps {
        let row = trail.iter().find(|row| row.seq == step.audit_seq).unwrap();
        assert_eq!(
            (&*row.act, &*row.subject),
            ("sanction.step", holder.as_str())
        );
        assert!(row.detail.contains(step.kind.as_str()), "{}", row.detail);
    }
}

/// SC-63: a statement put beside another step does not open.
pub(crate) async fn sc_63_a_swapped_statement_is_noticed(setup: &Setup) {
    let driver = setup.driver(1).await;
    let id = proposed(setup, &driver.id).await;
    let mut ids = Vec::new();
    for text in ["one", "two"] {
        let step = SanctionStepId::generate(driver.id.partition(), &mut setup.rng());
        write(&setup.store, &driver.id, async |tx, locked| {
            let step = NewSanctionStep {
                id: step.clone(),
                sanction: &id,
                kind: StepKind::Appealed,
                actor: "drv".to_owned(),
                at: after(10),
                statement: Some(text),
            };
            tx.add_sanction_step(locked, &step).await
        })
        .await
        .unwrap();
        ids.push(step);
    }
    let [one, two] = [&ids[0], &ids[1]];
    let swapped = format!(
        "UPDATE sanction_steps SET statement_sealed = \
         (SELECT statement_sealed FROM sanction_steps WHERE id = '{two}') WHERE id = '{one}'"
    );
    assert_eq!(setup.execute(&swapped).await, 1);
    let (table, column, row) = named(setup.store.sanction_steps(&id).await);
    assert_eq!((table, column), ("sanction_steps", "statement_sealed"));
    assert_eq!(row, one.as_str());
}

pub(crate) async fn sanctions_of_an_office_are_listed_by_stage(setup: &Setup) {
    let mut all = Vec::new();
    for n in 0..3 {
        let driver = setup.driver(n).await;
        all.push((driver.id.clone(), proposed(setup, &driver.id).await));
    }
    let (holder, declined) = &all[0];
    moved(setup, holder, declined, SanctionMove::Decline, "stf_two")
        .await
        .unwrap();
    let listed = async |office: &str, stages: &[Stage]| {
        let rows = setup.store.sanctions_of_office(office, stages, 10).await;
        let mut ids: Vec<_> = rows.unwrap().into_iter().map(|row| row.id).collect();
        ids.sort();
        ids
    };
    let mut open = vec![all[1].1.clone(), all[2].1.clone()];
    open.sort();
    assert_eq!(listed("1101", &[Stage::Proposed]).await, open);
    let one = listed("1101", &[Stage::Declined]).await;
    assert_eq!(one.as_slice(), std::slice::from_ref(declined));
    assert_eq!(listed("5101", Stage::ALL).await, []);
}

/// Two officers confirm at once, or one confirms while another declines: one counts.
pub(crate) async fn of_two_decisions_about_a_sanction_one_counts(setup: &Setup) {
    for n in 0..ROUNDS {
        let driver = setup.driver(n).await;
        let id = proposed(setup, &driver.id).await;
        let barrier = Arc::new(Barrier::new(3));
        let mut officers = Vec::new();
        for (who, confirms) in [("stf_two", true), ("stf_three", true), ("stf_four", false)] {
            let (store, holder, id) = (setup.store.clone(), driver.id.clone(), id.clone());
            let barrier = Arc::clone(&barrier);
            officers.push(tokio::spawn(async move {
                barrier.wait().await;
                loop {
                    let to = if confirms {
                        SanctionMove::Confirm { e_licence: None }
                    } else {
                        SanctionMove::Decline
                    };
                    let tried = write(&store, &holder, async |tx, locked| {
                        tx.move_sanction(locked, &id, to, (who, after(200))).await
                    })
                    .await;
                    if !matches!(tried, Err(StoreError::Conflict(Conflict::Revision))) {
                        return tried.map(|()| who);
                    }
                }
            }));
        }
        let mut won = Vec::new();
        for officer in officers {
            match officer.await.unwrap() {
                Ok(who) => won.push(who),
                Err(error) => assert_eq!(conflict::<()>(Err(error)), Conflict::SanctionState),
            }
        }
        let found = read(setup, &id).await;
        assert_eq!(won, [found.decided_by.unwrap()]);
    }
}

/// A lift is decided while an issue prepared before the sanction commits: either the sanction came
/// first and the issue is thrown away, or the issue came first and is stopped.
pub(crate) async fn sc_35_of_an_issue_and_a_sanction_at_once_none_slips_through(setup: &Setup) {
    for n in 0..ROUNDS {
        let driver: Driver = setup.driver(n).await;
        let application = setup.approved(&driver.id).await;
        let id = proposed(setup, &driver.id).await;
        let revision = setup.reread(&driver.id).await.revision;
        let place = setup
            .store
            .reserve_status_place(driver.id.partition())
            .await
            .unwrap();
        let new = new_e_licence(setup, &driver.id, &application, after(60));
        let credential = new_credential(setup, &new.id, place);
        let barrier = Arc::new(Barrier::new(2));
        let issuing = {
            let (store, holder, barrier) =
                (setup.store.clone(), driver.id.clone(), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                issue(&store, &holder, revision, &new, &credential).await
            })
        };
        let confirming = {
            let (store, holder, id) = (setup.store.clone(), driver.id.clone(), id.clone());
            tokio::spawn(async move {
                barrier.wait().await;
                let (mut tx, locked) = store.begin(&holder, revision).await?;
                let confirm = SanctionMove::Confirm { e_licence: None };
                tx.move_sanction(&locked, &id, confirm, ("stf_two", after(200)))
                    .await?;
                tx.commit(entry("sanction.confirmed").about(&holder), Vec::new())
                    .await
            })
        };
        let (issued, confirmed) = (issuing.await.unwrap(), confirming.await.unwrap());
        assert_ne!(
            issued.is_ok(),
            confirmed.is_ok(),
            "one of the two was prepared on what is over"
        );
        let loser = if issued.is_ok() { confirmed } else { issued };
        assert_eq!(conflict(loser), Conflict::Revision);
    }
}

/// The columns of a stage hold each other also past the store.
pub(crate) async fn r75_a_contradictory_sanction_cannot_be_written(setup: &Setup) {
    let driver = setup.driver(1).await;
    let id = proposed(setup, &driver.id).await;
    let mut raw = setup.raw().await;
    for set in [
        "stage = 'in-force'",
        "stage = 'in-force', decided_by = proposed_by, decided_at = 1",
        "decided_by = 'stf_two'",
        "appeal = 'open'",
        "stage = 'lifted', decided_by = 'stf_two', decided_at = 1, lift_by = 'stf_three', lift_at = 1, \
         lifted_by = 'stf_two', lifted_at = 1",
        "stage = 'lifted', decided_by = 'stf_two', decided_at = 1, lift_by = 'stf_three', lift_at = 1, \
         lifted_by = 'stf_three', lifted_at = 1",
    ] {
        let text = format!("UPDATE sanctions SET {set} WHERE id = '{id}'");
        let refused = sqlx::query(sqlx::AssertSqlSafe(text))
            .execute(&mut raw)
            .await;
        let error = refused.unwrap_err();
        assert!(
            error.as_database_error().unwrap().is_check_violation(),
            "{set}"
        );
    }
    // Stopped without a sanction is possible: an objection to the issue does that.
    let current = setup.issued(&driver.id).await;
    let text = format!(
        "UPDATE e_licences SET sanction_id = 'san_x' WHERE id = '{}'",
        current.e_licence.id
    );
    let refused = sqlx::query(sqlx::AssertSqlSafe(text))
        .execute(&mut raw)
        .await;
    let error = refused.unwrap_err();
    assert!(error.as_database_error().unwrap().is_check_violation());
}
