//! SM3 of eight messages at a time, in plain arrays: compilers make vectors of the loops over lanes, of AVX2 where
//! the processor has it, and else of what every processor of the target has.

#![expect(
    clippy::indexing_slicing,
    reason = "arithmetic on arrays of fixed length with constant indices"
)]

use crate::{
    curve::Message,
    sm3::{self, Blocks, CONSTANTS, State},
};

/// Messages at a time.
pub(crate) const LANES: usize = 8;

type Lanes = [u32; LANES];

/// The hashes of at most eight messages.
pub(crate) fn hash(messages: &[Message<'_>]) -> [[u8; 32]; LANES] {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        return sm3::hash(messages, compress_avx2);
    }
    sm3::hash(messages, compress)
}

#[cfg(target_arch = "x86_64")]
fn compress_avx2(state: &mut State<LANES>, blocks: &Blocks<LANES>) {
    #[target_feature(enable = "avx2")]
    fn here(state: &mut State<LANES>, blocks: &Blocks<LANES>) {
        compress(state, blocks);
    }
    #[expect(
        unsafe_code,
        reason = "a function that needs AVX2 is called where it is there"
    )]
    // SAFETY: `hash` comes here only where the processor has the feature.
    unsafe {
        here(state, blocks);
    }
}

/// The compression function on every lane.
#[expect(
    clippy::inline_always,
    reason = "compiled anew for each set of instructions"
)]
#[inline(always)]
fn compress(state: &mut State<LANES>, blocks: &Blocks<LANES>) {
    let before = *state;
    let mut words = [[0; LANES]; 16];
    for (i, word) in words.iter_mut().enumerate() {
        for (lane, block) in word.iter_mut().zip(blocks) {
            let bytes = [
                block[4 * i],
                block[4 * i + 1],
                block[4 * i + 2],
                block[4 * i + 3],
            ];
            *lane = u32::from_be_bytes(bytes);
        }
    }
    for (i, constant) in CONSTANTS.into_iter().enumerate() {
        // The words are a ring: the one 16 rounds on takes the place of this round's.
        let at = |ahead: usize| (i + ahead) % 16;
        let (word, with) = (words[at(0)], words[at(4)]);
        if i < 16 {
            round(
                state,
                &word,
                &with,
                constant,
                |a, b, c| a ^ b ^ c,
                |e, f, g| e ^ f ^ g,
            );
        } else {
            let majority = |a: u32, b: u32, c: u32| (a & b) | (a & c) | (b & c);
            let choice = |e: u32, f: u32, g: u32| (e & f) | (!e & g);
            round(state, &word, &with, constant, majority, choice);
        }
        let (w7, w13, w3, w10) = (words[at(7)], words[at(13)], words[at(3)], words[at(10)]);
        for lane in 0..LANES {
            let x = word[lane] ^ w7[lane] ^ w13[lane].rotate_left(15);
            let p1 = x ^ x.rotate_left(15) ^ x.rotate_left(23);
            words[at(0)][lane] = p1 ^ w3[lane].rotate_left(7) ^ w10[lane];
        }
    }
    for (word, old) in state.iter_mut().zip(before) {
        for (lane, old) in word.iter_mut().zip(old) {
            *lane ^= old;
        }
    }
}

#[expect(
    clippy::many_single_char_names,
    clippy::inline_always,
    reason = "the standard's own names of the eight words; part of the function above"
)]
#[inline(always)]
fn round(
    state: &mut State<LANES>,
    word: &Lanes,
    with: &Lanes,
    constant: u32,
    ff: impl Fn(u32, u32, u32) -> u32,
    gg: impl Fn(u32, u32, u32) -> u32,
) {
    let [a, b, c, d, e, f, g, h] = *state;
    let [mut tt1, mut p0] = [[0; LANES]; 2];
    for lane in 0..LANES {
        let a12 = a[lane].rotate_left(12);
        let ss1 = a12
            .wrapping_add(e[lane])
            .wrapping_add(constant)
            .rotate_left(7);
        let sum = ff(a[lane], b[lane], c[lane]).wrapping_add(d[lane]);
        let sum = sum.wrapping_add(ss1 ^ a12);
        tt1[lane] = sum.wrapping_add(word[lane] ^ with[lane]);
        let sum = gg(e[lane], f[lane], g[lane]).wrapping_add(h[lane]);
        let tt2 = sum.wrapping_add(ss1).wrapping_add(word[lane]);
        p0[lane] = tt2 ^ tt2.rotate_left(9) ^ tt2.rotate_left(17);
    }
    let turned = |lanes: Lanes, by: u32| lanes.map(|lane| lane.rotate_left(by));
    *state = [tt1, a, turned(b, 9), c, p0, e, turned(f, 19), g];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sm3::tests::every_length;

    #[test]
    fn hashes_of_eight() {
        every_length(hash);
        every_length(|messages| sm3::hash(messages, compress));
    }
}
