//! The corpora of the fuzz targets, replayed without a fuzzer: as they are, and changed at random.

use std::{fs, path::Path};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::decoders::check;

const DECODERS: [&str; 6] = [
    "code",
    "cose",
    "credential_cbor",
    "trust_list",
    "status_list_cwt",
    "status_list_jwt",
];

fn corpus(decoder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let mut files: Vec<_> = fs::read_dir(folder.join(decoder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() > 1, "{decoder}");
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

#[test]
fn the_corpora_of_the_fuzz_targets_break_no_decoder() {
    for decoder in DECODERS {
        for input in corpus(decoder) {
            check(decoder, &input);
        }
    }
}

#[test]
fn changed_at_random_they_break_none_either() {
    changed(40);
}

#[test]
#[ignore = "takes minutes: the same for longer, outside CI"]
fn changed_at_random_for_long() {
    changed(20_000);
}

fn changed(times: u32) {
    for decoder in DECODERS {
        let inputs = corpus(decoder);
        let mut rng = StdRng::seed_from_u64(u64::from(times));
        for round in 0..times {
            for input in &inputs {
                let mut bytes = input.clone();
                for _ in 0..=round % 4 {
                    change(&mut bytes, &inputs, &mut rng);
                }
                check(decoder, &bytes);
            }
        }
    }
}

/// One change of the kinds that break readers: a bit, an interesting byte, a length, a piece of another.
fn change(bytes: &mut Vec<u8>, others: &[Vec<u8>], rng: &mut StdRng) {
    let at = rng.random_range(0..=bytes.len());
    let end = rng.random_range(at..=bytes.len().min(at + 16));
    match rng.random_range(0..6) {
        0 => drop(bytes.drain(at..end)),
        1 => bytes.truncate(at),
        2 => {
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        3 => {
            let other = &others[rng.random_range(0..others.len())];
            let from = rng.random_range(0..=other.len());
            let to = rng.random_range(from..=other.len().min(from + 32));
            bytes.splice(at..end, other[from..to].iter().copied());
        }
        4 => {
            const HEADS: [u8; 12] = [
                0x00, 0x17, 0x18, 0x1b, 0x40, 0x5b, 0x80, 0x9f, 0xa0, 0xbb, 0xf6, 0xff,
            ];
            let head = HEADS[rng.random_range(0..HEADS.len())];
            bytes.splice(at..end.min(at + 1), [head]);
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.random_range(0..8);
            }
        }
    }
}
