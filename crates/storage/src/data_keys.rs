//! Data keys: made, prepared, activated, retired, and wrapped anew. `docs/operations.md` tells how
//! an operator turns them.

use jiff::{SignedDuration, Timestamp};
use rand::CryptoRng;
use sqlx::AnyConnection;

use crate::{
    AtRest, Conflict, MasterKeys, Partition, Store, StoreError,
    audit::Entry,
    engine::Database,
    error::unique,
    index_keys::{self, open_layout, open_names, stored_indexes},
    rows::Columns,
    seal::{Sealer, StoredKey, label},
};

/// How long after the beginning of a pass an older key is kept at least. A photo's bytes are put
/// into the object store before the transaction of its row: one sealed just before the pass began
/// may get its row after the pass went by. No request and no batch of an import lasts that long;
/// a key retired earlier could leave such a photo unreadable.
const GRACE: SignedDuration = SignedDuration::from_hours(1);

/// Who turns the keys, for the audit.
#[derive(Clone, Copy, Debug)]
pub struct Steward<'a> {
    /// An identifier, never a name.
    pub actor: &'a str,
    /// The request's identifier.
    pub request: &'a str,
    /// When.
    pub now: Timestamp,
}

impl Steward<'_> {
    pub(crate) fn entry(&self, act: &'static str) -> Entry {
        Entry::new(self.now, act, self.actor, self.request)
    }
}

/// A data key, without its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataKeyState {
    /// Its version.
    pub version: u32,
    /// Under which suite it seals.
    pub suite: AtRest,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when new values are sealed with it, if they are.
    pub activated_at: Option<Timestamp>,
}

/// What became of the wish to retire a data key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retirement {
    /// It is gone.
    Retired,
    /// It is the newest, or not known.
    NotOlder,
    /// No pass to the newest key has been everywhere yet.
    PassUnfinished,
    /// Ask again from then on.
    NotBefore(Timestamp),
    /// Values still lie under it: how many, by `table.column`.
    InUse(Vec<(String, u64)>),
}

