//! Messages that leave the system, to phones and to browsers: queued with the act, claimed by one node
//! at a time.

mod outcome;

use std::fmt;

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::{
    HolderId, NotificationId, PushSubscriptionId, Store, StoreError, TextId, Tx,
    rows::Columns,
    seal::{Place, Sealer},
};

pub use self::outcome::TextOutcome;

/// How a text leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// To a phone, by the gateway (短信).
    Sms,
    /// To a browser, by its push service (网页推送).
    Push,
}

/// Where a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TextState {
    /// It is to be sent, or being sent.
    Queued,
    /// The gateway took it.
    Sent,
    /// The gateway says that it arrived.
    Delivered,
    /// The gateway says that it never will.
    Failed,
    /// It was not sent: too many attempts, or too late.
    GivenUp,
}

/// A text to be queued.
pub struct NewText {
    /// Which.
    pub id: TextId,
    /// About whose account or licence.
    pub holder: HolderId,
    /// The message in the inbox that says the same.
    pub notification: Option<NotificationId>,
    /// Stable kind.
    pub kind: &'static str,
    /// The phone number.
    pub to: Zeroizing<String>,
    /// JSON that goes into the words.
    pub params: Zeroizing<String>,
    /// When it is queued; it is due at once.
    pub created_at: Timestamp,
    /// From when it is not sent any more.
    pub expires_at: Timestamp,
}

/// A text of either channel as it is queued.
pub(crate) struct Queued<'a> {
    pub(crate) id: &'a TextId,
    pub(crate) holder: &'a HolderId,
    pub(crate) notification: Option<&'a NotificationId>,
    pub(crate) channel: Channel,
    pub(crate) subscription: Option<&'a PushSubscriptionId>,
    pub(crate) kind: &'a str,
    pub(crate) to: &'a str,
    pub(crate) params: &'a str,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// A text that this node claimed.
pub struct TextToSend {
    /// Which.
    pub id: TextId,
    /// How it leaves.
    pub channel: Channel,
    /// The subscription that a push was queued for.
    pub subscription: Option<PushSubscriptionId>,
    /// About whose account or licence.
    pub holder: HolderId,
    /// The message in the inbox that says the same.
    pub notification: Option<NotificationId>,
    /// Stable kind.
    pub kind: String,
    /// The phone number; of a push JSON, where its browser is reached.
    pub to: Zeroizing<String>,
    /// JSON that goes into the words.
    pub params: Zeroizing<String>,
    /// How often sending was begun, this time included.
    pub attempt: u64,
    /// From when it is not sent any more.
    pub expires_at: Timestamp,
}

/// A text as it is shown.
pub struct TextRow {
    /// Which.
    pub id: TextId,
    /// How it leaves.
    pub channel: Channel,
    /// About whose account or licence.
    pub holder: HolderId,
    /// The message in the inbox that says the same.
    pub notification: Option<NotificationId>,
    /// Stable kind.
    pub kind: String,
    /// The phone number; of a push JSON, where its browser is reached.
    pub to: Zeroizing<String>,
    /// Where it stands.
    pub state: TextState,
    /// How often sending was begun.
    pub attempts: u64,
    /// Stable code of what kept it.
    pub last_error: Option<String>,
    /// The gateway's own name for it.
    pub reference: Option<String>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When the present state was reached.
    pub settled_at: Timestamp,
}

/// How many texts stand in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextCount {
    /// The state.
    pub state: TextState,
    /// How many.
    pub count: u64,
}

/// What waits to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextQueue {
    /// How many.
    pub queued: u64,
    /// Since when the oldest has been waiting.
    pub oldest: Option<Timestamp>,
}

const TABLE: &str = "texts";

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 2] = [Self::Sms, Self::Push];

    /// Its stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Push => "push",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|channel| channel.as_str() == text)
    }
}

