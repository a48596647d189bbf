//! Signatures by known keys: one at a time, and in batches by either way. [`crate::sm2_series`] has the rest.
//!
//! Every signature is another one, so that the tables are read all over and not where the last
//! verification left them in a near cache. Hashing the message is part of each figure.

use std::time::Duration;

use credential::{Signer as _, SoftwareSigner, Suite};
use sm2_verifier::{
    Algorithm, BadKey, DEFAULT_USER_ID, Es256, Item, KnownKey, Rejected, Sm2, Width, digests,
    digests_scalar, has_avx512, verify_batch, verify_batch_scalar,
};
use zeroize::Zeroizing;

use crate::figure::{Failed, Rounds, absent, per_core_second, rate_of};

/// As many as do not fit a near cache with the points that they look up.
pub(crate) const SIGNATURES: u32 = 4_096;
/// Signatures of a batch.
pub(crate) const BATCH: usize = 512;

/// An algorithm with its signer.
pub(crate) trait Measured: Algorithm {
    /// The first part of its figures' names.
    const NAME: &str;
    fn suite() -> Suite;
    fn key(point: &[u8], width: Width) -> Result<KnownKey<Self>, BadKey>;
}

impl Measured for Sm2 {
    const NAME: &str = "sm2";

    fn suite() -> Suite {
        Suite::sm2()
    }

    fn key(point: &[u8], width: Width) -> Result<KnownKey<Self>, BadKey> {
        KnownKey::new(point, DEFAULT_USER_ID, width)
    }
}

impl Measured for Es256 {
    const NAME: &str = "es256";

    fn suite() -> Suite {
        Suite::Es256
    }

    fn key(point: &[u8], width: Width) -> Result<KnownKey<Self>, BadKey> {
        KnownKey::es256(point, width)
    }
}

/// A way to take a batch: how its messages are hashed, and how its signatures are verified.
pub(crate) struct Way<A: Algorithm> {
    digests: fn(&[(&KnownKey<A>, &[u8])]) -> Vec<[u8; 32]>,
    verify: fn(&[Item<'_, A>]) -> Vec<Result<(), Rejected>>,
}

impl<A: Algorithm> Way<A> {
    /// The best that the processor has.
    pub(crate) const BEST: Self = Self {
        digests,
        verify: verify_batch,
    };

    /// Points without vectors; hashing without AVX-512.
    pub(crate) const SCALAR: Self = Self {
        digests: digests_scalar,
        verify: verify_batch_scalar,
    };
}

/// A key and what it signed.
pub(crate) struct Signed<A: Algorithm = Sm2> {
    pub(crate) key: KnownKey<A>,
    pub(crate) messages: Vec<([u8; 200], sm2_verifier::Signature<A>)>,
}

impl<A: Measured> Signed<A> {
    pub(crate) fn by(secret: u8) -> Result<Self, Failed> {
        let signer = SoftwareSigner::from_secret(&A::suite(), Zeroizing::new([secret; 32]))?;
        let point = signer.public_key().to_sec1();
        let key = A::key(&point, Width::BITS_12)?;
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

    pub(crate) fn items(&self) -> Vec<Item<'_, A>> {
        let item = |(message, signature): &([u8; 200], sm2_verifier::Signature<A>)| Item {
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
        let name = A::NAME;
        rounds.add(&format!("{name}-verify"), one);
        let best = self.batches(turn, BATCH, &Way::BEST)?;
        rounds.add(&format!("{name}-verify-batch"), best);
        let scalar = self.batches(turn, BATCH, &Way::SCALAR)?;
        rounds.add(&format!("{name}-verify-batch-scalar"), scalar);
        Ok(())
    }

    /// Signatures a second in batches of `size`, hashing included.
    pub(crate) fn batches(&self, turn: Duration, size: usize, way: &Way<A>) -> Result<f64, Failed> {
        let mut next = self.messages.chunks_exact(size).cycle();
        let mut texts: Vec<(&KnownKey<A>, &[u8])> = Vec::with_capacity(size);
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

/// One line for each figure and peer.
pub(crate) fn tell<A: Measured>(rounds: &Rounds, peers: &[&str]) -> Result<(), Failed> {
    let name = A::NAME;
    let batch = format!("{name}-verify-batch");
    rounds.tell(&format!("{name}-verify"), "1/s", peers)?;
    rounds.tell(&batch, "1/s", peers)?;
    rounds.tell(&format!("{batch}-scalar"), "1/s", peers)?;
    let avx512 = format!("{batch}-avx512");
    if has_avx512() {
        rounds.tell_as(&avx512, &batch, "1/s", peers)
    } else {
        absent(
            &avx512,
            "this processor has no AVX-512 with 52-bit multiply-add",
        )
    }
}
