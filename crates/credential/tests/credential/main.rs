#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helper functions of tests may fail loudly"
)]
//! The crate from outside: published vectors, OpenSSL both ways, and its own credential on file.

mod codes;
mod corpora;
mod decoders;
mod on_file;
mod openssl;
mod status_lists;
mod vectors;

use credential::{SoftwareSigner, Suite};
use std::path::Path;
use zeroize::Zeroizing;

/// A file of the repository's `test-vectors`.
fn vector(name: &str) -> serde_json::Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../test-vectors")
        .join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn text<'a>(vector: &'a serde_json::Value, name: &str) -> &'a str {
    vector[name].as_str().expect("a text in the vector")
}

fn bytes<const N: usize>(vector: &serde_json::Value, name: &str) -> [u8; N] {
    let mut bytes = [0; N];
    hex::decode_to_slice(text(vector, name), &mut bytes).unwrap();
    bytes
}

fn signer(suite: &Suite, secret: [u8; 32]) -> SoftwareSigner {
    SoftwareSigner::from_secret(suite, Zeroizing::new(secret)).unwrap()
}
