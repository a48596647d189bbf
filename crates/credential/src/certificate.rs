//! Keys as X.509 certificates (数字证书): the same shape for both suites, so that other software can
//! read which root stands behind which signing key (RFC 5280; GB/T 20518 for SM2).
//!
//! The trust list decides, certificates do not: nothing here reads one. They are written by hand
//! because what is written is one shape, and no kept library makes it for SM2.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{Timestamp, tz::Offset};

use crate::{
    key::PublicKey,
    signer::{SignError, Signer},
    suite::Suite,
    trust::{KeyUse, TrustedKey},
};

/// What the certificates of one trust list have in common.
#[derive(Clone, Copy, Debug)]
pub struct Issuing<'a> {
    /// The root: it signs, and is the issuer of what it signs.
    pub root: &'a dyn Signer,
    /// In whose name (`O`); left out where it is longer than X.509 allows.
    pub organisation: &'a str,
    /// From when certificates made now hold.
    pub now: Timestamp,
}

impl Issuing<'_> {
    /// The root's own certificate, in PEM. A root has no end (RFC 5280 section 4.1.2.5).
    ///
    /// # Errors
    /// [`SignError`].
    pub fn root_certificate(&self) -> Result<String, SignError> {
        let name = self.name(&root_name(self.root.public_key()));
        let key = self.root.public_key();
        let validity = [time(self.now), generalized(NO_END)].concat();
        let uses = [
            extension(BASIC_CONSTRAINTS, true, &sequence(&[der(0x01, &[0xff])])),
            extension(KEY_USAGE, true, &[0x03, 0x02, 0x01, 0x06]),
        ];
        self.certificate(&name, key, &validity, &uses)
    }

    /// The certificate of a signing key, in PEM.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn key_certificate(&self, key: &TrustedKey) -> Result<String, SignError> {
        let title = match key.key_use {
            KeyUse::Licence => "Licence key",
            KeyUse::Online => "Online key",
        };
        let name = self.name(&format!("{title} {}", key.key_id()));
        let validity = [key.not_before, key.not_after].map(|instant| time(instant.timestamp()));
        let uses = [
            extension(BASIC_CONSTRAINTS, true, &sequence(&[])),
            extension(KEY_USAGE, true, &[0x03, 0x02, 0x07, 0x80]),
        ];
        self.certificate(&name, &key.public_key, &validity.concat(), &uses)
    }

    fn certificate(
        &self,
        subject: &[u8],
        key: &PublicKey,
        validity: &[u8],
        uses: &[Vec<u8>],
    ) -> Result<String, SignError> {
        let algorithm = sequence(&[der(0x06, signature_algorithm(self.root.suite()))]);
        let issuer = self.root.public_key();
        let of_subject = extension(SUBJECT_KEY_ID, false, &der(0x04, key.key_id().as_bytes()));
        let of_issuer = sequence(&[der(0x80, issuer.key_id().as_bytes())]);
        let of_issuer = extension(AUTHORITY_KEY_ID, false, &of_issuer);
        let extensions = sequence(&[uses.concat(), of_subject, of_issuer]);
        let body = sequence(&[
            der(0xa0, &der(0x02, &[2])),
            der(0x02, &serial(key)),
            algorithm.clone(),
            self.name(&root_name(issuer)),
            sequence(&[validity.to_vec()]),
            subject.to_vec(),
            key.to_spki_der(),
            der(0xa3, &extensions),
        ]);
        let signature = self.root.sign(&body)?.to_der();
        let signature = der(0x03, &[&[0][..], &signature].concat());
        Ok(pem(&sequence(&[body, algorithm, signature])))
    }

    fn name(&self, common: &str) -> Vec<u8> {
        let part = |oid: &[u8], tag: u8, text: &str| {
            der(
                0x31,
                &sequence(&[der(0x06, oid), der(tag, text.as_bytes())]),
            )
        };
        let organisation = (1..=64).contains(&self.organisation.chars().count());
        sequence(&[
            part(&[0x55, 0x04, 0x06], 0x13, "CN"),
            if organisation {
                part(&[0x55, 0x04, 0x0a], 0x0c, self.organisation)
            } else {
                Vec::new()
            },
            part(&[0x55, 0x04, 0x03], 0x0c, common),
        ])
    }
}

const BASIC_CONSTRAINTS: u8 = 19;
const KEY_USAGE: u8 = 15;
const SUBJECT_KEY_ID: u8 = 14;
const AUTHORITY_KEY_ID: u8 = 35;

/// "Has no well-defined expiration date" (RFC 5280 section 4.1.2.5).
const NO_END: &str = "99991231235959Z";

fn root_name(root: &PublicKey) -> String {
    format!("Root key {}", root.key_id())
}

/// ecdsa-with-SHA256, and SM2-with-SM3 (1.2.156.10197.1.501).
fn signature_algorithm(suite: &Suite) -> &'static [u8] {
    match suite {
        Suite::Es256 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
        Suite::Sm2Sm3(_) => &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75],
    }
}

/// The key's identifier, made a positive number of 16 bytes: a key has one certificate by its root.
fn serial(key: &PublicKey) -> [u8; 16] {
    let mut serial = *key.key_id().as_bytes();
    let [first, ..] = &mut serial;
    *first = (*first & 0x7f) | 0x40;
    serial
}

fn extension(number: u8, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical {
        der(0x01, &[0xff])
    } else {
        Vec::new()
    };
    sequence(&[der(0x06, &[0x55, 0x1d, number]), critical, der(0x04, value)])
}

