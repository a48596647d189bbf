//! Applying by oneself (R35-R54): the three flows by where the photo comes from, the change of a photo
//! (R86) and the application after a new edition (R88-R90).
//!
//! The order is that of `licence::application`, and the state is on the server: an application goes
//! on from wherever its driver is signed in. Only a person check belongs to the device and the session
//! that began it. See `docs/decisions/0030-applying.md`.

mod begin;
mod consent;
mod declared;
mod findings;
mod lapse;
mod on_file;
mod person;
mod photo;
mod progress;
mod submit;
mod texts;

pub(crate) use declared::signs;
pub(crate) use findings::{Findings, verdict};
pub(crate) use on_file::MODEL_FAILED;
pub(crate) use progress::{because_of_check, check_view};
pub(crate) use submit::submitted;
pub(crate) use texts::{ACTIVATION_CONSENT, ACTIVATION_CONSENT_VERSION};

use std::sync::Arc;

use storage::{ApplicationId, ApplicationRow, Conflict, PhotoId, StoreError};

use crate::{
    Act, Authority, Error, apply::RequestKey, judge::Judge, refusal, views::ApplicationView,
};

/// How often a step is tried anew when the driver changes meanwhile.
const ATTEMPTS: u8 = 3;

impl Authority {
    /// Whether the driver may apply here by themselves.
    pub(crate) fn judge(&self) -> Result<&Arc<Judge>, Error> {
        let judge = self.inner.settings.judge.as_ref();
        judge.ok_or_else(|| refusal::PHOTOS_NOT_JUDGED.into())
    }

    /// One of the driver's own applications.
    ///
    /// # Errors
    /// [`refusal::NOT_FOUND`], the same for another's as for none (SC-20).
    pub(crate) async fn own_application(
        &self,
        act: &Act,
        id: &str,
    ) -> Result<ApplicationRow, Error> {
        let holder = act.holder()?;
        let id = ApplicationId::parse(id).map_err(|_not_an_id| Error::from(refusal::NOT_FOUND))?;
        let row = self.store().application(&id).await?;
        row.filter(|row| row.holder == *holder)
            .ok_or_else(|| refusal::NOT_FOUND.into())
    }

    /// What an earlier request with this key made, as its applicant sees it now.
    pub(crate) async fn answered_own(
        &self,
        act: &Act,
        key: Option<&RequestKey>,
    ) -> Result<Option<ApplicationView>, Error> {
        let answered: Option<ApplicationId> = self.answered(act.holder()?.partition(), key).await?;
        match answered {
            Some(id) => self.own_view(act, &id).await.map(Some),
            None => Ok(None),
        }
    }
}

impl Authority {
    /// Erases the bytes of a photo whose row is gone. They lie sealed and nothing names them any more:
    /// a store that does not answer now undoes nothing.
    async fn erase_bytes(&self, photo: &PhotoId) {
        if let Err(error) = self.store().remove_photo_bytes(photo).await {
            tracing::warn!(photo = photo.as_str(), %error, "the bytes of a photo were not erased");
        }
    }
}

/// Whether the driver changed meanwhile, so that it is worth another try.
fn lost_race(error: &Error) -> bool {
    matches!(
        error,
        Error::Store(StoreError::Conflict(Conflict::Revision))
    )
}
