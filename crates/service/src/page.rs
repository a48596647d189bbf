//! The page that stands where the web apps would, when they were not built or are left out: what
//! this is and what is missing, in Chinese and English. It loads nothing from elsewhere.

use axum::{
    Router,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};

use crate::state::App;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
/// Where the page says that it is a demonstration.
const SAMPLE_PLACE: &str = "<!-- sample -->";
const SAMPLE: &str = "<p class=\"sample\" role=\"note\"><strong>样证</strong> \
    演示数据，人物均为虚构，不具有法律效力。 \
    <span lang=\"en\">Specimen: made-up people, no legal force.</span></p>";
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// What the page loads.
pub(crate) fn routes() -> Router<App> {
    let [style_path] = PATTERNS;
    Router::new().route(style_path, get(style))
}

/// Its pattern, for the counts.
pub(crate) const PATTERNS: [&str; 1] = ["/page.css"];

/// The page itself.
pub(crate) fn answer(demo: bool) -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ),
    ];
    (headers, text(demo)).into_response()
}

async fn style() -> impl IntoResponse {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/css; charset=utf-8"),
        ),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=3600"),
        ),
    ];
    (headers, STYLE)
}

fn text(demo: bool) -> String {
    PAGE.replace(SAMPLE_PLACE, if demo { SAMPLE } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demonstration_says_so() {
        assert!(text(true).contains("样证"));
        assert!(!text(false).contains("样证"));
    }

    #[test]
    fn the_page_asks_nobody_else_and_runs_nothing() {
        let page = text(true);
        for outside in ["http:", "https:", "//", "<script", " style=", " on"] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
        assert!(page.find("lang=\"zh-CN\"").unwrap() < page.find("lang=\"en\"").unwrap());
        assert!(page.contains("/api/openapi.json"));
    }
}
