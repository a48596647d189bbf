//! Web Push (网页推送): whether this device is told what the inbox says.

use authority::views::{PushSubscriptionView, PushView, PutPushSubscription};
use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::JsonBody,
    extract::Caller,
    problem::{BadBody, Failed, Problem, Refused},
    state::{App, spawned},
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(subscriptions, subscribe, unsubscribe))
}

/// The key by which a browser subscribes, and which of my devices are told.
#[utoipa::path(
    get, path = "/holder/push-subscriptions", tag = "holder",
    responses((status = 200, description = "Key and devices", body = PushView), Refused, Failed)
)]
async fn subscriptions(
    State(app): State<App>,
    Caller(mut act): Caller,
) -> Result<Json<PushView>, Problem> {
    spawned(async move { app.authority.push_subscriptions(&mut act).await })
        .await
        .map(Json)
}

/// This device is told from now on, at the address that its browser subscribed by, instead of what it
/// was told by before. It ends when I sign out here, and with the device.
#[utoipa::path(
    put, path = "/holder/push-subscriptions", tag = "holder", request_body = PutPushSubscription,
    responses(
        (status = 200, description = "This device is told", body = PushSubscriptionView),
        BadBody, Refused, Failed,
    )
)]
async fn subscribe(
    State(app): State<App>,
    Caller(mut act): Caller,
    JsonBody(request): JsonBody<PutPushSubscription>,
) -> Result<Json<PushSubscriptionView>, Problem> {
    spawned(async move { app.authority.subscribe(&mut act, request).await })
        .await
        .map(Json)
}

/// This device is told no more; it may not have been.
#[utoipa::path(
    delete, path = "/holder/push-subscriptions", tag = "holder",
    responses((status = 204, description = "This device is not told"), Refused, Failed)
)]
async fn unsubscribe(
    State(app): State<App>,
    Caller(mut act): Caller,
) -> Result<StatusCode, Problem> {
    spawned(async move { app.authority.unsubscribe(&mut act).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
