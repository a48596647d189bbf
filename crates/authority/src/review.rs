//! The review of applications by another officer (R34, R92).

use jiff::SignedDuration;
use licence::{
    Channel,
    application::{Event as Move, RejectionReason, RejectionReasons, Stage},
    civil_date,
    machine::OfficerId,
    notes,
};
use storage::{ApplicationId, ApplicationRow, Driver, outbox::Event};

use crate::{
    Act, Authority, Error, PhotoFile, Role, StaffActor,
    apply::{RequestKey, as_application, due_at},
    refusal,
    registry_write::{message, notified},
    render::{
        application_view, case_view, note_view, record_view, reviewers_reason, store_reasons,
    },
    views::{
        ApplicationView, CaseView, Decide, DecisionView, IdentityCheck, ReasonView, ReviewView,
    },
};

/// How long a claim holds. A reviewer who leaves gives the case back by leaving.
const LEASE: SignedDuration = SignedDuration::from_mins(15);
/// Cases shown at once; the queue is by deadline, so the rest is later.
const QUEUE_PAGE: u32 = 100;

/// The decision in the audit.
const DECIDED: &str = "review.decided";

impl Authority {
    /// The open cases of the reviewer's office, by deadline.
    ///
    /// # Errors
    /// Without the role or an office.
    pub async fn review_queue(&self, act: &mut Act) -> Result<Vec<CaseView>, Error> {
        let actor = act.staff(&[Role::Reviewer])?;
        let office = actor.office.as_ref().ok_or(refusal::NO_OFFICE)?;
        let cases = self
            .store()
            .open_cases(&office.authority_code, QUEUE_PAGE)
            .await?;
        Ok(cases.iter().map(|case| case_view(case, act.now)).collect())
    }

