use std::sync::LazyLock;

use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng};

use super::*;
use crate::{
    cwt::Refusal,
    key::KeyId,
    rest::EnforcementSecret,
    samples::{profile, rest, signer, suites, trusted, trusted_online, verified},
    signature::Signature,
    signer::Signer as _,
    suite::Suite,
    trust::{KeyState, TrustedKey, VerifiedTrustList},
};

fn trust() -> VerifiedTrustList {
    verified(
        suites()
            .iter()
            .map(|suite| trusted(signer(suite, 0x11).public_key(), KeyState::Active))
            .collect(),
    )
}

fn enforcement() -> ProfileClaims {
    let mut rng = StdRng::seed_from_u64(9);
    let to = EnforcementSecret::generate(&mut rng).public_key().unwrap();
    crate::code::enforcement(&profile(), &rest(), &to, &mut rng).unwrap()
}

fn verify(bytes: &[u8], trust: &VerifiedTrustList) -> Result<VerifiedProfile, Refusal> {
    UnverifiedProfile::parse(bytes)
        .map_err(Refusal::Malformed)?
        .verify(trust)
}

#[test]
fn both_profiles_come_back_as_they_were_signed_in_both_suites() {
    for suite in suites() {
        for claims in [profile(), enforcement()] {
            let signer = signer(&suite, 0x11);
            let bytes = issue(&claims, &signer).unwrap();
            let verified = verify(&bytes, &trust()).unwrap();
            assert_eq!(verified.claims(), &claims);
            assert_eq!(verified.key().key_id(), signer.key_id());
        }
    }
}

#[test]
fn another_decoder_reads_the_same_claims() {
    for claims in [profile(), enforcement()] {
        let bytes = claims.to_cbor();
        let theirs: ciborium::Value = ciborium::from_reader(bytes.as_slice()).unwrap();
        let mut again = Vec::new();
        ciborium::into_writer(&theirs, &mut again).unwrap();
        assert_eq!(again, bytes);
    }
}

#[test]
fn one_profile_never_passes_for_the_other() {
    let public = profile().to_cbor();
    let sealed = enforcement().to_cbor();
    let refused = |bytes: &[u8], kind| ProfileClaims::from_cbor(bytes, kind).err();
    assert_eq!(
        refused(&public, Kind::Enforcement),
        Some(Malformed::MissingClaim("rest"))
    );
    assert_eq!(
        refused(&sealed, Kind::Public),
        Some(Malformed::UnknownClaim)
    );
}

#[test]
fn sc_42_each_thing_that_is_wrong_with_a_profile_has_its_own_reason() {
    let signer = signer(&Suite::Es256, 0x11);
    let bytes = issue(&profile(), &signer).unwrap();
    let altered = |at: usize| {
        let mut altered = bytes.clone();
        let at = if at == 0 { altered.len() - 1 } else { at };
        altered[at] ^= 1;
        altered
    };
    assert_eq!(verify(&altered(0), &trust()), Err(Refusal::BadSignature));
    let with_key = |key: TrustedKey| verify(&bytes, &verified(vec![key]));
    let key = trusted(signer.public_key(), KeyState::Active);
    assert_eq!(
        with_key(trusted_online(signer.public_key())),
        Err(Refusal::WrongUse)
    );
    let stranger = crate::samples::signer(&Suite::Es256, 0x12);
    assert_eq!(
        with_key(trusted(stranger.public_key(), KeyState::Active)),
        Err(Refusal::Foreign)
    );
    let at = key.not_before;
    assert_eq!(
        with_key(TrustedKey {
            state: KeyState::Revoked { at },
            ..key.clone()
        }),
        Err(Refusal::KeyDistrusted)
    );
    assert_eq!(
        with_key(TrustedKey {
            not_after: key.not_before,
            ..key
        }),
        Err(Refusal::KeyNotValidThen)
    );
    // The header names SM2, the key is one of ES256.
    let prepared = prepare(&profile(), &Suite::sm2(), signer.key_id()).unwrap();
    let signature = signer.sign(&prepared.to_be_signed()).unwrap();
    assert_eq!(
        verify(&prepared.complete(&signature), &trust()),
        Err(Refusal::AlgorithmMismatch)
    );
}

