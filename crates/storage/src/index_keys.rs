//! The two keys of keyed hashes. The layout key lies wrapped in the database and never changes. The
//! index key, under which names lie, is prepared, taken into use by a pass (`reindex`) and retired;
//! between preparation and retirement both lie wrapped in the database, so that every node learns of
//! them. `docs/operations.md` tells how an operator changes it.

use aws_lc_rs::constant_time;
use jiff::Timestamp;
use rand::CryptoRng;
use sqlx::AnyConnection;
use zeroize::Zeroizing;

use crate::{
    AtRest, Conflict, MasterKeys, Partition, Steward, Store, StoreError,
    at_rest::IndexKey,
    blinds::{NameKeys, StoredIndex, check, index_key},
    data_keys::locked_keys,
    error::{exactly_one, unique},
    rows::Columns,
    seal::{Place, unwrap_at, wrap},
};

/// An index key, without its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexKeyState {
    /// Its version.
    pub version: u32,
    /// The suite of its keyed hashes.
    pub suite: AtRest,
    /// When it came.
    pub created_at: Timestamp,
    /// From when names were entered under it, if they were.
    pub activated_at: Option<Timestamp>,
    /// From when no name is entered under it any more, if so.
    pub left_at: Option<Timestamp>,
}

/// What became of the wish to retire the older index key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexRetirement {
    /// It is gone: the store opens with the newer one only.
    Retired,
    /// There is none that names were moved away from.
    NoOlder,
    /// The caller does not have the newer key, which alone opens the store afterwards.
    NotTheNewer,
    /// Names still lie under it: how many.
    InUse(u64),
}

impl Store {
    /// The index keys, the older first: one, or two while names are moved.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn index_keys(&self) -> Result<Vec<IndexKeyState>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT version, suite, created_at, activated_at, left_at FROM blind_indexes ORDER BY version",
        )
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| {
                let row = columns(row);
                Ok(IndexKeyState {
                    version: version(&row)?,
                    suite: row.named("suite", AtRest::parse)?,
                    created_at: row.instant("created_at")?,
                    activated_at: row.opt_instant("activated_at")?,
                    left_at: row.opt_instant("left_at")?,
                })
            })
            .collect()
    }

    /// The version of the index key under which names are claimed now. Whoever claims names and then
    /// writes their driver asks for it before the claim (see [`DriverWrite`](crate::DriverWrite)).
    #[must_use]
    pub fn index_version(&self) -> u32 {
        self.sealer().names().active()
    }

    /// The version of `index`, if it is an index key of this store.
    #[must_use]
    pub fn index_version_of(&self, index: &[u8; 32]) -> Option<u32> {
        self.sealer().names().version_of(index)
    }

    /// Makes `index` known as the next index key. Nothing lies under it yet; nodes that serve learn
    /// of it as they learn of data keys, and the store opens with either key. The same key again is
    /// answered with its version, so that an interrupted change goes on.
    ///
    /// # Errors
    /// [`Conflict::Revision`] when another is prepared; [`StoreError::Mismatch`] when it is the
    /// present one or the master key, or the master key was replaced.
    pub async fn prepare_index_key(
        &self,
        index: &[u8; 32],
        suite: AtRest,
        by: &Steward<'_>,
    ) -> Result<u32, StoreError> {
        let mut tx = self.begin_in(Partition::SYSTEM).await?;
        // Opens them all, so that nothing is ever wrapped by a master key that was replaced.
        let data_keys = locked_keys(tx.connection()).await?;
        self.sealer().reload(&data_keys)?;
        let master = self.sealer().master();
        let stored = stored_indexes(tx.connection(), &master).await?;
        let names = self.sealer().names().reloaded(&stored)?;
        let same = |one: &[u8; 32]| constant_time::verify_slices_are_equal(one, index).is_ok();
        if let [_, newer] = stored.as_slice() {
            let known = names.version_of(index) == Some(newer.version);
            return known
                .then_some(newer.version)
                .ok_or_else(|| Conflict::Revision.into());
        }
        if same(&master) || names.version_of(index).is_some() {
            return Err(StoreError::Mismatch(
                "the new index key is one that is in use",
            ));
        }
        let older = names.newest();
        let next = older.saturating_add(1);
        let wrapping = self.sealer().active_suite();
        for (version, secret) in names.secrets() {
            let wrapped = wrap(&master, wrapping, version, &index_place(version), secret)?;
            let kept = sqlx::query("UPDATE blind_indexes SET wrapped = $2 WHERE version = $1")
                .bind(i64::from(version))
                .bind(wrapped)
                .execute(tx.connection())
                .await?;
            exactly_one(kept.rows_affected(), Conflict::Revision)?;
        }
        sqlx::query(
            "INSERT INTO blind_indexes (version, suite, check_blind, wrapped, created_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(i64::from(next))
        .bind(suite.as_str())
        .bind(check(&index_key(suite, index)?).to_vec())
        .bind(wrap(&master, wrapping, next, &index_place(next), index)?)
        .bind(by.now.as_microsecond())
        .execute(tx.connection())
        .await
        .map_err(unique(Conflict::Revision))?;
        let entry = by.entry("seal.index-prepared");
        let entry = entry.with("version", next).with("suite", suite.as_str());
        tx.commit(entry, Vec::new()).await?;
        self.refresh_keys().await?;
        Ok(next)
    }

    /// Removes the older index key once no name lies under it. `index` is the newer one, from the
    /// file with which the store will be opened: without it nobody could open it again.
    ///
    /// # Errors
    /// [`Conflict::Revision`] when another node does the same. When the database cannot be reached.
    pub async fn retire_index_key(
        &self,
        index: &[u8; 32],
        by: &Steward<'_>,
    ) -> Result<IndexRetirement, StoreError> {
        self.refresh_keys().await?;
        let names = self.sealer().names();
        let Some(older) = names.left() else {
            return Ok(IndexRetirement::NoOlder);
        };
        if names.version_of(index) != Some(names.active()) {
            return Ok(IndexRetirement::NotTheNewer);
        }
        // None can be added: every claim that is committed lies under the newer key.
        let in_use = self.names_under(older).await?;
        if in_use > 0 {
            return Ok(IndexRetirement::InUse(in_use));
        }
        let mut tx = self.begin_in(Partition::SYSTEM).await?;
        let gone = sqlx::query("DELETE FROM blind_indexes WHERE version = $1")
            .bind(i64::from(older))
            .execute(tx.connection())
            .await?;
        exactly_one(gone.rows_affected(), Conflict::Revision)?;
        sqlx::query("UPDATE blind_indexes SET wrapped = NULL WHERE version = $1")
            .bind(i64::from(names.active()))
            .execute(tx.connection())
            .await?;
        let entry = by.entry("seal.index-retired").with("version", older);
        tx.commit(entry, Vec::new()).await?;
        self.refresh_keys().await?;
        Ok(IndexRetirement::Retired)
    }
}

