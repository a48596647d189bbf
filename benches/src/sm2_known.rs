//! SM2 signatures by known keys: one at a time, and in batches by either way.
//!
//! Every signature is another one, so that the tables are read all over and not where the last
//! verification left them in a near cache. Hashing the message is part of each figure.

use std::time::{Duration, Instant};

use credential::{Signer as _, SoftwareSigner, Suite};
use sm2_verifier::{
    DEFAULT_USER_ID, Item, KnownKey, Rejected, Width, has_avx512, verify_batch, verify_batch_scalar,
};
use zeroize::Zeroizing;

use crate::{
    figure::{Failed, Rounds, absent, note, per_core_second, rate_of},
    group::Extent,
};

/// As many as do not fit a near cache with the points that they look up.
const SIGNATURES: u32 = 4_096;
/// Signatures of a batch.
const BATCH: usize = 512;

type Verify = fn(&[Item<'_>]) -> Vec<Result<(), Rejected>>;

/// A key and what it signed.
pub(crate) struct Signed {
    key: KnownKey,
    messages: Vec<([u8; 200], sm2_verifier::Signature)>,
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

    fn items(&self) -> Vec<Item<'_>> {
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
        rounds.add("sm2-verify-batch", self.batches(turn, BATCH, verify_batch)?);
        let scalar = self.batches(turn, BATCH, verify_batch_scalar)?;
        rounds.add("sm2-verify-batch-scalar", scalar);
        Ok(())
    }

    /// Signatures a second in batches of `size`.
    fn batches(&self, turn: Duration, size: usize, verify: Verify) -> Result<f64, Failed> {
        let mut next = self.messages.chunks_exact(size).cycle();
        let mut items = Vec::with_capacity(size);
        let batches = rate_of(turn, || {
            items.clear();
            items.extend(
                next.next()
                    .into_iter()
                    .flatten()
                    .map(|(message, signature)| Item {
                        key: &self.key,
                        digest: self.key.digest(message),
                        signature: *signature,
                    }),
            );
            items.len() == size && verify(&items).iter().all(Result::is_ok)
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

/// How it goes with other tables, batches, numbers of keys, and on two cores.
pub(crate) fn series(turn: Duration, extent: Extent) -> Result<(), Failed> {
    widths()?;
    if matches!(extent, Extent::Quick) {
        return Ok(());
    }
    let one = Signed::by(0x42)?;
    for size in [8, 16, 32, 64, 128, 256, 512, 1_024, 4_096] {
        let rate = one.batches(turn, size, verify_batch)?;
        let scalar = one.batches(turn, size, verify_batch_scalar)?;
        note(&format!(
            "batches of {size}: {rate:.0}/s, scalar {scalar:.0}/s"
        ));
    }
    for count in [1, 8, 64] {
        keys(turn, count)?;
    }
    two_cores(&one, turn)
}

/// What tables take.
fn widths() -> Result<(), Failed> {
    let signer = SoftwareSigner::from_secret(&Suite::sm2(), Zeroizing::new([0x43; 32]))?;
    let point = signer.public_key().to_sec1();
    for width in [Width::BITS_8, Width::BITS_12, Width::BITS_16] {
        let key = KnownKey::new(&point, DEFAULT_USER_ID, width)?;
        let started = Instant::now();
        key.prepare();
        let took = started.elapsed();
        note(&format!(
            "table of {} bits: {} bytes, built in {:.1} ms",
            width.bits(),
            key.bytes(),
            took.as_secs_f64() * 1e3
        ));
    }
    Ok(())
}

/// Signatures of several keys in turn: their tables push each other out of the caches.
fn keys(turn: Duration, count: u8) -> Result<(), Failed> {
    let signed: Vec<Signed> = (1..=count).map(Signed::by).collect::<Result<_, _>>()?;
    let of_each: Vec<Vec<Item<'_>>> = signed.iter().map(Signed::items).collect();
    let mixed: Vec<Item<'_>> = (0..usize::try_from(SIGNATURES)?)
        .filter_map(|i| of_each.get(i % of_each.len())?.get(i).copied())
        .collect();
    let mut next = mixed.iter().cycle();
    let one = per_core_second(turn, || {
        next.next().is_some_and(|item| {
            item.key
                .verify_digest(&item.digest, &item.signature)
                .is_ok()
        })
    })?;
    let mut chunks = mixed.chunks_exact(BATCH).cycle();
    let batches = rate_of(turn, || {
        chunks
            .next()
            .is_some_and(|items| verify_batch(items).iter().all(Result::is_ok))
    })?;
    let in_batches = batches * f64::from(u32::try_from(BATCH)?);
    note(&format!(
        "{count} keys, digests given: {one:.0}/s one at a time, {in_batches:.0}/s in batches"
    ));
    Ok(())
}

/// The same work on two threads with the same tables, by the clock on the wall.
fn two_cores(signed: &Signed, turn: Duration) -> Result<(), Failed> {
    let wall = |threads: u32| -> Result<f64, Failed> {
        let started = Instant::now();
        let done: u32 = std::thread::scope(|scope| {
            let work = || {
                let items = signed.items();
                let mut batches = 0_u32;
                while started.elapsed() < turn {
                    let chunks = items.chunks_exact(BATCH);
                    let good = chunks.filter(|items| verify_batch(items).iter().all(Result::is_ok));
                    batches = batches.saturating_add(u32::try_from(good.count()).unwrap_or(0));
                }
                batches
            };
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            threads
                .into_iter()
                .filter_map(|thread| thread.join().ok())
                .sum()
        });
        let signatures = f64::from(done) * f64::from(u32::try_from(BATCH)?);
        Ok(signatures / started.elapsed().as_secs_f64())
    };
    let (one, two) = (wall(1)?, wall(2)?);
    note(&format!(
        "digests given, by the wall: one thread {one:.0}/s, two {two:.0}/s"
    ));
    Ok(())
}
