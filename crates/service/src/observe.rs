//! The outermost layer: a request's identifier, its span, its count.

use std::time::Instant;

use authority::rand::{Rng as _, rngs::StdRng};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method},
    middleware::Next,
    response::Response,
};
use tracing::Instrument as _;

use crate::{extract::RequestId, state::App};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request its identifier and reports its answer: the route's pattern and never the path,
/// its query or its body, which may name a person.
pub(crate) async fn observe(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(&mut app.entropy.rng());
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("other", MatchedPath::as_str);
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!("request", method = known(&method), route, id);
    let mut response = next.run(request).instrument(span.clone()).await;
    let took = started.elapsed();
    let status = response.status();
    app.metrics.count(&method, route, status, took);
    span.in_scope(|| {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        tracing::info!(status = status.as_u16(), micros, "answered");
    });
    // Sixteen bytes in hexadecimal are a header's value.
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

fn request_id(rng: &mut StdRng) -> String {
    format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64())
}

/// The method as far as it is known: an unknown one is the client's own text.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use authority::rand::SeedableRng as _;

    use super::*;

    #[test]
    fn identifiers_are_128_bits_and_differ() {
        let mut rng = StdRng::seed_from_u64(7);
        let (one, two) = (request_id(&mut rng), request_id(&mut rng));
        assert_eq!(one.len(), 32);
        assert_ne!(one, two);
        assert!(HeaderValue::from_str(&one).is_ok());
    }

    #[test]
    fn an_unknown_method_is_not_repeated() {
        assert_eq!(known(&Method::PUT), "PUT");
        assert_eq!(known(&Method::from_bytes(b"SECRET").unwrap()), "other");
    }
}
