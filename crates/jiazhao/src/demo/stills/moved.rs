//! Heads that turn and nod, eyes that close: **synthetic**, bent and drawn from a still.

use super::{MIDDLE, Sitter, mix, smooth};

impl Sitter {
    /// The head turned by so many degrees, bent around an upright ellipsoid; positive towards the
    /// right of the picture, which is the person's own left.
    #[must_use]
    pub fn turned(&self, degrees: f32) -> Self {
        let angle = degrees.to_radians();
        let turned = self.changed(|x, y, pixel| {
            let round = self.round(y);
            let across = x - MIDDLE.0;
            if across.abs() >= round {
                return pixel;
            }
            let seen = (across / round).asin();
            let from = (seen - angle).clamp(-1.5, 1.5).sin() * round;
            let bent = self.at(MIDDLE.0 + from, y);
            // Towards the outline the still takes over again, so that no edge is seen.
            mix(pixel, bent, smooth((1.0 - (across / round).abs()) * 8.0))
        });
        Self {
            face: self.face.turned(|x, y| {
                let round = self.round(y).max(1.0);
                let seen = ((x - MIDDLE.0) / round).clamp(-1.0, 1.0).asin();
                MIDDLE.0 + (seen + angle).clamp(-1.5, 1.5).sin() * round
            }),
            ..turned
        }
    }

    /// Half the width of the upright ellipsoid around which the head turns, in this row.
    fn round(&self, y: f32) -> f32 {
        let (half, tall) = (self.face.half.0 * 1.12, self.face.half.1 * 1.3);
        let down = (y - MIDDLE.1) / tall;
        half * (1.0 - down * down).max(0.0).sqrt()
    }

    /// The head bent around a level ellipsoid by so many degrees, positive downward.
    #[must_use]
    pub fn nodded(&self, degrees: f32) -> Self {
        let angle = degrees.to_radians();
        let (half, tall) = (self.face.half.0 * 1.15, self.face.half.1 * 1.3);
        self.changed(|x, y, pixel| {
            let across = (x - MIDDLE.0) / half;
            let round = tall * (1.0 - across * across).max(0.0).sqrt();
            let down = y - MIDDLE.1;
            if down.abs() >= round {
                return pixel;
            }
            let seen = (down / round).asin();
            let from = (seen - angle).clamp(-1.5, 1.5).sin() * round;
            let bent = self.at(x, MIDDLE.1 + from);
            mix(pixel, bent, smooth((1.0 - (down / round).abs()) * 8.0))
        })
    }

    /// The skin above each eye drawn down over it, and a line of lashes where the lids meet.
    #[must_use]
    pub fn eyes_closed(&self) -> Self {
        let [one, other] = self.face.eyes;
        self.eye_closed(one).eye_closed(other)
    }

    fn eye_closed(&self, ((x, y), half): ((f32, f32), f32)) -> Self {
        let (top, bottom) = (y - half * 1.25, y + half * 0.5);
        let end = bottom + half * 0.3;
        self.changed(|column, row, pixel| {
            let across = (column - x) / half;
            if across.abs() > 1.35 || row < top || row > end {
                return pixel;
            }
            let along = ((row - top) / (bottom - top)).min(1.0);
            let lid = self.at(column, top + along * half * 0.62);
            let meet = y + half * (0.42 - 0.24 * across * across);
            let lash = smooth(1.0 - ((row - meet) / (half * 0.11)).abs());
            let drawn = mix(lid, [38.0, 28.0, 26.0], lash * 0.85);
            let edge = smooth((1.35 - across.abs()) * 5.0) * smooth((end - row) / (half * 0.3));
            mix(pixel, drawn, edge)
        })
    }
}
