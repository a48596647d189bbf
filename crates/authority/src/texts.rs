//! Texts on their way, to phones and to browsers: queued with the act that they tell of, sent by a
//! job, and what is known of their delivery.

mod figures;
mod reports;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use storage::{
    Channel, Conflict, HolderId, NewText, NotificationId, StoreError, TextId, TextOutcome,
    TextToSend, Tx, audit::Entry, outbox::Event,
};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

pub(crate) use self::figures::TextCounts;
use crate::{
    Act, Authority, Error,
    notify::{Carries, NotSent, Notifier, Sent, Text, TextKind},
    push::{Push, PushService},
};

/// How long after each attempt that failed the next one follows; none after the last.
const WAITS: [SignedDuration; 5] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_secs(30),
    SignedDuration::from_mins(2),
    SignedDuration::from_mins(10),
    SignedDuration::from_hours(1),
];
/// How long a node that died keeps others from a text: longer than any sending takes.
const LEASE_LASTS: SignedDuration = SignedDuration::from_mins(2);
/// Texts sent at the same time.
const AT_ONCE: u32 = 32;
/// Groups sent by one run. The next one reads the clock anew.
const GROUPS: usize = 8;
/// What became of a push whose browser is no more.
const GONE: &str = "gone";

/// A text to be queued.
pub struct Outgoing {
    /// What it says.
    pub kind: TextKind,
    /// The phone number.
    pub to: Zeroizing<String>,
    /// The code or the link that it carries.
    pub value: Option<Zeroizing<String>>,
    /// The message in the inbox that says the same, whose delivery it is shown as.
    pub notification: Option<NotificationId>,
    /// From when it is not sent any more.
    pub expires_at: Timestamp,
}

/// What the words are made of, as stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    v: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Zeroizing<String>>,
}

impl Authority {
    /// Whether texts can leave.
    #[must_use]
    pub fn sends_texts(&self) -> bool {
        self.inner.settings.notifier.is_some()
    }

    /// Queues a text to a holder within the act's transaction: it leaves if that commits. Where no
    /// texts can leave nothing is queued, and none is answered.
    ///
    /// # Errors
    /// When the holder lies in another partition than the transaction, or the store fails.
    pub async fn queue_text(
        &self,
        act: &mut Act,
        tx: &mut Tx,
        holder: &HolderId,
        text: Outgoing,
    ) -> Result<Option<TextId>, Error> {
        if !self.sends_texts() {
            return Ok(None);
        }
        if (text.kind.carries() == Carries::Nothing) != text.value.is_none() {
            return Err(Error::Internal("a text without what it carries"));
        }
        let params = Params {
            v: 1,
            value: text.value,
        };
        let params = serde_json::to_string(&params)
            .map_err(|_not_json| Error::Internal("the parameters of a text are no JSON"))?;
        let id = TextId::generate(holder.partition(), &mut act.rng);
        tx.queue_text(&NewText {
            id: id.clone(),
            holder: holder.clone(),
            notification: text.notification,
            kind: text.kind.as_str(),
            to: text.to,
            params: Zeroizing::new(params),
            created_at: act.now,
            expires_at: text.expires_at,
        })
        .await?;
        Ok(Some(id))
    }

    /// Sends the texts that are due, to phones and to browsers, neither waiting for the other;
    /// answers how many were taken over. Several nodes may do so at once. A text is sent at least once: one that the carrier took just before this node died is
    /// sent again, under the same identifier.
    ///
    /// # Errors
    /// When the store fails; what was sent is sent, and what was not is due again later.
    pub async fn deliver_texts(&self, act: &Act) -> Result<u64, Error> {
        let (phones, browsers) = tokio::try_join!(
            self.send_due(act, Channel::Sms),
            self.send_due(act, Channel::Push)
        )?;
        Ok(phones.saturating_add(browsers))
    }

