//! The three flows from beginning to licence.

use authority::AutomaticIssue;
use jiazhao::demo::stills::Sitter;
use serde_json::{Value, json};
use testkit::{
    app::App,
    people::{BEIJING, data_url, photo},
};

use super::{Applicant, applicant, mirrored, next, sitter};
use crate::{
    on_both_engines,
    steps::{codes, decide, told, verified},
};

on_both_engines!(
    sc_03_the_photo_on_file_is_issued_without_an_officer,
    sc_05_camera_and_album_are_offered_where_no_photo_can_be_used,
    sc_06_a_camera_photo_is_reviewed_by_the_end_of_the_next_working_day,
    sc_07_a_photo_is_judged_before_it_is_submitted_and_nothing_stays,
    sc_08_a_rejection_says_why_and_the_third_names_the_counter,
);

/// SC-03 (R31, R35-R40): the screens of flow A are steps, in their order.
async fn sc_03_the_photo_on_file_is_issued_without_an_officer(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let who = sitter(0);
    let applicant = applicant(&app, BEIJING, Some(&who)).await;
    let driver = &applicant.driver;
    let on_file = driver.get("/holder/photo-on-file").await.done();
    assert_eq!(on_file["state"], "acceptable", "{on_file}");
    assert_eq!(on_file["offered"], json!(["on-file"]));
    let application = applicant.begin("first", "on-file").await;
    assert_eq!(next(&application), "confirm");
    // Whoever has not shown who they are sees no face.
    let shown = super::path(&application, "photo");
    driver.get(&shown).await.problem(403, "photo-not-shown-yet");
    let early = applicant.try_open(&application).await;
    early.problem(409, "confirm-first");
    let confirmed = applicant.confirm(&application).await;
    assert_eq!(next(&confirmed), "give-consent");
    let early = applicant.try_open(&application).await;
    early.problem(409, "face-consent-required");
    let agreed = applicant.consent(&application).await;
    assert_eq!(next(&agreed), "person-check");
    let early = applicant.submit(&application).await;
    early.problem(409, "person-check-first");

    let challenge = applicant.open(&application).await;
    let frames = super::frames_of(&who, &challenge, 0);
    let checked = applicant
        .answer(&app, &application, &challenge, &frames)
        .await
        .done();
    assert_eq!(checked["stage"], "person-verified", "{checked}");
    assert_eq!(checked["progress"]["person_check"]["outcome"], "match");
    assert_eq!(next(&checked), "submit");
    assert_eq!(
        driver.get(&shown).await.body,
        who.studio().photo(0).unwrap()
    );
    let issued = applicant.submit(&application).await.done();
    assert_eq!(issued["stage"], "issued", "{issued}");
    assert_eq!(next(&issued), "open-licence");

    // R36, R37: no officer, a message, and a licence that verifies.
    let reviewer = app.staff("reviewer-1101").await;
    let queue = reviewer.get("/review/queue").await.done();
    // One in a hundred is looked at afterwards, which this draw may be.
    let waits = queue.as_array().unwrap().iter();
    assert_eq!(waits.filter(|case| case["kind"] != "sample").count(), 0);
    let inbox = driver.get("/holder/notifications").await.done();
    assert!(told(&inbox, "e-licence-issued"), "{inbox}");
    driver.get("/holder/e-licence").await.done();
    let seen = verified(&app, driver).await;
    assert_eq!(seen["authentic"]["outcome"], "yes", "{seen}");
}

