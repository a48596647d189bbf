//! Samples of automatic issues (抽查): an officer looks at one in a hundred afterwards. Who objects
//! stops the e-licence at once; a second officer lifts that or revokes.

use std::num::NonZeroU32;

use licence::{StatusValue, civil_date, e_licence, effective};
use rand::Rng;
use storage::{
    ApplicationRow, CaseKind, CurrentELicence, ELicenceId, Locked, NewIssueSample, SampleState, Tx,
    outbox::Event,
};

use super::{Reviewable, case_closed, case_opened, check_claim, decision::named_reasons};
use crate::{
    Act, Authority, Error,
    reasons::{store_reasons, stored_reasons},
    refusal,
    registry_write::{message, notified, stage_value, status_event},
    views::{DecideSample, SampleDecisionView, SampleView},
};

/// The decision in the audit.
const DECIDED: &str = "sample.decided";

/// Whether an automatic issue is looked at afterwards.
fn sampled(rng: &mut impl Rng, one_in: NonZeroU32) -> bool {
    rng.next_u64().is_multiple_of(u64::from(one_in.get()))
}

impl Authority {
    /// Takes a sample of an issue within its transaction, where no officer looked before and it is one
    /// of those that an officer looks at afterwards; the event puts it into the office's queue.
    pub(crate) async fn take_sample(
        &self,
        act: &mut Act,
        (tx, locked): (&mut Tx, &Locked),
        application: &ApplicationRow,
        e_licence: &ELicenceId,
    ) -> Result<Option<Event>, Error> {
        let one_in = self.inner.settings.sample_one_in;
        if application.decided_by.is_some() || !sampled(&mut act.rng, one_in) {
            return Ok(None);
        }
        let sample = NewIssueSample {
            application: application.id.clone(),
            e_licence: e_licence.clone(),
            office: application.office.clone(),
            taken_at: act.now,
        };
        tx.insert_issue_sample(locked, &sample).await?;
        let due = self.inner.calendar.due_end_of_next_working_day(act.now);
        let opened = case_opened(application, CaseKind::Sample, (act.now, due), None);
        Ok(Some(opened))
    }

    /// Decides a claimed sample: `confirm` or `object`; or, as the second officer, an objection:
    /// `lift` or `revoke`.
    ///
    /// # Errors
    /// When it is not claimed, an objection names no reasons or is the officer's own, or it is
    /// decided already.
    pub async fn decide_sample(
        &self,
        act: &mut Act,
        id: &str,
        request: DecideSample,
    ) -> Result<SampleView, Error> {
        let found = self.reviewable(act, id, DECIDED).await?;
        check_claim(act, found.case.as_ref())?;
        check_kind(&found, request.decision)?;
        self.commit_sample(act, &found, &request).await?;
        let sample = self.store().issue_sample(&found.application.id).await?;
        let sample = sample.ok_or(refusal::NOT_FOUND)?;
        let reasons = sample.reasons.as_deref();
        Ok(SampleView {
            application: sample.application.to_string(),
            e_licence: sample.e_licence.to_string(),
            state: sample.state.as_str().to_owned(),
            reasons: reasons.map(stored_reasons).unwrap_or_default(),
        })
    }

    async fn commit_sample(
        &self,
        act: &mut Act,
        found: &Reviewable,
        request: &DecideSample,
    ) -> Result<(), Error> {
        let (application, driver) = (&found.application, &found.driver);
        let sample = self.store().issue_sample(&application.id).await?;
        let sample = sample.ok_or(refusal::NOT_FOUND)?;
        // Another e-licence may have taken its place since; then there is nothing to stop.
        let current = self.store().current_e_licence(&driver.id).await?;
        let current = current.filter(|it| it.e_licence.id == sample.e_licence);
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        move_sample(act, (&mut tx, &locked), application, request).await?;
        let mut events = vec![self.case_after(act, application, request.decision)];
        if let Some((current, told)) = current.zip(told(request.decision)) {
            let record = effective(&driver.record, civil_date(act.now)).value;
            let what = (request.decision, record);
            let moved = move_e_licence(act, (&mut tx, &locked), &current, what).await?;
            if !moved.is_empty() {
                events.extend(moved);
                let message = message(act, &driver.id, told, &request.reasons);
                tx.insert_notification(&message).await?;
                events.push(notified(&message));
            }
        }
        let entry = act
            .entry(DECIDED)
            .about(&driver.id)
            .with("application", application.id.as_str())
            .with("e-licence", sample.e_licence.as_str())
            .with("decision", code(request.decision))
            .with("reasons", request.reasons.clone());
        let committed = tx.commit(entry, events).await?;
        self.follow_committed(&[committed]).await
    }

    /// An objection waits for a second officer; everything else closes the case.
    fn case_after(
        &self,
        act: &Act,
        application: &ApplicationRow,
        decision: SampleDecisionView,
    ) -> Event {
        match decision {
            SampleDecisionView::Confirm => case_closed(application, CaseKind::Sample, act.now),
            SampleDecisionView::Lift | SampleDecisionView::Revoke => {
                case_closed(application, CaseKind::Objection, act.now)
            }
            SampleDecisionView::Object => {
                let due = self.inner.calendar.due_end_of_next_working_day(act.now);
                let first = Some(act.actor_id());
                case_opened(application, CaseKind::Objection, (act.now, due), first)
            }
        }
    }
}

