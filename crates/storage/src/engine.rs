//! The two database engines. Only this module and the migrator know which one is used.

use std::{fmt::Write as _, path::Path, sync::Arc, time::Duration};

use sqlx::{
    Any, AnyConnection, AnyPool, Connection as _, Executor, Transaction, any::AnyPoolOptions,
    pool::PoolConnection,
};

use crate::{StoreError, turns::Turns};

/// Which engine a database URL names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// One file, one node.
    Sqlite,
    /// A server, any number of nodes.
    PostgreSql,
}

impl Engine {
    /// Its name in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::PostgreSql => "postgresql",
        }
    }
}

/// How growing tables are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Layout {
    /// One table each.
    #[default]
    Plain,
    /// PostgreSQL only: every growing table hash-partitioned 16 ways by its partition column.
    Partitioned,
}

/// SQLite: the write-ahead log, enforced foreign keys, durable commits. The pragma lists are the
/// whole of what differs between the two engines at run time, besides how a write begins and how
/// many go on at once.
const SQLITE_PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; \
     PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL;";
/// The writer keeps the pages of a large import's transaction; its log is brought over when it has
/// grown to 64 MiB, since a page that was written many times is then brought over once.
const SQLITE_WRITER: &str = "PRAGMA cache_size = -40960; PRAGMA wal_autocheckpoint = 16384;";
/// Readers are several, and what they read lies in the system's cache.
const SQLITE_READER: &str = "PRAGMA cache_size = -4096; PRAGMA query_only = ON;";

/// PostgreSQL: every statement goes by keys. Their plans are made once a connection, when a table may
/// hold nothing, and one that walks through it would be kept while it grows to millions of rows; no
/// statement is worth compiling either. Where there is no key to go by, a table is still walked
/// through.
const SERVER_PLANS: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; \
     SET enable_mergejoin = off; SET jit = off; SET plan_cache_mode = force_generic_plan;";

/// How many rows one statement takes that writes or reads many, and how its text is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowsAtOnce {
    pub(crate) most: usize,
    /// Whether rows are added up to the next power of two.
    pub(crate) padded: bool,
    /// Whether each parameter has a number.
    pub(crate) numbered: bool,
}

impl RowsAtOnce {
    /// SQLite takes a parameter with a number for one with a name, and looks the name of each up among
    /// all of the statement's, so that a statement costs the square of their number. Those without one
    /// cost nothing, and each statement is two turns of the connection's thread.
    const EMBEDDED: Self = Self {
        most: 64,
        padded: false,
        numbered: false,
    };
    /// To a server every statement is a way there and back, which costs as much as many rows.
    const SERVER: Self = Self {
        most: 128,
        padded: true,
        numbered: true,
    };

    /// As the engine of the connection takes them best.
    pub(crate) fn of(connection: &AnyConnection) -> Self {
        if connection.backend_name() == SQLITE {
            Self::EMBEDDED
        } else {
            Self::SERVER
        }
    }
}

/// The driver's name of SQLite.
const SQLITE: &str = "SQLite";

/// How long an idle connection is trusted to live.
const TRUSTED: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
pub(crate) struct Database {
    pub(crate) engine: Engine,
    write: AnyPool,
    read: AnyPool,
    /// SQLite only.
    turns: Option<Arc<Turns>>,
}

