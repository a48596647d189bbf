//! At the counter (R91, R92).

use jiff::SignedDuration;
use serde_json::json;
use testkit::{
    app::App,
    people::{BEIJING, CHENGDU, WUHAN, record, with},
};

use crate::{
    on_both_engines,
    steps::{
        activate, activation, activation_code, apply, approve, codes, counter_application, decide,
        deliver, issue,
    },
};

on_both_engines!(
    sc_30_a_licence_by_two_officers_and_a_printed_code,
    sc_31_no_officer_alone_elsewhere_or_for_themselves,
    sc_01_a_city_outside_the_roll_out_waits_for_its_wave,
    sc_02_every_reason_comes_at_once,
    an_activation_code_works_once_and_not_for_ever,
    wrong_tries_close_an_activation_code,
    one_open_application_and_one_licence,
    a_replayed_application_is_the_same_application,
);

async fn sc_30_a_licence_by_two_officers_and_a_printed_code(app: App) {
    deliver(&app, &[record(BEIJING)]).await;
    let application = apply(&app, BEIJING).await;
    let issued = approve(&app, BEIJING, &application).await;
    assert_eq!(issued["stage"], "issued");
    assert_eq!(issued["channel"], "counter");
    assert_eq!(issued["kind"], "first");

    let driver = activate(&app, BEIJING).await;
    let pages = driver.get("/holder/e-licence").await.done();
    assert_eq!(pages["id"], issued["e_licence"]);
    assert_eq!(pages["stage"], "active");
    let inbox = driver.get("/holder/notifications").await.done();
    assert!(crate::steps::told(&inbox, "e-licence-issued"), "{inbox}");
}

async fn sc_31_no_officer_alone_elsewhere_or_for_themselves(app: App) {
    deliver(&app, &[record(BEIJING), record(CHENGDU)]).await;
    // The same officer on both sides.
    let both = app.staff("both-1101").await;
    let application = both
        .post("/counter/applications", &counter_application(BEIJING))
        .await
        .done();
    let path = format!(
        "/review/applications/{}",
        application["id"].as_str().unwrap()
    );
    both.post(&format!("{path}/claim"), &json!({}))
        .await
        .problem(403, "same-officer");
    both.post(&format!("{path}/decision"), &json!({"decision": "approve"}))
        .await
        .problem(403, "same-officer");
    // An office that did not issue the licence.
    let elsewhere = app.staff("counter-1101").await;
    elsewhere
        .post("/counter/applications", &counter_application(CHENGDU))
        .await
        .problem(403, "office-out-of-scope");
    let reviewer = app.staff("reviewer-5101").await;
    reviewer
        .post(&format!("{path}/claim"), &json!({}))
        .await
        .problem(403, "office-out-of-scope");
    // The officer's own record, on either side.
    let admin = app.staff("admin").await;
    for (login, roles) in [("own-counter", "counter"), ("own-reviewer", "reviewer")] {
        let own = json!({
            "login": login, "name": "演示员", "password": testkit::app::PASSWORD, "roles": [roles],
            "office": "office-1101", "own_licence_number": BEIJING,
        });
        admin.post("/admin/staff", &own).await.done();
    }
    let own = app.staff("own-counter").await;
    own.post("/counter/applications", &counter_application(BEIJING))
        .await
        .problem(403, "own-record");
    let own = app.staff("own-reviewer").await;
    own.post(&format!("{path}/claim"), &json!({}))
        .await
        .problem(403, "own-record");

    let refused = audited(&app).await;
    for code in ["same-officer", "office-out-of-scope", "own-record"] {
        assert!(refused.contains(&code.to_owned()), "{code}: {refused:?}");
    }
}

/// Codes of every refusal in the audit.
async fn audited(app: &App) -> Vec<String> {
    let mut refused = Vec::new();
    for partition in storage::Partition::all() {
        for row in app
            .authority
            .store()
            .audit_after(partition, 0, 1000)
            .await
            .unwrap()
        {
            let detail: serde_json::Value = serde_json::from_str(&row.detail).unwrap();
            if let Some(code) = detail["refused"].as_str() {
                refused.push(code.to_owned());
            }
        }
    }
    refused
}

