//! What is published, period by period.

use credential::Width;
use jiff::SignedDuration;
use storage::{Partition, StatusPlace, Steward};
use testkit::{
    app::App,
    client::{Answer, Client},
    people::{BEIJING, CHENGDU},
};

use super::{CWT, JWT, fetch, letters, place_of, public_list, publish, read};
use crate::{
    on_both_engines,
    steps::{driver_with_licence, issue},
};

on_both_engines!(
    lists_are_signed_in_every_form_and_suite,
    a_change_is_in_the_list_at_its_next_period,
    red_is_told_apart_for_the_police_only,
    what_is_not_there_or_not_known_is_said,
    a_list_that_did_not_change_is_not_sent_again,
    pages_of_any_origin_read_what_is_public_and_nothing_else,
    of_two_nodes_one_publishes,
    a_list_retires_with_its_last_credential,
    the_age_of_the_lists_is_measured,
);

/// After the period the lists are published.
const PERIOD: SignedDuration = SignedDuration::from_mins(10);

/// A key of this age signs lists.
const YOUNGEST: SignedDuration = SignedDuration::from_secs(30);

/// A driver, and where their credential has its place; the keys are old enough for lists.
async fn placed(app: &App) -> (Client, StatusPlace) {
    let driver = driver_with_licence(app, BEIJING).await;
    app.clock.advance(YOUNGEST);
    let place = place_of(app, &driver).await;
    (driver, place)
}

