//! Whether a credential in the repository is authentic (R12, R13): signed by a key of the trust list,
//! and about the e-licence for which it lies there.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::digest::{SHA256, digest};
use credential::{Malformed, PublicKey, Reason, Refusal, Suite, Unverified, VerifiedTrustList};
use storage::Subject;
use zeroize::Zeroizing;

use crate::{
    Authority, Because, Error,
    trust::Signing,
    views::{AuthenticFact, ReasonView},
};

/// Checked forms that are remembered; then all are forgotten.
const REMEMBERED: usize = 16_384;

/// What a form says of itself once its signature was found good. No personal data.
#[derive(Clone, Debug)]
struct Checked {
    e_licence: String,
    credential: String,
    issuer: String,
    /// The device that it names, uncompressed.
    device_key: Option<[u8; 65]>,
}

/// Forms whose signatures were found good under one trust list, by their SHA-256.
///
/// Whether a form is signed by a key of the list depends on nothing but its bytes and the list. So
/// what was found good stays so while the list is the same, and this lies beside the list and goes
/// with it. What changes with time (stages, status, revocation) is asked anew by every look-up.
/// What was refused is not remembered, so that nobody fills this with bytes of their own.
#[derive(Debug, Default)]
pub(crate) struct CheckedForms(Mutex<HashMap<[u8; 32], Checked>>);

impl CheckedForms {
    fn get(&self, hash: &[u8; 32]) -> Option<Checked> {
        let forms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        forms.get(hash).cloned()
    }

    fn add(&self, hash: [u8; 32], checked: Checked) {
        let mut forms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if forms.len() >= REMEMBERED {
            forms.clear();
        }
        forms.insert(hash, checked);
    }
}

impl Authority {
    /// The suite whose form of a credential is looked at first.
    pub(crate) fn first_suite(&self) -> String {
        let first = self.inner.settings.suites.first();
        first.map(Suite::to_string).unwrap_or_default()
    }

    /// Checks the newest credential of an e-licence; where a device showed a code, that it names this
    /// device: whoever writes to the database binds none.
    pub(crate) async fn authentic(
        &self,
        subject: &Subject,
        device_key: Option<&[u8; 65]>,
    ) -> Result<AuthenticFact, Error> {
        let signing = self.signing()?;
        let Some((credential, form)) = &subject.newest else {
            return Ok(not_authentic(
                "no-credential",
                "没有可核验的凭证",
                "There is no credential to check",
            ));
        };
        let checked = match checked(signing, form.form.clone()).await? {
            Ok(checked) => checked,
            Err(reason) => return Ok(not_authentic(reason.code, reason.zh, reason.en)),
        };
        if checked.e_licence != subject.e_licence.id.as_str()
            || checked.credential != credential.as_str()
        {
            return Ok(not_authentic(
                "other-licence",
                "凭证属于另一电子驾驶证",
                "The credential is another e-licence's",
            ));
        }
        if device_key.is_some() && checked.device_key.as_ref() != device_key {
            return Ok(not_authentic(
                "other-device-key",
                "凭证不属于出示的设备",
                "The credential is not of the device that shows it",
            ));
        }
        Ok(AuthenticFact {
            outcome: "yes".to_owned(),
            suite: Some(form.suite.clone()),
            key_id: Some(form.key_id.clone()),
            issuer: Some(checked.issuer),
            reasons: Vec::new(),
        })
    }
}

/// Checks a signed form, once under a trust list, and off the runtime's threads: a signature in SM2
/// takes as long as a commit, and whoever commits for others must not wait behind it.
async fn checked(
    signing: Arc<Signing>,
    form: Zeroizing<Vec<u8>>,
) -> Result<Result<Checked, Reason>, Error> {
    let hash = <[u8; 32]>::try_from(digest(&SHA256, &form).as_ref())
        .map_err(|_length| Error::Internal("a SHA-256 has another length"))?;
    if let Some(checked) = signing.checked.get(&hash) {
        return Ok(Ok(checked));
    }
    let checked = tokio::task::spawn_blocking(move || {
        let checked = check(&form, &signing.trust);
        if let Ok(checked) = &checked {
            signing.checked.add(hash, checked.clone());
        }
        checked
    });
    let checked = checked.await;
    checked.map_err(|_panicked| Error::Internal("the check of a signature ended early"))
}

fn check(form: &[u8], trust: &VerifiedTrustList) -> Result<Checked, Reason> {
    let unverified = Unverified::parse(form).map_err(Malformed::reason)?;
    let verified = unverified.verify(trust).map_err(Refusal::reason)?;
    let claims = verified.claims();
    Ok(Checked {
        e_licence: claims.e_licence_id.clone(),
        credential: claims.credential_id.clone(),
        issuer: claims.issuer.clone(),
        device_key: claims.holder_key.as_ref().map(PublicKey::to_sec1),
    })
}

fn not_authentic(code: &str, zh: &str, en: &str) -> AuthenticFact {
    AuthenticFact {
        outcome: "no".to_owned(),
        suite: None,
        key_id: None,
        issuer: None,
        reasons: vec![plain(code, zh, en)],
    }
}

/// A reason without a rule of its own.
pub(crate) fn plain(code: &str, zh: &str, en: &str) -> ReasonView {
    ReasonView::from(&Because {
        code: code.to_owned(),
        rule: None,
        field: None,
        zh: zh.to_owned(),
        en: en.to_owned(),
        clears_zh: None,
        clears_en: None,
    })
}
