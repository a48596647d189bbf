//! Against the `sm2` crate, and against the published vector.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "helpers of tests: a wrong length or number must stop the test"
)]

use rand::{Rng, SeedableRng, rngs::StdRng};
use sm2::dsa::{
    SigningKey,
    signature::{Signer as _, Verifier as _},
};
use sm2_verifier::{DEFAULT_USER_ID, Item, KnownKey, Signature, Width, verify_batch};

struct Pair {
    oracle: sm2::dsa::VerifyingKey,
    signing: SigningKey,
    ours: KnownKey,
}

fn pair(rng: &mut StdRng, width: Width) -> Pair {
    loop {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        let Ok(signing) = SigningKey::from_slice("1234567812345678", &bytes) else {
            continue;
        };
        let oracle = signing.verifying_key().clone();
        let point = oracle.to_sec1_bytes();
        let ours = KnownKey::new(&point, DEFAULT_USER_ID, width).unwrap();
        return Pair {
            oracle,
            signing,
            ours,
        };
    }
}

fn message(rng: &mut StdRng) -> Vec<u8> {
    let mut message = vec![0; usize::from(rng.next_u32() as u8)];
    rng.fill_bytes(&mut message);
    message
}

/// What the oracle says of a raw signature.
fn oracle(pair: &Pair, message: &[u8], raw: &[u8; 64]) -> bool {
    sm2::dsa::Signature::from_slice(raw).is_ok_and(|s| pair.oracle.verify(message, &s).is_ok())
}

/// A signature with something changed, or not.
fn damaged(rng: &mut StdRng, raw: [u8; 64]) -> [u8; 64] {
    const N: &str = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123";
    let mut out = raw;
    let n = hex::decode(N).unwrap();
    match rng.next_u32() % 10 {
        0 => out[..32].fill(0),
        1 => out[32..].fill(0),
        2 => out[..32].copy_from_slice(&n),
        3 => out[32..].copy_from_slice(&n),
        4 => out.fill(0xff),
        5 => {
            // s = n - r: the sum of both is n.
            let mut borrow = 0_i16;
            for i in (0..32).rev() {
                let difference = i16::from(n[i]) - i16::from(raw[i]) - borrow;
                borrow = i16::from(difference < 0);
                out[32 + i] = difference.rem_euclid(256) as u8;
            }
        }
        6 => out.swap_with_slice(&mut [raw[32..].to_vec(), raw[..32].to_vec()].concat()),
        7 | 8 => out[(rng.next_u32() % 64) as usize] ^= 1 << (rng.next_u32() % 8),
        _ => {}
    }
    out
}

#[test]
fn random_and_malformed_signatures_are_judged_as_by_another_implementation() {
    let mut rng = StdRng::seed_from_u64(32918);
    let widths = [5, 8, 12, 13].map(|bits| Width::new(bits).unwrap());
    let pairs = widths.map(|width| pair(&mut rng, width));
    let mut good = 0;
    let mut cases = Vec::new();
    for case in 0..10_000_usize {
        let pair = &pairs[case % pairs.len()];
        let message = message(&mut rng);
        let raw: [u8; 64] = pair.signing.sign(&message).to_bytes().into();
        let raw = if case % 2 == 0 {
            raw
        } else {
            damaged(&mut rng, raw)
        };
        let expected = oracle(pair, &message, &raw);
        good += usize::from(expected);
        let found = Signature::from_raw(&raw);
        let alone = found.is_ok_and(|signature| pair.ours.verify(&message, &signature).is_ok());
        assert_eq!(alone, expected, "case {case}");
        if let Ok(signature) = found {
            let digest = pair.ours.digest(&message);
            cases.push((
                Item {
                    key: &pair.ours,
                    digest,
                    signature,
                },
                expected,
            ));
        }
    }
    assert!(good > 5_000 && good < 7_500, "{good}");
    for size in [1, 2, 3, 4, 5, 127, 128, 129, 1_000, cases.len()] {
        for chunk in cases.chunks(size).take(12) {
            let items: Vec<_> = chunk.iter().map(|(item, _)| *item).collect();
            let answers: Vec<_> = verify_batch(&items)
                .into_iter()
                .map(|it| it.is_ok())
                .collect();
            let expected: Vec<_> = chunk.iter().map(|(_, expected)| *expected).collect();
            assert_eq!(answers, expected, "batches of {size}");
        }
    }
}

#[test]
fn larger_tables_answer_alike() {
    let mut rng = StdRng::seed_from_u64(1);
    let pair = pair(&mut rng, Width::BITS_8);
    let raw: [u8; 64] = pair.signing.sign(b"message").to_bytes().into();
    let signature = Signature::from_raw(&raw).unwrap();
    assert_eq!(pair.ours.bytes(), 0);
    pair.ours.verify(b"message", &signature).unwrap();
    let small = pair.ours.bytes();
    assert_eq!(small, Width::BITS_8.bytes());
    pair.ours.grow(Width::new(13).unwrap());
    assert!(pair.ours.bytes() > small);
    pair.ours.verify(b"message", &signature).unwrap();
    pair.ours.verify(b"other", &signature).unwrap_err();
}

/// The vector of GM/T 0003.2's curve with the default user id.
#[test]
fn the_published_vector_verifies() {
    const D: &str = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8";
    const ZA: &str = "b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3";
    const R: &str = "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3";
    const S: &str = "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa";
    let d = hex::decode(D).unwrap();
    let signing = SigningKey::from_slice("1234567812345678", &d).unwrap();
    let point = signing.verifying_key().to_sec1_bytes();
    for point in [&point[..], &point[1..]] {
        let key = KnownKey::new(point, DEFAULT_USER_ID, Width::BITS_8).unwrap();
        assert_eq!(hex::encode(key.za()), ZA);
        let signature = Signature::from_raw(&hex::decode(format!("{R}{S}")).unwrap()).unwrap();
        key.verify(b"message digest", &signature).unwrap();
        key.verify(b"message digesU", &signature).unwrap_err();
    }
}
