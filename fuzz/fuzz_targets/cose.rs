//! COSE envelopes of credentials and profiles.
#![no_main]

#[path = "../../crates/credential/tests/credential/decoders.rs"]
mod decoders;

libfuzzer_sys::fuzz_target!(|data: &[u8]| decoders::check("cose", data));
