//! What the gateway says of texts that it took over.

use storage::{Conflict, StoreError, TextId, TextOutcome};

use super::{changed, entry_of};
use crate::{
    Act, Actor, Authority, Error, refusal,
    views::{ReportedState, TextReport, TextReports, TextReportsView},
};

/// Reports taken at once.
const MOST_REPORTS: usize = 1000;

impl Authority {
    /// The actor behind the gateway's token.
    ///
    /// # Errors
    /// [`refusal::UNKNOWN_GATEWAY`] when it is another, or reports are not taken at all.
    pub fn authenticate_gateway(&self, token: &str) -> Result<Actor, Error> {
        let known = self.inner.settings.report_token.as_ref();
        if known.is_some_and(|known| known.is_of(token)) {
            Ok(Actor::Gateway)
        } else {
            Err(refusal::UNKNOWN_GATEWAY.into())
        }
    }

    /// Records what the gateway says of texts that it took over. A report that comes twice, or of a
    /// text that nobody knows, changes nothing.
    ///
    /// # Errors
    /// When it is not the gateway that reports, or the store fails: then it reports again.
    pub async fn report_texts(
        &self,
        act: &Act,
        reports: TextReports,
    ) -> Result<TextReportsView, Error> {
        let Actor::Gateway = act.actor else {
            return Err(refusal::NOT_YOUR_ROLE.into());
        };
        if reports.reports.len() > MOST_REPORTS {
            return Err(refusal::INVALID.into());
        }
        let mut view = TextReportsView::default();
        for report in reports.reports {
            if self.report_text(act, &report).await? {
                view.recorded = view.recorded.saturating_add(1);
            } else {
                view.ignored = view.ignored.saturating_add(1);
            }
        }
        self.follow().await?;
        Ok(view)
    }

    async fn report_text(&self, act: &Act, report: &TextReport) -> Result<bool, Error> {
        let Ok(id) = TextId::parse(&report.id) else {
            return Ok(false);
        };
        let Some(row) = self.store().text(&id).await? else {
            return Ok(false);
        };
        let outcome = match report.state {
            ReportedState::Delivered => TextOutcome::Delivered { reference: None },
            ReportedState::Failed => TextOutcome::Failed {
                error: "undeliverable",
            },
        };
        let mut tx = self.store().begin_in(id.partition()).await?;
        match tx.report_text(&id, &outcome, act.now).await {
            Ok(()) => {}
            Err(StoreError::Conflict(Conflict::Text)) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let entry = entry_of(act, &outcome)
            .about(&row.holder)
            .with("text", id.as_str())
            .with("kind", row.kind.as_str());
        tx.commit(entry, changed(&row.holder, row.notification.as_ref()))
            .await?;
        self.inner.texts.of(row.channel).count(&outcome);
        Ok(true)
    }
}
