//! The renewal stamp (续期章): by it the server says that a credential's binding still stood.

use jiff::{SignedDuration, Timestamp};

use crate::{
    cbor::Value,
    code::SKEW,
    cwt::Refusal,
    fields,
    key::KeyId,
    malformed::Malformed,
    profile::CredentialId,
    reason::Reason,
    signature::Signature,
    signer::{SignError, Signer},
    time::NumericDate,
    trust::{KeyState, KeyUse, TrustedKey, VerifiedTrustList},
};

/// How long a stamp holds.
///
/// An offline verifier learns from nothing else that a phone was lost, a binding replaced or a
/// licence frozen since its own status list was made: with a longer period a thief shows the code
/// for so much longer where there is no signal; with none at all, until the credential's end. A
/// shorter one shuts out holders who were without a signal for some days.
pub const STAMP_LASTS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A stamp, as it stands in an offline code: `[key id, renewed, signature]`. Its signature has not
/// been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The online key that is said to have signed.
    pub key_id: KeyId,
    /// When the server last saw the device.
    pub renewed_at: NumericDate,
    /// By the online key over [`stamp_to_be_signed`].
    pub signature: Signature,
}

/// What the online key signs: `["jz-stamp-1", key id, credential id, renewed]`.
#[must_use]
pub fn stamp_to_be_signed(
    key_id: &KeyId,
    credential_id: &CredentialId,
    renewed_at: NumericDate,
) -> Vec<u8> {
    Value::Array(vec![
        Value::text("jz-stamp-1"),
        Value::bytes(key_id.as_bytes()),
        Value::bytes(credential_id.as_bytes()),
        renewed_at.encode(),
    ])
    .encode()
}

impl Stamp {
    /// Stamps a credential as of an instant.
    ///
    /// # Errors
    /// [`SignError`] where the key makes no signature.
    pub fn sign(
        signer: &dyn Signer,
        credential_id: &CredentialId,
        renewed_at: NumericDate,
    ) -> Result<Self, SignError> {
        let message = stamp_to_be_signed(signer.key_id(), credential_id, renewed_at);
        let signature = signer.sign(&message)?;
        Ok(Self::complete(signer, renewed_at, &signature))
    }

    /// A stamp from a signature that was made elsewhere over [`stamp_to_be_signed`].
    #[must_use]
    pub fn complete(signer: &dyn Signer, renewed_at: NumericDate, signature: &Signature) -> Self {
        Self {
            key_id: *signer.key_id(),
            renewed_at,
            signature: signature.settled(signer.suite()),
        }
    }

    /// Its one encoding.
    #[must_use]
    pub fn to_cbor(&self) -> Vec<u8> {
        self.encode().encode()
    }

