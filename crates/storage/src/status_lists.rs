//! Published status lists, and how far they know the outbox.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;

use crate::{
    Conflict, Partition, Store, StoreError, Tx, error::exactly_one, rows::Columns,
    status_places::PLACES_PER_PARTITION, store::sql_number,
};

/// The number of the newest event of each partition that somebody knows.
pub type Cursors = BTreeMap<Partition, u64>;

/// The newest publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Counts up with every write of lists.
    pub edition: u64,
    /// When it was.
    pub at: Timestamp,
    /// The events that the published values know.
    pub cursors: Cursors,
}

/// A list as published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedList {
    /// Its number.
    pub list: u32,
    /// Of the values and of the keys that signed them.
    pub digest: Vec<u8>,
    /// The instant as of which its values were so.
    pub issued_at: Timestamp,
    /// From when on its forms are stale.
    pub expires_at: Timestamp,
    /// When it was retired, if it was: it has no forms then.
    pub retired_at: Option<Timestamp>,
}

/// Which form of a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListForm {
    /// The list's number.
    pub list: u32,
    /// 2 for anybody, 4 for authorised verifiers.
    pub bits: u8,
    /// The suite of its signature.
    pub suite: String,
    /// How it is written.
    pub form: TokenForm,
}

/// How a signed list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenForm {
    /// JSON Web Token.
    Jwt,
    /// CBOR Web Token.
    Cwt,
}

impl TokenForm {
    /// `jwt` or `cwt`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Cwt => "cwt",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Jwt, Self::Cwt]
            .into_iter()
            .find(|form| form.as_str() == text)
    }
}

/// A signed form without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormFacts {
    /// Which.
    pub form: ListForm,
    /// Its bytes.
    pub size: u64,
    /// SHA-256 of its bytes.
    pub sha256: Vec<u8>,
}

/// A list to be published, with its signed forms.
#[derive(Clone, Debug)]
pub struct ListToPublish {
    /// Its number.
    pub list: u32,
    /// Of the values and of the keys that signed them.
    pub digest: Vec<u8>,
    /// The instant as of which its values were so.
    pub issued_at: Timestamp,
    /// From when on its forms are stale.
    pub expires_at: Timestamp,
    /// Every form: those of before are gone.
    pub forms: Vec<(ListForm, Vec<u8>)>,
}

/// [`Cursors`] as stored.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredCursors {
    v: u8,
    seen: Vec<(i64, u64)>,
}

impl StoredCursors {
    pub(crate) fn of(cursors: &Cursors) -> Self {
        let seen = cursors.iter();
        Self {
            v: 1,
            seen: seen.map(|(of, seq)| (of.sql(), *seq)).collect(),
        }
    }

    pub(crate) fn read(self) -> Option<Cursors> {
        let seen = self.seen.into_iter();
        let seen = seen.map(|(of, seq)| Some((Partition::from_number(of)?, seq)));
        let cursors: Cursors = seen.collect::<Option<_>>()?;
        (self.v == 1).then_some(cursors)
    }
}

