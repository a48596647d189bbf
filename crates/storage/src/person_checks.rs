//! Person checks (实人认证): who was asked what, and how it ended. The frames are never here.

use jiff::Timestamp;
use licence::person_check::{Method, Outcome};
use sqlx::{AssertSqlSafe, any::AnyRow};
use zeroize::Zeroizing;

use crate::{
    ApplicationId, Blind, Conflict, DeviceId, HolderId, Locked, PersonCheckId, PhotoId, Store,
    StoreError, Tx,
    error::{exactly_one, unique},
    rows::Columns,
    seal::{Place, Sealer},
};

/// A person check that is begun.
#[derive(Clone, Debug)]
pub struct NewPersonCheck {
    /// Which.
    pub id: PersonCheckId,
    /// For which application; none where it activates a device.
    pub application: Option<ApplicationId>,
    /// The photo that the person is compared with.
    pub photo: PhotoId,
    /// How it is done.
    pub method: Method,
    /// The device that began it, and the hash of its session: only they end it. None where there is
    /// no device yet.
    pub here: Option<(DeviceId, Vec<u8>)>,
    /// The key that signs the answer: P-256, SEC1, uncompressed.
    pub device_key: [u8; 65],
    /// The steps asked for.
    pub challenge: String,
    /// What the signature covers.
    pub nonce: [u8; 32],
    /// When it is begun.
    pub opened_at: Timestamp,
    /// The last instant for the answer.
    pub expires_at: Timestamp,
}

/// How a person check ended.
#[derive(Clone, Debug)]
pub struct ClosedCheck {
    /// What came of it.
    pub outcome: Outcome,
    /// Why, by stable codes, as JSON.
    pub reasons: String,
    /// What the matchers measured, as JSON, where they came so far.
    pub distances: Option<Zeroizing<Vec<u8>>>,
    /// When.
    pub at: Timestamp,
}

/// A person check as stored.
#[derive(Clone, Debug)]
pub struct PersonCheckRow {
    /// Which.
    pub id: PersonCheckId,
    /// Whose.
    pub holder: HolderId,
    /// For which application; none where it activates a device.
    pub application: Option<ApplicationId>,
    /// The photo that the person is compared with.
    pub photo: PhotoId,
    /// How it is done.
    pub method: Method,
    /// The device that began it, and the hash of its session.
    pub here: Option<(DeviceId, Vec<u8>)>,
    /// The key that signs the answer.
    pub device_key: Vec<u8>,
    /// The steps asked for.
    pub challenge: String,
    /// What the signature covers.
    pub nonce: Vec<u8>,
    /// When it was begun.
    pub opened_at: Timestamp,
    /// The last instant for the answer.
    pub expires_at: Timestamp,
    /// How it ended.
    pub closed: Option<ClosedCheck>,
}

pub(crate) const TABLE: &str = "person_checks";
pub(crate) const SELECT: &str = "SELECT id, holder_id, application_id, photo_id, method, device_id, session_hash, device_key, \
     challenge, nonce, opened_at, expires_at, outcome, reasons, distances_sealed, closed_at, claim_blind \
     FROM person_checks";
/// Why a check ended that another took the place of, or that its application left behind.
const LEFT: &str = r#"{"v":1,"codes":["left"]}"#;

impl Store {
    /// A person check.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn person_check(
        &self,
        id: &PersonCheckId,
    ) -> Result<Option<PersonCheckRow>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!("{SELECT} WHERE partition = $1 AND id = $2");
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(id.partition().sql())
            .bind(id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| read(self.sealer(), &row)).transpose()
    }

    /// The person checks of an application, the newest first.
    ///
    /// # Errors
    /// As [`Store::person_check`].
    pub async fn person_checks_of_application(
        &self,
        application: &ApplicationId,
    ) -> Result<Vec<PersonCheckRow>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!(
            "{SELECT} WHERE partition = $1 AND application_id = $2 ORDER BY opened_at DESC, id LIMIT 200"
        );
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(application.partition().sql())
            .bind(application.as_str())
            .fetch_all(&mut *connection)
            .await?;
        rows.iter().map(|row| read(self.sealer(), row)).collect()
    }

    /// How many person checks of a holder's applications were begun after `since` and let nobody go on:
    /// those that are still open count. Those for an activation do not, since anybody begins them.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn person_checks_in_vain(
        &self,
        holder: &HolderId,
        since: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT COUNT(*) AS n FROM person_checks WHERE partition = $1 AND holder_id = $2 AND opened_at > $3 \
             AND application_id IS NOT NULL AND (outcome IS NULL OR outcome IN ('reject', 'expired'))",
        )
        .bind(holder.partition().sql())
        .bind(holder.as_str())
        .bind(since.as_microsecond())
        .fetch_one(&mut *connection)
        .await?;
        Columns {
            table: TABLE,
            row: &row,
        }
        .number("n")
    }
}

