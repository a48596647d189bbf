//! Numbers of 256 bits, and arithmetic with them modulo a prime: what the fields ([`crate::field`]) and the
//! groups' orders ([`crate::scalar`]) of all curves have in common.
//!
//! A number is four words of 64 bits, lowest first. Montgomery's form of x is x * 2^256.

#![expect(
    clippy::indexing_slicing,
    reason = "arithmetic on arrays of fixed length with constant indices"
)]

use std::hint::select_unpredictable;

/// A prime between 2^255 and 2^256, with what arithmetic modulo it needs.
#[derive(Clone, Copy, Debug)]
pub struct Modulus {
    /// The prime m.
    pub(crate) m: [u64; 4],
    /// 2^256 modulo m: one in Montgomery's form.
    pub(crate) one: [u64; 4],
    /// 2^512 modulo m: a product with it turns a number into Montgomery's form.
    pub(crate) r2: [u64; 4],
    /// -1 / m modulo 2^64.
    minus_inverse: u64,
}

impl Modulus {
    /// By the words of the prime, highest first, as standards print them.
    pub(crate) const fn of(highest_first: [u64; 4]) -> Self {
        let m = number(highest_first);
        let one = doubled([1, 0, 0, 0], 256, m);
        Self {
            m,
            one,
            r2: doubled(one, 256, m),
            minus_inverse: inverse_of_word(m[0]).wrapping_neg(),
        }
    }

    /// Montgomery's form of a number below m, for constants.
    pub(crate) const fn montgomery_form(&self, number: [u64; 4]) -> [u64; 4] {
        doubled(number, 256, self.m)
    }

    pub(crate) fn is_above(&self, words: [u64; 4]) -> bool {
        sub4(words, self.m).1
    }

    /// a * b / 2^256 modulo m, for any m.
    pub(crate) fn montgomery_product(&self, a: [u64; 4], b: [u64; 4]) -> [u64; 4] {
        let mut t = product(a, b);
        let mut above = false;
        for i in 0..4 {
            // Adding f * m turns the lowest word that is left to zero.
            let f = t[i].wrapping_mul(self.minus_inverse);
            let mut carry = 0;
            for j in 0..4 {
                (t[i + j], carry) = f.carrying_mul_add(self.m[j], t[i + j], carry);
            }
            (t[i + 4], above) = t[i + 4].carrying_add(carry, above);
        }
        self.reduced([t[4], t[5], t[6], t[7]], u64::from(above))
    }

    /// `high * 2^256 + words`, less than 2m, brought below m.
    #[inline]
    pub(crate) fn reduced(&self, words: [u64; 4], high: u64) -> [u64; 4] {
        let (reduced, borrow) = sub4(words, self.m);
        // Words below m, and nothing above them: what came in stands. Which it is nobody can predict.
        #[expect(
            clippy::needless_bitwise_bool,
            reason = "a lazy operator would be the branch that nobody can predict"
        )]
        let stands = borrow & (high == 0);
        let mut out = reduced;
        for (word, came) in out.iter_mut().zip(words) {
            *word = select_unpredictable(stands, came, *word);
        }
        out
    }

    /// 1 / number modulo m; zero for zero. The number is below m. Its time depends on the number.
    ///
    /// The greatest common divisor of m and the number by "division steps" (Bernstein and Yang, Fast constant-time
    /// gcd computation and modular inversion, 2019), as many as are needed. f and g begin as m and the number;
    /// all along f = d * number and g = e * number modulo m. Steps look at the lowest bits only, so that 62 of them
    /// are computed with single words, and then done to the long numbers at once.
    pub(crate) fn inverse(&self, number: [u64; 4]) -> [u64; 4] {
        let modulus = Long::of(self.m);
        let (mut f, mut g) = (modulus, Long::of(number));
        let (mut d, mut e) = (Long::ZERO, Long::ONE);
        let mut delta = 1;
        // 741 steps are enough for numbers of 256 bits: twelve times 62.
        for _ in 0..12 {
            if g.is_zero() {
                break;
            }
            let steps = Steps::of_62(&mut delta, f.low(), g.low());
            (d, e) = steps.done_modulo(&d, &e, &modulus, self.minus_inverse);
            (f, g) = steps.done(&f, &g);
        }
        // f is 1 or -1, but for the number zero, of which d is zero.
        let d = if f.is_negative() { d.neg() } else { d };
        d.brought_into(&modulus)
    }
}

/// 62 steps as a matrix: f and g become (u f + v g) / 2^62 and (q f + r g) / 2^62.
struct Steps {
    u: i64,
    v: i64,
    q: i64,
    r: i64,
}

