//! What a sanction rests on: identifiers of what the driver did, each checked to be the driver's.

use licence::sanction::{Evidence, EvidenceItem};
use storage::{
    ApplicationId, ApplicationRow, HolderId, PersonCheckId, PhotoId, SanctionRow, VerificationId,
};

use super::invalid;
use crate::{
    Authority, Error,
    views::{EvidenceKind, EvidenceView},
};

/// Person checks of a case that are its evidence: attempts have a limit of their own, and room is to be
/// left for what an officer adds.
const CHECKS: usize = 6;

impl Authority {
    /// The items as evidence, if all of them are the driver's.
    pub(super) async fn evidence(
        &self,
        holder: &HolderId,
        items: &[EvidenceView],
    ) -> Result<Evidence, Error> {
        // Before anything is looked up: a list has an end.
        let named = Evidence::new(items.iter().map(as_item).collect())?;
        for item in named.as_slice() {
            if !self.is_of(holder, item).await? {
                return Err(invalid(
                    "evidence",
                    "所列证据不属于该驾驶人",
                    "an item of evidence is not this driver's",
                ));
            }
        }
        Ok(named)
    }

    async fn is_of(&self, holder: &HolderId, item: &EvidenceItem) -> Result<bool, Error> {
        let store = self.store();
        Ok(match item {
            EvidenceItem::Application(id) => match ApplicationId::parse(id) {
                Ok(id) => store.application(&id).await?.map(|row| row.holder),
                Err(_not_an_id) => None,
            },
            EvidenceItem::Photo(id) => match PhotoId::parse(id) {
                Ok(id) => store.photo(&id).await?.map(|row| row.holder),
                Err(_not_an_id) => None,
            },
            EvidenceItem::Verification(id) => match VerificationId::parse(id) {
                Ok(id) => store.verification(&id).await?.map(|row| row.holder),
                Err(_not_an_id) => None,
            },
            EvidenceItem::PersonCheck(id) => match PersonCheckId::parse(id) {
                Ok(id) => store.person_check(&id).await?.map(|row| row.holder),
                Err(_not_an_id) => None,
            },
        } == Some(holder.clone()))
    }

    /// What a case is: the application, its photo, and its person checks, the newest ones.
    pub(super) async fn evidence_of_case(
        &self,
        row: &ApplicationRow,
    ) -> Result<Vec<EvidenceView>, Error> {
        let of_kind = |kind, id: &str| EvidenceView {
            kind,
            id: id.to_owned(),
        };
        let mut items = vec![of_kind(EvidenceKind::Application, row.id.as_str())];
        let photo = row.photo.as_ref();
        items.extend(photo.map(|photo| of_kind(EvidenceKind::Photo, photo.as_str())));
        let checks = self.store().person_checks_of_application(&row.id).await?;
        let newest = checks.iter().take(CHECKS);
        items.extend(newest.map(|check| of_kind(EvidenceKind::PersonCheck, check.id.as_str())));
        Ok(items)
    }

    /// The same of the newest e-licence: none where there was never one.
    pub(super) async fn evidence_of_newest(
        &self,
        holder: &HolderId,
    ) -> Result<Vec<EvidenceView>, Error> {
        let Some(newest) = self.store().newest_e_licence(holder).await? else {
            return Ok(Vec::new());
        };
        let row = self.store().application(&newest.application).await?;
        let row = row.ok_or(Error::Internal("an e-licence's application is missing"))?;
        self.evidence_of_case(&row).await
    }

    /// The photos of a sanction's evidence, with those of its applications.
    pub(super) async fn photos_of_evidence(
        &self,
        row: &SanctionRow,
    ) -> Result<Vec<PhotoId>, Error> {
        let mut photos = Vec::new();
        for item in row.evidence.as_slice() {
            match item {
                EvidenceItem::Photo(id) => photos.extend(PhotoId::parse(id).ok()),
                EvidenceItem::Application(id) => {
                    let Ok(id) = ApplicationId::parse(id) else {
                        continue;
                    };
                    let application = self.store().application(&id).await?;
                    photos.extend(application.and_then(|application| application.photo));
                }
                EvidenceItem::PersonCheck(_) | EvidenceItem::Verification(_) => {}
            }
        }
        photos.sort();
        photos.dedup();
        Ok(photos)
    }
}

fn as_item(view: &EvidenceView) -> EvidenceItem {
    let id = view.id.clone();
    match view.kind {
        EvidenceKind::Application => EvidenceItem::Application(id),
        EvidenceKind::Photo => EvidenceItem::Photo(id),
        EvidenceKind::PersonCheck => EvidenceItem::PersonCheck(id),
        EvidenceKind::Verification => EvidenceItem::Verification(id),
    }
}
