//! The order of the steps, giving up, and going on elsewhere.

use authority::AutomaticIssue;
use jiff::SignedDuration;
use serde_json::json;
use testkit::{
    app::App,
    people::{BEIJING, record, with},
};

use super::{Applicant, applicant, next, path, sitter};
use crate::{
    on_both_engines,
    steps::{activate, deliver, issue, told},
};

on_both_engines!(
    each_step_has_its_place,
    an_application_is_begun_once,
    an_application_goes_on_at_another_device,
    what_nobody_goes_on_with_ends_and_its_photo_goes,
    sc_34_a_record_that_blocks_stops_the_issue_without_an_officer_too,
    without_models_the_counter_is_the_way,
);

async fn each_step_has_its_place(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let who = sitter(0);
    let applicant = applicant(&app, BEIJING, Some(&who)).await;
    for kind in ["photo-change", "reapplication"] {
        let refused = applicant.try_begin(kind, "camera").await;
        assert_eq!(refused.problem(409, "wrong-kind"), ["first"]);
    }
    let application = applicant.begin("first", "on-file").await;
    // The photo on file is nobody's to submit.
    let photo = who.studio().photo(0).unwrap();
    let refused = applicant.try_photo(&application, &photo).await;
    refused.problem(409, "not-in-this-state");
    let read = json!({"version": "2021-09"});
    let refused = applicant.put(&application, "photo-rules", &read).await;
    refused.problem(409, "not-in-this-state");
    let other = json!({"photo": "pho_00000000000000000000000000000000"});
    let refused = applicant.put(&application, "confirmation", &other).await;
    refused.problem(404, "not-found");
    applicant.checked(&app, &application, &who).await;
    let refused = applicant.try_open(&application).await;
    refused.problem(409, "not-in-this-state");
    applicant.submit(&application).await.done();
    let refused = applicant.submit(&application).await;
    refused.problem(409, "not-in-this-state");
    let refused = applicant.withdraw(&application).await;
    refused.problem(409, "not-in-this-state");
}

async fn an_application_is_begun_once(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let applicant = applicant(&app, BEIJING, None).await;
    let begin = json!({"kind": "first", "photo_source": "camera"});
    let path = "/holder/applications";
    let one = applicant.driver.post_once(path, &begin, "k").await;
    let one = one.expect(201);
    let again = applicant.driver.post_once(path, &begin, "k").await;
    assert_eq!(again.expect(201)["id"], one["id"]);
    let refused = applicant.driver.post(path, &begin).await;
    let reasons = refused.problem(409, "not-eligible");
    assert_eq!(reasons, ["application-open"]);
    let other = json!({"kind": "first", "photo_source": "album"});
    let refused = applicant.driver.post_once(path, &other, "k").await;
    refused.problem(409, "idempotency-key-reused");
    for bad in [
        json!({"kind": "first", "photo_source": "counter"}),
        json!({"kind": "second", "photo_source": "camera"}),
        json!({"kind": "first"}),
    ] {
        let refused = applicant.driver.post(path, &bad).await;
        refused.problem(422, "invalid-request");
    }
    assert_eq!(applicant.withdraw(&one).await.done()["stage"], "withdrawn");
    applicant.begin("first", "camera").await;
}

/// The state is on the server; only the person check belongs to the device that began it.
async fn an_application_goes_on_at_another_device(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let who = sitter(0);
    let applicant = applicant(&app, BEIJING, Some(&who)).await;
    let application = applicant.ready("first").await;
    let here = applicant.open(&application).await;
    let frames = super::frames_of(&who, &here, 0);
    let there = Applicant::with(activate(&app, BEIJING).await);
    assert_eq!(next(&there.seen(&application).await), "person-check");
    let refused = there.answer(&app, &application, &here, &frames).await;
    refused.problem(404, "not-found");
    there.checked(&app, &application, &who).await;
    let refused = applicant.answer(&app, &application, &here, &frames).await;
    refused.problem(409, "person-check-over");
    let issued = there.submit(&application).await.done();
    assert_eq!(issued["stage"], "issued");
}

