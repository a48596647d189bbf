//! What a step of the pass does with names, within its transaction.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::AssertSqlSafe;

use crate::{
    AliasKind, Damaged, HolderId, Steward, StoreError, Tx,
    aliases::{Hash, held_names, remove_names},
    blinds::partition_of,
    claims::enter,
    rows::{parts, tuples},
};

/// What is to be done with the names of some drivers.
#[derive(Default)]
pub(super) struct Batch {
    /// Hashes under the older key, with the holder who is to have it and the hash under the newer.
    pub(super) moves: BTreeMap<(AliasKind, Hash, HolderId), Hash>,
    /// Names that nobody's record holds.
    pub(super) given_up: BTreeSet<(AliasKind, Hash, HolderId)>,
    /// The drivers among their holders: whose names they were before their record changed.
    pub(super) former_of: BTreeSet<String>,
    pub(super) damaged: Vec<Damaged>,
}

impl Batch {
    /// Moves and removes what still lies under the older key; answers how many of each. First all
    /// names are held, then entered, then removed, each in order, so that claims and passes never
    /// wait for each other in a ring.
    pub(super) async fn carry_out(
        &self,
        tx: &mut Tx,
        newer: u32,
        by: &Steward<'_>,
    ) -> Result<(u64, u64), StoreError> {
        let keeping = tx.store().inner.database.keeping_rows();
        let (mut moved, mut given_up) = (0_u64, 0_u64);
        let mut held = Vec::new();
        for kind in AliasKind::OWNED {
            held.push((kind, self.hold(tx, kind, keeping).await?));
        }
        for (kind, held) in &held {
            self.enter(tx, (*kind, held), newer, by).await?;
        }
        for (kind, held) in &held {
            let gone: Vec<Hash> = held.iter().map(|(hash, _)| *hash).collect();
            remove_names(tx.connection(), *kind, &gone).await?;
        }
        let kind = AliasKind::FileNumber;
        let shared = self.hold(tx, kind, keeping).await?;
        self.enter(tx, (kind, &shared), newer, by).await?;
        remove_shared(tx, &shared).await?;
        held.push((kind, shared));
        for (kind, held) in held {
            for (hash, holder) in held {
                if self.moves.contains_key(&(kind, hash, holder)) {
                    moved = moved.saturating_add(1);
                } else {
                    given_up = given_up.saturating_add(1);
                }
            }
        }
        Ok((moved, given_up))
    }

    /// Those names of a kind that are to be moved or given up and still lie there.
    async fn hold(
        &self,
        tx: &mut Tx,
        kind: AliasKind,
        keeping: &'static str,
    ) -> Result<Vec<(Hash, HolderId)>, StoreError> {
        let moves = self.moves.keys();
        let hashes: BTreeSet<Hash> = moves
            .chain(&self.given_up)
            .filter(|(of, ..)| *of == kind)
            .map(|(_, hash, _)| *hash)
            .collect();
        let hashes: Vec<Hash> = hashes.into_iter().collect();
        let mut held = held_names(tx.connection(), kind, &hashes, keeping).await?;
        // A number of one record may be another's name.
        held.retain(|(hash, holder)| {
            let place = (kind, *hash, holder.clone());
            self.moves.contains_key(&place) || self.given_up.contains(&place)
        });
        Ok(held)
    }

    async fn enter(
        &self,
        tx: &mut Tx,
        (kind, held): (AliasKind, &[(Hash, HolderId)]),
        newer: u32,
        by: &Steward<'_>,
    ) -> Result<(), StoreError> {
        let mut names: Vec<(Hash, &HolderId)> = held
            .iter()
            .filter_map(|(hash, holder)| {
                let new = self.moves.get(&(kind, *hash, holder.clone()))?;
                Some((*new, holder))
            })
            .collect();
        names.sort_unstable();
        for part in parts(&names) {
            let all = enter(tx.connection(), kind, part, newer, by.now).await?;
            // A file number may have been claimed again meanwhile; what has one owner may not.
            if !all && kind.owned().is_some() {
                return Err(StoreError::Inconsistent {
                    table: "owned_aliases",
                    column: "blind",
                    row: None,
                    what: "lies under two index keys",
                });
            }
        }
        Ok(())
    }
}

async fn remove_shared(tx: &mut Tx, names: &[(Hash, HolderId)]) -> Result<(), StoreError> {
    for part in parts(names) {
        let text = format!(
            "DELETE FROM shared_aliases WHERE (partition, blind, holder_id) IN (VALUES {})",
            tuples(part.len(), "(?, ?, ?)", 0)
        );
        let mut query = sqlx::query(AssertSqlSafe(text));
        for (hash, holder) in part {
            query = query
                .bind(partition_of(hash).sql())
                .bind(hash.to_vec())
                .bind(holder.as_str());
        }
        query.execute(tx.connection()).await?;
    }
    Ok(())
}
