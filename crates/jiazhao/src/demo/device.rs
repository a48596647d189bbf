//! A device in software: what a telephone does with its key, for the walk and for tests. Its key lies
//! in memory and is worth nothing beyond a demonstration.

use authority::rand::CryptoRng;
use aws_lc_rs::digest::{SHA256, digest};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use credential::{
    Code, DynamicCode, Handle, NumericDate, OfflineCode, Signature, Signer, SoftwareSigner, Stamp,
    Suite,
    code::{dynamic_to_be_signed, offline_to_be_signed},
    device::{Evidence, binding_proof, person_check_proof, photo_declaration},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use storage::{ApplicationId, BindingId, PersonCheckId};

use super::stills::Taken;

/// A device with its key.
#[derive(Debug)]
pub struct Device {
    signer: SoftwareSigner,
}

/// Which offline code is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// The public form.
    Public,
    /// The public form with the small portrait.
    Portrait,
    /// The enforcement form.
    Enforcement,
}

impl Device {
    /// A device with a new key; none where the generator yields none.
    pub fn new(rng: &mut impl CryptoRng) -> Option<Self> {
        let signer = SoftwareSigner::generate(&Suite::Es256, rng).ok()?;
        Some(Self { signer })
    }

    /// Its public key, as `POST /holder/bindings` takes it.
    #[must_use]
    pub fn key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.signer.public_key().to_sec1())
    }

    /// The proof that answers a challenge, as `PUT .../proof` takes it; none where the challenge is
    /// not one.
    #[must_use]
    pub fn proof(&self, challenge: &Value) -> Option<Value> {
        let nonce: [u8; 32] = bytes(challenge.get("challenge")?)?.try_into().ok()?;
        let id = BindingId::parse(challenge.get("id")?.as_str()?).ok()?;
        let handle = Handle::from_bytes(id.to_bytes());
        let point = self.signer.public_key().to_sec1();
        let signature = self.sign(&binding_proof(&nonce, &handle, &point))?;
        Some(json!({"signature": URL_SAFE_NO_PAD.encode(signature.as_raw())}))
    }

    /// The answer of a person check, as `PUT .../person-check` takes it; none where the challenge is
    /// not one.
    #[must_use]
    pub fn answer(&self, challenge: &Value, frames: &[Taken]) -> Option<Value> {
        let evidence: Vec<Evidence> = frames
            .iter()
            .map(|frame| Evidence {
                step: frame.step,
                at_ms: frame.at_ms,
                sha256: sha256(&frame.bytes),
            })
            .collect();
        let taken: Vec<Value> = frames
            .iter()
            .map(|frame| {
                let image = format!("data:image/jpeg;base64,{}", STANDARD.encode(&frame.bytes));
                json!({"step": frame.step, "at_ms": frame.at_ms, "image": image})
            })
            .collect();
        let signature = self.signed_evidence(challenge, &evidence)?;
        Some(json!({"id": challenge.get("id")?, "frames": taken, "signature": signature}))
    }

    /// The same by the token of an identity service.
    #[must_use]
    pub fn answer_by_token(&self, challenge: &Value, token: &str) -> Option<Value> {
        let evidence = Evidence {
            step: 0,
            at_ms: 0,
            sha256: sha256(token.as_bytes()),
        };
        let signature = self.signed_evidence(challenge, &[evidence])?;
        Some(json!({"id": challenge.get("id")?, "token": token, "signature": signature}))
    }

    fn signed_evidence(&self, challenge: &Value, evidence: &[Evidence]) -> Option<String> {
        let nonce: [u8; 32] = bytes(challenge.get("nonce")?)?.try_into().ok()?;
        let id = PersonCheckId::parse(challenge.get("id")?.as_str()?).ok()?;
        let message = person_check_proof(&id.to_bytes(), &nonce, evidence);
        Some(URL_SAFE_NO_PAD.encode(self.sign(&message)?.as_raw()))
    }

    /// Declares a photo to be of the last six months, as `PUT .../photo` takes it (R71).
    #[must_use]
    pub fn declaration(&self, application: &str, photo: &[u8], version: &str) -> Option<Value> {
        let application = ApplicationId::parse(application).ok()?;
        let message = photo_declaration(&application.to_bytes(), &sha256(photo), version);
        let signature = URL_SAFE_NO_PAD.encode(self.sign(&message)?.as_raw());
        Some(json!({"version": version, "device_key": self.key(), "signature": signature}))
    }

    /// A dynamic code of the material that the server gave.
    #[must_use]
    pub fn dynamic(&self, material: &Value, at: Timestamp) -> Option<String> {
        let handle = Handle::from_bytes(bytes(material.get("handle")?)?.try_into().ok()?);
        let time = NumericDate::floor(at);
        let signature = self.sign(&dynamic_to_be_signed(&handle, time))?;
        let code = DynamicCode {
            handle,
            time,
            signature,
        };
        Some(Code::Dynamic(code).to_text())
    }

    /// An offline code of the material that the server gave.
    #[must_use]
    pub fn offline(&self, material: &Value, at: Timestamp, shows: Shows) -> Option<String> {
        let form = match shows {
            Shows::Public | Shows::Portrait => "credential",
            Shows::Enforcement => "enforcement",
        };
        let profile = bytes(material.get(form)?)?;
        let stamp = Stamp::from_cbor(&bytes(material.get("stamp")?)?).ok()?;
        let portrait = match shows {
            Shows::Portrait => Some(bytes(material.get("portrait")?)?),
            Shows::Public | Shows::Enforcement => None,
        };
        let time = NumericDate::floor(at);
        let message = offline_to_be_signed(&profile, stamp.renewed_at, time, portrait.as_deref());
        let code = OfflineCode {
            signature: self.sign(&message)?,
            profile,
            stamp,
            time,
            portrait,
        };
        Some(Code::Offline(code).to_text())
    }

    fn sign(&self, message: &[u8]) -> Option<Signature> {
        self.signer.sign(message).ok()
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(value.as_str()?).ok()
}
