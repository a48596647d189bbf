//! Signing in and out; a driver's first time or new device (激活).

use authority::{
    Error, Kind,
    views::{Activate, SessionKindView, SessionView, SignIn},
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
    body::{FramesBody, JsonBody},
    extract::{Device, SessionToken, Visitor},
    guard,
    problem::{BadBody, Failed, Problem, Refused},
    state::{App, spawned},
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sign_in))
        .routes(routes!(sign_out))
}

/// The path whose body may hold the frames of a person check.
pub(crate) fn routes_with_frames() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(activate))
}

/// Signs in: drivers by licence number on a device that they activated, staff by login. The token is
/// in the cookie only.
#[utoipa::path(
    post, path = "/sessions", tag = "sessions", request_body = SignIn, security(()),
    responses(
        (status = 201, description = "Signed in", body = SessionView,
            headers(("Set-Cookie" = String, description = "jz_session; a driver's device cookie anew"))),
        BadBody, Refused, Failed,
    )
)]
async fn sign_in(
    State(app): State<App>,
    Visitor(mut act): Visitor,
    device: Device,
    JsonBody(request): JsonBody<SignIn>,
) -> Result<impl IntoResponse, Problem> {
    let (now, secure) = (act.now, app.settings.secure);
    let ((token, view), device) = spawned(async move {
        let opened = app
            .authority
            .sign_in(&mut act, request, device.client())
            .await?;
        Ok((opened, device))
    })
    .await?;
    let device = match view.kind {
        SessionKindView::Holder => device.secret(),
        SessionKindView::Staff => None,
    };
    signed_in(&token, device, view, now, secure)
}

/// Makes the client a device of a driver, with a code printed at a counter or sent to their phone, or by
/// a person check, and signs in. The first time it opens the account; with another password than the account's it ends
/// every other device.
#[utoipa::path(
    post, path = "/activations", tag = "sessions", request_body = Activate, security(()),
    responses(
        (status = 201, description = "Activated and signed in", body = SessionView,
            headers(("Set-Cookie" = String, description = "jz_session; jz_device, __Host-jz_device by https"))),
        BadBody, Refused, Failed,
    )
)]
async fn activate(
    State(app): State<App>,
    Visitor(mut act): Visitor,
    device: Device,
    FramesBody(request): FramesBody<Activate>,
) -> Result<impl IntoResponse, Problem> {
    let (now, secure) = (act.now, app.settings.secure);
    let made = spawned(async move {
        app.authority
            .activate(&mut act, request, device.client())
            .await
    })
    .await?;
    signed_in(&made.token, Some(&made.device), made.view, now, secure)
}

/// Signs out and ends the session's cookie, also that of a session that is over already. The device
/// stays one of the driver's.
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
    device: Device,
) -> Result<impl IntoResponse, Problem> {
    let secure = app.settings.secure;
    if let Some(token) = token {
        spawned(async move {
            let living = app.authority.authenticate(&token, device.secret(), act.now);
            match living.await {
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
    device: Option<&str>,
    view: SessionView,
    now: Timestamp,
    secure: bool,
) -> Result<impl IntoResponse + use<>, Problem> {
    let max_age = view.expires_at.duration_since(now).as_secs().max(0);
    let cookie =
        guard::set_cookie(token, max_age, secure).ok_or(Error::Internal("a token's form"))?;
    let mut cookies = vec![(header::SET_COOKIE, cookie)];
    if let Some(device) = device {
        let cookie = guard::set_device(device, secure).ok_or(Error::Internal("a secret's form"))?;
        cookies.push((header::SET_COOKIE, cookie));
    }
    Ok((StatusCode::CREATED, AppendHeaders(cookies), Json(view)))
}
