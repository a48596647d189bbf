//! Electronic licences.

use jiff::Timestamp;
use licence::e_licence::Stage;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::{
    ApplicationId, Conflict, CredentialRow, ELicenceId, HolderId, Locked, Partition, PhotoId,
    Store, StoreError, Tx,
    credentials::{self, CREDENTIAL_COLUMNS},
    error::unique,
    rows::{Columns, parts, placeholders},
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

/// A current (active or stopped) e-licence with its active credential.
#[derive(Clone, Debug)]
pub struct CurrentELicence {
    /// The e-licence.
    pub e_licence: ELicenceRow,
    /// Its active credential: none between the end of a binding and what comes after it. The
    /// e-licence is as good without.
    pub credential: Option<CredentialRow>,
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

const TABLE: &str = "e_licences";
/// What [`read`] asks for, of e-licences as `e`.
pub(crate) const E_LICENCE_COLUMNS: &str = "e.id, e.holder_id, e.application_id, e.stage, e.edition, e.photo_id, e.generated_at, \
     e.ended_at, e.ended_reason";

impl Store {
    /// An e-licence.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn e_licence(&self, id: &ELicenceId) -> Result<Option<ELicenceRow>, StoreError> {
        let mut connection = self.reader().await?;
        load(&mut connection, id).await
    }

    /// The current e-licence of a holder or, where there is none, the newest that ended.
    ///
    /// # Errors
    /// As [`Store::e_licence`].
    pub async fn newest_e_licence(
        &self,
        holder: &HolderId,
    ) -> Result<Option<ELicenceRow>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!(
            "SELECT {E_LICENCE_COLUMNS} FROM e_licences e WHERE e.partition = $1 AND e.holder_id = $2 \
             ORDER BY CASE WHEN e.stage IN ('active', 'stopped') THEN 0 ELSE 1 END, e.generated_at DESC, e.id DESC LIMIT 1"
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

    /// Current -> superseded or revoked, with its credential and binding: the credential's place reads
    /// INVALID from then on.
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
        if let Some(credential) = &current.credential {
            self.end_credential(locked, &credential.id, now).await?;
        }
        self.revoke_bindings(locked, &current.e_licence.id, None, now)
            .await?;
        Ok(())
    }
}

async fn load(
    connection: &mut AnyConnection,
    id: &ELicenceId,
) -> Result<Option<ELicenceRow>, StoreError> {
    let text = format!(
        "SELECT {E_LICENCE_COLUMNS} FROM e_licences e WHERE e.partition = $1 AND e.id = $2"
    );
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
    for part in parts(holders) {
        let text = format!(
            "SELECT {E_LICENCE_COLUMNS}, {CREDENTIAL_COLUMNS} FROM e_licences e LEFT JOIN credentials c \
             ON c.partition = e.partition AND c.e_licence_id = e.id AND c.stage = 'active' \
             WHERE e.partition = $1 AND e.stage IN ('active', 'stopped') AND e.holder_id IN {}",
            placeholders(1, part.len(), 1)
        );
        let mut query = sqlx::query(AssertSqlSafe(text)).bind(partition.sql());
        for holder in part {
            query = query.bind(holder.as_str());
        }
        for row in query.fetch_all(&mut *connection).await? {
            let row = Columns {
                table: TABLE,
                row: &row,
            };
            found.push(CurrentELicence {
                e_licence: read(&row)?,
                credential: row
                    .opt_text("credential_id")?
                    .map(|_there| credentials::read(&row))
                    .transpose()?,
            });
        }
    }
    Ok(found)
}

pub(crate) fn read(row: &Columns<'_>) -> Result<ELicenceRow, StoreError> {
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
