//! Status lists as CWT, and the claims inside.
#![no_main]

#[path = "../../crates/credential/tests/credential/decoders.rs"]
mod decoders;

libfuzzer_sys::fuzz_target!(|data: &[u8]| decoders::check("status_list_cwt", data));
