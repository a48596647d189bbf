//! The review of applications by another officer (R34, R92): claim, what stands beside the photo, and
//! who may decide. The parts of it are one module each.

mod appeals;
mod decision;
mod duplicates;
mod forecasts;
mod judged;
mod lending;
mod queue;
mod samples;

use jiff::Timestamp;
use licence::{Channel, Due, application::Stage, civil_date, notes, photo::Verdict};
use storage::{
    ApplicationId, ApplicationRow, CaseKind, Driver, LoanRow, ReviewCase, outbox::Event,
};

use self::judged::comparison_view;
pub(crate) use self::{appeals::appeal_until, forecasts::ForecastCache};
pub use self::{
    duplicates::{DuplicateSearch, SearchScope},
    forecasts::ReviewForecast,
};
use crate::{
    Act, Authority, Error, PhotoFile, Role, StaffActor,
    apply::due_at,
    applying::{Findings, check_view},
    reasons::stored_reasons,
    refusal,
    render::{application_view, note_view, record_view},
    views::{IdentityCheck, ReasonView, ReviewView},
};

/// A case that the reviewer may decide.
pub(crate) struct Reviewable {
    pub(crate) application: ApplicationRow,
    pub(crate) driver: Driver,
    /// None where nothing is to be decided about it.
    case: Option<ReviewCase>,
}

impl Authority {
    /// The photo of a claimed case, or the photo on file beside it.
    ///
    /// # Errors
    /// When the case is not claimed by the reviewer, or there is no such photo.
    pub async fn case_photo(
        &self,
        act: &mut Act,
        id: &str,
        on_file: bool,
    ) -> Result<PhotoFile, Error> {
        let found = self.reviewable(act, id, "review.photo").await?;
        check_claim(act, found.case.as_ref())?;
        let photo = if on_file {
            found.driver.photo
        } else {
            found.application.photo
        };
        self.photo_file(&found.driver.id, &photo.ok_or(refusal::NOT_FOUND)?)
            .await
    }

    /// The case with its driver, if the reviewer may decide it. A refusal is audited.
    pub(crate) async fn reviewable(
        &self,
        act: &Act,
        id: &str,
        what: &'static str,
    ) -> Result<Reviewable, Error> {
        let actor = act.staff(&[Role::Reviewer])?;
        let row = self.store().application(&parse_id(id)?).await?;
        let row = row.ok_or(refusal::NOT_FOUND)?;
        let driver = self.store().driver(&row.holder).await?;
        let driver = driver.ok_or(refusal::NOT_FOUND)?;
        let case = self.store().open_case(&row.office, &row.id).await?;
        let loans = self.loans_from(act, actor, &row.office).await?;
        match self.may_review(act, actor, (&row, &driver), (case.as_ref(), &loans)) {
            Ok(()) => Ok(Reviewable {
                application: row,
                driver,
                case,
            }),
            Err(error) => self.refuse(act, what, Some(&driver.id), error).await,
        }
    }

    /// The office's own cases, and lent ones: those that a loan gives, and those taken under one.
    fn may_review(
        &self,
        act: &Act,
        actor: &StaffActor,
        (row, driver): (&ApplicationRow, &Driver),
        (case, loans): (Option<&ReviewCase>, &[LoanRow]),
    ) -> Result<(), Error> {
        let office = actor.office.as_ref().ok_or(refusal::NO_OFFICE)?;
        let own = office.authority_code == row.office;
        let taken = case.is_some_and(|case| case.loan.is_some() && is_held(act, case));
        let issued_here = driver.record.issuing_authority.code.as_str() == row.office;
        if !issued_here || !own && !taken && loans.is_empty() {
            return Err(refusal::OUT_OF_SCOPE.into());
        }
        self.not_their_own(actor, driver)?;
        let me = Some(actor.staff.id.as_str());
        if row.submitted_by.as_deref() == me {
            return Err(refusal::SAME_OFFICER.into());
        }
        let first = case.and_then(|case| case.not_by.as_deref());
        if row.stage == Stage::UnderReview && row.appealed_from.as_deref() == me || first == me {
            return Err(refusal::SAME_REVIEWER.into());
        }
        Ok(())
    }

