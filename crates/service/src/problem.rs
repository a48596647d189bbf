//! `application/problem+json` (RFC 9457) with stable codes.

use std::{collections::BTreeMap, error::Error as _, fmt::Write as _, num::NonZeroU32};

use authority::{
    Error, Kind, refusal,
    views::{KnownView, ReasonView},
};
use axum::{
    Json,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{
        ContentBuilder, Ref, RefOr, Response as Documented, ResponseBuilder, ResponsesBuilder,
    },
};

const MEDIA_TYPE: &str = "application/problem+json";
/// When a client may try again where nothing else is known, in seconds.
const RETRY_AFTER: NonZeroU32 = NonZeroU32::MIN.saturating_add(4);

/// The body of every answer from 400 on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemView {
    /// `urn:jiazhao:problem:<code>`; the code is stable.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened, Chinese.
    pub title: String,
    /// What happened, English.
    pub title_en: String,
    /// The HTTP status.
    pub status: u16,
    /// What clears it, Chinese.
    pub detail: String,
    /// What clears it, English.
    pub detail_en: String,
    /// Every single reason, where there are some.
    pub reasons: Vec<ReasonView>,
    /// What is known all the same, where a code could not be checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<KnownView>,
}

/// A refusal by HTTP itself; the others stand in `authority::CATALOGUE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The HTTP status.
    pub status: StatusCode,
    /// The stable code.
    pub code: &'static str,
    /// What happened, Chinese.
    pub zh: &'static str,
    /// What happened, English.
    pub en: &'static str,
    /// What clears it, Chinese.
    pub clears_zh: &'static str,
    /// What clears it, English.
    pub clears_en: &'static str,
}

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $status:ident $code:literal, $zh:literal, $en:literal; $clears_zh:literal, $clears_en:literal;)*) => {
        $(
            $(#[$doc])*
            pub(crate) const $name: Fault = Fault {
                status: StatusCode::$status,
                code: $code,
                zh: $zh,
                en: $en,
                clears_zh: $clears_zh,
                clears_en: $clears_en,
            };
        )*

        /// Every refusal by HTTP itself, for the documentation of error codes.
        pub const FAULTS: &[Fault] = &[$($name),*];
    };
}

faults! {
    /// The request cannot be read at all.
    MALFORMED = BAD_REQUEST "invalid-request", "请求内容不符合要求", "The request does not follow its form"; "按所列原因更正", "Correct what the reasons name";
    /// No such path.
    UNKNOWN_PATH = NOT_FOUND "unknown-path", "该路径不存在", "There is no such path"; "参见 /api/openapi.json", "See /api/openapi.json";
    /// The path exists, but not with this method.
    WRONG_METHOD = METHOD_NOT_ALLOWED "method-not-allowed", "该路径不支持此方法", "The path does not have this method"; "参见 Allow 标头", "See the header Allow";
    /// Nothing of what the request accepts can be given.
    NOT_ACCEPTABLE = NOT_ACCEPTABLE "not-acceptable", "无法提供所要求的格式", "There is no such form of it"; "参见 Accept 标头的说明", "See what the document says of the header Accept";
    /// The body is larger than its limit.
    TOO_LARGE = PAYLOAD_TOO_LARGE "body-too-large", "请求内容过大", "The body is too large"; "缩小或分批发送", "Send less, or in parts";
    /// The body is of another type.
    WRONG_CONTENT_TYPE = UNSUPPORTED_MEDIA_TYPE "wrong-content-type", "Content-Type 不正确", "The Content-Type is not the one asked for"; "使用 application/json（登记信息变更可用 application/x-ndjson）", "Send application/json (registry changes: application/x-ndjson too)";
    /// A page of another origin sent it.
    CROSS_ORIGIN = FORBIDDEN "cross-origin", "不接受来自其他网站的请求", "Requests from other origins are not accepted"; "从本服务的页面操作", "Use this service's own pages";
    /// It took too long.
    TIMED_OUT = SERVICE_UNAVAILABLE "timed-out", "处理超时，结果未知", "It took too long; the outcome is not known"; "查询最新状态后再重试", "Read the present state before trying again";
}

/// An answer from 400 on.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    fault: Fault,
    reasons: Box<[ReasonView]>,
    retry_after: Option<NonZeroU32>,
    known: Option<Box<KnownView>>,
}

impl Problem {
    pub(crate) fn with(fault: Fault, reasons: Vec<ReasonView>) -> Self {
        Self {
            fault,
            reasons: reasons.into(),
            retry_after: None,
            known: None,
        }
    }

    /// Whether the records could not be reached.
    pub(crate) fn is_could_not(&self) -> bool {
        self.fault.code == refusal::COULD_NOT.code
    }

    /// With what is known all the same.
    pub(crate) fn and_known(mut self, known: KnownView) -> Self {
        self.known = Some(Box::new(known));
        self
    }

    /// The request can be read, but is not of the form that is asked for.
    pub(crate) fn invalid(reasons: Vec<ReasonView>) -> Self {
        Self {
            reasons: reasons.into(),
            ..Error::from(refusal::INVALID).into()
        }
    }

    #[cfg(test)]
    pub(crate) fn status(&self) -> StatusCode {
        self.fault.status
    }

