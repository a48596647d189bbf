//! What the device at hand signs: declarations and the answers of person checks.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use credential::{PublicKey, Signature, device::photo_declaration};
use storage::ApplicationId;

use super::{findings::Declared, texts::DECLARATION_VERSION};
use crate::{Act, Authority, Error, bind::device_key, refusal, views::Declaration};

impl Authority {
    /// The key with which the device at hand signs. Where it presents the licence, that is the key
    /// of its binding: a stolen session alone signs nothing there.
    pub(super) async fn key_at_hand(&self, act: &Act, named: &str) -> Result<PublicKey, Error> {
        let key = device_key(named)?;
        let here = act.holder_here()?;
        let Some(current) = self.store().current_e_licence(&here.id).await? else {
            return Ok(key);
        };
        let binding = self.store().active_binding(&current.e_licence.id).await?;
        let bound = binding.filter(|binding| binding.device == here.device);
        if bound.is_some_and(|bound| bound.device_key != key.to_sec1()) {
            return Err(refusal::BOUND_KEY.into());
        }
        Ok(key)
    }

    /// Checks a declaration about a photo of these bytes (R71).
    pub(super) async fn declared(
        &self,
        act: &Act,
        application: &ApplicationId,
        declaration: Declaration,
        photo_sha256: &str,
    ) -> Result<Declared, Error> {
        if declaration.version != DECLARATION_VERSION {
            return Err(refusal::TEXT_OUTDATED.into());
        }
        let key = self.key_at_hand(act, &declaration.device_key).await?;
        let mut photo = [0; 32];
        hex::decode_to_slice(photo_sha256, &mut photo)
            .map_err(|_not_hex| Error::Internal("a photo's hash is damaged"))?;
        let message = photo_declaration(&application.to_bytes(), &photo, &declaration.version);
        if !signs(&key, &message, &declaration.signature) {
            return Err(refusal::SIGNATURE_REFUSED.into());
        }
        Ok(Declared {
            version: declaration.version,
            photo_sha256: photo_sha256.to_owned(),
            device_key: declaration.device_key,
            signature: declaration.signature,
        })
    }
}

/// Whether the signature over `message` is the key's.
pub(crate) fn signs(key: &PublicKey, message: &[u8], signature: &str) -> bool {
    let raw = URL_SAFE_NO_PAD.decode(signature).ok();
    raw.and_then(|raw| <[u8; 64]>::try_from(raw).ok())
        .is_some_and(|raw| key.verify(message, &Signature::from_raw(raw)).is_ok())
}
