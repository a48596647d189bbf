//! What a driver is told of their account, on every channel that was theirs before: the inbox, the
//! phone that the registry holds, and for a time the one that it held before.

use jiff::SignedDuration;
use storage::{Driver, Tx, outbox::Event};
use zeroize::Zeroizing;

use super::after;
use crate::{
    Act, Authority, Error,
    notify::{Carries, TextKind},
    registry_write::{message, notified},
    secret,
    texts::Outgoing,
};

/// How long a link that freezes works: a week in which somebody may not look at their phone.
const LINK_LASTS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What a driver is told.
pub(crate) struct Notice<'a> {
    pub(crate) kind: TextKind,
    pub(crate) driver: &'a Driver,
    /// The phone that the registry held before, read before the transaction began.
    pub(crate) former: Option<Zeroizing<String>>,
}

impl Authority {
    /// Tells a driver within the act's transaction. Each text has a link of its own that freezes the
    /// account; the inbox has none, since whoever reads it is signed in.
    pub(crate) async fn tell(
        &self,
        act: &mut Act,
        tx: &mut Tx,
        notice: Notice<'_>,
    ) -> Result<Event, Error> {
        let driver = notice.driver;
        let inbox = message(act, &driver.id, notice.kind.as_str(), &());
        tx.insert_notification(&inbox).await?;
        let contact = driver.record.contact.as_ref();
        let present = contact.map(|contact| Zeroizing::new(contact.phone.clone()));
        let former = notice.former.filter(|former| {
            let present = present.as_ref();
            present.is_none_or(|present| present.as_str() != former.as_str())
        });
        let expires_at = after(act.now, LINK_LASTS);
        for to in [present, former].into_iter().flatten() {
            if !self.sends_texts() {
                break;
            }
            let value = match notice.kind.carries() {
                Carries::FreezeLink => Some(self.freeze_link(act, tx, driver).await?),
                Carries::Nothing | Carries::Code => None,
            };
            let text = Outgoing {
                kind: notice.kind,
                to,
                value,
                notification: Some(inbox.id.clone()),
                expires_at,
            };
            self.queue_text(act, tx, &driver.id, text).await?;
        }
        Ok(notified(&inbox))
    }

    /// A page that asks once more and then freezes. The secret stands behind `#`: no server, proxy
    /// or log on the way sees it.
    async fn freeze_link(
        &self,
        act: &mut Act,
        tx: &mut Tx,
        driver: &Driver,
    ) -> Result<Zeroizing<String>, Error> {
        let secret = secret::new(driver.id.partition(), &mut act.rng);
        let expires_at = after(act.now, LINK_LASTS);
        tx.insert_freeze_link(&driver.id, &secret.hash, act.now, expires_at)
            .await?;
        let base = &self.inner.settings.base_url;
        let link = [base.as_str(), "/freeze#", secret.text.as_str()].concat();
        Ok(Zeroizing::new(link))
    }
}
