//! Migrations forward, on a database that the first of them made and that is full.

use std::fmt::Write as _;

use serde_json::Value;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};
use storage::{AliasKind, HolderId, Layout, Partition, StaffId, Store, StoreError, StoreOptions};

use crate::{
    backups::chained,
    harness::{Setup, open},
    people,
    steps::touch,
};

const SPINE: &str = include_str!("../../migrations/0001_spine.sql");
const ROWS: &str = include_str!("../fixtures/0001_spine.ndjson");
const HOLDER: &str = "drv_0eeebac0335d5e722a58cd8d66357d76";
const OFFICER: &str = "stf_100e0196c166274219a7072f25c25924";

/// A database as the first migration made it and the program of its time filled it.
async fn of_then(setup: &Setup, name: &str) -> (StoreOptions, AnyConnection) {
    setup.spoil();
    let target = setup.target(setup.kind, name);
    let url = match target.url.strip_prefix("sqlite:") {
        Some(_) => format!("{}?mode=rwc", target.url),
        None => target.url.clone(),
    };
    let mut raw = AnyConnection::connect(&url).await.unwrap();
    for statement in statements(target.layout) {
        raw.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, SPINE.as_bytes());
    raw.execute("CREATE TABLE schema_migrations (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, sha256 BYTEA NOT NULL, applied_at BIGINT NOT NULL)")
        .await
        .unwrap();
    sqlx::query("INSERT INTO schema_migrations VALUES (1, 'spine', $1, 0)")
        .bind(sum.as_ref().to_vec())
        .execute(&mut raw)
        .await
        .unwrap();
    for line in ROWS.lines() {
        insert(&mut raw, line).await;
    }
    (target, raw)
}

fn statements(layout: Layout) -> Vec<String> {
    let code: Vec<&str> = SPINE
        .lines()
        .filter(|line| !line.starts_with("--"))
        .collect();
    let mut out = Vec::new();
    for statement in code.join("\n").split(";\n").map(str::trim) {
        let Some(body) = statement.strip_suffix("/* grows */") else {
            out.push(statement.trim_end_matches(';').to_owned());
            continue;
        };
        if layout == Layout::Plain {
            out.push(body.to_owned());
            continue;
        }
        out.push(format!("{body} PARTITION BY HASH (partition)"));
        let table = body.split_whitespace().nth(2).unwrap();
        for way in 0..16 {
            out.push(format!(
                "CREATE TABLE {table}_p{way} PARTITION OF {table} FOR VALUES WITH (MODULUS 16, REMAINDER {way})"
            ));
        }
    }
    out
}

async fn insert(raw: &mut AnyConnection, line: &str) {
    let (table, columns, values): (String, Vec<String>, Vec<Value>) =
        serde_json::from_str(line).unwrap();
    // NULL as text would not fit a number's column.
    let there: Vec<_> = columns
        .iter()
        .zip(&values)
        .filter(|(_, value)| !value.is_null())
        .collect();
    let names: Vec<&str> = there.iter().map(|(name, _)| name.as_str()).collect();
    let mut text = format!("INSERT INTO {table} ({}) VALUES (", names.join(", "));
    for n in 1..=there.len() {
        write!(text, "{}${n}", if n > 1 { ", " } else { "" }).unwrap();
    }
    text.push(')');
    let mut query = sqlx::query(AssertSqlSafe(text));
    for (_, value) in there {
        query = match value {
            Value::Number(number) => query.bind(number.as_i64().unwrap()),
            Value::String(text) => query.bind(text.clone()),
            Value::Object(bytes) => {
                query.bind(hex::decode(bytes["hex"].as_str().unwrap()).unwrap())
            }
            Value::Null | Value::Bool(_) | Value::Array(_) => panic!("no value: {value}"),
        };
    }
    query.execute(raw).await.unwrap();
}

async fn versions(raw: &mut AnyConnection) -> Vec<i64> {
    sqlx::query_scalar("SELECT version FROM schema_migrations ORDER BY version")
        .fetch_all(raw)
        .await
        .unwrap()
}

pub(crate) async fn a_full_database_of_the_first_migration_is_taken_over(setup: &Setup) {
    let (target, mut raw) = of_then(setup, "then").await;
    let store = open(&target, 7).await.unwrap();
    assert!(versions(&mut raw).await.len() > 1);
    raw.close().await.unwrap();

    let holder = HolderId::parse(HOLDER).unwrap();
    everything_opens(&store, &holder).await;
    assert_eq!(chained(&store).await, 13);
    // Places go on where they were.
    let mut given = Vec::new();
    for partition in Partition::all() {
        given.extend(store.status_values(partition).await.unwrap());
    }
    let place = store
        .reserve_status_place(holder.partition())
        .await
        .unwrap();
    assert!(given.iter().all(|(known, _)| *known != place));
    touch(&store, &holder).await.unwrap();
    store.close().await;
}

async fn everything_opens(store: &Store, holder: &HolderId) {
    let driver = store.driver(holder).await.unwrap().unwrap();
    assert_eq!(driver.record, people::record(2, driver.registry_version));
    let name = store.alias(AliasKind::Subject, "S-2");
    let owners = store.holders_of(AliasKind::Subject, std::slice::from_ref(&name));
    assert_eq!(owners.await.unwrap()[&name], *holder);
    let one = std::slice::from_ref(holder);
    let current = store
        .current_e_licences(holder.partition(), one)
        .await
        .unwrap();
    let credential = &current[0].credential.as_ref().unwrap().id;
    let forms = store.forms(holder, credential).await.unwrap();
    assert_eq!(
        *forms[0].form,
        format!("signed by {}", forms[0].suite).into_bytes()
    );
    assert_eq!(store.verifications_of(holder, 10).await.unwrap().len(), 1);
    let officer = StaffId::parse(OFFICER).unwrap();
    assert_eq!(
        store.staff(&officer).await.unwrap().unwrap().name,
        "演示员2"
    );
    assert_eq!(store.signing_keys().await.unwrap().len(), 2);
}

/// A migration that fails half way leaves the database as it was, on both engines, and the next
/// start, with the obstacle gone, does all of it.
pub(crate) async fn a_migration_that_fails_leaves_everything_as_it_was(setup: &Setup) {
    let (target, mut raw) = of_then(setup, "then").await;
    // 0004 makes this table in its last statement, after it has changed others.
    raw.execute("CREATE TABLE blind_indexes (in_the_way BIGINT)")
        .await
        .unwrap();
    let refused = open(&target, 7).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    assert_eq!(versions(&mut raw).await, [1]);
    for later in [
        "SELECT COUNT(*) FROM leases",
        "SELECT activated_at FROM data_keys",
    ] {
        assert!(
            sqlx::query(later).fetch_all(&mut raw).await.is_err(),
            "{later}"
        );
    }
    raw.execute("DROP TABLE blind_indexes").await.unwrap();
    raw.close().await.unwrap();
    let store = open(&target, 7).await.unwrap();
    assert_eq!(chained(&store).await, 13);
    store.close().await;
}
