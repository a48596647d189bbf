//! SM2 signatures by known keys: one at a time, and in batches by either way. [`crate::sm2_series`] has the rest.
//!
//! Every signature is another one, so that the tables are read all over and not where the last
//! verification left them in a near cache. Hashing the message is part of each figure.

use std::time::Duration;

use credential::{Signer as _, SoftwareSigner, Suite};
use sm2_verifier::{
    DEFAULT_USER_ID, Item, KnownKey, Rejected, Width, digests, has_avx512, verify_batch,
    verify_batch_scalar,
};
use zeroize::Zeroizing;

use crate::figure::{Failed, Rounds, absent, per_core_second, rate_of};

/// As many as do not fit a near cache with the points that they look up.
pub(crate) const SIGNATURES: u32 = 4_096;
/// Signatures of a batch.
pub(crate) const BATCH: usize = 512;

/// One for each signature of a batch, in its order.
type Verdicts = Vec<Result<(), Rejected>>;

/// Hashes messages, each with the key that is said to have signed it.
type Hash = fn(&[(&KnownKey, &[u8])]) -> Vec<[u8; 32]>;

/// A way to take a batch: how its messages are hashed, and how its signatures are verified.
#[derive(Clone, Copy)]
pub(crate) struct Way {
    digests: Hash,
    verify: fn(&[Item<'_>]) -> Verdicts,
}

/// The best that the processor has.
pub(crate) const BEST: Way = Way {
    digests,
    verify: verify_batch,
};

/// Without vectors.
pub(crate) const SCALAR: Way = Way {
    digests: one_by_one,
    verify: verify_batch_scalar,
};

fn one_by_one(messages: &[(&KnownKey, &[u8])]) -> Vec<[u8; 32]> {
    let digest = |(key, message): &(&KnownKey, &[u8])| key.digest(message);
    messages.iter().map(digest).collect()
}

/// A key and what it signed.
pub(crate) struct Signed {
    pub(crate) key: KnownKey,
    pub(crate) messages: Vec<([u8; 200], sm2_verifier::Signature)>,
}

impl Signed {
    pub(crate) fn by(secret: u8) -> Result<Self, Failed> {
        let signer = SoftwareSigner::from_secret(&Suite::sm2(), Zeroizing::new([secret; 32]))?;
        let point = signer.public_key().to_sec1();
        let key = KnownKey::new(&point, DEFAULT_USER_ID, Width::BITS_12)?;
        key.prepare();
        let mut messages = Vec::new();
        for number in 0..SIGNATURES {
            let mut message = [0x5a; 200];
            if let Some(head) = message.first_chunk_mut() {
                *head = number.to_be_bytes();
            }
            let signature = signer.sign(&message)?;
            let signature = sm2_verifier::Signature::from_raw(signature.as_raw())?;
            messages.push((message, signature));
        }
        Ok(Self { key, messages })
    }

    pub(crate) fn items(&self) -> Vec<Item<'_>> {
        let item = |(message, signature): &([u8; 200], sm2_verifier::Signature)| Item {
            key: &self.key,
            digest: self.key.digest(message),
            signature: *signature,
        };
        self.messages.iter().map(item).collect()
    }

    /// Adds what this round reached.
    pub(crate) fn round(&self, rounds: &mut Rounds, turn: Duration) -> Result<(), Failed> {
        let mut next = self.messages.iter().cycle();
        let one = per_core_second(turn, || {
            next.next()
                .is_some_and(|(message, signature)| self.key.verify(message, signature).is_ok())
        })?;
        rounds.add("sm2-verify", one);
        rounds.add("sm2-verify-batch", self.batches(turn, BATCH, BEST)?);
        let scalar = self.batches(turn, BATCH, SCALAR)?;
        rounds.add("sm2-verify-batch-scalar", scalar);
        Ok(())
    }

    /// Signatures a second in batches of `size`, hashing included.
    pub(crate) fn batches(&self, turn: Duration, size: usize, way: Way) -> Result<f64, Failed> {
        let mut next = self.messages.chunks_exact(size).cycle();
        let mut texts: Vec<(&KnownKey, &[u8])> = Vec::with_capacity(size);
        let mut items = Vec::with_capacity(size);
        let batches = rate_of(turn, || {
            let batch = next.next().unwrap_or_default();
            texts.clear();
            texts.extend(batch.iter().map(|(message, _)| (&self.key, &message[..])));
            items.clear();
            let digests = (way.digests)(&texts).into_iter().zip(batch);
            items.extend(digests.map(|(digest, (_, signature))| Item {
                key: &self.key,
                digest,
                signature: *signature,
            }));
            items.len() == size && (way.verify)(&items).iter().all(Result::is_ok)
        })?;
        let size = u32::try_from(size)?;
        Ok(batches * f64::from(size))
    }
}

pub(crate) fn tell(rounds: &Rounds) -> Result<(), Failed> {
    let peers = [
        "openssl-p256/verify",
        "openssl-sm2/verify",
        "sm2-crate/verify",
    ];
    rounds.tell("sm2-verify", "1/s", &peers)?;
    rounds.tell("sm2-verify-batch", "1/s", &peers)?;
    rounds.tell("sm2-verify-batch-scalar", "1/s", &peers)?;
    if has_avx512() {
        rounds.tell_as("sm2-verify-batch-avx512", "sm2-verify-batch", "1/s", &peers)
    } else {
        absent(
            "sm2-verify-batch-avx512",
            "this processor has no AVX-512 with 52-bit multiply-add",
        )
    }
}
