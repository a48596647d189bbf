//! Applying by oneself (R31-R54, R86-R90): each screen of the flows is a step here.

use authority::views::{
    AnswerPersonCheck, ApplicationView, AssessmentView, BeginApplication, Confirm, FaceConsentView,
    OpenPersonCheck, PersonCheckChallengeView, PhotoOnFileView, PhotoRulesView, ReadText,
    SubmitPhoto,
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
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
        .routes(routes!(photo_rules))
        .routes(routes!(own_photo_on_file))
        .routes(routes!(assess))
        .routes(routes!(begin_application))
        .routes(routes!(withdraw))
        .routes(routes!(read_rules))
        .routes(routes!(submit_photo, submitted_photo))
        .routes(routes!(confirm))
        .routes(routes!(face_consent, withdraw_consent))
        .routes(routes!(give_consent))
        .routes(routes!(open_check))
        .routes(routes!(submit))
}

/// The one path whose body holds many pictures.
pub(crate) fn routes_with_frames() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(answer_check))
}

/// The photo rules and how to take a photo (拍摄须知, R44, R55).
#[utoipa::path(
    get, path = "/holder/photo-rules", tag = "holder",
    responses((status = 200, description = "The rules", body = PhotoRulesView), Refused, Failed)
)]
async fn photo_rules(
    State(app): State<App>,
    Caller(act): Caller,
) -> Result<Json<PhotoRulesView>, Problem> {
    act.holder()?;
    Ok(Json(app.authority.photo_rules()))
}

/// Whether my photo on file can be used, and what is offered (R31, R33).
#[utoipa::path(
    get, path = "/holder/photo-on-file", tag = "holder",
    responses((status = 200, description = "The photo on file", body = PhotoOnFileView), Refused, Failed)
)]
async fn own_photo_on_file(
    State(app): State<App>,
    Caller(mut act): Caller,
) -> Result<Json<PhotoOnFileView>, Problem> {
    spawned(async move { app.authority.photo_on_file(&mut act).await })
        .await
        .map(Json)
}

/// Judges a photo by the photo rules. Nothing of it is kept.
#[utoipa::path(
    post, path = "/holder/photo-assessments", tag = "holder", request_body = SubmitPhoto,
    responses(
        (status = 200, description = "What was found", body = AssessmentView),
        BadBody, Refused, Failed,
    )
)]
async fn assess(
    State(app): State<App>,
    Caller(mut act): Caller,
    JsonBody(request): JsonBody<SubmitPhoto>,
) -> Result<Json<AssessmentView>, Problem> {
    spawned(async move { app.authority.assess_photo(&mut act, request).await })
        .await
        .map(Json)
}

/// Begins an application.
#[utoipa::path(
    post, path = "/holder/applications", tag = "holder", request_body = BeginApplication,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible ASCII characters")),
    responses(
        (status = 201, description = "The application", body = ApplicationView),
        BadBody, Refused, Failed,
    )
)]
async fn begin_application(
    State(app): State<App>,
    Caller(mut act): Caller,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(request): JsonBody<BeginApplication>,
) -> Result<(StatusCode, Json<ApplicationView>), Problem> {
    let begun = spawned(async move {
        let key = key.as_deref();
        app.authority
            .begin_application(&mut act, request, key)
            .await
    });
    Ok((StatusCode::CREATED, Json(begun.await?)))
}

/// Gives an application up (撤回).
#[utoipa::path(
    delete, path = "/holder/applications/{id}", tag = "holder",
    params(("id" = String, Path, description = "The application")),
    responses((status = 200, description = "The application", body = ApplicationView), Refused, Failed)
)]
async fn withdraw(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
) -> Result<Json<ApplicationView>, Problem> {
    spawned(async move { app.authority.withdraw_application(&mut act, &id).await })
        .await
        .map(Json)
}

/// Says that the photo rules were read (阅读须知, R45, R51).
#[utoipa::path(
    put, path = "/holder/applications/{id}/photo-rules", tag = "holder", request_body = ReadText,
    params(("id" = String, Path, description = "The application")),
    responses(
        (status = 200, description = "The application", body = ApplicationView),
        BadBody, Refused, Failed,
    )
)]
async fn read_rules(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
    JsonBody(request): JsonBody<ReadText>,
) -> Result<Json<ApplicationView>, Problem> {
    spawned(async move { app.authority.read_photo_rules(&mut act, &id, request).await })
        .await
        .map(Json)
}

/// Hands in a photo, or another in its place (拍照、选择照片, R46, R52). One that breaks a rule is
/// refused with every hint.
#[utoipa::path(
    put, path = "/holder/applications/{id}/photo", tag = "holder", request_body = SubmitPhoto,
    params(
        ("id" = String, Path, description = "The application"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible ASCII characters"),
    ),
    responses(
        (status = 200, description = "The application", body = ApplicationView),
        BadBody, Refused, Failed,
    )
)]
async fn submit_photo(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(request): JsonBody<SubmitPhoto>,
) -> Result<Json<ApplicationView>, Problem> {
    spawned(async move {
        let key = key.as_deref();
        app.authority
            .submit_photo(&mut act, &id, request, key)
            .await
    })
    .await
    .map(Json)
}

