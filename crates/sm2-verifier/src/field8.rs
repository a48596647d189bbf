//! The field again, eight elements at a time, by the processor's 52-bit multiply-add (AVX-512 IFMA).
//!
//! An element is five limbs of 52 bits, lowest first, one vector a limb and one lane an element, as
//! x * 2^260 modulo p. With limbs of 52 bits p is
//! -1 + (2^12 - 2^44) * 2^52 + (2^48 - 2^16) * 2^208: two limbs of five, so that a step of
//! Montgomery's reduction takes four multiply-adds and not ten.
//!
//! Elements are *weak*: any number below 2p that has the right remainder. Every function says what
//! it takes and gives:
//! - a product of two numbers below 2p is below 1.3 * 2^256;
//! - what is folded (all differences, and what comes from a table) is below 2^256 + 2^230.

#![expect(
    clippy::indexing_slicing,
    reason = "arithmetic on arrays of fixed length with constant indices"
)]

use std::arch::x86_64::{
    __m512i, __mmask8, _mm512_add_epi64, _mm512_and_si512, _mm512_madd52hi_epu64,
    _mm512_madd52lo_epu64, _mm512_mask_blend_epi64, _mm512_mask_sub_epi64, _mm512_or_si512,
    _mm512_set1_epi64, _mm512_setzero_si512, _mm512_slli_epi64, _mm512_srai_epi64,
    _mm512_srli_epi64, _mm512_sub_epi64,
};

/// Eight elements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fe8(pub(crate) [__m512i; 5]);

const LOW_52: i64 = (1 << 52) - 1;
const LOW_48: i64 = (1 << 48) - 1;
/// p is -1 - MINUS * 2^52 + PLUS * 2^208.
const MINUS: i64 = (1 << 44) - (1 << 12);
const PLUS: i64 = (1 << 48) - (1 << 16);

impl Fe8 {
    /// One in this form: 2^260 mod p, which is 2^4 * (2^224 + 2^96 - 2^64 + 1).
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn one() -> Self {
        Self([
            _mm512_set1_epi64(1 << 4),
            _mm512_set1_epi64((1 << 48) - (1 << 16)),
            _mm512_setzero_si512(),
            _mm512_setzero_si512(),
            _mm512_set1_epi64(1 << 20),
        ])
    }

