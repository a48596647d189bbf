//! Against other implementations, and against published vectors: SM2 beside the `sm2` crate and OpenSSL, ES256 beside
//! the `p256` crate, `aws-lc-rs` and OpenSSL.
//!
//! Ten thousand cases each, half of them malformed in some way; `SM2_VERIFIER_CASES=1100000` asks for more, and
//! `SM2_VERIFIER_DAMAGED=11` for one malformed of so many.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "helpers of tests: a wrong length or number must stop the test"
)]

mod agreement;
mod openssl;
mod oracle;
mod wycheproof_vectors;

use std::{fs, io::Write as _, ops::Range};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use rand::{Rng, SeedableRng, rngs::StdRng};
use sm2_verifier::{
    DEFAULT_USER_ID, Es256, Item, KnownKey, Signature, Sm2, Width, verify_batch,
    verify_batch_scalar,
};

use agreement::Pairs;
use openssl::OpenSsl;
use oracle::Oracle;

struct Pair<O: Oracle> {
    signing: O::Signing,
    point: Vec<u8>,
    ours: KnownKey<O>,
}

fn pair<O: Oracle>(rng: &mut StdRng, width: Width) -> Pair<O> {
    loop {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        let Some(signing) = O::signing(&bytes) else {
            continue;
        };
        let point = O::point(&signing);
        let ours = O::known(&point, width).unwrap();
        return Pair {
            signing,
            point,
            ours,
        };
    }
}

fn message(rng: &mut StdRng) -> Vec<u8> {
    let mut message = vec![0; usize::from(rng.next_u32() as u8)];
    rng.fill_bytes(&mut message);
    message
}

/// A signature with something changed, or not.
fn damaged<O: Oracle>(rng: &mut StdRng, raw: [u8; 64]) -> [u8; 64] {
    let mut out = raw;
    let n: [u8; 32] = hex::decode(O::ORDER_HEX).unwrap().try_into().unwrap();
    let (r, s) = (raw.first_chunk().unwrap(), raw.last_chunk().unwrap());
    match rng.next_u32() % 11 {
        0 => out[..32].fill(0),
        1 => out[32..].fill(0),
        2 => out[..32].copy_from_slice(&n),
        3 => out[32..].copy_from_slice(&n),
        4 => out.fill(0xff),
        // With SM2, r + s of n; with ECDSA, the other form of a signature.
        5 => out[32..].copy_from_slice(&difference(&n, r)),
        6 => out[32..].copy_from_slice(&difference(&n, s)),
        7 => out.swap_with_slice(&mut [raw[32..].to_vec(), raw[..32].to_vec()].concat()),
        8 | 9 => out[(rng.next_u32() % 64) as usize] ^= 1 << (rng.next_u32() % 8),
        _ => {}
    }
    out
}

fn difference(a: &[u8; 32], b: &[u8; 32]) -> [u8; 32] {
    let mut out = [0; 32];
    let mut borrow = 0_i16;
    for i in (0..32).rev() {
        let difference = i16::from(a[i]) - i16::from(b[i]) - borrow;
        borrow = i16::from(difference < 0);
        out[i] = difference.rem_euclid(256) as u8;
    }
    out
}

/// Changes the encoding in one of the ways in which encodings go wrong.
fn damage_der(rng: &mut StdRng, der: &mut Vec<u8>) {
    let place = rng.next_u32() as usize % der.len();
    match rng.next_u32() % 8 {
        0 => der[place] ^= 1 << (rng.next_u32() % 8),
        1 => der[place] = rng.next_u32() as u8,
        2 => der.truncate(place),
        3 => der.push(rng.next_u32() as u8),
        4 => drop(der.remove(place)),
        5 => der.insert(place, 0),
        // A longer form of the length.
        6 => der.insert(1, 0x81),
        // A zero in front of r that no sign needs, or one too many.
        _ => {
            der[1] += 1;
            der[3] += 1;
            der.insert(4, 0);
        }
    }
}

/// A number that the environment may set.
fn asked(name: &str, otherwise: usize) -> usize {
    std::env::var_os(name)
        .and_then(|text| text.to_str()?.parse().ok())
        .unwrap_or(otherwise)
}

/// How many cases, and of how many one is damaged.
struct Extent {
    cases: usize,
    damaged_of: usize,
}