/// SC-05 (R33, R41, R49).
async fn sc_05_camera_and_album_are_offered_where_no_photo_can_be_used(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let usable = applicant(&app, BEIJING, Some(&sitter(0))).await;
    for source in ["camera", "album"] {
        let refused = usable.try_begin("first", source).await;
        refused.problem(409, "photo-on-file-usable");
    }
    let without = applicant(&app, testkit::people::CHENGDU, None).await;
    let own = json!(["camera", "album"]);
    let seen = without.driver.get("/holder/photo-on-file").await.done();
    assert_eq!((&seen["state"], &seen["offered"]), (&json!("none"), &own));
    let refused = without.try_begin("first", "on-file").await;
    refused.problem(409, "no-photo-on-file");
    let begun = without.begin("first", "album").await;
    assert_eq!(next(&begun), "read-rules");

    // A drawn shape is a photo on file that shows nobody.
    let shape = json!({"photo": data_url(&photo(90))});
    let other = testkit::people::BEIJING_OTHER;
    let record = testkit::people::with(testkit::people::record(other), shape);
    crate::steps::deliver(&app, &[record]).await;
    let nobody = Applicant::new(&app, other).await;
    let seen = nobody.driver.get("/holder/photo-on-file").await.done();
    assert_eq!(
        (&seen["state"], &seen["offered"]),
        (&json!("unusable"), &own)
    );
    let refused = nobody.try_begin("first", "on-file").await;
    let rules = refused.problem(409, "photo-on-file-unusable");
    assert!(rules.contains(&"R58".to_owned()), "{rules:?}");
    assert_eq!(nobody.begin("first", "camera").await["stage"], "draft");
}

