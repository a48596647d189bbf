//! The fields of the curves: integers modulo p.
//!
//! An element x is kept as x * 2^256 mod p (Montgomery's form), four words of 64 bits, lowest
//! first, always below p. The primes of both curves are -1 modulo 2^64, so that the factor of each step of the
//! reduction is the lowest word itself, and they have so few bits that the step needs shifts and additions only.
//!
//! Time depends on the values here and there, if only because compilers turn masks into branches: this is for
//! public data. [`crate::hidden`] is the same for secrets.

use std::marker::PhantomData;

use crate::{
    curve::Curve,
    modulus::{add4, bytes, product, square, sub4, words},
};

/// An element of the field of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Fe<C>([u64; 4], PhantomData<C>);

impl<C: Curve> Fe<C> {
    pub(crate) const ZERO: Self = Self::from_montgomery([0; 4]);
    pub(crate) const ONE: Self = Self::from_montgomery(C::FIELD.one);

    /// From a number below p, words lowest first; `None` from p on.
    pub(crate) fn from_words(words: [u64; 4]) -> Option<Self> {
        let r2 = Self::from_montgomery(C::FIELD.r2);
        C::FIELD
            .is_above(words)
            .then(|| Self::from_montgomery(words).mul(r2))
    }

    /// From 32 bytes, highest first; `None` where they are p or more.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        Self::from_words(words(bytes))
    }

    /// From the words of Montgomery's form, which must be below p.
    pub(crate) const fn from_montgomery(words: [u64; 4]) -> Self {
        Self(words, PhantomData)
    }

    /// 32 bytes, highest first.
    pub(crate) fn to_bytes(self) -> [u8; 32] {
        bytes(self.number())
    }

    /// The words of Montgomery's form.
    pub(crate) fn montgomery_words(&self) -> &[u64; 4] {
        &self.0
    }

    pub(crate) fn is_zero(self) -> bool {
        self.0 == [0; 4]
    }

    #[inline]
    pub(crate) fn add(self, other: Self) -> Self {
        let (sum, carry) = add4(self.0, other.0);
        Self::from_montgomery(C::FIELD.reduced(sum, u64::from(carry)))
    }

    #[inline]
    pub(crate) fn double(self) -> Self {
        self.add(self)
    }

    #[inline]
    pub(crate) fn sub(self, other: Self) -> Self {
        let (difference, borrow) = sub4(self.0, other.0);
        let mask = 0_u64.wrapping_sub(u64::from(borrow));
        let (sum, _) = add4(difference, C::FIELD.m.map(|word| word & mask));
        Self::from_montgomery(sum)
    }

    #[inline]
    pub(crate) fn neg(self) -> Self {
        Self::ZERO.sub(self)
    }

    #[inline]
    pub(crate) fn mul(self, other: Self) -> Self {
        Self::reduced(product(self.0, other.0))
    }

    #[inline]
    pub(crate) fn square(self) -> Self {
        Self::reduced(square(self.0))
    }

    /// The inverse; zero gives zero.
    pub(crate) fn invert(self) -> Self {
        // Of x * 2^256 it is 2^-256 / x: twice 2^256 short.
        let r2 = Self::from_montgomery(C::FIELD.r2);
        let inverse = Self::from_montgomery(C::FIELD.inverse(self.0));
        inverse.mul(r2).mul(r2)
    }

    /// The number itself, words lowest first.
    fn number(self) -> [u64; 4] {
        let [a, b, c, d] = self.0;
        Self::reduced([a, b, c, d, 0, 0, 0, 0]).0
    }

    /// t / 2^256 mod p, for t below p * 2^256.
    #[inline]
    fn reduced(t: [u64; 8]) -> Self {
        let (sum, high) = halved::<C>(t);
        Self::from_montgomery(C::FIELD.reduced(sum, high))
    }
}

