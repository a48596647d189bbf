//! People before a camera, for the demonstration and for tests.
//!
//! **Synthetic.** The faces are those of the stock photos that `cargo xtask setup --models`
//! fetches; heads turn by bending a still around an ellipsoid, eyes close by drawing the lids
//! down. Such pictures show that a check does what it says. They say nothing about living people,
//! and no error rate may be taken from them.

// By its path, since the figures' workspace takes this file by its own.
#[path = "stills/moved.rs"]
mod moved;

use std::io;
use std::path::Path;

use image::{ExtendedColorType, ImageEncoder as _, codecs::jpeg::JpegEncoder};
use inference::{
    Affine, Raster,
    raster::{real, whole},
};

/// Columns of a frame.
pub const WIDTH: usize = 480;
/// Rows of a frame.
pub const HEIGHT: usize = 640;
/// Width of the face in a frame, from side to side.
pub const FACE: f32 = 210.0;
/// Where the middle of the face lies in a frame.
pub const MIDDLE: (f32, f32) = (240.0, 290.0);
/// Columns of the canvas that a photo for a licence shows.
pub const PHOTO: f32 = 456.0;
/// A wall that is lit evenly.
const WALL: Colour = [214.0, 216.0, 220.0];
/// The background of a studio.
pub const WHITE: Colour = [250.0; 3];

/// Red, green and blue, from 0 to 255.
pub type Colour = [f32; 3];

/// A face in one of the stock photos, in that photo's pixels, left and right as seen.
#[derive(Clone, Copy, Debug)]
pub struct Still {
    /// Number of the photo.
    pub photo: u8,
    /// The left eye: outer and inner corner.
    pub left_eye: [(f32, f32); 2],
    /// The right eye: inner and outer corner.
    pub right_eye: [(f32, f32); 2],
    /// Left and right side of the face.
    pub sides: [(f32, f32); 2],
    /// Forehead below the hair, and chin.
    pub ends: [(f32, f32); 2],
    /// How far the head is turned in the photo, in degrees: it is turned back by so much.
    pub yaw: f32,
    /// How far it is raised: photos level it.
    pub pitch: f32,
}

/// A person of whom pictures can be taken, upright on the canvas of a frame.
#[derive(Clone, Debug)]
pub struct Sitter {
    canvas: Vec<Colour>,
    face: Face,
    pitch: f32,
}

/// Places on the canvas.
#[derive(Clone, Copy, Debug)]
pub struct Face {
    /// Half its width and half its height.
    pub half: (f32, f32),
    /// Middle and half the width of each eye.
    pub eyes: [((f32, f32), f32); 2],
    /// The row of the chin.
    pub chin: f32,
}

impl Still {
    /// Reads the photo below the folder of the models and sets the person upright before a wall.
    ///
    /// # Errors
    /// When the photo is not there or cannot be decoded.
    pub fn open(&self, models: &Path) -> io::Result<Sitter> {
        let path = models.join(format!("photos/{}.jpg", self.photo));
        let picture = image::load_from_memory(&std::fs::read(path)?)
            .map_err(io::Error::other)?
            .into_rgb8();
        let size = [picture.width(), picture.height()].map(usize::try_from);
        let raster = match size {
            [Ok(width), Ok(height)] => Raster::new(width, height, picture.as_raw()),
            _ => None,
        };
        raster
            .map(|it| self.upright(&it))
            .ok_or_else(|| io::Error::other("a photo without pixels"))
    }

    fn upright(&self, photo: &Raster) -> Sitter {
        let ([left, _], [_, right]) = (self.left_eye, self.right_eye);
        let angle = (right.1 - left.1).atan2(right.0 - left.0);
        let [one, other] = self.sides;
        let scale = (other.0 - one.0).hypot(other.1 - one.1) / FACE;
        let (sin, cos) = angle.sin_cos();
        let [forehead, chin] = self.ends;
        let centre = middle(middle(one, other), middle(forehead, chin));
        let map = Affine {
            x: [
                cos * scale,
                -sin * scale,
                centre.0 - (cos * MIDDLE.0 - sin * MIDDLE.1) * scale,
            ],
            y: [
                sin * scale,
                cos * scale,
                centre.1 - (sin * MIDDLE.0 + cos * MIDDLE.1) * scale,
            ],
        };
        let place = |(x, y): (f32, f32)| {
            let (x, y) = ((x - centre.0) / scale, (y - centre.1) / scale);
            (x * cos + y * sin + MIDDLE.0, y * cos - x * sin + MIDDLE.1)
        };
        let eye = |[one, other]: [(f32, f32); 2]| {
            let (one, other) = (place(one), place(other));
            (middle(one, other), (other.0 - one.0).abs() / 2.0)
        };
        let (top, chin) = (place(forehead).1, place(chin).1);
        let sitter = Sitter {
            canvas: photo.cut(&map, WIDTH, HEIGHT, WALL),
            face: Face {
                half: (FACE / 2.0, (chin - top) / 2.0),
                eyes: [eye(self.left_eye), eye(self.right_eye)],
                chin,
            },
            pitch: self.pitch,
        };
        sitter.turned(-self.yaw).before(WALL)
    }
}

