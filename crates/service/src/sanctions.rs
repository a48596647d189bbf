//! Sanctions (停止申领使用, R75, R76): officers propose, decide and lift; drivers read and appeal.

use std::io;

use authority::{
    Authority, CaseFile,
    views::{
        DecideSanction, HolderSanctionView, ProposeFromCase, ProposeSanction, SanctionRowView,
        SanctionStatement, SanctionView,
    },
};
use axum::{
    Json,
    body::Bytes,
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
        .routes(routes!(propose_from_case))
        .routes(routes!(propose, sanctions))
        .routes(routes!(sanction))
        .routes(routes!(evidence_photo))
        .routes(routes!(decide_sanction))
        .routes(routes!(propose_lift))
        .routes(routes!(decide_lift))
        .routes(routes!(case_file))
        .routes(routes!(own))
        .routes(routes!(appeal_sanction))
}

/// Proposes a sanction from a case; another officer confirms it.
#[utoipa::path(
    post, path = "/review/applications/{id}/sanction", tag = "sanctions", request_body = ProposeFromCase,
    params(
        ("id" = String, Path, description = "The application"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible ASCII characters"),
    ),
    responses(
        (status = 201, description = "The sanction, proposed", body = SanctionView),
        BadBody, Refused, Failed,
    )
)]
async fn propose_from_case(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(request): JsonBody<ProposeFromCase>,
) -> Result<(StatusCode, Json<SanctionView>), Problem> {
    let sanction = spawned(async move {
        let (authority, key) = (&app.authority, key.as_deref());
        authority
            .propose_from_case(&mut act, &id, request, key)
            .await
    })
    .await?;
    Ok((StatusCode::CREATED, Json(sanction)))
}

/// Proposes a sanction against a driver of my issuing authority; another officer confirms it.
#[utoipa::path(
    post, path = "/admin/sanctions", tag = "sanctions", request_body = ProposeSanction,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible ASCII characters")),
    responses(
        (status = 201, description = "The sanction, proposed", body = SanctionView),
        BadBody, Refused, Failed,
    )
)]
async fn propose(
    State(app): State<App>,
    Caller(mut act): Caller,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(request): JsonBody<ProposeSanction>,
) -> Result<(StatusCode, Json<SanctionView>), Problem> {
    let sanction = spawned(async move {
        let key = key.as_deref();
        app.authority.propose_sanction(&mut act, request, key).await
    })
    .await?;
    Ok((StatusCode::CREATED, Json(sanction)))
}

/// Which sanctions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SanctionsQuery {
    /// Whether those that ended come too.
    #[serde(default)]
    all: bool,
}

/// Sanctions of my issuing authority, the newest first.
#[utoipa::path(
    get, path = "/admin/sanctions", tag = "sanctions",
    params(("all" = Option<bool>, Query, description = "Those that ended too")),
    responses((status = 200, description = "The sanctions", body = Vec<SanctionRowView>), Refused, Failed)
)]
async fn sanctions(
    State(app): State<App>,
    Caller(mut act): Caller,
    QueryOf(query): QueryOf<SanctionsQuery>,
) -> Result<Json<Vec<SanctionRowView>>, Problem> {
    spawned(async move { app.authority.sanctions(&mut act, query.all).await })
        .await
        .map(Json)
}

/// A sanction with the driver's record and everything that happened.
#[utoipa::path(
    get, path = "/admin/sanctions/{id}", tag = "sanctions",
    params(("id" = String, Path, description = "The sanction")),
    responses((status = 200, description = "The sanction", body = SanctionView), Refused, Failed)
)]
async fn sanction(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
) -> Result<Json<SanctionView>, Problem> {
    spawned(async move { app.authority.sanction(&mut act, &id).await })
        .await
        .map(Json)
}

