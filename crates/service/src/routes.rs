//! The routes put together. The document is made of the same routes that are served.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
};
use tower_http::{limit::RequestBodyLimitLayer, timeout::TimeoutLayer};
use utoipa::openapi::{OpenApi, PathItem};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    accounts, admin, applying, assets, bindings, counter, events, headers, health, holder, keys,
    metrics::Metrics,
    notifier, observe, openapi as document, page, problem, push, registry, review, sanctions,
    sessions, staff,
    state::{App, ServiceState, Settings},
    status_lists, trust, verifications,
};

/// The whole service.
pub fn router(state: ServiceState) -> Router {
    let ServiceState {
        authority,
        clock,
        entropy,
        settings,
    } = state;
    let (routes, document) = documented(&settings).split_for_parts();
    let app = App {
        authority,
        clock,
        entropy,
        metrics: Arc::new(Metrics::new(patterns(&document))),
        // The document is made of constants: `tests` show that it can be written.
        document: document.to_json().map(Bytes::from).unwrap_or_default(),
        settings: Arc::new(settings),
    };
    routes
        .merge(page::routes())
        .merge(assets::routes())
        .layer(from_fn(problem::settle))
        .layer(from_fn(headers::secure))
        .layer(from_fn_with_state(app.clone(), observe::observe))
        .with_state(app)
}

/// The OpenAPI document of the service.
#[must_use]
pub fn openapi() -> OpenApi {
    documented(&Settings::default()).into_openapi()
}

fn documented(settings: &Settings) -> OpenApiRouter<App> {
    let with_json = OpenApiRouter::new()
        .merge(sessions::routes())
        .merge(accounts::routes())
        .merge(holder::routes())
        .merge(applying::routes())
        .merge(bindings::routes())
        .merge(push::routes())
        .merge(counter::routes())
        .merge(review::routes())
        .merge(sanctions::routes())
        .merge(verifications::routes())
        .merge(admin::routes())
        .merge(staff::routes())
        .merge(trust::routes())
        .merge(status_lists::routes())
        .merge(keys::routes())
        .merge(notifier::routes())
        .layer(RequestBodyLimitLayer::new(settings.json_limit));
    let with_deliveries =
        registry::routes().layer(RequestBodyLimitLayer::new(settings.delivery_limit));
    let with_frames = applying::routes_with_frames()
        .merge(sessions::routes_with_frames())
        .layer(RequestBodyLimitLayer::new(settings.frames_limit));
    let timely = TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, settings.timeout);
    let api = with_json
        .merge(with_deliveries)
        .merge(with_frames)
        // The limits above stand instead of the one that axum brings.
        .layer(DefaultBodyLimit::disable())
        .layer(timely)
        // A stream of events lasts longer than any answer may take.
        .merge(events::routes());
    OpenApiRouter::with_openapi(document::head())
        .merge(health::routes().layer(timely))
        .nest("/api/v1", api)
}

/// Every method and pattern that is served.
fn patterns(document: &OpenApi) -> Vec<(String, String)> {
    let paths = document.paths.paths.iter();
    let pages = page::PATTERNS.iter().chain(&assets::PATTERNS);
    let pages = pages.map(|path| ("GET".to_owned(), (*path).to_owned()));
    paths
        .flat_map(|(path, item)| methods(item).map(|method| (method.to_owned(), path.clone())))
        .chain(pages)
        .collect()
}

fn methods(item: &PathItem) -> impl Iterator<Item = &'static str> {
    [
        ("GET", item.get.is_some()),
        ("POST", item.post.is_some()),
        ("PUT", item.put.is_some()),
        ("DELETE", item.delete.is_some()),
    ]
    .into_iter()
    .filter_map(|(method, there)| there.then_some(method))
}

#[cfg(test)]
mod tests;
