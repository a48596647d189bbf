//! Holder bindings: which device presents an e-licence.

use jiff::Timestamp;
use licence::binding::Stage;

use crate::{
    BindingId, Conflict, ELicenceId, HolderId, Locked, Store, StoreError, Tx,
    error::{exactly_one, unique},
    rows::Columns,
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
    /// Its stage.
    pub stage: Stage,
    /// The device's public key, SEC1.
    pub device_key: Vec<u8>,
    /// `software`, `passkey` or `attested`.
    pub assurance: String,
    /// When it was asked for.
    pub created_at: Timestamp,
}

impl Store {
    /// All bindings of an e-licence, newest first.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn bindings_of(&self, e_licence: &ELicenceId) -> Result<Vec<BindingRow>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT id, holder_id, e_licence_id, stage, device_key, assurance, created_at FROM bindings \
             WHERE partition = $1 AND e_licence_id = $2 ORDER BY created_at DESC, id",
        )
        .bind(e_licence.partition().sql())
        .bind(e_licence.as_str())
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| {
                let row = Columns {
                    table: "bindings",
                    row,
                };
                Ok(BindingRow {
                    id: row.parsed("id", BindingId::parse)?,
                    holder: row.parsed("holder_id", HolderId::parse)?,
                    e_licence: row.parsed("e_licence_id", ELicenceId::parse)?,
                    stage: row.named("stage", Stage::parse)?,
                    device_key: row.bytes("device_key")?,
                    assurance: row.text("assurance")?,
                    created_at: row.instant("created_at")?,
                })
            })
            .collect()
    }
}

impl Tx {
    /// Adds a binding, pending until the device proves possession of its key.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_binding(
        &mut self,
        locked: &Locked,
        binding: &BindingRow,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO bindings (partition, id, holder_id, e_licence_id, stage, device_key, assurance, created_at) \
             VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7)",
        )
        .bind(self.partition().sql())
        .bind(binding.id.as_str())
        .bind(locked.holder().as_str())
        .bind(binding.e_licence.as_str())
        .bind(binding.device_key.as_slice())
        .bind(binding.assurance.as_str())
        .bind(binding.created_at.as_microsecond())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Pending -> active; the binding that was active becomes replaced.
    ///
    /// # Errors
    /// [`Conflict::Binding`] when it is no longer pending.
    pub async fn activate_binding(
        &mut self,
        locked: &Locked,
        e_licence: &ELicenceId,
        binding: &BindingId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE bindings SET stage = 'replaced', ended_at = $3 \
             WHERE partition = $1 AND e_licence_id = $2 AND stage = 'active'",
        )
        .bind(self.partition().sql())
        .bind(e_licence.as_str())
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?;
        let moved = sqlx::query(
            "UPDATE bindings SET stage = 'active', activated_at = $5 \
             WHERE partition = $1 AND id = $2 AND holder_id = $3 AND e_licence_id = $4 AND stage = 'pending'",
        )
        .bind(self.partition().sql())
        .bind(binding.as_str())
        .bind(locked.holder().as_str())
        .bind(e_licence.as_str())
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::Binding))?
        .rows_affected();
        exactly_one(moved, Conflict::Binding)
    }
}
