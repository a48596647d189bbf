//! Batches by AVX-512: as [`crate::batch`], with eight signatures in the lanes of a vector.
//!
//! Lane l of slot k holds the k-th looked-up point of the l-th signature of a group. A digit of zero has no
//! point: its lane is marked absent, and an addition passes the other point on. Where the x of
//! two points coincide, the product of all differences is zero; the chunk is then left to the scalar batch,
//! which sets just that signature aside.

use std::arch::x86_64::{
    __m512i, __mmask8, _mm512_load_si512, _mm512_shuffle_i64x2, _mm512_storeu_si512,
    _mm512_unpackhi_epi64, _mm512_unpacklo_epi64,
};

use crate::{
    batch::{Ready, prefetch_terms},
    curve::{Algorithm, Curve},
    field::Fe,
    field8::Fe8,
    key::{Expected, Rejected},
    point::{Affine, invert_all},
    table::Term,
};

/// Signatures whose points fit a near cache together and share their inversions.
pub(crate) const CHUNK: usize = 256;
/// Below this many the scalar batch is as fast.
pub(crate) const FEW: usize = 8;
const LANES: usize = 8;
/// Products that run beside each other.
const CHAINS: usize = 2;

/// Whether this processor can.
pub(crate) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma")
}

/// The points of eight signatures, one each; absent lanes hold no point.
#[derive(Clone, Copy, Debug)]
struct Points<C> {
    x: Fe8<C>,
    y: Fe8<C>,
    present: __mmask8,
}

/// An addition of a round: the difference of the two x, and the product of those before it in its chain.
#[derive(Clone, Copy, Debug)]
struct Pair<C> {
    left: usize,
    right: usize,
    both: __mmask8,
    difference: Fe8<C>,
    before: Fe8<C>,
}

/// Room that is used again for each chunk.
#[derive(Debug)]
pub(crate) struct Sums8<C> {
    points: Vec<Points<C>>,
    pairs: Vec<Pair<C>>,
}

impl<C> Default for Sums8<C> {
    fn default() -> Self {
        Self {
            points: Vec::new(),
            pairs: Vec::new(),
        }
    }
}

impl<C: Algorithm> Sums8<C> {
    /// Verifies a chunk; `false` where it has to be left to the scalar batch, with no answers given.
    pub(crate) fn verify(
        &mut self,
        items: &[Ready<'_, C>],
        answers: &mut Vec<Result<(), Rejected>>,
    ) -> bool {
        if !is_available() {
            return false;
        }
        #[expect(
            unsafe_code,
            reason = "a function that needs AVX-512 is called where it is there"
        )]
        // SAFETY: the line above returns unless the processor has both features.
        unsafe {
            self.verify_here(items, answers)
        }
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    fn verify_here(
        &mut self,
        items: &[Ready<'_, C>],
        answers: &mut Vec<Result<(), Rejected>>,
    ) -> bool {
        let slots = self.look_up(items);
        let mut stride = 1;
        while stride < slots {
            let Some(inverses) = self.pair_up(slots, stride) else {
                return false;
            };
            self.add_pairs(inverses);
            stride *= 2;
        }
        for (group, sums) in items.chunks(LANES).zip(self.points.chunks(slots.max(1))) {
            if let Some(sum) = sums.first() {
                judge(group, sum, answers);
            }
        }
        true
    }

    /// Copies the points of all signatures out of the tables; answers how many slots each group has.
    #[target_feature(enable = "avx512f")]
    fn look_up(&mut self, items: &[Ready<'_, C>]) -> usize {
        self.points.clear();
        let most = items.iter().map(Ready::additions).max();
        let slots = most.unwrap_or(0);
        let mut these = lanes_of_terms();
        let mut next = lanes_of_terms();
        let mut coming = items.chunks(LANES);
        prefetch_group(&mut next, coming.next());
        for _ in items.chunks(LANES) {
            std::mem::swap(&mut these, &mut next);
            prefetch_group(&mut next, coming.next());
            for slot in 0..slots {
                self.points.push(gather(&these, slot));
            }
        }
        slots
    }

    /// Finds the pairs of a round, slots `stride` apart, and the inverse of each chain's product; `None` where
    /// some difference is zero.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn pair_up(&mut self, slots: usize, stride: usize) -> Option<[Fe8<C>; CHAINS]> {
        self.pairs.clear();
        let mut products = [Fe8::<C>::one(); CHAINS];
        for start in (0..self.points.len()).step_by(slots.max(1)) {
            let mut left = start;
            while left + stride < start + slots {
                let (one, two) = (self.points.get(left)?, self.points.get(left + stride)?);
                let both = one.present & two.present;
                let difference = two.x.sub(one.x).replaced_where(!both, Fe8::one());
                let product = products.get_mut(self.pairs.len() % CHAINS)?;
                self.pairs.push(Pair {
                    left,
                    right: left + stride,
                    both,
                    difference,
                    before: *product,
                });
                *product = product.mul(difference);
                left += 2 * stride;
            }
        }
        inverted(&products)
    }

    /// Adds the pairs, the last first, each sum in the place of its left point.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn add_pairs(&mut self, mut inverses: [Fe8<C>; CHAINS]) {
        for (i, pair) in self.pairs.iter().enumerate().rev() {
            let (Some(one), Some(two), Some(inverse)) = (
                self.points.get(pair.left),
                self.points.get(pair.right),
                inverses.get_mut(i % CHAINS),
            ) else {
                continue;
            };
            let slope = two.y.sub(one.y).mul(inverse.mul(pair.before));
            *inverse = inverse.mul(pair.difference);
            let x = slope.square().sub_both(one.x, two.x);
            let y = slope.mul(one.x.sub(x)).sub(one.y);
            // Where one is absent the other stands.
            let only_two = !one.present & two.present;
            let only_one = one.present & !two.present;
            let sum = Points {
                x: x.replaced_where(only_one, one.x)
                    .replaced_where(only_two, two.x),
                y: y.replaced_where(only_one, one.y)
                    .replaced_where(only_two, two.y),
                present: pair.both | only_one | only_two,
            };
            if let Some(place) = self.points.get_mut(pair.left) {
                *place = sum;
            }
        }
    }
}

