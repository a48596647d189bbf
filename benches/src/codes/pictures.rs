//! Pictures of a symbol as a camera makes them, and the two decoders.

use fast_qr::QRCode;
use image::{GrayImage, Luma, imageops};
use rxing::{
    BinaryBitmap, DecodeHints, Luma8LuminanceSource, Reader as _, common::HybridBinarizer,
    qrcode::QRCodeReader,
};

use crate::group::Extent;

/// Pixels of a module before anything is done to the picture.
const PIXELS: f32 = 4.0;
/// Modules of quiet zone on each side.
const QUIET: f32 = 4.0;

/// A picture in grey.
pub(super) struct Picture(GrayImage);

impl Picture {
    /// Turned by these degrees, blurred with these deviations in pixels, scaled by these factors, in
    /// all combinations.
    pub(super) fn hard(symbol: &QRCode, extent: Extent) -> Vec<Self> {
        let (turns, blurs, scales): (&[f32], &[f32], &[f32]) = match extent {
            Extent::Quick => (&[0.0, 12.0, 45.0], &[0.0, 1.0], &[1.0, 0.75]),
            Extent::Full => (
                &[0.0, 3.0, 12.0, 30.0, 45.0, 90.0],
                &[0.0, 0.6, 1.0, 1.4],
                &[1.5, 1.0, 0.75, 0.6],
            ),
        };
        let mut pictures = Vec::new();
        for turn in turns {
            for scale in scales {
                let sharp = Self::taken(symbol, turn.to_radians(), PIXELS * scale);
                for blur in blurs {
                    pictures.push(sharp.blurred(*blur));
                }
            }
        }
        pictures
    }

    /// What a camera sees: each pixel is the mean of nine points, so that edges are grey.
    fn taken(symbol: &QRCode, turn: f32, pixels: f32) -> Self {
        let across = f32::from(u16::try_from(symbol.size).unwrap_or(u16::MAX));
        let modules = across + 2.0 * QUIET;
        let (sine, cosine) = turn.sin_cos();
        let width = modules * pixels * (sine.abs() + cosine.abs());
        let centre = width / 2.0;
        let dark = |x: f32, y: f32| {
            let (x, y) = ((x - centre) / pixels, (y - centre) / pixels);
            let column = x * cosine + y * sine + across / 2.0;
            let row = y * cosine - x * sine + across / 2.0;
            module(symbol, row, column)
        };
        let picture = GrayImage::from_fn(whole(width), whole(width), |x, y| {
            let mut sum = 0_u16;
            for point in 0..9_u8 {
                let (right, down) = (f32::from(point % 3), f32::from(point / 3));
                let at = |pixel: u32, third: f32| real(pixel) + (third + 0.5) / 3.0;
                sum += if dark(at(x, right), at(y, down)) {
                    25
                } else {
                    230
                };
            }
            Luma([u8::try_from(sum / 9).unwrap_or(u8::MAX)])
        });
        Self(picture)
    }

    fn blurred(&self, deviation: f32) -> Self {
        if deviation > 0.0 {
            Self(imageops::blur(&self.0, deviation))
        } else {
            Self(self.0.clone())
        }
    }
}

fn module(symbol: &QRCode, row: f32, column: f32) -> bool {
    let (Some(row), Some(column)) = (place(row), place(column)) else {
        return false;
    };
    let data = symbol.data.get(row * symbol.size + column);
    row < symbol.size && column < symbol.size && data.is_some_and(|module| module.value())
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a coordinate within a picture of some thousand pixels"
)]
fn place(coordinate: f32) -> Option<usize> {
    (coordinate >= 0.0).then_some(coordinate as usize)
}

fn whole(coordinate: f32) -> u32 {
    place(coordinate)
        .and_then(|place| u32::try_from(place).ok())
        .unwrap_or_default()
}

fn real(pixel: u32) -> f32 {
    f32::from(u16::try_from(pixel).unwrap_or(u16::MAX))
}

/// The decoders that are compared.
#[derive(Clone, Copy)]
pub(super) enum Decoder {
    Rxing,
    Rqrr,
}

impl Decoder {
    pub(super) const ALL: [Self; 2] = [Self::Rxing, Self::Rqrr];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rxing => "rxing",
            Self::Rqrr => "rqrr",
        }
    }

    pub(super) fn read(self, picture: &Picture) -> Option<String> {
        match self {
            Self::Rxing => by_rxing(&picture.0),
            Self::Rqrr => by_rqrr(&picture.0),
        }
    }
}

fn by_rxing(picture: &GrayImage) -> Option<String> {
    let (width, height) = picture.dimensions();
    let source = Luma8LuminanceSource::new(picture.as_raw().clone(), width, height).ok()?;
    let mut bitmap = BinaryBitmap::new(HybridBinarizer::new(source));
    let hints = DecodeHints {
        TryHarder: Some(true),
        ..DecodeHints::default()
    };
    let read = QRCodeReader::new().decode_with_hints(&mut bitmap, &hints);
    Some(read.ok()?.getText().to_owned())
}

fn by_rqrr(picture: &GrayImage) -> Option<String> {
    let (width, height) = picture.dimensions();
    let (width, height) = (usize::try_from(width).ok()?, usize::try_from(height).ok()?);
    let grey = |x: usize, y: usize| picture.as_raw().get(y * width + x).copied().unwrap_or(255);
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
    let grids = picture.detect_grids();
    grids.iter().find_map(|grid| Some(grid.decode().ok()?.1))
}
