//! Rejections in plain words, and the appeal against one (SC-08, 申诉).

use std::sync::Arc;

use authority::AutomaticIssue;
use jiff::SignedDuration;
use serde_json::{Value, json};
use testkit::{
    app::App,
    client::Client,
    people::{BEIJING, BEIJING_OTHER, CHENGDU, record, with},
};

use crate::{
    applying::{applicant, into_review},
    on_both_engines,
    steps::{activate, apply, codes, decide, deliver, told},
};

on_both_engines!(
    sc_08_a_rejection_says_what_to_do_and_can_be_appealed,
    sc_08_in_the_app_the_appeal_stands_beside_taking_the_photo_again,
    sc_08_an_appeal_that_is_upheld_issues_the_licence,
    sc_08_an_appeal_that_is_dismissed_is_the_end,
    sc_08_there_is_one_appeal_in_its_time,
    sc_08_what_the_registry_refuses_is_not_appealed,
    sc_08_an_upheld_appeal_still_asks_the_registry,
    of_two_appeals_at_once_one_counts,
);

fn why() -> Value {
    json!({"text": "照片背景是白墙，眼镜是平光镜。"})
}

/// The application of a driver that `reviewer-1101` rejected for glasses and background.
async fn rejected(app: &App, number: &str) -> (String, Client) {
    deliver(app, &[record(number)]).await;
    let application = apply(app, number).await;
    let reject = json!({"decision": "reject", "reasons": ["R66", "R56", "R66"]});
    decide(app, "1101", &application, &reject).await.done();
    (application, activate(app, number).await)
}

async fn appealed(app: &App, number: &str) -> (String, Client) {
    let (application, driver) = rejected(app, number).await;
    let path = format!("/holder/applications/{application}/appeal");
    let open = driver.post(&path, &why()).await.done();
    assert_eq!(open["stage"], "under-review");
    (application, driver)
}