/// t / 2^256 modulo p, for t below p * 2^256: below 2p, as four words and what is above them.
#[expect(
    clippy::inline_always,
    reason = "called, it would take its eight words by memory: an eighth of a product"
)]
#[inline(always)]
pub(crate) fn halved<C: Curve>(t: [u64; 8]) -> ([u64; 4], u64) {
    // The lower half turns to zero word by word: adding m * p, where m is the lowest word, leaves
    // m * (p + 1) / 2^64 one word higher.
    let mut low = [t[0], t[1], t[2], t[3]];
    for _ in 0..4 {
        let [d0, d1, d2, d3] = C::by_p_plus_1(low[0]);
        let (w0, c) = low[1].carrying_add(d0, false);
        let (w1, c) = low[2].carrying_add(d1, c);
        let (w2, c) = low[3].carrying_add(d2, c);
        // Without a carry out: the whole stays below 2^256, since p + 2^192 does.
        let (w3, _) = 0_u64.carrying_add(d3, c);
        low = [w0, w1, w2, w3];
    }
    let (sum, carry) = add4(low, [t[4], t[5], t[6], t[7]]);
    (sum, u64::from(carry))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Es256, Sm2};

    fn words() -> impl Strategy<Value = [u64; 4]> {
        let edge =
            prop::sample::select(vec![0, 1, u64::MAX, u64::MAX - 1, 1 << 32, u64::MAX << 32]);
        let word = prop_oneof![any::<u64>(), edge];
        [word.clone(), word.clone(), word.clone(), word]
    }

    fn element<C: Curve>(words: [u64; 4]) -> Fe<C> {
        Fe::from_words(words).unwrap_or(Fe::ONE)
    }

    fn what_goes_in_comes_out<C: Curve>(words: [u64; 4]) {
        if let Some(element) = Fe::<C>::from_words(words) {
            assert_eq!(element.number(), words);
        } else {
            assert!(words[3] >= C::FIELD.m[3]);
        }
    }

    fn a_commutative_ring<C: Curve>(a: Fe<C>, b: Fe<C>, c: Fe<C>) {
        assert_eq!(a.add(b), b.add(a));
        assert_eq!(a.mul(b), b.mul(a));
        assert_eq!(a.mul(b).mul(c), a.mul(b.mul(c)));
        assert_eq!(a.mul(b.add(c)), a.mul(b).add(a.mul(c)));
        assert_eq!(a.sub(b).add(b), a);
        assert_eq!(a.add(a.neg()), Fe::ZERO);
        assert_eq!(a.mul(Fe::ONE), a);
        assert_eq!(a.double(), a.add(a));
        assert_eq!(a.square(), a.mul(a));
        if !a.is_zero() {
            assert_eq!(a.mul(a.invert()), Fe::ONE);
        }
    }

    /// The reduction of this prime against that for any.
    fn reductions_agree<C: Curve>(a: Fe<C>, b: Fe<C>) {
        let product = C::FIELD.montgomery_product(a.0, b.0);
        assert_eq!(a.mul(b), Fe::from_montgomery(product));
    }

    fn results_are_canonical<C: Curve>(a: Fe<C>, b: Fe<C>) {
        for result in [
            a.add(b),
            a.sub(b),
            a.mul(b),
            a.square(),
            a.neg(),
            a.double(),
        ] {
            assert!(C::FIELD.is_above(result.0));
        }
    }

    fn all<C: Curve>([a, b, c]: [[u64; 4]; 3]) {
        what_goes_in_comes_out::<C>(a);
        let (a, b, c) = (element::<C>(a), element(b), element(c));
        a_commutative_ring(a, b, c);
        reductions_agree(a, b);
        results_are_canonical(a, b);
    }

    proptest! {
        #[test]
        fn the_laws_of_both_fields(words in [words(), words(), words()]) {
            all::<Sm2>(words);
            all::<Es256>(words);
        }
    }

    fn edges<C: Curve>() {
        let mut a = Fe::<C>::ONE;
        for _ in 0..50 {
            a = a.double().square().add(Fe::ONE);
            assert_eq!(a.mul(a.invert()), Fe::ONE);
        }
        assert_eq!(Fe::<C>::ZERO.invert(), Fe::ZERO);
        assert_eq!(Fe::<C>::ONE.neg().invert(), Fe::ONE.neg());
        assert_eq!(Fe::<C>::from_words(C::FIELD.m), None);
        assert_eq!(Fe::<C>::from_bytes(&[0xff; 32]), None);
        let (minus_one, _) = sub4(C::FIELD.m, [1, 0, 0, 0]);
        assert_eq!(Fe::<C>::from_words(minus_one), Some(Fe::ONE.neg()));
    }

    #[test]
    fn inverses_and_the_end_of_the_field() {
        edges::<Sm2>();
        edges::<Es256>();
    }
}