/// The index keys with which a store opens. One that has none enters the given one, of `suite`.
pub(crate) async fn open_names(
    connection: &mut AnyConnection,
    suite: AtRest,
    keys: &MasterKeys,
    now: Timestamp,
) -> Result<NameKeys, StoreError> {
    let check = check(&index_key(suite, &keys.index)?);
    sqlx::query(
        "INSERT INTO blind_indexes (version, suite, check_blind, created_at, activated_at) \
         SELECT 1, $1, $2, $3, $3 WHERE NOT EXISTS (SELECT 1 FROM blind_indexes) ON CONFLICT DO NOTHING",
    )
    .bind(suite.as_str())
    .bind(check.to_vec())
    .bind(now.as_microsecond())
    .execute(&mut *connection)
    .await?;
    let stored = stored_indexes(connection, &keys.master).await?;
    NameKeys::open(&keys.index, &stored)
}

/// The layout key. A new store makes one at random; one that is older than the key takes its index
/// key over, so that what lies by it stays where it is.
pub(crate) async fn open_layout(
    connection: &mut AnyConnection,
    of_new: Option<AtRest>,
    keys: &MasterKeys,
    now: Timestamp,
    rng: &mut (impl CryptoRng + Send),
) -> Result<IndexKey, StoreError> {
    let wrapped = if let Some(wrapped) = stored_layout(connection).await? {
        wrapped
    } else {
        let mut secret = Zeroizing::new(keys.index);
        let suite = if let Some(suite) = of_new {
            rng.fill_bytes(&mut *secret);
            suite
        } else {
            oldest_suite(connection).await?
        };
        let wrapped = wrap(&keys.master, suite, 1, &LAYOUT, &*secret)?;
        // Another node may do the same at this moment: whoever comes first counts.
        sqlx::query("INSERT INTO layout_keys (id, wrapped, created_at) VALUES (1, $1, $2) ON CONFLICT DO NOTHING")
            .bind(wrapped)
            .bind(now.as_microsecond())
            .execute(&mut *connection)
            .await?;
        let wrapped = stored_layout(connection).await?;
        wrapped.ok_or(StoreError::Mismatch("the layout key is missing"))?
    };
    let (suite, secret) = unwrap_at(&keys.master, &LAYOUT, &wrapped)?;
    let secret = <&[u8; 32]>::try_from(secret.as_slice());
    index_key(suite, secret.map_err(|_length| LAYOUT.broken())?)
}

