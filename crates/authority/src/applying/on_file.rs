//! The photo on file (已留存的照片): judged once, offered where it can be used (R31, R33, R35).

use licence::photo::{Profile, Verdict, replaced_lately};
use licence::{application::PhotoOrigin, civil_date};
use portrait::{Asked, AssessError, Limits};
use storage::{Driver, HolderId, PhotoId};

use super::{
    ATTEMPTS,
    findings::{Findings, verdict},
    lost_race,
};
use crate::{
    Act, Authority, Error, refusal,
    views::{PhotoOnFileView, PhotoSourceView},
};

/// The photo on file with what was found about it.
pub(super) struct OnFile {
    pub(super) photo: PhotoId,
    pub(super) verdict: Verdict,
    pub(super) findings: Findings,
}

impl OnFile {
    pub(super) fn usable(&self) -> bool {
        self.verdict != Verdict::Fail
    }
}

impl Authority {
    /// Whether the photo on file can be used, and what a first application is offered.
    ///
    /// # Errors
    /// When nobody judges photos here.
    pub async fn photo_on_file(&self, act: &mut Act) -> Result<PhotoOnFileView, Error> {
        let (_, on_file) = self.judged_on_file(act).await?;
        let own = vec![PhotoSourceView::Camera, PhotoSourceView::Album];
        Ok(match on_file {
            None => PhotoOnFileView {
                state: "none".to_owned(),
                findings: Vec::new(),
                offered: own,
            },
            Some(on_file) if on_file.usable() => PhotoOnFileView {
                state: "acceptable".to_owned(),
                findings: on_file.findings.by_rule,
                offered: vec![PhotoSourceView::OnFile],
            },
            Some(on_file) => PhotoOnFileView {
                state: "unusable".to_owned(),
                findings: on_file.findings.by_rule,
                offered: own,
            },
        })
    }

    /// The driver, and the photo on file with what was found about it. It is judged when it is first
    /// asked for, not at import: most photos of a registry are never used.
    pub(super) async fn judged_on_file(
        &self,
        act: &mut Act,
    ) -> Result<(Driver, Option<OnFile>), Error> {
        let judge = self.judge()?;
        let mut attempt = 1;
        loop {
            let driver = self.own_driver(act).await?;
            let Some(photo) = driver.photo.clone() else {
                return Ok((driver, None));
            };
            if let Some(row) = self.store().photo_findings(&photo).await? {
                let on_file = OnFile {
                    findings: Findings::read(&row)?,
                    verdict: row.verdict,
                    photo,
                };
                return Ok((driver, Some(on_file)));
            }
            // Only whoever has the photo judged counts, not whoever looks what was found.
            self.inner.limits.assessment(act)?;
            let bytes = self.store().photo_bytes(&driver.id, &photo).await?;
            let today = civil_date(act.now);
            let judged = judge
                .run(move |faces| {
                    let asked = Asked {
                        profile: portrait::Profile::OnFile,
                        today,
                        earlier: &[],
                    };
                    portrait::assess(&bytes, &Limits::PHOTO, &faces.models, &asked)
                })
                .await?;
            let (found, concluded) = match judged {
                Ok((_, assessment)) => (
                    Findings::of(&assessment, None),
                    verdict(assessment.verdict()),
                ),
                Err(AssessError::Photo(_)) => (Findings::none(), Verdict::Fail),
                Err(AssessError::Model(_)) => return Err(MODEL_FAILED),
            };
            match self
                .keep_on_file(act, &driver, &photo, (&found, concluded))
                .await
            {
                Err(error) if lost_race(&error) && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
                // The driver is read anew: its revision has grown.
                Ok(()) => {}
            }
        }
    }

    async fn keep_on_file(
        &self,
        act: &Act,
        driver: &Driver,
        photo: &PhotoId,
        (found, concluded): (&Findings, Verdict),
    ) -> Result<(), Error> {
        let judged = (Profile::OnFile, concluded);
        let row = found.row((&driver.id, photo), judged, act.now)?;
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        tx.insert_photo_findings(&locked, &row).await?;
        let entry = act
            .entry("photo.judged")
            .about(&driver.id)
            .with("photo", photo.as_str())
            .with("profile", Profile::OnFile.as_str())
            .with("verdict", concluded.as_str())
            .with("fails", found.rules(Verdict::Fail));
        tx.commit(entry, Vec::new()).await?;
        Ok(())
    }

    /// Whether the photo on file replaced another within 90 days: then an officer looks.
    pub(crate) async fn on_file_replaced_lately(
        &self,
        act: &Act,
        holder: &HolderId,
    ) -> Result<bool, Error> {
        let photos = self.store().photos_of(holder).await?;
        let on_file: Vec<_> = photos
            .iter()
            .filter(|photo| photo.source == PhotoOrigin::OnFile)
            .map(|photo| photo.created_at)
            .collect();
        Ok(replaced_lately(&on_file, act.now))
    }
}

/// A model did not give what it should: the log has no more to say than that.
pub(crate) const MODEL_FAILED: Error = Error::Internal("a face model failed");

/// The photo on file cannot be used for what was asked.
pub(super) fn not_usable(on_file: Option<&OnFile>) -> Error {
    match on_file {
        None => refusal::NO_PHOTO_ON_FILE.into(),
        Some(on_file) => {
            let broken = on_file.findings.broken();
            Error::Refused(refusal::PHOTO_ON_FILE_UNUSABLE, broken)
        }
    }
}
