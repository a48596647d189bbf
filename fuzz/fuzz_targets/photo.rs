//! Photos as files: containers, limits, decoders.
#![no_main]

#[path = "../../crates/portrait/tests/images/checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::check("photo", data));
