//! A holder's open page.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use http_body_util::BodyExt as _;
use serde_json::json;
use tokio::time::timeout;
use tower::ServiceExt as _;

use crate::harness::{NUMBER, PASSWORD, Site, record};

/// The next frame of a stream as text; none at its end.
async fn next(body: &mut Body) -> Option<String> {
    let frame = timeout(Duration::from_secs(10), body.frame())
        .await
        .unwrap()?;
    let data = frame.unwrap().into_data().unwrap();
    Some(String::from_utf8(data.to_vec()).unwrap())
}

/// Imports a driver, has an activation code made at the counter, and activates; the cookie.
async fn holder(site: &Site, token: &str, admin: &str) -> String {
    let delivered = site
        .deliver(token, "application/json", format!("[{}]", record(1)))
        .await;
    assert_eq!(delivered.json()["imported"], 1);
    let office = json!({"code": "1101-01", "name": "样例窗口", "authority_code": "1101"});
    site.post("/api/v1/admin/offices", admin, &office).await;
    let staff = json!({"login": "counter", "name": "样乙", "password": PASSWORD,
        "roles": ["counter"], "office": "1101-01"});
    let added = site.post("/api/v1/admin/staff", admin, &staff).await;
    assert_eq!(added.status, 201, "{}", added.text());
    let counter = site.sign_in("counter").await;
    let asked = json!({"licence_number": NUMBER, "identity": {"method": "id-card-reader"}});
    let code = site
        .post("/api/v1/counter/activation-codes", &counter, &asked)
        .await;
    assert_eq!(code.status, 201, "{}", code.text());
    let activation =
        json!({"licence_number": NUMBER, "code": code.json()["code"], "password": PASSWORD});
    let activated = site.post("/api/v1/activations", "", &activation).await;
    assert_eq!(activated.status, 201, "{}", activated.text());
    activated.cookie()
}

#[tokio::test]
async fn r10_a_page_learns_of_changes_until_its_session_ends() {
    let site = Site::open().await;
    let admin = site.sign_in("admin").await;
    let token = site.source(&admin).await;
    let cookie = holder(&site, &token, &admin).await;
    let request = Request::get("/api/v1/holder/events").header("cookie", &cookie);
    let request = request.body(Body::empty()).unwrap();
    let response = site.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let mut body = response.into_body();

    let lines = "application/x-ndjson";
    site.deliver(&token, lines, record(2).to_string()).await;
    let event = next(&mut body).await.unwrap();
    assert_eq!(event, "event: licence\ndata: {\"kind\":\"licence\"}\n\n");

    let sign_out = Request::delete("/api/v1/sessions/current")
        .header("cookie", &cookie)
        .header("content-type", "application/json");
    site.ask(sign_out.body(Body::empty()).unwrap()).await;
    site.deliver(&token, lines, record(3).to_string()).await;
    assert_eq!(next(&mut body).await, None);
}

#[tokio::test]
async fn r77_staff_have_no_page_of_a_holder() {
    let site = Site::open().await;
    let admin = site.sign_in("admin").await;
    let answer = site.get("/api/v1/holder/events", &admin).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (403, "not-your-role".to_owned())
    );
}
