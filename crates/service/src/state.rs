//! What every handler shares.

use std::{fmt, future::Future, net::IpAddr, sync::Arc, time::Duration};

use authority::{Authority, Error, rand::rngs::StdRng};
use axum::body::Bytes;
use jiff::Timestamp;
use tracing::Instrument as _;

use crate::{metrics::Metrics, problem::Problem};

/// The clock, read once a request.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The source of randomness.
pub trait Entropy: Send + Sync {
    /// A generator of its own for one request, seeded so that nobody can foresee it.
    fn rng(&self) -> StdRng;
}

/// What the operator settles about HTTP.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Largest JSON body, in bytes.
    pub json_limit: usize,
    /// Largest delivery of registry changes, in bytes.
    pub delivery_limit: usize,
    /// Largest answer of a person check, in bytes.
    pub frames_limit: usize,
    /// After how long a request is answered with 503.
    pub timeout: Duration,
    /// Whether the service is reached by https: cookies are `Secure`, origins must be https. Only a
    /// service on a loopback address may go without.
    pub secure: bool,
    /// Addresses of the operator's own proxies, whose `X-Forwarded-For` counts.
    pub proxies: Vec<IpAddr>,
    /// Whether this is a demonstration, which every page says (样证).
    pub demo: bool,
    /// Whether the web apps are served, where they are part of the build.
    pub web: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            json_limit: 4 << 20,
            delivery_limit: 16 << 20,
            // 24 frames of 512 KiB in base64, and what stands around them.
            frames_limit: 17 << 20,
            timeout: Duration::from_secs(30),
            secure: true,
            proxies: Vec::new(),
            demo: false,
            web: false,
        }
    }
}

/// What the service stands on.
#[derive(Clone)]
pub struct ServiceState {
    /// The use cases.
    pub authority: Authority,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The settings.
    pub settings: Settings,
}

impl fmt::Debug for ServiceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceState")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// The state of the router: what the service stands on, and what it keeps itself.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) authority: Authority,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) metrics: Arc<Metrics>,
    /// The OpenAPI document as JSON.
    pub(crate) document: Bytes,
}

/// Runs a use case in a task of its own. The server drops a handler when its client leaves; the
/// task goes on, so that no act stops between its commit and what follows it. A panic in it is
/// answered as an internal error.
pub(crate) async fn spawned<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::spawn(work.in_current_span()).await {
        Ok(done) => done.map_err(Problem::from),
        // The panic's own text may hold personal data: it is not repeated here.
        Err(_panicked) => Err(Error::Internal("a use case panicked").into()),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[tokio::test]
    async fn a_panic_in_a_use_case_is_an_internal_error() {
        let panics = async { panic!("as a defect would") };
        let problem = spawned::<()>(panics).await.unwrap_err();
        assert_eq!(problem.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(problem.code(), "internal");
    }

    #[tokio::test]
    async fn a_use_case_goes_on_when_its_handler_is_dropped() {
        let (done, wait) = tokio::sync::oneshot::channel();
        let (go, may_go) = tokio::sync::oneshot::channel::<()>();
        let mut handler = Box::pin(spawned(async move {
            may_go.await.unwrap();
            done.send("committed").unwrap();
            Ok(())
        }));
        let first = futures_util::poll!(handler.as_mut());
        assert!(first.is_pending());
        drop(handler);
        go.send(()).unwrap();
        assert_eq!(wait.await.unwrap(), "committed");
    }
}