/// The first officer confirms or objects, the second lifts or revokes.
fn check_kind(found: &Reviewable, decision: SampleDecisionView) -> Result<(), Error> {
    let wanted = match decision {
        SampleDecisionView::Confirm | SampleDecisionView::Object => CaseKind::Sample,
        SampleDecisionView::Lift | SampleDecisionView::Revoke => CaseKind::Objection,
    };
    if found.case.as_ref().map(|case| case.kind) == Some(wanted) {
        Ok(())
    } else {
        Err(refusal::NOT_IN_THIS_STATE.into())
    }
}

/// The decision as the audit names it.
const fn code(decision: SampleDecisionView) -> &'static str {
    match decision {
        SampleDecisionView::Confirm => "confirm",
        SampleDecisionView::Object => "object",
        SampleDecisionView::Lift => "lift",
        SampleDecisionView::Revoke => "revoke",
    }
}

/// What the driver is told of it.
const fn told(decision: SampleDecisionView) -> Option<&'static str> {
    match decision {
        SampleDecisionView::Confirm => None,
        SampleDecisionView::Object => Some("e-licence-stopped"),
        SampleDecisionView::Lift => Some("e-licence-restored"),
        SampleDecisionView::Revoke => Some("e-licence-revoked"),
    }
}

async fn move_sample(
    act: &Act,
    (tx, locked): (&mut Tx, &Locked),
    application: &ApplicationRow,
    request: &DecideSample,
) -> Result<(), Error> {
    let (id, by) = (&application.id, act.actor_id());
    match request.decision {
        SampleDecisionView::Confirm => {
            tx.decide_issue_sample(locked, id, (&by, None), act.now)
                .await?;
        }
        SampleDecisionView::Object => {
            let reasons = store_reasons(named_reasons(&request.reasons)?)?;
            tx.decide_issue_sample(locked, id, (&by, Some(&reasons)), act.now)
                .await?;
        }
        SampleDecisionView::Lift => {
            let settled = (by.as_str(), SampleState::Lifted);
            tx.settle_issue_sample(locked, id, settled, act.now).await?;
        }
        SampleDecisionView::Revoke => {
            let settled = (by.as_str(), SampleState::Revoked);
            tx.settle_issue_sample(locked, id, settled, act.now).await?;
        }
    }
    Ok(())
}

/// Stops, restores or revokes the e-licence, with its place in the status lists; answers the events:
/// none where there is nothing to do, since something else had stopped it before.
async fn move_e_licence(
    act: &Act,
    (tx, locked): (&mut Tx, &Locked),
    current: &CurrentELicence,
    (decision, record): (SampleDecisionView, StatusValue),
) -> Result<Vec<Event>, Error> {
    let id = &current.e_licence.id;
    let stopped = current.e_licence.stage == e_licence::Stage::Stopped;
    let stage = match decision {
        SampleDecisionView::Confirm => return Ok(Vec::new()),
        SampleDecisionView::Object if stopped => return Ok(Vec::new()),
        SampleDecisionView::Object => {
            tx.stop_for_sample(locked, id).await?;
            e_licence::Stage::Stopped
        }
        SampleDecisionView::Lift => {
            if !tx.restore_after_sample(locked, id).await? {
                return Ok(Vec::new());
            }
            e_licence::Stage::Active
        }
        SampleDecisionView::Revoke => {
            let (stage, reason) = (
                e_licence::Stage::Revoked,
                e_licence::RevocationCause::WronglyIssued.as_str(),
            );
            tx.end_e_licence(locked, current, stage, reason, act.now)
                .await?;
            stage
        }
    };
    let value = record.strictest(stage_value(stage));
    // Ending it ended its credential, whose place in the lists reads "invalid" by that.
    if let Some(credential) = &current.credential
        && stage != e_licence::Stage::Revoked
    {
        tx.set_status_value(locked, &credential.id, value.value())
            .await?;
    }
    let holder = locked.holder();
    let mut events: Vec<Event> = status_event(holder, current, value).into_iter().collect();
    events.push(Event::ELicenceChanged {
        holder: holder.clone(),
        e_licence: id.clone(),
        stage: stage.as_str().to_owned(),
    });
    Ok(events)
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn one_in_a_hundred_is_sampled_and_the_same_by_the_same_randomness() {
        let one_in = NonZeroU32::new(100).unwrap();
        let drawn = |seed| {
            let mut rng = StdRng::seed_from_u64(seed);
            let drawn: Vec<bool> = (0..100_000).map(|_| sampled(&mut rng, one_in)).collect();
            drawn
        };
        let taken = drawn(1).into_iter().filter(|it| *it).count();
        // Four standard deviations of a binomial of 100,000 at 1 %.
        assert!((874..=1126).contains(&taken), "{taken}");
        assert_eq!(drawn(2), drawn(2));
        let every = NonZeroU32::MIN;
        assert!(sampled(&mut StdRng::seed_from_u64(3), every));
    }
}
