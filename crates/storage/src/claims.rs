//! Claims of names: who enters a name first has it.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Transaction};

use crate::{
    AliasKind, Blind, Conflict, HolderId, Store, StoreError,
    aliases::{Hash, held_names, owners, remove_names},
    blinds::partition_of,
    engine::RowsAtOnce,
    rows::{sets, whole},
};

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

/// Names claimed in one transaction.
struct Claiming<'a> {
    tx: Transaction<'static, Any>,
    keeping: &'static str,
    claims: &'a [AliasClaim],
    /// The index key under which names are entered.
    active: u32,
    /// The one from which names are brought over.
    older: Option<Older>,
    owned: HashMap<(AliasKind, Blind), HolderId>,
    now: Timestamp,
}

/// An index key from which names are brought over, and who has which of the claimed names there.
struct Older {
    version: u32,
    held: HashMap<(AliasKind, Hash), HolderId>,
}

impl Store {
    /// Claims names and answers who owns each now: the claimer, or whoever came first. Names of a
    /// holder whose subject is another's by then are not claimed, nor answered. File numbers are
    /// added without a claim. A claim is a reservation that no act rests on: the driver's own
    /// transaction follows, and a name counts only while the driver's record holds it.
    ///
    /// # Errors
    /// [`Conflict::IndexKey`] when another index key came into use after they were hashed; nothing
    /// was claimed then. When the database cannot be reached.
    pub async fn claim_aliases(
        &self,
        claims: &[AliasClaim],
        now: Timestamp,
    ) -> Result<HashMap<(AliasKind, Blind), HolderId>, StoreError> {
        if let Some(claiming) = self.begin_claims(claims, now).await? {
            return claiming.run().await;
        }
        self.refresh_keys().await?;
        Err(Conflict::IndexKey.into())
    }

    /// None where names are entered under another key than this node, or the claims, know.
    async fn begin_claims<'a>(
        &self,
        claims: &'a [AliasClaim],
        now: Timestamp,
    ) -> Result<Option<Claiming<'a>>, StoreError> {
        let names = self.sealer().names();
        let (active, older) = (names.active(), names.left());
        let needed: BTreeSet<u32> = std::iter::once(active).chain(older).collect();
        if !claims.iter().all(|claim| claim.blind.covers(&needed)) {
            return Ok(None);
        }
        let database = &self.inner.database;
        let mut tx = database.begin().await?;
        // The row is held until the claims are committed: a pass that begins waits for them, and what
        // was claimed under the older key before it is there when it looks.
        let text = format!(
            "SELECT version FROM blind_indexes WHERE version = $1 AND activated_at IS NOT NULL AND left_at IS NULL{}",
            database.sharing_rows()
        );
        let in_use = sqlx::query(AssertSqlSafe(text))
            .bind(i64::from(active))
            .fetch_optional(&mut *tx)
            .await?;
        Ok(in_use.map(|_row| Claiming {
            tx,
            keeping: database.keeping_rows(),
            claims,
            active,
            older: older.map(|version| Older {
                version,
                held: HashMap::new(),
            }),
            owned: HashMap::with_capacity(claims.len()),
            now,
        }))
    }
}

