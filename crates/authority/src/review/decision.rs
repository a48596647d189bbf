//! The decision on a claimed case, first or after an appeal, with its reasons by rule (R42, SC-08).

use licence::{
    application::{Event as Move, RejectionReason, RejectionReasons, Stage},
    machine::OfficerId,
};
use storage::{ApplicationId, CaseKind};

use super::{Reviewable, changed, check_claim, parse_id};
use crate::{
    Act, Authority, Error, Role,
    apply::{RequestKey, as_application},
    reasons::{reviewers_reason, store_reasons},
    refusal,
    registry_write::{message, notified},
    views::{ApplicationView, Decide, DecisionView, ReasonView},
};

/// The decision in the audit.
const DECIDED: &str = "review.decided";
/// What a reviewer says to have seen before approving against the matchers.
const ANOTHER_PERSON: &str = "another-person";

impl Authority {
    /// Decides a claimed case. An approval issues the e-licence at once, if the record still allows.
    ///
    /// # Errors
    /// When the case is not claimed, was submitted or decided before by the reviewer, is decided
    /// already, or, after an approval, when the record blocks the issue ([`refusal::ISSUE_REFUSED`],
    /// with every reason); [`refusal::ACKNOWLEDGE_FIRST`] where the matchers speak against it.
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
        let found = self.reviewable(act, id, DECIDED).await?;
        let reviewer = OfficerId(act.actor_id());
        let event = match request.decision {
            DecisionView::Approve => Move::Approve { reviewer },
            DecisionView::Reject => Move::Reject {
                reviewer,
                reasons: rejection(&request.reasons)?.0,
            },
        };
        let decided = as_application(&found.application)?.apply(event)?;
        check_claim(act, found.case.as_ref())?;
        self.check_acknowledged(&found, &request).await?;

        self.commit_decision(act, &found, &request, key).await?;
        if decided.stage() == Stage::Approved {
            self.issue(act, &found.application.id).await?;
        }
        self.application_view(&found.application.id).await
    }

    /// The matchers do not decide, but nobody approves against them unseen.
    async fn check_acknowledged(&self, found: &Reviewable, request: &Decide) -> Result<(), Error> {
        let known = |text: &String| text == ANOTHER_PERSON;
        if !request.acknowledged.iter().all(known) {
            return Err(refusal::INVALID.into());
        }
        if request.decision == DecisionView::Reject || !request.acknowledged.is_empty() {
            return Ok(());
        }
        if self.shows_another(&found.application).await? {
            Err(refusal::ACKNOWLEDGE_FIRST.into())
        } else {
            Ok(())
        }
    }

    async fn commit_decision(
        &self,
        act: &mut Act,
        found: &Reviewable,
        request: &Decide,
        key: Option<RequestKey>,
    ) -> Result<(), Error> {
        let (application, driver) = (&found.application, &found.driver);
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        let by = act.actor_id();
        let appeal = application.appealed_from.is_some();
        let (stage, told) = match request.decision {
            DecisionView::Approve => {
                tx.approve_application(&locked, &application.id, &by, act.now)
                    .await?;
                // The issue has a message of its own.
                (Stage::Approved, appeal.then_some("appeal-upheld"))
            }
            DecisionView::Reject => {
                let reasons = store_reasons(rejection(&request.reasons)?.1)?;
                let from = (&application.id, Stage::UnderReview);
                tx.reject_application(&locked, from, &by, &reasons, act.now)
                    .await?;
                let kind = if appeal {
                    "appeal-dismissed"
                } else {
                    "application-rejected"
                };
                (Stage::Rejected, Some(kind))
            }
        };
        let mut events = vec![changed(application, stage)];
        if let Some(kind) = told {
            let message = message(act, &driver.id, kind, &request.reasons);
            tx.insert_notification(&message).await?;
            events.push(notified(&message));
        }
        if let Some(key) = &key {
            key.remember(&mut tx, application.id.as_str(), act.now)
                .await?;
        }
        let kind = found
            .case
            .as_ref()
            .map_or(CaseKind::Application, |it| it.kind);
        let entry = act
            .entry(DECIDED)
            .about(&driver.id)
            .with("application", application.id.as_str())
            .with("kind", kind.as_str())
            .with("stage", stage.as_str())
            .with("reasons", request.reasons.clone())
            .with("acknowledged", request.acknowledged.clone());
        let committed = tx.commit(entry, events).await?;
        self.follow_committed(&[committed]).await
    }
}

/// The reasons of a rejection, as the rules take them and as the driver reads them.
fn rejection(codes: &[String]) -> Result<(RejectionReasons, Vec<ReasonView>), Error> {
    let told = named_reasons(codes)?;
    let reasons = told
        .iter()
        .map(|reason| RejectionReason {
            rule: reason.rule.clone().unwrap_or_else(|| "R92".to_owned()),
            code: reason.code.clone(),
        })
        .collect();
    Ok((RejectionReasons::new(reasons)?, told))
}

/// The reasons that an officer named: one at least, each once, all of them known.
pub(super) fn named_reasons(codes: &[String]) -> Result<Vec<ReasonView>, Error> {
    let mut told: Vec<ReasonView> = Vec::new();
    for code in codes {
        let reason = reviewers_reason(code).ok_or(refusal::REASONS_MISSING)?;
        if !told.contains(&reason) {
            told.push(reason);
        }
    }
    if told.is_empty() {
        return Err(refusal::REASONS_MISSING.into());
    }
    Ok(told)
}
