//! A driver's devices and password.

use storage::{Device, DeviceEnd, DeviceId};
use zeroize::Zeroizing;

use super::Client;
use crate::{
    Act, Authority, Error,
    passwords::Passwords,
    refusal,
    registry_write::{message, notified},
    secret,
    views::{ChangePassword, DeviceView},
};

impl Authority {
    /// The driver's devices, the newest first.
    ///
    /// # Errors
    /// When nobody is signed in as a driver.
    pub async fn devices(
        &self,
        act: &mut Act,
        client: Client<'_>,
    ) -> Result<Vec<DeviceView>, Error> {
        let holder = act.holder()?.clone();
        let here = self.device(client.device).await?;
        let here = here.as_ref().map(|here| &here.id);
        let devices = self.store().devices_of(&holder).await?;
        Ok(devices
            .iter()
            .filter(|device| device.lives(act.now))
            .map(|device| device_view(device, here))
            .collect())
    }

    /// Removes one of the driver's devices, and signs out on it; if it presented the licence, it no
    /// longer does.
    ///
    /// # Errors
    /// [`refusal::NOT_FOUND`], the same for another's as for none.
    pub async fn remove_device(&self, act: &mut Act, id: &str) -> Result<(), Error> {
        let driver = self.own_driver(act).await?;
        let holder = driver.id;
        let id = DeviceId::parse(id).map_err(|_not_an_id| Error::from(refusal::NOT_FOUND))?;
        if id.partition() != holder.partition() {
            return Err(refusal::NOT_FOUND.into());
        }
        let (mut tx, locked) = self.store().begin(&holder, driver.revision).await?;
        let ended = tx
            .end_device(&holder, &id, DeviceEnd::Removed, act.now)
            .await?;
        if !ended {
            return Err(refusal::NOT_FOUND.into());
        }
        tx.delete_sessions_on(&holder, &id).await?;
        let unbound = Self::unbind(&mut tx, &locked, Some(&id), act.now).await?;
        let entry = act
            .entry("account.device-removed")
            .about(&holder)
            .with("device", id.as_str());
        let committed = tx.commit(entry, unbound.events).await?;
        self.follow_committed(&[committed]).await
    }

    /// Changes the driver's password. Every other session ends; devices stay.
    ///
    /// # Errors
    /// [`refusal::WRONG_PASSWORD`]; [`Error::TooMany`] on a device where it is tried too often.
    pub async fn change_password(
        &self,
        act: &mut Act,
        request: ChangePassword,
        (token, client): (&str, Client<'_>),
    ) -> Result<(), Error> {
        const CHANGED: &str = "account.password-changed";
        let driver = self.own_driver(act).await?;
        let here = self.device(client.device).await?.ok_or(refusal::SIGN_IN)?;
        self.inner.limits.device(&here.id, act.now)?;
        let (current, new) = (
            Zeroizing::new(request.password),
            Zeroizing::new(request.new_password),
        );
        Passwords::check(&new, Some(driver.record.licence_number.as_str()))?;
        let account = self.store().account(&driver.id).await?;
        let known = account
            .as_ref()
            .map(|account| account.password_hash.as_str());
        if !self.inner.passwords.matches(current, known).await {
            let wrong = refusal::WRONG_PASSWORD.into();
            return self.refuse(act, CHANGED, Some(&driver.id), wrong).await;
        }
        let hash = self.inner.passwords.hash(new, &mut act.rng).await?;
        let (_, this) = secret::read(token).ok_or(refusal::SIGN_IN)?;
        let (mut tx, _locked) = self.store().begin(&driver.id, driver.revision).await?;
        tx.set_password(&driver.id, &hash, act.now).await?;
        tx.delete_other_sessions_of(driver.id.as_str(), &this)
            .await?;
        let inbox = message(act, &driver.id, "password-changed", &());
        tx.insert_notification(&inbox).await?;
        let entry = act
            .entry(CHANGED)
            .about(&driver.id)
            .with("device", here.id.as_str());
        tx.commit(entry, vec![notified(&inbox)]).await?;
        self.follow().await
    }
}

fn device_view(device: &Device, here: Option<&DeviceId>) -> DeviceView {
    DeviceView {
        id: device.id.to_string(),
        client: device.client.as_str().to_owned(),
        proof: device.proof.as_str().to_owned(),
        created_at: device.created_at,
        last_seen_at: device.last_seen_at,
        current: here == Some(&device.id),
    }
}
