//! Points of a face: the mesh, the eyes, and the directions that follow from them.

use inference::{Model, ModelError, Raster};

use crate::detect::Found;
use crate::geometry::{Area, Cut, Point};
use crate::models::{EYE, Models, POINTS, PRESENCE, input, run};

/// 468 points of a face in the photo's pixels; depth grows away from the camera.
#[derive(Clone, Debug)]
pub(crate) struct Mesh {
    points: Vec<[f32; 3]>,
    /// How sure the mesh is that this is a face, 0 to 1.
    pub(crate) presence: f32,
}

/// Numbers of the mesh's points, left and right as seen in the photo.
pub(crate) mod at {
    pub(crate) const FOREHEAD: usize = 10;
    pub(crate) const CHIN: usize = 152;
    pub(crate) const LEFT_SIDE: usize = 234;
    pub(crate) const RIGHT_SIDE: usize = 454;
    pub(crate) const LEFT_EYE: (usize, usize) = (33, 133);
    pub(crate) const RIGHT_EYE: (usize, usize) = (263, 362);
    pub(crate) const NOSE: usize = 1;
    pub(crate) const UNDER_NOSE: usize = 2;
    pub(crate) const LIPS: (usize, usize) = (13, 14);
    pub(crate) const MOUTH: (usize, usize) = (78, 308);
}

/// Directions of a head in degrees: zero looks at the lens, upright.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Pose {
    /// To the side; positive towards the right of the photo.
    pub(crate) yaw: f32,
    /// Positive upward.
    pub(crate) pitch: f32,
    /// In the photo's plane; positive clockwise.
    pub(crate) roll: f32,
}

/// What an eye does.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Eye {
    /// Distance of the lids over the eye's width.
    pub(crate) opening: f32,
    /// How far the iris is from the middle, over the eye's width.
    pub(crate) gaze: f32,
}

const SIDE: usize = 192;
const SIDE_PIXELS: f32 = 192.0;
const EYE_SIDE: usize = 64;
const AROUND: f32 = 1.5;
const AROUND_EYE: f32 = 2.3;
/// What the mesh says of an upright face that looks at the lens: the forehead a little ahead.
/// The mean of the eight stills of people who look at it is -11.3.
const LEVEL_PITCH: f32 = -11.0;

/// The mesh is found twice: its second cut follows from the first result.
pub(crate) fn of(raster: &Raster, models: &Models, face: &Found) -> Result<Mesh, ModelError> {
    let first = Cut {
        centre: face.area.centre(),
        side: face.area.width.max(face.area.height) * AROUND,
        angle: face.eyes.0.direction(face.eyes.1),
    };
    let mesh = once(raster, &models.mesh, &first)?;
    let bounds = mesh.bounds();
    let second = Cut {
        centre: bounds.centre(),
        side: bounds.width.max(bounds.height) * AROUND,
        angle: mesh.eye_line(),
    };
    once(raster, &models.mesh, &second)
}

fn once(raster: &Raster, model: &Model, cut: &Cut) -> Result<Mesh, ModelError> {
    let map = cut.map(SIDE);
    let pixels = raster.cut(&map, SIDE, SIDE, [0.0; 3]);
    let [points, presence] = run(model, input(&pixels, 1.0 / 255.0, 0.0), [POINTS, PRESENCE])?;
    let (points, _) = points.as_chunks::<3>();
    let scale = cut.side / SIDE_PIXELS;
    let points = points.iter().map(|[u, v, depth]| {
        let (x, y) = map.at(*u, *v);
        [x, y, depth * scale]
    });
    Ok(Mesh {
        points: points.collect(),
        presence: presence.first().copied().unwrap_or_default(),
    })
}

impl Mesh {
    fn deep(&self, number: usize) -> [f32; 3] {
        self.points.get(number).copied().unwrap_or_default()
    }

    pub(crate) fn point(&self, number: usize) -> Point {
        let [x, y, _] = self.deep(number);
        Point { x, y }
    }

    fn eye_line(&self) -> f32 {
        self.point(at::LEFT_EYE.0)
            .direction(self.point(at::RIGHT_EYE.0))
    }

