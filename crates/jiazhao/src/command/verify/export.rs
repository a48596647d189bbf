//! What an issuer signed, its signature and its key as files, so that a program of other hands can
//! check them: OpenSSL, for one.

use std::{fs, io, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use credential::{
    Code, KeyId, Malformed, Signature, Suite, Unverified, UnverifiedProfile, VerifiedTrustList,
};

use crate::{command::tell, failure::Failure};

/// Of a licence credential.
pub(super) fn credential(
    bytes: &[u8],
    trust: &VerifiedTrustList,
    folder: &Path,
) -> Result<(), Failure> {
    let credential = Unverified::parse(bytes).map_err(refused)?;
    let (message, signature) = (credential.to_be_signed(), credential.signature());
    write(credential.key_id(), &message, signature, trust, folder)
}

/// Of the profile in an offline code.
pub(super) fn code(text: &str, trust: &VerifiedTrustList, folder: &Path) -> Result<(), Failure> {
    let Code::Offline(code) = Code::parse(text).map_err(refused)? else {
        let (zh, en) = (
            "此码不含签发者的签名",
            "This code carries no issuer's signature",
        );
        return Err(Failure::new("no-issuer-signature", zh, en));
    };
    let profile = UnverifiedProfile::parse(&code.profile).map_err(refused)?;
    let (message, signature) = (profile.to_be_signed(), profile.signature());
    write(profile.key_id(), &message, signature, trust, folder)
}

fn refused(malformed: Malformed) -> Failure {
    let credential::Reason { code, zh, en } = malformed.reason();
    Failure::new(code, zh, en)
}

fn write(
    key_id: &KeyId,
    message: &[u8],
    signature: &Signature,
    trust: &VerifiedTrustList,
    folder: &Path,
) -> Result<(), Failure> {
    let Some(key) = trust.key(key_id) else {
        let (zh, en) = (
            "签名密钥不在信任列表中",
            "The trust list does not know the key",
        );
        return Err(Failure::new("key-unknown", zh, en).about(key_id));
    };
    let spki = STANDARD.encode(key.public_key.to_spki_der());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{spki}\n-----END PUBLIC KEY-----\n");
    let written = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("message"), message)?;
        fs::write(folder.join("signature.der"), signature.to_der())?;
        fs::write(folder.join("public.pem"), pem)
    };
    written().map_err(|error| {
        let (zh, en) = ("无法写入文件", "The file cannot be written");
        Failure::new("file-unwritable", zh, en).about(format!("{}: {error}", folder.display()))
    })?;
    tell(&openssl(key.public_key.suite()))
}

/// The command that checks them, run in the folder.
fn openssl(suite: &Suite) -> String {
    match suite {
        Suite::Es256 => {
            "openssl dgst -sha256 -verify public.pem -signature signature.der message".to_owned()
        }
        Suite::Sm2Sm3(user_id) => format!(
            "openssl pkeyutl -verify -pubin -inkey public.pem -rawin -digest sm3 -in message \
             -sigfile signature.der -pkeyopt distid:{}",
            user_id.as_str()
        ),
    }
}
