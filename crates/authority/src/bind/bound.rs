//! The credential of a binding: the whole licence with the device's key in it, and the forms of it
//! that fit into a code.

use credential::{
    DeviceKey, EnforcementKey, Form, KeyUse, LicenceClaims, Malformed, MaskedNumber, ProfileClaims,
    PublicKey, Rest, RestRefusal, Signature, Signer, Suite, Unverified,
    code::{portrait_budget, sha256},
    profile,
};
use jiff::{SignedDuration, Timestamp};
use licence::StatusValue;
use portrait::{Limits, Photo, small_portrait};
use rand::{SeedableRng as _, rngs::StdRng};
use std::sync::Arc;
use storage::{
    BindingRow, CredentialId, CurrentELicence, Driver, ELicenceRow, Locked, NewCredential,
    NewELicence, Presentation, StatusPlace, Tx, outbox::Event,
};
use zeroize::Zeroizing;

use super::value_now;
use crate::{
    Act, Authority, Error,
    issue::{expiry, sign_each},
    refusal,
};

/// A credential with less left than this is made anew on contact: a device that is off for a month
/// still shows a good one.
const RENEWED_WITHIN: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A credential of a binding, signed and not yet committed, or committed since.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) credential: NewCredential,
    pub(crate) forms: Presentation,
}

/// What the forms for codes are made of.
struct Material {
    claims: LicenceClaims,
    credential: CredentialId,
    place: StatusPlace,
    device_key: PublicKey,
    photo: Zeroizing<Vec<u8>>,
    points: u32,
    record_version: i64,
    enforcement: Option<EnforcementKey>,
}

impl Bound {
    pub(crate) fn id(&self) -> &str {
        self.credential.id.as_str()
    }

    /// Every key that signed, once for each signature: a form for codes is one more.
    pub(super) fn keys(&self) -> Vec<String> {
        let forms = self.credential.forms.iter();
        forms.map(|form| form.key_id.clone()).collect()
    }

    /// The keys that signed what codes carry, once for each form.
    pub(super) fn code_keys(&self) -> Vec<String> {
        let enforcement = self.forms.enforcement.is_some();
        std::iter::once(&self.forms.key_id)
            .chain(enforcement.then_some(&self.forms.key_id))
            .cloned()
            .collect()
    }

    /// Takes the place of the e-licence's credential.
    pub(super) async fn commit(
        &self,
        tx: &mut Tx,
        locked: &Locked,
        current: &CurrentELicence,
        now: Timestamp,
    ) -> Result<Vec<Event>, Error> {
        let status = |place, value: StatusValue| Event::CredentialStatus {
            holder: locked.holder().clone(),
            place,
            value: value.value(),
        };
        let mut events = Vec::new();
        if let Some(before) = &current.credential {
            tx.end_credential(locked, &before.id, now).await?;
            events.push(status(before.place, StatusValue::Invalid));
        }
        tx.insert_credential(locked, &self.credential).await?;
        tx.insert_presentation(locked, &self.credential.id, &self.forms)
            .await?;
        events.push(Event::CredentialStatus {
            holder: locked.holder().clone(),
            place: self.credential.place,
            value: self.credential.status_value,
        });
        Ok(events)
    }
}