/// The terms of the signatures of a group, a list each.
type Terms<'a, C> = [Vec<Term<'a, C>>; LANES];

fn lanes_of_terms<'a, C>() -> Terms<'a, C> {
    std::array::from_fn(|_| Vec::new())
}

fn prefetch_group<'a, C: Algorithm>(lanes: &mut Terms<'a, C>, group: Option<&[Ready<'a, C>]>) {
    let mut items = group.unwrap_or_default().iter();
    for lane in lanes {
        prefetch_terms(lane, items.next());
    }
}

/// The points of one slot in the lanes of vectors.
#[target_feature(enable = "avx512f")]
fn gather<C: Curve>(lanes: &Terms<'_, C>, slot: usize) -> Points<C> {
    let absent = const { &Affine::GENERATOR };
    let mut rows = [absent; LANES];
    let mut present: __mmask8 = 0;
    let mut negative: __mmask8 = 0;
    for (i, (row, lane)) in rows.iter_mut().zip(lanes).enumerate() {
        if let Some(term) = lane.get(slot) {
            *row = term.entry();
            present |= 1 << i;
            negative |= u8::from(term.is_negative()) << i;
        }
    }
    let [x0, x1, x2, x3, y0, y1, y2, y3] = transposed(&rows.map(|row| load(row)));
    let y = Fe8::from_words([y0, y1, y2, y3]).negated_where(negative);
    Points {
        x: Fe8::from_words([x0, x1, x2, x3]).carried(),
        y: y.carried(),
        present,
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load<C>(entry: &Affine<C>) -> __m512i {
    #[expect(unsafe_code, reason = "a load by address has no safe form")]
    // SAFETY: an entry is 64 bytes, aligned to 64, and any bytes are a vector.
    unsafe {
        _mm512_load_si512(std::ptr::from_ref(entry).cast())
    }
}

/// Eight rows of eight words become eight columns.
#[inline]
#[target_feature(enable = "avx512f")]
fn transposed(rows: &[__m512i; 8]) -> [__m512i; 8] {
    let [r0, r1, r2, r3, r4, r5, r6, r7] = *rows;
    let even = quarters([
        _mm512_unpacklo_epi64(r0, r1),
        _mm512_unpacklo_epi64(r2, r3),
        _mm512_unpacklo_epi64(r4, r5),
        _mm512_unpacklo_epi64(r6, r7),
    ]);
    let odd = quarters([
        _mm512_unpackhi_epi64(r0, r1),
        _mm512_unpackhi_epi64(r2, r3),
        _mm512_unpackhi_epi64(r4, r5),
        _mm512_unpackhi_epi64(r6, r7),
    ]);
    let ([w0, w2, w4, w6], [w1, w3, w5, w7]) = (even, odd);
    [w0, w1, w2, w3, w4, w5, w6, w7]
}

/// Four vectors of four quarters: the first quarters of all, the second, and so on.
#[inline]
#[target_feature(enable = "avx512f")]
fn quarters(rows: [__m512i; 4]) -> [__m512i; 4] {
    let [a, b, c, d] = rows;
    let low_ab = _mm512_shuffle_i64x2::<0x44>(a, b);
    let low_cd = _mm512_shuffle_i64x2::<0x44>(c, d);
    let high_ab = _mm512_shuffle_i64x2::<0xee>(a, b);
    let high_cd = _mm512_shuffle_i64x2::<0xee>(c, d);
    [
        _mm512_shuffle_i64x2::<0x88>(low_ab, low_cd),
        _mm512_shuffle_i64x2::<0xdd>(low_ab, low_cd),
        _mm512_shuffle_i64x2::<0x88>(high_ab, high_cd),
        _mm512_shuffle_i64x2::<0xdd>(high_ab, high_cd),
    ]
}

/// The inverse of every lane of every chain, by one inversion; `None` where one of them is zero.
#[target_feature(enable = "avx512f,avx512ifma")]
fn inverted<C: Curve>(products: &[Fe8<C>; CHAINS]) -> Option<[Fe8<C>; CHAINS]> {
    let mut elements = [Fe::ZERO; CHAINS * LANES];
    for (lanes, product) in elements.chunks_mut(LANES).zip(products) {
        lanes.copy_from_slice(&to_elements(product));
    }
    if elements.iter().any(|element| element.is_zero()) {
        return None;
    }
    invert_all(&mut elements);
    let mut inverses = *products;
    for (inverse, lanes) in inverses.iter_mut().zip(elements.as_chunks().0) {
        *inverse = from_elements(lanes);
    }
    Some(inverses)
}

/// Eight elements in the form of the scalar field.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(crate) fn to_elements<C: Curve>(elements: &Fe8<C>) -> [Fe<C>; LANES] {
    let form = elements.mul(Fe8::plain_2_256());
    numbers(&form).map(|(words, high)| Fe::from_montgomery(C::FIELD.reduced(words, high)))
}

/// Eight elements from the form of the scalar field.
#[target_feature(enable = "avx512f")]
pub(crate) fn from_elements<C: Curve>(elements: &[Fe<C>; LANES]) -> Fe8<C> {
    let words = std::array::from_fn(|word| {
        let at = |element: &Fe<C>| element.montgomery_words().get(word).copied();
        from_lanes(&elements.each_ref().map(|it| at(it).unwrap_or_default()))
    });
    Fe8::from_words(words).carried()
}

/// The eight numbers of carried limbs: four words each, and what is above them.
#[target_feature(enable = "avx512f")]
fn numbers<C>(elements: &Fe8<C>) -> [([u64; 4], u64); LANES] {
    let limbs = elements.0.map(|limb| to_lanes(limb));
    std::array::from_fn(|lane| {
        let limb = |i: usize| -> u64 {
            limbs
                .get(i)
                .and_then(|it| it.get(lane))
                .copied()
                .unwrap_or_default()
        };
        let words = [
            limb(0) | limb(1) << 52,
            limb(1) >> 12 | limb(2) << 40,
            limb(2) >> 24 | limb(3) << 28,
            limb(3) >> 36 | limb(4) << 16,
        ];
        (words, limb(4) >> 48)
    })
}

#[inline]
#[target_feature(enable = "avx512f")]
fn to_lanes(vector: __m512i) -> [u64; LANES] {
    let mut lanes = [0; LANES];
    #[expect(unsafe_code, reason = "a store by address has no safe form")]
    // SAFETY: the array has the 64 bytes that are written.
    unsafe {
        _mm512_storeu_si512(lanes.as_mut_ptr().cast(), vector);
    }
    lanes
}

#[inline]
#[target_feature(enable = "avx512f")]
fn from_lanes(lanes: &[u64; LANES]) -> __m512i {
    #[expect(unsafe_code, reason = "a load by address has no safe form")]
    // SAFETY: the array has the 64 bytes that are read.
    unsafe {
        std::arch::x86_64::_mm512_loadu_si512(lanes.as_ptr().cast())
    }
}

/// Compares the x of each sum with what its signature says.
#[target_feature(enable = "avx512f,avx512ifma")]
fn judge<C: Algorithm>(
    group: &[Ready<'_, C>],
    sum: &Points<C>,
    answers: &mut Vec<Result<(), Rejected>>,
) {
    // Out of Montgomery's form: at most p, and p stands for zero.
    let found = numbers(&sum.x.mul(Fe8::plain_one()));
    for (lane, (Ready { item, .. }, (words, high))) in group.iter().zip(found).enumerate() {
        let x = C::FIELD.reduced(words, high);
        let expected = Expected::of(&item.case());
        let is_it = expected.numbers().any(|number| number == x);
        let holds = sum.present >> lane & 1 == 1 && is_it;
        answers.push(if holds { Ok(()) } else { Err(Rejected) });
    }
}
