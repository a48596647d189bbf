//! The corpora of the image path's fuzz targets, replayed without a fuzzer: as they are, and
//! changed at random.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helper functions of tests"
)]

mod checks;

use std::{fs, path::PathBuf};

use checks::check;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

const READERS: [&str; 3] = ["photo", "photo_notes", "calibration"];

fn folder(reader: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(reader)
}

fn corpus(reader: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder(reader)).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 1, "{reader}");
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

#[test]
fn the_corpora_of_the_fuzz_targets_break_no_reader() {
    for reader in READERS {
        for input in corpus(reader) {
            check(reader, &input);
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
    changed(4000);
}

fn changed(times: u32) {
    for reader in READERS {
        let inputs = corpus(reader);
        let mut rng = StdRng::seed_from_u64(u64::from(times));
        for round in 0..times {
            for input in &inputs {
                let mut bytes = input.clone();
                for _ in 0..=round % 4 {
                    change(&mut bytes, &inputs, &mut rng);
                }
                check(reader, &bytes);
            }
        }
    }
}

/// One change of the kinds that break readers of pictures: a bit, a length, a cut, a piece of
/// another.
fn change(bytes: &mut Vec<u8>, others: &[Vec<u8>], rng: &mut StdRng) {
    let at = rng.random_range(0..=bytes.len());
    let end = rng.random_range(at..=bytes.len().min(at + 32));
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
            let to = rng.random_range(from..=other.len().min(from + 64));
            bytes.splice(at..end, other[from..to].iter().copied());
        }
        4 => {
            let length: u32 =
                [0, 1, 0x7f, 0xff, 0xffff, u32::MAX / 2, u32::MAX][rng.random_range(0..7)];
            let end = bytes.len().min(at + 4);
            bytes.splice(at..end, length.to_be_bytes());
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.random_range(0..8);
            }
        }
    }
}
