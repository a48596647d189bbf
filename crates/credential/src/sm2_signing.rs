//! SM2 signatures (GB/T 32918.2, clause 6) by a key in memory, in constant time.
//!
//! The `sm2` crate's own signer computes with a generic field and inverts 1 + d anew for every signature: four times
//! as slow as OpenSSL signs on P-256. Here its scalars do the arithmetic modulo n, 1 / (1 + d) is computed
//! once, and [`generator_multiple_x`] does the one multiplication. Signatures are byte for byte those of the
//! crate, since both derive the nonce from key and digest (RFC 6979).

use rfc6979::KGenerator;
use sm2::{
    FieldBytes, Scalar, Sm2, U256,
    elliptic_curve::{Curve as _, ff::PrimeField as _, ops::Reduce as _},
};
use sm2_verifier::generator_multiple_x;
use sm3::Sm3;
use zeroize::Zeroizing;

/// A secret scalar d, and what every signature needs of it.
pub(crate) struct SigningScalar {
    d: Zeroizing<Scalar>,
    /// 1 / (1 + d).
    inverse: Zeroizing<Scalar>,
}

impl SigningScalar {
    /// `None` for numbers that are no secret: zero, n - 1, and n and more.
    pub(crate) fn new(secret: &[u8; 32]) -> Option<Self> {
        let bytes = Zeroizing::new(FieldBytes::from(*secret));
        let d = Zeroizing::new(Option::<Scalar>::from(Scalar::from_repr(*bytes))?);
        let inverse = Zeroizing::new(Option::<Scalar>::from((*d + Scalar::ONE).invert())?);
        let usable = !bool::from(d.is_zero());
        usable.then_some(Self { d, inverse })
    }

    /// r and s over the digest e = SM3(Z || message); `None` where they would give the secret away or are
    /// out of range, which happens to nobody.
    pub(crate) fn sign(&self, digest: &[u8; 32]) -> Option<[u8; 64]> {
        let e = reduced(digest);
        let secret = Zeroizing::new(self.d.to_repr());
        let mut nonces = KGenerator::<Sm3, U256>::new(&secret, &e.to_repr(), &[], &Sm2::ORDER);
        let mut nonce = Zeroizing::new([0; 32]);
        nonces.fill_next_k(nonce.as_mut_slice());
        let k = Zeroizing::new(reduced(&nonce));
        let r = e + reduced(&generator_multiple_x(&nonce)?);
        let s = *self.inverse * (*k - r * *self.d);
        // What is signed is public, and so is whether it could be.
        let unusable = r.is_zero() | (r + *k).is_zero() | s.is_zero();
        if unusable.into() {
            return None;
        }
        let mut raw = [0; 64];
        let (raw_r, raw_s) = raw.split_at_mut(32);
        raw_r.copy_from_slice(&r.to_repr());
        raw_s.copy_from_slice(&s.to_repr());
        Some(raw)
    }
}

fn reduced(bytes: &[u8; 32]) -> Scalar {
    Scalar::reduce(&U256::from_be_slice(bytes))
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
    use sm2::dsa::{SigningKey, signature::hazmat::PrehashSigner as _};

    use super::*;

    #[test]
    fn signatures_are_those_of_the_sm2_crate() {
        let mut rng = StdRng::seed_from_u64(32918);
        for _ in 0..200 {
            let (mut secret, mut digest) = ([0; 32], [0; 32]);
            rng.fill_bytes(&mut secret);
            rng.fill_bytes(&mut digest);
            let Ok(oracle) = SigningKey::from_slice("", &secret) else {
                continue;
            };
            let ours = SigningScalar::new(&secret).unwrap();
            for digest in [digest, [0; 32], [0xff; 32]] {
                let expected: sm2::dsa::Signature = oracle.sign_prehash(&digest).unwrap();
                assert_eq!(ours.sign(&digest), Some(expected.to_bytes().into()));
            }
        }
    }
}