/// SC-01, R5, R6: the operator opens a wave and the city takes part from its date.
async fn sc_01_a_city_outside_the_roll_out_waits_for_its_wave(app: App) {
    deliver(&app, &[record(WUHAN)]).await;
    let officer = app.staff("counter-4201").await;
    let try_again = async || {
        officer
            .post("/counter/applications", &counter_application(WUHAN))
            .await
    };
    let reasons = try_again().await.problem(409, "not-eligible");
    assert_eq!(reasons, ["not-rolled-out"]);

    let admin = app.staff("admin").await;
    admin
        .put(
            "/admin/rollout",
            &json!({"city": "*", "opens_on": "2024-09-03"}),
        )
        .await
        .done();
    let answer = try_again().await;
    assert_eq!(answer.problem(409, "not-eligible"), ["not-rolled-out"]);
    assert!(answer.text().contains("2024-09-03"), "{}", answer.text());

    app.clock.advance(SignedDuration::from_hours(12));
    let officer = app.staff("counter-4201").await;
    officer
        .post("/counter/applications", &counter_application(WUHAN))
        .await
        .done();
}

async fn sc_02_every_reason_comes_at_once(app: App) {
    let blocked = json!({
        "valid_until": "2024-01-31", "status": ["U"], "withheld": true, "review_due": "2024-06-30",
    });
    deliver(&app, &[with(record(BEIJING), blocked)]).await;
    let driver = activate(&app, BEIJING).await;
    let answer = driver.get("/holder/eligibility").await.done();
    assert_eq!(answer["eligible"], false);
    let reasons = codes(&answer["reasons"]);
    for code in ["expired", "withheld", "review-overdue"] {
        assert!(reasons.contains(&code), "{code}: {reasons:?}");
    }
    for reason in answer["reasons"].as_array().unwrap() {
        for text in ["rule", "zh", "en", "clears_zh", "clears_en"] {
            assert!(!reason[text].as_str().unwrap().is_empty(), "{reason}");
        }
    }
}

async fn an_activation_code_works_once_and_not_for_ever(app: App) {
    issue(&app, BEIJING).await;
    let first = activation_code(&app, BEIJING).await;
    let second = activation_code(&app, BEIJING).await;
    let try_code = async |code: &str| {
        app.client()
            .post("/activations", &activation(BEIJING, code))
            .await
    };
    // A newer code replaces the older one.
    try_code(&first).await.problem(403, "activation-refused");
    try_code(&second.to_lowercase()).await.done();
    try_code(&second).await.problem(403, "activation-refused");
    let third = activation_code(&app, BEIJING).await;
    app.clock.advance(SignedDuration::from_hours(72));
    try_code(&third).await.problem(403, "activation-refused");
}

async fn wrong_tries_close_an_activation_code(app: App) {
    issue(&app, BEIJING).await;
    let code = activation_code(&app, BEIJING).await;
    for _ in 0..5 {
        app.client()
            .post("/activations", &activation(BEIJING, "22222-22222"))
            .await
            .problem(403, "activation-refused");
    }
    app.client()
        .post("/activations", &activation(BEIJING, &code))
        .await
        .problem(403, "activation-refused");
}

async fn one_open_application_and_one_licence(app: App) {
    deliver(&app, &[record(BEIJING)]).await;
    let application = apply(&app, BEIJING).await;
    let officer = app.staff("counter-1101").await;
    let reasons = officer
        .post("/counter/applications", &counter_application(BEIJING))
        .await
        .problem(409, "not-eligible");
    assert_eq!(reasons, ["application-open"]);
    approve(&app, BEIJING, &application).await;
    // A second decision finds it decided.
    let again = decide_again(&app, &application).await;
    assert!(again == 409 || again == 404, "{again}");
}

async fn decide_again(app: &App, application: &str) -> u16 {
    let reviewer = app.staff("reviewer-1101").await;
    let path = format!("/review/applications/{application}/decision");
    reviewer
        .post(&path, &json!({"decision": "approve"}))
        .await
        .status
}

async fn a_replayed_application_is_the_same_application(app: App) {
    deliver(&app, &[record(BEIJING)]).await;
    let officer = app.staff("counter-1101").await;
    let request = counter_application(BEIJING);
    let path = "/counter/applications";
    let first = officer.post_once(path, &request, "key-1").await.done();
    let again = officer.post_once(path, &request, "key-1").await.done();
    assert_eq!(first["id"], again["id"]);
    let mut other = request.clone();
    other["identity"]["method"] = json!("passport");
    officer
        .post_once(path, &other, "key-1")
        .await
        .problem(409, "idempotency-key-reused");
    // So is a replayed decision.
    let application = first["id"].as_str().unwrap();
    let reject = json!({"decision": "reject", "reasons": ["R56", "R66"]});
    let rejected = decide(&app, "1101", application, &reject).await.done();
    assert_eq!(codes(&rejected["reasons"]), ["R56", "R66"]);
}
