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
use sqlx::{AnyPool, Executor as _, any::AnyPoolOptions};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::{figure::Failed, platform::NOW, postgres::Engine};

/// As the store sets them.
const SQLITE_PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; \
     PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768;";
/// As many as the platform's configuration has by default.
const CONNECTIONS: u32 = 8;

/// `http-hello`.
pub(crate) async fn hello() -> Result<SocketAddr, Failed> {
    serve(Router::new().route("/", get(async || "hello"))).await
}

/// `http-durable-insert`: one row in a transaction of its own, answered after the commit.
#[derive(Debug)]
pub(crate) struct DurableInsert {
    pub(crate) address: SocketAddr,
    _folder: TempDir,
}

#[derive(Clone, Debug)]
struct Rows {
    pool: AnyPool,
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
        let router = Router::new().route("/", post(insert)).with_state(rows);
        Ok(Self {
            address: serve(router).await?,
            _folder: folder,
        })
    }
}

impl Rows {
    async fn open(engine: &Engine, folder: &Path) -> Result<Self, Failed> {
        let last = Arc::default();
        Ok(match engine {
            Engine::Sqlite => Self {
                pool: AnyPoolOptions::new()
                    .max_connections(1)
                    .after_connect(|connection, _| {
                        Box::pin(
                            async move { connection.execute(SQLITE_PRAGMAS).await.map(|_| ()) },
                        )
                    })
                    .connect(&format!("sqlite:{}/rows.sqlite?mode=rwc", folder.display()))
                    .await?,
                begin: "BEGIN IMMEDIATE",
                last,
            },
            Engine::PostgreSql(server) => Self {
                pool: AnyPoolOptions::new()
                    .max_connections(CONNECTIONS)
                    .connect(&server.database())
                    .await?,
                begin: "BEGIN ISOLATION LEVEL READ COMMITTED",
                last,
            },
        })
    }

    async fn insert(&self, body: &str, at: Timestamp) -> Result<(), sqlx::Error> {
        let mut tx = self.pool.begin_with(self.begin).await?;
        sqlx::query("INSERT INTO rows (id, at, body) VALUES ($1, $2, $3)")
            .bind(self.last.fetch_add(1, Ordering::Relaxed))
            .bind(at.as_microsecond())
            .bind(body)
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    }
}

async fn insert(State(rows): State<Rows>, body: String) -> Result<&'static str, StatusCode> {
    match rows.insert(&body, NOW).await {
        Ok(()) => Ok("inserted"),
        Err(_lost) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

async fn serve(router: Router) -> Result<SocketAddr, Failed> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    // It serves until the run ends.
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}
