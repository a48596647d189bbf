//! Drivers' accounts: codes by phone and person checks for an activation, devices, password, freezing
//! (冻结).

use authority::views::{
    ActivationChecksView, ChangePassword, CounterAccount, DeviceView, FreezeByLink,
    OpenActivationCheck, PersonCheckChallengeView, PhoneChallengeView, RequestPhoneCode,
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::JsonBody,
    extract::{Caller, Device, SessionToken, Visitor},
    problem::{BadBody, Failed, Problem, Refused},
    state::{App, spawned},
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(request_phone_code))
        .routes(routes!(activation_checks, open_activation_check))
        .routes(routes!(freeze_by_link))
        .routes(routes!(freeze_own))
        .routes(routes!(devices))
        .routes(routes!(remove_device))
        .routes(routes!(change_password))
        .routes(routes!(freeze_at_counter))
        .routes(routes!(unfreeze_at_counter))
}

/// Asks for a code to the phone that the registry holds. The answer is the same whether or not the
/// number, an account or a phone exist.
#[utoipa::path(
    post, path = "/activations/phone-codes", tag = "sessions", request_body = RequestPhoneCode, security(()),
    responses(
        (status = 202, description = "If it can be, a text is on its way", body = PhoneChallengeView),
        BadBody, Refused, Failed,
    )
)]
async fn request_phone_code(
    State(app): State<App>,
    Visitor(mut act): Visitor,
    JsonBody(request): JsonBody<RequestPhoneCode>,
) -> Result<(StatusCode, Json<PhoneChallengeView>), Problem> {
    let view =
        spawned(async move { app.authority.request_phone_code(&mut act, request).await }).await?;
    Ok((StatusCode::ACCEPTED, Json(view)))
}

/// Whether a person check (实人认证) activates here, how, and what is agreed to before one.
#[utoipa::path(
    get, path = "/activations/person-checks", tag = "sessions", security(()),
    responses((status = 200, description = "The ways, and the consent", body = ActivationChecksView), Failed)
)]
async fn activation_checks(State(app): State<App>) -> Json<ActivationChecksView> {
    Json(app.authority.activation_checks())
}

/// Begins a person check for an activation. The answer is the same whether or not the number, the name,
/// an account or a photo exist.
#[utoipa::path(
    post, path = "/activations/person-checks", tag = "sessions", request_body = OpenActivationCheck, security(()),
    responses(
        (status = 201, description = "What to do, and until when", body = PersonCheckChallengeView),
        BadBody, Refused, Failed,
    )
)]
async fn open_activation_check(
    State(app): State<App>,
    Visitor(mut act): Visitor,
    JsonBody(request): JsonBody<OpenActivationCheck>,
) -> Result<(StatusCode, Json<PersonCheckChallengeView>), Problem> {
    let opened =
        spawned(async move { app.authority.open_activation_check(&mut act, request).await });
    Ok((StatusCode::CREATED, Json(opened.await?)))
}

/// Freezes the account of the link in a warning. The answer is the same for a link that does not
/// work.
#[utoipa::path(
    post, path = "/account-freezes", tag = "sessions", request_body = FreezeByLink, security(()),
    responses((status = 204, description = "If the link worked, the account is frozen"), BadBody, Refused, Failed)
)]
async fn freeze_by_link(
    State(app): State<App>,
    Visitor(mut act): Visitor,
    JsonBody(request): JsonBody<FreezeByLink>,
) -> Result<StatusCode, Problem> {
    spawned(async move { app.authority.freeze_by_link(&mut act, request).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Freezes my account: every device ends, and no code is good until a counter lifts it.
#[utoipa::path(
    post, path = "/holder/account-freeze", tag = "holder",
    responses((status = 204, description = "Frozen, and signed out"), BadBody, Refused, Failed)
)]
async fn freeze_own(
    State(app): State<App>,
    Caller(mut act): Caller,
) -> Result<StatusCode, Problem> {
    spawned(async move { app.authority.freeze_own(&mut act).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// My devices, the newest first.
#[utoipa::path(
    get, path = "/holder/devices", tag = "holder",
    responses((status = 200, description = "The devices", body = Vec<DeviceView>), Refused, Failed)
)]
async fn devices(
    State(app): State<App>,
    Caller(mut act): Caller,
    device: Device,
) -> Result<Json<Vec<DeviceView>>, Problem> {
    spawned(async move { app.authority.devices(&mut act, device.client()).await })
        .await
        .map(Json)
}

/// Removes one of my devices, and signs out on it.
#[utoipa::path(
    delete, path = "/holder/devices/{id}", tag = "holder",
    params(("id" = String, Path, description = "The device")),
    responses((status = 204, description = "Removed"), Refused, Failed)
)]
async fn remove_device(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    spawned(async move { app.authority.remove_device(&mut act, &id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes my password. Every other session ends.
#[utoipa::path(
    post, path = "/holder/password", tag = "holder", request_body = ChangePassword,
    responses((status = 204, description = "Changed"), BadBody, Refused, Failed)
)]
async fn change_password(
    State(app): State<App>,
    Caller(mut act): Caller,
    SessionToken(token): SessionToken,
    device: Device,
    JsonBody(request): JsonBody<ChangePassword>,
) -> Result<StatusCode, Problem> {
    spawned(async move {
        let here = (token.as_deref().unwrap_or_default(), device.client());
        app.authority.change_password(&mut act, request, here).await
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Freezes the account of a driver who stands at the counter.
#[utoipa::path(
    post, path = "/counter/account-freezes", tag = "counter", request_body = CounterAccount,
    responses((status = 204, description = "Frozen"), BadBody, Refused, Failed)
)]
async fn freeze_at_counter(
    State(app): State<App>,
    Caller(mut act): Caller,
    JsonBody(request): JsonBody<CounterAccount>,
) -> Result<StatusCode, Problem> {
    spawned(async move { app.authority.freeze_at_counter(&mut act, request).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lifts the freezing of a driver who stands at the counter (解冻). The driver activates anew.
#[utoipa::path(
    post, path = "/counter/account-unfreezes", tag = "counter", request_body = CounterAccount,
    responses((status = 204, description = "Lifted"), BadBody, Refused, Failed)
)]
async fn unfreeze_at_counter(
    State(app): State<App>,
    Caller(mut act): Caller,
    JsonBody(request): JsonBody<CounterAccount>,
) -> Result<StatusCode, Problem> {
    spawned(async move { app.authority.unfreeze_at_counter(&mut act, request).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