    /// Reads that encoding.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, Malformed> {
        Self::decode(&Value::decode(bytes)?, "stamp")
    }

    /// The last instant before which it holds.
    #[must_use]
    pub fn good_until(&self) -> Timestamp {
        let renewed_at = self.renewed_at.timestamp();
        renewed_at.saturating_add(STAMP_LASTS).unwrap_or(renewed_at)
    }

    /// Whether it holds at this instant. A verifier's clock may stand behind the server's by as much as
    /// behind a device's.
    ///
    /// # Errors
    /// [`StampLapse`].
    pub fn check_term(&self, at: Timestamp) -> Result<(), StampLapse> {
        if at >= self.good_until() {
            Err(StampLapse::Stale)
        } else if self.renewed_at.timestamp().duration_since(at) > SKEW {
            Err(StampLapse::NotYetValid)
        } else {
            Ok(())
        }
    }

    /// Checks that an online key of the trust list stamped this credential. Whether the stamp holds
    /// at some instant is not asked here.
    ///
    /// # Errors
    /// [`StampRefusal`].
    pub fn verify<'a>(
        &self,
        credential_id: &CredentialId,
        trust: &'a VerifiedTrustList,
    ) -> Result<&'a TrustedKey, StampRefusal> {
        let key = trust.key(&self.key_id).ok_or(StampRefusal::KeyUnknown)?;
        if key.key_use != KeyUse::Online {
            return Err(StampRefusal::KeyWrongUse);
        }
        let message = stamp_to_be_signed(&self.key_id, credential_id, self.renewed_at);
        if key.public_key.verify(&message, &self.signature).is_err() {
            return Err(StampRefusal::BadSignature);
        }
        if !self.signature.is_settled(key.public_key.suite()) {
            return Err(StampRefusal::Malleated);
        }
        if matches!(key.state, KeyState::Revoked { .. }) {
            return Err(StampRefusal::KeyDistrusted);
        }
        if !key.may_sign_at(self.renewed_at) {
            return Err(StampRefusal::KeyNotValidThen);
        }
        Ok(key)
    }

    pub(crate) fn encode(&self) -> Value<'_> {
        Value::Array(vec![
            Value::bytes(self.key_id.as_bytes()),
            self.renewed_at.encode(),
            Value::bytes(self.signature.as_raw()),
        ])
    }

    pub(crate) fn decode(value: &Value<'_>, name: &'static str) -> Result<Self, Malformed> {
        let [key_id, renewed_at, signature] = fields::items(value, name)? else {
            return Err(Malformed::ClaimType(name));
        };
        Ok(Self {
            key_id: KeyId::from_bytes(fields::array_of(key_id, name)?),
            renewed_at: NumericDate::decode_unsigned(renewed_at, name)?,
            signature: Signature::from_raw(fields::array_of(signature, name)?),
        })
    }
}

/// Why a stamp is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {} ({})", self.reason().code, self.reason().en, self.reason().zh)]
pub enum StampRefusal {
    /// A key that the trust list does not know.
    KeyUnknown,
    /// A key that signs licences, and no stamps.
    KeyWrongUse,
    /// Not the key's signature over this credential and time: of another credential, or forged.
    BadSignature,
    /// The signature was rewritten into its other form.
    Malleated,
    /// The key is trusted no more.
    KeyDistrusted,
    /// Stamped outside the period of the key.
    KeyNotValidThen,
}

impl StampRefusal {
    /// The stable code and both texts.
    #[must_use]
    pub const fn reason(self) -> Reason {
        let (code, zh, en) = match self {
            Self::KeyUnknown => (
                "stamp-key-unknown",
                "续期章的密钥不在信任列表中",
                "the key of the renewal stamp is not in the trust list",
            ),
            Self::KeyWrongUse => return Refusal::WrongUse.reason(),
            Self::BadSignature => (
                "stamp-mismatch",
                "续期章不属于该凭证或系伪造",
                "the renewal stamp is of another credential, or forged",
            ),
            Self::Malleated => (
                "stamp-malleated",
                "续期章的签名形式被改写",
                "the signature of the renewal stamp was rewritten into its other form",
            ),
            Self::KeyDistrusted => (
                "stamp-key-distrusted",
                "续期章的密钥已不受信任，请持证人联网更新",
                "the key of the renewal stamp is no longer trusted; the holder renews online",
            ),
            Self::KeyNotValidThen => (
                "stamp-key-not-valid-then",
                "续期时间不在密钥的有效期内",
                "stamped outside the period of its key",
            ),
        };
        Reason::new(code, zh, en)
    }
}

/// Why an authentic stamp does not hold now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StampLapse {
    /// Its seven days are over.
    Stale,
    /// Stamped after the time of the check.
    NotYetValid,
}

impl StampLapse {
    /// The stable code and both texts.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::Stale => Reason::new(
                "stamp-stale",
                "设备超过七天未联网续期，请持证人联网后重新出示",
                "the device was not renewed within seven days; the holder goes online and shows a \
                 new code",
            ),
            Self::NotYetValid => Reason::new(
                "stamp-not-yet-valid",
                "续期时间晚于核验时间，请检查核验设备的时钟",
                "renewed after the time of the check: look at the verifier's clock",
            ),
        }
    }
}

#[cfg(test)]
mod tests;