    #[cfg(test)]
    pub(crate) fn code(&self) -> &'static str {
        self.fault.code
    }

    /// The problem that a bare status stands for: the answers of router and layers have no body of
    /// their own.
    fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => UNKNOWN_PATH.into(),
            StatusCode::METHOD_NOT_ALLOWED => WRONG_METHOD.into(),
            StatusCode::PAYLOAD_TOO_LARGE => TOO_LARGE.into(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => WRONG_CONTENT_TYPE.into(),
            StatusCode::SERVICE_UNAVAILABLE => TIMED_OUT.into(),
            status if status.is_client_error() => MALFORMED.into(),
            _ => Error::Internal("an answer without a problem").into(),
        }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::with(fault, Vec::new())
    }
}

impl From<Error> for Problem {
    /// The cause of what is not the client's doing goes to the log, and only there.
    fn from(error: Error) -> Self {
        let refused = error.refusal();
        let status = match (&error, refused.kind) {
            (Error::Internal(_), _) => StatusCode::INTERNAL_SERVER_ERROR,
            (_, Kind::Unavailable) if refused == refusal::INTERNAL => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            (_, kind) => status_of(kind),
        };
        if status.is_server_error() && !matches!(error, Error::Refused(..)) {
            tracing::error!(code = refused.code, cause = causes(&error), "failed");
        }
        let fault = Fault {
            status,
            code: refused.code,
            zh: refused.text.zh,
            en: refused.text.en,
            clears_zh: refused.clears.zh,
            clears_en: refused.clears.en,
        };
        Self {
            fault,
            reasons: error.reasons().iter().map(ReasonView::from).collect(),
            retry_after: error
                .retry_after()
                .and_then(|seconds| u32::try_from(seconds).ok())
                .and_then(NonZeroU32::new),
            known: None,
        }
    }
}

fn status_of(kind: Kind) -> StatusCode {
    match kind {
        Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Gone => StatusCode::GONE,
        Kind::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Full => StatusCode::INSUFFICIENT_STORAGE,
    }
}

/// The error and all its causes in one line.
fn causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        // Writing to a string does not fail.
        if write!(text, ": {next}").is_err() {
            break;
        }
        cause = next.source();
    }
    text
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self {
            fault,
            reasons,
            retry_after,
            known,
        } = self;
        let view = ProblemView {
            kind: format!("urn:jiazhao:problem:{}", fault.code),
            title: fault.zh.to_owned(),
            title_en: fault.en.to_owned(),
            status: fault.status.as_u16(),
            detail: fault.clears_zh.to_owned(),
            detail_en: fault.clears_en.to_owned(),
            reasons: reasons.into_vec(),
            known: known.map(|known| *known),
        };
        let mut response = (fault.status, Json(view)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        let unavailable = fault.status == StatusCode::SERVICE_UNAVAILABLE;
        if let Some(seconds) = retry_after.or_else(|| unavailable.then_some(RETRY_AFTER)) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.get()));
        }
        if fault.code == refusal::UNKNOWN_SOURCE.code {
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

/// Gives what router, extractors and layers refuse the same form as everything else.
pub(crate) async fn settle(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let settled =
        response.headers().get(header::CONTENT_TYPE) == Some(&HeaderValue::from_static(MEDIA_TYPE));
    if status.as_u16() < 400 || settled {
        return response;
    }
    let mut problem = Problem::of_status(status).into_response();
    if let Some(allow) = response.headers().get(header::ALLOW) {
        problem.headers_mut().insert(header::ALLOW, allow.clone());
    }
    problem
}

/// In the document: what any use case may refuse.
pub(crate) struct Refused;

/// In the document: what any request with a body may be refused for.
pub(crate) struct BadBody;

/// In the document: what any request may end in.
pub(crate) struct Failed;

impl IntoResponses for Refused {
    fn responses() -> BTreeMap<String, RefOr<Documented>> {
        documented(&[
            ("401", "Nobody, or nobody known, is signed in"),
            ("403", "Signed in, but not allowed; or from another origin"),
            ("404", "There is no such thing for this actor"),
            ("409", "It does not fit the present state"),
            ("410", "It was there once and is over"),
            ("422", "The request does not follow its form"),
            (
                "429",
                "This was asked too often: wait as long as Retry-After says",
            ),
        ])
    }
}

impl IntoResponses for BadBody {
    fn responses() -> BTreeMap<String, RefOr<Documented>> {
        documented(&[
            ("400", "The request cannot be read"),
            ("413", "The body is too large"),
            ("415", "The Content-Type is not the one asked for"),
        ])
    }
}

impl IntoResponses for Failed {
    fn responses() -> BTreeMap<String, RefOr<Documented>> {
        documented(&[
            ("500", "Something inside failed"),
            ("503", "It could not be checked or done now"),
        ])
    }
}

fn documented(answers: &[(&str, &str)]) -> BTreeMap<String, RefOr<Documented>> {
    let mut responses = ResponsesBuilder::new();
    for (status, description) in answers {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ProblemView")));
        let response = ResponseBuilder::new()
            .description(*description)
            .content(MEDIA_TYPE, content.build());
        responses = responses.response(*status, response);
    }
    responses.build().into()
}

#[cfg(test)]
mod tests;
