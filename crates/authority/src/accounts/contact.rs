//! The registry's phone number changed. A number that somebody smuggled into the registry opens no
//! account at once: for a time it activates nothing, and the number before it is told.

use jiff::SignedDuration;
use licence::Record;
use storage::{Driver, Locked, Tx, outbox::Event};
use zeroize::Zeroizing;

use super::{after, notices::Notice};
use crate::{Act, Authority, Error, notify::TextKind};

/// How long a new number activates nothing: a weekend in which somebody may not look at their phone.
/// It counts from when it became known here; when the registry verified it is not ours to judge.
const HELD: SignedDuration = SignedDuration::from_hours(72);

impl Authority {
    /// Holds activation by phone if the number is another than before, also the first one of a
    /// driver who is known, or none any more; and tells the number before. While a change is held,
    /// the number before the first change stays the one that is told.
    pub(crate) async fn contact_changed(
        &self,
        act: &mut Act,
        tx: &mut Tx,
        (driver, record, locked): (&Driver, &Record, &Locked),
    ) -> Result<Option<Event>, Error> {
        let before = phone(&driver.record);
        if before == phone(record) {
            return Ok(None);
        }
        let held = driver.phone_held_until.is_some_and(|until| act.now < until);
        let kept = if held {
            tx.former_phone(&driver.id, act.now).await?
        } else {
            None
        };
        let former = kept.or_else(|| before.map(|phone| Zeroizing::new(phone.to_owned())));
        let until = after(act.now, HELD);
        tx.hold_phone(locked, until, former.as_ref().map(|former| former.as_str()))
            .await?;
        // To the number on file until now and to the one before; not to the new one, which may be
        // the thief's.
        let notice = Notice {
            kind: TextKind::ContactChanged,
            driver,
            former,
        };
        Ok(Some(self.tell(act, tx, notice).await?))
    }
}

fn phone(record: &Record) -> Option<&str> {
    record
        .contact
        .as_ref()
        .map(|contact| contact.phone.as_str())
}
