//! What jobs do for accounts: codes and warnings that an answer must not wait for, and clearing
//! away.

use jiff::SignedDuration;
use storage::{HolderId, WaitingChallenge};

use super::{
    notices::Notice,
    phone_code::{new_code, phone_that_proves},
};
use crate::{Act, Authority, Error, notify::TextKind, texts::Outgoing};

/// Codes or warnings made by one run.
const AT_ONCE: u32 = 256;
/// How long what is over is kept, to be looked into.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

impl Authority {
    /// Makes the codes that were asked for and warns who is to be warned; answers how many. Several
    /// nodes may do so at once: each code and warning is made by one.
    ///
    /// # Errors
    /// When the store fails; what is left is done by the next run.
    pub async fn tend_accounts(&self, act: &mut Act) -> Result<u64, Error> {
        let mut done = 0_u64;
        for waiting in self.store().waiting_challenges(AT_ONCE).await? {
            done = done.saturating_add(self.send_phone_code(act, &waiting).await?.into());
        }
        for holder in self.store().holders_to_warn(AT_ONCE).await? {
            done = done.saturating_add(self.warn(act, &holder).await?.into());
        }
        if done > 0 {
            self.follow().await?;
        }
        Ok(done)
    }

    /// Removes requests for codes and links that were over a day ago; answers how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep_accounts(&self, act: &Act) -> Result<u64, Error> {
        let before = act.now.saturating_sub(KEPT).unwrap_or(act.now);
        let mut swept = 0_u64;
        for partition in self.store().partitions_to_sweep(before).await? {
            let mut tx = self.store().begin_in(partition).await?;
            let count = tx.sweep_challenges(before).await?;
            let entry = act.entry("accounts.swept").with("rows", count);
            tx.commit(entry, Vec::new()).await?;
            swept = swept.saturating_add(count);
        }
        Ok(swept)
    }

    /// Makes a code and its text. What changed since it was asked for counts as it is now.
    async fn send_phone_code(
        &self,
        act: &mut Act,
        waiting: &WaitingChallenge,
    ) -> Result<bool, Error> {
        let holder = &waiting.holder;
        let driver = self.store().driver(holder).await?;
        let to = driver
            .filter(|driver| driver.frozen_at.is_none() && act.now < waiting.expires_at)
            .and_then(|driver| phone_that_proves(&driver, act.now));
        let code = new_code(&mut act.rng);
        let blind = self.phone_code_blind(holder, &waiting.id, &code);
        let mut tx = self.store().begin_in(holder.partition()).await?;
        let known = to.is_some().then_some(&blind);
        if !tx.answer_challenge(&waiting.id, known).await? {
            return Ok(false);
        }
        let entry = act
            .entry("phone-code.made")
            .about(holder)
            .with("sent", to.is_some());
        if let Some(to) = to {
            let text = Outgoing {
                kind: TextKind::PhoneCode,
                to,
                value: Some(code),
                notification: None,
                expires_at: waiting.expires_at,
            };
            self.queue_text(act, &mut tx, holder, text).await?;
        }
        tx.commit(entry, Vec::new()).await?;
        Ok(true)
    }

    /// Warns a driver whose password somebody had right on a device that is none of theirs (SC-18).
    async fn warn(&self, act: &mut Act, holder: &HolderId) -> Result<bool, Error> {
        let Some(driver) = self.store().driver(holder).await? else {
            return Ok(false);
        };
        let former = self.store().former_phone(holder, act.now).await?;
        let mut tx = self.store().begin_in(holder.partition()).await?;
        if !tx.take_note_to_warn(holder, act.now).await? {
            return Ok(false);
        }
        let entry = act.entry("account.warned").about(holder);
        if driver.frozen_at.is_some() {
            // They were told that it is frozen; nothing more is to be stopped.
            tx.commit(entry.with("told", false), Vec::new()).await?;
            return Ok(true);
        }
        let notice = Notice {
            kind: TextKind::DeviceRefused,
            driver: &driver,
            former,
        };
        let told = self.tell(act, &mut tx, notice).await?;
        tx.commit(entry, vec![told]).await?;
        Ok(true)
    }
}
