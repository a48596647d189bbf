//! The review by another officer.

mod appeals;
mod duplicates;
mod forecast;
mod judged;
mod lending;
mod queue;
pub(crate) mod samples;

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::json;
use testkit::{
    app::App,
    people::{BEIJING, data_url, photo, record, with},
};

use crate::{
    on_both_engines,
    steps::{activate, apply, codes, decide, deliver},
};

on_both_engines!(
    sc_33_the_reviewer_sees_both_photos_and_decides_with_reasons,
    sc_34_a_record_that_blocks_at_issue_refuses_the_licence,
    sc_32_a_claim_is_one_reviewers_and_ends_by_itself,
    sc_06_a_case_is_due_at_the_end_of_the_next_working_day,
    two_reviewers_approve_at_once_and_one_licence_exists,
    what_was_approved_and_left_behind_is_issued_by_the_job,
);

/// SC-33, R92.
async fn sc_33_the_reviewer_sees_both_photos_and_decides_with_reasons(app: App) {
    let on_file = json!({"photo": data_url(&photo(90))});
    deliver(&app, &[with(record(BEIJING), on_file)]).await;
    let application = apply(&app, BEIJING).await;
    let reviewer = app.staff("reviewer-1101").await;
    let queue = reviewer.get("/review/queue").await.done();
    assert_eq!(queue[0]["application"], application);
    let path = format!("/review/applications/{application}");
    // Nothing is seen or decided before the claim.
    reviewer
        .get(&format!("{path}/photo"))
        .await
        .problem(409, "claim-first");
    reviewer
        .post(&format!("{path}/decision"), &json!({"decision": "approve"}))
        .await
        .problem(409, "claim-first");
    let case = reviewer
        .post(&format!("{path}/claim"), &json!({}))
        .await
        .done();
    assert_eq!(case["record"]["licence_number"], BEIJING);
    assert_eq!(case["identity"]["method"], "id-card-reader");
    assert_eq!(case["has_photo_on_file"], true);
    assert_eq!(case["blocking"], json!([]));
    let new = reviewer.get(&format!("{path}/photo")).await;
    let old = reviewer.get(&format!("{path}/photo-on-file")).await;
    assert_eq!(new.body, photo(40));
    assert_eq!(old.body, photo(90));

    let decision = format!("{path}/decision");
    for bad in [json!([]), json!(["R25"]), json!(["anything"])] {
        reviewer
            .post(&decision, &json!({"decision": "reject", "reasons": bad}))
            .await
            .problem(422, "reasons-missing");
    }
    let reject = json!({"decision": "reject", "reasons": ["R56", "R66"]});
    let rejected = reviewer.post(&decision, &reject).await.done();
    assert_eq!(rejected["stage"], "rejected");
    let driver = activate(&app, BEIJING).await;
    let seen = driver
        .get(&format!("/holder/applications/{application}"))
        .await
        .done();
    assert_eq!(codes(&seen["reasons"]), ["R56", "R66"]);
    assert_eq!(seen["reasons"][0]["zh"], "背景不是白色");
    assert!(
        seen["reasons"][0]["clears_zh"]
            .as_str()
            .unwrap()
            .contains("白色")
    );
    let inbox = driver.get("/holder/notifications").await.done();
    assert!(
        crate::steps::told(&inbox, "application-rejected"),
        "{inbox}"
    );
}

async fn sc_34_a_record_that_blocks_at_issue_refuses_the_licence(app: App) {
    deliver(&app, &[record(BEIJING)]).await;
    let application = apply(&app, BEIJING).await;
    let withheld = json!({"status": ["U"], "withheld": true, "version": 2});
    deliver(&app, &[with(record(BEIJING), withheld)]).await;
    let refused = decide(&app, "1101", &application, &json!({"decision": "approve"})).await;
    let reasons = refused.problem(409, "issue-refused");
    assert!(reasons.contains(&"withheld".to_owned()), "{reasons:?}");

    let driver = activate(&app, BEIJING).await;
    driver
        .get("/holder/e-licence")
        .await
        .problem(404, "no-e-licence");
    let seen = driver
        .get(&format!("/holder/applications/{application}"))
        .await
        .done();
    assert_eq!(seen["stage"], "rejected");
    assert!(codes(&seen["reasons"]).contains(&"withheld"));
    let inbox = driver.get("/holder/notifications").await.done();
    assert!(crate::steps::told(&inbox, "issue-refused"), "{inbox}");
}

