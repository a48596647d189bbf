//! Freezing an account (冻结), and lifting that. Freezing is easy, for whoever was told and for the
//! driver; lifting needs the person at the counter. The e-licence keeps its status: what its record
//! says is checked as before.

use storage::{Conflict, DeviceEnd, Driver, HolderId, StoreError, audit::Entry};

use super::notices::Notice;
use crate::{
    Act, Authority, Error,
    enrol::method_code,
    notify::TextKind,
    refusal, secret,
    views::{CounterAccount, FreezeByLink},
};

/// How often it is begun anew when the driver's record changes meanwhile.
const ATTEMPTS: u8 = 3;

/// Who freezes.
enum By<'a> {
    /// Whoever has a link; its hash.
    Link(&'a [u8]),
    /// The driver.
    Holder,
    /// An officer, after this identity check.
    Counter(&'a str),
}

impl By<'_> {
    fn on(&self, entry: Entry) -> Entry {
        match self {
            Self::Link(_) => entry.with("by", "link"),
            Self::Holder => entry.with("by", "holder"),
            Self::Counter(method) => entry.with("by", "counter").with("identity", *method),
        }
    }
}

impl Authority {
    /// Freezes the account of a link. It is answered the same whether or not the link works.
    ///
    /// # Errors
    /// [`Error::TooMany`] from a source that tries too often.
    pub async fn freeze_by_link(&self, act: &mut Act, request: FreezeByLink) -> Result<(), Error> {
        self.inner.limits.freeze_link(act)?;
        let Some((partition, hash)) = secret::read(&request.token) else {
            return Ok(());
        };
        match self.store().freeze_link(partition, &hash, act.now).await? {
            Some(holder) => self.freeze(act, &holder, &By::Link(&hash)).await,
            None => Ok(()),
        }
    }

    /// Freezes the driver's own account: every session ends, this one too.
    ///
    /// # Errors
    /// When nobody is signed in as a driver.
    pub async fn freeze_own(&self, act: &mut Act) -> Result<(), Error> {
        let holder = act.holder()?.clone();
        self.freeze(act, &holder, &By::Holder).await
    }

    /// Freezes the account of a driver who stands at the counter.
    ///
    /// # Errors
    /// Outside the office's scope, an officer's own record, an unknown driver, or an account that is
    /// frozen.
    pub async fn freeze_at_counter(
        &self,
        act: &mut Act,
        request: CounterAccount,
    ) -> Result<(), Error> {
        let method = method_code(&request.identity)?;
        let driver = self
            .driver_at_counter(act, &request.licence_number, "account.frozen")
            .await?;
        if driver.frozen_at.is_some() {
            return Err(refusal::ALREADY_FROZEN.into());
        }
        self.freeze(act, &driver.id, &By::Counter(&method)).await
    }

    /// Lifts the freezing of a driver who stands at the counter. No device comes back: the driver
    /// activates anew.
    ///
    /// # Errors
    /// As [`Authority::freeze_at_counter`], and when the account is not frozen.
    pub async fn unfreeze_at_counter(
        &self,
        act: &mut Act,
        request: CounterAccount,
    ) -> Result<(), Error> {
        const UNFROZEN: &str = "account.unfrozen";
        let method = method_code(&request.identity)?;
        let driver = self
            .driver_at_counter(act, &request.licence_number, UNFROZEN)
            .await?;
        if driver.frozen_at.is_none() {
            return Err(refusal::NOT_FROZEN.into());
        }
        let former = self.store().former_phone(&driver.id, act.now).await?;
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        tx.set_frozen(&locked, None).await?;
        // What was sent before the person came here freezes nothing any more.
        tx.end_freeze_links(&locked, act.now).await?;
        let notice = Notice {
            kind: TextKind::AccountUnfrozen,
            driver: &driver,
            former,
        };
        let told = self.tell(act, &mut tx, notice).await?;
        let entry = act
            .entry(UNFROZEN)
            .about(&driver.id)
            .with("identity", method);
        tx.commit(entry, vec![told]).await?;
        self.follow().await
    }

    async fn freeze(&self, act: &mut Act, holder: &HolderId, by: &By<'_>) -> Result<(), Error> {
        let mut attempt = 1;
        loop {
            let driver = self.store().driver(holder).await?;
            let driver = driver.ok_or(Error::Internal("an account of no driver"))?;
            match self.try_freeze(act, &driver, by).await {
                Err(Error::Store(StoreError::Conflict(Conflict::Revision)))
                    if attempt < ATTEMPTS =>
                {
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    async fn try_freeze(&self, act: &mut Act, driver: &Driver, by: &By<'_>) -> Result<(), Error> {
        if driver.frozen_at.is_some() {
            return Ok(());
        }
        let holder = &driver.id;
        let former = self.store().former_phone(holder, act.now).await?;
        let mut tx = self.store().begin_in(holder.partition()).await?;
        // Codes before the driver's row, as an activation takes them.
        tx.end_activation_code(holder, act.now).await?;
        tx.end_challenges(holder, act.now).await?;
        let nobody = HolderId::generate(holder.partition(), &mut act.rng);
        tx.disown_activation_checks(holder, &nobody).await?;
        let locked = tx.lock(holder, driver.revision).await?;
        if let By::Link(hash) = by
            && !tx.use_freeze_link(hash, act.now).await?
        {
            // Somebody used it meanwhile.
            return Ok(());
        }
        tx.set_frozen(&locked, Some(act.now)).await?;
        let notice = Notice {
            kind: TextKind::AccountFrozen,
            driver,
            former,
        };
        // Before devices end, so that they hear of it.
        let told = self.tell(act, &mut tx, notice).await?;
        tx.end_devices(&locked, DeviceEnd::Frozen, act.now).await?;
        // What a device signs by itself ends too, also where nobody asks the server.
        let mut events = Self::unbind(&mut tx, &locked, None, act.now).await?.events;
        tx.delete_sessions_of(holder.as_str()).await?;
        events.push(told);
        let entry = by.on(act.entry("account.frozen").about(holder));
        tx.commit(entry, events).await?;
        self.follow().await
    }
}
