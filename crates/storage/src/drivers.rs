//! Drivers: the registry's record, sealed, with its revision.

mod nobody;

use std::borrow::Borrow;

use jiff::Timestamp;
use licence::{AuthorityCode, Record};
use serde::{Deserialize, Serialize};
use sqlx::{AnyConnection, AssertSqlSafe};
use zeroize::Zeroizing;

use crate::{
    Blind, Conflict, HolderId, Locked, PhotoId, Store, StoreError, Tx,
    engine::RowsAtOnce,
    error::unique,
    rows::{Columns, sets},
    seal::{Place, Sealer, label},
};

/// A driver as read: hand `revision` back to [`Store::begin`] to write on what was read.
#[derive(Clone, Debug)]
pub struct Driver {
    /// The holder.
    pub id: HolderId,
    /// Grows with every write that concerns the driver.
    pub revision: u64,
    /// Version of the record at its source.
    pub registry_version: i64,
    /// Whether versions were skipped when it came.
    pub registry_gap: bool,
    /// The record.
    pub record: Record,
    /// Keyed hash of what was delivered.
    pub digest: Vec<u8>,
    /// Effective status value when last computed.
    pub status_value: u8,
    /// The photo on file.
    pub photo: Option<PhotoId>,
    /// When the record last changed here.
    pub updated_at: Timestamp,
    /// Since when the account is frozen.
    pub frozen_at: Option<Timestamp>,
    /// Until when the phone number activates nothing, because it changed.
    pub phone_held_until: Option<Timestamp>,
}

/// A driver's record to be written.
#[derive(Clone, Debug)]
pub struct DriverWrite {
    /// The holder.
    pub id: HolderId,
    /// Whether versions were skipped before this one.
    pub registry_gap: bool,
    /// The record; its version becomes the registry version.
    pub record: Record,
    /// Keyed hash of what was delivered.
    pub digest: Blind,
    /// Effective status value now.
    pub status_value: u8,
    /// When it can change by the calendar alone.
    pub next_transition_at: Option<Timestamp>,
    /// The photo on file.
    pub photo: Option<PhotoId>,
    /// What [`Store::index_version`] said before its names were claimed.
    pub named_under: u32,
}

/// A driver's record as it will lie in the database.
#[derive(Clone, Debug)]
pub struct SealedDriver {
    /// The holder.
    pub id: HolderId,
    /// The photo on file.
    pub photo: Option<PhotoId>,
    version: i64,
    gap: bool,
    record: Vec<u8>,
    /// Version of the data key it is sealed with.
    key: u32,
    named_under: u32,
    digest: Blind,
    authority: AuthorityCode,
    status_value: u8,
    next_transition_at: Option<Timestamp>,
}

const TABLE: &str = "drivers";
/// What [`read`] asks for, of drivers as `d`.
pub(crate) const DRIVER_COLUMNS: &str = "d.id AS driver_id, d.revision, d.registry_version, d.registry_gap, d.record_sealed, \
     d.record_digest, d.status_value AS driver_status, d.photo_id AS driver_photo, d.updated_at, d.frozen_at, \
     d.phone_held_until";

#[derive(Deserialize)]
struct StoredRecord {
    v: u8,
    record: Record,
}

#[derive(Serialize)]
struct RecordToStore<'a> {
    v: u8,
    record: &'a Record,
}

impl Store {
    /// The driver, if there is one.
    ///
    /// # Errors
    /// When the database cannot be reached or the record does not open.
    pub async fn driver(&self, holder: &HolderId) -> Result<Option<Driver>, StoreError> {
        let mut connection = self.reader().await?;
        load_one(&mut connection, self.sealer(), holder).await
    }

    /// Those of `holders` that exist.
    ///
    /// # Errors
    /// When the database cannot be reached or a record does not open.
    pub async fn drivers(&self, holders: &[HolderId]) -> Result<Vec<Driver>, StoreError> {
        let mut connection = self.reader().await?;
        load(&mut connection, self.sealer(), holders).await
    }

