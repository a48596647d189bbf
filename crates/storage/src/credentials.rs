//! Credentials of an e-licence and their signed forms.

use jiff::Timestamp;
use sqlx::{AnyConnection, AssertSqlSafe, any::AnyRow};
use zeroize::Zeroizing;

use crate::{
    BindingId, Conflict, CredentialId, ELicenceId, HolderId, Locked, Partition, StatusPlace, Store,
    StoreError, Tx,
    error::{exactly_one, unique},
    rows::{Columns, placeholders},
    seal::{Place, Sealer},
};

/// A credential as stored.
#[derive(Clone, Debug)]
pub struct CredentialRow {
    /// Which.
    pub id: CredentialId,
    /// Of which e-licence.
    pub e_licence: ELicenceId,
    /// The binding, none for the first.
    pub binding: Option<BindingId>,
    /// Its place in the status lists.
    pub place: StatusPlace,
    /// What the lists say of it.
    pub status_value: u8,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// A credential that somebody shows, active or ended.
#[derive(Clone, Debug)]
pub struct PresentedCredential {
    /// Whose.
    pub holder: HolderId,
    /// Whether it is the active one of its e-licence.
    pub active: bool,
    /// The credential.
    pub credential: CredentialRow,
}

/// A signed form of a credential.
#[derive(Clone, Debug)]
pub struct FormRow {
    /// The suite's name.
    pub suite: String,
    /// The signing key, in hex.
    pub key_id: String,
    /// The COSE bytes.
    pub form: Zeroizing<Vec<u8>>,
}

/// A credential to be added, active.
#[derive(Clone, Debug)]
pub struct NewCredential {
    /// Which.
    pub id: CredentialId,
    /// Of which e-licence.
    pub e_licence: ELicenceId,
    /// The binding, none for the first.
    pub binding: Option<BindingId>,
    /// Its place in the status lists.
    pub place: StatusPlace,
    /// What the lists say of it.
    pub status_value: u8,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// Its signed forms.
    pub forms: Vec<FormRow>,
}

/// An active credential with a form by a key that signs no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToSignAnew {
    /// Which.
    pub credential: CredentialId,
    /// Whose.
    pub holder: HolderId,
}

/// What [`read`] asks for, of credentials as `c`.
pub(crate) const CREDENTIAL_COLUMNS: &str = "c.id AS credential_id, c.e_licence_id, c.binding_id, c.status_list, c.status_index, \
     c.status_value, c.issued_at, c.expires_at";

