//! What a case file says: the sanction with its steps, what it rests on, and the audit rows behind it.

use licence::sanction::EvidenceItem;
use serde::Serialize;
use serde_json::Value;
use storage::{
    ApplicationId, Driver, PersonCheckId, PersonCheckRow, PhotoFindingsRow, PhotoId, PhotoRow,
    SanctionRow, SegmentRows, VerificationId, audit::AuditRow,
};
use zeroize::Zeroizing;

use crate::{
    Authority, Error,
    render::application_view,
    views::{ApplicationView, SanctionView},
};

/// The form of `case.json`.
const FORMAT: &str = "jiazhao-case/1";

/// `case.json`, and the photos under their paths.
pub(super) struct Contents {
    pub(super) case: Zeroizing<Vec<u8>>,
    pub(super) photos: Vec<(String, PhotoRow)>,
}

#[derive(Serialize)]
struct Case {
    format: &'static str,
    sanction: SanctionView,
    applications: Vec<CaseApplication>,
    photos: Vec<CasePhoto>,
    person_checks: Vec<CasePersonCheck>,
    verifications: Vec<CaseVerification>,
    audit: Vec<CaseAudit>,
    /// The newest checkpoint of the audit, as it was signed: it vouches for the rows up to its heads.
    checkpoint: Option<Value>,
}

#[derive(Serialize)]
struct CaseApplication {
    #[serde(flatten)]
    application: ApplicationView,
    office: String,
    submitted_by: Option<String>,
    decided_by: Option<String>,
    identity: Option<Value>,
}

#[derive(Serialize)]
struct CasePhoto {
    id: String,
    path: String,
    source: String,
    sha256: String,
    media_type: String,
    width: u32,
    height: u32,
    taken_on: Option<jiff::civil::Date>,
    received_at: jiff::Timestamp,
    /// What the machine found about it, where it was judged: the findings as they were kept.
    findings: Option<CaseFindings>,
}

#[derive(Serialize)]
struct CaseFindings {
    profile: String,
    verdict: String,
    at: jiff::Timestamp,
    found: Value,
}

#[derive(Serialize)]
struct CasePersonCheck {
    id: String,
    application: Option<String>,
    photo: String,
    method: String,
    challenge: String,
    opened_at: jiff::Timestamp,
    outcome: Option<String>,
    reasons: Option<Value>,
    measured: Option<Value>,
    closed_at: Option<jiff::Timestamp>,
}

#[derive(Serialize)]
struct CaseVerification {
    id: String,
    at: jiff::Timestamp,
    by: String,
    office: String,
    purpose: String,
    answer: Value,
}

#[derive(Serialize)]
struct CaseAudit {
    partition: u16,
    seq: u64,
    at: jiff::Timestamp,
    act: String,
    actor: String,
    subject: String,
    request: String,
    /// As it was hashed, to the letter.
    detail: String,
    /// The chain hash of the row before: with it and the other members `hash` can be computed.
    previous: String,
    hash: String,
}

impl Authority {
    /// Reads everything about a sanction.
    pub(super) async fn contents(
        &self,
        row: &SanctionRow,
        driver: &Driver,
    ) -> Result<Contents, Error> {
        let mut photos = Vec::new();
        for id in self.photos_of_evidence(row).await? {
            photos.push(self.photo_of_case(&id).await?);
        }
        let case = Case {
            format: FORMAT,
            sanction: self.sanction_view(row, driver).await?,
            applications: self.applications_of_case(row).await?,
            photos: self.photos_with_findings(&photos).await?,
            person_checks: self.person_checks_of_case(row).await?,
            verifications: self.verifications_of_case(row).await?,
            audit: self.audit_of_case(row).await?,
            checkpoint: self.newest_checkpoint().await?,
        };
        let case = serde_json::to_vec_pretty(&case)
            .map_err(|_not_json| Error::Internal("a case cannot be written"))?;
        Ok(Contents {
            case: Zeroizing::new(case),
            photos,
        })
    }

    async fn photo_of_case(&self, id: &PhotoId) -> Result<(String, PhotoRow), Error> {
        let photo = self.store().photo(id).await?;
        let photo = photo.ok_or(Error::Internal("a photo of the evidence is missing"))?;
        let extension = match photo.meta.media_type.as_str() {
            "image/png" => "png",
            "image/webp" => "webp",
            _ => "jpg",
        };
        Ok((format!("photos/{id}.{extension}"), photo))
    }

    async fn applications_of_case(&self, row: &SanctionRow) -> Result<Vec<CaseApplication>, Error> {
        let mut found = Vec::new();
        for item in row.evidence.as_slice() {
            let EvidenceItem::Application(id) = item else {
                continue;
            };
            let Ok(id) = ApplicationId::parse(id) else {
                continue;
            };
            let application = self.store().application(&id).await?;
            let application = application.ok_or(Error::Internal("an application is missing"))?;
            found.push(CaseApplication {
                application: application_view(&application),
                office: application.office,
                submitted_by: application.submitted_by,
                decided_by: application.decided_by,
                identity: application
                    .identity
                    .as_deref()
                    .map(|json| as_json(json))
                    .transpose()?,
            });
        }
        Ok(found)
    }

