//! Photos that break one rule each, more and more: made of stills, **synthetic**.

mod files;

use std::io;

use crate::stills::{Colour, FACE, MIDDLE, PHOTO, Sitter, WHITE, mix, smooth};
pub(crate) use files::with_exif;
use files::{coarse, cut_anew, dated, far, stored_anew};

/// What is done to a photo that breaks no rule, and how much of it.
pub(crate) struct Degradation {
    /// The rule that it breaks.
    pub(crate) rule: u8,
    /// Its name in files.
    pub(crate) name: &'static str,
    /// What is done, and in what it is measured.
    pub(crate) what: &'static str,
    make: Make,
    /// From mild, which nobody need catch, to gross.
    pub(crate) strengths: &'static [f32],
}

/// How it is done.
enum Make {
    /// To the person before the camera.
    Person(fn(&Scene<'_>) -> Sitter),
    /// To the file.
    File(fn(&[u8], f32) -> io::Result<Vec<u8>>),
}

/// Somebody before the camera, and somebody else; `side` is 1 to the right and -1 to the left.
struct Scene<'a> {
    sitter: &'a Sitter,
    other: &'a Sitter,
    strength: f32,
    side: f32,
}

const fn of(
    rule: u8,
    name: &'static str,
    what: &'static str,
    make: Make,
    strengths: &'static [f32],
) -> Degradation {
    Degradation {
        rule,
        name,
        what,
        make,
        strengths,
    }
}

pub(crate) const ALL: [Degradation; 24] = [
    of(
        56,
        "grey-wall",
        "grey background, brightness",
        Make::Person(grey_wall),
        &[200.0, 165.0, 120.0],
    ),
    of(
        56,
        "blue-wall",
        "blue background, lacking red",
        Make::Person(blue_wall),
        &[25.0, 50.0, 100.0],
    ),
    of(
        56,
        "shadow",
        "shadow beside the head, darker by",
        Make::Person(shadow),
        &[30.0, 60.0, 110.0],
    ),
    of(
        56,
        "stripes",
        "striped background, darker by",
        Make::Person(stripes),
        &[30.0, 60.0, 110.0],
    ),
    of(
        57,
        "side-light",
        "one side of the face in the dark, share of light",
        Make::Person(side_light),
        &[0.7, 0.5, 0.3],
    ),
    of(
        57,
        "dark",
        "under-exposed, share of light",
        Make::Person(exposed),
        &[0.6, 0.4, 0.25],
    ),
    of(
        57,
        "bright",
        "over-exposed, share of light",
        Make::Person(exposed),
        &[1.3, 1.7, 2.3],
    ),
    of(
        57,
        "flat",
        "low contrast, share of it",
        Make::Person(flat),
        &[0.5, 0.3, 0.15],
    ),
    of(
        57,
        "blur",
        "blurred, pixels of the crop",
        Make::Person(blurred),
        &[1.0, 2.0, 4.0],
    ),
    of(
        57,
        "coarse",
        "low resolution, face wide in pixels",
        Make::File(coarse),
        &[105.0, 70.0, 40.0],
    ),
    of(
        58,
        "second-face",
        "a second face, share of the first's width",
        Make::Person(second_face),
        &[0.2, 0.35, 0.5],
    ),
    of(
        58,
        "far",
        "too far away, face wide in pixels",
        Make::File(far),
        &[115.0, 85.0, 60.0],
    ),
    of(
        58,
        "near",
        "too near, width of the face in the picture",
        Make::Person(near),
        &[0.66, 0.76, 0.9],
    ),
    of(
        58,
        "tilt",
        "head tilted, degrees",
        Make::Person(tilted),
        &[5.0, 10.0, 15.0],
    ),
    of(
        58,
        "shoulders",
        "one shoulder lower, degrees",
        Make::Person(shoulders),
        &[6.0, 12.0, 18.0],
    ),
    of(
        59,
        "turned",
        "head turned, degrees of the warp",
        Make::Person(turned),
        &[12.0, 24.0, 36.0],
    ),
    of(
        59,
        "nod",
        "head up or down, degrees of the warp",
        Make::Person(nodded),
        &[12.0, 24.0, 36.0],
    ),
    of(
        59,
        "gaze",
        "eyes to the side, share of their width",
        Make::Person(gazing),
        &[0.12, 0.2, 0.28],
    ),
    of(
        59,
        "mouth",
        "mouth open, share of the face's height",
        Make::Person(mouth_open),
        &[0.03, 0.07, 0.12],
    ),
    of(
        60,
        "light-clothes",
        "light clothes, brightness",
        Make::Person(light_clothes),
        &[130.0, 180.0, 230.0],
    ),
    of(
        68,
        "eyes-closed",
        "eyes closed",
        Make::Person(eyes_closed),
        &[1.0],
    ),
    of(
        71,
        "old-date",
        "taken more than six months ago, by EXIF, days",
        Make::File(dated),
        &[190.0, 400.0],
    ),
    of(
        71,
        "again",
        "an earlier photo stored anew, JPEG quality",
        Make::File(stored_anew),
        &[90.0, 30.0],
    ),
    of(
        71,
        "again-cut",
        "an earlier photo cut anew, share cut off",
        Make::File(cut_anew),
        &[0.02, 0.05],
    ),
];

impl Degradation {
    /// The photo with the fault, so strong; `number` chooses the side. `other` is somebody else.
    pub(crate) fn photo(
        &self,
        sitter: &Sitter,
        other: &Sitter,
        number: u8,
        strength: f32,
    ) -> io::Result<Vec<u8>> {
        let side = if number.is_multiple_of(2) { 1.0 } else { -1.0 };
        match self.make {
            Make::File(change) => change(&sitter.studio().photo(number)?, strength),
            Make::Person(change) => {
                let scene = Scene {
                    sitter,
                    other,
                    strength,
                    side,
                };
                change(&scene).photo(number)
            }
        }
    }

