//! Devices on which a driver proved who they are. Only the hash of a device's secret is kept.

use jiff::Timestamp;

use crate::{
    Conflict, DeviceId, HolderId, Locked, Partition, Store, StoreError, Tx,
    error::{exactly_one, unique},
    rows::Columns,
};

/// What kind of client a device is, as it says itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// A telephone or tablet.
    Phone,
    /// A computer.
    Computer,
    /// Something else, or it does not say.
    Other,
}

/// How the person was proved when a device was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceProof {
    /// A code printed at a counter after an identity check.
    CounterCode,
    /// A code to the phone number that the registry holds.
    PhoneCode,
    /// A person check (实人认证).
    PersonCheck,
}

/// How a device ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceEnd {
    /// The driver removed it.
    Removed,
    /// It was activated anew.
    Replaced,
    /// The account was recovered on another device.
    Recovered,
    /// The account was frozen.
    Frozen,
}

/// A device.
#[derive(Clone, Debug)]
pub struct Device {
    /// Which.
    pub id: DeviceId,
    /// Whose.
    pub holder: HolderId,
    /// What kind of client it is.
    pub client: ClientKind,
    /// How the person was proved.
    pub proof: DeviceProof,
    /// When it was added.
    pub created_at: Timestamp,
    /// When somebody last signed in on it.
    pub last_seen_at: Timestamp,
    /// Until when it lives if nobody signs in on it.
    pub expires_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

const TABLE: &str = "devices";
const COLUMNS: &str =
    "id, holder_id, client, proof, created_at, last_seen_at, expires_at, ended_at";

impl Device {
    /// Whether it is a device of its holder at this instant.
    #[must_use]
    pub fn lives(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.expires_at
    }
}

impl ClientKind {
    /// Its stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Computer => "computer",
            Self::Other => "other",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Phone, Self::Computer, Self::Other]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

impl DeviceProof {
    /// Its stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CounterCode => "counter-code",
            Self::PhoneCode => "phone-code",
            Self::PersonCheck => "person-check",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::CounterCode, Self::PhoneCode, Self::PersonCheck]
            .into_iter()
            .find(|proof| proof.as_str() == text)
    }
}

impl DeviceEnd {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Replaced => "replaced",
            Self::Recovered => "recovered",
            Self::Frozen => "frozen",
        }
    }
}

impl Store {
    /// The device whose secret has this hash, also one that ended.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn device_by_secret(
        &self,
        partition: Partition,
        secret_hash: &[u8],
    ) -> Result<Option<Device>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT id, holder_id, client, proof, created_at, last_seen_at, expires_at, ended_at \
             FROM devices WHERE partition = $1 AND secret_hash = $2",
        )
        .bind(partition.sql())
        .bind(secret_hash)
        .fetch_optional(&mut *connection)
        .await?;
        row.map(|row| {
            read(&Columns {
                table: TABLE,
                row: &row,
            })
        })
        .transpose()
    }

    /// The devices of a holder that did not end, the newest first.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn devices_of(&self, holder: &HolderId) -> Result<Vec<Device>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!(
            "SELECT {COLUMNS} FROM devices WHERE partition = $1 AND holder_id = $2 AND ended_at IS NULL \
             ORDER BY created_at DESC, id"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(holder.partition().sql())
            .bind(holder.as_str())
            .fetch_all(&mut *connection)
            .await?;
        rows.iter()
            .map(|row| read(&Columns { table: TABLE, row }))
            .collect()
    }
}

impl Tx {
    /// Adds a device of the locked driver.
    ///
    /// # Errors
    /// [`Conflict::Device`] when another has the same secret, or the device is not the locked
    /// driver's.
    pub async fn insert_device(
        &mut self,
        locked: &Locked,
        device: &Device,
        secret_hash: &[u8],
    ) -> Result<(), StoreError> {
        self.expect_own(TABLE, device.id.partition())?;
        if device.holder != *locked.holder() {
            return Err(Conflict::Device.into());
        }
        sqlx::query(
            "INSERT INTO devices (partition, id, holder_id, secret_hash, client, proof, created_at, last_seen_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(self.partition().sql())
        .bind(device.id.as_str())
        .bind(device.holder.as_str())
        .bind(secret_hash)
        .bind(device.client.as_str())
        .bind(device.proof.as_str())
        .bind(device.created_at.as_microsecond())
        .bind(device.last_seen_at.as_microsecond())
        .bind(device.expires_at.as_microsecond())
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::Device))?;
        Ok(())
    }

    /// Somebody signed in on a device: it lives until `expires_at`.
    ///
    /// # Errors
    /// [`Conflict::Device`] when it ended meanwhile.
    pub async fn see_device(
        &mut self,
        device: &DeviceId,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE devices SET last_seen_at = $3, expires_at = $4 \
             WHERE partition = $1 AND id = $2 AND ended_at IS NULL AND expires_at > $3",
        )
        .bind(self.partition().sql())
        .bind(device.as_str())
        .bind(now.as_microsecond())
        .bind(expires_at.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::Device)
    }

    /// Ends a device of `holder`, which is told nothing more; whether there was one to end.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_device(
        &mut self,
        holder: &HolderId,
        device: &DeviceId,
        end: DeviceEnd,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let ended = sqlx::query(
            "UPDATE devices SET ended_at = $4, ended_as = $5 \
             WHERE partition = $1 AND id = $2 AND holder_id = $3 AND ended_at IS NULL",
        )
        .bind(self.partition().sql())
        .bind(device.as_str())
        .bind(holder.as_str())
        .bind(now.as_microsecond())
        .bind(end.as_str())
        .execute(self.connection())
        .await?
        .rows_affected();
        if ended == 1 {
            self.end_push_subscription_on(device).await?;
        }
        Ok(ended == 1)
    }

    /// Ends every device of the locked driver, which are told nothing more; how many there were.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_devices(
        &mut self,
        locked: &Locked,
        end: DeviceEnd,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.end_push_subscriptions_of(locked.holder()).await?;
        Ok(sqlx::query(
            "UPDATE devices SET ended_at = $3, ended_as = $4 \
             WHERE partition = $1 AND holder_id = $2 AND ended_at IS NULL",
        )
        .bind(self.partition().sql())
        .bind(locked.holder().as_str())
        .bind(now.as_microsecond())
        .bind(end.as_str())
        .execute(self.connection())
        .await?
        .rows_affected())
    }
}

fn read(row: &Columns<'_>) -> Result<Device, StoreError> {
    Ok(Device {
        id: row.parsed("id", DeviceId::parse)?,
        holder: row.parsed("holder_id", HolderId::parse)?,
        client: row.named("client", ClientKind::parse)?,
        proof: row.named("proof", DeviceProof::parse)?,
        created_at: row.instant("created_at")?,
        last_seen_at: row.instant("last_seen_at")?,
        expires_at: row.instant("expires_at")?,
        ended_at: row.opt_instant("ended_at")?,
    })
}
