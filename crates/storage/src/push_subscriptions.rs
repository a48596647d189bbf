//! Browsers that are told what the inbox says (Web Push), one for each device at most, and the key by
//! which push services know this installation.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use crate::{
    Conflict, DeviceId, HolderId, Locked, Notification, PushSubscriptionId, Store, StoreError,
    TextId, Tx,
    error::{exactly_one, unique},
    rows::Columns,
    seal::{Place, Sealer},
    texts::{Channel, Queued},
};

/// How long a push is worth sending. The inbox keeps what it says.
const PUSH_LASTS: SignedDuration = SignedDuration::from_hours(3 * 24);

const TABLE: &str = "push_subscriptions";
const KEYS: &str = "push_keys";
/// The one row of the keys.
const VAPID: &str = "vapid";
/// What goes into the words of a push: its kind says everything.
const NO_PARAMS: &str = r#"{"v":1}"#;

/// A browser that is told.
pub struct PushSubscription {
    /// Which.
    pub id: PushSubscriptionId,
    /// Whose.
    pub holder: HolderId,
    /// The device that it runs on.
    pub device: DeviceId,
    /// JSON: where it is reached, and for whom messages to it are encrypted.
    pub target: Zeroizing<String>,
    /// Since when.
    pub created_at: Timestamp,
}

impl Store {
    /// The browsers of a holder that are told, the newest first.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not open.
    pub async fn push_subscriptions_of(
        &self,
        holder: &HolderId,
    ) -> Result<Vec<PushSubscription>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT id, holder_id, device_id, target_sealed, created_at FROM push_subscriptions \
             WHERE partition = $1 AND holder_id = $2 ORDER BY created_at DESC, id",
        )
        .bind(holder.partition().sql())
        .bind(holder.as_str())
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| read(self.sealer(), &Columns { table: TABLE, row }))
            .collect()
    }

    /// Whether a subscription stands, on a device that lives.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn push_subscription_stands(
        &self,
        id: &PushSubscriptionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT s.id FROM push_subscriptions s \
             JOIN devices d ON d.partition = s.partition AND d.id = s.device_id \
             WHERE s.partition = $1 AND s.id = $2 AND d.ended_at IS NULL AND d.expires_at > $3",
        )
        .bind(id.partition().sql())
        .bind(id.as_str())
        .bind(now.as_microsecond())
        .fetch_optional(&mut *connection)
        .await?;
        Ok(row.is_some())
    }

    /// The secret of the key by which push services know this installation, where it was made.
    ///
    /// # Errors
    /// When the database cannot be reached or the secret does not open.
    pub async fn push_key(&self) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query("SELECT secret_sealed FROM push_keys WHERE id = $1")
            .bind(VAPID)
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| {
            let row = Columns {
                table: KEYS,
                row: &row,
            };
            self.sealer()
                .unseal(&key_place(), &row.bytes("secret_sealed")?)
        })
        .transpose()
    }
}

