//! A picture, and what is cut from it.
#![expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a kernel: coordinates are clamped to the picture before they become indices"
)]

/// An RGB picture, 8 bits a channel.
#[derive(Clone)]
pub struct Raster {
    width: usize,
    height: usize,
    pixels: Vec<[u8; 3]>,
}

impl std::fmt::Debug for Raster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Raster")
            .field("width", &self.width)
            .field("height", &self.height)
            .finish_non_exhaustive()
    }
}

/// Where each pixel of a cut comes from: `x = a u + b v + c`, `y = d u + e v + f`. Coordinates
/// are continuous; the centre of the first pixel is at one half.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// `a`, `b`, `c`
    pub x: [f32; 3],
    /// `d`, `e`, `f`
    pub y: [f32; 3],
}

impl Affine {
    /// A square of `side` pixels around a point, turned by an angle in radians (clockwise as
    /// seen), which becomes `columns` x `columns`.
    #[must_use]
    pub fn square(centre: (f32, f32), side: f32, angle: f32, columns: usize) -> Self {
        let step = side / columns as f32;
        let half = side / 2.0;
        let (sin, cos) = angle.sin_cos();
        Self {
            x: [cos * step, -sin * step, centre.0 - (cos - sin) * half],
            y: [sin * step, cos * step, centre.1 - (sin + cos) * half],
        }
    }

    /// A rectangle that becomes `columns` x `rows`.
    #[must_use]
    pub fn rectangle(
        (left, top): (f32, f32),
        (width, height): (f32, f32),
        (columns, rows): (usize, usize),
    ) -> Self {
        Self {
            x: [width / columns as f32, 0.0, left],
            y: [0.0, height / rows as f32, top],
        }
    }

    /// Where a point of the cut lies in the picture.
    #[must_use]
    pub fn at(&self, u: f32, v: f32) -> (f32, f32) {
        (
            self.x[0] * u + self.x[1] * v + self.x[2],
            self.y[0] * u + self.y[1] * v + self.y[2],
        )
    }

    /// How many pixels of the picture a step in the cut covers.
    fn reach(&self) -> f32 {
        self.x[0].hypot(self.y[0]).max(self.x[1].hypot(self.y[1]))
    }
}

/// Most samples across one pixel of a cut.
const MOST_SAMPLES: usize = 8;

impl Raster {
    /// From rows of red, green and blue; `None` where the length is another.
    #[must_use]
    pub fn new(width: usize, height: usize, rgb: &[u8]) -> Option<Self> {
        let (pixels, rest) = rgb.as_chunks::<3>();
        let fits =
            rest.is_empty() && !pixels.is_empty() && pixels.len() == width.checked_mul(height)?;
        fits.then(|| Self {
            width,
            height,
            pixels: pixels.to_vec(),
        })
    }

    /// Columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns and rows as real numbers.
    #[must_use]
    pub fn size(&self) -> (f32, f32) {
        (self.width as f32, self.height as f32)
    }

    /// Row by row.
    #[must_use]
    pub fn pixels(&self) -> &[[u8; 3]] {
        &self.pixels
    }

    /// The means of blocks of `by` x `by` pixels; what does not fill a block is left out.
    #[must_use]
    pub fn shrunk(&self, by: usize) -> Self {
        let by = by.clamp(1, self.width.min(self.height));
        let (width, height) = (self.width / by, self.height / by);
        let count = (by * by) as u32;
        let mut pixels = Vec::with_capacity(width * height);
        let mut sums = vec![[0_u32; 3]; width];
        for row in 0..height {
            sums.fill([0; 3]);
            for line in row * by..(row + 1) * by {
                let line = &self.pixels[line * self.width..][..width * by];
                for (sum, block) in sums.iter_mut().zip(line.chunks_exact(by)) {
                    for pixel in block {
                        for (sum, channel) in sum.iter_mut().zip(pixel) {
                            *sum += u32::from(*channel);
                        }
                    }
                }
            }
            pixels.extend(
                sums.iter()
                    .map(|sum| sum.map(|it| ((it + count / 2) / count) as u8)),
            );
        }
        Self {
            width,
            height,
            pixels,
        }
    }

