//! What a look-up is about: a driver, the e-licence at hand and its newest credential, read by one
//! statement, so that they are of one moment and cost one way to the database.

use jiff::Timestamp;
use licence::e_licence::Stage;
use sqlx::{AssertSqlSafe, any::AnyRow};

use crate::{
    Blind, CodeUse, CredentialId, CredentialRow, CurrentELicence, Driver, ELicenceId, ELicenceRow,
    FormRow, HolderId, Partition, Store, StoreError, codes,
    credentials::{self, CREDENTIAL_COLUMNS},
    drivers::{self, DRIVER_COLUMNS},
    e_licences::{self, E_LICENCE_COLUMNS},
    rows::Columns,
};

/// What a look-up is about.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The driver.
    pub driver: Driver,
    /// The e-licence at hand, also one that ended.
    pub e_licence: ELicenceRow,
    /// Its active credential.
    pub active: Option<CredentialRow>,
    /// The active credential or, where there is none, the one that ended last, with one of its
    /// signed forms.
    pub newest: Option<(CredentialId, FormRow)>,
}

/// What hangs on an e-licence `e`: the newest credential and, of its forms, the one in the suite
/// asked for, else the first.
const CREDENTIALS: &str = "LEFT JOIN credentials c ON c.partition = e.partition AND c.e_licence_id = e.id \
     LEFT JOIN credential_forms f ON f.partition = c.partition AND f.credential_id = c.id";
const NEWEST_FIRST: &str = "ORDER BY CASE c.stage WHEN 'active' THEN 0 ELSE 1 END, c.issued_at DESC, \
     CASE WHEN c.binding_id IS NULL THEN 1 ELSE 0 END, c.ended_at DESC, c.id, \
     CASE f.suite WHEN $3 THEN 0 ELSE 1 END, f.suite LIMIT 1";

impl Store {
    /// What a look-up of an e-licence of `holder` is about, with the form in `suite` where there is
    /// one; nothing where there is no such driver or e-licence.
    ///
    /// # Errors
    /// When the database cannot be reached, or the record or the form does not open.
    pub async fn subject(
        &self,
        holder: &HolderId,
        e_licence: &ELicenceId,
        suite: &str,
    ) -> Result<Option<Subject>, StoreError> {
        let text = format!(
            "SELECT {} FROM drivers d \
             LEFT JOIN e_licences e ON e.partition = d.partition AND e.id = $4 AND e.holder_id = d.id {CREDENTIALS} \
             WHERE d.partition = $1 AND d.id = $2 {NEWEST_FIRST}",
            columns()
        );
        let mut connection = self.reader().await?;
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(holder.partition().sql())
            .bind(holder.as_str())
            .bind(suite)
            .bind(e_licence.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        let subject = row.map(|row| self.read_subject(&row)).transpose()?;
        Ok(subject.flatten())
    }

    /// What would come of using a numeric code now, and what it is about where it would work. Nothing
    /// is used up: the answer can be prepared on it before [`Tx::use_numeric_codes`] decides.
    ///
    /// # Errors
    /// As [`Store::subject`].
    ///
    /// [`Tx::use_numeric_codes`]: crate::Tx::use_numeric_codes
    pub async fn peek_numeric_code(
        &self,
        (partition, code): (Partition, &Blind),
        suite: &str,
        now: Timestamp,
    ) -> Result<CodeUse, StoreError> {
        let text = format!(
            "SELECT {}, {} FROM numeric_codes n \
             LEFT JOIN drivers d ON d.partition = n.partition AND d.id = n.holder_id \
             LEFT JOIN e_licences e ON e.partition = n.partition AND e.id = n.e_licence_id AND e.holder_id = n.holder_id \
             {CREDENTIALS} WHERE n.partition = $1 AND n.code_blind = $2 {NEWEST_FIRST}",
            codes::CODE_COLUMNS,
            columns()
        );
        let mut connection = self.reader().await?;
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(partition.sql())
            .bind(code.sql())
            .bind(suite)
            .fetch_optional(&mut *connection)
            .await?;
        let Some(row) = row else {
            return Ok(CodeUse::Unknown);
        };
        let columns = Columns {
            table: "numeric_codes",
            row: &row,
        };
        let found = codes::read(&columns, code)?;
        if columns.opt_instant("used_at")?.is_some() {
            return Ok(CodeUse::AlreadyUsed(found.holder));
        }
        if found.expires_at <= now {
            return Ok(CodeUse::Expired(found.holder));
        }
        let subject = self.read_subject(&row)?.map(Box::new);
        Ok(CodeUse::Used(found, subject))
    }

    fn read_subject(&self, row: &AnyRow) -> Result<Option<Subject>, StoreError> {
        let of = |table| Columns { table, row };
        let (of_driver, of_licence) = (of("drivers"), of("e_licences"));
        if of_driver.opt_text("driver_id")?.is_none() || of_licence.opt_text("id")?.is_none() {
            return Ok(None);
        }
        let driver = drivers::read(self.sealer(), &of_driver)?;
        let e_licence = e_licences::read(&of_licence)?;
        let of_credential = of("credentials");
        let credential = of_credential.opt_text("credential_id")?;
        let credential = credential
            .map(|_there| credentials::read(&of_credential))
            .transpose()?;
        let form = of("credential_forms").opt_text("suite")?;
        let newest = match &credential {
            Some(credential) if form.is_some() => {
                let form = credentials::read_form(self.sealer(), &driver.id, &credential.id, row)?;
                Some((credential.id.clone(), form))
            }
            Some(_) | None => None,
        };
        let active = of_credential.opt_text("credential_stage")?;
        Ok(Some(Subject {
            driver,
            e_licence,
            active: credential.filter(|_| active.as_deref() == Some("active")),
            newest,
        }))
    }
}

impl Subject {
    /// The e-licence with its credential, where it is the driver's current one.
    #[must_use]
    pub fn current(&self) -> Option<CurrentELicence> {
        let current = matches!(self.e_licence.stage, Stage::Active | Stage::Stopped);
        current.then(|| CurrentELicence {
            e_licence: self.e_licence.clone(),
            credential: self.active.clone(),
        })
    }
}

fn columns() -> String {
    format!(
        "{DRIVER_COLUMNS}, {E_LICENCE_COLUMNS}, {CREDENTIAL_COLUMNS}, c.stage AS credential_stage, \
         f.suite, f.key_id, f.form_sealed"
    )
}
