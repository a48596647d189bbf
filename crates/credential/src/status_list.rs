//! Status lists (状态列表): what became of credentials, one small number for each, for anybody to
//! fetch without saying whom they are about (IETF draft-ietf-oauth-status-list).
//!
//! [`StatusList`] is the array of values, [`CompressedList`] the same as it travels, in the draft's
//! JSON and CBOR forms. [`token`] has the signed forms, JWT and CWT.
//!
//! The draft's examples write the CBOR map as `bits`, `lst`, which is not the deterministic order.
//! [`CompressedList::to_cbor`] follows the draft byte for byte; the map inside of a signed CWT here
//! is deterministic like everything that is signed here.

pub mod token;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use libdeflater::{CompressionLvl, Compressor, DecompressionError, Decompressor};
use serde::{Deserialize, Serialize};
use std::fmt;

use crate::{cbor::Value, malformed::Malformed};

pub use token::{
    ListClaims, ListRefusal, UnverifiedStatusList, VerifiedStatusList, sign_cwt, sign_jwt,
};

/// Most entries that a list here has, and those that one of this system has.
///
/// It bounds what a list may expand to. Without it a few kilobytes under a good signature could ask
/// a verifier for gigabytes.
pub const LIST_ENTRIES: u32 = 1 << 20;

/// How hard the compressor works. 2^20 places of 4 bits, every tenth not valid, on one busy core:
/// level 1 took 8 ms and 126 KB, 4 36 ms and 117 KB, 6 65 ms and 113 KB, 9 0.9 s and 104 KB, 12
/// 3.4 s and 96 KB. A list is compressed once a period and fetched by many; above 6 the effort grows
/// much faster than the bytes shrink.
const LEVEL: i32 = 6;

/// Bits of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Width {
    /// 0 and 1.
    One,
    /// 0 to 3: the public lists.
    Two,
    /// 0 to 15: the lists of authorised verifiers.
    Four,
    /// 0 to 255.
    Eight,
}

impl Width {
    /// Every width.
    pub const ALL: [Self; 4] = [Self::One, Self::Two, Self::Four, Self::Eight];

    /// The number of bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
            Self::Eight => 8,
        }
    }

    /// The width of so many bits.
    #[must_use]
    pub fn from_bits(bits: u64) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|width| u64::from(width.bits()) == bits)
    }

    const fn most_bytes(self) -> usize {
        // 2^17 entries of 8 bits are one byte of entries each.
        (1 << 17)
            * match self {
                Self::One => 1,
                Self::Two => 2,
                Self::Four => 4,
                Self::Eight => 8,
            }
    }

    const fn per_byte(self) -> u64 {
        match self {
            Self::One => 8,
            Self::Two => 4,
            Self::Four => 2,
            Self::Eight => 1,
        }
    }

    const fn mask(self) -> u8 {
        match self {
            Self::One => 0x01,
            Self::Two => 0x03,
            Self::Four => 0x0f,
            Self::Eight => 0xff,
        }
    }
}

/// The values of a list, packed: entry 0 in the lowest bits of the first byte.
#[derive(Clone, PartialEq, Eq)]
pub struct StatusList {
    width: Width,
    bytes: Vec<u8>,
}

/// A list as it travels: its bytes in zlib's form (RFC 1950).
#[derive(Clone, PartialEq, Eq)]
pub struct CompressedList {
    width: Width,
    zlib: Vec<u8>,
}

impl StatusList {
    /// Of packed bytes; none where they are no byte, or more than [`LIST_ENTRIES`] entries.
    #[must_use]
    pub fn from_bytes(width: Width, bytes: Vec<u8>) -> Option<Self> {
        let whole = (1..=width.most_bytes()).contains(&bytes.len());
        whole.then_some(Self { width, bytes })
    }

    /// Bits of an entry.
    #[must_use]
    pub const fn width(&self) -> Width {
        self.width
    }

    /// The packed bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The value of an entry; none beyond the end.
    #[must_use]
    pub fn value(&self, index: u64) -> Option<u8> {
        let per_byte = self.width.per_byte();
        let at = usize::try_from(index / per_byte).ok()?;
        let shift = u32::try_from(index % per_byte).ok()? * u32::from(self.width.bits());
        Some((self.bytes.get(at)? >> shift) & self.width.mask())
    }

    /// Sets an entry to the lowest bits of `value`; nothing beyond the end.
    pub fn set(&mut self, index: u64, value: u8) {
        let per_byte = self.width.per_byte();
        let mask = self.width.mask();
        let (Ok(at), Ok(place)) = (
            usize::try_from(index / per_byte),
            u32::try_from(index % per_byte),
        ) else {
            return;
        };
        let shift = place * u32::from(self.width.bits());
        if let Some(byte) = self.bytes.get_mut(at) {
            *byte = (*byte & !(mask << shift)) | ((value & mask) << shift);
        }
    }

    /// The public form of a list of 4 bits: red is told as suspended, and so is whatever a later
    /// version may write there, never as valid. None of another width.
    #[must_use]
    pub fn to_public(&self) -> Option<Self> {
        if self.width != Width::Four {
            return None;
        }
        let bytes = self.bytes.chunks(2).map(|two| {
            let low = two.first().copied().map_or(0, public_pair);
            let high = two.get(1).copied().map_or(0, public_pair);
            low | (high << 4)
        });
        Self::from_bytes(Width::Two, bytes.collect())
    }

