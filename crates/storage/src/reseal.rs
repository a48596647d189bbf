//! The pass that brings every sealed value under the newest data key, while others write.
//!
//! It begins by raising `least_key` in every partition: from then on no write that sealed under an
//! older key can commit, so that a place the pass has left behind stays current. It goes on in
//! batches, each one transaction with its audit row and the position behind it, and can be
//! interrupted anywhere. A value is replaced only where still the very bytes lie that were read: a
//! writer who came in between wrote under the newest key and is left alone.

use jiff::Timestamp;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::{
    Conflict, HolderId, Partition, PhotoId, Steward, Store, StoreError, Tx,
    error::{exactly_one, unique},
    position::{OBJECTS, Position},
    rows::Columns,
    sealed_columns::{SEALED, SealedColumn, SealedValue},
};

/// What a step of the pass did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resealed {
    /// To which data key.
    pub version: u32,
    /// Values brought over by this step.
    pub resealed: u64,
    /// Values found by this step that do not open. They are left as they are.
    pub damaged: Vec<Damaged>,
    /// How many such values the whole pass has found so far.
    pub damaged_so_far: u64,
    /// Whether the pass has been everywhere.
    pub finished: bool,
}

/// A sealed value that does not open: changed, moved, cut or missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// `table.column`, or `objects.photo`.
    pub place: String,
    /// The row's identifier.
    pub row: String,
}

/// A pass as stored.
#[derive(Debug)]
pub(crate) struct Pass {
    pub(crate) begun_at: Timestamp,
    pub(crate) finished_at: Option<Timestamp>,
    position: String,
    damaged: u64,
}

/// What is to be done in one place.
struct Batch {
    partition: Partition,
    work: Work,
    damaged: Vec<Damaged>,
    next: Position,
}

enum Work {
    /// Old values and what replaces them.
    Column(&'static SealedColumn, Vec<(SealedValue, Vec<u8>)>),
    /// Photo files already replaced.
    Objects(u64),
}

impl Store {
    /// Brings up to `limit` values (or, of the photo files, those among `limit`) under the newest
    /// data key. To be called until it says `finished`; the first call begins the pass.
    ///
    /// # Errors
    /// [`Conflict::Cursor`] when another node did this step; [`Conflict::Revision`] when a newer
    /// key was activated meanwhile. When the database or the object store cannot be reached.
    pub async fn reseal_batch(&self, by: &Steward<'_>, limit: u32) -> Result<Resealed, StoreError> {
        self.refresh_keys().await?;
        let version = self.sealer().active();
        let pass = match self.pass(version).await? {
            Some(pass) => pass,
            None => self.begin_pass(version, by).await?,
        };
        if pass.finished_at.is_some() {
            return Ok(Resealed::finished(version, &pass));
        }
        let mut position = Position::parse(&pass.position)?;
        loop {
            let batch = self.batch(&position, limit.max(1)).await?;
            if let Some(batch) = batch {
                if batch.changes() {
                    return self.commit_batch(version, batch, &pass, by).await;
                }
                position = batch.next;
            } else if let Some(next) = position.next_place() {
                position = next;
            } else {
                return self.finish_pass(version, &pass, by).await;
            }
        }
    }

    /// How many values lie under data key `version`, by `table.column`; places without any are
    /// left out. It looks at every value.
    ///
    /// # Errors
    /// When the database or the object store cannot be reached.
    pub async fn values_under(&self, version: u32) -> Result<Vec<(String, u64)>, StoreError> {
        let mut found = Vec::new();
        for column in SEALED {
            found.push((column.name(), column.count_under(self, version).await?));
        }
        let mut photos: u64 = 0;
        for partition in Partition::all() {
            let mut after = String::new();
            loop {
                let rows = self.photos_after(partition, &after, PHOTOS).await?;
                let Some((last, _)) = rows.last() else { break };
                last.as_str().clone_into(&mut after);
                for (photo, _) in &rows {
                    let label = self.inner.objects.label(photo).await?;
                    if label.is_some_and(|(_, of)| of == version) {
                        photos = photos.saturating_add(1);
                    }
                }
            }
        }
        found.push((OBJECTS.to_owned(), photos));
        found.retain(|(_, count)| *count > 0);
        Ok(found)
    }