async fn lists_are_signed_in_every_form_and_suite(app: App) {
    let (_, place) = placed(&app).await;
    assert_eq!(publish(&app, "one").await, 1);
    let client = app.client();
    for (suite, accept) in [
        ("ES256", JWT),
        ("ES256", CWT),
        ("SM2-SM3", JWT),
        ("SM2-SM3", CWT),
    ] {
        let path = format!("/status-lists/{}?suite={suite}", place.list);
        let answer = fetch(&client, &path, &[("accept", accept)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.headers["content-type"], accept);
        assert_eq!(answer.headers["cache-control"], "public, max-age=600");
        assert_eq!(answer.headers["vary"], "Accept");
        assert!(!answer.headers.contains_key("content-encoding"));
        let list = read(&app, &answer).await;
        assert_eq!((list.number(), list.width()), (place.list, Width::Two));
        assert_eq!(list.value(place.index.into()), Some(0));
        let unused = u64::from(place.index ^ 1);
        assert_eq!(
            list.value(unused),
            Some(1),
            "a place of nobody grants nothing"
        );
        assert_eq!(list.value(1 << 20), None);
        assert_eq!(list.ttl(), 600);
        // The instant lies before any act that may still commit.
        let issued_at = list.issued_at().timestamp();
        assert_eq!(app.clock.now().duration_since(issued_at).as_secs(), 30);
        let lasts = list
            .next_update()
            .timestamp()
            .duration_since(app.clock.now());
        assert_eq!(lasts, SignedDuration::from_hours(24));
    }
    // The suite of codes, where nothing is said.
    let plain = fetch(&client, "/status-lists/0", &[]).await;
    assert_eq!(plain.headers["content-type"], JWT);
    let sm2 = fetch(&client, "/status-lists/0?suite=SM2-SM3", &[]).await;
    assert_eq!(plain.body, sm2.body);

    let index = client.get("/status-lists").await.done();
    let address = "http://localhost:8080/api/v1/status-lists/0";
    assert_eq!(index["status_lists"], serde_json::json!([address]));
    assert_eq!(index["lists"][0]["number"], 0);
    assert_eq!(index["lists"][0]["entries"], 1 << 20);
    assert_eq!(index["lists"][0]["forms"].as_array().unwrap().len(), 4);
}

async fn a_change_is_in_the_list_at_its_next_period(app: App) {
    let (_, place) = placed(&app).await;
    let value = async || public_list(&app).await.value(place.index.into());
    // The first list of all does not wait.
    assert_eq!(publish(&app, "one").await, 1);
    assert_eq!(value().await, Some(0));
    letters(&app, BEIJING, "J", 2).await;
    app.clock.advance(PERIOD - SignedDuration::from_secs(1));
    assert_eq!(publish(&app, "one").await, 0);
    assert_eq!(value().await, Some(0), "as of its own time");
    app.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(publish(&app, "one").await, 1);
    assert_eq!(value().await, Some(2));
    letters(&app, BEIJING, "A", 3).await;
    app.clock.advance(PERIOD);
    assert_eq!(publish(&app, "one").await, 1);
    assert_eq!(value().await, Some(0));
    letters(&app, BEIJING, "G", 4).await;
    app.clock.advance(PERIOD);
    assert_eq!(publish(&app, "one").await, 1);
    assert_eq!(value().await, Some(1));
}

/// A verifier's page of another origin checks offline by the same lists.
async fn pages_of_any_origin_read_what_is_public_and_nothing_else(app: App) {
    let (driver, _) = placed(&app).await;
    publish(&app, "one").await;
    let elsewhere = [("origin", "https://verifier.example"), ("accept", CWT)];
    let open = |answer: &Answer| {
        let value = |name: &str| answer.headers.get(name).map(|it| it.to_str().unwrap());
        let anybody = value("access-control-allow-origin") == Some("*");
        assert_eq!(
            anybody,
            value("cross-origin-resource-policy") == Some("cross-origin")
        );
        assert_eq!(value("access-control-allow-credentials"), None);
        anybody
    };
    for path in ["/trust-list", "/status-lists", "/status-lists/0"] {
        let answer = fetch(&app.client(), path, &elsewhere).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(open(&answer), "{path}");
        assert!(
            answer.headers["cache-control"]
                .to_str()
                .unwrap()
                .starts_with("public")
        );
    }
    // That there is no such list is as public as the list; a page tells it from having no network.
    let none = fetch(&app.client(), "/status-lists/9", &elsewhere).await;
    assert_eq!((none.status, open(&none)), (404, true));
    let police = app.staff("police").await;
    for (client, path) in [
        (&police, "/verifier/status-lists/0"),
        (&driver, "/holder/licence"),
        (&driver, "/holder/e-licence"),
        (&app.client(), "/sessions"),
    ] {
        assert!(!open(&fetch(client, path, &elsewhere).await), "{path}");
    }
}

async fn red_is_told_apart_for_the_police_only(app: App) {
    let (driver, place) = placed(&app).await;
    letters(&app, BEIJING, "B", 2).await;
    publish(&app, "one").await;
    assert_eq!(
        public_list(&app).await.value(place.index.into()),
        Some(2),
        "red reads as suspended"
    );
    let path = "/verifier/status-lists/0";
    let police = app.staff("police").await;
    for accept in [JWT, CWT] {
        let answer = fetch(&police, path, &[("accept", accept)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.headers["cache-control"], "private, max-age=600");
        let readers = &answer.headers["cross-origin-resource-policy"];
        assert_eq!(readers, "same-origin");
        let list = read(&app, &answer).await;
        assert_eq!((list.number(), list.width()), (0, Width::Four));
        assert_eq!(list.value(place.index.into()), Some(3));
    }
    for login in ["window", "admin", "counter-1101"] {
        let staff = app.staff(login).await;
        staff.get(path).await.problem(403, "not-your-role");
    }
    driver.get(path).await.problem(403, "not-your-role");
    app.client()
        .get(path)
        .await
        .problem(401, "sign-in-required");
    // Whether there is such a list is told to nobody else either.
    let none = "/verifier/status-lists/9";
    app.client()
        .get(none)
        .await
        .problem(401, "sign-in-required");
    police.get(none).await.problem(404, "not-found");
}

async fn what_is_not_there_or_not_known_is_said(app: App) {
    let client = app.client();
    client
        .get("/status-lists/0")
        .await
        .problem(404, "not-found");
    let empty = client.get("/status-lists").await.done();
    assert_eq!(empty["lists"], serde_json::json!([]));
    assert_eq!(publish(&app, "one").await, 0, "there is nothing to publish");
    issue(&app, BEIJING).await;
    assert_eq!(publish(&app, "one").await, 0, "the keys are too young");
    app.clock.advance(YOUNGEST);
    publish(&app, "one").await;
    for path in [
        "/status-lists/1",
        "/status-lists/00",
        "/status-lists/x",
        "/status-lists/0?suite=RS256",
    ] {
        client.get(path).await.problem(404, "not-found");
    }
    let odd = client.get("/status-lists/0?bits=4").await;
    assert_eq!(odd.problem(422, "invalid-request"), ["wrong-query"]);
    let answer = fetch(
        &client,
        "/status-lists/0",
        &[("accept", "application/json")],
    )
    .await;
    answer.problem(406, "not-acceptable");
}

async fn a_list_that_did_not_change_is_not_sent_again(app: App) {
    issue(&app, BEIJING).await;
    app.clock.advance(YOUNGEST);
    publish(&app, "one").await;
    // A list that changed is signed once more, when its date is past the change.
    app.clock.advance(PERIOD);
    assert_eq!(publish(&app, "one").await, 1);
    let client = app.client();
    let path = "/status-lists/0";
    let first = fetch(&client, path, &[("accept", CWT)]).await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    let known = [("accept", CWT), ("if-none-match", tag.as_str())];
    let again = fetch(&client, path, &known).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.headers["etag"], tag);
    // Another form is another document.
    let jwt = fetch(&client, path, &[("if-none-match", tag.as_str())]).await;
    assert_eq!(jwt.status, 200);
    // Unchanged it is signed anew after an hour only, and copies are kept as long as is known.
    app.clock.advance(PERIOD);
    assert_eq!(publish(&app, "one").await, 0);
    let unchanged = fetch(&client, path, &known).await;
    assert_eq!(unchanged.status, 304);
    assert_eq!(unchanged.headers["cache-control"], "public, max-age=15");
    app.clock.advance(SignedDuration::from_mins(50));
    assert_eq!(publish(&app, "one").await, 1);
    let renewed = fetch(&client, path, &known).await;
    assert_eq!(renewed.status, 200);
    assert_eq!(renewed.headers["cache-control"], "public, max-age=600");
}

/// The lease keeps a second node from it, and the cursors whoever would not know as much.
async fn of_two_nodes_one_publishes(app: App) {
    issue(&app, BEIJING).await;
    app.clock.advance(YOUNGEST);
    let (second, _) = app.second_node().await;
    let act = app.act();
    let (here, there) = tokio::join!(
        app.authority.publish_status_lists(&act, "one"),
        second.publish_status_lists(&act, "two"),
    );
    assert_eq!(here.unwrap() + there.unwrap(), 1);
    // The next period is anybody's whose lease it is; a node first learns what others committed.
    letters(&app, BEIJING, "J", 2).await;
    app.clock.advance(PERIOD);
    let published = second.publish_status_lists(&app.act(), "two").await;
    assert_eq!(published.unwrap(), 1);
    let place = StatusPlace {
        list: 0,
        index: suspended(&app).await,
    };
    assert_eq!(second.status_in_memory(place), Some(2));
}

/// The only place of the public list that reads "suspended".
async fn suspended(app: &App) -> u32 {
    let list = public_list(app).await;
    let mut places = (0..1 << 20).filter(|index| list.value(u64::from(*index)) == Some(2));
    let found = places.next().unwrap();
    assert_eq!(places.next(), None);
    found
}

async fn a_list_retires_with_its_last_credential(app: App) {
    let (_, place) = placed(&app).await;
    publish(&app, "one").await;
    // Every other place of the list is handed out.
    let by = Steward {
        actor: "system:test",
        request: "test",
        now: app.clock.now(),
    };
    let past = storage::backup::Past {
        places: 4096,
        ..storage::backup::Past::default()
    };
    let store = app.authority.store();
    store.end_past(&past, "test.passed", &by).await.unwrap();
    let (second, other) = app.second_node().await;
    let day_before = SignedDuration::from_hours(364 * 24);
    app.clock.advance(day_before);
    assert_eq!(publish(&app, "one").await, 1);
    assert_eq!(app.client().get("/status-lists/0").await.status, 200);

    app.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(publish(&app, "one").await, 0);
    for client in [app.client(), other] {
        let gone = client.get("/status-lists/0").await;
        gone.problem(410, "status-list-retired");
    }
    let index = app.client().get("/status-lists").await.done();
    assert_eq!(index["lists"], serde_json::json!([]));
    assert_eq!(app.authority.status_in_memory(place), None);
    // The other node drops it at its next look, and a new start does not bring it back.
    assert!(second.status_in_memory(place).is_some());
    second
        .publish_status_lists(&app.act(), "two")
        .await
        .unwrap();
    assert_eq!(second.status_in_memory(place), None);
    letters(&app, BEIJING, "J", 2).await;
    let app = app.restarted().await;
    assert_eq!(app.authority.status_in_memory(place), None);
    // The next licence has its place in the next list.
    let next = driver_with_licence(&app, CHENGDU).await;
    assert_eq!(place_of(&app, &next).await.list, 1);
    app.clock.advance(PERIOD);
    assert_eq!(publish(&app, "one").await, 1);
    assert_eq!(app.client().get("/status-lists/1").await.status, 200);
}

async fn the_age_of_the_lists_is_measured(app: App) {
    issue(&app, BEIJING).await;
    app.clock.advance(YOUNGEST);
    publish(&app, "one").await;
    app.clock.advance(SignedDuration::from_secs(125));
    let metrics = app.client();
    let request = axum::http::Request::builder().uri("/metrics");
    let text = metrics
        .send(request, axum::body::Body::empty())
        .await
        .text();
    for line in [
        "jiazhao_status_lists_age_seconds 125",
        "jiazhao_status_lists_in_memory 1",
        "jiazhao_status_events_behind 0",
    ] {
        assert!(text.lines().any(|it| it == line), "{line}\n{text}");
    }
    // What is published is audited, without anybody's name.
    let store = app.authority.store();
    let rows = store.audit_after(Partition::SYSTEM, 0, 1000).await.unwrap();
    let row = rows.iter().find(|row| row.act == "status-lists.published");
    let detail: serde_json::Value = serde_json::from_str(&row.unwrap().detail).unwrap();
    assert_eq!(detail["lists"], serde_json::json!([0]));
}
