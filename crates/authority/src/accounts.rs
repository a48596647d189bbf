//! Drivers' accounts: what proves a person, on which devices they sign in, what they are told, and
//! how they stop it all. See `docs/decisions/0015-accounts.md`.

mod activate;
mod claimed;
mod contact;
mod devices;
mod freeze;
mod notices;
mod person_check;
mod phone_code;
mod tend;

pub use activate::{Activated, DEVICE_LASTS};
pub(crate) use notices::Notice;

use jiff::Timestamp;
use storage::{Account, AliasKind, ClientKind, Device, Driver, HolderId};

use crate::{Act, Authority, Error, secret};

/// The client that asks: the secret of its device, where it has one, and what kind it says it is.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    /// The secret that an activation gave it, unchecked.
    pub device: Option<&'a str>,
    /// What kind of client it is.
    pub kind: ClientKind,
}

/// Who a licence number stands for. Where it stands for nobody, `holder` is a name that nobody has,
/// in a partition that always is the same for the number: so every step that follows does the same
/// work, in the same kind of place.
pub(crate) struct Claimant {
    pub(crate) holder: HolderId,
    pub(crate) driver: Option<Driver>,
    pub(crate) account: Option<Account>,
}

impl Claimant {
    /// Hash of the account's password.
    pub(crate) fn password_hash(&self) -> Option<&str> {
        let account = self.account.as_ref();
        account.map(|account| account.password_hash.as_str())
    }

    /// The driver, unless the account is frozen.
    pub(crate) fn not_frozen(&self) -> Option<&Driver> {
        self.driver
            .as_ref()
            .filter(|driver| driver.frozen_at.is_none())
    }

    /// Whom an audit row is about.
    pub(crate) fn known(&self) -> Option<&HolderId> {
        self.driver.as_ref().map(|driver| &driver.id)
    }
}

impl Authority {
    /// How often a password was hashed since the start, right or wrong.
    #[must_use]
    pub fn passwords_hashed(&self) -> u64 {
        self.inner.passwords.runs()
    }

    /// Finds out who a number stands for: three reads and a record opened, whatever the number is. Text
    /// that is no licence number stands for nobody.
    pub(crate) async fn claimant(&self, act: &mut Act, number: &str) -> Result<Claimant, Error> {
        let owners = self
            .store()
            .holders_named(AliasKind::LicenceNumber, &[number])
            .await?;
        // By the key that never changes: a number that is nobody's keeps its partition, as one that
        // is somebody's does.
        let blind = self.store().lasting_alias(AliasKind::LicenceNumber, number);
        let nobody = HolderId::generate(blind.partition(), &mut act.rng);
        let named = owners.into_iter().flatten().next();
        let driver = self
            .store()
            .driver_or_nobody(named.as_ref().unwrap_or(&nobody))
            .await?;
        // An alias alone does not count: it may stand for a write that never came.
        let driver = driver.filter(|driver| {
            let record = &driver.record;
            record.licence_number.as_str() == number
                || record
                    .previous_licence_numbers
                    .iter()
                    .any(|previous| previous.as_str() == number)
        });
        let holder = driver.as_ref().map_or(nobody, |driver| driver.id.clone());
        Ok(Claimant {
            account: self.store().account(&holder).await?,
            holder,
            driver,
        })
    }

    /// The device with this secret, also one that ended.
    pub(crate) async fn device(&self, device: Option<&str>) -> Result<Option<Device>, Error> {
        match device.and_then(secret::read) {
            Some((partition, hash)) => Ok(self.store().device_by_secret(partition, &hash).await?),
            None => Ok(None),
        }
    }
}

/// `now` and as long again; the end of time where there is none later.
pub(crate) fn after(now: Timestamp, lasts: jiff::SignedDuration) -> Timestamp {
    now.saturating_add(lasts).unwrap_or(now)
}

impl std::fmt::Debug for Client<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