    async fn review_view(&self, act: &Act, found: &Reviewable) -> Result<ReviewView, Error> {
        let (application, driver) = (&found.application, &found.driver);
        let identity: Option<IdentityCheck> = match &application.identity {
            Some(json) => Some(
                serde_json::from_slice(json)
                    .map_err(|_not_json| Error::Internal("an identity check cannot be read"))?,
            ),
            None => None,
        };
        let kind = found
            .case
            .as_ref()
            .map_or(CaseKind::Application, |it| it.kind);
        // What was issued blocks nothing any more.
        let blocking = if application.stage == Stage::Issued {
            Vec::new()
        } else {
            // The case itself is open, which is no obstacle to deciding it.
            self.blocking_issue(act, application, driver).await?
        };
        let sample = match kind {
            CaseKind::Objection => self.store().issue_sample(&application.id).await?,
            CaseKind::Application | CaseKind::Appeal | CaseKind::Sample => None,
        };
        let objection = sample.and_then(|sample| sample.reasons);
        let notes = notes(&driver.record, civil_date(act.now));
        let judged = self.case_judged(act, application, driver).await?;
        let findings = judged.findings.unwrap_or_else(Findings::none);
        let checks = self.store().person_checks_of_application(&application.id);
        let checks = checks.await?;
        Ok(ReviewView {
            kind: kind.as_str().to_owned(),
            application: application_view(application),
            record: record_view(&driver.record),
            identity,
            has_photo_on_file: driver.photo.is_some(),
            suggested: findings.rules(Verdict::Fail),
            declared: findings.declaration.is_some(),
            findings: findings.by_rule,
            person_check: checks.first().map(|check| check_view(check, act)),
            comparison: judged
                .comparison
                .as_ref()
                .map(comparison_view)
                .transpose()?,
            appeal: self.appeal_of(application).await?,
            objection: objection.as_deref().map(stored_reasons).unwrap_or_default(),
            blocking: blocking.iter().map(ReasonView::from).collect(),
            notes: notes.iter().map(note_view).collect(),
        })
    }
}

/// Whether the actor holds the case now.
fn is_held(act: &Act, case: &ReviewCase) -> bool {
    case.claimed_by.as_deref() == Some(act.actor_id().as_str())
        && case.lease_until.is_some_and(|until| act.now < until)
}

fn check_claim(act: &Act, case: Option<&ReviewCase>) -> Result<(), Error> {
    match case {
        Some(case) if is_held(act, case) => Ok(()),
        Some(_) | None => Err(refusal::CLAIM_FIRST.into()),
    }
}

/// The channel of an application, for the rules.
pub(crate) fn channel_of(application: &ApplicationRow) -> Channel {
    Channel::parse(&application.channel).unwrap_or(Channel::App)
}

/// The event of an application that moved to `stage`.
pub(crate) fn changed(application: &ApplicationRow, stage: Stage) -> Event {
    changed_to(application, stage, application.due)
}

/// The same of one that is due at another time from now on.
pub(crate) fn changed_to(application: &ApplicationRow, stage: Stage, due: Option<Due>) -> Event {
    Event::ApplicationChanged {
        holder: application.holder.clone(),
        application: application.id.clone(),
        stage: stage.as_str().to_owned(),
        office: application.office.clone(),
        submitted_at: application.submitted_at,
        due_at: due.and_then(due_at),
    }
}

/// The event by which something else is to be decided about an application.
fn case_opened(
    application: &ApplicationRow,
    kind: CaseKind,
    (since, due): (Timestamp, Due),
    not_by: Option<String>,
) -> Event {
    Event::ReviewCaseChanged {
        holder: application.holder.clone(),
        application: application.id.clone(),
        kind: kind.as_str().to_owned(),
        office: application.office.clone(),
        since,
        due_at: due_at(due),
        not_by,
        open: true,
    }
}

/// The event by which it is decided.
fn case_closed(application: &ApplicationRow, kind: CaseKind, at: Timestamp) -> Event {
    Event::ReviewCaseChanged {
        holder: application.holder.clone(),
        application: application.id.clone(),
        kind: kind.as_str().to_owned(),
        office: application.office.clone(),
        since: at,
        due_at: Some(at),
        not_by: None,
        open: false,
    }
}

/// The event of an appeal that waits.
pub(crate) fn appeal_changed(application: &ApplicationRow, since: Timestamp, due: Due) -> Event {
    let first = application.appealed_from.clone();
    case_opened(application, CaseKind::Appeal, (since, due), first)
}

fn parse_id(id: &str) -> Result<ApplicationId, Error> {
    ApplicationId::parse(id).map_err(|_not_an_id| refusal::NOT_FOUND.into())
}
