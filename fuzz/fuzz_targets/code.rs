//! Codes as text and as the bytes in it.
#![no_main]

#[path = "../../crates/credential/tests/credential/decoders.rs"]
mod decoders;

libfuzzer_sys::fuzz_target!(|data: &[u8]| decoders::check("code", data));
