//! Numbers modulo the order n of SM2's group (GB/T 32918.5), as far as verification needs them:
//! compared, added, and cut into signed digits. No product modulo n is ever taken.

use crate::field::{add4, bytes, sub4, words};

/// n.
pub(crate) const N: [u64; 4] = [
    0x53bb_f409_39d5_4123,
    0x7203_df6b_21c6_052b,
    0xffff_ffff_ffff_ffff,
    0xffff_fffe_ffff_ffff,
];

/// A number below n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scalar([u64; 4]);

impl Scalar {
    /// From 32 bytes, highest first; `None` where they are n or more.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let words = words(bytes);
        let (_, below) = sub4(words, N);
        below.then_some(Self(words))
    }

    /// 32 bytes, highest first, modulo n. Any number of 256 bits is below 2n.
    pub(crate) fn reduced(bytes: &[u8; 32]) -> Self {
        let words = words(bytes);
        let (less, below) = sub4(words, N);
        Self(if below { words } else { less })
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
        let (less, borrow) = sub4(sum, N);
        Self(if borrow && !carry { sum } else { less })
    }

    pub(crate) fn sub(self, other: Self) -> Self {
        let (difference, borrow) = sub4(self.0, other.0);
        if borrow {
            Self(add4(difference, N).0)
        } else {
            Self(difference)
        }
    }

    /// The number plus n, where that has 256 bits: the other number with this remainder that an
    /// x-coordinate, which is below p, can be.
    pub(crate) fn plus_n(self) -> Option<[u64; 4]> {
        let (sum, carry) = add4(self.0, N);
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

    fn any_scalar() -> impl Strategy<Value = Scalar> {
        any::<[u8; 32]>().prop_map(|bytes| Scalar::reduced(&bytes))
    }

    fn of(words: [u64; 4]) -> Scalar {
        Scalar(words)
    }

    #[test]
    fn n_and_more_are_refused() {
        let n = of(N).to_bytes();
        assert_eq!(Scalar::from_bytes(&n), None);
        assert_eq!(Scalar::from_bytes(&[0xff; 32]), None);
        assert!(Scalar::reduced(&n).is_zero());
        let mut last = n;
        last[31] -= 1;
        assert_eq!(Scalar::from_bytes(&last).unwrap().to_bytes(), last);
    }

    /// The digits put together again, the highest first: doubled `width` times, then added.
    fn sum_of_digits(scalar: Scalar, width: u32) -> Scalar {
        let digits: Vec<i32> = scalar.digits(width).collect();
        let mut sum = of([0; 4]);
        for digit in digits.into_iter().rev() {
            assert!(digit.unsigned_abs() <= 1 << (width - 1));
            for _ in 0..width {
                sum = sum.add(sum);
            }
            let magnitude = of([u64::from(digit.unsigned_abs()), 0, 0, 0]);
            sum = if digit < 0 {
                sum.sub(magnitude)
            } else {
                sum.add(magnitude)
            };
        }
        sum
    }

    proptest! {
        #[test]
        fn digits_are_the_number(scalar in any_scalar(), width in 2_u32..=16) {
            prop_assert_eq!(sum_of_digits(scalar, width), scalar);
        }

        #[test]
        fn addition_and_subtraction_undo_each_other(a in any_scalar(), b in any_scalar()) {
            prop_assert_eq!(a.add(b).sub(b), a);
            prop_assert_eq!(a.add(b), b.add(a));
            prop_assert!(a.sub(a).is_zero());
            prop_assert!(Scalar::from_bytes(&a.add(b).to_bytes()).is_some());
        }
    }

    #[test]
    fn digits_of_the_largest_number() {
        let mut last = of(N);
        last = last.sub(of([1, 0, 0, 0]));
        for width in 2..=16 {
            assert_eq!(sum_of_digits(last, width), last, "{width}");
        }
    }
}
