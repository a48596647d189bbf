//! The field of SM2's curve: integers modulo
//! p = 2^256 - 2^224 - 2^96 + 2^64 - 1 (GB/T 32918.5).
//!
//! An element x is kept as x * 2^256 mod p (Montgomery's form), four words of 64 bits, lowest
//! first, always below p. Since p is -1 modulo 2^64, the factor of each step of the reduction is the
//! lowest word itself, and p has so few bits that the step needs shifts and additions only.
//!
//! Time depends on the values here and there, if only because compilers turn masks into branches: this is for
//! public data. [`crate::hidden`] is the same for secrets.

#![expect(
    clippy::indexing_slicing,
    reason = "arithmetic on arrays of fixed length with constant indices"
)]

/// p.
pub(crate) const P: [u64; 4] = [
    0xffff_ffff_ffff_ffff,
    0xffff_ffff_0000_0000,
    0xffff_ffff_ffff_ffff,
    0xffff_fffe_ffff_ffff,
];

/// 2^512 mod p: a product with it turns a number into Montgomery's form.
const R2: Fe = Fe([
    0x0000_0002_0000_0003,
    0x0000_0002_ffff_ffff,
    0x0000_0001_0000_0001,
    0x0000_0004_0000_0002,
]);

/// An element of the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Fe([u64; 4]);

impl Fe {
    pub(crate) const ZERO: Self = Self([0; 4]);

    /// One: 2^256 mod p = 2^224 + 2^96 - 2^64 + 1.
    pub(crate) const ONE: Self = Self([1, 0x0000_0000_ffff_ffff, 0, 0x0000_0001_0000_0000]);

    /// From a number below p, words lowest first; `None` from p on.
    pub(crate) fn from_words(words: [u64; 4]) -> Option<Self> {
        is_below_p(words).then(|| Self(words).mul(R2))
    }

    /// From 32 bytes, highest first; `None` where they are p or more.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        Self::from_words(words(bytes))
    }

    /// From the words of Montgomery's form, which must be below p.
    pub(crate) const fn from_montgomery(words: [u64; 4]) -> Self {
        Self(words)
    }

    /// 32 bytes, highest first.
    pub(crate) fn to_bytes(self) -> [u8; 32] {
        let [a, b, c, d] = self.0;
        let Self(words) = reduce([a, b, c, d, 0, 0, 0, 0]);
        bytes(words)
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
        Self(below_p(sum, u64::from(carry)))
    }

    #[inline]
    pub(crate) fn double(self) -> Self {
        self.add(self)
    }

    #[inline]
    pub(crate) fn sub(self, other: Self) -> Self {
        let (difference, borrow) = sub4(self.0, other.0);
        let mask = 0_u64.wrapping_sub(u64::from(borrow));
        let (sum, _) = add4(difference, P.map(|word| word & mask));
        Self(sum)
    }

    #[inline]
    pub(crate) fn neg(self) -> Self {
        Self::ZERO.sub(self)
    }

    #[inline]
    pub(crate) fn mul(self, other: Self) -> Self {
        reduce(product(self.0, other.0))
    }

    #[inline]
    pub(crate) fn square(self) -> Self {
        reduce(square(self.0))
    }
}

/// What an inverse is made of.
pub(crate) trait Powers: Copy {
    fn product(self, other: Self) -> Self;
    fn squared(self) -> Self;

    /// The inverse by Fermat: the power p - 2, whose bits from the top are
    /// 31 ones, a zero, 128 ones, 32 zeros, 62 ones, a zero, and a one. Zero gives zero.
    fn invert(self) -> Self {
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
        let power = (0..times).fold(self, |power, _| power.squared());
        power.product(factor)
    }
}

impl Powers for Fe {
    fn product(self, other: Self) -> Self {
        self.mul(other)
    }

    fn squared(self) -> Self {
        self.square()
    }
}

/// The words of a number of 32 bytes, highest first.
pub(crate) fn words(bytes: &[u8; 32]) -> [u64; 4] {
    let (chunks, _) = bytes.as_chunks::<8>();
    let mut words = [0; 4];
    for (word, chunk) in words.iter_mut().rev().zip(chunks) {
        *word = u64::from_be_bytes(*chunk);
    }
    words
}

