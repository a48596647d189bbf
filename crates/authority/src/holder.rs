//! What a driver sees of their own (R77): record, pages, messages, look-ups.

use licence::{Channel, application::Kind, e_licence};
use storage::{
    ApplicationId, CredentialRow, CurrentELicence, Driver, ELicenceRow, HolderId, PhotoId,
};
use zeroize::Zeroizing;

use crate::{
    Act, Authority, Error, PhotoFile,
    apply::rejections,
    mask, refusal,
    registry_write::stage_value,
    render::{
        application_view, e_licence_view, notification_view, record_view, stage_reasons,
        status_view,
    },
    views::{
        ApplicationView, ELicenceView, EligibilityView, LicenceView, LookUpView, NotificationView,
        ReasonView, StatusView,
    },
};

/// Messages and look-ups shown at once.
const PAGE: u32 = 100;
/// Texts looked through for those of the messages shown: a message may go to several phones.
const TEXTS: u32 = 400;

impl Authority {
    /// The driver's own record and status. Until there is an e-licence, and with it somebody who looked
    /// at the person, what tells who they are is masked.
    ///
    /// # Errors
    /// When nobody is signed in as a driver.
    pub async fn licence(&self, act: &mut Act) -> Result<LicenceView, Error> {
        let driver = self.own_driver(act).await?;
        let masked = self.store().newest_e_licence(&driver.id).await?.is_none();
        let record = record_view(&driver.record);
        Ok(LicenceView {
            record: if masked { mask::masked(record) } else { record },
            masked,
            status: status_view(&driver.record, licence::StatusValue::Valid, act.now),
            has_photo_on_file: driver.photo.is_some(),
        })
    }

    /// Whether the driver may apply, with everything that blocks it.
    ///
    /// # Errors
    /// When nobody is signed in as a driver.
    pub async fn eligibility(&self, act: &mut Act) -> Result<EligibilityView, Error> {
        let driver = self.own_driver(act).await?;
        let first = (Channel::App, Kind::First);
        let reasons = self.blocking(act, &driver, first).await?;
        Ok(EligibilityView {
            eligible: reasons.is_empty(),
            reasons: reasons.iter().map(ReasonView::from).collect(),
        })
    }

    /// The driver's applications, newest first.
    ///
    /// # Errors
    /// When nobody is signed in as a driver.
    pub async fn applications(&self, act: &mut Act) -> Result<Vec<ApplicationView>, Error> {
        let rows = self.store().applications_of(act.holder()?).await?;
        let newest = self.store().newest_e_licence(act.holder()?).await?;
        let rejections = rejections(&rows, newest.map(|e_licence| e_licence.generated_at));
        let mut views = Vec::with_capacity(rows.len());
        for row in &rows {
            // What comes next is of interest for the newest only; the others are over.
            views.push(if views.is_empty() {
                self.with_progress(act, row, rejections).await?
            } else {
                application_view(row)
            });
        }
        Ok(views)
    }

    /// One of the driver's applications.
    ///
    /// # Errors
    /// [`refusal::NOT_FOUND`], the same for another's as for none (SC-20).
    pub async fn application(&self, act: &mut Act, id: &str) -> Result<ApplicationView, Error> {
        act.holder()?;
        let id = ApplicationId::parse(id).map_err(|_not_an_id| Error::from(refusal::NOT_FOUND))?;
        self.own_view(act, &id).await
    }

    /// The licence pages (R15-R22): black, red or hidden as the status is now.
    ///
    /// # Errors
    /// [`refusal::NO_E_LICENCE`] when there was never one.
    pub async fn e_licence(&self, act: &mut Act) -> Result<ELicenceView, Error> {
        let driver = self.own_driver(act).await?;
        let newest = self.store().newest_e_licence(&driver.id).await?;
        let newest = newest.ok_or(refusal::NO_E_LICENCE)?;
        if let Some(current) = self.store().current_e_licence(&driver.id).await? {
            self.renew_on_contact(act, &driver, &current).await?;
        }
        let status = self.status_of(act, &driver, &newest).await?;
        Ok(e_licence_view(&driver.record, &newest, status, act.now))
    }

    /// The portrait of the driver's e-licence, while it is shown.
    ///
    /// # Errors
    /// [`refusal::NO_E_LICENCE`], or [`refusal::NOT_SHOWN`] while it is hidden.
    pub async fn portrait(&self, act: &mut Act) -> Result<PhotoFile, Error> {
        let (driver, current) = self.own_shown(act).await?;
        self.photo_file(&driver.id, &current.e_licence.photo).await
    }