/// A photo of its evidence.
#[utoipa::path(
    get, path = "/admin/sanctions/{id}/photos/{photo}", tag = "sanctions",
    params(
        ("id" = String, Path, description = "The sanction"),
        ("photo" = String, Path, description = "The photo"),
    ),
    responses(
        (status = 200, description = "The photo", body = Vec<u8>, content_type = "image/jpeg"),
        Refused, Failed,
    )
)]
async fn evidence_photo(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path((id, photo)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let file =
        spawned(async move { app.authority.sanction_photo(&mut act, &id, &photo).await }).await?;
    files::photo(file)
}

/// Confirms a sanction that another proposed, or declines it.
#[utoipa::path(
    post, path = "/admin/sanctions/{id}/decision", tag = "sanctions", request_body = DecideSanction,
    params(("id" = String, Path, description = "The sanction")),
    responses(
        (status = 200, description = "The sanction", body = SanctionView),
        BadBody, Refused, Failed,
    )
)]
async fn decide_sanction(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
    JsonBody(request): JsonBody<DecideSanction>,
) -> Result<Json<SanctionView>, Problem> {
    spawned(async move { app.authority.decide_sanction(&mut act, &id, request).await })
        .await
        .map(Json)
}

/// Would have a sanction lifted; another officer decides.
#[utoipa::path(
    post, path = "/admin/sanctions/{id}/lift", tag = "sanctions", request_body = SanctionStatement,
    params(("id" = String, Path, description = "The sanction")),
    responses(
        (status = 200, description = "The sanction", body = SanctionView),
        BadBody, Refused, Failed,
    )
)]
async fn propose_lift(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
    JsonBody(request): JsonBody<SanctionStatement>,
) -> Result<Json<SanctionView>, Problem> {
    spawned(async move { app.authority.propose_lift(&mut act, &id, request).await })
        .await
        .map(Json)
}

/// Lifts a sanction as another would have it, or lets it stand.
#[utoipa::path(
    post, path = "/admin/sanctions/{id}/lift/decision", tag = "sanctions", request_body = DecideSanction,
    params(("id" = String, Path, description = "The sanction")),
    responses(
        (status = 200, description = "The sanction", body = SanctionView),
        BadBody, Refused, Failed,
    )
)]
async fn decide_lift(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
    JsonBody(request): JsonBody<DecideSanction>,
) -> Result<Json<SanctionView>, Problem> {
    spawned(async move { app.authority.decide_lift(&mut act, &id, request).await })
        .await
        .map(Json)
}

/// Exports the case file: a signed archive for those who handle the case further (R76).
#[utoipa::path(
    post, path = "/admin/sanctions/{id}/case-files", tag = "sanctions",
    params(("id" = String, Path, description = "The sanction")),
    responses(
        (status = 200, description = "A tar archive with its manifests", body = Vec<u8>,
            content_type = "application/x-tar"),
        BadBody, Refused, Failed,
    )
)]
async fn case_file(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let authority = app.authority.clone();
    let file = spawned(async move { app.authority.case_file(&mut act, &id).await }).await?;
    let name = file.name.clone();
    Ok(files::archive(&name, pieces(authority, file)))
}

/// The archive piece by piece. One that breaks off ends without the end of an archive.
fn pieces(
    authority: Authority,
    file: CaseFile,
) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    futures_util::stream::try_unfold((authority, file), async |(authority, mut file)| {
        match authority.next_of_case_file(&mut file).await {
            Ok(piece) => Ok(piece.map(|piece| {
                let bytes = Bytes::from_owner(piece);
                (bytes, (authority, file))
            })),
            Err(error) => {
                tracing::error!(code = error.code(), "a case file broke off");
                Err(io::Error::other("the archive broke off"))
            }
        }
    })
}

/// My sanctions: why, since when, and whom to contact.
#[utoipa::path(
    get, path = "/holder/sanctions", tag = "holder",
    responses((status = 200, description = "The sanctions", body = Vec<HolderSanctionView>), Refused, Failed)
)]
async fn own(
    State(app): State<App>,
    Caller(mut act): Caller,
) -> Result<Json<Vec<HolderSanctionView>>, Problem> {
    spawned(async move { app.authority.own_sanctions(&mut act).await })
        .await
        .map(Json)
}

/// Appeals against a sanction (申诉); two officers answer.
#[utoipa::path(
    post, path = "/holder/sanctions/{id}/appeal", tag = "holder", request_body = SanctionStatement,
    params(("id" = String, Path, description = "The sanction")),
    responses(
        (status = 200, description = "The sanction", body = HolderSanctionView),
        BadBody, Refused, Failed,
    )
)]
async fn appeal_sanction(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
    JsonBody(request): JsonBody<SanctionStatement>,
) -> Result<Json<HolderSanctionView>, Problem> {
    spawned(async move { app.authority.appeal_sanction(&mut act, &id, request).await })
        .await
        .map(Json)
}
