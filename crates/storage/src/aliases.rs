//! Aliases: the names (registry subject, licence numbers, file number) under which holders are found.
//!
//! They lie at keyed hashes of the index key. While names are brought under another one (`reindex`),
//! each is asked for under both keys in one statement, and claimed under the newer one only. A
//! statement that asks also reads which keys are in use, so that a node that did not hear of the
//! other key notices instead of finding nobody.

use std::collections::{BTreeSet, HashMap, HashSet};

use licence::Record;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::{
    Blind, Conflict, HolderId, Store, StoreError,
    blinds::partition_of,
    engine::RowsAtOnce,
    index_keys::version,
    rows::{Columns, parts, sets, tuples, whole},
};

/// What kind of name an alias is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AliasKind {
    /// The registry's stable key.
    Subject,
    /// A licence number, present or previous.
    LicenceNumber,
    /// A file number (档案编号); several holders may share one by mistake of a registry.
    FileNumber,
}

impl AliasKind {
    /// All, in the order in which they are claimed: a name counts only with its subject.
    pub(crate) const AS_CLAIMED: [Self; 3] = [Self::Subject, Self::LicenceNumber, Self::FileNumber];

    /// The kinds of which each name has one owner.
    pub(crate) const OWNED: [Self; 2] = [Self::Subject, Self::LicenceNumber];

    /// How a kind of which each name has one owner stands in the database; none where a name may
    /// have several.
    pub(crate) fn owned(self) -> Option<u8> {
        match self {
            Self::Subject => Some(1),
            Self::LicenceNumber => Some(2),
            Self::FileNumber => None,
        }
    }

    /// Separates the blind indexes.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::LicenceNumber => "licence-number",
            Self::FileNumber => "file-number",
        }
    }
}

/// The names under which the driver of a record is found, each once.
#[must_use]
pub fn names_of(record: &Record) -> Vec<(AliasKind, &str)> {
    let numbers = std::iter::once(&record.licence_number).chain(&record.previous_licence_numbers);
    let file = record.file_number.as_ref();
    let mut names = vec![(AliasKind::Subject, record.subject.as_str())];
    names.extend(numbers.map(|number| (AliasKind::LicenceNumber, number.as_str())));
    names.extend(file.map(|number| (AliasKind::FileNumber, number.as_str())));
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(*name));
    names
}

/// A keyed hash as it lies in a table.
pub(crate) type Hash = [u8; 32];

impl Store {
    /// The blind index of a name.
    #[must_use]
    pub fn alias(&self, kind: AliasKind, name: &str) -> Blind {
        let names = self.sealer().names();
        names.blind(kind.as_str(), name.as_bytes())
    }

    /// The keyed hash of a name under the key that never changes, for what is kept apart from
    /// drivers: an officer's own number, of which nothing else is known, could not be hashed anew.
    #[must_use]
    pub fn lasting_alias(&self, kind: AliasKind, name: &str) -> Blind {
        self.blind(kind.as_str(), name.as_bytes())
    }

    /// Who has each of `names`, in their order. It asks again where the index key changed between
    /// hashing and asking.
    ///
    /// # Errors
    /// When the database cannot be reached, or names lie under a key that this node does not have.
    pub async fn holders_named(
        &self,
        kind: AliasKind,
        names: &[&str],
    ) -> Result<Vec<Option<HolderId>>, StoreError> {
        match self.ask_for(kind, names).await {
            Err(StoreError::Conflict(Conflict::IndexKey)) => self.ask_for(kind, names).await,
            answer => answer,
        }
    }

    async fn ask_for(
        &self,
        kind: AliasKind,
        names: &[&str],
    ) -> Result<Vec<Option<HolderId>>, StoreError> {
        let blinds: Vec<Blind> = names.iter().map(|name| self.alias(kind, name)).collect();
        let found = self.holders_of(kind, &blinds).await?;
        Ok(blinds.iter().map(|name| found.get(name).cloned()).collect())
    }

    /// Who owns each of `names`, where somebody does.
    ///
    /// # Errors
    /// [`Conflict::IndexKey`] when another index key came into use after they were hashed. When the
    /// database cannot be reached, or names lie under a key that this node does not have.
    pub async fn holders_of(
        &self,
        kind: AliasKind,
        names: &[Blind],
    ) -> Result<HashMap<Blind, HolderId>, StoreError> {
        let found = {
            let mut connection = self.reader().await?;
            owners(&mut connection, kind, names).await
        };
        if let Err(StoreError::Conflict(Conflict::IndexKey)) = &found {
            self.refresh_keys().await?;
        }
        found
    }
}

