//! SM3 of sixteen messages at a time, in vectors of 32-bit words (AVX-512).

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

use crate::{
    curve::Message,
    sm3::{self, Blocks, CONSTANTS, State},
};

/// Messages at a time.
pub(crate) const LANES: usize = 16;

/// Truth tables of three bits, the first the highest.
const XOR: i32 = 0b1001_0110;
const MAJORITY: i32 = 0b1110_1000;
const CHOICE: i32 = 0b1100_1010;

/// Whether this processor can.
pub(crate) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
}

/// The hashes of at most sixteen messages.
pub(crate) fn hash(messages: &[Message<'_>]) -> [[u8; 32]; LANES] {
    if is_available() {
        sm3::hash(messages, compress)
    } else {
        let (first, second) = messages.split_at(messages.len().min(LANES / 2));
        let halves = [first, second].map(crate::sm3x8::hash);
        std::array::from_fn(|lane| halves[lane / 8][lane % 8])
    }
}

fn compress(state: &mut State<LANES>, blocks: &Blocks<LANES>) {
    #[expect(
        unsafe_code,
        reason = "a function that needs AVX-512 is called where it is there"
    )]
    // SAFETY: `hash` comes here only where the processor has the feature.
    unsafe {
        compress_here(state, blocks);
    }
}

/// The compression function on every lane.
#[expect(
    clippy::many_single_char_names,
    reason = "the standard's own names of the eight words"
)]
#[target_feature(enable = "avx512f")]
fn compress_here(state: &mut State<LANES>, blocks: &Blocks<LANES>) {
    let mut words = transposed(blocks);
    let before = state.each_ref().map(|word| load(word));
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = before;
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
    let after = [a, b, c, d, e, f, g, h];
    for ((word, old), new) in state.iter_mut().zip(before).zip(after) {
        store(word, _mm512_xor_si512(old, new));
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
fn transposed(rows: &Blocks<LANES>) -> [__m512i; 16] {
    let rows: [__m512i; 16] = std::array::from_fn(|i| load_block(&rows[i]));
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
fn load_block(row: &[u8; 64]) -> __m512i {
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
fn load(words: &[u32; LANES]) -> __m512i {
    #[expect(unsafe_code, reason = "a load by address has no safe form")]
    // SAFETY: the array has the 64 bytes that are read.
    unsafe {
        _mm512_loadu_si512(words.as_ptr().cast())
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(words: &mut [u32; LANES], vector: __m512i) {
    #[expect(unsafe_code, reason = "a store by address has no safe form")]
    // SAFETY: the array has the 64 bytes that are written.
    unsafe {
        _mm512_storeu_si512(words.as_mut_ptr().cast(), vector);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn hashes_of_sixteen() {
        crate::sm3::tests::every_length(super::hash);
    }
}