impl Tx {
    /// A device of the locked driver is told from now on, instead of what it was told by before.
    ///
    /// # Errors
    /// [`Conflict::Device`] when it is none of the driver's or has ended.
    pub async fn put_push_subscription(
        &mut self,
        locked: &Locked,
        new: &PushSubscription,
    ) -> Result<(), StoreError> {
        self.expect_own(TABLE, new.id.partition())?;
        if new.holder != *locked.holder() {
            return Err(Conflict::Device.into());
        }
        self.end_push_subscription_on(&new.device).await?;
        let place = place(&new.holder, &new.id);
        let target = self.sealer().seal(&place, new.target.as_bytes())?;
        let added = sqlx::query(
            "INSERT INTO push_subscriptions (partition, id, holder_id, device_id, target_sealed, created_at) \
             SELECT partition, $3, holder_id, id, $5, $6 FROM devices \
             WHERE partition = $1 AND id = $2 AND holder_id = $4 AND ended_at IS NULL AND expires_at > $6",
        )
        .bind(self.partition().sql())
        .bind(new.device.as_str())
        .bind(new.id.as_str())
        .bind(new.holder.as_str())
        .bind(target)
        .bind(new.created_at.as_microsecond())
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::Device))?
        .rows_affected();
        exactly_one(added, Conflict::Device)
    }

    /// A device is told no more; whether it was.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_push_subscription_on(
        &mut self,
        device: &DeviceId,
    ) -> Result<bool, StoreError> {
        let ended =
            sqlx::query("DELETE FROM push_subscriptions WHERE partition = $1 AND device_id = $2")
                .bind(self.partition().sql())
                .bind(device.as_str())
                .execute(self.connection())
                .await?
                .rows_affected();
        Ok(ended == 1)
    }

    /// No device of a holder is told any more.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub(crate) async fn end_push_subscriptions_of(
        &mut self,
        holder: &HolderId,
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM push_subscriptions WHERE partition = $1 AND holder_id = $2")
            .bind(self.partition().sql())
            .bind(holder.as_str())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Ends a subscription of which its push service says that it is no more.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_push_subscription(
        &mut self,
        id: &PushSubscriptionId,
    ) -> Result<bool, StoreError> {
        let ended = sqlx::query("DELETE FROM push_subscriptions WHERE partition = $1 AND id = $2")
            .bind(id.partition().sql())
            .bind(id.as_str())
            .execute(self.connection())
            .await?
            .rows_affected();
        Ok(ended == 1)
    }

    /// The device on which a session is signed in is told no more; whether it was.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_push_subscription_with(&mut self, session: &[u8]) -> Result<bool, StoreError> {
        let ended = sqlx::query(
            "DELETE FROM push_subscriptions WHERE partition = $1 AND device_id IN \
             (SELECT device_id FROM sessions WHERE partition = $1 AND token_hash = $2)",
        )
        .bind(self.partition().sql())
        .bind(session)
        .execute(self.connection())
        .await?
        .rows_affected();
        Ok(ended > 0)
    }

    /// Queues a message of the inbox for every browser of its holder that is told.
    pub(crate) async fn queue_pushes(&mut self, message: &Notification) -> Result<(), StoreError> {
        let rows = sqlx::query(
            "SELECT s.id, s.holder_id, s.device_id, s.target_sealed, s.created_at \
             FROM push_subscriptions s \
             JOIN devices d ON d.partition = s.partition AND d.id = s.device_id \
             WHERE s.partition = $1 AND s.holder_id = $2 AND d.ended_at IS NULL AND d.expires_at > $3 \
             ORDER BY s.id",
        )
        .bind(message.holder.partition().sql())
        .bind(message.holder.as_str())
        .bind(message.created_at.as_microsecond())
        .fetch_all(self.connection())
        .await?;
        for row in &rows {
            let told = read(self.sealer(), &Columns { table: TABLE, row })?;
            self.queue(&Queued {
                id: &push_id(message, &told.id)?,
                holder: &message.holder,
                notification: Some(&message.id),
                channel: Channel::Push,
                subscription: Some(&told.id),
                kind: &message.kind,
                to: &told.target,
                params: NO_PARAMS,
                created_at: message.created_at,
                expires_at: message
                    .created_at
                    .saturating_add(PUSH_LASTS)
                    .unwrap_or(message.created_at),
            })
            .await?;
        }
        Ok(())
    }

    /// Keeps the key by which push services know this installation.
    ///
    /// # Errors
    /// [`Conflict::PushKey`] when there is one.
    pub async fn insert_push_key(
        &mut self,
        secret: &[u8],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sealed = self.sealer().seal(&key_place(), secret)?;
        sqlx::query("INSERT INTO push_keys (id, secret_sealed, created_at) VALUES ($1, $2, $3)")
            .bind(VAPID)
            .bind(sealed)
            .bind(now.as_microsecond())
            .execute(self.connection())
            .await
            .map_err(unique(Conflict::PushKey))?;
        Ok(())
    }
}

/// A message goes to a subscription once, and its text is named after both: no randomness is needed
/// where messages are written.
fn push_id(message: &Notification, told: &PushSubscriptionId) -> Result<TextId, StoreError> {
    let both = [message.id.as_str(), " ", told.as_str()].concat();
    let tail: String = hex::encode(digest(&SHA256, both.as_bytes()))
        .chars()
        .take(29)
        .collect();
    let partition = message.holder.partition().number();
    TextId::parse(&format!("txt_{partition:03x}{tail}")).map_err(|_no_id| {
        StoreError::Inconsistent {
            table: "texts",
            column: "id",
            row: None,
            what: "does not follow its rule",
        }
    })
}

fn read(sealer: &Sealer, row: &Columns<'_>) -> Result<PushSubscription, StoreError> {
    let id = row.parsed("id", PushSubscriptionId::parse)?;
    let holder = row.parsed("holder_id", HolderId::parse)?;
    let plain = sealer.unseal(&place(&holder, &id), &row.bytes("target_sealed")?)?;
    let target = std::str::from_utf8(&plain)
        .map(|text| Zeroizing::new(text.to_owned()))
        .map_err(|_not_text| row.odd("target_sealed", "is no text"))?;
    Ok(PushSubscription {
        device: row.parsed("device_id", DeviceId::parse)?,
        created_at: row.instant("created_at")?,
        target,
        id,
        holder,
    })
}

fn place<'a>(holder: &'a HolderId, id: &'a PushSubscriptionId) -> Place<'a> {
    Place {
        table: TABLE,
        column: "target_sealed",
        owner: holder.as_str(),
        row: id.as_str(),
        version: 1,
    }
}

fn key_place() -> Place<'static> {
    Place {
        table: KEYS,
        column: "secret_sealed",
        owner: "push",
        row: VAPID,
        version: 1,
    }
}

/// Where a browser is reached is what others may not know.
impl fmt::Debug for PushSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushSubscription")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
