//! Verification (核验, R11, R12).

use authority::views::{VerificationView, Verify};
use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use utoipa_axum::{router::OpenApiRouter, routes};
use zeroize::Zeroizing;

use crate::{
    body::JsonBody,
    extract::{Caller, IdempotencyKey, Reaching},
    files,
    problem::{BadBody, Failed, Problem, Refused},
    state::{App, spawned},
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(verify))
        .routes(routes!(verification))
        .routes(routes!(verification_portrait))
}

/// Verifies a code: separate facts, never one yes or no. While the records cannot be reached, the
/// problem's `known` says what is known all the same, and as of when.
#[utoipa::path(
    post, path = "/verifications", tag = "verifications", request_body = Verify,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible ASCII characters")),
    responses(
        (status = 200, description = "The facts", body = VerificationView),
        BadBody, Refused, Failed,
    )
)]
async fn verify(
    State(app): State<App>,
    reaching: Reaching,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(request): JsonBody<Verify>,
) -> Result<Json<VerificationView>, Problem> {
    let code = Zeroizing::new(request.code.clone());
    let (problem, now) = match reaching {
        Reaching::Unreached(problem, now) => (problem, now),
        Reaching::Caller(mut act) => {
            let (authority, now) = (app.authority.clone(), act.now);
            let verified = spawned(async move {
                let key = key.as_deref();
                authority.verify(&mut act, request, key).await
            });
            match verified.await {
                Ok(view) => return Ok(Json(view)),
                Err(problem) => (problem, now),
            }
        }
    };
    if !problem.is_could_not() {
        return Err(problem);
    }
    // SC-44: what the code itself and the public lists say, to whoever has the code in hand.
    let known = app.authority.known_of(now, &code).await;
    Err(problem.and_known(known))
}

/// A verification that I made, as it was answered.
#[utoipa::path(
    get, path = "/verifications/{id}", tag = "verifications",
    params(("id" = String, Path, description = "The verification")),
    responses((status = 200, description = "The facts", body = VerificationView), Refused, Failed)
)]
async fn verification(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
) -> Result<Json<VerificationView>, Problem> {
    spawned(async move { app.authority.verification(&mut act, &id).await })
        .await
        .map(Json)
}

/// The portrait to compare with the person.
#[utoipa::path(
    get, path = "/verifications/{id}/portrait", tag = "verifications",
    params(("id" = String, Path, description = "The verification")),
    responses(
        (status = 200, description = "The photo", body = Vec<u8>, content_type = "image/jpeg"),
        Refused, Failed,
    )
)]
async fn verification_portrait(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let file =
        spawned(async move { app.authority.verification_portrait(&mut act, &id).await }).await?;
    files::photo(file)
}
