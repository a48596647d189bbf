//! Faults of files: how they were stored, cut and dated.

use std::io;

use image::imageops::{FilterType, overlay, resize};
use image::{ExtendedColorType, ImageEncoder as _, Rgb, RgbImage, codecs::jpeg::JpegEncoder};

use crate::stills::{FACE, PHOTO};

/// EXIF with a date so many days before the day of the table.
pub(super) fn dated(photo: &[u8], days: f32) -> io::Result<Vec<u8>> {
    let taken = if days > 300.0 {
        "2025:10:26"
    } else {
        "2026:05:24"
    };
    with_exif(photo, &format!("{taken} 10:00:00"))
}

/// The photo with EXIF that holds a date.
pub(crate) fn with_exif(photo: &[u8], taken: &str) -> io::Result<Vec<u8>> {
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        let head = [tag.to_le_bytes(), kind.to_le_bytes()].concat();
        [
            head,
            count.to_le_bytes().to_vec(),
            value.to_le_bytes().to_vec(),
        ]
        .concat()
    };
    let end = 0_u32.to_le_bytes().to_vec();
    let exif = [
        b"Exif\0\0II\x2a\0\x08\0\0\0".to_vec(),
        1_u16.to_le_bytes().to_vec(),
        entry(0x8769, 4, 1, 26),
        end.clone(),
        1_u16.to_le_bytes().to_vec(),
        entry(0x9003, 2, 20, 44),
        end,
        taken.as_bytes().to_vec(),
        vec![0],
    ]
    .concat();
    let length = u16::try_from(exif.len() + 2).map_err(io::Error::other)?;
    let (start, rest) = photo
        .split_at_checked(2)
        .ok_or_else(|| io::Error::other("no photo"))?;
    Ok([start, &[0xff, 0xe1], &length.to_be_bytes(), &exif, rest].concat())
}

fn decoded(photo: &[u8]) -> io::Result<RgbImage> {
    let decoded = image::load_from_memory(photo).map_err(io::Error::other)?;
    Ok(decoded.into_rgb8())
}

fn encoded(picture: &RgbImage, quality: u8) -> io::Result<Vec<u8>> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, quality)
        .write_image(
            picture,
            picture.width(),
            picture.height(),
            ExtendedColorType::Rgb8,
        )
        .map_err(io::Error::other)?;
    Ok(file)
}

pub(super) fn stored_anew(photo: &[u8], quality: f32) -> io::Result<Vec<u8>> {
    let quality = u8::try_from(inference::raster::whole(quality)).map_err(io::Error::other)?;
    encoded(&decoded(photo)?, quality)
}

/// Cut at all four edges.
pub(super) fn cut_anew(photo: &[u8], cut: f32) -> io::Result<Vec<u8>> {
    let picture = decoded(photo)?;
    let [left, top] = [picture.width(), picture.height()].map(|it| share(it, cut / 2.0));
    let (width, height) = (picture.width() - 2 * left, picture.height() - 2 * top);
    let cut = image::imageops::crop_imm(&picture, left, top, width, height);
    encoded(&cut.to_image(), 85)
}

/// So small that the face is so wide, and large again.
pub(super) fn coarse(photo: &[u8], face: f32) -> io::Result<Vec<u8>> {
    let picture = decoded(photo)?;
    let small = smaller(&picture, face);
    encoded(
        &resize(
            &small,
            picture.width(),
            picture.height(),
            FilterType::Triangle,
        ),
        92,
    )
}

/// So small that the face is so wide, within a wider wall.
pub(super) fn far(photo: &[u8], face: f32) -> io::Result<Vec<u8>> {
    let small = smaller(&decoded(photo)?, face);
    let (width, height) = (small.width().max(420), small.height().max(504));
    let mut wide = RgbImage::from_pixel(width, height, Rgb([250; 3]));
    let (left, top) = ((width - small.width()) / 2, height - small.height());
    overlay(&mut wide, &small, i64::from(left), i64::from(top));
    encoded(&wide, 92)
}

/// The photo is 630 wide.
fn smaller(picture: &RgbImage, face: f32) -> RgbImage {
    let by = face / (630.0 * FACE / PHOTO);
    let [width, height] = [picture.width(), picture.height()].map(|it| share(it, by));
    resize(picture, width, height, FilterType::Triangle)
}

fn share(of: u32, share: f32) -> u32 {
    let of = usize::try_from(of).unwrap_or_default();
    let part = inference::raster::whole(inference::raster::real(of) * share);
    u32::try_from(part).unwrap_or_default()
}
