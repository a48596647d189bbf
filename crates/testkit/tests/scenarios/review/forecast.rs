//! The forecast of a queue, for its office and for machines (R42, R87).

use jiff::SignedDuration;
use serde_json::json;
use testkit::app::App;

use crate::{
    on_both_engines,
    steps::{applications, decide},
};

on_both_engines!(
    r42_an_office_sees_what_is_ahead_of_it,
    r42_a_forecast_is_an_offices_own,
    r42_machines_read_the_queues_without_persons,
    r87_the_load_of_an_office_is_at_hand,
);

async fn r42_an_office_sees_what_is_ahead_of_it(app: App) {
    let reviewer = app.staff("reviewer-1101").await;
    let nothing = reviewer.get("/review/forecast").await.done();
    assert_eq!(nothing["office"], "1101");
    assert_eq!(
        (&nothing["waiting"], &nothing["decisions_measured"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(nothing["reviewers_needed"], 0);
    let cases = applications(&app, 3).await;
    let claim = format!("/review/applications/{}/claim", cases[0]);
    reviewer.post(&claim, &json!({})).await.done();
    app.clock.advance(SignedDuration::from_secs(90));
    let approve = json!({"decision": "approve"});
    reviewer
        .post(
            &format!("/review/applications/{}/decision", cases[0]),
            &approve,
        )
        .await
        .done();
    let seen = reviewer.get("/review/forecast").await.done();
    assert_eq!((&seen["waiting"], &seen["overdue"]), (&json!(2), &json!(0)));
    assert_eq!(seen["seconds_per_decision"], 90);
    assert_eq!(
        (&seen["decisions_measured"], &seen["reviewers"]),
        (&json!(1), &json!(1))
    );
    // All came at noon of the day on which the clock stands.
    assert_eq!(seen["arrivals_per_hour"][12], 3.0);
    // The two are due on Tuesday, with the three that come at noon on Monday: none comes again today
    // but what the rest of the hour would bring.
    let days = seen["days"].as_array().unwrap();
    assert_eq!(days[0]["date"], "2024-09-02");
    assert_eq!(
        (&days[1]["date"], &days[1]["breaches"]),
        (&json!("2024-09-03"), &json!(0))
    );
    assert_eq!(seen["predicted_breaches"], 0);
    assert_eq!(seen["reviewers_needed"], 1);
    // Late ones are told apart.
    app.clock.advance(SignedDuration::from_hours(48));
    let reviewer = app.staff("reviewer-1101").await;
    let seen = reviewer.get("/review/forecast").await.done();
    assert_eq!(seen["overdue"], 2);
}

async fn r42_a_forecast_is_an_offices_own(app: App) {
    let reviewer = app.staff("reviewer-1101").await;
    let other = "/review/forecast?office=5101";
    reviewer
        .get(other)
        .await
        .problem(403, "office-out-of-scope");
    let admin = app.staff("admin").await;
    let elsewhere = admin.get(other).await.done();
    assert_eq!(elsewhere["office"], "5101");
    admin
        .get("/review/forecast?office=9999")
        .await
        .problem(404, "not-found");
    admin
        .get("/review/forecast")
        .await
        .problem(403, "no-office");
    let counter = app.staff("counter-1101").await;
    counter
        .get("/review/forecast")
        .await
        .problem(403, "not-your-role");
}

async fn r42_machines_read_the_queues_without_persons(app: App) {
    let cases = applications(&app, 2).await;
    let metrics = async || app.client().get("/metrics").await.text();
    let text = metrics().await;
    for line in [
        r#"jiazhao_review_open{office="1101"} 2"#,
        r#"jiazhao_review_waiting{office="1101"} 2"#,
        r#"jiazhao_review_overdue{office="1101"} 0"#,
        r#"jiazhao_review_decision_seconds{office="1101"} 120"#,
        r#"jiazhao_review_arrivals_per_day{office="1101"} 2"#,
    ] {
        assert!(text.lines().any(|it| it == line), "{line}\n{text}");
    }
    assert!(
        !text.contains(&cases[0]) && !text.contains("110199"),
        "{text}"
    );
    // They are made anew once a minute.
    let approve = json!({"decision": "approve"});
    decide(&app, "1101", &cases[0], &approve).await.done();
    assert!(
        metrics()
            .await
            .contains(r#"jiazhao_review_open{office="1101"} 2"#)
    );
    app.clock.advance(SignedDuration::from_secs(60));
    assert!(
        metrics()
            .await
            .contains(r#"jiazhao_review_open{office="1101"} 1"#)
    );
}

async fn r87_the_load_of_an_office_is_at_hand(app: App) {
    applications(&app, 2).await;
    let load = async |office| {
        let load = app.authority.review_load(office, app.clock.now()).await;
        load.unwrap()
    };
    let here = load("1101").await;
    assert_eq!((here.open, here.waiting, here.overdue), (2, 2, 0));
    let there = load("5101").await;
    assert_eq!((there.open, there.waiting), (0, 0));
    let reviewer = app.staff("reviewer-1101").await;
    reviewer.post("/review/claims", &json!({})).await.done();
    assert_eq!(load("1101").await.waiting, 1);
    app.clock.advance(SignedDuration::from_hours(48));
    let late = load("1101").await;
    assert_eq!((late.waiting, late.overdue), (2, 2));
}
