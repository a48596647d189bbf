//! Where faces are: `BlazeFace` over the whole photo, then over tiles of it, since one pass over
//! a large photo does not see the small face of somebody in the background.

use inference::{Affine, Model, ModelError, Raster};

use crate::geometry::{Area, Point};
use crate::models::{BOXES, LOGITS, input, run};

/// A face as the detector sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) area: Area,
    /// How sure, 0 to 1.
    pub(crate) score: f32,
    /// The eyes, the one to the left in the photo first.
    pub(crate) eyes: (Point, Point),
}

const SIDE: usize = 256;
const SIDE_PIXELS: f32 = 256.0;
/// The detector's own threshold for one pass.
const LEAST_SCORE: f32 = 0.5;
/// Tiles cover this share of the longer side.
const TILE: f32 = 0.6;

/// The faces of a picture that one person fills, the surest first: one pass.
pub(crate) fn near(raster: &Raster, model: &Model) -> Result<Vec<Found>, ModelError> {
    whole(raster, model).map(distinct)
}

fn whole(raster: &Raster, model: &Model) -> Result<Vec<Found>, ModelError> {
    let (width, height) = raster.size();
    let side = width.max(height);
    let corner = ((width - side) / 2.0, (height - side) / 2.0);
    pass(raster, model, corner, side)
}

/// All faces, the surest first. Whether each is one is for the mesh to say.
pub(crate) fn faces(raster: &Raster, model: &Model) -> Result<Vec<Found>, ModelError> {
    let (width, height) = raster.size();
    let mut found = whole(raster, model)?;
    let tile = width.max(height) * TILE;
    for top in starts(height, tile) {
        for left in starts(width, tile) {
            found.extend(pass(raster, model, (left, top), tile)?);
        }
    }
    Ok(distinct(found))
}

fn starts(length: f32, tile: f32) -> Vec<f32> {
    if length <= tile {
        vec![(length - tile) / 2.0]
    } else {
        vec![0.0, length - tile]
    }
}

fn pass(
    raster: &Raster,
    model: &Model,
    corner: (f32, f32),
    side: f32,
) -> Result<Vec<Found>, ModelError> {
    let map = Affine::rectangle(corner, (side, side), (SIDE, SIDE));
    let pixels = raster.cut(&map, SIDE, SIDE, [0.0; 3]);
    let input = input(&pixels, 1.0 / 127.5, -1.0);
    let [first, second, near, far] = run(model, input, [LOGITS[0], LOGITS[1], BOXES[0], BOXES[1]])?;
    let mut found = decoded(&first, &near, &map, (16, 2));
    found.extend(decoded(&second, &far, &map, (8, 6)));
    Ok(found)
}

/// Each anchor has its logit, then centre, size and six points, all in pixels of the input and
/// relative to the anchor: eyes first. `cells` across, so many anchors in each.
fn decoded(
    logits: &[f32],
    boxes: &[f32],
    map: &Affine,
    (cells, each): (usize, usize),
) -> Vec<Found> {
    let step = SIDE_PIXELS / inference::raster::real(cells);
    let (boxes, _) = boxes.as_chunks::<16>();
    let mut found = Vec::new();
    for (number, (logit, values)) in logits.iter().zip(boxes).enumerate() {
        let score = 1.0 / (1.0 + (-logit).exp());
        if score.is_nan() || score < LEAST_SCORE {
            continue;
        }
        let cell = number / each;
        let anchor = |at: usize| (inference::raster::real(at) + 0.5) * step;
        let (across, down) = (anchor(cell % cells), anchor(cell / cells));
        let at = |x: f32, y: f32| {
            let (x, y) = map.at(across + x, down + y);
            Point { x, y }
        };
        let [x, y, width, height, one_x, one_y, two_x, two_y, ..] = *values;
        let corner = at(x - width / 2.0, y - height / 2.0);
        let end = at(x + width / 2.0, y + height / 2.0);
        let (one, two) = (at(one_x, one_y), at(two_x, two_y));
        found.push(Found {
            area: Area {
                corner,
                width: end.x - corner.x,
                height: end.y - corner.y,
            },
            score,
            eyes: if one.x <= two.x {
                (one, two)
            } else {
                (two, one)
            },
        });
    }
    found
}

/// The surest of those that lie on each other.
fn distinct(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by(|one, other| other.score.total_cmp(&one.score));
    let mut kept: Vec<Found> = Vec::new();
    for face in found {
        let known = kept.iter().any(|it| {
            let common = it.area.common(&face.area);
            let smaller = it.area.size().min(face.area.size());
            common > 0.4 * smaller
        });
        if !known && face.area.width > 0.0 && face.area.height > 0.0 {
            kept.push(face);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(left: f32, width: f32, score: f32) -> Found {
        let corner = Point { x: left, y: 0.0 };
        Found {
            area: Area {
                corner,
                width,
                height: width,
            },
            score,
            eyes: (corner, corner),
        }
    }

    #[test]
    fn the_surest_of_those_that_overlap_stays() {
        let kept = distinct(vec![
            found(0.0, 10.0, 0.6),
            found(2.0, 10.0, 0.9),
            found(3.0, 4.0, 0.7),
            found(30.0, 10.0, 0.5),
        ]);
        assert_eq!(kept, [found(2.0, 10.0, 0.9), found(30.0, 10.0, 0.5)]);
    }

    #[test]
    fn tiles_cover_both_ends() {
        assert_eq!(starts(100.0, 60.0), [0.0, 40.0]);
        assert_eq!(starts(50.0, 60.0), [-5.0]);
    }
}
