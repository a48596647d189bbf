//! HPKE (RFC 9180), base mode, one message: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM.
//!
//! The primitives are the provider's, whose X25519 refuses points of small order; the schedule
//! between them is the few lines below, held to the RFC's own vectors.

use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{PrivateKey, UnparsedPublicKey, X25519, agree},
    hmac,
};
use rand::CryptoRng;
use zeroize::Zeroizing;

/// `KEM` with its number, 0x0020.
const KEM: &[u8] = b"KEM\x00\x20";
/// `HPKE` with the numbers of KEM, KDF and AEAD.
const HPKE: &[u8] = b"HPKE\x00\x20\x00\x01\x00\x01";

/// A sealed message.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    /// The sender's one-time public key.
    pub(crate) enc: [u8; 32],
    pub(crate) ciphertext: Vec<u8>,
}

/// Nothing could be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failed;

pub(crate) fn public_key(secret: &[u8; 32]) -> Result<[u8; 32], Failed> {
    let key = PrivateKey::from_private_key(&X25519, secret).map_err(|_rejected| Failed)?;
    let public = key.compute_public_key().map_err(|_unspecified| Failed)?;
    <[u8; 32]>::try_from(public.as_ref()).map_err(|_other_length| Failed)
}

pub(crate) fn seal(
    to: &[u8; 32],
    info: &[u8],
    aad: &[u8],
    message: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Sealed, Failed> {
    let mut one_time = Zeroizing::new([0; 32]);
    rng.fill_bytes(one_time.as_mut_slice());
    seal_with(&one_time, to, info, aad, message)
}

/// Whether anything can be sealed to this key: to points of small order nothing can.
pub(crate) fn accepts(to: &[u8; 32]) -> bool {
    seal_with(&[1; 32], to, &[], &[], &[]).is_ok()
}

fn seal_with(
    one_time: &[u8; 32],
    to: &[u8; 32],
    info: &[u8],
    aad: &[u8],
    message: &[u8],
) -> Result<Sealed, Failed> {
    let enc = public_key(one_time)?;
    let shared = shared_secret(one_time, to, &enc, to)?;
    let (key, nonce) = schedule(&shared, info)?;
    let mut ciphertext = message.to_vec();
    key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut ciphertext)
        .map_err(|_unspecified| Failed)?;
    Ok(Sealed { enc, ciphertext })
}

pub(crate) fn open(
    secret: &[u8; 32],
    info: &[u8],
    aad: &[u8],
    sealed: &Sealed,
) -> Result<Zeroizing<Vec<u8>>, Failed> {
    let own = public_key(secret)?;
    let shared = shared_secret(secret, &sealed.enc, &sealed.enc, &own)?;
    let (key, nonce) = schedule(&shared, info)?;
    let mut buffer = Zeroizing::new(sealed.ciphertext.clone());
    let message = key
        .open_in_place(nonce, Aad::from(aad), &mut buffer)
        .map_err(|_unspecified| Failed)?;
    let length = message.len();
    buffer.truncate(length);
    Ok(buffer)
}

fn shared_secret(
    mine: &[u8; 32],
    theirs: &[u8; 32],
    enc: &[u8; 32],
    recipient: &[u8; 32],
) -> Result<Zeroizing<[u8; 32]>, Failed> {
    let mine = PrivateKey::from_private_key(&X25519, mine).map_err(|_rejected| Failed)?;
    let theirs = UnparsedPublicKey::new(&X25519, theirs);
    agree(&mine, theirs, Failed, |dh| {
        let prk = extract(KEM, b"", b"eae_prk", dh);
        let context = [&enc[..], recipient].concat();
        Ok(expand(KEM, &prk, b"shared_secret", &context, 32))
    })
}

