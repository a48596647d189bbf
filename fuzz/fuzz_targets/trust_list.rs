//! Trust lists: the exported file, and the list inside.
#![no_main]

#[path = "../../crates/credential/tests/credential/decoders.rs"]
mod decoders;

libfuzzer_sys::fuzz_target!(|data: &[u8]| decoders::check("trust_list", data));
