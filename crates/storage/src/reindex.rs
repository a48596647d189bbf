//! The pass that brings every name under the newer index key, while others look up and claim.
//!
//! It begins by leaving the older key: from then on no claim under it can be committed, and no write
//! of a driver that rests on such claims, so that nothing comes to lie under it any more. The pass
//! visits what lies there. A name is hashed anew from the sealed record of the driver who has it, all
//! names of that driver in one transaction; a claim whose driver never came, or whose driver's record
//! does not hold the name any more, cannot be hashed anew and is given up. Each batch keeps the
//! position behind it, so that the pass can be interrupted anywhere and shared by nodes.

mod moves;
mod stand;

use std::collections::BTreeSet;

use sqlx::AssertSqlSafe;

use crate::{
    AliasKind, Conflict, Damaged, Driver, HolderId, Partition, Steward, Store, StoreError, Tx,
    aliases::{Hash, names_of},
    error::{exactly_one, unique},
    rows::Columns,
};
use moves::Batch;
use stand::Stand;

/// What a step of the pass did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reindexed {
    /// To which index key.
    pub version: u32,
    /// Names brought over.
    pub moved: u64,
    /// Names that no driver's record holds, removed.
    pub given_up: u64,
    /// Drivers whose record does not open, so that their names stay where they are.
    pub damaged: Vec<Damaged>,
    /// Whether the pass has been everywhere.
    pub finished: bool,
    /// How many names lie under the older key after a pass that has been everywhere. While there
    /// are any, the next step begins from the start.
    pub left: u64,
}

/// A pass as stored.
struct Pass {
    position: String,
    finished: bool,
}

/// The versions between which names are brought over.
#[derive(Clone, Copy)]
struct Keys {
    older: u32,
    newer: u32,
}

/// A name that lies under the older key.
struct OlderName {
    hash: Hash,
    holder: HolderId,
}

impl Store {
    /// Enters names under the prepared index key from now on, and begins the pass that brings over
    /// those that there are. Answers the key's version. A pass that was begun goes on.
    ///
    /// # Errors
    /// [`Conflict::Revision`] when none is prepared, or another node does the same.
    pub async fn begin_reindex(&self, by: &Steward<'_>) -> Result<u32, StoreError> {
        self.refresh_keys().await?;
        let names = self.sealer().names();
        let (active, newest) = (names.active(), names.newest());
        if names.left().is_some() {
            return Ok(active);
        }
        if newest == active {
            return Err(Conflict::Revision.into());
        }
        let mut tx = self.begin_in(Partition::SYSTEM).await?;
        // Waits for the claims that hold the row; those that come later find it left.
        for text in [
            "UPDATE blind_indexes SET left_at = $3 WHERE version = $1 AND left_at IS NULL AND EXISTS \
             (SELECT 1 FROM blind_indexes n WHERE n.version = $2 AND n.activated_at IS NULL)",
            "UPDATE blind_indexes SET activated_at = $3 WHERE version = $2 AND activated_at IS NULL AND EXISTS \
             (SELECT 1 FROM blind_indexes o WHERE o.version = $1)",
        ] {
            let moved = sqlx::query(text)
                .bind(i64::from(active))
                .bind(i64::from(newest))
                .bind(by.now.as_microsecond())
                .execute(tx.connection())
                .await?;
            exactly_one(moved.rows_affected(), Conflict::Revision)?;
        }
        sqlx::query(
            "INSERT INTO reindexes (version, begun_at, position, moved, given_up, damaged) VALUES ($1, $2, $3, 0, 0, 0)",
        )
        .bind(i64::from(newest))
        .bind(by.now.as_microsecond())
        .bind(Stand::first().text()?)
        .execute(tx.connection())
        .await
        .map_err(unique(Conflict::Revision))?;
        raise_least_index(&mut tx, newest).await?;
        let entry = by.entry("seal.reindex-begun").with("version", newest);
        tx.commit(entry, Vec::new()).await?;
        self.refresh_keys().await?;
        Ok(newest)
    }

