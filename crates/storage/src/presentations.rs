//! What a bound device shows without a signal: the forms of its credential that fit into a code.

use zeroize::Zeroizing;

use crate::{
    Conflict, CredentialId, HolderId, Locked, Store, StoreError, Tx,
    error::unique,
    rows::Columns,
    seal::{Place, Sealer},
};

/// The forms of a holder-bound credential that fit into a code.
#[derive(Clone, Debug)]
pub struct Presentation {
    /// The one suite of the codes.
    pub suite: String,
    /// The signing key, in hex.
    pub key_id: String,
    /// The registry's version of the record from which they were made.
    pub record_version: i64,
    /// The enforcement key for which they were made, in hex.
    pub enforcement_to: Option<String>,
    /// What everybody may read, COSE.
    pub public: Zeroizing<Vec<u8>>,
    /// What the enforcement key opens, COSE.
    pub enforcement: Option<Zeroizing<Vec<u8>>>,
    /// The small portrait that the public form names by its hash, WebP.
    pub portrait: Option<Zeroizing<Vec<u8>>>,
}

const TABLE: &str = "presentations";
const PUBLIC: &str = "public_sealed";
const ENFORCEMENT: &str = "enforcement_sealed";
const PORTRAIT: &str = "portrait_sealed";

impl Store {
    /// The forms of a credential of `holder` that fit into a code.
    ///
    /// # Errors
    /// When the database cannot be reached or a form does not open.
    pub async fn presentation(
        &self,
        holder: &HolderId,
        credential: &CredentialId,
    ) -> Result<Option<Presentation>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT credential_id, suite, key_id, record_version, enforcement_to, public_sealed, enforcement_sealed, \
             portrait_sealed FROM presentations WHERE partition = $1 AND credential_id = $2",
        )
        .bind(credential.partition().sql())
        .bind(credential.as_str())
        .fetch_optional(&mut *connection)
        .await?;
        row.map(|row| {
            let row = Columns {
                table: TABLE,
                row: &row,
            };
            read(self.sealer(), &row, (holder, credential))
        })
        .transpose()
    }
}

impl Tx {
    /// Adds the forms of a credential of the locked driver that fit into a code.
    ///
    /// # Errors
    /// [`Conflict::ELicenceState`] when it has some.
    pub async fn insert_presentation(
        &mut self,
        locked: &Locked,
        credential: &CredentialId,
        forms: &Presentation,
    ) -> Result<(), StoreError> {
        self.expect_own(TABLE, credential.partition())?;
        let (public, enforcement, portrait) =
            sealed(self.sealer(), (locked.holder(), credential), forms)?;
        sqlx::query(
            "INSERT INTO presentations (partition, credential_id, suite, key_id, record_version, enforcement_to, \
             public_sealed, enforcement_sealed, portrait_sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(self.partition().sql())
        .bind(credential.as_str())
        .bind(forms.suite.as_str())
        .bind(forms.key_id.as_str())
        .bind(forms.record_version)
        .bind(forms.enforcement_to.as_deref())
        .bind(public)
        .bind(enforcement)
        .bind(portrait)
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::ELicenceState))?;
        let enforcement = forms.enforcement.is_some();
        let signed = [Some(&forms.key_id), enforcement.then_some(&forms.key_id)];
        let keys: Vec<&str> = signed.into_iter().flatten().map(String::as_str).collect();
        self.count_signatures(&keys).await
    }
}

/// The three forms as their columns hold them.
#[expect(
    clippy::type_complexity,
    reason = "three columns, in the order of the table"
)]
fn sealed(
    sealer: &Sealer,
    (holder, credential): (&HolderId, &CredentialId),
    forms: &Presentation,
) -> Result<(Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>), StoreError> {
    let seal = |column, form: &[u8]| sealer.seal(&place(holder, credential, column), form);
    let optional = |column, form: &Option<Zeroizing<Vec<u8>>>| {
        form.as_ref().map(|form| seal(column, form)).transpose()
    };
    Ok((
        seal(PUBLIC, &forms.public)?,
        optional(ENFORCEMENT, &forms.enforcement)?,
        optional(PORTRAIT, &forms.portrait)?,
    ))
}

fn read(
    sealer: &Sealer,
    row: &Columns<'_>,
    (holder, credential): (&HolderId, &CredentialId),
) -> Result<Presentation, StoreError> {
    let open = |column| {
        let place = place(holder, credential, column);
        row.opt_bytes(column)?
            .map(|bytes| sealer.unseal(&place, &bytes))
            .transpose()
    };
    Ok(Presentation {
        suite: row.text("suite")?,
        key_id: row.text("key_id")?,
        record_version: row.int("record_version")?,
        enforcement_to: row.opt_text("enforcement_to")?,
        public: open(PUBLIC)?.ok_or_else(|| row.odd(PUBLIC, "is missing"))?,
        enforcement: open(ENFORCEMENT)?,
        portrait: open(PORTRAIT)?,
    })
}

fn place<'a>(
    holder: &'a HolderId,
    credential: &'a CredentialId,
    column: &'static str,
) -> Place<'a> {
    Place {
        table: TABLE,
        column,
        owner: holder.as_str(),
        row: credential.as_str(),
        version: 1,
    }
}
