//! The rules are read, a photo is handed in and judged at once, seen as it would stand, and confirmed
//! (R44-R47, R49-R53).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{Span, civil::Date};
use licence::{
    application::{Event as Move, Kind, PhotoOrigin, Stage},
    civil_date,
    photo::{Profile, Verdict},
};
use portrait::{Asked, AssessError, Assessment, Fingerprint, Limits, Photo, crop};
use storage::{ApplicationRow, PhotoFindingsRow, PhotoId, PhotoRow};
use zeroize::Zeroizing;

use super::{
    ATTEMPTS,
    findings::{Findings, verdict, views},
    lost_race,
    on_file::MODEL_FAILED,
    texts::{DECLARATION, DECLARATION_VERSION, NOTICES, RULES, RULES_VERSION},
};
use crate::{
    Act, Authority, Error, PhotoFile,
    apply::{RequestKey, as_application, image_bytes, invalid_photo},
    refusal,
    registry_write::{photo_row, sha256},
    review::changed,
    views::{
        ApplicationView, AssessmentView, Confirm, PhotoRulesView, ReadText, RuleView, SubmitPhoto,
        TextView, VersionedTextView,
    },
};

const SUBMITTED: &str = "application.photo-submitted";
const CONFIRMED: &str = "application.confirmed";
const READ: &str = "application.rules-read";

/// A photo that was judged.
struct Judged {
    /// Of the bytes as they were submitted.
    sha256: String,
    assessment: Assessment,
}

impl Judged {
    /// The day on which it was taken, as the camera noted.
    fn taken_on(&self, today: Date) -> Option<Date> {
        let age = self.age_in_days()?;
        // Whole days: an older photo is not kept.
        let days = (0_i16..=183).find(|days| f32::from(*days) >= age)?;
        today.checked_sub(Span::new().days(days)).ok()
    }

    fn age_in_days(&self) -> Option<f32> {
        let mut measured = self.assessment.measured.iter();
        measured
            .find(|measured| measured.name == "age-in-days")
            .map(|measured| measured.value)
    }

    fn has_date(&self) -> bool {
        self.age_in_days().is_some()
    }
}

/// A photo that is to be kept with its application.
struct Submission {
    row: PhotoRow,
    findings: PhotoFindingsRow,
    /// Rules that an officer judges.
    officer: Vec<String>,
}

impl Authority {
    /// The photo rules as they are read before a photo is taken (R44, R55).
    #[must_use]
    pub fn photo_rules(&self) -> PhotoRulesView {
        let text = |text: licence::Text| TextView {
            zh: text.zh.to_owned(),
            en: text.en.to_owned(),
        };
        PhotoRulesView {
            version: RULES_VERSION.to_owned(),
            notices: NOTICES.into_iter().map(text).collect(),
            rules: RULES
                .iter()
                .map(|(rule, by_machine, text)| RuleView {
                    rule: (*rule).to_owned(),
                    by_machine: *by_machine,
                    zh: text.zh.to_owned(),
                    en: text.en.to_owned(),
                })
                .collect(),
            declaration: VersionedTextView {
                version: DECLARATION_VERSION.to_owned(),
                zh: DECLARATION.zh.to_owned(),
                en: DECLARATION.en.to_owned(),
            },
            width: u32::try_from(crop::WIDTH).unwrap_or_default(),
            height: u32::try_from(crop::HEIGHT).unwrap_or_default(),
            max_bytes: Limits::PHOTO.max_bytes,
        }
    }

    /// The applicant has read the photo rules (R45, R51).
    ///
    /// # Errors
    /// When it is not the present text, or the photo is none of theirs to submit.
    pub async fn read_photo_rules(
        &self,
        act: &mut Act,
        id: &str,
        request: ReadText,
    ) -> Result<ApplicationView, Error> {
        if request.version != RULES_VERSION {
            return Err(refusal::TEXT_OUTDATED.into());
        }
        let row = self.own_application(act, id).await?;
        as_application(&row)?.apply(Move::SubmitPhoto)?;
        let driver = self.own_driver(act).await?;
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        tx.note_rules_read(&locked, &row.id, RULES_VERSION, act.now)
            .await?;
        let entry = act
            .entry(READ)
            .about(&driver.id)
            .with("application", row.id.as_str())
            .with("version", RULES_VERSION);
        tx.commit(entry, Vec::new()).await?;
        self.own_view(act, &row.id).await
    }

