//! The holder's device (持证人设备): its key, the handle of its binding, and what it signs to prove
//! that it has the key.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use std::fmt;

use crate::{
    cbor::Value,
    key::{BadKey, PublicKey},
    malformed::Malformed,
    signature::{BadSignature, Signature},
    suite::Suite,
};

/// The handle (句柄) of a binding, as a dynamic code carries it: the 16 bytes of the binding's id.
/// It leads to nobody without the platform's register.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle([u8; 16]);

impl Handle {
    /// From its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({self})")
    }
}

/// The device's public key: a point of P-256, which is what a browser's key store signs with.
#[derive(Clone)]
pub struct DeviceKey {
    compressed: [u8; 33],
    verifier: ParsedPublicKey,
}

impl DeviceKey {
    /// From the uncompressed point of SEC 1, 65 bytes.
    ///
    /// # Errors
    /// [`BadKey`] for anything else, points off the curve included.
    pub fn from_sec1(point: &[u8]) -> Result<Self, BadKey> {
        Self::try_from(&PublicKey::from_sec1(Suite::Es256, point)?)
    }

    /// From the compressed point of SEC 1, 33 bytes.
    ///
    /// # Errors
    /// [`BadKey`] for anything else, points off the curve included.
    pub fn from_compressed(point: &[u8]) -> Result<Self, BadKey> {
        let Ok(compressed @ [2 | 3, ..]) = <[u8; 33]>::try_from(point) else {
            return Err(BadKey);
        };
        match ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, compressed) {
            Ok(verifier) => Ok(Self {
                compressed,
                verifier,
            }),
            Err(_rejected) => Err(BadKey),
        }
    }

    /// The compressed point of SEC 1.
    #[must_use]
    pub fn to_compressed(&self) -> [u8; 33] {
        self.compressed
    }

    /// Verifies a signature of the device; hashing with SHA-256 is part of it.
    ///
    /// Both forms of a signature are taken, s and order - s: browsers do not settle on one. Whoever
    /// turns one into the other has a second text of the same code, and a code is told from another
    /// by its time.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        match self.verifier.verify_sig(message, signature.as_raw()) {
            Ok(()) => Ok(()),
            Err(_unspecified) => Err(BadSignature),
        }
    }

    pub(crate) fn encode(&self) -> Value {
        Value::Bytes(self.compressed.to_vec())
    }

    pub(crate) fn decode(value: &Value, name: &'static str) -> Result<Self, Malformed> {
        let point = crate::fields::bytes(value, name)?;
        match Self::from_compressed(&point) {
            Ok(key) => Ok(key),
            Err(BadKey) => Err(Malformed::BadPublicKey),
        }
    }
}

impl TryFrom<&PublicKey> for DeviceKey {
    type Error = BadKey;

    /// A key of the ES256 suite.
    fn try_from(key: &PublicKey) -> Result<Self, BadKey> {
        if *key.suite() != Suite::Es256 {
            return Err(BadKey);
        }
        let point = key.to_sec1();
        let odd = point.last().is_some_and(|last| last % 2 == 1);
        let mut compressed = [0; 33];
        for (into, from) in compressed.iter_mut().zip(point) {
            *into = from;
        }
        let [form, ..] = &mut compressed;
        *form = if odd { 3 } else { 2 };
        Self::from_compressed(&compressed)
    }
}

impl PartialEq for DeviceKey {
    fn eq(&self, other: &Self) -> bool {
        self.compressed == other.compressed
    }
}

impl Eq for DeviceKey {}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceKey({})", hex::encode(self.compressed))
    }
}

/// What the device signs to prove that it has the key which it offers:
/// `["jz-bind-1", challenge, handle, uncompressed point]`.
#[must_use]
pub fn binding_proof(challenge: &[u8; 32], handle: &Handle, device_key: &[u8; 65]) -> Vec<u8> {
    Value::Array(vec![
        Value::text("jz-bind-1"),
        Value::Bytes(challenge.to_vec()),
        Value::Bytes(handle.as_bytes().to_vec()),
        Value::Bytes(device_key.to_vec()),
    ])
    .encode()
}

/// A part of what answers a person check, as the signature covers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Which step was asked for; 0 before the first.
    pub step: u8,
    /// By the client's clock, since the check was opened, in milliseconds.
    pub at_ms: u32,
    /// SHA-256 of the frame, or of the token of an identity service.
    pub sha256: [u8; 32],
}

