//! Lending: by an administrator's rule one office's cases may be reviewed by another (协办). Every rule
//! and every case taken under one is audited.

use jiff::SignedDuration;
use storage::{Conflict, LoanId, LoanRow, Partition, StoreError};

use super::queue::own_office;
use crate::{
    Act, Authority, Error, Role, StaffActor, refusal,
    views::{LoanView, NewLoan},
};

/// A rule is looked at again after this: what was meant for a surge does not last for ever.
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);
/// More cases than any office has reviewers for in a day.
const MOST: u64 = 1_000_000;
/// Loans shown at once.
const PAGE: u32 = 200;

impl Authority {
    /// Lends one office's cases to another.
    ///
    /// # Errors
    /// Without the role, or [`refusal::INVALID_LOAN`].
    pub async fn lend(&self, act: &mut Act, request: NewLoan) -> Result<LoanView, Error> {
        act.staff(&[Role::Admin])?;
        self.check_loan(act, &request).await?;
        let loan = LoanRow {
            id: LoanId::generate(Partition::SYSTEM, &mut act.rng),
            lender: request.lender,
            borrower: request.borrower,
            from: request.from,
            until: request.until,
            daily_limit: request.daily_limit,
            beyond: request.beyond,
            set_by: act.actor_id(),
            set_at: act.now,
            ended_at: None,
        };
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        tx.insert_loan(&loan).await?;
        let entry = act
            .entry("review-loan.set")
            .with("loan", loan.id.as_str())
            .with("lender", loan.lender.as_str())
            .with("borrower", loan.borrower.as_str())
            .with("from", loan.from.to_string())
            .with("until", loan.until.to_string())
            .with("daily-limit", loan.daily_limit)
            .with("beyond", loan.beyond);
        tx.commit(entry, Vec::new()).await?;
        Ok(loan_view(loan))
    }

    async fn check_loan(&self, act: &Act, request: &NewLoan) -> Result<(), Error> {
        let offices = self.store().offices().await?;
        let exists = |code: &String| offices.iter().any(|office| office.authority_code == *code);
        let lasts = request.until.duration_since(request.from);
        let in_time = request.from < request.until && lasts <= LONGEST && request.until > act.now;
        let limits = [request.daily_limit, request.beyond];
        let within = limits.iter().flatten().all(|limit| *limit <= MOST);
        let some = limits.iter().any(Option::is_some) && request.daily_limit != Some(0);
        let two = request.lender != request.borrower
            && exists(&request.lender)
            && exists(&request.borrower);
        if in_time && within && some && two {
            Ok(())
        } else {
            Err(refusal::INVALID_LOAN.into())
        }
    }

    /// Every loan, the newest first.
    ///
    /// # Errors
    /// Without the role.
    pub async fn loans(&self, act: &Act) -> Result<Vec<LoanView>, Error> {
        act.staff(&[Role::Admin])?;
        let loans = self.store().loans(PAGE).await?;
        Ok(loans.into_iter().map(loan_view).collect())
    }

    /// Ends a loan before its time. Whoever holds a case of it keeps it until the lease ends.
    ///
    /// # Errors
    /// Without the role, or when it was ended already.
    pub async fn end_loan(&self, act: &mut Act, id: &str) -> Result<(), Error> {
        act.staff(&[Role::Admin])?;
        let id = LoanId::parse(id).map_err(|_not_an_id| refusal::NOT_FOUND)?;
        self.store().loan(&id).await?.ok_or(refusal::NOT_FOUND)?;
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        match tx.end_loan(&id, &act.actor_id(), act.now).await {
            Ok(()) => {}
            Err(StoreError::Conflict(Conflict::Loan)) => {
                return Err(refusal::NOT_IN_THIS_STATE.into());
            }
            Err(error) => return Err(error.into()),
        }
        let entry = act.entry("review-loan.ended").with("loan", id.as_str());
        tx.commit(entry, Vec::new()).await?;
        Ok(())
    }

    /// The loans by which the reviewer takes cases of `office` now; none where it is their own.
    pub(super) async fn loans_from(
        &self,
        act: &Act,
        actor: &StaffActor,
        office: &str,
    ) -> Result<Vec<LoanRow>, Error> {
        let own = own_office(actor)?;
        if own == office {
            return Ok(Vec::new());
        }
        let mut loans = self.store().loans_to(own, act.now).await?;
        loans.retain(|loan| loan.lender == office);
        Ok(loans)
    }
}

fn loan_view(loan: LoanRow) -> LoanView {
    LoanView {
        id: loan.id.to_string(),
        lender: loan.lender,
        borrower: loan.borrower,
        from: loan.from,
        until: loan.until,
        daily_limit: loan.daily_limit,
        beyond: loan.beyond,
        set_by: loan.set_by,
        ended_at: loan.ended_at,
    }
}
