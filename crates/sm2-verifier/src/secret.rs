//! The one thing here that may be done with a secret: the x-coordinate of a multiple of the generator,
//! which is the costly part of a signature.
//!
//! Time and memory accesses do not depend on the number. It is written with digits of six bits that are odd and
//! never zero, so that every number takes the same 43 additions; each reads all 32 entries of its window and keeps
//! one by masks; and no addition meets an exception, so that none has to be asked for.

use std::sync::LazyLock;

use zeroize::Zeroizing;

use crate::{
    curve::Curve as _,
    field::Fe,
    hidden::{Hidden, chosen, mask},
    modulus::{sub4, words},
    point::{Affine, Jacobian, to_affine},
    sm2::Sm2,
};

const BITS: usize = 6;
const WINDOWS: usize = 43;
const ENTRIES: usize = 1 << (BITS - 1);
/// The bits of a digit, and those that choose an entry.
const DIGIT: u64 = 0b11_1111;
const ENTRY: u64 = 0b1_1111;

/// Window i holds the odd multiples 1 to 63 of 2^(6 i) times the generator: 88 kB in all.
type Windows = Vec<[Affine<Sm2>; ENTRIES]>;

static ODD_MULTIPLES: LazyLock<Windows> = LazyLock::new(odd_multiples);

/// The x-coordinate of k times the generator, 32 bytes each, highest first. The same time for every k.
///
/// `None` where k is zero, or the group's order or more, and for two more numbers of all 2^256.
#[must_use]
pub fn generator_multiple_x(k: &[u8; 32]) -> Option<[u8; 32]> {
    let k = Zeroizing::new(words(k));
    let (_, below) = sub4(*k, Sm2::ORDER.m);
    if !below {
        return None;
    }
    let digits = Zeroizing::new(half_of_odd(&k));
    let mut windows = ODD_MULTIPLES.iter().enumerate();
    let (_, first) = windows.next()?;
    let mut sum = Sum::of(signed_entry(first, digit(&digits, 0)));
    // Before the i-th addition the sum is an odd multiple of less than 2^(6 i) either way, what is added one of
    // 2^(6 i) or more: neither the same nor opposite, as integers. Modulo n the same holds but for one
    // odd k, at the last addition.
    for (i, window) in windows {
        sum = sum.plus(signed_entry(window, digit(&digits, i)));
    }
    let inverse = sum.z.invert();
    // Zero for no k but those that have no answer.
    let has_answer = !inverse.reveal().is_zero();
    has_answer.then(|| sum.x.mul(inverse.square()).reveal().to_bytes())
}

/// A sum as (X / Z^2, Y / Z^3).
struct Sum {
    x: Hidden,
    y: Hidden,
    z: Hidden,
}

impl Sum {
    fn of([x, y]: [Hidden; 2]) -> Self {
        let z = Hidden::from_montgomery(*Fe::<Sm2>::ONE.montgomery_words());
        Self { x, y, z }
    }

    /// The sum with a point (x, y) that is neither the same nor the opposite one; those would give Z = 0.
    fn plus(&self, [other_x, other_y]: [Hidden; 2]) -> Self {
        let zz = self.z.square();
        let h = other_x.mul(zz).sub(self.x);
        let r = other_y.mul(zz.mul(self.z)).sub(self.y);
        let hh = h.square();
        let hhh = hh.mul(h);
        let v = self.x.mul(hh);
        let x = r.square().sub(hhh).sub(v).sub(v);
        Self {
            x,
            y: r.mul(v.sub(x)).sub(self.y.mul(hhh)),
            z: self.z.mul(h),
        }
    }
}

fn odd_multiples() -> Windows {
    let mut base = Jacobian::from(Affine::GENERATOR);
    let mut pairs = Vec::with_capacity(2 * WINDOWS);
    for _ in 0..WINDOWS {
        pairs.extend([base, base.double()]);
        for _ in 0..BITS {
            base = base.double();
        }
    }
    let mut multiples = Vec::with_capacity(WINDOWS * ENTRIES);
    for [base, twice] in to_affine(&pairs).as_chunks().0 {
        let next = |multiple: &Jacobian<Sm2>| Some(multiple.add(twice));
        let odd = std::iter::successors(Some(Jacobian::from(*base)), next);
        multiples.extend(odd.take(ENTRIES));
    }
    to_affine(&multiples).as_chunks().0.to_vec()
}

/// The odd one of k and n - k, which have the same x, halved, with a bit of weight 2^257 on top: as bits c, it is
/// the sum of (2 c - 1) 2^i over all 258 places.
fn half_of_odd(k: &[u64; 4]) -> [u64; 5] {
    let [low, ..] = *k;
    let even = bit(low ^ 1);
    let (negated, _) = sub4(Sm2::ORDER.m, *k);
    let odd = Zeroizing::new(chosen(even, negated, *k));
    let [w0, w1, w2, w3] = *odd;
    [
        w0 >> 1 | w1 << 63,
        w1 >> 1 | w2 << 63,
        w2 >> 1 | w3 << 63,
        w3 >> 1,
        1 << 1,
    ]
}

