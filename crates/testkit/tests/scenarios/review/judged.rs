//! What the machine says stands beside the photo, and decides nothing (SC-33).

use authority::AutomaticIssue;
use serde_json::{Value, json};
use testkit::{
    app::App,
    client::Client,
    people::{BEIJING, data_url, record, with},
};

use crate::{
    applying::{applicant, on_file, sitter},
    on_both_engines,
    steps::{counter_application, deliver, told},
};

on_both_engines!(
    sc_33_at_the_counter_both_matchers_compare_with_the_photo_on_file,
    sc_33_nobody_approves_against_the_matchers_unseen,
    sc_33_the_person_check_stands_beside_a_photo_on_file,
    r36_an_automatic_issue_can_be_sampled,
);

/// An officer applies for a driver with this photo on file, with that one taken.
async fn at_counter(app: &App, filed: Value, taken: &[u8]) -> String {
    deliver(app, &[with(record(BEIJING), filed)]).await;
    let officer = app.staff("counter-1101").await;
    let application = with(
        counter_application(BEIJING),
        json!({"photo": data_url(taken)}),
    );
    let made = officer.post("/counter/applications", &application).await;
    made.done()["id"].as_str().unwrap().to_owned()
}

async fn claimed(app: &App) -> (Client, Value) {
    let reviewer = app.staff("reviewer-1101").await;
    let case = reviewer.post("/review/claims", &json!({})).await.done();
    (reviewer, case)
}

async fn sc_33_at_the_counter_both_matchers_compare_with_the_photo_on_file(app: App) {
    let app = app.with_faces(AutomaticIssue::Off).await;
    let who = sitter(0);
    let taken = who.studio().photo(1).unwrap();
    let application = at_counter(&app, on_file(&who), &taken).await;
    let (reviewer, case) = claimed(&app).await;
    let compared = &case["comparison"];
    assert_eq!(compared["outcome"], "match", "{compared}");
    assert!(compared["distance"].is_number() && compared["similarity"].is_number());
    assert_eq!(compared["without_face"], json!([]));
    // One finding for each rule R56 to R74; what is broken would be named by a rejection.
    assert_eq!(case["findings"].as_array().unwrap().len(), 19);
    let findings = case["findings"].as_array().unwrap().iter();
    let broken: Vec<&str> = findings
        .filter(|finding| finding["verdict"] == "fail")
        .map(|finding| finding["rule"].as_str().unwrap())
        .collect();
    assert_eq!(case["suggested"], json!(broken));
    // It is found once, and kept.
    let again = reviewer
        .post(
            &format!("/review/applications/{application}/claim"),
            &json!({}),
        )
        .await
        .done();
    assert_eq!(again["comparison"], case["comparison"]);
    assert_eq!(again["findings"], case["findings"]);
    let path = format!("/review/applications/{application}/decision");
    let approve = json!({"decision": "approve"});
    assert_eq!(
        reviewer.post(&path, &approve).await.done()["stage"],
        "issued"
    );
}

async fn sc_33_nobody_approves_against_the_matchers_unseen(app: App) {
    let app = app.with_faces(AutomaticIssue::Off).await;
    let other = sitter(1).studio().photo(0).unwrap();
    let application = at_counter(&app, on_file(&sitter(0)), &other).await;
    let (reviewer, case) = claimed(&app).await;
    assert_eq!(case["comparison"]["outcome"], "reject", "{case}");
    let path = format!("/review/applications/{application}/decision");
    let approve =
        |acknowledged: Value| json!({"decision": "approve", "acknowledged": acknowledged});
    reviewer
        .post(&path, &approve(json!([])))
        .await
        .problem(409, "acknowledge-first");
    reviewer
        .post(&path, &approve(json!(["whatever"])))
        .await
        .problem(422, "invalid-request");
    let issued = reviewer
        .post(&path, &approve(json!(["another-person"])))
        .await
        .done();
    assert_eq!(issued["stage"], "issued");
}

async fn sc_33_the_person_check_stands_beside_a_photo_on_file(app: App) {
    let app = app.with_faces(AutomaticIssue::Off).await;
    let who = sitter(0);
    let applicant = applicant(&app, BEIJING, Some(&who)).await;
    let submitted = applicant.applied(&app, "first", &who).await.done();
    assert_eq!(submitted["stage"], "under-review");
    let (reviewer, case) = claimed(&app).await;
    assert_eq!(case["person_check"]["outcome"], "match", "{case}");
    // The photo is the one on file: there is nothing to compare it with.
    assert_eq!(case["comparison"], Value::Null);
    assert!(!case["findings"].as_array().unwrap().is_empty());
    let id = case["application"]["id"].as_str().unwrap();
    let photo = reviewer
        .get(&format!("/review/applications/{id}/photo"))
        .await;
    assert_eq!(photo.body, who.studio().photo(0).unwrap());
}

/// What was issued by itself comes to an officer afterwards.
async fn r36_an_automatic_issue_can_be_sampled(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let app = app.with_every_issue_sampled().await;
    let who = sitter(0);
    let applicant = applicant(&app, BEIJING, Some(&who)).await;
    let issued = applicant.applied(&app, "first", &who).await.done();
    assert_eq!(issued["stage"], "issued");
    let (reviewer, case) = claimed(&app).await;
    assert_eq!(case["kind"], "sample");
    assert_eq!(case["person_check"]["outcome"], "match");
    let id = case["application"]["id"].as_str().unwrap();
    let path = format!("/review/applications/{id}/sample-decision");
    let object = json!({"decision": "object", "reasons": ["identity"]});
    let done = reviewer.post(&path, &object).await.done();
    assert_eq!(done["state"], "objected");
    let inbox = applicant.driver.get("/holder/notifications").await.done();
    assert!(told(&inbox, "e-licence-stopped"), "{inbox}");
    // An approval by an officer is no automatic issue.
    let second = app.staff("both-1101").await;
    let queue = second.get("/review/queue").await.done();
    assert_eq!(queue[0]["kind"], "objection");
    assert_eq!(queue.as_array().unwrap().len(), 1);
}
