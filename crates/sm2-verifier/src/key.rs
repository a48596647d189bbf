//! A known key: its table, and the check of one signature.

use std::sync::Arc;

use sm3::{Digest as _, Sm3};

use crate::{
    curve::{Affine, B, GENERATOR, Jacobian},
    field::{Fe, is_below_p},
    generator,
    keys::Member,
    scalar::Scalar,
    signature::Signature,
    slot::Slot,
    table::{Table, Term, Width, multiply},
};

/// The user id that stands where a deployment has agreed on none: GM/T 0009-2012, clause 10.
pub const DEFAULT_USER_ID: &[u8] = b"1234567812345678";

/// A public key with precomputed multiples. Sharing it between threads costs nothing: wrap it in an
/// `Arc`.
///
/// Making one only checks the point. The table of one that was made by [`KnownKey::new`] is built by the
/// first verification, or beforehand by [`KnownKey::prepare`], and stays; [`KnownKey::grow`] puts a
/// larger one in its place. Keys of a [`KnownKeys`](crate::KnownKeys) share a bound on memory.
#[derive(Debug)]
pub struct KnownKey {
    point: Affine,
    za: [u8; 32],
    pub(crate) slot: Slot,
    upkeep: Upkeep,
}

/// Who says what table a key has.
#[derive(Debug)]
enum Upkeep {
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
    #[error("the point is not on SM2's curve")]
    NotOnCurve,
    /// A user id has at most 8191 bytes: its length in bits takes two bytes.
    #[error("the user id is longer than 8191 bytes")]
    UserId,
}

/// The signature is not one of this key over this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the signature does not verify")]
pub struct Rejected;

impl KnownKey {
    /// From the point of SEC 1 (04 || x || y, or x || y) and the user id.
    ///
    /// # Errors
    /// [`BadKey`]. The point at infinity has no such encoding.
    pub fn new(point: &[u8], user_id: &[u8], width: Width) -> Result<Self, BadKey> {
        Self::checked(point, user_id, Upkeep::Own(width))
    }

    pub(crate) fn shared(point: &[u8], user_id: &[u8], member: Member) -> Result<Self, BadKey> {
        Self::checked(point, user_id, Upkeep::Shared(member))
    }

    fn checked(point: &[u8], user_id: &[u8], upkeep: Upkeep) -> Result<Self, BadKey> {
        let (x, y) = coordinates(point).ok_or(BadKey::Encoding)?;
        let za = za(user_id, x, y).ok_or(BadKey::UserId)?;
        let point = Affine::on_curve(x, y).ok_or(BadKey::NotOnCurve)?;
        Ok(Self {
            point,
            za,
            slot: Slot::new(),
            upkeep,
        })
    }

    /// Builds the table of this key and, the first time in the process, that of the generator. A key that
    /// shares a bound with others gets one if there is room.
    pub fn prepare(&self) {
        generator::table();
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
        match &self.upkeep {
            Upkeep::Own(first) if width > *first => {
                generator::grow(width);
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

    /// Z of the key and its user id (GB/T 32918.2, clause 5.5).
    #[must_use]
    pub fn za(&self) -> &[u8; 32] {
        &self.za
    }

    /// The digest that is signed: SM3(Z || message).
    #[must_use]
    pub fn digest(&self, message: &[u8]) -> [u8; 32] {
        let hash = Sm3::new().chain_update(self.za).chain_update(message);
        hash.finalize().into()
    }

    /// Verifies a signature over a message (GB/T 32918.2, clause 7).
    ///
    /// # Errors
    /// [`Rejected`].
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), Rejected> {
        self.verify_digest(&self.digest(message), signature)
    }

    /// Verifies a signature over the digest e = SM3(Z || message).
    ///
    /// # Errors
    /// [`Rejected`].
    pub fn verify_digest(&self, e: &[u8; 32], signature: &Signature) -> Result<(), Rejected> {
        let t = signature.r.add(signature.s);
        if t.is_zero() {
            return Err(Rejected);
        }
        let point = match self.table(1) {
            Some(table) => looked_up(&generator::table(), &table, signature.s, t),
            None => self.computed(signature.s, t),
        };
        let expected = Expected::of(e, signature);
        if expected.coordinates().any(|x| point.has_x(x)) {
            Ok(())
        } else {
            Err(Rejected)
        }
    }

    /// The table with which to verify so many signatures; `None` for a key that has to do without.
    pub(crate) fn table(&self, times: u64) -> Option<Arc<Table>> {
        match &self.upkeep {
            Upkeep::Own(width) => Some(self.slot.get_or_build(self.point, *width)),
            Upkeep::Shared(member) => member.table(self, times),
        }
    }

    pub(crate) fn build(&self, width: Width) -> Table {
        Table::new(self.point, width)
    }

    pub(crate) fn member(&self) -> Option<&Member> {
        match &self.upkeep {
            Upkeep::Own(_) => None,
            Upkeep::Shared(member) => Some(member),
        }
    }

    /// s times the generator and t times this key's point, the latter without a table.
    fn computed(&self, s: Scalar, t: Scalar) -> Jacobian {
        let of_generator = generator::table();
        let product = multiply(&self.point, t);
        let terms = of_generator.terms(s);
        terms.fold(product, |sum, term| sum.add(&term.point()))
    }
}

/// s times the generator and t times a key's point.
fn looked_up(of_generator: &Table, of_key: &Table, s: Scalar, t: Scalar) -> Jacobian {
    let mut terms = [None; 2 * Width::MOST_ADDITIONS];
    let found = of_generator.terms(s).chain(of_key.terms(t));
    for (place, term) in terms.iter_mut().zip(found) {
        term.prefetch();
        *place = Some(term);
    }
    let sum = |sum: Jacobian, term: &Term<'_>| sum.add(&term.point());
    terms.iter().flatten().fold(Jacobian::INFINITY, sum)
}

/// What the x-coordinate must be modulo n: r - e.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected(Scalar);

impl Expected {
    pub(crate) fn of(e: &[u8; 32], signature: &Signature) -> Self {
        Self(signature.r.sub(Scalar::reduced(e)))
    }

    /// The one or two numbers below p that it can be: n is a little below p.
    pub(crate) fn numbers(self) -> impl Iterator<Item = [u64; 4]> {
        let second = self.0.plus_n().filter(|words| is_below_p(*words));
        [self.0.words()].into_iter().chain(second)
    }

    /// The same as elements of the field.
    pub(crate) fn coordinates(self) -> impl Iterator<Item = Fe> {
        self.numbers().filter_map(Fe::from_words)
    }
}

fn coordinates(point: &[u8]) -> Option<(&[u8; 32], &[u8; 32])> {
    let numbers = match point {
        [4, numbers @ ..] if point.len() == 65 => numbers,
        _ => point,
    };
    let (x, y) = numbers.split_first_chunk()?;
    Some((x, y.try_into().ok()?))
}

/// SM3 over the length of the user id in bits, the user id, a, b, the generator, and the key.
fn za(user_id: &[u8], x: &[u8; 32], y: &[u8; 32]) -> Option<[u8; 32]> {
    let bits = u16::try_from(user_id.len().checked_mul(8)?).ok()?;
    let hash = Sm3::new()
        .chain_update(bits.to_be_bytes())
        .chain_update(user_id)
        .chain_update(A)
        .chain_update(B)
        .chain_update(GENERATOR.0)
        .chain_update(GENERATOR.1)
        .chain_update(x)
        .chain_update(y);
    Some(hash.finalize().into())
}

/// a of the curve's equation: p - 3.
const A: [u8; 32] = [
    0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc,
];