    async fn send_due(&self, act: &Act, channel: Channel) -> Result<u64, Error> {
        if channel == Channel::Sms && !self.sends_texts() {
            return Ok(0);
        }
        let mut taken = 0_u64;
        for _ in 0..GROUPS {
            let due = self.store().texts_due(channel, act.now, AT_ONCE).await?;
            let sent = self.send_group(act, due).await?;
            taken = taken.saturating_add(sent.taken);
            // A carrier that is ill is not asked for more than it was.
            if sent.claimed == 0 || sent.deferred > 0 {
                break;
            }
        }
        Ok(taken)
    }

    async fn send_group(&self, act: &Act, due: Vec<TextId>) -> Result<Group, Error> {
        let mut group = Group::default();
        let mut sending = JoinSet::new();
        for id in due {
            let Some(claimed) = self.claim_text(act, &id).await? else {
                continue;
            };
            group.claimed = group.claimed.saturating_add(1);
            match self.parcel(&claimed, act.now).await? {
                Ok(parcel) => {
                    sending.spawn(async move { (claimed, parcel.handed_over().await) });
                }
                Err(error) => {
                    let outcome = TextOutcome::GivenUp { error };
                    self.settle(act, &claimed, &outcome).await?;
                }
            }
        }
        while let Some(answered) = sending.join_next().await {
            let Ok((claimed, answer)) = answered else {
                // Its lease ends, and it is sent again.
                tracing::error!("a notifier panicked");
                continue;
            };
            let outcome = outcome_of(&claimed, answer, act.now);
            match &outcome {
                TextOutcome::Sent { .. } | TextOutcome::Delivered { .. } => {
                    group.taken = group.taken.saturating_add(1);
                }
                TextOutcome::Deferred { .. } => group.deferred = group.deferred.saturating_add(1),
                TextOutcome::Failed { .. } | TextOutcome::GivenUp { .. } => {}
            }
            self.settle(act, &claimed, &outcome).await?;
        }
        Ok(group)
    }