    /// Seals a record that is to be written: outside the transaction, which others wait for.
    ///
    /// # Errors
    /// When sealing fails.
    pub fn seal_driver(&self, driver: DriverWrite) -> Result<SealedDriver, StoreError> {
        let record = &driver.record;
        let plain = serde_json::to_vec(&RecordToStore { v: 1, record }).map(Zeroizing::new);
        let plain = plain.map_err(|_not_json| StoreError::Inconsistent {
            table: TABLE,
            column: "record_sealed",
            row: Some(driver.id.to_string()),
            what: "cannot be written as JSON",
        })?;
        let sealed = self
            .sealer()
            .seal(&place(&driver.id, record.version), &plain)?;
        Ok(SealedDriver {
            version: record.version,
            gap: driver.registry_gap,
            key: label(&sealed).map_or(0, |(_, version)| version),
            record: sealed,
            named_under: driver.named_under,
            digest: driver.digest,
            authority: record.issuing_authority.code.clone(),
            status_value: driver.status_value,
            next_transition_at: driver.next_transition_at,
            photo: driver.photo,
            id: driver.id,
        })
    }
}

impl Store {
    /// Drivers whose status the calendar changes by `now`, the longest due first.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn drivers_due(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<HolderId>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT id FROM drivers WHERE next_transition_at IS NOT NULL AND next_transition_at <= $1 \
             ORDER BY next_transition_at LIMIT $2",
        )
        .bind(now.as_microsecond())
        .bind(i64::from(limit))
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| Columns { table: TABLE, row }.parsed("id", HolderId::parse))
            .collect()
    }
}

impl Tx {
    /// The status of the locked driver as the calendar has it now, and when it changes next.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn turn_driver(
        &mut self,
        locked: &Locked,
        status_value: u8,
        next_transition_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE drivers SET status_value = $3, next_transition_at = $4 WHERE partition = $1 AND id = $2",
        )
        .bind(self.partition().sql())
        .bind(locked.holder().as_str())
        .bind(i64::from(status_value))
        .bind(next_transition_at.map(Timestamp::as_microsecond))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// The driver as this transaction sees it.
    ///
    /// # Errors
    /// When the database cannot be reached or the record does not open.
    pub async fn driver(&mut self, holder: &HolderId) -> Result<Option<Driver>, StoreError> {
        let store = self.store();
        load_one(self.connection(), store.sealer(), holder).await
    }

    /// The driver's revision, which nobody changes before this transaction ends: to tell whether what
    /// was read before it still holds.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn driver_revision(&mut self, holder: &HolderId) -> Result<Option<u64>, StoreError> {
        let text = format!(
            "SELECT revision FROM drivers WHERE partition = $1 AND id = $2{}",
            self.store().inner.database.keeping_rows()
        );
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(holder.partition().sql())
            .bind(holder.as_str())
            .fetch_optional(self.connection())
            .await?;
        row.map(|row| {
            Columns {
                table: TABLE,
                row: &row,
            }
            .number("revision")
        })
        .transpose()
    }

    /// Adds drivers that are new to the system, at revision 1.
    ///
    /// # Errors
    /// [`Conflict::Revision`] when one of them exists meanwhile.
    pub async fn insert_drivers(
        &mut self,
        drivers: &[impl Borrow<SealedDriver> + Sync],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for driver in drivers.iter().map(Borrow::borrow) {
            self.expect_one_of_own(TABLE, driver.id.partition())?;
            self.sealed_with(driver.key);
            self.named_under(driver.named_under);
        }
        for set in sets(drivers, self.rows_at_once()) {
            let text = format!(
                "INSERT INTO drivers (partition, id, revision, registry_version, registry_gap, record_sealed, \
                 record_digest, authority_code, status_value, next_transition_at, photo_id, created_at, updated_at) {}",
                set.to_insert("(?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
            );
            let mut query = sqlx::query(AssertSqlSafe(text));
            for (partition, driver) in set.keyed(|driver| driver.borrow().id.partition().sql()) {
                let driver = driver.borrow();
                query = query
                    .bind(partition)
                    .bind(driver.id.as_str())
                    .bind(driver.version)
                    .bind(i64::from(driver.gap))
                    .bind(driver.record.as_slice())
                    .bind(driver.digest.sql())
                    .bind(driver.authority.as_str())
                    .bind(i64::from(driver.status_value))
                    .bind(driver.next_transition_at.map(Timestamp::as_microsecond))
                    .bind(driver.photo.as_ref().map(PhotoId::as_str))
                    .bind(now.as_microsecond())
                    .bind(now.as_microsecond());
            }
            query
                .execute(self.connection())
                .await
                .map_err(unique(Conflict::Revision))?;
        }
        Ok(())
    }

    /// Replaces the record of the locked driver.
    ///
    /// # Errors
    /// When the database cannot be reached, or `driver` is not the locked one.
    pub async fn update_driver(
        &mut self,
        locked: &Locked,
        driver: &SealedDriver,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if driver.id != *locked.holder() {
            return Err(Conflict::Revision.into());
        }
        self.sealed_with(driver.key);
        self.named_under(driver.named_under);
        sqlx::query(
            "UPDATE drivers SET registry_version = $3, registry_gap = $4, record_sealed = $5, record_digest = $6, \
             authority_code = $7, status_value = $8, next_transition_at = $9, photo_id = $10, updated_at = $11 \
             WHERE partition = $1 AND id = $2",
        )
        .bind(self.partition().sql())
        .bind(driver.id.as_str())
        .bind(driver.version)
        .bind(i64::from(driver.gap))
        .bind(driver.record.as_slice())
        .bind(driver.digest.sql())
        .bind(driver.authority.as_str())
        .bind(i64::from(driver.status_value))
        .bind(driver.next_transition_at.map(Timestamp::as_microsecond))
        .bind(driver.photo.as_ref().map(PhotoId::as_str))
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

async fn load_one(
    connection: &mut AnyConnection,
    sealer: &Sealer,
    holder: &HolderId,
) -> Result<Option<Driver>, StoreError> {
    let text =
        format!("SELECT {DRIVER_COLUMNS} FROM drivers d WHERE d.partition = $1 AND d.id = $2");
    let row = sqlx::query(AssertSqlSafe(text))
        .bind(holder.partition().sql())
        .bind(holder.as_str())
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        let row = Columns {
            table: TABLE,
            row: &row,
        };
        read(sealer, &row)
    })
    .transpose()
}

