//! Holder bindings: which device presents an e-licence.

use std::collections::HashSet;

use jiff::Timestamp;
use licence::binding::{Assurance, Stage};
use sqlx::{AssertSqlSafe, any::AnyRow};

use crate::{
    BindingId, Conflict, DeviceId, ELicenceId, HolderId, Locked, Store, StoreError, Tx,
    error::{exactly_one, unique},
    rows::{Columns, sets},
    store::sql_number,
};

/// A binding as stored.
#[derive(Clone, Debug)]
pub struct BindingRow {
    /// Which.
    pub id: BindingId,
    /// Whose.
    pub holder: HolderId,
    /// Of which e-licence.
    pub e_licence: ELicenceId,
    /// The account's device that presents.
    pub device: DeviceId,
    /// Its stage.
    pub stage: Stage,
    /// The device's public key: P-256, SEC1, uncompressed.
    pub device_key: Vec<u8>,
    /// How well the device keeps it.
    pub assurance: Assurance,
    /// What the device signs to prove that it holds the key; only while pending.
    pub challenge: Option<Vec<u8>>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// The last instant for the proof.
    pub expires_at: Timestamp,
    /// When it was proved.
    pub activated_at: Option<Timestamp>,
    /// When the server last renewed it.
    pub renewed_at: Option<Timestamp>,
    /// The greatest instant of a code that was accepted, in seconds since 1970.
    pub last_presented: Option<u64>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// A binding to be added, pending.
#[derive(Clone, Debug)]
pub struct NewBinding {
    /// Which.
    pub id: BindingId,
    /// Of which e-licence.
    pub e_licence: ELicenceId,
    /// The account's device that asks.
    pub device: DeviceId,
    /// The device's public key: P-256, SEC1, uncompressed.
    pub device_key: [u8; 65],
    /// What the device is to sign.
    pub challenge: [u8; 32],
    /// When it is asked for.
    pub created_at: Timestamp,
    /// The last instant for the proof.
    pub expires_at: Timestamp,
}

/// A code of a binding that is to count as presented.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ToPresent {
    /// Which binding.
    pub binding: BindingId,
    /// The code's instant, in seconds since 1970.
    pub time: u64,
}

const TABLE: &str = "bindings";
const COLUMNS: &str = "id, holder_id, e_licence_id, device_id, stage, device_key, assurance, challenge, created_at, \
     expires_at, activated_at, renewed_at, last_presented, ended_at";

