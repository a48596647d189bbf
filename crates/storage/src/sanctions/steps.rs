//! The steps of a sanction with what was written about each: they are only added.

use jiff::Timestamp;
use sqlx::any::AnyRow;
use zeroize::Zeroizing;

use crate::{
    Conflict, HolderId, Locked, SanctionId, SanctionStepId, Store, StoreError, Tx,
    error::unique,
    rows::Columns,
    seal::{Place, Sealer},
    store::sql_number,
};

/// What happened to a sanction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// An officer proposed it.
    Proposed,
    /// Another confirmed it.
    Confirmed,
    /// Another declined it.
    Declined,
    /// An officer would have it lifted.
    LiftProposed,
    /// Another let it stand.
    LiftDeclined,
    /// Another lifted it.
    Lifted,
    /// The driver appealed.
    Appealed,
    /// An officer took the case file.
    Exported,
}

/// A step as stored.
#[derive(Clone)]
pub struct SanctionStep {
    /// What happened.
    pub kind: StepKind,
    /// Who: an officer, or the driver who appeals.
    pub actor: String,
    /// When.
    pub at: Timestamp,
    /// Number of its audit row in the partition.
    pub audit_seq: u64,
    /// What the actor wrote.
    pub statement: Option<Zeroizing<String>>,
}

/// A step to be added.
pub struct NewSanctionStep<'a> {
    /// Which.
    pub id: SanctionStepId,
    /// Of which sanction.
    pub sanction: &'a SanctionId,
    /// What happens.
    pub kind: StepKind,
    /// Who acts.
    pub actor: String,
    /// When.
    pub at: Timestamp,
    /// What the actor wrote.
    pub statement: Option<&'a str>,
}

const TABLE: &str = "sanction_steps";

impl StepKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Proposed,
        Self::Confirmed,
        Self::Declined,
        Self::LiftProposed,
        Self::LiftDeclined,
        Self::Lifted,
        Self::Appealed,
        Self::Exported,
    ];

    /// Its stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Confirmed => "confirmed",
            Self::Declined => "declined",
            Self::LiftProposed => "lift-proposed",
            Self::LiftDeclined => "lift-declined",
            Self::Lifted => "lifted",
            Self::Appealed => "appealed",
            Self::Exported => "exported",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl std::fmt::Debug for SanctionStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SanctionStep")
            .field("kind", &self.kind)
            .field("audit_seq", &self.audit_seq)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for NewSanctionStep<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSanctionStep")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// The steps of a sanction in their order.
    ///
    /// # Errors
    /// When the database cannot be reached, or a row does not follow its rule or does not open.
    pub async fn sanction_steps(&self, id: &SanctionId) -> Result<Vec<SanctionStep>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT id, holder_id, step, actor, at, audit_seq, statement_sealed FROM sanction_steps \
             WHERE partition = $1 AND sanction_id = $2 ORDER BY number",
        )
        .bind(id.partition().sql())
        .bind(id.as_str())
        .fetch_all(&mut *connection)
        .await?;
        rows.iter().map(|row| read(self.sealer(), row)).collect()
    }
}

impl Tx {
    /// Adds a step to a sanction of the locked driver. Its audit row is the first that this write is
    /// committed with: nothing else is to be written in between.
    ///
    /// # Errors
    /// [`Conflict::SanctionState`] when another step was added meanwhile.
    pub async fn add_sanction_step(
        &mut self,
        locked: &Locked,
        new: &NewSanctionStep<'_>,
    ) -> Result<(), StoreError> {
        self.expect_own(TABLE, new.sanction.partition())?;
        let place = place(locked.holder(), &new.id);
        let statement = new
            .statement
            .map(|text| self.sealer().seal(&place, text.as_bytes()))
            .transpose()?;
        let audit_seq = self.next_audit_seq().await?;
        sqlx::query(
            "INSERT INTO sanction_steps (partition, id, sanction_id, number, holder_id, step, actor, at, audit_seq, \
             statement_sealed) VALUES ($1, $2, $3, \
             (SELECT COUNT(*) + 1 FROM sanction_steps WHERE partition = $1 AND sanction_id = $3), \
             $4, $5, $6, $7, $8, $9)",
        )
        .bind(self.partition().sql())
        .bind(new.id.as_str())
        .bind(new.sanction.as_str())
        .bind(locked.holder().as_str())
        .bind(new.kind.as_str())
        .bind(new.actor.as_str())
        .bind(new.at.as_microsecond())
        .bind(sql_number(audit_seq))
        .bind(statement)
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::SanctionState))?;
        Ok(())
    }
}

fn read(sealer: &Sealer, row: &AnyRow) -> Result<SanctionStep, StoreError> {
    let row = Columns { table: TABLE, row };
    let id = row.parsed("id", SanctionStepId::parse)?;
    let holder = row.parsed("holder_id", HolderId::parse)?;
    let statement = row
        .opt_bytes("statement_sealed")?
        .map(|sealed| {
            let plain = sealer.unseal(&place(&holder, &id), &sealed)?;
            let text = std::str::from_utf8(&plain)
                .map_err(|_not_text| row.odd("statement_sealed", "is not text"))?;
            Ok::<_, StoreError>(Zeroizing::new(text.to_owned()))
        })
        .transpose()?;
    Ok(SanctionStep {
        kind: row.named("step", StepKind::parse)?,
        actor: row.text("actor")?,
        at: row.instant("at")?,
        audit_seq: row.number("audit_seq")?,
        statement,
    })
}

fn place<'a>(holder: &'a HolderId, id: &'a SanctionStepId) -> Place<'a> {
    Place {
        table: TABLE,
        column: "statement_sealed",
        owner: holder.as_str(),
        row: id.as_str(),
        version: 1,
    }
}
