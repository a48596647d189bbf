//! A code read from a picture: a photograph of a screen, a scan, a screenshot.

use std::{io::Cursor, path::Path};

use image::{ImageReader, Limits};
use rxing::{
    BinaryBitmap, DecodeHints, Luma8LuminanceSource, Reader as _, common::HybridBinarizer,
    qrcode::QRCodeReader,
};

use super::MAX_FILE;
use crate::{failure::Failure, import::read_within};

/// Largest side and most memory of a picture: what a phone's camera makes, and not what a few
/// kilobytes of a crafted file ask for.
const MAX_SIDE: u32 = 10_000;
const MAX_PIXEL_BYTES: u64 = 256 << 20;

/// The text of the QR symbol in the picture.
pub(super) fn code(path: &Path) -> Result<String, Failure> {
    let bytes = read_within(path, MAX_FILE * 16).ok_or_else(|| {
        let (zh, en) = (
            "无法读取文件或文件过大",
            "The file cannot be read or is too large",
        );
        Failure::new("file-unreadable", zh, en).about(path.display())
    })?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    limits.max_alloc = Some(MAX_PIXEL_BYTES);
    let picture = || -> image::ImageResult<_> {
        let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
        reader.limits(limits);
        Ok(reader.decode()?.into_luma8())
    };
    let picture = picture().map_err(|_undecodable| {
        let (zh, en) = ("不是可用的图片", "The file is no usable picture");
        Failure::new("not-a-picture", zh, en).about(path.display())
    })?;
    let (width, height) = picture.dimensions();
    let hints = DecodeHints {
        TryHarder: Some(true),
        ..DecodeHints::default()
    };
    let read = Luma8LuminanceSource::new(picture.into_raw(), width, height).and_then(|source| {
        let mut bitmap = BinaryBitmap::new(HybridBinarizer::new(source));
        QRCodeReader::new().decode_with_hints(&mut bitmap, &hints)
    });
    match read {
        Ok(read) => Ok(read.getText().to_owned()),
        Err(_none) => {
            let (zh, en) = (
                "图片中未找到二维码",
                "No QR symbol was found in the picture",
            );
            Err(Failure::new("no-code-in-picture", zh, en).about(path.display()))
        }
    }
}