    /// The number 1: a product with it leaves Montgomery's form.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn plain_one() -> Self {
        let zero = _mm512_setzero_si512();
        Self([_mm512_set1_epi64(1), zero, zero, zero, zero])
    }

    /// The number 2^256: a product with it gives x * 2^256, the form of [`crate::field`].
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn plain_2_256() -> Self {
        let zero = _mm512_setzero_si512();
        Self([zero, zero, zero, zero, _mm512_set1_epi64(1 << 48)])
    }

    /// From four vectors of words that hold x * 2^256 as [`crate::field`] does: sixteen times that.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn from_words(words: [__m512i; 4]) -> Self {
        let mask = _mm512_set1_epi64(LOW_52);
        let [a, b, c, d] = words;
        let limbs = [
            _mm512_slli_epi64::<4>(a),
            _mm512_or_si512(_mm512_srli_epi64::<48>(a), _mm512_slli_epi64::<16>(b)),
            _mm512_or_si512(_mm512_srli_epi64::<36>(b), _mm512_slli_epi64::<28>(c)),
            _mm512_or_si512(_mm512_srli_epi64::<24>(c), _mm512_slli_epi64::<40>(d)),
        ]
        .map(|limb| _mm512_and_si512(limb, mask));
        let [l0, l1, l2, l3] = limbs;
        Self([l0, l1, l2, l3, _mm512_srli_epi64::<12>(d)]).folded()
    }

    /// The product of two numbers below 2p, below 1.3 * 2^256.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(crate) fn mul(self, other: Self) -> Self {
        let mut t = [_mm512_setzero_si512(); 10];
        for i in 0..5 {
            for j in 0..5 {
                t[i + j] = _mm512_madd52lo_epu64(t[i + j], self.0[i], other.0[j]);
                t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], self.0[i], other.0[j]);
            }
        }
        reduced(t)
    }

    /// The square of a number below 2p, below 1.3 * 2^256: mixed products once, then doubled.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(crate) fn square(self) -> Self {
        let mut t = [_mm512_setzero_si512(); 10];
        for i in 0..5 {
            for j in i + 1..5 {
                t[i + j] = _mm512_madd52lo_epu64(t[i + j], self.0[i], self.0[j]);
                t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], self.0[i], self.0[j]);
            }
        }
        for limb in &mut t {
            *limb = _mm512_add_epi64(*limb, *limb);
        }
        for i in 0..5 {
            t[2 * i] = _mm512_madd52lo_epu64(t[2 * i], self.0[i], self.0[i]);
            t[2 * i + 1] = _mm512_madd52hi_epu64(t[2 * i + 1], self.0[i], self.0[i]);
        }
        reduced(t)
    }

    /// a - b of numbers below 2p, folded.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn sub(self, other: Self) -> Self {
        let mut limbs = multiple_of_p::<2>();
        for ((limb, a), b) in limbs.iter_mut().zip(self.0).zip(other.0) {
            *limb = _mm512_sub_epi64(_mm512_add_epi64(*limb, a), b);
        }
        Self(limbs).folded().carried()
    }

    /// a - b - c of numbers below 2p, folded.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn sub_both(self, one: Self, two: Self) -> Self {
        let mut limbs = multiple_of_p::<4>();
        for (i, limb) in limbs.iter_mut().enumerate() {
            let both = _mm512_add_epi64(one.0[i], two.0[i]);
            *limb = _mm512_sub_epi64(_mm512_add_epi64(*limb, self.0[i]), both);
        }
        Self(limbs).folded().carried()
    }

    /// -a in the chosen lanes, a in the others; folded numbers in and out, the limbs not yet carried.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn negated_where(self, lanes: __mmask8) -> Self {
        let zero = multiple_of_p::<2>();
        let mut limbs = self.0;
        for (limb, zero) in limbs.iter_mut().zip(zero) {
            *limb = _mm512_mask_sub_epi64(*limb, lanes, zero, *limb);
        }
        Self(limbs).folded()
    }

    /// The other's elements in the chosen lanes.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn replaced_where(self, lanes: __mmask8, other: Self) -> Self {
        let mut limbs = self.0;
        for (limb, other) in limbs.iter_mut().zip(other.0) {
            *limb = _mm512_mask_blend_epi64(lanes, *limb, other);
        }
        Self(limbs)
    }

    /// Takes out what is above 2^256, h times 2^256, and puts in h * (2^224 + 2^96 - 2^64 + 1).
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn folded(self) -> Self {
        let [l0, l1, l2, l3, l4] = self.0;
        let h = _mm512_srai_epi64::<48>(l4);
        let l4 = _mm512_and_si512(l4, _mm512_set1_epi64(LOW_48));
        let at_1 = _mm512_sub_epi64(_mm512_slli_epi64::<44>(h), _mm512_slli_epi64::<12>(h));
        Self([
            _mm512_add_epi64(l0, h),
            _mm512_add_epi64(l1, at_1),
            l2,
            l3,
            _mm512_add_epi64(l4, _mm512_slli_epi64::<16>(h)),
        ])
    }

    /// Every limb brought to 52 bits; limbs may be negative before, the number may not.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn carried(self) -> Self {
        let mask = _mm512_set1_epi64(LOW_52);
        let mut limbs = self.0;
        for i in 0..4 {
            let carry = _mm512_srai_epi64::<52>(limbs[i]);
            limbs[i] = _mm512_and_si512(limbs[i], mask);
            limbs[i + 1] = _mm512_add_epi64(limbs[i + 1], carry);
        }
        Self(limbs)
    }
}

