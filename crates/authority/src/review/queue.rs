//! The queue of an office by deadline, and who holds a case (SC-32).

use jiff::SignedDuration;
use licence::civil_date;
use storage::{Claim, Conflict, LoanRow, ReviewCase, StoreError, Takes};

use super::{Reviewable, parse_id};
use crate::{
    Act, Authority, Error, Role, StaffActor, refusal,
    views::{CaseView, LentView, QueueSummaryView, ReviewView},
};

/// How long a claim holds. A reviewer who leaves gives the case back by leaving.
const LEASE: SignedDuration = SignedDuration::from_mins(15);
/// Cases shown at once; the queue is by deadline, so the rest is later.
const QUEUE_PAGE: u32 = 100;
/// Cases of each office tried for the one due first: at most so many reviewers are ahead at once, or
/// cases in a row that are not the reviewer's to decide.
const TRIED: u32 = 50;
/// The claim in the audit.
const CLAIMED: &str = "review.claimed";

impl Authority {
    /// The open cases of the reviewer's office and of those that lend to it, by deadline; those whose
    /// calendar is missing first.
    ///
    /// # Errors
    /// Without the role or an office.
    pub async fn review_queue(&self, act: &mut Act) -> Result<Vec<CaseView>, Error> {
        let actor = act.staff(&[Role::Reviewer])?;
        let own = own_office(actor)?;
        let mut cases = self.store().open_cases(own, QUEUE_PAGE).await?;
        for lender in lenders(&self.store().loans_to(own, act.now).await?) {
            cases.extend(self.store().open_cases(lender, QUEUE_PAGE).await?);
        }
        by_deadline(&mut cases);
        let shown = cases
            .iter()
            .take(usize::try_from(QUEUE_PAGE).unwrap_or(usize::MAX));
        Ok(shown.map(|case| case_view(act, own, case)).collect())
    }

    /// How the queue of the reviewer's office stands, the reviewer's own cases in hand, and what other
    /// offices lend.
    ///
    /// # Errors
    /// As [`Authority::review_queue`].
    pub async fn review_summary(&self, act: &mut Act) -> Result<QueueSummaryView, Error> {
        let actor = act.staff(&[Role::Reviewer])?;
        let (own, me) = (own_office(actor)?, act.actor_id());
        let load = self.review_load(own, act.now).await?;
        let mut held = self.store().cases_held(own, &me, act.now).await?;
        let mut lent = Vec::new();
        for loan in self.store().loans_to(own, act.now).await? {
            lent.push(self.lent_view(act, &loan).await?);
        }
        // A case taken under a loan that has ended since stays in hand until its lease ends.
        for lender in self.store().lenders_to(own).await? {
            held.extend(self.store().cases_held(&lender, &me, act.now).await?);
        }
        by_deadline(&mut held);
        Ok(QueueSummaryView {
            office: own.to_owned(),
            open: load.open,
            waiting: load.waiting,
            overdue: load.overdue,
            pending_calendar: load.pending_calendar,
            in_hand: held.iter().map(|case| case_view(act, own, case)).collect(),
            lent,
        })
    }

    async fn lent_view(&self, act: &Act, loan: &LoanRow) -> Result<LentView, Error> {
        let queue = self.review_load(&loan.lender, act.now).await?;
        let taken = self.store().taken_on_loan(loan, civil_date(act.now));
        Ok(LentView {
            loan: loan.id.to_string(),
            lender: loan.lender.clone(),
            waiting: queue.waiting,
            taken_today: taken.await?,
            daily_limit: loan.daily_limit,
            beyond: loan.beyond,
            until: loan.until,
        })
    }

    /// Claims a case for the reviewer and shows it; claiming again renews the lease.
    ///
    /// # Errors
    /// When somebody else holds it, it is outside the office and not lent, or the reviewer's own record
    /// or submission.
    pub async fn claim(&self, act: &mut Act, id: &str) -> Result<ReviewView, Error> {
        let found = self.reviewable(act, id, CLAIMED).await?;
        self.take(act, &found, Takes::FreeOrOwn).await?;
        self.review_view(act, &found).await
    }

    /// Claims the case that is due first of those that the reviewer may decide. Of two who ask at once
    /// each gets another.
    ///
    /// # Errors
    /// [`refusal::NO_CASE`] when there is none.
    pub async fn claim_next(&self, act: &mut Act) -> Result<ReviewView, Error> {
        let actor = act.staff(&[Role::Reviewer])?.clone();
        let (own, me) = (own_office(&actor)?, act.actor_id());
        let mut cases = self.store().free_cases(own, &me, act.now, TRIED).await?;
        for lender in lenders(&self.store().loans_to(own, act.now).await?) {
            let free = self.store().free_cases(lender, &me, act.now, TRIED);
            cases.extend(free.await?);
        }
        by_deadline(&mut cases);
        for case in cases {
            let Some(found) = self.if_reviewable(act, &actor, case).await? else {
                continue;
            };
            match self.take(act, &found, Takes::Free).await {
                Ok(()) => return self.review_view(act, &found).await,
                // Somebody was first, or the loan gives no more.
                Err(Error::Store(StoreError::Conflict(Conflict::Claim | Conflict::Loan))) => {}
                Err(error) => return Err(error),
            }
        }
        Err(refusal::NO_CASE.into())
    }

