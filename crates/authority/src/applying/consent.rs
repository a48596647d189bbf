//! Consent to face processing (人脸信息处理单独同意): recorded apart from the application, asked for
//! before the first frame, withdrawn at will.

use licence::person_check::FacePurpose;
use storage::{FaceConsentId, FaceConsentRow};

use super::texts::{CONSENT, CONSENT_VERSION};
use crate::{
    Act, Authority, Error, refusal,
    views::{ApplicationView, FaceConsentView, ReadText, VersionedTextView},
};

const PURPOSE: FacePurpose = FacePurpose::PersonCheck;

impl Authority {
    /// What a driver agrees to, and whether they have.
    ///
    /// # Errors
    /// When nobody is signed in as a driver.
    pub async fn face_consent(&self, act: &mut Act) -> Result<FaceConsentView, Error> {
        let stands = self.standing_consent(act).await?;
        Ok(FaceConsentView {
            text: VersionedTextView {
                version: CONSENT_VERSION.to_owned(),
                zh: CONSENT.zh.to_owned(),
                en: CONSENT.en.to_owned(),
            },
            given_at: stands.map(|consent| consent.given_at),
        })
    }

    /// The driver agrees. A consent that stands is not given twice.
    ///
    /// # Errors
    /// When it is not the present text, or the application is none of theirs.
    pub async fn give_face_consent(
        &self,
        act: &mut Act,
        id: &str,
        request: ReadText,
    ) -> Result<ApplicationView, Error> {
        if request.version != CONSENT_VERSION {
            return Err(refusal::TEXT_OUTDATED.into());
        }
        let row = self.own_application(act, id).await?;
        if self.standing_consent(act).await?.is_some() {
            return self.own_view(act, &row.id).await;
        }
        let driver = self.own_driver(act).await?;
        let new = FaceConsentRow {
            id: FaceConsentId::generate(driver.id.partition(), &mut act.rng),
            holder: driver.id.clone(),
            purpose: PURPOSE,
            text_version: CONSENT_VERSION.to_owned(),
            device: act.holder_here()?.device.clone(),
            check: None,
            given_at: act.now,
            withdrawn_at: None,
        };
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        // One to an older text ends: it covers what that text said.
        tx.withdraw_face_consent(&locked, PURPOSE, act.now).await?;
        tx.insert_face_consent(&locked, &new).await?;
        let entry = act
            .entry("face-consent.given")
            .about(&driver.id)
            .with("consent", new.id.as_str())
            .with("version", CONSENT_VERSION)
            .with("device", new.device.as_str());
        tx.commit(entry, Vec::new()).await?;
        self.own_view(act, &row.id).await
    }

    /// The driver withdraws the consent: no face of theirs is compared any more, and what was measured
    /// goes. What was issued stays, and the counter is open.
    ///
    /// # Errors
    /// When nobody is signed in as a driver.
    pub async fn withdraw_face_consent(&self, act: &mut Act) -> Result<(), Error> {
        let driver = self.own_driver(act).await?;
        let all = self.store().applications_of(&driver.id).await?;
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        let stood = tx.withdraw_face_consent(&locked, PURPOSE, act.now).await?;
        for row in all.iter().filter(|row| row.stage.is_open()) {
            tx.leave_person_checks(&locked, &row.id, act.now).await?;
        }
        let entry = act
            .entry("face-consent.withdrawn")
            .about(&driver.id)
            .with("stood", stood);
        tx.commit(entry, Vec::new()).await?;
        Ok(())
    }

    /// The consent to the present text.
    pub(super) async fn standing_consent(
        &self,
        act: &Act,
    ) -> Result<Option<FaceConsentRow>, Error> {
        let consent = self.store().face_consent(act.holder()?, PURPOSE).await?;
        Ok(consent.filter(|consent| consent.text_version == CONSENT_VERSION))
    }
}
