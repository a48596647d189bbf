//! Deliveries of registry records.

use serde_json::json;

use crate::harness::{Site, record};

const LINES: &str = "application/x-ndjson";
const ARRAY: &str = "application/json";

#[tokio::test]
async fn a_source_must_be_known() {
    let site = Site::open().await;
    for token in ["", "wrong"] {
        let answer = site.deliver(token, LINES, record(1).to_string()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (401, "unknown-source".to_owned())
        );
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    // A signed-in member of staff is no source.
    let admin = site.sign_in("admin").await;
    let answer = site
        .post("/api/v1/registry/changes", &admin, &json!([]))
        .await;
    assert_eq!(answer.code(), "unknown-source");
}

#[tokio::test]
async fn good_records_are_applied_beside_bad_ones() {
    let site = Site::open().await;
    let token = site.source(&site.sign_in("admin").await).await;
    let lines = format!("{{oops\r\n\r\n{}\n", record(1));
    let answer = site.deliver(&token, LINES, lines).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let view = answer.json();
    assert_eq!(
        (&view["imported"], &view["rejected"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(view["rejects"][0]["line"], 1);
    let array = json!([record(1), 42, record(2)]).to_string();
    let view = site.deliver(&token, ARRAY, array).await.json();
    assert_eq!(
        (&view["imported"], &view["unchanged"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(view["rejects"][0]["line"], 2);
}

#[tokio::test]
async fn what_is_no_delivery_is_refused_as_a_whole() {
    let site = Site::open().await;
    let token = site.source(&site.sign_in("admin").await).await;
    for (kind, body, status) in [
        (LINES, "", 422),
        (LINES, "not a record", 422),
        (ARRAY, "[]", 422),
        (ARRAY, "[{}", 400),
        (ARRAY, "{}", 422),
    ] {
        let answer = site.deliver(&token, kind, body).await;
        assert_eq!(answer.status, status, "{body}");
        assert_eq!(answer.code(), "invalid-request", "{body}");
    }
    let csv = site.deliver(&token, "text/csv", "a,b").await;
    assert_eq!(
        (csv.status.as_u16(), csv.code()),
        (415, "wrong-content-type".to_owned())
    );
}