/// Wraps layout key and index keys by another master key, within the caller's transaction.
pub(crate) async fn rewrap(
    connection: &mut AnyConnection,
    (old, new): (&[u8; 32], &[u8; 32]),
) -> Result<(), StoreError> {
    if let Some(wrapped) = stored_layout(connection).await? {
        let (suite, secret) = unwrap_at(old, &LAYOUT, &wrapped)?;
        sqlx::query("UPDATE layout_keys SET wrapped = $1 WHERE id = 1")
            .bind(wrap(new, suite, 1, &LAYOUT, &secret)?)
            .execute(&mut *connection)
            .await?;
    }
    for (version, wrapped) in wrapped_indexes(connection).await? {
        let place = index_place(version);
        let (suite, secret) = unwrap_at(old, &place, &wrapped)?;
        sqlx::query("UPDATE blind_indexes SET wrapped = $2 WHERE version = $1")
            .bind(i64::from(version))
            .bind(wrap(new, suite, version, &place, &secret)?)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// The index keys as the database has them.
pub(crate) async fn stored_indexes(
    connection: &mut AnyConnection,
    master: &[u8; 32],
) -> Result<Vec<StoredIndex>, StoreError> {
    let rows = sqlx::query(
        "SELECT version, suite, check_blind, wrapped, activated_at, left_at FROM blind_indexes ORDER BY version",
    )
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let row = columns(row);
            let version = version(&row)?;
            let wrapped = row.opt_bytes("wrapped")?;
            let unwrapped =
                wrapped.map(|wrapped| unwrap_at(master, &index_place(version), &wrapped));
            Ok(StoredIndex {
                version,
                suite: row.named("suite", AtRest::parse)?,
                check: row.bytes("check_blind")?,
                secret: unwrapped.transpose()?.map(|(_, secret)| secret),
                activated: row.opt_instant("activated_at")?.is_some(),
                left: row.opt_instant("left_at")?.is_some(),
            })
        })
        .collect()
}

const LAYOUT: Place<'static> = Place {
    table: "layout_keys",
    column: "wrapped",
    owner: "",
    row: "",
    version: 1,
};

fn index_place(version: u32) -> Place<'static> {
    Place {
        table: "blind_indexes",
        column: "wrapped",
        owner: "",
        row: "",
        version: u64::from(version),
    }
}

async fn stored_layout(connection: &mut AnyConnection) -> Result<Option<Vec<u8>>, StoreError> {
    let row = sqlx::query("SELECT wrapped FROM layout_keys WHERE id = 1")
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        Columns {
            table: "layout_keys",
            row: &row,
        }
        .bytes("wrapped")
    })
    .transpose()
}

async fn oldest_suite(connection: &mut AnyConnection) -> Result<AtRest, StoreError> {
    let row = sqlx::query("SELECT suite FROM blind_indexes ORDER BY version LIMIT 1")
        .fetch_one(connection)
        .await?;
    columns(&row).named("suite", AtRest::parse)
}

async fn wrapped_indexes(
    connection: &mut AnyConnection,
) -> Result<Vec<(u32, Vec<u8>)>, StoreError> {
    let rows = sqlx::query(
        "SELECT version, wrapped FROM blind_indexes WHERE wrapped IS NOT NULL ORDER BY version",
    )
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let row = columns(row);
            Ok((version(&row)?, row.bytes("wrapped")?))
        })
        .collect()
}

fn columns(row: &sqlx::any::AnyRow) -> Columns<'_> {
    Columns {
        table: "blind_indexes",
        row,
    }
}

pub(crate) fn version(row: &Columns<'_>) -> Result<u32, StoreError> {
    u32::try_from(row.int("version")?).map_err(|_out_of_range| row.odd("version", "out of range"))
}
