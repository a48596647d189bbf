//! Image files as containers: which format, whole to the end, one picture only.
//!
//! Decoders are lenient: they fill what a truncated file lacks with grey, take the first picture
//! of an animation, and look at nothing that follows the end. A photo that goes onto a licence
//! must be all there, and be the one picture that an officer saw. Phones write depth maps, films
//! and maker's notes behind the end of a JPEG, so that such a file is no reason to refuse a photo;
//! but what lies there is no part of it, and is not kept: it may be another file (polyglot).

use crate::decode::{Format, PhotoError};

/// The format by its first bytes. Names and declared types do not count.
pub(crate) fn sniff(bytes: &[u8]) -> Option<Format> {
    if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        Some(Format::Jpeg)
    } else if bytes.starts_with(PNG_SIGNATURE) {
        Some(Format::Png)
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some(Format::Webp)
    } else {
        None
    }
}

/// Walks the file's own structure to its end, and gives what lies before that.
pub(crate) fn whole(format: Format, bytes: &[u8]) -> Result<&[u8], PhotoError> {
    let behind = match format {
        Format::Jpeg => jpeg(bytes)?,
        Format::Png => png(bytes)?,
        Format::Webp => webp(bytes)?,
    };
    let end = bytes.len().checked_sub(behind.len());
    end.and_then(|end| bytes.get(..end))
        .ok_or(PhotoError::Damaged)
}

const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// From segment to segment, and through the coded data, to the end-of-image marker (ITU-T T.81,
/// annex B). An end marker inside a thumbnail lies in a segment and is stepped over with it. Each
/// gives what follows the end.
fn jpeg(bytes: &[u8]) -> Result<&[u8], PhotoError> {
    let mut rest = bytes.get(2..).unwrap_or_default();
    loop {
        let (marker, after) = next_marker(rest).ok_or(PhotoError::Damaged)?;
        rest = match marker {
            0xd9 => return Ok(after),
            // Restart, and the marker without parameters.
            0x01 | 0xd0..=0xd7 => after,
            _ => {
                let (length, _) = after.split_first_chunk().ok_or(PhotoError::Damaged)?;
                let length = usize::from(u16::from_be_bytes(*length));
                after.get(length.max(2)..).ok_or(PhotoError::Damaged)?
            }
        };
    }
}

/// The next marker, over coded data (where 0xff is followed by zero) and fill bytes.
fn next_marker(mut bytes: &[u8]) -> Option<(u8, &[u8])> {
    loop {
        let at = bytes.iter().position(|byte| *byte == 0xff)?;
        let after = bytes.get(at + 1..)?;
        match after.split_first()? {
            (0, rest) => bytes = rest,
            (0xff, _) => bytes = after,
            (marker, rest) => return Some((*marker, rest)),
        }
    }
}

/// From chunk to chunk to `IEND` with its checksum (PNG, third edition, clause 5). `acTL` makes
/// an animation of it.
fn png(bytes: &[u8]) -> Result<&[u8], PhotoError> {
    let mut rest = bytes.get(PNG_SIGNATURE.len()..).unwrap_or_default();
    loop {
        let (length, after) = rest.split_first_chunk().ok_or(PhotoError::Damaged)?;
        let (kind, after) = after.split_first_chunk::<4>().ok_or(PhotoError::Damaged)?;
        let end = usize::try_from(u32::from_be_bytes(*length))
            .ok()
            .and_then(|length| length.checked_add(CHECKSUM));
        rest = end
            .and_then(|end| after.get(end..))
            .ok_or(PhotoError::Damaged)?;
        match kind {
            b"IEND" => return Ok(rest),
            b"acTL" => return Err(PhotoError::Animated),
            _ => {}
        }
    }
}

const CHECKSUM: usize = 4;

/// The length in the `RIFF` header, then chunk by chunk (RFC 9649, section 2).
fn webp(bytes: &[u8]) -> Result<&[u8], PhotoError> {
    let length = bytes
        .get(4..)
        .and_then(|bytes| bytes.split_first_chunk())
        .and_then(|(length, _)| usize::try_from(u32::from_le_bytes(*length)).ok())
        .ok_or(PhotoError::Damaged)?;
    let (body, behind) = bytes
        .get(8..)
        .and_then(|bytes| bytes.split_at_checked(length))
        .ok_or(PhotoError::Damaged)?;
    let mut rest = body.get(4..).ok_or(PhotoError::Damaged)?;
    while !rest.is_empty() {
        let (kind, after) = rest.split_first_chunk::<4>().ok_or(PhotoError::Damaged)?;
        let (length, after) = after.split_first_chunk().ok_or(PhotoError::Damaged)?;
        let end = usize::try_from(u32::from_le_bytes(*length))
            .ok()
            .and_then(|length| length.checked_next_multiple_of(2))
            .ok_or(PhotoError::Damaged)?;
        rest = after.get(end..).ok_or(PhotoError::Damaged)?;
        if matches!(kind, b"ANIM" | b"ANMF") {
            return Err(PhotoError::Animated);
        }
    }
    Ok(behind)
}
