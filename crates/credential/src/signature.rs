//! Signatures as bytes, in the two forms that are in use.

use std::fmt;

use crate::suite::Suite;

/// A signature of either suite as r and s, 32 bytes each, as COSE carries it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// From r and s.
    #[must_use]
    pub const fn from_raw(raw: [u8; 64]) -> Self {
        Self(raw)
    }

    /// r and s.
    #[must_use]
    pub fn as_raw(&self) -> &[u8; 64] {
        &self.0
    }

    /// From `SEQUENCE { r INTEGER, s INTEGER }` in DER, as OpenSSL writes it.
    ///
    /// # Errors
    /// [`BadSignature`] where the bytes are not that, or not in the shortest form.
    pub fn from_der(der: &[u8]) -> Result<Self, BadSignature> {
        let Some(([0x30, length], body)) = der.split_first_chunk() else {
            return Err(BadSignature);
        };
        let (r, rest) = integer_from_der(body).ok_or(BadSignature)?;
        let (s, rest) = integer_from_der(rest).ok_or(BadSignature)?;
        if usize::from(*length) != body.len() || !rest.is_empty() {
            return Err(BadSignature);
        }
        let mut raw = [0; 64];
        let (raw_r, raw_s) = raw.split_at_mut(32);
        raw_r.copy_from_slice(&r);
        raw_s.copy_from_slice(&s);
        Ok(Self(raw))
    }

    /// To the DER form that OpenSSL reads.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let (r, s) = self.0.split_at(32);
        let body = [integer_to_der(r), integer_to_der(s)].concat();
        // Two integers of at most 35 bytes: one byte of length is enough.
        let length = u8::try_from(body.len()).unwrap_or(u8::MAX);
        [&[0x30, length][..], &body].concat()
    }
}

/// The order n of P-256 (FIPS 186-5), and n / 2.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xde, 0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

/// With ECDSA, (r, s) and (r, n - s) are signatures of the same message, and anybody can make one
/// of the other. Where exactly one text may stand for one act, the smaller s is the settled form.
/// SM2 has one form.
impl Signature {
    pub(crate) fn is_settled(&self, suite: &Suite) -> bool {
        match suite {
            Suite::Es256 => self.0.get(32..).is_some_and(|s| s <= HALF_ORDER.as_slice()),
            Suite::Sm2Sm3(_) => true,
        }
    }

    /// The settled form.
    #[must_use]
    pub fn settled(&self, suite: &Suite) -> Self {
        if self.is_settled(suite) {
            *self
        } else {
            self.with_other_s()
        }
    }

    pub(crate) fn with_other_s(&self) -> Self {
        let mut raw = self.0;
        let mut borrow = false;
        for (digit, order) in raw.iter_mut().rev().zip(ORDER.iter().rev()) {
            let (difference, below) = order.overflowing_sub(*digit);
            let (difference, below_again) = difference.overflowing_sub(u8::from(borrow));
            (*digit, borrow) = (difference, below || below_again);
        }
        Self(raw)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", hex::encode(self.0))
    }
}

/// The signature is not by this key over this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bad-signature: the signature does not verify (签名验证失败)")]
pub struct BadSignature;

fn integer_from_der(der: &[u8]) -> Option<([u8; 32], &[u8])> {
    let ([0x02, length], rest) = der.split_first_chunk()? else {
        return None;
    };
    let (digits, rest) = rest.split_at_checked(usize::from(*length))?;
    let digits = match digits {
        [0, first, ..] if *first >= 0x80 => digits.get(1..)?,
        [0] => digits,
        [first, ..] if (1..0x80).contains(first) => digits,
        _ => return None,
    };
    let mut out = [0; 32];
    let start = out.len().checked_sub(digits.len())?;
    out.get_mut(start..)?.copy_from_slice(digits);
    Some((out, rest))
}

fn integer_to_der(digits: &[u8]) -> Vec<u8> {
    let leading = digits.iter().take_while(|digit| **digit == 0).count();
    // At least one digit stays, and a set top bit gets a zero before it.
    let shortest = digits
        .get(leading.min(digits.len().saturating_sub(1))..)
        .unwrap_or_default();
    let pad = shortest.first().is_some_and(|first| *first >= 0x80);
    let length = u8::try_from(shortest.len() + usize::from(pad)).unwrap_or(u8::MAX);
    let mut out = vec![0x02, length];
    out.extend(pad.then_some(0));
    out.extend_from_slice(shortest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{samples::signer, signer::Signer as _};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn signatures_go_to_der_and_back(r: [u8; 32], s: [u8; 32], zeros in 0usize..=32) {
            let mut raw = [0; 64];
            raw[..32].copy_from_slice(&r);
            raw[32..].copy_from_slice(&s);
            raw[..zeros].fill(0);
            let signature = Signature::from_raw(raw);
            prop_assert_eq!(Signature::from_der(&signature.to_der()), Ok(signature));
        }

        #[test]
        fn der_has_one_form(der: Vec<u8>) {
            if let Ok(signature) = Signature::from_der(&der) {
                prop_assert_eq!(signature.to_der(), der);
            }
        }
    }

    #[test]
    fn every_ecdsa_signature_has_one_settled_form_that_verifies() {
        let signer = signer(&Suite::Es256, 7);
        let mut rewritten = 0;
        for message in 0..40_u8 {
            let signature = signer.sign(&[message]).unwrap();
            let settled = signature.settled(&Suite::Es256);
            let other = settled.with_other_s();
            assert!(settled.is_settled(&Suite::Es256) && !other.is_settled(&Suite::Es256));
            assert_eq!(other.settled(&Suite::Es256), settled);
            for form in [settled, other] {
                assert_eq!(signer.public_key().verify(&[message], &form), Ok(()));
            }
            rewritten += u8::from(settled != signature);
            assert_eq!(other.settled(&Suite::sm2()), other);
        }
        assert!(rewritten > 0);
    }

    #[test]
    fn der_that_is_not_the_shortest_is_refused() {
        for der in [
            "",
            "3000",
            "3006020100",
            "300702020001020100",
            "30060201800201 01",
            "3006020101020101ff",
            "3081060201010201 01",
        ] {
            let der = hex::decode(der.replace(' ', "")).unwrap();
            assert_eq!(Signature::from_der(&der), Err(BadSignature), "{der:02x?}");
        }
    }
}
