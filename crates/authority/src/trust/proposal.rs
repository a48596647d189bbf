//! The files that go to the offline machine and come back.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use credential::{
    KeyState, KeyStep, NumericDate, SignedTrustList, TrustList, TrustedKey, VerifiedTrustList,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::TrustListRow;

use super::change::refused;
use crate::{Because, Error, refusal};

const UNSIGNED: &str = "jiazhao-trust-proposal/1";
const SIGNED: &str = "jiazhao-signed-trust/1";

/// Larger than any list that would be believed, with its certificates.
const MOST_CERTIFICATES: usize = 512 << 10;

/// A list that is to be signed, with the one that it is to follow. Nothing in it is secret, and
/// nothing in it counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustProposalFile {
    format: String,
    /// The signed list in use.
    former: String,
    /// The bytes to be signed, in base64.
    list: String,
    /// Certificates that exist, by key.
    pub(super) certificates: BTreeMap<String, String>,
}

/// A list that the roots have signed, with the certificates of its keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedProposal {
    format: String,
    /// The signed list.
    pub(super) trust: String,
    pub(super) certificates: BTreeMap<String, String>,
}

impl TrustProposalFile {
    pub(super) fn new(
        former: &TrustListRow,
        list: &TrustList,
        certificates: BTreeMap<String, String>,
    ) -> Self {
        Self {
            format: UNSIGNED.to_owned(),
            former: former.document.clone(),
            list: STANDARD.encode(list.to_cbor()),
            certificates,
        }
    }

    /// The file.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`refusal::TRUST_REFUSED`] when it is none.
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        let file: Self = serde_json::from_slice(json).map_err(|_not_json| not_a_file())?;
        if file.format == UNSIGNED {
            Ok(file)
        } else {
            Err(not_a_file())
        }
    }

    pub(super) fn former(&self) -> Result<VerifiedTrustList, Error> {
        believed(&self.former)
    }

    pub(super) fn list(&self) -> Result<TrustList, Error> {
        let bytes = STANDARD
            .decode(&self.list)
            .map_err(|_not_base64| not_a_file())?;
        TrustList::from_cbor(&bytes).map_err(|malformed| refused(malformed.reason()))
    }

    /// What whoever holds the roots should read before signing, one line each.
    ///
    /// # Errors
    /// As [`TrustProposalFile::from_json`].
    pub fn told(&self) -> Result<Vec<String>, Error> {
        let (former, list) = (self.former()?, self.list()?);
        let mut lines = vec![format!(
            "version {} after {}, good until {}",
            list.version,
            former.list().version,
            list.next_update.timestamp()
        )];
        for key in &list.keys {
            let before = former.key(key.key_id());
            if before != Some(key) {
                lines.push(line(before, key));
            }
        }
        Ok(lines)
    }
}

fn line(before: Option<&TrustedKey>, key: &TrustedKey) -> String {
    let before = before.map_or("not named", |key| key.state.as_str());
    format!(
        "{}  {}  {}  {before} -> {}  until {}",
        key.key_id(),
        key.public_key.suite(),
        key.key_use.as_str(),
        key.state.as_str(),
        key.not_after.timestamp()
    )
}

impl SignedProposal {
    pub(super) fn new(trust: String, certificates: BTreeMap<String, String>) -> Self {
        Self {
            format: SIGNED.to_owned(),
            trust,
            certificates,
        }
    }

    /// The file.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`refusal::TRUST_REFUSED`] when it is none.
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        let file: Self = serde_json::from_slice(json).map_err(|_not_json| not_a_file())?;
        let size: usize = file.certificates.values().map(String::len).sum();
        if file.format == SIGNED && size <= MOST_CERTIFICATES {
            Ok(file)
        } else {
            Err(not_a_file())
        }
    }

    pub(super) fn row(&self, list: &TrustList) -> TrustListRow {
        TrustListRow {
            version: list.version,
            document: self.trust.clone(),
            certificates: serde_json::to_string(&self.certificates).ok(),
        }
    }

    pub(super) fn verified(&self) -> Result<VerifiedTrustList, Error> {
        believed(&self.trust)
    }
}

/// Certificates beside a stored list, by key.
pub(super) fn certificates_of(row: &TrustListRow) -> Result<BTreeMap<String, String>, Error> {
    let stored = row.certificates.as_deref().unwrap_or("{}");
    serde_json::from_str(stored)
        .map_err(|_not_json| Error::Internal("the stored certificates are malformed"))
}

/// A list that came from outside, with the signatures that it brings along checked.
fn believed(document: &str) -> Result<VerifiedTrustList, Error> {
    SignedTrustList::from_json(document.as_bytes())
        .map_err(|malformed| refused(malformed.reason()))?
        .verify(None)
        .map_err(|refusal| refused(refusal.reason()))
}

fn not_a_file() -> Error {
    let because = Because {
        code: "not-a-proposal".to_owned(),
        rule: None,
        field: None,
        zh: "该文件不是信任列表变更文件".to_owned(),
        en: "This is no file of a proposed trust list".to_owned(),
        clears_zh: None,
        clears_en: None,
    };
    Error::Refused(refusal::TRUST_REFUSED, vec![because])
}

/// A key in the state to which a step leads.
pub(super) fn stepped(key: &TrustedKey, step: KeyStep, now: Timestamp) -> TrustedKey {
    let state = match step {
        KeyStep::Named => KeyState::Active,
        // A key that was suspected once signs nothing any more.
        KeyStep::Retired | KeyStep::Restored => KeyState::Retired,
        KeyStep::Revoked => KeyState::Revoked {
            at: NumericDate::floor(now),
        },
    };
    TrustedKey {
        state,
        ..key.clone()
    }
}