    /// A cut of `columns` x `rows`, channels from 0 to 255; `outside` is what lies beyond the
    /// picture. Where several pixels fall together their mean is taken.
    #[must_use]
    pub fn cut(
        &self,
        map: &Affine,
        columns: usize,
        rows: usize,
        outside: [f32; 3],
    ) -> Vec<[f32; 3]> {
        let samples = (map.reach().round() as usize).clamp(1, MOST_SAMPLES);
        let mut cut = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            for column in 0..columns {
                cut.push(if samples == 1 {
                    let (x, y) = map.at(column as f32 + 0.5, row as f32 + 0.5);
                    self.between(x - 0.5, y - 0.5, outside)
                } else {
                    self.mean(map, (column, row), samples, outside)
                });
            }
        }
        cut
    }

    /// The same as a picture.
    #[must_use]
    pub fn cropped(&self, map: &Affine, columns: usize, rows: usize, outside: [f32; 3]) -> Self {
        let cut = self.cut(map, columns, rows, outside);
        let pixels = cut
            .into_iter()
            .map(|it| it.map(|channel| channel.round() as u8));
        Self {
            width: columns,
            height: rows,
            pixels: pixels.collect(),
        }
    }

    fn mean(
        &self,
        map: &Affine,
        (column, row): (usize, usize),
        samples: usize,
        outside: [f32; 3],
    ) -> [f32; 3] {
        let step = 1.0 / samples as f32;
        let mut sum = [0.0; 3];
        for down in 0..samples {
            for across in 0..samples {
                let u = column as f32 + (across as f32 + 0.5) * step;
                let v = row as f32 + (down as f32 + 0.5) * step;
                let (x, y) = map.at(u, v);
                let sample = self.nearest(x, y).map_or(outside, |it| it.map(f32::from));
                for (sum, channel) in sum.iter_mut().zip(sample) {
                    *sum += channel;
                }
            }
        }
        sum.map(|it| it * step * step)
    }

    fn nearest(&self, x: f32, y: f32) -> Option<[u8; 3]> {
        if x < 0.0 || y < 0.0 {
            return None;
        }
        let (column, row) = (x as usize, y as usize);
        (column < self.width && row < self.height).then(|| self.pixels[row * self.width + column])
    }

    /// Between the four pixels around a point given from the centre of the first pixel.
    fn between(&self, x: f32, y: f32, outside: [f32; 3]) -> [f32; 3] {
        if x < -0.5 || y < -0.5 || x > self.width as f32 - 0.5 || y > self.height as f32 - 0.5 {
            return outside;
        }
        let (x, y) = (x.max(0.0), y.max(0.0));
        let (left, top) = (
            (x as usize).min(self.width - 1),
            (y as usize).min(self.height - 1),
        );
        let (right, bottom) = (
            (left + 1).min(self.width - 1),
            (top + 1).min(self.height - 1),
        );
        let (across, down) = ((x - left as f32).min(1.0), (y - top as f32).min(1.0));
        let corners = [(left, top), (right, top), (left, bottom), (right, bottom)]
            .map(|(column, row)| self.pixels[row * self.width + column].map(f32::from));
        std::array::from_fn(|it| {
            let above = corners[0][it] + (corners[1][it] - corners[0][it]) * across;
            let below = corners[2][it] + (corners[3][it] - corners[2][it]) * across;
            above + (below - above) * down
        })
    }
}

/// A count as a real number.
#[must_use]
pub fn real(count: usize) -> f32 {
    count as f32
}

/// A real number as a count: downward, nothing below zero.
#[must_use]
pub fn whole(number: f32) -> usize {
    number as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(width: usize, height: usize) -> Raster {
        let rgb: Vec<u8> = (0..width * height)
            .flat_map(|at| [(at % width) as u8, (at / width) as u8, 0])
            .collect();
        Raster::new(width, height, &rgb).unwrap()
    }

    #[test]
    fn a_cut_of_the_same_size_is_the_picture() {
        let raster = gradient(9, 7);
        let map = Affine::rectangle((0.0, 0.0), (9.0, 7.0), (9, 7));
        let cut = raster.cut(&map, 9, 7, [0.0; 3]);
        let original: Vec<_> = raster.pixels().iter().map(|it| it.map(f32::from)).collect();
        assert_eq!(cut, original);
    }

    #[test]
    fn a_square_turned_by_a_quarter_has_its_columns_as_rows() {
        let raster = gradient(8, 8);
        let map = Affine::square((4.0, 4.0), 8.0, std::f32::consts::FRAC_PI_2, 8);
        let cut = raster.cut(&map, 8, 8, [0.0; 3]);
        // To the right in the cut is downward in the picture.
        assert!((cut[1][1] - cut[0][1] - 1.0).abs() < 1e-3);
        assert!((cut[0][0] - 7.0).abs() < 1e-3);
    }

    #[test]
    fn beyond_the_picture_lies_what_was_asked_for() {
        let raster = gradient(4, 4);
        let map = Affine::rectangle((-8.0, -8.0), (4.0, 4.0), (4, 4));
        assert!(
            raster
                .cut(&map, 4, 4, [7.0; 3])
                .iter()
                .all(|it| it.map(f32::to_bits) == [7.0_f32.to_bits(); 3])
        );
    }

    #[test]
    fn shrinking_takes_means() {
        let raster = Raster::new(4, 2, &[0, 0, 0, 10, 10, 10, 4, 4, 4, 4, 4, 4].repeat(2)).unwrap();
        let small = raster.shrunk(2);
        assert_eq!((small.width(), small.height()), (2, 1));
        assert_eq!(small.pixels(), [[5; 3], [4; 3]]);
        assert_eq!(Raster::new(0, 0, &[]).map(|it| it.width()), None);
    }
}
