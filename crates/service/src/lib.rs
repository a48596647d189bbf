#![forbid(unsafe_code)]
//! The only crate that knows HTTP.
//!
//! [`router`] makes the whole service out of a [`ServiceState`], [`openapi`] the document of the
//! same routes. A handler extracts, parses, runs one use case of `authority` and answers; what it
//! refuses is `application/problem+json` with a stable code.

mod accounts;
mod admin;
mod applying;
mod assets;
mod bindings;
mod body;
mod counter;
mod delivery;
mod events;
mod extract;
mod files;
mod guard;
mod headers;
mod health;
mod holder;
mod keys;
mod metrics;
mod notifier;
mod observe;
mod openapi;
mod page;
mod problem;
mod registry;
mod review;
mod routes;
mod sanctions;
mod sessions;
mod staff;
mod state;
mod status_lists;
mod trust;
mod verifications;

pub use assets::built as web_apps_built;
pub use events::LiveView;
pub use problem::{FAULTS, Fault, ProblemView};
pub use routes::{openapi, router};
pub use state::{Clock, Entropy, ServiceState, Settings};
