//! What tells one algorithm's curve and equation from another's. Everything else in this crate is written
//! once for all.

use std::{cell::Cell, fmt::Debug, thread::LocalKey};

use crate::{batch::Room, modulus::Modulus, scalar::Scalar, signature::Signature, slot::Slot};

/// A signature algorithm of this crate: [`Sm2`](crate::Sm2) or [`Es256`](crate::Es256). There are no others.
pub trait Algorithm: Curve {}

/// A curve y^2 = x^3 - 3x + b of prime order, over a field whose p is -1 modulo 2^64, and the equation by which
/// signatures are judged on it.
pub trait Curve: Copy + Eq + Debug + Send + Sync + 'static {
    /// p.
    const FIELD: Modulus;
    /// n, the group's order.
    const ORDER: Modulus;
    /// b of the curve's equation, words lowest first.
    const B: [u64; 4];
    /// The generator's coordinates, words lowest first.
    const GENERATOR: [[u64; 4]; 2];
    /// p in signed limbs of 52 bits, lowest first. The lowest is -1; each is zero, a power of two, or one less
    /// another, since p is sparse.
    const LIMBS_52: [i64; 5];

    /// word * (p + 1) / 2^64, a number of four words.
    fn by_p_plus_1(word: u64) -> [u64; 4];

    /// The table of the generator, one for the whole process.
    fn generator() -> &'static Slot<Self>;

    /// What a thread keeps from one batch to the next.
    fn room() -> &'static LocalKey<Cell<Room<Self>>>;

    /// The digest of a message by the key of this identifier.
    fn digest(id: &[u8; 32], message: &[u8]) -> [u8; 32];

    /// [`Curve::digest`] of many.
    #[must_use]
    fn digests(messages: &[Message<'_>]) -> Vec<[u8; 32]> {
        let digest = |(id, message): &Message<'_>| Self::digest(id, message);
        messages.iter().map(digest).collect()
    }

    /// The same without AVX-512.
    #[must_use]
    fn digests_scalar(messages: &[Message<'_>]) -> Vec<[u8; 32]> {
        Self::digests(messages)
    }

    /// The multiples by which a signature is judged; `None` where nothing has that signature.
    fn multiples(case: &Case<'_, Self>) -> Option<Multiples<Self>>;

    /// [`Curve::multiples`] of many.
    fn multiples_of_all(cases: &[Case<'_, Self>]) -> Vec<Option<Multiples<Self>>> {
        cases.iter().map(Self::multiples).collect()
    }

    /// What the x-coordinate of the sum of both multiples must be modulo n.
    fn expected_x(case: &Case<'_, Self>) -> Scalar<Self>;
}

/// The identifier of a key, and a message.
pub type Message<'a> = (&'a [u8; 32], &'a [u8]);

/// A signature and the digest that it is said to be over.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a, C> {
    pub(crate) digest: &'a [u8; 32],
    pub(crate) signature: &'a Signature<C>,
}

/// How often to take the generator, and how often the key's point.
#[derive(Clone, Copy, Debug)]
pub struct Multiples<C> {
    pub(crate) of_generator: Scalar<C>,
    pub(crate) of_key: Scalar<C>,
}
