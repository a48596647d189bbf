//! ES256 signatures, alone and in batches, against the `p256` crate.
#![no_main]

#[path = "../../crates/sm2-verifier/tests/differential/agreement.rs"]
mod agreement;
#[path = "../../crates/sm2-verifier/tests/differential/oracle.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| agreement::check::<sm2_verifier::Es256>(data));
