//! Signing keys and changes of trust, for administrators.

use authority::views::{KeyView, RevokeKey, SubmitTrust, SubmittedView, TrustProposalView};
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
        .routes(routes!(keys))
        .routes(routes!(revoke_key))
        .routes(routes!(restore_key))
        .routes(routes!(submit_trust, trust_proposals))
        .routes(routes!(activate_trust))
        .routes(routes!(reject_trust))
}

/// The signing keys that the trust list names.
#[utoipa::path(
    get, path = "/admin/keys", tag = "admin",
    responses((status = 200, description = "The keys", body = Vec<KeyView>), Refused, Failed)
)]
async fn keys(State(app): State<App>, Caller(act): Caller) -> Result<Json<Vec<KeyView>>, Problem> {
    spawned(async move { app.authority.keys_for(&act) })
        .await
        .map(Json)
}

/// Revokes a key in an emergency, at once and by one person: nothing is verified by it or signed with
/// it any more. Verifiers that stand alone learn it with the next signed list.
#[utoipa::path(
    post, path = "/admin/keys/{key_id}/revocation", tag = "admin", request_body = RevokeKey,
    params(("key_id" = String, Path, description = "The key")),
    responses((status = 200, description = "The key", body = KeyView), BadBody, Refused, Failed)
)]
async fn revoke_key(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(key_id): Path<String>,
    JsonBody(request): JsonBody<RevokeKey>,
) -> Result<Json<KeyView>, Problem> {
    spawned(async move { app.authority.revoke_key(&mut act, &key_id, request).await })
        .await
        .map(Json)
}

/// Lifts an emergency revocation, as the second administrator who asks for it.
#[utoipa::path(
    post, path = "/admin/keys/{key_id}/restoration", tag = "admin",
    params(("key_id" = String, Path, description = "The key")),
    responses(
        (status = 200, description = "Lifted", body = KeyView),
        (status = 202, description = "A second administrator has to ask too", body = KeyView),
        BadBody, Refused, Failed,
    )
)]
async fn restore_key(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(key_id): Path<String>,
) -> Result<(StatusCode, Json<KeyView>), Problem> {
    let (lifted, key) =
        spawned(async move { app.authority.restore_key(&mut act, &key_id).await }).await?;
    let status = if lifted {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    Ok((status, Json(key)))
}

/// Brings a trust list that the roots have signed. Others let it count; one that only revokes keys
/// counts at once.
#[utoipa::path(
    post, path = "/admin/trust-proposals", tag = "admin", request_body = SubmitTrust,
    responses((status = 201, description = "What became of it", body = SubmittedView), BadBody, Refused, Failed)
)]
async fn submit_trust(
    State(app): State<App>,
    Caller(mut act): Caller,
    JsonBody(request): JsonBody<SubmitTrust>,
) -> Result<(StatusCode, Json<SubmittedView>), Problem> {
    let view =
        spawned(async move { app.authority.submit_trust_file(&mut act, &request).await }).await?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// The proposed trust lists, newest first.
#[utoipa::path(
    get, path = "/admin/trust-proposals", tag = "admin",
    responses((status = 200, description = "The proposals", body = Vec<TrustProposalView>), Refused, Failed)
)]
async fn trust_proposals(
    State(app): State<App>,
    Caller(act): Caller,
) -> Result<Json<Vec<TrustProposalView>>, Problem> {
    spawned(async move { app.authority.trust_proposals(&act).await })
        .await
        .map(Json)
}

/// Lets a proposed trust list count, as somebody who did not bring it. Undoing a revocation needs two.
#[utoipa::path(
    post, path = "/admin/trust-proposals/{id}/activation", tag = "admin",
    params(("id" = String, Path, description = "The proposal")),
    responses(
        (status = 200, description = "It counts", body = TrustProposalView),
        (status = 202, description = "A second administrator has to agree", body = TrustProposalView),
        BadBody, Refused, Failed,
    )
)]
async fn activate_trust(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<TrustProposalView>), Problem> {
    let proposal =
        spawned(async move { app.authority.activate_trust(&mut act, &id).await }).await?;
    let status = if proposal.state == "open" {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(proposal)))
}

/// Throws a proposed trust list away, with the keys that were made for it.
#[utoipa::path(
    post, path = "/admin/trust-proposals/{id}/rejection", tag = "admin",
    params(("id" = String, Path, description = "The proposal")),
    responses((status = 200, description = "Rejected", body = TrustProposalView), BadBody, Refused, Failed)
)]
async fn reject_trust(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
) -> Result<Json<TrustProposalView>, Problem> {
    spawned(async move { app.authority.reject_trust(&mut act, &id).await })
        .await
        .map(Json)
}
