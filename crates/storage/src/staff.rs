//! Acts of no holder: staff, offices, registry sources, roll-out waves.

use jiff::{Timestamp, civil::Date};

use crate::{
    Blind, Conflict, SourceId, StaffId, Store, StoreError, Tx,
    error::{exactly_one, unique},
    rows::Columns,
    seal::{Place, Sealer},
};

/// A member of staff.
#[derive(Clone, Debug)]
pub struct Staff {
    /// Who.
    pub id: StaffId,
    /// The name they sign in with.
    pub login: String,
    /// Their name.
    pub name: String,
    /// Argon2id, PHC text.
    pub password_hash: String,
    /// Role codes.
    pub roles: Vec<String>,
    /// Their office.
    pub office: Option<String>,
    /// Keyed hash of their own licence number (see [`Store::lasting_alias`]).
    pub own_licence: Option<Vec<u8>>,
    /// When they were shut out.
    pub disabled_at: Option<Timestamp>,
}

/// An office.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Office {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The issuing authority for which it acts.
    pub authority_code: String,
}

/// A registry that may send changes.
#[derive(Clone, Debug)]
pub struct RegistrySource {
    /// Which.
    pub id: SourceId,
    /// Its name.
    pub name: String,
    /// The issuing authorities whose drivers it may write; `*` for all.
    pub authorities: Vec<String>,
}

/// A wave of the roll-out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaveRow {
    /// City code, or `*`.
    pub city: String,
    /// From when.
    pub opens_on: Date,
}

/// What [`read_staff`] asks for, of staff as `m`.
pub(crate) const STAFF_COLUMNS: &str = "m.id, m.login, m.name_sealed, m.password_hash, m.roles, m.office, m.own_licence_blind, m.disabled_at";
/// What [`read_office`] asks for, of offices as `o`.
pub(crate) const OFFICE_COLUMNS: &str = "o.code, o.name, o.authority_code";

impl Store {
    /// A member of staff.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not open.
    pub async fn staff(&self, id: &StaffId) -> Result<Option<Staff>, StoreError> {
        self.one_staff("id = $1", id.as_str()).await
    }

    /// The member of staff who signs in as `login`.
    ///
    /// # Errors
    /// As [`Store::staff`].
    pub async fn staff_by_login(&self, login: &str) -> Result<Option<Staff>, StoreError> {
        self.one_staff("login = $1", login).await
    }

    async fn one_staff(&self, which: &str, key: &str) -> Result<Option<Staff>, StoreError> {
        let text = format!("SELECT {STAFF_COLUMNS} FROM staff m WHERE m.{which}");
        let mut connection = self.reader().await?;
        let row = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(key)
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| {
            read_staff(
                self.sealer(),
                &Columns {
                    table: "staff",
                    row: &row,
                },
            )
        })
        .transpose()
    }

    /// All members of staff, by login.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not open.
    pub async fn all_staff(&self) -> Result<Vec<Staff>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!("SELECT {STAFF_COLUMNS} FROM staff m ORDER BY m.login");
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .fetch_all(&mut *connection)
            .await?;
        rows.iter()
            .map(|row| {
                let row = Columns {
                    table: "staff",
                    row,
                };
                read_staff(self.sealer(), &row)
            })
            .collect()
    }

    /// Whether anybody can sign in as staff.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn has_staff(&self) -> Result<bool, StoreError> {
        let mut connection = self.reader().await?;
        Ok(sqlx::query("SELECT id FROM staff LIMIT 1")
            .fetch_optional(&mut *connection)
            .await?
            .is_some())
    }

    /// An office.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn office(&self, code: &str) -> Result<Option<Office>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!("SELECT {OFFICE_COLUMNS} FROM offices o WHERE o.code = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(code)
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| {
            read_office(&Columns {
                table: "offices",
                row: &row,
            })
        })
        .transpose()
    }

    /// All offices.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn offices(&self) -> Result<Vec<Office>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!("SELECT {OFFICE_COLUMNS} FROM offices o ORDER BY o.code");
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .fetch_all(&mut *connection)
            .await?;
        rows.iter()
            .map(|row| {
                read_office(&Columns {
                    table: "offices",
                    row,
                })
            })
            .collect()
    }

    /// The registry that holds the token with this hash.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn registry_source(
        &self,
        token_hash: &[u8],
    ) -> Result<Option<RegistrySource>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT id, name, authorities FROM registry_sources WHERE token_hash = $1 AND disabled_at IS NULL",
        )
        .bind(token_hash)
        .fetch_optional(&mut *connection)
        .await?;
        row.map(|row| {
            let row = Columns {
                table: "registry_sources",
                row: &row,
            };
            Ok(RegistrySource {
                id: row.parsed("id", SourceId::parse)?,
                name: row.text("name")?,
                authorities: words(&row.text("authorities")?),
            })
        })
        .transpose()
    }

    /// The operator's waves of the roll-out.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn waves(&self) -> Result<Vec<WaveRow>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query("SELECT city, opens_on FROM rollout_waves ORDER BY city")
            .fetch_all(&mut *connection)
            .await?;
        rows.iter()
            .map(|row| {
                let row = Columns {
                    table: "rollout_waves",
                    row,
                };
                Ok(WaveRow {
                    city: row.text("city")?,
                    opens_on: row.parsed("opens_on", str::parse::<Date>)?,
                })
            })
            .collect()
    }
}

