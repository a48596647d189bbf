//! Hostile and mistaken requests: each gets a clear refusal, and nothing is half done.

use axum::{body::Body, http::Method};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use testkit::{
    app::App,
    people::{BEIJING, record},
};

use crate::{
    on_both_engines,
    steps::{apply, counter_application, deliver},
};

on_both_engines!(
    photos_that_are_none_are_refused_and_nothing_is_kept,
    bodies_of_the_wrong_size_type_and_shape_are_refused,
    requests_from_other_origins_are_refused,
    weak_passwords_are_refused,
    unknown_paths_and_methods_are_problems_too,
    the_openapi_document_names_every_path,
);

async fn photos_that_are_none_are_refused_and_nothing_is_kept(app: App) {
    deliver(&app, &[record(BEIJING)]).await;
    let officer = app.staff("counter-1101").await;
    let try_photo = async |photo: &str| {
        let mut request = counter_application(BEIJING);
        request["photo"] = json!(photo);
        officer.post("/counter/applications", &request).await
    };
    let data = |bytes: &[u8]| format!("data:image/png;base64,{}", STANDARD.encode(bytes));
    let mut bomb =
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\x01\x86\xa0\0\x01\x86\xa0\x08\x02\0\0\0".to_vec();
    bomb.extend([0; 64]);
    let whole = testkit::people::photo(40);
    for photo in [
        String::new(),
        "data:image/png;base64,".to_owned(),
        "data:image/png;base64,!!!!".to_owned(),
        "https://example.com/a.png".to_owned(),
        "/etc/passwd".to_owned(),
        data(b"GIF89a........"),
        data(&bomb),
        data(&whole[..whole.len() / 2]),
        data(&vec![0; 5 << 19]),
    ] {
        let answer = try_photo(&photo).await;
        answer.problem(422, "invalid-photo");
    }
    // Nothing stands in the way of a good one.
    apply(&app, BEIJING).await;
}

async fn bodies_of_the_wrong_size_type_and_shape_are_refused(app: App) {
    let officer = app.staff("counter-1101").await;
    let path = "/counter/applications";
    // 100 MB: refused by its announced length, and by what really comes.
    let big = vec![b' '; 100 << 20];
    officer
        .post_bytes(path, "application/json", big)
        .await
        .problem(413, "body-too-large");
    officer
        .post_bytes(path, "text/plain", "{}")
        .await
        .problem(415, "wrong-content-type");
    for body in ["", "{", "[]", "null", "{\"licence_number\": 1}"] {
        let answer = officer.post_bytes(path, "application/json", body).await;
        assert!([400, 422].contains(&answer.status), "{}", answer.text());
        answer.problem(answer.status, "invalid-request");
    }
    let mut unknown = counter_application(BEIJING);
    unknown["approve"] = json!(true);
    let answer = officer.post(path, &unknown).await;
    assert!([400, 422].contains(&answer.status), "{}", answer.text());
    let mut number = counter_application(BEIJING);
    number["licence_number"] = json!("110199199001019913");
    officer
        .post(path, &number)
        .await
        .problem(422, "invalid-licence-number");
}

async fn requests_from_other_origins_are_refused(app: App) {
    let officer = app.staff("counter-1101").await;
    let send = async |origin: &str| {
        let request = officer
            .request(Method::POST, "/counter/applications")
            .header("Content-Type", "application/json")
            .header("Origin", origin);
        let body = counter_application(BEIJING).to_string();
        officer.send(request, Body::from(body)).await
    };
    send("https://elsewhere.example")
        .await
        .problem(403, "cross-origin");
    send("null").await.problem(403, "cross-origin");
    send("http://localhost:8080")
        .await
        .problem(404, "not-found");
}

async fn weak_passwords_are_refused(app: App) {
    for password in ["short", "", &format!("x{BEIJING}x")] {
        let request =
            json!({"licence_number": BEIJING, "code": "22222-22222", "password": password});
        app.client()
            .post("/activations", &request)
            .await
            .problem(422, "weak-password");
    }
}

async fn unknown_paths_and_methods_are_problems_too(app: App) {
    let client = app.client();
    client.get("/nowhere").await.problem(404, "unknown-path");
    client
        .delete("/trust-list")
        .await
        .problem(405, "method-not-allowed");
}

async fn the_openapi_document_names_every_path(app: App) {
    let document: Value = app.client().get("/api/openapi.json").await.done();
    for path in [
        "/api/v1/sessions",
        "/api/v1/sessions/current",
        "/api/v1/activations",
        "/api/v1/holder/licence",
        "/api/v1/holder/eligibility",
        "/api/v1/holder/applications",
        "/api/v1/holder/applications/{id}",
        "/api/v1/holder/e-licence",
        "/api/v1/holder/e-licence/codes",
        "/api/v1/holder/look-ups",
        "/api/v1/holder/notifications",
        "/api/v1/holder/events",
        "/api/v1/counter/applications",
        "/api/v1/review/queue",
        "/api/v1/review/applications/{id}/claim",
        "/api/v1/review/applications/{id}/decision",
        "/api/v1/verifications",
        "/api/v1/verifications/{id}",
        "/api/v1/registry/changes",
        "/api/v1/trust-list",
    ] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
}
