//! The driver's side: reading why, and appealing (申诉), which a sanction never closes.

use licence::sanction::Event as Move;
use storage::{SanctionId, StepKind};

use super::{add_step, as_sanction, render::holder_view, statement};
use crate::{
    Act, Authority, Error, refusal,
    views::{HolderSanctionView, SanctionStatement},
};

const APPEALED: &str = "sanction.appealed";

impl Authority {
    /// The driver's sanctions that are or were in force, newest first.
    ///
    /// # Errors
    /// When nobody is signed in as a driver.
    pub async fn own_sanctions(&self, act: &mut Act) -> Result<Vec<HolderSanctionView>, Error> {
        let driver = self.own_driver(act).await?;
        let rows = self.store().sanctions_of(&driver.id).await?;
        Ok(rows
            .iter()
            .filter_map(|row| holder_view(row, &driver))
            .collect())
    }

    /// The driver appeals; two officers answer.
    ///
    /// # Errors
    /// [`refusal::NOT_FOUND`], the same for another's sanction or one that is only proposed as for
    /// none (SC-20); [`refusal::APPEAL_OPEN`]; [`refusal::INVALID_SANCTION`] for a statement that is
    /// empty or too long.
    pub async fn appeal_sanction(
        &self,
        act: &mut Act,
        id: &str,
        request: SanctionStatement,
    ) -> Result<HolderSanctionView, Error> {
        let driver = self.own_driver(act).await?;
        let id = SanctionId::parse(id).map_err(|_not_an_id| Error::from(refusal::NOT_FOUND))?;
        let row = self.store().sanction(&id).await?;
        let row = row.filter(|row| row.holder == driver.id && holder_view(row, &driver).is_some());
        let row = row.ok_or(refusal::NOT_FOUND)?;
        let written = statement(&request.statement)?;
        as_sanction(&row)?.apply(Move::Appeal)?;
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        tx.appeal_sanction(&locked, &row.id).await?;
        let step = (&row.id, StepKind::Appealed, Some(written.as_str()));
        add_step(act, &mut tx, &locked, step).await?;
        let entry = act
            .entry(APPEALED)
            .about(&driver.id)
            .with("sanction", row.id.as_str());
        tx.commit(entry, Vec::new()).await?;
        let row = self.store().sanction(&row.id).await?;
        let view = row.and_then(|row| holder_view(&row, &driver));
        view.ok_or(Error::Internal("a sanction is gone"))
    }
}
