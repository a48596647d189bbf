//! The search for duplicate faces: off by default, bounded, and open about its mistakes (重复人脸排查).

use authority::AutomaticIssue;
use jiff::SignedDuration;
use serde_json::{Value, json};
use testkit::{
    app::App,
    client::Client,
    people::{BEIJING, BEIJING_OTHER, CHENGDU, data_url, record, with},
};

use crate::{
    applying::sitter,
    on_both_engines,
    steps::{counter_application, deliver},
};

on_both_engines!(
    the_duplicate_search_is_off_by_default_and_keeps_nothing,
    the_duplicate_search_finds_one_face_under_two_licences_of_an_office,
);

/// An officer takes this photo of a driver, and a reviewer claims the case.
async fn reviewed(app: &App, number: &str, photo: &[u8]) -> (Client, String) {
    deliver(app, &[record(number)]).await;
    let city = &number[..4];
    let officer = app.staff(&format!("counter-{city}")).await;
    let taken = json!({"photo": data_url(photo)});
    let application = with(counter_application(number), taken);
    let made = officer.post("/counter/applications", &application).await;
    let id = made.done()["id"].as_str().unwrap().to_owned();
    let reviewer = app.staff(&format!("reviewer-{city}")).await;
    let claim = format!("/review/applications/{id}/claim");
    reviewer.post(&claim, &json!({})).await.done();
    (
        reviewer,
        format!("/review/applications/{id}/duplicate-search"),
    )
}

async fn kept(app: &App, office: &str) -> usize {
    let when = (
        app.clock.now() - SignedDuration::from_hours(2400),
        app.clock.now(),
    );
    let rows = app.authority.store().face_templates(office, when, 100);
    rows.await.unwrap().len()
}

async fn the_duplicate_search_is_off_by_default_and_keeps_nothing(app: App) {
    let app = app.with_faces(AutomaticIssue::Off).await;
    let photo = sitter(0).studio().photo(0).unwrap();
    let (reviewer, search) = reviewed(&app, BEIJING, &photo).await;
    reviewer
        .post(&search, &json!({}))
        .await
        .problem(503, "duplicate-search-off");
    assert_eq!(kept(&app, "1101").await, 0);
}

async fn the_duplicate_search_finds_one_face_under_two_licences_of_an_office(app: App) {
    let app = app.with_faces(AutomaticIssue::Off).await;
    let app = app
        .with_duplicate_search(SignedDuration::from_hours(48))
        .await;
    let who = sitter(0);
    let first = who.studio().photo(0).unwrap();
    let again = who.studio().photo(1).unwrap();
    let other = sitter(1).studio().photo(0).unwrap();
    let (reviewer, search) = reviewed(&app, BEIJING, &first).await;
    let alone = reviewer.post(&search, &json!({})).await.done();
    assert_eq!(
        (&alone["compared"], &alone["duplicates"]),
        (&json!(0), &json!([]))
    );
    let elsewhere = app.staff("reviewer-5101").await;
    elsewhere
        .post(&search, &json!({}))
        .await
        .problem(403, "office-out-of-scope");
    // Another face of the same office, and the same face at another office: neither is found.
    let (reviewer, search) = reviewed(&app, BEIJING_OTHER, &other).await;
    let found = reviewer.post(&search, &json!({})).await.done();
    assert_eq!(
        (&found["compared"], &found["duplicates"]),
        (&json!(1), &json!([]))
    );
    let (reviewer, search) = reviewed(&app, CHENGDU, &again).await;
    let found = reviewer.post(&search, &json!({})).await.done();
    assert_eq!(found["compared"], 0);
    // The same face once more, under a third licence of the first office.
    let third = crate::steps::beijing_number(7);
    let (reviewer, search) = reviewed(&app, &third, &again).await;
    let found = reviewer.post(&search, &json!({})).await.done();
    assert_eq!(found["compared"], 2);
    assert_eq!(found["duplicates"].as_array().unwrap().len(), 1, "{found}");
    let number = |name: &str| found[name].as_f64().unwrap();
    assert!((number("expected_false_alerts") - 0.002).abs() < 1e-9);
    assert!((number("false_alerts_bound") - 0.004).abs() < 1e-9);
    assert_ne!(found["duplicates"][0]["application"], Value::Null);

    // After their time the faces are gone.
    assert_eq!(kept(&app, "1101").await, 3);
    assert_eq!(app.authority.erase_templates(&app.act()).await.unwrap(), 0);
    app.clock.advance(SignedDuration::from_hours(48));
    assert_eq!(app.authority.erase_templates(&app.act()).await.unwrap(), 4);
    assert_eq!(kept(&app, "1101").await, 0);
}
