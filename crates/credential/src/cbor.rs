//! Deterministic CBOR (RFC 8949, 4.2.1), the part that signed forms use: integers, byte and
//! text strings, arrays, maps, tags, and the two simple values `true` and `null`.
//!
//! The decoder takes exactly what the encoder writes. A second encoding of the same claims
//! would be a second credential under one signature check, so a longer integer, an indefinite
//! length, unordered or repeated keys are refused, not read.

use std::borrow::Cow;

use crate::malformed::Malformed;

/// Deepest form in use: array > map > map > tag > integer, with two to spare.
const MAX_DEPTH: u8 = 7;

/// Room that an array or a map gets at once, however many entries it announces: that number may be a lie.
const ENTRIES: usize = 20;

/// A value. What is decoded borrows its texts and bytes from what it was decoded from.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) enum Value<'a> {
    Unsigned(u64),
    /// The number -1 - n.
    Negative(u64),
    Bytes(Cow<'a, [u8]>),
    Text(Cow<'a, str>),
    Array(Vec<Self>),
    /// In any order; encoding sorts.
    Map(Vec<(Self, Self)>),
    Tag(u64, Box<Self>),
    True,
    Null,
}

impl<'a> Value<'a> {
    pub(crate) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn bytes(bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Self::Bytes(bytes.into())
    }

    pub(crate) fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Unsigned(n) => i64::try_from(*n).ok(),
            Self::Negative(n) => i64::try_from(*n).ok().map(|n| -1 - n),
            Self::Bytes(_)
            | Self::Text(_)
            | Self::Array(_)
            | Self::Map(_)
            | Self::Tag(..)
            | Self::True
            | Self::Null => None,
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// Decodes one value that fills the bytes.
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader { rest: bytes };
        let value = reader.value(MAX_DEPTH)?;
        if reader.rest.is_empty() {
            Ok(value)
        } else {
            Err(Malformed::TrailingBytes)
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Unsigned(n) => write_head(out, UNSIGNED, *n),
            Self::Negative(n) => write_head(out, NEGATIVE, *n),
            Self::Bytes(bytes) => {
                write_head(out, BYTES, length(bytes.len()));
                out.extend_from_slice(bytes);
            }
            Self::Text(text) => {
                write_head(out, TEXT, length(text.len()));
                out.extend_from_slice(text.as_bytes());
            }
            Self::Array(items) => {
                write_head(out, ARRAY, length(items.len()));
                for item in items {
                    item.write(out);
                }
            }
            Self::Map(entries) => {
                let mut entries: Vec<_> = entries
                    .iter()
                    .map(|(key, value)| (key.encode(), value))
                    .collect();
                entries.sort_by(|(a, _), (b, _)| a.cmp(b));
                write_head(out, MAP, length(entries.len()));
                for (key, value) in entries {
                    out.extend_from_slice(&key);
                    value.write(out);
                }
            }
            Self::Tag(tag, value) => {
                write_head(out, TAG, *tag);
                value.write(out);
            }
            Self::True => write_head(out, SIMPLE, TRUE),
            Self::Null => write_head(out, SIMPLE, NULL),
        }
    }
}

impl From<i64> for Value<'_> {
    fn from(n: i64) -> Self {
        // For a negative n, -1 - n is its bitwise complement.
        if n < 0 {
            Self::Negative((!n).unsigned_abs())
        } else {
            Self::Unsigned(n.unsigned_abs())
        }
    }
}

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;
const TRUE: u64 = 21;
const NULL: u64 = 22;

fn length(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

fn write_head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let major = major << 5;
    let [b0, b1, b2, b3, b4, b5, b6, b7] = argument.to_be_bytes();
    match argument {
        0..=23 => out.push(major | b7),
        24..=0xff => out.extend_from_slice(&[major | 0x18, b7]),
        0x100..=0xffff => out.extend_from_slice(&[major | 0x19, b6, b7]),
        0x1_0000..=0xffff_ffff => out.extend_from_slice(&[major | 0x1a, b4, b5, b6, b7]),
        0x1_0000_0000.. => {
            out.extend_from_slice(&[major | 0x1b, b0, b1, b2, b3, b4, b5, b6, b7]);
        }
    }
}

