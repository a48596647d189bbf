//! Applications that nobody goes on with end by themselves, and with them what was handed in.

use jiff::SignedDuration;

use super::lost_race;
use crate::{Act, Authority, Error};

/// After so long a driver has another photo, or another phone.
const LAPSES_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);
/// At once; the next run takes the rest.
const AT_ONCE: u32 = 100;

impl Authority {
    /// Ends applications that were begun 30 days ago and never submitted; answers how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn lapse_applications(&self, act: &mut Act) -> Result<u64, Error> {
        let before = act.now.saturating_sub(LAPSES_AFTER).unwrap_or(act.now);
        let mut lapsed = 0_u64;
        for id in self.store().unsubmitted_before(before, AT_ONCE).await? {
            let Some(row) = self.store().application(&id).await? else {
                continue;
            };
            match self.withdraw(act, &row, "application.lapsed").await {
                Ok(()) => lapsed = lapsed.saturating_add(1),
                // It moved on meanwhile, which is all that was wanted.
                Err(Error::Refused(..)) => {}
                Err(error) if lost_race(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(lapsed)
    }
}
