use super::*;
use crate::{
    samples::{ISSUER, instant, signer, suites, trusted, trusted_online, verified},
    suite::Suite,
};

fn manifest() -> Manifest {
    Manifest {
        iss: ISSUER.to_owned(),
        sub: "san_1".to_owned(),
        iat: instant("2021-09-01T01:00:00Z").as_second(),
        by: "stf_1".to_owned(),
        files: vec![ManifestFile {
            path: "case.json".to_owned(),
            sha256: "ab".repeat(32),
        }],
    }
}

fn checked(text: &str, trust: &VerifiedTrustList) -> Result<Manifest, ManifestRefusal> {
    UnverifiedManifest::parse(text)?.verify(trust)
}

#[test]
fn r76_a_manifest_of_each_suite_comes_back_as_it_was_signed() {
    for suite in suites() {
        let online = signer(&suite, 0x22);
        let trust = verified(vec![trusted_online(online.public_key())]);
        let text = sign_manifest(&manifest(), &online).unwrap();
        assert_eq!(checked(&text, &trust), Ok(manifest()), "{suite}");
    }
}

#[test]
fn r76_an_altered_manifest_is_not_believed() {
    let online = signer(&Suite::Es256, 0x22);
    let trust = verified(vec![trusted_online(online.public_key())]);
    let text = sign_manifest(&manifest(), &online).unwrap();
    let (signed, signature) = text.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let other = Manifest {
        by: "stf_2".to_owned(),
        ..manifest()
    };
    let forged = format!("{header}.{}.{signature}", part(&other));
    assert_eq!(checked(&forged, &trust), Err(ManifestRefusal::BadSignature));

    let stranger = sign_manifest(&manifest(), &signer(&Suite::Es256, 0x23)).unwrap();
    assert_eq!(checked(&stranger, &trust), Err(ManifestRefusal::UnknownKey));
}

#[test]
fn r76_a_key_of_another_use_state_or_time_signs_no_manifest() {
    let key = signer(&Suite::Es256, 0x22);
    let public = key.public_key();
    let text = sign_manifest(&manifest(), &key).unwrap();
    let licence = verified(vec![trusted(public, KeyState::Active)]);
    assert_eq!(checked(&text, &licence), Err(ManifestRefusal::WrongUse));
    let revoked = TrustedKeyOf(KeyState::Revoked {
        at: crate::samples::second("2021-07-01T00:00:00Z"),
    });
    let trust = verified(vec![revoked.online(public)]);
    assert_eq!(checked(&text, &trust), Err(ManifestRefusal::KeyDistrusted));
    let retired = verified(vec![TrustedKeyOf(KeyState::Retired).online(public)]);
    assert_eq!(checked(&text, &retired), Ok(manifest()));
    let late = Manifest {
        iat: instant("2023-01-01T00:00:00Z").as_second(),
        ..manifest()
    };
    let text = sign_manifest(&late, &key).unwrap();
    let trust = verified(vec![trusted_online(public)]);
    assert_eq!(
        checked(&text, &trust),
        Err(ManifestRefusal::KeyNotValidThen)
    );
}

struct TrustedKeyOf(KeyState);

impl TrustedKeyOf {
    fn online(&self, key: &crate::key::PublicKey) -> crate::trust::TrustedKey {
        crate::trust::TrustedKey {
            state: self.0,
            ..trusted_online(key)
        }
    }
}

#[test]
fn r76_what_does_not_follow_the_form_is_no_manifest() {
    let key = signer(&Suite::Es256, 0x22);
    let sign = |header: &str, payload: &str| {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", encode(header), encode(payload));
        let signature = key.sign(signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_raw()))
    };
    let kid = key.key_id();
    let good = format!("{{\"alg\":\"ES256\",\"kid\":\"{kid}\",\"typ\":\"{TYPE}\"}}");
    let payload = serde_json::to_string(&manifest()).unwrap();
    assert!(UnverifiedManifest::parse(&sign(&good, &payload)).is_ok());

    let twice = Manifest {
        files: vec![manifest().files[0].clone(), manifest().files[0].clone()],
        ..manifest()
    };
    for (header, payload) in [
        (good.replace(TYPE, "statuslist+jwt"), payload.clone()),
        (
            good.replace("\"alg\"", "\"b64\":false,\"alg\""),
            payload.clone(),
        ),
        (good.clone(), payload.replace("\"by\"", "\"more\":1,\"by\"")),
        (good.clone(), payload.replace("\"iat\"", "\"at\"")),
        (good.clone(), serde_json::to_string(&twice).unwrap()),
    ] {
        let refused = UnverifiedManifest::parse(&sign(&header, &payload));
        assert_eq!(refused.unwrap_err(), ManifestRefusal::Malformed, "{header}");
    }
    for text in ["", "a.b", "a.b.c", "....", &"a".repeat(MAX_MANIFEST + 1)] {
        assert!(UnverifiedManifest::parse(text).is_err());
    }
    let other = good.replace("ES256", "SM2");
    let trust = verified(vec![trusted_online(key.public_key())]);
    assert_eq!(
        checked(&sign(&other, &payload), &trust),
        Err(ManifestRefusal::AlgorithmMismatch)
    );
}
