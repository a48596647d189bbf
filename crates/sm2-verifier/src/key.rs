//! A known key: its table, and the check of one signature.

use std::{
    any::TypeId,
    sync::{Arc, MutexGuard},
};

use crate::{
    curve::{Algorithm, Case, Curve, Multiples},
    field::Fe,
    generator,
    keys::{Keyed, Member, Ring},
    point::{Affine, Jacobian},
    scalar::Scalar,
    signature::Signature,
    slot::Slot,
    sm2::Sm2,
    table::{Table, Term, Width, multiply},
};

/// A public key with precomputed multiples. Sharing it between threads costs nothing: wrap it in an
/// `Arc`.
///
/// Making one only checks the point. The table of one that was made by [`KnownKey::new`] or [`KnownKey::es256`] is built by the
/// first verification, or beforehand by [`KnownKey::prepare`], and stays; [`KnownKey::grow`] puts a
/// larger one in its place. Keys of a [`KnownKeys`](crate::KnownKeys) share a bound on memory.
#[derive(Debug)]
pub struct KnownKey<A = Sm2> {
    point: Affine<A>,
    /// What tells this key from all others of its algorithm.
    id: [u8; 32],
    pub(crate) slot: Slot<A>,
    upkeep: Upkeep,
}

/// Who says what table a key has.
#[derive(Debug)]
pub(crate) enum Upkeep {
    /// The key itself: one of this width.
    Own(Width),
    /// The keys that share a bound with it.
    Shared(Member),
}

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BadKey {
    /// Neither the 65 bytes 04 || x || y of SEC 1 nor the 64 of x || y.
    #[error("a key is an uncompressed point: 04, x and y")]
    Encoding,
    /// A coordinate is p or more, or the point is not on the curve.
    #[error("the point is not on the curve")]
    NotOnCurve,
    /// A user id has at most 8191 bytes: its length in bits takes two bytes.
    #[error("the user id is longer than 8191 bytes")]
    UserId,
}

/// The signature is not one of this key over this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the signature does not verify")]
pub struct Rejected;

impl<A: Algorithm> KnownKey<A> {
    pub(crate) fn checked(
        x: &[u8; 32],
        y: &[u8; 32],
        id: [u8; 32],
        upkeep: Upkeep,
    ) -> Result<Self, BadKey> {
        let point = Affine::on_curve(x, y).ok_or(BadKey::NotOnCurve)?;
        Ok(Self {
            point,
            id,
            slot: Slot::new(),
            upkeep,
        })
    }

    /// Builds the table of this key and, the first time in the process, that of the generator. A key that
    /// shares a bound with others gets one if there is room.
    pub fn prepare(&self) {
        A::prepare(self);
    }

    pub(crate) fn prepare_here(&self) {
        generator::table::<A>();
        match &self.upkeep {
            Upkeep::Own(width) => drop(self.slot.get_or_build(self.point, *width)),
            Upkeep::Shared(member) => member.prepare(self),
        }
    }

    /// Builds a larger table in place of the first, and that of the generator at the same width. Meant for
    /// a thread of its own: until it is done, verification goes on with what is there. A width that is
    /// not larger changes nothing, nor does a call for a key that shares a bound with others:
    /// [`KnownKeys::grow`](crate::KnownKeys::grow) chooses among them.
    pub fn grow(&self, width: Width) {
        A::grow(self, width);
    }

    pub(crate) fn grow_here(&self, width: Width) {
        match &self.upkeep {
            Upkeep::Own(first) if width > *first => {
                generator::grow::<A>(width);
                self.slot.at_least(self.point, width);
            }
            Upkeep::Own(_) | Upkeep::Shared(_) => {}
        }
    }

    /// Bytes that the table of this key takes; that of the generator takes
    /// [`generator_bytes`](crate::generator_bytes).
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.slot.bytes()
    }

    /// The uncompressed point of SEC 1: 04, x and y.
    #[must_use]
    pub fn point(&self) -> [u8; 65] {
        let mut point = [4; 65];
        let (x, y) = (self.point.x.to_bytes(), self.point.y.to_bytes());
        for (place, byte) in point.iter_mut().skip(1).zip(x.into_iter().chain(y)) {
            *place = byte;
        }
        point
    }

    /// The digest that is signed: with SM2 SM3(Z || message), with ES256 SHA-256 of the message.
    #[must_use]
    pub fn digest(&self, message: &[u8]) -> [u8; 32] {
        A::digest(&self.id, message)
    }

    /// Verifies a signature over a message (GB/T 32918.2, clause 7; FIPS 186-5, clause 6.4.2).
    ///
    /// # Errors
    /// [`Rejected`].
    pub fn verify(&self, message: &[u8], signature: &Signature<A>) -> Result<(), Rejected> {
        self.verify_digest(&self.digest(message), signature)
    }

    /// Verifies a signature over the digest that [`KnownKey::digest`] makes of a message.
    ///
    /// # Errors
    /// [`Rejected`].
    pub fn verify_digest(
        &self,
        digest: &[u8; 32],
        signature: &Signature<A>,
    ) -> Result<(), Rejected> {
        A::verify_digest(self, digest, signature)
    }

    pub(crate) fn verify_digest_here(
        &self,
        digest: &[u8; 32],
        signature: &Signature<A>,
    ) -> Result<(), Rejected> {
        let case = Case { digest, signature };
        match self.table(1) {
            Some(table) => judged(&case, |them| looked_up(&generator::table(), &table, them)),
            None => judged(&case, |multiples| self.computed(multiples)),
        }
    }

    /// [`KnownKey::verify`] where the key has a table by now; `None` where it has none. For callers who have another
    /// library at hand, which may be faster with keys that it has never met. It counts as a use either way.
    pub fn verify_by_table(
        &self,
        message: &[u8],
        signature: &Signature<A>,
    ) -> Option<Result<(), Rejected>> {
        A::verify_by_table(self, message, signature)
    }

    pub(crate) fn verify_by_table_here(
        &self,
        message: &[u8],
        signature: &Signature<A>,
    ) -> Option<Result<(), Rejected>> {
        let table = self.table(1)?;
        let digest = &self.digest(message);
        let case = Case { digest, signature };
        Some(judged(&case, |them| {
            looked_up(&generator::table(), &table, them)
        }))
    }

    /// The table with which to verify so many signatures; `None` for a key that has to do without.
    pub(crate) fn table(&self, times: u64) -> Option<Arc<Table<A>>> {
        match &self.upkeep {
            Upkeep::Own(width) => Some(self.slot.get_or_build(self.point, *width)),
            Upkeep::Shared(member) => member.table(self, times),
        }
    }

    pub(crate) fn build(&self, width: Width) -> Table<A> {
        Table::new(self.point, width)
    }

    /// The sum of both multiples, that of this key's point without a table.
    fn computed(&self, multiples: &Multiples<A>) -> Jacobian<A> {
        let of_generator = generator::table();
        let product = multiply(&self.point, multiples.of_key);
        let terms = of_generator.terms(multiples.of_generator);
        terms.fold(product, |sum, term| sum.add(&term.point()))
    }
}

