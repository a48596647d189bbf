//! Whatever the bytes are: one at a time, in batches of either kind, and by the `sm2` crate the answer is the
//! same. The fuzz target `sm2_verify` calls [`check`], and its corpus is replayed as a test.

use std::sync::LazyLock;

use sm2::{
    ProjectivePoint, Scalar, U256,
    dsa::{
        SigningKey, VerifyingKey,
        signature::{Signer as _, hazmat::PrehashVerifier as _},
    },
    elliptic_curve::{Group as _, ops::Reduce as _, point::AffineCoordinates as _},
};
use sm2_verifier::{
    DEFAULT_USER_ID, Item, KnownKey, KnownKeys, Signature, Width, digests, verify_batch,
    verify_batch_scalar,
};

const USER_ID: &str = "1234567812345678";

/// Secrets of the keys. Small ones make tables that hold the same points as the generator's.
const SECRETS: [u8; 6] = [1, 2, 3, 77, 128, 255];

struct Pair {
    secret: Scalar,
    signing: SigningKey,
    known: KnownKey,
    /// The same key, which never gets a table.
    bare: std::sync::Arc<KnownKey>,
}

static PAIRS: LazyLock<Vec<Pair>> = LazyLock::new(|| {
    let bare = KnownKeys::new(0);
    let pair = |(i, secret): (usize, &u8)| {
        let mut bytes = [0; 32];
        bytes[31] = *secret;
        let signing = SigningKey::from_slice(USER_ID, &bytes).unwrap();
        let point = signing.verifying_key().to_sec1_bytes();
        let width = Width::new([5, 8, 11][i % 3]).unwrap();
        Pair {
            secret: **signing.as_nonzero_scalar(),
            signing,
            known: KnownKey::new(&point, DEFAULT_USER_ID, width).unwrap(),
            bare: bare.key(&point, DEFAULT_USER_ID).unwrap(),
        }
    };
    SECRETS.iter().enumerate().map(pair).collect()
});

/// Reads keys, signatures and digests out of the bytes and checks that all agree about them.
pub(crate) fn check(data: &[u8]) {
    let mut input = Input(data);
    let mut cases = Vec::new();
    while !input.0.is_empty() && cases.len() < 24 {
        let pair = &PAIRS[usize::from(input.byte()) % PAIRS.len()];
        match input.byte() % 5 {
            0 => cases.extend(given(&mut input, pair)),
            1 => cases.extend(crafted(&mut input, pair)),
            2 => cases.extend(changed(&mut input, pair)),
            3 => cases.extend(encoded(&mut input, pair)),
            _ => key(&mut input),
        }
    }
    let items: Vec<Item<'_>> = cases.iter().map(|(item, _)| *item).collect();
    let expected: Vec<bool> = cases.iter().map(|(_, expected)| *expected).collect();
    for answers in [verify_batch(&items), verify_batch_scalar(&items)] {
        let answers: Vec<bool> = answers.iter().map(Result::is_ok).collect();
        assert_eq!(answers, expected);
    }
}

type Case<'a> = (Item<'a>, bool);

/// r, s and the digest as they come.
fn given<'a>(input: &mut Input<'_>, pair: &'a Pair) -> Option<Case<'a>> {
    let (raw, digest) = (input.array::<64>(), input.array());
    judged(pair, &raw, digest)
}

/// Any s and t = r + s, with the digest for which they hold unless a byte says otherwise: so are
/// looked-up points chosen that coincide.
fn crafted<'a>(input: &mut Input<'_>, pair: &'a Pair) -> Option<Case<'a>> {
    let (s, t) = (input.number(), input.number());
    let sum = ProjectivePoint::mul_by_generator(&(s + t * pair.secret));
    let expected = t - s - Scalar::reduce(&U256::from_be_slice(&sum.to_affine().x()));
    let raw = [(t - s).to_bytes(), s.to_bytes()].concat();
    let raw: [u8; 64] = raw.try_into().unwrap();
    let mut digest: [u8; 32] = expected.to_bytes().into();
    digest[31] ^= input.byte() & 1;
    judged(pair, &raw, digest)
}

/// A signature over a message, with some of its bits turned.
fn changed<'a>(input: &mut Input<'_>, pair: &'a Pair) -> Option<Case<'a>> {
    let length = usize::from(input.byte());
    let message = input.some(length);
    let mut raw: [u8; 64] = pair.signing.sign(message).to_bytes().into();
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
fn encoded<'a>(input: &mut Input<'_>, pair: &'a Pair) -> Option<Case<'a>> {
    let length = usize::from(input.byte() % 80);
    let der = input.some(length);
    let found = Signature::from_der(der);
    let oracle = sm2::dsa::Signature::from_der(der);
    assert_eq!(found.is_ok(), oracle.is_ok(), "{der:02x?}");
    let (found, oracle) = (found.ok()?, oracle.ok()?);
    assert_eq!(found.to_raw()[..], oracle.to_bytes()[..]);
    assert_eq!(oracle.to_der().as_bytes(), der);
    judged(pair, &found.to_raw(), input.array())
}

/// Any bytes as a key.
fn key(input: &mut Input<'_>) {
    let mut point = [4; 65];
    point[1..].copy_from_slice(&input.array::<64>());
    let oracle = VerifyingKey::from_sec1_bytes(USER_ID, &point);
    let found = KnownKey::new(&point, DEFAULT_USER_ID, Width::BITS_8);
    assert_eq!(found.is_ok(), oracle.is_ok(), "{point:02x?}");
}

/// What each way of checking one signature says; `None` where r or s is out of range.
fn judged<'a>(pair: &'a Pair, raw: &[u8; 64], digest: [u8; 32]) -> Option<Case<'a>> {
    let oracle = sm2::dsa::Signature::from_slice(raw);
    let found = Signature::from_raw(raw);
    assert_eq!(found.is_ok(), oracle.is_ok(), "{raw:02x?}");
    let (signature, oracle) = (found.ok()?, oracle.ok()?);
    let verifying = pair.signing.verifying_key();
    let expected = verifying.verify_prehash(&digest, &oracle).is_ok();
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
    fn number(&mut self) -> Scalar {
        match self.byte() % 3 {
            0 => Scalar::from(u64::from(self.byte())),
            1 => Scalar::reduce(&U256::from_be_slice(&self.array::<32>())),
            _ => -Scalar::from(u64::from(self.byte())),
        }
    }
}