impl Tx {
    /// Begins a person check of the locked driver's application. One of the same application that is open
    /// ends: of two that are begun, only the later can be answered.
    ///
    /// # Errors
    /// [`Conflict::PersonCheck`] when another is being begun, and for none of an application.
    pub async fn open_person_check(
        &mut self,
        locked: &Locked,
        new: &NewPersonCheck,
    ) -> Result<(), StoreError> {
        self.expect_own(TABLE, new.id.partition())?;
        let application = new.application.as_ref().ok_or(Conflict::PersonCheck)?;
        self.leave_person_checks(locked, application, new.opened_at)
            .await?;
        self.insert_person_check(locked.holder(), new, None).await
    }

    /// Adds a check of `holder`, who may be a name of nobody where it has a claim.
    pub(crate) async fn insert_person_check(
        &mut self,
        holder: &HolderId,
        new: &NewPersonCheck,
        claim: Option<&Blind>,
    ) -> Result<(), StoreError> {
        let (device, session) = new.here.as_ref().map_or((None, None), |(device, session)| {
            (Some(device.as_str()), Some(session.as_slice()))
        });
        sqlx::query(
            "INSERT INTO person_checks (partition, id, holder_id, application_id, photo_id, method, device_id, \
             session_hash, device_key, challenge, nonce, opened_at, expires_at, claim_blind) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(self.partition().sql())
        .bind(new.id.as_str())
        .bind(holder.as_str())
        .bind(new.application.as_ref().map(ApplicationId::as_str))
        .bind(new.photo.as_str())
        .bind(new.method.as_str())
        .bind(device)
        .bind(session)
        .bind(new.device_key.as_slice())
        .bind(new.challenge.as_str())
        .bind(new.nonce.as_slice())
        .bind(new.opened_at.as_microsecond())
        .bind(new.expires_at.as_microsecond())
        .bind(claim.map(Blind::sql))
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::PersonCheck))?;
        Ok(())
    }

    /// Open -> ended. Whatever lets the person go on must come in time.
    ///
    /// # Errors
    /// [`Conflict::PersonCheck`] when it has ended, or its time is over.
    pub async fn close_person_check(
        &mut self,
        locked: &Locked,
        id: &PersonCheckId,
        closed: &ClosedCheck,
    ) -> Result<(), StoreError> {
        let sealed = closed
            .distances
            .as_ref()
            .map(|plain| self.sealer().seal(&place(locked.holder(), id), plain))
            .transpose()?;
        let moved = sqlx::query(
            "UPDATE person_checks SET outcome = $4, reasons = $5, distances_sealed = $6, closed_at = $7 \
             WHERE partition = $1 AND id = $2 AND holder_id = $3 AND outcome IS NULL \
             AND (expires_at >= $7 OR $4 IN ('reject', 'expired'))",
        )
        .bind(self.partition().sql())
        .bind(id.as_str())
        .bind(locked.holder().as_str())
        .bind(closed.outcome.as_str())
        .bind(closed.reasons.as_str())
        .bind(sealed)
        .bind(closed.at.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        exactly_one(moved, Conflict::PersonCheck)
    }

    /// Ends the open person check of an application that goes on without it.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn leave_person_checks(
        &mut self,
        locked: &Locked,
        application: &ApplicationId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE person_checks SET outcome = 'expired', reasons = $5, closed_at = $4 \
             WHERE partition = $1 AND application_id = $2 AND holder_id = $3 AND outcome IS NULL",
        )
        .bind(self.partition().sql())
        .bind(application.as_str())
        .bind(locked.holder().as_str())
        .bind(now.as_microsecond())
        .bind(LEFT)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

pub(crate) fn read(sealer: &Sealer, row: &AnyRow) -> Result<PersonCheckRow, StoreError> {
    let row = Columns { table: TABLE, row };
    let id = row.parsed("id", PersonCheckId::parse)?;
    let holder = row.parsed("holder_id", HolderId::parse)?;
    let distances = row
        .opt_bytes("distances_sealed")?
        .map(|sealed| sealer.unseal(&place(&holder, &id), &sealed))
        .transpose()?;
    let outcome = row.opt_text("outcome")?;
    let closed = match (
        outcome.as_deref(),
        row.opt_text("reasons")?,
        row.opt_instant("closed_at")?,
    ) {
        (None, None, None) => None,
        (Some(outcome), Some(reasons), Some(at)) => Some(ClosedCheck {
            outcome: Outcome::parse(outcome)
                .ok_or_else(|| row.odd("outcome", "is not a known name"))?,
            reasons,
            distances,
            at,
        }),
        _ => return Err(row.odd("outcome", "contradicts its reasons or its end")),
    };
    let device = row.opt_parsed("device_id", DeviceId::parse)?;
    Ok(PersonCheckRow {
        application: row.opt_parsed("application_id", ApplicationId::parse)?,
        photo: row.parsed("photo_id", PhotoId::parse)?,
        method: row.named("method", Method::parse)?,
        here: device.zip(row.opt_bytes("session_hash")?),
        device_key: row.bytes("device_key")?,
        challenge: row.text("challenge")?,
        nonce: row.bytes("nonce")?,
        opened_at: row.instant("opened_at")?,
        expires_at: row.instant("expires_at")?,
        closed,
        id,
        holder,
    })
}

fn place<'a>(holder: &'a HolderId, id: &'a PersonCheckId) -> Place<'a> {
    Place {
        table: TABLE,
        column: "distances_sealed",
        owner: holder.as_str(),
        row: id.as_str(),
        version: 1,
    }
}
