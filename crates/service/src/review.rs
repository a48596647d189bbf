//! Review (审核, R34, R42).

use authority::views::{ApplicationView, CaseView, Decide, ReviewView};
use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::JsonBody,
    extract::{Caller, IdempotencyKey},
    files,
    problem::{BadBody, Failed, Problem, Refused},
    state::{App, spawned},
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(queue))
        .routes(routes!(claim))
        .routes(routes!(photo))
        .routes(routes!(photo_on_file))
        .routes(routes!(decide))
}

/// The queue of my office, by deadline.
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