    /// A claimed text with whoever carries it, or why it is given up.
    async fn parcel(
        &self,
        claimed: &TextToSend,
        now: Timestamp,
    ) -> Result<Result<Parcel, &'static str>, Error> {
        if let Err(error) = in_time(claimed, now) {
            return Ok(Err(error));
        }
        let settings = &self.inner.settings;
        Ok(match claimed.channel {
            Channel::Sms => match &settings.notifier {
                Some(notifier) => {
                    text_of(claimed).map(|text| Parcel::Text(Arc::clone(notifier), text))
                }
                None => Err("no-channel"),
            },
            Channel::Push => match &settings.push {
                Some(service) => {
                    let push = self.push_to_hand_over(claimed, now).await?;
                    push.map(|push| Parcel::Push(Arc::clone(service), Box::new(push)))
                }
                None => Err("no-channel"),
            },
        })
    }

    async fn claim_text(&self, act: &Act, id: &TextId) -> Result<Option<TextToSend>, Error> {
        let until = act.now.saturating_add(LEASE_LASTS).unwrap_or(act.now);
        match self.store().claim_text(id, act.now, until).await {
            Ok(claimed) => Ok(claimed),
            // One row that was tampered with keeps no other text from leaving.
            Err(error @ StoreError::Inconsistent { .. }) => {
                tracing::error!(%error, "a text does not open");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn settle(
        &self,
        act: &Act,
        claimed: &TextToSend,
        outcome: &TextOutcome,
    ) -> Result<(), Error> {
        let mut tx = self.store().begin_in(claimed.id.partition()).await?;
        match tx.settle_text(claimed, outcome, act.now).await {
            Ok(()) => {}
            // A report came first, or the lease ended: whoever has it now records it.
            Err(StoreError::Conflict(Conflict::Text)) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let mut entry = entry_of(act, outcome)
            .about(&claimed.holder)
            .with("text", claimed.id.as_str())
            .with("channel", claimed.channel.as_str())
            .with("kind", claimed.kind.as_str())
            .with("attempt", claimed.attempt);
        if let (TextOutcome::Failed { error: GONE }, Some(id)) = (outcome, &claimed.subscription)
            && tx.end_push_subscription(id).await?
        {
            entry = entry.with("subscription-ended", id.as_str());
        }
        let changed = changed(&claimed.holder, claimed.notification.as_ref());
        tx.commit(entry, changed).await?;
        self.inner.texts.of(claimed.channel).count(outcome);
        Ok(())
    }
}

/// What became of the texts sent together.
#[derive(Debug, Default)]
struct Group {
    claimed: u64,
    taken: u64,
    deferred: u64,
}

/// What is handed over, and to whom.
enum Parcel {
    Text(Arc<dyn Notifier>, Text),
    Push(Arc<dyn PushService>, Box<Push>),
}

impl Parcel {
    async fn handed_over(self) -> Result<Sent, NotSent> {
        match self {
            Self::Text(notifier, text) => notifier.send(&text).await,
            Self::Push(service, push) => service.send(&push).await,
        }
    }
}

/// Whether it may still be sent, or why it is given up.
fn in_time(claimed: &TextToSend, now: Timestamp) -> Result<(), &'static str> {
    if now >= claimed.expires_at {
        return Err("expired");
    }
    // More than the last attempt: the node that made it died before it knew.
    if claimed.attempt > max_attempts() {
        return Err("too-many-attempts");
    }
    Ok(())
}

/// The text in its words, or why it is given up.
fn text_of(claimed: &TextToSend) -> Result<Text, &'static str> {
    let kind = TextKind::parse(&claimed.kind).ok_or("unknown-kind")?;
    let params: Params = serde_json::from_str(&claimed.params).map_err(|_other| "unknown-form")?;
    if params.v != 1 {
        return Err("unknown-form");
    }
    let (zh, en) = kind.written(params.value.as_ref().map(|value| value.as_str()));
    Ok(Text {
        id: claimed.id.clone(),
        kind,
        to: claimed.to.clone(),
        zh,
        en,
    })
}

fn outcome_of(claimed: &TextToSend, answer: Result<Sent, NotSent>, now: Timestamp) -> TextOutcome {
    let error = match answer {
        Ok(Sent {
            reference,
            delivered: true,
        }) => return TextOutcome::Delivered { reference },
        Ok(Sent { reference, .. }) => return TextOutcome::Sent { reference },
        Err(NotSent::Never(error)) => return TextOutcome::Failed { error },
        Err(NotSent::Gone) => return TextOutcome::Failed { error: GONE },
        Err(NotSent::Later(error)) => error,
    };
    let made = usize::try_from(claimed.attempt).unwrap_or(usize::MAX);
    let wait = made.checked_sub(1).and_then(|made| WAITS.get(made));
    let next_at = wait.and_then(|wait| now.saturating_add(*wait).ok());
    match next_at {
        Some(next_at) if next_at < claimed.expires_at => TextOutcome::Deferred { error, next_at },
        Some(_) => TextOutcome::GivenUp { error: "expired" },
        None => TextOutcome::GivenUp { error },
    }
}

fn max_attempts() -> u64 {
    u64::try_from(WAITS.len()).map_or(u64::MAX, |waits| waits.saturating_add(1))
}

fn entry_of(act: &Act, outcome: &TextOutcome) -> Entry {
    let (what, error) = match outcome {
        TextOutcome::Sent { .. } => ("text.sent", None),
        TextOutcome::Delivered { .. } => ("text.delivered", None),
        TextOutcome::Failed { error } => ("text.failed", Some(*error)),
        TextOutcome::Deferred { error, .. } => ("text.deferred", Some(*error)),
        TextOutcome::GivenUp { error } => ("text.given-up", Some(*error)),
    };
    let entry = act.entry(what);
    match error {
        Some(error) => entry.with("error", error),
        None => entry,
    }
}

/// Open pages show how the message's delivery stands.
fn changed(holder: &HolderId, notification: Option<&NotificationId>) -> Vec<Event> {
    let notified = |notification: &NotificationId| Event::Notified {
        holder: holder.clone(),
        notification: notification.clone(),
    };
    notification.map(notified).into_iter().collect()
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