    /// The signed credential of the driver's e-licence in one suite, as a file.
    ///
    /// # Errors
    /// [`refusal::NO_E_LICENCE`], or [`refusal::NOT_FOUND`] when it was not signed in that suite, or
    /// its binding ended and no device was bound since.
    pub async fn credential_file(
        &self,
        act: &mut Act,
        suite: &str,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (driver, current) = self.own_shown(act).await?;
        self.renew_on_contact(act, &driver, &current).await?;
        let credential = current.credential.ok_or(refusal::NOT_FOUND)?;
        let forms = self.store().forms(&driver.id, &credential.id).await?;
        forms
            .into_iter()
            .find(|form| form.suite == suite)
            .map(|form| form.form)
            .ok_or_else(|| refusal::NOT_FOUND.into())
    }

    /// The driver's inbox, newest first.
    ///
    /// # Errors
    /// When nobody is signed in as a driver.
    pub async fn notifications(&self, act: &mut Act) -> Result<Vec<NotificationView>, Error> {
        let holder = act.holder()?;
        let rows = self.store().notifications_of(holder, PAGE).await?;
        let texts = self.store().texts_of(holder, TEXTS).await?;
        Ok(rows
            .iter()
            .map(|row| notification_view(row, &texts))
            .collect())
    }

    /// Who looked the driver up, newest first.
    ///
    /// # Errors
    /// When nobody is signed in as a driver.
    pub async fn look_ups(&self, act: &mut Act) -> Result<Vec<LookUpView>, Error> {
        let rows = self.store().verifications_of(act.holder()?, PAGE).await?;
        Ok(rows
            .into_iter()
            .map(|row| LookUpView {
                id: row.id.to_string(),
                at: row.at,
                office: row.office,
                purpose: row.purpose,
            })
            .collect())
    }

    pub(crate) async fn own_driver(&self, act: &Act) -> Result<Driver, Error> {
        let driver = self.store().driver(act.holder()?).await?;
        driver.ok_or_else(|| refusal::NOT_FOUND.into())
    }

    /// The driver's current e-licence, while its status lets it be shown.
    pub(crate) async fn own_shown(&self, act: &Act) -> Result<(Driver, CurrentELicence), Error> {
        let driver = self.own_driver(act).await?;
        let Some(current) = self.store().current_e_licence(&driver.id).await? else {
            let newest = self.store().newest_e_licence(&driver.id).await?;
            let superseded = newest.is_some_and(|e| e.stage == e_licence::Stage::Superseded);
            return Err(if superseded {
                refusal::SUPERSEDED.into()
            } else {
                refusal::NO_E_LICENCE.into()
            });
        };
        let status = self.status_of(act, &driver, &current.e_licence).await?;
        if status.shown == "hidden" {
            let mut reasons = status.reasons;
            reasons.extend(stage_reasons(&current.e_licence));
            let because = reasons.into_iter().map(Into::into).collect();
            return Err(Error::Refused(refusal::NOT_SHOWN, because));
        }
        Ok((driver, current))
    }

    /// The status of an e-licence for the instant asked: the stricter of what the record says now,
    /// what its stage adds, and what this node's memory holds.
    pub(crate) async fn status_of(
        &self,
        act: &Act,
        driver: &Driver,
        e_licence: &ELicenceRow,
    ) -> Result<StatusView, Error> {
        let current = self.store().current_e_licence(&driver.id).await?;
        Ok(self.status_with(act, driver, e_licence, current.as_ref()))
    }

    /// The same where the driver's current e-licence was read already.
    pub(crate) fn status_with(
        &self,
        act: &Act,
        driver: &Driver,
        e_licence: &ELicenceRow,
        current: Option<&CurrentELicence>,
    ) -> StatusView {
        let in_memory = current
            .filter(|current| current.e_licence.id == e_licence.id)
            .and_then(|current| self.remembered_value(current.credential.as_ref()?));
        let also = stage_value(e_licence.stage);
        let also = in_memory.map_or(also, |value| also.strictest(value));
        status_view(&driver.record, also, act.now)
    }

    /// What the status memory says of a credential. It may be older than the record by the moment
    /// between commit and follower; taking the stricter of both, it can only err to the safe side.
    fn remembered_value(&self, credential: &CredentialRow) -> Option<licence::StatusValue> {
        self.inner
            .plane
            .get(credential.place)
            .and_then(licence::StatusValue::from_value)
    }

    /// What this node's memory says at a place of the status lists.
    #[must_use]
    pub fn status_in_memory(&self, place: storage::StatusPlace) -> Option<u8> {
        self.inner.plane.get(place)
    }

    pub(crate) async fn photo_file(
        &self,
        holder: &HolderId,
        photo: &PhotoId,
    ) -> Result<PhotoFile, Error> {
        let row = self.store().photo(photo).await?;
        let row = row
            .filter(|row| row.holder == *holder)
            .ok_or(refusal::NOT_FOUND)?;
        Ok(PhotoFile {
            media_type: row.meta.media_type,
            bytes: self.store().photo_bytes(holder, photo).await?,
        })
    }
}