impl Store {
    /// The data keys, oldest first.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn data_keys(&self) -> Result<Vec<DataKeyState>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT version, wrapped, created_at, activated_at FROM data_keys ORDER BY version",
        )
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| {
                let row = columns(row);
                let (suite, _) = label(&row.bytes("wrapped")?)
                    .ok_or_else(|| row.odd("wrapped", "is of no known suite"))?;
                Ok(DataKeyState {
                    version: version(&row)?,
                    suite,
                    created_at: row.instant("created_at")?,
                    activated_at: row.opt_instant("activated_at")?,
                })
            })
            .collect()
    }

    /// Makes a data key that nothing is sealed with yet. One that is prepared already and of the
    /// same suite is answered instead, so that an interrupted rotation goes on.
    ///
    /// # Errors
    /// [`Conflict::Revision`] when another node makes one, or one of another suite is prepared.
    /// [`StoreError::Mismatch`] when the data keys were wrapped anew by another master key.
    pub async fn prepare_data_key(
        &self,
        suite: AtRest,
        by: &Steward<'_>,
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<u32, StoreError> {
        let keys = self.data_keys().await?;
        if let Some(prepared) = keys.iter().find(|key| key.activated_at.is_none()) {
            return if prepared.suite == suite {
                Ok(prepared.version)
            } else {
                Err(Conflict::Revision.into())
            };
        }
        let mut tx = self.begin_in(Partition::SYSTEM).await?;
        let stored = locked_keys(tx.connection()).await?;
        // Opens them all, so that no key is ever wrapped by a master key that was replaced.
        self.sealer().reload(&stored)?;
        let newest = stored.iter().map(|key| key.version).max().unwrap_or(0);
        let next = newest.saturating_add(1);
        let wrapped = Sealer::new_data_key(&self.sealer().master(), suite, next, rng)?;
        sqlx::query("INSERT INTO data_keys (version, wrapped, created_at) VALUES ($1, $2, $3)")
            .bind(i64::from(next))
            .bind(wrapped)
            .bind(by.now.as_microsecond())
            .execute(tx.connection())
            .await
            .map_err(unique(Conflict::Revision))?;
        let entry = by.entry("seal.key-prepared");
        let entry = entry.with("version", next).with("suite", suite.as_str());
        tx.commit(entry, Vec::new()).await?;
        self.refresh_keys().await?;
        Ok(next)
    }

    /// Seals new values with a prepared data key from now on. Nodes that learnt of the key before
    /// (see [`Store::refresh_keys`]) notice nothing.
    ///
    /// # Errors
    /// [`Conflict::Revision`] when the key is not prepared.
    pub async fn activate_data_key(
        &self,
        version: u32,
        by: &Steward<'_>,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin_in(Partition::SYSTEM).await?;
        let moved = sqlx::query(
            "UPDATE data_keys SET activated_at = $2 WHERE version = $1 AND activated_at IS NULL",
        )
        .bind(i64::from(version))
        .bind(by.now.as_microsecond())
        .execute(tx.connection())
        .await?
        .rows_affected();
        if moved != 1 {
            return Err(Conflict::Revision.into());
        }
        let entry = by.entry("seal.key-activated").with("version", version);
        tx.commit(entry, Vec::new()).await?;
        self.refresh_keys().await
    }

    /// Prepares a data key and activates it at once, for a store that one node serves. Answers its
    /// version.
    ///
    /// # Errors
    /// [`Conflict::Revision`] when another node does the same.
    pub async fn rotate_data_key(
        &self,
        suite: AtRest,
        by: &Steward<'_>,
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<u32, StoreError> {
        let version = self.prepare_data_key(suite, by, rng).await?;
        self.activate_data_key(version, by).await?;
        Ok(version)
    }

    /// Takes up data keys and index keys that other nodes made. A node that serves calls it every few seconds;
    /// besides, a value or a commit that shows a newer key makes the next access do it.
    ///
    /// # Errors
    /// When the database cannot be reached, was wrapped anew under another master key, or names lie
    /// under an index key of which this node never heard.
    pub async fn refresh_keys(&self) -> Result<(), StoreError> {
        let mut connection = self.inner.database.reader().await?;
        let stored = stored_keys(&mut connection).await?;
        self.sealer().reload(&stored)?;
        let indexes = stored_indexes(&mut connection, &self.sealer().master()).await?;
        let names = self.sealer().names().reloaded(&indexes)?;
        self.sealer().set_names(names);
        Ok(())
    }

    /// Removes an older data key under which nothing lies any more. It looks at every value.
    ///
    /// # Errors
    /// When the database or the object store cannot be reached.
    pub async fn retire_data_key(
        &self,
        version: u32,
        by: &Steward<'_>,
    ) -> Result<Retirement, StoreError> {
        self.refresh_keys().await?;
        let active = self.sealer().active();
        let keys = self.data_keys().await?;
        if version >= active || keys.iter().all(|key| key.version != version) {
            return Ok(Retirement::NotOlder);
        }
        let begun = match self.pass(active).await? {
            Some(pass) if pass.finished_at.is_some() => pass.begun_at,
            Some(_) | None => return Ok(Retirement::PassUnfinished),
        };
        let from = begun.saturating_add(GRACE).unwrap_or(Timestamp::MAX);
        if by.now < from {
            return Ok(Retirement::NotBefore(from));
        }
        let in_use = self.values_under(version).await?;
        if !in_use.is_empty() {
            return Ok(Retirement::InUse(in_use));
        }
        let mut tx = self.begin_in(Partition::SYSTEM).await?;
        sqlx::query("DELETE FROM data_keys WHERE version = $1")
            .bind(i64::from(version))
            .execute(tx.connection())
            .await?;
        let entry = by.entry("seal.key-retired").with("version", version);
        tx.commit(entry, Vec::new()).await?;
        self.refresh_keys().await?;
        Ok(Retirement::Retired)
    }

    /// Wraps every data key, and what else lies wrapped, by another master key, in one transaction. From then on the store opens
    /// with the new key only; nodes that run go on with the data keys they know and must be started
    /// with the new one before the next rotation. The index key stays.
    ///
    /// # Errors
    /// [`StoreError::Mismatch`] when another node wrapped them anew.
    pub async fn rewrap(&self, master: &[u8; 32], by: &Steward<'_>) -> Result<(), StoreError> {
        let mut tx = self.begin_in(Partition::SYSTEM).await?;
        let stored = locked_keys(tx.connection()).await?;
        let count = stored.len();
        for key in stored {
            let moved = sqlx::query(
                "UPDATE data_keys SET wrapped = $3 WHERE version = $1 AND wrapped = $2",
            )
            .bind(i64::from(key.version))
            .bind(key.wrapped.as_slice())
            .bind(self.sealer().rewrapped(&key, master)?)
            .execute(tx.connection())
            .await?
            .rows_affected();
            if moved != 1 {
                return Err(Conflict::Revision.into());
            }
        }
        index_keys::rewrap(tx.connection(), (&self.sealer().master(), master)).await?;
        let entry = by.entry("seal.keys-rewrapped").with("keys", count);
        tx.commit(entry, Vec::new()).await?;
        self.sealer().set_master(master);
        Ok(())
    }
}

/// Opens the data keys; a new store gets its first one, of `suite`, and its blind index.
pub(crate) async fn open_sealer(
    database: &Database,
    suite: AtRest,
    keys: &MasterKeys,
    now: Timestamp,
    rng: &mut (impl CryptoRng + Send),
) -> Result<Sealer, StoreError> {
    let mut tx = database.begin().await?;
    let sealer = open_sealer_in(&mut tx, suite, keys, now, rng).await?;
    tx.commit().await?;
    Ok(sealer)
}

/// The same within the caller's transaction.
pub(crate) async fn open_sealer_in(
    connection: &mut AnyConnection,
    suite: AtRest,
    keys: &MasterKeys,
    now: Timestamp,
    rng: &mut (impl CryptoRng + Send),
) -> Result<Sealer, StoreError> {
    let mut stored = stored_keys(connection).await?;
    let new = stored.is_empty();
    if new {
        // Another node may do the same at this moment: whoever comes first counts.
        sqlx::query(
            "INSERT INTO data_keys (version, wrapped, created_at, activated_at) VALUES (1, $1, $2, $2) ON CONFLICT DO NOTHING",
        )
        .bind(Sealer::new_data_key(&keys.master, suite, 1, rng)?)
        .bind(now.as_microsecond())
        .execute(&mut *connection)
        .await?;
        stored = stored_keys(connection).await?;
    }
    // A store older than the suites has an index by HMAC-SHA-256.
    let of_index = if new { suite } else { AtRest::Aes256Gcm };
    let names = open_names(connection, of_index, keys, now).await?;
    let layout = open_layout(connection, new.then_some(suite), keys, now, rng).await?;
    Sealer::open(&keys.master, &stored, layout, names)
}

/// The data keys, with all their rows held: nobody makes one or wraps them anew meanwhile.
pub(crate) async fn locked_keys(
    connection: &mut AnyConnection,
) -> Result<Vec<StoredKey>, StoreError> {
    sqlx::query("UPDATE data_keys SET created_at = created_at")
        .execute(&mut *connection)
        .await?;
    stored_keys(connection).await
}

async fn stored_keys(connection: &mut AnyConnection) -> Result<Vec<StoredKey>, StoreError> {
    let rows = sqlx::query("SELECT version, wrapped, activated_at FROM data_keys ORDER BY version")
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            let row = columns(row);
            Ok(StoredKey {
                version: version(&row)?,
                wrapped: row.bytes("wrapped")?,
                active: row.opt_instant("activated_at")?.is_some(),
            })
        })
        .collect()
}

fn columns(row: &sqlx::any::AnyRow) -> Columns<'_> {
    Columns {
        table: "data_keys",
        row,
    }
}

fn version(row: &Columns<'_>) -> Result<u32, StoreError> {
    u32::try_from(row.int("version")?).map_err(|_out_of_range| row.odd("version", "out of range"))
}
