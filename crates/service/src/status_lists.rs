//! Status lists: public ones, and those of authorised verifiers.

use authority::{
    Audience, Error, ListAnswer, ListRequest, TokenForm, refusal, views::StatusListsView,
};
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::map_response,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    extract::{Caller, QueryOf},
    headers::for_every_origin,
    problem::{Failed, NOT_ACCEPTABLE, Problem, Refused},
    state::{App, spawned},
    trust::knows,
};

const JWT: &str = "application/statuslist+jwt";
const CWT: &str = "application/statuslist+cwt";

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(status_lists))
        .routes(routes!(status_list))
        .layer(map_response(for_every_origin))
        .merge(OpenApiRouter::new().routes(routes!(verifier_status_list)))
}

/// Which signature a list is to bear.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    suite: Option<String>,
}

/// Every public status list, with its instant and sizes.
#[utoipa::path(
    get, path = "/status-lists", tag = "trust", security(()),
    responses((status = 200, description = "The lists", body = StatusListsView), Failed)
)]
async fn status_lists(State(app): State<App>) -> Result<Response, Problem> {
    let lists = spawned(async move { app.authority.status_lists().await }).await?;
    let kept = HeaderValue::from_static("public, max-age=15");
    Ok(([(header::CACHE_CONTROL, kept)], Json(lists)).into_response())
}

/// What became of a million credentials, two bits each, as a signed Token Status List: 0 valid,
/// 1 invalid, 2 suspended. It speaks only of credentials signed before its `iat`.
#[utoipa::path(
    get, path = "/status-lists/{id}", tag = "trust", security(()),
    params(
        ("id" = String, Path, description = "The list's number"),
        ("suite" = Option<String>, Query, description = "SM2-SM3 or ES256; that of codes if nothing is said"),
        ("Accept" = Option<String>, Header, description = "application/statuslist+jwt (if nothing is said) or +cwt"),
        ("If-None-Match" = Option<String>, Header, description = "An ETag known already"),
    ),
    responses(
        (status = 200, description = "The signed list", content(
            (String = "application/statuslist+jwt"),
            (Vec<u8> = "application/statuslist+cwt"),
        )),
        (status = 304, description = "It is the one known already"),
        Refused, Failed,
    )
)]
async fn status_list(
    State(app): State<App>,
    Path(id): Path<String>,
    QueryOf(chosen): QueryOf<Chosen>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let request = request(&id, chosen, &headers)?;
    let (form, now) = (request.form, app.clock.now());
    let list = spawned(async move {
        let known = |tag: &str| knows(&headers, &quoted(tag));
        let asked = app
            .authority
            .status_list(Audience::Public, &request, now, known);
        asked.await
    })
    .await?;
    Ok(answer(list, form, "public"))
}

/// The same with four bits each, where 3 is red. For the police only; the indexes are those of the
/// public list.
#[utoipa::path(
    get, path = "/verifier/status-lists/{id}", tag = "verifications",
    params(
        ("id" = String, Path, description = "The list's number"),
        ("suite" = Option<String>, Query, description = "SM2-SM3 or ES256; that of codes if nothing is said"),
        ("Accept" = Option<String>, Header, description = "application/statuslist+jwt (if nothing is said) or +cwt"),
        ("If-None-Match" = Option<String>, Header, description = "An ETag known already"),
    ),
    responses(
        (status = 200, description = "The signed list", content(
            (String = "application/statuslist+jwt"),
            (Vec<u8> = "application/statuslist+cwt"),
        )),
        (status = 304, description = "It is the one known already"),
        Refused, Failed,
    )
)]
async fn verifier_status_list(
    State(app): State<App>,
    Caller(act): Caller,
    Path(id): Path<String>,
    QueryOf(chosen): QueryOf<Chosen>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let request = request(&id, chosen, &headers)?;
    let form = request.form;
    let list = spawned(async move {
        let known = |tag: &str| knows(&headers, &quoted(tag));
        let audience = Audience::Verifier(&act);
        let asked = app
            .authority
            .status_list(audience, &request, act.now, known);
        asked.await
    })
    .await?;
    Ok(answer(list, form, "private"))
}

fn request(id: &str, chosen: Chosen, headers: &HeaderMap) -> Result<ListRequest, Problem> {
    let number = id.parse().ok();
    // One spelling for each number: a list has one address.
    let number = number.filter(|number: &u32| number.to_string() == id);
    Ok(ListRequest {
        number: number.ok_or_else(|| Error::from(refusal::NOT_FOUND))?,
        suite: chosen.suite,
        form: form(headers).ok_or(NOT_ACCEPTABLE)?,
    })
}

/// The first form that the asker names and that there is.
fn form(headers: &HeaderMap) -> Option<TokenForm> {
    let mut named = headers.get_all(header::ACCEPT).iter().peekable();
    if named.peek().is_none() {
        return Some(TokenForm::Jwt);
    }
    named
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .find_map(|range| match range.trim() {
            JWT | "application/*" | "*/*" => Some(TokenForm::Jwt),
            CWT => Some(TokenForm::Cwt),
            _ => None,
        })
}

fn quoted(tag: &str) -> String {
    format!("\"{tag}\"")
}

fn answer(list: ListAnswer, form: TokenForm, kept_by: &str) -> Response {
    let mut response = match list.document {
        Some(document) => {
            let kind = match form {
                TokenForm::Jwt => JWT,
                TokenForm::Cwt => CWT,
            };
            let kind = HeaderValue::from_static(kind);
            ([(header::CONTENT_TYPE, kind)], document).into_response()
        }
        None => StatusCode::NOT_MODIFIED.into_response(),
    };
    let headers = response.headers_mut();
    let kept = format!("{kept_by}, max-age={}", list.max_age);
    for (name, value) in [
        (header::CACHE_CONTROL, kept),
        (header::ETAG, quoted(&list.tag)),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_that_is_named_counts() {
        let asked = |accept: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in accept {
                headers.append(header::ACCEPT, HeaderValue::from_static(value));
            }
            form(&headers)
        };
        for (accept, found) in [
            (&[][..], Some(TokenForm::Jwt)),
            (&["*/*"], Some(TokenForm::Jwt)),
            (
                &["text/html, application/statuslist+cwt;q=0.9"],
                Some(TokenForm::Cwt),
            ),
            (
                &["application/statuslist+jwt, application/statuslist+cwt"],
                Some(TokenForm::Jwt),
            ),
            (
                &["text/html", "application/statuslist+cwt"],
                Some(TokenForm::Cwt),
            ),
            (&["application/json"], None),
        ] {
            assert_eq!(asked(accept), found, "{accept:?}");
        }
    }

    #[test]
    fn a_list_has_one_number() {
        let asked = |id: &str| {
            let request = request(id, Chosen { suite: None }, &HeaderMap::new());
            request
                .map(|request| request.number)
                .map_err(|problem| problem.code())
        };
        assert_eq!(asked("0"), Ok(0));
        for id in ["00", "+1", "-1", "1.0", "", "4294967296"] {
            assert_eq!(asked(id), Err("not-found"), "{id}");
        }
    }
}