impl Database {
    /// Opens `url` (`sqlite:PATH` or `postgres://...`), making the SQLite file where it is missing.
    pub(crate) async fn open(url: &str, connections: u32) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        if let Some(path) = url.strip_prefix("sqlite:") {
            return Self::open_sqlite(path, connections).await;
        }
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let pool = pool(connections)
                .acquire_timeout(Duration::from_secs(10))
                .after_connect(|connection, _| {
                    Box::pin(async move { connection.execute(SERVER_PLANS).await.map(|_| ()) })
                })
                .connect(url)
                .await?;
            return Ok(Self {
                engine: Engine::PostgreSql,
                write: pool.clone(),
                read: pool,
                turns: None,
            });
        }
        Err(StoreError::Mismatch(
            "the database URL must begin with sqlite: or postgres:",
        ))
    }

    async fn open_sqlite(path: &str, connections: u32) -> Result<Self, StoreError> {
        let url = format!("sqlite:{}?mode=rwc", encoded(path));
        // One writer: SQLite has one anyway, and a pool of one queues fairly where its lock does not.
        let write = pool(1)
            .acquire_timeout(Duration::from_secs(30))
            // After a failed write (a full disk) SQLite has rolled back by itself, the driver's own
            // rollback finds nothing to do, and it counts the transaction as open for ever: such a
            // connection is closed, and another takes its place.
            .before_acquire(|connection, _| {
                let usable = !connection.is_in_transaction();
                Box::pin(async move { Ok(usable) })
            })
            .after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute(SQLITE_PRAGMAS).await?;
                    connection.execute(SQLITE_WRITER).await.map(|_| ())
                })
            })
            .connect(&url)
            .await?;
        let read = pool(connections)
            .acquire_timeout(Duration::from_secs(10))
            .after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute(SQLITE_PRAGMAS).await?;
                    connection.execute(SQLITE_READER).await.map(|_| ())
                })
            })
            .connect(&url)
            .await?;
        let turns = Turns::beside(Path::new(path)).map_err(sqlx::Error::Io)?;
        Ok(Self {
            engine: Engine::Sqlite,
            write,
            read,
            turns: Some(Arc::new(turns)),
        })
    }

    /// Lets other writers go first: what is about to begin takes long.
    pub(crate) async fn let_others_first(&self) {
        if let Some(turns) = &self.turns {
            turns.let_others_first().await;
        }
    }

    /// Begins a transaction that will write.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Any>, StoreError> {
        let _waiting = self.turns.as_ref().map(|turns| turns.wait());
        Ok(match self.engine {
            Engine::Sqlite => self.write.begin_with("BEGIN IMMEDIATE").await?,
            // A server set to a stricter default would answer a lost race with an error of its own
            // instead of letting the guarded UPDATE find no row.
            Engine::PostgreSql => {
                self.write
                    .begin_with("BEGIN ISOLATION LEVEL READ COMMITTED")
                    .await?
            }
        })
    }

    /// Begins a transaction that reads, and sees the database as of its first statement.
    pub(crate) async fn snapshot(&self) -> Result<Transaction<'static, Any>, StoreError> {
        let begin = match self.engine {
            Engine::Sqlite => "BEGIN",
            Engine::PostgreSql => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        Ok(self.read.begin_with(begin).await?)
    }

    /// How many tables there are.
    pub(crate) async fn tables(&self) -> Result<i64, StoreError> {
        let text = match self.engine {
            Engine::Sqlite => "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table'",
            Engine::PostgreSql => {
                "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema()"
            }
        };
        let mut connection = self.reader().await?;
        Ok(sqlx::query_scalar(text).fetch_one(&mut *connection).await?)
    }

    /// How many writes can go on at once to any gain. Half of a server's connections stay for others.
    pub(crate) fn writers(&self) -> u32 {
        match self.engine {
            Engine::Sqlite => 1,
            Engine::PostgreSql => (self.write.options().get_max_connections() / 2).clamp(1, 4),
        }
    }

    /// The end of a `SELECT` inside a write that keeps others from changing the rows it found. On
    /// SQLite a write has the whole database to itself.
    pub(crate) fn keeping_rows(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite => "",
            Engine::PostgreSql => " FOR UPDATE",
        }
    }

    /// The same, where others may keep the rows at the same time.
    pub(crate) fn sharing_rows(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite => "",
            Engine::PostgreSql => " FOR SHARE",
        }
    }

    /// A connection for reading only.
    pub(crate) async fn reader(&self) -> Result<PoolConnection<Any>, StoreError> {
        Ok(self.read.acquire().await?)
    }

    pub(crate) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

/// Connections that are asked whether they live when they were idle, not before every use: that
/// costs as much as a statement. One that broke within that time fails the access that finds it.
fn pool(connections: u32) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(connections)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for < TRUSTED {
                    return Ok(true);
                }
                // It is replaced, and what was wrong with it is told by whoever cannot connect.
                Ok(connection.ping().await.is_ok())
            })
        })
}

/// A path as it may stand in a URL: `%`, `?` and `#` are plain characters in a folder's name.
fn encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing into a string does not fail.
            write!(text, "%{byte:02X}").ok();
        }
    }
    text
}
