//! Holder binding (持证人绑定): which device presents.

use authority::views::{
    BeginBinding, BindingChallengeView, BindingView, CounterAccount, ProveBinding,
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::JsonBody,
    extract::Caller,
    problem::{BadBody, Failed, Problem, Refused},
    state::{App, spawned},
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(begin))
        .routes(routes!(prove))
        .routes(routes!(current, revoke))
        .routes(routes!(revoke_at_counter))
}

/// Begins to bind this device: names its key, and learns what to sign.
#[utoipa::path(
    post, path = "/holder/bindings", tag = "holder", request_body = BeginBinding,
    responses(
        (status = 201, description = "What the device signs", body = BindingChallengeView),
        BadBody, Refused, Failed,
    )
)]
async fn begin(
    State(app): State<App>,
    Caller(mut act): Caller,
    JsonBody(request): JsonBody<BeginBinding>,
) -> Result<(StatusCode, Json<BindingChallengeView>), Problem> {
    let begun = spawned(async move { app.authority.begin_binding(&mut act, request).await });
    Ok((StatusCode::CREATED, Json(begun.await?)))
}

/// Proves that this device holds the key: from then on it presents, and no other.
#[utoipa::path(
    put, path = "/holder/bindings/{id}/proof", tag = "holder", request_body = ProveBinding,
    params(("id" = String, Path, description = "The binding")),
    responses(
        (status = 200, description = "The binding", body = BindingView),
        BadBody, Refused, Failed,
    )
)]
async fn prove(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
    JsonBody(proof): JsonBody<ProveBinding>,
) -> Result<Json<BindingView>, Problem> {
    spawned(async move { app.authority.prove_binding(&mut act, &id, proof).await })
        .await
        .map(Json)
}

/// The binding of the device that presents now, this one or another of mine.
#[utoipa::path(
    get, path = "/holder/bindings/current", tag = "holder",
    responses((status = 200, description = "The binding", body = BindingView), Refused, Failed)
)]
async fn current(
    State(app): State<App>,
    Caller(mut act): Caller,
) -> Result<Json<BindingView>, Problem> {
    spawned(async move { app.authority.current_binding(&mut act).await })
        .await
        .map(Json)
}

/// Ends my binding: no device presents until one is bound again.
#[utoipa::path(
    delete, path = "/holder/bindings/current", tag = "holder",
    responses((status = 204, description = "Ended"), Refused, Failed)
)]
async fn revoke(State(app): State<App>, Caller(mut act): Caller) -> Result<StatusCode, Problem> {
    spawned(async move { app.authority.revoke_own_binding(&mut act).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the binding of a driver who stands at the counter.
#[utoipa::path(
    post, path = "/counter/binding-revocations", tag = "counter", request_body = CounterAccount,
    responses((status = 204, description = "Ended"), BadBody, Refused, Failed)
)]
async fn revoke_at_counter(
    State(app): State<App>,
    Caller(mut act): Caller,
    JsonBody(request): JsonBody<CounterAccount>,
) -> Result<StatusCode, Problem> {
    spawned(async move {
        let authority = &app.authority;
        authority.revoke_binding_at_counter(&mut act, request).await
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
