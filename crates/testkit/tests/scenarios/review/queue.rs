//! The queue: the case due first, cases given back, and a calendar that is missing (R42, SC-32).

use std::{collections::BTreeSet, sync::Arc};

use jiff::SignedDuration;
use serde_json::{Value, json};
use testkit::{app::App, clock::at, people::record};

use crate::{
    on_both_engines,
    steps::{applications, apply, beijing_number, deliver},
};

on_both_engines!(
    sc_32_of_reviewers_who_ask_at_once_each_gets_another_case,
    sc_32_a_case_given_back_returns_and_is_the_next_again,
    sc_32_the_next_case_is_never_the_officers_own_submission,
    r42_a_case_without_a_calendar_comes_first_until_the_year_is_entered,
    r42_an_announced_year_that_contradicts_itself_is_refused,
);

async fn sc_32_of_reviewers_who_ask_at_once_each_gets_another_case(app: App) {
    let cases = applications(&app, 4).await;
    let mut asked = Vec::new();
    for login in ["reviewer-1101", "both-1101", "reviewer-1101", "both-1101"] {
        let client = Arc::new(app.staff(login).await);
        asked.push(tokio::spawn(async move {
            client.post("/review/claims", &json!({})).await
        }));
    }
    let mut got = BTreeSet::new();
    for answer in asked {
        let case = answer.await.unwrap().done();
        let id = case["application"]["id"].as_str().unwrap().to_owned();
        assert!(got.insert(id), "one case was given twice");
    }
    assert_eq!(got, cases.into_iter().collect());
    let reviewer = app.staff("reviewer-1101").await;
    reviewer
        .post("/review/claims", &json!({}))
        .await
        .problem(404, "no-case");
    let summary = reviewer.get("/review/summary").await.done();
    assert_eq!(
        (&summary["open"], &summary["waiting"]),
        (&json!(4), &json!(0))
    );
    assert_eq!(summary["in_hand"].as_array().unwrap().len(), 2);
    // Both leave, and the leases end.
    app.clock.advance(SignedDuration::from_mins(15));
    let summary = reviewer.get("/review/summary").await.done();
    assert_eq!(summary["waiting"], 4);
    assert_eq!(summary["in_hand"], json!([]));
    reviewer.post("/review/claims", &json!({})).await.done();
}

async fn sc_32_a_case_given_back_returns_and_is_the_next_again(app: App) {
    let cases = applications(&app, 2).await;
    let (one, two) = (
        app.staff("reviewer-1101").await,
        app.staff("both-1101").await,
    );
    let claim = format!("/review/applications/{}/claim", cases[0]);
    one.delete(&claim).await.problem(409, "claim-first");
    let first = one.post("/review/claims", &json!({})).await.done();
    assert_eq!(first["application"]["id"], *cases[0]);
    assert_eq!(first["kind"], "application");
    two.delete(&claim).await.problem(409, "claim-first");
    assert_eq!(one.delete(&claim).await.status, 204);
    one.delete(&claim).await.problem(409, "claim-first");
    one.get(&format!("/review/applications/{}/photo", cases[0]))
        .await
        .problem(409, "claim-first");
    let next = two.post("/review/claims", &json!({})).await.done();
    assert_eq!(next["application"]["id"], *cases[0]);
    let decision = format!("/review/applications/{}/decision", cases[0]);
    two.post(&decision, &json!({"decision": "approve"}))
        .await
        .done();
    // What is decided is no case of anybody's.
    two.delete(&claim).await.problem(409, "claim-first");
    let next = two.post("/review/claims", &json!({})).await.done();
    assert_eq!(next["application"]["id"], *cases[1]);
}

async fn sc_32_the_next_case_is_never_the_officers_own_submission(app: App) {
    let number = beijing_number(0);
    deliver(&app, &[record(&number)]).await;
    let both = app.staff("both-1101").await;
    let application = crate::steps::counter_application(&number);
    both.post("/counter/applications", &application)
        .await
        .done();
    both.post("/review/claims", &json!({}))
        .await
        .problem(404, "no-case");
    let police = app.staff("police").await;
    for path in ["/review/claims", "/review/applications/x/claim"] {
        police
            .post(path, &json!({}))
            .await
            .problem(403, "not-your-role");
    }
    police
        .get("/review/summary")
        .await
        .problem(403, "not-your-role");
    let reviewer = app.staff("reviewer-1101").await;
    reviewer.post("/review/claims", &json!({})).await.done();
}

