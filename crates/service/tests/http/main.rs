#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests end the test with a message"
)]
//! The routes over a real authority on a fresh SQLite database: what HTTP itself does. What the use
//! cases do is tested with the whole application.

mod harness;
mod live;
mod registry;
mod sessions;
mod transport;