impl Face {
    /// The same with the eyes where a turn takes them: it moves what lies in a place to this column.
    fn turned(self, column: impl Fn(f32, f32) -> f32) -> Self {
        let eyes = self.eyes.map(|((x, y), half)| {
            let (left, right) = (column(x - half, y), column(x + half, y));
            ((f32::midpoint(left, right), y), (right - left) / 2.0)
        });
        Self { eyes, ..self }
    }
}

fn middle(one: (f32, f32), other: (f32, f32)) -> (f32, f32) {
    (f32::midpoint(one.0, other.0), f32::midpoint(one.1, other.1))
}

/// From 0 to 1 while the value does.
#[must_use]
pub fn smooth(value: f32) -> f32 {
    let value = value.clamp(0.0, 1.0);
    value * value * (3.0 - 2.0 * value)
}

/// One colour, with so much of another.
#[must_use]
pub fn mix(one: Colour, other: Colour, share: f32) -> Colour {
    let ([red, green, blue], other) = (one, other);
    [
        red + (other[0] - red) * share,
        green + (other[1] - green) * share,
        blue + (other[2] - blue) * share,
    ]
}

impl Sitter {
    /// Where the face is.
    #[must_use]
    pub fn face(&self) -> Face {
        self.face
    }

    /// How far the head is raised in the still, in degrees.
    #[must_use]
    pub fn pitch(&self) -> f32 {
        self.pitch
    }

    /// The same with each pixel changed, by its place.
    #[must_use]
    pub fn changed(&self, change: impl Fn(f32, f32, Colour) -> Colour) -> Self {
        let pixels = self.canvas.iter().enumerate();
        Self {
            canvas: pixels
                .map(|(at, pixel)| change(real(at % WIDTH), real(at / WIDTH), *pixel))
                .collect(),
            face: self.face,
            pitch: self.pitch,
        }
    }

    /// The same with each pixel taken from another place.
    #[must_use]
    pub fn bent(&self, from: impl Fn(f32, f32) -> (f32, f32)) -> Self {
        self.changed(|x, y, _| {
            let (x, y) = from(x, y);
            self.at(x, y)
        })
    }

