//! Every sealed column, and how the rows under an older data key are found in it.

use sqlx::{AssertSqlSafe, Row, any::AnyRow};

use crate::{
    Partition, Store, StoreError,
    rows::Columns,
    seal::{LABEL, Place},
};

/// A sealed column, with what binds its values.
#[derive(Debug)]
pub(crate) struct SealedColumn {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    /// What makes a row, besides the partition; joined by blanks it is the place's row.
    key: &'static [&'static str],
    /// Whether the table has a partition; rows of others are written in the system's.
    partitioned: bool,
    /// A join that brings the owner, where the table `t` has none.
    join: &'static str,
    /// SQL of the owner.
    owner: &'static str,
    /// SQL of the version.
    version: &'static str,
}

const ONE: &str = "CAST(1 AS BIGINT)";
const CREDENTIAL: &str =
    "LEFT JOIN credentials c ON c.partition = t.partition AND c.id = t.credential_id";

/// All of them. A test compares with the schema.
pub(crate) const SEALED: &[SealedColumn] = &[
    SealedColumn {
        table: "drivers",
        column: "record_sealed",
        key: &["id"],
        partitioned: true,
        join: "",
        owner: "t.id",
        version: "t.registry_version",
    },
    SealedColumn {
        table: "drivers",
        column: "former_phone_sealed",
        key: &["id"],
        partitioned: true,
        join: "",
        owner: "t.id",
        version: ONE,
    },
    SealedColumn {
        table: "photos",
        column: "meta_sealed",
        key: &["id"],
        partitioned: true,
        join: "",
        owner: "t.holder_id",
        version: ONE,
    },
    SealedColumn {
        table: "photo_findings",
        column: "findings_sealed",
        key: &["photo_id"],
        partitioned: true,
        join: "",
        owner: "t.holder_id",
        version: ONE,
    },
    SealedColumn {
        table: "person_checks",
        column: "distances_sealed",
        key: &["id"],
        partitioned: true,
        join: "",
        owner: "t.holder_id",
        version: ONE,
    },
    SealedColumn {
        table: "applications",
        column: "identity_sealed",
        key: &["id"],
        partitioned: true,
        join: "",
        owner: "t.holder_id",
        version: ONE,
    },
    SealedColumn {
        table: "credential_forms",
        column: "form_sealed",
        key: &["credential_id", "suite"],
        partitioned: true,
        join: CREDENTIAL,
        owner: "COALESCE(c.holder_id, '')",
        version: ONE,
    },
    SealedColumn {
        table: "presentations",
        column: "public_sealed",
        key: &["credential_id"],
        partitioned: true,
        join: CREDENTIAL,
        owner: "COALESCE(c.holder_id, '')",
        version: ONE,
    },
    SealedColumn {
        table: "presentations",
        column: "enforcement_sealed",
        key: &["credential_id"],
        partitioned: true,
        join: CREDENTIAL,
        owner: "COALESCE(c.holder_id, '')",
        version: ONE,
    },
    SealedColumn {
        table: "presentations",
        column: "portrait_sealed",
        key: &["credential_id"],
        partitioned: true,
        join: CREDENTIAL,
        owner: "COALESCE(c.holder_id, '')",
        version: ONE,
    },
    SealedColumn {
        table: "verifications",
        column: "answer_sealed",
        key: &["id"],
        partitioned: true,
        join: "",
        owner: "t.holder_id",
        version: ONE,
    },
    SealedColumn {
        table: "texts",
        column: "to_sealed",
        key: &["id"],
        partitioned: true,
        join: "",
        owner: "t.holder_id",
        version: ONE,
    },
    SealedColumn {
        table: "texts",
        column: "params_sealed",
        key: &["id"],
        partitioned: true,
        join: "",
        owner: "t.holder_id",
        version: ONE,
    },
    SealedColumn {
        table: "sanction_steps",
        column: "statement_sealed",
        key: &["id"],
        partitioned: true,
        join: "",
        owner: "t.holder_id",
        version: ONE,
    },
    SealedColumn {
        table: "staff",
        column: "name_sealed",
        key: &["id"],
        partitioned: false,
        join: "",
        owner: "t.id",
        version: ONE,
    },
    SealedColumn {
        table: "staff_factors",
        column: "secret_sealed",
        key: &["staff_id"],
        partitioned: false,
        join: "",
        owner: "t.staff_id",
        version: "t.enrolment",
    },
    SealedColumn {
        table: "signing_keys",
        column: "secret_sealed",
        key: &["key_id"],
        partitioned: false,
        join: "",
        owner: "CAST('signing' AS TEXT)",
        version: ONE,
    },
];

/// A sealed value where it lies.
#[derive(Debug)]
pub(crate) struct SealedValue {
    pub(crate) key: Vec<String>,
    pub(crate) sealed: Vec<u8>,
    row: String,
    owner: String,
    version: u64,
}

