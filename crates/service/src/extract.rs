//! Who asks, and when. The clock is read here, once a request.

use authority::{Act, Actor, Error, views::ReasonView};
use axum::{
    extract::{FromRequestParts, Query},
    http::{HeaderMap, request::Parts},
};
use serde::de::DeserializeOwned;

use crate::{guard, problem::Problem, state::App};

/// The request's identifier, made by the outermost layer.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

/// An act of nobody in particular: signing in and the like. A session at hand does not count.
pub(crate) struct Visitor(pub(crate) Act);

/// An act of whoever is signed in; without a session the request is refused before its body is
/// read.
pub(crate) struct Caller(pub(crate) Act);

/// An act of a registry source, by its bearer token.
pub(crate) struct Source(pub(crate) Act);

/// The token of the session cookie, unchecked.
pub(crate) struct SessionToken(pub(crate) Option<String>);

/// A query of exactly this shape.
pub(crate) struct QueryOf<T>(pub(crate) T);

/// `Idempotency-Key`.
#[derive(Debug)]
pub(crate) struct IdempotencyKey(pub(crate) Option<String>);

impl FromRequestParts<App> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        guard::own_pages_only(parts, app.settings.secure)?;
        act(parts, app).map(Self)
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        guard::own_pages_only(parts, app.settings.secure)?;
        let mut act = act(parts, app)?;
        let token = guard::session_token(&parts.headers).unwrap_or_default();
        let (actor, _) = app.authority.authenticate(token, act.now).await?;
        act.actor = actor;
        Ok(Self(act))
    }
}

impl FromRequestParts<App> for Source {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let mut act = act(parts, app)?;
        let token = guard::bearer_token(&parts.headers).unwrap_or_default();
        act.actor = app.authority.authenticate_source(token).await?;
        Ok(Self(act))
    }
}

impl FromRequestParts<App> for SessionToken {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let token = guard::session_token(&parts.headers);
        Ok(Self(token.map(str::to_owned)))
    }
}

impl<T: DeserializeOwned> FromRequestParts<App> for QueryOf<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(query)) => Ok(Self(query)),
            Err(_rejection) => Err(Problem::invalid(vec![ReasonView {
                code: "wrong-query".to_owned(),
                rule: None,
                field: None,
                zh: "查询参数不符合接口文档".to_owned(),
                en: "The query does not follow the API document".to_owned(),
                clears_zh: None,
                clears_en: None,
            }])),
        }
    }
}

impl FromRequestParts<App> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        idempotency_key(&parts.headers).map(Self)
    }
}

fn act(parts: &Parts, app: &App) -> Result<Act, Problem> {
    let Some(RequestId(request)) = parts.extensions.get() else {
        return Err(Error::Internal("a request without an identifier").into());
    };
    Ok(Act {
        actor: Actor::Anonymous,
        now: app.clock.now(),
        request: request.clone(),
        rng: app.entropy.rng(),
    })
}

/// One key of 1 to 128 visible ASCII characters, or none.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let good = value.to_str().ok().filter(|key| {
        (1..=128).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
    });
    match (good, values.next()) {
        (Some(key), None) => Ok(Some(key.to_owned())),
        _ => Err(Problem::invalid(vec![ReasonView {
            code: "invalid-idempotency-key".to_owned(),
            rule: None,
            field: Some("Idempotency-Key".to_owned()),
            zh: "Idempotency-Key 须为一个 1 至 128 个可见 ASCII 字符的值".to_owned(),
            en: "Idempotency-Key is one value of 1 to 128 visible ASCII characters".to_owned(),
            clears_zh: None,
            clears_en: None,
        }])),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn key(values: &[&str]) -> Result<Option<String>, &'static str> {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append("idempotency-key", value);
        }
        idempotency_key(&headers).map_err(|problem| problem.code())
    }

    #[test]
    fn a_key_is_one_value_of_visible_characters() {
        assert_eq!(key(&[]), Ok(None));
        assert_eq!(key(&["a-1"]), Ok(Some("a-1".to_owned())));
        let longest = "k".repeat(128);
        assert_eq!(key(&[&longest]), Ok(Some(longest.clone())));
        for bad in ["", "a b", "键", &format!("{longest}k")] {
            assert_eq!(key(&[bad]), Err("invalid-request"), "{bad}");
        }
        assert_eq!(key(&["a", "b"]), Err("invalid-request"));
    }
}