    /// Judges a photo and keeps nothing of it (SC-07).
    ///
    /// # Errors
    /// When it is no acceptable file, or nobody judges photos here.
    pub async fn assess_photo(
        &self,
        act: &mut Act,
        request: SubmitPhoto,
    ) -> Result<AssessmentView, Error> {
        act.holder()?;
        let judged = self
            .judged(act, (&request.photo, Kind::PhotoChange), None)
            .await?;
        let preview = match &judged.assessment.crop {
            Some(crop) => {
                let jpeg = Zeroizing::new(crop.to_jpeg().map_err(invalid_photo)?);
                Some(format!(
                    "data:image/jpeg;base64,{}",
                    STANDARD.encode(&*jpeg)
                ))
            }
            None => None,
        };
        Ok(AssessmentView {
            verdict: verdict(judged.assessment.verdict()).as_str().to_owned(),
            findings: views(&judged.assessment),
            preview,
            declaration_needed: !judged.has_date(),
        })
    }

    /// Takes the applicant's own photo, judged before it is kept: one that breaks a rule is refused with
    /// every hint, and nothing of it stays. What is kept is the crop as it would stand on the licence.
    ///
    /// # Errors
    /// Out of order, a file that is no photo, a photo that breaks a rule, or a missing declaration.
    pub async fn submit_photo(
        &self,
        act: &mut Act,
        id: &str,
        request: SubmitPhoto,
        key: Option<&str>,
    ) -> Result<ApplicationView, Error> {
        let row = self.own_application(act, id).await?;
        let application = row.id.to_string();
        let key = key.map(|key| {
            let asked = [&application, &request.photo];
            self.request_key(act, SUBMITTED, key, &asked)
        });
        if let Some(view) = self.answered_own(act, key.as_ref()).await? {
            return Ok(view);
        }
        as_application(&row)?.apply(Move::SubmitPhoto)?;
        let read = row.rules_read.as_ref();
        if read.is_none_or(|(version, _)| version != RULES_VERSION) {
            return Err(refusal::RULES_NOT_READ.into());
        }
        self.admit(act, row.kind, &row.office).await?;
        let judged = self
            .judged(act, (&request.photo, row.kind), row.photo.as_ref())
            .await?;
        let submission = match self.submission(act, &row, judged, request).await {
            Ok(submission) => submission,
            Err(error @ Error::Refused(..)) => {
                return self.refuse(act, SUBMITTED, Some(&row.holder), error).await;
            }
            Err(error) => return Err(error),
        };
        let mut attempt = 1;
        loop {
            match self.keep_photo(act, &row, &submission, key.as_ref()).await {
                Err(error) if lost_race(&error) && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
                Ok(()) => return self.own_view(act, &row.id).await,
            }
        }
    }

    /// A photo judged by all rules, when it is the turn of its kind, beside the earlier ones of this person but `instead_of`.
    async fn judged(
        &self,
        act: &Act,
        (data_url, kind): (&str, Kind),
        instead_of: Option<&PhotoId>,
    ) -> Result<Judged, Error> {
        let judge = self.judge()?;
        let bytes = image_bytes(data_url).ok_or(refusal::INVALID_PHOTO)?;
        // What can be refused for nothing is, before it costs a turn.
        if bytes.len() > Limits::PHOTO.max_bytes {
            return Err(invalid_photo(portrait::PhotoError::TooManyBytes));
        }
        self.inner.limits.assessment(act)?;
        let earlier = self.earlier(act, instead_of).await?;
        let today = civil_date(act.now);
        let sha256 = sha256(&bytes);
        let judged = judge
            .run_for(kind, move |faces| {
                let asked = Asked {
                    profile: portrait::Profile::Submitted,
                    today,
                    earlier: &earlier,
                };
                portrait::assess(&bytes, &Limits::PHOTO, &faces.models, &asked)
            })
            .await?;
        match judged {
            Ok((_, assessment)) => Ok(Judged { sha256, assessment }),
            Err(AssessError::Photo(error)) => Err(invalid_photo(error)),
            Err(AssessError::Model(_)) => Err(MODEL_FAILED),
        }
    }

    /// By what the earlier photos of this person are known again (R71).
    async fn earlier(
        &self,
        act: &Act,
        instead_of: Option<&PhotoId>,
    ) -> Result<Vec<Fingerprint>, Error> {
        let rows = self.store().photo_findings_of(act.holder()?).await?;
        let mut earlier = Vec::with_capacity(rows.len());
        for row in rows.iter().filter(|row| Some(&row.photo) != instead_of) {
            earlier.extend(Findings::read(row)?.fingerprint());
        }
        Ok(earlier)
    }