    /// A case of the queue, unless it is not this reviewer's to decide; that is no refusal.
    async fn if_reviewable(
        &self,
        act: &Act,
        actor: &StaffActor,
        case: ReviewCase,
    ) -> Result<Option<Reviewable>, Error> {
        let Some(application) = self.store().application(&case.application).await? else {
            return Ok(None);
        };
        let Some(driver) = self.store().driver(&application.holder).await? else {
            return Ok(None);
        };
        let loans = self.loans_from(act, actor, &case.office).await?;
        let who = (&application, &driver);
        match self.may_review(act, actor, who, (Some(&case), &loans)) {
            Ok(()) => Ok(Some(Reviewable {
                application,
                driver,
                case: Some(case),
            })),
            Err(Error::Refused(..)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes the case, of another office under the first of its loans that gives one.
    async fn take(&self, act: &Act, found: &Reviewable, takes: Takes) -> Result<(), Error> {
        let actor = act.staff(&[Role::Reviewer])?;
        if own_office(actor)? == found.application.office {
            return self.take_under(act, found, (takes, None)).await;
        }
        let loans = self.loans_from(act, actor, &found.application.office);
        let mut refused = Error::from(refusal::OUT_OF_SCOPE);
        for loan in loans.await? {
            match self.take_under(act, found, (takes, Some(&loan))).await {
                Err(error @ Error::Store(StoreError::Conflict(Conflict::Loan))) => refused = error,
                other => return other,
            }
        }
        Err(refused)
    }

    async fn take_under(
        &self,
        act: &Act,
        found: &Reviewable,
        (takes, loan): (Takes, Option<&LoanRow>),
    ) -> Result<(), Error> {
        let application = &found.application;
        let until = act.now.saturating_add(LEASE).unwrap_or(act.now);
        let partition = self.store().office_partition(&application.office);
        let mut tx = self.store().begin_in(partition).await?;
        let claim = Claim {
            reviewer: &act.actor_id(),
            takes,
            now: act.now,
            until,
            loan: loan.map(|loan| (loan, civil_date(act.now))),
        };
        tx.claim_case(&application.id, &claim).await?;
        let entry = act
            .entry(CLAIMED)
            .about(&found.driver.id)
            .with("application", application.id.as_str())
            .with("until", until.to_string())
            .with("loan", loan.map(|loan| loan.id.to_string()));
        tx.commit(entry, Vec::new()).await?;
        Ok(())
    }

    /// Gives a case back before the lease ends.
    ///
    /// # Errors
    /// [`refusal::CLAIM_FIRST`] when the reviewer does not hold it.
    pub async fn release(&self, act: &mut Act, id: &str) -> Result<(), Error> {
        act.staff(&[Role::Reviewer])?;
        let row = self.store().application(&parse_id(id)?).await?;
        let row = row.ok_or(refusal::NOT_FOUND)?;
        let partition = self.store().office_partition(&row.office);
        let mut tx = self.store().begin_in(partition).await?;
        match tx.release_case(&row.id, &act.actor_id(), act.now).await {
            Ok(()) => {}
            Err(StoreError::Conflict(Conflict::Claim)) => {
                return Err(refusal::CLAIM_FIRST.into());
            }
            Err(error) => return Err(error.into()),
        }
        let entry = act
            .entry("review.released")
            .about(&row.holder)
            .with("application", row.id.as_str());
        tx.commit(entry, Vec::new()).await?;
        Ok(())
    }
}

pub(super) fn own_office(actor: &StaffActor) -> Result<&str, Error> {
    let office = actor.office.as_ref().ok_or(refusal::NO_OFFICE)?;
    Ok(office.authority_code.as_str())
}

/// Who lends, each once.
fn lenders(loans: &[LoanRow]) -> Vec<&str> {
    let mut lenders: Vec<&str> = loans.iter().map(|loan| loan.lender.as_str()).collect();
    lenders.sort_unstable();
    lenders.dedup();
    lenders
}

/// No deadline is before every deadline: the working calendar is missing.
fn by_deadline(cases: &mut [ReviewCase]) {
    cases.sort_by(|a, b| {
        (a.due_at, a.submitted_at, &a.application).cmp(&(b.due_at, b.submitted_at, &b.application))
    });
}

fn case_view(act: &Act, own: &str, case: &ReviewCase) -> CaseView {
    let held = case.lease_until.is_some_and(|until| act.now < until);
    CaseView {
        application: case.application.to_string(),
        kind: case.kind.as_str().to_owned(),
        office: case.office.clone(),
        lent: case.office != own,
        submitted_at: case.submitted_at,
        due_at: case.due_at,
        overdue: case.due_at.is_some_and(|due| due < act.now),
        claimed_by: case.claimed_by.clone().filter(|_| held),
        lease_until: case.lease_until.filter(|_| held),
    }
}