/// A number as 32 bytes, highest first.
pub(crate) fn bytes(words: [u64; 4]) -> [u8; 32] {
    let mut bytes = [0; 32];
    let (chunks, _) = bytes.as_chunks_mut::<8>();
    for (chunk, word) in chunks.iter_mut().rev().zip(words) {
        *chunk = word.to_be_bytes();
    }
    bytes
}

/// Whether a number is that of an element.
pub(crate) fn is_below_p(words: [u64; 4]) -> bool {
    sub4(words, P).1
}

/// a + b and the carry.
#[inline]
pub(crate) fn add4(a: [u64; 4], b: [u64; 4]) -> ([u64; 4], bool) {
    let (w0, c) = a[0].carrying_add(b[0], false);
    let (w1, c) = a[1].carrying_add(b[1], c);
    let (w2, c) = a[2].carrying_add(b[2], c);
    let (w3, c) = a[3].carrying_add(b[3], c);
    ([w0, w1, w2, w3], c)
}

/// a - b and the borrow.
#[inline]
pub(crate) fn sub4(a: [u64; 4], b: [u64; 4]) -> ([u64; 4], bool) {
    let (w0, c) = a[0].borrowing_sub(b[0], false);
    let (w1, c) = a[1].borrowing_sub(b[1], c);
    let (w2, c) = a[2].borrowing_sub(b[2], c);
    let (w3, c) = a[3].borrowing_sub(b[3], c);
    ([w0, w1, w2, w3], c)
}

/// `high * 2^256 + words`, less than 2p, brought below p.
#[inline]
pub(crate) fn below_p(words: [u64; 4], high: u64) -> [u64; 4] {
    let (reduced, borrow) = sub4(words, P);
    // Words below p, and nothing above them: what came in stands.
    let keep = 0_u64.wrapping_sub(u64::from(borrow) & (high ^ 1));
    let mut out = [0; 4];
    for i in 0..4 {
        out[i] = (words[i] & keep) | (reduced[i] & !keep);
    }
    out
}

/// a * b, eight words.
#[inline]
pub(crate) fn product(a: [u64; 4], b: [u64; 4]) -> [u64; 8] {
    let mut t = [0_u64; 8];
    for i in 0..4 {
        let mut carry = 0;
        for j in 0..4 {
            (t[i + j], carry) = a[i].carrying_mul_add(b[j], t[i + j], carry);
        }
        t[i + 4] = carry;
    }
    t
}

/// a * a, eight words: each mixed product once, doubled, and the squares.
#[inline]
pub(crate) fn square(a: [u64; 4]) -> [u64; 8] {
    let (t1, c) = a[0].carrying_mul(a[1], 0);
    let (t2, c) = a[0].carrying_mul(a[2], c);
    let (t3, t4) = a[0].carrying_mul(a[3], c);
    let (t3, c) = a[1].carrying_mul_add(a[2], t3, 0);
    let (t4, t5) = a[1].carrying_mul_add(a[3], t4, c);
    let (t5, t6) = a[2].carrying_mul_add(a[3], t5, 0);

    let t7 = t6 >> 63;
    let t6 = (t6 << 1) | (t5 >> 63);
    let t5 = (t5 << 1) | (t4 >> 63);
    let t4 = (t4 << 1) | (t3 >> 63);
    let t3 = (t3 << 1) | (t2 >> 63);
    let t2 = (t2 << 1) | (t1 >> 63);
    let t1 = t1 << 1;

    let (s0, h0) = a[0].carrying_mul(a[0], 0);
    let (s1, h1) = a[1].carrying_mul(a[1], 0);
    let (s2, h2) = a[2].carrying_mul(a[2], 0);
    let (s3, h3) = a[3].carrying_mul(a[3], 0);
    let (t1, c) = t1.carrying_add(h0, false);
    let (t2, c) = t2.carrying_add(s1, c);
    let (t3, c) = t3.carrying_add(h1, c);
    let (t4, c) = t4.carrying_add(s2, c);
    let (t5, c) = t5.carrying_add(h2, c);
    let (t6, c) = t6.carrying_add(s3, c);
    let (t7, _) = t7.carrying_add(h3, c);
    [s0, t1, t2, t3, t4, t5, t6, t7]
}

