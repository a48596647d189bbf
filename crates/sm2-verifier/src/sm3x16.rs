//! SM3 (GB/T 32905) of sixteen messages at a time, one in each lane of vectors of 32-bit words.
//!
//! Messages of different lengths may share the lanes: each lane's state is taken when its last block is done,
//! and what it hashes after that is of no account.

#![expect(
    clippy::indexing_slicing,
    reason = "arithmetic on arrays of fixed length with constant indices"
)]

use std::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_and_si512, _mm512_loadu_si512, _mm512_or_si512,
    _mm512_rol_epi32, _mm512_ror_epi32, _mm512_set1_epi32, _mm512_shuffle_i32x4,
    _mm512_storeu_si512, _mm512_ternarylogic_epi32, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi32, _mm512_unpacklo_epi64, _mm512_xor_si512,
};

/// Messages at a time.
pub(crate) const LANES: usize = 16;

/// The state of every lane before the first block, one vector a word.
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

/// Truth tables of three bits, the first the highest.
const XOR: i32 = 0b1001_0110;
const MAJORITY: i32 = 0b1110_1000;
const CHOICE: i32 = 0b1100_1010;

/// Whether this processor can.
pub(crate) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
}

/// A message in two parts that are hashed as one.
pub(crate) type Parts<'a> = (&'a [u8; 32], &'a [u8]);

/// The hashes of at most sixteen messages; `None` where the processor cannot.
pub(crate) fn hash(messages: &[Parts<'_>]) -> Option<[[u8; 32]; LANES]> {
    if !is_available() || messages.len() > LANES {
        return None;
    }
    #[expect(
        unsafe_code,
        reason = "a function that needs AVX-512 is called where it is there"
    )]
    // SAFETY: the processor has the feature, as was just asked.
    unsafe {
        Some(hash_here(messages))
    }
}

/// Blocks of a message: its bytes, a bit that ends it, and its length in 8 bytes.
pub(crate) fn blocks(message: &Parts<'_>) -> usize {
    (32 + message.1.len() + 9).div_ceil(64)
}

#[target_feature(enable = "avx512f")]
fn hash_here(messages: &[Parts<'_>]) -> [[u8; 32]; LANES] {
    let most = messages.iter().map(blocks).max().unwrap_or(0);
    let mut state = INITIAL.map(|word| splat(word));
    let mut hashes = [[0; 32]; LANES];
    let mut rows = [[0; 64]; LANES];
    for block in 0..most {
        for (row, message) in rows.iter_mut().zip(messages) {
            fill(row, message, block);
        }
        compress(&mut state, transposed(&rows));
        let words = state.map(|word| to_lanes(word));
        for (lane, message) in messages.iter().enumerate() {
            if block + 1 == blocks(message) {
                for (bytes, word) in hashes[lane].chunks_mut(4).zip(&words) {
                    bytes.copy_from_slice(&word[lane].to_be_bytes());
                }
            }
        }
    }
    hashes
}

/// Writes a block of the padded message; one behind its end is of no account.
fn fill(row: &mut [u8; 64], message: &Parts<'_>, block: usize) {
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

/// The compression function on every lane.
#[expect(
    clippy::many_single_char_names,
    reason = "the standard's own names of the eight words"
)]
#[target_feature(enable = "avx512f")]
fn compress(state: &mut [__m512i; 8], mut words: [__m512i; 16]) {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for (round, constant) in CONSTANTS.into_iter().enumerate() {
        // The words are a ring: at `round` lies the word of this round, which the one 16 rounds on replaces.
        let at = |ahead: usize| (round + ahead) % 16;
        let (word, with) = (words[at(0)], words[at(4)]);
        let a12 = _mm512_rol_epi32::<12>(a);
        let ss1 = add(add(a12, e), splat(constant));
        let ss1 = _mm512_rol_epi32::<7>(ss1);
        let ss2 = _mm512_xor_si512(ss1, a12);
        let (ff, gg) = if round < 16 {
            (xor3(a, b, c), xor3(e, f, g))
        } else {
            (
                _mm512_ternarylogic_epi32::<MAJORITY>(a, b, c),
                _mm512_ternarylogic_epi32::<CHOICE>(e, f, g),
            )
        };
        let tt1 = add(add(ff, d), add(ss2, _mm512_xor_si512(word, with)));
        let tt2 = add(add(gg, h), add(ss1, word));
        (d, c, b, a) = (c, _mm512_rol_epi32::<9>(b), a, tt1);
        let p0 = xor3(tt2, _mm512_rol_epi32::<9>(tt2), _mm512_rol_epi32::<17>(tt2));
        (h, g, f, e) = (g, _mm512_rol_epi32::<19>(f), e, p0);
        words[at(0)] = expanded([
            word,
            words[at(7)],
            words[at(13)],
            words[at(3)],
            words[at(10)],
        ]);
    }
    for (word, new) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word = _mm512_xor_si512(*word, new);
    }
}

/// The word sixteen places on, from those 0, 7, 13, 3 and 10 places on.
#[inline]
#[target_feature(enable = "avx512f")]
fn expanded([w0, w7, w13, w3, w10]: [__m512i; 5]) -> __m512i {
    let x = xor3(w0, w7, _mm512_rol_epi32::<15>(w13));
    let p1 = xor3(x, _mm512_rol_epi32::<15>(x), _mm512_rol_epi32::<23>(x));
    xor3(p1, _mm512_rol_epi32::<7>(w3), w10)
}