async fn sc_32_a_claim_is_one_reviewers_and_ends_by_itself(app: App) {
    deliver(&app, &[record(BEIJING)]).await;
    let application = apply(&app, BEIJING).await;
    let claim = format!("/review/applications/{application}/claim");
    let (one, two) = (
        app.staff("reviewer-1101").await,
        app.staff("both-1101").await,
    );
    let (a, b) = (json!({}), json!({}));
    let (first, second) = tokio::join!(one.post(&claim, &a), two.post(&claim, &b));
    let mut answers = [first.status, second.status];
    answers.sort_unstable();
    assert_eq!(answers, [200, 409]);
    let (holder, other) = if first.status == 200 {
        (one, two)
    } else {
        (two, one)
    };
    other
        .post(&claim, &json!({}))
        .await
        .problem(409, "claimed-by-another");
    app.clock.advance(SignedDuration::from_mins(15));
    other.post(&claim, &json!({})).await.done();
    holder
        .post(
            &format!("/review/applications/{application}/decision"),
            &json!({"decision": "approve"}),
        )
        .await
        .problem(409, "claim-first");
}

/// R42, SC-06 for an application at the counter.
async fn sc_06_a_case_is_due_at_the_end_of_the_next_working_day(app: App) {
    app.clock.set(testkit::clock::friday_before_make_up_day());
    deliver(&app, &[record(BEIJING)]).await;
    apply(&app, BEIJING).await;
    let reviewer = app.staff("reviewer-1101").await;
    let queue = reviewer.get("/review/queue").await.done();
    assert_eq!(queue[0]["due_at"], "2024-09-14T15:59:59Z");
    assert_eq!(queue[0]["overdue"], false);
}

async fn two_reviewers_approve_at_once_and_one_licence_exists(app: App) {
    deliver(&app, &[record(BEIJING)]).await;
    let application = apply(&app, BEIJING).await;
    let path = format!("/review/applications/{application}");
    let reviewer = Arc::new(app.staff("reviewer-1101").await);
    reviewer
        .post(&format!("{path}/claim"), &json!({}))
        .await
        .done();
    let decisions: Vec<_> = (0..6)
        .map(|_| {
            let (reviewer, path) = (reviewer.clone(), format!("{path}/decision"));
            tokio::spawn(async move {
                let approve = json!({"decision": "approve"});
                reviewer.post(&path, &approve).await.status
            })
        })
        .collect();
    let mut won = 0;
    for decision in decisions {
        match decision.await.unwrap() {
            200 => won += 1,
            409 => {}
            other => panic!("{other}"),
        }
    }
    assert_eq!(won, 1);
    let driver = activate(&app, BEIJING).await;
    let applications = driver.get("/holder/applications").await.done();
    assert_eq!(applications.as_array().unwrap().len(), 1);
    assert_eq!(applications[0]["stage"], "issued");
}

/// The approval is committed, the issue is not: as after a crash between the two.
async fn what_was_approved_and_left_behind_is_issued_by_the_job(app: App) {
    deliver(&app, &[record(BEIJING)]).await;
    let application = apply(&app, BEIJING).await;
    let store = app.authority.store();
    let id = storage::ApplicationId::parse(&application).unwrap();
    let row = store.application(&id).await.unwrap().unwrap();
    let driver = store.driver(&row.holder).await.unwrap().unwrap();
    let (mut tx, locked) = store.begin(&driver.id, driver.revision).await.unwrap();
    tx.approve_application(&locked, &id, "stf_test", app.clock.now())
        .await
        .unwrap();
    tx.commit(app.act().entry("review.decided"), Vec::new())
        .await
        .unwrap();
    assert_eq!(
        app.authority.finish_approved(&mut app.act()).await.unwrap(),
        0
    );
    app.clock.advance(SignedDuration::from_secs(31));
    assert_eq!(
        app.authority.finish_approved(&mut app.act()).await.unwrap(),
        1
    );
    let driver = activate(&app, BEIJING).await;
    driver.get("/holder/e-licence").await.done();
}
