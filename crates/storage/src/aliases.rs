//! Aliases: the names (registry subject, licence numbers, file number) under which holders are found.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::{
    Blind, HolderId, Partition, Store, StoreError,
    rows::{Columns, placeholders},
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

const BULK: usize = 500;

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

    /// Claims names and answers who owns each now: the claimer, or whoever came first. File numbers
    /// are added without a claim. A claim is a reservation that no act rests on: the driver's own
    /// transaction follows, and a name counts only while the driver's record holds it.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn claim_aliases(
        &self,
        claims: &[AliasClaim],
        now: Timestamp,
    ) -> Result<HashMap<(AliasKind, Blind), HolderId>, StoreError> {
        // One order for all writers, so that two of them never wait for each other.
        let mut sorted: Vec<&AliasClaim> = claims.iter().collect();
        sorted.sort_by(|a, b| (a.kind.as_str(), &a.blind).cmp(&(b.kind.as_str(), &b.blind)));
        let mut tx = self.inner.database.begin().await?;
        for chunk in sorted.chunks(BULK) {
            let text = format!(
                "INSERT INTO aliases (partition, kind, blind, holder_id, claimed_at) VALUES {} ON CONFLICT DO NOTHING",
                placeholders(chunk.len(), 5, 0)
            );
            let mut query = sqlx::query(AssertSqlSafe(text));
            for claim in chunk {
                query = query
                    .bind(partition_of(&claim.blind).sql())
                    .bind(claim.kind.as_str())
                    .bind(claim.blind.sql())
                    .bind(claim.holder.as_str())
                    .bind(now.as_microsecond());
            }
            query.execute(&mut *tx).await?;
        }
        tx.commit().await?;
        let mut owned = HashMap::with_capacity(claims.len());
        let mut connection = self.reader().await?;
        for kind in [AliasKind::Subject, AliasKind::LicenceNumber] {
            let names: Vec<Blind> = sorted
                .iter()
                .filter(|claim| claim.kind == kind)
                .map(|claim| claim.blind.clone())
                .collect();
            for (blind, holder) in owners(&mut connection, kind, &names).await? {
                owned.insert((kind, blind), holder);
            }
        }
        Ok(owned)
    }
}

async fn owners(
    connection: &mut AnyConnection,
    kind: AliasKind,
    names: &[Blind],
) -> Result<HashMap<Blind, HolderId>, StoreError> {
    let mut found = HashMap::with_capacity(names.len());
    for chunk in names.chunks(BULK) {
        let text = format!(
            "SELECT blind, holder_id FROM aliases WHERE kind = $1 AND (partition, blind) IN (VALUES {})",
            placeholders(chunk.len(), 2, 1)
        );
        let mut query = sqlx::query(AssertSqlSafe(text)).bind(kind.as_str());
        for name in chunk {
            query = query.bind(partition_of(name).sql()).bind(name.sql());
        }
        for row in query.fetch_all(&mut *connection).await? {
            let row = Columns {
                table: "aliases",
                row: &row,
            };
            let bytes = row.bytes("blind")?;
            let holder = row.parsed("holder_id", HolderId::parse)?;
            let name = chunk
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
