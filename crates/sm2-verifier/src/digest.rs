//! The digests of many messages: SM3 over Z and the message, for each.

use crate::key::KnownKey;

/// The digests of these messages under these keys, in their order: each is what [`KnownKey::digest`] says.
/// Sixteen are computed at a time where the processor has AVX-512; those of like length go together.
#[must_use]
pub fn digests(messages: &[(&KnownKey, &[u8])]) -> Vec<[u8; 32]> {
    #[cfg(target_arch = "x86_64")]
    if crate::sm3x16::is_available() && messages.len() >= FEW {
        return in_lanes(messages);
    }
    one_by_one(messages)
}

/// Below this many, most lanes would do nothing.
#[cfg(target_arch = "x86_64")]
const FEW: usize = 4;

fn one_by_one(messages: &[(&KnownKey, &[u8])]) -> Vec<[u8; 32]> {
    let digest = |(key, message): &(&KnownKey, &[u8])| key.digest(message);
    messages.iter().map(digest).collect()
}

#[cfg(target_arch = "x86_64")]
fn in_lanes(messages: &[(&KnownKey, &[u8])]) -> Vec<[u8; 32]> {
    use crate::sm3x16::{LANES, Parts, blocks, hash};

    let mut ordered: Vec<(usize, Parts<'_>)> = messages
        .iter()
        .map(|(key, message)| (key.za(), *message))
        .enumerate()
        .collect();
    // Stable, so that messages of one length stay as they lie in memory.
    ordered.sort_by_key(|(_, message)| blocks(message));
    let mut digests = vec![[0; 32]; messages.len()];
    for group in ordered.chunks(LANES) {
        let mut lanes = Vec::with_capacity(LANES);
        lanes.extend(group.iter().map(|(_, message)| *message));
        let Some(hashes) = hash(&lanes) else {
            return one_by_one(messages);
        };
        for ((place, _), hash) in group.iter().zip(hashes) {
            if let Some(digest) = digests.get_mut(*place) {
                *digest = hash;
            }
        }
    }
    digests
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DEFAULT_USER_ID, Width, curve::GENERATOR};

    #[test]
    fn digests_are_those_of_each_alone() {
        let point = [GENERATOR.0, GENERATOR.1].concat();
        let key = |user_id: &[u8]| KnownKey::new(&point, user_id, Width::BITS_8).unwrap();
        let keys = [key(DEFAULT_USER_ID), key(b""), key(b"ALICE123@YAHOO.COM")];
        let texts: Vec<Vec<u8>> = (0..=300_usize).map(|i| vec![0xa5; i * 7 % 301]).collect();
        let messages: Vec<(&KnownKey, &[u8])> = texts
            .iter()
            .enumerate()
            .map(|(i, text)| (&keys[i % 3], text.as_slice()))
            .collect();
        for count in (0..40).chain([301]) {
            let some = &messages[..count];
            assert_eq!(digests(some), one_by_one(some), "{count}");
        }
    }
}
