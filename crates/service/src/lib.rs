#![forbid(unsafe_code)]
//! The only crate that knows HTTP.
