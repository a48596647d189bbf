#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "support of tests: what cannot be set up ends the test with a message"
)]
#![cfg_attr(
    feature = "app",
    expect(
        clippy::indexing_slicing,
        clippy::missing_panics_doc,
        reason = "as above, where the app in process is driven"
    )
)]
//! For tests only: the real app in process, fixed clock and randomness, throw-away PostgreSQL.

#[cfg(feature = "app")]
pub mod app;
#[cfg(feature = "app")]
pub mod client;
pub mod clock;
#[cfg(feature = "app")]
pub mod faces;
#[cfg(feature = "app")]
pub mod people;
pub mod postgres;
pub mod random;
#[cfg(feature = "app")]
pub mod texts;
