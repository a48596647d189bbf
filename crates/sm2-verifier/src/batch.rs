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

use std::{cell::Cell, collections::HashMap, sync::Arc};

#[cfg(target_arch = "x86_64")]
use crate::batch8::Sums8;
use crate::{
    curve::{Algorithm, Case, Multiples},
    field::Fe,
    generator,
    key::{Expected, KnownKey, Rejected},
    point::{Affine, invert_all},
    signature::Signature,
    sm2::Sm2,
    table::{Table, Term, Width, sum},
};

/// Signatures that share their inversions: their points fit a near cache together.
const CHUNK: usize = 128;
/// Below this many a batch costs more than one at a time.
const FEW: usize = 4;
/// Products that run beside each other: one chain alone would wait for each result.
const CHAINS: usize = 4;

/// One for each item, in their order.
pub type Answers = Vec<Result<(), Rejected>>;

/// One signature of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a, A: Algorithm = Sm2> {
    /// The key.
    pub key: &'a KnownKey<A>,
    /// The digest of the message: [`KnownKey::digest`].
    pub digest: [u8; 32],
    /// The signature.
    pub signature: Signature<A>,
}

impl<A: Algorithm> Item<'_, A> {
    pub(crate) fn case(&self) -> Case<'_, A> {
        Case {
            digest: &self.digest,
            signature: &self.signature,
        }
    }
}