/// N * p in signed limbs.
#[inline]
#[target_feature(enable = "avx512f")]
fn multiple_of_p<const N: i64>() -> [__m512i; 5] {
    [
        _mm512_set1_epi64(-N),
        _mm512_set1_epi64(-N * MINUS),
        _mm512_setzero_si512(),
        _mm512_setzero_si512(),
        _mm512_set1_epi64(N * PLUS),
    ]
}

/// t / 2^260 modulo p. Each step makes the lowest limb a multiple of 2^52 by adding m * p, where m is
/// the limb itself, since p is -1 modulo 2^52.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn reduced(mut t: [__m512i; 10]) -> Fe8 {
    let mask = _mm512_set1_epi64(LOW_52);
    let minus = _mm512_set1_epi64(MINUS);
    let plus = _mm512_set1_epi64(PLUS);
    let zero = _mm512_setzero_si512();
    for i in 0..5 {
        let m = _mm512_and_si512(t[i], mask);
        let carry = _mm512_srai_epi64::<52>(t[i]);
        let low = _mm512_madd52lo_epu64(zero, m, minus);
        t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_sub_epi64(carry, low));
        t[i + 2] = _mm512_sub_epi64(t[i + 2], _mm512_madd52hi_epu64(zero, m, minus));
        t[i + 4] = _mm512_madd52lo_epu64(t[i + 4], m, plus);
        t[i + 5] = _mm512_madd52hi_epu64(t[i + 5], m, plus);
    }
    Fe8([t[5], t[6], t[7], t[8], t[9]]).carried()
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng, rngs::StdRng};

    use super::*;
    use crate::{batch8, field::Fe};

    /// Elements with many bits set or none, and random ones.
    fn element(rng: &mut StdRng) -> Fe {
        let words = std::array::from_fn(|_| match rng.next_u32() % 4 {
            0 => 0,
            1 => u64::MAX,
            _ => rng.next_u64(),
        });
        Fe::from_words(words).unwrap_or_else(|| Fe::ONE.neg())
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    fn agree(rng: &mut StdRng) {
        for _ in 0..2_000 {
            let [a, b, c]: [[Fe; 8]; 3] =
                std::array::from_fn(|_| std::array::from_fn(|_| element(rng)));
            let [a8, b8, c8] = [a, b, c].map(|lanes| batch8::from_elements(&lanes));
            let same = |name: &str, found: Fe8, expected: &dyn Fn(usize) -> Fe| {
                let found = batch8::to_elements(&found.carried());
                assert_eq!(found, std::array::from_fn(expected), "{name}");
            };
            same("in and out", a8, &|i| a[i]);
            same("mul", a8.mul(b8), &|i| a[i].mul(b[i]));
            same("square", a8.square(), &|i| a[i].square());
            same("sub", a8.sub(b8), &|i| a[i].sub(b[i]));
            same("sub_both", a8.sub_both(b8, c8), &|i| {
                a[i].sub(b[i]).sub(c[i])
            });
            let product = a8.mul(b8);
            same("sub of products", c8.square().sub(product), &|i| {
                c[i].square().sub(a[i].mul(b[i]))
            });
            same(
                "product of differences",
                a8.sub(b8).mul(b8.sub_both(c8, a8)),
                &|i| a[i].sub(b[i]).mul(b[i].sub(c[i]).sub(a[i])),
            );
            same("negated", a8.negated_where(0b1010_0101), &|i| {
                if 0b1010_0101 >> i & 1 == 1 {
                    a[i].neg()
                } else {
                    a[i]
                }
            });
            same("replaced", a8.replaced_where(0b0000_1111, b8), &|i| {
                if i < 4 { b[i] } else { a[i] }
            });
            same("one", Fe8::one(), &|_| Fe::ONE);
        }
    }

    #[test]
    fn lanes_agree_with_the_scalar_field() {
        if batch8::is_available() {
            let mut rng = StdRng::seed_from_u64(8);
            #[expect(
                unsafe_code,
                reason = "a function that needs AVX-512 is called where it is there"
            )]
            // SAFETY: the processor has both features.
            unsafe {
                agree(&mut rng);
            }
        }
    }
}
