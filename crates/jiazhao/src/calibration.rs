//! The key that signs calibration records (标定记录), and records read back.
//!
//! A record is made where the operator's photos of known persons lie, which is seldom the machine
//! that serves: its key is a file of its own, 64 hexadecimal digits, and the platform is given the
//! public key beside it.

use std::{fs, path::Path};

use authority::rand::CryptoRng;
use credential::{PublicKey, Signature, Signer as _, SoftwareSigner, Suite};
use portrait::Models;
use portrait::calibrate::{Checked, Claimed, Demand, Record, RecordError};

use crate::{enforcement_keys::public_beside, failure::Failure, import::read_within, key_files};

/// Larger than any record.
const MOST_BYTES: usize = 64 << 10;

/// Makes a key in `secret`, readable by its owner only, and the public key beside it.
///
/// # Errors
/// When either file exists or cannot be written.
pub fn generate(secret: &Path, rng: &mut impl CryptoRng) -> Result<(), Failure> {
    let made = SoftwareSigner::generate(&Suite::Es256, rng).map_err(|_failed| unusable(secret))?;
    let line = |bytes: &[u8]| {
        let mut text = key_files::encoded_bytes(bytes);
        text.push('\n');
        text
    };
    key_files::write_new(secret, &line(made.secret().as_slice()))?;
    let public = line(&made.public_key().to_sec1());
    key_files::write_new(&public_beside(secret), &public)
}

/// Signs a record with the key of a file.
///
/// # Errors
/// When the file holds no key, or the record cannot be written.
pub fn sign(record: Record, key: &Path) -> Result<String, Failure> {
    let secret = key_files::read_plain(key)?;
    let signer =
        SoftwareSigner::from_secret(&Suite::Es256, secret).map_err(|_bad| unusable(key))?;
    let message = record.message().map_err(refused)?;
    let signature = signer.sign(&message).map_err(|_failed| unusable(key))?;
    let signature = key_files::encoded_bytes(signature.as_raw()).to_string();
    record
        .signed(signer.key_id().to_string(), signature)
        .map_err(refused)
}

/// Reads a record that the owner of a public key signed, which fits the models and shows enough for
/// issuing without a human.
///
/// # Errors
/// When a file cannot be read, or the record is not that.
pub fn read(record: &Path, public: &Path, models: &Models) -> Result<Checked, Failure> {
    signed(record, public)?
        .checked(models, &Demand::AUTOMATIC_ISSUE)
        .map_err(|error| refused(error).about(record.display()))
}

/// Reads a record that the owner of a public key signed, whatever it shows.
///
/// # Errors
/// When a file cannot be read, or the record is not signed so.
pub fn signed(record: &Path, public: &Path) -> Result<Record, Failure> {
    let key = public_key(public)?;
    let text = read_within(record, MOST_BYTES).ok_or_else(|| {
        Failure::new(
            "file-unreadable",
            "无法读取文件或文件过大",
            "The file cannot be read or is too large",
        )
        .about(record.display())
    })?;
    let is_signed = |claimed: &Claimed<'_>| {
        let signature = key_files::decoded_bytes(claimed.signature)
            .and_then(|it| <[u8; 64]>::try_from(it.as_slice()).ok());
        let by_key = claimed.key_id == key.key_id().to_string();
        let signature = signature.map(Signature::from_raw).filter(|_| by_key);
        signature.is_some_and(|it| key.verify(claimed.message, &it).is_ok())
    };
    Record::verify(&text, is_signed).map_err(|error| refused(error).about(record.display()))
}

fn public_key(path: &Path) -> Result<PublicKey, Failure> {
    let malformed = || {
        Failure::new(
            "calibration-key",
            "标定公钥应为 130 位十六进制数的文件",
            "The public key of calibration records is a file of 130 hexadecimal digits",
        )
    };
    let text = fs::read_to_string(path)
        .map_err(|error| malformed().about(format!("{}: {error}", path.display())))?;
    key_files::decoded_bytes(text.trim_end())
        .and_then(|point| PublicKey::from_sec1(Suite::Es256, &point).ok())
        .ok_or_else(|| malformed().about(path.display()))
}

fn refused(error: RecordError) -> Failure {
    Failure::new(error.code(), error.zh(), error.en())
}

fn unusable(path: &Path) -> Failure {
    Failure::new(
        "calibration-key",
        "该文件中的密钥不能用于签名",
        "The file holds no key that signs",
    )
    .about(path.display())
}

#[cfg(test)]
mod tests {
    use authority::rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn a_key_is_made_once_and_signs_what_its_public_key_verifies() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mut rng = StdRng::seed_from_u64(9);
        generate(&path("one.key"), &mut rng).unwrap();
        generate(&path("other.key"), &mut rng).unwrap();
        assert!(generate(&path("one.key"), &mut rng).is_err());
        let record = RECORD.trim();
        let record: Record = serde_json::from_str(record).unwrap();
        let text = sign(record.clone(), &path("one.key")).unwrap();
        fs::write(path("record.json"), &text).unwrap();
        let by_one = signed(&path("record.json"), &path("one.key.pub"));
        assert_eq!(by_one.unwrap(), record);
        let by_other = signed(&path("record.json"), &path("other.key.pub"));
        assert_eq!(by_other.unwrap_err().code(), "calibration-signature");
        let changed = text.replace("\"persons\": 300", "\"persons\": 301");
        assert_ne!(changed, text);
        fs::write(path("changed.json"), changed).unwrap();
        let changed = signed(&path("changed.json"), &path("one.key.pub"));
        assert_eq!(changed.unwrap_err().code(), "calibration-signature");
        for (file, code) in [
            ("one.key", "calibration-malformed"),
            ("nowhere", "file-unreadable"),
        ] {
            let refused = signed(&path(file), &path("one.key.pub"));
            assert_eq!(refused.unwrap_err().code(), code);
        }
        let no_key = signed(&path("record.json"), &path("record.json"));
        assert_eq!(no_key.unwrap_err().code(), "calibration-key");
    }

    const RECORD: &str = r#"{"format":"jiazhao-calibration/1","made_at":"2026-11-30T01:00:00Z",
        "models":{"faceres.bin":"00"},"persons":300,"photos":700,"unusable":2,"genuine":500,
        "impostor":240000,"wanted_fmr":0.0001,"thresholds":{"match_distance":0.44,
        "match_similarity":0.7,"reject_distance":0.6},"false_matches":3,"false_non_matches":12,
        "false_rejects":0}"#;
}
