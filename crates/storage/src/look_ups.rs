//! Look-ups set by set: what the group commit of many look-ups writes by few statements.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use sqlx::AssertSqlSafe;

use crate::{
    Blind, Conflict, HolderId, Partition, Remembered, SealedVerification, StoreError, Tx,
    error::unique,
    rows::{Columns, sets},
};

/// A numeric code to be used up.
#[derive(Clone, Debug)]
pub struct CodeToUse {
    /// Where it lies.
    pub partition: Partition,
    /// Keyed hash of its digits.
    pub code: Blind,
    /// When it is used.
    pub at: Timestamp,
}

/// A request to be remembered.
#[derive(Clone, Debug)]
pub struct ToRemember {
    /// Where it lies.
    pub partition: Partition,
    /// Keyed hash of the request's key.
    pub key: Blind,
    /// What it made.
    pub remembered: Remembered,
    /// When.
    pub at: Timestamp,
}

impl Tx {
    /// The revisions of drivers, which nobody changes before this transaction ends. Whoever locks
    /// several drivers does so in the order of their identifiers, as here.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn driver_revisions(
        &mut self,
        holders: &[HolderId],
    ) -> Result<HashMap<HolderId, u64>, StoreError> {
        let mut sorted = holders.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let keeping = self.store().inner.database.keeping_rows();
        let mut revisions = HashMap::with_capacity(sorted.len());
        for set in sets(&sorted, self.rows_at_once()) {
            let text = format!(
                "SELECT id, revision FROM drivers WHERE (partition, id) IN (VALUES {}) \
                 ORDER BY partition, id{keeping}",
                set.tuples("(?, ?)")
            );
            let mut query = sqlx::query(AssertSqlSafe(text));
            for (partition, holder) in set.keyed(|holder| holder.partition().sql()) {
                query = query.bind(partition).bind(holder.as_str());
            }
            for row in query.fetch_all(self.connection()).await? {
                let row = Columns {
                    table: "drivers",
                    row: &row,
                };
                let holder = row.parsed("id", HolderId::parse)?;
                revisions.insert(holder, row.number("revision")?);
            }
        }
        Ok(revisions)
    }

    /// Uses numeric codes, each once; answers those that were unused and in time. The drivers they
    /// stand for are to be held (see [`Tx::driver_revisions`]): two transactions then never wait for
    /// each other's codes.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn use_numeric_codes(
        &mut self,
        codes: &[CodeToUse],
    ) -> Result<HashSet<Blind>, StoreError> {
        let mut used = HashSet::with_capacity(codes.len());
        for set in sets(codes, self.rows_at_once()) {
            for code in set.items() {
                self.expect_one_of_own("numeric_codes", code.partition)?;
            }
            let text = format!(
                "UPDATE numeric_codes SET used_at = n.column3 FROM (VALUES {}) n \
                 WHERE partition = n.column1 AND code_blind = n.column2 AND used_at IS NULL AND expires_at > n.column3 \
                 RETURNING code_blind",
                set.tuples("(?, ?, ?)")
            );
            let mut query = sqlx::query(AssertSqlSafe(text));
            for (partition, code) in set.keyed(|code| code.partition.sql()) {
                query = query
                    .bind(partition)
                    .bind(code.code.sql())
                    .bind(code.at.as_microsecond());
            }
            for row in query.fetch_all(self.connection()).await? {
                let row = Columns {
                    table: "numeric_codes",
                    row: &row,
                };
                let bytes = row.bytes("code_blind")?;
                let code = set
                    .items()
                    .iter()
                    .find(|code| code.code.as_bytes() == bytes);
                let code = code.ok_or_else(|| row.odd("code_blind", "was not asked for"))?;
                used.insert(code.code.clone());
            }
        }
        Ok(used)
    }

    /// Adds look-ups.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_verifications(
        &mut self,
        look_ups: &[&SealedVerification],
    ) -> Result<(), StoreError> {
        for set in sets(look_ups, self.rows_at_once()) {
            for look_up in set.items() {
                self.expect_one_of_own("verifications", look_up.holder.partition())?;
                self.sealed_with(look_up.key);
            }
            let text = format!(
                "INSERT INTO verifications (partition, id, holder_id, verifier, office, purpose, at, answer_sealed) {}",
                set.to_insert("(?, ?, ?, ?, ?, ?, ?, ?)")
            );
            let mut query = sqlx::query(AssertSqlSafe(text));
            for (partition, look_up) in set.keyed(|look_up| look_up.holder.partition().sql()) {
                query = query
                    .bind(partition)
                    .bind(look_up.id.as_str())
                    .bind(look_up.holder.as_str())
                    .bind(look_up.verifier.as_str())
                    .bind(look_up.office.as_str())
                    .bind(look_up.purpose.as_str())
                    .bind(look_up.at.as_microsecond())
                    .bind(look_up.answer.as_slice());
            }
            query.execute(self.connection()).await?;
        }
        Ok(())
    }

    /// Remembers requests.
    ///
    /// # Errors
    /// [`Conflict::Request`] when the key of one has been used.
    pub async fn remember_each(&mut self, requests: &[ToRemember]) -> Result<(), StoreError> {
        let mut sorted: Vec<&ToRemember> = requests.iter().collect();
        // One order for all writers, so that two of them never wait for each other.
        sorted.sort_by(|a, b| (a.partition, &a.key).cmp(&(b.partition, &b.key)));
        for set in sets(&sorted, self.rows_at_once()) {
            for request in set.items() {
                self.expect_one_of_own("idempotency", request.partition)?;
            }
            let text = format!(
                "INSERT INTO idempotency (partition, key_blind, fingerprint, resource, at) {}",
                set.to_insert("(?, ?, ?, ?, ?)")
            );
            let mut query = sqlx::query(AssertSqlSafe(text));
            for (partition, request) in set.keyed(|request| request.partition.sql()) {
                query = query
                    .bind(partition)
                    .bind(request.key.sql())
                    .bind(request.remembered.fingerprint.as_slice())
                    .bind(request.remembered.resource.as_str())
                    .bind(request.at.as_microsecond());
            }
            query
                .execute(self.connection())
                .await
                .map_err(unique(Conflict::Request))?;
        }
        Ok(())
    }
}
