use super::*;
use crate::{
    samples::{CREDENTIAL, instant, second, signer, suites, trusted, trusted_online, verified},
    suite::Suite,
};

const RENEWED: &str = "2021-09-14T00:00:00Z";

#[test]
fn a_stamp_of_each_suite_verifies_for_its_credential_and_no_other() {
    for suite in suites() {
        let signer = signer(&suite, 0x22);
        let trust = verified(vec![trusted_online(signer.public_key())]);
        let stamp = Stamp::sign(&signer, &CREDENTIAL, second(RENEWED)).unwrap();
        let again = Stamp::from_cbor(&stamp.to_cbor()).unwrap();
        assert_eq!(again, stamp);
        assert!(again.verify(&CREDENTIAL, &trust).is_ok());
        let other = CredentialId::from_bytes([1; 16]);
        assert_eq!(
            stamp.verify(&other, &trust),
            Err(StampRefusal::BadSignature)
        );
        let later = Stamp {
            renewed_at: second("2021-09-15T00:00:00Z"),
            ..stamp.clone()
        };
        assert_eq!(
            later.verify(&CREDENTIAL, &trust),
            Err(StampRefusal::BadSignature)
        );
    }
}

#[test]
fn each_thing_that_is_wrong_with_its_key_has_its_own_reason() {
    let signer = signer(&Suite::Es256, 0x22);
    let stamp = Stamp::sign(&signer, &CREDENTIAL, second(RENEWED)).unwrap();
    let verify = |key: TrustedKey| {
        let trust = verified(vec![key]);
        stamp.verify(&CREDENTIAL, &trust).err()
    };
    let good = trusted_online(signer.public_key());
    assert_eq!(verify(good.clone()), None);
    let of_licences = trusted(signer.public_key(), KeyState::Active);
    assert_eq!(verify(of_licences), Some(StampRefusal::KeyWrongUse));
    let stranger = crate::samples::signer(&Suite::Es256, 0x23);
    assert_eq!(
        verify(trusted_online(stranger.public_key())),
        Some(StampRefusal::KeyUnknown)
    );
    let at = good.not_before;
    assert_eq!(
        verify(TrustedKey {
            state: KeyState::Revoked { at },
            ..good.clone()
        }),
        Some(StampRefusal::KeyDistrusted)
    );
    assert_eq!(
        verify(TrustedKey {
            not_after: at,
            ..good.clone()
        }),
        Some(StampRefusal::KeyNotValidThen)
    );
    let rewritten = Stamp {
        signature: stamp.signature.with_other_s(),
        ..stamp
    };
    assert_eq!(
        rewritten.verify(&CREDENTIAL, &verified(vec![good])),
        Err(StampRefusal::Malleated)
    );
}

#[test]
fn it_holds_for_a_week() {
    let signer = signer(&Suite::sm2(), 0x22);
    let stamp = Stamp::sign(&signer, &CREDENTIAL, second(RENEWED)).unwrap();
    for (at, expected) in [
        ("2021-09-13T23:59:29Z", Err(StampLapse::NotYetValid)),
        ("2021-09-13T23:59:30Z", Ok(())),
        ("2021-09-20T23:59:59Z", Ok(())),
        ("2021-09-21T00:00:00Z", Err(StampLapse::Stale)),
    ] {
        assert_eq!(stamp.check_term(instant(at)), expected, "{at}");
    }
}
