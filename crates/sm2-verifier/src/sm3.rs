//! SM3 (GB/T 32905) of several messages at a time, one in each lane: what is the same however lanes are computed.
//!
//! Messages of different lengths may share the lanes: each lane's state is taken when its last block is done,
//! and what it hashes after that is of no account.

#![expect(
    clippy::indexing_slicing,
    reason = "arithmetic on arrays of fixed length with constant indices"
)]

use crate::curve::Message;

/// The state of every lane, a row for each of its eight words.
pub(crate) type State<const LANES: usize> = [[u32; LANES]; 8];

/// A block of every lane's message.
pub(crate) type Blocks<const LANES: usize> = [[u8; 64]; LANES];

/// The state before the first block.
const INITIAL: [u32; 8] = [
    0x7380_166f,
    0x4914_b2b9,
    0x1724_42d7,
    0xda8a_0600,
    0xa96f_30bc,
    0x1631_38aa,
    0xe38d_ee4d,
    0xb0fb_0e4e,
];

/// The constant of each round, rotated as often as it is used.
pub(crate) const CONSTANTS: [u32; 64] = {
    let mut constants = [0; 64];
    let mut round = 0;
    let (mut first, mut later) = (0x79cc_4519_u32, 0x7a87_9d8a_u32);
    while round < 64 {
        constants[round] = if round < 16 { first } else { later };
        first = first.rotate_left(1);
        later = later.rotate_left(1);
        round += 1;
    }
    constants
};

/// The hashes of at most as many messages as there are lanes, by this compression function.
pub(crate) fn hash<const LANES: usize>(
    messages: &[Message<'_>],
    compress: impl Fn(&mut State<LANES>, &Blocks<LANES>),
) -> [[u8; 32]; LANES] {
    let most = messages.iter().map(blocks).max().unwrap_or(0);
    let mut state = INITIAL.map(|word| [word; LANES]);
    let mut hashes = [[0; 32]; LANES];
    let mut rows = [[0; 64]; LANES];
    for block in 0..most {
        for (row, message) in rows.iter_mut().zip(messages) {
            fill(row, message, block);
        }
        compress(&mut state, &rows);
        let lanes = messages.iter().zip(&mut hashes).enumerate();
        for (lane, (message, hash)) in lanes {
            if block + 1 == blocks(message) {
                for (bytes, word) in hash.chunks_mut(4).zip(&state) {
                    bytes.copy_from_slice(&word[lane].to_be_bytes());
                }
            }
        }
    }
    hashes
}

/// Blocks of a message: its bytes, a bit that ends it, and its length in 8 bytes.
pub(crate) fn blocks(message: &Message<'_>) -> usize {
    (32 + message.1.len() + 9).div_ceil(64)
}

/// Writes a block of the padded message; one behind its end is of no account.
fn fill(row: &mut [u8; 64], message: &Message<'_>, block: usize) {
    let (head, tail) = message;
    // The head is the first half of the first block, so that all else lies half a block further.
    let (from, room) = match block {
        0 => {
            row[..32].copy_from_slice(head.as_slice());
            (0, &mut row[32..])
        }
        _ => (64 * block - 32, &mut row[..]),
    };
    let rest = tail.get(from..).unwrap_or_default();
    if let Some(whole) = rest.get(..room.len()) {
        room.copy_from_slice(whole);
        return;
    }
    let (bytes, padding) = room.split_at_mut(rest.len());
    bytes.copy_from_slice(rest);
    padding.fill(0);
    let length = 32 + tail.len();
    if block == length / 64 {
        row[length % 64] = 0x80;
    }
    if block + 1 == blocks(message) {
        let bits = u64::try_from(length).unwrap_or(u64::MAX) << 3;
        row[56..].copy_from_slice(&bits.to_be_bytes());
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use sm3::{Digest as _, Sm3};

    use super::*;

    fn one(message: &Message<'_>) -> [u8; 32] {
        let hash = Sm3::new().chain_update(message.0).chain_update(message.1);
        hash.finalize().into()
    }

    /// Bytes that differ from one message to the next.
    fn bytes(seed: usize, length: usize) -> Vec<u8> {
        let byte = |i: usize| (i * 167 + seed * 59 + i / 64).to_le_bytes()[0];
        (0..length).map(byte).collect()
    }

    type Hash<const LANES: usize> = fn(&[Message<'_>]) -> [[u8; 32]; LANES];

    fn agree<const LANES: usize>(hash: Hash<LANES>, lengths: &[usize]) {
        let head: [u8; 32] = std::array::from_fn(|i| (i * 7).to_le_bytes()[0]);
        let tails: Vec<_> = lengths
            .iter()
            .enumerate()
            .map(|(i, length)| bytes(i, *length))
            .collect();
        let messages: Vec<Message<'_>> = tails.iter().map(|tail| (&head, &tail[..])).collect();
        let found = hash(&messages);
        for ((message, found), length) in messages.iter().zip(found).zip(lengths) {
            assert_eq!(found, one(message), "{length} of {lengths:?}");
        }
    }

    /// Every length alone and beside others.
    pub(crate) fn every_length<const LANES: usize>(hash: Hash<LANES>) {
        for length in 0..=300 {
            agree(hash, &[length; LANES]);
            agree(hash, &[length]);
            let unequal: Vec<usize> = (0..LANES).map(|lane| (length + lane * 37) % 301).collect();
            agree(hash, &unequal);
        }
        agree(hash, &[0, 10_000, 1, 63, 64, 65, 4_096, 23]);
        agree(hash, &[24, 86, 87, 88]);
        agree(hash, &[]);
    }
}
