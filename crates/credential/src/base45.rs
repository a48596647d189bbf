//! Base45 (RFC 9285): bytes as the characters of a QR code's alphanumeric mode, three for two.

use crate::malformed::Malformed;

const ALPHABET: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(3).div_ceil(2));
    for pair in bytes.chunks(2) {
        let (mut rest, characters) = match *pair {
            [a, b] => (u16::from_be_bytes([a, b]), 3),
            [a] => (u16::from(a), 2),
            _ => (0, 0),
        };
        for _ in 0..characters {
            let digit = ALPHABET.get(usize::from(rest % 45));
            text.extend(digit.copied().map(char::from));
            rest /= 45;
        }
    }
    text
}

/// Takes exactly what [`encode`] writes: no lower case, no group above what its bytes can be.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, Malformed> {
    let mut bytes = Vec::with_capacity(text.len().saturating_mul(2).div_ceil(3));
    for group in text.as_bytes().chunks(3) {
        let mut value = 0;
        for character in group.iter().rev() {
            let digit = ALPHABET.iter().position(|it| it == character);
            value = value * 45 + digit.ok_or(Malformed::NotBase45)?;
        }
        match (group.len(), u16::try_from(value), u8::try_from(value)) {
            (3, Ok(pair), _) => bytes.extend(pair.to_be_bytes()),
            (2, _, Ok(byte)) => bytes.push(byte),
            _ => return Err(Malformed::NotBase45),
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_rfc_9285() {
        for (bytes, text) in [
            (&b"AB"[..], "BB8"),
            (b"Hello!!", "%69 VD92EX0"),
            (b"base-45", "UJCLQE7W581"),
            (b"ietf!", "QED8WEX0"),
            (b"", ""),
        ] {
            assert_eq!(encode(bytes), text);
            assert_eq!(decode(text).unwrap(), bytes);
        }
    }

    #[test]
    fn what_no_bytes_encode_to_is_refused() {
        for text in ["A", "BB8A", "bb8", "GGW", ":::", "::", "V5", "AB\u{e9}"] {
            assert_eq!(decode(text), Err(Malformed::NotBase45), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_text_has_at_most_one_meaning(bytes: Vec<u8>, text in "[0-9A-Z $%*+./:-]{0,40}") {
            prop_assert_eq!(decode(&encode(&bytes)).unwrap(), bytes);
            if let Ok(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
