//! Secrets that a client keeps: a partition and 32 random bytes, of which only the hash is kept
//! here. The partition says where to look.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::Rng;
use storage::Partition;
use zeroize::Zeroizing;

/// A new secret, and the hash that is kept of it.
pub(crate) struct Secret {
    pub(crate) text: Zeroizing<String>,
    pub(crate) hash: Vec<u8>,
}

pub(crate) fn new(partition: Partition, rng: &mut impl Rng) -> Secret {
    let mut bytes = Zeroizing::new([0_u8; 34]);
    rng.fill_bytes(&mut *bytes);
    if let Some(head) = bytes.first_chunk_mut::<2>() {
        *head = partition.number().to_be_bytes();
    }
    Secret {
        text: Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes)),
        hash: hash(&*bytes),
    }
}

/// Where to look for a secret, and by which hash.
pub(crate) fn read(text: &str) -> Option<(Partition, Vec<u8>)> {
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
    if bytes.len() != 34 {
        return None;
    }
    let number = u16::from_be_bytes(*bytes.first_chunk::<2>()?);
    let partition = Partition::from_number(i64::from(number))?;
    Some((partition, hash(&bytes)))
}

pub(crate) fn hash(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn a_secret_reads_back_and_nothing_else_does() {
        let mut rng = StdRng::seed_from_u64(3);
        for partition in Partition::all() {
            let made = new(partition, &mut rng);
            assert_eq!(read(&made.text), Some((partition, made.hash)));
        }
        let made = new(Partition::SYSTEM, &mut rng);
        let text = made.text.as_str();
        let cut: String = text.chars().skip(1).collect();
        for other in ["", "AAAA", &cut, &format!("{text}A")] {
            assert_eq!(read(other), None);
        }
    }
}
