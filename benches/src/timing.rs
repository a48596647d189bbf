//! Whether signing takes the same time for every secret: as dudect does it (Reparaz, Balasch, Verbauwhede 2017).
//!
//! Two classes of secrets are timed in random order, and Welch's t-test asks whether their means differ, on all
//! samples below several percentiles, since what interrupts a sample says nothing. |t| above 10 is a leak, below 5
//! is none that so many samples show. Verification, which hides nothing, shows that a difference is found; where
//! only one class is left among the fastest, t is no number.

use std::{hint::black_box, time::Instant};

use credential::{Signer as _, SoftwareSigner, Suite};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use sm2_verifier::{DEFAULT_USER_ID, KnownKey, Signature, Width, generator_multiple_x};
use zeroize::Zeroizing;

use crate::figure::{Failed, note};

/// Samples of a comparison.
const SAMPLES: usize = 200_000;
/// Prepared secrets of the random class.
const SECRETS: usize = 256;
/// Samples in a thousand that are kept, the fastest ones.
const KEPT: [usize; 5] = [1_000, 990, 900, 500, 250];

pub(crate) fn run() -> Result<(), Failed> {
    let mut rng = StdRng::seed_from_u64(1);
    let mut random = || -> [u8; 32] {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        // Below the order.
        bytes[0] >>= 1;
        bytes
    };
    let secrets: Vec<[u8; 32]> = (0..SECRETS).map(|_| random()).collect();
    let mut one = [0; 32];
    one[31] = 1;
    for (name, fixed) in [("one", one), ("half of all bits", [0x55; 32])] {
        let multiple = |secret: &[u8; 32]| generator_multiple_x(secret).is_some();
        let name = format!("k of {name}, k at random");
        tell(&name, fixed, &secrets, multiple)?;
    }
    let signer = SoftwareSigner::from_secret(&Suite::sm2(), Zeroizing::new([0x42; 32]))?;
    // The nonce follows from the message.
    let sign = |message: &[u8; 32]| signer.sign(message).is_ok();
    tell(
        "one message signed, messages at random",
        one,
        &secrets,
        sign,
    )?;
    control(&signer, one, &secrets)
}

/// s of one, s at random: what a difference looks like.
fn control(signer: &SoftwareSigner, one: [u8; 32], secrets: &[[u8; 32]]) -> Result<(), Failed> {
    let point = signer.public_key().to_sec1();
    let key = KnownKey::new(&point, DEFAULT_USER_ID, Width::BITS_12)?;
    key.prepare();
    let verify = |secret: &[u8; 32]| {
        let raw = [*secret, *secret].concat();
        Signature::from_raw(&raw).is_ok_and(|it| key.verify_digest(&[7; 32], &it).is_err())
    };
    let name = "to compare, verification of r = s = 1, r and s at random";
    tell(name, one, secrets, verify)
}

/// Times `work` on the fixed value and on random ones in turn. Both lie in as much memory.
fn tell(
    name: &str,
    fixed: [u8; 32],
    random: &[[u8; 32]],
    work: impl Fn(&[u8; 32]) -> bool,
) -> Result<(), Failed> {
    let mut rng = StdRng::seed_from_u64(2);
    let fixed = vec![fixed; random.len()];
    let mut samples = Vec::with_capacity(SAMPLES);
    for (fixed, random) in fixed.iter().zip(random).cycle().take(SAMPLES) {
        let is_fixed = rng.next_u32() & 1 == 0;
        let value = if is_fixed { fixed } else { random };
        let started = Instant::now();
        let done = work(black_box(value));
        let took = started.elapsed();
        if !done {
            return Err(Failed::new("what is timed does not work"));
        }
        samples.push((took.as_secs_f64() * 1e9, is_fixed));
    }
    samples.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let of_kept = KEPT.map(|kept| {
        let fastest = samples.iter().take(SAMPLES / 1_000 * kept);
        let t = welch(fastest);
        format!("{t:.1}")
    });
    note(&format!(
        "timing, {name}: t of all, 99, 90, 50, 25 % of {SAMPLES}: {}",
        of_kept.join(" ")
    ));
    Ok(())
}

/// Welch's t of two classes.
fn welch<'a>(samples: impl Iterator<Item = &'a (f64, bool)>) -> f64 {
    // Count, mean, and sum of squared distances (Welford).
    let (mut of_fixed, mut of_random) = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0));
    for (took, is_fixed) in samples {
        let class = if *is_fixed {
            &mut of_fixed
        } else {
            &mut of_random
        };
        let (count, mean, squares) = class;
        *count += 1.0;
        let distance = took - *mean;
        *mean += distance / *count;
        *squares += distance * (took - *mean);
    }
    let (fixed, mean_fixed, squares_fixed) = of_fixed;
    let (random, mean_random, squares_random) = of_random;
    let variance = |squares: f64, count: f64| squares / (count - 1.0) / count;
    let both = variance(squares_fixed, fixed) + variance(squares_random, random);
    (mean_fixed - mean_random) / f64::sqrt(both)
}
