//! Drawn portraits for the demo: a stylised bust on white with 样证 across it. Nobody's face.
//!
//! 358 by 441 pixels (GA 461-2004), JPEG. Of the few dozen variants each is drawn once.

use std::sync::OnceLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use image::{Rgb, RgbImage, codecs::jpeg::JpegEncoder};

use super::glyphs::{YANG, ZHENG, ink};
use crate::failure::Failure;

const WIDTH: i32 = 358;
const HEIGHT: i32 = 441;
/// 4 skins, 4 hairs, 4 clothes.
const VARIANTS: usize = 64;

const WHITE: [u8; 3] = [255, 255, 255];
const INK: [u8; 3] = [45, 40, 40];
const LIPS: [u8; 3] = [178, 92, 88];
const MARK: [u8; 3] = [200, 30, 30];
const SKINS: [[u8; 3]; 4] = [
    [246, 214, 186],
    [236, 196, 160],
    [222, 178, 140],
    [205, 160, 124],
];
const HAIRS: [[u8; 3]; 4] = [[28, 24, 24], [48, 36, 30], [74, 70, 70], [20, 22, 34]];
const CLOTHES: [[u8; 3]; 4] = [[34, 40, 62], [40, 44, 44], [58, 34, 40], [30, 52, 46]];

/// The portraits, drawn as they are asked for.
#[derive(Debug)]
pub struct Portraits {
    drawn: Vec<OnceLock<Vec<u8>>>,
}

impl Default for Portraits {
    fn default() -> Self {
        Self {
            drawn: (0..VARIANTS).map(|_| OnceLock::new()).collect(),
        }
    }
}

impl Portraits {
    /// The JPEG file of a variant; there are 64, then they come again.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn jpeg(&self, variant: u64) -> Result<&[u8], Failure> {
        let place = usize::try_from(variant).unwrap_or_default() % VARIANTS;
        let failed = || Failure::new("portrait", "演示照片无法生成", "A portrait cannot be drawn");
        let Some(slot) = self.drawn.get(place) else {
            return Err(failed());
        };
        if let Some(jpeg) = slot.get() {
            return Ok(jpeg);
        }
        let jpeg = encode(&draw(place)).map_err(|error| failed().about(error))?;
        Ok(slot.get_or_init(|| jpeg))
    }

    /// The same as a data URL.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn data_url(&self, variant: u64) -> Result<String, Failure> {
        let jpeg = self.jpeg(variant)?;
        Ok(format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg)))
    }
}

fn encode(picture: &RgbImage) -> Result<Vec<u8>, image::ImageError> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 85).encode_image(picture)?;
    Ok(jpeg)
}

fn draw(variant: usize) -> RgbImage {
    let mut canvas = Canvas {
        picture: RgbImage::from_pixel(WIDTH.unsigned_abs(), HEIGHT.unsigned_abs(), Rgb(WHITE)),
    };
    let skin = colour(&SKINS, variant);
    let hair = colour(&HAIRS, variant / 4);
    let clothes = colour(&CLOTHES, variant / 16);
    let long_hair = variant / 4 % 2 == 1;
    if long_hair {
        canvas.ellipse((179, 210), (112, 142), hair);
    }
    canvas.ellipse((179, 452), (166, 104), clothes);
    canvas.ellipse((179, 372), (46, 60), shade(skin));
    canvas.ellipse((179, 205), (100, 130), hair);
    for ear in [82, 276] {
        canvas.ellipse((ear, 226), (14, 26), shade(skin));
    }
    canvas.ellipse((179, 226), (96, 124), skin);
    fringe(&mut canvas, variant, hair);
    face(&mut canvas, variant, skin);
    canvas.watermark();
    canvas.picture
}

/// Hair above the forehead; the brows stay free.
fn fringe(canvas: &mut Canvas, variant: usize, hair: [u8; 3]) {
    canvas.ellipse((179, 128), (88, 40), hair);
    match variant / 4 % 4 {
        0 => canvas.ellipse((120, 150), (40, 22), hair),
        1 => canvas.ellipse((238, 150), (40, 22), hair),
        2 => canvas.ellipse((179, 146), (76, 22), hair),
        _ => {}
    }
}

