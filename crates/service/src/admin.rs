//! Offices, staff, registry sources and roll-out (R2-R6).

use authority::views::{
    CalendarView, CalendarYearView, LoanView, NewLoan, NewRegistrySource, NewStaff, OfficeView,
    RegistrySourceView, StaffView, TextsSummaryView, WaveView,
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
        .routes(routes!(add_office, offices))
        .routes(routes!(add_staff))
        .routes(routes!(add_registry_source))
        .routes(routes!(set_wave, waves))
        .routes(routes!(set_calendar_year, working_calendar))
        .routes(routes!(lend, loans))
        .routes(routes!(end_loan))
        .routes(routes!(texts_summary))
}

/// Adds an office.
#[utoipa::path(
    post, path = "/admin/offices", tag = "admin", request_body = OfficeView,
    responses((status = 201, description = "The office", body = OfficeView), BadBody, Refused, Failed)
)]
async fn add_office(
    State(app): State<App>,
    Caller(mut act): Caller,
    JsonBody(office): JsonBody<OfficeView>,
) -> Result<(StatusCode, Json<OfficeView>), Problem> {
    let office = spawned(async move { app.authority.add_office(&mut act, office).await }).await?;
    Ok((StatusCode::CREATED, Json(office)))
}

/// All offices.
#[utoipa::path(
    get, path = "/admin/offices", tag = "admin",
    responses((status = 200, description = "The offices", body = Vec<OfficeView>), Refused, Failed)
)]
async fn offices(
    State(app): State<App>,
    Caller(mut act): Caller,
) -> Result<Json<Vec<OfficeView>>, Problem> {
    spawned(async move { app.authority.offices(&mut act).await })
        .await
        .map(Json)
}

/// Adds a member of staff.
#[utoipa::path(
    post, path = "/admin/staff", tag = "admin", request_body = NewStaff,
    responses((status = 201, description = "The member", body = StaffView), BadBody, Refused, Failed)
)]
async fn add_staff(
    State(app): State<App>,
    Caller(mut act): Caller,
    JsonBody(staff): JsonBody<NewStaff>,
) -> Result<(StatusCode, Json<StaffView>), Problem> {
    let staff = spawned(async move { app.authority.add_staff(&mut act, staff).await }).await?;
    Ok((StatusCode::CREATED, Json(staff)))
}

/// Adds a registry source; its token is shown once.
#[utoipa::path(
    post, path = "/admin/registry-sources", tag = "admin", request_body = NewRegistrySource,
    responses(
        (status = 201, description = "The source and its token", body = RegistrySourceView),
        BadBody, Refused, Failed,
    )
)]
async fn add_registry_source(
    State(app): State<App>,
    Caller(mut act): Caller,
    JsonBody(source): JsonBody<NewRegistrySource>,
) -> Result<(StatusCode, Json<RegistrySourceView>), Problem> {
    let source =
        spawned(async move { app.authority.add_registry_source(&mut act, source).await }).await?;
    Ok((StatusCode::CREATED, Json(source)))
}

/// Sets from when a city's drivers, or all, can apply.
#[utoipa::path(
    put, path = "/admin/rollout", tag = "admin", request_body = WaveView,
    responses((status = 200, description = "The wave", body = WaveView), BadBody, Refused, Failed)
)]
async fn set_wave(
    State(app): State<App>,
    Caller(mut act): Caller,
    JsonBody(wave): JsonBody<WaveView>,
) -> Result<Json<WaveView>, Problem> {
    spawned(async move { app.authority.set_wave(&mut act, wave).await })
        .await
        .map(Json)
}

/// The roll-out.
#[utoipa::path(
    get, path = "/admin/rollout", tag = "admin",
    responses((status = 200, description = "The waves", body = Vec<WaveView>), Refused, Failed)
)]
async fn waves(
    State(app): State<App>,
    Caller(mut act): Caller,
) -> Result<Json<Vec<WaveView>>, Problem> {
    spawned(async move { app.authority.waves(&mut act).await })
        .await
        .map(Json)
}

/// How the texts of the last seven days stand; no phone numbers.
#[utoipa::path(
    get, path = "/admin/texts/summary", tag = "admin",
    responses((status = 200, description = "Counts by state", body = TextsSummaryView), Refused, Failed)
)]
async fn texts_summary(
    State(app): State<App>,
    Caller(act): Caller,
) -> Result<Json<TextsSummaryView>, Problem> {
    spawned(async move { app.authority.texts_summary(&act).await })
        .await
        .map(Json)
}

/// Enters a year of the working calendar, as announced.
#[utoipa::path(
    put, path = "/admin/calendar", tag = "admin", request_body = CalendarYearView,
    responses((status = 200, description = "The calendar", body = CalendarView), BadBody, Refused, Failed)
)]
async fn set_calendar_year(
    State(app): State<App>,
    Caller(act): Caller,
    JsonBody(year): JsonBody<CalendarYearView>,
) -> Result<Json<CalendarView>, Problem> {
    spawned(async move { app.authority.set_calendar_year(&act, year).await })
        .await
        .map(Json)
}

/// The working calendar, and the year that is missing soon.
#[utoipa::path(
    get, path = "/admin/calendar", tag = "admin",
    responses((status = 200, description = "The calendar", body = CalendarView), Refused, Failed)
)]
async fn working_calendar(
    State(app): State<App>,
    Caller(act): Caller,
) -> Result<Json<CalendarView>, Problem> {
    app.authority
        .working_calendar(&act)
        .map(Json)
        .map_err(Problem::from)
}

/// Lends one office's cases to another (协办).
#[utoipa::path(
    post, path = "/admin/review-loans", tag = "admin", request_body = NewLoan,
    responses((status = 201, description = "The loan", body = LoanView), BadBody, Refused, Failed)
)]
async fn lend(
    State(app): State<App>,
    Caller(mut act): Caller,
    JsonBody(loan): JsonBody<NewLoan>,
) -> Result<(StatusCode, Json<LoanView>), Problem> {
    let loan = spawned(async move { app.authority.lend(&mut act, loan).await }).await?;
    Ok((StatusCode::CREATED, Json(loan)))
}

/// Every loan, the newest first.
#[utoipa::path(
    get, path = "/admin/review-loans", tag = "admin",
    responses((status = 200, description = "The loans", body = Vec<LoanView>), Refused, Failed)
)]
async fn loans(
    State(app): State<App>,
    Caller(act): Caller,
) -> Result<Json<Vec<LoanView>>, Problem> {
    spawned(async move { app.authority.loans(&act).await })
        .await
        .map(Json)
}

/// Ends a loan before its time.
#[utoipa::path(
    delete, path = "/admin/review-loans/{id}", tag = "admin",
    params(("id" = String, Path, description = "The loan")),
    responses((status = 204, description = "It is ended"), Refused, Failed)
)]
async fn end_loan(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    spawned(async move { app.authority.end_loan(&mut act, &id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