/// `UTCTime` through 2049, then `GeneralizedTime`, as RFC 5280 has it.
fn time(instant: Timestamp) -> Vec<u8> {
    let utc = Offset::UTC.to_datetime(instant);
    if (1950..2050).contains(&utc.year()) {
        der(0x17, utc.strftime("%y%m%d%H%M%SZ").to_string().as_bytes())
    } else {
        generalized(&utc.strftime("%Y%m%d%H%M%SZ").to_string())
    }
}

fn generalized(text: &str) -> Vec<u8> {
    der(0x18, text.as_bytes())
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    der(0x30, &parts.concat())
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let head = match length.as_slice() {
        [] => vec![tag, 0],
        [short] if *short < 0x80 => vec![tag, *short],
        // Eight bytes of length at most.
        long => [&[tag, 0x80 | u8::try_from(long.len()).unwrap_or(8)], long].concat(),
    };
    [head.as_slice(), content].concat()
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, next) = rest.split_at_checked(64).unwrap_or((rest, ""));
        out.push_str(line);
        out.push('\n');
        rest = next;
    }
    out.push_str("-----END CERTIFICATE-----\n");
    out
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, process::Command};

    use super::*;
    use crate::{
        key::KeyId,
        samples::{self, second, signer, suites},
        trust::KeyState,
    };

    fn openssl(folder: &Path, arguments: &[&str]) -> (bool, String) {
        let run = Command::new("openssl")
            .args(arguments)
            .current_dir(folder)
            .output()
            .unwrap();
        let text = [run.stdout, run.stderr].concat();
        (
            run.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    /// What OpenSSL reads in the certificates of a root and its key.
    fn reads(folder: &Path, suite: &Suite, (root, key): (&KeyId, &KeyId)) {
        let (read, text) = openssl(folder, &["x509", "-in", "key.pem", "-noout", "-text"]);
        assert!(read, "{text}");
        let algorithm = match suite {
            Suite::Es256 => "ecdsa-with-SHA256",
            Suite::Sm2Sm3(_) => "SM2-with-SM3",
        };
        let named = format!("CN = Licence key {key}");
        let from = format!("CN = Root key {root}");
        for part in [algorithm, "CA:FALSE", "Digital Signature", &named, &from] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let (read, text) = openssl(folder, &["x509", "-in", "root.pem", "-noout", "-text"]);
        assert!(
            read && text.contains("CA:TRUE") && text.contains("9999"),
            "{text}"
        );
    }

    /// OpenSSL 3.0 reads both suites. It verifies SM2 only when it is told the user id of both
    /// keys (`-vfyopt distid:`): by itself it takes an empty one.
    #[test]
    fn openssl_reads_and_verifies_certificates_of_both_suites() {
        for suite in suites() {
            let folder = tempfile::tempdir().unwrap();
            let (root, key) = (signer(&suite, 0x55), signer(&suite, 0x11));
            let issuing = Issuing {
                root: &root,
                organisation: samples::ISSUER,
                now: second("2021-06-01T00:00:00Z").timestamp(),
            };
            let trusted = samples::trusted(key.public_key(), KeyState::Active);
            let write = |name: &str, pem: &str| fs::write(folder.path().join(name), pem).unwrap();
            write("root.pem", &issuing.root_certificate().unwrap());
            write("key.pem", &issuing.key_certificate(&trusted).unwrap());
            let online = TrustedKey {
                key_use: KeyUse::Online,
                ..samples::trusted(signer(&suite, 0x12).public_key(), KeyState::Active)
            };
            write("online.pem", &issuing.key_certificate(&online).unwrap());

            reads(folder.path(), &suite, (root.key_id(), key.key_id()));

            // Within the period of the key, whatever the clock of the machine says.
            let verify = |certificate| {
                let at = second("2021-09-01T00:00:00Z")
                    .timestamp()
                    .as_second()
                    .to_string();
                let mut arguments = vec![
                    "verify",
                    "-x509_strict",
                    "-attime",
                    &at,
                    "-CAfile",
                    "root.pem",
                ];
                if matches!(suite, Suite::Sm2Sm3(_)) {
                    arguments.extend(["-vfyopt", "distid:1234567812345678"]);
                }
                arguments.push(certificate);
                openssl(folder.path(), &arguments)
            };
            for certificate in ["key.pem", "online.pem", "root.pem"] {
                let (good, text) = verify(certificate);
                assert!(good && text.contains("OK"), "{suite} {certificate} {text}");
            }
            // Another root did not sign it.
            let other = signer(&suite, 0x56);
            let other = Issuing {
                root: &other,
                ..issuing
            };
            write("root.pem", &other.root_certificate().unwrap());
            assert!(!verify("key.pem").0);
        }
    }

    #[test]
    fn lengths_are_in_their_shortest_form() {
        assert_eq!(der(4, &[]), [4, 0]);
        assert_eq!(der(4, &[7; 127])[..2], [4, 127]);
        assert_eq!(der(4, &[7; 128])[..3], [4, 0x81, 128]);
        assert_eq!(der(4, &[7; 256])[..4], [4, 0x82, 1, 0]);
    }

    #[test]
    fn times_follow_rfc_5280() {
        let of = |text: &str| time(second(text).timestamp());
        assert_eq!(of("2049-12-31T23:59:59Z"), der(0x17, b"491231235959Z"));
        assert_eq!(of("2050-01-01T00:00:00Z"), der(0x18, b"20500101000000Z"));
    }
}