/// SC-06 (R42-R48): camera, rules read, photo seen as it would stand, review, licence.
async fn sc_06_a_camera_photo_is_reviewed_by_the_end_of_the_next_working_day(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let who = sitter(0);
    let applicant = applicant(&app, BEIJING, None).await;
    app.clock.set(testkit::clock::friday_before_make_up_day());
    let applicant = Applicant::with(crate::applying::signed_in(&applicant.driver, BEIJING).await);
    let application = applicant.begin("first", "camera").await;
    let photo = who.studio().photo(0).unwrap();
    let early = applicant.try_photo(&application, &photo).await;
    early.problem(409, "rules-not-read");
    assert_eq!(
        next(&applicant.read_rules(&application).await),
        "submit-photo"
    );
    let body = json!({"photo": data_url(&photo)});
    let undeclared = applicant.put(&application, "photo", &body).await;
    undeclared.problem(422, "declaration-required");
    let taken = applicant.try_photo(&application, &photo).await.done();
    assert_eq!(taken["stage"], "photo-submitted");
    assert_eq!(taken["progress"]["declared"], true);
    let findings = taken["progress"]["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 19);
    assert!(findings.iter().all(|it| it["verdict"] != "fail"));
    // R47: what is seen is what would stand on the licence.
    let shown = applicant
        .driver
        .get(&super::path(&application, "photo"))
        .await;
    let shown = image::load_from_memory(&shown.body).unwrap();
    assert_eq!((shown.width(), shown.height()), (358, 441));
    applicant.checked(&app, &application, &who).await;
    let submitted = applicant.submit(&application).await.done();
    assert_eq!(submitted["stage"], "under-review");
    assert_eq!(submitted["due_at"], "2024-09-14T15:59:59Z");
    assert_eq!(next(&submitted), "wait");

    let id = application["id"].as_str().unwrap();
    let approve = json!({"decision": "approve"});
    decide(&app, "1101", id, &approve).await.done();
    let issued = applicant.seen(&application).await;
    assert_eq!(issued["stage"], "issued");
    let inbox = applicant.driver.get("/holder/notifications").await.done();
    assert!(told(&inbox, "e-licence-issued"), "{inbox}");
    applicant.driver.get("/holder/e-licence").await.done();
}

/// SC-07 (R55-R74).
async fn sc_07_a_photo_is_judged_before_it_is_submitted_and_nothing_stays(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let applicant = applicant(&app, BEIJING, None).await;
    let rules = applicant.driver.get("/holder/photo-rules").await.done();
    assert_eq!(rules["rules"].as_array().unwrap().len(), 19);
    let grey = sitter(0).eyes_closed().before([150.0; 3]);
    let photo = grey.photo(0).unwrap();
    let before = photos_kept(&app);
    let body = json!({"photo": data_url(&photo)});
    let path = "/holder/photo-assessments";
    let judged = applicant.driver.post(path, &body).await.done();
    assert_eq!(judged["verdict"], "fail");
    for (rule, said) in [
        ("R56", "背景不是白色，请在白色背景前拍摄"),
        ("R68", "请睁开双眼"),
    ] {
        let findings = judged["findings"].as_array().unwrap();
        let finding = findings.iter().find(|it| it["rule"] == rule).unwrap();
        assert_eq!(finding["verdict"], "fail", "{finding}");
        assert_eq!(finding["zh"], said);
    }
    let preview = judged["preview"].as_str().unwrap();
    assert!(preview.starts_with("data:image/jpeg;base64,"));
    // Submitted all the same, it is refused by the same rules.
    let application = applicant.begin("first", "album").await;
    applicant.read_rules(&application).await;
    let refused = applicant.try_photo(&application, &photo).await;
    let broken = refused.problem(422, "photo-fails-rules");
    for rule in ["R56", "R68"] {
        assert!(broken.contains(&rule.to_owned()), "{broken:?}");
    }
    assert_eq!(applicant.seen(&application).await["stage"], "draft");
    assert_eq!(photos_kept(&app), before);
}

fn photos_kept(app: &App) -> usize {
    let folders = std::fs::read_dir(app.folder().join("photos"));
    let folders = folders.into_iter().flatten().flatten();
    folders
        .map(|folder| std::fs::read_dir(folder.path()).unwrap().count())
        .sum()
}

/// SC-08 (R42, R91).
async fn sc_08_a_rejection_says_why_and_the_third_names_the_counter(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let who = sitter(0);
    let applicant = applicant(&app, BEIJING, None).await;
    let first = who.studio().photo(0).unwrap();
    let seen = rejected(&app, &applicant, (&first, &who), &["R66", "R56"]).await;
    assert_eq!(codes(&seen["reasons"]), ["R66", "R56"]);
    assert_eq!(seen["reasons"][1]["zh"], "背景不是白色");
    assert_eq!(seen["progress"]["next"], json!(["take-again", "appeal"]));
    assert_eq!(seen["progress"]["rejections"], 1);
    // R71: the photo that was rejected is no new one.
    let again = applicant.begin("first", "camera").await;
    applicant.read_rules(&again).await;
    let refused = applicant.try_photo(&again, &first).await;
    assert_eq!(refused.problem(422, "photo-fails-rules"), ["R71"]);
    applicant.withdraw(&again).await.done();

    let mirrored = mirrored(&who);
    let second = mirrored.studio().photo(0).unwrap();
    let seen = rejected(&app, &applicant, (&second, &mirrored), &["R66"]).await;
    assert_eq!(seen["progress"]["next"], json!(["take-again", "appeal"]));
    assert_eq!(seen["progress"]["rejections"], 2);
    let third = who.turned(7.0).studio().photo(0).unwrap();
    let seen = rejected(&app, &applicant, (&third, &who), &["R66"]).await;
    assert_eq!(seen["progress"]["next"], json!(["go-to-counter", "appeal"]));
    assert_eq!(seen["progress"]["rejections"], 3);

    let refused = applicant.try_begin("first", "camera").await;
    assert_eq!(refused.problem(409, "not-eligible"), ["three-rejections"]);
    let reason = refused.json()["reasons"][0].clone();
    assert_eq!(reason["rule"], "R91");
    assert_eq!(reason["clears_zh"], "请到发证地车辆管理所窗口办理");
    // R91: the counter takes the application.
    crate::steps::apply(&app, BEIJING).await;
}

/// An application with this photo of this person that came to review and was rejected there.
async fn rejected(
    app: &App,
    applicant: &Applicant,
    of: (&[u8], &Sitter),
    reasons: &[&str],
) -> Value {
    // Which application is the newest shows by the clock, which stands still by itself.
    app.clock.advance(jiff::SignedDuration::from_secs(1));
    let submitted = applicant.submitted_with(app, ("first", "camera"), of).await;
    assert_eq!(submitted["stage"], "under-review");
    let id = submitted["id"].as_str().unwrap();
    let reject = json!({"decision": "reject", "reasons": reasons});
    decide(app, "1101", id, &reject).await.done();
    applicant.seen(&submitted).await
}
