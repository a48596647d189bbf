//! The trust list: public, and the same for everybody.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::map_response,
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    headers::for_every_origin,
    problem::{Failed, Problem},
    state::App,
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(trust_list))
        .layer(map_response(for_every_origin))
}

/// Which keys may sign licences. It is signed itself: keep it, and check licences offline with it.
#[utoipa::path(
    get, path = "/trust-list", tag = "trust", security(()),
    params(("If-None-Match" = Option<String>, Header, description = "An ETag known already")),
    responses(
        (status = 200, description = "The signed trust list", body = Object,
            headers(("ETag" = String, description = "Names this edition"))),
        (status = 304, description = "It is the edition known already"),
        Failed,
    )
)]
async fn trust_list(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    Ok(answer(app.authority.trust_list()?, &headers))
}

fn answer(list: String, headers: &HeaderMap) -> Response {
    let tag = etag(&list);
    let mut response = if knows(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let json = HeaderValue::from_static("application/json");
        ([(header::CONTENT_TYPE, json)], list).into_response()
    };
    let headers = response.headers_mut();
    // A key that was revoked is known everywhere within five minutes.
    let kept = HeaderValue::from_static("public, max-age=300, must-revalidate");
    headers.insert(header::CACHE_CONTROL, kept);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// Whether the asker knows what the tag names.
pub(crate) fn knows(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|one| one.trim() == "*" || one.trim().trim_start_matches("W/") == tag)
}

/// Names an edition. It need not resist forgers: the list is signed, and only we write it.
fn etag(list: &str) -> String {
    let mut hasher = DefaultHasher::new();
    list.hash(&mut hasher);
    format!("\"{:016x}-{:x}\"", hasher.finish(), list.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(list: &str, known: &str) -> Response {
        let mut headers = HeaderMap::new();
        let known = HeaderValue::from_str(known).unwrap();
        headers.insert(header::IF_NONE_MATCH, known);
        answer(list.to_owned(), &headers)
    }

    #[test]
    fn a_known_edition_is_not_sent_again() {
        let first = answer("{\"version\":1}".to_owned(), &HeaderMap::new());
        assert_eq!(first.status(), StatusCode::OK);
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
            let again = asked("{\"version\":1}", &known);
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(again.headers()[header::ETAG], *tag);
        }
        let newer = asked("{\"version\":2}", &tag);
        assert_eq!(newer.status(), StatusCode::OK);
        assert_ne!(newer.headers()[header::ETAG], *tag);
    }

    #[test]
    fn the_list_may_be_kept_by_anybody_for_a_while() {
        let list = answer("{}".to_owned(), &HeaderMap::new());
        let kept = &list.headers()[header::CACHE_CONTROL];
        assert_eq!(kept, "public, max-age=300, must-revalidate");
    }
}
