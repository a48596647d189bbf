//! SM2 signatures by known keys: how it goes with other tables, batches and numbers of keys, with caches that
//! hold something else, and on two cores.

use std::time::{Duration, Instant};

use credential::{Signer as _, SoftwareSigner, Suite};
use sm2_verifier::{DEFAULT_USER_ID, Item, KnownKey, KnownKeys, Sm2, Width, verify_batch};
use zeroize::Zeroizing;

use crate::{
    figure::{Failed, note, per_core_second, rate_of},
    group::Extent,
    known::{BATCH, SIGNATURES, Signed, Way},
    sm2_credentials, timing,
};

/// Tables always, the rest under `--full`.
pub(crate) fn run(turn: Duration, extent: Extent) -> Result<(), Failed> {
    widths()?;
    if matches!(extent, Extent::Quick) {
        return Ok(());
    }
    let one = Signed::<Sm2>::by(0x42)?;
    for size in [8, 16, 32, 64, 128, 256, 512, 1_024, 4_096] {
        let rate = one.batches(turn, size, &Way::BEST)?;
        let scalar = one.batches(turn, size, &Way::SCALAR)?;
        note(&format!(
            "batches of {size}: {rate:.0}/s, scalar {scalar:.0}/s"
        ));
    }
    for count in [1, 8, 64] {
        keys(turn, count)?;
    }
    two_cores(&one, turn)?;
    cold(&one)?;
    without_table(turn)?;
    sm2_credentials::run(turn)?;
    timing::run()
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

/// Other work between two verifications leaves nothing of the tables in the near caches.
fn cold(signed: &Signed) -> Result<(), Failed> {
    const TURNS: usize = 300;
    let mut other = vec![1_u64; 32 << 17];
    let mut sweep = || {
        for word in &mut other {
            *word = word.rotate_left(1);
        }
    };
    let items = signed.items();
    let mut alone = Vec::with_capacity(TURNS);
    let mut batch = Vec::with_capacity(TURNS);
    for (item, items) in items.iter().zip(items.chunks_exact(64).cycle()).take(TURNS) {
        sweep();
        let started = Instant::now();
        let good = item.key.verify_digest(&item.digest, &item.signature);
        alone.push(started.elapsed());
        sweep();
        let started = Instant::now();
        let all_good = verify_batch(items).iter().all(Result::is_ok);
        batch.push(started.elapsed() / 64);
        if good.is_err() || !all_good {
            return Err(Failed::new("a good signature is refused"));
        }
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times
            .get(times.len() / 2)
            .map_or(0.0, |it| it.as_secs_f64() * 1e6)
    };
    note(&format!(
        "after 32 MB of other memory, digests given: {:.1} us alone, {:.2} us each of a batch of 64",
        median(&mut alone),
        median(&mut batch)
    ));
    Ok(())
}

/// A key for which the bound on memory leaves no table.
fn without_table(turn: Duration) -> Result<(), Failed> {
    let signed = Signed::<Sm2>::by(0x42)?;
    let keys = KnownKeys::new(0);
    let owner = SoftwareSigner::from_secret(&Suite::sm2(), Zeroizing::new([0x42; 32]))?;
    let bare = keys.key(&owner.public_key().to_sec1(), DEFAULT_USER_ID)?;
    let mut next = signed.messages.iter().cycle();
    let rate = per_core_second(turn, || {
        next.next()
            .is_some_and(|(message, signature)| bare.verify(message, signature).is_ok())
    })?;
    note(&format!("a key without a table: {rate:.0}/s"));
    Ok(())
}
