//! The person check: whose frames, for what, in time, and on whose word.

use std::{future::Future, pin::Pin, sync::Arc};

use authority::{
    AutomaticIssue,
    identity::{IdentityClaim, IdentityService, NotAsked, Proved},
};
use jiazhao::demo::device::Device;
use jiff::SignedDuration;
use serde_json::{Value, json};
use testkit::{
    app::App,
    people::{BEIJING, BEIJING_OTHER},
    random::seeded,
};

use super::{Applicant, applicant, frames_of, next, path, signed_in, sitter};
use crate::{on_both_engines, steps::codes};

on_both_engines!(
    sc_04_another_face_gets_no_licence_and_the_limit_leads_to_the_counter,
    frames_that_do_not_fit_are_refused,
    an_answer_belongs_to_its_check_session_and_key,
    sc_20_nobody_else_goes_on_with_an_application,
    consent_is_asked_first_and_can_be_withdrawn,
    an_identity_service_stands_in_the_place_of_frames,
    without_anything_to_rest_on_an_officer_reviews,
);

fn outcome(application: &Value) -> (&str, Vec<&str>) {
    let check = &application["progress"]["person_check"];
    (check["outcome"].as_str().unwrap(), codes(&check["reasons"]))
}

/// SC-04 (R36, R91).
async fn sc_04_another_face_gets_no_licence_and_the_limit_leads_to_the_counter(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let applicant = applicant(&app, BEIJING, Some(&sitter(0))).await;
    let application = applicant.ready("first").await;
    let challenge = applicant.open(&application).await;
    let frames = frames_of(&sitter(1), &challenge, 0);
    let answered = applicant
        .answer(&app, &application, &challenge, &frames)
        .await
        .done();
    assert_eq!(outcome(&answered), ("reject", vec!["another-person"]));
    assert_eq!(answered["stage"], "draft");
    assert_eq!(answered["progress"]["person_checks_left"], 4);
    let refused = applicant.submit(&application).await;
    refused.problem(409, "person-check-first");
    applicant
        .driver
        .get("/holder/e-licence")
        .await
        .problem(404, "no-e-licence");
    // A check that is begun counts, answered or not.
    for left in (0..4).rev() {
        applicant.open(&application).await;
        let seen = applicant.seen(&application).await;
        assert_eq!(seen["progress"]["person_checks_left"], left);
    }
    let refused = applicant.try_open(&application).await;
    refused.problem(409, "person-checks-used-up");
    assert_eq!(next(&applicant.seen(&application).await), "go-to-counter");
    // Nor does another application help; a day later it may be tried again.
    applicant.withdraw(&application).await.done();
    let another = applicant.begin("first", "on-file").await;
    assert_eq!(next(&another), "go-to-counter");
    app.clock.advance(SignedDuration::from_hours(24));
    let applicant = Applicant::with(signed_in(&applicant.driver, BEIJING).await);
    applicant.confirm(&another).await;
    applicant.open(&another).await;
}

/// Each is refused before anything is compared.
async fn frames_that_do_not_fit_are_refused(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let who = sitter(0);
    let applicant = applicant(&app, BEIJING, Some(&who)).await;
    let application = applicant.ready("first").await;

    let challenge = applicant.open(&application).await;
    let mut frames = frames_of(&who, &challenge, 0);
    frames.swap(1, 3);
    let answered = applicant.answer(&app, &application, &challenge, &frames);
    let answered = answered.await.done();
    assert_eq!(outcome(&answered), ("reject", vec!["frames-out-of-order"]));

    let challenge = applicant.open(&application).await;
    let mut frames = frames_of(&who, &challenge, 0);
    for frame in &mut frames {
        frame.at_ms += 60_000;
    }
    let answered = applicant.answer(&app, &application, &challenge, &frames);
    let answered = answered.await.done();
    assert_eq!(outcome(&answered), ("reject", vec!["time-mismatch"]));

    // What does not even have the form takes no try.
    let challenge = applicant.open(&application).await;
    let frames = frames_of(&who, &challenge, 0);
    let many: Vec<_> = frames.iter().cycle().take(25).cloned().collect();
    let refused = applicant
        .answer(&app, &application, &challenge, &many)
        .await;
    refused.problem(422, "frames-refused");
    let mut large = frames.clone();
    large[0].bytes.resize((512 << 10) + 1, 0);
    let refused = applicant.answer(&app, &application, &challenge, &large);
    refused.await.problem(422, "frames-refused");
    let mut body = applicant.device.answer(&challenge, &frames).unwrap();
    body["frames"][0]["image"] = json!("https://example.com/face.jpg");
    let refused = applicant.put(&application, "person-check", &body).await;
    refused.problem(422, "frames-refused");
    let body = json!({"id": challenge["id"], "signature": "x".repeat(18 << 20)});
    let refused = applicant.put(&application, "person-check", &body).await;
    refused.problem(413, "body-too-large");
    let answered = applicant.answer(&app, &application, &challenge, &frames);
    assert_eq!(answered.await.done()["stage"], "person-verified");
}

