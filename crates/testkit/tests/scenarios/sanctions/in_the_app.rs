//! What a sanction does to applications in the app.

use authority::AutomaticIssue;
use serde_json::json;
use testkit::{app::App, people::BEIJING};

use super::{decided, lift_decided, proposal};
use crate::{
    applying::{applicant, sitter},
    on_both_engines,
    steps::codes,
};

on_both_engines!(
    sc_35_a_sanction_ends_what_was_begun_in_the_app_and_refuses_anew,
    sc_35_a_person_check_is_evidence_and_stands_in_the_case_file,
);

async fn sc_35_a_sanction_ends_what_was_begun_in_the_app_and_refuses_anew(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let one = applicant(&app, BEIJING, Some(&sitter(0))).await;
    let begun = one.ready("first").await;
    let mut request = proposal(BEIJING);
    request["evidence"] = json!([{"kind": "application", "id": begun["id"]}]);
    let officer = app.staff("reviewer-1101").await;
    let made = officer.post("/admin/sanctions", &request).await.expect(201);
    let id = made["sanction"]["id"].as_str().unwrap();
    let second = app.staff("both-1101").await;
    let challenge = one.open(&begun).await;
    let path = format!("/admin/sanctions/{id}/decision");
    decided(&second, &path, "confirm").await.done();

    let ended = one.seen(&begun).await;
    assert_eq!(ended["stage"], "rejected");
    assert_eq!(codes(&ended["reasons"]), ["sanctioned"]);
    assert_eq!(ended["reasons"][0]["rule"], "R75");
    // The check that was open leads nowhere.
    let frames = crate::applying::frames_of(&sitter(0), &challenge, 0);
    let late = one.answer(&app, &begun, &challenge, &frames).await;
    assert_eq!(late.status, 409, "{}", late.text());
    let refused = one.try_begin("first", "on-file").await;
    let reasons = refused.problem(409, "not-eligible");
    assert_eq!(reasons, ["sanctioned"]);

    lift_decided(&app, BEIJING, id, "confirm").await;
    one.issued(&app, BEIJING).await;
}

/// Another person answered: the attempt is evidence.
async fn sc_35_a_person_check_is_evidence_and_stands_in_the_case_file(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let one = applicant(&app, BEIJING, Some(&sitter(0))).await;
    let begun = one.ready("first").await;
    let challenge = one.open(&begun).await;
    let frames = crate::applying::frames_of(&sitter(1), &challenge, 0);
    one.answer(&app, &begun, &challenge, &frames).await;
    let officer = app.staff("reviewer-1101").await;
    let path = format!(
        "/review/applications/{}/sanction",
        begun["id"].as_str().unwrap()
    );
    let request = json!({"grounds": ["impersonation"], "statement": "他人代为认证"});
    let made = officer.post(&path, &request).await.expect(201);
    let kinds: Vec<_> = made["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["kind"])
        .collect();
    assert_eq!(kinds, ["application", "photo", "person-check"]);
    let id = made["sanction"]["id"].as_str().unwrap();
    let second = app.staff("both-1101").await;
    let path = format!("/admin/sanctions/{id}");
    decided(&second, &format!("{path}/decision"), "confirm")
        .await
        .done();
    let file = second.post(&format!("{path}/case-files"), &json!({})).await;
    assert_eq!(file.status, 200, "{}", file.text());
    let text = String::from_utf8_lossy(&file.body);
    for part in [
        "\"outcome\": \"reject\"",
        "\"profile\": \"on-file\"",
        "\"method\": \"frames\"",
    ] {
        assert!(text.contains(part), "{part}");
    }
}