impl Extent {
    fn asked() -> Self {
        Self {
            cases: asked("SM2_VERIFIER_CASES", 10_000),
            damaged_of: asked("SM2_VERIFIER_DAMAGED", 2),
        }
    }

    fn is_damaged(&self, case: usize) -> bool {
        case % self.damaged_of == self.damaged_of - 1
    }
}

/// What another library says of a message and a signature by their point: raw, and in DER.
type Opinion = fn(point: &[u8], message: &[u8], raw: &[u8; 64], der: &[u8]) -> (bool, bool);

#[test]
fn sm2_signatures_are_judged_as_by_two_other_implementations() {
    random_and_malformed::<Sm2>(32918, None);
}

#[test]
fn es256_signatures_are_judged_as_by_three_other_implementations() {
    random_and_malformed::<Es256>(1865, Some(of_aws_lc));
}

fn of_aws_lc(point: &[u8], message: &[u8], raw: &[u8; 64], der: &[u8]) -> (bool, bool) {
    let fixed = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    let asn1 = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point);
    (
        fixed.verify(message, raw).is_ok(),
        asn1.verify(message, der).is_ok(),
    )
}

fn random_and_malformed<O: Oracle>(seed: u64, opinion: Option<Opinion>) {
    let mut rng = StdRng::seed_from_u64(seed);
    let widths = [5, 8, 12, 13].map(|bits| Width::new(bits).unwrap());
    let mut openssl = OpenSsl::start();
    let extent = Extent::asked();
    let (mut done, mut good) = (0, 0);
    while done < extent.cases {
        let pairs = widths.map(|width| pair::<O>(&mut rng, width));
        let next = done..extent.cases.min(done + 10_000);
        done = next.end;
        let damaged = |case: usize| extent.is_damaged(case);
        good += judge(&mut rng, &pairs, (next, &damaged), &mut openssl, opinion);
    }
    // All that were left alone, and some of the others, whose damage does no harm.
    let left_alone = done - done / extent.damaged_of;
    let told = writeln!(
        std::io::stderr().lock(),
        "{done} judged alike, {left_alone} left alone, {good} of all good"
    );
    // Whoever closed it does not want to know.
    drop(told);
    assert!(
        (left_alone..left_alone + done / 4).contains(&good),
        "{good}"
    );
}

/// Judges so many cases every way; answers how many signatures were good.
fn judge<O: Oracle>(
    rng: &mut StdRng,
    pairs: &[Pair<O>],
    (some, is_damaged): (Range<usize>, &dyn Fn(usize) -> bool),
    openssl: &mut OpenSsl,
    opinion: Option<Opinion>,
) -> usize {
    let mut cases = Vec::new();
    let mut by_der = Vec::new();
    let mut good = 0;
    let count = some.len();
    for case in some {
        let pair = &pairs[case % pairs.len()];
        let message = message(rng);
        let raw = O::sign(&pair.signing, &message);
        let raw = if is_damaged(case) {
            damaged::<O>(rng, raw)
        } else {
            raw
        };
        let digest = pair.ours.digest(&message);
        let expected = O::verifies(&pair.signing, &digest, &raw).unwrap_or(false);
        good += usize::from(expected);
        let found = Signature::from_raw(&raw);
        let holds = |it: Signature<O>| pair.ours.verify(&message, &it).is_ok();
        assert_eq!(found.is_ok_and(holds), expected, "case {case}");
        let mut der = der(&raw);
        assert_eq!(Signature::from_der(&der), found, "case {case}");
        if is_damaged(case) && rng.next_u32().is_multiple_of(4) {
            damage_der(rng, &mut der);
        }
        openssl.ask::<O>(&pair.point, &message, &der);
        let of_der = Signature::from_der(&der).is_ok_and(holds);
        if let Some(opinion) = opinion {
            let theirs = opinion(&pair.point, &message, &raw, &der);
            assert_eq!(theirs, (expected, of_der), "case {case}");
        }
        by_der.push(of_der);
        let item = found.ok().map(|signature| Item {
            key: &pair.ours,
            digest,
            signature,
        });
        cases.push((item, expected));
    }
    let of_openssl = openssl.answers(count);
    assert!(of_openssl == by_der, "OpenSSL differs");
    let in_range = cases.iter();
    let in_range = in_range.filter_map(|(item, expected)| Some(((*item)?, *expected)));
    agree_in_batches(&in_range.collect::<Vec<_>>());
    good
}