impl Claiming<'_> {
    async fn run(mut self) -> Result<HashMap<(AliasKind, Blind), HolderId>, StoreError> {
        self.hold_older().await?;
        let mut lost = HashSet::new();
        for kind in AliasKind::AS_CLAIMED {
            let of_kind = self.claims.iter().filter(|claim| claim.kind == kind);
            let of_kind: Vec<&AliasClaim> = of_kind
                .filter(|claim| !lost.contains(&claim.holder))
                .collect();
            self.claim(kind, &of_kind).await?;
            if kind == AliasKind::Subject {
                let is_lost = |claim: &&&AliasClaim| !self.is_mine(claim);
                lost = of_kind
                    .iter()
                    .filter(is_lost)
                    .map(|claim| claim.holder.clone())
                    .collect();
            }
        }
        self.remove_brought_over().await?;
        self.tx.commit().await?;
        Ok(self.owned)
    }

    /// Holds the names that lie under the older key, before any is entered: they do not move, nor
    /// change hands, until these claims are committed. In one order, as all who hold them.
    async fn hold_older(&mut self) -> Result<(), StoreError> {
        let Some(Older { version, held }) = &mut self.older else {
            return Ok(());
        };
        for kind in AliasKind::OWNED {
            let of_kind = self.claims.iter().filter(|claim| claim.kind == kind);
            let mut hashes: Vec<Hash> = of_kind
                .filter_map(|claim| claim.blind.under(*version))
                .collect();
            hashes.sort_unstable();
            hashes.dedup();
            for (hash, holder) in held_names(&mut self.tx, kind, &hashes, self.keeping).await? {
                held.insert((kind, hash), holder);
            }
        }
        Ok(())
    }

    async fn claim(&mut self, kind: AliasKind, of_kind: &[&AliasClaim]) -> Result<(), StoreError> {
        let mut free: Vec<(Hash, &AliasClaim)> = Vec::with_capacity(of_kind.len());
        for claim in of_kind {
            match self.older_owner(claim) {
                Some(owner) if *owner != claim.holder => {
                    let owner = owner.clone();
                    self.owned.insert((kind, claim.blind.clone()), owner);
                }
                Some(_) | None => {
                    let hash = claim.blind.under(self.active);
                    free.push((hash.ok_or(Conflict::IndexKey)?, claim));
                }
            }
        }
        // One order for all writers, so that two of them never wait for each other; and names that
        // lie side by side are written one after another.
        free.sort_by_key(|(hash, _)| *hash);
        for part in sets(&free, RowsAtOnce::of(&self.tx)) {
            let part = part.items();
            let entered: Vec<_> = part.iter().map(|(hash, it)| (*hash, &it.holder)).collect();
            let all = enter(&mut self.tx, kind, &entered, self.active, self.now).await?;
            if kind == AliasKind::FileNumber {
                continue;
            }
            let names: Vec<Blind> = part.iter().map(|(_, claim)| claim.blind.clone()).collect();
            if all {
                let mine = part.iter().map(|(_, claim)| claim.holder.clone());
                let keys = names.into_iter().map(|name| (kind, name));
                self.owned.extend(keys.zip(mine));
                continue;
            }
            for (name, holder) in owners(&mut self.tx, kind, &names).await? {
                self.owned.insert((kind, name), holder);
            }
        }
        Ok(())
    }

    /// What the claimers had under the older key lies under the newer one now.
    async fn remove_brought_over(&mut self) -> Result<(), StoreError> {
        let Some(Older { version, held }) = self.older.take() else {
            return Ok(());
        };
        for kind in AliasKind::OWNED {
            let mine = self.claims.iter().filter(|claim| claim.kind == kind);
            let mine = mine.filter(|claim| self.is_mine(claim));
            let mut hashes: Vec<Hash> = mine
                .filter_map(|claim| claim.blind.under(version))
                .filter(|hash| held.contains_key(&(kind, *hash)))
                .collect();
            hashes.sort_unstable();
            hashes.dedup();
            remove_names(&mut self.tx, kind, &hashes).await?;
        }
        Ok(())
    }

    fn older_owner(&self, claim: &AliasClaim) -> Option<&HolderId> {
        let older = self.older.as_ref()?;
        let hash = claim.blind.under(older.version)?;
        older.held.get(&(claim.kind, hash))
    }

    fn is_mine(&self, claim: &AliasClaim) -> bool {
        self.owned.get(&(claim.kind, claim.blind.clone())) == Some(&claim.holder)
    }
}

/// Enters the names that nobody has; answers whether these were all.
pub(crate) async fn enter(
    connection: &mut AnyConnection,
    kind: AliasKind,
    names: &[(Hash, &HolderId)],
    index: u32,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let set = whole(names, RowsAtOnce::of(connection));
    let text = match kind.owned() {
        Some(kind) => format!(
            "INSERT INTO owned_aliases (partition, kind, blind, holder_id, claimed_at, index_version) {} ON CONFLICT DO NOTHING",
            set.to_insert(&format!("(?, {kind}, ?, ?, ?, ?)"))
        ),
        None => format!(
            "INSERT INTO shared_aliases (partition, blind, holder_id, claimed_at, index_version) {} ON CONFLICT DO NOTHING",
            set.to_insert("(?, ?, ?, ?, ?)")
        ),
    };
    let mut query = sqlx::query(AssertSqlSafe(text));
    for (partition, (hash, holder)) in set.keyed(|(hash, _)| partition_of(hash).sql()) {
        query = query
            .bind(partition)
            .bind(hash.to_vec())
            .bind(holder.as_str())
            .bind(now.as_microsecond())
            .bind(i64::from(index));
    }
    let added = query.execute(connection).await?.rows_affected();
    Ok(usize::try_from(added).is_ok_and(|added| added == names.len()))
}
