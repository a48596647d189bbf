//! What the machine says of a case's photo: findings by rule, and whether it shows the person of the
//! photo on file (SC-33). It is judged when it comes from the counter or, where that was not possible, when
//! somebody claims the case. It decides nothing.

use licence::{civil_date, person_check::Outcome as CheckOutcome, photo::Profile};
use portrait::{Asked, AssessError, Assessment, Comparison, Limits, Outcome, assess, compare};
use serde::{Deserialize, Serialize};
use storage::{ApplicationRow, Conflict, Driver, PhotoComparisonRow, PhotoId, StoreError};
use zeroize::Zeroizing;

use crate::{
    Act, Authority, Error,
    applying::{Findings, verdict},
    judge::{Faces, Judge},
    views::ComparisonView,
};

/// How often it is tried to keep what was found when the driver changes meanwhile.
const ATTEMPTS: u8 = 3;

/// What was found.
#[derive(Default)]
pub(crate) struct Judged {
    /// None where photos are not judged here.
    pub(crate) findings: Option<Findings>,
    /// None where there is no other photo on file.
    pub(crate) comparison: Option<PhotoComparisonRow>,
}

/// What was measured, as stored.
#[derive(Serialize, Deserialize)]
struct Distances {
    v: u8,
    distance: Option<f32>,
    similarity: Option<f32>,
    without_face: Vec<String>,
}

/// What is still to be found.
struct Wanted {
    photo: PhotoId,
    findings: bool,
    /// The photo on file to compare with.
    other: Option<PhotoId>,
}

/// What the models found just now.
struct FoundNow {
    assessment: Option<Result<Assessment, AssessError>>,
    comparison: Option<Result<Comparison, AssessError>>,
}

impl Authority {
    /// What the machine says of an application's photo. What nobody judged before is judged now; while too
    /// many wait for that, it stays open until the next time.
    pub(crate) async fn case_judged(
        &self,
        act: &Act,
        application: &ApplicationRow,
        driver: &Driver,
    ) -> Result<Judged, Error> {
        let Some(photo) = &application.photo else {
            return Ok(Judged::default());
        };
        let kept = self.kept(application, driver, photo).await?;
        let other = driver.photo.as_ref().filter(|other| *other != photo);
        let wanted = Wanted {
            photo: photo.clone(),
            findings: kept.findings.is_none(),
            other: other.filter(|_| kept.comparison.is_none()).cloned(),
        };
        let Some(judge) = &self.inner.settings.judge else {
            return Ok(kept);
        };
        let to_judge = wanted.findings || wanted.other.is_some();
        // Nobody waits with a review for the machine: what fails is tried anew at the next claim.
        let judged = if to_judge {
            self.judge_now(act, judge, application, &wanted).await
        } else {
            Ok(())
        };
        if let Err(error) = &judged {
            tracing::warn!(%error, "the photo of a case was not judged");
        } else if let Err(error) = self.remember_face(act, application).await {
            tracing::warn!(%error, "the face of a case was not kept");
        }
        if to_judge && judged.is_ok() {
            self.kept(application, driver, photo).await
        } else {
            Ok(kept)
        }
    }

    /// What was found before, of these two photos.
    async fn kept(
        &self,
        application: &ApplicationRow,
        driver: &Driver,
        photo: &PhotoId,
    ) -> Result<Judged, Error> {
        let findings = self.store().photo_findings(photo).await?;
        let comparison = self.store().photo_comparison(&application.id).await?;
        let of_these = |row: &PhotoComparisonRow| {
            row.photo == *photo && driver.photo.as_ref() == Some(&row.other)
        };
        Ok(Judged {
            findings: findings.as_ref().map(Findings::read).transpose()?,
            comparison: comparison.filter(of_these),
        })
    }

    async fn judge_now(
        &self,
        act: &Act,
        judge: &Judge,
        application: &ApplicationRow,
        wanted: &Wanted,
    ) -> Result<(), Error> {
        let holder = &application.holder;
        let bytes = self.store().photo_bytes(holder, &wanted.photo).await?;
        let other = match &wanted.other {
            Some(other) => Some(self.store().photo_bytes(holder, other).await?),
            None => None,
        };
        let (findings, today) = (wanted.findings, civil_date(act.now));
        let judged = judge
            .run(move |faces| FoundNow {
                assessment: findings.then(|| assessed(faces, &bytes, today)),
                comparison: other.map(|other| compared(faces, &bytes, &other)),
            })
            .await?;
        self.keep(act, application, wanted, judged).await
    }

