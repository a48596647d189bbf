//! What staff do about their own account, and administrators about the accounts of others.

use authority::Error;
use authority::views::{
    ChangeStaff, ChangeStaffPassword, ConfirmFactor, EndedSessionsView, FactorResetState,
    FactorResetView, NewFactorView, RecoveryCodesView, RenewRecoveryCodes, StaffRowView, StaffView,
};
use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{AppendHeaders, IntoResponse},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::JsonBody,
    extract::{Caller, Enroller},
    guard,
    problem::{BadBody, Failed, Problem, Refused},
    state::{App, spawned},
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(begin_factor))
        .routes(routes!(confirm_factor))
        .routes(routes!(renew_recovery_codes))
        .routes(routes!(change_staff_password))
        .routes(routes!(staff))
        .routes(routes!(change_staff))
        .routes(routes!(end_sessions))
        .routes(routes!(reset_factor))
        .routes(routes!(approve_reset))
}

/// Begins to set up the second factor; the secret is shown once.
#[utoipa::path(
    post, path = "/staff/factor", tag = "staff",
    responses(
        (status = 201, description = "The secret", body = NewFactorView),
        BadBody, Refused, Failed,
    )
)]
async fn begin_factor(
    State(app): State<App>,
    Enroller(mut act): Enroller,
) -> Result<(StatusCode, Json<NewFactorView>), Problem> {
    let factor = spawned(async move { app.authority.begin_factor(&mut act).await }).await?;
    Ok((StatusCode::CREATED, Json(factor)))
}

/// Confirms the second factor with its first code. The recovery codes are shown once; the session
/// goes on as a new one, and all others of the member end.
#[utoipa::path(
    post, path = "/staff/factor/confirmation", tag = "staff", request_body = ConfirmFactor,
    responses(
        (status = 201, description = "The recovery codes", body = RecoveryCodesView,
            headers(("Set-Cookie" = String, description = "jz_session"))),
        BadBody, Refused, Failed,
    )
)]
async fn confirm_factor(
    State(app): State<App>,
    Enroller(mut act): Enroller,
    JsonBody(request): JsonBody<ConfirmFactor>,
) -> Result<impl IntoResponse, Problem> {
    let (now, secure) = (act.now, app.settings.secure);
    let (token, view) =
        spawned(async move { app.authority.confirm_factor(&mut act, request).await }).await?;
    let ends = view
        .session
        .as_ref()
        .map_or(now, |session| session.expires_at);
    let max_age = ends.duration_since(now).as_secs().max(0);
    let cookie =
        guard::set_cookie(&token, max_age, secure).ok_or(Error::Internal("a token's form"))?;
    let headers = AppendHeaders([(header::SET_COOKIE, cookie)]);
    Ok((StatusCode::CREATED, headers, Json(view)))
}

/// Makes new recovery codes, shown once; those from before no longer work.
#[utoipa::path(
    post, path = "/staff/recovery-codes", tag = "staff", request_body = RenewRecoveryCodes,
    responses(
        (status = 201, description = "The recovery codes", body = RecoveryCodesView),
        BadBody, Refused, Failed,
    )
)]
async fn renew_recovery_codes(
    State(app): State<App>,
    Caller(mut act): Caller,
    JsonBody(request): JsonBody<RenewRecoveryCodes>,
) -> Result<(StatusCode, Json<RecoveryCodesView>), Problem> {
    let codes =
        spawned(async move { app.authority.renew_recovery_codes(&mut act, request).await }).await?;
    Ok((StatusCode::CREATED, Json(codes)))
}

/// Changes the own password and ends every session, this one too.
#[utoipa::path(
    post, path = "/staff/password", tag = "staff", request_body = ChangeStaffPassword,
    responses(
        (status = 204, description = "Changed; sign in anew",
            headers(("Set-Cookie" = String, description = "Ends jz_session"))),
        BadBody, Refused, Failed,
    )
)]
async fn change_staff_password(
    State(app): State<App>,
    Caller(mut act): Caller,
    JsonBody(request): JsonBody<ChangeStaffPassword>,
) -> Result<impl IntoResponse, Problem> {
    let secure = app.settings.secure;
    spawned(async move { app.authority.change_staff_password(&mut act, request).await }).await?;
    let cookie = guard::set_cookie("", 0, secure).ok_or(Error::Internal("a cookie's form"))?;
    let headers = AppendHeaders([(header::SET_COOKIE, cookie)]);
    Ok((StatusCode::NO_CONTENT, headers))
}

/// All members of staff.
#[utoipa::path(
    get, path = "/admin/staff", tag = "admin",
    responses((status = 200, description = "The staff", body = Vec<StaffRowView>), Refused, Failed)
)]
async fn staff(
    State(app): State<App>,
    Caller(mut act): Caller,
) -> Result<Json<Vec<StaffRowView>>, Problem> {
    spawned(async move { app.authority.staff_list(&mut act).await })
        .await
        .map(Json)
}

/// Sets roles and office of a member, and whether they are shut out; their sessions end.
#[utoipa::path(
    put, path = "/admin/staff/{id}", tag = "admin", request_body = ChangeStaff,
    params(("id" = String, Path, description = "The member")),
    responses((status = 200, description = "The member", body = StaffView), BadBody, Refused, Failed)
)]
async fn change_staff(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
    JsonBody(request): JsonBody<ChangeStaff>,
) -> Result<Json<StaffView>, Problem> {
    spawned(async move { app.authority.change_staff(&mut act, &id, request).await })
        .await
        .map(Json)
}

/// Ends every session of a member.
#[utoipa::path(
    delete, path = "/admin/staff/{id}/sessions", tag = "admin",
    params(("id" = String, Path, description = "The member")),
    responses(
        (status = 200, description = "How many ended", body = EndedSessionsView),
        BadBody, Refused, Failed,
    )
)]
async fn end_sessions(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
) -> Result<Json<EndedSessionsView>, Problem> {
    spawned(async move { app.authority.end_staff_sessions(&mut act, &id).await })
        .await
        .map(Json)
}

/// Resets a member's lost second factor; an administrator's only once another one approves.
#[utoipa::path(
    post, path = "/admin/staff/{id}/factor-reset", tag = "admin",
    params(("id" = String, Path, description = "The member")),
    responses(
        (status = 200, description = "Reset", body = FactorResetView),
        (status = 202, description = "A second administrator has to approve", body = FactorResetView),
        BadBody, Refused, Failed,
    )
)]
async fn reset_factor(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<FactorResetView>), Problem> {
    let reset = spawned(async move { app.authority.reset_factor(&mut act, &id).await }).await?;
    let status = match reset.state {
        FactorResetState::Done => StatusCode::OK,
        FactorResetState::Requested => StatusCode::ACCEPTED,
    };
    Ok((status, Json(reset)))
}

/// Approves, as a second administrator, the reset of an administrator's second factor.
#[utoipa::path(
    post, path = "/admin/staff/{id}/factor-reset/approval", tag = "admin",
    params(("id" = String, Path, description = "The member")),
    responses((status = 200, description = "Reset", body = FactorResetView), BadBody, Refused, Failed)
)]
async fn approve_reset(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
) -> Result<Json<FactorResetView>, Problem> {
    spawned(async move { app.authority.approve_factor_reset(&mut act, &id).await })
        .await
        .map(Json)
}
