//! What can go wrong in the store. No variant carries a value from a record.

use std::io;

use sqlx::error::DatabaseError;
use thiserror::Error;

/// A write that lost against another, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Conflict {
    /// The driver changed after it was read.
    #[error("the driver's record changed meanwhile")]
    Revision,
    /// A name was hashed before another index key came into use; hash it anew.
    #[error("the index key changed meanwhile")]
    IndexKey,
    /// The application is no longer in the state the act expected.
    #[error("the application moved on meanwhile")]
    ApplicationState,
    /// The driver has another open application.
    #[error("the driver has an open application")]
    OpenApplication,
    /// The driver has a current e-licence already.
    #[error("the driver has a current e-licence")]
    CurrentELicence,
    /// The e-licence is no longer in the state the act expected.
    #[error("the e-licence moved on meanwhile")]
    ELicenceState,
    /// The driver has a sanction that is open.
    #[error("the driver has an open sanction")]
    OpenSanction,
    /// The sanction is no longer in the state the act expected.
    #[error("the sanction moved on meanwhile")]
    SanctionState,
    /// The binding is no longer in the state the act expected, or another is active.
    #[error("another device is bound")]
    Binding,
    /// Somebody else holds the review case.
    #[error("the case is claimed by somebody else")]
    Claim,
    /// The name (login, office, source, wave) exists already.
    #[error("the name is taken")]
    NameTaken,
    /// The trust list or key exists already.
    #[error("the key or trust list exists already")]
    Trust,
    /// A proposed trust list or an emergency revocation is no longer in the state the act expected.
    #[error("the change of trust moved on meanwhile")]
    TrustChange,
    /// A follower's cursor was moved by another node.
    #[error("another node follows")]
    Cursor,
    /// The same request key was used by a concurrent request.
    #[error("the request is being answered already")]
    Request,
    /// The member of staff is no longer what the act expected.
    #[error("the member of staff changed meanwhile")]
    StaffChanged,
    /// The second factor is no longer in the state the act expected.
    #[error("the second factor moved on meanwhile")]
    SecondFactor,
    /// The device ended meanwhile, or another has its secret.
    #[error("the device ended")]
    Device,
    /// The activation code was used or closed meanwhile.
    #[error("the activation code is closed")]
    ActivationCode,
    /// The text was sent, settled or taken by another node meanwhile.
    #[error("the text moved on meanwhile")]
    Text,
    /// The person check was answered, or another was begun meanwhile.
    #[error("the person check is over")]
    PersonCheck,
    /// A consent stands already.
    #[error("the consent stands already")]
    Consent,
}

/// Why the store did not do what was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Lost a race; nothing was written.
    #[error("conflict: {0}")]
    Conflict(#[from] Conflict),
    /// The database or object store cannot be reached or refused.
    #[error("the store is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// The object store cannot be reached or refused.
    #[error("the object store is unavailable")]
    Objects(#[source] object_store::Error),
    /// A stored value contradicts its own rules, or was changed outside the system.
    #[error("inconsistent data in {table}.{column}{}: {what}", of(row.as_deref()))]
    Inconsistent {
        /// Table (or `objects`).
        table: &'static str,
        /// Column (or kind of object).
        column: &'static str,
        /// The row's identifier, where one is known. It says nothing about a person.
        row: Option<String>,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Keys, migrations or configuration do not fit the database.
    #[error("the database does not fit: {0}")]
    Mismatch(&'static str),
}

impl StoreError {
    /// Whether the disk took no more: full, over a quota, or a file larger than the system allows.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Unavailable(error) => {
                let code = error.as_database_error().and_then(DatabaseError::code);
                code.map_or_else(
                    || source_is_full(error),
                    |code| FULL.contains(&code.as_ref()),
                )
            }
            Self::Objects(error) => source_is_full(error),
            Self::Conflict(_) | Self::Inconsistent { .. } | Self::Mismatch(_) => false,
        }
    }
}

/// How the engines say so. SQLite: full (13); a write or a growing index of the log that the system
/// refused (778, 4874), which is how a quota shows. PostgreSQL: class 53, disk full.
const FULL: [&str; 4] = ["13", "778", "4874", "53100"];

fn source_is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if let Some(
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge,
        ) = kind
        {
            return true;
        }
        cause = error.source();
    }
    false
}

fn of(row: Option<&str>) -> String {
    row.map(|row| format!(" of {row}")).unwrap_or_default()
}

impl StoreError {
    /// The same failure, for another who waited for the same commit.
    #[must_use]
    pub fn for_another(&self) -> Self {
        match self {
            Self::Conflict(conflict) => Self::Conflict(*conflict),
            Self::Unavailable(error) => Self::Unavailable(sqlx::Error::Protocol(error.to_string())),
            Self::Objects(error) => Self::Objects(object_store::Error::Generic {
                store: "objects",
                source: error.to_string().into(),
            }),
            Self::Inconsistent {
                table,
                column,
                row,
                what,
            } => Self::Inconsistent {
                table,
                column,
                row: row.clone(),
                what,
            },
            Self::Mismatch(what) => Self::Mismatch(what),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(error)
    }
}

impl From<object_store::Error> for StoreError {
    fn from(error: object_store::Error) -> Self {
        Self::Objects(error)
    }
}

/// Nothing where exactly one row was touched, as it must be when the state was what the act
/// expected; else the conflict.
pub(crate) fn exactly_one(touched: u64, conflict: Conflict) -> Result<(), StoreError> {
    if touched == 1 {
        Ok(())
    } else {
        Err(conflict.into())
    }
}

/// Turns a unique violation of the statement at hand into its named conflict.
pub(crate) fn unique(conflict: Conflict) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| {
        let cause = error.as_database_error();
        if cause.is_some_and(DatabaseError::is_unique_violation) {
            conflict.into()
        } else {
            StoreError::Unavailable(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{AnyConnection, Connection as _, Executor as _};

    use super::*;

    #[test]
    fn a_full_disk_under_the_objects_is_known() {
        let of = |code| {
            StoreError::from(object_store::Error::Generic {
                store: "LocalFileSystem",
                source: Box::new(io::Error::from_raw_os_error(code)),
            })
        };
        // ENOSPC, EDQUOT, EFBIG; then EIO and EACCES, which are something else.
        for (code, full) in [(28, true), (122, true), (27, true), (5, false), (13, false)] {
            assert_eq!(of(code).is_full(), full, "{code}");
        }
    }

    #[tokio::test]
    async fn a_full_disk_under_sqlite_is_known() {
        sqlx::any::install_default_drivers();
        let mut raw = AnyConnection::connect("sqlite::memory:").await.unwrap();
        for text in ["PRAGMA max_page_count = 3", "CREATE TABLE t (a TEXT)"] {
            raw.execute(text).await.unwrap();
        }
        let refused = raw.execute("INSERT INTO t VALUES (hex(zeroblob(100000)))");
        assert!(StoreError::from(refused.await.unwrap_err()).is_full());
        let refused = raw.execute("INSERT INTO missing VALUES (1)").await;
        assert!(!StoreError::from(refused.unwrap_err()).is_full());
    }

    #[tokio::test]
    async fn a_full_disk_under_postgresql_is_known() {
        let Some(server) = testkit::postgres::Server::shared() else {
            return;
        };
        sqlx::any::install_default_drivers();
        let mut raw = AnyConnection::connect(&server.database()).await.unwrap();
        let refused = raw
            .execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$")
            .await;
        assert!(StoreError::from(refused.unwrap_err()).is_full());
    }
}
