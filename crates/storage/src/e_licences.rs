//! Electronic licences and their credentials.

use jiff::Timestamp;
use licence::e_licence::Stage;
use sqlx::{AnyConnection, AssertSqlSafe};
use zeroize::Zeroizing;

use crate::{
    ApplicationId, BindingId, Conflict, CredentialId, ELicenceId, HolderId, Locked, Partition,
    PhotoId, StatusPlace, Store, StoreError, Tx,
    error::unique,
    rows::{Columns, placeholders},
    seal::{Place, Sealer},
    store::sql_number,
};

/// An e-licence as stored.
#[derive(Clone, Debug)]
pub struct ELicenceRow {
    /// Which.
    pub id: ELicenceId,
    /// Whose.
    pub holder: HolderId,
    /// The application it came from.
    pub application: ApplicationId,
    /// Its stage.
    pub stage: Stage,
    /// Edition of the paper licence on which it rests.
    pub edition: u64,
    /// Its photo.
    pub photo: PhotoId,
    /// 电子证生成时间 (R17).
    pub generated_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why, as codes.
    pub ended_reason: Option<String>,
}

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

/// A current (active or stopped) e-licence with its active credential.
#[derive(Clone, Debug)]
pub struct CurrentELicence {
    /// The e-licence.
    pub e_licence: ELicenceRow,
    /// Its active credential.
    pub credential: CredentialRow,
}

/// An e-licence to be added, active.
#[derive(Clone, Debug)]
pub struct NewELicence {
    /// Which.
    pub id: ELicenceId,
    /// The application it comes from.
    pub application: ApplicationId,
    /// Edition of the paper licence.
    pub edition: u64,
    /// Its photo.
    pub photo: PhotoId,
    /// 电子证生成时间 (R17).
    pub generated_at: Timestamp,
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

const TABLE: &str = "e_licences";
const COLUMNS: &str = "e.id, e.holder_id, e.application_id, e.stage, e.edition, e.photo_id, e.generated_at, \
     e.ended_at, e.ended_reason";
const CREDENTIAL_COLUMNS: &str = "c.id AS credential_id, c.e_licence_id, c.binding_id, c.status_list, c.status_index, \
     c.status_value, c.issued_at, c.expires_at";

impl Store {
    /// An e-licence.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn e_licence(&self, id: &ELicenceId) -> Result<Option<ELicenceRow>, StoreError> {
        let mut connection = self.reader().await?;
        load(&mut connection, id).await
    }

    /// The newest e-licence of a holder, current or not.
    ///
    /// # Errors
    /// As [`Store::e_licence`].
    pub async fn newest_e_licence(
        &self,
        holder: &HolderId,
    ) -> Result<Option<ELicenceRow>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!(
            "SELECT {COLUMNS} FROM e_licences e WHERE e.partition = $1 AND e.holder_id = $2 \
             ORDER BY e.generated_at DESC, e.id DESC LIMIT 1"
        );
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(holder.partition().sql())
            .bind(holder.as_str())
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

    /// The current e-licence of a holder with its active credential.
    ///
    /// # Errors
    /// As [`Store::e_licence`].
    pub async fn current_e_licence(
        &self,
        holder: &HolderId,
    ) -> Result<Option<CurrentELicence>, StoreError> {
        let mut connection = self.reader().await?;
        let found = current(
            &mut connection,
            holder.partition(),
            std::slice::from_ref(holder),
        )
        .await?;
        Ok(found.into_iter().next())
    }

    /// The current e-licences of `holders`, all of one partition.
    ///
    /// # Errors
    /// As [`Store::e_licence`].
    pub async fn current_e_licences(
        &self,
        partition: Partition,
        holders: &[HolderId],
    ) -> Result<Vec<CurrentELicence>, StoreError> {
        let mut connection = self.reader().await?;
        current(&mut connection, partition, holders).await
    }