impl Authority {
    /// Makes and signs the credential of a binding, on the driver as read; nothing is written.
    pub(super) async fn prepare_bound(
        &self,
        act: &mut Act,
        driver: &Driver,
        current: &CurrentELicence,
        binding: &BindingRow,
    ) -> Result<Bound, Error> {
        let device_key = PublicKey::from_sec1(Suite::Es256, &binding.device_key)
            .map_err(|_bad_key| Error::Internal("a device's key is damaged"))?;
        let partition = driver.id.partition();
        let place = self.store().reserve_status_place(partition).await?;
        let id = CredentialId::generate(partition, &mut act.rng);
        let photo = self.store().photo(&current.e_licence.photo).await?;
        let photo = photo.ok_or(Error::Internal("an e-licence's photo is missing"))?;
        let as_issued = as_issued(&current.e_licence);
        let claims = self.claims(act, driver, (&as_issued, &id), place, &photo)?;
        let certificate = self.certificate_until_now(driver, &current.e_licence);
        let claims = LicenceClaims {
            // The certificate is the e-licence's, whichever credential states it.
            certificate_identifier: certificate.await?.or(claims.certificate_identifier),
            holder_key: Some(device_key.clone()),
            ..claims
        };
        let credential = NewCredential {
            forms: sign_each(self.signing()?.licence_signers(act.now)?, claims.clone()).await?,
            id: id.clone(),
            e_licence: current.e_licence.id.clone(),
            binding: Some(binding.id.clone()),
            place,
            status_value: value_now(act, driver, current).value(),
            issued_at: act.now,
            expires_at: expiry(act.now),
        };
        let photo = self.store().photo_bytes(&driver.id, &photo.id).await?;
        let material = Material {
            claims,
            credential: id,
            place,
            device_key,
            photo,
            points: driver.record.points,
            record_version: driver.registry_version,
            enforcement: self.inner.settings.codes.enforcement_key,
        };
        let forms = self.forms_for_codes(act, material).await?;
        Ok(Bound { credential, forms })
    }

    /// The certificate identifier that the newest credential states, if it still can be believed.
    async fn certificate_until_now(
        &self,
        driver: &Driver,
        e_licence: &ELicenceRow,
    ) -> Result<Option<String>, Error> {
        let newest = self.store().newest_forms(&driver.id, &e_licence.id).await?;
        let trust = &self.signing()?.trust;
        let forms = newest.map(|(_, forms)| forms).unwrap_or_default();
        let verified = forms
            .iter()
            .find_map(|form| Unverified::parse(&form.form).ok()?.verify(trust).ok());
        Ok(verified.and_then(|it| it.claims().certificate_identifier.clone()))
    }

    /// Signs the forms, off the runtime's threads: the portrait alone takes a hundredth of a second.
    async fn forms_for_codes(
        &self,
        act: &mut Act,
        material: Material,
    ) -> Result<Presentation, Error> {
        let signer = self.code_signer(act)?;
        let mut rng = StdRng::from_rng(&mut act.rng);
        let made =
            tokio::task::spawn_blocking(move || forms(&material, signer.as_ref(), &mut rng)).await;
        made.map_err(|_panicked| Error::Internal("the forms of a code were given up"))?
    }

    /// The signer of the one suite that codes carry.
    fn code_signer(&self, act: &Act) -> Result<Arc<dyn Signer>, Error> {
        let signing = self.signing()?;
        let signer = signing.longest_known(&self.code_suite(), KeyUse::Licence, act.now);
        signer.ok_or_else(|| refusal::NO_KEYS.into())
    }

    /// The one suite that codes carry.
    pub(crate) fn code_suite(&self) -> Suite {
        let settings = &self.inner.settings;
        let configured = settings.codes.suite.clone();
        configured.unwrap_or_else(|| settings.suites.first().cloned().unwrap_or_else(Suite::sm2))
    }

    /// Whether the active credential is the binding's, of this record, by today's key and settings,
    /// and lasts.
    pub(super) async fn shows_as_it_should(
        &self,
        act: &Act,
        driver: &Driver,
        current: &CurrentELicence,
        binding: &BindingRow,
    ) -> Result<bool, Error> {
        let Some(credential) = &current.credential else {
            return Ok(false);
        };
        if credential.binding.as_ref() != Some(&binding.id)
            || credential.expires_at < act.now.saturating_add(RENEWED_WITHIN).unwrap_or(act.now)
        {
            return Ok(false);
        }
        let forms = self
            .store()
            .presentation(&driver.id, &credential.id)
            .await?;
        let key_id = self.code_signer(act)?.key_id().to_string();
        let enforcement_to = self.inner.settings.codes.enforcement_key.map(in_hex);
        Ok(forms.is_some_and(|forms| {
            forms.record_version == driver.registry_version
                && forms.key_id == key_id
                && forms.enforcement_to == enforcement_to
        }))
    }
}

