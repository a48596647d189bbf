//! What can go wrong in the store. No variant carries a value from a record.

use thiserror::Error;

/// A write that lost against another, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Conflict {
    /// The driver changed after it was read.
    #[error("the driver's record changed meanwhile")]
    Revision,
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
    /// A follower's cursor was moved by another node.
    #[error("another node follows")]
    Cursor,
    /// The same request key was used by a concurrent request.
    #[error("the request is being answered already")]
    Request,
    /// The activation code was used or closed meanwhile.
    #[error("the activation code is closed")]
    ActivationCode,
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

/// Turns a unique violation of the statement at hand into its named conflict.
pub(crate) fn unique(conflict: Conflict) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| {
        let cause = error.as_database_error();
        if cause.is_some_and(sqlx::error::DatabaseError::is_unique_violation) {
            conflict.into()
        } else {
            StoreError::Unavailable(error)
        }
    }
}