    /// Half-way between the eyes.
    pub(crate) fn eyes(&self) -> Point {
        self.point(at::LEFT_EYE.0)
            .middle(self.point(at::RIGHT_EYE.0))
    }

    /// From one side of the face to the other.
    pub(crate) fn width(&self) -> f32 {
        self.point(at::LEFT_SIDE)
            .distance(self.point(at::RIGHT_SIDE))
    }

    pub(crate) fn bounds(&self) -> Area {
        let start = (f32::INFINITY, f32::NEG_INFINITY);
        let along = |axis: fn(&[f32; 3]) -> f32| {
            let values = self.points.iter().map(axis);
            values.fold(start, |(low, high), it| (low.min(it), high.max(it)))
        };
        let (across, down) = (along(|[x, _, _]| *x), along(|[_, y, _]| *y));
        Area {
            corner: Point {
                x: across.0,
                y: down.0,
            },
            width: (across.1 - across.0).max(1.0),
            height: (down.1 - down.0).max(1.0),
        }
    }

    /// From the lines between the sides of the face and between forehead and chin, whose depths
    /// differ as the head turns.
    pub(crate) fn pose(&self) -> Pose {
        let slope = |from: usize, to: usize| {
            let (one, other) = (self.deep(from), self.deep(to));
            let along = (other[0] - one[0]).hypot(other[1] - one[1]);
            (other[2] - one[2]).atan2(along).to_degrees()
        };
        Pose {
            yaw: slope(at::LEFT_SIDE, at::RIGHT_SIDE),
            pitch: slope(at::CHIN, at::FOREHEAD) - LEVEL_PITCH,
            roll: self.eye_line().to_degrees(),
        }
    }

    /// Distance of the lips over the mouth's width.
    pub(crate) fn mouth(&self) -> f32 {
        let width = self.point(at::MOUTH.0).distance(self.point(at::MOUTH.1));
        self.point(at::LIPS.0).distance(self.point(at::LIPS.1)) / width.max(1.0)
    }

    /// Both eyes by the iris model; the mesh itself cannot tell closed ones. The model knows
    /// one side of the face: the other is given to it in a mirror.
    pub(crate) fn look(&self, raster: &Raster, model: &Model) -> Result<[Eye; 2], ModelError> {
        let eye = |corners: (usize, usize), mirrored: bool| {
            let (outer, inner) = (self.point(corners.0), self.point(corners.1));
            let cut = Cut {
                centre: outer.middle(inner),
                side: outer.distance(inner) * AROUND_EYE,
                angle: self.eye_line(),
            };
            let mut pixels = raster.cut(&cut.map(EYE_SIDE), EYE_SIDE, EYE_SIDE, [0.0; 3]);
            if mirrored {
                pixels.chunks_mut(EYE_SIDE).for_each(<[_]>::reverse);
            }
            let [points] = run(model, input(&pixels, 1.0 / 255.0, 0.0), [EYE])?;
            Ok(Eye::read(&points))
        };
        Ok([eye(at::LEFT_EYE, false)?, eye(at::RIGHT_EYE, true)?])
    }
}

impl Eye {
    /// 71 points of the lids and brows, then five of the iris. The first nine run along the
    /// lower lid from corner to corner, the next seven along the upper lid between them.
    fn read(points: &[f32]) -> Self {
        let (points, _) = points.as_chunks::<3>();
        let point = |number: usize| {
            let [x, y, _] = points.get(number).copied().unwrap_or_default();
            Point { x, y }
        };
        let (outer, inner) = (point(0), point(8));
        let width = outer.distance(inner).max(1.0);
        // Three places along the lids: one blink of noise does not close an eye.
        let lids = [(3, 11), (4, 12), (5, 13)];
        let opening: f32 = lids
            .iter()
            .map(|(low, high)| point(*low).distance(point(*high)))
            .sum();
        let iris = point(71);
        Self {
            opening: opening / 3.0 / width,
            gaze: (iris.x - outer.middle(inner).x) / width,
        }
    }
}