    pub(crate) async fn pass(&self, version: u32) -> Result<Option<Pass>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT begun_at, finished_at, position, damaged FROM reseals WHERE version = $1",
        )
        .bind(i64::from(version))
        .fetch_optional(&mut *connection)
        .await?;
        row.map(|row| {
            let row = Columns {
                table: "reseals",
                row: &row,
            };
            Ok(Pass {
                begun_at: row.instant("begun_at")?,
                finished_at: row.opt_instant("finished_at")?,
                position: row.text("position")?,
                damaged: row.number("damaged")?,
            })
        })
        .transpose()
    }

    async fn begin_pass(&self, version: u32, by: &Steward<'_>) -> Result<Pass, StoreError> {
        let position = Position::first().text()?;
        let mut tx = self.begin_in(Partition::SYSTEM).await?;
        sqlx::query(
            "INSERT INTO reseals (version, begun_at, position, resealed, damaged) VALUES ($1, $2, $3, 0, 0)",
        )
        .bind(i64::from(version))
        .bind(by.now.as_microsecond())
        .bind(position.as_str())
        .execute(tx.connection())
        .await
        .map_err(unique(Conflict::Cursor))?;
        sqlx::query("UPDATE partition_heads SET least_key = $1 WHERE least_key < $1")
            .bind(i64::from(version))
            .execute(tx.connection())
            .await?;
        let entry = by.entry("seal.reseal-begun").with("version", version);
        tx.commit(entry, Vec::new()).await?;
        Ok(Pass {
            begun_at: by.now,
            finished_at: None,
            position,
            damaged: 0,
        })
    }

    async fn finish_pass(
        &self,
        version: u32,
        pass: &Pass,
        by: &Steward<'_>,
    ) -> Result<Resealed, StoreError> {
        let mut tx = self.begin_in(Partition::SYSTEM).await?;
        let moved = sqlx::query(
            "UPDATE reseals SET finished_at = $3 WHERE version = $1 AND position = $2 AND finished_at IS NULL",
        )
        .bind(i64::from(version))
        .bind(pass.position.as_str())
        .bind(by.now.as_microsecond())
        .execute(tx.connection())
        .await?
        .rows_affected();
        expect_one(moved)?;
        let entry = by.entry("seal.reseal-finished").with("version", version);
        tx.commit(entry, Vec::new()).await?;
        Ok(Resealed::finished(version, pass))
    }

    /// The next values at `position`; none when its place holds no more.
    async fn batch(&self, position: &Position, limit: u32) -> Result<Option<Batch>, StoreError> {
        let partition = position.partition()?;
        match SEALED.iter().find(|column| column.name() == position.place) {
            Some(column) if !column.lies_in(partition) => Ok(None),
            Some(column) => self.column_batch(column, partition, position, limit).await,
            None => self.object_batch(partition, position, limit).await,
        }
    }

    async fn column_batch(
        &self,
        column: &'static SealedColumn,
        partition: Partition,
        position: &Position,
        limit: u32,
    ) -> Result<Option<Batch>, StoreError> {
        let label = self.sealer().active_label();
        let values = column
            .values_not_under(self, label, partition, &position.after, limit)
            .await?;
        let Some(last) = values.last() else {
            return Ok(None);
        };
        let next = position.behind(last.key.clone());
        let mut damaged = Vec::new();
        let mut work = Vec::with_capacity(values.len());
        for value in values {
            let place = value.place(column);
            match self.sealer().unseal(&place, &value.sealed) {
                Ok(plain) => {
                    let sealed = self.sealer().seal(&place, &plain)?;
                    work.push((value, sealed));
                }
                Err(_does_not_open) => damaged.push(Damaged {
                    place: column.name(),
                    row: value.row().to_owned(),
                }),
            }
        }
        Ok(Some(Batch {
            partition,
            work: Work::Column(column, work),
            damaged,
            next,
        }))
    }

    /// Photo files are replaced here, before the commit that counts them: a file is written once
    /// under its identifier and never changes, so nobody else's bytes can be overwritten.
    async fn object_batch(
        &self,
        partition: Partition,
        position: &Position,
        limit: u32,
    ) -> Result<Option<Batch>, StoreError> {
        let after = position.after.first().map_or("", String::as_str);
        let photos = self.photos_after(partition, after, limit).await?;
        let Some((last, _)) = photos.last() else {
            return Ok(None);
        };
        let next = position.behind(vec![last.to_string()]);
        let (mut resealed, mut damaged) = (0_u64, Vec::new());
        for (photo, holder) in &photos {
            let objects = &self.inner.objects;
            match objects.reseal_photo(self.sealer(), holder, photo).await {
                Ok(true) => resealed = resealed.saturating_add(1),
                Ok(false) => {}
                Err(StoreError::Inconsistent { .. }) => damaged.push(Damaged {
                    place: OBJECTS.to_owned(),
                    row: photo.to_string(),
                }),
                Err(error) => return Err(error),
            }
        }
        Ok(Some(Batch {
            partition,
            work: Work::Objects(resealed),
            damaged,
            next,
        }))
    }

    async fn commit_batch(
        &self,
        version: u32,
        batch: Batch,
        pass: &Pass,
        by: &Steward<'_>,
    ) -> Result<Resealed, StoreError> {
        if self.sealer().active() != version {
            return Err(Conflict::Revision.into());
        }
        let mut tx = self.begin_in(batch.partition).await?;
        // Before the rows, so that of two nodes doing the same step one waits here, holding nothing.
        let moved = sqlx::query(
            "UPDATE reseals SET position = $3 WHERE version = $1 AND position = $2 AND finished_at IS NULL",
        )
        .bind(i64::from(version))
        .bind(pass.position.as_str())
        .bind(batch.next.text()?)
        .execute(tx.connection())
        .await?
        .rows_affected();
        expect_one(moved)?;
        let resealed = match &batch.work {
            Work::Column(column, values) => replace(&mut tx, column, values).await?,
            Work::Objects(resealed) => *resealed,
        };
        count(tx.connection(), version, resealed, &batch.damaged).await?;
        let found = u64::try_from(batch.damaged.len()).unwrap_or(u64::MAX);
        let rows: Vec<String> = batch.damaged.iter().map(|one| one.row.clone()).collect();
        let entry = by
            .entry("seal.resealed")
            .with("version", version)
            .with("place", batch.next.place.as_str())
            .with("resealed", resealed)
            .with("damaged", rows);
        tx.commit(entry, Vec::new()).await?;
        Ok(Resealed {
            version,
            resealed,
            damaged: batch.damaged,
            damaged_so_far: pass.damaged.saturating_add(found),
            finished: false,
        })
    }

    async fn photos_after(
        &self,
        partition: Partition,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(PhotoId, HolderId)>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT id, holder_id FROM photos WHERE partition = $1 AND id > $2 ORDER BY id LIMIT $3",
        )
        .bind(partition.sql())
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| {
                let row = Columns {
                    table: "photos",
                    row,
                };
                Ok((
                    row.parsed("id", PhotoId::parse)?,
                    row.parsed("holder_id", HolderId::parse)?,
                ))
            })
            .collect()
    }
}