impl Store {
    /// The active credential of an e-licence of `holder` or, where there is none, the one that ended
    /// last, with its signed forms.
    ///
    /// # Errors
    /// When the database cannot be reached or a form does not open.
    pub async fn newest_forms(
        &self,
        holder: &HolderId,
        e_licence: &ELicenceId,
    ) -> Result<Option<(CredentialId, Vec<FormRow>)>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT credential_id, suite, key_id, form_sealed FROM credential_forms \
             WHERE partition = $1 AND credential_id = (SELECT id FROM credentials \
             WHERE partition = $1 AND e_licence_id = $2 ORDER BY CASE stage WHEN 'active' THEN 0 ELSE 1 END, \
             issued_at DESC, CASE WHEN binding_id IS NULL THEN 1 ELSE 0 END, ended_at DESC, id LIMIT 1) ORDER BY suite",
        )
        .bind(e_licence.partition().sql())
        .bind(e_licence.as_str())
        .fetch_all(&mut *connection)
        .await?;
        let Some(first) = rows.first() else {
            return Ok(None);
        };
        let row = Columns {
            table: "credential_forms",
            row: first,
        };
        let credential = row.parsed("credential_id", CredentialId::parse)?;
        let forms = rows
            .iter()
            .map(|row| read_form(self.sealer(), holder, &credential, row))
            .collect::<Result<_, _>>()?;
        Ok(Some((credential, forms)))
    }

    /// A credential, also one that ended.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn credential(
        &self,
        id: &CredentialId,
    ) -> Result<Option<PresentedCredential>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!(
            "SELECT {CREDENTIAL_COLUMNS}, c.holder_id, c.stage FROM credentials c WHERE c.partition = $1 AND c.id = $2"
        );
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(id.partition().sql())
            .bind(id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| {
            let row = Columns {
                table: "credentials",
                row: &row,
            };
            Ok(PresentedCredential {
                holder: row.parsed("holder_id", HolderId::parse)?,
                active: row.text("stage")? == "active",
                credential: read(&row)?,
            })
        })
        .transpose()
    }

    /// The signed forms of a credential of `holder`.
    ///
    /// # Errors
    /// When the database cannot be reached or a form does not open.
    pub async fn forms(
        &self,
        holder: &HolderId,
        credential: &CredentialId,
    ) -> Result<Vec<FormRow>, StoreError> {
        let mut connection = self.reader().await?;
        read_forms(&mut connection, self.sealer(), holder, credential).await
    }

    /// The keys that signed the forms of a credential, by suite. Nothing is opened for it.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn form_keys(
        &self,
        credential: &CredentialId,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT credential_id, suite, key_id FROM credential_forms WHERE partition = $1 AND credential_id = $2 ORDER BY suite",
        )
        .bind(credential.partition().sql())
        .bind(credential.as_str())
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| {
                let table = "credential_forms";
                let row = Columns { table, row };
                Ok((row.text("suite")?, row.text("key_id")?))
            })
            .collect()
    }

    /// Up to `limit` active credentials of a partition, behind `after` where it is given, with a form
    /// by one of these keys.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn credentials_signed_by(
        &self,
        partition: Partition,
        key_ids: &[String],
        after: Option<&CredentialId>,
        limit: u32,
    ) -> Result<Vec<ToSignAnew>, StoreError> {
        if key_ids.is_empty() {
            return Ok(Vec::new());
        }
        let text = format!(
            "SELECT c.id, c.holder_id FROM credentials c \
             WHERE c.partition = $1 AND c.id > $2 AND c.stage = 'active' AND EXISTS (SELECT 1 FROM credential_forms f \
             WHERE f.partition = c.partition AND f.credential_id = c.id AND f.key_id IN {}) \
             ORDER BY c.id LIMIT $3",
            placeholders(1, key_ids.len(), 3)
        );
        let mut query = sqlx::query(AssertSqlSafe(text))
            .bind(partition.sql())
            .bind(after.map(CredentialId::as_str).unwrap_or_default())
            .bind(i64::from(limit));
        for key_id in key_ids {
            query = query.bind(key_id.as_str());
        }
        let mut connection = self.reader().await?;
        let rows = query.fetch_all(&mut *connection).await?;
        rows.iter()
            .map(|row| {
                let table = "credentials";
                let row = Columns { table, row };
                Ok(ToSignAnew {
                    credential: row.parsed("id", CredentialId::parse)?,
                    holder: row.parsed("holder_id", HolderId::parse)?,
                })
            })
            .collect()
    }

    /// Every credential's place and value in `partition`, ended ones included (they read INVALID):
    /// what the status memory starts from.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn status_values(
        &self,
        partition: Partition,
    ) -> Result<Vec<(StatusPlace, u8)>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT status_list, status_index, status_value FROM credentials WHERE partition = $1",
        )
        .bind(partition.sql())
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| {
                let row = Columns {
                    table: "credentials",
                    row,
                };
                Ok((read_place(&row)?, read_value(&row)?))
            })
            .collect()
    }
}

