//! Many signatures at once.
//!
//! Adding two points by their two coordinates takes a division, 2 products and a square. Divided one by one
//! that is far too slow; but divisions by many numbers can share one inversion at 3 products each,
//! so that an addition costs 5 products and a square instead of 8 and 3.
//!
//! The looked-up points of every signature are summed as a tree: all pairs of all signatures first,
//! then the pairs of the sums, so that a batch needs six inversions and not forty-four. Where the two
//! points of a pair have the same x (they are equal, or opposite), that signature is set aside and checked by
//! the complete formulas; the others do not notice.

use crate::{
    curve::{Affine, invert_all},
    field::Fe,
    key::{Expected, KnownKey, Rejected},
    signature::Signature,
    table::{Term, Width, sum},
};

/// Signatures that share their inversions: their points fit a near cache together.
const CHUNK: usize = 128;
/// Below this many a batch costs more than one at a time.
const FEW: usize = 4;
/// Products that run beside each other: one chain alone would wait for each result.
const CHAINS: usize = 4;

/// One signature of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// The key.
    pub key: &'a KnownKey,
    /// The digest e = SM3(Z || message): [`KnownKey::digest`].
    pub digest: [u8; 32],
    /// The signature.
    pub signature: Signature,
}

/// Verifies every signature, of one key or of several; the answers are in the order of the items, and
/// each is what [`KnownKey::verify_digest`] says of that item alone.
#[must_use]
pub fn verify_batch(items: &[Item<'_>]) -> Vec<Result<(), Rejected>> {
    let mut answers = Vec::with_capacity(items.len());
    let mut sums = Sums::default();
    for chunk in items.chunks(CHUNK) {
        if chunk.len() < FEW {
            answers.extend(chunk.iter().map(alone));
        } else {
            sums.verify(chunk, &mut answers);
        }
    }
    answers
}

fn alone(item: &Item<'_>) -> Result<(), Rejected> {
    item.key.verify_digest(&item.digest, &item.signature)
}

/// The points of a chunk, signature after signature, and what their additions need.
#[derive(Debug, Default)]
struct Sums {
    points: Vec<Affine>,
    runs: Vec<Run>,
    pairs: Vec<Pair>,
}

/// The points of one signature.
#[derive(Clone, Copy, Debug)]
struct Run {
    start: usize,
    count: usize,
    /// Whether two points with the same x met.
    met: bool,
}

/// Two points to be added, the difference of their x, and the product of the differences before
/// this one in its chain.
#[derive(Clone, Copy, Debug)]
struct Pair {
    left: usize,
    right: usize,
    difference: Fe,
    before: Fe,
}

impl Sums {
    fn verify(&mut self, items: &[Item<'_>], answers: &mut Vec<Result<(), Rejected>>) {
        self.look_up(items);
        let longest = self.runs.iter().map(|run| run.count).max().unwrap_or(0);
        let mut stride = 1;
        while stride < longest {
            let inverses = self.pair_up(stride);
            self.add_pairs(inverses);
            stride *= 2;
        }
        let judged = items.iter().zip(&self.runs);
        answers.extend(judged.map(|(item, run)| self.judge(item, run)));
    }

    /// Copies the points of all signatures out of the tables. Those of the next signature are named to the
    /// processor before those of this one are copied.
    fn look_up(&mut self, items: &[Item<'_>]) {
        self.points.clear();
        self.runs.clear();
        let mut these = Vec::with_capacity(2 * Width::MOST_ADDITIONS);
        let mut next = Vec::with_capacity(2 * Width::MOST_ADDITIONS);
        let mut coming = items.iter();
        prefetch_terms(&mut next, coming.next());
        for _ in items {
            std::mem::swap(&mut these, &mut next);
            prefetch_terms(&mut next, coming.next());
            self.runs.push(Run {
                start: self.points.len(),
                count: these.len(),
                met: false,
            });
            self.points.extend(these.iter().map(Term::point));
        }
    }

    /// Finds the pairs of a round, points `stride` apart, and gives the inverse of each chain's product.
    fn pair_up(&mut self, stride: usize) -> [Fe; CHAINS] {
        self.pairs.clear();
        let mut products = [Fe::ONE; CHAINS];
        let mut chains = (0..CHAINS).cycle();
        for run in &mut self.runs {
            let lefts = (run.start..run.start + run.count).step_by(2 * stride);
            let points = lefts.map(|left| (left, left + stride));
            for (left, right) in points.take_while(|(_, right)| *right < run.start + run.count) {
                let (Some(one), Some(two)) = (self.points.get(left), self.points.get(right)) else {
                    continue;
                };
                let mut difference = two.x.sub(one.x);
                if difference.is_zero() {
                    run.met = true;
                    difference = Fe::ONE;
                }
                let Some(product) = chains.next().and_then(|chain| products.get_mut(chain)) else {
                    continue;
                };
                self.pairs.push(Pair {
                    left,
                    right,
                    difference,
                    before: *product,
                });
                *product = product.mul(difference);
            }
        }
        invert_all(&mut products);
        products
    }

    /// Adds the pairs, the last first, each sum in the place of its left point.
    fn add_pairs(&mut self, mut inverses: [Fe; CHAINS]) {
        for (i, pair) in self.pairs.iter().enumerate().rev() {
            let (Some(one), Some(two), Some(inverse)) = (
                self.points.get(pair.left),
                self.points.get(pair.right),
                inverses.get_mut(i % CHAINS),
            ) else {
                continue;
            };
            let added = sum(*one, *two, inverse.mul(pair.before));
            *inverse = inverse.mul(pair.difference);
            if let Some(place) = self.points.get_mut(pair.left) {
                *place = added;
            }
        }
    }

    fn judge(&self, item: &Item<'_>, run: &Run) -> Result<(), Rejected> {
        if run.met {
            return alone(item);
        }
        let expected = Expected::of(&item.digest, &item.signature);
        match self.points.get(run.start) {
            Some(point) if run.count > 0 && expected.coordinates().any(|x| x == point.x) => Ok(()),
            _ => Err(Rejected),
        }
    }
}

/// The terms of an item's sum; none where r + s is n, which no signature has.
fn prefetch_terms<'a>(terms: &mut Vec<Term<'a>>, item: Option<&Item<'a>>) {
    terms.clear();
    let Some(item) = item else { return };
    let t = item.signature.r.add(item.signature.s);
    if !t.is_zero() {
        let (of_generator, of_key) = item.key.tables();
        let found = of_generator.terms(item.signature.s).chain(of_key.terms(t));
        terms.extend(found.inspect(Term::prefetch));
    }
}
