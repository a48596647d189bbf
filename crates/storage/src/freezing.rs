//! What guards a driver's account: freezing and its links, the hold after a change of phone, the
//! allowances of codes by phone and of person checks.

use jiff::{SignedDuration, Timestamp};
use sqlx::{AnyConnection, AssertSqlSafe};
use zeroize::Zeroizing;

use crate::{
    Conflict, HolderId, Locked, Partition, Store, StoreError, Tx,
    error::unique,
    rows::Columns,
    seal::{Place, Sealer},
};

const LINKS: &str = "freeze_links";

impl Store {
    /// Whose account a freeze link freezes, while it works.
    ///
    /// # Errors
    /// When the database cannot be reached or the row does not follow its rule.
    pub async fn freeze_link(
        &self,
        partition: Partition,
        token_hash: &[u8],
        now: Timestamp,
    ) -> Result<Option<HolderId>, StoreError> {
        let mut connection = self.reader().await?;
        let row = sqlx::query(
            "SELECT holder_id FROM freeze_links \
             WHERE partition = $1 AND token_hash = $2 AND ended_at IS NULL AND expires_at > $3",
        )
        .bind(partition.sql())
        .bind(token_hash)
        .bind(now.as_microsecond())
        .fetch_optional(&mut *connection)
        .await?;
        row.map(|row| {
            Columns {
                table: LINKS,
                row: &row,
            }
            .parsed("holder_id", HolderId::parse)
        })
        .transpose()
    }

    /// The phone number that a driver had before it last changed, for as long as it is told.
    ///
    /// # Errors
    /// When the database cannot be reached or the number does not open.
    pub async fn former_phone(
        &self,
        holder: &HolderId,
        now: Timestamp,
    ) -> Result<Option<Zeroizing<String>>, StoreError> {
        let mut connection = self.reader().await?;
        former_phone(&mut connection, self.sealer(), holder, now).await
    }
}

impl Tx {
    /// Freezes the locked driver's account (`Some`), or lifts that (`None`).
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn set_frozen(
        &mut self,
        locked: &Locked,
        frozen_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE drivers SET frozen_at = $3 WHERE partition = $1 AND id = $2")
            .bind(self.partition().sql())
            .bind(locked.holder().as_str())
            .bind(frozen_at.map(Timestamp::as_microsecond))
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// The phone number that a driver had before it last changed, as this transaction sees it.
    ///
    /// # Errors
    /// As [`Store::former_phone`].
    pub async fn former_phone(
        &mut self,
        holder: &HolderId,
        now: Timestamp,
    ) -> Result<Option<Zeroizing<String>>, StoreError> {
        let store = self.store();
        former_phone(self.connection(), store.sealer(), holder, now).await
    }

    /// The locked driver's phone number changed: until then it activates nothing, and the former one
    /// is told of what happens.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn hold_phone(
        &mut self,
        locked: &Locked,
        until: Timestamp,
        former: Option<&str>,
    ) -> Result<(), StoreError> {
        let sealed = former
            .map(|phone| {
                self.sealer()
                    .seal(&place(locked.holder()), phone.as_bytes())
            })
            .transpose()?;
        sqlx::query(
            "UPDATE drivers SET phone_held_until = $3, former_phone_sealed = $4 WHERE partition = $1 AND id = $2",
        )
        .bind(self.partition().sql())
        .bind(locked.holder().as_str())
        .bind(until.as_microsecond())
        .bind(sealed)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Takes one code by phone out of the driver's allowance; whether there was one left. An
    /// allowance of `burst` at once grows by one in every `each`. For nobody it is the same
    /// statement, and false.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn take_phone_code(
        &mut self,
        holder: &HolderId,
        allowance: (u32, SignedDuration),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.take_allowed("phone_codes_at", holder, allowance, now)
            .await
    }

    /// Takes one person check for an activation out of the driver's allowance, as
    /// [`Tx::take_phone_code`] takes a code.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn take_activation_check(
        &mut self,
        holder: &HolderId,
        allowance: (u32, SignedDuration),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.take_allowed("person_checks_at", holder, allowance, now)
            .await
    }

    async fn take_allowed(
        &mut self,
        column: &'static str,
        holder: &HolderId,
        (burst, each): (u32, SignedDuration),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let each = i64::try_from(each.as_micros()).unwrap_or(i64::MAX);
        let most = each.saturating_mul(i64::from(burst.saturating_sub(1)));
        let text = format!(
            "UPDATE drivers SET {column} = CASE WHEN {column} > $3 THEN {column} ELSE $3 END + $4 \
             WHERE partition = $1 AND id = $2 AND ({column} IS NULL OR {column} <= $5)"
        );
        let taken = sqlx::query(AssertSqlSafe(text))
            .bind(self.partition().sql())
            .bind(holder.as_str())
            .bind(now.as_microsecond())
            .bind(each)
            .bind(now.as_microsecond().saturating_add(most))
            .execute(self.connection())
            .await?
            .rows_affected();
        Ok(taken == 1)
    }

    /// Adds a link that freezes `holder`'s account.
    ///
    /// # Errors
    /// [`Conflict::Request`] when there is one with this hash.
    pub async fn insert_freeze_link(
        &mut self,
        holder: &HolderId,
        token_hash: &[u8],
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.expect_own(LINKS, holder.partition())?;
        sqlx::query(
            "INSERT INTO freeze_links (partition, token_hash, holder_id, made_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(self.partition().sql())
        .bind(token_hash)
        .bind(holder.as_str())
        .bind(now.as_microsecond())
        .bind(expires_at.as_microsecond())
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::Request))?;
        Ok(())
    }

    /// Uses a link up; whether it worked.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn use_freeze_link(
        &mut self,
        token_hash: &[u8],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let used = sqlx::query(
            "UPDATE freeze_links SET ended_at = $3 \
             WHERE partition = $1 AND token_hash = $2 AND ended_at IS NULL AND expires_at > $3",
        )
        .bind(self.partition().sql())
        .bind(token_hash)
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        Ok(used == 1)
    }

    /// Ends every link of the locked driver.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_freeze_links(
        &mut self,
        locked: &Locked,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE freeze_links SET ended_at = $3 WHERE partition = $1 AND holder_id = $2 AND ended_at IS NULL",
        )
        .bind(self.partition().sql())
        .bind(locked.holder().as_str())
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

async fn former_phone(
    connection: &mut AnyConnection,
    sealer: &Sealer,
    holder: &HolderId,
    now: Timestamp,
) -> Result<Option<Zeroizing<String>>, StoreError> {
    let row = sqlx::query(
        "SELECT id, former_phone_sealed FROM drivers \
         WHERE partition = $1 AND id = $2 AND phone_held_until > $3 AND former_phone_sealed IS NOT NULL",
    )
    .bind(holder.partition().sql())
    .bind(holder.as_str())
    .bind(now.as_microsecond())
    .fetch_optional(&mut *connection)
    .await?;
    row.map(|row| {
        let row = Columns {
            table: "drivers",
            row: &row,
        };
        let bytes = row.bytes("former_phone_sealed")?;
        let plain = sealer.unseal(&place(holder), &bytes)?;
        let text = std::str::from_utf8(&plain)
            .map_err(|_not_text| row.odd("former_phone_sealed", "is not text"))?;
        Ok(Zeroizing::new(text.to_owned()))
    })
    .transpose()
}

fn place(holder: &HolderId) -> Place<'_> {
    Place {
        table: "drivers",
        column: "former_phone_sealed",
        owner: holder.as_str(),
        row: holder.as_str(),
        version: 1,
    }
}
