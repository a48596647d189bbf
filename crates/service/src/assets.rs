//! The web apps (网页应用) as they were built before this crate was, each file with its brotli form
//! beside it. Where none were built the page of [`crate::page`] stands in their place.

use std::borrow::Cow;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::{page, state::App};

/// What `web/scripts/build.mjs` wrote. The folder is there without it, and then holds nothing.
#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Built;

/// Whether the web apps are part of this build.
#[must_use]
pub fn built() -> bool {
    Built::get(Web::Holder.file()).is_some() && Built::get(Web::Verifier.file()).is_some()
}

/// One of the two apps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Web {
    Holder,
    Verifier,
}

/// Their patterns, for the counts. A page's own path below `/verify` or at the root is the app's:
/// it gets the app.
pub(crate) const PATTERNS: [&str; 5] = [
    "/",
    "/{page}",
    "/assets/{file}",
    "/verify",
    "/verify/{page}",
];

/// The routes that are no part of the API.
pub(crate) fn routes() -> Router<App> {
    let [home, at_root, assets, verify, below_verify] = PATTERNS;
    Router::new()
        .route(home, get(holder))
        .route(at_root, get(root_file_or_holder))
        .route(assets, get(asset))
        .route(verify, get(verifier))
        .route(below_verify, get(verifier))
}

async fn holder(State(app): State<App>, headers: HeaderMap) -> Response {
    Web::Holder.page(&app, &headers)
}

async fn verifier(State(app): State<App>, headers: HeaderMap) -> Response {
    Web::Verifier.page(&app, &headers)
}

/// Service workers, manifest and icons lie at the root; any other name there is a page of the
/// holder's app, if a person asks for it.
async fn root_file_or_holder(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let hidden = name.starts_with('.') || ["html", "br"].contains(&extension(&name));
    match Built::get(&name).filter(|_| app.settings.web && !hidden) {
        Some(file) => {
            let mut response = sent(&name, file, &headers, ASK_AGAIN);
            let policy = HeaderValue::from_static(WORKER_POLICY);
            let with = response.headers_mut();
            with.insert(header::CONTENT_SECURITY_POLICY, policy);
            response
        }
        None if wants_a_page(&headers) => Web::Holder.page(&app, &headers),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn asset(State(app): State<App>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let path = format!("assets/{name}");
    match Built::get(&path).filter(|_| app.settings.web && extension(&name) != "br") {
        Some(file) => sent(&path, file, &headers, FOR_EVER),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The name has the content's hash in it.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Kept, and asked for again each time: a release shows at once.
const ASK_AGAIN: &str = "no-cache";

const HOLDER_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The scanner is WebAssembly, which needs leave of its own to be compiled.
const VERIFIER_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
    style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; manifest-src 'self'; \
    worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A service worker has the policy of its own script: it fetches what it keeps, and nothing else.
const WORKER_POLICY: &str = "default-src 'none'; connect-src 'self'; frame-ancestors 'none'";

const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");

/// Where a built page says whether this is a demonstration, and what stands there then.
const REAL: &str = "name=\"jiazhao\" content=\"live\"";
const SAMPLE: &str = "name=\"jiazhao\" content=\"demo\"";

impl Web {
    fn file(self) -> &'static str {
        match self {
            Self::Holder => "holder.html",
            Self::Verifier => "verify.html",
        }
    }

    fn policy(self) -> (&'static str, &'static str) {
        match self {
            Self::Holder => (
                HOLDER_POLICY,
                "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
            ),
            Self::Verifier => (
                VERIFIER_POLICY,
                "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
            ),
        }
    }

    fn page(self, app: &App, headers: &HeaderMap) -> Response {
        let built = Built::get(self.file()).filter(|_| app.settings.web);
        match built {
            Some(file) => self.answer(&file, app.settings.demo, headers),
            None => page::answer(app.settings.demo),
        }
    }

    fn answer(self, file: &EmbeddedFile, demo: bool, headers: &HeaderMap) -> Response {
        let mut tag = etag(file);
        let mut text = String::from_utf8_lossy(&file.data).into_owned();
        if demo {
            text = text.replace(REAL, SAMPLE);
            tag = tag.replace("-p\"", "-d\"");
        }
        let mut response = unless_known(&tag, headers, || Body::from(text));
        let (policy, permissions) = self.policy();
        let with = response.headers_mut();
        for (name, value) in [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, ASK_AGAIN),
            (header::CONTENT_SECURITY_POLICY, policy),
            (PERMISSIONS, permissions),
        ] {
            with.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// Whether a person looks for a page, not a program for a file.
fn wants_a_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

/// A file, in its brotli form where the client reads that.
fn sent(path: &str, file: EmbeddedFile, headers: &HeaderMap, kept: &'static str) -> Response {
    let tag = etag(&file);
    let brotli = Some(())
        .filter(|()| reads_brotli(headers))
        .and_then(|()| Built::get(&format!("{path}.br")));
    let packed = brotli.is_some();
    let file = brotli.unwrap_or(file);
    let mut response = unless_known(&tag, headers, || body(file));
    let with = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, media_type(path)),
        (header::CACHE_CONTROL, kept),
        (header::VARY, "accept-encoding"),
    ] {
        with.insert(name, HeaderValue::from_static(value));
    }
    if packed {
        with.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    response
}

fn unless_known(tag: &str, headers: &HeaderMap, body: impl FnOnce() -> Body) -> Response {
    let known = headers.get_all(header::IF_NONE_MATCH).iter().any(|known| {
        let known = known.to_str().unwrap_or_default();
        known.split(',').any(|one| one.trim() == tag)
    });
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        body().into_response()
    };
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Names an edition of a file: the first half of its SHA-256. Both forms of a file have the same,
/// marked as weak, since their bytes differ.
fn etag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let half = hash.iter().take(16).map(|byte| format!("{byte:02x}"));
    format!("W/\"{}-p\"", half.collect::<String>())
}

fn body(file: EmbeddedFile) -> Body {
    match file.data {
        Cow::Borrowed(bytes) => Body::from(Bytes::from_static(bytes)),
        Cow::Owned(bytes) => Body::from(bytes),
    }
}

/// Whether `br` is among the encodings that the client reads, and not refused by `q=0`.
fn reads_brotli(headers: &HeaderMap) -> bool {
    let read = headers.get_all(header::ACCEPT_ENCODING).iter();
    read.filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|one| {
            let mut parts = one.split(';').map(str::trim);
            let refused = |part: &str| part.strip_prefix("q=").is_some_and(is_zero);
            parts.next() == Some("br") && !parts.any(refused)
        })
}

fn is_zero(weight: &str) -> bool {
    weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0)
}

fn media_type(path: &str) -> &'static str {
    match extension(path) {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "wasm" => "application/wasm",
        "webmanifest" => "application/manifest+json",
        "json" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        _ => OTHER,
    }
}

/// What no file that is built is: a test says so.
const OTHER: &str = "application/octet-stream";

fn extension(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, extension)| extension)
}

#[cfg(test)]
mod tests;
