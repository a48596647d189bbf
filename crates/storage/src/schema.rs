//! The tables as the migrations make them, read from the migrations' own text.
//!
//! Both engines have the same tables with the same three types, so a copy of all rows needs to ask
//! neither what there is.

/// A column's type: the three that both engines have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnType {
    Int,
    Text,
    Bytes,
}

/// A table with its columns in the order of the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<(String, ColumnType)>,
}

impl ColumnType {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "BIGINT" => Some(Self::Int),
            "TEXT" => Some(Self::Text),
            "BYTEA" => Some(Self::Bytes),
            _ => None,
        }
    }
}

/// The tables after `statements` were executed in their order.
pub(crate) fn tables<'a>(statements: impl IntoIterator<Item = &'a str>) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for statement in statements {
        let words: Vec<&str> = statement.split_whitespace().take(8).collect();
        match words[..] {
            ["CREATE", "TABLE", name, ..] => tables.push(Table {
                name: name.trim_end_matches('(').to_owned(),
                columns: columns(statement),
            }),
            ["DROP", "TABLE", name, ..] => tables.retain(|table| table.name != name),
            ["ALTER", "TABLE", name, "RENAME", "TO", new, ..] => {
                if let Some(table) = named(&mut tables, name) {
                    new.clone_into(&mut table.name);
                }
            }
            ["ALTER", "TABLE", name, "ADD", "COLUMN", column, kind, ..] => {
                if let (Some(table), Some(kind)) =
                    (named(&mut tables, name), ColumnType::parse(kind))
                {
                    table.columns.push((column.to_owned(), kind));
                }
            }
            ["ALTER", "TABLE", name, "DROP", "COLUMN", column, ..] => {
                if let Some(table) = named(&mut tables, name) {
                    table.columns.retain(|(known, _)| known != column);
                }
            }
            _ => {}
        }
    }
    tables
}

fn named<'t>(tables: &'t mut [Table], name: &str) -> Option<&'t mut Table> {
    tables.iter_mut().find(|table| table.name == name)
}

/// The columns of a `CREATE TABLE`: what stands in its brackets, cut at the outer commas, where the
/// second word is a type. Constraints have none there.
fn columns(create: &str) -> Vec<(String, ColumnType)> {
    let Some((_, body)) = create.split_once('(') else {
        return Vec::new();
    };
    let mut depth = 0_usize;
    let outer = |character: char| {
        match character {
            '(' => depth = depth.saturating_add(1),
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    };
    body.split(outer)
        .filter_map(|part| {
            let mut words = part.split_whitespace();
            let name = words.next()?;
            let kind = words.next()?.trim_end_matches(')');
            Some((name.to_owned(), ColumnType::parse(kind)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_from_their_statements() {
        let read = tables([
            "CREATE TABLE a (\n  id BIGINT NOT NULL PRIMARY KEY,\n  kind TEXT NOT NULL CHECK (kind IN ('x', 'y')),\n  \
             body BYTEA,\n  CHECK ((kind = 'x') = (body IS NULL)),\n  PRIMARY KEY (id, kind)\n)",
            "CREATE UNIQUE INDEX b ON a (kind)",
            "ALTER TABLE a ADD COLUMN at BIGINT",
            "CREATE TABLE c (one TEXT)",
            "CREATE TABLE d (one TEXT)",
            "DROP TABLE c",
            "ALTER TABLE d RENAME TO e",
            "UPDATE a SET kind = 'x'",
        ]);
        let column = |name: &str, kind| (name.to_owned(), kind);
        assert_eq!(
            read,
            [
                Table {
                    name: "a".to_owned(),
                    columns: vec![
                        column("id", ColumnType::Int),
                        column("kind", ColumnType::Text),
                        column("body", ColumnType::Bytes),
                        column("at", ColumnType::Int),
                    ],
                },
                Table {
                    name: "e".to_owned(),
                    columns: vec![column("one", ColumnType::Text)],
                },
            ]
        );
    }
}