async fn sc_08_a_rejection_says_what_to_do_and_can_be_appealed(app: App) {
    let (application, driver) = rejected(&app, BEIJING).await;
    let path = format!("/holder/applications/{application}");
    let seen = driver.get(&path).await.done();
    assert_eq!(codes(&seen["reasons"]), ["R66", "R56"]);
    for (reason, to_do) in [(0, "取下"), (1, "白色")] {
        let clears = seen["reasons"][reason]["clears_zh"].as_str().unwrap();
        assert!(clears.contains(to_do), "{clears}");
        assert!(seen["reasons"][reason]["clears_en"].is_string());
    }
    let next = &seen["progress"]["next"];
    assert_eq!(*next, json!(["go-to-counter", "appeal"]));
    // Sixty days from the decision.
    assert_eq!(seen["appeal_until"], "2024-11-01T04:00:00Z");
    assert_eq!(seen["appealed"], false);
    driver
        .get(&format!("{path}/appeal"))
        .await
        .problem(404, "not-found");
    for text in ["", "  \n ", "退回\u{7}", &"字".repeat(501)] {
        driver
            .post(&format!("{path}/appeal"), &json!({"text": text}))
            .await
            .problem(422, "appeal-text");
    }
    driver.post(&format!("{path}/appeal"), &why()).await.done();
    let appeal = driver.get(&format!("{path}/appeal")).await.done();
    assert_eq!(appeal["text"], why()["text"]);
    assert_eq!(codes(&appeal["rejected_for"]), ["R66", "R56"]);
    let seen = driver.get(&path).await.done();
    assert_eq!(
        (&seen["appealed"], &seen["appeal_until"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(seen["due_at"], "2024-09-03T15:59:59Z");
    assert_eq!(seen["reasons"], json!([]));
    assert_eq!(seen["progress"]["next"], json!(["wait", "withdraw"]));
}

/// In the app: take the photo again or appeal; after the third rejection the counter, or appeal.
async fn sc_08_in_the_app_the_appeal_stands_beside_taking_the_photo_again(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let applicant = applicant(&app, BEIJING, None).await;
    let reject = json!({"decision": "reject", "reasons": ["R66"]});
    for first in ["take-again", "take-again", "go-to-counter"] {
        let application = applicant.begin("first", "camera").await;
        let id = application["id"].as_str().unwrap();
        into_review(&app, id).await;
        decide(&app, "1101", id, &reject).await.done();
        let seen = applicant.seen(&application).await;
        assert_eq!(seen["progress"]["next"], json!([first, "appeal"]));
        app.clock.advance(SignedDuration::from_secs(1));
    }
    // What is appealed is no rejection while it is open.
    let all = applicant.driver.get("/holder/applications").await.done();
    let path = format!(
        "/holder/applications/{}/appeal",
        all[0]["id"].as_str().unwrap()
    );
    let open = applicant.driver.post(&path, &why()).await.done();
    assert_eq!(open["progress"]["rejections"], 2);
    // One that another followed is over.
    let earlier = applicant.seen(&all[1]).await;
    assert_eq!(earlier["progress"]["next"], json!(["take-again"]));
}

async fn sc_08_an_appeal_that_is_upheld_issues_the_licence(app: App) {
    let (application, driver) = appealed(&app, BEIJING).await;
    let first = app.staff("reviewer-1101").await;
    let queue = first.get("/review/queue").await.done();
    assert_eq!(queue[0]["kind"], "appeal");
    // Whoever rejected neither takes nor decides it.
    let path = format!("/review/applications/{application}");
    first
        .post(&format!("{path}/claim"), &json!({}))
        .await
        .problem(403, "same-reviewer");
    first
        .post(
            &format!("{path}/decision"),
            &json!({"decision": "reject", "reasons": ["R56"]}),
        )
        .await
        .problem(403, "same-reviewer");
    first
        .post("/review/claims", &json!({}))
        .await
        .problem(404, "no-case");
    let second = app.staff("both-1101").await;
    let case = second.post("/review/claims", &json!({})).await.done();
    assert_eq!(case["kind"], "appeal");
    assert_eq!(case["appeal"]["text"], why()["text"]);
    assert_eq!(codes(&case["appeal"]["rejected_for"]), ["R66", "R56"]);
    let decided = second
        .post(&format!("{path}/decision"), &json!({"decision": "approve"}))
        .await
        .done();
    assert_eq!(decided["stage"], "issued");
    driver.get("/holder/e-licence").await.done();
    let inbox = driver.get("/holder/notifications").await.done();
    assert!(told(&inbox, "appeal-upheld"), "{inbox}");
    assert!(told(&inbox, "e-licence-issued"), "{inbox}");
}

async fn sc_08_an_appeal_that_is_dismissed_is_the_end(app: App) {
    let (application, driver) = appealed(&app, BEIJING).await;
    let second = app.staff("both-1101").await;
    second.post("/review/claims", &json!({})).await.done();
    let decision = format!("/review/applications/{application}/decision");
    let reject = json!({"decision": "reject", "reasons": ["R66"]});
    let decided = second.post(&decision, &reject).await.done();
    assert_eq!(decided["stage"], "rejected");
    let path = format!("/holder/applications/{application}");
    let seen = driver.get(&path).await.done();
    assert_eq!(codes(&seen["reasons"]), ["R66"]);
    assert_eq!(seen["appeal_until"], Value::Null);
    driver
        .post(&format!("{path}/appeal"), &why())
        .await
        .problem(409, "not-appealable");
    let inbox = driver.get("/holder/notifications").await.done();
    assert!(told(&inbox, "appeal-dismissed"), "{inbox}");
    // It ends this application, not the way to a licence.
    apply(&app, BEIJING).await;
}

async fn sc_08_there_is_one_appeal_in_its_time(app: App) {
    let (application, driver) = rejected(&app, BEIJING).await;
    let path = format!("/holder/applications/{application}/appeal");
    // Another's is none, and a reviewer has none.
    deliver(&app, &[record(CHENGDU)]).await;
    let other = activate(&app, CHENGDU).await;
    other.post(&path, &why()).await.problem(404, "not-found");
    other.get(&path).await.problem(404, "not-found");
    let reviewer = app.staff("reviewer-1101").await;
    reviewer
        .post(&path, &why())
        .await
        .problem(403, "not-your-role");
    // Asked twice with one key it is one appeal.
    let first = driver.post_once(&path, &why(), "appeal-1").await.done();
    let again = driver.post_once(&path, &why(), "appeal-1").await.done();
    assert_eq!(first["id"], again["id"]);
    driver
        .post(&path, &why())
        .await
        .problem(409, "not-in-this-state");

    let (application, driver) = rejected(&app, BEIJING_OTHER).await;
    let path = format!("/holder/applications/{application}/appeal");
    app.clock
        .advance(SignedDuration::from_hours(60 * 24) + SignedDuration::from_secs(1));
    let signed_in = activate(&app, BEIJING_OTHER).await;
    signed_in
        .post(&path, &why())
        .await
        .problem(410, "appeal-too-late");
    // Whoever has applied again has let it stand.
    let later = apply(&app, BEIJING_OTHER).await;
    app.clock.advance(SignedDuration::from_secs(-2));
    signed_in
        .post(&path, &why())
        .await
        .problem(409, "open-application");
    let reject = json!({"decision": "reject", "reasons": ["R60"]});
    decide(&app, "1101", &later, &reject).await.done();
    signed_in
        .post(&path, &why())
        .await
        .problem(409, "not-appealable");
    drop(driver);
}

async fn sc_08_what_the_registry_refuses_is_not_appealed(app: App) {
    deliver(&app, &[record(BEIJING)]).await;
    let application = apply(&app, BEIJING).await;
    let withheld = json!({"status": ["U"], "withheld": true, "version": 2});
    deliver(&app, &[with(record(BEIJING), withheld)]).await;
    let approve = json!({"decision": "approve"});
    decide(&app, "1101", &application, &approve)
        .await
        .problem(409, "issue-refused");
    let driver = activate(&app, BEIJING).await;
    let path = format!("/holder/applications/{application}");
    let seen = driver.get(&path).await.done();
    assert_eq!(seen["appeal_until"], Value::Null);
    driver
        .post(&format!("{path}/appeal"), &why())
        .await
        .problem(409, "not-appealable");
}

/// SC-34 after an appeal: approved, and yet nothing is issued while the record blocks.
async fn sc_08_an_upheld_appeal_still_asks_the_registry(app: App) {
    let (application, driver) = appealed(&app, BEIJING).await;
    let withheld = json!({"status": ["U"], "withheld": true, "version": 2});
    deliver(&app, &[with(record(BEIJING), withheld)]).await;
    let second = app.staff("both-1101").await;
    second.post("/review/claims", &json!({})).await.done();
    let decision = format!("/review/applications/{application}/decision");
    second
        .post(&decision, &json!({"decision": "approve"}))
        .await
        .problem(409, "issue-refused");
    let path = format!("/holder/applications/{application}");
    let seen = driver.get(&path).await.done();
    assert_eq!(seen["stage"], "rejected");
    assert!(codes(&seen["reasons"]).contains(&"withheld"));
    assert_eq!(seen["appeal_until"], Value::Null);
}

async fn of_two_appeals_at_once_one_counts(app: App) {
    let (application, driver) = rejected(&app, BEIJING).await;
    let driver = Arc::new(driver);
    let path = format!("/holder/applications/{application}/appeal");
    let tries: Vec<_> = (0..4)
        .map(|_| {
            let (driver, path) = (driver.clone(), path.clone());
            tokio::spawn(async move { driver.post(&path, &why()).await.status })
        })
        .collect();
    let mut counted = 0;
    for one in tries {
        match one.await.unwrap() {
            201 => counted += 1,
            409 => {}
            other => panic!("{other}"),
        }
    }
    assert_eq!(counted, 1);
}