/// Batches of many sizes answer as expected of each.
fn agree_in_batches<O: Oracle>(cases: &[(Item<'_, O>, bool)]) {
    let sizes = [1, 2, 3, 4, 5, 7, 8, 9, 127, 128, 129, 256, 257, 1_000];
    for size in sizes.into_iter().chain([cases.len()]) {
        for chunk in cases.chunks(size.max(1)).take(12) {
            let (items, expected): (Vec<_>, Vec<_>) = chunk.iter().copied().unzip();
            for answers in [verify_batch(&items), verify_batch_scalar(&items)] {
                let answers: Vec<_> = answers.iter().map(Result::is_ok).collect();
                assert_eq!(answers, expected, "batches of {size}");
            }
        }
    }
}

/// SEQUENCE { INTEGER r, INTEGER s } of whatever numbers.
fn der(raw: &[u8; 64]) -> Vec<u8> {
    let mut content = Vec::new();
    for number in raw.chunks(32) {
        let zeros = number.iter().take_while(|byte| **byte == 0).count().min(31);
        let digits = &number[zeros..];
        let sign = usize::from(digits[0] >= 0x80);
        content.extend([2, (digits.len() + sign) as u8]);
        content.extend(&[0][..sign]);
        content.extend(digits);
    }
    [&[0x30, content.len() as u8][..], &content].concat()
}

fn larger_tables_answer_alike_of<O: Oracle>() {
    let mut rng = StdRng::seed_from_u64(1);
    let pair = pair::<O>(&mut rng, Width::BITS_8);
    let signature = Signature::from_raw(&O::sign(&pair.signing, b"message")).unwrap();
    assert_eq!(pair.ours.bytes(), 0);
    pair.ours.verify(b"message", &signature).unwrap();
    let small = pair.ours.bytes();
    assert_eq!(small, Width::BITS_8.bytes());
    pair.ours.grow(Width::new(13).unwrap());
    assert!(pair.ours.bytes() > small);
    pair.ours.verify(b"message", &signature).unwrap();
    pair.ours.verify(b"other", &signature).unwrap_err();
    assert_eq!(pair.ours.point()[..], pair.point[..]);
}

#[test]
fn larger_tables_answer_alike() {
    larger_tables_answer_alike_of::<Sm2>();
    larger_tables_answer_alike_of::<Es256>();
}

/// The example of GM/T 0003.5-2012, annex A.2 (GB/T 32918.5-2017, annex A): the one of the standard that is on this
/// curve, as its part 2 computes on others.
#[test]
fn the_published_example_verifies() {
    const D: &str = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8";
    const X: &str = "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020";
    const Y: &str = "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13";
    const ZA: &str = "b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3";
    const E: &str = "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640";
    const R: &str = "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3";
    const S: &str = "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa";
    let d: [u8; 32] = hex::decode(D).unwrap().try_into().unwrap();
    let point = Sm2::point(&Sm2::signing(&d).unwrap());
    assert_eq!(hex::encode(&point), format!("04{X}{Y}"));
    for point in [&point[..], &point[1..]] {
        let key = KnownKey::new(point, DEFAULT_USER_ID, Width::BITS_8).unwrap();
        assert_eq!(hex::encode(key.za()), ZA);
        assert_eq!(hex::encode(key.digest(b"message digest")), E);
        let signature = Signature::from_raw(&hex::decode(format!("{R}{S}")).unwrap()).unwrap();
        key.verify(b"message digest", &signature).unwrap();
        key.verify(b"message digesU", &signature).unwrap_err();
    }
}

/// Inputs of the fuzz targets that reach each way of going wrong.
fn the_corpus_agrees<O: Pairs>() {
    let corpora = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus");
    let mut inputs = 0;
    for entry in fs::read_dir(format!("{corpora}/{}", O::CORPUS)).unwrap() {
        agreement::check::<O>(&fs::read(entry.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(inputs > 0, "{} has no inputs", O::CORPUS);
}

#[test]
fn the_corpora_of_the_fuzz_targets_agree() {
    the_corpus_agrees::<Sm2>();
    the_corpus_agrees::<Es256>();
}
