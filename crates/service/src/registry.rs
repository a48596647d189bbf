//! Changes from the driver registries.

use authority::{Delivery, views::DeliveryView};
use axum::{
    Json,
    extract::{Request, State},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body, delivery,
    extract::Source,
    guard,
    problem::{BadBody, Failed, Problem, Refused, WRONG_CONTENT_TYPE},
    state::{App, spawned},
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(changes))
}

/// Takes records from an authenticated registry source, as lines or an array. Each record is judged
/// by itself: the answer names what was refused, and the others are applied. Sending a delivery
/// again changes nothing.
#[utoipa::path(
    post, path = "/registry/changes", tag = "registry", security(("source" = [])),
    request_body(description = "One JSON object a line, or an array of them", content(
        (String = "application/x-ndjson"),
        (Vec<Object> = "application/json"),
    )),
    responses(
        (status = 200, description = "What came of each record", body = DeliveryView),
        BadBody, Refused, Failed,
    )
)]
async fn changes(
    State(app): State<App>,
    Source(mut act): Source,
    request: Request,
) -> Result<Json<DeliveryView>, Problem> {
    let in_lines = match guard::media_type(request.headers()) {
        Some("application/x-ndjson") => true,
        Some("application/json") => false,
        _ => return Err(WRONG_CONTENT_TYPE.into()),
    };
    let bytes = body::whole(request, &app).await?;
    let pieces = if in_lines {
        delivery::of_lines(&bytes)
    } else {
        delivery::of_array(&bytes)?
    };
    delivery::readable(&pieces)?;
    let records = pieces
        .into_iter()
        .map(|(number, record)| Delivery::from_line(number, record))
        .collect();
    spawned(async move { app.authority.deliver(&mut act, records).await })
        .await
        .map(Json)
}
