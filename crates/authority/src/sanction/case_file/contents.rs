//! What a case file says: the sanction with its steps, what it rests on, and the audit rows behind it.

use licence::sanction::EvidenceItem;
use serde::Serialize;
use serde_json::Value;
use storage::{
    ApplicationId, Driver, PhotoId, PhotoRow, SanctionRow, SegmentRows, VerificationId,
    audit::AuditRow,
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
            photos: photos.iter().map(case_photo).collect(),
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

fn case_photo((path, photo): &(String, PhotoRow)) -> CasePhoto {
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
