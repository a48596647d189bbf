//! Signing in and out; a driver's first time (激活).

use authority::{
    Error, Kind,
    views::{Activate, SessionView, SignIn},
};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{AppendHeaders, IntoResponse},
};
use jiff::Timestamp;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::JsonBody,
    extract::{SessionToken, Visitor},
    guard,
    problem::{BadBody, Failed, Problem, Refused},
    state::{App, spawned},
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sign_in))
        .routes(routes!(sign_out))
        .routes(routes!(activate))
}

/// Signs in: drivers by licence number, staff by login. The token is in the cookie only.
#[utoipa::path(
    post, path = "/sessions", tag = "sessions", request_body = SignIn, security(()),
    responses(
        (status = 201, description = "Signed in", body = SessionView,
            headers(("Set-Cookie" = String, description = "jz_session"))),
        BadBody, Refused, Failed,
    )
)]
async fn sign_in(
    State(app): State<App>,
    Visitor(mut act): Visitor,
    JsonBody(request): JsonBody<SignIn>,
) -> Result<impl IntoResponse, Problem> {
    let (now, secure) = (act.now, app.settings.secure);
    let (token, view) =
        spawned(async move { app.authority.sign_in(&mut act, request).await }).await?;
    signed_in(&token, view, now, secure)
}

/// Sets a driver's password with the code printed at a counter, and signs in.
#[utoipa::path(
    post, path = "/activations", tag = "sessions", request_body = Activate, security(()),
    responses(
        (status = 201, description = "Activated and signed in", body = SessionView,
            headers(("Set-Cookie" = String, description = "jz_session"))),
        BadBody, Refused, Failed,
    )
)]
async fn activate(
    State(app): State<App>,
    Visitor(mut act): Visitor,
    JsonBody(request): JsonBody<Activate>,
) -> Result<impl IntoResponse, Problem> {
    let (now, secure) = (act.now, app.settings.secure);
    let (token, view) =
        spawned(async move { app.authority.activate(&mut act, request).await }).await?;
    signed_in(&token, view, now, secure)
}

/// Signs out and ends the cookie, also that of a session that is over already.
#[utoipa::path(
    delete, path = "/sessions/current", tag = "sessions",
    responses(
        (status = 204, description = "Signed out",
            headers(("Set-Cookie" = String, description = "Ends jz_session"))),
        BadBody, Refused, Failed,
    )
)]
async fn sign_out(
    State(app): State<App>,
    Visitor(mut act): Visitor,
    SessionToken(token): SessionToken,
) -> Result<impl IntoResponse, Problem> {
    let secure = app.settings.secure;
    if let Some(token) = token {
        spawned(async move {
            match app.authority.authenticate(&token, act.now).await {
                Ok((actor, _)) => act.actor = actor,
                Err(error) if error.refusal().kind == Kind::Unauthenticated => return Ok(()),
                Err(error) => return Err(error),
            }
            app.authority.sign_out(&mut act, &token).await
        })
        .await?;
    }
    let cookie = guard::set_cookie("", 0, secure).ok_or(Error::Internal("a cookie's form"))?;
    let headers = AppendHeaders([(header::SET_COOKIE, cookie)]);
    Ok((StatusCode::NO_CONTENT, headers))
}

fn signed_in(
    token: &str,
    view: SessionView,
    now: Timestamp,
    secure: bool,
) -> Result<impl IntoResponse + use<>, Problem> {
    let max_age = view.expires_at.duration_since(now).as_secs().max(0);
    let cookie =
        guard::set_cookie(token, max_age, secure).ok_or(Error::Internal("a token's form"))?;
    let headers = AppendHeaders([(header::SET_COOKIE, cookie)]);
    Ok((StatusCode::CREATED, headers, Json(view)))
}
