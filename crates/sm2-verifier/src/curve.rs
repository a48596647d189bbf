//! What tells one algorithm's curve and equation from another's. Everything else in this crate is written
//! once for all.

use std::{cell::Cell, fmt::Debug, thread::LocalKey};

use crate::{
    batch::{self, Answers, Item, Room},
    es256::Es256,
    key::{self, KnownKey, Rejected},
    modulus::Modulus,
    scalar::Scalar,
    signature::Signature,
    slot::Slot,
    sm2::Sm2,
    table::Width,
};

/// A signature algorithm of this crate: [`Sm2`](crate::Sm2) or [`Es256`](crate::Es256). There are no others.
///
/// What takes time goes through its functions, which are none of a type's parameter any more: so it is compiled with
/// this crate, and optimised as this crate is, whoever calls it.
pub trait Algorithm: Curve {
    #[doc(hidden)]
    fn is_point(point: &[u8]) -> bool;
    #[doc(hidden)]
    fn prepare(key: &KnownKey<Self>);
    #[doc(hidden)]
    fn grow(key: &KnownKey<Self>, width: Width);
    #[doc(hidden)]
    fn verify_digest(
        key: &KnownKey<Self>,
        digest: &[u8; 32],
        signature: &Signature<Self>,
    ) -> Result<(), Rejected>;
    #[doc(hidden)]
    fn verify_by_table(
        key: &KnownKey<Self>,
        message: &[u8],
        signature: &Signature<Self>,
    ) -> Option<Result<(), Rejected>>;
    #[doc(hidden)]
    fn verify_batch(items: &[Item<'_, Self>]) -> Answers;
    #[doc(hidden)]
    fn verify_batch_scalar(items: &[Item<'_, Self>]) -> Answers;
}

/// [`Algorithm`] for one of them.
macro_rules! algorithm {
    ($name:ty) => {
        impl Algorithm for $name {
            fn is_point(point: &[u8]) -> bool {
                key::is_point_here::<Self>(point)
            }

            fn prepare(key: &KnownKey<Self>) {
                key.prepare_here();
            }

            fn grow(key: &KnownKey<Self>, width: Width) {
                key.grow_here(width);
            }

            fn verify_digest(
                key: &KnownKey<Self>,
                digest: &[u8; 32],
                signature: &Signature<Self>,
            ) -> Result<(), Rejected> {
                key.verify_digest_here(digest, signature)
            }

            fn verify_by_table(
                key: &KnownKey<Self>,
                message: &[u8],
                signature: &Signature<Self>,
            ) -> Option<Result<(), Rejected>> {
                key.verify_by_table_here(message, signature)
            }

            fn verify_batch(items: &[Item<'_, Self>]) -> Answers {
                batch::verify_here(items)
            }

            fn verify_batch_scalar(items: &[Item<'_, Self>]) -> Answers {
                batch::verify_scalar_here(items)
            }
        }
    };
}

algorithm!(Sm2);
algorithm!(Es256);

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
