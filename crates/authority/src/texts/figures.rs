//! How texts and pushes stand, for administrators and for machines.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use jiff::{SignedDuration, Timestamp};
use storage::{Channel, TextCount, TextOutcome, TextState};

use crate::{
    Act, Authority, Error, Role,
    measures::Measure,
    views::{PushesSummaryView, TextsSummaryView},
};

/// What the summary counts.
const SUMMARY_DAYS: i64 = 7;

/// What this node did with texts since it started, by channel.
#[derive(Debug, Default)]
pub(crate) struct TextCounts {
    sms: Outcomes,
    push: Outcomes,
}

#[derive(Debug, Default)]
pub(super) struct Outcomes {
    sent: AtomicU64,
    delivered: AtomicU64,
    deferred: AtomicU64,
    failed: AtomicU64,
    given_up: AtomicU64,
}

impl Authority {
    /// How the texts of the last seven days stand.
    ///
    /// # Errors
    /// Without the role, or when the store fails.
    pub async fn texts_summary(&self, act: &Act) -> Result<TextsSummaryView, Error> {
        act.staff(&[Role::Admin])?;
        let week = SignedDuration::from_hours(24 * SUMMARY_DAYS);
        let since = act.now.saturating_sub(week).unwrap_or(act.now);
        let counts = self.store().text_counts(Channel::Sms, since).await?;
        let queue = self.store().text_queue(Channel::Sms).await?;
        Ok(TextsSummaryView {
            channel: self.sends_texts(),
            since,
            sent: count(&counts, TextState::Sent),
            delivered: count(&counts, TextState::Delivered),
            failed: count(&counts, TextState::Failed),
            given_up: count(&counts, TextState::GivenUp),
            queued: queue.queued,
            oldest_queued_seconds: queue.oldest.map(|oldest| seconds_since(oldest, act.now)),
            push: self.pushes_summary(act, since).await?,
        })
    }

    async fn pushes_summary(
        &self,
        act: &Act,
        since: Timestamp,
    ) -> Result<PushesSummaryView, Error> {
        let counts = self.store().text_counts(Channel::Push, since).await?;
        let queue = self.store().text_queue(Channel::Push).await?;
        Ok(PushesSummaryView {
            channel: self.inner.settings.push.is_some(),
            sent: count(&counts, TextState::Sent),
            failed: count(&counts, TextState::Failed),
            given_up: count(&counts, TextState::GivenUp),
            queued: queue.queued,
            oldest_queued_seconds: queue.oldest.map(|oldest| seconds_since(oldest, act.now)),
        })
    }

    /// What machines watch of the texts.
    pub(crate) async fn text_measures(&self, now: Timestamp) -> Result<Vec<Measure>, Error> {
        let queue = self.store().text_queue(Channel::Sms).await?;
        let oldest = queue.oldest.map_or(0, |oldest| seconds_since(oldest, now));
        let pushes = self.store().text_queue(Channel::Push).await?;
        Ok(vec![
            Measure::gauge(
                "jiazhao_texts_queued",
                "Texts that wait to be sent.",
                queue.queued,
            ),
            Measure::gauge(
                "jiazhao_texts_oldest_queued_seconds",
                "Age of the oldest text that waits; 0 where none does.",
                oldest,
            ),
            self.inner
                .texts
                .sms
                .measure("jiazhao_texts_total", "What this node recorded of texts."),
            Measure::gauge(
                "jiazhao_pushes_queued",
                "Pushes to browsers that wait to be sent.",
                pushes.queued,
            ),
            self.inner.texts.push.measure(
                "jiazhao_pushes_total",
                "What this node recorded of pushes to browsers.",
            ),
        ])
    }
}

impl TextCounts {
    pub(super) fn of(&self, channel: Channel) -> &Outcomes {
        match channel {
            Channel::Sms => &self.sms,
            Channel::Push => &self.push,
        }
    }
}

impl Outcomes {
    pub(super) fn count(&self, outcome: &TextOutcome) {
        let counter = match outcome {
            TextOutcome::Sent { .. } => &self.sent,
            TextOutcome::Delivered { .. } => &self.delivered,
            TextOutcome::Deferred { .. } => &self.deferred,
            TextOutcome::Failed { .. } => &self.failed,
            TextOutcome::GivenUp { .. } => &self.given_up,
        };
        counter.fetch_add(1, Relaxed);
    }

    fn measure(&self, name: &'static str, help: &'static str) -> Measure {
        let samples = [
            ("sent", &self.sent),
            ("delivered", &self.delivered),
            ("deferred", &self.deferred),
            ("failed", &self.failed),
            ("given-up", &self.given_up),
        ];
        Measure::counter(
            name,
            help,
            "outcome",
            samples.map(|(outcome, count)| (outcome, count.load(Relaxed))),
        )
    }
}

fn count(counts: &[TextCount], state: TextState) -> u64 {
    let found = counts.iter().find(|one| one.state == state);
    found.map_or(0, |one| one.count)
}

fn seconds_since(from: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.duration_since(from).as_secs()).unwrap_or(0)
}