    async fn keep(
        &self,
        act: &Act,
        application: &ApplicationRow,
        wanted: &Wanted,
        judged: FoundNow,
    ) -> Result<(), Error> {
        let (holder, photo) = (&application.holder, &wanted.photo);
        let findings = match judged.assessment {
            Some(assessment) => {
                let (found, concluded) = Findings::concluded(assessment)?;
                let of = (Profile::Submitted, verdict(concluded));
                Some(found.row((holder, photo), of, act.now)?)
            }
            None => None,
        };
        let comparison = match judged.comparison.zip(wanted.other.clone()) {
            Some((comparison, other)) => Some(comparison_row(
                act,
                application,
                (photo, other),
                comparison,
            )?),
            None => None,
        };
        let mut attempt = 1;
        loop {
            let driver = self.store().driver(holder).await?;
            let driver = driver.ok_or(Error::Internal("an application's driver is missing"))?;
            let (mut tx, locked) = match self.store().begin(&driver.id, driver.revision).await {
                Err(StoreError::Conflict(Conflict::Revision)) if attempt < ATTEMPTS => {
                    attempt += 1;
                    continue;
                }
                begun => begun?,
            };
            if let Some(row) = &findings {
                tx.insert_photo_findings(&locked, row).await?;
            }
            if let Some(row) = &comparison {
                tx.insert_photo_comparison(row).await?;
            }
            let entry = act
                .entry("photo.judged")
                .about(holder)
                .with("application", application.id.as_str())
                .with("photo", photo.as_str())
                .with("verdict", findings.as_ref().map(|row| row.verdict.as_str()))
                .with(
                    "comparison",
                    comparison.as_ref().map(|row| row.outcome.clone()),
                );
            tx.commit(entry, Vec::new()).await?;
            return Ok(());
        }
    }

    /// Whether the matchers say that the application's photo shows another person than the photo on
    /// file.
    pub(super) async fn shows_another(&self, application: &ApplicationRow) -> Result<bool, Error> {
        let found = self.store().photo_comparison(&application.id).await?;
        Ok(found.is_some_and(|row| {
            row.outcome == CheckOutcome::Reject.as_str()
                && application.photo.as_ref() == Some(&row.photo)
        }))
    }
}

fn assessed(
    faces: &Faces,
    bytes: &[u8],
    today: jiff::civil::Date,
) -> Result<Assessment, AssessError> {
    let asked = Asked {
        profile: portrait::Profile::Submitted,
        today,
        earlier: &[],
    };
    assess(bytes, &Limits::PHOTO, &faces.models, &asked).map(|(_, assessment)| assessment)
}

fn compared(faces: &Faces, bytes: &[u8], other: &[u8]) -> Result<Comparison, AssessError> {
    compare(
        bytes,
        other,
        &Limits::PHOTO,
        &faces.models,
        &faces.thresholds,
    )
}

/// Where a picture cannot be read, an officer looks.
fn comparison_row(
    act: &Act,
    application: &ApplicationRow,
    (photo, other): (&PhotoId, PhotoId),
    comparison: Result<Comparison, AssessError>,
) -> Result<PhotoComparisonRow, Error> {
    let comparison = match comparison {
        Ok(comparison) => comparison,
        Err(AssessError::Photo(_)) => Comparison {
            outcome: Outcome::Officer,
            distance: None,
            similarity: None,
            without_face: (false, false),
        },
        Err(AssessError::Model(_)) => return Err(Error::Internal("a face model failed")),
    };
    let (this, on_file) = comparison.without_face;
    let without = [("photo", this), ("photo-on-file", on_file)];
    let distances = Distances {
        v: 1,
        distance: comparison.distance.filter(|it| it.is_finite()),
        similarity: comparison.similarity.filter(|it| it.is_finite()),
        without_face: without
            .into_iter()
            .filter(|(_, without)| *without)
            .map(|(name, _)| name.to_owned())
            .collect(),
    };
    let distances = serde_json::to_vec(&distances)
        .map_err(|_not_json| Error::Internal("a comparison cannot be written"))?;
    Ok(PhotoComparisonRow {
        application: application.id.clone(),
        holder: application.holder.clone(),
        photo: photo.clone(),
        other,
        outcome: comparison.outcome.code().to_owned(),
        distances: Zeroizing::new(distances),
        compared_at: act.now,
    })
}

pub(super) fn comparison_view(row: &PhotoComparisonRow) -> Result<ComparisonView, Error> {
    let distances: Distances = serde_json::from_slice(&row.distances)
        .map_err(|_not_json| Error::Internal("a comparison cannot be read"))?;
    Ok(ComparisonView {
        outcome: row.outcome.clone(),
        distance: distances.distance,
        similarity: distances.similarity,
        without_face: distances.without_face,
        compared_at: row.compared_at,
    })
}
