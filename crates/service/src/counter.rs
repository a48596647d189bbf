//! The counter (窗口, R91, R92).

use authority::views::{ActivationCodeView, ApplicationView, CounterApply, MakeActivationCode};
use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::JsonBody,
    extract::{Caller, IdempotencyKey},
    problem::{BadBody, Failed, Problem, Refused},
    state::{App, spawned},
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(apply))
        .routes(routes!(make_activation_code))
}

/// Applies for a driver who stands at the counter (R91).
#[utoipa::path(
    post, path = "/counter/applications", tag = "counter", request_body = CounterApply,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible ASCII characters")),
    responses(
        (status = 201, description = "The application", body = ApplicationView),
        BadBody, Refused, Failed,
    )
)]
async fn apply(
    State(app): State<App>,
    Caller(mut act): Caller,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(request): JsonBody<CounterApply>,
) -> Result<(StatusCode, Json<ApplicationView>), Problem> {
    let application = spawned(async move {
        let key = key.as_deref();
        app.authority.apply_at_counter(&mut act, request, key).await
    })
    .await?;
    Ok((StatusCode::CREATED, Json(application)))
}

/// Makes the code with which a driver activates the account; it is shown once.
#[utoipa::path(
    post, path = "/counter/activation-codes", tag = "counter", request_body = MakeActivationCode,
    responses(
        (status = 201, description = "The code", body = ActivationCodeView),
        BadBody, Refused, Failed,
    )
)]
async fn make_activation_code(
    State(app): State<App>,
    Caller(mut act): Caller,
    JsonBody(request): JsonBody<MakeActivationCode>,
) -> Result<(StatusCode, Json<ActivationCodeView>), Problem> {
    let code =
        spawned(async move { app.authority.make_activation_code(&mut act, request).await }).await?;
    Ok((StatusCode::CREATED, Json(code)))
}