    /// Compresses it for publication.
    #[must_use]
    pub fn compress(&self) -> CompressedList {
        let mut compressor = Compressor::new(CompressionLvl::new(LEVEL).unwrap_or_default());
        let mut zlib = vec![0; compressor.zlib_compress_bound(self.bytes.len())];
        // The bound is the library's own: it is never too small.
        let length = compressor.zlib_compress(&self.bytes, &mut zlib);
        zlib.truncate(length.unwrap_or_default());
        zlib.shrink_to_fit();
        CompressedList {
            width: self.width,
            zlib,
        }
    }
}

/// Two values of 4 bits as two of 2 bits.
const fn public_pair(byte: u8) -> u8 {
    public(byte & 0x0f) | (public(byte >> 4) << 2)
}

const fn public(value: u8) -> u8 {
    if value < 2 { value } else { 2 }
}

const BITS: &str = "bits";
const LST: &str = "lst";

/// The draft's JSON form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JsonList {
    bits: u64,
    lst: String,
}

impl CompressedList {
    /// Bits of an entry.
    #[must_use]
    pub const fn width(&self) -> Width {
        self.width
    }

    /// The bytes in zlib's form.
    #[must_use]
    pub fn as_zlib(&self) -> &[u8] {
        &self.zlib
    }

    /// The values. It never takes more memory than a list of [`LIST_ENTRIES`] entries has.
    ///
    /// # Errors
    /// [`Malformed::Compression`] where the bytes are no zlib, or hold nothing;
    /// [`Malformed::TooLarge`] where they hold more entries.
    pub fn expand(&self) -> Result<StatusList, Malformed> {
        let mut bytes = vec![0; self.width.most_bytes()];
        match Decompressor::new().zlib_decompress(&self.zlib, &mut bytes) {
            Ok(length) => bytes.truncate(length),
            Err(DecompressionError::InsufficientSpace) => return Err(Malformed::TooLarge),
            Err(DecompressionError::BadData) => return Err(Malformed::Compression),
        }
        StatusList::from_bytes(self.width, bytes).ok_or(Malformed::Compression)
    }

    /// The draft's JSON form.
    #[must_use]
    pub fn to_json(&self) -> String {
        // A number and a text: serialising them cannot fail.
        serde_json::to_string(&self.json()).unwrap_or_default()
    }

    /// Reads the draft's JSON form.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn from_json(json: &str) -> Result<Self, Malformed> {
        let list = serde_json::from_str(json).map_err(|_other| Malformed::NotStatusList)?;
        Self::of_json(list)
    }

    /// The draft's CBOR form, in the draft's order.
    #[must_use]
    pub fn to_cbor(&self) -> Vec<u8> {
        let mut cbor = draft_head(self.width).to_vec();
        cbor.extend(Value::bytes(&self.zlib).encode());
        cbor
    }

    /// Reads the draft's CBOR form: exactly what [`CompressedList::to_cbor`] writes.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn from_cbor(cbor: &[u8]) -> Result<Self, Malformed> {
        let mut widths = Width::ALL.into_iter();
        let found = widths.find_map(|width| Some((width, cbor.strip_prefix(&draft_head(width))?)));
        let (width, rest) = found.ok_or(Malformed::NotStatusList)?;
        let Value::Bytes(zlib) = Value::decode(rest)? else {
            return Err(Malformed::NotStatusList);
        };
        let zlib = zlib.into_owned();
        Ok(Self { width, zlib })
    }

    pub(crate) fn json(&self) -> JsonList {
        JsonList {
            bits: self.width.bits().into(),
            lst: URL_SAFE_NO_PAD.encode(&self.zlib),
        }
    }

    pub(crate) fn of_json(list: JsonList) -> Result<Self, Malformed> {
        let width = Width::from_bits(list.bits).ok_or(Malformed::ClaimValue(BITS))?;
        match URL_SAFE_NO_PAD.decode(list.lst) {
            Ok(zlib) => Ok(Self { width, zlib }),
            Err(_other) => Err(Malformed::ClaimValue(LST)),
        }
    }

    /// The same content in deterministic order, as it stands in a signed CWT.
    pub(crate) fn encode(&self) -> Value<'_> {
        Value::Map(vec![
            (Value::text(BITS), Value::Unsigned(self.width.bits().into())),
            (Value::text(LST), Value::bytes(&self.zlib)),
        ])
    }

    pub(crate) fn decode(value: &Value<'_>, name: &'static str) -> Result<Self, Malformed> {
        let Value::Map(entries) = value else {
            return Err(Malformed::ClaimType(name));
        };
        // `lst` is the shorter text and so comes first.
        let [
            (Value::Text(lst), Value::Bytes(zlib)),
            (Value::Text(bits), Value::Unsigned(width)),
        ] = entries.as_slice()
        else {
            return Err(Malformed::ClaimValue(name));
        };
        if lst != LST || bits != BITS {
            return Err(Malformed::UnknownClaim);
        }
        let width = Width::from_bits(*width).ok_or(Malformed::ClaimValue(BITS))?;
        Ok(Self {
            width,
            zlib: zlib.to_vec(),
        })
    }
}

/// `{"bits": width, "lst":` in CBOR.
const fn draft_head(width: Width) -> [u8; 11] {
    let bits = width.bits();
    [
        0xa2, 0x64, b'b', b'i', b't', b's', bits, 0x63, b'l', b's', b't',
    ]
}

/// Shows the size only: a million values help nobody.
impl fmt::Debug for StatusList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusList")
            .field("width", &self.width)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

impl fmt::Debug for CompressedList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompressedList")
            .field("width", &self.width)
            .field("zlib", &self.zlib.len())
            .finish()
    }
}

#[cfg(test)]
mod tests;