impl TextState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Queued,
        Self::Sent,
        Self::Delivered,
        Self::Failed,
        Self::GivenUp,
    ];

    /// Its stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::GivenUp => "given-up",
        }
    }

    /// The state with this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl Store {
    /// Texts of a channel that are due, the longest due first. They are not claimed yet.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn texts_due(
        &self,
        channel: Channel,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<TextId>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT id FROM texts WHERE state = 'queued' AND channel = $1 AND next_at <= $2 \
             ORDER BY next_at, id LIMIT $3",
        )
        .bind(channel.as_str())
        .bind(now.as_microsecond())
        .bind(i64::from(limit))
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| Columns { table: TABLE, row }.parsed("id", TextId::parse))
            .collect()
    }

    /// Takes a due text, so that no other node sends it before `until`; none where another has it
    /// or it left the queue. A claim is no act: it changes nothing that anybody is told.
    ///
    /// # Errors
    /// When the database cannot be reached or the text does not open.
    pub async fn claim_text(
        &self,
        id: &TextId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<TextToSend>, StoreError> {
        let mut tx = self.inner.database.begin().await?;
        let row = sqlx::query(
            "UPDATE texts SET next_at = $4, attempts = attempts + 1 \
             WHERE partition = $1 AND id = $2 AND state = 'queued' AND next_at <= $3 \
             RETURNING id, holder_id, notification_id, channel, subscription_id, kind, to_sealed, params_sealed, \
             attempts, expires_at",
        )
        .bind(id.partition().sql())
        .bind(id.as_str())
        .bind(now.as_microsecond())
        .bind(until.as_microsecond())
        .fetch_optional(&mut *tx)
        .await?;
        // Committed before it is opened: a text that does not open must not be tried at every turn.
        tx.commit().await?;
        row.map(|row| {
            claimed(
                self.sealer(),
                &Columns {
                    table: TABLE,
                    row: &row,
                },
            )
        })
        .transpose()
    }

    /// The text with this identifier.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not open.
    pub async fn text(&self, id: &TextId) -> Result<Option<TextRow>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!("SELECT {SHOWN} FROM texts WHERE partition = $1 AND id = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(id.partition().sql())
            .bind(id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| {
            shown(
                self.sealer(),
                &Columns {
                    table: TABLE,
                    row: &row,
                },
            )
        })
        .transpose()
    }

    /// The newest texts about a holder.
    ///
    /// # Errors
    /// As [`Store::text`].
    pub async fn texts_of(
        &self,
        holder: &HolderId,
        limit: u32,
    ) -> Result<Vec<TextRow>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!(
            "SELECT {SHOWN} FROM texts WHERE partition = $1 AND holder_id = $2 ORDER BY created_at DESC, id LIMIT $3"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(holder.partition().sql())
            .bind(holder.as_str())
            .bind(i64::from(limit))
            .fetch_all(&mut *connection)
            .await?;
        rows.iter()
            .map(|row| shown(self.sealer(), &Columns { table: TABLE, row }))
            .collect()
    }

    /// How many texts of a channel that were queued since `since` stand in each state; states
    /// without any are left out.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn text_counts(
        &self,
        channel: Channel,
        since: Timestamp,
    ) -> Result<Vec<TextCount>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT state, COUNT(*) AS texts FROM texts WHERE created_at >= $1 AND channel = $2 \
             GROUP BY state ORDER BY state",
        )
        .bind(since.as_microsecond())
        .bind(channel.as_str())
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| {
                let row = Columns { table: TABLE, row };
                Ok(TextCount {
                    state: row.named("state", TextState::parse)?,
                    count: row.number("texts")?,
                })
            })
            .collect()
    }

    /// What waits to be sent by a channel. It reads the queue alone, however many texts there have
    /// been.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn text_queue(&self, channel: Channel) -> Result<TextQueue, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT COUNT(*) AS texts, MIN(created_at) AS oldest FROM texts \
             WHERE state = 'queued' AND channel = $1",
        )
        .bind(channel.as_str())
        .fetch_one(&mut *connection)
        .await?;
        let row = Columns {
            table: TABLE,
            row: &row,
        };
        Ok(TextQueue {
            queued: row.number("texts")?,
            oldest: row.opt_instant("oldest")?,
        })
    }
}

impl Tx {
    /// Queues a text: it is sent once this transaction has committed, and never without.
    ///
    /// # Errors
    /// When the holder lies in another partition, or the database cannot be reached.
    pub async fn queue_text(&mut self, text: &NewText) -> Result<(), StoreError> {
        self.queue(&Queued {
            id: &text.id,
            holder: &text.holder,
            notification: text.notification.as_ref(),
            channel: Channel::Sms,
            subscription: None,
            kind: text.kind,
            to: &text.to,
            params: &text.params,
            created_at: text.created_at,
            expires_at: text.expires_at,
        })
        .await
    }