impl Steps {
    /// One step: where g is odd, and delta positive, f and g become g and (g - f) / 2; else g becomes half
    /// of itself, or of its sum with f where it is odd. `f` is odd.
    #[expect(
        clippy::many_single_char_names,
        reason = "the paper's own names of the two numbers and the matrix"
    )]
    fn of_62(delta: &mut i64, f: u64, g: u64) -> Self {
        let (mut f, mut g) = (f, g);
        let (mut u, mut v, mut q, mut r) = (1_i64, 0_i64, 0_i64, 1_i64);
        let mut left = 62_u32;
        loop {
            // As many steps at once as g has zeros. f's row is doubled instead of g's halved.
            let zeros = g.trailing_zeros().min(left);
            g >>= zeros;
            (u, v) = (u << zeros, v << zeros);
            *delta += i64::from(zeros);
            left -= zeros;
            if left == 0 {
                return Self { u, v, q, r };
            }
            if *delta > 0 {
                *delta = -*delta;
                (f, g) = (g, f.wrapping_neg());
                (u, v, q, r) = (q, r, -u, -v);
            }
            // For the next 1 - delta steps f stays, so that one multiple of it clears so many bits of g, six at
            // most: f (2 - f^2) is 1 / f modulo 64.
            let stays = u32::try_from(1 - *delta).unwrap_or(u32::MAX);
            let mask = (1 << stays.min(left).min(6)) - 1;
            let square = f.wrapping_mul(f);
            let times = f.wrapping_mul(g).wrapping_mul(square.wrapping_sub(2)) & mask;
            g = g.wrapping_add(f.wrapping_mul(times));
            let times = times.cast_signed();
            q += u * times;
            r += v * times;
        }
    }

    fn done(&self, f: &Long, g: &Long) -> (Long, Long) {
        let row = |x: i64, y: i64| {
            let mut out = Long::ZERO;
            let mut carry = wide(x, f.0[0]) + wide(y, g.0[0]);
            carry >>= 62;
            for i in 1..5 {
                carry += wide(x, f.0[i]) + wide(y, g.0[i]);
                out.0[i - 1] = low_62(carry);
                carry >>= 62;
            }
            out.0[4] = narrow(carry);
            out
        };
        (row(self.u, self.v), row(self.q, self.r))
    }

    /// The same modulo m. Numbers go in and come out between -2m and m: a multiple of m makes the sum divisible
    /// by 2^62, and those that are negative count as m more.
    fn done_modulo(&self, d: &Long, e: &Long, m: &Long, minus_inverse: u64) -> (Long, Long) {
        let row = |x: i64, y: i64| {
            let mut times = if d.is_negative() { x } else { 0 };
            times += if e.is_negative() { y } else { 0 };
            let low = wide(x, d.0[0]) + wide(y, e.0[0]) + wide(times, m.0[0]);
            times -= low_62(-wide(low_62(low), low_62(i128::from(minus_inverse))));
            let mut out = Long::ZERO;
            let mut carry = wide(x, d.0[0]) + wide(y, e.0[0]) + wide(times, m.0[0]);
            carry >>= 62;
            for i in 1..5 {
                carry += wide(x, d.0[i]) + wide(y, e.0[i]) + wide(times, m.0[i]);
                out.0[i - 1] = low_62(carry);
                carry >>= 62;
            }
            out.0[4] = narrow(carry);
            out
        };
        (row(self.u, self.v), row(self.q, self.r))
    }
}

/// A signed number in limbs of 62 bits, lowest first; the highest has the sign.
#[derive(Clone, Copy)]
struct Long([i64; 5]);

const LOW_62: u64 = (1 << 62) - 1;

impl Long {
    const ZERO: Self = Self([0; 5]);
    const ONE: Self = Self([1, 0, 0, 0, 0]);

    fn of([w0, w1, w2, w3]: [u64; 4]) -> Self {
        let limbs = [
            w0,
            w0 >> 62 | w1 << 2,
            w1 >> 60 | w2 << 4,
            w2 >> 58 | w3 << 6,
            w3 >> 56,
        ];
        Self(limbs.map(|limb| (limb & LOW_62).cast_signed()))
    }

    /// The lowest word, but for its highest two bits.
    fn low(&self) -> u64 {
        self.0[0].cast_unsigned()
    }

    fn is_zero(&self) -> bool {
        self.0 == [0; 5]
    }

    fn is_negative(&self) -> bool {
        self.0[4] < 0
    }

    fn plus(&self, other: &Self, sign: i64) -> Self {
        let mut out = Self::ZERO;
        let mut carry = 0;
        for i in 0..4 {
            carry += self.0[i] + sign * other.0[i];
            out.0[i] = carry & LOW_62.cast_signed();
            carry >>= 62;
        }
        out.0[4] = carry + self.0[4] + sign * other.0[4];
        out
    }

    fn neg(&self) -> Self {
        Self::ZERO.plus(self, -1)
    }

    /// A number between -2m and 2m as one from 0 to m - 1.
    fn brought_into(self, m: &Self) -> [u64; 4] {
        let mut number = self;
        while number.is_negative() {
            number = number.plus(m, 1);
        }
        let less = number.plus(m, -1);
        let number = if less.is_negative() { number } else { less };
        let [l0, l1, l2, l3, l4] = number.0.map(i64::cast_unsigned);
        [
            l0 | l1 << 62,
            l1 >> 2 | l2 << 60,
            l2 >> 4 | l3 << 58,
            l3 >> 6 | l4 << 56,
        ]
    }
}

