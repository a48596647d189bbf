//! What operators and their machines ask: up, ready, counts, the API document.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::IntoResponse,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    metrics::measured,
    problem::{Failed, Problem},
    state::{App, spawned},
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
        .routes(routes!(document))
}

/// Whether the process answers.
#[utoipa::path(
    get, path = "/healthz", tag = "operation", security(()),
    responses((status = 200, description = "It does", body = String, content_type = "text/plain"))
)]
async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether requests can be served: the store answers and there are signing keys. Lines after the
/// first say what an operator should see to.
#[utoipa::path(
    get, path = "/readyz", tag = "operation", security(()),
    responses(
        (status = 200, description = "They can", body = String, content_type = "text/plain"),
        Failed,
    )
)]
async fn readyz(State(app): State<App>) -> Result<String, Problem> {
    let now = app.clock.now();
    let authority = app.authority.clone();
    spawned(async move { app.authority.ready().await }).await?;
    let notes = authority.trust_notes(now);
    let notes = notes.iter().map(|note| format!("note: {note}\n"));
    Ok(std::iter::once("ready\n".to_owned()).chain(notes).collect())
}

/// Counts in the Prometheus text format.
#[utoipa::path(
    get, path = "/metrics", tag = "operation", security(()),
    responses((status = 200, description = "The counts", body = String, content_type = "text/plain"))
)]
async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    let measures = app.authority.measures(app.clock.now()).await;
    let text = app.metrics.text() + &measured(&measures);
    ([(header::CONTENT_TYPE, format)], text)
}

/// This document.
#[utoipa::path(
    get, path = "/api/openapi.json", tag = "operation", security(()),
    responses((status = 200, description = "OpenAPI", body = Object))
)]
async fn document(State(app): State<App>) -> impl IntoResponse {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], app.document)
}
