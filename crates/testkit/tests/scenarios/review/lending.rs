//! Cases lent to another office by an administrator's rule (协办).

use jiff::SignedDuration;
use serde_json::{Value, json};
use storage::Partition;
use testkit::{app::App, client::Client};

use crate::{on_both_engines, steps::applications};

on_both_engines!(
    r42_a_lent_case_is_reviewed_by_another_office_and_audited,
    r42_a_loan_gives_no_more_than_its_limits,
    r42_a_loan_that_ends_leaves_what_is_in_hand,
    r42_a_loan_names_two_offices_and_a_limit,
);

fn loan(changes: Value) -> Value {
    let loan = json!({
        "lender": "1101", "borrower": "5101",
        "from": "2024-09-02T00:00:00Z", "until": "2024-09-20T00:00:00Z", "daily_limit": 2,
    });
    testkit::people::with(loan, changes)
}

async fn lend(app: &App, changes: Value) -> String {
    let admin = app.staff("admin").await;
    let made = admin.post("/admin/review-loans", &loan(changes)).await;
    made.done()["id"].as_str().unwrap().to_owned()
}

async fn claim(reviewer: &Client, application: &str) -> testkit::client::Answer {
    let path = format!("/review/applications/{application}/claim");
    reviewer.post(&path, &json!({})).await
}

async fn r42_a_lent_case_is_reviewed_by_another_office_and_audited(app: App) {
    let cases = applications(&app, 1).await;
    let reviewer = app.staff("reviewer-5101").await;
    claim(&reviewer, &cases[0])
        .await
        .problem(403, "office-out-of-scope");
    assert_eq!(reviewer.get("/review/queue").await.done(), json!([]));
    let id = lend(&app, json!({})).await;
    let queue = reviewer.get("/review/queue").await.done();
    assert_eq!(
        (&queue[0]["lent"], &queue[0]["office"]),
        (&json!(true), &json!("1101"))
    );
    let lent = reviewer.get("/review/summary").await.done();
    assert_eq!(lent["open"], 0);
    assert_eq!(lent["lent"][0]["waiting"], 1);
    let next = reviewer.post("/review/claims", &json!({})).await.done();
    assert_eq!(next["application"]["id"], *cases[0]);
    let summary = reviewer.get("/review/summary").await.done();
    assert_eq!(summary["in_hand"][0]["application"], *cases[0]);
    assert_eq!(summary["lent"][0]["taken_today"], 1);
    let photo = format!("/review/applications/{}/photo", cases[0]);
    assert_eq!(reviewer.get(&photo).await.status, 200);
    let decision = format!("/review/applications/{}/decision", cases[0]);
    let decided = reviewer
        .post(&decision, &json!({"decision": "approve"}))
        .await
        .done();
    assert_eq!(decided["stage"], "issued");
    // The lender's own officers saw it in their queue as ever; a third office sees nothing of it.
    let elsewhere = app.staff("reviewer-4201").await;
    assert_eq!(elsewhere.get("/review/queue").await.done(), json!([]));
    assert_eq!(
        audited(&app, "review-loan.set", "loan").await,
        std::slice::from_ref(&id)
    );
    assert_eq!(audited(&app, "review.claimed", "loan").await, [id]);
}

/// What the audit rows of an act say under a name.
async fn audited(app: &App, act: &str, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for partition in Partition::all() {
        let rows = app.authority.store().audit_after(partition, 0, 1000).await;
        for row in rows.unwrap().into_iter().filter(|row| row.act == act) {
            let detail: Value = serde_json::from_str(&row.detail).unwrap();
            found.extend(detail[name].as_str().map(str::to_owned));
        }
    }
    found
}

async fn r42_a_loan_gives_no_more_than_its_limits(app: App) {
    let cases = applications(&app, 4).await;
    lend(&app, json!({"daily_limit": 1})).await;
    let reviewer = app.staff("reviewer-5101").await;
    claim(&reviewer, &cases[0]).await.done();
    // Again is no further case.
    claim(&reviewer, &cases[0]).await.done();
    claim(&reviewer, &cases[1])
        .await
        .problem(409, "loan-exhausted");
    reviewer
        .post("/review/claims", &json!({}))
        .await
        .problem(404, "no-case");
    // A second rule gives what is beyond two that wait; three do.
    lend(&app, json!({"daily_limit": null, "beyond": 2})).await;
    claim(&reviewer, &cases[1]).await.done();
    claim(&reviewer, &cases[2])
        .await
        .problem(409, "loan-exhausted");
    // The next day the first rule gives one again.
    app.clock.advance(SignedDuration::from_hours(24));
    let reviewer = app.staff("reviewer-5101").await;
    claim(&reviewer, &cases[2]).await.done();
}

async fn r42_a_loan_that_ends_leaves_what_is_in_hand(app: App) {
    let cases = applications(&app, 2).await;
    let id = lend(&app, json!({})).await;
    let reviewer = app.staff("reviewer-5101").await;
    claim(&reviewer, &cases[0]).await.done();
    let admin = app.staff("admin").await;
    let path = format!("/admin/review-loans/{id}");
    assert_eq!(admin.delete(&path).await.status, 204);
    admin.delete(&path).await.problem(409, "not-in-this-state");
    let loans = admin.get("/admin/review-loans").await.done();
    assert_eq!(loans[0]["id"], *id);
    assert!(loans[0]["ended_at"].is_string());
    claim(&reviewer, &cases[1])
        .await
        .problem(403, "office-out-of-scope");
    let summary = reviewer.get("/review/summary").await.done();
    assert_eq!(summary["in_hand"].as_array().unwrap().len(), 1);
    assert_eq!(summary["lent"], json!([]));
    // It is not renewed, but may be decided while the lease lasts.
    claim(&reviewer, &cases[0])
        .await
        .problem(403, "office-out-of-scope");
    let decision = format!("/review/applications/{}/decision", cases[0]);
    let reject = json!({"decision": "reject", "reasons": ["R60"]});
    let decided = reviewer.post(&decision, &reject).await.done();
    assert_eq!(decided["stage"], "rejected");
}

async fn r42_a_loan_names_two_offices_and_a_limit(app: App) {
    let admin = app.staff("admin").await;
    for wrong in [
        json!({"borrower": "1101"}),
        json!({"borrower": "9999"}),
        json!({"lender": ""}),
        json!({"daily_limit": null}),
        json!({"daily_limit": 0}),
        json!({"daily_limit": 1_000_001}),
        json!({"until": "2024-09-02T00:00:00Z"}),
        json!({"until": "2024-09-01T00:00:00Z"}),
        json!({"until": "2025-09-04T00:00:00Z"}),
        json!({"from": "2024-08-01T00:00:00Z", "until": "2024-09-01T00:00:00Z"}),
    ] {
        admin
            .post("/admin/review-loans", &loan(wrong))
            .await
            .problem(422, "invalid-loan");
    }
    let reviewer = app.staff("reviewer-1101").await;
    reviewer
        .post("/admin/review-loans", &loan(json!({})))
        .await
        .problem(403, "not-your-role");
    for unknown in ["lon_000", "lon_10000000000000000000000000000000"] {
        admin
            .delete(&format!("/admin/review-loans/{unknown}"))
            .await
            .problem(404, "not-found");
    }
}