#[test]
fn the_other_form_of_an_es256_signature_is_told_from_the_issuers() {
    let signer = signer(&Suite::Es256, 0x11);
    let bytes = issue(&profile(), &signer).unwrap();
    let signature = *UnverifiedProfile::parse(&bytes).unwrap().signature();
    let other = signature.with_other_s();
    let rewritten = [&bytes[..bytes.len() - 64], other.as_raw()].concat();
    let unverified = UnverifiedProfile::parse(&rewritten).unwrap();
    let key = signer.public_key();
    assert_eq!(key.verify(&unverified.to_be_signed(), &other), Ok(()));
    assert_eq!(verify(&rewritten, &trust()), Err(Refusal::Malleated));
}

#[test]
fn impossible_claims_are_neither_signed_nor_read() {
    let good = profile();
    let key_id = KeyId::from_bytes([1; 16]);
    let refused = |claims: ProfileClaims| prepare(&claims, &Suite::sm2(), &key_id).err();
    assert_eq!(
        refused(ProfileClaims {
            expires_at: good.not_before,
            ..good.clone()
        }),
        Some(Malformed::ClaimValue("exp"))
    );
    assert_eq!(
        refused(ProfileClaims {
            valid_until: Validity::Until(good.valid_from.yesterday().unwrap()),
            ..good.clone()
        }),
        Some(Malformed::ClaimValue("valid_until"))
    );
    assert_eq!(
        refused(ProfileClaims {
            classes: Vec::new(),
            ..good.clone()
        }),
        Some(Malformed::ClaimValue("classes"))
    );
    assert_eq!(
        refused(ProfileClaims {
            masked_number: MaskedNumber("510199199001019917".to_owned()),
            ..good.clone()
        }),
        Some(Malformed::ClaimValue("masked_number")),
        "a full number never gets into a code"
    );
    let long = "测".repeat(170);
    assert_eq!(
        refused(ProfileClaims {
            name: long.clone(),
            authority_code: long,
            ..good
        }),
        Some(Malformed::TooLarge)
    );
}

#[test]
fn numbers_are_masked_in_the_middle() {
    for (number, masked) in [
        ("510199199001019917", "5101**********9917"),
        ("E12345678", "E12***678"),
        ("12345678", "12****78"),
        ("12", "**"),
        ("", ""),
    ] {
        assert_eq!(MaskedNumber::of(number).as_str(), masked);
        assert_eq!(MaskedNumber::of(masked).as_str(), masked);
    }
}

#[test]
fn nothing_personal_shows_in_debug() {
    let bytes = issue(&profile(), &signer(&Suite::sm2(), 0x11)).unwrap();
    let unverified = UnverifiedProfile::parse(&bytes).unwrap();
    let verified = unverified.verify(&trust()).unwrap();
    let shown = format!("{unverified:?} {verified:?} {:?}", profile().masked_number);
    assert!(
        !shown.contains("测试甲") && !shown.contains("5101**"),
        "{shown}"
    );
}

static GOOD: LazyLock<(Vec<u8>, VerifiedTrustList)> = LazyLock::new(|| {
    let bytes = issue(&profile(), &signer(&Suite::sm2(), 0x11)).unwrap();
    (bytes, trust())
});

proptest! {
    #[test]
    fn no_bytes_break_the_parser(bytes: Vec<u8>) {
        prop_assert!(UnverifiedProfile::parse(&bytes).is_err());
        for kind in [Kind::Public, Kind::Enforcement] {
            prop_assert!(ProfileClaims::from_cbor(&bytes, kind).is_err());
        }
    }

    #[test]
    fn no_changed_byte_verifies(at: prop::sample::Index, mask in 1u8..) {
        let (bytes, trust) = &*GOOD;
        let mut bytes = bytes.clone();
        let at = at.index(bytes.len());
        bytes[at] ^= mask;
        prop_assert!(verify(&bytes, trust).is_err());
    }

    #[test]
    fn a_settled_signature_is_settled(raw: [u8; 32]) {
        let signature = Signature::from_raw([raw, raw].concat().try_into().unwrap());
        let settled = signature.settled(&Suite::Es256);
        prop_assert_eq!(settled.settled(&Suite::Es256), settled);
    }
}
