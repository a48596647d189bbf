//! Numbers modulo the order n of a curve's group.

use std::marker::PhantomData;

use crate::{
    curve::Curve,
    modulus::{add4, bytes, sub4, words},
};

/// A number below n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scalar<C>([u64; 4], PhantomData<C>);

/// A number below n in Montgomery's form: what others are multiplied by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Factor<C>([u64; 4], PhantomData<C>);

impl<C: Curve> Scalar<C> {
    const fn of(words: [u64; 4]) -> Self {
        Self(words, PhantomData)
    }

    /// From 32 bytes, highest first; `None` where they are n or more.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let words = words(bytes);
        C::ORDER.is_above(words).then_some(Self::of(words))
    }

    /// 32 bytes, highest first, modulo n. Any number of 256 bits is below 2n.
    pub(crate) fn reduced(bytes: &[u8; 32]) -> Self {
        Self::of(C::ORDER.reduced(words(bytes), 0))
    }

    pub(crate) fn is_zero(self) -> bool {
        self.0 == [0; 4]
    }

    pub(crate) fn words(self) -> [u64; 4] {
        self.0
    }

    pub(crate) fn to_bytes(self) -> [u8; 32] {
        bytes(self.0)
    }

    pub(crate) fn add(self, other: Self) -> Self {
        let (sum, carry) = add4(self.0, other.0);
        Self::of(C::ORDER.reduced(sum, u64::from(carry)))
    }

    pub(crate) fn sub(self, other: Self) -> Self {
        let (difference, borrow) = sub4(self.0, other.0);
        Self::of(if borrow {
            add4(difference, C::ORDER.m).0
        } else {
            difference
        })
    }

    pub(crate) fn times(self, factor: Factor<C>) -> Self {
        Self::of(C::ORDER.montgomery_product(self.0, factor.0))
    }

    /// The number plus n, where that has 256 bits: the other number with this remainder that an
    /// x-coordinate, which is below p, can be.
    pub(crate) fn plus_n(self) -> Option<[u64; 4]> {
        let (sum, carry) = add4(self.0, C::ORDER.m);
        (!carry).then_some(sum)
    }

    /// Signed digits of `width` bits, lowest first, each from -2^(width-1) + 1 to 2^(width-1), so
    /// that the number is the sum of `digit[i] * 2^(width * i)`.
    pub(crate) fn digits(self, width: u32) -> impl Iterator<Item = i32> {
        let [a, b, c, d] = self.0;
        let mut rest = [a, b, c, d, 0];
        let mask = (1_u64 << width) - 1;
        let half = 1_i64 << (width - 1);
        let mut carry = 0;
        (0..256_u32.div_ceil(width) + u32::from(256 % width == 0)).map(move |_| {
            let [low, ..] = rest;
            shift_right(&mut rest, width);
            // Both are below 2^33.
            let mut digit = i64::try_from(low & mask).unwrap_or_default() + carry;
            carry = i64::from(digit > half);
            digit -= carry << width;
            i32::try_from(digit).unwrap_or_default()
        })
    }
}

/// The inverses of numbers that are not zero, with one inversion and three products each.
pub(crate) fn invert_all<C: Curve>(
    numbers: impl DoubleEndedIterator<Item = Scalar<C>> + ExactSizeIterator + Clone,
) -> Vec<Factor<C>> {
    // Each product falls short by a factor of 2^256, and each step back makes up for one.
    let times = |a, b| C::ORDER.montgomery_product(a, b);
    let mut product = C::ORDER.one;
    let mut inverses = Vec::new();
    for number in numbers.clone() {
        inverses.push(Factor(product, PhantomData));
        product = times(product, number.0);
    }
    let mut inverse = times(C::ORDER.inverse(product), C::ORDER.r2);
    for (place, number) in inverses.iter_mut().zip(numbers).rev() {
        place.0 = times(place.0, inverse);
        inverse = times(inverse, number.0);
    }
    inverses
}

/// Moves all words `by` bits down, `by` from 1 to 63.
fn shift_right(words: &mut [u64; 5], by: u32) {
    let mut above = 0;
    for word in words.iter_mut().rev() {
        let fallen = *word << (64 - by);
        *word = (*word >> by) | above;
        above = fallen;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Es256, Sm2};

    fn n_and_more_are_refused<C: Curve>() {
        let n = bytes(C::ORDER.m);
        assert_eq!(Scalar::<C>::from_bytes(&n), None);
        assert_eq!(Scalar::<C>::from_bytes(&[0xff; 32]), None);
        assert!(Scalar::<C>::reduced(&n).is_zero());
        let mut last = n;
        last[31] -= 1;
        let number = Scalar::<C>::from_bytes(&last).unwrap();
        assert_eq!(number.to_bytes(), last);
        for width in 2..=16 {
            assert_eq!(sum_of_digits(number, width), number, "{width}");
        }
    }

    #[test]
    fn numbers_end_at_n() {
        n_and_more_are_refused::<Sm2>();
        n_and_more_are_refused::<Es256>();
    }

    /// The digits put together again, the highest first: doubled `width` times, then added.
    fn sum_of_digits<C: Curve>(scalar: Scalar<C>, width: u32) -> Scalar<C> {
        let digits: Vec<i32> = scalar.digits(width).collect();
        let mut sum = Scalar::of([0; 4]);
        for digit in digits.into_iter().rev() {
            assert!(digit.unsigned_abs() <= 1 << (width - 1));
            for _ in 0..width {
                sum = sum.add(sum);
            }
            let magnitude = Scalar::of([u64::from(digit.unsigned_abs()), 0, 0, 0]);
            sum = if digit < 0 {
                sum.sub(magnitude)
            } else {
                sum.add(magnitude)
            };
        }
        sum
    }

    fn laws_hold<C: Curve>(a: &[u8; 32], b: &[u8; 32], width: u32) {
        let (a, b) = (Scalar::<C>::reduced(a), Scalar::<C>::reduced(b));
        assert_eq!(sum_of_digits(a, width), a);
        assert_eq!(a.add(b).sub(b), a);
        assert_eq!(a.add(b), b.add(a));
        assert!(a.sub(a).is_zero());
        assert!(Scalar::<C>::from_bytes(&a.add(b).to_bytes()).is_some());
    }

    fn quotients_are_quotients<C: Curve>(numbers: &[[u8; 32]]) {
        let numbers = numbers.iter().map(Scalar::<C>::reduced);
        let numbers: Vec<_> = numbers.filter(|number| !number.is_zero()).collect();
        let one = Scalar::of([1, 0, 0, 0]);
        for (number, inverse) in numbers.iter().zip(invert_all(numbers.iter().copied())) {
            assert_eq!(number.times(inverse), one);
            assert_eq!(number.add(*number).times(inverse), one.add(one));
        }
    }

    proptest! {
        #[test]
        fn addition_and_digits(a: [u8; 32], b: [u8; 32], width in 2_u32..=16) {
            laws_hold::<Sm2>(&a, &b, width);
            laws_hold::<Es256>(&a, &b, width);
        }

        #[test]
        fn inverses_of_many(numbers in prop::collection::vec(any::<[u8; 32]>(), 0..9)) {
            quotients_are_quotients::<Sm2>(&numbers);
            quotients_are_quotients::<Es256>(&numbers);
        }
    }
}