async fn an_answer_belongs_to_its_check_session_and_key(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let who = sitter(0);
    let applicant = applicant(&app, BEIJING, Some(&who)).await;
    let application = applicant.ready("first").await;
    let first = applicant.open(&application).await;
    let frames = frames_of(&who, &first, 0);
    // A second check takes the place of the first.
    let second = applicant.open(&application).await;
    let over = applicant.answer(&app, &application, &first, &frames).await;
    over.problem(409, "person-check-over");
    // The signature of the first does not cover the second, nor does another device's key sign it.
    let mut replayed = applicant.device.answer(&first, &frames).unwrap();
    replayed["id"] = second["id"].clone();
    let refused = applicant.put(&application, "person-check", &replayed).await;
    refused.problem(403, "signature-refused");
    let stranger = Device::new(&mut seeded(78)).unwrap();
    let signed = stranger.answer(&second, &frames).unwrap();
    let refused = applicant.put(&application, "person-check", &signed).await;
    refused.problem(403, "signature-refused");
    // Another session of the same device did not begin it, and begins one of its own.
    let again = Applicant::with(signed_in(&applicant.driver, BEIJING).await);
    let refused = again.answer(&app, &application, &second, &frames).await;
    refused.problem(404, "not-found");
    let third = again.open(&application).await;
    app.clock.advance(SignedDuration::from_mins(3));
    let late = again.answer(&app, &application, &third, &frames).await;
    late.problem(410, "person-check-expired");
    let seen = again.seen(&application).await;
    assert_eq!(outcome(&seen), ("expired", vec!["too-late"]));
    assert_eq!(seen["stage"], "draft");
    // Frames that answered another challenge do not answer this one.
    let fourth = again.open(&application).await;
    assert_ne!(fourth["steps"], first["steps"]);
    let answered = again.answer(&app, &application, &fourth, &frames).await;
    let (outcome, reasons) = {
        let seen = answered.done();
        let (outcome, reasons) = outcome(&seen);
        (outcome.to_owned(), reasons.join(" "))
    };
    assert_eq!(outcome, "reject", "{reasons}");
    // The answer that counted is given again under its key, and to nobody without it.
    let fifth = again.open(&application).await;
    let frames = frames_of(&who, &fifth, 50);
    app.clock.advance(SignedDuration::from_secs(12));
    let body = again.device.answer(&fifth, &frames).unwrap();
    let put = async |key: &str| {
        let request = again
            .driver
            .request(axum::http::Method::PUT, &path(&application, "person-check"))
            .header("content-type", "application/json")
            .header("idempotency-key", key);
        let body = axum::body::Body::from(body.to_string());
        again.driver.send(request, body).await
    };
    for _ in 0..2 {
        assert_eq!(put("one").await.done()["stage"], "person-verified");
    }
    put("two").await.problem(409, "person-check-over");
}

/// SC-20 (R77).
async fn sc_20_nobody_else_goes_on_with_an_application(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let own = applicant(&app, BEIJING, Some(&sitter(0))).await;
    let application = own.ready("first").await;
    let challenge = own.open(&application).await;
    let other = applicant(&app, BEIJING_OTHER, None).await;
    let nothing = json!({});
    let unknown = "not-found";
    other.withdraw(&application).await.problem(404, unknown);
    other.submit(&application).await.problem(404, unknown);
    other.try_open(&application).await.problem(404, unknown);
    let photo = path(&application, "photo");
    other.driver.get(&photo).await.problem(404, unknown);
    let read = json!({"version": "2021-09"});
    for step in ["photo-rules", "face-consent"] {
        let refused = other.put(&application, step, &read).await;
        refused.problem(404, unknown);
    }
    let seen = own.seen(&application).await;
    let confirm = json!({"photo": seen["progress"]["photo"]});
    let refused = other.put(&application, "confirmation", &confirm).await;
    refused.problem(404, unknown);
    let frames = frames_of(&sitter(0), &challenge, 0);
    let answer = own.device.answer(&challenge, &frames).unwrap();
    let refused = other.put(&application, "person-check", &answer).await;
    refused.problem(404, unknown);
    // Nor with the check of one's own application in another's.
    let theirs = other.begin("first", "camera").await;
    let refused = other.put(&theirs, "person-check", &answer).await;
    refused.problem(404, unknown);
    let (nobody, submission) = (app.client(), path(&application, "submission"));
    let refused = nobody.post(&submission, &nothing);
    refused.await.problem(401, "sign-in-required");
}

