//! The codes that a holder's device signs (动态码, 离线码), as text: `JZ1:` and base45 of CBOR, which QR
//! symbols hold in alphanumeric mode and every scanner reads unharmed.
//!
//! | Code | CBOR |
//! |---|---|
//! | dynamic | `[1, handle, time, signature]` |
//! | offline, enforcement | `[2, profile, [key id, renewed, signature], time, portrait or null, signature]` |
//!
//! Times are seconds since 1970, signatures r and s of ES256 by the device's key.

mod authentic;
mod size;
mod window;

pub use authentic::CodeRefusal;
pub use size::{
    LARGEST_DYNAMIC, LARGEST_ENFORCEMENT, LARGEST_OFFLINE, LARGEST_WITH_PORTRAIT, enforcement,
    offline_version, portrait_budget, qr_version,
};
pub use window::{CLOCK_OFF, LASTS, NotFresh, SKEW, check_window};

use aws_lc_rs::digest::{SHA256, digest};
use std::fmt;

use crate::{
    base45,
    cbor::Value,
    device::{DeviceKey, Handle},
    fields,
    malformed::Malformed,
    signature::{BadSignature, Signature},
    stamp::Stamp,
    time::NumericDate,
};

/// How every code begins.
pub const PREFIX: &str = "JZ1:";

/// A code that somebody shows. No signature in it has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// Leads to a record that only the platform has.
    Dynamic(DynamicCode),
    /// Carries what it shows.
    Offline(OfflineCode),
}

/// The dynamic code (动态码).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DynamicCode {
    /// The binding whose device shows it.
    pub handle: Handle,
    /// When it was made.
    pub time: NumericDate,
    /// By the device, over [`dynamic_to_be_signed`].
    pub signature: Signature,
}

/// The offline code (离线码), in the public or the enforcement profile. `Debug` shows no personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct OfflineCode {
    /// The profile in its `COSE_Sign1`.
    pub profile: Vec<u8>,
    /// The server's renewal stamp.
    pub stamp: Stamp,
    /// When the code was made.
    pub time: NumericDate,
    /// The small portrait (WebP), where the holder shows it.
    pub portrait: Option<Vec<u8>>,
    /// By the device, over [`offline_to_be_signed`].
    pub signature: Signature,
}

const DYNAMIC: u64 = 1;
const OFFLINE: u64 = 2;

/// What the device signs for a dynamic code: `["jz-dynamic-1", handle, time]`.
#[must_use]
pub fn dynamic_to_be_signed(handle: &Handle, time: NumericDate) -> Vec<u8> {
    Value::Array(vec![
        Value::text("jz-dynamic-1"),
        Value::bytes(handle.as_bytes()),
        time.encode(),
    ])
    .encode()
}

/// What the device signs for an offline code:
/// `["jz-offline-1", SHA-256(profile), renewed, time, SHA-256(portrait) or null]`.
#[must_use]
pub fn offline_to_be_signed(
    profile: &[u8],
    renewed_at: NumericDate,
    time: NumericDate,
    portrait: Option<&[u8]>,
) -> Vec<u8> {
    let hash = |bytes: &[u8]| Value::bytes(sha256(bytes).to_vec());
    Value::Array(vec![
        Value::text("jz-offline-1"),
        hash(profile),
        renewed_at.encode(),
        time.encode(),
        portrait.map_or(Value::Null, hash),
    ])
    .encode()
}

/// The digest by which a profile names its small portrait.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    // SHA-256 has 32 bytes.
    let digest = digest(&SHA256, bytes);
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}

impl Code {
    /// Reads a code's text. Strict: one text for each code.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let base45 = text.strip_prefix(PREFIX).ok_or(Malformed::NotCodeText)?;
        if qr_version(text.len()).is_none() {
            return Err(Malformed::TooLarge);
        }
        let bytes = base45::decode(base45)?;
        let Value::Array(items) = Value::decode(&bytes)? else {
            return Err(Malformed::ClaimType("code"));
        };
        match items.as_slice() {
            [Value::Unsigned(DYNAMIC), handle, time, signature] => Ok(Self::Dynamic(DynamicCode {
                handle: Handle::from_bytes(fields::array_of(handle, "handle")?),
                time: NumericDate::decode_unsigned(time, "time")?,
                signature: device_signature(signature)?,
            })),
            [
                Value::Unsigned(OFFLINE),
                profile,
                stamp,
                time,
                portrait,
                signature,
            ] => Ok(Self::Offline(OfflineCode {
                profile: fields::bytes(profile, "profile")?.to_vec(),
                stamp: Stamp::decode(stamp, "stamp")?,
                time: NumericDate::decode_unsigned(time, "time")?,
                portrait: portrait_or_null(portrait)?,
                signature: device_signature(signature)?,
            })),
            [Value::Unsigned(DYNAMIC | OFFLINE), ..] => Err(Malformed::ClaimType("code")),
            _ => Err(Malformed::UnknownCodeKind),
        }
    }

    /// Its text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let value = match self {
            Self::Dynamic(code) => Value::Array(vec![
                Value::Unsigned(DYNAMIC),
                Value::bytes(code.handle.as_bytes()),
                code.time.encode(),
                Value::bytes(code.signature.as_raw()),
            ]),
            Self::Offline(code) => {
                let portrait = code.portrait.as_deref();
                Value::Array(vec![
                    Value::Unsigned(OFFLINE),
                    Value::bytes(&code.profile),
                    code.stamp.encode(),
                    code.time.encode(),
                    portrait.map_or(Value::Null, Value::bytes),
                    Value::bytes(code.signature.as_raw()),
                ])
            }
        };
        format!("{PREFIX}{}", base45::encode(&value.encode()))
    }
}

impl DynamicCode {
    /// Whether this device made it.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, device_key: &DeviceKey) -> Result<(), BadSignature> {
        let message = dynamic_to_be_signed(&self.handle, self.time);
        device_key.verify(&message, &self.signature)
    }
}

impl OfflineCode {
    /// Whether this device made it, over exactly this profile, stamp time and portrait.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, device_key: &DeviceKey) -> Result<(), BadSignature> {
        let portrait = self.portrait.as_deref();
        let renewed_at = self.stamp.renewed_at;
        let message = offline_to_be_signed(&self.profile, renewed_at, self.time, portrait);
        device_key.verify(&message, &self.signature)
    }
}

impl fmt::Debug for OfflineCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfflineCode")
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

fn device_signature(value: &Value<'_>) -> Result<Signature, Malformed> {
    match <[u8; 64]>::try_from(fields::bytes(value, "signature")?) {
        Ok(raw) => Ok(Signature::from_raw(raw)),
        Err(_other_length) => Err(Malformed::SignatureLength),
    }
}

/// An empty portrait shows nobody: a code without one says null.
fn portrait_or_null(value: &Value<'_>) -> Result<Option<Vec<u8>>, Malformed> {
    if matches!(value, Value::Null) {
        return Ok(None);
    }
    let portrait = fields::bytes(value, "portrait")?;
    if portrait.is_empty() {
        return Err(Malformed::ClaimValue("portrait"));
    }
    Ok(Some(portrait.to_vec()))
}

#[cfg(test)]
mod tests;
