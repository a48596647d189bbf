//! Another photo (R32, R86), another edition (R88-R90), another photo on file.

use authority::AutomaticIssue;
use jiff::SignedDuration;
use serde_json::json;
use testkit::{
    app::App,
    people::{BEIJING, data_url, record, with},
};

use super::{Applicant, applicant, mirrored, on_file, sitter};
use crate::{
    binding::bind,
    on_both_engines,
    steps::{activate, decide, deliver, issue, told},
};

on_both_engines!(
    sc_14_a_photo_may_be_changed_at_once_or_after_six_months,
    sc_15_a_new_edition_takes_two_taps_and_one_person_check,
    a_photo_on_file_that_was_replaced_lately_goes_to_an_officer,
);

/// SC-14 (R32, R86).
async fn sc_14_a_photo_may_be_changed_at_once_or_after_six_months(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let who = sitter(0);
    let one = applicant(&app, BEIJING, Some(&who)).await;
    let issued = one.applied(&app, "first", &who).await.done();
    let refused = one.try_begin("photo-change", "on-file").await;
    refused.problem(409, "wrong-kind");
    // Where the device presents, its binding's key signs.
    let bound = bind(&one.driver, 5).await;
    let change = one.begin("photo-change", "camera").await;
    one.read_rules(&change).await;
    let photo = mirrored(&who).studio().photo(0).unwrap();
    let refused = one.try_photo(&change, &photo).await;
    refused.problem(403, "bound-key-required");
    one.withdraw(&change).await.done();
    let one = Applicant {
        driver: one.driver,
        device: bound,
    };
    let way = ("photo-change", "camera");
    let changed = one.submitted(&app, way, &mirrored(&who)).await;
    assert_eq!(changed["stage"], "under-review", "always reviewed");
    let id = changed["id"].as_str().unwrap();
    let approve = json!({"decision": "approve"});
    decide(&app, "1101", id, &approve).await.done();
    let newer = one.seen(&changed).await;
    assert_ne!(newer["e_licence"], issued["e_licence"]);

    // One from a submitted photo, five months old.
    let other = testkit::people::CHENGDU;
    issue(&app, other).await;
    app.clock.advance(SignedDuration::from_hours(24 * 150));
    let two = Applicant::with(activate(&app, other).await);
    let refused = two.try_begin("photo-change", "camera").await;
    let text = refused.text();
    refused.problem(409, "photo-change-later");
    assert!(text.contains("2025-03-02"), "{text}");
    app.clock.advance(SignedDuration::from_hours(24 * 31));
    let two = Applicant::with(activate(&app, other).await);
    assert_eq!(two.begin("photo-change", "album").await["stage"], "draft");
}

/// SC-15 (R88-R90).
async fn sc_15_a_new_edition_takes_two_taps_and_one_person_check(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let who = sitter(0);
    let driver = applicant(&app, BEIJING, Some(&who)).await;
    let first = driver.applied(&app, "first", &who).await.done();
    let edition = json!({"classes": ["A2", "C1"], "document_edition": 2, "version": 2});
    let photo = on_file(&who);
    deliver(&app, &[with(with(record(BEIJING), photo), edition)]).await;
    let pages = driver.driver.get("/holder/e-licence").await.done();
    assert_eq!(pages["stage"], "superseded", "{pages}");
    let inbox = driver.driver.get("/holder/notifications").await.done();
    assert!(told(&inbox, "e-licence-superseded"), "{inbox}");

    // The first tap begins and confirms what is shown; the consent of before stands.
    let again = driver.begin("reapplication", "on-file").await;
    let confirmed = driver.confirm(&again).await;
    assert_eq!(super::next(&confirmed), "person-check");
    let challenge = driver.open(&again).await;
    let frames = super::frames_of(&who, &challenge, 0);
    driver
        .answer(&app, &again, &challenge, &frames)
        .await
        .done();
    // The second submits.
    let issued = driver.submit(&again).await.done();
    assert_eq!(issued["stage"], "issued");
    assert_ne!(issued["e_licence"], first["e_licence"]);
    let pages = driver.driver.get("/holder/e-licence").await.done();
    assert_eq!(pages["main_page"]["classes"], json!(["A2", "C1"]));
}

async fn a_photo_on_file_that_was_replaced_lately_goes_to_an_officer(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let who = sitter(0);
    let driver = applicant(&app, BEIJING, Some(&sitter(1))).await;
    let photo = json!({"photo": data_url(&who.studio().photo(0).unwrap()), "version": 2});
    app.clock.advance(SignedDuration::from_hours(1));
    deliver(&app, &[with(record(BEIJING), photo)]).await;
    let driver = Applicant::with(super::signed_in(&driver.driver, BEIJING).await);
    let submitted = driver.applied(&app, "first", &who).await.done();
    assert_eq!(submitted["stage"], "under-review", "{submitted}");
    // The photo on file changes once more before the officer looks: the application keeps its own.
    let id = submitted["id"].as_str().unwrap();
    let approve = json!({"decision": "approve"});
    decide(&app, "1101", id, &approve).await.done();
    assert_eq!(driver.seen(&submitted).await["stage"], "issued");
}