impl Store {
    /// The newest publication; none before the first.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn publication(&self) -> Result<Option<Publication>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(PUBLICATION)
            .fetch_optional(&mut *connection)
            .await?;
        row.as_ref().map(publication).transpose()
    }

    /// Every list that was ever published, by its number.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn published_lists(&self) -> Result<Vec<PublishedList>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT list, digest, issued_at, expires_at, retired_at FROM status_lists ORDER BY list",
        )
        .fetch_all(&mut *connection)
        .await?;
        rows.iter().map(published).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// As [`Store::published_lists`].
    pub async fn published_list(&self, list: u32) -> Result<Option<PublishedList>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT list, digest, issued_at, expires_at, retired_at FROM status_lists WHERE list = $1",
        )
        .bind(i64::from(list))
        .fetch_optional(&mut *connection)
        .await?;
        row.as_ref().map(published).transpose()
    }

    /// The signed forms of all lists, without their bytes.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn list_forms(&self) -> Result<Vec<FormFacts>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT list, bits, suite, form, size, sha256 FROM status_list_forms \
             ORDER BY list, bits, suite, form",
        )
        .fetch_all(&mut *connection)
        .await?;
        rows.iter().map(facts).collect()
    }

    /// What is known of one form.
    ///
    /// # Errors
    /// As [`Store::list_forms`].
    pub async fn form_facts(&self, form: &ListForm) -> Result<Option<FormFacts>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT list, bits, suite, form, size, sha256 FROM status_list_forms \
             WHERE list = $1 AND bits = $2 AND suite = $3 AND form = $4",
        )
        .bind(i64::from(form.list))
        .bind(i64::from(form.bits))
        .bind(form.suite.as_str())
        .bind(form.form.as_str())
        .fetch_optional(&mut *connection)
        .await?;
        row.as_ref().map(facts).transpose()
    }

    /// SHA-256 and bytes of one form.
    ///
    /// # Errors
    /// When the database cannot be reached, or the bytes were changed past the store.
    pub async fn form_document(
        &self,
        form: &ListForm,
    ) -> Result<Option<(Vec<u8>, Vec<u8>)>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT sha256, document FROM status_list_forms \
             WHERE list = $1 AND bits = $2 AND suite = $3 AND form = $4",
        )
        .bind(i64::from(form.list))
        .bind(i64::from(form.bits))
        .bind(form.suite.as_str())
        .bind(form.form.as_str())
        .fetch_optional(&mut *connection)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let row = columns("status_list_forms", &row);
        let (sha256, document) = (row.bytes("sha256")?, row.bytes("document")?);
        if digest(&SHA256, &document).as_ref() == sha256 {
            Ok(Some((sha256, document)))
        } else {
            Err(row.odd("document", "is not the one that was signed"))
        }
    }

    /// Whether every place of a list was handed out.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn list_is_full(&self, list: u32) -> Result<bool, StoreError> {
        let mut connection = self.reader().await?;
        let end = u64::from(list)
            .saturating_add(1)
            .saturating_mul(PLACES_PER_PARTITION);
        let behind = sqlx::query(
            "SELECT partition FROM status_counters WHERE next_place < $1 AND partition < $2 LIMIT 1",
        )
        .bind(sql_number(end))
        .bind(i64::from(Partition::HOLDERS))
        .fetch_optional(&mut *connection)
        .await?;
        Ok(behind.is_none())
    }

    /// Whether a credential with a place in the list has not expired yet.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn list_is_alive(&self, list: u32, now: Timestamp) -> Result<bool, StoreError> {
        let mut connection = self.reader().await?;
        for partition in Partition::all() {
            let alive = sqlx::query(
                "SELECT status_index FROM credentials \
                 WHERE partition = $1 AND status_list = $2 AND expires_at > $3 LIMIT 1",
            )
            .bind(partition.sql())
            .bind(i64::from(list))
            .bind(now.as_microsecond())
            .fetch_optional(&mut *connection)
            .await?;
            if alive.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

const PUBLICATION: &str = "SELECT edition, at, cursors FROM status_publications WHERE id = 1";

impl Tx {
    /// Publishes lists whose values know the events up to `cursors`, and nothing beyond. `seen` is
    /// the edition that the caller rests on, 0 before the first; answers the new one.
    ///
    /// # Errors
    /// [`Conflict::Cursor`] when another node published meanwhile, or what is published already
    /// knows an event that these values do not.
    pub async fn publish_lists(
        &mut self,
        seen: u64,
        cursors: &Cursors,
        at: Timestamp,
        lists: &[ListToPublish],
    ) -> Result<u64, StoreError> {
        self.expect_own("status_publications", Partition::SYSTEM)?;
        let before = sqlx::query(PUBLICATION)
            .fetch_optional(self.connection())
            .await?;
        let before = before.as_ref().map(publication).transpose()?;
        let behind = before.is_some_and(|before| {
            let mut known = before.cursors.iter();
            known.any(|(of, seq)| cursors.get(of).is_none_or(|ours| ours < seq))
        });
        if behind {
            return Err(Conflict::Cursor.into());
        }
        let edition = self.next_edition(seen, cursors, at).await?;
        for list in lists {
            self.publish_list(list).await?;
        }
        Ok(edition)
    }

    async fn next_edition(
        &mut self,
        seen: u64,
        cursors: &Cursors,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let text = serde_json::to_string(&StoredCursors::of(cursors))
            .map_err(|_not_json| odd("cannot be written as JSON"))?;
        let edition = seen.saturating_add(1);
        let moved = sqlx::query(
            "INSERT INTO status_publications (id, edition, at, cursors) VALUES (1, $1, $2, $3) \
             ON CONFLICT (id) DO UPDATE SET edition = excluded.edition, at = excluded.at, \
             cursors = excluded.cursors WHERE status_publications.edition = $4",
        )
        .bind(sql_number(edition))
        .bind(at.as_microsecond())
        .bind(text)
        .bind(sql_number(seen))
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::Cursor)?;
        Ok(edition)
    }

    async fn publish_list(&mut self, list: &ListToPublish) -> Result<(), StoreError> {
        let number = i64::from(list.list);
        let moved = sqlx::query(
            "INSERT INTO status_lists (list, digest, issued_at, expires_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (list) DO UPDATE SET digest = excluded.digest, \
             issued_at = excluded.issued_at, expires_at = excluded.expires_at \
             WHERE status_lists.retired_at IS NULL",
        )
        .bind(number)
        .bind(list.digest.as_slice())
        .bind(list.issued_at.as_microsecond())
        .bind(list.expires_at.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::Cursor)?;
        self.delete_forms(list.list).await?;
        for (form, document) in &list.forms {
            let size = u64::try_from(document.len()).unwrap_or(u64::MAX);
            sqlx::query(
                "INSERT INTO status_list_forms (list, bits, suite, form, size, sha256, document) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(number)
            .bind(i64::from(form.bits))
            .bind(form.suite.as_str())
            .bind(form.form.as_str())
            .bind(sql_number(size))
            .bind(digest(&SHA256, document).as_ref())
            .bind(document.as_slice())
            .execute(self.connection())
            .await?;
        }
        Ok(())
    }

    /// Published -> retired: nothing of the list is served or published any more.
    ///
    /// # Errors
    /// [`Conflict::Cursor`] when it is retired already, or was never published.
    pub async fn retire_list(&mut self, list: u32, at: Timestamp) -> Result<(), StoreError> {
        self.expect_own("status_lists", Partition::SYSTEM)?;
        let moved = sqlx::query(
            "UPDATE status_lists SET retired_at = $2 WHERE list = $1 AND retired_at IS NULL",
        )
        .bind(i64::from(list))
        .bind(at.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::Cursor)?;
        self.delete_forms(list).await
    }

    async fn delete_forms(&mut self, list: u32) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM status_list_forms WHERE list = $1")
            .bind(i64::from(list))
            .execute(self.connection())
            .await?;
        Ok(())
    }
}