fn forms(
    material: &Material,
    signer: &dyn Signer,
    rng: &mut StdRng,
) -> Result<Presentation, Error> {
    let failed = || Error::Internal("a form of a code could not be signed");
    let bare = public_claims(material, None)?;
    let portrait = portrait_beside(material, &bare, signer)?;
    let public = ProfileClaims {
        form: Form::Public {
            portrait_sha256: portrait.as_ref().map(|bytes| sha256(bytes)),
        },
        ..bare
    };
    let enforcement = match &material.enforcement {
        Some(to) => match credential::code::enforcement(&public, &rest(material), to, rng) {
            Ok(claims) => Some(profile::issue(&claims, signer).map_err(|_unsigned| failed())?),
            // Texts so long that they fit no code: the terminal looks the driver up.
            Err(RestRefusal::Malformed(Malformed::TooLarge)) => None,
            Err(RestRefusal::Malformed(_) | RestRefusal::NotOpened) => return Err(failed()),
        },
        None => None,
    };
    Ok(Presentation {
        suite: signer.suite().to_string(),
        key_id: signer.key_id().to_string(),
        record_version: material.record_version,
        enforcement_to: material.enforcement.map(in_hex),
        public: Zeroizing::new(profile::issue(&public, signer).map_err(|_unsigned| failed())?),
        enforcement: enforcement.map(Zeroizing::new),
        portrait: portrait.map(Zeroizing::new),
    })
}

/// The small portrait, as good as the room beside the form allows; none where there is no room.
fn portrait_beside(
    material: &Material,
    bare: &ProfileClaims,
    signer: &dyn Signer,
) -> Result<Option<Vec<u8>>, Error> {
    let with_hash = ProfileClaims {
        form: Form::Public {
            portrait_sha256: Some([0; 32]),
        },
        ..bare.clone()
    };
    let prepared = profile::prepare(&with_hash, signer.suite(), signer.key_id())
        .map_err(|_unfit| Error::Internal("a form of a code cannot be read back"))?;
    let length = prepared.complete(&Signature::from_raw([0; 64])).len();
    let photo = Photo::decode(&material.photo, &Limits::PHOTO)
        .map_err(|_damaged| Error::Internal("an e-licence's photo is damaged"))?;
    Ok(small_portrait(&photo, portrait_budget(length)).ok())
}

fn public_claims(material: &Material, portrait: Option<[u8; 32]>) -> Result<ProfileClaims, Error> {
    let claims = &material.claims;
    let device_key = DeviceKey::try_from(&material.device_key)
        .map_err(|_bad_key| Error::Internal("a device's key is damaged"))?;
    Ok(ProfileClaims {
        credential_id: in_codes(&material.credential),
        issued_at: claims.issued_at,
        not_before: claims.not_before,
        expires_at: claims.expires_at,
        name: claims.name.clone(),
        masked_number: MaskedNumber::of(&claims.licence_number),
        classes: claims.classes.clone(),
        valid_from: claims.valid_from,
        valid_until: claims.valid_until,
        authority_code: claims.authority_code.clone(),
        status: credential::StatusPlace {
            list: u64::from(material.place.list),
            index: u64::from(material.place.index),
        },
        device_key,
        form: Form::Public {
            portrait_sha256: portrait,
        },
    })
}

fn rest(material: &Material) -> Rest {
    let claims = &material.claims;
    Rest {
        e_licence_id: claims.e_licence_id.clone(),
        licence_number: claims.licence_number.clone(),
        sex: claims.sex,
        nationality: claims.nationality.clone(),
        birth_date: claims.birth_date,
        address: claims.address.clone(),
        first_issue_date: claims.first_issue_date,
        authority_code: claims.authority_code.clone(),
        authority_name: claims.authority_name.clone(),
        file_number: claims.file_number.clone(),
        document_edition: claims.document_edition,
        points: material.points,
    }
}

fn in_hex(key: EnforcementKey) -> String {
    hex::encode(key.as_bytes())
}

/// A credential's identifier as codes carry it.
pub(crate) fn in_codes(id: &CredentialId) -> credential::CredentialId {
    credential::CredentialId::from_bytes(id.to_bytes())
}

/// The e-licence as it was when it was issued.
fn as_issued(row: &ELicenceRow) -> NewELicence {
    NewELicence {
        id: row.id.clone(),
        application: row.application.clone(),
        edition: row.edition,
        photo: row.photo.clone(),
        generated_at: row.generated_at,
    }
}