/// Photo rows read by one statement when files are counted.
const PHOTOS: u32 = 500;

async fn replace(
    tx: &mut Tx,
    column: &SealedColumn,
    values: &[(SealedValue, Vec<u8>)],
) -> Result<u64, StoreError> {
    let text = column.replace();
    let partition = tx.partition().sql();
    let mut replaced: u64 = 0;
    for (old, new) in values {
        let mut query = sqlx::query(AssertSqlSafe(text.clone()))
            .bind(new.as_slice())
            .bind(old.sealed.as_slice());
        if column.is_partitioned() {
            query = query.bind(partition);
        }
        for part in &old.key {
            query = query.bind(part.as_str());
        }
        let touched = query.execute(tx.connection()).await?.rows_affected();
        replaced = replaced.saturating_add(touched);
    }
    Ok(replaced)
}

async fn count(
    connection: &mut AnyConnection,
    version: u32,
    resealed: u64,
    damaged: &[Damaged],
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE reseals SET resealed = resealed + $2, damaged = damaged + $3 WHERE version = $1",
    )
    .bind(i64::from(version))
    .bind(i64::try_from(resealed).unwrap_or(i64::MAX))
    .bind(i64::try_from(damaged.len()).unwrap_or(i64::MAX))
    .execute(connection)
    .await?;
    Ok(())
}

fn expect_one(moved: u64) -> Result<(), StoreError> {
    exactly_one(moved, Conflict::Cursor)
}

impl Resealed {
    fn finished(version: u32, pass: &Pass) -> Self {
        Self {
            version,
            resealed: 0,
            damaged: Vec::new(),
            damaged_so_far: pass.damaged,
            finished: true,
        }
    }
}

impl Batch {
    fn changes(&self) -> bool {
        let works = match &self.work {
            Work::Column(_, values) => !values.is_empty(),
            Work::Objects(resealed) => *resealed > 0,
        };
        works || !self.damaged.is_empty()
    }
}
