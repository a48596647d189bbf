//! The search for duplicate faces (重复人脸排查): whether the face on a submitted photo was submitted lately
//! by somebody else at the same office, on the same device or from the same source. Off unless the
//! operator turns it on; what is compared is kept sealed, for a time, and erased by a job. It decides
//! nothing, and says how often it is wrong.

use jiff::{SignedDuration, Timestamp};
use licence::application::PhotoOrigin;
use portrait::{Likeness, Limits, Outcome, likeness, matcher::compared};
use storage::{ApplicationRow, FaceTemplateRow, FacesNear};
use zeroize::Zeroizing;

use super::check_claim;
use crate::{
    Act, Authority, Error, limits, refusal,
    views::{DuplicateView, DuplicatesView},
};

/// How far back it looks.
const RECENT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Descriptors compared at most: at a few microseconds each this takes milliseconds, and with one false
/// match in 10,000 it gives one false alert in five searches.
const MOST: u32 = 2000;
/// The search in the audit.
const SEARCHED: &str = "review.duplicates-searched";

/// What the search rests on, where it is on.
#[derive(Clone, Debug, PartialEq)]
pub struct DuplicateSearch {
    /// How long a descriptor is kept.
    pub keep: SignedDuration,
    /// Among which submissions is searched.
    pub scope: SearchScope,
    /// The share of comparisons of two people that the matchers take for one, as the calibration record
    /// measured it.
    pub fmr: f64,
    /// The upper end of its 95 % confidence interval.
    pub fmr_bound: f64,
}

/// What submissions must have in common with the case at hand to be compared with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchScope {
    /// The office that reviews them.
    pub office: bool,
    /// The key of the device that signed the person check: an app that makes itself another key is not
    /// known again.
    pub device: bool,
    /// The network that they were submitted from: an address, or the first 64 bits of one of IPv6.
    pub source: bool,
}

impl SearchScope {
    /// Any of them.
    pub const ALL: Self = Self {
        office: true,
        device: true,
        source: true,
    };

    /// What this one shares with the case, as the reviewer reads it.
    fn shared(self, case: &FaceTemplateRow, other: &FaceTemplateRow) -> Vec<String> {
        let same = |one: &Option<Vec<u8>>, other: &Option<Vec<u8>>| one.is_some() && one == other;
        let shares = [
            ("office", self.office && case.office == other.office),
            ("device", self.device && same(&case.device, &other.device)),
            ("source", self.source && same(&case.source, &other.source)),
        ];
        let shares = shares.into_iter().filter(|(_, shares)| *shares);
        shares.map(|(name, _)| name.to_owned()).collect()
    }

    /// Near which descriptors is searched.
    fn near(self, case: &FaceTemplateRow) -> FacesNear<'_> {
        FacesNear {
            office: self.office.then_some(case.office.as_str()),
            device: case.device.as_deref().filter(|_| self.device),
            source: case.source.as_deref().filter(|_| self.source),
        }
    }
}

/// Where a submission came from, by keyed hashes.
#[derive(Default)]
struct Origin {
    device: Option<Vec<u8>>,
    source: Option<Vec<u8>>,
}

impl Origin {
    fn is_known(&self) -> bool {
        self.device.is_some() || self.source.is_some()
    }
}

