//! The vectors of draft-ietf-oauth-status-list, all four widths, both ways.

use std::collections::BTreeMap;

use credential::{CompressedList, StatusList, Width};

use crate::{text, vector};

struct Vector {
    width: Width,
    size: u64,
    values: BTreeMap<u64, u8>,
    lst: String,
    cbor: Vec<u8>,
}

fn vectors() -> Vec<Vector> {
    let file = vector("token-status-list.json");
    let vectors = file["vectors"].as_array().unwrap().iter();
    let vectors = vectors.map(|vector| Vector {
        width: Width::from_bits(vector["bits"].as_u64().unwrap()).unwrap(),
        size: vector["size"].as_u64().unwrap(),
        values: serde_json::from_value(vector["status"].clone()).unwrap(),
        lst: text(vector, "lst").to_owned(),
        cbor: hex::decode(text(vector, "cbor_hex")).unwrap(),
    });
    let vectors: Vec<_> = vectors.collect();
    let widths: Vec<_> = vectors.iter().map(|vector| vector.width).collect();
    assert_eq!(widths, Width::ALL);
    vectors
}

/// The list that the entries of a vector make.
fn built(vector: &Vector) -> StatusList {
    let bytes = vector.size * u64::from(vector.width.bits()) / 8;
    let bytes = vec![0; usize::try_from(bytes).unwrap()];
    let mut list = StatusList::from_bytes(vector.width, bytes).unwrap();
    for (index, value) in &vector.values {
        list.set(*index, *value);
    }
    list
}

#[test]
fn the_drafts_lists_hold_the_drafts_values() {
    for vector in vectors() {
        let list = CompressedList::from_cbor(&vector.cbor).unwrap();
        let list = list.expand().unwrap();
        assert_eq!(list.width(), vector.width);
        for index in 0..vector.size {
            let expected = vector.values.get(&index).copied().unwrap_or_default();
            assert_eq!(list.value(index), Some(expected), "{index}");
        }
        assert_eq!(list.value(vector.size), None);
        assert_eq!(list, built(&vector), "the packed bytes are the same");
    }
}

/// Around the compressed bytes every byte is the draft's own.
#[test]
fn the_drafts_json_and_cbor_byte_for_byte() {
    for vector in vectors() {
        let from_cbor = CompressedList::from_cbor(&vector.cbor).unwrap();
        let json = format!(
            r#"{{"bits":{},"lst":"{}"}}"#,
            vector.width.bits(),
            vector.lst
        );
        let from_json = CompressedList::from_json(&json).unwrap();
        assert_eq!(from_json, from_cbor);
        assert_eq!(from_json.to_json(), json);
        assert_eq!(from_json.to_cbor(), vector.cbor);
    }
}

/// zlib leaves its compressor free: ours writes other bytes than the draft's, which say the same
/// and are no longer.
#[test]
fn our_compression_says_the_same_in_no_more_bytes() {
    for vector in vectors() {
        let theirs = CompressedList::from_cbor(&vector.cbor).unwrap();
        let ours = built(&vector).compress();
        assert_eq!(ours.expand(), theirs.expand());
        assert_eq!(CompressedList::from_cbor(&ours.to_cbor()), Ok(ours.clone()));
        assert_eq!(CompressedList::from_json(&ours.to_json()), Ok(ours.clone()));
        let (ours, theirs) = (ours.as_zlib().len(), theirs.as_zlib().len());
        assert!(ours <= theirs + theirs / 10, "{ours} against {theirs}");
    }
}