/// Verifies every signature, of one key or of several; the answers are in the order of the items, and
/// each is what [`KnownKey::verify_digest`] says of that item alone. Takes the fastest way that the
/// processor has.
#[must_use]
pub fn verify_batch<A: Algorithm>(items: &[Item<'_, A>]) -> Vec<Result<(), Rejected>> {
    A::verify_batch(items)
}

/// [`verify_batch`] without vector instructions.
#[must_use]
pub fn verify_batch_scalar<A: Algorithm>(items: &[Item<'_, A>]) -> Vec<Result<(), Rejected>> {
    A::verify_batch_scalar(items)
}

pub(crate) fn verify_here<A: Algorithm>(items: &[Item<'_, A>]) -> Answers {
    #[cfg(target_arch = "x86_64")]
    if crate::batch8::is_available() {
        return with_tables(items, verify_avx512);
    }
    verify_scalar_here(items)
}

pub(crate) fn verify_scalar_here<A: Algorithm>(items: &[Item<'_, A>]) -> Answers {
    with_tables(items, verify_scalar)
}

/// Whether [`verify_batch`] uses AVX-512 IFMA here.
#[must_use]
pub fn has_avx512() -> bool {
    #[cfg(target_arch = "x86_64")]
    let has = crate::batch8::is_available();
    #[cfg(not(target_arch = "x86_64"))]
    let has = false;
    has
}

/// An item with the tables that its points are looked up in, and how often to take them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready<'a, A: Algorithm> {
    pub(crate) item: &'a Item<'a, A>,
    of_generator: &'a Table<A>,
    of_key: &'a Table<A>,
    multiples: Option<Multiples<A>>,
}

impl<'a, A: Algorithm> Ready<'a, A> {
    /// How many points are looked up at most.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn additions(&self) -> usize {
        self.of_generator.width().additions() + self.of_key.width().additions()
    }

    /// The terms of the item's sum; none where nothing has the signature.
    fn terms(&self) -> impl Iterator<Item = Term<'a, A>> {
        let both = self.multiples.map(|multiples| {
            let of_generator = self.of_generator.terms(multiples.of_generator);
            of_generator.chain(self.of_key.terms(multiples.of_key))
        });
        both.into_iter().flatten()
    }
}

/// Asks every key for its table once, and leaves to themselves the items whose keys have none.
fn with_tables<A: Algorithm>(
    items: &[Item<'_, A>],
    verify: fn(&[Ready<'_, A>], &mut Answers),
) -> Answers {
    let (tables, places) = tables_of(items);
    let of_generator = generator::table();
    let table_of = |place: usize| tables.get(place)?.as_deref();
    let mut ready: Vec<Ready<'_, A>> = items
        .iter()
        .zip(&places)
        .filter_map(|(item, place)| {
            Some(Ready {
                item,
                of_generator: &of_generator,
                of_key: table_of(*place)?,
                multiples: None,
            })
        })
        .collect();
    let cases: Vec<_> = ready.iter().map(|ready| ready.item.case()).collect();
    for (ready, multiples) in ready.iter_mut().zip(A::multiples_of_all(&cases)) {
        ready.multiples = multiples;
    }
    let mut answers = Vec::with_capacity(items.len());
    verify(&ready, &mut answers);
    if ready.len() == items.len() {
        return answers;
    }
    let mut answers = answers.into_iter();
    let in_order = items.iter().zip(places).map(|(item, place)| {
        let judged = table_of(place).and_then(|_| answers.next());
        judged.unwrap_or_else(|| alone(item))
    });
    in_order.collect()
}

/// One for each key that has one.
type Tables<A> = Vec<Option<Arc<Table<A>>>>;

/// The table of each key, if it has one, and for each item the place of its key's.
fn tables_of<A: Algorithm>(items: &[Item<'_, A>]) -> (Tables<A>, Vec<usize>) {
    let mut place_of: HashMap<*const KnownKey<A>, usize> = HashMap::new();
    let mut keys: Vec<(&KnownKey<A>, u64)> = Vec::new();
    let mut places = Vec::with_capacity(items.len());
    for Item { key, .. } in items {
        let place = *place_of.entry(std::ptr::from_ref(*key)).or_insert_with(|| {
            keys.push((key, 0));
            keys.len() - 1
        });
        if let Some((_, times)) = keys.get_mut(place) {
            *times += 1;
        }
        places.push(place);
    }
    let tables = keys.iter().map(|(key, times)| key.table(*times));
    (tables.collect(), places)
}

/// Room for the points of a chunk, which each thread keeps from one batch to the next: an allocator may give a
/// megabyte back to the system each time, and asking for it again costs as much as a verification.
#[derive(Debug)]
pub struct Room<C> {
    sums: Sums<C>,
    #[cfg(target_arch = "x86_64")]
    sums8: Sums8<C>,
}

impl<C> Default for Room<C> {
    fn default() -> Self {
        Self {
            sums: Sums::default(),
            #[cfg(target_arch = "x86_64")]
            sums8: Sums8::default(),
        }
    }
}

fn in_room<A: Algorithm>(work: impl FnOnce(&mut Room<A>)) {
    let mut room = A::room().try_with(Cell::take).unwrap_or_default();
    work(&mut room);
    // A thread that is about to end has no place for it any more.
    A::room().try_with(|place| place.set(room)).ok();
}

fn verify_scalar<A: Algorithm>(items: &[Ready<'_, A>], answers: &mut Answers) {
    in_room::<A>(|room| {
        for chunk in items.chunks(CHUNK) {
            room.sums.verify_some(chunk, answers);
        }
    });
}

#[cfg(target_arch = "x86_64")]
fn verify_avx512<A: Algorithm>(items: &[Ready<'_, A>], answers: &mut Answers) {
    use crate::batch8::{CHUNK, FEW};

    in_room::<A>(|room| {
        for chunk in items.chunks(CHUNK) {
            if chunk.len() < FEW || !room.sums8.verify(chunk, answers) {
                room.sums.verify_some(chunk, answers);
            }
        }
    });
}

fn alone<A: Algorithm>(item: &Item<'_, A>) -> Result<(), Rejected> {
    item.key.verify_digest(&item.digest, &item.signature)
}

/// The points of a chunk, signature after signature, and what their additions need.
#[derive(Debug)]
struct Sums<C> {
    points: Vec<Affine<C>>,
    runs: Vec<Run>,
    pairs: Vec<Pair<C>>,
}

impl<C> Default for Sums<C> {
    fn default() -> Self {
        Self {
            points: Vec::new(),
            runs: Vec::new(),
            pairs: Vec::new(),
        }
    }
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
struct Pair<C> {
    left: usize,
    right: usize,
    difference: Fe<C>,
    before: Fe<C>,
}

impl<C: Algorithm> Sums<C> {
    fn verify_some(&mut self, items: &[Ready<'_, C>], answers: &mut Answers) {
        if items.len() < FEW {
            answers.extend(items.iter().map(|ready| alone(ready.item)));
        } else {
            self.verify(items, answers);
        }
    }

    fn verify(&mut self, items: &[Ready<'_, C>], answers: &mut Answers) {
        self.look_up(items);
        let longest = self.runs.iter().map(|run| run.count).max().unwrap_or(0);
        let mut stride = 1;
        while stride < longest {
            let inverses = self.pair_up(stride);
            self.add_pairs(inverses);
            stride *= 2;
        }
        let judged = items.iter().zip(&self.runs);
        answers.extend(judged.map(|(ready, run)| self.judge(ready.item, run)));
    }

    /// Copies the points of all signatures out of the tables. Those of the next signature are named to the
    /// processor before those of this one are copied.
    fn look_up(&mut self, items: &[Ready<'_, C>]) {
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
    fn pair_up(&mut self, stride: usize) -> [Fe<C>; CHAINS] {
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
    fn add_pairs(&mut self, mut inverses: [Fe<C>; CHAINS]) {
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

    fn judge(&self, item: &Item<'_, C>, run: &Run) -> Result<(), Rejected> {
        if run.met {
            return alone(item);
        }
        let expected = Expected::of(&item.case());
        match self.points.get(run.start) {
            Some(point) if run.count > 0 && expected.coordinates().any(|x| x == point.x) => Ok(()),
            _ => Err(Rejected),
        }
    }
}

/// The terms of an item's sum, each named to the processor.
pub(crate) fn prefetch_terms<'a, A: Algorithm>(
    terms: &mut Vec<Term<'a, A>>,
    item: Option<&Ready<'a, A>>,
) {
    terms.clear();
    if let Some(item) = item {
        terms.extend(item.terms().inspect(Term::prefetch));
    }
}

#[cfg(test)]
mod tests {
    use sm2::dsa::{SigningKey, signature::Signer as _};

    use super::*;
    use crate::{
        DEFAULT_USER_ID,
        point::{Jacobian, to_affine},
        scalar::Scalar,
    };

    fn small(number: u8) -> Scalar<Sm2> {
        let mut bytes = [0; 32];
        bytes[31] = number;
        Scalar::reduced(&bytes)
    }

    fn key(secret: Scalar<Sm2>) -> (SigningKey, KnownKey) {
        let signing = SigningKey::from_slice("1234567812345678", &secret.to_bytes()).unwrap();
        let point = signing.verifying_key().to_sec1_bytes();
        let key = KnownKey::new(&point, DEFAULT_USER_ID, Width::BITS_8).unwrap();
        (signing, key)
    }

    fn signed<'a>(signing: &SigningKey, key: &'a KnownKey, message: &[u8]) -> Item<'a> {
        let signature: sm2::dsa::Signature = signing.sign(message);
        Item {
            key,
            digest: key.digest(message),
            signature: Signature::from_raw(&signature.to_bytes()).unwrap(),
        }
    }

    /// A signature that looks up s G and t P, over the digest that makes it hold if the sum is
    /// `sum` times G.
    fn crafted(key: &KnownKey, s: Scalar<Sm2>, t: Scalar<Sm2>, sum: u8) -> Item<'_> {
        let mut point = Jacobian::<Sm2>::INFINITY;
        for _ in 0..sum {
            point = point.add(&Affine::GENERATOR);
        }
        let r = t.sub(s);
        let x = to_affine(&[point])[0].x.to_bytes();
        Item {
            key,
            digest: r.sub(Scalar::reduced(&x)).to_bytes(),
            signature: Signature { r, s },
        }
    }

    fn both_ways(items: &[Item<'_>]) -> Vec<bool> {
        let alone: Vec<bool> = items.iter().map(|item| alone(item).is_ok()).collect();
        for answers in [verify_batch(items), verify_batch_scalar(items)] {
            let answers: Vec<bool> = answers.iter().map(Result::is_ok).collect();
            assert_eq!(answers, alone);
        }
        alone
    }

    #[test]
    fn points_that_coincide_are_added_all_the_same() {
        let (signing, known) = key(small(77));
        let (_, double) = key(small(2));
        let (_, minus_double) = key(Scalar::reduced(&[0; 32]).sub(small(2)));
        let mut items: Vec<Item<'_>> = (0..40_u8).map(|i| signed(&signing, &known, &[i])).collect();
        // 10 G and 5 * 2 G are one point.
        items.insert(17, crafted(&double, small(10), small(5), 20));
        // 10 G and 5 * -2 G cancel: infinity has no x.
        items.insert(3, crafted(&minus_double, small(10), small(5), 20));
        let answers = both_ways(&items);
        for (i, answer) in answers.into_iter().enumerate() {
            assert_eq!(answer, i != 3, "{i}");
        }
    }

    #[test]
    fn a_batch_names_those_that_fail() {
        let pairs: Vec<_> = (1..=64).map(|secret| key(small(secret))).collect();
        let mut items: Vec<Item<'_>> = (0..300_usize)
            .map(|i| {
                let (signing, key) = &pairs[i % pairs.len()];
                signed(signing, key, &i.to_be_bytes())
            })
            .collect();
        let wrong = [0, 7, 8, 127, 128, 255, 256, 299];
        for i in wrong {
            items[i].digest[0] ^= 1;
        }
        let answers = both_ways(&items);
        for (i, answer) in answers.into_iter().enumerate() {
            assert_eq!(answer, !wrong.contains(&i), "{i}");
        }
        for count in 0..=40 {
            assert_eq!(both_ways(&items[1..][..count]).len(), count);
        }
    }

    #[test]
    fn r_plus_s_of_n_is_refused() {
        let (_, known) = key(small(77));
        let s = small(9);
        let r = Scalar::reduced(&[0; 32]).sub(s);
        let item = Item {
            key: &known,
            digest: [7; 32],
            signature: Signature { r, s },
        };
        assert_eq!(both_ways(&[item; 20]), [false; 20]);
    }
}
