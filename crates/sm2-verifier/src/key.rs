//! A known key: its tables, and the check of one signature.

use std::sync::OnceLock;

use sm3::{Digest as _, Sm3};

use crate::{
    curve::{Affine, B, GENERATOR, Jacobian},
    field::{Fe, is_below_p},
    scalar::Scalar,
    signature::Signature,
    table::{Table, Term, Width},
};

/// The user id that stands where a deployment has agreed on none: GM/T 0009-2012, clause 10.
pub const DEFAULT_USER_ID: &[u8] = b"1234567812345678";

/// A public key with precomputed multiples. Sharing it between threads costs nothing: wrap it in an
/// `Arc`.
///
/// Making one only checks the point. The table is built by the first verification, or beforehand by
/// [`KnownKey::prepare`]; [`KnownKey::grow`] puts a larger one beside it.
#[derive(Debug)]
pub struct KnownKey {
    point: Affine,
    za: [u8; 32],
    width: Width,
    table: OnceLock<Table>,
    larger: OnceLock<Table>,
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
        let (x, y) = coordinates(point).ok_or(BadKey::Encoding)?;
        let za = za(user_id, x, y).ok_or(BadKey::UserId)?;
        let point = Affine::on_curve(x, y).ok_or(BadKey::NotOnCurve)?;
        Ok(Self {
            point,
            za,
            width,
            table: OnceLock::new(),
            larger: OnceLock::new(),
        })
    }

    /// Builds the table of this key and, the first time in the process, that of the generator.
    pub fn prepare(&self) {
        self.tables();
    }

    /// Builds a larger table beside the first, and that of the generator at the same width. Meant for a
    /// thread of its own: until it is done, verification goes on with what is there. A second call, or
    /// a width that is not larger, changes nothing.
    pub fn grow(&self, width: Width) {
        if width > self.width {
            larger_generator(width);
            self.larger.get_or_init(|| Table::new(self.point, width));
        }
    }

    /// Bytes that the tables of this key take; those of the generator are [`generator_bytes`].
    #[must_use]
    pub fn bytes(&self) -> usize {
        let tables = [&self.table, &self.larger];
        bytes_of(tables)
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
        let mut terms = [None; 2 * Width::MOST_ADDITIONS];
        let (of_generator, of_key) = self.tables();
        let found = of_generator.terms(signature.s).chain(of_key.terms(t));
        for (place, term) in terms.iter_mut().zip(found) {
            term.prefetch();
            *place = Some(term);
        }
        let sum = |sum: Jacobian, term: &Term<'_>| sum.add(&term.point());
        let point = terms.iter().flatten().fold(Jacobian::INFINITY, sum);
        let expected = Expected::of(e, signature);
        if expected.coordinates().any(|x| point.has_x(x)) {
            Ok(())
        } else {
            Err(Rejected)
        }
    }

    /// How many points are looked up for a signature at most.
    pub(crate) fn additions(&self) -> usize {
        let (of_generator, of_key) = self.tables();
        of_generator.width().additions() + of_key.width().additions()
    }

    /// The widest tables of generator and key that are built.
    pub(crate) fn tables(&self) -> (&'static Table, &Table) {
        let first = || {
            self.table
                .get_or_init(|| Table::new(self.point, self.width))
        };
        (generator(), self.larger.get().unwrap_or_else(first))
    }
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

/// Bytes that the tables of the generator take, which all keys share.
#[must_use]
pub fn generator_bytes() -> usize {
    bytes_of([&GENERATOR_TABLE, &LARGER_GENERATOR_TABLE])
}

fn bytes_of(tables: [&OnceLock<Table>; 2]) -> usize {
    let built = tables.into_iter().filter_map(OnceLock::get);
    built.map(Table::bytes).sum()
}

static GENERATOR_TABLE: OnceLock<Table> = OnceLock::new();
static LARGER_GENERATOR_TABLE: OnceLock<Table> = OnceLock::new();

/// The largest table of the generator that is built.
fn generator() -> &'static Table {
    let first = || GENERATOR_TABLE.get_or_init(|| generator_table(Width::BITS_12));
    LARGER_GENERATOR_TABLE.get().unwrap_or_else(first)
}

fn larger_generator(width: Width) {
    if width > Width::BITS_12 {
        LARGER_GENERATOR_TABLE.get_or_init(|| generator_table(width));
    }
}

fn generator_table(width: Width) -> Table {
    Table::new(Affine::GENERATOR, width)
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
