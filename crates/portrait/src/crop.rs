//! The automatic crop to the form of an ID photo.
//!
//! GA 461-2004: 358 x 441 pixels, the face 207 wide within 14, 7 to 21 above the hair, the eyes
//! at least 207 above the lower edge.

use inference::{Affine, ModelError, Raster};

use crate::geometry::{Area, Point};
use crate::mesh::{Mesh, at};
use crate::models::{MASK, Models, input, run};

/// Columns of an ID photo.
pub const WIDTH: usize = 358;
/// Rows of an ID photo.
pub const HEIGHT: usize = 441;
const COLUMNS: f32 = 358.0;
const ROWS: f32 = 441.0;
const FACE: f32 = 207.0;
const FACE_TOLERANCE: f32 = 14.0;
const ABOVE: f32 = 14.0;
const ABOVE_TOLERANCE: (f32, f32) = (3.0, 40.0);
const EYES_ABOVE_EDGE: f32 = 207.0;
const WHITE: [f32; 3] = [255.0; 3];

const MASK_SIDE: usize = 256;
const MASK_PIXELS: f32 = 256.0;

/// A photo in the form of an ID photo, with the person told apart.
#[derive(Clone, Debug)]
pub(crate) struct Formed {
    /// 358 x 441.
    pub(crate) raster: Raster,
    /// For each pixel how surely it is the person, 0 to 1.
    pub(crate) person: Vec<f32>,
    /// Which part of the photo it is.
    pub(crate) area: Area,
    /// How much of that lies within the photo, 0 to 1.
    pub(crate) inside: f32,
}

pub(crate) fn form(raster: &Raster, models: &Models, mesh: &Mesh) -> Result<Formed, ModelError> {
    let around = around(mesh);
    let square = (around.corner.x, around.corner.y);
    let map = Affine::rectangle(
        square,
        (around.width, around.height),
        (MASK_SIDE, MASK_SIDE),
    );
    let pixels = raster.cut(&map, MASK_SIDE, MASK_SIDE, WHITE);
    let [mask] = run(
        &models.segmentation,
        input(&pixels, 1.0 / 255.0, 0.0),
        [MASK],
    )?;
    let hair = around.corner.y + topmost(&mask) / MASK_PIXELS * around.height;
    let hair = hair.min(mesh.point(at::FOREHEAD).y);
    let area = as_it_is(raster, mesh, hair).unwrap_or_else(|| cropped(mesh, hair));
    let corner = (area.corner.x, area.corner.y);
    let map = Affine::rectangle(corner, (area.width, area.height), (WIDTH, HEIGHT));
    let (width, height) = raster.size();
    let photo = Area {
        corner: Point::default(),
        width,
        height,
    };
    Ok(Formed {
        raster: raster.cropped(&map, WIDTH, HEIGHT, WHITE),
        person: resampled(&mask, &around, &map),
        inside: (area.common(&photo) / area.size().max(1.0)).min(1.0),
        area,
    })
}

/// A square around head and shoulders for the model that tells persons from backgrounds.
fn around(mesh: &Mesh) -> Area {
    let scale = mesh.width() / FACE;
    let side = ROWS * 1.3 * scale;
    let eyes = mesh.eyes();
    Area {
        corner: Point {
            x: mesh
                .point(at::LEFT_SIDE)
                .middle(mesh.point(at::RIGHT_SIDE))
                .x
                - side / 2.0,
            y: eyes.y - side * 0.52,
        },
        width: side,
        height: side,
    }
}

/// The first row of the mask in which the person is: a few pixels in the middle third.
fn topmost(mask: &[f32]) -> f32 {
    let rows = mask.chunks_exact(MASK_SIDE);
    let third = MASK_SIDE / 3;
    let first = rows.into_iter().position(|row| {
        let middle = row.iter().skip(third).take(third);
        middle.filter(|it| **it > 0.5).count() >= 5
    });
    inference::raster::real(first.unwrap_or_default())
}

/// The whole photo, where it has the form already: it is not cut again.
fn as_it_is(raster: &Raster, mesh: &Mesh, hair: f32) -> Option<Area> {
    let (width, height) = raster.size();
    let scale = width / COLUMNS;
    let proportions = (height / width / (ROWS / COLUMNS) - 1.0).abs() < 0.01;
    let face = (mesh.width() / scale - FACE).abs() <= FACE_TOLERANCE;
    let above = hair / scale;
    let above = above >= ABOVE_TOLERANCE.0 && above <= ABOVE_TOLERANCE.1;
    (proportions && face && above).then_some(Area {
        corner: Point::default(),
        width,
        height,
    })
}

fn cropped(mesh: &Mesh, hair: f32) -> Area {
    let scale = mesh.width() / FACE;
    let middle = mesh
        .point(at::LEFT_SIDE)
        .middle(mesh.point(at::RIGHT_SIDE))
        .x;
    let by_hair = hair - ABOVE * scale;
    let by_eyes = mesh.eyes().y - (ROWS - EYES_ABOVE_EDGE) * scale;
    Area {
        corner: Point {
            x: middle - COLUMNS / 2.0 * scale,
            y: by_hair.max(by_eyes),
        },
        width: COLUMNS * scale,
        height: ROWS * scale,
    }
}

/// The mask at each pixel of the crop; beyond the mask there is nobody.
fn resampled(mask: &[f32], around: &Area, map: &Affine) -> Vec<f32> {
    let rows: Vec<&[f32]> = mask.chunks_exact(MASK_SIDE).collect();
    let mut person = Vec::with_capacity(WIDTH * HEIGHT);
    for row in 0..HEIGHT {
        for column in 0..WIDTH {
            let real = inference::raster::real;
            let (x, y) = map.at(real(column) + 0.5, real(row) + 0.5);
            let across = (x - around.corner.x) / around.width * MASK_PIXELS;
            let down = (y - around.corner.y) / around.height * MASK_PIXELS;
            let known = across >= 0.0 && down >= 0.0;
            let line = rows.get(inference::raster::whole(down)).filter(|_| known);
            let value = line.and_then(|it| it.get(inference::raster::whole(across)));
            person.push(value.copied().unwrap_or_default());
        }
    }
    person
}

impl Formed {
    /// Where a point of the photo lies in the crop.
    pub(crate) fn place(&self, point: Point) -> Point {
        Point {
            x: (point.x - self.area.corner.x) / self.area.width * COLUMNS,
            y: (point.y - self.area.corner.y) / self.area.height * ROWS,
        }
    }
}
