//! What the bound device makes codes of (R14): dynamic codes, checked online, and offline codes that
//! carry what they show.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use credential::{
    KeyUse, NumericDate, Signer, Stamp,
    code::{LASTS, SKEW},
};
use jiff::Timestamp;
use std::sync::Arc;
use storage::{
    BindingRow, Conflict, CredentialId, CurrentELicence, Driver, Presentation, StoreError,
};

use crate::{
    Act, Authority, Error,
    bind::{handle_text, in_codes},
    refusal,
    views::{DynamicMaterialView, OfflineMaterialView},
};

/// How often it is prepared anew when the driver changes meanwhile.
const ATTEMPTS: u8 = 3;

impl Authority {
    /// What the bound device makes dynamic codes of, until its binding ends. This renews it.
    pub(super) async fn dynamic_material(
        &self,
        act: &mut Act,
        (driver, current): (&Driver, &CurrentELicence),
        colour: String,
    ) -> Result<DynamicMaterialView, Error> {
        let binding = self.own_binding(act, current).await?;
        self.renew(act, driver, (&binding, "dynamic")).await?;
        Ok(DynamicMaterialView {
            kind: "dynamic".to_owned(),
            handle: handle_text(&binding.id),
            server_time: act.now.as_second(),
            lasts: LASTS.as_secs(),
            skew: SKEW.as_secs(),
            colour,
        })
    }

    /// What the bound device makes offline codes of, until the stamp is over. This renews it.
    pub(super) async fn offline_material(
        &self,
        act: &mut Act,
        colour: String,
    ) -> Result<OfflineMaterialView, Error> {
        let mut attempt = 1;
        loop {
            match self.try_offline_material(act, &colour).await {
                Err(Error::Store(StoreError::Conflict(Conflict::Revision)))
                    if attempt < ATTEMPTS =>
                {
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    async fn try_offline_material(
        &self,
        act: &mut Act,
        colour: &str,
    ) -> Result<OfflineMaterialView, Error> {
        let (driver, current) = self.own_shown(act).await?;
        let binding = self.own_binding(act, &current).await?;
        let renewed = self
            .renewed_credential(act, (&driver, &current), &binding)
            .await?;
        let (id, forms, ends) = match renewed {
            Some(bound) => (
                bound.credential.id,
                bound.forms,
                bound.credential.expires_at,
            ),
            None => self.forms_of(&driver, &current).await?,
        };
        let renewal = self.stamp(act, &id).await?;
        self.renew(act, &driver, (&binding, "offline")).await?;
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        Ok(OfflineMaterialView {
            kind: "offline".to_owned(),
            handle: handle_text(&binding.id),
            suite: forms.suite.clone(),
            credential: encode(&forms.public),
            enforcement: forms.enforcement.as_ref().map(|form| encode(form)),
            portrait: forms.portrait.as_ref().map(|bytes| encode(bytes)),
            stamp: encode(&renewal.to_cbor()),
            renewed_at: renewal.renewed_at.timestamp(),
            good_until: renewal.good_until().min(ends),
            server_time: act.now.as_second(),
            colour: colour.to_owned(),
        })
    }

    async fn forms_of(
        &self,
        driver: &Driver,
        current: &CurrentELicence,
    ) -> Result<(CredentialId, Presentation, Timestamp), Error> {
        let credential = current.credential.as_ref();
        let credential = credential.ok_or(Error::Internal("a binding has no credential"))?;
        let forms = self
            .store()
            .presentation(&driver.id, &credential.id)
            .await?;
        let forms = forms.ok_or(Error::Internal("a credential has no forms for codes"))?;
        Ok((credential.id.clone(), forms, credential.expires_at))
    }

    /// By the online key: what the server states of this moment, not of the licence.
    async fn stamp(&self, act: &Act, credential: &CredentialId) -> Result<Stamp, Error> {
        let signer = self.stamp_signer(act)?;
        let (id, now) = (in_codes(credential), NumericDate::floor(act.now));
        let made =
            tokio::task::spawn_blocking(move || Stamp::sign(signer.as_ref(), &id, now)).await;
        match made {
            Ok(Ok(stamp)) => Ok(stamp),
            Ok(Err(_)) | Err(_) => Err(Error::Internal("a renewal stamp could not be signed")),
        }
    }

    fn stamp_signer(&self, act: &Act) -> Result<Arc<dyn Signer>, Error> {
        let signing = self.signing()?;
        let signer = signing.longest_known(&self.code_suite(), KeyUse::Online, act.now);
        signer.ok_or_else(|| refusal::NO_KEYS.into())
    }

    /// Contact with the device that presents, audited.
    async fn renew(
        &self,
        act: &Act,
        driver: &Driver,
        (binding, kind): (&BindingRow, &str),
    ) -> Result<(), Error> {
        let mut tx = self.store().begin_in(driver.id.partition()).await?;
        tx.renew_binding(&binding.id, act.now).await?;
        let entry = act
            .entry("code.made")
            .about(&driver.id)
            .with("kind", kind)
            .with("e-licence", binding.e_licence.as_str())
            .with("binding", binding.id.as_str());
        tx.commit(entry, Vec::new()).await?;
        Ok(())
    }
}
