//! Forward migrations, one text for both engines.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use sqlx::{AnyConnection, AssertSqlSafe, Executor, Row};

use crate::{
    StoreError,
    engine::{Database, Engine, Layout},
    schema::{self, Table},
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
        version: 5,
        name: "texts",
        text: include_str!("../migrations/0005_texts.sql"),
    },
    Migration {
        version: 6,
        name: "accounts",
        text: include_str!("../migrations/0006_accounts.sql"),
    },
    Migration {
        version: 7,
        name: "staff_factors",
        text: include_str!("../migrations/0007_staff_factors.sql"),
    },
    Migration {
        version: 8,
        name: "aliases",
        text: include_str!("../migrations/0008_aliases.sql"),
    },
    Migration {
        version: 10,
        name: "index_keys",
        text: include_str!("../migrations/0010_index_keys.sql"),
    },
    Migration {
        version: 11,
        name: "bindings",
        text: include_str!("../migrations/0011_bindings.sql"),
    },
    Migration {
        version: 12,
        name: "status_lists",
        text: include_str!("../migrations/0012_status_lists.sql"),
    },
    Migration {
        version: 13,
        name: "trust",
        text: include_str!("../migrations/0013_trust.sql"),
    },
    Migration {
        version: 14,
        name: "applying",
        text: include_str!("../migrations/0014_applying.sql"),
    },
    Migration {
        version: 15,
        name: "review",
        text: include_str!("../migrations/0015_review.sql"),
    },
    Migration {
        version: 16,
        name: "sanctions",
        text: include_str!("../migrations/0016_sanctions.sql"),
    },
    Migration {
        version: 17,
        name: "push",
        text: include_str!("../migrations/0017_push.sql"),
    },
    Migration {
        version: 18,
        name: "face_scopes",
        text: include_str!("../migrations/0018_face_scopes.sql"),
    },
    Migration {
        version: 19,
        name: "activation_check",
        text: include_str!("../migrations/0019_activation_check.sql"),
    },
];

/// Brings the database to the newest version, all of it or nothing.
pub(crate) async fn migrate(
    database: &Database,
    layout: Layout,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut tx = database.begin().await?;
    migrate_in(&mut tx, database.engine, layout, now, i64::MAX).await?;
    tx.commit().await?;
    Ok(())
}

/// Whether the tables that are there are laid out so. A migration that made the next ones otherwise
/// would leave a database of both kinds.
async fn has_layout(
    connection: &mut AnyConnection,
    engine: Engine,
    layout: Layout,
) -> Result<bool, StoreError> {
    if engine == Engine::Sqlite {
        return Ok(true);
    }
    let row = sqlx::query(
        "SELECT CAST(relkind AS TEXT) FROM pg_class WHERE oid = CAST('drivers' AS regclass)",
    )
    .fetch_one(&mut *connection)
    .await?;
    let kind: String = row.try_get(0)?;
    Ok((kind == "p") == (layout == Layout::Partitioned))
}

/// Applies what is missing up to version `last`, within the caller's transaction.
pub(crate) async fn migrate_in(
    connection: &mut AnyConnection,
    engine: Engine,
    layout: Layout,
    now: Timestamp,
    last: i64,
) -> Result<(), StoreError> {
    if layout == Layout::Partitioned && engine == Engine::Sqlite {
        return Err(StoreError::Mismatch("only PostgreSQL partitions tables"));
    }
    if engine == Engine::PostgreSql {
        // Two nodes that start at once must not migrate at once; the lock ends with the transaction.
        connection
            .execute("SELECT CAST(pg_advisory_xact_lock(772021) AS TEXT)")
            .await?;
    }
    connection
        .execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT NOT NULL PRIMARY KEY, \
             name TEXT NOT NULL, sha256 BYTEA NOT NULL, applied_at BIGINT NOT NULL)",
        )
        .await?;
    let applied = applied(connection).await?;
    known(&applied)?;
    if !applied.is_empty() && !has_layout(connection, engine, layout).await? {
        return Err(StoreError::Mismatch(
            "its tables have another layout (database.layout)",
        ));
    }
    for migration in MIGRATIONS
        .iter()
        .filter(|migration| migration.version <= last)
        .filter(|migration| applied.iter().all(|(known, _)| *known != migration.version))
    {
        for statement in statements(migration.text, layout) {
            connection.execute(AssertSqlSafe(statement)).await?;
        }
        sqlx::query("INSERT INTO schema_migrations (version, name, sha256, applied_at) VALUES ($1, $2, $3, $4)")
            .bind(migration.version)
            .bind(migration.name)
            .bind(sum(migration))
            .bind(now.as_microsecond())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// The migrations that were applied: number and SHA-256 of each.
pub(crate) async fn applied(
    connection: &mut AnyConnection,
) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let rows = sqlx::query("SELECT version, sha256 FROM schema_migrations ORDER BY version")
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect()
}

/// Refuses migrations that this program does not know, or knows otherwise.
pub(crate) fn known(applied: &[(i64, Vec<u8>)]) -> Result<(), StoreError> {
    for (version, hash) in applied {
        let migration = MIGRATIONS.iter().find(|it| it.version == *version);
        let migration = migration.ok_or(StoreError::Mismatch(
            "it was written by a newer version of this program",
        ))?;
        if sum(migration) != *hash {
            return Err(StoreError::Mismatch(
                "a migration that was applied has been changed since",
            ));
        }
    }
    Ok(())
}

/// The tables that the migrations up to version `last` make.
pub(crate) fn tables(last: i64) -> Vec<Table> {
    let statements: Vec<String> = MIGRATIONS
        .iter()
        .filter(|migration| migration.version <= last)
        .flat_map(|migration| statements(migration.text, Layout::Plain))
        .collect();
    schema::tables(statements.iter().map(String::as_str))
}

fn sum(migration: &Migration) -> Vec<u8> {
    digest(&SHA256, migration.text.as_bytes()).as_ref().to_vec()
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
