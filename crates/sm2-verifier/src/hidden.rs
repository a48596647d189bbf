//! Elements of the field that are secrets or depend on one.
//!
//! Compilers see that a mask made of a borrow is all ones or none, and may branch on it: they do, in
//! [`crate::field`]. Here every choice is the processor's conditional move, which the crate `cmov` writes in
//! assembly.

use cmov::Cmov as _;

use crate::{
    curve::Curve as _,
    field::{Fe, halved},
    modulus::{add4, product, square, sub4},
    sm2::Sm2,
};

/// An element of SM2's field, in Montgomery's form and below p as in [`crate::field`].
#[derive(Clone, Copy)]
pub(crate) struct Hidden([u64; 4]);

impl Hidden {
    /// An element by the words of Montgomery's form.
    pub(crate) fn from_montgomery(words: [u64; 4]) -> Self {
        Self(words)
    }

    /// No secret any more.
    pub(crate) fn reveal(self) -> Fe<Sm2> {
        Fe::from_montgomery(self.0)
    }

    #[inline]
    pub(crate) fn mul(self, other: Self) -> Self {
        Self::below_p(halved::<Sm2>(product(self.0, other.0)))
    }

    #[inline]
    pub(crate) fn square(self) -> Self {
        Self::below_p(halved::<Sm2>(square(self.0)))
    }

    #[inline]
    pub(crate) fn sub(self, other: Self) -> Self {
        let (difference, borrow) = sub4(self.0, other.0);
        let (sum, _) = add4(difference, Sm2::FIELD.m);
        Self(chosen(u8::from(borrow), sum, difference))
    }

    /// -a for 1, a for 0.
    #[inline]
    pub(crate) fn negated_if(self, bit: u8) -> Self {
        let negated = Self([0; 4]).sub(self);
        Self(chosen(bit, negated.0, self.0))
    }

    /// The inverse by Fermat: the power p - 2, whose bits from the top are
    /// 31 ones, a zero, 128 ones, 32 zeros, 62 ones, a zero, and a one. Zero gives zero.
    pub(crate) fn invert(self) -> Self {
        // Named by how many ones the exponent has.
        let two = self.then(1, self);
        let four = two.then(2, two);
        let eight = four.then(4, four);
        let sixteen = eight.then(8, eight);
        let thirty = sixteen.then(8, eight).then(4, four).then(2, two);
        let thirty_one = thirty.then(1, self);
        let sixty_two = thirty_one.then(1, self).then(30, thirty);
        let sixty_four = sixty_two.then(2, two);
        let all = sixty_four.then(64, sixty_four);
        thirty_one
            .then(1 + 128, all)
            .then(32 + 62, sixty_two)
            .then(2, self)
    }

    /// Squared `times` times, then multiplied: appends that many bits to an exponent.
    fn then(self, times: usize, factor: Self) -> Self {
        let power = (0..times).fold(self, |power, _| power.square());
        power.mul(factor)
    }

    /// `high * 2^256 + words`, less than 2p, brought below p.
    #[inline]
    fn below_p((words, high): ([u64; 4], u64)) -> Self {
        let (reduced, borrow) = sub4(words, Sm2::FIELD.m);
        // Words below p, and nothing above them: what came in stands.
        let keep = u8::from(borrow) & u8::from(high == 0);
        Self(chosen(keep, words, reduced))
    }
}

/// All bits for 1, none for 0, and the compiler does not know which.
#[inline]
pub(crate) fn mask(bit: u8) -> u64 {
    let mut mask = 0;
    mask.cmovnz(&u64::MAX, bit);
    mask
}

/// The first for 1, the second for 0.
#[inline]
pub(crate) fn chosen(bit: u8, first: [u64; 4], mut second: [u64; 4]) -> [u64; 4] {
    for (word, first) in second.iter_mut().zip(first) {
        word.cmovnz(&first, bit);
    }
    second
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn hidden_elements_are_elements(a in any::<[u64; 4]>(), b in any::<[u64; 4]>()) {
            let element = |words| Fe::from_words(words).unwrap_or_else(|| Fe::ONE.neg());
            let (a, b) = (element(a), element(b));
            let hidden = |it: Fe<Sm2>| Hidden::from_montgomery(*it.montgomery_words());
            let (of_a, of_b) = (hidden(a), hidden(b));
            prop_assert_eq!(of_a.mul(of_b).reveal(), a.mul(b));
            prop_assert_eq!(of_a.square().reveal(), a.square());
            prop_assert_eq!(of_a.sub(of_b).reveal(), a.sub(b));
            prop_assert_eq!(of_a.sub(of_a).reveal(), Fe::ZERO);
            prop_assert_eq!(of_a.negated_if(1).reveal(), a.neg());
            prop_assert_eq!(of_a.negated_if(0).reveal(), a);
            prop_assert_eq!(of_a.invert().reveal(), a.invert());
        }
    }
}
