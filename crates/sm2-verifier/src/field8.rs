//! The fields again, eight elements at a time, by the processor's 52-bit multiply-add (AVX-512 IFMA).
//!
//! An element is five limbs of 52 bits, lowest first, one vector a limb and one lane an element, as
//! x * 2^260 modulo p. In signed limbs of 52 bits ([`Curve::LIMBS_52`]) p is
//! - of SM2: -1 + (2^12 - 2^44) * 2^52 + (2^48 - 2^16) * 2^208,
//! - P-256: -1 + 2^44 * 2^52 + 2^36 * 2^156 + (2^48 - 2^16) * 2^208,
//!
//! so that a step of Montgomery's reduction takes four or six multiply-adds and not ten.
//!
//! Elements are *weak*: any number below 2p that has the right remainder. Every function says what
//! it takes and gives:
//! - a product of two numbers below 2p is below 1.3 * 2^256;
//! - what is folded (all differences, and what comes from a table) is below 2^256 + 2^230.

#![expect(
    clippy::indexing_slicing,
    reason = "arithmetic on arrays of fixed length with constant indices"
)]

use std::{
    arch::x86_64::{
        __m512i, __mmask8, _mm512_add_epi64, _mm512_and_si512, _mm512_madd52hi_epu64,
        _mm512_madd52lo_epu64, _mm512_mask_blend_epi64, _mm512_mask_sub_epi64, _mm512_or_si512,
        _mm512_set1_epi64, _mm512_setzero_si512, _mm512_slli_epi64, _mm512_sllv_epi64,
        _mm512_srai_epi64, _mm512_srli_epi64, _mm512_sub_epi64,
    },
    marker::PhantomData,
};

use crate::curve::Curve;

/// Eight elements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fe8<C>(pub(crate) [__m512i; 5], PhantomData<C>);

const LOW_52: i64 = (1 << 52) - 1;
const LOW_48: i64 = (1 << 48) - 1;

impl<C: Curve> Fe8<C> {
    /// One in this form: 2^260 mod p. 2^256 mod p is below 2^225 for both, so that it is sixteen times that.
    const ONE: [i64; 5] = {
        let [a, b, c, d] = C::FIELD.one;
        let limbs = [
            a << 4,
            a >> 48 | b << 16,
            b >> 36 | c << 28,
            c >> 24 | d << 40,
            d >> 12,
        ];
        let mask = LOW_52.cast_unsigned();
        [
            (limbs[0] & mask).cast_signed(),
            (limbs[1] & mask).cast_signed(),
            (limbs[2] & mask).cast_signed(),
            (limbs[3] & mask).cast_signed(),
            limbs[4].cast_signed(),
        ]
    };

    /// 2^256 - p in signed limbs.
    const FOLD: [i64; 5] = {
        let [l0, l1, l2, l3, l4] = C::LIMBS_52;
        [-l0, -l1, -l2, -l3, (1 << 48) - l4]
    };

    /// One in this form.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn one() -> Self {
        Self(Self::ONE.map(|limb| _mm512_set1_epi64(limb)), PhantomData)
    }

    /// The number 1: a product with it leaves Montgomery's form.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn plain_one() -> Self {
        let zero = _mm512_setzero_si512();
        Self([_mm512_set1_epi64(1), zero, zero, zero, zero], PhantomData)
    }

    /// The number 2^256: a product with it gives x * 2^256, the form of [`crate::field`].
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn plain_2_256() -> Self {
        let zero = _mm512_setzero_si512();
        Self(
            [zero, zero, zero, zero, _mm512_set1_epi64(1 << 48)],
            PhantomData,
        )
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
        Self([l0, l1, l2, l3, _mm512_srli_epi64::<12>(d)], PhantomData).folded()
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
        let mut limbs = multiple_of_p::<C>(2);
        for ((limb, a), b) in limbs.iter_mut().zip(self.0).zip(other.0) {
            *limb = _mm512_sub_epi64(_mm512_add_epi64(*limb, a), b);
        }
        Self(limbs, PhantomData).folded().carried()
    }

    /// a - b - c of numbers below 2p, folded.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn sub_both(self, one: Self, two: Self) -> Self {
        let mut limbs = multiple_of_p::<C>(4);
        for (i, limb) in limbs.iter_mut().enumerate() {
            let both = _mm512_add_epi64(one.0[i], two.0[i]);
            *limb = _mm512_sub_epi64(_mm512_add_epi64(*limb, self.0[i]), both);
        }
        Self(limbs, PhantomData).folded().carried()
    }

    /// -a in the chosen lanes, a in the others; folded numbers in and out, the limbs not yet carried.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn negated_where(self, lanes: __mmask8) -> Self {
        let zero = multiple_of_p::<C>(2);
        let mut limbs = self.0;
        for (limb, zero) in limbs.iter_mut().zip(zero) {
            *limb = _mm512_mask_sub_epi64(*limb, lanes, zero, *limb);
        }
        Self(limbs, PhantomData).folded()
    }

    /// The other's elements in the chosen lanes.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn replaced_where(self, lanes: __mmask8, other: Self) -> Self {
        let mut limbs = self.0;
        for (limb, other) in limbs.iter_mut().zip(other.0) {
            *limb = _mm512_mask_blend_epi64(lanes, *limb, other);
        }
        Self(limbs, PhantomData)
    }

    /// Takes out what is above 2^256, h times 2^256, and puts in h * (2^256 - p). h is small, and may be -1.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn folded(self) -> Self {
        let mut limbs = self.0;
        let h = _mm512_srai_epi64::<48>(limbs[4]);
        limbs[4] = _mm512_and_si512(limbs[4], _mm512_set1_epi64(LOW_48));
        for (limb, factor) in limbs.iter_mut().zip(Self::FOLD) {
            *limb = plus_multiple(*limb, h, factor);
        }
        Self(limbs, PhantomData)
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
        Self(limbs, PhantomData)
    }
}

