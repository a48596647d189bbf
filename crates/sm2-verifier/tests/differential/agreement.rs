//! Whatever the bytes are: one at a time, in batches of either kind, and by another implementation the answer is
//! the same. The fuzz targets `sm2_verify` and `es256_verify` call [`check`], and their corpora are replayed as tests.

use std::sync::{Arc, LazyLock};

use sm2_verifier::{
    Es256, Item, KnownKey, Signature, Sm2, Width, digests, is_point, verify_batch,
    verify_batch_scalar,
};

use crate::oracle::{Number, Oracle};

/// Secrets of the keys. Small ones make tables that hold the same points as the generator's.
const SECRETS: [u8; 6] = [1, 2, 3, 77, 128, 255];

pub(crate) struct Pair<O: Oracle> {
    signing: O::Signing,
    known: KnownKey<O>,
    /// The same key, which never gets a table.
    bare: Arc<KnownKey<O>>,
}

/// An oracle with its keys.
pub(crate) trait Pairs: Oracle {
    fn pairs() -> &'static [Pair<Self>];
}

impl Pairs for Sm2 {
    fn pairs() -> &'static [Pair<Self>] {
        static PAIRS: LazyLock<Vec<Pair<Sm2>>> = LazyLock::new(pairs);
        &PAIRS
    }
}

impl Pairs for Es256 {
    fn pairs() -> &'static [Pair<Self>] {
        static PAIRS: LazyLock<Vec<Pair<Es256>>> = LazyLock::new(pairs);
        &PAIRS
    }
}

fn pairs<O: Oracle>() -> Vec<Pair<O>> {
    let pair = |(i, secret): (usize, &u8)| {
        let mut bytes = [0; 32];
        bytes[31] = *secret;
        let signing = O::signing(&bytes).unwrap();
        let point = O::point(&signing);
        let width = Width::new([5, 8, 11][i % 3]).unwrap();
        Pair {
            signing,
            known: O::known(&point, width).unwrap(),
            bare: O::bare(&point),
        }
    };
    SECRETS.iter().enumerate().map(pair).collect()
}

/// Reads keys, signatures and digests out of the bytes and checks that all agree about them.
pub(crate) fn check<O: Pairs>(data: &[u8]) {
    let pairs = O::pairs();
    let mut input = Input(data);
    let mut cases: Vec<Case<'_, O>> = Vec::new();
    while !input.0.is_empty() && cases.len() < 24 {
        let pair = &pairs[usize::from(input.byte()) % pairs.len()];
        match input.byte() % 5 {
            0 => cases.extend(given(&mut input, pair)),
            1 => cases.extend(crafted(&mut input, pair)),
            2 => cases.extend(changed(&mut input, pair)),
            3 => cases.extend(encoded(&mut input, pair)),
            _ => key::<O>(&mut input),
        }
    }
    let items: Vec<Item<'_, O>> = cases.iter().map(|(item, _)| *item).collect();
    let expected: Vec<bool> = cases.iter().map(|(_, expected)| *expected).collect();
    for answers in [verify_batch(&items), verify_batch_scalar(&items)] {
        let answers: Vec<bool> = answers.iter().map(Result::is_ok).collect();
        assert_eq!(answers, expected);
    }
}

type Case<'a, O> = (Item<'a, O>, bool);

/// r, s and the digest as they come.
fn given<'a, O: Oracle>(input: &mut Input<'_>, pair: &'a Pair<O>) -> Option<Case<'a, O>> {
    let (raw, digest) = (input.array::<64>(), input.array());
    judged(pair, &raw, digest)
}

/// Any two multiples, with a signature and a digest for which they hold unless a byte says otherwise: so are
/// looked-up points chosen that coincide.
fn crafted<'a, O: Oracle>(input: &mut Input<'_>, pair: &'a Pair<O>) -> Option<Case<'a, O>> {
    let (of_generator, of_key) = (input.number(), input.number());
    let (raw, mut digest) = O::crafted(&pair.signing, of_generator, of_key)?;
    digest[31] ^= input.byte() & 1;
    judged(pair, &raw, digest)
}

/// A signature over a message, with some of its bits turned.
fn changed<'a, O: Oracle>(input: &mut Input<'_>, pair: &'a Pair<O>) -> Option<Case<'a, O>> {
    let length = usize::from(input.byte());
    let message = input.some(length);
    let mut raw = O::sign(&pair.signing, message);
    let (place, mask) = (input.byte(), input.byte());
    raw[usize::from(place) % 64] ^= mask;
    let digest = pair.known.digest(message);
    let beside = [
        (&pair.known, message),
        (&pair.known, b""),
        (&*pair.bare, message),
    ];
    let of_many = digests(&[beside, beside].concat());
    assert_eq!((of_many[0], of_many[5]), (digest, digest));
    judged(pair, &raw, digest)
}

/// Any encoding.
fn encoded<'a, O: Oracle>(input: &mut Input<'_>, pair: &'a Pair<O>) -> Option<Case<'a, O>> {
    let length = usize::from(input.byte() % 80);
    let der = input.some(length);
    let found = Signature::<O>::from_der(der).ok();
    let raw = found.map(|signature| signature.to_raw());
    assert_eq!(raw, O::of_der(der), "{der:02x?}");
    judged(pair, &raw?, input.array())
}

/// Any bytes as a key.
fn key<O: Oracle>(input: &mut Input<'_>) {
    let mut point = [4; 65];
    point[1..].copy_from_slice(&input.array::<64>());
    let found = O::known(&point, Width::BITS_8);
    assert_eq!(
        found.is_ok(),
        <O as Oracle>::is_point(&point),
        "{point:02x?}"
    );
    assert_eq!(is_point::<O>(&point), found.is_ok(), "{point:02x?}");
}

/// What each way of checking one signature says; `None` where r or s is out of range.
fn judged<'a, O: Oracle>(
    pair: &'a Pair<O>,
    raw: &[u8; 64],
    digest: [u8; 32],
) -> Option<Case<'a, O>> {
    let expected = O::verifies(&pair.signing, &digest, raw);
    let found = Signature::<O>::from_raw(raw);
    assert_eq!(found.is_ok(), expected.is_some(), "{raw:02x?}");
    let (signature, expected) = (found.ok()?, expected?);
    for key in [&pair.known, &pair.bare] {
        let alone = key.verify_digest(&digest, &signature).is_ok();
        assert_eq!(alone, expected, "{raw:02x?} {digest:02x?}");
    }
    // The last bit decides whether it is looked up in the batch.
    let key = if digest[0] & 1 == 0 {
        &pair.known
    } else {
        &*pair.bare
    };
    let item = Item {
        key,
        digest,
        signature,
    };
    Some((item, expected))
}

/// Bytes that are used up from the front; zeros follow them.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn some(&mut self, length: usize) -> &'a [u8] {
        let (some, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        some
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let some = self.some(N);
        let mut array = [0; N];
        array[..some.len()].copy_from_slice(some);
        array
    }

    fn byte(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    /// A number of one byte, or of 32, or so much less than the order.
    fn number(&mut self) -> Number {
        match self.byte() % 3 {
            0 => Number::Small(self.byte()),
            1 => Number::Any(self.array()),
            _ => Number::Minus(self.byte()),
        }
    }
}
