//! Signatures in their two encodings.

use crate::{curve::Algorithm, scalar::Scalar, sm2::Sm2};

/// A signature (r, s) with both numbers from 1 to n - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature<A = Sm2> {
    pub(crate) r: Scalar<A>,
    pub(crate) s: Scalar<A>,
}

/// Why bytes are no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BadSignature {
    /// Not 64 bytes.
    #[error("a raw signature has 64 bytes")]
    Length,
    /// Not the one DER form of SEQUENCE { INTEGER r, INTEGER s } (GB/T 35276 and GM/T 0009; RFC 3279, clause 2.2.3).
    #[error("the bytes are not the DER form of a signature")]
    Der,
    /// r or s is zero, or n or more.
    #[error("r and s must lie between 1 and n - 1")]
    Range,
}

impl<A: Algorithm> Signature<A> {
    /// From r and s, 32 bytes each, highest first.
    ///
    /// # Errors
    /// [`BadSignature::Length`] and [`BadSignature::Range`].
    pub fn from_raw(bytes: &[u8]) -> Result<Self, BadSignature> {
        let (r, s) = bytes.split_first_chunk().ok_or(BadSignature::Length)?;
        let s = s.try_into().map_err(|_length| BadSignature::Length)?;
        Self::from_numbers(r, s)
    }

    /// From DER, of which there is one form for each signature: no other length bytes, no leading zeros
    /// that no sign needs, nothing behind.
    ///
    /// # Errors
    /// [`BadSignature::Der`] and [`BadSignature::Range`].
    pub fn from_der(bytes: &[u8]) -> Result<Self, BadSignature> {
        let (content, rest) = element(bytes, 0x30).ok_or(BadSignature::Der)?;
        let (r, content) = integer(content).ok_or(BadSignature::Der)?;
        let (s, content) = integer(content).ok_or(BadSignature::Der)?;
        if !rest.is_empty() || !content.is_empty() {
            return Err(BadSignature::Der);
        }
        Self::from_numbers(&padded(r)?, &padded(s)?)
    }

    /// r and s, 32 bytes each, highest first.
    #[must_use]
    pub fn to_raw(&self) -> [u8; 64] {
        let mut raw = [0; 64];
        let (r, s) = raw.split_at_mut(32);
        r.copy_from_slice(&self.r.to_bytes());
        s.copy_from_slice(&self.s.to_bytes());
        raw
    }

    fn from_numbers(r: &[u8; 32], s: &[u8; 32]) -> Result<Self, BadSignature> {
        let number = |bytes| Scalar::from_bytes(bytes).filter(|number| !number.is_zero());
        match (number(r), number(s)) {
            (Some(r), Some(s)) => Ok(Self { r, s }),
            _ => Err(BadSignature::Range),
        }
    }
}

/// The content of a DER element of less than 128 bytes, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let ([found, length], rest) = bytes.split_first_chunk()?;
    // From 128 on the byte would count length bytes; two numbers of 33 bytes never need that.
    if *found != tag || *length >= 0x80 {
        return None;
    }
    rest.split_at_checked(usize::from(*length))
}

/// A non-negative DER integer without the byte of its sign, and what follows it.
fn integer(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (content, rest) = element(bytes, 0x02)?;
    match content {
        // A zero in front only where the next bit would be read as a sign.
        [0, high, ..] if *high < 0x80 => None,
        [0, number @ ..] if !number.is_empty() => Some((number, rest)),
        [high, ..] if *high < 0x80 => Some((content, rest)),
        _ => None,
    }
}

/// The number in 32 bytes; more of them are more than n.
fn padded(number: &[u8]) -> Result<[u8; 32], BadSignature> {
    let mut bytes = [0; 32];
    let start = 32_usize
        .checked_sub(number.len())
        .ok_or(BadSignature::Range)?;
    let (_, place) = bytes.split_at_mut(start);
    place.copy_from_slice(number);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Es256;

    fn raw(r: u8, s: u8) -> [u8; 64] {
        let mut raw = [0; 64];
        raw[31] = r;
        raw[63] = s;
        raw
    }

    fn zero_and_n_are_out_of_range_of<A: Algorithm>(n: &str) {
        let n = hex::decode(n).unwrap();
        let one = raw(1, 1);
        for (r, s) in [
            (&raw(0, 0)[..32], &one[32..]),
            (&one[..32], &raw(0, 0)[..32]),
            (&n[..], &one[32..]),
            (&one[..32], &n[..]),
        ] {
            assert_eq!(
                Signature::<A>::from_raw(&[r, s].concat()),
                Err(BadSignature::Range)
            );
        }
        assert!(Signature::<A>::from_raw(&one).is_ok());
        for length in [0, 1, 32, 63, 65, 128] {
            assert_eq!(
                Signature::<A>::from_raw(&vec![1; length]),
                Err(BadSignature::Length)
            );
        }
    }

    #[test]
    fn zero_and_n_are_out_of_range() {
        zero_and_n_are_out_of_range_of::<Sm2>(
            "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123",
        );
        zero_and_n_are_out_of_range_of::<Es256>(
            "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        );
    }

    #[test]
    fn der_has_one_form() {
        let good = [0x30, 6, 2, 1, 1, 2, 1, 0x7f];
        assert_eq!(
            Signature::<Sm2>::from_der(&good).unwrap().to_raw(),
            raw(1, 0x7f)
        );
        let signed = [0x30, 7, 2, 1, 1, 2, 2, 0, 0x80];
        assert_eq!(
            Signature::<Sm2>::from_der(&signed).unwrap().to_raw(),
            raw(1, 0x80)
        );
        let bad: [&[u8]; 14] = [
            &[],
            &[0x30],
            &[0x30, 0],
            &[0x30, 6, 2, 1, 1, 2, 1],
            &[0x30, 6, 2, 1, 1, 2, 1, 1, 0],
            &[0x30, 7, 2, 1, 1, 2, 1, 1, 0],
            &[0x30, 7, 2, 2, 0, 1, 2, 1, 1],
            &[0x30, 0x81, 6, 2, 1, 1, 2, 1, 1],
            &[0x30, 7, 2, 0x81, 1, 1, 2, 1, 1],
            &[0x30, 6, 2, 1, 0x81, 2, 1, 1],
            &[0x30, 5, 2, 0, 2, 1, 1],
            &[0x31, 6, 2, 1, 1, 2, 1, 1],
            &[0x30, 6, 3, 1, 1, 2, 1, 1],
            &[0x30, 6, 2, 1, 1, 2, 2, 1],
        ];
        for bytes in bad {
            assert_eq!(
                Signature::<Sm2>::from_der(bytes),
                Err(BadSignature::Der),
                "{bytes:02x?}"
            );
        }
        assert_eq!(
            Signature::<Sm2>::from_der(&[0x30, 6, 2, 1, 0, 2, 1, 1]),
            Err(BadSignature::Range)
        );
        let mut long = vec![0x30, 3 + 3 + 33, 2, 34, 1];
        long.extend([0; 33]);
        long.extend([2, 1, 1]);
        long[1] = 39;
        assert_eq!(Signature::<Sm2>::from_der(&long), Err(BadSignature::Range));
    }
}
