//! Vectors of published standards.

use credential::{NumericCode, Signature, Signer as _, Suite};
use sm3::{Digest as _, Sm3};

use crate::{bytes, signer, text, vector};

#[test]
fn the_signature_of_gb_t_32918_verifies_and_any_other_does_not() {
    let vector = vector("sm2-signature.json");
    assert_eq!(text(&vector, "user_id"), "1234567812345678");
    let signer = signer(&Suite::sm2(), bytes(&vector, "private_key"));
    let message = text(&vector, "message").as_bytes();
    let (r, s): ([u8; 32], [u8; 32]) = (bytes(&vector, "r"), bytes(&vector, "s"));
    let raw: [u8; 64] = [r, s].concat().try_into().unwrap();
    let good = Signature::from_raw(raw);
    assert_eq!(signer.public_key().verify(message, &good), Ok(()));
    for at in 0..64 {
        let mut changed = raw;
        changed[at] ^= 1;
        let changed = Signature::from_raw(changed);
        assert!(signer.public_key().verify(message, &changed).is_err());
    }
}

/// ZA is not visible from outside; what it is made of is public, so it is computed here with
/// the public key that the crate derives, which proves that key.
#[test]
fn za_of_gb_t_32918_follows_from_the_derived_public_key() {
    let vector = vector("sm2-signature.json");
    let signer = signer(&Suite::sm2(), bytes(&vector, "private_key"));
    let curve = hex::decode(concat!(
        "fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc",
        "28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93",
        "32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7",
        "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0",
    ))
    .unwrap();
    let mut sm3 = Sm3::new();
    sm3.update([0x00, 0x80]);
    sm3.update(text(&vector, "user_id"));
    sm3.update(&curve);
    sm3.update(&signer.public_key().to_sec1()[1..]);
    assert_eq!(hex::encode(sm3.finalize()), text(&vector, "za"));
}

#[test]
fn the_hash_of_gb_t_32905() {
    let vector = vector("sm3.json");
    let digest = Sm3::digest(text(&vector, "message"));
    assert_eq!(hex::encode(digest), text(&vector, "digest"));
}

/// The check digit of the example, as the last digit of a code whose other digits bring the
/// interim digit to the start again: a zero keeps an interim digit of zero.
#[test]
fn the_check_digit_of_damm() {
    let vector = vector("damm.json");
    let tail = format!("{}{}", text(&vector, "digits"), text(&vector, "check"));
    // 77 leads from 0 to 6 to 1, and only a 1 leads on to 0.
    let good: Vec<_> = (0..10)
        .map(|digit| format!("77{digit}{}{tail}", "0".repeat(11)))
        .filter(|code| NumericCode::parse(code).is_ok())
        .collect();
    assert_eq!(good, ["771000000000005724"]);
}