impl Tx {
    /// Adds a credential, active, with its signed forms.
    ///
    /// # Errors
    /// [`Conflict::ELicenceState`] when the e-licence has an active credential or the place is taken.
    pub async fn insert_credential(
        &mut self,
        locked: &Locked,
        new: &NewCredential,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO credentials (partition, id, holder_id, e_licence_id, binding_id, stage, status_list, \
             status_index, status_value, issued_at, expires_at) VALUES ($1, $2, $3, $4, $5, 'active', $6, $7, $8, $9, $10)",
        )
        .bind(self.partition().sql())
        .bind(new.id.as_str())
        .bind(locked.holder().as_str())
        .bind(new.e_licence.as_str())
        .bind(new.binding.as_ref().map(BindingId::as_str))
        .bind(i64::from(new.place.list))
        .bind(i64::from(new.place.index))
        .bind(i64::from(new.status_value))
        .bind(new.issued_at.as_microsecond())
        .bind(new.expires_at.as_microsecond())
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::ELicenceState))?;
        self.write_forms(locked, &new.id, &new.forms).await
    }

    /// Puts newly signed forms in the place of those of an active credential, which is the same one
    /// with the same place in the status lists.
    ///
    /// # Errors
    /// [`Conflict::ELicenceState`] when it is no longer active.
    pub async fn sign_anew(
        &mut self,
        locked: &Locked,
        credential: &CredentialId,
        forms: &[FormRow],
        (issued_at, expires_at): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE credentials SET issued_at = $4, expires_at = $5 \
             WHERE partition = $1 AND id = $2 AND holder_id = $3 AND stage = 'active'",
        )
        .bind(self.partition().sql())
        .bind(credential.as_str())
        .bind(locked.holder().as_str())
        .bind(issued_at.as_microsecond())
        .bind(expires_at.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::ELicenceState)?;
        self.write_forms(locked, credential, forms).await
    }

    async fn write_forms(
        &mut self,
        locked: &Locked,
        credential: &CredentialId,
        forms: &[FormRow],
    ) -> Result<(), StoreError> {
        for form in forms {
            let row = form_row(credential, &form.suite);
            let place = form_place(locked.holder(), &row);
            let sealed = self.sealer().seal(&place, &form.form)?;
            sqlx::query(
                "INSERT INTO credential_forms (partition, credential_id, suite, key_id, form_sealed) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (partition, credential_id, suite) DO UPDATE SET key_id = excluded.key_id, form_sealed = excluded.form_sealed",
            )
            .bind(self.partition().sql())
            .bind(credential.as_str())
            .bind(form.suite.as_str())
            .bind(form.key_id.as_str())
            .bind(sealed)
            .execute(self.connection())
            .await?;
        }
        let keys: Vec<&str> = forms.iter().map(|form| form.key_id.as_str()).collect();
        self.count_signatures(&keys).await
    }

    /// Active -> ended; its place reads INVALID from then on. What it showed in codes goes with it.
    ///
    /// # Errors
    /// [`Conflict::ELicenceState`] when it is no longer active.
    pub async fn end_credential(
        &mut self,
        locked: &Locked,
        credential: &CredentialId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE credentials SET stage = 'ended', status_value = 1, ended_at = $4 \
             WHERE partition = $1 AND id = $2 AND holder_id = $3 AND stage = 'active'",
        )
        .bind(self.partition().sql())
        .bind(credential.as_str())
        .bind(locked.holder().as_str())
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::ELicenceState)?;
        sqlx::query("DELETE FROM presentations WHERE partition = $1 AND credential_id = $2")
            .bind(self.partition().sql())
            .bind(credential.as_str())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// What the lists say of an active credential.
    ///
    /// # Errors
    /// [`Conflict::ELicenceState`] when it is no longer active.
    pub async fn set_status_value(
        &mut self,
        locked: &Locked,
        credential: &CredentialId,
        value: u8,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE credentials SET status_value = $4 \
             WHERE partition = $1 AND id = $2 AND holder_id = $3 AND stage = 'active'",
        )
        .bind(self.partition().sql())
        .bind(credential.as_str())
        .bind(locked.holder().as_str())
        .bind(i64::from(value))
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::ELicenceState)
    }
}

async fn read_forms(
    connection: &mut AnyConnection,
    sealer: &Sealer,
    holder: &HolderId,
    credential: &CredentialId,
) -> Result<Vec<FormRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT suite, key_id, form_sealed FROM credential_forms WHERE partition = $1 AND credential_id = $2 ORDER BY suite",
    )
    .bind(credential.partition().sql())
    .bind(credential.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| read_form(sealer, holder, credential, row))
        .collect()
}

pub(crate) fn read_form(
    sealer: &Sealer,
    holder: &HolderId,
    credential: &CredentialId,
    row: &AnyRow,
) -> Result<FormRow, StoreError> {
    let row = Columns {
        table: "credential_forms",
        row,
    };
    let suite = row.text("suite")?;
    let place = form_row(credential, &suite);
    Ok(FormRow {
        suite,
        key_id: row.text("key_id")?,
        form: sealer.unseal(&form_place(holder, &place), &row.bytes("form_sealed")?)?,
    })
}

pub(crate) fn read(row: &Columns<'_>) -> Result<CredentialRow, StoreError> {
    Ok(CredentialRow {
        id: row.parsed("credential_id", CredentialId::parse)?,
        e_licence: row.parsed("e_licence_id", ELicenceId::parse)?,
        binding: row.opt_parsed("binding_id", BindingId::parse)?,
        place: read_place(row)?,
        status_value: read_value(row)?,
        issued_at: row.instant("issued_at")?,
        expires_at: row.instant("expires_at")?,
    })
}

fn read_place(row: &Columns<'_>) -> Result<StatusPlace, StoreError> {
    let number = |column| {
        u32::try_from(row.int(column)?).map_err(|_out_of_range| row.odd(column, "out of range"))
    };
    Ok(StatusPlace {
        list: number("status_list")?,
        index: number("status_index")?,
    })
}

fn read_value(row: &Columns<'_>) -> Result<u8, StoreError> {
    u8::try_from(row.int("status_value")?)
        .map_err(|_out_of_range| row.odd("status_value", "out of range"))
}

/// A form is bound to its suite too: one suite's form does not pass for another's.
fn form_row(credential: &CredentialId, suite: &str) -> String {
    format!("{credential} {suite}")
}

fn form_place<'a>(holder: &'a HolderId, form_row: &'a str) -> Place<'a> {
    Place {
        table: "credential_forms",
        column: "form_sealed",
        owner: holder.as_str(),
        row: form_row,
        version: 1,
    }
}
