//! The corpora of the fuzz targets, replayed without a fuzzer.

use std::{fs, path::Path};

use crate::decoders::check;

fn replayed(decoder: &str) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let mut inputs = 0;
    for entry in fs::read_dir(corpus.join(decoder)).unwrap() {
        check(decoder, &fs::read(entry.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(inputs > 1, "{decoder}");
}

#[test]
fn codes() {
    replayed("code");
}

#[test]
fn cose_envelopes() {
    replayed("cose");
}

#[test]
fn claims_of_credentials_and_profiles() {
    replayed("credential_cbor");
}

#[test]
fn trust_lists() {
    replayed("trust_list");
}

#[test]
fn status_lists_as_cwt() {
    replayed("status_list_cwt");
}

#[test]
fn status_lists_as_jwt() {
    replayed("status_list_jwt");
}
