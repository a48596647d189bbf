//! Multiples of one point, so that a product with any number is a sum of looked-up points.
//!
//! A number is cut into signed digits of `width` bits. For window i the table holds
//! j * 2^(width * i) * P for j from 1 to 2^(width-1), and a digit's sign is the sign of y. A product
//! is then one addition a window and no doubling at all: 22 additions at 12 bits, 17 at 16.

use crate::{
    curve::Curve,
    field::Fe,
    point::{Affine, Jacobian, invert_all, to_affine},
    scalar::Scalar,
};

/// How many bits a digit has: more bits are fewer additions and a larger table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Width(u32);

impl Width {
    /// 8 bits: 33 additions a product, 0.26 MB a point; for keys that are met a few times.
    pub const BITS_8: Self = Self(8);
    /// 12 bits: 22 additions a product, 2.8 MB a point.
    pub const BITS_12: Self = Self(12);
    /// 16 bits: 17 additions a product, 34 MB a point; pays where the tables stay in a large cache.
    pub const BITS_16: Self = Self(16);

    /// Additions at 4 bits.
    pub(crate) const MOST_ADDITIONS: usize = 65;

    /// A width from 4 to 16 bits.
    #[must_use]
    pub fn new(bits: u32) -> Option<Self> {
        (4..=16).contains(&bits).then_some(Self(bits))
    }

    /// Bits of a digit.
    #[must_use]
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Additions that a product takes at most.
    #[must_use]
    pub fn additions(self) -> usize {
        let windows = 256_u32.div_ceil(self.0) + u32::from(256_u32.is_multiple_of(self.0));
        usize::try_from(windows).unwrap_or_default()
    }

    /// Bytes of the table of one point.
    #[must_use]
    pub fn bytes(self) -> usize {
        self.entries() * ENTRY
    }

    /// Entries of each window but the highest.
    fn half(self) -> usize {
        1 << (self.0 - 1)
    }

    /// Entries of the highest window: its digit covers the few bits that are left, and a carry.
    fn top(self) -> usize {
        let below = usize::try_from(self.0).unwrap_or_default() * (self.additions() - 1);
        1 << (256 - below)
    }

    fn entries(self) -> usize {
        self.half() * (self.additions() - 1) + self.top()
    }
}

/// Bytes of an entry: two coordinates.
const ENTRY: usize = 64;

/// The table of one point.
#[derive(Debug)]
pub(crate) struct Table<C> {
    width: Width,
    entries: Vec<Affine<C>>,
}

impl<C: Curve> Table<C> {
    /// Builds the table: every window at once, doubling the number of known multiples in each step,
    /// so that one inversion serves thousands of additions. Needs about a megabyte beside the table.
    pub(crate) fn new(point: Affine<C>, width: Width) -> Self {
        let mut entries = vec![point; width.entries()];
        let mut windows: Vec<&mut [Affine<C>]> = entries.chunks_mut(width.half()).collect();
        for (window, base) in windows.iter_mut().zip(bases(point, width)) {
            if let Some(first) = window.first_mut() {
                *first = base;
            }
        }
        let mut known = 1;
        while known < width.half() {
            for group in windows.chunks_mut((SCRATCH / known).max(1)) {
                double_known(group, known);
            }
            known *= 2;
        }
        Self { width, entries }
    }

    pub(crate) fn width(&self) -> Width {
        self.width
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.entries.as_slice())
    }

    /// The looked-up points whose sum is `scalar` times the point.
    #[inline]
    pub(crate) fn terms(&self, scalar: Scalar<C>) -> impl Iterator<Item = Term<'_, C>> {
        let half = self.width.half();
        let digits = scalar.digits(self.width.bits()).enumerate();
        digits.filter_map(move |(window, digit)| {
            let magnitude = usize::try_from(digit.unsigned_abs()).ok()?;
            let entry = self
                .entries
                .get(window * half + magnitude.checked_sub(1)?)?;
            Some(Term {
                entry,
                negative: digit < 0,
            })
        })
    }
}

/// An entry with its sign.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Term<'a, C> {
    entry: &'a Affine<C>,
    negative: bool,
}

impl<'a, C: Curve> Term<'a, C> {
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn entry(&self) -> &'a Affine<C> {
        self.entry
    }

    #[cfg(target_arch = "x86_64")]
    pub(crate) fn is_negative(&self) -> bool {
        self.negative
    }

    #[inline]
    pub(crate) fn point(&self) -> Affine<C> {
        if self.negative {
            self.entry.neg()
        } else {
            *self.entry
        }
    }

    /// Tells the processor that the entry will be read soon: tables are larger than its near caches.
    #[inline]
    pub(crate) fn prefetch(&self) {
        #[cfg(target_arch = "x86_64")]
        #[expect(
            unsafe_code,
            reason = "a hint to the processor has no safe form in the standard library"
        )]
        // SAFETY: a prefetch reads nothing and cannot fault, and the pointer is of a live entry.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(self.entry).cast());
        }
    }
}

/// A scalar times a point of which nothing is known beforehand: doubled five times for each signed digit of
/// five bits. Several times as slow as looking it up.
pub(crate) fn multiply<C: Curve>(point: &Affine<C>, scalar: Scalar<C>) -> Jacobian<C> {
    const BITS: u32 = 5;
    let next = |multiple: &Jacobian<C>| Some(multiple.add(point));
    let multiples = std::iter::successors(Some(Jacobian::from(*point)), next);
    let multiples: Vec<Jacobian<C>> = multiples.take(1 << (BITS - 1)).collect();
    let multiples = to_affine(&multiples);
    let digits: Vec<i32> = scalar.digits(BITS).collect();
    let mut sum = Jacobian::INFINITY;
    for digit in digits.into_iter().rev() {
        for _ in 0..BITS {
            sum = sum.double();
        }
        let magnitude = usize::try_from(digit.unsigned_abs()).unwrap_or_default();
        if let Some(entry) = magnitude.checked_sub(1).and_then(|at| multiples.get(at)) {
            let negative = digit < 0;
            sum = sum.add(&Term { entry, negative }.point());
        }
    }
    sum
}

