//! The crop as a file: what stands on the licence.

use image::{
    ExtendedColorType, ImageEncoder as _,
    codecs::jpeg::{JpegEncoder, PixelDensity, PixelDensityUnit},
};

use crate::assess::Crop;
use crate::decode::PhotoError;

/// Fine enough that nothing of a face is lost at this size, and 40 to 70 KB.
const QUALITY: u8 = 92;
/// GA 461-2004: 350 dots per inch.
const DENSITY: PixelDensity = PixelDensity {
    density: (350, 350),
    unit: PixelDensityUnit::Inches,
};

impl Crop {
    /// As JPEG, with nothing beside the pixels: no place, no device, no date.
    ///
    /// # Errors
    /// [`PhotoError::Damaged`] where it cannot be written.
    pub fn to_jpeg(&self) -> Result<Vec<u8>, PhotoError> {
        let (width, height) = (self.raster.width(), self.raster.height());
        let size = u32::try_from(width).ok().zip(u32::try_from(height).ok());
        let (width, height) = size.ok_or(PhotoError::Damaged)?;
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
        encoder.set_pixel_density(DENSITY);
        encoder
            .write_image(
                self.raster.pixels().as_flattened(),
                width,
                height,
                ExtendedColorType::Rgb8,
            )
            .map_err(|_refused| PhotoError::Damaged)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use inference::Raster;

    use super::*;
    use crate::geometry::{Area, Point};
    use crate::{Limits, Photo};

    #[test]
    fn a_crop_is_a_photo_of_its_size() {
        let pixels = vec![200_u8; 358 * 441 * 3];
        let crop = Crop {
            raster: Raster::new(358, 441, &pixels).unwrap(),
            area: Area {
                corner: Point::default(),
                width: 358.0,
                height: 441.0,
            },
        };
        let photo = Photo::decode(&crop.to_jpeg().unwrap(), &Limits::PHOTO).unwrap();
        assert_eq!((photo.width(), photo.height()), (358, 441));
        assert_eq!(photo.format().media_type(), "image/jpeg");
    }
}
