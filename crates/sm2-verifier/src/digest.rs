//! The digests of many messages.

use crate::{
    curve::{Algorithm, Curve, Message},
    key::KnownKey,
    keys::Keyed as _,
    sm2::Sm2,
    sm3::blocks,
};

/// The digests of these messages under these keys, in their order: each is what [`KnownKey::digest`] says.
/// With SM2 sixteen are computed at a time where the processor has AVX-512; those of like length go together.
#[must_use]
pub fn digests<A: Algorithm>(messages: &[(&KnownKey<A>, &[u8])]) -> Vec<[u8; 32]> {
    A::digests(&of_keys(messages))
}

/// [`digests`] without AVX-512: eight at a time in AVX2, or in what all processors of the target have.
#[must_use]
pub fn digests_scalar<A: Algorithm>(messages: &[(&KnownKey<A>, &[u8])]) -> Vec<[u8; 32]> {
    A::digests_scalar(&of_keys(messages))
}

fn of_keys<'a, A: Algorithm>(messages: &[(&'a KnownKey<A>, &'a [u8])]) -> Vec<Message<'a>> {
    let message = |(key, message): &(&'a KnownKey<A>, &'a [u8])| (key.id(), *message);
    messages.iter().map(message).collect()
}

/// SM3 of many messages, each behind its key's Z.
pub(crate) fn digests_of_sm3(messages: &[Message<'_>]) -> Vec<[u8; 32]> {
    #[cfg(target_arch = "x86_64")]
    if crate::sm3x16::is_available() && messages.len() >= FEW {
        return in_lanes(messages, crate::sm3x16::hash);
    }
    digests_of_sm3_scalar(messages)
}

pub(crate) fn digests_of_sm3_scalar(messages: &[Message<'_>]) -> Vec<[u8; 32]> {
    if messages.len() < FEW {
        let digest = |(za, message): &Message<'_>| Sm2::digest(za, message);
        return messages.iter().map(digest).collect();
    }
    in_lanes(messages, crate::sm3x8::hash)
}

/// Below this many, most lanes would do nothing.
const FEW: usize = 4;

/// Those of like length go together.
fn in_lanes<const LANES: usize>(
    messages: &[Message<'_>],
    hash: impl Fn(&[Message<'_>]) -> [[u8; 32]; LANES],
) -> Vec<[u8; 32]> {
    let mut ordered: Vec<(usize, Message<'_>)> = messages.iter().copied().enumerate().collect();
    // Stable, so that messages of one length stay as they lie in memory.
    ordered.sort_by_key(|(_, message)| blocks(message));
    let mut digests = vec![[0; 32]; messages.len()];
    let mut lanes = Vec::with_capacity(LANES);
    for group in ordered.chunks(LANES) {
        lanes.clear();
        lanes.extend(group.iter().map(|(_, message)| *message));
        for ((place, _), hash) in group.iter().zip(hash(&lanes)) {
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
    use crate::{DEFAULT_USER_ID, Width, modulus::bytes};

    #[test]
    fn digests_are_those_of_each_alone() {
        let point = Sm2::GENERATOR.map(bytes).concat();
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
            let expected: Vec<_> = some.iter().map(|(key, it)| key.digest(it)).collect();
            assert_eq!(digests(some), expected, "{count}");
            assert_eq!(digests_scalar(some), expected, "{count}");
        }
    }
}
