//! Sessions, and who may use them from where.

use axum::{body::Body, http::Request};
use jiff::SignedDuration;
use serde_json::json;

use crate::harness::{HOST, PASSWORD, Site};

#[tokio::test]
async fn a_session_lives_in_a_cookie_until_its_end() {
    let site = Site::open().await;
    let body = json!({"kind": "staff", "login": "admin", "password": PASSWORD});
    let answer = site.post("/api/v1/sessions", "", &body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json()["roles"], json!(["admin"]));
    let set = answer.headers["set-cookie"].to_str().unwrap();
    for part in [
        "HttpOnly",
        "SameSite=Strict",
        "Path=/",
        "Max-Age=28800",
        "Secure",
    ] {
        assert!(set.split("; ").any(|it| it == part), "{part}: {set}");
    }
    let token = answer.cookie();
    let token = token.strip_prefix("jz_session=").unwrap();
    assert!(!answer.text().contains(token));
    let admin = answer.cookie();
    assert_eq!(site.get("/api/v1/admin/offices", &admin).await.status, 200);
    site.clock.advance(SignedDuration::from_hours(9));
    let late = site.get("/api/v1/admin/offices", &admin).await;
    assert_eq!(
        (late.status.as_u16(), late.code()),
        (401, "sign-in-required".to_owned())
    );
}

#[tokio::test]
async fn a_wrong_password_is_refused_without_a_cookie() {
    let site = Site::open().await;
    let body = json!({"kind": "staff", "login": "admin", "password": "not that one"});
    let answer = site.post("/api/v1/sessions", "", &body).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (401, "wrong-login".to_owned())
    );
    assert!(!answer.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn signing_out_ends_session_and_cookie_and_may_be_repeated() {
    let site = Site::open().await;
    let admin = site.sign_in("admin").await;
    for _ in 0..2 {
        let request = Request::delete("/api/v1/sessions/current")
            .header("cookie", &admin)
            .header("content-type", "application/json");
        let answer = site.ask(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
        assert_eq!(answer.cookie(), "jz_session=");
        let set = answer.headers["set-cookie"].to_str().unwrap();
        assert!(set.contains("Max-Age=0"));
        assert_eq!(site.get("/api/v1/admin/offices", &admin).await.status, 401);
    }
}

#[tokio::test]
async fn a_stale_cookie_does_not_keep_anybody_from_signing_in() {
    let site = Site::open().await;
    let body = json!({"kind": "staff", "login": "admin", "password": PASSWORD});
    let answer = site
        .post("/api/v1/sessions", "jz_session=stale", &body)
        .await;
    assert_eq!(answer.status, 201);
}

#[tokio::test]
async fn another_sites_page_cannot_act_with_a_session() {
    let site = Site::open().await;
    let admin = site.sign_in("admin").await;
    let office = json!({"code": "1101-01", "name": "样例窗口", "authority_code": "1101"});
    let send = async |origin: &str, kind: &str| {
        let request = Request::post("/api/v1/admin/offices")
            .header("cookie", &admin)
            .header("host", HOST)
            .header("origin", origin)
            .header("content-type", kind);
        site.ask(request.body(Body::from(office.to_string())).unwrap())
            .await
    };
    let foreign = send("https://evil.example", "application/json").await;
    assert_eq!(
        (foreign.status.as_u16(), foreign.code()),
        (403, "cross-origin".to_owned())
    );
    let form = send("https://jz.example", "text/plain").await;
    assert_eq!(
        (form.status.as_u16(), form.code()),
        (415, "wrong-content-type".to_owned())
    );
    let offices = site.get("/api/v1/admin/offices", &admin).await;
    assert_eq!(offices.json(), json!([]));
    let own = send("https://jz.example", "application/json").await;
    assert_eq!(own.status, 201, "{}", own.text());
    let offices = site.get("/api/v1/admin/offices", &admin).await;
    assert_eq!(offices.json(), json!([office]));
}

#[tokio::test]
async fn who_is_not_signed_in_is_refused_before_the_body_is_looked_at() {
    let site = Site::open().await;
    let document: serde_json::Value =
        serde_json::from_str(&service::openapi().to_json().unwrap()).unwrap();
    let mut refused = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            // Signing out is answered to anybody; what has other security is public or a source's.
            if operation.get("security").is_some() || path == "/api/v1/sessions/current" {
                continue;
            }
            let request = Request::builder()
                .method(method.to_uppercase().as_str())
                .uri(path.replace("{id}", "x"))
                .header("content-type", "application/json");
            let answer = site.ask(request.body(Body::from("{")).unwrap()).await;
            assert_eq!(answer.status, 401, "{method} {path}");
            assert_eq!(answer.code(), "sign-in-required", "{method} {path}");
            refused += 1;
        }
    }
    assert!(refused > 20, "{refused}");
}