    async fn photos_with_findings(
        &self,
        photos: &[(String, PhotoRow)],
    ) -> Result<Vec<CasePhoto>, Error> {
        let mut found = Vec::new();
        for photo in photos {
            let findings = self.store().photo_findings(&photo.1.id).await?;
            let findings = findings.as_ref().map(case_findings).transpose()?;
            found.push(case_photo(photo, findings));
        }
        Ok(found)
    }

    async fn person_checks_of_case(
        &self,
        row: &SanctionRow,
    ) -> Result<Vec<CasePersonCheck>, Error> {
        let mut found = Vec::new();
        for item in row.evidence.as_slice() {
            let EvidenceItem::PersonCheck(id) = item else {
                continue;
            };
            let Ok(id) = PersonCheckId::parse(id) else {
                continue;
            };
            let check = self.store().person_check(&id).await?;
            let check = check.ok_or(Error::Internal("a person check is missing"))?;
            found.push(case_person_check(&check)?);
        }
        Ok(found)
    }

    async fn verifications_of_case(
        &self,
        row: &SanctionRow,
    ) -> Result<Vec<CaseVerification>, Error> {
        let mut found = Vec::new();
        for item in row.evidence.as_slice() {
            let EvidenceItem::Verification(id) = item else {
                continue;
            };
            let Ok(id) = VerificationId::parse(id) else {
                continue;
            };
            let verification = self.store().verification(&id).await?;
            let verification = verification.ok_or(Error::Internal("a look-up is missing"))?;
            found.push(CaseVerification {
                id: verification.id.to_string(),
                at: verification.at,
                by: verification.verifier,
                office: verification.office,
                purpose: verification.purpose,
                answer: as_json(&verification.answer)?,
            });
        }
        Ok(found)
    }

    async fn audit_of_case(&self, row: &SanctionRow) -> Result<Vec<CaseAudit>, Error> {
        let mut rows = Vec::new();
        for step in self.store().sanction_steps(&row.id).await? {
            let seq = step.audit_seq;
            let previous = match seq.checked_sub(1) {
                None | Some(0) => vec![0; 32],
                Some(before) => self.audit_row(row, before).await?.hash,
            };
            rows.push(case_audit(self.audit_row(row, seq).await?, &previous));
        }
        Ok(rows)
    }

    /// One audit row, from the table or from the segment into which it was moved.
    async fn audit_row(&self, row: &SanctionRow, seq: u64) -> Result<AuditRow, Error> {
        let partition = row.holder.partition();
        let is_it = |found: &AuditRow| found.seq == seq;
        let store = self.store();
        let found = store
            .audit_after(partition, seq.saturating_sub(1), 1)
            .await?;
        if let Some(found) = found.into_iter().find(is_it) {
            return Ok(found);
        }
        let missing = Error::Internal("an audit row of a sanction is missing");
        let Some(segment) = store.audit_segment(partition, seq).await? else {
            return Err(missing);
        };
        match store.segment_rows(&segment).await? {
            SegmentRows::Found { rows, .. } => rows.into_iter().find(is_it).ok_or(missing),
            SegmentRows::Missing => Err(missing),
        }
    }

    async fn newest_checkpoint(&self) -> Result<Option<Value>, Error> {
        let newest = self.store().newest_checkpoint().await?;
        newest
            .map(|checkpoint| as_json(checkpoint.document.as_bytes()))
            .transpose()
    }
}

fn case_findings(row: &PhotoFindingsRow) -> Result<CaseFindings, Error> {
    Ok(CaseFindings {
        profile: row.profile.as_str().to_owned(),
        verdict: row.verdict.as_str().to_owned(),
        at: row.created_at,
        found: as_json(&row.findings)?,
    })
}

fn case_person_check(row: &PersonCheckRow) -> Result<CasePersonCheck, Error> {
    let closed = row.closed.as_ref();
    let measured = closed.and_then(|closed| closed.distances.as_ref());
    Ok(CasePersonCheck {
        id: row.id.to_string(),
        application: row.application.as_ref().map(ToString::to_string),
        photo: row.photo.to_string(),
        method: row.method.as_str().to_owned(),
        challenge: row.challenge.clone(),
        opened_at: row.opened_at,
        outcome: closed.map(|closed| closed.outcome.as_str().to_owned()),
        reasons: closed
            .map(|closed| as_json(closed.reasons.as_bytes()))
            .transpose()?,
        measured: measured.map(|json| as_json(json)).transpose()?,
        closed_at: closed.map(|closed| closed.at),
    })
}

fn case_photo((path, photo): &(String, PhotoRow), findings: Option<CaseFindings>) -> CasePhoto {
    CasePhoto {
        id: photo.id.to_string(),
        path: path.clone(),
        source: photo.source.as_str().to_owned(),
        sha256: photo.meta.sha256.clone(),
        media_type: photo.meta.media_type.clone(),
        width: photo.meta.width,
        height: photo.meta.height,
        taken_on: photo.meta.taken_on,
        received_at: photo.created_at,
        findings,
    }
}

fn case_audit(row: AuditRow, previous: &[u8]) -> CaseAudit {
    CaseAudit {
        partition: row.partition.number(),
        seq: row.seq,
        at: row.at,
        act: row.act,
        actor: row.actor,
        subject: row.subject,
        request: row.request,
        detail: row.detail,
        previous: hex::encode(previous),
        hash: hex::encode(row.hash),
    }
}

fn as_json(bytes: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(bytes).map_err(|_not_json| Error::Internal("stored JSON is none"))
}