    /// What is kept of a judged photo, if it may be.
    async fn submission(
        &self,
        act: &mut Act,
        row: &ApplicationRow,
        judged: Judged,
        request: SubmitPhoto,
    ) -> Result<Submission, Error> {
        let concluded = verdict(judged.assessment.verdict());
        let undeclared = Findings::of(&judged.assessment, None);
        if concluded == Verdict::Fail {
            return Err(Error::Refused(refusal::PHOTO_FAILS, undeclared.broken()));
        }
        let declaration = match request.declaration {
            Some(declaration) => Some(
                self.declared(act, &row.id, declaration, &judged.sha256)
                    .await?,
            ),
            None if judged.has_date() => None,
            None => return Err(refusal::DECLARATION_REQUIRED.into()),
        };
        let found = Findings::of(&judged.assessment, declaration);
        let crop = judged.assessment.crop.as_ref();
        let crop = crop.ok_or(Error::Internal("a photo passed without a face"))?;
        let jpeg = Zeroizing::new(crop.to_jpeg().map_err(invalid_photo)?);
        let photo = Photo::decode(&jpeg, &Limits::PHOTO).map_err(invalid_photo)?;
        let taken_on = judged.taken_on(civil_date(act.now));
        let kept = photo_row(act, &row.holder, row.photo_source, &photo, taken_on);
        self.store()
            .put_photo_bytes(&row.holder, &kept.id, photo.bytes())
            .await?;
        let judged = (Profile::Submitted, concluded);
        Ok(Submission {
            findings: found.row((&row.holder, &kept.id), judged, act.now)?,
            officer: found.rules(Verdict::Officer),
            row: kept,
        })
    }

    async fn keep_photo(
        &self,
        act: &Act,
        row: &ApplicationRow,
        submission: &Submission,
        key: Option<&RequestKey>,
    ) -> Result<(), Error> {
        let driver = self.own_driver(act).await?;
        let photo = &submission.row;
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        tx.insert_photo(photo).await?;
        tx.insert_photo_findings(&locked, &submission.findings)
            .await?;
        tx.submit_photo(&locked, &row.id, &photo.id).await?;
        tx.leave_person_checks(&locked, &row.id, act.now).await?;
        // The one before was never seen by anybody but its applicant.
        let replaced = match &row.photo {
            Some(replaced) => tx.remove_photo(&locked, replaced).await?,
            None => false,
        };
        if let Some(key) = key {
            key.remember(&mut tx, row.id.as_str(), act.now).await?;
        }
        let entry = act
            .entry(SUBMITTED)
            .about(&driver.id)
            .with("application", row.id.as_str())
            .with("photo", photo.id.as_str())
            .with("verdict", submission.findings.verdict.as_str())
            .with("officer", submission.officer.clone())
            .with("replaced", replaced);
        let event = changed(row, Stage::PhotoSubmitted);
        let committed = tx.commit(entry, vec![event]).await?;
        if let Some(before) = row.photo.as_ref().filter(|_| replaced) {
            self.erase_bytes(before).await;
        }
        self.follow_committed(&[committed]).await
    }

    /// The photo of an application as it would stand on the licence (R47, R53). The one on file is shown
    /// once the person is verified: before, it would only help whoever wants to pass for them.
    ///
    /// # Errors
    /// [`refusal::NOT_FOUND`] where there is none, [`refusal::PHOTO_NOT_SHOWN`].
    pub async fn application_photo(&self, act: &mut Act, id: &str) -> Result<PhotoFile, Error> {
        let row = self.own_application(act, id).await?;
        let photo = row.photo.as_ref().ok_or(refusal::NOT_FOUND)?;
        if row.photo_source == PhotoOrigin::OnFile && row.verified_at.is_none() {
            return Err(refusal::PHOTO_NOT_SHOWN.into());
        }
        self.photo_file(&row.holder, photo).await
    }

    /// The applicant confirms the information and the photo that is to be used (R38, R47, R53).
    ///
    /// # Errors
    /// Out of order, or when the application has another photo.
    pub async fn confirm_application(
        &self,
        act: &mut Act,
        id: &str,
        request: Confirm,
    ) -> Result<ApplicationView, Error> {
        let row = self.own_application(act, id).await?;
        as_application(&row)?.apply(Move::VerifyPerson)?;
        let photo =
            PhotoId::parse(&request.photo).map_err(|_not_an_id| Error::from(refusal::NOT_FOUND))?;
        if row.photo.as_ref() != Some(&photo) {
            return Err(refusal::NOT_FOUND.into());
        }
        let driver = self.own_driver(act).await?;
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        tx.confirm_application(&locked, (&row.id, &photo), act.now)
            .await?;
        let entry = act
            .entry(CONFIRMED)
            .about(&driver.id)
            .with("application", row.id.as_str())
            .with("photo", photo.as_str());
        tx.commit(entry, Vec::new()).await?;
        self.own_view(act, &row.id).await
    }
}
