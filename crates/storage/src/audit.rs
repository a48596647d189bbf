//! Audit entries and their chain. Rows hold identifiers, codes and keyed hashes, never names.

use aws_lc_rs::digest::{Context, SHA256};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{HolderId, Partition};

/// What an act leaves behind. The store adds number and hash.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(crate) at: Timestamp,
    pub(crate) act: &'static str,
    pub(crate) actor: String,
    pub(crate) subject: Option<HolderId>,
    pub(crate) request: String,
    pub(crate) detail: Map<String, Value>,
}

impl Entry {
    /// An entry for `act` (a stable verb) by `actor` (an identifier) within `request`.
    #[must_use]
    pub fn new(at: Timestamp, act: &'static str, actor: &str, request: &str) -> Self {
        Self {
            at,
            act,
            actor: actor.to_owned(),
            subject: None,
            request: request.to_owned(),
            detail: Map::new(),
        }
    }

    /// The holder concerned.
    #[must_use]
    pub fn about(mut self, holder: &HolderId) -> Self {
        self.subject = Some(holder.clone());
        self
    }

    /// An identifier, code, number or keyed hash. Never a name, a licence number or free text.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.detail.insert(key.to_owned(), value.into());
        self
    }
}

/// One or more entries: what a transaction needs before it can be committed.
#[derive(Clone, Debug)]
pub struct Trail {
    first: Entry,
    rest: Vec<Entry>,
}

impl Trail {
    /// Adds an entry.
    #[must_use]
    pub fn and(mut self, entry: Entry) -> Self {
        self.rest.push(entry);
        self
    }

    /// A trail of all `entries`, if there is one.
    #[must_use]
    pub fn of(entries: Vec<Entry>) -> Option<Self> {
        let mut entries = entries.into_iter();
        let first = entries.next()?;
        Some(Self {
            first,
            rest: entries.collect(),
        })
    }

    pub(crate) fn into_entries(self) -> Vec<Entry> {
        let mut entries = self.rest;
        entries.insert(0, self.first);
        entries
    }
}

impl From<Entry> for Trail {
    fn from(first: Entry) -> Self {
        Self {
            first,
            rest: Vec::new(),
        }
    }
}

/// An audit row as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Its partition.
    pub partition: Partition,
    /// Its number in the partition, from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The stable verb.
    pub act: String,
    /// Who.
    pub actor: String,
    /// The holder concerned, or empty.
    pub subject: String,
    /// The request.
    pub request: String,
    /// JSON of identifiers and codes.
    pub detail: String,
    /// The chain hash.
    pub hash: Vec<u8>,
}

impl AuditRow {
    /// The hash this row must have after a row with `previous` (32 zero bytes before the first).
    #[must_use]
    pub fn chained(&self, previous: &[u8]) -> Vec<u8> {
        let mut context = Context::new(&SHA256);
        let mut part = |bytes: &[u8]| {
            context.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(bytes);
        };
        part(previous);
        part(&self.partition.number().to_be_bytes());
        part(&self.seq.to_be_bytes());
        part(&self.at.as_microsecond().to_be_bytes());
        for text in [
            &self.act,
            &self.actor,
            &self.subject,
            &self.request,
            &self.detail,
        ] {
            part(text.as_bytes());
        }
        context.finish().as_ref().to_vec()
    }
}
