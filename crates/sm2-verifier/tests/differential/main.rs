//! Against the `sm2` crate and OpenSSL, and against the published vector.
//!
//! Ten thousand cases, half of them malformed in some way; `SM2_VERIFIER_CASES=2000000` for more.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "helpers of tests: a wrong length or number must stop the test"
)]

mod agreement;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Command, Stdio},
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use sm2::dsa::{
    SigningKey,
    signature::{Signer as _, Verifier as _},
};
use sm2_verifier::{
    DEFAULT_USER_ID, Item, KnownKey, Signature, Width, verify_batch, verify_batch_scalar,
};

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

/// Cases of one run; the environment asks for more.
fn cases() -> usize {
    std::env::var_os("SM2_VERIFIER_CASES")
        .and_then(|text| text.to_str()?.parse().ok())
        .unwrap_or(10_000)
}

#[test]
fn random_and_malformed_signatures_are_judged_as_by_two_other_implementations() {
    let mut rng = StdRng::seed_from_u64(32918);
    let widths = [5, 8, 12, 13].map(|bits| Width::new(bits).unwrap());
    let mut openssl = OpenSsl::start();
    let mut left = cases();
    let mut good = 0;
    while left > 0 {
        let pairs = widths.map(|width| pair(&mut rng, width));
        let count = left.min(10_000);
        good += judge(&mut rng, &pairs, count, &mut openssl);
        left -= count;
    }
    let share = good * 100 / cases();
    assert!((50..75).contains(&share), "{good}");
}

/// Judges so many cases every way; answers how many signatures were good.
fn judge(rng: &mut StdRng, pairs: &[Pair], count: usize, openssl: &mut OpenSsl) -> usize {
    let mut cases = Vec::new();
    let mut by_der = Vec::new();
    let mut good = 0;
    for case in 0..count {
        let pair = &pairs[case % pairs.len()];
        let message = message(rng);
        let raw: [u8; 64] = pair.signing.sign(&message).to_bytes().into();
        let raw = if case % 2 == 0 {
            raw
        } else {
            damaged(rng, raw)
        };
        let expected = oracle(pair, &message, &raw);
        good += usize::from(expected);
        let found = Signature::from_raw(&raw);
        let holds = |it: Signature| pair.ours.verify(&message, &it).is_ok();
        assert_eq!(found.is_ok_and(holds), expected, "case {case}");
        let mut der = der(&raw);
        assert_eq!(Signature::from_der(&der), found, "case {case}");
        if case % 8 == 1 {
            damage_der(rng, &mut der);
        }
        openssl.ask(pair, &message, &der);
        by_der.push(Signature::from_der(&der).is_ok_and(holds));
        let item = found.ok().map(|signature| Item {
            key: &pair.ours,
            digest: pair.ours.digest(&message),
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
fn agree_in_batches(cases: &[(Item<'_>, bool)]) {
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

/// OpenSSL's library, asked through a script, since its command line takes one signature a process.
struct OpenSsl {
    child: std::process::Child,
    questions: Vec<u8>,
}

impl OpenSsl {
    fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/differential/openssl.py");
        let child = Command::new("python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        Self {
            child: child.expect("python3 and OpenSSL 3 are needed: cargo xtask setup"),
            questions: Vec::new(),
        }
    }

    fn ask(&mut self, pair: &Pair, message: &[u8], der: &[u8]) {
        let point = pair.oracle.to_sec1_bytes();
        // SEQUENCE { SEQUENCE { id-ecPublicKey, 1.2.156.10197.1.301 }, BIT STRING of the point }.
        let head = "3059301306072a8648ce3d020106082a811ccf5501822d034200";
        let message = match message {
            [] => "-".to_owned(),
            some => hex::encode(some),
        };
        let fields = [
            format!("{head}{}", hex::encode(&point)),
            hex::encode(DEFAULT_USER_ID),
            message,
            hex::encode(der),
        ];
        self.questions
            .extend_from_slice(fields.join(" ").as_bytes());
        self.questions.push(b'\n');
    }

    fn answers(&mut self, count: usize) -> Vec<bool> {
        let questions = std::mem::take(&mut self.questions);
        let mut stdin = self.child.stdin.take().unwrap();
        let mut stdout = BufReader::new(self.child.stdout.take().unwrap());
        let answers = std::thread::scope(|scope| {
            // Beside each other: neither pipe holds everything.
            let asked = scope.spawn(|| {
                stdin.write_all(&questions).unwrap();
                stdin.flush().unwrap();
            });
            let lines = stdout.by_ref().lines().take(count);
            let answers: Vec<bool> = lines.map(|line| line.unwrap() == "1").collect();
            asked.join().unwrap();
            answers
        });
        self.child.stdin = Some(stdin);
        self.child.stdout = Some(stdout.into_inner());
        assert_eq!(answers.len(), count, "OpenSSL's library did not answer");
        answers
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.kill().ok();
        self.child.wait().ok();
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
    let d = hex::decode(D).unwrap();
    let signing = SigningKey::from_slice("1234567812345678", &d).unwrap();
    let point = signing.verifying_key().to_sec1_bytes();
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

/// Inputs of the fuzz target that reach each way of going wrong.
#[test]
fn the_corpus_of_the_fuzz_target_agrees() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/sm2_verify");
    let mut inputs = 0;
    for entry in fs::read_dir(corpus).unwrap() {
        agreement::check(&fs::read(entry.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(inputs > 0, "{corpus} is empty");
}