    /// Whether it is about an earlier photo of the same person.
    pub(crate) fn has_earlier(&self) -> bool {
        self.name.starts_with("again")
    }
}

fn grey_wall(scene: &Scene<'_>) -> Sitter {
    scene.sitter.studio_before([scene.strength; 3])
}

fn blue_wall(scene: &Scene<'_>) -> Sitter {
    let less = scene.strength;
    scene
        .sitter
        .studio_before([250.0 - less, 250.0 - less * 0.45, 250.0])
}

fn shadow(scene: &Scene<'_>) -> Sitter {
    wall_changed(&scene.sitter.studio(), |x, wall| {
        let shade = smooth((scene.side * (x - MIDDLE.0) - 20.0) / 60.0);
        wall.map(|it| it - scene.strength * shade)
    })
}

fn stripes(scene: &Scene<'_>) -> Sitter {
    wall_changed(&scene.sitter.studio(), |x, wall| {
        let dark = (x / 22.0).fract() < 0.5;
        if dark {
            wall.map(|it| it - scene.strength)
        } else {
            wall
        }
    })
}

fn side_light(scene: &Scene<'_>) -> Sitter {
    scene.sitter.studio().changed(|x, y, pixel| {
        let there = face(scene.sitter, x, y);
        let shade = smooth((scene.side * (x - MIDDLE.0) + 25.0) / 50.0) * there;
        pixel.map(|it| it * (1.0 - (1.0 - scene.strength) * shade))
    })
}

fn exposed(scene: &Scene<'_>) -> Sitter {
    let studio = scene.sitter.studio();
    studio.changed(|_, _, pixel| pixel.map(|it| it * scene.strength))
}

fn flat(scene: &Scene<'_>) -> Sitter {
    scene.sitter.studio().changed(|x, y, pixel| {
        let flat = pixel.map(|it| 150.0 + (it - 150.0) * scene.strength);
        mix(pixel, flat, face(scene.sitter, x, y))
    })
}

fn near(scene: &Scene<'_>) -> Sitter {
    let by = scene.strength * PHOTO / FACE;
    scene.sitter.studio().smaller((by, by))
}

fn turned(scene: &Scene<'_>) -> Sitter {
    scene.sitter.turned(scene.strength * scene.side).studio()
}

fn nodded(scene: &Scene<'_>) -> Sitter {
    scene.sitter.studio().nodded(scene.strength * scene.side)
}

fn light_clothes(scene: &Scene<'_>) -> Sitter {
    let level = scene.sitter.nodded(scene.sitter.pitch());
    level.dressed(scene.strength).before(WHITE)
}

fn eyes_closed(scene: &Scene<'_>) -> Sitter {
    scene.sitter.eyes_closed().studio()
}

/// How surely a place is the face, 0 to 1.
fn face(sitter: &Sitter, x: f32, y: f32) -> f32 {
    let (half, tall) = sitter.face().half;
    smooth((1.25 - ((x - MIDDLE.0) / half).hypot((y - MIDDLE.1) / tall)) * 4.0)
}

fn wall_changed(sitter: &Sitter, change: impl Fn(f32, Colour) -> Colour) -> Sitter {
    sitter.changed(|x, y, pixel| {
        let person = sitter.outline(x, y);
        mix(change(x, pixel), pixel, person)
    })
}

/// Means over boxes, three times: close to a bell.
fn blurred(scene: &Scene<'_>) -> Sitter {
    let radius = scene.strength * FACE / 207.0;
    let mut blurred = scene.sitter.studio();
    for _ in 0..3 {
        for (along, down) in [(1.0, 0.0), (0.0, 1.0)] {
            let step = radius / 3.0;
            blurred = blurred.changed(|x, y, _| {
                let taps = [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0_f32];
                let sum = taps.iter().fold([0.0; 3], |sum: Colour, tap| {
                    let by = tap * step;
                    let pixel = blurred.at(x + along * by, y + down * by);
                    std::array::from_fn(|it| {
                        sum.get(it).copied().unwrap_or(0.0) + pixel.get(it).copied().unwrap_or(0.0)
                    })
                });
                sum.map(|it| it / 7.0)
            });
        }
    }
    blurred
}

/// Somebody else in the upper corner, head and shoulders.
fn second_face(scene: &Scene<'_>) -> Sitter {
    let (sitter, other) = (scene.sitter.studio(), scene.other.studio());
    let (share, sides) = (scene.strength, scene.side);
    let middle = (
        MIDDLE.0 + sides * (205.0 - 150.0 * share),
        45.0 + 170.0 * share,
    );
    sitter.changed(|x, y, pixel| {
        let from = (
            MIDDLE.0 + (x - middle.0) / share,
            MIDDLE.1 + (y - middle.1) / share,
        );
        let (half, tall) = other.face().half;
        let there = smooth(
            (1.15 - ((from.0 - MIDDLE.0) / (half * 1.2)).hypot((from.1 - MIDDLE.1) / (tall * 1.3)))
                * 6.0,
        );
        mix(pixel, other.at(from.0, from.1), there)
    })
}

fn tilted(scene: &Scene<'_>) -> Sitter {
    let degrees = scene.strength * scene.side;
    let (sin, cos) = degrees.to_radians().sin_cos();
    scene.sitter.studio().bent(|x, y| {
        let (x, y) = (x - MIDDLE.0, y - MIDDLE.1);
        (MIDDLE.0 + x * cos + y * sin, MIDDLE.1 + y * cos - x * sin)
    })
}

/// What is below the chin slides down on one side and up on the other.
fn shoulders(scene: &Scene<'_>) -> Sitter {
    let sitter = scene.sitter.studio();
    let slope = (scene.strength * scene.side).to_radians().tan();
    let chin = sitter.face().chin;
    sitter.bent(|x, y| {
        let body = smooth((y - chin - 5.0) / 40.0);
        (x, y - (x - MIDDLE.0) * slope * body)
    })
}

/// Both eyes drawn anew between their lids, the irises to one side.
fn gazing(scene: &Scene<'_>) -> Sitter {
    let mut drawn = scene.sitter.clone();
    for eye in scene.sitter.face().eyes {
        drawn = eye_drawn(&drawn, eye, scene.strength * scene.side);
    }
    drawn.studio()
}

/// An eye whose iris is so far from its middle, in shares of the eye's width.
fn eye_drawn(sitter: &Sitter, ((x, y), half): ((f32, f32), f32), aside: f32) -> Sitter {
    let white = mix(sitter.at(x, y + half * 1.3), [250.0; 3], 0.5);
    let iris = x + aside * half * 2.0;
    sitter.changed(|column, row, pixel| {
        let across = (column - x) / (half * 0.95);
        let down = (row - y) / half;
        let lid = (1.0 - across * across).max(0.0);
        let open = smooth((down + 0.36 * lid) * 12.0) * smooth((0.26 * lid - down) * 12.0);
        let from = (column - iris).hypot(row - y + half * 0.04) / half;
        let dark = mix(white, [58.0, 40.0, 32.0], smooth((0.42 - from) * 12.0));
        let pupil = mix(dark, [12.0; 3], smooth((0.17 - from) * 12.0));
        mix(pixel, pupil, open)
    })
}

/// The lower part of the face drawn down, and dark between the lips.
fn mouth_open(scene: &Scene<'_>) -> Sitter {
    let (sitter, share) = (scene.sitter, scene.strength);
    let (half, tall) = sitter.face().half;
    let lips = MIDDLE.1 + tall * 0.5;
    let gap = share * tall * 2.0;
    let opened = sitter.changed(|x, y, pixel| {
        let across = ((x - MIDDLE.0) / (half * 0.42)).abs();
        if across >= 1.0 || y < lips - 2.0 {
            return pixel;
        }
        let open = gap * (1.0 - across * across).sqrt();
        let below = y - lips;
        if below < open {
            mix(pixel, [42.0, 18.0, 20.0], smooth((below + 2.0) / 3.0))
        } else {
            // What was below the lips goes on below the gap, and ends at the neck.
            let fade = smooth((sitter.face().chin + 40.0 - y) / 40.0);
            sitter.at(x, y - open * fade)
        }
    });
    opened.studio()
}
