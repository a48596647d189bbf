//! National signing keys, their secrets sealed, and signed trust lists. A root secret is never here.

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::{
    Conflict, Store, StoreError, Tx, error::unique, rows::Columns, seal::Place, store::sql_number,
};

/// A signing key.
#[derive(Clone)]
pub struct SigningKeyRow {
    /// Its identifier, in hex.
    pub key_id: String,
    /// Its suite's name.
    pub suite: String,
    /// The secret scalar.
    pub secret: Zeroizing<Vec<u8>>,
    /// From when it may sign.
    pub not_before: Timestamp,
    /// Until when its signatures are to be made.
    pub not_after: Timestamp,
}

impl std::fmt::Debug for SigningKeyRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKeyRow")
            .field("key_id", &self.key_id)
            .field("suite", &self.suite)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// All signing keys, newest first.
    ///
    /// # Errors
    /// When the database cannot be reached or a secret does not open.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKeyRow>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT key_id, suite, secret_sealed, not_before, not_after FROM signing_keys ORDER BY created_at DESC, key_id",
        )
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| {
                let row = Columns {
                    table: "signing_keys",
                    row,
                };
                let key_id = row.text("key_id")?;
                Ok(SigningKeyRow {
                    suite: row.text("suite")?,
                    secret: self
                        .sealer()
                        .unseal(&place(&key_id), &row.bytes("secret_sealed")?)?,
                    not_before: row.instant("not_before")?,
                    not_after: row.instant("not_after")?,
                    key_id,
                })
            })
            .collect()
    }

    /// The newest signed trust list: version and document.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn trust_list(&self) -> Result<Option<(u64, String)>, StoreError> {
        let mut connection = self.reader().await?;
        let row =
            sqlx::query("SELECT version, document FROM trust_lists ORDER BY version DESC LIMIT 1")
                .fetch_optional(&mut *connection)
                .await?;
        row.map(|row| {
            let row = Columns {
                table: "trust_lists",
                row: &row,
            };
            Ok((row.number("version")?, row.text("document")?))
        })
        .transpose()
    }
}

impl Tx {
    /// Adds a signing key.
    ///
    /// # Errors
    /// [`Conflict::Trust`] when it exists.
    pub async fn insert_signing_key(
        &mut self,
        key: &SigningKeyRow,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sealed = self.sealer().seal(&place(&key.key_id), &key.secret)?;
        sqlx::query(
            "INSERT INTO signing_keys (key_id, suite, secret_sealed, not_before, not_after, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(key.key_id.as_str())
        .bind(key.suite.as_str())
        .bind(sealed)
        .bind(key.not_before.as_microsecond())
        .bind(key.not_after.as_microsecond())
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::Trust))?;
        Ok(())
    }

    /// Adds a signed trust list.
    ///
    /// # Errors
    /// [`Conflict::Trust`] when the version exists.
    pub async fn insert_trust_list(
        &mut self,
        version: u64,
        document: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO trust_lists (version, document, issued_at) VALUES ($1, $2, $3)")
            .bind(sql_number(version))
            .bind(document)
            .bind(now.as_microsecond())
            .execute(self.connection())
            .await
            .map_err(unique(Conflict::Trust))?;
        Ok(())
    }
}

fn place(key_id: &str) -> Place<'_> {
    Place {
        table: "signing_keys",
        column: "secret_sealed",
        owner: "signing",
        row: key_id,
        version: 1,
    }
}
