//! What router and layers do to any request.

use axum::{
    body::{Body, Bytes},
    http::Request,
};
use futures_util::stream;
use serde_json::json;

use crate::harness::Site;

#[tokio::test]
async fn what_is_not_served_is_a_problem_with_all_headers() {
    let site = Site::open().await;
    let unknown = site.get("/api/v1/110101199003070011", "").await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.code()),
        (404, "unknown-path".to_owned())
    );
    assert_eq!(unknown.headers["cache-control"], "no-store");
    assert_eq!(unknown.headers["x-content-type-options"], "nosniff");
    assert_eq!(unknown.headers["x-request-id"].len(), 32);
    let method = site.get("/api/v1/sessions", "").await;
    assert_eq!(
        (method.status.as_u16(), method.code()),
        (405, "method-not-allowed".to_owned())
    );
    assert_eq!(method.headers["allow"], "POST");
    let outside = site.get("/nothing", "").await;
    assert_eq!(outside.code(), "unknown-path");
    let again = site.get("/nothing", "").await;
    assert_ne!(
        again.headers["x-request-id"],
        outside.headers["x-request-id"]
    );
}

#[tokio::test]
async fn a_body_of_100_mb_is_refused_before_it_is_read() {
    let site = Site::open().await;
    for path in ["/api/v1/sessions", "/api/v1/registry/changes"] {
        let never = stream::poll_fn(
            |_| -> std::task::Poll<Option<Result<Bytes, std::io::Error>>> {
                panic!("the body is read")
            },
        );
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header("content-length", 100_000_000);
        let answer = site
            .ask(request.body(Body::from_stream(never)).unwrap())
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (413, "body-too-large".to_owned())
        );
    }
}

#[tokio::test]
async fn a_body_that_hides_its_length_is_cut_off_at_the_limit() {
    let site = Site::open().await;
    let piece = || {
        Some((
            Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 1 << 20])),
            (),
        ))
    };
    let endless = stream::unfold((), move |()| std::future::ready(piece()));
    let request = Request::post("/api/v1/sessions").header("content-type", "application/json");
    let answer = site
        .ask(request.body(Body::from_stream(endless)).unwrap())
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (413, "body-too-large".to_owned())
    );
}

#[tokio::test]
async fn a_body_that_never_ends_is_answered_in_time() {
    let site = Site::open_with(service::Settings {
        timeout: std::time::Duration::from_millis(50),
        ..service::Settings::default()
    })
    .await;
    let never = stream::pending::<Result<Bytes, std::io::Error>>();
    let request = Request::post("/api/v1/sessions").header("content-type", "application/json");
    let answer = site
        .ask(request.body(Body::from_stream(never)).unwrap())
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (503, "timed-out".to_owned())
    );
    assert_eq!(answer.headers["retry-after"], "5");
}

#[tokio::test]
async fn bodies_are_json_of_the_right_shape() {
    let site = Site::open().await;
    let send = async |kind: &str, body: &'static str| {
        let request = Request::post("/api/v1/sessions").header("content-type", kind);
        let answer = site.ask(request.body(Body::from(body)).unwrap()).await;
        (answer.status.as_u16(), answer.code())
    };
    let form = send("application/x-www-form-urlencoded", "login=x").await;
    assert_eq!(form, (415, "wrong-content-type".to_owned()));
    let broken = send("application/json", "{").await;
    assert_eq!(broken, (400, "invalid-request".to_owned()));
    let shape = send("application/json", "{}").await;
    assert_eq!(shape, (422, "invalid-request".to_owned()));
}

#[tokio::test]
async fn operators_see_health_counts_and_the_document() {
    let site = Site::open().await;
    assert_eq!(site.get("/healthz", "").await.text(), "ok\n");
    assert_eq!(site.get("/readyz", "").await.text(), "ready\n");
    let document = site.get("/api/openapi.json", "").await;
    assert_eq!(document.text(), service::openapi().to_json().unwrap());
    site.get("/api/v1/holder/applications/A-SECRET", "").await;
    site.get("/api/v1/nowhere/A-SECRET", "").await;
    let counts = site.get("/metrics", "").await;
    for sample in [
        "{method=\"GET\",route=\"/healthz\",status=\"2xx\"} 1",
        "{method=\"GET\",route=\"/api/v1/holder/applications/{id}\",status=\"4xx\"} 1",
        "{method=\"other\",route=\"other\",status=\"4xx\"} 1",
    ] {
        assert!(
            counts.text().contains(sample),
            "{sample}\n{}",
            counts.text()
        );
    }
    assert!(!counts.text().contains("SECRET"));
}

#[tokio::test]
async fn the_front_page_loads_nothing_from_elsewhere_and_marks_the_demonstration() {
    let site = Site::open().await;
    let page = site.get("/", "").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("样证"));
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self';"));
    assert_eq!(site.get("/page.css", "").await.status, 200);
}

#[tokio::test]
async fn the_trust_list_is_public_and_need_not_be_sent_twice() {
    let site = Site::open().await;
    let first = site.get("/api/v1/trust-list", "").await;
    assert_eq!(first.status, 200);
    assert_eq!(first.text(), site.authority.trust_list().unwrap());
    let tag = first.headers["etag"].clone();
    let request = Request::get("/api/v1/trust-list").header("if-none-match", tag);
    let again = site.ask(request.body(Body::empty()).unwrap()).await;
    assert_eq!(again.status, 304);
    assert!(again.bytes.is_empty());
}

#[tokio::test]
async fn a_bad_idempotency_key_or_query_is_named() {
    let site = Site::open().await;
    let admin = site.sign_in("admin").await;
    let request = Request::post("/api/v1/verifications")
        .header("cookie", &admin)
        .header("content-type", "application/json")
        .header("idempotency-key", "two words");
    let body = json!({"code": "1", "purpose": "enforcement"}).to_string();
    let answer = site.ask(request.body(Body::from(body)).unwrap()).await;
    assert_eq!(answer.status, 422);
    assert_eq!(
        answer.json()["reasons"][0]["code"],
        "invalid-idempotency-key"
    );
    let query = site
        .get("/api/v1/holder/e-licence/credential?sweet=ES256", &admin)
        .await;
    assert_eq!(
        (query.status.as_u16(), query.code()),
        (422, "invalid-request".to_owned())
    );
}

/// With the web apps left in: the two pages where they were built, and the page that says what is
/// missing where not; in both cases only what a person asks for is a page.
#[tokio::test]
async fn the_web_apps_are_served_where_they_are_part_of_the_build() {
    let site = Site::open_with(service::Settings {
        web: true,
        demo: true,
        ..service::Settings::default()
    })
    .await;
    let built = service::web_apps_built();
    for (path, camera) in [("/", "camera=()"), ("/verify", "camera=(self)")] {
        let page = site.get(path, "").await;
        assert_eq!(page.status, 200, "{path}");
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe-inline"));
        assert_eq!(page.headers["x-content-type-options"], "nosniff");
        if built {
            assert!(page.text().contains("name=\"jiazhao\" content=\"demo\""));
            let permissions = page.headers["permissions-policy"].to_str().unwrap();
            assert!(permissions.starts_with(camera), "{permissions}");
        } else {
            assert!(page.text().contains("cargo xtask build"));
        }
    }
    for file in ["/nothing", "/nothing.js", "/assets/nothing.js", "/.gitkeep"] {
        assert_eq!(site.get(file, "").await.status, 404, "{file}");
    }
    let asked = Request::get("/account").header("accept", "text/html,*/*");
    let page = site.ask(asked.body(Body::empty()).unwrap()).await;
    assert_eq!(page.status, 200);
}
