//! Sessions of staff. Only the hash of a token is kept.

use jiff::Timestamp;
use sqlx::AssertSqlSafe;

use crate::{
    Office, Staff, StaffId, Store, StoreError, Tx,
    rows::Columns,
    staff::{OFFICE_COLUMNS, STAFF_COLUMNS, read_office, read_staff},
};

/// What a session of staff is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaffScope {
    /// Setting up the second factor, and nothing else.
    Enrolment,
    /// Everything the member may do.
    Full,
}

/// A session of a member of staff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffSession {
    /// Whose.
    pub staff: StaffId,
    /// What it is good for.
    pub scope: StaffScope,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// When it was last used, told to the minute.
    pub last_used_at: Timestamp,
}

/// A session of staff with whose it is.
#[derive(Clone, Debug)]
pub struct SignedInStaff {
    /// The session.
    pub session: StaffSession,
    /// The member.
    pub staff: Staff,
    /// Their office.
    pub office: Option<Office>,
}

impl StaffScope {
    fn as_str(self) -> &'static str {
        match self {
            Self::Enrolment => "enrolment",
            Self::Full => "full",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Enrolment, Self::Full]
            .into_iter()
            .find(|scope| scope.as_str() == text)
    }
}

impl Store {
    /// The session with this token hash, and whose it is, as of one moment: a member who is shut out
    /// or loses a role is so for the next request.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn signed_in_staff(
        &self,
        token_hash: &[u8],
    ) -> Result<Option<SignedInStaff>, StoreError> {
        let mut connection = self.reader().await?;
        let text = format!(
            "SELECT s.staff_id, s.scope, s.created_at, s.expires_at, s.last_used_at, {STAFF_COLUMNS}, {OFFICE_COLUMNS} \
             FROM staff_sessions s JOIN staff m ON m.id = s.staff_id LEFT JOIN offices o ON o.code = m.office \
             WHERE s.token_hash = $1"
        );
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(token_hash)
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| {
            let of = |table| Columns { table, row: &row };
            let office = of("offices");
            let there = office.opt_text("code")?;
            Ok(SignedInStaff {
                session: read(&of("staff_sessions"))?,
                staff: read_staff(self.sealer(), &of("staff"))?,
                office: there.map(|_there| read_office(&office)).transpose()?,
            })
        })
        .transpose()
    }

    /// Notes that a session is in use. It is no act, and has no audit row.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn touch_staff_session(
        &self,
        token_hash: &[u8],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.inner.database.begin().await?;
        sqlx::query(
            "UPDATE staff_sessions SET last_used_at = $2 WHERE token_hash = $1 AND last_used_at < $2",
        )
        .bind(token_hash)
        .bind(now.as_microsecond())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}

impl Tx {
    /// Adds a session; the member's sessions that ended by time go.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_staff_session(
        &mut self,
        token_hash: &[u8],
        session: &StaffSession,
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM staff_sessions WHERE staff_id = $1 AND expires_at <= $2")
            .bind(session.staff.as_str())
            .bind(session.created_at.as_microsecond())
            .execute(self.connection())
            .await?;
        sqlx::query(
            "INSERT INTO staff_sessions (token_hash, staff_id, scope, created_at, expires_at, last_used_at) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(token_hash)
        .bind(session.staff.as_str())
        .bind(session.scope.as_str())
        .bind(session.created_at.as_microsecond())
        .bind(session.expires_at.as_microsecond())
        .bind(session.last_used_at.as_microsecond())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Ends one session.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn delete_staff_session(&mut self, token_hash: &[u8]) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM staff_sessions WHERE token_hash = $1")
            .bind(token_hash)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Ends every session of a member; answers how many there were.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn delete_staff_sessions_of(&mut self, staff: &StaffId) -> Result<u64, StoreError> {
        Ok(
            sqlx::query("DELETE FROM staff_sessions WHERE staff_id = $1")
                .bind(staff.as_str())
                .execute(self.connection())
                .await?
                .rows_affected(),
        )
    }
}

fn read(row: &Columns<'_>) -> Result<StaffSession, StoreError> {
    Ok(StaffSession {
        staff: row.parsed("staff_id", StaffId::parse)?,
        scope: row.named("scope", StaffScope::parse)?,
        created_at: row.instant("created_at")?,
        expires_at: row.instant("expires_at")?,
        last_used_at: row.instant("last_used_at")?,
    })
}
