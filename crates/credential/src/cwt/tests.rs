use super::*;
use crate::{
    samples::{self, second, signer, suites, trusted, verified},
    signer::SoftwareSigner,
    trust::KeyState,
};
use proptest::prelude::*;

fn verify(bytes: &[u8], trust: &VerifiedTrustList) -> Result<Verified, Refusal> {
    Unverified::parse(bytes).unwrap().verify(trust)
}

fn trusting(signer: &SoftwareSigner, state: KeyState) -> VerifiedTrustList {
    verified(vec![trusted(signer.public_key(), state)])
}

#[test]
fn a_credential_verifies_in_each_suite_and_says_what_was_signed() {
    for suite in suites() {
        let signer = signer(&suite, 0x11);
        let bytes = issue(&samples::claims(), &signer).unwrap();
        for state in [KeyState::Active, KeyState::Retired] {
            let verified = verify(&bytes, &trusting(&signer, state)).unwrap();
            assert_eq!(verified.claims(), &samples::claims());
            assert_eq!(verified.key().key_id(), signer.key_id());
        }
    }
}

#[test]
fn prepare_and_complete_apart_give_what_issue_gives() {
    let signer = signer(&Suite::sm2(), 0x11);
    let prepared = prepare(&samples::claims(), signer.suite(), signer.key_id()).unwrap();
    let signature = signer.sign(&prepared.to_be_signed()).unwrap();
    let issued = issue(&samples::claims(), &signer).unwrap();
    assert_eq!(prepared.complete(&signature), issued);
}

#[test]
fn no_byte_of_a_credential_can_be_changed() {
    for suite in suites() {
        let signer = signer(&suite, 0x11);
        let trust = trusting(&signer, KeyState::Active);
        let bytes = issue(&samples::claims(), &signer).unwrap();
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                let verified =
                    Unverified::parse(&changed).map(|credential| credential.verify(&trust));
                assert!(
                    !matches!(verified, Ok(Ok(_))),
                    "{suite} byte {at} flip {flip:#x}"
                );
            }
        }
    }
}

#[test]
fn sc_42_altered_re_signed_and_foreign_have_their_own_reasons() {
    for suite in suites() {
        let ours = signer(&suite, 0x11);
        let theirs = signer(&suite, 0x22);
        let trust = trusting(&ours, KeyState::Active);

        let mut altered = issue(&samples::claims(), &ours).unwrap();
        let name = "测试甲".as_bytes();
        let at = altered
            .windows(name.len())
            .position(|window| window == name)
            .unwrap();
        altered[at..at + name.len()].copy_from_slice("测试乙".as_bytes());
        assert_eq!(verify(&altered, &trust), Err(Refusal::BadSignature));

        let re_signed = issue(&samples::claims(), &theirs).unwrap();
        assert_eq!(verify(&re_signed, &trust), Err(Refusal::ReSigned));

        let elsewhere = LicenceClaims {
            issuer: "XX-ELSEWHERE".to_owned(),
            ..samples::claims()
        };
        let foreign = issue(&elsewhere, &theirs).unwrap();
        assert_eq!(verify(&foreign, &trust), Err(Refusal::Foreign));

        // Under our key's id, which is public, with their key.
        let prepared = prepare(&samples::claims(), &suite, ours.key_id()).unwrap();
        let signature = theirs.sign(&prepared.to_be_signed()).unwrap();
        let forged = prepared.complete(&signature);
        assert_eq!(verify(&forged, &trust), Err(Refusal::BadSignature));
    }
}

#[test]
fn a_distrusted_key_vouches_for_nothing_it_ever_signed() {
    let signer = signer(&Suite::Es256, 0x11);
    let bytes = issue(&samples::claims(), &signer).unwrap();
    let later = second("2021-12-01T00:00:00Z");
    let trust = trusting(&signer, KeyState::Revoked { at: later });
    assert_eq!(verify(&bytes, &trust), Err(Refusal::KeyDistrusted));
}

#[test]
fn a_key_vouches_only_for_its_own_period_to_the_second() {
    let signer = signer(&Suite::Es256, 0x11);
    let trust = trusting(&signer, KeyState::Retired);
    for (signed_at, answer) in [
        ("2021-05-31T23:59:59Z", Some(Refusal::KeyNotValidThen)),
        ("2021-06-01T00:00:00Z", None),
        ("2022-06-01T00:00:00Z", None),
        ("2022-06-01T00:00:01Z", Some(Refusal::KeyNotValidThen)),
    ] {
        let claims = LicenceClaims {
            issued_at: second(signed_at),
            ..samples::claims()
        };
        let bytes = issue(&claims, &signer).unwrap();
        assert_eq!(verify(&bytes, &trust).err(), answer, "{signed_at}");
    }
}