/// t / 2^256 mod p, for t below p * 2^256.
#[inline]
fn reduce(t: [u64; 8]) -> Fe {
    let (sum, high) = halved(t);
    Fe(below_p(sum, high))
}

/// t / 2^256 modulo p, for t below p * 2^256: below 2p, as four words and what is above them.
#[expect(
    clippy::inline_always,
    reason = "called, it would take its eight words by memory: an eighth of a product"
)]
#[inline(always)]
pub(crate) fn halved(t: [u64; 8]) -> ([u64; 4], u64) {
    // The lower half turns to zero word by word: adding m * p, where m is the lowest word, leaves
    // m * (2^192 - 2^160 - 2^32 + 1) one word higher.
    let mut low = [t[0], t[1], t[2], t[3]];
    for _ in 0..4 {
        let m = low[0];
        let (left, right) = (m << 32, m >> 32);
        // m * (2^192 - 2^160 - 2^32 + 1), a number of four words that is never negative.
        let (d0, b) = m.borrowing_sub(left, false);
        let (d1, b) = 0_u64.borrowing_sub(right, b);
        let (d2, b) = 0_u64.borrowing_sub(left, b);
        let (d3, _) = m.borrowing_sub(right, b);
        let (w0, c) = low[1].carrying_add(d0, false);
        let (w1, c) = low[2].carrying_add(d1, c);
        let (w2, c) = low[3].carrying_add(d2, c);
        // Without a carry out: the whole stays below 2^256, see the test of the bound.
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

    /// The number itself, words lowest first.
    fn number(element: Fe) -> [u64; 4] {
        let [a, b, c, d] = element.0;
        reduce([a, b, c, d, 0, 0, 0, 0]).0
    }

    fn element() -> impl Strategy<Value = Fe> {
        let edge =
            prop::sample::select(vec![0, 1, u64::MAX, u64::MAX - 1, 1 << 32, u64::MAX << 32]);
        let word = prop_oneof![any::<u64>(), edge];
        [word.clone(), word.clone(), word.clone(), word]
            .prop_map(|words| Fe::from_words(words).unwrap_or(Fe::ONE))
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(words in any::<[u64; 4]>()) {
            if let Some(element) = Fe::from_words(words) {
                prop_assert_eq!(number(element), words);
            } else {
                prop_assert!(words[3] >= P[3]);
            }
        }

        #[test]
        fn a_commutative_ring(a in element(), b in element(), c in element()) {
            prop_assert_eq!(a.add(b), b.add(a));
            prop_assert_eq!(a.mul(b), b.mul(a));
            prop_assert_eq!(a.mul(b).mul(c), a.mul(b.mul(c)));
            prop_assert_eq!(a.mul(b.add(c)), a.mul(b).add(a.mul(c)));
            prop_assert_eq!(a.sub(b).add(b), a);
            prop_assert_eq!(a.add(a.neg()), Fe::ZERO);
            prop_assert_eq!(a.mul(Fe::ONE), a);
            prop_assert_eq!(a.double(), a.add(a));
        }

        #[test]
        fn a_square_is_a_product(a in element()) {
            prop_assert_eq!(a.square(), a.mul(a));
        }

        #[test]
        fn results_are_canonical(a in element(), b in element()) {
            for result in [a.add(b), a.sub(b), a.mul(b), a.square(), a.neg(), a.double()] {
                prop_assert!(sub4(result.0, P).1);
            }
        }
    }

    #[test]
    fn inverses() {
        let mut a = Fe::ONE;
        for _ in 0..50 {
            a = a.double().square().add(Fe::ONE);
            assert_eq!(a.mul(a.invert()), Fe::ONE);
        }
        assert_eq!(Fe::ZERO.invert(), Fe::ZERO);
        assert_eq!(Fe::ONE.neg().invert(), Fe::ONE.neg());
    }

    #[test]
    fn p_and_more_are_refused() {
        assert_eq!(Fe::from_words(P), None);
        assert_eq!(Fe::from_bytes(&[0xff; 32]), None);
        let minus_one = Fe::from_words(sub4(P, [1, 0, 0, 0]).0).unwrap();
        assert_eq!(minus_one, Fe::ONE.neg());
    }
}