impl Authority {
    /// Looks for the face of a claimed case among recent submissions by other people that share its
    /// office, its device or its source, as far as the operator's scope goes.
    ///
    /// # Errors
    /// When it is off ([`refusal::DUPLICATES_OFF`]), the case is not claimed, or the photo has no usable
    /// face ([`refusal::NO_FACE`]).
    pub async fn search_duplicates(&self, act: &Act, id: &str) -> Result<DuplicatesView, Error> {
        let found = self.reviewable(act, id, SEARCHED).await?;
        check_claim(act, found.case.as_ref())?;
        let settings = &self.inner.settings;
        let search = settings
            .duplicates
            .as_ref()
            .ok_or(refusal::DUPLICATES_OFF)?;
        let application = &found.application;
        let case = self.template_at_hand(act, application, search).await?;
        let since = act.now.saturating_sub(RECENT).unwrap_or(act.now);
        let near = search.scope.near(&case);
        let recent = self.store().face_templates(&near, (since, act.now), MOST);
        let others: Vec<FaceTemplateRow> = recent
            .await?
            .into_iter()
            .filter(|row| row.holder != application.holder)
            .collect();
        let compared = u64::try_from(others.len()).unwrap_or(u64::MAX);
        let duplicates = self.alike(case, others, search.scope).await?;
        let entry = act
            .entry(SEARCHED)
            .about(&found.driver.id)
            .with("application", application.id.as_str())
            .with("compared", compared)
            .with(
                "found",
                duplicates
                    .iter()
                    .map(|it| it.application.clone())
                    .collect::<Vec<_>>(),
            );
        let tx = self.store().begin_in(found.driver.id.partition()).await?;
        tx.commit(entry, Vec::new()).await?;
        Ok(DuplicatesView {
            compared,
            since,
            expected_false_alerts: expected(search.fmr, compared),
            false_alerts_bound: expected(search.fmr_bound, compared),
            duplicates,
        })
    }

    /// The descriptor of the case, made now where it is not kept yet.
    async fn template_at_hand(
        &self,
        act: &Act,
        application: &ApplicationRow,
        search: &DuplicateSearch,
    ) -> Result<FaceTemplateRow, Error> {
        let (office, id) = (&application.office, &application.id);
        if let Some(kept) = self.store().face_template(office, id).await? {
            return Ok(kept);
        }
        let face = self.face_of(application).await?.ok_or(refusal::NO_FACE)?;
        let row = template_of(act, (application, Origin::default()), search, &face);
        self.keep_template(act, &row).await?;
        Ok(row)
    }

    /// Those that both matchers take for the same person.
    async fn alike(
        &self,
        case: FaceTemplateRow,
        others: Vec<FaceTemplateRow>,
        scope: SearchScope,
    ) -> Result<Vec<DuplicateView>, Error> {
        let face = Likeness::from_bytes(&case.template)
            .ok_or(Error::Internal("a descriptor of a face cannot be read"))?;
        let judged = self.judge()?.run(move |faces| {
            let alike = |row: &FaceTemplateRow| {
                let other = Likeness::from_bytes(&row.template)?;
                let found = compared(Some(&face), Some(&other), &faces.thresholds);
                (found.outcome == Outcome::Match).then(|| DuplicateView {
                    application: row.application.to_string(),
                    shares: scope.shared(&case, row),
                    submitted_at: row.created_at,
                    distance: found.distance,
                    similarity: found.similarity,
                })
            };
            others.iter().filter_map(alike).collect()
        });
        judged.await
    }

    /// Keeps the descriptor of a submitted photo for later searches, where the search is on and it is
    /// not there yet.
    pub(super) async fn remember_face(
        &self,
        act: &Act,
        application: &ApplicationRow,
    ) -> Result<(), Error> {
        match &self.inner.settings.duplicates {
            Some(search) => {
                self.remember(act, (application, Origin::default()), search)
                    .await
            }
            None => Ok(()),
        }
    }

    /// The same as soon as a driver submits it in the app, with what tells the device and the source
    /// again. The submission stands already, whatever comes of it: what fails is made up for at the first
    /// claim, where the reviewer's device and source are not the driver's, and only the office is known.
    pub(crate) async fn remember_submitted(
        &self,
        act: &Act,
        application: &ApplicationRow,
        device_key: &[u8],
    ) {
        let Some(search) = &self.inner.settings.duplicates else {
            return;
        };
        let hash = |kind, value: &[u8]| self.store().blind(kind, value).as_bytes().to_vec();
        let device = search.scope.device;
        let source = act.source.filter(|_| search.scope.source);
        let origin = Origin {
            device: device.then(|| hash("face-device", device_key)),
            source: source.map(|_| hash("face-source", limits::source(act).as_bytes())),
        };
        if let Err(error) = self.remember(act, (application, origin), search).await {
            tracing::warn!(%error, "the face of a submission was not kept");
        }
    }

