//! Aliases: the names (registry subject, licence numbers, file number) under which holders are found.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::{
    Blind, HolderId, Partition, Store, StoreError,
    rows::{Columns, parts, tuples},
};

/// What kind of name an alias is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    const AS_CLAIMED: [Self; 3] = [Self::Subject, Self::LicenceNumber, Self::FileNumber];

    /// How a kind of which each name has one owner stands in the database; none where a name may
    /// have several.
    fn owned(self) -> Option<u8> {
        match self {
            Self::Subject => Some(1),
            Self::LicenceNumber => Some(2),
            Self::FileNumber => None,
        }
    }

    /// Separates the blind indexes.
    fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::LicenceNumber => "licence-number",
            Self::FileNumber => "file-number",
        }
    }
}

/// A name claimed for a holder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AliasClaim {
    /// Which kind of name.
    pub kind: AliasKind,
    /// Its blind index, from [`Store::alias`].
    pub blind: Blind,
    /// For whom.
    pub holder: HolderId,
}

impl Store {
    /// The blind index of a name.
    #[must_use]
    pub fn alias(&self, kind: AliasKind, name: &str) -> Blind {
        self.blind(kind.as_str(), name.as_bytes())
    }

    /// Who owns each of `names`, where somebody does.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn holders_of(
        &self,
        kind: AliasKind,
        names: &[Blind],
    ) -> Result<HashMap<Blind, HolderId>, StoreError> {
        let mut connection = self.reader().await?;
        owners(&mut connection, kind, names).await
    }

    /// Claims names and answers who owns each now: the claimer, or whoever came first. Names of a
    /// holder whose subject is another's by then are not claimed, nor answered. File numbers are
    /// added without a claim. A claim is a reservation that no act rests on: the driver's own
    /// transaction follows, and a name counts only while the driver's record holds it.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn claim_aliases(
        &self,
        claims: &[AliasClaim],
        now: Timestamp,
    ) -> Result<HashMap<(AliasKind, Blind), HolderId>, StoreError> {
        let mut owned = HashMap::with_capacity(claims.len());
        let mut lost = HashSet::new();
        let mut tx = self.inner.database.begin().await?;
        for kind in AliasKind::AS_CLAIMED {
            let of_kind = claims.iter().filter(|claim| claim.kind == kind);
            let mut of_kind: Vec<&AliasClaim> = of_kind
                .filter(|claim| !lost.contains(&claim.holder))
                .collect();
            // One order for all writers, so that two of them never wait for each other; and names
            // that lie side by side are written one after another.
            of_kind.sort_by(|a, b| a.blind.cmp(&b.blind));
            for part in parts(&of_kind) {
                let all = insert(&mut tx, kind, part, now).await?;
                if kind == AliasKind::FileNumber {
                    continue;
                }
                let names: Vec<Blind> = part.iter().map(|claim| claim.blind.clone()).collect();
                if all {
                    let mine = part.iter().map(|claim| claim.holder.clone());
                    owned.extend(names.into_iter().map(|name| (kind, name)).zip(mine));
                    continue;
                }
                for (name, holder) in owners(&mut tx, kind, &names).await? {
                    owned.insert((kind, name), holder);
                }
            }
            if kind == AliasKind::Subject {
                let is_lost = |claim: &&&AliasClaim| {
                    owned.get(&(kind, claim.blind.clone())) != Some(&claim.holder)
                };
                lost = of_kind
                    .iter()
                    .filter(is_lost)
                    .map(|claim| claim.holder.clone())
                    .collect();
            }
        }
        tx.commit().await?;
        Ok(owned)
    }
}

/// Adds the names that nobody has; answers whether these were all.
async fn insert(
    connection: &mut AnyConnection,
    kind: AliasKind,
    claims: &[&AliasClaim],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let rows = claims.len();
    let text = match kind.owned() {
        Some(kind) => format!(
            "INSERT INTO owned_aliases (partition, kind, blind, holder_id, claimed_at) VALUES {} ON CONFLICT DO NOTHING",
            tuples(rows, &format!("(?, {kind}, ?, ?, $1)"), 1)
        ),
        None => format!(
            "INSERT INTO shared_aliases (partition, blind, holder_id, claimed_at) VALUES {} ON CONFLICT DO NOTHING",
            tuples(rows, "(?, ?, ?, $1)", 1)
        ),
    };
    let mut query = sqlx::query(AssertSqlSafe(text)).bind(now.as_microsecond());
    for claim in claims {
        query = query
            .bind(partition_of(&claim.blind).sql())
            .bind(claim.blind.sql())
            .bind(claim.holder.as_str());
    }
    let added = query.execute(connection).await?.rows_affected();
    Ok(usize::try_from(added).is_ok_and(|added| added == rows))
}

async fn owners(
    connection: &mut AnyConnection,
    kind: AliasKind,
    names: &[Blind],
) -> Result<HashMap<Blind, HolderId>, StoreError> {
    let from = match kind.owned() {
        Some(kind) => format!("owned_aliases WHERE kind = {kind} AND"),
        None => "shared_aliases WHERE".to_owned(),
    };
    let mut found = HashMap::with_capacity(names.len());
    for part in parts(names) {
        let text = format!(
            "SELECT blind, holder_id FROM {from} (partition, blind) IN (VALUES {})",
            tuples(part.len(), "(?, ?)", 0)
        );
        let mut query = sqlx::query(AssertSqlSafe(text));
        for name in part {
            query = query.bind(partition_of(name).sql()).bind(name.sql());
        }
        for row in query.fetch_all(&mut *connection).await? {
            let row = Columns {
                table: "aliases",
                row: &row,
            };
            let bytes = row.bytes("blind")?;
            let holder = row.parsed("holder_id", HolderId::parse)?;
            let name = part
                .iter()
                .find(|name| name.as_bytes() == bytes)
                .ok_or_else(|| row.odd("blind", "was not asked for"))?;
            found.insert(name.clone(), holder);
        }
    }
    Ok(found)
}

fn partition_of(blind: &Blind) -> Partition {
    Partition::of_holders(blind.first())
}
