//! Sanctions (停止申领使用, R75), guarded by state in SQL too, and their steps.

mod steps;

use jiff::Timestamp;
use licence::sanction::{Appeal, Evidence, Grounds, Stage};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sqlx::{AnyConnection, AssertSqlSafe, any::AnyRow};

use crate::{
    Conflict, ELicenceId, HolderId, Locked, SanctionId, Store, StoreError, Tx,
    error::{exactly_one, unique},
    rows::Columns,
};

pub use self::steps::{NewSanctionStep, SanctionStep, StepKind};

/// A sanction as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SanctionRow {
    /// Which.
    pub id: SanctionId,
    /// Whose.
    pub holder: HolderId,
    /// The issuing authority whose officers decide.
    pub office: String,
    /// Its stage.
    pub stage: Stage,
    /// Why.
    pub grounds: Grounds,
    /// What it rests on.
    pub evidence: Evidence,
    /// Who proposed it.
    pub proposed_by: String,
    /// When.
    pub proposed_at: Timestamp,
    /// Who confirmed or declined it.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// The e-licence that it stopped.
    pub e_licence: Option<ELicenceId>,
    /// Who would have it lifted.
    pub lift_by: Option<String>,
    /// Since when.
    pub lift_at: Option<Timestamp>,
    /// Who lifted it.
    pub lifted_by: Option<String>,
    /// When.
    pub lifted_at: Option<Timestamp>,
    /// Where the driver's appeal stands.
    pub appeal: Appeal,
}

/// A sanction to be added, proposed.
#[derive(Clone, Debug)]
pub struct NewSanction {
    /// Which.
    pub id: SanctionId,
    /// The issuing authority whose officers decide.
    pub office: String,
    /// Why.
    pub grounds: Grounds,
    /// What it rests on.
    pub evidence: Evidence,
    /// Who proposes it.
    pub proposed_by: String,
    /// When.
    pub proposed_at: Timestamp,
}

/// What an officer decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SanctionMove<'a> {
    /// Proposed -> in force.
    Confirm {
        /// The e-licence that it stops.
        e_licence: Option<&'a ELicenceId>,
    },
    /// Proposed -> declined.
    Decline,
    /// In force -> its lift is to be decided.
    ProposeLift,
    /// Its lift is to be decided -> lifted; an open appeal was granted.
    Lift,
    /// Its lift is to be decided -> in force; an open appeal was dismissed.
    DeclineLift,
}

/// JSON of a column with its schema version.
#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    v: u8,
    items: T,
}

const TABLE: &str = "sanctions";
const SELECT: &str = "SELECT id, holder_id, office, stage, grounds, evidence, proposed_by, proposed_at, decided_by, \
     decided_at, e_licence_id, lift_by, lift_at, lifted_by, lifted_at, appeal FROM sanctions";

impl Store {
    /// A sanction.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn sanction(&self, id: &SanctionId) -> Result<Option<SanctionRow>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!("{SELECT} WHERE partition = $1 AND id = $2");
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(id.partition().sql())
            .bind(id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The sanction in force against a holder, whether or not its lift is to be decided.
    ///
    /// # Errors
    /// As [`Store::sanction`].
    pub async fn sanction_in_force(
        &self,
        holder: &HolderId,
    ) -> Result<Option<SanctionRow>, StoreError> {
        let mut connection = self.reader().await?;
        in_force(&mut connection, holder).await
    }

    /// All sanctions of a holder, newest first.
    ///
    /// # Errors
    /// As [`Store::sanction`].
    pub async fn sanctions_of(&self, holder: &HolderId) -> Result<Vec<SanctionRow>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!(
            "{SELECT} WHERE partition = $1 AND holder_id = $2 ORDER BY proposed_at DESC, id DESC LIMIT 200"
        );
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(holder.partition().sql())
            .bind(holder.as_str())
            .fetch_all(&mut *connection)
            .await?;
        rows.iter().map(read).collect()
    }

