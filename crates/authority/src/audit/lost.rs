//! What a witness knows and a database that was set back does not.

use std::{collections::BTreeMap, path::Path};

use storage::Partition;

use super::{
    checkpoint::{Checkpoint, Head},
    walk::Stop,
    witness::Lines,
};
use crate::{Authority, Error, refusal};

/// Rows of the audit that were written after the instant to which the database was set back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LostRows {
    /// By partition: the first and the last such row.
    pub rows: BTreeMap<Partition, (u64, u64)>,
    /// Number of the newest checkpoint that the witness holds, 0 where it holds none.
    pub newest: u64,
}

impl LostRows {
    /// Compares the heads of a database (partition, number and chain hash, in hexadecimal, of the
    /// newest row) with a witness.
    ///
    /// # Errors
    /// [`refusal::WITNESS_FAILED`] when it cannot be read or is damaged; [`refusal::WITNESS_AHEAD`]
    /// when it tells of another history than these heads.
    pub async fn since(heads: &[(u16, u64, String)], witness: &Path) -> Result<Self, Error> {
        let own: BTreeMap<u16, (u64, &str)> = heads
            .iter()
            .map(|(partition, seq, hash)| (*partition, (*seq, hash.as_str())))
            .collect();
        let mut lost = Self::default();
        let mut lines = Lines::open(witness).await?;
        while let Some(checkpoint) = lines.peek().await.map_err(failed)? {
            lost.newest = checkpoint.statement.number;
            for Head {
                partition,
                seq,
                hash,
            } in &checkpoint.statement.heads
            {
                let known = own.get(&partition.number());
                let (newest, own_hash) = known.copied().unwrap_or((0, ""));
                if *seq == newest && hex::encode(hash) != own_hash {
                    return Err(refusal::WITNESS_AHEAD.into());
                }
                if *seq > newest {
                    lost.rows
                        .insert(*partition, (newest.saturating_add(1), *seq));
                }
            }
            lines.take();
        }
        Ok(lost)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.rows.values().fold(0, |count, (from, to)| {
            count.saturating_add(to.saturating_sub(*from).saturating_add(1))
        })
    }
}

impl Authority {
    /// Whether the database holds just this checkpoint, given as it is pushed to a witness.
    ///
    /// # Errors
    /// [`refusal::WITNESS_FAILED`] when it is none; when the store fails.
    pub async fn holds_checkpoint(&self, line: &str) -> Result<bool, Error> {
        let seen = Checkpoint::parse(line).ok_or(refusal::WITNESS_FAILED)?;
        match self.known_here(&seen).await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == refusal::WITNESS_AHEAD.code => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn failed(stop: Stop) -> Error {
    match stop {
        Stop::Failed(error) => error,
        Stop::Found(_) => refusal::WITNESS_FAILED.into(),
    }
}
