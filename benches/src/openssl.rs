//! OpenSSL's own measurement, by its command line: operations a second of processor time.

use std::process::{Command, Stdio};

use crate::figure::Rounds;

/// One second for each of signing and verifying, on P-256 and SM2; nothing where there is no
/// `openssl` or it knows no SM2. It signs a digest: hashing is not part of its figures.
pub(crate) fn speed(rounds: &mut Rounds) {
    let told = Command::new("openssl")
        .args(["speed", "-seconds", "1", "-mr", "ecdsap256", "sm2"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let Ok(told) = told else {
        return;
    };
    for line in String::from_utf8_lossy(&told.stdout).lines() {
        // `+F4:3:256:SIGN:VERIFY` and `+F7:0:256:CurveSM2:SIGN:VERIFY`.
        let fields: Vec<&str> = line.split(':').collect();
        let (name, sign, verify) = match fields.as_slice() {
            ["+F4", _, "256", sign, verify] => (P256, sign, verify),
            ["+F7", _, _, _, sign, verify] => (SM2, sign, verify),
            _ => continue,
        };
        for (act, value) in [("sign", sign), ("verify", verify)] {
            if let Ok(value) = value.parse() {
                rounds.add(&format!("{name}/{act}"), value);
            }
        }
    }
}

/// The peers' names.
pub(crate) const P256: &str = "openssl-p256";
pub(crate) const SM2: &str = "openssl-sm2";