    async fn remember(
        &self,
        act: &Act,
        (application, origin): (&ApplicationRow, Origin),
        search: &DuplicateSearch,
    ) -> Result<(), Error> {
        // The photo on file was submitted to nobody here.
        if application.photo_source == PhotoOrigin::OnFile {
            return Ok(());
        }
        let (office, id) = (&application.office, &application.id);
        let row = match self.store().face_template(office, id).await? {
            // A reviewer was faster than the driver, whose device and source are added.
            Some(kept) if origin.is_known() => FaceTemplateRow {
                device: origin.device,
                source: origin.source,
                ..kept
            },
            Some(_) => return Ok(()),
            // One that would be erased again at once is not made.
            None if is_over(act, application, search) => return Ok(()),
            None => match self.face_of(application).await? {
                Some(face) => template_of(act, (application, origin), search, &face),
                None => return Ok(()),
            },
        };
        self.keep_template(act, &row).await
    }

    async fn keep_template(&self, act: &Act, row: &FaceTemplateRow) -> Result<(), Error> {
        if row.expires_at <= act.now {
            return Ok(());
        }
        let partition = self.store().office_partition(&row.office);
        let mut tx = self.store().begin_in(partition).await?;
        if !tx.keep_face_template(row).await? {
            return Ok(());
        }
        let entry = act
            .entry("face-template.kept")
            .about(&row.holder)
            .with("application", row.application.as_str())
            .with("until", row.expires_at.to_string());
        tx.commit(entry, Vec::new()).await?;
        Ok(())
    }

    /// What the recognisers make of the application's photo; none where it has no usable face.
    async fn face_of(&self, application: &ApplicationRow) -> Result<Option<Likeness>, Error> {
        let photo = application.photo.as_ref().ok_or(refusal::NOT_FOUND)?;
        let bytes = self.store().photo_bytes(&application.holder, photo).await?;
        let found = self
            .judge()?
            .run_for(application.kind, move |faces| {
                likeness(&bytes, &Limits::PHOTO, &faces.models)
            })
            .await?;
        match found {
            Ok(face) => Ok(face),
            Err(portrait::AssessError::Photo(_)) => Ok(None),
            Err(portrait::AssessError::Model(_)) => Err(Error::Internal("a face model failed")),
        }
    }

    /// Erases descriptors whose time has come; all of them where the search is off. Answers how many.
    ///
    /// # Errors
    /// When the store fails; what was erased is erased, the next call goes on.
    pub async fn erase_templates(&self, act: &Act) -> Result<u64, Error> {
        let until = self.inner.settings.duplicates.is_some().then_some(act.now);
        let mut erased = 0_u64;
        for partition in self.store().face_templates_to_erase(until).await? {
            let mut tx = self.store().begin_in(partition).await?;
            let count = tx.erase_face_templates(until).await?;
            let entry = act.entry("face-templates.erased").with("count", count);
            tx.commit(entry, Vec::new()).await?;
            erased = erased.saturating_add(count);
        }
        Ok(erased)
    }
}

/// The descriptor of a face that was submitted with this application. Its time runs from there, however
/// late it is made.
fn template_of(
    act: &Act,
    (application, origin): (&ApplicationRow, Origin),
    search: &DuplicateSearch,
    face: &Likeness,
) -> FaceTemplateRow {
    let created_at = application.submitted_at.unwrap_or(act.now);
    FaceTemplateRow {
        application: application.id.clone(),
        holder: application.holder.clone(),
        office: application.office.clone(),
        device: origin.device,
        source: origin.source,
        created_at,
        expires_at: later(created_at, search.keep),
        template: Zeroizing::new(face.to_bytes()),
    }
}

/// Whether a descriptor of this application would have been erased by now.
fn is_over(act: &Act, application: &ApplicationRow, search: &DuplicateSearch) -> bool {
    let submitted_at = application.submitted_at.unwrap_or(act.now);
    later(submitted_at, search.keep) <= act.now
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(now)
}

/// How many of so many comparisons are wrong.
fn expected(rate: f64, comparisons: u64) -> f64 {
    rate * f64::from(u32::try_from(comparisons).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    #[test]
    fn expected_false_alerts_are_the_rate_times_the_comparisons() {
        for (rate, count, expected) in [
            (0.0, 2000, 0.0),
            (0.0001, 2000, 0.2),
            (1.0, 3, 3.0),
            (0.5, 0, 0.0),
        ] {
            let found = super::expected(rate, count);
            assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
        }
    }
}