async fn consent_is_asked_first_and_can_be_withdrawn(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let who = sitter(0);
    let applicant = applicant(&app, BEIJING, Some(&who)).await;
    let consent = applicant.driver.get("/holder/face-consent").await.done();
    assert_eq!(consent["given_at"], Value::Null);
    let application = applicant.ready("first").await;
    let old = json!({"version": "1999-01"});
    let refused = applicant.put(&application, "face-consent", &old).await;
    refused.problem(409, "text-outdated");
    let challenge = applicant.open(&application).await;
    let frames = frames_of(&who, &challenge, 0);
    applicant.driver.delete("/holder/face-consent").await.done();
    let refused = applicant
        .answer(&app, &application, &challenge, &frames)
        .await;
    refused.problem(409, "person-check-over");
    let refused = applicant.try_open(&application).await;
    refused.problem(409, "face-consent-required");
    assert_eq!(next(&applicant.seen(&application).await), "give-consent");
    applicant.consent(&application).await;
    applicant.open(&application).await;
}

/// Knows one token as the person's, another as somebody else's.
#[derive(Debug)]
struct Service;

impl IdentityService for Service {
    fn prove<'a>(
        &'a self,
        claim: &'a IdentityClaim,
    ) -> Pin<Box<dyn Future<Output = Result<Proved, NotAsked>> + Send + 'a>> {
        let known = claim.licence_number.as_str() == BEIJING && claim.name.as_str() == "测试甲";
        let answer = match claim.token.as_str() {
            "seen" if known => Ok(Proved::Match),
            "another" => Ok(Proved::Reject),
            "dim" => Ok(Proved::Officer),
            _ => Err(NotAsked("unreachable")),
        };
        Box::pin(async move { answer })
    }
}

async fn an_identity_service_stands_in_the_place_of_frames(app: App) {
    let app = app.with_identity_service(Arc::new(Service)).await;
    let applicant = applicant(&app, BEIJING, Some(&sitter(0))).await;
    let application = applicant.ready("first").await;
    let open = json!({"device_key": applicant.device.key(), "method": "identity-service"});
    let answer = async |token: &str| {
        let opened = applicant.post(&application, "person-check", &open).await;
        let challenge = opened.expect(201);
        assert_eq!(challenge["steps"], json!([]));
        let body = applicant.device.answer_by_token(&challenge, token);
        applicant
            .put(&application, "person-check", &body.unwrap())
            .await
    };
    let rejected = answer("another").await.done();
    assert_eq!(outcome(&rejected), ("reject", vec!["service-rejects"]));
    let unreachable = answer("lost").await;
    unreachable.problem(503, "identity-service-unreachable");
    assert_eq!(answer("seen").await.done()["stage"], "person-verified");
    let issued = applicant.submit(&application).await.done();
    assert_eq!(issued["stage"], "issued");
}

/// Outside the demonstration frames alone issue nothing, and a service that is not there proves nobody.
async fn without_anything_to_rest_on_an_officer_reviews(app: App) {
    let app = app.with_faces(AutomaticIssue::Off).await;
    let who = sitter(0);
    let applicant = applicant(&app, BEIJING, Some(&who)).await;
    let application = applicant.ready("first").await;
    let open = json!({"device_key": applicant.device.key(), "method": "identity-service"});
    let refused = applicant.post(&application, "person-check", &open).await;
    refused.problem(503, "method-unavailable");
    let challenge = applicant.open(&application).await;
    let frames = frames_of(&who, &challenge, 0);
    let checked = applicant.answer(&app, &application, &challenge, &frames);
    assert_eq!(outcome(&checked.await.done()).0, "match");
    let submitted = applicant.submit(&application).await.done();
    assert_eq!(submitted["stage"], "under-review", "{submitted}");
    assert!(submitted["due_at"].is_string());
    let reviewer = app.staff("reviewer-1101").await;
    let queue = reviewer.get("/review/queue").await.done();
    assert_eq!(queue[0]["application"], application["id"]);
}
