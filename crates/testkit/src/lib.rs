#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "support of tests: what cannot be set up ends the test with a message"
)]
//! For tests only: the real app in process, fixed clock and randomness, throw-away PostgreSQL.

#[cfg(feature = "app")]
pub mod app;
#[cfg(feature = "app")]
pub mod client;
pub mod clock;
#[cfg(feature = "app")]
pub mod people;
pub mod postgres;
pub mod random;
