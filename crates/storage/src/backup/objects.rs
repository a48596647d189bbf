//! The objects that the rows of a backup name: photos, and closed segments of the audit.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    BackupError, TABLES, TOLD,
    files::{self, Hashed},
    manifest::FileEntry,
    rows::{Rows, Value},
};
use crate::{PhotoId, Store, objects::photo_name};

/// The folder of the objects.
pub(super) const FOLDER: &str = "objects";
/// The list of them, one JSON object a line.
pub(super) const LIST: &str = "objects.ndjson";
/// Longer than any line of the list.
const MAX_LINE: u64 = 1 << 12;

/// A line of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ObjectEntry {
    pub(super) name: String,
    pub(super) size: u64,
    /// None where it was not there.
    pub(super) sha256: Option<String>,
}

/// What was copied.
pub(super) struct Copied {
    pub(super) list: FileEntry,
    pub(super) count: u64,
    pub(super) bytes: u64,
    pub(super) shared: u64,
    pub(super) missing: u64,
    pub(super) missing_names: Vec<String>,
}

impl Store {
    /// Copies what the tables in `folder` name. Objects are written once and never changed but by
    /// a pass to another data key, which leaves what they say: those that are there now are those
    /// that the rows mean.
    pub(super) async fn copy_objects(
        &self,
        folder: &Path,
        base: Option<&Path>,
    ) -> Result<Copied, BackupError> {
        let path = folder.join(LIST);
        let failed = |error: io::Error| BackupError::io(&path, &error);
        let mut list = Hashed::create(&path).map_err(failed)?;
        let mut copied = Copied {
            list: FileEntry {
                name: String::new(),
                size: 0,
                sha256: String::new(),
                rows: 0,
            },
            count: 0,
            bytes: 0,
            shared: 0,
            missing: 0,
            missing_names: Vec::new(),
        };
        let mut names = Names::open(folder)?;
        let mut made = BTreeSet::new();
        while let Some(name) = names.next()? {
            let path = folder.join(FOLDER).join(&name);
            let parent = path.parent().unwrap_or(folder);
            if !made.contains(parent) {
                files::folder(parent).map_err(|error| BackupError::io(parent, &error))?;
                let above = parent.ancestors().take_while(|above| *above != folder);
                made.extend(above.map(Path::to_owned));
            }
            let base = base.map(|base| base.join(FOLDER).join(&name));
            let entry = self.copy_object(&name, &path, base, &mut copied).await?;
            serde_json::to_writer(&mut list, &entry)
                .map_err(io::Error::from)
                .and_then(|()| list.write_all(b"\n"))
                .map_err(failed)?;
        }
        for folder in &made {
            files::sync_folder(folder).map_err(|error| BackupError::io(folder, &error))?;
        }
        copied.list = list.finish(LIST.to_owned(), 0).map_err(failed)?;
        Ok(copied)
    }

    async fn copy_object(
        &self,
        name: &str,
        path: &Path,
        earlier: Option<PathBuf>,
        copied: &mut Copied,
    ) -> Result<ObjectEntry, BackupError> {
        let Some(bytes) = self.inner.objects.raw(name).await? else {
            copied.missing = copied.missing.saturating_add(1);
            if copied.missing_names.len() < TOLD {
                copied.missing_names.push(name.to_owned());
            }
            return Ok(ObjectEntry {
                name: name.to_owned(),
                size: 0,
                sha256: None,
            });
        };
        let linked = earlier
            .filter(|earlier| files::same(earlier, &bytes))
            .is_some_and(|earlier| fs::hard_link(earlier, path).is_ok());
        if linked {
            copied.shared = copied.shared.saturating_add(1);
        } else {
            files::create(path)
                .and_then(|mut file| {
                    file.write_all(&bytes)?;
                    file.sync_all()
                })
                .map_err(|error| BackupError::io(path, &error))?;
        }
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        copied.count = copied.count.saturating_add(1);
        copied.bytes = copied.bytes.saturating_add(size);
        Ok(ObjectEntry {
            name: name.to_owned(),
            size,
            sha256: Some(files::sha256(&bytes)),
        })
    }
}

/// Makes an object's name of what a column holds.
type Name = fn(&str) -> Option<String>;

/// Tables whose rows name objects, the column, and how. Whoever puts objects of another kind into the store adds their table here.
const NAMING: [(&str, &str, Name); 2] = [
    ("photos", "id", |id| {
        Some(photo_name(&PhotoId::parse(id).ok()?))
    }),
    ("audit_segments", "object", |name| Some(name.to_owned())),
];

struct NamingTable {
    path: PathBuf,
    rows: Rows<BufReader<File>>,
    column: usize,
    name: Name,
}

/// The names in the tables of a backup.
struct Names {
    tables: Vec<NamingTable>,
}

impl Names {
    fn open(folder: &Path) -> Result<Self, BackupError> {
        let mut tables = Vec::new();
        for (table, column, name) in NAMING {
            let path = folder.join(TABLES).join(table);
            let failed = |error: io::Error| BackupError::io(&path, &error);
            let file = match File::open(&path) {
                Ok(file) => BufReader::with_capacity(1 << 18, file),
                // A schema that has no such table yet.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            };
            let rows = Rows::open(file).map_err(failed)?;
            let column = rows.index(column).map_err(failed)?;
            tables.push(NamingTable {
                path,
                rows,
                column,
                name,
            });
        }
        Ok(Self { tables })
    }

    fn next(&mut self) -> Result<Option<String>, BackupError> {
        while let Some(table) = self.tables.last_mut() {
            let row = table.rows.next();
            let row = row.map_err(|error| BackupError::io(&table.path, &error))?;
            let Some(row) = row else {
                self.tables.pop();
                continue;
            };
            // A row whose identifier is none names nothing: the table is copied as it is.
            if let Some(Value::Text(Some(text))) = row.get(table.column)
                && let Some(name) = (table.name)(text)
            {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}

/// The list of a backup, line by line.
pub(super) struct List(BufReader<File>);

impl List {
    pub(super) fn open(folder: &Path) -> Result<Self, BackupError> {
        let path = folder.join(LIST);
        let file = File::open(&path).map_err(|error| BackupError::io(&path, &error))?;
        Ok(Self(BufReader::with_capacity(1 << 18, file)))
    }

    pub(super) fn next(&mut self) -> Result<Option<ObjectEntry>, BackupError> {
        let damaged = || BackupError::Damaged(LIST.to_owned());
        let mut line = Vec::new();
        let mut limited = io::Read::take(&mut self.0, MAX_LINE);
        limited
            .read_until(b'\n', &mut line)
            .map_err(|_unreadable| damaged())?;
        if line.is_empty() {
            return Ok(None);
        }
        let entry: ObjectEntry = serde_json::from_slice(&line).map_err(|_other_form| damaged())?;
        // Only names that an object can have: they become paths.
        let plain = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
                && !part.starts_with('.')
        };
        if entry.name.split('/').all(plain) {
            Ok(Some(entry))
        } else {
            Err(damaged())
        }
    }
}