#[inline]
fn wide(a: i64, b: i64) -> i128 {
    i128::from(a) * i128::from(b)
}

/// The lowest 62 bits.
#[inline]
fn low_62(number: i128) -> i64 {
    i64::try_from(number & i128::from(LOW_62)).unwrap_or_default()
}

/// A highest limb: numbers stay below 2^258 either way.
#[inline]
fn narrow(number: i128) -> i64 {
    i64::try_from(number).unwrap_or_default()
}

/// Words that standards print highest first.
pub(crate) const fn number([a, b, c, d]: [u64; 4]) -> [u64; 4] {
    [d, c, b, a]
}

/// A number below m, doubled so many times modulo m.
const fn doubled(number: [u64; 4], times: u32, m: [u64; 4]) -> [u64; 4] {
    let mut number = number;
    let mut done = 0;
    while done < times {
        let [w0, w1, w2, w3] = number;
        let twice = [
            w0 << 1,
            w1 << 1 | w0 >> 63,
            w2 << 1 | w1 >> 63,
            w3 << 1 | w2 >> 63,
        ];
        let (less, borrow) = difference(twice, m);
        number = if borrow && w3 >> 63 == 0 { twice } else { less };
        done += 1;
    }
    number
}

/// [`sub4`] for constants: the standard library's subtraction with a borrow is none for those.
const fn difference(a: [u64; 4], b: [u64; 4]) -> ([u64; 4], bool) {
    let mut words = [0; 4];
    let mut borrow = false;
    let mut i = 0;
    while i < 4 {
        let (word, below) = a[i].overflowing_sub(b[i]);
        let (word, below_again) = word.overflowing_sub(if borrow { 1 } else { 0 });
        words[i] = word;
        borrow = below || below_again;
        i += 1;
    }
    (words, borrow)
}

/// 1 / word modulo 2^64, for an odd word: each step doubles how many bits are right, three at first.
const fn inverse_of_word(word: u64) -> u64 {
    let mut inverse = word;
    let mut bits = 3;
    while bits < 64 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(word.wrapping_mul(inverse)));
        bits *= 2;
    }
    inverse
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Es256, Sm2, curve::Curve};

    const ALL: [Modulus; 4] = [Sm2::FIELD, Sm2::ORDER, Es256::FIELD, Es256::ORDER];

    /// Words with many bits set or none, and random ones.
    fn any_number() -> impl Strategy<Value = [u64; 4]> {
        let edge =
            prop::sample::select(vec![0, 1, u64::MAX, u64::MAX - 1, 1 << 32, u64::MAX << 32]);
        let word = prop_oneof![any::<u64>(), edge];
        [word.clone(), word.clone(), word.clone(), word]
    }

    fn below(m: &Modulus, words: [u64; 4]) -> [u64; 4] {
        m.reduced(words, 0)
    }

    /// The product by doubling and adding.
    fn slow_product(m: &Modulus, a: [u64; 4], b: [u64; 4]) -> [u64; 4] {
        let mut sum = [0; 4];
        for bit in (0..256).rev() {
            sum = doubled(sum, 1, m.m);
            if b[bit / 64] >> (bit % 64) & 1 == 1 {
                let (added, carry) = add4(sum, a);
                sum = m.reduced(added, u64::from(carry));
            }
        }
        sum
    }

    proptest! {
        #[test]
        fn products_are_products(a in any_number(), b in any_number()) {
            for m in &ALL {
                let (a, b) = (below(m, a), below(m, b));
                let found = m.montgomery_product(m.montgomery_form(a), b);
                prop_assert_eq!(found, slow_product(m, a, b));
                prop_assert!(m.is_above(found));
                prop_assert_eq!(m.montgomery_product(a, m.r2), m.montgomery_form(a));
            }
        }

        #[test]
        fn inverses_are_inverses(a in any_number()) {
            for m in &ALL {
                let a = below(m, a);
                let inverse = m.inverse(a);
                prop_assert!(m.is_above(inverse));
                let one = if a == [0; 4] { [0; 4] } else { [1, 0, 0, 0] };
                let product = m.montgomery_product(m.montgomery_form(a), inverse);
                prop_assert_eq!(product, one);
            }
        }
    }

    #[test]
    fn inverses_at_the_edges() {
        for m in &ALL {
            assert_eq!(m.inverse([0; 4]), [0; 4]);
            assert_eq!(m.inverse([1, 0, 0, 0]), [1, 0, 0, 0]);
            let (minus_one, _) = sub4(m.m, [1, 0, 0, 0]);
            assert_eq!(m.inverse(minus_one), minus_one);
            for power in 0..256 {
                let mut number = [0; 4];
                number[power / 64] = 1 << (power % 64);
                for number in [number, sub4(m.m, number).0] {
                    let number = below(m, number);
                    let product =
                        m.montgomery_product(m.montgomery_form(number), m.inverse(number));
                    assert_eq!(product, [1, 0, 0, 0], "2^{power}");
                }
            }
        }
    }
}
