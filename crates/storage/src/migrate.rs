//! Forward migrations, one text for both engines.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Executor, Row};

use crate::{
    StoreError,
    engine::{Database, Engine, Layout},
};

/// How many ways a growing table is partitioned in [`Layout::Partitioned`].
const WAYS: u32 = 16;
const GROWS: &str = "/* grows */";

struct Migration {
    version: i64,
    name: &'static str,
    text: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "spine",
        text: include_str!("../migrations/0001_spine.sql"),
    },
    Migration {
        version: 2,
        name: "jobs",
        text: include_str!("../migrations/0002_jobs.sql"),
    },
    Migration {
        version: 3,
        name: "audit",
        text: include_str!("../migrations/0003_audit.sql"),
    },
    Migration {
        version: 4,
        name: "seal",
        text: include_str!("../migrations/0004_seal.sql"),
    },
    Migration {
        version: 8,
        name: "aliases",
        text: include_str!("../migrations/0008_aliases.sql"),
    },
];

/// Brings the database to the newest version; each migration is one transaction.
pub(crate) async fn migrate(
    database: &Database,
    layout: Layout,
    now: Timestamp,
) -> Result<(), StoreError> {
    if layout == Layout::Partitioned && database.engine == Engine::Sqlite {
        return Err(StoreError::Mismatch("only PostgreSQL partitions tables"));
    }
    let mut tx = database.begin().await?;
    if database.engine == Engine::PostgreSql {
        // Two nodes that start at once must not migrate at once; the lock ends with the transaction.
        tx.execute("SELECT CAST(pg_advisory_xact_lock(772021) AS TEXT)")
            .await?;
    }
    tx.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT NOT NULL PRIMARY KEY, \
         name TEXT NOT NULL, sha256 BYTEA NOT NULL, applied_at BIGINT NOT NULL)",
    )
    .await?;
    let applied: Vec<(i64, Vec<u8>)> =
        sqlx::query("SELECT version, sha256 FROM schema_migrations ORDER BY version")
            .fetch_all(&mut *tx)
            .await?
            .iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
            .collect::<Result<_, sqlx::Error>>()?;
    if applied
        .iter()
        .any(|(version, _)| MIGRATIONS.iter().all(|m| m.version != *version))
    {
        return Err(StoreError::Mismatch(
            "it was written by a newer version of this program",
        ));
    }
    for migration in MIGRATIONS {
        let sum = digest(&SHA256, migration.text.as_bytes());
        match applied.iter().find(|(v, _)| *v == migration.version) {
            Some((_, known)) if known == sum.as_ref() => {}
            Some(_) => {
                return Err(StoreError::Mismatch(
                    "a migration that was applied has been changed since",
                ));
            }
            None => {
                for statement in statements(migration.text, layout) {
                    tx.execute(AssertSqlSafe(statement)).await?;
                }
                sqlx::query("INSERT INTO schema_migrations (version, name, sha256, applied_at) VALUES ($1, $2, $3, $4)")
                    .bind(migration.version)
                    .bind(migration.name)
                    .bind(sum.as_ref().to_vec())
                    .bind(now.as_microsecond())
                    .execute(&mut *tx)
                    .await?;
            }
        }
    }
    tx.commit().await?;
    Ok(())
}

/// The texts of all migrations.
#[cfg(test)]
pub(crate) fn texts() -> impl Iterator<Item = &'static str> {
    MIGRATIONS.iter().map(|migration| migration.text)
}

/// The statements of a migration, with growing tables partitioned where the layout says so.
fn statements(text: &str, layout: Layout) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut out = Vec::new();
    for statement in code.split(";\n").map(str::trim) {
        let statement = statement.trim_end_matches(';');
        if statement.is_empty() {
            continue;
        }
        match (layout, statement.strip_suffix(GROWS)) {
            (Layout::Partitioned, Some(body)) => {
                out.push(format!("{body} PARTITION BY HASH (partition)"));
                if let Some(table) = table_name(body) {
                    out.extend((0..WAYS).map(|way| {
                        format!(
                            "CREATE TABLE {table}_p{way} PARTITION OF {table} \
                             FOR VALUES WITH (MODULUS {WAYS}, REMAINDER {way})"
                        )
                    }));
                }
            }
            (_, Some(body)) => out.push(body.to_owned()),
            (_, None) => out.push(statement.to_owned()),
        }
    }
    out
}

fn table_name(create: &str) -> Option<&str> {
    create
        .strip_prefix("CREATE TABLE ")?
        .split_whitespace()
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_growing_table_has_the_partition_in_its_key() {
        let mut growing = 0;
        for statement in MIGRATIONS
            .iter()
            .flat_map(|migration| statements(migration.text, Layout::Partitioned))
        {
            if statement.contains("PARTITION BY HASH") {
                growing += 1;
                assert!(statement.contains("PRIMARY KEY (partition"), "{statement}");
            }
            if statement.starts_with("CREATE UNIQUE INDEX") {
                assert!(statement.contains("(partition, "), "{statement}");
            }
        }
        assert!(growing >= 20, "{growing}");
    }
}
