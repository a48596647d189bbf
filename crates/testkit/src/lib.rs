#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "support of tests: what cannot be set up ends the test with a message"
)]
//! For tests only: the real app in process, fixed clock and randomness, throw-away PostgreSQL.

pub mod clock;
pub mod postgres;
pub mod random;
