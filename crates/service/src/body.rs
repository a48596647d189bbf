//! JSON bodies.

use authority::views::ReasonView;
use axum::{
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest, Request},
    http::StatusCode,
};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::{
    guard,
    problem::{MALFORMED, Problem, TOO_LARGE, WRONG_CONTENT_TYPE},
    state::App,
};

/// A JSON body of exactly this shape.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        if guard::media_type(request.headers()) != Some("application/json") {
            return Err(WRONG_CONTENT_TYPE.into());
        }
        parse(&whole(request, app).await?).map(Self)
    }
}

/// A JSON body that may hold the frames of somebody who is not signed in: as large as frames are where
/// they activate a device, and no larger than others where they do not.
pub(crate) struct FramesBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for FramesBody<T> {
    type Rejection = Problem;

    async fn from_request(mut request: Request, app: &App) -> Result<Self, Problem> {
        if !app.authority.activates_by_frames() {
            DefaultBodyLimit::max(app.settings.json_limit).apply(&mut request);
        }
        let JsonBody(read) = JsonBody::from_request(request, app).await?;
        Ok(Self(read))
    }
}

/// The whole body, within the limit that its route sets.
pub(crate) async fn whole(request: Request, app: &App) -> Result<Bytes, Problem> {
    let read = Bytes::from_request(request, app).await;
    read.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => TOO_LARGE.into(),
        _ => MALFORMED.into(),
    })
}

pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| misread(&error))
}

/// Says where a body stops fitting, never what stands there: it may be a password.
fn misread(error: &serde_json::Error) -> Problem {
    let reason = where_it_stops(error);
    match error.classify() {
        Category::Data => Problem::invalid(vec![reason]),
        Category::Syntax | Category::Eof | Category::Io => Problem::with(MALFORMED, vec![reason]),
    }
}

pub(crate) fn where_it_stops(error: &serde_json::Error) -> ReasonView {
    let code = match error.classify() {
        Category::Data => "wrong-shape",
        Category::Syntax | Category::Eof | Category::Io => "not-json",
    };
    let (line, column) = (error.line(), error.column());
    ReasonView {
        code: code.to_owned(),
        rule: None,
        field: named_field(&error.to_string()),
        zh: format!("第 {line} 行第 {column} 列不符合要求"),
        en: format!("It does not fit at line {line}, column {column}"),
        clears_zh: None,
        clears_en: None,
    }
}

/// The field that serde's message names, where it is about a field being there or not.
fn named_field(message: &str) -> Option<String> {
    ["missing field `", "unknown field `", "duplicate field `"]
        .into_iter()
        .find_map(|start| message.strip_prefix(start))
        .and_then(|rest| rest.split_once('`'))
        .map(|(field, _)| field.to_owned())
}

#[cfg(test)]
mod tests {
    use authority::views::SignIn;
    use axum::{body::to_bytes, response::IntoResponse as _};

    use super::*;
    use crate::problem::ProblemView;

    async fn refused(body: &str) -> (u16, ProblemView) {
        let Err(problem) = parse::<SignIn>(body.as_bytes()) else {
            panic!("{body} was read");
        };
        let response = problem.into_response();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn what_is_no_json_is_malformed() {
        for body in ["", "{", "{\"login\":}", "\u{feff}{}", "nothing"] {
            let (status, view) = refused(body).await;
            assert_eq!((status, view.status), (400, 400), "{body}");
            assert_eq!(view.reasons[0].code, "not-json");
        }
    }

    #[tokio::test]
    async fn a_wrong_shape_names_the_field_and_never_the_value() {
        let secret = "\"password\":\"hunter2-hunter2\"";
        for (body, field) in [
            (format!("{{{secret}}}"), Some("login")),
            (format!("{{\"logon\":\"x\",{secret}}}"), Some("logon")),
            (format!("{{{secret},{secret}}}"), Some("password")),
            (format!("[{{{secret}}}]"), None),
            (
                "{\"login\":\"x\",\"password\":{\"hunter2\":1}}".to_owned(),
                None,
            ),
            (
                format!("{{\"login\":\"x\",{secret},\"kind\":\"hunter2\"}}"),
                None,
            ),
        ] {
            let (status, view) = refused(&body).await;
            assert_eq!(status, 422, "{body}");
            assert_eq!(view.reasons[0].field.as_deref(), field, "{body}");
            let text = serde_json::to_string(&view).unwrap();
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}
