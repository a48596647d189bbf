//! Bare handlers on the same engine, with the same durability, asked by the same client.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use jiff::Timestamp;
use sqlx::{AnyPool, AssertSqlSafe, Executor as _, any::AnyPoolOptions};
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc, oneshot},
};

use crate::{figure::Failed, platform::NOW, postgres::Engine};

/// As the store sets them.
const SQLITE_PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; \
     PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768;";
/// Rows of one commit.
const MOST: usize = 64;
/// As many as the platform's configuration has by default.
const CONNECTIONS: u32 = 8;

/// `http-hello`.
pub(crate) async fn hello() -> Result<SocketAddr, Failed> {
    serve(Router::new().route("/", get(async || "hello"))).await
}

/// `http-durable-insert`: one row in a transaction of its own, answered after the commit; and
/// `http-read-and-insert`: one row read by its key, then one added, answered after the commit of all
/// that waited together.
#[derive(Debug)]
pub(crate) struct DurableInsert {
    pub(crate) address: SocketAddr,
    /// Where `http-read-and-insert` is.
    pub(crate) grouped: SocketAddr,
    _folder: TempDir,
}

/// A row that waits for its commit.
type Waiting = (String, oneshot::Sender<bool>);

#[derive(Clone, Debug)]
struct Grouped {
    readers: AnyPool,
    waiting: mpsc::UnboundedSender<Waiting>,
}

#[derive(Clone, Debug)]
struct Rows {
    pool: AnyPool,
    readers: AnyPool,
    begin: &'static str,
    last: Arc<AtomicI64>,
}

impl DurableInsert {
    pub(crate) async fn start(engine: &Engine) -> Result<Self, Failed> {
        sqlx::any::install_default_drivers();
        let folder = TempDir::new()?;
        let rows = Rows::open(engine, folder.path()).await?;
        rows.pool
            .execute("CREATE TABLE rows (id BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL, body TEXT NOT NULL)")
            .await?;
        rows.insert(&["the first".to_owned()], NOW).await?;
        let (waiting, queue) = mpsc::unbounded_channel();
        let grouped = Grouped {
            readers: rows.readers.clone(),
            waiting,
        };
        // They commit until nobody is left who could ask.
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..rows.pool.options().get_max_connections().min(4) {
            tokio::spawn(rows.clone().commit_groups(Arc::clone(&queue)));
        }
        let router = Router::new().route("/", post(insert)).with_state(rows);
        let grouped = Router::new()
            .route("/", post(read_and_insert))
            .with_state(grouped);
        Ok(Self {
            address: serve(router).await?,
            grouped: serve(grouped).await?,
            _folder: folder,
        })
    }
}

impl Rows {
    async fn open(engine: &Engine, folder: &Path) -> Result<Self, Failed> {
        let last = Arc::default();
        Ok(match engine {
            Engine::Sqlite => {
                let url = format!("sqlite:{}/rows.sqlite?mode=rwc", folder.display());
                Self {
                    pool: sqlite(&url, 1).await?,
                    readers: sqlite(&url, CONNECTIONS).await?,
                    begin: "BEGIN IMMEDIATE",
                    last,
                }
            }
            Engine::PostgreSql(server) => {
                let pool = AnyPoolOptions::new()
                    .max_connections(CONNECTIONS)
                    .connect(&server.database())
                    .await?;
                Self {
                    readers: pool.clone(),
                    pool,
                    begin: "BEGIN ISOLATION LEVEL READ COMMITTED",
                    last,
                }
            }
        })
    }

    async fn insert(&self, bodies: &[String], at: Timestamp) -> Result<(), sqlx::Error> {
        let rows: Vec<String> = (0..bodies.len())
            .map(|row| format!("(${}, $1, ${})", 2 * row + 2, 2 * row + 3))
            .collect();
        let text = format!("INSERT INTO rows (id, at, body) VALUES {}", rows.join(", "));
        let mut tx = self.pool.begin_with(self.begin).await?;
        let mut query = sqlx::query(AssertSqlSafe(text)).bind(at.as_microsecond());
        for body in bodies {
            query = query
                .bind(self.last.fetch_add(1, Ordering::Relaxed))
                .bind(body);
        }
        query.execute(&mut *tx).await?;
        tx.commit().await
    }

    /// Commits what waits, all of it at once, as long as anybody can ask.
    async fn commit_groups(self, queue: Arc<Mutex<mpsc::UnboundedReceiver<Waiting>>>) {
        loop {
            let mut group = Vec::new();
            if queue.lock().await.recv_many(&mut group, MOST).await == 0 {
                return;
            }
            let (bodies, told): (Vec<_>, Vec<_>) = group.into_iter().unzip();
            let done = self.insert(&bodies, NOW).await.is_ok();
            for one in told {
                // A client that left is told nothing.
                one.send(done).ok();
            }
        }
    }
}

async fn sqlite(url: &str, connections: u32) -> Result<AnyPool, sqlx::Error> {
    AnyPoolOptions::new()
        .max_connections(connections)
        .after_connect(|connection, _| {
            Box::pin(async move { connection.execute(SQLITE_PRAGMAS).await.map(|_| ()) })
        })
        .connect(url)
        .await
}

async fn insert(State(rows): State<Rows>, body: String) -> Result<&'static str, StatusCode> {
    match rows.insert(&[body], NOW).await {
        Ok(()) => Ok("inserted"),
        Err(_lost) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

async fn read_and_insert(
    State(rows): State<Grouped>,
    body: String,
) -> Result<&'static str, StatusCode> {
    const LOST: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;
    // Rows are numbered from 0 on, and the first is there before anybody asks.
    let found = sqlx::query("SELECT body FROM rows WHERE id = $1")
        .bind(0_i64)
        .fetch_optional(&rows.readers)
        .await
        .map_err(|_lost| LOST)?;
    let (told, wait) = oneshot::channel();
    rows.waiting.send((body, told)).map_err(|_gone| LOST)?;
    match (wait.await, found.is_some()) {
        (Ok(true), true) => Ok("inserted"),
        (Ok(_) | Err(_), _) => Err(LOST),
    }
}

async fn serve(router: Router) -> Result<SocketAddr, Failed> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    // It serves until the run ends.
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}
