//! A fresh store for each test, on each engine and layout.

use std::sync::{
    Mutex, OnceLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use storage::{Conflict, Layout, MasterKeys, Store, StoreError, StoreOptions};
use tempfile::TempDir;
use testkit::{clock, postgres::Server, random};
use tokio::runtime::Runtime;

/// What a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    PostgreSql,
    Partitioned,
}

/// An open store, alone in its database and folder.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) kind: Kind,
    pub(crate) store: Store,
    pub(crate) options: StoreOptions,
    pub(crate) folder: TempDir,
    seeds: AtomicU64,
    /// Whether the test went past the store or changed its keys, so that its database serves no other test.
    spoiled: AtomicBool,
}

/// Runs `test` on a fresh store; PostgreSQL is left out where the quick run asks for it.
pub(crate) fn run(kind: Kind, test: impl AsyncFnOnce(&Setup)) {
    let runtime = runtime();
    let folder = TempDir::new().unwrap();
    let Some(options) = options(kind, &folder, &runtime) else {
        return;
    };
    runtime.block_on(async {
        let setup = Setup {
            kind,
            store: open(&options, 1).await.unwrap(),
            options,
            folder,
            seeds: AtomicU64::new(100),
            spoiled: AtomicBool::new(false),
        };
        test(&setup).await;
        setup.store.close().await;
        setup.give_back().await;
    });
}

impl Setup {
    /// Randomness that no other call gave.
    pub(crate) fn rng(&self) -> StdRng {
        random::seeded(self.seeds.fetch_add(1, Ordering::SeqCst))
    }

    /// Says that the database serves no other test: the test changes what is not emptied.
    pub(crate) fn spoil(&self) {
        self.spoiled.store(true, Ordering::SeqCst);
    }

    /// A connection that goes past the store.
    pub(crate) async fn raw(&self) -> AnyConnection {
        self.spoil();
        let url = match self.kind {
            Kind::Sqlite => format!("{}?mode=rw", self.options.url),
            Kind::PostgreSql | Kind::Partitioned => self.options.url.clone(),
        };
        AnyConnection::connect(&url).await.unwrap()
    }

    /// Executes `sql` past the store; answers how many rows it touched.
    pub(crate) async fn execute(&self, sql: &str) -> u64 {
        let mut connection = self.raw().await;
        let done = sqlx::query(AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        done.rows_affected()
    }

    /// Empties a PostgreSQL database for the next test: a copy has thousands of files.
    async fn give_back(&self) {
        if self.kind == Kind::Sqlite || self.spoiled.load(Ordering::SeqCst) {
            return;
        }
        let mut connection = AnyConnection::connect(&self.options.url).await.unwrap();
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT CAST(relname AS TEXT) FROM pg_class WHERE relnamespace = CAST('public' AS regnamespace) \
             AND relkind IN ('r', 'p') AND NOT relispartition",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap();
        for table in tables {
            let text = match table.as_str() {
                "schema_migrations" | "data_keys" | "layout_keys" => continue,
                "partition_heads" => "UPDATE partition_heads SET audit_seq = 0, outbox_seq = 0, \
                     audit_hash = decode(repeat('00', 32), 'hex')"
                    .to_owned(),
                "status_counters" => "UPDATE status_counters SET next_place = 0".to_owned(),
                _ => format!("DELETE FROM {table}"),
            };
            sqlx::query(AssertSqlSafe(text))
                .execute(&mut connection)
                .await
                .unwrap();
        }
        connection.close().await.unwrap();
        let mut free = FREE.lock().unwrap();
        free.push((self.kind, self.options.url.clone()));
    }
}

/// The instant at which the tests begin.
pub(crate) fn start() -> Timestamp {
    clock::monday_noon()
}

/// Seconds after [`start`].
pub(crate) fn after(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

/// The keys of every store here.
pub(crate) fn keys() -> MasterKeys {
    MasterKeys {
        master: [0x11; 32],
        index: [0x22; 32],
    }
}

pub(crate) async fn open(options: &StoreOptions, seed: u64) -> Result<Store, StoreError> {
    Store::open(options, &keys(), start(), &mut random::seeded(seed)).await
}

/// The conflict with which a write was refused.
pub(crate) fn conflict<T>(result: Result<T, StoreError>) -> Conflict {
    match result {
        Err(StoreError::Conflict(conflict)) => conflict,
        Err(error) => panic!("not a conflict: {error:?}"),
        Ok(_) => panic!("not refused"),
    }
}

/// Table and column that were found to be tampered with.
pub(crate) fn inconsistent<T>(result: Result<T, StoreError>) -> (&'static str, &'static str) {
    match result {
        Err(StoreError::Inconsistent { table, column, .. }) => (table, column),
        Err(error) => panic!("another error: {error:?}"),
        Ok(_) => panic!("not noticed"),
    }
}

/// Table, column and row that were found to be tampered with.
pub(crate) fn named<T>(result: Result<T, StoreError>) -> (&'static str, &'static str, String) {
    match result {
        Err(StoreError::Inconsistent {
            table, column, row, ..
        }) => (table, column, row.unwrap()),
        Err(error) => panic!("another error: {error:?}"),
        Ok(_) => panic!("not noticed"),
    }
}

fn options(kind: Kind, folder: &TempDir, runtime: &Runtime) -> Option<StoreOptions> {
    let objects = folder.path().join("objects");
    std::fs::create_dir(&objects).unwrap();
    let at = |url, layout| StoreOptions {
        url,
        connections: 8,
        layout,
        objects,
        durable_objects: false,
    };
    Some(match kind {
        Kind::Sqlite => at(
            format!("sqlite:{}", folder.path().join("store.db").display()),
            Layout::Plain,
        ),
        Kind::PostgreSql => at(
            database(kind, &PLAIN, Layout::Plain, runtime)?,
            Layout::Plain,
        ),
        Kind::Partitioned => at(
            database(kind, &PARTITIONED, Layout::Partitioned, runtime)?,
            Layout::Partitioned,
        ),
    })
}

/// Emptied databases that tests have given back.
static FREE: Mutex<Vec<(Kind, String)>> = Mutex::new(Vec::new());
static PLAIN: OnceLock<String> = OnceLock::new();
static PARTITIONED: OnceLock<String> = OnceLock::new();

/// One that a test gave back, or a copy: migrating takes longer, so each layout is migrated once.
fn database(
    kind: Kind,
    template: &'static OnceLock<String>,
    layout: Layout,
    runtime: &Runtime,
) -> Option<String> {
    let server = Server::shared()?;
    let mut free = FREE.lock().unwrap();
    if let Some(at) = free.iter().position(|(of, _)| *of == kind) {
        return Some(free.swap_remove(at).1);
    }
    drop(free);
    let template = template.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let options = StoreOptions {
            url: server.database(),
            connections: 2,
            layout,
            objects: folder.path().to_owned(),
            durable_objects: false,
        };
        runtime.block_on(async { open(&options, 1).await.unwrap().close().await });
        options.url
    });
    Some(server.copy_of(template))
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}
