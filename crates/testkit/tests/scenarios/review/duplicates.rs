//! The search for duplicate faces: off by default, bounded, and open about its mistakes (重复人脸排查).

use authority::{AutomaticIssue, SearchScope};
use jiff::SignedDuration;
use serde_json::{Value, json};
use storage::FacesNear;
use testkit::{
    app::App,
    client::Client,
    people::{BEIJING, BEIJING_OTHER, CHENGDU, data_url, record, with},
};

use crate::{
    applying::{Applicant, sitter},
    on_both_engines,
    steps::{activate, counter_application, deliver, number_in},
};

/// A day and another.
const KEPT: SignedDuration = SignedDuration::from_hours(48);

on_both_engines!(
    the_duplicate_search_is_off_by_default_and_keeps_nothing,
    the_duplicate_search_finds_one_face_under_two_licences_of_an_office,
    the_duplicate_search_goes_by_device_and_source_too,
    the_duplicate_search_goes_no_further_than_its_scope,
    a_face_that_was_missed_is_kept_at_a_claim_for_the_time_that_is_left,
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
    let near = FacesNear {
        office: Some(office),
        ..FacesNear::default()
    };
    let rows = app.authority.store().face_templates(&near, when, 100);
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
    let app = app.with_duplicate_search(KEPT, SearchScope::ALL).await;
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
    assert_eq!(found["duplicates"][0]["shares"], json!(["office"]));

    // After their time the faces are gone.
    assert_eq!(kept(&app, "1101").await, 3);
    assert_eq!(app.authority.erase_templates(&app.act()).await.unwrap(), 0);
    app.clock.advance(KEPT);
    assert_eq!(app.authority.erase_templates(&app.act()).await.unwrap(), 4);
    assert_eq!(kept(&app, "1101").await, 0);
}

/// A driver who submits this face in the app, in Beijing, and the same face twice in Chengdu: on the same
/// device, and from the same source. Answers who may review in Chengdu, and where the two are searched for.
async fn one_face_thrice(app: &App) -> (Client, [String; 2]) {
    let who = sitter(0);
    let numbers = [BEIJING.to_owned(), CHENGDU.to_owned(), number_in("5101", 7)];
    let records = numbers.each_ref().map(|number| record(number));
    deliver(app, &records).await;
    let [first, same_device, same_source] = &numbers;
    let first = Applicant::new(app, first).await;
    let same_device = Applicant::new(app, same_device).await;
    assert_eq!(first.device.key(), same_device.device.key());
    let elsewhere = activate(app, same_source)
        .await
        .at_address_of(&first.driver);
    let same_source = Applicant::of_another_device(elsewhere);
    assert_ne!(first.device.key(), same_source.device.key());
    let camera = ("first", "camera");
    first.submitted(app, camera, &who).await;
    let mut searches = Vec::new();
    let reviewer = app.staff("reviewer-5101").await;
    for applicant in [&same_device, &same_source] {
        let submitted = applicant.submitted(app, camera, &who).await;
        assert_eq!(submitted["stage"], "under-review");
        let path = format!("/review/applications/{}", submitted["id"].as_str().unwrap());
        let claim = format!("{path}/claim");
        reviewer.post(&claim, &json!({})).await.done();
        searches.push(format!("{path}/duplicate-search"));
    }
    (reviewer, searches.try_into().unwrap())
}

/// What those that were found share with the case, and how many were compared.
async fn shared(reviewer: &Client, search: &str) -> (u64, Vec<Value>) {
    let found = reviewer.post(search, &json!({})).await.done();
    let duplicates = found["duplicates"].as_array().unwrap();
    let shares = duplicates.iter().map(|it| it["shares"].clone());
    (found["compared"].as_u64().unwrap(), shares.collect())
}

async fn the_duplicate_search_goes_by_device_and_source_too(app: App) {
    let app = app.with_faces(AutomaticIssue::Off).await;
    let app = app.with_duplicate_search(KEPT, SearchScope::ALL).await;
    let (reviewer, [by_device, by_source]) = one_face_thrice(&app).await;
    // What another office reviews comes first, since it shares more than an office.
    assert_eq!(
        shared(&reviewer, &by_device).await,
        (2, vec![json!(["device"]), json!(["office"])])
    );
    assert_eq!(
        shared(&reviewer, &by_source).await,
        (2, vec![json!(["source"]), json!(["office"])])
    );
}

async fn the_duplicate_search_goes_no_further_than_its_scope(app: App) {
    let app = app.with_faces(AutomaticIssue::Off).await;
    let office = SearchScope {
        device: false,
        source: false,
        ..SearchScope::ALL
    };
    let app = app.with_duplicate_search(KEPT, office).await;
    let (reviewer, searches) = one_face_thrice(&app).await;
    for search in &searches {
        let found = shared(&reviewer, search).await;
        assert_eq!(found, (1, vec![json!(["office"])]));
    }
    // What is not searched by is not kept.
    let near = FacesNear {
        office: Some("1101"),
        ..FacesNear::default()
    };
    let when = (app.clock.now() - KEPT, app.clock.now());
    let rows = app.authority.store().face_templates(&near, when, 9).await;
    let rows = rows.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0].device, &rows[0].source), (&None, &None));
}

/// Nothing was kept at the submission: the claim makes up for it, and its time runs from the submission.
async fn a_face_that_was_missed_is_kept_at_a_claim_for_the_time_that_is_left(app: App) {
    let app = app.with_faces(AutomaticIssue::Off).await;
    deliver(&app, &[record(BEIJING), record(BEIJING_OTHER)]).await;
    let mut claims = Vec::new();
    let submitted_at = app.clock.now();
    for number in [BEIJING, BEIJING_OTHER] {
        let applicant = Applicant::new(&app, number).await;
        let submitted = applicant
            .submitted(&app, ("first", "camera"), &sitter(0))
            .await;
        let id = submitted["id"].as_str().unwrap();
        claims.push(format!("/review/applications/{id}/claim"));
    }
    let app = app.with_duplicate_search(KEPT, SearchScope::ALL).await;
    assert_eq!(kept(&app, "1101").await, 0);
    app.clock.advance(SignedDuration::from_hours(1));
    let reviewer = app.staff("reviewer-1101").await;
    reviewer.post(&claims[0], &json!({})).await.done();
    let near = FacesNear {
        office: Some("1101"),
        ..FacesNear::default()
    };
    let when = (submitted_at, app.clock.now());
    let rows = app.authority.store().face_templates(&near, when, 9).await;
    let rows = rows.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].expires_at, rows[0].created_at + KEPT);
    assert!(rows[0].created_at < app.clock.now() - SignedDuration::from_mins(50));
    // Once that time is over none is made any more.
    app.clock.advance(KEPT);
    let reviewer = app.staff("reviewer-1101").await;
    reviewer.post(&claims[1], &json!({})).await.done();
    assert_eq!(kept(&app, "1101").await, 0);
    assert_eq!(app.authority.erase_templates(&app.act()).await.unwrap(), 1);
}