    /// Claims a case for the reviewer and shows it; claiming again renews the lease.
    ///
    /// # Errors
    /// When somebody else holds it, it is outside the office, or the reviewer's own record or
    /// submission.
    pub async fn claim(&self, act: &mut Act, id: &str) -> Result<ReviewView, Error> {
        const WHAT: &str = "review.claimed";
        let (application, driver) = self.reviewable(act, id, WHAT).await?;
        let until = act.now.saturating_add(LEASE).unwrap_or(act.now);
        let partition = self.store().office_partition(&application.office);
        let mut tx = self.store().begin_in(partition).await?;
        tx.claim_case(&application.id, &act.actor_id(), act.now, until)
            .await?;
        let entry = act
            .entry(WHAT)
            .about(&driver.id)
            .with("application", application.id.as_str())
            .with("until", until.to_string());
        tx.commit(entry, Vec::new()).await?;
        self.review_view(act, &application, &driver).await
    }

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
        let (application, driver) = self.reviewable(act, id, "review.photo").await?;
        self.check_claim(act, &application).await?;
        let photo = if on_file {
            driver.photo
        } else {
            application.photo
        };
        self.photo_file(&driver.id, &photo.ok_or(refusal::NOT_FOUND)?)
            .await
    }

    /// Decides a claimed case. An approval issues the e-licence at once, if the record still allows.
    ///
    /// # Errors
    /// When the case is not claimed, was submitted by the reviewer, is decided already, or, after an
    /// approval, when the record blocks the issue ([`refusal::ISSUE_REFUSED`], with every reason).
    pub async fn decide(
        &self,
        act: &mut Act,
        id: &str,
        request: Decide,
        key: Option<&str>,
    ) -> Result<ApplicationView, Error> {
        let asked = format!("{id}\0{request:?}");
        let key = key.map(|key| self.request_key(act, DECIDED, key, &[&asked]));
        let application = parse_id(id)?;
        let answered: Option<ApplicationId> =
            self.answered(application.partition(), key.as_ref()).await?;
        if let Some(id) = answered {
            act.staff(&[Role::Reviewer])?;
            return self.application_view(&id).await;
        }
        let (application, driver) = self.reviewable(act, id, DECIDED).await?;
        let reviewer = OfficerId(act.actor_id());
        let event = match request.decision {
            DecisionView::Approve => Move::Approve { reviewer },
            DecisionView::Reject => Move::Reject {
                reviewer,
                reasons: rejection(&request.reasons)?.0,
            },
        };
        let decided = as_application(&application)?.apply(event)?;
        self.check_claim(act, &application).await?;

        self.commit_decision(act, (&application, &driver), &request, key)
            .await?;
        if decided.stage() == Stage::Approved {
            self.issue(act, &application.id).await?;
        }
        self.application_view(&application.id).await
    }

    async fn commit_decision(
        &self,
        act: &mut Act,
        (application, driver): (&ApplicationRow, &Driver),
        request: &Decide,
        key: Option<RequestKey>,
    ) -> Result<(), Error> {
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        let by = act.actor_id();
        let mut entry = act
            .entry(DECIDED)
            .about(&driver.id)
            .with("application", application.id.as_str());
        let mut events = Vec::new();
        match request.decision {
            DecisionView::Approve => {
                tx.approve_application(&locked, &application.id, &by, act.now)
                    .await?;
                events.push(changed(application, Stage::Approved));
                entry = entry.with("stage", Stage::Approved.as_str());
            }
            DecisionView::Reject => {
                let reasons = store_reasons(rejection(&request.reasons)?.1)?;
                tx.reject_application(
                    &locked,
                    (&application.id, Stage::UnderReview),
                    &by,
                    &reasons,
                    act.now,
                )
                .await?;
                events.push(changed(application, Stage::Rejected));
                entry = entry
                    .with("stage", Stage::Rejected.as_str())
                    .with("reasons", request.reasons.clone());
                let message = message(act, &driver.id, "application-rejected", &request.reasons);
                tx.insert_notification(&message).await?;
                events.push(notified(&message));
            }
        }
        if let Some(key) = &key {
            key.remember(&mut tx, application.id.as_str(), act.now)
                .await?;
        }
        let committed = tx.commit(entry, events).await?;
        self.follow_committed(&[committed]).await
    }

    /// The application and its driver, if the reviewer may decide it. A refusal is audited.
    pub(crate) async fn reviewable(
        &self,
        act: &Act,
        id: &str,
        what: &'static str,
    ) -> Result<(ApplicationRow, Driver), Error> {
        let actor = act.staff(&[Role::Reviewer])?;
        let row = self.store().application(&parse_id(id)?).await?;
        let row = row.ok_or(refusal::NOT_FOUND)?;
        let driver = self.store().driver(&row.holder).await?;
        let driver = driver.ok_or(refusal::NOT_FOUND)?;
        match self.may_review(actor, &row, &driver) {
            Ok(()) => Ok((row, driver)),
            Err(error) => self.refuse(act, what, Some(&driver.id), error).await,
        }
    }

    fn may_review(
        &self,
        actor: &StaffActor,
        row: &ApplicationRow,
        driver: &Driver,
    ) -> Result<(), Error> {
        let office = actor.office.as_ref().ok_or(refusal::NO_OFFICE)?;
        if office.authority_code != row.office {
            return Err(refusal::OUT_OF_SCOPE.into());
        }
        self.may_handle(actor, driver)?;
        if row.submitted_by.as_deref() == Some(actor.staff.id.as_str()) {
            return Err(refusal::SAME_OFFICER.into());
        }
        Ok(())
    }

    async fn check_claim(&self, act: &Act, application: &ApplicationRow) -> Result<(), Error> {
        let case = self
            .store()
            .open_case(&application.office, &application.id)
            .await?;
        let mine = case.is_some_and(|case| {
            case.claimed_by.as_deref() == Some(act.actor_id().as_str())
                && case.lease_until.is_some_and(|until| act.now < until)
        });
        if mine {
            Ok(())
        } else {
            Err(refusal::CLAIM_FIRST.into())
        }
    }

    async fn review_view(
        &self,
        act: &Act,
        application: &ApplicationRow,
        driver: &Driver,
    ) -> Result<ReviewView, Error> {
        let identity: Option<IdentityCheck> = match &application.identity {
            Some(json) => Some(
                serde_json::from_slice(json)
                    .map_err(|_not_json| Error::Internal("an identity check cannot be read"))?,
            ),
            None => None,
        };
        // The case itself is open, which is no obstacle to deciding it.
        let blocking = self.blocking_issue(act, application, driver).await?;
        let notes = notes(&driver.record, civil_date(act.now));
        Ok(ReviewView {
            application: application_view(application),
            record: record_view(&driver.record),
            identity,
            has_photo_on_file: driver.photo.is_some(),
            blocking: blocking.iter().map(ReasonView::from).collect(),
            notes: notes.iter().map(note_view).collect(),
        })
    }
}

/// The channel of an application, for the rules.
pub(crate) fn channel_of(application: &ApplicationRow) -> Channel {
    Channel::parse(&application.channel).unwrap_or(Channel::App)
}

/// The event of an application that moved to `stage`.
pub(crate) fn changed(application: &ApplicationRow, stage: Stage) -> Event {
    Event::ApplicationChanged {
        holder: application.holder.clone(),
        application: application.id.clone(),
        stage: stage.as_str().to_owned(),
        office: application.office.clone(),
        submitted_at: application.submitted_at,
        due_at: application.due.and_then(due_at),
    }
}

/// The reasons of a rejection, as the rules take them and as the driver reads them.
fn rejection(codes: &[String]) -> Result<(RejectionReasons, Vec<ReasonView>), Error> {
    let told = codes
        .iter()
        .map(|code| reviewers_reason(code))
        .collect::<Option<Vec<_>>>()
        .filter(|told| !told.is_empty())
        .ok_or(refusal::REASONS_MISSING)?;
    let reasons = told
        .iter()
        .map(|reason| RejectionReason {
            rule: reason.rule.clone().unwrap_or_else(|| "R92".to_owned()),
            code: reason.code.clone(),
        })
        .collect();
    Ok((RejectionReasons::new(reasons)?, told))
}

fn parse_id(id: &str) -> Result<ApplicationId, Error> {
    ApplicationId::parse(id).map_err(|_not_an_id| refusal::NOT_FOUND.into())
}
