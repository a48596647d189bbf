//! Codes that are well formed, with a part that belongs to somebody else or was rewritten.

use credential::{CredentialId, OfflineCode, Signature, Stamp, Suite, profile};

use super::{
    cases::{Case, over},
    forging,
    making::{
        ID, NOW, PORTRAIT, RENEWED, another_device, claims, device, enforcement, honest,
        licence_key, online_key, rest, second, shown, signed, stamp, text,
    },
};

const ES256: Suite = Suite::Es256;

pub(super) fn profiles() -> Vec<Case> {
    let sm2 = Suite::sm2();
    let profile = signed(&claims(), &ES256);
    let (body, signature) = profile.split_at(profile.len() - 64);
    let malleated = [body, &forging::other_form(signature.try_into().unwrap())].concat();
    let mut altered = profile.clone();
    *altered.last_mut().unwrap() ^= 1;
    let by = |key| profile::issue(&claims(), &key).unwrap();
    let stranger = crate::signer(&sm2, [0x12; 32]);
    [
        ("profile altered", altered, "bad-signature"),
        ("unknown key", by(stranger), "foreign-issuer"),
        (
            "profile signed by an online key",
            by(online_key(&sm2)),
            "key-wrong-use",
        ),
        (
            "profile's signature in its other form",
            malleated,
            "signature-malleated",
        ),
    ]
    .into_iter()
    .map(|(name, profile, reason)| Case::new(name, over(profile), &[reason]))
    .collect()
}

pub(super) fn devices() -> Vec<Case> {
    let good = honest(&claims(), &ES256);
    let profile = || good.profile.clone();
    let stamp = || stamp(&ES256);
    let sealed = signed(&enforcement(&rest()), &ES256);
    let later = OfflineCode {
        time: second("2021-09-15T00:00:01Z"),
        ..good.clone()
    };
    let with_portrait = OfflineCode {
        portrait: Some(PORTRAIT.to_vec()),
        ..good.clone()
    };
    let by_another = shown(profile(), stamp(), NOW, None, &another_device());
    let another_portrait = shown(profile(), stamp(), NOW, Some(b"another"), &device());
    let beside = shown(sealed, stamp(), NOW, Some(PORTRAIT), &device());
    [
        (
            "another holder's device",
            by_another,
            "bad-device-signature",
        ),
        ("time changed", later, "bad-device-signature"),
        ("portrait added", with_portrait, "bad-device-signature"),
        (
            "another portrait, signed by the device",
            another_portrait,
            "portrait-mismatch",
        ),
        (
            "a portrait beside an enforcement profile",
            beside,
            "portrait-mismatch",
        ),
    ]
    .into_iter()
    .map(|(name, code, reason)| Case::new(name, text(code), &[reason]))
    .collect()
}

pub(super) fn stamps() -> Vec<Case> {
    let profile = signed(&claims(), &ES256);
    let good = stamp(&ES256);
    let malleated = Stamp {
        signature: Signature::from_raw(forging::other_form(*good.signature.as_raw())),
        ..good.clone()
    };
    let renewed = Stamp {
        renewed_at: second(NOW),
        ..good
    };
    let other = CredentialId::from_bytes([0x50; 16]);
    let by = |key, id| Stamp::sign(&key, id, second(RENEWED)).unwrap();
    [
        (
            "stamp of another credential",
            by(online_key(&ES256), &other),
            "stamp-mismatch",
        ),
        ("stamp given a later time", renewed, "stamp-mismatch"),
        (
            "stamp by a licence key",
            by(licence_key(&ES256), &ID),
            "key-wrong-use",
        ),
        (
            "stamp by an unknown key",
            by(crate::signer(&ES256, [0x23; 32]), &ID),
            "stamp-key-unknown",
        ),
        (
            "stamp's signature in its other form",
            malleated,
            "stamp-malleated",
        ),
    ]
    .into_iter()
    .map(|(name, stamp, reason)| {
        let code = shown(profile.clone(), stamp, NOW, None, &device());
        Case::new(name, text(code), &[reason])
    })
    .collect()
}