    /// Queues a text of either channel.
    pub(crate) async fn queue(&mut self, text: &Queued<'_>) -> Result<(), StoreError> {
        self.expect_own(TABLE, text.holder.partition())?;
        self.expect_own(TABLE, text.id.partition())?;
        let at = |column| place(column, text.holder, text.id);
        let to = self.sealer().seal(&at("to_sealed"), text.to.as_bytes())?;
        let params = self
            .sealer()
            .seal(&at("params_sealed"), text.params.as_bytes())?;
        sqlx::query(
            "INSERT INTO texts (partition, id, holder_id, notification_id, kind, to_sealed, params_sealed, \
             state, attempts, next_at, created_at, expires_at, settled_at, channel, subscription_id) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, 'queued', 0, $8, $8, $9, $8, $10, $11)",
        )
        .bind(self.partition().sql())
        .bind(text.id.as_str())
        .bind(text.holder.as_str())
        .bind(text.notification.map(NotificationId::as_str))
        .bind(text.kind)
        .bind(to)
        .bind(params)
        .bind(text.created_at.as_microsecond())
        .bind(text.expires_at.as_microsecond())
        .bind(text.channel.as_str())
        .bind(text.subscription.map(PushSubscriptionId::as_str))
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

const SHOWN: &str = "id, holder_id, notification_id, channel, kind, to_sealed, state, attempts, last_error, gateway_ref, \
     created_at, settled_at";

fn claimed(sealer: &Sealer, row: &Columns<'_>) -> Result<TextToSend, StoreError> {
    let id = row.parsed("id", TextId::parse)?;
    let holder = row.parsed("holder_id", HolderId::parse)?;
    Ok(TextToSend {
        channel: row.named("channel", Channel::parse)?,
        subscription: row.opt_parsed("subscription_id", PushSubscriptionId::parse)?,
        notification: row.opt_parsed("notification_id", NotificationId::parse)?,
        kind: row.text("kind")?,
        to: opened(sealer, row, "to_sealed", (&holder, &id))?,
        params: opened(sealer, row, "params_sealed", (&holder, &id))?,
        attempt: row.number("attempts")?,
        expires_at: row.instant("expires_at")?,
        id,
        holder,
    })
}

fn shown(sealer: &Sealer, row: &Columns<'_>) -> Result<TextRow, StoreError> {
    let id = row.parsed("id", TextId::parse)?;
    let holder = row.parsed("holder_id", HolderId::parse)?;
    Ok(TextRow {
        channel: row.named("channel", Channel::parse)?,
        notification: row.opt_parsed("notification_id", NotificationId::parse)?,
        kind: row.text("kind")?,
        to: opened(sealer, row, "to_sealed", (&holder, &id))?,
        state: row.named("state", TextState::parse)?,
        attempts: row.number("attempts")?,
        last_error: row.opt_text("last_error")?,
        reference: row.opt_text("gateway_ref")?,
        created_at: row.instant("created_at")?,
        settled_at: row.instant("settled_at")?,
        id,
        holder,
    })
}

fn opened(
    sealer: &Sealer,
    row: &Columns<'_>,
    column: &'static str,
    (holder, id): (&HolderId, &TextId),
) -> Result<Zeroizing<String>, StoreError> {
    let plain = sealer.unseal(&place(column, holder, id), &row.bytes(column)?)?;
    std::str::from_utf8(&plain)
        .map(|text| Zeroizing::new(text.to_owned()))
        .map_err(|_not_text| row.odd(column, "is no text"))
}

fn place<'a>(column: &'static str, holder: &'a HolderId, id: &'a TextId) -> Place<'a> {
    Place {
        table: TABLE,
        column,
        owner: holder.as_str(),
        row: id.as_str(),
        version: 1,
    }
}

/// `Debug` of what holds a phone number or a secret: which text it is, and nothing else.
macro_rules! opaque {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("id", &self.id).finish_non_exhaustive()
            }
        }
    )*};
}

opaque!(NewText, TextToSend, TextRow);
