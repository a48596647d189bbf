//! A P-256 key in a token as a signer of ES256. The message is hashed here, the token signs the
//! digest (`CKM_ECDSA`) and answers r and s; the smaller s is taken, so that a signature has one form
//! whichever token made it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use authority::TokenKey;
use aws_lc_rs::digest::{SHA256, digest};
use credential::{KeyUse, PublicKey, SignError, Signature, Signer, Suite};
use cryptoki::{
    error::Error,
    mechanism::Mechanism,
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::Session,
};

use super::session::{Token, no_answer};
use crate::{
    config::{self, KeyName},
    failure::Failure,
};

/// `1.2.840.10045.3.1.7` in DER, what `CKA_EC_PARAMS` holds for P-256.
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// A point of P-256 without compression, and the head of the octet string in which most tokens put it.
const POINT: usize = 65;
const OCTETS: [u8; 2] = [0x04, 0x41];

/// A private key of a token.
#[derive(Debug)]
struct TokenSigner {
    token: Arc<Token>,
    name: KeyName,
    public_key: PublicKey,
    /// Where the token has it, as long as it is the same token.
    handle: Mutex<Option<ObjectHandle>>,
}

/// Opens the token and its keys, and lets each sign once.
pub(super) fn open(settings: &config::Pkcs11, suites: &[Suite]) -> Result<Vec<TokenKey>, Failure> {
    if !suites.contains(&Suite::Es256) {
        return Err(Failure::new(
            "pkcs11-suite",
            "密码机密钥按 ES256 签名，issuer.suites 应包含 ES256",
            "Keys of a token sign in ES256, which issuer.suites does not name",
        ));
    }
    let token = Arc::new(Token::open(settings)?);
    let names = [
        (KeyUse::Licence, &settings.licence_key),
        (KeyUse::Online, &settings.online_key),
    ];
    let mut keys: Vec<TokenKey> = Vec::new();
    for (key_use, name) in names {
        let Some(name) = name else { continue };
        let signer = TokenSigner::open(&token, name)?;
        let id = signer.key_id();
        if keys.iter().any(|key| key.signer.key_id() == id) {
            return Err(Failure::new(
                "pkcs11-one-key",
                "licence_key 与 online_key 不得为同一密钥",
                "licence_key and online_key are the same key",
            ));
        }
        keys.push(TokenKey {
            key_use,
            signer: Arc::new(signer),
        });
    }
    Ok(keys)
}

impl TokenSigner {
    fn open(token: &Arc<Token>, name: &KeyName) -> Result<Self, Failure> {
        let session = token.session().map_err(no_answer)?;
        let handle = one(&session, name, ObjectClass::PRIVATE_KEY)?;
        let public_key = public(&session, name)?;
        token.give_back(session);
        let signer = Self {
            token: Arc::clone(token),
            name: name.clone(),
            public_key,
            handle: Mutex::new(Some(handle)),
        };
        // A private key that is not the public one's must not reach a trust list.
        let probe = b"jiazhao pairwise consistency";
        match signer.sign(probe) {
            Ok(signature) if signer.public_key.verify(probe, &signature).is_ok() => Ok(signer),
            Ok(_) | Err(SignError) => Err(unfit(name)),
        }
    }

    fn sign_in(&self, session: &Session, hash: &[u8]) -> Result<Vec<u8>, Error> {
        let known = *self.handle();
        let key = match known {
            Some(key) => key,
            None => {
                let found =
                    session.find_objects(&template(&self.name, ObjectClass::PRIVATE_KEY))?;
                let [key] = found.as_slice() else {
                    return Err(Error::InvalidValue);
                };
                *self.handle() = Some(*key);
                *key
            }
        };
        session.sign(&Mechanism::Ecdsa, key, hash)
    }

    fn handle(&self) -> MutexGuard<'_, Option<ObjectHandle>> {
        self.handle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Signer for TokenSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Once again where a session has ended meanwhile: the token was taken out and put back, or the
    /// service of its maker began anew.
    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        let hash = digest(&SHA256, message);
        let first = self.token.session().and_then(|session| {
            let signed = self.sign_in(&session, hash.as_ref())?;
            self.token.give_back(session);
            Ok(signed)
        });
        let signed = first.or_else(|ended| {
            tracing::warn!(error = %ended, "the token did not sign, and is asked again");
            self.token.forget();
            *self.handle() = None;
            let session = self.token.new_session()?;
            let signed = self.sign_in(&session, hash.as_ref())?;
            self.token.give_back(session);
            Ok(signed)
        });
        let signed = signed.map_err(|error: Error| {
            tracing::error!(%error, "the token did not sign");
            SignError
        })?;
        let raw = <[u8; 64]>::try_from(signed.as_slice()).map_err(|_length| SignError)?;
        Ok(Signature::from_raw(raw).settled(&Suite::Es256))
    }
}

/// The public key beside it.
fn public(session: &Session, name: &KeyName) -> Result<PublicKey, Failure> {
    let handle = one(session, name, ObjectClass::PUBLIC_KEY)?;
    let asked = [AttributeType::EcParams, AttributeType::EcPoint];
    let attributes = session.get_attributes(handle, &asked).map_err(no_answer)?;
    let (mut curve, mut point) = (Vec::new(), Vec::new());
    for attribute in attributes {
        if let Attribute::EcParams(bytes) = attribute {
            curve = bytes;
        } else if let Attribute::EcPoint(bytes) = attribute {
            point = bytes;
        }
    }
    let plain = match point.split_at_checked(OCTETS.len()) {
        Some((head, plain)) if head == OCTETS && plain.len() == POINT => plain,
        Some(_) | None => point.as_slice(),
    };
    if curve != P256 {
        return Err(unfit(name));
    }
    PublicKey::from_sec1(Suite::Es256, plain).map_err(|_no_point| unfit(name))
}

fn one(session: &Session, name: &KeyName, class: ObjectClass) -> Result<ObjectHandle, Failure> {
    let found = session.find_objects(&template(name, class));
    let found = found.map_err(no_answer)?;
    match found.as_slice() {
        [handle] => Ok(*handle),
        none_or_several => {
            let kind = if class == ObjectClass::PRIVATE_KEY {
                "private"
            } else {
                "public"
            };
            Err(Failure::new(
                "pkcs11-key",
                "密码机中未找到唯一的椭圆曲线密钥",
                "Not exactly one elliptic key of this name is in the token",
            )
            .about(format!("{}: {} {kind}", told(name), none_or_several.len())))
        }
    }
}

fn template(name: &KeyName, class: ObjectClass) -> [Attribute; 3] {
    let named = match name {
        KeyName::Label(label) => Attribute::Label(label.clone().into_bytes()),
        KeyName::Id(id) => Attribute::Id(id.clone()),
    };
    [
        Attribute::Class(class),
        Attribute::KeyType(KeyType::EC),
        named,
    ]
}

fn told(name: &KeyName) -> String {
    match name {
        KeyName::Label(label) => label.clone(),
        KeyName::Id(id) => format!("id:{}", crate::key_files::encoded_bytes(id).as_str()),
    }
}

fn unfit(name: &KeyName) -> Failure {
    Failure::new(
        "pkcs11-key-unfit",
        "该密钥不是可用于签名的 P-256 密钥对",
        "This is no P-256 key pair that signs",
    )
    .about(told(name))
}