    /// The same person as a mirror shows them.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        let across = |x: f32| real(WIDTH - 1) - x;
        let mirrored = self.bent(|x, y| (across(x), y));
        let [one, other] = self.face.eyes.map(|((x, y), half)| ((across(x), y), half));
        Self {
            face: Face {
                eyes: [other, one],
                ..self.face
            },
            ..mirrored
        }
    }

    /// Between the four pixels around a place; beyond the edge its pixels go on.
    #[must_use]
    pub fn at(&self, x: f32, y: f32) -> Colour {
        let (x, y) = (
            x.clamp(0.0, real(WIDTH - 1)),
            y.clamp(0.0, real(HEIGHT - 1)),
        );
        let (left, top) = (whole(x), whole(y));
        let pixel = |column: usize, row: usize| {
            let place = row.min(HEIGHT - 1) * WIDTH + column.min(WIDTH - 1);
            self.canvas.get(place).copied().unwrap_or(WALL)
        };
        let across = x - real(left);
        let above = mix(pixel(left, top), pixel(left + 1, top), across);
        let below = mix(pixel(left, top + 1), pixel(left + 1, top + 1), across);
        mix(above, below, y - real(top))
    }

    /// Cut out by a drawn outline of head and shoulders, before another background.
    #[must_use]
    pub fn before(&self, wall: Colour) -> Self {
        self.changed(|x, y, pixel| mix(wall, pixel, self.outline(x, y)))
    }

    /// In clothes of one brightness.
    #[must_use]
    pub fn dressed(&self, brightness: f32) -> Self {
        self.changed(|x, y, pixel| {
            let folds = (x * 0.11 + y * 0.07).sin() * 6.0;
            mix(pixel, [brightness + folds; 3], self.body(x, y))
        })
    }

    /// As a studio takes it: level, before white, in dark clothes.
    #[must_use]
    pub fn studio(&self) -> Self {
        self.studio_before(WHITE)
    }

    /// The same before another background.
    #[must_use]
    pub fn studio_before(&self, wall: Colour) -> Self {
        self.nodded(self.pitch).dressed(46.0).before(wall)
    }

    /// How surely a place is the person, 0 to 1.
    #[must_use]
    pub fn outline(&self, x: f32, y: f32) -> f32 {
        let (half, tall) = self.face.half;
        let across = (x - MIDDLE.0) / (half * 1.22);
        let down = (y - MIDDLE.1 + tall * 0.2) / (tall * 1.42);
        let head = smooth((1.0 - across.hypot(down)) * 12.0);
        let neck = (half * 0.62 - (x - MIDDLE.0).abs()) / 8.0;
        let neck = smooth(neck) * smooth((y - MIDDLE.1) / 20.0);
        head.max(neck).max(self.body(x, y))
    }

    /// How surely a place is the body: a collar, and shoulders that slope down from it.
    fn body(&self, x: f32, y: f32) -> f32 {
        let beside = ((x - MIDDLE.0).abs() - self.face.half.0 * 0.6).max(0.0);
        let slope = self.face.chin + 34.0 + beside * 0.3;
        smooth((y - slope) / 6.0)
    }

    /// A print of the person that is turned around its upright middle, until it is as narrow as
    /// this share of its width.
    #[must_use]
    pub fn flat(&self, share: f32) -> Self {
        self.smaller((share, 1.0))
    }

    /// The person so much smaller, before the wall.
    #[must_use]
    pub fn smaller(&self, by: (f32, f32)) -> Self {
        self.changed(|x, y, _| {
            let x = MIDDLE.0 + (x - MIDDLE.0) / by.0;
            let y = MIDDLE.1 + (y - MIDDLE.1) / by.1;
            let inside = (0.0..real(WIDTH)).contains(&x) && (0.0..real(HEIGHT)).contains(&y);
            if inside { self.at(x, y) } else { WALL }
        })
    }

    /// Two people side by side.
    #[must_use]
    pub fn beside(&self, other: &Self) -> Self {
        self.changed(|x, y, _| {
            let (who, left) = if x < MIDDLE.0 {
                (self, 0.0)
            } else {
                (other, MIDDLE.0)
            };
            who.at((x - left) * 2.0, MIDDLE.1 + (y - MIDDLE.1) * 2.0)
        })
    }

    /// A photo for a licence as JPEG, 630 x 756, head and shoulders; each variation a little
    /// nearer than the last.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn photo(&self, variation: u8) -> io::Result<Vec<u8>> {
        let side = PHOTO * (1.0 - 0.02 * f32::from(variation % 8));
        let step = side / 630.0;
        let (left, top) = (MIDDLE.0 - side / 2.0, MIDDLE.1 - side * 0.61);
        let pixels: Vec<Colour> = (0..630 * 756)
            .map(|at| self.at(left + real(at % 630) * step, top + real(at / 630) * step))
            .collect();
        jpeg(&pixels, (630, 756), 92)
    }

    /// A frame of a camera as JPEG; those of other numbers are shaken and lit a little
    /// differently.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn frame(&self, number: u8) -> io::Result<Vec<u8>> {
        // Together they come again after 1,287 frames.
        let shake = |by: u8, of: u8| f32::from(number.wrapping_mul(by) % of) - f32::from(of / 2);
        let (right, down) = (shake(7, 11), shake(4, 13));
        let light = 1.0 + shake(5, 9) * 0.006;
        let shaken = self.changed(|x, y, _| self.at(x + right, y + down).map(|it| it * light));
        jpeg(&shaken.canvas, (480, 640), 88)
    }
}

/// A frame of nobody: a wall with a pattern.
///
/// # Errors
/// When it cannot be encoded.
pub fn nobody() -> io::Result<Vec<u8>> {
    let pattern = |at: usize| [real(at % WIDTH % 251), real(at / WIDTH % 241), 90.0];
    let pixels: Vec<Colour> = (0..WIDTH * HEIGHT).map(pattern).collect();
    jpeg(&pixels, (480, 640), 88)
}

fn jpeg(pixels: &[Colour], (width, height): (u32, u32), quality: u8) -> io::Result<Vec<u8>> {
    let channels = pixels.iter().flatten();
    let bytes: Vec<u8> = channels
        .map(|it| u8::try_from(whole(it.clamp(0.0, 255.0))).unwrap_or(u8::MAX))
        .collect();
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, quality)
        .write_image(&bytes, width, height, ExtendedColorType::Rgb8)
        .map_err(io::Error::other)?;
    Ok(file)
}

/// One frame of an answer.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Which step was asked for; 0 is before the first.
    pub step: u8,
    /// Since the challenge was opened.
    pub at_ms: u32,
    /// JPEG.
    pub bytes: Vec<u8>,
}

