//! Points in a photo, in pixels from its upper left corner.

/// A point.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Downward.
    pub y: f32,
}

impl Point {
    /// How far another is.
    #[must_use]
    pub fn distance(self, other: Self) -> f32 {
        (other.x - self.x).hypot(other.y - self.y)
    }

    /// Half-way to another.
    #[must_use]
    pub fn middle(self, other: Self) -> Self {
        Self {
            x: f32::midpoint(self.x, other.x),
            y: f32::midpoint(self.y, other.y),
        }
    }

    /// The direction to another in radians, clockwise as seen, zero to the right.
    #[must_use]
    pub fn direction(self, other: Self) -> f32 {
        (other.y - self.y).atan2(other.x - self.x)
    }
}

/// A rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Upper left corner.
    pub corner: Point,
    /// In pixels.
    pub width: f32,
    /// In pixels.
    pub height: f32,
}

impl Area {
    /// Its centre.
    #[must_use]
    pub fn centre(&self) -> Point {
        Point {
            x: self.corner.x + self.width / 2.0,
            y: self.corner.y + self.height / 2.0,
        }
    }

    /// The area of what both cover.
    #[must_use]
    pub fn common(&self, other: &Self) -> f32 {
        let along = |from: f32, length: f32, other: f32, other_length: f32| {
            (from + length).min(other + other_length) - from.max(other)
        };
        let width = along(self.corner.x, self.width, other.corner.x, other.width);
        let height = along(self.corner.y, self.height, other.corner.y, other.height);
        width.max(0.0) * height.max(0.0)
    }

    /// Its area.
    #[must_use]
    pub fn size(&self) -> f32 {
        self.width * self.height
    }
}

/// A square to cut out, turned so that what lies along `angle` becomes level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cut {
    pub(crate) centre: Point,
    pub(crate) side: f32,
    pub(crate) angle: f32,
}

impl Cut {
    pub(crate) fn map(&self, size: usize) -> inference::Affine {
        inference::Affine::square((self.centre.x, self.centre.y), self.side, self.angle, size)
    }
}