/// Six bits of the number from place 6 i on.
fn digit(number: &[u64; 5], i: usize) -> u64 {
    let (word, from) = (BITS * i / 64, BITS * i % 64);
    let at = |word: usize| number.get(word).copied().unwrap_or_default();
    // A shift by 64 where no bits of the next word are wanted leaves none.
    let above = at(word + 1).checked_shl(64 - u32::try_from(from).unwrap_or_default());
    (at(word) >> from | above.unwrap_or_default()) & DIGIT
}

/// The entry for six bits v, which stand for the odd digit 2 v - 63.
fn signed_entry(window: &[Affine<Sm2>; ENTRIES], v: u64) -> [Hidden; 2] {
    let negative = bit(v >> (BITS - 1) ^ 1);
    let wanted = (v ^ mask(negative)) & ENTRY;
    let mut x = [0; 4];
    let mut y = [0; 4];
    for (i, entry) in (0..).zip(window) {
        let it = mask(is_zero(i ^ wanted));
        for (word, of_entry) in x.iter_mut().zip(entry.x.montgomery_words()) {
            *word |= of_entry & it;
        }
        for (word, of_entry) in y.iter_mut().zip(entry.y.montgomery_words()) {
            *word |= of_entry & it;
        }
    }
    let y = Hidden::from_montgomery(y).negated_if(negative);
    [Hidden::from_montgomery(x), y]
}

/// 1 for 0, 0 for all else.
fn is_zero(number: u64) -> u8 {
    bit((number | number.wrapping_neg()) >> 63 ^ 1)
}

/// The lowest bit.
fn bit(number: u64) -> u8 {
    let [low, ..] = number.to_le_bytes();
    low & 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        modulus::bytes,
        scalar::Scalar,
        table::{Table, Width},
    };

    /// By the tables of verification.
    fn expected(k: &[u8; 32]) -> [u8; 32] {
        static TABLE: LazyLock<Table<Sm2>> =
            LazyLock::new(|| Table::new(Affine::GENERATOR, Width::BITS_8));
        let terms = TABLE.terms(Scalar::from_bytes(k).unwrap());
        let sum = terms.fold(Jacobian::INFINITY, |sum, term| sum.add(&term.point()));
        let [point] = to_affine(&[sum])[..] else {
            panic!("one point gives one");
        };
        point.x.to_bytes()
    }

    fn small(number: u64) -> Scalar<Sm2> {
        let mut bytes = [0; 32];
        bytes[24..].copy_from_slice(&number.to_be_bytes());
        Scalar::reduced(&bytes)
    }

    proptest! {
        #[test]
        fn multiples_are_those_of_the_tables(k in any::<[u8; 32]>()) {
            let k = Scalar::<Sm2>::reduced(&k);
            prop_assume!(!k.is_zero());
            let k = k.to_bytes();
            prop_assert_eq!(generator_multiple_x(&k), Some(expected(&k)));
        }
    }

    #[test]
    fn numbers_at_the_edges() {
        let zero = small(0);
        for number in [
            1, 2, 3, 31, 32, 33, 62, 63, 64, 65, 127, 128, 4_095, 4_096, 4_097,
        ] {
            let number = small(number);
            for k in [number, zero.sub(number)] {
                let k = k.to_bytes();
                assert_eq!(generator_multiple_x(&k), Some(expected(&k)), "{k:02x?}");
            }
        }
        for power in 0..256 {
            let mut k = [0; 32];
            k[31 - power / 8] = 1 << (power % 8);
            assert_eq!(generator_multiple_x(&k), Some(expected(&k)), "2^{power}");
        }
    }

    /// k and x1 of GM/T 0003.5-2012, annex A.2.
    #[test]
    fn the_published_multiple() {
        const K: &str = "59276e27d506861a16680f3ad9c02dccef3cc1fa3cdbe4ce6d54b80deac1bc21";
        const X1: &str = "04ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73";
        let k: [u8; 32] = hex::decode(K).unwrap().try_into().unwrap();
        assert_eq!(generator_multiple_x(&k).map(hex::encode).unwrap(), X1);
    }

    #[test]
    fn what_has_no_answer_gets_none() {
        assert_eq!(generator_multiple_x(&[0; 32]), None);
        assert_eq!(generator_multiple_x(&[0xff; 32]), None);
        let n = bytes(Sm2::ORDER.m);
        assert_eq!(generator_multiple_x(&n), None);
        // 15 * 2^253 - n meets itself at the last addition, and n minus that.
        let (k, _) = sub4([0, 0, 0, 15 << 61], Sm2::ORDER.m);
        let k = Scalar::<Sm2>::from_bytes(&bytes(k)).unwrap();
        for k in [k, small(0).sub(k)] {
            assert_eq!(generator_multiple_x(&k.to_bytes()), None);
            let beside = k.add(small(1)).to_bytes();
            assert_eq!(generator_multiple_x(&beside), Some(expected(&beside)));
        }
    }
}