    /// Sanctions of an office in one of `stages`, newest first. There are few in all: it reads
    /// across the partitions.
    ///
    /// # Errors
    /// As [`Store::sanction`].
    pub async fn sanctions_of_office(
        &self,
        office: &str,
        stages: &[Stage],
        limit: u32,
    ) -> Result<Vec<SanctionRow>, StoreError> {
        let mut connection = self.reader().await?;
        // Names of the enum, not a client's text.
        let names: Vec<String> = stages.iter().map(|stage| format!("'{stage}'")).collect();
        let text = format!(
            "{SELECT} WHERE office = $1 AND stage IN ({}) ORDER BY proposed_at DESC, id DESC LIMIT $2",
            names.join(", ")
        );
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(office)
            .bind(i64::from(limit))
            .fetch_all(&mut *connection)
            .await?;
        rows.iter().map(read).collect()
    }
}

impl Tx {
    /// Adds a sanction, proposed.
    ///
    /// # Errors
    /// [`Conflict::OpenSanction`] when the driver has one that is open.
    pub async fn insert_sanction(
        &mut self,
        locked: &Locked,
        new: &NewSanction,
    ) -> Result<(), StoreError> {
        self.expect_own(TABLE, new.id.partition())?;
        sqlx::query(
            "INSERT INTO sanctions (partition, id, holder_id, office, stage, grounds, evidence, proposed_by, proposed_at, \
             appeal) VALUES ($1, $2, $3, $4, 'proposed', $5, $6, $7, $8, 'none')",
        )
        .bind(self.partition().sql())
        .bind(new.id.as_str())
        .bind(locked.holder().as_str())
        .bind(new.office.as_str())
        .bind(json(&new.grounds, "grounds")?)
        .bind(json(&new.evidence, "evidence")?)
        .bind(new.proposed_by.as_str())
        .bind(new.proposed_at.as_microsecond())
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::OpenSanction))?;
        Ok(())
    }

    /// Moves a sanction of the locked driver by the decision of the officer `by`.
    ///
    /// # Errors
    /// [`Conflict::SanctionState`] when it is not in the state from which it moves so, or the
    /// officer is one who may not decide.
    pub async fn move_sanction(
        &mut self,
        locked: &Locked,
        id: &SanctionId,
        to: SanctionMove<'_>,
        (by, now): (&str, Timestamp),
    ) -> Result<(), StoreError> {
        let change = match to {
            SanctionMove::Confirm { .. } => {
                "stage = 'in-force', decided_by = $4, decided_at = $5, e_licence_id = $6 \
                 WHERE stage = 'proposed' AND proposed_by <> $4"
            }
            SanctionMove::Decline => {
                "stage = 'declined', decided_by = $4, decided_at = $5 \
                 WHERE stage = 'proposed' AND proposed_by <> $4"
            }
            SanctionMove::ProposeLift => {
                "stage = 'lift-proposed', lift_by = $4, lift_at = $5 WHERE stage = 'in-force'"
            }
            SanctionMove::Lift => {
                "stage = 'lifted', lifted_by = $4, lifted_at = $5, \
                 appeal = CASE WHEN appeal = 'open' THEN 'granted' ELSE appeal END \
                 WHERE stage = 'lift-proposed' AND lift_by <> $4 AND decided_by <> $4"
            }
            SanctionMove::DeclineLift => {
                "stage = 'in-force', lift_by = NULL, lift_at = NULL, \
                 appeal = CASE WHEN appeal = 'open' THEN 'dismissed' ELSE appeal END \
                 WHERE stage = 'lift-proposed' AND lift_by <> $4 AND decided_by <> $4"
            }
        };
        let text = format!(
            "UPDATE sanctions SET {change} AND partition = $1 AND id = $2 AND holder_id = $3"
        );
        let mut query = sqlx::query(AssertSqlSafe(text))
            .bind(self.partition().sql())
            .bind(id.as_str())
            .bind(locked.holder().as_str())
            .bind(by);
        if to != SanctionMove::DeclineLift {
            query = query.bind(now.as_microsecond());
        }
        if let SanctionMove::Confirm { e_licence } = to {
            query = query.bind(e_licence.map(ELicenceId::as_str));
        }
        let moved = query.execute(self.connection()).await?.rows_affected();
        exactly_one(moved, Conflict::SanctionState)
    }

    /// The locked driver appeals.
    ///
    /// # Errors
    /// [`Conflict::SanctionState`] when it is not in force any more, or an appeal is open.
    pub async fn appeal_sanction(
        &mut self,
        locked: &Locked,
        id: &SanctionId,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE sanctions SET appeal = 'open' WHERE partition = $1 AND id = $2 AND holder_id = $3 \
             AND stage IN ('in-force', 'lift-proposed') AND appeal <> 'open'",
        )
        .bind(self.partition().sql())
        .bind(id.as_str())
        .bind(locked.holder().as_str())
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::SanctionState)
    }

    /// Active, or stopped by an objection -> stopped by a sanction of the locked driver.
    ///
    /// # Errors
    /// [`Conflict::ELicenceState`] when it is neither.
    pub async fn stop_e_licence(
        &mut self,
        locked: &Locked,
        e_licence: &ELicenceId,
        sanction: &SanctionId,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE e_licences SET stage = 'stopped', sanction_id = $4 \
             WHERE partition = $1 AND id = $2 AND holder_id = $3 AND stage IN ('active', 'stopped') \
             AND sanction_id IS NULL",
        )
        .bind(self.partition().sql())
        .bind(e_licence.as_str())
        .bind(locked.holder().as_str())
        .bind(sanction.as_str())
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::ELicenceState)
    }

    /// Stopped by this sanction of the locked driver -> active, or stopped by the objection that
    /// stands against its issue; answers whether it is active: another may have taken its place since.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn restore_e_licence(
        &mut self,
        locked: &Locked,
        sanction: &SanctionId,
    ) -> Result<bool, StoreError> {
        const STOPPED: &str =
            "WHERE partition = $1 AND holder_id = $2 AND stage = 'stopped' AND sanction_id = $3";
        let active = format!(
            "UPDATE e_licences SET stage = 'active', sanction_id = NULL {STOPPED} AND NOT EXISTS \
             (SELECT 1 FROM issue_samples s WHERE s.partition = $1 AND s.e_licence_id = e_licences.id \
             AND s.state = 'objected')"
        );
        let still_stopped = format!("UPDATE e_licences SET sanction_id = NULL {STOPPED}");
        for (text, is_active) in [(active, true), (still_stopped, false)] {
            let moved = sqlx::query(AssertSqlSafe(text))
                .bind(self.partition().sql())
                .bind(locked.holder().as_str())
                .bind(sanction.as_str())
                .execute(self.connection())
                .await?
                .rows_affected();
            if moved == 1 {
                return Ok(is_active);
            }
        }
        Ok(false)
    }
}

