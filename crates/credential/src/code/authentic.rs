//! An offline code whose every signature holds.

use std::fmt;

use super::OfflineCode;
use crate::{
    code::sha256,
    cwt::Refusal,
    profile::{Form, UnverifiedProfile, VerifiedProfile},
    reason::Reason,
    stamp::StampRefusal,
    trust::VerifiedTrustList,
};

impl OfflineCode {
    /// Checks everything in the code that does not depend on a clock: the issuer's signature, the
    /// device's by the key in the profile, the portrait by the digest in it, and the stamp.
    ///
    /// # Errors
    /// [`CodeRefusal`].
    pub fn authenticate(&self, trust: &VerifiedTrustList) -> Result<VerifiedProfile, CodeRefusal> {
        let profile = UnverifiedProfile::parse(&self.profile)
            .map_err(Refusal::Malformed)
            .and_then(|profile| profile.verify(trust))
            .map_err(CodeRefusal::Profile)?;
        let claims = profile.claims();
        if self.verify(&claims.device_key).is_err() {
            return Err(CodeRefusal::OtherDevice);
        }
        let expected = match &claims.form {
            Form::Public { portrait_sha256 } => *portrait_sha256,
            Form::Enforcement { .. } => None,
        };
        let shown = self.portrait.as_deref().map(sha256);
        // No portrait at all is the holder's choice; another's is not.
        if shown.is_some() && shown != expected {
            return Err(CodeRefusal::OtherPortrait);
        }
        match self.stamp.verify(&claims.credential_id, trust) {
            Ok(_) => Ok(profile),
            Err(refusal) => Err(CodeRefusal::Stamp(refusal)),
        }
    }
}

/// Why an offline code is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeRefusal {
    /// The profile is not an issuer's.
    Profile(Refusal),
    /// Not signed by the device to which the credential is bound: copied to another, or altered.
    OtherDevice,
    /// The portrait is not the one of the profile.
    OtherPortrait,
    /// The stamp is not a server's for this credential.
    Stamp(StampRefusal),
}

impl CodeRefusal {
    /// The stable code and both texts.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::Profile(refusal) => refusal.reason(),
            Self::OtherDevice => Reason::new(
                "bad-device-signature",
                "二维码不是由绑定的设备签署，或内容被改动",
                "not signed by the device to which the licence is bound, or altered",
            ),
            Self::OtherPortrait => Reason::new(
                "portrait-mismatch",
                "照片与凭证中的照片摘要不符",
                "the portrait is not the one of the credential",
            ),
            Self::Stamp(refusal) => refusal.reason(),
        }
    }
}

impl fmt::Display for CodeRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reason { code, zh, en } = self.reason();
        write!(f, "{code}: {en} ({zh})")
    }
}

impl std::error::Error for CodeRefusal {}
