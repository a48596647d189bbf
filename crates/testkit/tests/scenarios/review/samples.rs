//! Samples of automatic issues, looked at by an officer afterwards (抽查).

use serde_json::{Value, json};
use storage::{ApplicationId, CaseKind, NewIssueSample, outbox::Event};
use testkit::{app::App, client::Client, people::BEIJING};

use crate::{
    on_both_engines,
    steps::{activate, check, issue, numeric_code, told},
};

on_both_engines!(
    r36_a_sample_that_is_confirmed_changes_nothing,
    r36_an_objection_stops_at_once_and_a_second_officer_lifts_it,
    r36_an_objection_that_holds_revokes,
    r36_a_sample_needs_a_claim_reasons_and_its_own_decisions,
);

/// A licence whose issue was taken as a sample.
pub(crate) async fn sampled(app: &App, number: &str) -> (String, Client) {
    let issued = issue(app, number).await;
    let application = ApplicationId::parse(issued["id"].as_str().unwrap()).unwrap();
    let store = app.authority.store();
    let row = store.application(&application).await.unwrap().unwrap();
    let driver = store.driver(&row.holder).await.unwrap().unwrap();
    let sample = NewIssueSample {
        application: application.clone(),
        e_licence: row.e_licence.clone().unwrap(),
        office: row.office.clone(),
        taken_at: app.clock.now(),
    };
    let event = Event::ReviewCaseChanged {
        holder: row.holder.clone(),
        application: application.clone(),
        kind: CaseKind::Sample.as_str().to_owned(),
        office: row.office.clone(),
        since: app.clock.now(),
        due_at: None,
        not_by: None,
        open: true,
    };
    let (mut tx, locked) = store.begin(&driver.id, driver.revision).await.unwrap();
    tx.insert_issue_sample(&locked, &sample).await.unwrap();
    let entry = app.act().entry("test.sampled").about(&driver.id);
    tx.commit(entry, vec![event]).await.unwrap();
    app.authority.follow().await.unwrap();
    (application.to_string(), activate(app, number).await)
}

async fn claimed(app: &App, login: &str, kind: &str) -> (Client, Value) {
    let officer = app.staff(login).await;
    let case = officer.post("/review/claims", &json!({})).await.done();
    assert_eq!(case["kind"], kind);
    (officer, case)
}

pub(crate) fn decision(application: &str) -> String {
    format!("/review/applications/{application}/sample-decision")
}

async fn stage(driver: &Client) -> String {
    let pages = driver.get("/holder/e-licence").await.done();
    pages["stage"].as_str().unwrap().to_owned()
}

async fn r36_a_sample_that_is_confirmed_changes_nothing(app: App) {
    let (application, driver) = sampled(&app, BEIJING).await;
    let (officer, case) = claimed(&app, "reviewer-1101", "sample").await;
    assert_eq!(case["blocking"], json!([]));
    assert_eq!(case["application"]["stage"], "issued");
    let photo = format!("/review/applications/{application}/photo");
    assert_eq!(officer.get(&photo).await.status, 200);
    let path = decision(&application);
    let done = officer
        .post(&path, &json!({"decision": "confirm"}))
        .await
        .done();
    assert_eq!(done["state"], "confirmed");
    assert_eq!(stage(&driver).await, "active");
    assert_eq!(officer.get("/review/queue").await.done(), json!([]));
    officer
        .post(&path, &json!({"decision": "object", "reasons": ["R56"]}))
        .await
        .problem(409, "claim-first");
}

async fn r36_an_objection_stops_at_once_and_a_second_officer_lifts_it(app: App) {
    let (application, driver) = sampled(&app, BEIJING).await;
    let code = numeric_code(&driver).await;
    let (first, _) = claimed(&app, "reviewer-1101", "sample").await;
    let object = json!({"decision": "object", "reasons": ["R73"]});
    let done = first.post(&decision(&application), &object).await.done();
    assert_eq!(done["state"], "objected");
    assert_eq!(stage(&driver).await, "stopped");
    let police = app.staff("police").await;
    let seen = police.post("/verifications", &check(&code)).await.done();
    assert_eq!(seen["e_licence"]["stage"], "stopped", "{seen}");
    assert_ne!(seen["status"]["value"], "valid", "{seen}");
    let inbox = driver.get("/holder/notifications").await.done();
    assert!(told(&inbox, "e-licence-stopped"), "{inbox}");
    // Not whoever objected.
    let claim = format!("/review/applications/{application}/claim");
    first
        .post(&claim, &json!({}))
        .await
        .problem(403, "same-reviewer");
    first
        .post(&decision(&application), &json!({"decision": "lift"}))
        .await
        .problem(403, "same-reviewer");
    let (second, case) = claimed(&app, "both-1101", "objection").await;
    assert_eq!(case["objection"][0]["code"], "R73");
    second
        .post(&decision(&application), &json!({"decision": "confirm"}))
        .await
        .problem(409, "not-in-this-state");
    let done = second
        .post(&decision(&application), &json!({"decision": "lift"}))
        .await
        .done();
    assert_eq!(done["state"], "lifted");
    assert_eq!(stage(&driver).await, "active");
    let code = numeric_code(&driver).await;
    let seen = police.post("/verifications", &check(&code)).await.done();
    assert_eq!(seen["status"]["value"], "valid", "{seen}");
    let inbox = driver.get("/holder/notifications").await.done();
    assert!(told(&inbox, "e-licence-restored"), "{inbox}");
}

async fn r36_an_objection_that_holds_revokes(app: App) {
    let (application, driver) = sampled(&app, BEIJING).await;
    let (first, _) = claimed(&app, "reviewer-1101", "sample").await;
    let object = json!({"decision": "object", "reasons": ["identity"]});
    first.post(&decision(&application), &object).await.done();
    let (second, _) = claimed(&app, "both-1101", "objection").await;
    let done = second
        .post(&decision(&application), &json!({"decision": "revoke"}))
        .await
        .done();
    assert_eq!(done["state"], "revoked");
    assert_eq!(stage(&driver).await, "revoked");
    driver
        .post("/holder/e-licence/codes", &json!({"kind": "numeric"}))
        .await
        .problem(404, "no-e-licence");
    let inbox = driver.get("/holder/notifications").await.done();
    assert!(told(&inbox, "e-licence-revoked"), "{inbox}");
}

async fn r36_a_sample_needs_a_claim_reasons_and_its_own_decisions(app: App) {
    let (application, driver) = sampled(&app, BEIJING).await;
    let officer = app.staff("reviewer-1101").await;
    let path = decision(&application);
    officer
        .post(&path, &json!({"decision": "confirm"}))
        .await
        .problem(409, "claim-first");
    officer.post("/review/claims", &json!({})).await.done();
    for reasons in [json!([]), json!(["withheld"])] {
        officer
            .post(&path, &json!({"decision": "object", "reasons": reasons}))
            .await
            .problem(422, "reasons-missing");
    }
    for other in ["lift", "revoke"] {
        officer
            .post(&path, &json!({"decision": other}))
            .await
            .problem(409, "not-in-this-state");
    }
    // The decision on applications is none on samples.
    officer
        .post(
            &format!("/review/applications/{application}/decision"),
            &json!({"decision": "reject", "reasons": ["R56"]}),
        )
        .await
        .problem(409, "not-in-this-state");
    assert_eq!(stage(&driver).await, "active");
}