#[test]
fn a_key_vouches_only_in_its_own_issuers_name_and_algorithm() {
    let signer = signer(&Suite::Es256, 0x11);
    let trust = trusting(&signer, KeyState::Active);
    let claims = LicenceClaims {
        issuer: "CN-OTHER".to_owned(),
        ..samples::claims()
    };
    let bytes = issue(&claims, &signer).unwrap();
    assert_eq!(verify(&bytes, &trust), Err(Refusal::IssuerMismatch));

    let prepared = prepare(&samples::claims(), &Suite::sm2(), signer.key_id()).unwrap();
    let signature = signer.sign(&prepared.to_be_signed()).unwrap();
    let other_algorithm = prepared.complete(&signature);
    assert_eq!(
        verify(&other_algorithm, &trust),
        Err(Refusal::AlgorithmMismatch)
    );
}

#[test]
fn an_online_key_vouches_for_no_licence() {
    for suite in suites() {
        let signer = signer(&suite, 0x11);
        let online = TrustedKey {
            key_use: KeyUse::Online,
            ..trusted(signer.public_key(), KeyState::Active)
        };
        let bytes = issue(&samples::claims(), &signer).unwrap();
        let refused = verify(&bytes, &verified(vec![online]));
        assert_eq!(refused, Err(Refusal::WrongUse));
    }
}

#[test]
fn signed_bytes_that_are_no_licence_are_malformed() {
    let signer = signer(&Suite::Es256, 0x11);
    let body = Unsigned::new(
        Content::Licence,
        signer.suite(),
        signer.key_id(),
        vec![0xa0],
    );
    let signature = signer.sign(&body.to_be_signed()).unwrap();
    let refused = verify(
        &body.complete(&signature),
        &trusting(&signer, KeyState::Active),
    );
    assert_eq!(
        refused,
        Err(Refusal::Malformed(Malformed::MissingClaim("licence")))
    );
}

#[test]
fn what_nobody_would_read_is_not_signed() {
    let signer = signer(&Suite::Es256, 0x11);
    let nameless = LicenceClaims {
        name: String::new(),
        ..samples::claims()
    };
    let unfit = IssueError::Unfit(Malformed::ClaimValue("name"));
    assert_eq!(issue(&nameless, &signer), Err(unfit));
    let endless = LicenceClaims {
        classes: (0..4000).map(|n| n.to_string()).collect(),
        ..samples::claims()
    };
    assert_eq!(
        issue(&endless, &signer),
        Err(IssueError::Unfit(Malformed::TooLarge))
    );
    let sm2_holder = LicenceClaims {
        holder_key: Some(samples::signer(&Suite::sm2(), 1).public_key().clone()),
        ..samples::claims()
    };
    assert!(matches!(
        issue(&sm2_holder, &signer),
        Err(IssueError::Unfit(_))
    ));
}

#[test]
fn an_envelope_takes_no_more_than_is_kept_free_for_it() {
    for suite in suites() {
        let signer = signer(&suite, 0x11);
        let claims = samples::claims();
        let around = issue(&claims, &signer).unwrap().len() - claims.to_cbor().len();
        assert!(around <= MAX_ENVELOPE, "{around}");
    }
    assert_eq!(
        Unverified::parse(&vec![0; MAX_CREDENTIAL + 1]).err(),
        Some(Malformed::TooLarge)
    );
}

#[test]
fn no_refusal_says_that_a_licence_was_revoked() {
    for refusal in [
        Refusal::Foreign,
        Refusal::ReSigned,
        Refusal::BadSignature,
        Refusal::AlgorithmMismatch,
        Refusal::KeyDistrusted,
        Refusal::KeyNotValidThen,
        Refusal::IssuerMismatch,
        Refusal::Malformed(Malformed::Truncated),
    ] {
        let shown = refusal.to_string();
        assert!(
            !shown.contains("revoked") && !shown.contains("吊销"),
            "{shown}"
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_break_the_parser(bytes: Vec<u8>) {
        prop_assert!(Unverified::parse(&bytes).is_err());
    }

    #[test]
    fn pieces_of_a_credential_do_not_break_the_parser(from: prop::sample::Index, more: Vec<u8>) {
        let good = issue(&samples::claims(), &signer(&Suite::Es256, 0x11)).unwrap();
        let from = from.index(good.len());
        let extended = [&good[..], &more].concat();
        prop_assert_eq!(Unverified::parse(&extended).is_ok(), more.is_empty());
        let replaced = [&good[..from], &more].concat();
        if let Ok(credential) = Unverified::parse(&replaced) {
            let trust = trusting(&signer(&Suite::Es256, 0x11), KeyState::Active);
            prop_assert_eq!(credential.verify(&trust).is_ok(), replaced == good);
        }
    }
}