async fn in_force(
    connection: &mut AnyConnection,
    holder: &HolderId,
) -> Result<Option<SanctionRow>, StoreError> {
    let text = format!(
        "{SELECT} WHERE partition = $1 AND holder_id = $2 AND stage IN ('in-force', 'lift-proposed')"
    );
    let row = sqlx::query(AssertSqlSafe(text))
        .bind(holder.partition().sql())
        .bind(holder.as_str())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(read).transpose()
}

fn json<T: Serialize>(items: &T, column: &'static str) -> Result<String, StoreError> {
    serde_json::to_string(&Versioned { v: 1, items }).map_err(|_not_json| {
        StoreError::Inconsistent {
            table: TABLE,
            column,
            row: None,
            what: "cannot be written as JSON",
        }
    })
}

fn items<T: DeserializeOwned>(row: &Columns<'_>, column: &'static str) -> Result<T, StoreError> {
    let read: Result<Versioned<T>, _> = serde_json::from_str(&row.text(column)?);
    match read {
        Ok(Versioned { v: 1, items }) => Ok(items),
        Ok(_) | Err(_) => Err(row.odd(column, "does not follow its rule")),
    }
}

fn read(row: &AnyRow) -> Result<SanctionRow, StoreError> {
    let row = Columns { table: TABLE, row };
    Ok(SanctionRow {
        id: row.parsed("id", SanctionId::parse)?,
        holder: row.parsed("holder_id", HolderId::parse)?,
        office: row.text("office")?,
        stage: row.named("stage", Stage::parse)?,
        grounds: items(&row, "grounds")?,
        evidence: items(&row, "evidence")?,
        proposed_by: row.text("proposed_by")?,
        proposed_at: row.instant("proposed_at")?,
        decided_by: row.opt_text("decided_by")?,
        decided_at: row.opt_instant("decided_at")?,
        e_licence: row.opt_parsed("e_licence_id", ELicenceId::parse)?,
        lift_by: row.opt_text("lift_by")?,
        lift_at: row.opt_instant("lift_at")?,
        lifted_by: row.opt_text("lifted_by")?,
        lifted_at: row.opt_instant("lifted_at")?,
        appeal: row.named("appeal", Appeal::parse)?,
    })
}
