//! What a driver sees and does: only their own (R77).

use authority::views::{
    AppealView, ApplicationView, CodeView, ELicenceView, EligibilityView, FileAppeal, LicenceView,
    LookUpView, MakeCode, NotificationView,
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::JsonBody,
    extract::{Caller, IdempotencyKey, QueryOf},
    files,
    problem::{BadBody, Failed, Problem, Refused},
    state::{App, spawned},
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(licence))
        .routes(routes!(eligibility))
        .routes(routes!(applications))
        .routes(routes!(application))
        .routes(routes!(file_appeal, appeal))
        .routes(routes!(e_licence))
        .routes(routes!(portrait))
        .routes(routes!(credential))
        .routes(routes!(make_code))
        .routes(routes!(look_ups))
        .routes(routes!(notifications))
}

/// My record and its status (R10).
#[utoipa::path(
    get, path = "/holder/licence", tag = "holder",
    responses((status = 200, description = "The record", body = LicenceView), Refused, Failed)
)]
async fn licence(
    State(app): State<App>,
    Caller(mut act): Caller,
) -> Result<Json<LicenceView>, Problem> {
    spawned(async move { app.authority.licence(&mut act).await })
        .await
        .map(Json)
}

/// Whether I may apply, with everything that blocks it (R24-R30).
#[utoipa::path(
    get, path = "/holder/eligibility", tag = "holder",
    responses((status = 200, description = "Yes or no, and why", body = EligibilityView), Refused, Failed)
)]
async fn eligibility(
    State(app): State<App>,
    Caller(mut act): Caller,
) -> Result<Json<EligibilityView>, Problem> {
    spawned(async move { app.authority.eligibility(&mut act).await })
        .await
        .map(Json)
}

/// My applications, the newest first.
#[utoipa::path(
    get, path = "/holder/applications", tag = "holder",
    responses((status = 200, description = "The applications", body = Vec<ApplicationView>), Refused, Failed)
)]
async fn applications(
    State(app): State<App>,
    Caller(mut act): Caller,
) -> Result<Json<Vec<ApplicationView>>, Problem> {
    spawned(async move { app.authority.applications(&mut act).await })
        .await
        .map(Json)
}

/// One of my applications.
#[utoipa::path(
    get, path = "/holder/applications/{id}", tag = "holder",
    params(("id" = String, Path, description = "The application")),
    responses((status = 200, description = "The application", body = ApplicationView), Refused, Failed)
)]
async fn application(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
) -> Result<Json<ApplicationView>, Problem> {
    spawned(async move { app.authority.application(&mut act, &id).await })
        .await
        .map(Json)
}

/// Appeals against the rejection of one of my applications (申诉): another reviewer decides.
#[utoipa::path(
    post, path = "/holder/applications/{id}/appeal", tag = "holder", request_body = FileAppeal,
    params(
        ("id" = String, Path, description = "The application"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible ASCII characters"),
    ),
    responses(
        (status = 201, description = "The application, under review once more", body = ApplicationView),
        BadBody, Refused, Failed,
    )
)]
async fn file_appeal(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(request): JsonBody<FileAppeal>,
) -> Result<(StatusCode, Json<ApplicationView>), Problem> {
    let application = spawned(async move {
        let key = key.as_deref();
        app.authority.appeal(&mut act, &id, request, key).await
    })
    .await?;
    Ok((StatusCode::CREATED, Json(application)))
}

/// My appeal against the rejection of an application.
#[utoipa::path(
    get, path = "/holder/applications/{id}/appeal", tag = "holder",
    params(("id" = String, Path, description = "The application")),
    responses((status = 200, description = "The appeal", body = AppealView), Refused, Failed)
)]
async fn appeal(
    State(app): State<App>,
    Caller(act): Caller,
    Path(id): Path<String>,
) -> Result<Json<AppealView>, Problem> {
    spawned(async move { app.authority.own_appeal(&act, &id).await })
        .await
        .map(Json)
}

/// The licence pages, main and sub (正页、副页, R15-R22).
#[utoipa::path(
    get, path = "/holder/e-licence", tag = "holder",
    responses((status = 200, description = "The pages", body = ELicenceView), Refused, Failed)
)]
async fn e_licence(
    State(app): State<App>,
    Caller(mut act): Caller,
) -> Result<Json<ELicenceView>, Problem> {
    spawned(async move { app.authority.e_licence(&mut act).await })
        .await
        .map(Json)
}

/// The photo of my e-licence (R16).
#[utoipa::path(
    get, path = "/holder/e-licence/portrait", tag = "holder",
    responses(
        (status = 200, description = "The photo", body = Vec<u8>, content_type = "image/jpeg"),
        Refused, Failed,
    )
)]
async fn portrait(State(app): State<App>, Caller(mut act): Caller) -> Result<Response, Problem> {
    let file = spawned(async move { app.authority.portrait(&mut act).await }).await?;
    files::photo(file)
}

/// Which form of the credential.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CredentialQuery {
    /// `ES256` or `SM2-SM3`.
    suite: String,
}

/// My credential as a file that `jiazhao verify` checks offline.
#[utoipa::path(
    get, path = "/holder/e-licence/credential", tag = "holder",
    params(("suite" = String, Query, description = "`ES256` or `SM2-SM3`")),
    responses(
        (status = 200, description = "COSE_Sign1", body = Vec<u8>, content_type = "application/cose"),
        Refused, Failed,
    )
)]
async fn credential(
    State(app): State<App>,
    Caller(mut act): Caller,
    QueryOf(query): QueryOf<CredentialQuery>,
) -> Result<Response, Problem> {
    let bytes =
        spawned(async move { app.authority.credential_file(&mut act, &query.suite).await }).await?;
    Ok(files::credential(bytes))
}

/// Makes a code to show (亮码, R14, R18): the numeric code itself, or what the bound device makes
/// dynamic and offline codes of.
#[utoipa::path(
    post, path = "/holder/e-licence/codes", tag = "holder", request_body = MakeCode,
    responses(
        (status = 201, description = "The code, or its material", body = CodeView),
        BadBody, Refused, Failed,
    )
)]
async fn make_code(
    State(app): State<App>,
    Caller(mut act): Caller,
    JsonBody(request): JsonBody<MakeCode>,
) -> Result<(StatusCode, Json<CodeView>), Problem> {
    let code = spawned(async move { app.authority.make_code(&mut act, request).await }).await?;
    Ok((StatusCode::CREATED, Json(code)))
}

/// Who looked me up.
#[utoipa::path(
    get, path = "/holder/look-ups", tag = "holder",
    responses((status = 200, description = "The look-ups", body = Vec<LookUpView>), Refused, Failed)
)]
async fn look_ups(
    State(app): State<App>,
    Caller(mut act): Caller,
) -> Result<Json<Vec<LookUpView>>, Problem> {
    spawned(async move { app.authority.look_ups(&mut act).await })
        .await
        .map(Json)
}

/// My messages.
#[utoipa::path(
    get, path = "/holder/notifications", tag = "holder",
    responses((status = 200, description = "The messages", body = Vec<NotificationView>), Refused, Failed)
)]
async fn notifications(
    State(app): State<App>,
    Caller(mut act): Caller,
) -> Result<Json<Vec<NotificationView>>, Problem> {
    spawned(async move { app.authority.notifications(&mut act).await })
        .await
        .map(Json)
}