fn columns<'r>(table: &'static str, row: &'r AnyRow) -> Columns<'r> {
    Columns { table, row }
}

fn publication(row: &AnyRow) -> Result<Publication, StoreError> {
    let row = columns("status_publications", row);
    let cursors = row.parsed("cursors", |text| {
        let stored: StoredCursors = serde_json::from_str(text).map_err(|_not_json| ())?;
        stored.read().ok_or(())
    });
    Ok(Publication {
        edition: row.number("edition")?,
        at: row.instant("at")?,
        cursors: cursors?,
    })
}

fn published(row: &AnyRow) -> Result<PublishedList, StoreError> {
    let row = columns("status_lists", row);
    Ok(PublishedList {
        list: list_number(&row)?,
        digest: row.bytes("digest")?,
        issued_at: row.instant("issued_at")?,
        expires_at: row.instant("expires_at")?,
        retired_at: row.opt_instant("retired_at")?,
    })
}

fn facts(row: &AnyRow) -> Result<FormFacts, StoreError> {
    let row = columns("status_list_forms", row);
    let bits = u8::try_from(row.int("bits")?);
    Ok(FormFacts {
        form: ListForm {
            list: list_number(&row)?,
            bits: bits.map_err(|_out_of_range| row.odd("bits", "out of range"))?,
            suite: row.text("suite")?,
            form: row.named("form", TokenForm::parse)?,
        },
        size: row.number("size")?,
        sha256: row.bytes("sha256")?,
    })
}

fn list_number(row: &Columns<'_>) -> Result<u32, StoreError> {
    u32::try_from(row.int("list")?).map_err(|_out_of_range| row.odd("list", "out of range"))
}

fn odd(what: &'static str) -> StoreError {
    StoreError::Inconsistent {
        table: "status_publications",
        column: "cursors",
        row: None,
        what,
    }
}
