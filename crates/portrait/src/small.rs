//! The small portrait (小头像) that travels inside an offline code: as good as so many bytes allow.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder as _, ImageReader, Rgb, RgbImage, RgbaImage,
    imageops::{FilterType, overlay, resize},
};
use webp::{Encoder, WebPConfig};

use crate::decode::{Limits, Photo, PhotoError};

/// Heights tried, the largest first. Below the last a face is no longer a face.
const HEIGHTS: [u32; 10] = [112, 104, 96, 88, 80, 72, 64, 56, 48, 40];
/// A picture coarser than this is better shown smaller.
const LEAST_QUALITY: u8 = 18;
/// A picture finer than this is better shown larger; at the largest size it is good enough.
const MOST_QUALITY: u8 = 90;

/// The photo as a WebP of at most `budget` bytes: of the largest size that is not too coarse for them,
/// and there as fine as they allow. The same photo always gives the same bytes.
///
/// # Errors
/// [`PhotoError::TooManyBytes`] where even the smallest picture takes more, [`PhotoError::Damaged`]
/// where the photo cannot be drawn.
pub fn small_portrait(photo: &Photo, budget: usize) -> Result<Vec<u8>, PhotoError> {
    let whole = pixels(photo)?;
    for height in HEIGHTS {
        let small = scaled(&whole, height);
        let coarsest = encode(&small, LEAST_QUALITY)?;
        if coarsest.len() <= budget {
            return finest(&small, budget, coarsest);
        }
    }
    Err(PhotoError::TooManyBytes)
}

/// The finest picture within the budget: sizes grow with the quality, nearly always, and what is
/// kept has been measured.
fn finest(small: &RgbImage, budget: usize, coarsest: Vec<u8>) -> Result<Vec<u8>, PhotoError> {
    let (mut fits, mut low, mut high) = (coarsest, LEAST_QUALITY, MOST_QUALITY);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let tried = encode(small, middle)?;
        if tried.len() <= budget {
            fits = tried;
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Ok(fits)
}

fn encode(picture: &RgbImage, quality: u8) -> Result<Vec<u8>, PhotoError> {
    let mut config = WebPConfig::new().map_err(|()| PhotoError::Damaged)?;
    config.quality = f32::from(quality);
    // The slowest and densest: it is done once for a binding.
    config.method = 6;
    let encoder = Encoder::from_rgb(picture.as_raw(), picture.width(), picture.height());
    match encoder.encode_advanced(&config) {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(_refused) => Err(PhotoError::Damaged),
    }
}

/// The photo upright, in its colours.
fn pixels(photo: &Photo) -> Result<DynamicImage, PhotoError> {
    let mut reader = ImageReader::new(Cursor::new(photo.bytes()));
    reader.set_format(photo.format().codec());
    reader.limits(Limits::PHOTO.for_decoder());
    let mut decoder = reader
        .into_decoder()
        .map_err(|_error| PhotoError::Damaged)?;
    let turned = decoder
        .orientation()
        .map_err(|_error| PhotoError::Damaged)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|_error| PhotoError::Damaged)?;
    image.apply_orientation(turned);
    Ok(image)
}

/// The picture at a height, on white where it is transparent.
fn scaled(whole: &DynamicImage, height: u32) -> RgbImage {
    let width = (whole.width().saturating_mul(height) / whole.height().max(1)).clamp(1, 4 * height);
    let rgba = resize(&whole.to_rgba8(), width, height, FilterType::Lanczos3);
    let mut white = RgbaImage::from_pixel(width, height, image::Rgba([255; 4]));
    overlay(&mut white, &rgba, 0, 0);
    let mut rgb = RgbImage::new(width, height);
    for (to, from) in rgb.pixels_mut().zip(white.pixels()) {
        let [red, green, blue, _] = from.0;
        *to = Rgb([red, green, blue]);
    }
    rgb
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ExtendedColorType, ImageEncoder as _, codecs::png::PngEncoder};

    /// A face drawn of ellipses: skin, hair, eyes, mouth, dark clothes on white.
    fn drawn(width: u32, height: u32, noise: u32) -> Photo {
        let (w, h) = (i64::from(width), i64::from(height));
        let within = |x: i64, y: i64, (cx, cy, rx, ry): (i64, i64, i64, i64)| {
            let (dx, dy) = (1000 * x / w - cx, 1000 * y / h - cy);
            dx * dx * ry * ry + dy * dy * rx * rx < rx * rx * ry * ry
        };
        let mut pixels = Vec::new();
        for y in 0..h {
            for x in 0..w {
                let mut colour = [250_u8, 250, 250];
                for (place, of) in [
                    ((500, 1050, 430, 300), [40, 44, 60]),
                    ((500, 380, 260, 290), [35, 30, 28]),
                    ((500, 450, 220, 260), [222, 180, 150]),
                    ((420, 400, 35, 20), [30, 30, 30]),
                    ((580, 400, 35, 20), [30, 30, 30]),
                    ((500, 590, 80, 22), [170, 80, 80]),
                ] {
                    if within(x, y, place) {
                        colour = of;
                    }
                }
                let grain = u8::try_from((x * 7 + y * 13) % i64::from(noise.max(1))).unwrap();
                pixels.extend(colour.map(|part| part.saturating_sub(grain)));
            }
        }
        let mut file = Vec::new();
        PngEncoder::new(&mut file)
            .write_image(&pixels, width, height, ExtendedColorType::Rgb8)
            .unwrap();
        Photo::decode(&file, &Limits::PHOTO).unwrap()
    }

    #[test]
    fn a_portrait_fits_its_bytes_and_uses_them() {
        for (width, height, noise) in [(358, 441, 1), (358, 441, 14), (720, 960, 12)] {
            let photo = drawn(width, height, noise);
            let mut sizes = Vec::new();
            for budget in [400, 700, 1400] {
                let small = small_portrait(&photo, budget).unwrap();
                assert!(small.len() <= budget, "{} of {budget}", small.len());
                let read = image::load_from_memory(&small).unwrap();
                sizes.push((read.height(), small.len()));
                assert_eq!(small, small_portrait(&photo, budget).unwrap());
            }
            assert!(sizes.is_sorted(), "more bytes, more picture: {sizes:?}");
            assert!(sizes[1].0 >= 64, "{sizes:?}");
        }
    }

    #[test]
    fn a_budget_too_small_for_a_face_is_refused() {
        let refused = small_portrait(&drawn(358, 441, 40), 60);
        assert_eq!(refused, Err(PhotoError::TooManyBytes));
    }
}