async fn load(
    connection: &mut AnyConnection,
    sealer: &Sealer,
    holders: &[HolderId],
) -> Result<Vec<Driver>, StoreError> {
    let mut drivers = Vec::with_capacity(holders.len());
    for set in sets(holders, RowsAtOnce::of(connection)) {
        let text = format!(
            "SELECT {DRIVER_COLUMNS} FROM drivers d WHERE (d.partition, d.id) IN (VALUES {})",
            set.tuples("(?, ?)")
        );
        let mut query = sqlx::query(AssertSqlSafe(text));
        for (partition, holder) in set.keyed(|holder| holder.partition().sql()) {
            query = query.bind(partition).bind(holder.as_str());
        }
        for row in query.fetch_all(&mut *connection).await? {
            let row = Columns {
                table: TABLE,
                row: &row,
            };
            drivers.push(read(sealer, &row)?);
        }
    }
    Ok(drivers)
}

pub(crate) fn read(sealer: &Sealer, row: &Columns<'_>) -> Result<Driver, StoreError> {
    let id = row.parsed("driver_id", HolderId::parse)?;
    let registry_version = row.int("registry_version")?;
    let plain = sealer.unseal(&place(&id, registry_version), &row.bytes("record_sealed")?)?;
    let stored: StoredRecord = serde_json::from_slice(&plain)
        .map_err(|_not_a_record| row.odd("record_sealed", "is not a record"))?;
    if stored.v != 1 || stored.record.version != registry_version {
        return Err(row.odd("record_sealed", "has another version"));
    }
    Ok(Driver {
        revision: row.number("revision")?,
        registry_version,
        registry_gap: row.int("registry_gap")? == 1,
        record: stored.record,
        digest: row.bytes("record_digest")?,
        status_value: u8::try_from(row.int("driver_status")?)
            .map_err(|_out_of_range| row.odd("driver_status", "out of range"))?,
        photo: row.opt_parsed("driver_photo", PhotoId::parse)?,
        updated_at: row.instant("updated_at")?,
        frozen_at: row.opt_instant("frozen_at")?,
        phone_held_until: row.opt_instant("phone_held_until")?,
        id,
    })
}

fn place(id: &HolderId, registry_version: i64) -> Place<'_> {
    Place {
        table: TABLE,
        column: "record_sealed",
        owner: id.as_str(),
        row: id.as_str(),
        version: registry_version.unsigned_abs(),
    }
}
