//! The audit proves itself: whatever is done to its rows, heads, checkpoints or segments past the
//! platform, verification names the first such place (SC-62).

mod checkpoints;
mod rows;
mod segments;
mod witness;

use authority::{AuditCheck, AuditFinding, AuditReport};
use jiff::SignedDuration;
use sqlx::AssertSqlSafe;
use storage::Partition;
use testkit::app::App;

const SYSTEM: Partition = Partition::SYSTEM;
const TABLES: [&str; 5] = [
    "audit",
    "partition_heads",
    "audit_checkpoints",
    "audit_checkpointed",
    "audit_segments",
];

/// Rows, checkpoint 1, rows, checkpoint 2, rows: the newest row of the system's partition after each.
async fn three_stretches(app: &App) -> (u64, u64, u64) {
    let mut newest = Vec::new();
    for stretch in 0..3 {
        act(app).await;
        act(app).await;
        app.clock.advance(SignedDuration::from_secs(60));
        newest.push(last_of(app).await);
        if stretch < 2 {
            checkpoint(app).await;
        }
    }
    (newest[0], newest[1], newest[2])
}

/// Something that the audit tells of.
async fn act(app: &App) {
    app.registry(&["1101"]).await;
}

async fn checkpoint(app: &App) -> u64 {
    let made = app.authority.checkpoint(&app.act(), "node-a").await;
    made.unwrap().expect("the lease is this node's")
}

async fn verify(app: &App, check: &AuditCheck) -> AuditReport {
    app.authority.verify_audit(check).await.unwrap()
}

async fn whole(app: &App) -> AuditReport {
    let report = verify(app, &AuditCheck::default()).await;
    assert_eq!(report.first, None);
    report
}

async fn found(app: &App, check: &AuditCheck) -> AuditFinding {
    let finding = verify(app, check).await.first.expect("it is found");
    let text = finding.to_string();
    assert!(text.starts_with(finding.what.as_str()), "{text}");
    finding
}

async fn last_of(app: &App) -> u64 {
    let heads = app.authority.store().audit_heads().await.unwrap();
    heads
        .iter()
        .find(|head| head.partition == SYSTEM)
        .unwrap()
        .seq
}

async fn all_rows(app: &App) -> u64 {
    let heads = app.authority.store().audit_heads().await.unwrap();
    heads.iter().map(|head| head.seq).sum()
}

/// Copies the tables of the audit, for [`restore`].
async fn keep(app: &App) {
    for table in TABLES {
        let copy = format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}");
        execute(app, &format!("DROP TABLE IF EXISTS kept_{table}")).await;
        execute(app, &copy).await;
    }
}

async fn restore(app: &App) {
    for table in TABLES {
        execute(app, &format!("DELETE FROM {table}")).await;
        execute(
            app,
            &format!("INSERT INTO {table} SELECT * FROM kept_{table}"),
        )
        .await;
    }
}

/// Executes `sql` past the platform; answers how many rows it touched.
pub(crate) async fn execute(app: &App, sql: &str) -> u64 {
    run(app, sql, None).await
}

async fn execute_with(app: &App, sql: &str, bytes: &[u8]) {
    assert_eq!(run(app, sql, Some(bytes)).await, 1);
}

async fn run(app: &App, sql: &str, bytes: Option<&[u8]>) -> u64 {
    use sqlx::Connection as _;
    sqlx::any::install_default_drivers();
    let url = app.database_url();
    let url = url
        .strip_prefix("sqlite:")
        .map_or_else(|| url.to_owned(), |path| format!("sqlite:{path}?mode=rw"));
    let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
    let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    if let Some(bytes) = bytes {
        query = query.bind(bytes.to_vec());
    }
    let done = query.execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    done.rows_affected()
}
