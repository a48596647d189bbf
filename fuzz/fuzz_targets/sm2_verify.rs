//! SM2 signatures, alone and in batches, against the `sm2` crate.
#![no_main]

#[path = "../../crates/sm2-verifier/tests/differential/agreement.rs"]
mod agreement;

libfuzzer_sys::fuzz_target!(|data: &[u8]| agreement::check(data));
