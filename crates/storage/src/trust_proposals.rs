//! Trust lists that the roots have signed and that wait for a second person.

use jiff::Timestamp;
use sqlx::any::AnyRow;

use crate::{
    Conflict, ProposalId, Store, StoreError, TrustListRow, Tx, error::exactly_one, rows::Columns,
    store::sql_number,
};

/// A proposed trust list as stored.
#[derive(Clone, Debug)]
pub struct TrustProposal {
    /// Which.
    pub id: ProposalId,
    /// How far it is.
    pub state: ProposalState,
    /// The list, with its own version.
    pub list: TrustListRow,
    /// Who brought it.
    pub prepared_by: String,
    /// When.
    pub prepared_at: Timestamp,
    /// The first of two who activate it, where two must.
    pub approved_by: Option<String>,
    /// Who activated or rejected it.
    pub settled_by: Option<String>,
    /// When.
    pub settled_at: Option<Timestamp>,
}

/// How far a proposal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProposalState {
    /// Nobody has decided.
    Open,
    /// It counts, or did until a later list.
    Activated,
    /// It never counts.
    Rejected,
}

impl ProposalState {
    /// Its stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Activated => "activated",
            Self::Rejected => "rejected",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Activated, Self::Rejected]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

const TABLE: &str = "trust_proposals";

impl Store {
    /// The proposals, newest first, at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn trust_proposals(&self, limit: u32) -> Result<Vec<TrustProposal>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT id, state, version, document, certificates, prepared_by, prepared_at, approved_by, \
             settled_by, settled_at FROM trust_proposals ORDER BY prepared_at DESC, id LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&mut *connection)
        .await?;
        rows.iter().map(read).collect()
    }

    /// A proposal.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn trust_proposal(
        &self,
        id: &ProposalId,
    ) -> Result<Option<TrustProposal>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT id, state, version, document, certificates, prepared_by, prepared_at, approved_by, \
             settled_by, settled_at FROM trust_proposals WHERE id = $1",
        )
        .bind(id.as_str())
        .fetch_optional(&mut *connection)
        .await?;
        row.as_ref().map(read).transpose()
    }
}

impl Tx {
    /// Adds a proposal, open.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_trust_proposal(
        &mut self,
        id: &ProposalId,
        list: &TrustListRow,
        prepared_by: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO trust_proposals (id, state, version, document, certificates, prepared_by, prepared_at) \
             VALUES ($1, 'open', $2, $3, $4, $5, $6)",
        )
        .bind(id.as_str())
        .bind(sql_number(list.version))
        .bind(list.document.as_str())
        .bind(list.certificates.as_deref().unwrap_or("{}"))
        .bind(prepared_by)
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// The first of two approvals of an open proposal, in the place of the one the act read.
    ///
    /// # Errors
    /// [`Conflict::TrustChange`] when it is no longer so.
    pub async fn approve_trust_proposal(
        &mut self,
        proposal: &TrustProposal,
        by: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let approved = sqlx::query(
            "UPDATE trust_proposals SET approved_by = $2, approved_at = $3 \
             WHERE id = $1 AND state = 'open' AND COALESCE(approved_by, '') = $4",
        )
        .bind(proposal.id.as_str())
        .bind(by)
        .bind(now.as_microsecond())
        .bind(proposal.approved_by.as_deref().unwrap_or_default())
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(approved, Conflict::TrustChange)
    }

    /// Open -> activated or rejected, while its first approval is the one the act read.
    ///
    /// # Errors
    /// [`Conflict::TrustChange`] when it is no longer so.
    pub async fn settle_trust_proposal(
        &mut self,
        proposal: &TrustProposal,
        state: ProposalState,
        by: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let settled = sqlx::query(
            "UPDATE trust_proposals SET state = $2, settled_by = $3, settled_at = $4 \
             WHERE id = $1 AND state = 'open' AND COALESCE(approved_by, '') = $5",
        )
        .bind(proposal.id.as_str())
        .bind(state.as_str())
        .bind(by)
        .bind(now.as_microsecond())
        .bind(proposal.approved_by.as_deref().unwrap_or_default())
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(settled, Conflict::TrustChange)
    }
}

fn read(row: &AnyRow) -> Result<TrustProposal, StoreError> {
    let row = Columns { table: TABLE, row };
    Ok(TrustProposal {
        id: row.parsed("id", ProposalId::parse)?,
        state: row.named("state", ProposalState::parse)?,
        list: TrustListRow {
            version: row.number("version")?,
            document: row.text("document")?,
            certificates: row.opt_text("certificates")?,
        },
        prepared_by: row.text("prepared_by")?,
        prepared_at: row.instant("prepared_at")?,
        approved_by: row.opt_text("approved_by")?,
        settled_by: row.opt_text("settled_by")?,
        settled_at: row.opt_instant("settled_at")?,
    })
}