fn queued(queue: &Value) -> Vec<(&str, Option<&str>)> {
    let cases = queue.as_array().unwrap().iter();
    cases
        .map(|case| {
            (
                case["application"].as_str().unwrap(),
                case["due_at"].as_str(),
            )
        })
        .collect()
}

async fn r42_a_case_without_a_calendar_comes_first_until_the_year_is_entered(app: App) {
    app.clock.set(at("2026-12-30T04:00:00Z"));
    let numbers = [beijing_number(0), beijing_number(1)];
    deliver(&app, &numbers.each_ref().map(|number| record(number))).await;
    let known = apply(&app, &numbers[0]).await;
    app.clock.set(at("2026-12-31T04:00:00Z"));
    let pending = apply(&app, &numbers[1]).await;
    let reviewer = app.staff("reviewer-1101").await;
    let queue = reviewer.get("/review/queue").await.done();
    let due = Some("2026-12-31T15:59:59Z");
    assert_eq!(
        queued(&queue),
        [(pending.as_str(), None), (known.as_str(), due)]
    );
    let summary = reviewer.get("/review/summary").await.done();
    assert_eq!(summary["pending_calendar"], 1);
    let set = async || {
        let set = app.authority.set_dues(&mut app.act(), "node").await;
        set.unwrap()
    };
    assert_eq!(set().await, 0);
    let held = reviewer.post("/review/claims", &json!({})).await.done();
    assert_eq!(held["application"]["pending_calendar"], true);

    let admin = app.staff("admin").await;
    let missing = admin.get("/admin/calendar").await.done();
    assert_eq!(missing["missing"], 2027);
    let year = json!({
        "year": 2027,
        "holidays": ["2027-01-01", "2027-01-02", "2027-01-03"],
        "make_up_days": [],
    });
    let calendar = admin.put("/admin/calendar", &year).await.done();
    assert_eq!(calendar["missing"], Value::Null);
    assert_eq!(calendar["years"].as_array().unwrap().len(), 7);
    assert_eq!((set().await, set().await), (1, 0));
    let queue = reviewer.get("/review/queue").await.done();
    let later = Some("2027-01-04T15:59:59Z");
    assert_eq!(
        queued(&queue),
        [(known.as_str(), due), (pending.as_str(), later)]
    );
    // Whoever held it goes on to.
    let decision = format!("/review/applications/{pending}/decision");
    let reject = json!({"decision": "reject", "reasons": ["R60"]});
    let decided = reviewer.post(&decision, &reject).await.done();
    assert_eq!(decided["due_at"], "2027-01-04T15:59:59Z");
    assert_eq!(decided["pending_calendar"], false);
    // A year that was entered is there after a start, and on other nodes.
    let app = app.restarted().await;
    let admin = app.staff("admin").await;
    let calendar = admin.get("/admin/calendar").await.done();
    assert_eq!(calendar["missing"], Value::Null);
}

async fn r42_an_announced_year_that_contradicts_itself_is_refused(app: App) {
    let admin = app.staff("admin").await;
    for (holidays, make_up) in [
        (json!(["2028-01-01"]), json!([])),
        (json!(["2027-01-01"]), json!(["2027-01-04"])),
        (json!(["2027-01-02"]), json!(["2027-01-02"])),
        (json!([]), json!([])),
    ] {
        let year = json!({"year": 2027, "holidays": holidays, "make_up_days": make_up});
        admin
            .put("/admin/calendar", &year)
            .await
            .problem(422, "invalid-calendar");
    }
    let reviewer = app.staff("reviewer-1101").await;
    let year = json!({"year": 2027, "holidays": ["2027-01-01"], "make_up_days": []});
    reviewer
        .put("/admin/calendar", &year)
        .await
        .problem(403, "not-your-role");
}