impl Store {
    /// A binding, also one that ended.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn binding(&self, id: &BindingId) -> Result<Option<BindingRow>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!("SELECT {COLUMNS} FROM bindings WHERE partition = $1 AND id = $2");
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(id.partition().sql())
            .bind(id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The binding of the device that presents an e-licence now.
    ///
    /// # Errors
    /// As [`Store::binding`].
    pub async fn active_binding(
        &self,
        e_licence: &ELicenceId,
    ) -> Result<Option<BindingRow>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!(
            "SELECT {COLUMNS} FROM bindings WHERE partition = $1 AND e_licence_id = $2 AND stage = 'active'"
        );
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(e_licence.partition().sql())
            .bind(e_licence.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// All bindings of an e-licence, newest first.
    ///
    /// # Errors
    /// As [`Store::binding`].
    pub async fn bindings_of(&self, e_licence: &ELicenceId) -> Result<Vec<BindingRow>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!(
            "SELECT {COLUMNS} FROM bindings WHERE partition = $1 AND e_licence_id = $2 ORDER BY created_at DESC, id"
        );
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(e_licence.partition().sql())
            .bind(e_licence.as_str())
            .fetch_all(&mut *connection)
            .await?;
        rows.iter().map(read).collect()
    }
}

impl Tx {
    /// Adds a binding, pending until the device proves possession of its key. One that was pending
    /// lapses: of two devices that bind at once, the one that asked last can.
    ///
    /// # Errors
    /// [`Conflict::Binding`] when another is being added.
    pub async fn insert_binding(
        &mut self,
        locked: &Locked,
        new: &NewBinding,
    ) -> Result<(), StoreError> {
        self.expect_own(TABLE, new.id.partition())?;
        sqlx::query(
            "UPDATE bindings SET stage = 'lapsed', challenge = NULL, ended_at = $4 \
             WHERE partition = $1 AND e_licence_id = $2 AND holder_id = $3 AND stage = 'pending'",
        )
        .bind(self.partition().sql())
        .bind(new.e_licence.as_str())
        .bind(locked.holder().as_str())
        .bind(new.created_at.as_microsecond())
        .execute(self.connection())
        .await?;
        sqlx::query(
            "INSERT INTO bindings (partition, id, holder_id, e_licence_id, device_id, stage, device_key, assurance, \
             challenge, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, 'pending', $6, 'software', $7, $8, $9)",
        )
        .bind(self.partition().sql())
        .bind(new.id.as_str())
        .bind(locked.holder().as_str())
        .bind(new.e_licence.as_str())
        .bind(new.device.as_str())
        .bind(new.device_key.as_slice())
        .bind(new.challenge.as_slice())
        .bind(new.created_at.as_microsecond())
        .bind(new.expires_at.as_microsecond())
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::Binding))?;
        Ok(())
    }

    /// Pending -> active; the binding that was active becomes replaced, and its device is answered.
    ///
    /// # Errors
    /// [`Conflict::Binding`] when it is no longer pending, or its time is over.
    pub async fn activate_binding(
        &mut self,
        locked: &Locked,
        binding: (&ELicenceId, &BindingId),
        assurance: Assurance,
        now: Timestamp,
    ) -> Result<Option<DeviceId>, StoreError> {
        let (e_licence, binding) = binding;
        let replaced = sqlx::query(
            "UPDATE bindings SET stage = 'replaced', ended_at = $4 \
             WHERE partition = $1 AND e_licence_id = $2 AND holder_id = $3 AND stage = 'active' RETURNING device_id",
        )
        .bind(self.partition().sql())
        .bind(e_licence.as_str())
        .bind(locked.holder().as_str())
        .bind(now.as_microsecond())
        .fetch_optional(self.connection())
        .await?;
        let moved = sqlx::query(
            "UPDATE bindings SET stage = 'active', assurance = $6, challenge = NULL, activated_at = $5, renewed_at = $5 \
             WHERE partition = $1 AND id = $2 AND holder_id = $3 AND e_licence_id = $4 AND stage = 'pending' \
             AND expires_at >= $5",
        )
        .bind(self.partition().sql())
        .bind(binding.as_str())
        .bind(locked.holder().as_str())
        .bind(e_licence.as_str())
        .bind(now.as_microsecond())
        .bind(assurance.as_str())
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::Binding))?
        .rows_affected();
        exactly_one(moved, Conflict::Binding)?;
        replaced
            .map(|row| {
                let row = Columns {
                    table: TABLE,
                    row: &row,
                };
                row.parsed("device_id", DeviceId::parse)
            })
            .transpose()
    }

    /// The server was in contact with the device that presents. A clock set back shortens nothing.
    ///
    /// # Errors
    /// [`Conflict::Binding`] when it is no longer active.
    pub async fn renew_binding(
        &mut self,
        binding: &BindingId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE bindings SET renewed_at = CASE WHEN renewed_at > $3 THEN renewed_at ELSE $3 END \
             WHERE partition = $1 AND id = $2 AND stage = 'active'",
        )
        .bind(self.partition().sql())
        .bind(binding.as_str())
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::Binding)
    }

    /// Ends the bindings of the locked driver's e-licence, pending ones too, all of them or those of
    /// one device; answers the device of the one that was active.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn revoke_bindings(
        &mut self,
        locked: &Locked,
        e_licence: &ELicenceId,
        only: Option<&DeviceId>,
        now: Timestamp,
    ) -> Result<Option<DeviceId>, StoreError> {
        let rows = sqlx::query(
            "UPDATE bindings SET stage = 'revoked', challenge = NULL, ended_at = $4 \
             WHERE partition = $1 AND e_licence_id = $2 AND holder_id = $3 AND stage IN ('pending', 'active') \
             AND device_id = COALESCE(CAST($5 AS TEXT), device_id) RETURNING id, device_id, activated_at",
        )
        .bind(self.partition().sql())
        .bind(e_licence.as_str())
        .bind(locked.holder().as_str())
        .bind(now.as_microsecond())
        .bind(only.map(DeviceId::as_str))
        .fetch_all(self.connection())
        .await?;
        for row in &rows {
            let row = Columns { table: TABLE, row };
            if row.opt_instant("activated_at")?.is_some() {
                return row.parsed("device_id", DeviceId::parse).map(Some);
            }
        }
        Ok(None)
    }

    /// Lets codes count as presented, each later than all before it; answers those that do. The
    /// drivers they stand for are to be held (see [`Tx::driver_revisions`]).
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn present(&mut self, codes: &[ToPresent]) -> Result<HashSet<BindingId>, StoreError> {
        let mut presented = HashSet::with_capacity(codes.len());
        for set in sets(codes, self.rows_at_once()) {
            for code in set.items() {
                self.expect_one_of_own(TABLE, code.binding.partition())?;
            }
            let text = format!(
                "UPDATE bindings SET last_presented = n.column3 FROM (VALUES {}) n \
                 WHERE partition = n.column1 AND id = n.column2 AND stage = n.column4 \
                 AND (last_presented IS NULL OR last_presented < n.column3) RETURNING id",
                // In the key: a server that goes by the stage walks through all active ones.
                set.tuples("(?, ?, ?, 'active')")
            );
            let mut query = sqlx::query(AssertSqlSafe(text));
            for (partition, code) in set.keyed(|code| code.binding.partition().sql()) {
                query = query
                    .bind(partition)
                    .bind(code.binding.as_str())
                    .bind(sql_number(code.time));
            }
            for row in query.fetch_all(self.connection()).await? {
                let row = Columns {
                    table: TABLE,
                    row: &row,
                };
                presented.insert(row.parsed("id", BindingId::parse)?);
            }
        }
        Ok(presented)
    }
}

fn read(row: &AnyRow) -> Result<BindingRow, StoreError> {
    let row = Columns { table: TABLE, row };
    let found = BindingRow {
        id: row.parsed("id", BindingId::parse)?,
        holder: row.parsed("holder_id", HolderId::parse)?,
        e_licence: row.parsed("e_licence_id", ELicenceId::parse)?,
        device: row.parsed("device_id", DeviceId::parse)?,
        stage: row.named("stage", Stage::parse)?,
        device_key: row.bytes("device_key")?,
        assurance: row.named("assurance", Assurance::parse)?,
        challenge: row.opt_bytes("challenge")?,
        created_at: row.instant("created_at")?,
        expires_at: row.instant("expires_at")?,
        activated_at: row.opt_instant("activated_at")?,
        renewed_at: row.opt_instant("renewed_at")?,
        last_presented: row.opt_number("last_presented")?,
        ended_at: row.opt_instant("ended_at")?,
    };
    if found.stage == Stage::Active && found.renewed_at.is_none() {
        return Err(row.odd("renewed_at", "an active binding was never renewed"));
    }
    Ok(found)
}