fn schedule(shared: &[u8; 32], info: &[u8]) -> Result<(LessSafeKey, Nonce), Failed> {
    let psk_id_hash = extract(HPKE, b"", b"psk_id_hash", b"");
    let info_hash = extract(HPKE, b"", b"info_hash", info);
    // Mode 0: no key shared beforehand.
    let context = [&[0][..], &*psk_id_hash, &*info_hash].concat();
    let secret = extract(HPKE, shared, b"secret", b"");
    let key = expand(HPKE, &secret, b"key", &context, 16);
    let nonce = expand(HPKE, &secret, b"base_nonce", &context, 12);
    let (Some(key), Some(nonce)) = (key.get(..16), nonce.first_chunk()) else {
        return Err(Failed);
    };
    let key = UnboundKey::new(&AES_128_GCM, key).map_err(|_unspecified| Failed)?;
    Ok((LessSafeKey::new(key), Nonce::assume_unique_for_key(*nonce)))
}

fn extract(suite: &[u8], salt: &[u8], label: &[u8], secret: &[u8]) -> Zeroizing<[u8; 32]> {
    mac(salt, &[b"HPKE-v1", suite, label, secret])
}

/// `LabeledExpand` to at most 32 bytes, which are one block of HKDF; the caller takes so many.
fn expand(
    suite: &[u8],
    prk: &[u8; 32],
    label: &[u8],
    info: &[u8],
    length: u8,
) -> Zeroizing<[u8; 32]> {
    mac(prk, &[&[0, length], b"HPKE-v1", suite, label, info, &[1]])
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    let tag = context.sign();
    // SHA-256 has 32 bytes.
    Zeroizing::new(tag.as_ref().first_chunk().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(hex: &str) -> [u8; N] {
        let mut bytes = [0; N];
        hex::decode_to_slice(hex, &mut bytes).unwrap();
        bytes
    }

    /// RFC 9180, A.1.1, the first message.
    #[test]
    fn the_vector_of_rfc_9180() {
        let recipient = bytes("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8");
        let public = bytes("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d");
        let one_time = bytes("52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736");
        let enc = bytes("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431");
        let info = b"Ode on a Grecian Urn";
        let aad = b"Count-0";
        let message = b"Beauty is truth, truth beauty";
        let ciphertext = bytes::<45>(
            "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a",
        );
        assert_eq!(public_key(&recipient), Ok(public));
        let shared = shared_secret(&one_time, &public, &enc, &public).unwrap();
        let expected = "fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc";
        assert_eq!(*shared, bytes(expected));
        let sealed = seal_with(&one_time, &public, info, aad, message).unwrap();
        assert_eq!(sealed.enc, enc);
        assert_eq!(sealed.ciphertext, ciphertext);
        assert_eq!(
            open(&recipient, info, aad, &sealed).unwrap().as_slice(),
            message
        );
    }

    #[test]
    fn anything_else_does_not_open() {
        let secret = [7; 32];
        let to = public_key(&secret).unwrap();
        let sealed = seal_with(&[9; 32], &to, b"info", b"aad", b"message").unwrap();
        assert!(open(&secret, b"info", b"aad", &sealed).is_ok());
        assert!(open(&[8; 32], b"info", b"aad", &sealed).is_err());
        assert!(open(&secret, b"other", b"aad", &sealed).is_err());
        assert!(open(&secret, b"info", b"other", &sealed).is_err());
        let mut altered = sealed.clone();
        altered.ciphertext[0] ^= 1;
        assert!(open(&secret, b"info", b"aad", &altered).is_err());
        let short = Sealed {
            ciphertext: vec![1; 15],
            enc: sealed.enc,
        };
        assert!(open(&secret, b"info", b"aad", &short).is_err());
        // A point of small order would make the shared secret known to all.
        let small = Sealed {
            enc: [0; 32],
            ..sealed
        };
        assert!(open(&secret, b"info", b"aad", &small).is_err());
        assert!(seal_with(&[9; 32], &[0; 32], b"", b"", b"").is_err());
    }
}