impl Tx {
    /// Adds a member of staff.
    ///
    /// # Errors
    /// [`Conflict::NameTaken`] when the login exists.
    pub async fn insert_staff(&mut self, staff: &Staff, now: Timestamp) -> Result<(), StoreError> {
        let sealed = self
            .sealer()
            .seal(&staff_place(&staff.id), staff.name.as_bytes())?;
        sqlx::query(
            "INSERT INTO staff (id, login, name_sealed, password_hash, roles, office, own_licence_blind, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(staff.id.as_str())
        .bind(staff.login.as_str())
        .bind(sealed)
        .bind(staff.password_hash.as_str())
        .bind(staff.roles.join(" "))
        .bind(staff.office.as_deref())
        .bind(staff.own_licence.as_deref())
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::NameTaken))?;
        Ok(())
    }

    /// Changes what a member may do, and whether they are shut out.
    ///
    /// # Errors
    /// [`Conflict::StaffChanged`] when it is no longer what the caller read.
    pub async fn change_staff(
        &mut self,
        before: &Staff,
        roles: &[String],
        office: Option<&str>,
        disabled_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let changed = sqlx::query(
            "UPDATE staff SET roles = $2, office = $3, disabled_at = $4 \
             WHERE id = $1 AND roles = $5 AND COALESCE(office, '') = $6 AND COALESCE(disabled_at, 0) = $7",
        )
        .bind(before.id.as_str())
        .bind(roles.join(" "))
        .bind(office)
        .bind(disabled_at.map(Timestamp::as_microsecond))
        .bind(before.roles.join(" "))
        .bind(before.office.as_deref().unwrap_or_default())
        .bind(before.disabled_at.map_or(0, Timestamp::as_microsecond))
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(changed, Conflict::StaffChanged)
    }

    /// Sets a member's password.
    ///
    /// # Errors
    /// [`Conflict::StaffChanged`] when the password is no longer the one the caller read.
    pub async fn set_staff_password(
        &mut self,
        before: &Staff,
        password_hash: &str,
    ) -> Result<(), StoreError> {
        let changed =
            sqlx::query("UPDATE staff SET password_hash = $2 WHERE id = $1 AND password_hash = $3")
                .bind(before.id.as_str())
                .bind(password_hash)
                .bind(before.password_hash.as_str())
                .execute(self.connection())
                .await?
                .rows_affected();
        exactly_one(changed, Conflict::StaffChanged)
    }

    /// Whether anybody can sign in as staff, as this transaction sees it.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn has_staff(&mut self) -> Result<bool, StoreError> {
        Ok(sqlx::query("SELECT id FROM staff LIMIT 1")
            .fetch_optional(self.connection())
            .await?
            .is_some())
    }

    /// Adds an office.
    ///
    /// # Errors
    /// [`Conflict::NameTaken`] when the code exists.
    pub async fn insert_office(
        &mut self,
        office: &Office,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO offices (code, name, authority_code, created_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(office.code.as_str())
        .bind(office.name.as_str())
        .bind(office.authority_code.as_str())
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::NameTaken))?;
        Ok(())
    }

    /// Adds a registry source with the hash of its token.
    ///
    /// # Errors
    /// [`Conflict::NameTaken`] when the name exists.
    pub async fn insert_registry_source(
        &mut self,
        source: &RegistrySource,
        token_hash: &[u8],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO registry_sources (id, name, token_hash, authorities, created_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(source.id.as_str())
        .bind(source.name.as_str())
        .bind(token_hash)
        .bind(source.authorities.join(" "))
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::NameTaken))?;
        Ok(())
    }

    /// Sets from when a city (or `*`, the whole country) takes part.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn set_wave(
        &mut self,
        wave: &WaveRow,
        by: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO rollout_waves (city, opens_on, set_by, set_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (city) DO UPDATE SET opens_on = excluded.opens_on, set_by = excluded.set_by, set_at = excluded.set_at",
        )
        .bind(wave.city.as_str())
        .bind(wave.opens_on.to_string())
        .bind(by)
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

impl Staff {
    /// Whether this licence number is the member's own.
    #[must_use]
    pub fn owns(&self, licence_number: &Blind) -> bool {
        self.own_licence
            .as_deref()
            .is_some_and(|own| licence_number.matches(own))
    }
}

pub(crate) fn read_staff(sealer: &Sealer, row: &Columns<'_>) -> Result<Staff, StoreError> {
    let id = row.parsed("id", StaffId::parse)?;
    let name = sealer.unseal(&staff_place(&id), &row.bytes("name_sealed")?)?;
    Ok(Staff {
        login: row.text("login")?,
        name: String::from_utf8(name.to_vec())
            .map_err(|_not_text| row.odd("name_sealed", "is not text"))?,
        password_hash: row.text("password_hash")?,
        roles: words(&row.text("roles")?),
        office: row.opt_text("office")?,
        own_licence: row.opt_bytes("own_licence_blind")?,
        disabled_at: row.opt_instant("disabled_at")?,
        id,
    })
}

pub(crate) fn read_office(row: &Columns<'_>) -> Result<Office, StoreError> {
    Ok(Office {
        code: row.text("code")?,
        name: row.text("name")?,
        authority_code: row.text("authority_code")?,
    })
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn staff_place(id: &StaffId) -> Place<'_> {
    Place {
        table: "staff",
        column: "name_sealed",
        owner: id.as_str(),
        row: id.as_str(),
        version: 1,
    }
}