fn face(canvas: &mut Canvas, variant: usize, skin: [u8; 3]) {
    for eye in [138, 220] {
        canvas.ellipse((eye, 190), (24, 4), INK);
        canvas.ellipse((eye, 216), (19, 10), WHITE);
        canvas.ellipse((eye, 216), (8, 9), INK);
    }
    canvas.ellipse((179, 254), (9, 24), shade(skin));
    canvas.ellipse((179, 270), (17, 8), shade(skin));
    let width = 27 + i32::try_from(variant % 4).unwrap_or_default() * 3;
    canvas.ellipse((179, 304), (width, 6), LIPS);
}

struct Canvas {
    picture: RgbImage,
}

impl Canvas {
    fn ellipse(&mut self, (x, y): (i32, i32), (a, b): (i32, i32), fill: [u8; 3]) {
        let (a2, b2) = (a * a, b * b);
        for dy in -b..=b {
            for dx in -a..=a {
                // Radii stay below 170, so that the products stay below 2^31.
                if dx * dx * b2 / a2 + dy * dy <= b2 {
                    self.set((x + dx, y + dy), |pixel| *pixel = fill);
                }
            }
        }
    }

    /// 样证 over the breast and across the face, thin enough to let the face be seen.
    fn watermark(&mut self) {
        for (glyph, left, top) in [(&YANG, 48, 262), (&ZHENG, 186, 200)] {
            for row in 0..16 {
                for column in (0..16).filter(|column| ink(glyph, *column, row)) {
                    let x = left + i32::try_from(column).unwrap_or_default() * 8;
                    let y = top + i32::try_from(row).unwrap_or_default() * 8;
                    self.stamp(x, y);
                }
            }
        }
    }

    fn stamp(&mut self, x: i32, y: i32) {
        for dy in 0..8 {
            for dx in 0..8 {
                self.set((x + dx, y + dy), |pixel| {
                    for (channel, mark) in pixel.iter_mut().zip(MARK) {
                        *channel = channel.midpoint(mark);
                    }
                });
            }
        }
    }

    fn set(&mut self, (x, y): (i32, i32), change: impl FnOnce(&mut [u8; 3])) {
        if let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y))
            && let Some(pixel) = self.picture.get_pixel_mut_checked(x, y)
        {
            change(&mut pixel.0);
        }
    }
}

fn colour(palette: &[[u8; 3]; 4], variant: usize) -> [u8; 3] {
    palette.get(variant % 4).copied().unwrap_or(INK)
}

fn shade(colour: [u8; 3]) -> [u8; 3] {
    colour.map(|channel| channel.saturating_sub(18))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use portrait::{Format, Limits, Photo};

    use super::*;

    #[test]
    fn portraits_are_photos_of_the_right_size_on_white() {
        let portraits = Portraits::default();
        let mut all = BTreeSet::new();
        for variant in 0..64 {
            let jpeg = portraits.jpeg(variant).unwrap();
            all.insert(jpeg.to_vec());
            let photo = Photo::decode(jpeg, &Limits::PHOTO).unwrap();
            assert_eq!((photo.width(), photo.height()), (358, 441));
            assert_eq!(photo.format(), Format::Jpeg);
            assert!(jpeg.len() < 40_000, "{}", jpeg.len());
        }
        assert_eq!(all.len(), 64);
        let corner = draw(5);
        assert_eq!(corner.get_pixel(3, 3).0, WHITE);
        assert_eq!(portraits.jpeg(64).unwrap(), portraits.jpeg(0).unwrap());
    }

    #[test]
    fn specimen_stands_across_every_portrait() {
        for variant in [0, 21, 63] {
            let picture = draw(variant);
            let reddish = picture
                .pixels()
                .filter(|pixel| pixel.0[0] > 100 && pixel.0[1] < pixel.0[0] / 2 + 30)
                .count();
            assert!(reddish > 5_000, "{reddish}");
        }
    }
}
