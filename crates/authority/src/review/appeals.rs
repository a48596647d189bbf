//! Appeals by drivers (申诉): one against each rejection, within a time, decided by another reviewer.

use jiff::{SignedDuration, Timestamp};
use licence::{
    Application, Due,
    application::{Appealable, Event as Move, RejectionReason, RejectionReasons, Stage},
    machine::OfficerId,
};
use storage::{AppealRow, ApplicationRow};
use zeroize::Zeroizing;

use super::{appeal_changed, changed_to};
use crate::{
    Act, Authority, Error,
    apply::RequestKey,
    reasons::{are_a_reviewers, stored_reasons},
    refusal,
    views::{AppealView, ApplicationView, FileAppeal},
};

/// As long as the law gives for asking for administrative reconsideration (行政复议法, sixty days), so
/// that nobody loses by this simpler way.
const APPEAL_WITHIN: SignedDuration = SignedDuration::from_hours(60 * 24);
/// Characters of an appeal.
const LONGEST: usize = 500;
/// The appeal in the audit.
const APPEALED: &str = "application.appealed";

impl Authority {
    /// Appeals against the rejection of one of the driver's applications: it goes back to the queue, for
    /// another reviewer than the first.
    ///
    /// # Errors
    /// [`refusal::NOT_FOUND`], the same for another's as for none; [`refusal::NOT_APPEALABLE`],
    /// [`refusal::APPEAL_TOO_LATE`], [`refusal::APPEAL_TEXT`], or while another application is open.
    pub async fn appeal(
        &self,
        act: &mut Act,
        id: &str,
        request: FileAppeal,
        key: Option<&str>,
    ) -> Result<ApplicationView, Error> {
        let row = self.own_application(act, id).await?;
        let key =
            key.map(|key| self.request_key(act, APPEALED, key, &[&id.to_owned(), &request.text]));
        if let Some(view) = self.answered_own(act, key.as_ref()).await? {
            return Ok(view);
        }
        let text = appeal_text(&request)?;
        let due = self.inner.calendar.due_end_of_next_working_day(act.now);
        rejected(&row)?.apply(Move::Appeal { due })?;
        if appeal_until(&row).is_none_or(|until| act.now > until) {
            return Err(refusal::APPEAL_TOO_LATE.into());
        }
        self.check_newest(&row).await?;
        let (Some(first_by), Some(first_at), Some(first_reasons)) =
            (row.decided_by.clone(), row.decided_at, row.reasons.clone())
        else {
            return Err(Error::Internal("a rejected application has no decision"));
        };
        let appeal = AppealRow {
            application: row.id.clone(),
            holder: row.holder.clone(),
            text,
            filed_at: act.now,
            first_by,
            first_at,
            first_reasons,
        };
        self.commit_appeal(act, row, (&appeal, due), key).await?;
        self.own_view(act, &appeal.application).await
    }

    async fn commit_appeal(
        &self,
        act: &Act,
        row: ApplicationRow,
        (appeal, due): (&AppealRow, Due),
        key: Option<RequestKey>,
    ) -> Result<(), Error> {
        let driver = self.own_driver(act).await?;
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        tx.insert_appeal(&locked, appeal, due).await?;
        if let Some(key) = &key {
            key.remember(&mut tx, row.id.as_str(), act.now).await?;
        }
        let appealed = ApplicationRow {
            appealed_from: Some(appeal.first_by.clone()),
            ..row
        };
        let events = vec![
            changed_to(&appealed, Stage::UnderReview, Some(due)),
            appeal_changed(&appealed, act.now, due),
        ];
        let entry = act
            .entry(APPEALED)
            .about(&driver.id)
            .with("application", appealed.id.as_str());
        let committed = tx.commit(entry, events).await?;
        self.follow_committed(&[committed]).await
    }

    /// The driver's appeal against the rejection of an application.
    ///
    /// # Errors
    /// [`refusal::NOT_FOUND`] where there is none.
    pub async fn own_appeal(&self, act: &Act, id: &str) -> Result<AppealView, Error> {
        let row = self.own_application(act, id).await?;
        let appeal = self.appeal_of(&row).await?;
        appeal.ok_or_else(|| refusal::NOT_FOUND.into())
    }

    /// Whoever applied again since has let the rejection stand.
    async fn check_newest(&self, row: &ApplicationRow) -> Result<(), Error> {
        let all = self.store().applications_of(&row.holder).await?;
        match all.first() {
            Some(newest) if newest.id == row.id => Ok(()),
            Some(newest) if newest.stage.is_open() => Err(refusal::OPEN_APPLICATION.into()),
            Some(_) | None => Err(refusal::NOT_APPEALABLE.into()),
        }
    }

    pub(super) async fn appeal_of(
        &self,
        application: &ApplicationRow,
    ) -> Result<Option<AppealView>, Error> {
        if application.appealed_from.is_none() {
            return Ok(None);
        }
        let appeal = self.store().appeal(&application.id).await?;
        Ok(appeal.map(|appeal| AppealView {
            text: appeal.text.to_string(),
            filed_at: appeal.filed_at,
            rejected_at: appeal.first_at,
            rejected_for: stored_reasons(&appeal.first_reasons),
        }))
    }
}

/// Until when the rejection of an application can be appealed; none where there is no appeal.
pub(crate) fn appeal_until(row: &ApplicationRow) -> Option<Timestamp> {
    let rejected = row.stage == Stage::Rejected && row.appealed_from.is_none();
    let reasons = stored_reasons(row.reasons.as_deref()?);
    let by_officer = row.decided_by.is_some() && are_a_reviewers(&reasons);
    let until = row.decided_at?.saturating_add(APPEAL_WITHIN).ok();
    until.filter(|_| rejected && by_officer)
}

/// The licence rules' view of a rejected application.
fn rejected(row: &ApplicationRow) -> Result<Application, Error> {
    if row.stage != Stage::Rejected {
        return Err(refusal::NOT_IN_THIS_STATE.into());
    }
    let told = stored_reasons(row.reasons.as_deref().unwrap_or_default());
    let appealable = (row.appealed_from.is_none() && are_a_reviewers(&told)).then(|| Appealable {
        origin: row.photo_source,
        submitted_by: row.submitted_by.clone().map(OfficerId),
    });
    let reasons = told.into_iter().map(|reason| RejectionReason {
        rule: reason.rule.unwrap_or_default(),
        code: reason.code,
    });
    Ok(Application::Rejected {
        reasons: RejectionReasons::new(reasons.collect())?,
        reviewer: row.decided_by.clone().map(OfficerId),
        appealable,
    })
}

fn appeal_text(request: &FileAppeal) -> Result<Zeroizing<String>, Error> {
    let text = request.text.trim();
    let odd = |c: char| c.is_control() && c != '\n';
    let length = text.chars().count();
    if (1..=LONGEST).contains(&length) && !text.chars().any(odd) {
        Ok(Zeroizing::new(text.to_owned()))
    } else {
        Err(refusal::APPEAL_TEXT.into())
    }
}