    /// Brings over the names of the drivers of up to `limit` names. To be called until it says
    /// `finished`.
    ///
    /// # Errors
    /// [`Conflict::Cursor`] when another node did this step. When the database cannot be reached.
    pub async fn reindex_batch(
        &self,
        by: &Steward<'_>,
        limit: u32,
    ) -> Result<Reindexed, StoreError> {
        self.refresh_keys().await?;
        let names = self.sealer().names();
        let newer = names.active();
        let Some(older) = names.left() else {
            return Ok(Reindexed::finished(newer, 0));
        };
        let keys = Keys { older, newer };
        let pass = self.reindex_pass(newer).await?;
        if pass.finished {
            return Ok(Reindexed::finished(newer, 0));
        }
        let mut stand = Stand::parse(&pass.position)?;
        loop {
            let found = self.older_names(&stand, newer, limit.max(1)).await?;
            if let Some(last) = found.last() {
                let next = stand.behind(last);
                let batch = self.plan_moves(stand.kind()?, found, keys).await?;
                return self.commit_moves(keys, batch, (&pass, &next), by).await;
            }
            match stand.next_place()? {
                Some(next) => stand = next,
                None => return self.finish_reindex(keys, &pass, by).await,
            }
        }
    }

    /// How many names lie under the index key of that version. It looks at every name.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn names_under(&self, version: u32) -> Result<u64, StoreError> {
        let mut connection = self.reader().await?;
        let count: i64 = sqlx::query_scalar(
            "SELECT CAST((SELECT COUNT(*) FROM owned_aliases WHERE index_version = $1) \
             + (SELECT COUNT(*) FROM shared_aliases WHERE index_version = $1) AS BIGINT)",
        )
        .bind(i64::from(version))
        .fetch_one(&mut *connection)
        .await?;
        Ok(count.unsigned_abs())
    }

    async fn reindex_pass(&self, version: u32) -> Result<Pass, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query("SELECT position, finished_at FROM reindexes WHERE version = $1")
            .bind(i64::from(version))
            .fetch_one(&mut *connection)
            .await?;
        let row = Columns {
            table: "reindexes",
            row: &row,
        };
        Ok(Pass {
            position: row.text("position")?,
            finished: row.opt_instant("finished_at")?.is_some(),
        })
    }

    /// The next names at `stand` that lie under an older key; none when its place holds no more.
    async fn older_names(
        &self,
        stand: &Stand,
        newer: u32,
        limit: u32,
    ) -> Result<Vec<OlderName>, StoreError> {
        let kind = stand.kind()?;
        let from = match kind.owned() {
            Some(kind) => format!("owned_aliases WHERE kind = {kind} AND"),
            None => "shared_aliases WHERE".to_owned(),
        };
        let text = format!(
            "SELECT blind, holder_id FROM {from} partition = $1 AND index_version < $2 \
             AND (blind, holder_id) > ($3, $4) ORDER BY blind, holder_id LIMIT $5"
        );
        let mut connection = self.reader().await?;
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(stand.partition)
            .bind(i64::from(newer))
            .bind(stand.blind()?)
            .bind(stand.holder.as_str())
            .bind(i64::from(limit))
            .fetch_all(&mut *connection)
            .await?;
        rows.iter()
            .map(|row| {
                let row = Columns {
                    table: "aliases",
                    row,
                };
                let hash = Hash::try_from(row.bytes("blind")?.as_slice());
                Ok(OlderName {
                    hash: hash.map_err(|_length| row.odd("blind", "is no keyed hash"))?,
                    holder: row.parsed("holder_id", HolderId::parse)?,
                })
            })
            .collect()
    }

    /// What becomes of the names that were found, and of all others of their holders.
    async fn plan_moves(
        &self,
        kind: AliasKind,
        found: Vec<OlderName>,
        keys: Keys,
    ) -> Result<Batch, StoreError> {
        let mut batch = Batch::default();
        let holders: BTreeSet<&HolderId> = found.iter().map(|name| &name.holder).collect();
        let holders: Vec<HolderId> = holders.into_iter().cloned().collect();
        let (mut unread, mut known) = (BTreeSet::new(), BTreeSet::new());
        for driver in self.drivers_that_open(&holders, &mut unread).await? {
            known.insert(driver.id.clone());
            for (kind, name) in names_of(&driver.record) {
                let blind = self.alias(kind, name);
                if let (Some(older), Some(newer)) =
                    (blind.under(keys.older), blind.under(keys.newer))
                {
                    let place = (kind, older, driver.id.clone());
                    batch.moves.insert(place, newer);
                }
            }
        }
        for name in found {
            let place = (kind, name.hash, name.holder);
            if !unread.contains(&place.2) && !batch.moves.contains_key(&place) {
                if known.contains(&place.2) {
                    batch.former_of.insert(place.2.to_string());
                }
                batch.given_up.insert(place);
            }
        }
        batch.damaged = unread
            .into_iter()
            .map(|holder| Damaged {
                place: "drivers.record_sealed".to_owned(),
                row: holder.to_string(),
            })
            .collect();
        Ok(batch)
    }

    /// The drivers there are, but those whose record does not open, which are named.
    async fn drivers_that_open(
        &self,
        holders: &[HolderId],
        unread: &mut BTreeSet<HolderId>,
    ) -> Result<Vec<Driver>, StoreError> {
        match self.drivers(holders).await {
            Err(StoreError::Inconsistent { .. }) => {}
            drivers => return drivers,
        }
        let mut drivers = Vec::with_capacity(holders.len());
        for holder in holders {
            match self.driver(holder).await {
                Ok(driver) => drivers.extend(driver),
                Err(StoreError::Inconsistent { .. }) => {
                    unread.insert(holder.clone());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(drivers)
    }

    async fn commit_moves(
        &self,
        keys: Keys,
        batch: Batch,
        (pass, next): (&Pass, &Stand),
        by: &Steward<'_>,
    ) -> Result<Reindexed, StoreError> {
        let mut tx = self.begin_in(next.partition()?).await?;
        // Before the names, so that of two nodes doing the same step one waits here, holding nothing.
        let stepped = sqlx::query(
            "UPDATE reindexes SET position = $3 WHERE version = $1 AND position = $2 AND finished_at IS NULL",
        )
        .bind(i64::from(keys.newer))
        .bind(pass.position.as_str())
        .bind(next.text()?)
        .execute(tx.connection())
        .await?;
        exactly_one(stepped.rows_affected(), Conflict::Cursor)?;
        let (moved, given_up) = batch.carry_out(&mut tx, keys.newer, by).await?;
        sqlx::query(
            "UPDATE reindexes SET moved = moved + $2, given_up = given_up + $3, damaged = damaged + $4 WHERE version = $1",
        )
        .bind(i64::from(keys.newer))
        .bind(i64::try_from(moved).unwrap_or(i64::MAX))
        .bind(i64::try_from(given_up).unwrap_or(i64::MAX))
        .bind(i64::try_from(batch.damaged.len()).unwrap_or(i64::MAX))
        .execute(tx.connection())
        .await?;
        let damaged: Vec<String> = batch.damaged.iter().map(|one| one.row.clone()).collect();
        let entry = by
            .entry("seal.reindexed")
            .with("version", keys.newer)
            .with("moved", moved)
            .with("given_up", given_up)
            .with("former_of", batch.former_of.into_iter().collect::<Vec<_>>())
            .with("damaged", damaged);
        tx.commit(entry, Vec::new()).await?;
        Ok(Reindexed {
            moved,
            given_up,
            damaged: batch.damaged,
            finished: false,
            ..Reindexed::finished(keys.newer, 0)
        })
    }

    async fn finish_reindex(
        &self,
        keys: Keys,
        pass: &Pass,
        by: &Steward<'_>,
    ) -> Result<Reindexed, StoreError> {
        let left = self.names_under(keys.older).await?;
        let mut tx = self.begin_in(Partition::SYSTEM).await?;
        let stepped = sqlx::query(
            "UPDATE reindexes SET position = $3, finished_at = $4 WHERE version = $1 AND position = $2 AND finished_at IS NULL",
        )
        .bind(i64::from(keys.newer))
        .bind(pass.position.as_str())
        .bind(Stand::first().text()?)
        .bind((left == 0).then_some(by.now.as_microsecond()))
        .execute(tx.connection())
        .await?;
        exactly_one(stepped.rows_affected(), Conflict::Cursor)?;
        let entry = by.entry("seal.reindex-everywhere");
        let entry = entry.with("version", keys.newer).with("left", left);
        tx.commit(entry, Vec::new()).await?;
        Ok(Reindexed::finished(keys.newer, left))
    }
}

impl Reindexed {
    fn finished(version: u32, left: u64) -> Self {
        Self {
            version,
            moved: 0,
            given_up: 0,
            damaged: Vec::new(),
            finished: true,
            left,
        }
    }
}

/// From now on no driver is written whose names were claimed under an older key.
async fn raise_least_index(tx: &mut Tx, version: u32) -> Result<(), StoreError> {
    // In the order in which writes of several partitions lock them.
    let text = format!(
        "SELECT partition FROM partition_heads ORDER BY partition{}",
        tx.store().inner.database.keeping_rows()
    );
    sqlx::query(AssertSqlSafe(text))
        .fetch_all(tx.connection())
        .await?;
    sqlx::query("UPDATE partition_heads SET least_index = $1 WHERE least_index < $1")
        .bind(i64::from(version))
        .execute(tx.connection())
        .await?;
    Ok(())
}