fn room(count: u64) -> usize {
    usize::try_from(count).map_or(ENTRIES, |count| count.min(ENTRIES))
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: u8) -> Result<Value<'a>, Malformed> {
        let depth = depth.checked_sub(1).ok_or(Malformed::TooDeep)?;
        let (major, argument) = self.head()?;
        match major {
            UNSIGNED => Ok(Value::Unsigned(argument)),
            NEGATIVE => Ok(Value::Negative(argument)),
            BYTES => Ok(Value::bytes(self.take(argument)?)),
            TEXT => match std::str::from_utf8(self.take(argument)?) {
                Ok(text) => Ok(Value::text(text)),
                Err(_not_utf8) => Err(Malformed::NotUtf8),
            },
            ARRAY => self.array(argument, depth),
            MAP => self.map(argument, depth),
            TAG => Ok(Value::Tag(argument, Box::new(self.value(depth)?))),
            SIMPLE if argument == TRUE => Ok(Value::True),
            SIMPLE if argument == NULL => Ok(Value::Null),
            _ => Err(Malformed::UnsupportedCbor),
        }
    }

    fn head(&mut self) -> Result<(u8, u64), Malformed> {
        let [initial] = self.fixed()?;
        let (major, info) = (initial >> 5, initial & 0x1f);
        // Floats and longer simple values have their own meaning of what follows: none is used.
        if major == SIMPLE && info > 23 {
            return Err(Malformed::UnsupportedCbor);
        }
        let (argument, smallest) = match info {
            0..=23 => (u64::from(info), 0),
            24 => (u64::from(u8::from_be_bytes(self.fixed()?)), 24),
            25 => (u64::from(u16::from_be_bytes(self.fixed()?)), 0x100),
            26 => (u64::from(u32::from_be_bytes(self.fixed()?)), 0x1_0000),
            27 => (u64::from_be_bytes(self.fixed()?), 0x1_0000_0000),
            31 => return Err(Malformed::NotCanonical),
            _ => return Err(Malformed::UnsupportedCbor),
        };
        if argument < smallest {
            return Err(Malformed::NotCanonical);
        }
        Ok((major, argument))
    }

    fn array(&mut self, count: u64, depth: u8) -> Result<Value<'a>, Malformed> {
        let mut items = Vec::with_capacity(room(count));
        for _ in 0..count {
            items.push(self.value(depth)?);
        }
        Ok(Value::Array(items))
    }

    fn map(&mut self, count: u64, depth: u8) -> Result<Value<'a>, Malformed> {
        let mut entries = Vec::with_capacity(room(count));
        let mut previous: &[u8] = &[];
        for _ in 0..count {
            let before = self.rest;
            let key = self.value(depth)?;
            let used = before.len().saturating_sub(self.rest.len());
            let encoded = before.get(..used).unwrap_or_default();
            match previous.cmp(encoded) {
                std::cmp::Ordering::Less => previous = encoded,
                std::cmp::Ordering::Equal => return Err(Malformed::DuplicateKey),
                std::cmp::Ordering::Greater => return Err(Malformed::NotCanonical),
            }
            entries.push((key, self.value(depth)?));
        }
        Ok(Value::Map(entries))
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], Malformed> {
        let split = usize::try_from(count)
            .ok()
            .and_then(|count| self.rest.split_at_checked(count));
        let (taken, rest) = split.ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values() -> impl Strategy<Value = Value<'static>> {
        let leaf = prop_oneof![
            any::<u64>().prop_map(Value::Unsigned),
            any::<u64>().prop_map(Value::Negative),
            any::<i64>().prop_map(Value::from),
            any::<Vec<u8>>().prop_map(Value::bytes),
            any::<String>().prop_map(Value::text),
            Just(Value::True),
            Just(Value::Null),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                prop::collection::btree_map(any::<i16>(), inner.clone(), 0..6).prop_map(|map| {
                    Value::Map(
                        map.into_iter()
                            .map(|(key, value)| (Value::from(i64::from(key)), value))
                            .collect(),
                    )
                }),
                (any::<u64>(), inner).prop_map(|(tag, value)| Value::Tag(tag, Box::new(value))),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_and_encodes_alike(value in values()) {
            let bytes = value.encode();
            let back = Value::decode(&bytes).unwrap();
            prop_assert_eq!(back.encode(), bytes);
        }

        #[test]
        fn another_decoder_reads_the_same(value in values()) {
            let bytes = value.encode();
            let theirs: ciborium::Value = ciborium::from_reader(bytes.as_slice()).unwrap();
            let mut again = Vec::new();
            ciborium::into_writer(&theirs, &mut again).unwrap();
            prop_assert_eq!(again, bytes);
        }

        #[test]
        fn whatever_decodes_has_this_one_encoding(bytes: Vec<u8>) {
            if let Ok(value) = Value::decode(&bytes) {
                prop_assert_eq!(value.encode(), bytes);
            }
        }
    }

    #[test]
    fn other_encodings_are_refused_each_by_its_name() {
        for (hex, refusal) in [
            ("", Malformed::Truncated),
            ("1817", Malformed::NotCanonical),
            ("1900ff", Malformed::NotCanonical),
            ("1a0000ffff", Malformed::NotCanonical),
            ("1b00000000ffffffff", Malformed::NotCanonical),
            ("5f4100ff", Malformed::NotCanonical),
            ("9fff", Malformed::NotCanonical),
            ("1c", Malformed::UnsupportedCbor),
            ("a201000100", Malformed::DuplicateKey),
            ("a202000100", Malformed::NotCanonical),
            ("a120", Malformed::Truncated),
            ("0000", Malformed::TrailingBytes),
            ("61ff", Malformed::NotUtf8),
            ("f4", Malformed::UnsupportedCbor),
            ("f7", Malformed::UnsupportedCbor),
            ("f815", Malformed::UnsupportedCbor),
            ("f97c00", Malformed::UnsupportedCbor),
            ("ff", Malformed::UnsupportedCbor),
            ("fb3ff0000000000000", Malformed::UnsupportedCbor),
            ("5bffffffffffffffff00", Malformed::Truncated),
            ("9bffffffffffffffff00", Malformed::Truncated),
            ("bbffffffffffffffff", Malformed::Truncated),
            ("818181818181818100", Malformed::TooDeep),
        ] {
            let bytes = hex::decode(hex).unwrap();
            assert_eq!(Value::decode(&bytes), Err(refusal), "{hex}");
        }
    }

    #[test]
    fn integers_at_the_edges() {
        for (n, hex) in [
            (0, "00"),
            (23, "17"),
            (24, "1818"),
            (-1, "20"),
            (-65_537, "3a00010000"),
            (i64::MAX, "1b7fffffffffffffff"),
            (i64::MIN, "3b7fffffffffffffff"),
        ] {
            assert_eq!(hex::encode(Value::from(n).encode()), hex);
            assert_eq!(Value::from(n).as_i64(), Some(n));
        }
        assert_eq!(Value::Unsigned(u64::MAX).as_i64(), None);
        assert_eq!(Value::Negative(u64::MAX).as_i64(), None);
    }
}
