//! The throw-away PostgreSQL, with commits that reach the disk, and the two engines.

use std::panic;

use testkit::postgres::{Durability, Server};

/// An engine to measure on.
#[derive(Debug)]
pub(crate) enum Engine {
    /// The embedded default.
    Sqlite,
    /// A server of this run's own.
    PostgreSql(Server),
}

impl Engine {
    /// What the names of its figures end in.
    pub(crate) fn suffix(&self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::PostgreSql(_) => POSTGRESQL,
        }
    }

    /// The name of a figure on this engine.
    pub(crate) fn named(&self, name: &str) -> String {
        format!("{name}{}", self.suffix())
    }

    /// What its commits rest on.
    pub(crate) fn durability(&self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite: WAL, synchronous=FULL; photos fsynced",
            Self::PostgreSql(_) => {
                "PostgreSQL: fsync, synchronous_commit and full_page_writes on, local socket, \
                 shared_buffers 64MB, autovacuum off; photos fsynced"
            }
        }
    }
}

/// The end of a name of a figure on PostgreSQL.
pub(crate) const POSTGRESQL: &str = "-postgresql";
/// Why there are no such figures.
pub(crate) const NO_SERVER: &str = "PostgreSQL does not start on this machine";

/// Starts the server; none where PostgreSQL is missing, which it says on standard error.
pub(crate) fn start() -> Option<Engine> {
    panic::catch_unwind(|| Server::start(Durability::Durable))
        .ok()
        .map(Engine::PostgreSql)
}
