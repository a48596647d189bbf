use axum::http::HeaderMap;

use super::*;

fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::from_static(value));
    headers
}

#[test]
fn brotli_is_sent_to_those_who_read_it() {
    for read in ["br", "gzip, deflate, br", "gzip;q=0.5, br;q=1.0"] {
        assert!(
            reads_brotli(&headers(header::ACCEPT_ENCODING, read)),
            "{read}"
        );
    }
    for not in ["gzip", "br;q=0", "br; q=0.0", "brotli", "*"] {
        assert!(
            !reads_brotli(&headers(header::ACCEPT_ENCODING, not)),
            "{not}"
        );
    }
    assert!(!reads_brotli(&HeaderMap::new()));
}

#[test]
fn a_known_edition_is_not_sent_again() {
    let tag = "W/\"00-p\"";
    let body = || Body::from("x");
    let first = unless_known(tag, &HeaderMap::new(), body);
    assert_eq!(first.status(), StatusCode::OK);
    assert_eq!(first.headers()[header::ETAG], tag);
    let known = headers(header::IF_NONE_MATCH, "\"a\", W/\"00-p\"");
    assert_eq!(
        unless_known(tag, &known, body).status(),
        StatusCode::NOT_MODIFIED
    );
    let other = headers(header::IF_NONE_MATCH, "W/\"00-d\"");
    assert_eq!(unless_known(tag, &other, body).status(), StatusCode::OK);
}

#[test]
fn neither_app_may_run_what_is_not_its_own() {
    for app in [Web::Holder, Web::Verifier] {
        let (policy, permissions) = app.policy();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"));
        for loose in ["unsafe-inline", "'unsafe-eval'", "http:", "https:", " *"] {
            assert!(!policy.contains(loose), "{app:?} {loose}");
        }
        assert!(permissions.contains("microphone=()"));
    }
    assert!(!Web::Holder.policy().0.contains("wasm"));
    assert!(Web::Holder.policy().1.contains("camera=()"));
    assert!(Web::Verifier.policy().1.contains("camera=(self)"));
}

/// What the build writes, where it was built: no page without its mark, and nothing inline.
#[test]
fn built_pages_have_their_mark_and_nothing_inline() {
    for app in [Web::Holder, Web::Verifier] {
        let Some(file) = Built::get(app.file()) else {
            // Without node nothing is built; the page that says so has its own tests.
            continue;
        };
        let text = String::from_utf8_lossy(&file.data).into_owned();
        assert_eq!(text.matches(REAL).count(), 1, "{app:?}");
        assert!(!text.contains("<style") && !text.contains(" style="));
        assert!(!text.contains("<script>") && !text.contains(" on"));
        let demo = app.answer(&file, true, &HeaderMap::new());
        let real = app.answer(&file, false, &HeaderMap::new());
        assert_ne!(demo.headers()[header::ETAG], real.headers()[header::ETAG]);
        assert_eq!(real.headers()[header::CACHE_CONTROL], ASK_AGAIN);
    }
}

#[test]
fn every_kind_of_file_that_is_built_has_its_type() {
    for path in Built::iter() {
        let other = path.starts_with('.') || ["br", "html"].contains(&extension(&path));
        assert!(other || media_type(&path) != OTHER, "{path}");
    }
}
