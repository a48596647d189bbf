//! The tables, vectors and scenarios of the field, against the crate's public interface.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: a panic is how a test fails"
)]

mod calendar;
mod certificate;
mod classes;
mod eligibility;
mod identifiers;
mod machines;
mod periods;
mod registry;
mod sample;
mod sanctions;
mod status;
mod supersession;
mod workload;