impl SealedValue {
    pub(crate) fn place(&self, column: &SealedColumn) -> Place<'_> {
        Place {
            table: column.table,
            column: column.column,
            owner: &self.owner,
            row: &self.row,
            version: self.version,
        }
    }

    pub(crate) fn row(&self) -> &str {
        &self.row
    }
}

impl SealedColumn {
    /// `table.column`.
    pub(crate) fn name(&self) -> String {
        format!("{}.{}", self.table, self.column)
    }

    /// Whether its rows are written in `partition`.
    pub(crate) fn lies_in(&self, partition: Partition) -> bool {
        self.partitioned || partition == Partition::SYSTEM
    }

    /// Up to `limit` values of a partition behind the row `after` whose label is not `label`.
    pub(crate) async fn values_not_under(
        &self,
        store: &Store,
        label: [u8; LABEL],
        partition: Partition,
        after: &[String],
        limit: u32,
    ) -> Result<Vec<SealedValue>, StoreError> {
        let text = self.select(after.len());
        let mut query = sqlx::query(AssertSqlSafe(text))
            .bind(label.to_vec())
            .bind(i64::from(limit));
        if self.partitioned {
            query = query.bind(partition.sql());
        }
        for part in after {
            query = query.bind(part.as_str());
        }
        let mut connection = store.reader().await?;
        let rows = query.fetch_all(&mut *connection).await?;
        rows.iter().map(|row| self.read(row)).collect()
    }

    /// $1 the label, $2 the limit, then the partition and the row behind which to look.
    fn select(&self, after: usize) -> String {
        let key: Vec<String> = self.key.iter().map(|part| format!("t.{part}")).collect();
        let key = key.join(", ");
        let Self {
            table,
            column,
            join,
            owner,
            version,
            ..
        } = self;
        let mut bound = 3;
        let mut partition = "";
        if self.partitioned {
            partition = " AND t.partition = $3";
            bound = 4;
        }
        let from: Vec<String> = (bound..).take(after).map(|n| format!("${n}")).collect();
        let behind = if after > 0 {
            format!(" AND ({key}) > ({})", from.join(", "))
        } else {
            String::new()
        };
        format!(
            "SELECT {key}, t.{column}, {owner} AS place_owner, {version} AS place_version FROM {table} t {join} \
             WHERE t.{column} IS NOT NULL AND substr(t.{column}, 1, {LABEL}) <> $1{partition}{behind} \
             ORDER BY {key} LIMIT $2"
        )
    }

    fn read(&self, row: &AnyRow) -> Result<SealedValue, StoreError> {
        let row = Columns {
            table: self.table,
            row,
        };
        let key = self
            .key
            .iter()
            .map(|part| row.text(part))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(SealedValue {
            row: key.join(" "),
            sealed: row.bytes(self.column)?,
            owner: row.text("place_owner")?,
            version: row.int("place_version")?.unsigned_abs(),
            key,
        })
    }

    /// The statement that puts a new value ($1) where still the old one ($2) lies.
    pub(crate) fn replace(&self) -> String {
        let Self { table, column, .. } = self;
        let partition = self.partitioned.then_some("partition");
        let row: Vec<String> = (3..)
            .zip(partition.iter().chain(self.key))
            .map(|(n, part)| format!("{part} = ${n}"))
            .collect();
        let row = row.join(" AND ");
        format!("UPDATE {table} SET {column} = $1 WHERE {column} = $2 AND {row}")
    }

    pub(crate) fn is_partitioned(&self) -> bool {
        self.partitioned
    }

    /// How many values lie under data key `version`.
    pub(crate) async fn count_under(&self, store: &Store, version: u32) -> Result<u64, StoreError> {
        let Self { table, column, .. } = self;
        let text = format!(
            "SELECT COUNT(*) FROM {table} WHERE {column} IS NOT NULL AND substr({column}, 2, 4) = $1"
        );
        let mut connection = store.reader().await?;
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(version.to_be_bytes().to_vec())
            .fetch_one(&mut *connection)
            .await?;
        let count: i64 = row.try_get(0)?;
        Ok(count.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sealed column that no pass visits would be lost when its key is retired.
    #[test]
    fn every_sealed_column_of_the_schema_is_known() {
        let mut in_schema = Vec::new();
        for text in crate::migrate::texts() {
            let mut table = "";
            for line in text.lines() {
                let words: Vec<&str> = line.split_whitespace().collect();
                if let ["CREATE" | "ALTER", "TABLE", name, ..] = words[..] {
                    table = name;
                }
                for pair in words.windows(2) {
                    if pair[0].ends_with("_sealed")
                        && pair[1].trim_end_matches([',', ';']) == "BYTEA"
                    {
                        in_schema.push(format!("{table}.{}", pair[0]));
                    }
                }
            }
        }
        let mut known: Vec<String> = SEALED.iter().map(SealedColumn::name).collect();
        known.sort_unstable();
        in_schema.sort_unstable();
        assert_eq!(in_schema, known);
    }
}
