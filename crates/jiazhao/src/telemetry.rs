//! The log, on standard error.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{EnvFilter, fmt, util::SubscriberInitExt as _};

use crate::config::{Log, LogFormat};

/// Starts the log. A second call in one process keeps the first.
pub fn start(log: &Log) {
    let filter =
        EnvFilter::try_new(&log.filter).unwrap_or_else(|_unreadable| EnvFilter::new("info"));
    let builder = fmt()
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        // It would be told on standard error, which just did not take it (a full disk), and failing
        // to tell it there is a panic in the middle of a request.
        .log_internal_errors(false)
        .with_env_filter(filter);
    let outcome = match log.format {
        LogFormat::Json => builder.json().finish().try_init(),
        LogFormat::Text => builder.finish().try_init(),
    };
    // The log itself is the only place to say that another was started before.
    if let Err(error) = outcome {
        tracing::debug!(%error, "the log runs already");
    }
}
