//! From bytes to a photo that is known to decode, within limits that hold before any pixel is
//! allocated.

use image::{
    DynamicImage, ImageDecoder as _, ImageError, ImageFormat, ImageReader, metadata::Orientation,
};
use std::{fmt, io::Cursor};

use crate::container;

/// A photo (照片) that decodes to its end.
#[derive(Clone, PartialEq, Eq)]
pub struct Photo {
    bytes: Vec<u8>,
    format: Format,
    width: u32,
    height: u32,
}

/// Image formats that are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JPEG (ITU-T T.81)
    Jpeg,
    /// PNG, not animated
    Png,
    /// WebP (RFC 9649), not animated
    Webp,
}

impl Format {
    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }

    pub(crate) fn codec(self) -> ImageFormat {
        match self {
            Self::Jpeg => ImageFormat::Jpeg,
            Self::Png => ImageFormat::Png,
            Self::Webp => ImageFormat::WebP,
        }
    }
}

/// What a photo may measure, and what decoding it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest file, in bytes.
    pub max_bytes: usize,
    /// Smallest width and height, in pixels.
    pub min_size: (u32, u32),
    /// Largest width and height, in pixels.
    pub max_size: (u32, u32),
    /// Most memory for decoded pixels, in bytes. Without it a file of a few kilobytes can ask
    /// for gigabytes, and a handful of uploads would end the process.
    pub max_pixel_bytes: u64,
}

impl Limits {
    /// For photos on a licence: 2 MiB, from 180 x 220 (half of the 358 x 441 of GA 461-2004) to
    /// 4096 x 4096, which decodes to 64 MiB with four channels.
    pub const PHOTO: Self = Self {
        max_bytes: 2 << 20,
        min_size: (180, 220),
        max_size: (4096, 4096),
        max_pixel_bytes: 64 << 20,
    };
}

/// Why bytes are no acceptable photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhotoError {
    /// The file is too large.
    TooManyBytes,
    /// Not JPEG, PNG or WebP, whatever its name says.
    NotAPhoto,
    /// More than one picture.
    Animated,
    /// Too many pixels, or too much memory to decode them.
    TooManyPixels,
    /// Too few pixels.
    TooFewPixels,
    /// Truncated or broken.
    Damaged,
}

impl PhotoError {
    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooManyBytes => "photo-too-many-bytes",
            Self::NotAPhoto => "photo-not-an-image",
            Self::Animated => "photo-animated",
            Self::TooManyPixels => "photo-too-many-pixels",
            Self::TooFewPixels => "photo-too-few-pixels",
            Self::Damaged => "photo-damaged",
        }
    }

    /// Chinese text.
    #[must_use]
    pub const fn zh(self) -> &'static str {
        match self {
            Self::TooManyBytes => "照片文件过大",
            Self::NotAPhoto => "不是 JPEG、PNG 或 WebP 照片",
            Self::Animated => "不接受动态图片",
            Self::TooManyPixels => "照片像素尺寸过大",
            Self::TooFewPixels => "照片像素尺寸过小",
            Self::Damaged => "照片文件损坏或不完整",
        }
    }

    /// English text.
    #[must_use]
    pub const fn en(self) -> &'static str {
        match self {
            Self::TooManyBytes => "the photo file is too large",
            Self::NotAPhoto => "not a JPEG, PNG or WebP photo",
            Self::Animated => "animated pictures are not accepted",
            Self::TooManyPixels => "the photo has too many pixels",
            Self::TooFewPixels => "the photo has too few pixels",
            Self::Damaged => "the photo file is damaged or incomplete",
        }
    }
}

impl fmt::Display for PhotoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.code(), self.en(), self.zh())
    }
}

impl std::error::Error for PhotoError {}

impl Photo {
    /// Decodes the whole file and keeps its bytes to the end of the picture, and none that follow.
    ///
    /// # Errors
    /// [`PhotoError`]; sizes are judged by the file's header, before pixels are allocated.
    pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Self, PhotoError> {
        // The pixels are dropped: what counts here is that every one of them is there.
        open(bytes, limits).map(|opened| opened.photo)
    }

    /// The file as it came, to the end of the picture.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same, given away.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Its format, by its content.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Width as shown, in pixels.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height as shown, in pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }
}

/// A photo with its pixels, turned as the camera noted, and what the camera wrote beside them.
pub(crate) struct Opened {
    pub(crate) photo: Photo,
    pub(crate) pixels: DynamicImage,
    pub(crate) exif: Option<Vec<u8>>,
}

pub(crate) fn open(bytes: &[u8], limits: &Limits) -> Result<Opened, PhotoError> {
    if bytes.len() > limits.max_bytes {
        return Err(PhotoError::TooManyBytes);
    }
    let format = container::sniff(bytes).ok_or(PhotoError::NotAPhoto)?;
    let bytes = container::whole(format, bytes)?;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format.codec());
    reader.limits(limits.for_decoder());
    let mut decoder = reader.into_decoder().map_err(|error| refusal(&error))?;
    let orientation = decoder.orientation().map_err(|error| refusal(&error))?;
    // Notes that cannot be read are notes that are not there.
    let exif = decoder.exif_metadata().ok().flatten();
    let (width, height) = shown(decoder.dimensions(), orientation);
    limits.check_size(width, height, decoder.total_bytes())?;
    let mut pixels = DynamicImage::from_decoder(decoder).map_err(|error| refusal(&error))?;
    pixels.apply_orientation(orientation);
    Ok(Opened {
        photo: Photo {
            bytes: bytes.to_vec(),
            format,
            width,
            height,
        },
        pixels,
        exif,
    })
}

impl fmt::Debug for Photo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Photo")
            .field("format", &self.format)
            .field("width", &self.width)
            .field("height", &self.height)
            .finish_non_exhaustive()
    }
}

impl Limits {
    pub(crate) fn for_decoder(&self) -> image::Limits {
        let mut limits = image::Limits::default();
        let side = self.max_size.0.max(self.max_size.1);
        limits.max_image_width = Some(side);
        limits.max_image_height = Some(side);
        limits.max_alloc = Some(self.max_pixel_bytes);
        limits
    }

    fn check_size(&self, width: u32, height: u32, pixel_bytes: u64) -> Result<(), PhotoError> {
        let (max_width, max_height) = self.max_size;
        let (min_width, min_height) = self.min_size;
        if width > max_width || height > max_height || pixel_bytes > self.max_pixel_bytes {
            Err(PhotoError::TooManyPixels)
        } else if width < min_width || height < min_height {
            Err(PhotoError::TooFewPixels)
        } else {
            Ok(())
        }
    }
}

/// Phones store photos lying on their side with a note how to turn them.
fn shown((width, height): (u32, u32), orientation: Orientation) -> (u32, u32) {
    match orientation {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => (height, width),
        Orientation::NoTransforms
        | Orientation::Rotate180
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical => (width, height),
    }
}

fn refusal(error: &ImageError) -> PhotoError {
    match error {
        ImageError::Limits(_) => PhotoError::TooManyPixels,
        ImageError::Decoding(_)
        | ImageError::Encoding(_)
        | ImageError::Parameter(_)
        | ImageError::Unsupported(_)
        | ImageError::IoError(_) => PhotoError::Damaged,
    }
}

#[cfg(test)]
mod tests;