impl<A: Algorithm> Keyed for KnownKey<A> {
    fn id(&self) -> &[u8; 32] {
        &self.id
    }

    fn member(&self) -> Option<&Member> {
        match &self.upkeep {
            Upkeep::Own(_) => None,
            Upkeep::Shared(member) => Some(member),
        }
    }

    fn sec1(&self) -> [u8; 65] {
        self.point()
    }

    fn width(&self) -> Option<Width> {
        self.slot.get().map(|table| table.width())
    }

    fn building(&self) -> MutexGuard<'_, ()> {
        self.slot.building()
    }

    fn build_reserved(&self, ring: &Ring, width: Width) {
        drop(ring.build_reserved(self, width));
    }

    fn grow_generator(&self, width: Width) {
        generator::grow::<A>(width);
    }

    fn algorithm(&self) -> TypeId {
        TypeId::of::<A>()
    }

    fn give_up_table(&self) {
        self.slot.put(None);
    }
}

/// Whether the sum of both multiples has the x that the signature says.
fn judged<A: Algorithm>(
    case: &Case<'_, A>,
    sum: impl FnOnce(&Multiples<A>) -> Jacobian<A>,
) -> Result<(), Rejected> {
    let multiples = A::multiples(case).ok_or(Rejected)?;
    let point = sum(&multiples);
    let expected = Expected::of(case);
    if expected.coordinates().any(|x| point.has_x(x)) {
        Ok(())
    } else {
        Err(Rejected)
    }
}

/// The sum of both multiples.
fn looked_up<C: Curve>(
    of_generator: &Table<C>,
    of_key: &Table<C>,
    multiples: &Multiples<C>,
) -> Jacobian<C> {
    let mut terms = [None; 2 * Width::MOST_ADDITIONS];
    let found = of_generator
        .terms(multiples.of_generator)
        .chain(of_key.terms(multiples.of_key));
    for (place, term) in terms.iter_mut().zip(found) {
        term.prefetch();
        *place = Some(term);
    }
    let sum = |sum: Jacobian<C>, term: &Term<'_, C>| sum.add(&term.point());
    terms.iter().flatten().fold(Jacobian::INFINITY, sum)
}

/// What the x-coordinate must be modulo n.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<C>(Scalar<C>);

impl<C: Curve> Expected<C> {
    pub(crate) fn of(case: &Case<'_, C>) -> Self {
        Self(C::expected_x(case))
    }

    /// The one or two numbers below p that it can be: n is a little below p.
    pub(crate) fn numbers(self) -> impl Iterator<Item = [u64; 4]> {
        let second = self.0.plus_n().filter(|words| C::FIELD.is_above(*words));
        [self.0.words()].into_iter().chain(second)
    }

    /// The same as elements of the field.
    pub(crate) fn coordinates(self) -> impl Iterator<Item = Fe<C>> {
        self.numbers().filter_map(Fe::from_words)
    }
}

/// Whether the bytes are a point (04 || x || y, or x || y) that a key may have.
#[must_use]
pub fn is_point<A: Algorithm>(point: &[u8]) -> bool {
    A::is_point(point)
}

pub(crate) fn is_point_here<A: Algorithm>(point: &[u8]) -> bool {
    coordinates(point).is_some_and(|(x, y)| Affine::<A>::on_curve(x, y).is_some())
}

/// x and y of 04 || x || y, or of x || y.
pub(crate) fn coordinates(point: &[u8]) -> Option<(&[u8; 32], &[u8; 32])> {
    let numbers = match point {
        [4, numbers @ ..] if point.len() == 65 => numbers,
        _ => point,
    };
    let (x, y) = numbers.split_first_chunk()?;
    Some((x, y.try_into().ok()?))
}
