//! What the gateway that carries texts reports of them.

use authority::views::{TextReports, TextReportsView};
use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::JsonBody,
    extract::Gateway,
    problem::{BadBody, Failed, Problem, Refused},
    state::{App, spawned},
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(reports))
}

/// Takes delivery reports of texts. A report that comes twice changes nothing.
#[utoipa::path(
    post, path = "/notifier/reports", tag = "notifier", security(("gateway" = [])),
    request_body = TextReports,
    responses(
        (status = 200, description = "What was done with them", body = TextReportsView),
        BadBody, Refused, Failed,
    )
)]
async fn reports(
    State(app): State<App>,
    Gateway(act): Gateway,
    JsonBody(reports): JsonBody<TextReports>,
) -> Result<Json<TextReportsView>, Problem> {
    spawned(async move { app.authority.report_texts(&act, reports).await })
        .await
        .map(Json)
}