/// The photo as it would stand on the licence (预览, R47, R53).
#[utoipa::path(
    get, path = "/holder/applications/{id}/photo", tag = "holder",
    params(("id" = String, Path, description = "The application")),
    responses(
        (status = 200, description = "The photo", body = Vec<u8>, content_type = "image/jpeg"),
        Refused, Failed,
    )
)]
async fn submitted_photo(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let file = spawned(async move { app.authority.application_photo(&mut act, &id).await }).await?;
    files::photo(file)
}

/// Confirms the information and the photo (信息确认、预览确认, R38, R47, R53).
#[utoipa::path(
    put, path = "/holder/applications/{id}/confirmation", tag = "holder", request_body = Confirm,
    params(("id" = String, Path, description = "The application")),
    responses(
        (status = 200, description = "The application", body = ApplicationView),
        BadBody, Refused, Failed,
    )
)]
async fn confirm(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
    JsonBody(request): JsonBody<Confirm>,
) -> Result<Json<ApplicationView>, Problem> {
    spawned(async move {
        app.authority
            .confirm_application(&mut act, &id, request)
            .await
    })
    .await
    .map(Json)
}

/// What the consent to face processing says, and whether I have given it.
#[utoipa::path(
    get, path = "/holder/face-consent", tag = "holder",
    responses((status = 200, description = "The consent", body = FaceConsentView), Refused, Failed)
)]
async fn face_consent(
    State(app): State<App>,
    Caller(mut act): Caller,
) -> Result<Json<FaceConsentView>, Problem> {
    spawned(async move { app.authority.face_consent(&mut act).await })
        .await
        .map(Json)
}

/// Withdraws my consent to face processing.
#[utoipa::path(
    delete, path = "/holder/face-consent", tag = "holder",
    responses((status = 204, description = "It stands no more"), Refused, Failed)
)]
async fn withdraw_consent(
    State(app): State<App>,
    Caller(mut act): Caller,
) -> Result<StatusCode, Problem> {
    spawned(async move { app.authority.withdraw_face_consent(&mut act).await })
        .await
        .map(|()| StatusCode::NO_CONTENT)
}

/// Gives my consent to face processing (单独同意), before a person check.
#[utoipa::path(
    put, path = "/holder/applications/{id}/face-consent", tag = "holder", request_body = ReadText,
    params(("id" = String, Path, description = "The application")),
    responses(
        (status = 200, description = "The application", body = ApplicationView),
        BadBody, Refused, Failed,
    )
)]
async fn give_consent(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
    JsonBody(request): JsonBody<ReadText>,
) -> Result<Json<ApplicationView>, Problem> {
    spawned(async move {
        app.authority
            .give_face_consent(&mut act, &id, request)
            .await
    })
    .await
    .map(Json)
}

/// Begins a person check (实人认证, R39): what to do before the camera, and what to sign.
#[utoipa::path(
    post, path = "/holder/applications/{id}/person-check", tag = "holder", request_body = OpenPersonCheck,
    params(("id" = String, Path, description = "The application")),
    responses(
        (status = 201, description = "The challenge", body = PersonCheckChallengeView),
        BadBody, Refused, Failed,
    )
)]
async fn open_check(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
    JsonBody(request): JsonBody<OpenPersonCheck>,
) -> Result<(StatusCode, Json<PersonCheckChallengeView>), Problem> {
    let opened = spawned(async move {
        app.authority
            .open_person_check(&mut act, &id, request)
            .await
    });
    Ok((StatusCode::CREATED, Json(opened.await?)))
}

/// Answers a person check. The frames are judged and forgotten; the application says what came of it.
#[utoipa::path(
    put, path = "/holder/applications/{id}/person-check", tag = "holder", request_body = AnswerPersonCheck,
    params(
        ("id" = String, Path, description = "The application"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible ASCII characters"),
    ),
    responses(
        (status = 200, description = "The application", body = ApplicationView),
        BadBody, Refused, Failed,
    )
)]
async fn answer_check(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(request): JsonBody<AnswerPersonCheck>,
) -> Result<Json<ApplicationView>, Problem> {
    spawned(async move {
        let key = key.as_deref();
        app.authority
            .answer_person_check(&mut act, &id, request, key)
            .await
    })
    .await
    .map(Json)
}

/// Submits the application (提交申请, R40, R48, R54): issued at once, or to be reviewed by the end of
/// the next working day.
#[utoipa::path(
    post, path = "/holder/applications/{id}/submission", tag = "holder",
    params(
        ("id" = String, Path, description = "The application"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible ASCII characters"),
    ),
    responses(
        (status = 200, description = "The application", body = ApplicationView),
        BadBody, Refused, Failed,
    )
)]
async fn submit(
    State(app): State<App>,
    Caller(mut act): Caller,
    Path(id): Path<String>,
    IdempotencyKey(key): IdempotencyKey,
) -> Result<Json<ApplicationView>, Problem> {
    spawned(async move {
        let key = key.as_deref();
        app.authority.submit_application(&mut act, &id, key).await
    })
    .await
    .map(Json)
}
