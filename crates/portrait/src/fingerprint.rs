//! Knowing a photo again that was scaled, stored anew or slightly changed.

use inference::{Affine, Raster};

/// 256 bits of a photo: whether each of 16 x 16 places is brighter than its neighbour to the
/// right. It shows nobody's face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u64; 4]);

impl Fingerprint {
    /// Of an ID photo's crop.
    #[must_use]
    pub(crate) fn of(raster: &Raster) -> Self {
        let map = Affine::rectangle((0.0, 0.0), raster.size(), (17, 16));
        let cut = raster.cut(&map, 17, 16, [255.0; 3]);
        let grey: Vec<f32> = cut.iter().map(|it| it.iter().sum()).collect();
        let mut words = [0; 4];
        for (word, rows) in words.iter_mut().zip(grey.chunks_exact(17 * 4)) {
            for row in rows.chunks_exact(17) {
                for pair in row.windows(2) {
                    *word <<= 1;
                    *word |= u64::from(pair.is_sorted());
                }
            }
        }
        Self(words)
    }

    /// As 32 bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let (words, _) = bytes.as_chunks_mut::<8>();
        for (place, word) in words.iter_mut().zip(self.0) {
            *place = word.to_be_bytes();
        }
        bytes
    }

    /// From 32 bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let mut words = [0; 4];
        for (word, place) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_be_bytes(*place);
        }
        Self(words)
    }

    /// In how many of 256 bits it differs from another: other photos of a person differ in 40
    /// and more.
    #[must_use]
    pub fn difference(self, other: Self) -> u32 {
        let words = self.0.into_iter().zip(other.0);
        words.map(|(one, other)| (one ^ other).count_ones()).sum()
    }

    pub(crate) fn nearest(self, others: &[Self]) -> Option<f32> {
        let nearest = others.iter().map(|it| self.difference(*it)).min()?;
        Some(inference::raster::real(usize::try_from(nearest).ok()?))
    }
}