    /// The newest credential of an e-licence, active or ended.
    ///
    /// # Errors
    /// As [`Store::e_licence`].
    pub async fn newest_credential(
        &self,
        e_licence: &ELicenceId,
    ) -> Result<Option<CredentialId>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT id FROM credentials WHERE partition = $1 AND e_licence_id = $2 ORDER BY issued_at DESC, id DESC LIMIT 1",
        )
        .bind(e_licence.partition().sql())
        .bind(e_licence.as_str())
        .fetch_optional(&mut *connection)
        .await?;
        row.map(|row| {
            Columns {
                table: "credentials",
                row: &row,
            }
            .parsed("id", CredentialId::parse)
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
    /// An e-licence as this transaction sees it.
    ///
    /// # Errors
    /// As [`Store::e_licence`].
    pub async fn e_licence(&mut self, id: &ELicenceId) -> Result<Option<ELicenceRow>, StoreError> {
        load(self.connection(), id).await
    }

    /// The current e-licences of `holders` as this transaction sees them.
    ///
    /// # Errors
    /// As [`Store::e_licence`].
    pub async fn current_e_licences(
        &mut self,
        holders: &[HolderId],
    ) -> Result<Vec<CurrentELicence>, StoreError> {
        let partition = self.partition();
        current(self.connection(), partition, holders).await
    }

    /// Adds the driver's e-licence, active.
    ///
    /// # Errors
    /// [`Conflict::CurrentELicence`] when the driver has one, or the application has brought one.
    pub async fn insert_e_licence(
        &mut self,
        locked: &Locked,
        new: &NewELicence,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO e_licences (partition, id, holder_id, application_id, stage, edition, photo_id, generated_at) \
             VALUES ($1, $2, $3, $4, 'active', $5, $6, $7)",
        )
        .bind(self.partition().sql())
        .bind(new.id.as_str())
        .bind(locked.holder().as_str())
        .bind(new.application.as_str())
        .bind(sql_number(new.edition))
        .bind(new.photo.as_str())
        .bind(new.generated_at.as_microsecond())
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::CurrentELicence))?;
        Ok(())
    }

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
        for form in &new.forms {
            let place = form_place(locked.holder(), &new.id);
            let sealed = self.sealer().seal(&place, &form.form)?;
            sqlx::query(
                "INSERT INTO credential_forms (partition, credential_id, suite, key_id, form_sealed) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(self.partition().sql())
            .bind(new.id.as_str())
            .bind(form.suite.as_str())
            .bind(form.key_id.as_str())
            .bind(sealed)
            .execute(self.connection())
            .await?;
        }
        Ok(())
    }

    /// Current -> superseded or revoked, with its credential and binding; answers the credential that
    /// ended, whose place now reads INVALID.
    ///
    /// # Errors
    /// [`Conflict::ELicenceState`] when it is no longer current.
    pub async fn end_e_licence(
        &mut self,
        locked: &Locked,
        current: &CurrentELicence,
        stage: Stage,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE e_licences SET stage = $4, ended_at = $5, ended_reason = $6 \
             WHERE partition = $1 AND id = $2 AND holder_id = $3 AND stage IN ('active', 'stopped')",
        )
        .bind(self.partition().sql())
        .bind(current.e_licence.id.as_str())
        .bind(locked.holder().as_str())
        .bind(stage.as_str())
        .bind(now.as_microsecond())
        .bind(reason)
        .execute(self.connection())
        .await?
        .rows_affected();
        if moved != 1 {
            return Err(Conflict::ELicenceState.into());
        }
        self.end_credential(locked, &current.credential.id, now)
            .await?;
        sqlx::query(
            "UPDATE bindings SET stage = 'revoked', ended_at = $3 \
             WHERE partition = $1 AND e_licence_id = $2 AND stage IN ('pending', 'active')",
        )
        .bind(self.partition().sql())
        .bind(current.e_licence.id.as_str())
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Active -> ended; its place reads INVALID from then on.
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
        if moved == 1 {
            Ok(())
        } else {
            Err(Conflict::ELicenceState.into())
        }
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
        if moved == 1 {
            Ok(())
        } else {
            Err(Conflict::ELicenceState.into())
        }
    }
}

async fn load(
    connection: &mut AnyConnection,
    id: &ELicenceId,
) -> Result<Option<ELicenceRow>, StoreError> {
    let text = format!("SELECT {COLUMNS} FROM e_licences e WHERE e.partition = $1 AND e.id = $2");
    let row = sqlx::query(AssertSqlSafe(text))
        .bind(id.partition().sql())
        .bind(id.as_str())
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        read(&Columns {
            table: TABLE,
            row: &row,
        })
    })
    .transpose()
}

async fn current(
    connection: &mut AnyConnection,
    partition: Partition,
    holders: &[HolderId],
) -> Result<Vec<CurrentELicence>, StoreError> {
    let mut found = Vec::new();
    for chunk in holders.chunks(500) {
        let text = format!(
            "SELECT {COLUMNS}, {CREDENTIAL_COLUMNS} FROM e_licences e JOIN credentials c \
             ON c.partition = e.partition AND c.e_licence_id = e.id AND c.stage = 'active' \
             WHERE e.partition = $1 AND e.stage IN ('active', 'stopped') AND e.holder_id IN {}",
            placeholders(1, chunk.len(), 1)
        );
        let mut query = sqlx::query(AssertSqlSafe(text)).bind(partition.sql());
        for holder in chunk {
            query = query.bind(holder.as_str());
        }
        for row in query.fetch_all(&mut *connection).await? {
            let row = Columns {
                table: TABLE,
                row: &row,
            };
            found.push(CurrentELicence {
                e_licence: read(&row)?,
                credential: read_credential(&row)?,
            });
        }
    }
    Ok(found)
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
        .map(|row| {
            let row = Columns {
                table: "credential_forms",
                row,
            };
            Ok(FormRow {
                suite: row.text("suite")?,
                key_id: row.text("key_id")?,
                form: sealer.unseal(&form_place(holder, credential), &row.bytes("form_sealed")?)?,
            })
        })
        .collect()
}

fn read(row: &Columns<'_>) -> Result<ELicenceRow, StoreError> {
    Ok(ELicenceRow {
        id: row.parsed("id", ELicenceId::parse)?,
        holder: row.parsed("holder_id", HolderId::parse)?,
        application: row.parsed("application_id", ApplicationId::parse)?,
        stage: row.named("stage", Stage::parse)?,
        edition: row.number("edition")?,
        photo: row.parsed("photo_id", PhotoId::parse)?,
        generated_at: row.instant("generated_at")?,
        ended_at: row.opt_instant("ended_at")?,
        ended_reason: row.opt_text("ended_reason")?,
    })
}

fn read_credential(row: &Columns<'_>) -> Result<CredentialRow, StoreError> {
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

fn form_place<'a>(holder: &'a HolderId, credential: &'a CredentialId) -> Place<'a> {
    Place {
        table: "credential_forms",
        column: "form_sealed",
        owner: holder.as_str(),
        row: credential.as_str(),
        version: 1,
    }
}