/// The point times 2^(width * i), for each window i.
fn bases<C: Curve>(point: Affine<C>, width: Width) -> Vec<Affine<C>> {
    let mut base = Jacobian::from(point);
    let mut bases = Vec::with_capacity(width.additions());
    for _ in 0..width.additions() {
        bases.push(base);
        for _ in 0..width.bits() {
            base = base.double();
        }
    }
    to_affine(&bases)
}

/// Divisions that share an inversion while a table is built.
const SCRATCH: usize = 8_192;

/// From the multiples 1 to m to those up to 2m, in every window that has as many. The last of them is a
/// doubling; all others add two points that differ, since the multiples of a point of large prime
/// order do.
fn double_known<C: Curve>(windows: &mut [&mut [Affine<C>]], known: usize) {
    let mut denominators = Vec::with_capacity(windows.len() * known);
    for window in windows.iter().filter(|window| window.len() > known) {
        if let Some((last, others)) = window.get(..known).and_then(<[_]>::split_last) {
            denominators.extend(others.iter().map(|other| last.x.sub(other.x)));
            denominators.push(last.y.double());
        }
    }
    invert_all(&mut denominators);
    let mut inverses = denominators.into_iter();
    for window in windows.iter_mut().filter(|window| window.len() > known) {
        let (old, new) = window.split_at_mut(known);
        let Some((last, others)) = old.split_last() else {
            continue;
        };
        let sums = others.iter().map(Some).chain([None]);
        for ((place, other), inverse) in new.iter_mut().zip(sums).zip(inverses.by_ref()) {
            *place = match other {
                Some(other) => sum(*other, *last, inverse),
                None => doubled(*last, inverse),
            };
        }
    }
}

/// The sum of two points, given 1 / (x2 - x1).
#[inline]
pub(crate) fn sum<C: Curve>(one: Affine<C>, two: Affine<C>, inverse: Fe<C>) -> Affine<C> {
    with_slope(one, two.x, two.y.sub(one.y).mul(inverse))
}

/// Twice a point, given 1 / 2y.
fn doubled<C: Curve>(point: Affine<C>, inverse: Fe<C>) -> Affine<C> {
    let square = point.x.square().sub(Fe::ONE);
    let slope = square.double().add(square).mul(inverse);
    with_slope(point, point.x, slope)
}

#[inline]
fn with_slope<C: Curve>(one: Affine<C>, other_x: Fe<C>, slope: Fe<C>) -> Affine<C> {
    let x = slope.square().sub(one.x).sub(other_x);
    let y = slope.mul(one.x.sub(x)).sub(one.y);
    Affine { x, y }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Es256, Sm2};

    fn scalar<C: Curve>(small: u64) -> Scalar<C> {
        let mut bytes = [0; 32];
        bytes[24..].copy_from_slice(&small.to_be_bytes());
        Scalar::reduced(&bytes)
    }

    fn product<C: Curve>(table: &Table<C>, scalar: Scalar<C>) -> Jacobian<C> {
        let terms = table.terms(scalar);
        terms.fold(Jacobian::INFINITY, |sum, term| sum.add(&term.point()))
    }

    fn double_and_add<C: Curve>(point: Affine<C>, scalar: Scalar<C>) -> Jacobian<C> {
        let mut sum = Jacobian::INFINITY;
        for byte in scalar.to_bytes() {
            for bit in (0..8).rev() {
                sum = sum.double();
                if byte >> bit & 1 == 1 {
                    sum = sum.add(&point);
                }
            }
        }
        sum
    }

    fn products_by_table_are_products_of<C: Curve>() {
        let g = Affine::<C>::GENERATOR;
        for bits in [4, 5, 8, 11] {
            let width = Width::new(bits).unwrap();
            let table = Table::new(g, width);
            assert_eq!(table.bytes(), width.bytes());
            let largest = Scalar::reduced(&[0; 32]).sub(scalar(1));
            for scalar in [
                scalar(1),
                scalar(2),
                scalar(2047),
                largest,
                largest.sub(scalar(77)),
            ] {
                let expected = double_and_add(g, scalar);
                let found = product(&table, scalar);
                assert_eq!(to_affine(&[found]), to_affine(&[expected]));
                let computed = multiply(&g, scalar);
                assert_eq!(to_affine(&[computed]), to_affine(&[expected]));
            }
            assert!(product(&table, scalar(0)).is_infinity());
            assert!(multiply(&g, scalar(0)).is_infinity());
        }
    }

    #[test]
    fn products_by_table_are_products() {
        products_by_table_are_products_of::<Sm2>();
        products_by_table_are_products_of::<Es256>();
    }

    #[test]
    fn widths_outside_the_bounds_are_none() {
        assert_eq!(Width::new(3), None);
        assert_eq!(Width::new(17), None);
        assert_eq!(size_of::<Affine<Sm2>>(), ENTRY);
        assert_eq!(Width::BITS_12.additions(), 22);
        assert_eq!(Width::BITS_16.additions(), 17);
    }
}