/// What was never submitted is erased with its application; what waits for an officer is not.
async fn what_nobody_goes_on_with_ends_and_its_photo_goes(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let who = sitter(0);
    let applicant = applicant(&app, BEIJING, None).await;
    let store = app.authority.store();
    let begun = applicant.begin("first", "album").await;
    applicant.read_rules(&begun).await;
    let photo = who.studio().photo(0).unwrap();
    let taken = applicant.try_photo(&begun, &photo).await.done();
    let kept = |seen: &serde_json::Value| {
        storage::PhotoId::parse(seen["progress"]["photo"].as_str().unwrap()).unwrap()
    };
    let first = kept(&taken);
    // Another in its place: the first was never seen by anybody.
    let other = super::mirrored(&who).studio().photo(0).unwrap();
    let taken = applicant.try_photo(&begun, &other).await.done();
    let second = kept(&taken);
    assert!(store.photo(&first).await.unwrap().is_none());
    let row = store.photo(&second).await.unwrap().unwrap();
    assert!(store.photo_bytes(&row.holder, &first).await.is_err());
    app.clock.advance(SignedDuration::from_hours(31 * 24));
    let mut act = app.act();
    assert_eq!(app.authority.lapse_applications(&mut act).await.unwrap(), 1);
    assert_eq!(app.authority.lapse_applications(&mut act).await.unwrap(), 0);
    assert!(store.photo(&second).await.unwrap().is_none());
    assert!(store.photo_bytes(&row.holder, &second).await.is_err());
    assert!(store.photo_findings(&second).await.unwrap().is_none());

    let applicant = Applicant::with(super::signed_in(&applicant.driver, BEIJING).await);
    assert_eq!(applicant.seen(&begun).await["stage"], "withdrawn");
    let submitted = applicant.submitted(&app, ("first", "album"), &who).await;
    let withdrawn = applicant.withdraw(&submitted).await.done();
    assert_eq!(withdrawn["stage"], "withdrawn");
    let third = kept(&submitted);
    assert!(store.photo(&third).await.unwrap().is_some());
    let reviewer = app.staff("reviewer-1101").await;
    let queue = reviewer.get("/review/queue").await.done();
    assert_eq!(queue, json!([]));
}

/// SC-34 without an officer: eligibility is asked again at issue.
async fn sc_34_a_record_that_blocks_stops_the_issue_without_an_officer_too(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let who = sitter(0);
    let applicant = applicant(&app, BEIJING, Some(&who)).await;
    let application = applicant.begin("first", "on-file").await;
    applicant.checked(&app, &application, &who).await;
    let withheld = json!({"status": ["U"], "withheld": true, "version": 2});
    let photo = super::on_file(&who);
    deliver(&app, &[with(with(record(BEIJING), photo), withheld)]).await;
    let refused = applicant.submit(&application).await;
    let reasons = refused.problem(409, "issue-blocked");
    assert!(reasons.contains(&"withheld".to_owned()), "{reasons:?}");
    assert_eq!(applicant.seen(&application).await["stage"], "rejected");
    let inbox = applicant.driver.get("/holder/notifications").await.done();
    assert!(told(&inbox, "issue-blocked"), "{inbox}");
    // It was no review: it does not count towards the three.
    assert_eq!(
        applicant.seen(&application).await["progress"]["rejections"],
        0
    );
}

/// The counter goes on without findings.
async fn without_models_the_counter_is_the_way(app: App) {
    deliver(&app, &[record(BEIJING)]).await;
    let applicant = Applicant::new(&app, BEIJING).await;
    let refused = applicant.try_begin("first", "camera").await;
    refused.problem(503, "photos-not-judged");
    let refused = applicant.driver.get("/holder/photo-on-file").await;
    refused.problem(503, "photos-not-judged");
    let gone = json!({"id": "app_00000000000000000000000000000000"});
    let unknown = applicant.driver.get(&path(&gone, "photo")).await;
    unknown.problem(404, "not-found");
    issue(&app, BEIJING).await;
}
