//! A message encrypted for one browser: RFC 8291, in one record of `aes128gcm` (RFC 8188).
//!
//! The primitives are the provider's; the schedule between them is the few lines below, held to the
//! RFC's own vector.

use authority::push::PushTarget;
use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree},
    hmac,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// The size of a record that services take; one record is all there is.
const RECORD: u32 = 4096;
/// Bytes of the one record before it is encrypted: all pushes are of one length, so that nobody on the
/// way tells their kinds apart.
const PADDED: usize = 512;
/// Ends the content of the last record; zeros follow.
const LAST: u8 = 2;

/// For whom it is encrypted.
pub(super) struct Recipient {
    public: [u8; 65],
    auth: Zeroizing<[u8; 16]>,
}

impl Recipient {
    pub(super) fn read(target: &PushTarget) -> Option<Self> {
        let public = URL_SAFE_NO_PAD.decode(&target.p256dh).ok()?;
        let auth = Zeroizing::new(URL_SAFE_NO_PAD.decode(target.auth.as_str()).ok()?);
        Some(Self {
            public: public.try_into().ok()?,
            auth: Zeroizing::new(auth.as_slice().try_into().ok()?),
        })
    }
}

/// A record of the one length; none for what does not fit.
pub(super) fn padded(message: &[u8]) -> Option<Vec<u8>> {
    if message.len() >= PADDED {
        return None;
    }
    let mut record = message.to_vec();
    record.push(LAST);
    record.resize(PADDED, 0);
    Some(record)
}

/// The body of the request: salt, record size, the sender's one-time public key, the record.
pub(super) fn sealed(
    to: &Recipient,
    one_time: &[u8; 32],
    salt: &[u8; 16],
    record: &[u8],
) -> Option<Vec<u8>> {
    let mine = PrivateKey::from_private_key(&ECDH_P256, one_time).ok()?;
    let public = mine.compute_public_key().ok()?;
    let public = public.as_ref();
    let theirs = UnparsedPublicKey::new(&ECDH_P256, to.public);
    let (key, nonce) = agree(&mine, theirs, (), |shared| {
        Ok(schedule(shared, to, public, salt))
    })
    .ok()?;
    let key = UnboundKey::new(&AES_128_GCM, key.get(..16)?).ok()?;
    let nonce = Nonce::assume_unique_for_key(*nonce.first_chunk()?);
    let mut ciphertext = record.to_vec();
    LessSafeKey::new(key)
        .seal_in_place_append_tag(nonce, Aad::empty(), &mut ciphertext)
        .ok()?;
    let id_length = u8::try_from(public.len()).ok()?;
    let size = RECORD.to_be_bytes();
    Some([&salt[..], &size, &[id_length], public, &ciphertext].concat())
}

/// Key and nonce, each in the first bytes of a block (RFC 8291, 3.4).
fn schedule(
    shared: &[u8],
    to: &Recipient,
    public: &[u8],
    salt: &[u8; 16],
) -> (Zeroizing<[u8; 32]>, Zeroizing<[u8; 32]>) {
    let both = mac(to.auth.as_slice(), &[shared]);
    let input = mac(
        both.as_slice(),
        &[b"WebPush: info\0", &to.public, public, &[1]],
    );
    let extracted = mac(salt, &[input.as_slice()]);
    let expanded = |info: &[u8]| mac(extracted.as_slice(), &[info, &[1]]);
    (
        expanded(b"Content-Encoding: aes128gcm\0"),
        expanded(b"Content-Encoding: nonce\0"),
    )
}

/// HKDF's extract, and its expand to at most one block: both are one HMAC.
fn mac(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    // SHA-256 has 32 bytes.
    let tag = context.sign();
    Zeroizing::new(tag.as_ref().first_chunk().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    const PUBLIC: &str =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
    const ONE_TIME: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
    const SALT: &str = "DGv6ra1nlYgDCS1FRnbzlw";

    fn recipient() -> Recipient {
        let target = PushTarget::new("-".to_owned(), PUBLIC.to_owned(), AUTH.to_owned());
        Recipient::read(&target).unwrap()
    }

    /// RFC 8291, appendix A.
    #[test]
    fn the_vector_of_rfc_8291() {
        let one_time = bytes(ONE_TIME).try_into().unwrap();
        let salt = bytes(SALT).try_into().unwrap();
        let record = [
            b"When I grow up, I want to be a watermelon".as_slice(),
            &[2],
        ]
        .concat();
        let body = sealed(&recipient(), &one_time, &salt, &record).unwrap();
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml\
                        mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT\
                        pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(super::super::base64url(&body), expected);
    }

    #[test]
    fn every_push_has_one_length() {
        let of = |length: usize| padded(&vec![b'x'; length]).map(|record| record.len());
        assert_eq!([of(0), of(1), of(PADDED - 1)], [Some(PADDED); 3]);
        assert_eq!(of(PADDED), None);
        let record = padded(b"{}").unwrap();
        assert_eq!(record[..4], [b'{', b'}', LAST, 0]);
    }

    #[test]
    fn nothing_is_sealed_for_what_is_no_key_or_by_what_is_none() {
        let salt = [7; 16];
        let off_the_curve = Recipient {
            public: [4; 65],
            auth: Zeroizing::new([1; 16]),
        };
        assert!(sealed(&off_the_curve, &[1; 32], &salt, b"x").is_none());
        assert!(sealed(&recipient(), &[0; 32], &salt, b"x").is_none());
        assert!(sealed(&recipient(), &[255; 32], &salt, b"x").is_none());
        let read = |public: &str, auth: &str| {
            let target = PushTarget::new(String::new(), public.to_owned(), auth.to_owned());
            Recipient::read(&target).is_some()
        };
        assert!(read(PUBLIC, AUTH));
        assert!(!read("BCVx", AUTH) && !read(PUBLIC, "BTBZ") && !read("=", AUTH));
    }
}