/// The constant of each round, rotated as often as it is used.
const CONSTANTS: [u32; 64] = {
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

#[inline]
#[target_feature(enable = "avx512f")]
fn xor3(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<XOR>(a, b, c)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn add(a: __m512i, b: __m512i) -> __m512i {
    _mm512_add_epi32(a, b)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn splat(word: u32) -> __m512i {
    _mm512_set1_epi32(word.cast_signed())
}

/// Sixteen blocks become sixteen vectors of words: word i of every lane.
#[target_feature(enable = "avx512f")]
fn transposed(rows: &[[u8; 64]; LANES]) -> [__m512i; 16] {
    let rows: [__m512i; 16] = std::array::from_fn(|i| load(&rows[i]));
    // Words of two rows, then of four, beside each other within each quarter.
    let mut fours = rows;
    for i in (0..16).step_by(4) {
        let [r0, r1, r2, r3] = [rows[i], rows[i + 1], rows[i + 2], rows[i + 3]];
        let (low01, high01) = (_mm512_unpacklo_epi32(r0, r1), _mm512_unpackhi_epi32(r0, r1));
        let (low23, high23) = (_mm512_unpacklo_epi32(r2, r3), _mm512_unpackhi_epi32(r2, r3));
        fours[i] = _mm512_unpacklo_epi64(low01, low23);
        fours[i + 1] = _mm512_unpackhi_epi64(low01, low23);
        fours[i + 2] = _mm512_unpacklo_epi64(high01, high23);
        fours[i + 3] = _mm512_unpackhi_epi64(high01, high23);
    }
    let mut words = rows;
    for i in 0..4 {
        let [a, b, c, d] = [fours[i], fours[i + 4], fours[i + 8], fours[i + 12]];
        let low_ab = _mm512_shuffle_i32x4::<0x44>(a, b);
        let low_cd = _mm512_shuffle_i32x4::<0x44>(c, d);
        let high_ab = _mm512_shuffle_i32x4::<0xee>(a, b);
        let high_cd = _mm512_shuffle_i32x4::<0xee>(c, d);
        words[i] = _mm512_shuffle_i32x4::<0x88>(low_ab, low_cd);
        words[i + 4] = _mm512_shuffle_i32x4::<0xdd>(low_ab, low_cd);
        words[i + 8] = _mm512_shuffle_i32x4::<0x88>(high_ab, high_cd);
        words[i + 12] = _mm512_shuffle_i32x4::<0xdd>(high_ab, high_cd);
    }
    words
}

/// The sixteen words of a block, whose highest byte comes first.
#[inline]
#[target_feature(enable = "avx512f")]
fn load(row: &[u8; 64]) -> __m512i {
    #[expect(unsafe_code, reason = "a load by address has no safe form")]
    // SAFETY: the array has the 64 bytes that are read.
    let words = unsafe { _mm512_loadu_si512(row.as_ptr().cast()) };
    let odd = _mm512_set1_epi32(0x00ff_00ff);
    let left = _mm512_and_si512(_mm512_rol_epi32::<8>(words), odd);
    let even = _mm512_set1_epi32(0xff00_ff00_u32.cast_signed());
    let right = _mm512_and_si512(_mm512_ror_epi32::<8>(words), even);
    _mm512_or_si512(left, right)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn to_lanes(vector: __m512i) -> [u32; LANES] {
    let mut lanes = [0; LANES];
    #[expect(unsafe_code, reason = "a store by address has no safe form")]
    // SAFETY: the array has the 64 bytes that are written.
    unsafe {
        _mm512_storeu_si512(lanes.as_mut_ptr().cast(), vector);
    }
    lanes
}

#[cfg(test)]
mod tests {
    use sm3::{Digest as _, Sm3};

    use super::*;

    fn one(message: &Parts<'_>) -> [u8; 32] {
        let hash = Sm3::new().chain_update(message.0).chain_update(message.1);
        hash.finalize().into()
    }

    /// Bytes that differ from one message to the next.
    fn bytes(seed: usize, length: usize) -> Vec<u8> {
        let byte = |i: usize| (i * 167 + seed * 59 + i / 64).to_le_bytes()[0];
        (0..length).map(byte).collect()
    }

    fn agree(lengths: &[usize]) {
        let head: [u8; 32] = std::array::from_fn(|i| (i * 7).to_le_bytes()[0]);
        let tails: Vec<_> = lengths
            .iter()
            .enumerate()
            .map(|(i, length)| bytes(i, *length))
            .collect();
        let messages: Vec<Parts<'_>> = tails.iter().map(|tail| (&head, &tail[..])).collect();
        let Some(found) = hash(&messages) else {
            return;
        };
        for ((message, found), length) in messages.iter().zip(found).zip(lengths) {
            assert_eq!(found, one(message), "{length} of {lengths:?}");
        }
    }

    #[test]
    fn every_length_alone_and_beside_others() {
        for length in 0..=300 {
            agree(&[length; LANES]);
            agree(&[length]);
            let unequal: Vec<usize> = (0..LANES).map(|lane| (length + lane * 37) % 301).collect();
            agree(&unequal);
        }
        agree(&[0, 10_000, 1, 63, 64, 65, 23, 24, 86, 87, 88, 4_096]);
        agree(&[]);
    }
}