/// So many times p in signed limbs.
#[inline]
#[target_feature(enable = "avx512f")]
fn multiple_of_p<C: Curve>(times: i64) -> [__m512i; 5] {
    C::LIMBS_52.map(|limb| _mm512_set1_epi64(times * limb))
}

/// sum + h * factor for a constant factor that is zero, 2^i, or 2^i - 2^j, or the opposite of such.
#[inline]
#[target_feature(enable = "avx512f")]
fn plus_multiple(sum: __m512i, h: __m512i, factor: i64) -> __m512i {
    let shifted = |bits: u32| _mm512_sllv_epi64(h, _mm512_set1_epi64(i64::from(bits)));
    if factor == 0 {
        return sum;
    }
    let low = factor.trailing_zeros();
    let ones = (factor.unsigned_abs() >> low).trailing_ones();
    let multiple = if ones == 1 {
        shifted(low)
    } else {
        _mm512_sub_epi64(shifted(low + ones), shifted(low))
    };
    if factor > 0 {
        _mm512_add_epi64(sum, multiple)
    } else {
        _mm512_sub_epi64(sum, multiple)
    }
}

/// t / 2^260 modulo p. Each step makes the lowest limb a multiple of 2^52 by adding m * p, where m is
/// the limb itself, since p is -1 modulo 2^52.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn reduced<C: Curve>(mut t: [__m512i; 10]) -> Fe8<C> {
    let mask = _mm512_set1_epi64(LOW_52);
    let zero = _mm512_setzero_si512();
    for i in 0..5 {
        let m = _mm512_and_si512(t[i], mask);
        let carry = _mm512_srai_epi64::<52>(t[i]);
        t[i + 1] = _mm512_add_epi64(t[i + 1], carry);
        for j in 1..5 {
            let limb = C::LIMBS_52[j];
            if limb > 0 {
                let limb = _mm512_set1_epi64(limb);
                t[i + j] = _mm512_madd52lo_epu64(t[i + j], m, limb);
                t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], m, limb);
            } else if limb < 0 {
                let limb = _mm512_set1_epi64(-limb);
                let (low, high) = (
                    _mm512_madd52lo_epu64(zero, m, limb),
                    _mm512_madd52hi_epu64(zero, m, limb),
                );
                t[i + j] = _mm512_sub_epi64(t[i + j], low);
                t[i + j + 1] = _mm512_sub_epi64(t[i + j + 1], high);
            }
        }
    }
    Fe8([t[5], t[6], t[7], t[8], t[9]], PhantomData).carried()
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng, rngs::StdRng};

    use super::*;
    use crate::{Es256, Sm2, batch8, curve::Curve, field::Fe};

    /// Elements with many bits set or none, and random ones.
    fn element<C: Curve>(rng: &mut StdRng) -> Fe<C> {
        let words = std::array::from_fn(|_| match rng.next_u32() % 4 {
            0 => 0,
            1 => u64::MAX,
            _ => rng.next_u64(),
        });
        Fe::from_words(words).unwrap_or_else(|| Fe::ONE.neg())
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    fn agree<C: Curve>(rng: &mut StdRng) {
        for _ in 0..2_000 {
            let [a, b, c]: [[Fe<C>; 8]; 3] =
                std::array::from_fn(|_| std::array::from_fn(|_| element(rng)));
            let [a8, b8, c8] = [a, b, c].map(|lanes| batch8::from_elements(&lanes));
            let same = |name: &str, found: Fe8<C>, expected: &dyn Fn(usize) -> Fe<C>| {
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

    /// The limbs are p: carried, lowest first.
    fn limbs_are_p<C: Curve>() {
        let mut carry = 0;
        let mut limbs = C::LIMBS_52;
        for limb in &mut limbs {
            carry += *limb;
            *limb = carry & LOW_52;
            carry >>= 52;
        }
        let [l0, l1, l2, l3, l4] = limbs.map(i64::cast_unsigned);
        let words = [
            l0 | l1 << 52,
            l1 >> 12 | l2 << 40,
            l2 >> 24 | l3 << 28,
            l3 >> 36 | l4 << 16,
        ];
        assert_eq!((words, carry), (C::FIELD.m, 0));
    }

    #[test]
    fn limbs_of_both_primes() {
        limbs_are_p::<Sm2>();
        limbs_are_p::<Es256>();
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
                agree::<Sm2>(&mut rng);
                agree::<Es256>(&mut rng);
            }
        }
    }
}
