//! OpenSSL's command line, an implementation of other hands: what is signed here verifies there,
//! and what is signed there verifies here.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use credential::{PublicKey, Signature, Signer as _, Suite, Unverified, issue, prepare};
use std::{fs, path::Path, process::Command};
use tempfile::TempDir;

use crate::{on_file, signer};

const SECRET: [u8; 32] = [0x4a; 32];

fn openssl(folder: &Path, line: &str) -> bool {
    let output = Command::new("openssl")
        .args(line.split(' '))
        .current_dir(folder)
        .output()
        .expect("openssl is installed");
    output.status.success()
}

fn pem(label: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        STANDARD.encode(der)
    )
}

/// `PrivateKeyInfo` (RFC 5958) around `ECPrivateKey` (RFC 5915) without its optional parts.
fn pkcs8(suite: &Suite, secret: [u8; 32]) -> Vec<u8> {
    let spki = signer(suite, secret).public_key().to_spki_der();
    // SEQUENCE { id-ecPublicKey, curve }: the same 21 bytes as in the public key.
    let algorithm = &spki[2..23];
    let key = [&[0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20][..], &secret].concat();
    let body = [&[0x02, 0x01, 0x00][..], algorithm, &[0x04, 0x27], &key].concat();
    [&[0x30, u8::try_from(body.len()).unwrap()][..], &body].concat()
}

fn folder(suite: &Suite) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let public = signer(suite, SECRET).public_key().to_spki_der();
    fs::write(folder.path().join("public.pem"), pem("PUBLIC KEY", &public)).unwrap();
    let private = pkcs8(suite, SECRET);
    fs::write(
        folder.path().join("private.pem"),
        pem("PRIVATE KEY", &private),
    )
    .unwrap();
    folder
}

/// The command of the documentation for each suite.
fn verify_line(suite: &Suite) -> String {
    match suite {
        Suite::Es256 => "dgst -sha256 -verify public.pem -signature signature message".to_owned(),
        Suite::Sm2Sm3(id) => format!(
            "pkeyutl -verify -pubin -inkey public.pem -rawin -digest sm3 -in message \
             -sigfile signature -pkeyopt distid:{}",
            id.as_str()
        ),
    }
}

fn sign_line(suite: &Suite) -> String {
    match suite {
        Suite::Es256 => "dgst -sha256 -sign private.pem -out signature message".to_owned(),
        Suite::Sm2Sm3(id) => format!(
            "pkeyutl -sign -inkey private.pem -rawin -digest sm3 -in message -out signature \
             -pkeyopt distid:{}",
            id.as_str()
        ),
    }
}

fn suites() -> [Suite; 3] {
    let other_id = Suite::Sm2Sm3("ALICE123@YAHOO.COM".parse().unwrap());
    [Suite::Es256, Suite::sm2(), other_id]
}

#[test]
fn a_credential_made_here_verifies_in_openssl() {
    for suite in suites() {
        let folder = folder(&suite);
        let signer = signer(&suite, SECRET);
        let prepared = prepare(&on_file::claims(), &suite, signer.key_id()).unwrap();
        let message = prepared.to_be_signed();
        let signature = signer.sign(&message).unwrap();
        fs::write(folder.path().join("message"), &message).unwrap();
        fs::write(folder.path().join("signature"), signature.to_der()).unwrap();
        assert!(openssl(folder.path(), &verify_line(&suite)), "{suite}");

        fs::write(folder.path().join("message"), [&message[..], b"."].concat()).unwrap();
        assert!(!openssl(folder.path(), &verify_line(&suite)), "{suite}");
    }
}

#[test]
fn what_openssl_signs_with_our_key_is_a_credential_here() {
    for suite in suites() {
        let folder = folder(&suite);
        let signer = signer(&suite, SECRET);
        let prepared = prepare(&on_file::claims(), &suite, signer.key_id()).unwrap();
        fs::write(folder.path().join("message"), prepared.to_be_signed()).unwrap();
        assert!(openssl(folder.path(), &sign_line(&suite)), "{suite}");
        let der = fs::read(folder.path().join("signature")).unwrap();
        let credential = prepared.complete(&Signature::from_der(&der).unwrap());
        let trust = on_file::trust(signer.public_key());
        let verified = Unverified::parse(&credential)
            .unwrap()
            .verify(&trust)
            .unwrap();
        assert_eq!(verified.claims(), &on_file::claims());
    }
}

#[test]
fn a_key_made_by_openssl_is_read_and_its_signature_verifies() {
    for (suite, generate) in [
        (
            Suite::Es256,
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out private.pem",
        ),
        (Suite::sm2(), "genpkey -algorithm SM2 -out private.pem"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        assert!(openssl(folder.path(), generate));
        assert!(openssl(
            folder.path(),
            "pkey -in private.pem -pubout -outform DER -out public.der"
        ));
        fs::write(folder.path().join("message"), "a message of theirs").unwrap();
        assert!(openssl(folder.path(), &sign_line(&suite)));
        let spki = fs::read(folder.path().join("public.der")).unwrap();
        let point = &spki[spki.len() - 65..];
        let key = PublicKey::from_sec1(suite.clone(), point).unwrap();
        assert_eq!(key.to_spki_der(), spki);
        let der = fs::read(folder.path().join("signature")).unwrap();
        let signature = Signature::from_der(&der).unwrap();
        assert_eq!(key.verify(b"a message of theirs", &signature), Ok(()));
        assert!(key.verify(b"another message", &signature).is_err());
    }
}

/// OpenSSL does not apply the default user id by itself: without it the same signature fails,
/// which is why the documented command names it.
#[test]
fn sm2_without_the_user_id_does_not_verify_in_openssl() {
    let suite = Suite::sm2();
    let folder = folder(&suite);
    let signer = signer(&suite, SECRET);
    let signature = signer.sign(b"message").unwrap();
    fs::write(folder.path().join("message"), "message").unwrap();
    fs::write(folder.path().join("signature"), signature.to_der()).unwrap();
    let line = verify_line(&suite);
    assert!(openssl(folder.path(), &line));
    let (without, _) = line.split_once(" -pkeyopt").unwrap();
    assert!(!openssl(folder.path(), without));
}

#[test]
fn issued_credentials_of_both_suites_are_trusted_by_one_list() {
    for suite in suites() {
        let signer = signer(&suite, SECRET);
        let credential = issue(&on_file::claims(), &signer).unwrap();
        let trust = on_file::trust(signer.public_key());
        let unverified = Unverified::parse(&credential).unwrap();
        assert_eq!(unverified.key_id(), signer.key_id());
        assert!(unverified.verify(&trust).is_ok());
    }
}
