//! What is found about a photo, as it is stored and shown.

use jiff::Timestamp;
use licence::photo::{Profile, Verdict};
use portrait::{AssessError, Assessment, Fingerprint};
use serde::{Deserialize, Serialize};
use storage::{HolderId, PhotoFindingsRow, PhotoId};
use zeroize::Zeroizing;

use crate::{Because, Error, views::FindingView};

/// The sealed part of the findings.
#[derive(Serialize, Deserialize)]
pub(crate) struct Findings {
    v: u8,
    /// One for each rule.
    pub(crate) by_rule: Vec<FindingView>,
    /// By which the photo is known again (R71), in hex.
    fingerprint: Option<String>,
    /// What the applicant declared about it.
    pub(crate) declaration: Option<Declared>,
}

/// A declaration with its signature: the officer and, later, anybody else can check it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Declared {
    /// Version of the text.
    pub(crate) version: String,
    /// SHA-256 of the photo as it was submitted, in hex.
    pub(crate) photo_sha256: String,
    /// The key, base64url.
    pub(crate) device_key: String,
    /// The signature, base64url.
    pub(crate) signature: String,
}

impl Findings {
    pub(crate) fn of(assessment: &Assessment, declaration: Option<Declared>) -> Self {
        Self {
            v: 1,
            by_rule: views(assessment),
            fingerprint: assessment
                .fingerprint
                .map(|fingerprint| hex::encode(fingerprint.to_bytes())),
            declaration,
        }
    }

    /// Of a photo that is none.
    pub(crate) const fn none() -> Self {
        Self {
            v: 1,
            by_rule: Vec::new(),
            fingerprint: None,
            declaration: None,
        }
    }

    /// What an assessment came to; of a picture that cannot be read, nothing but that.
    ///
    /// # Errors
    /// When a model failed.
    pub(crate) fn concluded(
        assessment: Result<Assessment, AssessError>,
    ) -> Result<(Self, portrait::Verdict), Error> {
        match assessment {
            Ok(assessment) => Ok((Self::of(&assessment, None), assessment.verdict())),
            Err(AssessError::Photo(_)) => Ok((Self::none(), portrait::Verdict::Fail)),
            Err(AssessError::Model(_)) => Err(Error::Internal("a face model failed")),
        }
    }

    pub(crate) fn read(row: &PhotoFindingsRow) -> Result<Self, Error> {
        serde_json::from_slice(&row.findings)
            .map_err(|_other_form| Error::Internal("a photo's findings cannot be read"))
    }

    pub(crate) fn row(
        &self,
        (holder, photo): (&HolderId, &PhotoId),
        (profile, verdict): (Profile, Verdict),
        at: Timestamp,
    ) -> Result<PhotoFindingsRow, Error> {
        let findings = serde_json::to_vec(self)
            .map_err(|_not_json| Error::Internal("a photo's findings cannot be written"))?;
        Ok(PhotoFindingsRow {
            photo: photo.clone(),
            holder: holder.clone(),
            profile,
            verdict,
            findings: Zeroizing::new(findings),
            created_at: at,
        })
    }

    pub(crate) fn fingerprint(&self) -> Option<Fingerprint> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(self.fingerprint.as_ref()?, &mut bytes).ok()?;
        Some(Fingerprint::from_bytes(bytes))
    }

    /// The rules that are broken, as reasons of a refusal.
    pub(crate) fn broken(&self) -> Vec<Because> {
        let fails = |finding: &&FindingView| finding.verdict == Verdict::Fail.as_str();
        self.by_rule.iter().filter(fails).map(because).collect()
    }

    /// The rules of this verdict.
    pub(crate) fn rules(&self, verdict: Verdict) -> Vec<String> {
        let findings = self.by_rule.iter();
        findings
            .filter(|finding| finding.verdict == verdict.as_str())
            .map(|finding| finding.rule.clone())
            .collect()
    }
}

/// What is concluded about a photo as a whole.
pub(crate) const fn verdict(verdict: portrait::Verdict) -> Verdict {
    match verdict {
        portrait::Verdict::Pass => Verdict::Pass,
        portrait::Verdict::Officer => Verdict::Officer,
        portrait::Verdict::Fail => Verdict::Fail,
    }
}

/// One view for each rule.
pub(crate) fn views(assessment: &Assessment) -> Vec<FindingView> {
    let findings = assessment.findings.iter();
    findings
        .map(|finding| FindingView {
            rule: finding.rule.code(),
            verdict: verdict(finding.verdict).as_str().to_owned(),
            measure: finding.measured.map(|measured| measured.name.to_owned()),
            value: finding
                .measured
                .map(|measured| measured.value)
                .filter(|value| value.is_finite()),
            zh: finding.hint.zh.to_owned(),
            en: finding.hint.en.to_owned(),
        })
        .collect()
}

fn because(finding: &FindingView) -> Because {
    Because {
        code: finding.rule.clone(),
        rule: Some(finding.rule.clone()),
        field: Some("photo".to_owned()),
        zh: finding.zh.clone(),
        en: finding.en.clone(),
        clears_zh: Some("重新拍照或选择其他照片".to_owned()),
        clears_en: Some("Take or choose another photo".to_owned()),
    }
}