/// Who owns which of `names`. Those of a part are asked for under all their keys in one statement;
/// the last one also tells which keys are in use. A key that comes into use stays so until the one
/// before it is gone, hence what the last statement sees held for all.
pub(crate) async fn owners(
    connection: &mut AnyConnection,
    kind: AliasKind,
    names: &[Blind],
) -> Result<HashMap<Blind, HolderId>, StoreError> {
    let (from, form) = lying_at(kind);
    let mut found = HashMap::with_capacity(names.len());
    let mut left = names.len();
    let at_once = RowsAtOnce::of(connection);
    for part in sets(names, at_once) {
        let part = part.items();
        left = left.saturating_sub(part.len());
        let asked: HashMap<Hash, &Blind> = part
            .iter()
            .flat_map(|name| name.hashes().map(move |(_, hash)| (hash, name)))
            .collect();
        let hashes: Vec<Hash> = asked.keys().copied().collect();
        let set = whole(&hashes, at_once);
        let keys = if left == 0 { KEYS_IN_USE } else { "" };
        let text = format!(
            "SELECT blind, holder_id, CAST(0 AS BIGINT) AS version FROM {from} IN (VALUES {}){keys}",
            set.tuples(&form)
        );
        let mut query = sqlx::query(AssertSqlSafe(text));
        for (partition, hash) in set.keyed(|hash| partition_of(hash).sql()) {
            query = query.bind(partition).bind(hash.to_vec());
        }
        let mut in_use = BTreeSet::new();
        for row in query.fetch_all(&mut *connection).await? {
            let row = Columns {
                table: "aliases",
                row: &row,
            };
            let key = version(&row)?;
            if key > 0 {
                in_use.insert(key);
                continue;
            }
            let hash = Hash::try_from(row.bytes("blind")?.as_slice()).ok();
            let name = hash.and_then(|hash| asked.get(&hash));
            let name = name.ok_or_else(|| row.odd("blind", "was not asked for"))?;
            let holder = row.parsed("holder_id", HolderId::parse)?;
            found.insert((*name).clone(), holder);
        }
        if !names.iter().all(|name| name.covers(&in_use)) {
            return Err(Conflict::IndexKey.into());
        }
    }
    Ok(found)
}

/// The index keys under which names may lie, as further rows of a statement that asks for names.
const KEYS_IN_USE: &str =
    " UNION ALL SELECT check_blind, '', version FROM blind_indexes WHERE activated_at IS NOT NULL";

/// From where names of a kind are read by their whole key, and the form of a key: a server that is given
/// the kind apart from it walks through all of that kind.
fn lying_at(kind: AliasKind) -> (&'static str, String) {
    match kind.owned() {
        Some(kind) => (
            "owned_aliases WHERE (partition, kind, blind)",
            format!("(?, {kind}, ?)"),
        ),
        None => (
            "shared_aliases WHERE (partition, blind)",
            "(?, ?)".to_owned(),
        ),
    }
}

/// Names that lie at `hashes`, which are in order, with their owners, held until the transaction ends.
pub(crate) async fn held_names(
    connection: &mut AnyConnection,
    kind: AliasKind,
    hashes: &[Hash],
    keeping: &'static str,
) -> Result<Vec<(Hash, HolderId)>, StoreError> {
    let (from, form) = lying_at(kind);
    let mut held = Vec::new();
    for set in sets(hashes, RowsAtOnce::of(connection)) {
        let text = format!(
            "SELECT blind, holder_id FROM {from} IN (VALUES {}) ORDER BY blind, holder_id{keeping}",
            set.tuples(&form)
        );
        let mut query = sqlx::query(AssertSqlSafe(text));
        for (partition, hash) in set.keyed(|hash| partition_of(hash).sql()) {
            query = query.bind(partition).bind(hash.to_vec());
        }
        for row in query.fetch_all(&mut *connection).await? {
            let row = Columns {
                table: "aliases",
                row: &row,
            };
            let hash = Hash::try_from(row.bytes("blind")?.as_slice());
            let hash = hash.map_err(|_length| row.odd("blind", "is no keyed hash"))?;
            held.push((hash, row.parsed("holder_id", HolderId::parse)?));
        }
    }
    Ok(held)
}

/// Removes names of a kind of which each has one owner; answers how many there were.
pub(crate) async fn remove_names(
    connection: &mut AnyConnection,
    kind: AliasKind,
    hashes: &[Hash],
) -> Result<u64, StoreError> {
    let Some(kind) = kind.owned() else {
        return Ok(0);
    };
    let mut removed = 0_u64;
    for part in parts(hashes) {
        let text = format!(
            "DELETE FROM owned_aliases WHERE (partition, kind, blind) IN (VALUES {})",
            tuples(part.len(), &format!("(?, {kind}, ?)"), 0)
        );
        let mut query = sqlx::query(AssertSqlSafe(text));
        for hash in part {
            query = query.bind(partition_of(hash).sql()).bind(hash.to_vec());
        }
        let touched = query.execute(&mut *connection).await?.rows_affected();
        removed = removed.saturating_add(touched);
    }
    Ok(removed)
}