/// What the device signs to answer a person check:
/// `["jz-person-check-1", check, nonce, [[step, milliseconds, SHA-256], ...]]`.
#[must_use]
pub fn person_check_proof(check: &[u8; 16], nonce: &[u8; 32], evidence: &[Evidence]) -> Vec<u8> {
    let parts = evidence.iter().map(|part| {
        Value::Array(vec![
            Value::Unsigned(u64::from(part.step)),
            Value::Unsigned(u64::from(part.at_ms)),
            Value::Bytes(part.sha256.to_vec()),
        ])
    });
    Value::Array(vec![
        Value::text("jz-person-check-1"),
        Value::Bytes(check.to_vec()),
        Value::Bytes(nonce.to_vec()),
        Value::Array(parts.collect()),
    ])
    .encode()
}

/// What the device signs to declare something about a photo (R71):
/// `["jz-photo-declaration-1", application, SHA-256 of the photo, version of the text]`.
#[must_use]
pub fn photo_declaration(application: &[u8; 16], photo: &[u8; 32], text_version: &str) -> Vec<u8> {
    Value::Array(vec![
        Value::text("jz-photo-declaration-1"),
        Value::Bytes(application.to_vec()),
        Value::Bytes(photo.to_vec()),
        Value::text(text_version),
    ])
    .encode()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{samples::signer, signer::Signer as _};

    /// The bytes are what clients in other languages have to make.
    #[test]
    fn what_a_device_signs_is_written_out() {
        let evidence = [
            Evidence {
                step: 0,
                at_ms: 40,
                sha256: [1; 32],
            },
            Evidence {
                step: 1,
                at_ms: 1_200,
                sha256: [2; 32],
            },
        ];
        let signed = person_check_proof(&[3; 16], &[4; 32], &evidence);
        let name = hex::encode("jz-person-check-1");
        let hash = |byte: &str| format!("5820{}", byte.repeat(32));
        assert_eq!(
            hex::encode(signed),
            format!(
                "8471{name}50{}{}8283001828{}83011904b0{}",
                "03".repeat(16),
                hash("04"),
                hash("01"),
                hash("02")
            )
        );
        let declared = photo_declaration(&[3; 16], &[4; 32], "1");
        let name = hex::encode("jz-photo-declaration-1");
        let expected = format!("8476{name}50{}{}6131", "03".repeat(16), hash("04"));
        assert_eq!(hex::encode(declared), expected);
    }

    #[test]
    fn a_key_is_the_same_from_both_forms_and_verifies() {
        for secret in 1..20 {
            let signer = signer(&Suite::Es256, secret);
            let key = DeviceKey::from_sec1(&signer.public_key().to_sec1()).unwrap();
            let again = DeviceKey::from_compressed(&key.to_compressed()).unwrap();
            assert_eq!(key, again);
            let signature = signer.sign(b"message").unwrap();
            assert_eq!(again.verify(b"message", &signature), Ok(()));
            assert_eq!(again.verify(b"another", &signature), Err(BadSignature));
        }
    }

    #[test]
    fn other_points_are_no_device_keys() {
        let point = signer(&Suite::Es256, 1).public_key().to_sec1();
        let sm2 = signer(&Suite::sm2(), 1).public_key().clone();
        assert_eq!(DeviceKey::try_from(&sm2), Err(BadKey));
        assert_eq!(DeviceKey::from_sec1(&sm2.to_sec1()), Err(BadKey));
        let compressed = DeviceKey::from_sec1(&point).unwrap().to_compressed();
        assert_eq!(DeviceKey::from_sec1(&compressed), Err(BadKey));
        assert_eq!(DeviceKey::from_compressed(&point), Err(BadKey));
        let hybrid = [&[6 + point[64] % 2][..], &point[1..]].concat();
        assert_eq!(DeviceKey::from_sec1(&hybrid), Err(BadKey));
        // x = 5 is of no point on P-256: 5^3 - 15 + b is no square.
        let mut no_point = [0; 33];
        (no_point[0], no_point[32]) = (2, 1);
        let refused = (1..=255).any(|x| {
            no_point[32] = x;
            DeviceKey::from_compressed(&no_point) == Err(BadKey)
        });
        assert!(refused);
        assert_eq!(DeviceKey::from_compressed(&[0xff; 33]), Err(BadKey));
        let mut beyond_the_field = [0xff; 33];
        beyond_the_field[0] = 2;
        assert_eq!(DeviceKey::from_compressed(&beyond_the_field), Err(BadKey));
        for nothing in [&[][..], &[0], &[0; 33], &[2; 32]] {
            assert_eq!(DeviceKey::from_compressed(nothing), Err(BadKey));
        }
    }
}
