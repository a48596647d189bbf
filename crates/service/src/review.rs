//! Review (审核, R34, R42).

use authority::views::{
    ApplicationView, CaseView, Decide, DecideSample, DuplicatesView, ForecastView,
    QueueSummaryView, ReviewView, SampleView,
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
        .routes(routes!(queue))
        .routes(routes!(summary))
        .routes(routes!(forecast))
        .routes(routes!(claim_next))
        .routes(routes!(claim, release))
        .routes(routes!(photo))
        .routes(routes!(photo_on_file))
        .routes(routes!(decide))
        .routes(routes!(decide_sample))
        .routes(routes!(search_duplicates))
}

/// The queue of my office, with the cases that others lend, by deadline.
#[utoipa::path(
    get, path = "/review/queue", tag = "review",
    responses((status = 200, description = "The cases", body = Vec<CaseView>), Refused, Failed)
)]
async fn queue(
    State(app): State<App>,
    Caller(mut act): Caller,
) -> Result<Json<Vec<CaseView>>, Problem> {
    spawned(async move { app.authority.review_queue(&mut act).await })
        .await
        .map(Json)
}

/// How the queue of my office stands, what I have in hand, and what other offices lend.
#[utoipa::path(
    get, path = "/review/summary", tag = "review",
    responses((status = 200, description = "The numbers", body = QueueSummaryView), Refused, Failed)
)]
async fn summary(
    State(app): State<App>,
    Caller(mut act): Caller,
) -> Result<Json<QueueSummaryView>, Problem> {
    spawned(async move { app.authority.review_summary(&mut act).await })
        .await
        .map(Json)
}

/// Whose forecast.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ForecastQuery {
    /// The issuing authority; the caller's own, where it is not said.
    office: Option<String>,
}

/// What my office will have to decide, and with how many reviewers; administrators name any office.
#[utoipa::path(
    get, path = "/review/forecast", tag = "review",
    params(("office" = Option<String>, Query, description = "An issuing authority; the caller's own, where it is not said")),
    responses((status = 200, description = "The forecast", body = ForecastView), Refused, Failed)
)]
async fn forecast(
    State(app): State<App>,
    Caller(act): Caller,
    QueryOf(query): QueryOf<ForecastQuery>,
) -> Result<Json<ForecastView>, Problem> {
    let office = query.office;
    spawned(async move { app.authority.review_forecast(&act, office.as_deref()).await })
        .await
        .map(Json)
}

/// Takes the case that is due first of those that I may decide.
#[utoipa::path(
    post, path = "/review/claims", tag = "review",
    responses((status = 200, description = "The case", body = ReviewView), BadBody, Refused, Failed)
)]
async fn claim_next(
    State(app): State<App>,
    Caller(mut act): Caller,
) -> Result<Json<ReviewView>, Problem> {
    spawned(async move { app.authority.claim_next(&mut act).await })
        .await
        .map(Json)
}

/// Takes a case, so that nobody else decides it meanwhile.
#[utoipa::path(
    post, path = "/review/applications/{id}/claim", tag = "review",
    params(("id" = String, Path, description = "The application")),
    responses(
        (status = 200, description = "The case", body = ReviewView),
        BadBody, Refused, Failed,
    )
)]
async fn claim(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
) -> Result<Json<ReviewView>, Problem> {
    spawned(async move { app.authority.claim(&mut act, &id).await })
        .await
        .map(Json)
}

/// Gives a case back, so that somebody else can take it.
#[utoipa::path(
    delete, path = "/review/applications/{id}/claim", tag = "review",
    params(("id" = String, Path, description = "The application")),
    responses((status = 204, description = "It is free"), Refused, Failed)
)]
async fn release(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    spawned(async move { app.authority.release(&mut act, &id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The new photo of a claimed case.
#[utoipa::path(
    get, path = "/review/applications/{id}/photo", tag = "review",
    params(("id" = String, Path, description = "The application")),
    responses(
        (status = 200, description = "The photo", body = Vec<u8>, content_type = "image/jpeg"),
        Refused, Failed,
    )
)]
async fn photo(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let file = spawned(async move { app.authority.case_photo(&mut act, &id, false).await }).await?;
    files::photo(file)
}

/// The photo on file beside it.
#[utoipa::path(
    get, path = "/review/applications/{id}/photo-on-file", tag = "review",
    params(("id" = String, Path, description = "The application")),
    responses(
        (status = 200, description = "The photo", body = Vec<u8>, content_type = "image/jpeg"),
        Refused, Failed,
    )
)]
async fn photo_on_file(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let file = spawned(async move { app.authority.case_photo(&mut act, &id, true).await }).await?;
    files::photo(file)
}

/// Decides a claimed case; an approval issues the e-licence.
#[utoipa::path(
    post, path = "/review/applications/{id}/decision", tag = "review", request_body = Decide,
    params(
        ("id" = String, Path, description = "The application"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible ASCII characters"),
    ),
    responses(
        (status = 200, description = "The application", body = ApplicationView),
        BadBody, Refused, Failed,
    )
)]
async fn decide(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(decision): JsonBody<Decide>,
) -> Result<Json<ApplicationView>, Problem> {
    spawned(async move {
        let key = key.as_deref();
        app.authority.decide(&mut act, &id, decision, key).await
    })
    .await
    .map(Json)
}

/// Decides a claimed sample of an automatic issue; or, as the second officer, an objection to one.
#[utoipa::path(
    post, path = "/review/applications/{id}/sample-decision", tag = "review", request_body = DecideSample,
    params(("id" = String, Path, description = "The application")),
    responses((status = 200, description = "The sample", body = SampleView), BadBody, Refused, Failed)
)]
async fn decide_sample(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
    JsonBody(decision): JsonBody<DecideSample>,
) -> Result<Json<SampleView>, Problem> {
    spawned(async move { app.authority.decide_sample(&mut act, &id, decision).await })
        .await
        .map(Json)
}

/// Looks for the face of a claimed case among recent submissions of the same office, device or source, where
/// the operator has turned that on; the answer says how many mistakes are to be expected.
#[utoipa::path(
    post, path = "/review/applications/{id}/duplicate-search", tag = "review",
    params(("id" = String, Path, description = "The application")),
    responses((status = 200, description = "What was found", body = DuplicatesView), BadBody, Refused, Failed)
)]
async fn search_duplicates(
    State(app): State<App>,
    Caller(act): Caller,
    Path(id): Path<String>,
) -> Result<Json<DuplicatesView>, Problem> {
    spawned(async move { app.authority.search_duplicates(&act, &id).await })
        .await
        .map(Json)
}
