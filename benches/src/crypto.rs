//! `crypto`: signatures, a second of one core.

use std::time::Duration;

use aws_lc_rs::signature as aws;
use credential::{Signature, Signer as _, SoftwareSigner, Suite};
use ring::signature as ring_signature;
use sm2::dsa::signature::{Signer as _, Verifier as _};
use sm2_verifier::{Es256, Sm2};
use zeroize::Zeroizing;

use crate::{
    batch_file::{self, BatchFile},
    figure::{Failed, Rounds, note, per_core_second},
    group::Extent,
    known::{self, Signed},
    openssl, sm2_series,
};

/// A secret scalar of either curve.
const SECRET: [u8; 32] = [0x42; 32];
/// About as much as a code signs.
const MESSAGE: [u8; 200] = [0x5a; 200];

const ROUNDS: u32 = 3;

/// How long each contestant of a round works.
pub(crate) fn turn(extent: Extent) -> Duration {
    match extent {
        Extent::Quick => Duration::from_millis(200),
        Extent::Full => Duration::from_secs(2),
    }
}

pub(crate) fn run(extent: Extent) -> Result<(), Failed> {
    note(
        "per second of one core's own time; messages of 200 bytes, hashed; OpenSSL: its own `speed`, a digest",
    );
    let turn = turn(extent);
    let (sm2, es256) = (Signed::<Sm2>::by(0x42)?, Signed::<Es256>::by(0x42)?);
    let file = BatchFile::make()?;
    let mut rounds = Rounds::default();
    for _ in 0..ROUNDS {
        file.round(&mut rounds)?;
        ours(&mut rounds, turn)?;
        sm2.round(&mut rounds, turn)?;
        es256.round(&mut rounds, turn)?;
        with_aws(&mut rounds, turn)?;
        with_ring(&mut rounds, turn)?;
        with_sm2(&mut rounds, turn)?;
        openssl::speed(&mut rounds);
    }
    let peers = ["openssl-p256/sign", "openssl-sm2/sign", "sm2-crate/sign"];
    rounds.tell("sm2-sign", "1/s", &peers)?;
    let peers = [
        "openssl-p256/verify",
        "openssl-sm2/verify",
        "sm2-crate/verify",
    ];
    known::tell::<Sm2>(&rounds, &peers)?;
    let peers = ["openssl-p256/sign", "aws-lc-rs/sign", "ring/sign"];
    rounds.tell("es256-sign", "1/s", &peers)?;
    let peers = ["openssl-p256/verify", "aws-lc-rs/verify", "ring/verify"];
    known::tell::<Es256>(&rounds, &peers)?;
    rounds.tell("es256-verify-unknown-key", "1/s", &peers)?;
    batch_file::tell(&rounds)?;
    sm2_series::run(turn, extent)
}

/// Through the signer and the key of a suite, as everything else does. Known keys are those of [`crate::known`].
fn ours(rounds: &mut Rounds, turn: Duration) -> Result<(), Failed> {
    for (name, suite) in [("sm2", Suite::sm2()), ("es256", Suite::Es256)] {
        let signer = SoftwareSigner::from_secret(&suite, Zeroizing::new(SECRET))?;
        let rate = per_core_second(turn, || signer.sign(&MESSAGE).is_ok())?;
        rounds.add(&format!("{name}-sign"), rate);
        if name == "sm2" {
            continue;
        }
        let signature: Signature = signer.sign(&MESSAGE)?;
        let key = signer.public_key();
        let verified = per_core_second(turn, || key.verify(&MESSAGE, &signature).is_ok())?;
        rounds.add(&format!("{name}-verify-unknown-key"), verified);
    }
    Ok(())
}

pub(crate) fn with_aws(rounds: &mut Rounds, turn: Duration) -> Result<(), Failed> {
    let random = aws_lc_rs::rand::SystemRandom::new();
    let point = p256_point()?;
    let pair = aws::EcdsaKeyPair::from_private_key_and_public_key(
        &aws::ECDSA_P256_SHA256_FIXED_SIGNING,
        &SECRET,
        &point,
    )?;
    let signed = per_core_second(turn, || pair.sign(&random, &MESSAGE).is_ok())?;
    rounds.add("aws-lc-rs/sign", signed);
    let signature = pair.sign(&random, &MESSAGE)?;
    let key = aws::ParsedPublicKey::new(&aws::ECDSA_P256_SHA256_FIXED, point)?;
    let verified = per_core_second(turn, || {
        key.verify_sig(&MESSAGE, signature.as_ref()).is_ok()
    })?;
    rounds.add("aws-lc-rs/verify", verified);
    Ok(())
}

pub(crate) fn with_ring(rounds: &mut Rounds, turn: Duration) -> Result<(), Failed> {
    let random = ring::rand::SystemRandom::new();
    let point = p256_point()?;
    let pair = ring_signature::EcdsaKeyPair::from_private_key_and_public_key(
        &ring_signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        &SECRET,
        &point,
        &random,
    )?;
    let signed = per_core_second(turn, || pair.sign(&random, &MESSAGE).is_ok())?;
    rounds.add("ring/sign", signed);
    let signature = pair.sign(&random, &MESSAGE)?;
    let key =
        ring_signature::UnparsedPublicKey::new(&ring_signature::ECDSA_P256_SHA256_FIXED, point);
    let verified = per_core_second(turn, || key.verify(&MESSAGE, signature.as_ref()).is_ok())?;
    rounds.add("ring/verify", verified);
    Ok(())
}

pub(crate) fn with_sm2(rounds: &mut Rounds, turn: Duration) -> Result<(), Failed> {
    let Suite::Sm2Sm3(user_id) = Suite::sm2() else {
        return Err(Failed::new("SM2 is another suite"));
    };
    let key = sm2::dsa::SigningKey::from_slice(user_id.as_str(), &SECRET)?;
    let signed = per_core_second(turn, || key.try_sign(&MESSAGE).is_ok())?;
    rounds.add("sm2-crate/sign", signed);
    let signature = key.try_sign(&MESSAGE)?;
    let key = key.verifying_key();
    let verified = per_core_second(turn, || key.verify(&MESSAGE, &signature).is_ok())?;
    rounds.add("sm2-crate/verify", verified);
    Ok(())
}

fn p256_point() -> Result<[u8; 65], Failed> {
    let signer = SoftwareSigner::from_secret(&Suite::Es256, Zeroizing::new(SECRET))?;
    Ok(signer.public_key().to_sec1())
}
