//! National signing keys, their secrets sealed, and signed trust lists. A root secret is never here.

use jiff::Timestamp;
use sqlx::any::AnyRow;
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

/// A signed trust list as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustListRow {
    /// Its version.
    pub version: u64,
    /// The signed list.
    pub document: String,
    /// Certificates of its keys and roots: JSON of key id and PEM.
    pub certificates: Option<String>,
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

    /// The newest signed trust list.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn trust_list(&self) -> Result<Option<TrustListRow>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT version, document, certificates FROM trust_lists ORDER BY version DESC LIMIT 1",
        )
        .fetch_optional(&mut *connection)
        .await?;
        row.as_ref().map(read_list).transpose()
    }

    /// The signed trust list of a version.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn trust_list_of(&self, version: u64) -> Result<Option<TrustListRow>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT version, document, certificates FROM trust_lists WHERE version = $1",
        )
        .bind(sql_number(version))
        .fetch_optional(&mut *connection)
        .await?;
        row.as_ref().map(read_list).transpose()
    }

    /// The version of the newest trust list; none where there is no list.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn trust_version(&self) -> Result<Option<u64>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query("SELECT version FROM trust_lists ORDER BY version DESC LIMIT 1")
            .fetch_optional(&mut *connection)
            .await?;
        let table = "trust_lists";
        row.map(|row| Columns { table, row: &row }.number("version"))
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
        list: &TrustListRow,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO trust_lists (version, document, certificates, issued_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(sql_number(list.version))
        .bind(list.document.as_str())
        .bind(list.certificates.as_deref())
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::Trust))?;
        Ok(())
    }

    /// Throws a signing key away that no list names: its secret is gone.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn delete_signing_key(&mut self, key_id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM signing_keys WHERE key_id = $1")
            .bind(key_id)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}

fn read_list(row: &AnyRow) -> Result<TrustListRow, StoreError> {
    let table = "trust_lists";
    let row = Columns { table, row };
    Ok(TrustListRow {
        version: row.number("version")?,
        document: row.text("document")?,
        certificates: row.opt_text("certificates")?,
    })
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