/// How far a head turns when it is asked to, in degrees.
const TURN: f32 = 34.0;
/// Time between two frames of an answer.
const APART_MS: u32 = 420;

/// The frames of a person who does what is asked, by the codes of the steps (`turn-left`,
/// `turn-right`, `blink`): two before the first step and two of each. `first` is the number of
/// the first frame, so that two answers differ.
///
/// # Errors
/// When a frame cannot be encoded.
pub fn answer(sitter: &Sitter, steps: &[&str], first: u8) -> io::Result<Vec<Taken>> {
    let mut posed = vec![(0, sitter.clone()), (0, sitter.clone())];
    for (step, code) in (1_u8..).zip(steps) {
        // No two turns go equally far.
        let far = TURN + f32::from(step);
        let shown = match *code {
            "turn-left" => sitter.turned(far),
            "turn-right" => sitter.turned(-far),
            _ => sitter.eyes_closed(),
        };
        // Nobody holds the head in the same place twice, to do the same again.
        let sway = f32::from(step) * 9.0 - 22.0;
        let shown = shown.bent(|x, y| (x - sway, y - sway / 2.0));
        posed.extend([(step, shown), (step, sitter.clone())]);
    }
    (0_u8..)
        .zip(posed)
        .map(|(number, (step, sitter))| {
            Ok(Taken {
                step,
                at_ms: 300 + u32::from(number) * APART_MS,
                bytes: sitter.frame(first.wrapping_add(number))?,
            })
        })
        .collect()
}

/// People who look at the lens.
pub const STILLS: [Still; 8] = [
    Still {
        photo: 6,
        left_eye: [(1514.8, 366.7), (1553.7, 382.6)],
        right_eye: [(1604.7, 394.4), (1651.8, 398.4)],
        sides: [(1491.0, 377.1), (1694.9, 424.5)],
        ends: [(1596.2, 300.4), (1540.4, 555.2)],
        yaw: -9.0,
        pitch: -13.5,
    },
    Still {
        photo: 3,
        left_eye: [(1098.7, 315.4), (1138.5, 327.7)],
        right_eye: [(1191.0, 338.4), (1240.6, 344.1)],
        sides: [(1080.7, 334.1), (1294.7, 376.9)],
        ends: [(1176.9, 243.7), (1136.2, 499.8)],
        yaw: -10.0,
        pitch: -5.5,
    },
    Still {
        photo: 6,
        left_eye: [(297.1, 609.9), (346.8, 610.9)],
        right_eye: [(401.9, 604.5), (441.9, 592.7)],
        sides: [(248.1, 630.7), (455.7, 604.3)],
        ends: [(367.7, 518.2), (394.8, 757.9)],
        yaw: 10.0,
        pitch: -11.9,
    },
    Still {
        photo: 5,
        left_eye: [(398.7, 993.2), (445.4, 992.5)],
        right_eye: [(505.7, 986.0), (552.4, 976.6)],
        sides: [(364.0, 1024.3), (593.6, 998.9)],
        ends: [(466.6, 899.3), (494.3, 1169.7)],
        yaw: -0.2,
        pitch: 1.9,
    },
    Still {
        photo: 6,
        left_eye: [(1203.8, 425.3), (1249.5, 434.6)],
        right_eye: [(1304.4, 435.3), (1346.3, 427.7)],
        sides: [(1166.9, 425.7), (1363.6, 429.8)],
        ends: [(1284.3, 352.8), (1265.8, 576.1)],
        yaw: 8.0,
        pitch: -20.1,
    },
    Still {
        photo: 3,
        left_eye: [(609.9, 431.6), (648.3, 435.5)],
        right_eye: [(698.0, 435.6), (743.9, 432.1)],
        sides: [(600.7, 458.8), (800.3, 459.2)],
        ends: [(665.8, 354.3), (678.8, 598.0)],
        yaw: -10.0,
        pitch: -1.6,
    },
    Still {
        photo: 3,
        left_eye: [(1528.0, 411.5), (1578.2, 414.7)],
        right_eye: [(1632.5, 410.3), (1672.2, 400.6)],
        sides: [(1471.4, 435.1), (1678.1, 420.9)],
        ends: [(1607.7, 323.8), (1610.5, 572.7)],
        yaw: 10.0,
        pitch: -8.1,
    },
    Still {
        photo: 5,
        left_eye: [(1135.0, 295.1), (1166.5, 295.5)],
        right_eye: [(1210.6, 294.8), (1247.3, 293.5)],
        sides: [(1118.0, 329.3), (1292.7, 328.0)],
        ends: [(1187.9, 222.6), (1179.7, 438.5)],
        yaw: -10.0,
        pitch: 16.6,
    },
];
