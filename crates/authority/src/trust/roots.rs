//! The root keys: their file, and what they sign. Nothing here needs a store, so that it works on a
//! machine that has no network.

use std::collections::{BTreeMap, btree_map::Entry};

use credential::{
    Issuing, KeyId, Signer, SoftwareSigner, Suite, TrustList, changes, sign_trust_list,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    proposal::{SignedProposal, TrustProposalFile},
    verified,
};
use crate::Error;

/// The root keys, which are kept apart from the system.
#[derive(Debug)]
pub struct RootKeys(pub(super) Vec<SoftwareSigner>);

#[derive(Serialize, Deserialize)]
struct RootFile {
    format: String,
    keys: Vec<RootKey>,
}

#[derive(Serialize, Deserialize)]
struct RootKey {
    suite: Suite,
    secret: Zeroizing<String>,
}

const ROOT_FORMAT: &str = "jiazhao-root-keys/1";

impl RootKeys {
    /// The file in which the roots are taken away.
    #[must_use]
    pub fn to_json(&self) -> Zeroizing<String> {
        let file = RootFile {
            format: ROOT_FORMAT.to_owned(),
            keys: self
                .0
                .iter()
                .map(|root| RootKey {
                    suite: root.suite().clone(),
                    secret: Zeroizing::new(hex::encode(*root.secret())),
                })
                .collect(),
        };
        Zeroizing::new(serde_json::to_string_pretty(&file).unwrap_or_default())
    }

    /// Reads the file.
    ///
    /// # Errors
    /// When it is none of these files.
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        let broken = || Error::Internal("this is no file of root keys");
        let file: RootFile = serde_json::from_slice(json).map_err(|_not_json| broken())?;
        if file.format != ROOT_FORMAT {
            return Err(broken());
        }
        let mut roots = Vec::new();
        for key in file.keys {
            let mut secret = Zeroizing::new([0_u8; 32]);
            hex::decode_to_slice(key.secret.as_bytes(), &mut *secret)
                .map_err(|_not_hex| broken())?;
            roots.push(
                SoftwareSigner::from_secret(&key.suite, secret).map_err(|_bad_key| broken())?,
            );
        }
        Ok(Self(roots))
    }

    /// Signs a proposed list, if it may follow the one that these roots signed before.
    ///
    /// # Errors
    /// [`crate::refusal::TRUST_REFUSED`] with the reason: what nobody would accept is not signed.
    pub fn sign(&self, proposal: &TrustProposalFile) -> Result<SignedProposal, Error> {
        let former = proposal.former()?;
        let list = proposal.list()?;
        let signed = self.signed(&list, proposal.certificates.clone())?;
        let next = verified(&signed.trust)?;
        changes(&former, &next).map_err(|refused| super::change::refused(refused.reason()))?;
        Ok(signed)
    }

    /// Signs a list, and a certificate for each key of it and each root that has none yet.
    pub(super) fn signed(
        &self,
        list: &TrustList,
        mut certificates: BTreeMap<String, String>,
    ) -> Result<SignedProposal, Error> {
        let failed = || Error::Internal("the trust list could not be signed");
        let roots: Vec<&dyn Signer> = self.0.iter().map(|root| -> &dyn Signer { root }).collect();
        let signed = sign_trust_list(list, &roots).map_err(|_unsigned| failed())?;
        for root in &roots {
            let issuing = Issuing {
                root: *root,
                organisation: list.keys.first().map_or("", |key| key.issuer.as_str()),
                now: list.issued_at.timestamp(),
            };
            let certificate = || issuing.root_certificate().map_err(|_unsigned| failed());
            add(&mut certificates, root.key_id(), certificate)?;
            let of_suite = |key: &&credential::TrustedKey| key.public_key.suite() == root.suite();
            for key in list.keys.iter().filter(of_suite) {
                let certificate = || issuing.key_certificate(key).map_err(|_unsigned| failed());
                add(&mut certificates, key.key_id(), certificate)?;
            }
        }
        Ok(SignedProposal::new(signed.to_json(), certificates))
    }
}

fn add(
    certificates: &mut BTreeMap<String, String>,
    key_id: &KeyId,
    make: impl FnOnce() -> Result<String, Error>,
) -> Result<(), Error> {
    if let Entry::Vacant(place) = certificates.entry(key_id.to_string()) {
        place.insert(make()?);
    }
    Ok(())
}
