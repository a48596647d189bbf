//! Photos that break one rule each, more and more: made of stills, **synthetic**.

use std::io;

use crate::stills::{Colour, FACE, MIDDLE, PHOTO, Sitter, WHITE, mix, smooth};
use image::{ImageEncoder as _, codecs::jpeg::JpegEncoder};

/// What is done to a photo that breaks no rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    GreyWall,
    BlueWall,
    Shadow,
    Stripes,
    SideLight,
    Dark,
    Bright,
    Flat,
    Blur,
    Coarse,
    SecondFace,
    Far,
    Near,
    Tilt,
    Shoulders,
    Turned,
    Nod,
    Gaze,
    Mouth,
    LightClothes,
    EyesClosed,
    OldDate,
    Again,
    AgainCut,
}

/// A fault, the rule that it breaks, what is given for it, and its strengths.
pub(crate) struct Degradation {
    pub(crate) fault: Fault,
    pub(crate) rule: u8,
    pub(crate) what: &'static str,
    pub(crate) strengths: &'static [f32],
}

const fn of(fault: Fault, rule: u8, what: &'static str, strengths: &'static [f32]) -> Degradation {
    Degradation {
        fault,
        rule,
        what,
        strengths,
    }
}

/// Strengths grow; the first of three or more is mild, and nobody need catch it.
pub(crate) const ALL: [Degradation; 24] = [
    of(
        Fault::GreyWall,
        56,
        "grey background, brightness",
        &[200.0, 165.0, 120.0],
    ),
    of(
        Fault::BlueWall,
        56,
        "blue background, lacking red",
        &[25.0, 50.0, 100.0],
    ),
    of(
        Fault::Shadow,
        56,
        "shadow beside the head, darker by",
        &[30.0, 60.0, 110.0],
    ),
    of(
        Fault::Stripes,
        56,
        "striped background, darker by",
        &[30.0, 60.0, 110.0],
    ),
    of(
        Fault::SideLight,
        57,
        "one side of the face in the dark, share of light",
        &[0.7, 0.5, 0.3],
    ),
    of(
        Fault::Dark,
        57,
        "under-exposed, share of light",
        &[0.6, 0.4, 0.25],
    ),
    of(
        Fault::Bright,
        57,
        "over-exposed, share of light",
        &[1.3, 1.7, 2.3],
    ),
    of(
        Fault::Flat,
        57,
        "low contrast, share of it",
        &[0.5, 0.3, 0.15],
    ),
    of(
        Fault::Blur,
        57,
        "blurred, pixels of the crop",
        &[1.0, 2.0, 4.0],
    ),
    of(
        Fault::Coarse,
        57,
        "low resolution, face wide in pixels",
        &[105.0, 70.0, 40.0],
    ),
    of(
        Fault::SecondFace,
        58,
        "a second face, share of the first's width",
        &[0.2, 0.35, 0.5],
    ),
    of(
        Fault::Far,
        58,
        "too far away, face wide in pixels",
        &[115.0, 85.0, 60.0],
    ),
    of(
        Fault::Near,
        58,
        "too near, width of the face in the picture",
        &[0.66, 0.76, 0.9],
    ),
    of(Fault::Tilt, 58, "head tilted, degrees", &[5.0, 10.0, 15.0]),
    of(
        Fault::Shoulders,
        58,
        "one shoulder lower, degrees",
        &[6.0, 12.0, 18.0],
    ),
    of(
        Fault::Turned,
        59,
        "head turned, degrees of the warp",
        &[12.0, 24.0, 36.0],
    ),
    of(
        Fault::Nod,
        59,
        "head up or down, degrees of the warp",
        &[12.0, 24.0, 36.0],
    ),
    of(
        Fault::Gaze,
        59,
        "eyes to the side, share of their width",
        &[0.12, 0.2, 0.28],
    ),
    of(
        Fault::Mouth,
        59,
        "mouth open, share of the face's height",
        &[0.03, 0.07, 0.12],
    ),
    of(
        Fault::LightClothes,
        60,
        "light clothes, brightness",
        &[130.0, 180.0, 230.0],
    ),
    of(Fault::EyesClosed, 68, "eyes closed", &[1.0]),
    of(
        Fault::OldDate,
        71,
        "taken more than six months ago, by EXIF, days",
        &[190.0, 400.0],
    ),
    of(
        Fault::Again,
        71,
        "an earlier photo stored anew, JPEG quality",
        &[90.0, 30.0],
    ),
    of(
        Fault::AgainCut,
        71,
        "an earlier photo cut anew, share cut off",
        &[0.02, 0.05],
    ),
];

impl Degradation {
    /// The photo with the fault, so strong. `other` is somebody else.
    pub(crate) fn photo(
        &self,
        sitter: &Sitter,
        other: &Sitter,
        variation: u8,
        strength: f32,
    ) -> io::Result<Vec<u8>> {
        let sides = if variation.is_multiple_of(2) {
            1.0
        } else {
            -1.0
        };
        match self.fault {
            Fault::OldDate => dated(&sitter.studio().photo(variation)?, strength),
            Fault::Again => stored_anew(&sitter.studio().photo(variation)?, strength, 0.0),
            Fault::AgainCut => stored_anew(&sitter.studio().photo(variation)?, 85.0, strength),
            Fault::Coarse => stored_smaller(&sitter.studio().photo(variation)?, strength, true),
            Fault::Far => stored_smaller(&sitter.studio().photo(variation)?, strength, false),
            _ => self
                .changed(sitter, other, strength, sides)
                .photo(variation),
        }
    }

    fn changed(&self, sitter: &Sitter, other: &Sitter, strength: f32, sides: f32) -> Sitter {
        let studio = || sitter.studio();
        match self.fault {
            Fault::GreyWall => sitter.studio_before([strength; 3]),
            Fault::BlueWall => {
                let wall = [250.0 - strength, 250.0 - strength * 0.45, 250.0];
                sitter.studio_before(wall)
            }
            Fault::Shadow => wall_changed(&studio(), |x, _, wall| {
                let shade = smooth((sides * (x - MIDDLE.0) - 20.0) / 60.0);
                wall.map(|it| it - strength * shade)
            }),
            Fault::Stripes => wall_changed(&studio(), |x, _, wall| {
                let dark = (x / 22.0).fract() < 0.5;
                if dark {
                    wall.map(|it| it - strength)
                } else {
                    wall
                }
            }),
            Fault::SideLight => studio().changed(|x, y, pixel| {
                let face = studio_face(sitter, x, y);
                let shade = smooth((sides * (x - MIDDLE.0) + 25.0) / 50.0) * face;
                pixel.map(|it| it * (1.0 - (1.0 - strength) * shade))
            }),
            Fault::Dark | Fault::Bright => {
                studio().changed(|_, _, pixel| pixel.map(|it| it * strength))
            }
            Fault::Flat => studio().changed(|x, y, pixel| {
                let flat = pixel.map(|it| 150.0 + (it - 150.0) * strength);
                mix(pixel, flat, studio_face(sitter, x, y))
            }),
            Fault::Blur => blurred(&studio(), strength * FACE / 207.0),
            Fault::SecondFace => second_face(&studio(), &other.studio(), strength, sides),
            Fault::Near => {
                let by = strength * PHOTO / FACE;
                studio().smaller((by, by))
            }
            Fault::Tilt => tilted(&studio(), strength * sides),
            Fault::Shoulders => shoulders(&studio(), strength * sides),
            Fault::Turned => sitter.turned(strength * sides).studio(),
            Fault::Nod => sitter.studio().nodded(strength * sides),
            Fault::Gaze => gazing(sitter, strength * sides).studio(),
            Fault::Mouth => mouth_open(sitter, strength).studio(),
            Fault::LightClothes => sitter
                .nodded(sitter.pitch())
                .dressed(strength)
                .before(WHITE),
            Fault::EyesClosed => sitter.eyes_closed().studio(),
            Fault::OldDate | Fault::Again | Fault::AgainCut | Fault::Coarse | Fault::Far => {
                studio()
            }
        }
    }
}

/// How surely a place is the face, 0 to 1.
fn studio_face(sitter: &Sitter, x: f32, y: f32) -> f32 {
    let (half, tall) = sitter.face().half;
    smooth((1.25 - ((x - MIDDLE.0) / half).hypot((y - MIDDLE.1) / tall)) * 4.0)
}

fn wall_changed(sitter: &Sitter, change: impl Fn(f32, f32, Colour) -> Colour) -> Sitter {
    sitter.changed(|x, y, pixel| {
        let person = sitter.outline(x, y);
        mix(change(x, y, pixel), pixel, person)
    })
}

/// Means over boxes, three times: close to a bell.
fn blurred(sitter: &Sitter, radius: f32) -> Sitter {
    let mut blurred = sitter.clone();
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
fn second_face(sitter: &Sitter, other: &Sitter, share: f32, sides: f32) -> Sitter {
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

fn tilted(sitter: &Sitter, degrees: f32) -> Sitter {
    let (sin, cos) = degrees.to_radians().sin_cos();
    sitter.bent(|x, y| {
        let (x, y) = (x - MIDDLE.0, y - MIDDLE.1);
        (MIDDLE.0 + x * cos + y * sin, MIDDLE.1 + y * cos - x * sin)
    })
}

/// What is below the chin slides down on one side and up on the other.
fn shoulders(sitter: &Sitter, degrees: f32) -> Sitter {
    let slope = degrees.to_radians().tan();
    let chin = sitter.face().chin;
    sitter.bent(|x, y| {
        let body = smooth((y - chin - 5.0) / 40.0);
        (x, y - (x - MIDDLE.0) * slope * body)
    })
}

/// The middle of each eye moved to one side.
fn gazing(sitter: &Sitter, share: f32) -> Sitter {
    let mut moved = sitter.clone();
    for ((x, y), half) in sitter.face().eyes {
        let by = share * half * 2.0;
        moved = moved.bent(|column, row| {
            let within = ((column - x) / (half * 0.95)).hypot((row - y) / (half * 0.55));
            (column - by * smooth((1.0 - within) * 2.2), row)
        });
    }
    moved
}

/// The lower part of the face drawn down, and dark between the lips.
fn mouth_open(sitter: &Sitter, share: f32) -> Sitter {
    let (half, tall) = sitter.face().half;
    let lips = MIDDLE.1 + tall * 0.5;
    let gap = share * tall * 2.0;
    sitter.changed(|x, y, pixel| {
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
    })
}

/// EXIF with a date so many days before the day of the table.
fn dated(photo: &[u8], days: f32) -> io::Result<Vec<u8>> {
    let taken = if days > 300.0 {
        "2025:10:26"
    } else {
        "2026:05:24"
    };
    with_exif(photo, &format!("{taken} 10:00:00"))
}

/// The photo with EXIF that holds a date.
pub(crate) fn with_exif(photo: &[u8], taken: &str) -> io::Result<Vec<u8>> {
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        let head = [tag.to_le_bytes(), kind.to_le_bytes()].concat();
        [
            head,
            count.to_le_bytes().to_vec(),
            value.to_le_bytes().to_vec(),
        ]
        .concat()
    };
    let end = 0_u32.to_le_bytes().to_vec();
    let exif = [
        b"Exif\0\0II\x2a\0\x08\0\0\0".to_vec(),
        1_u16.to_le_bytes().to_vec(),
        entry(0x8769, 4, 1, 26),
        end.clone(),
        1_u16.to_le_bytes().to_vec(),
        entry(0x9003, 2, 20, 44),
        end,
        taken.as_bytes().to_vec(),
        vec![0],
    ]
    .concat();
    let length = u16::try_from(exif.len() + 2).map_err(io::Error::other)?;
    let (start, rest) = photo
        .split_at_checked(2)
        .ok_or_else(|| io::Error::other("no photo"))?;
    Ok([start, &[0xff, 0xe1], &length.to_be_bytes(), &exif, rest].concat())
}

fn decoded(photo: &[u8]) -> io::Result<image::RgbImage> {
    let decoded = image::load_from_memory(photo).map_err(io::Error::other)?;
    Ok(decoded.into_rgb8())
}

fn encoded(picture: &image::RgbImage, quality: u8) -> io::Result<Vec<u8>> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, quality)
        .write_image(
            picture,
            picture.width(),
            picture.height(),
            image::ExtendedColorType::Rgb8,
        )
        .map_err(io::Error::other)?;
    Ok(file)
}

fn stored_anew(photo: &[u8], quality: f32, cut: f32) -> io::Result<Vec<u8>> {
    let picture = decoded(photo)?;
    let [left, top] = [picture.width(), picture.height()].map(|it| share(it, cut / 2.0));
    let (width, height) = (picture.width() - 2 * left, picture.height() - 2 * top);
    let cut = image::imageops::crop_imm(&picture, left, top, width, height).to_image();
    encoded(
        &cut,
        u8::try_from(inference::raster::whole(quality)).unwrap_or(90),
    )
}

/// So small that the face is so wide; and large again, if asked.
fn stored_smaller(photo: &[u8], face: f32, again: bool) -> io::Result<Vec<u8>> {
    use image::imageops::{FilterType, resize};
    let picture = decoded(photo)?;
    // The photo is 630 wide.
    let [width, height] =
        [picture.width(), picture.height()].map(|it| share(it, face / (630.0 * FACE / PHOTO)));
    let small = resize(&picture, width, height, FilterType::Triangle);
    let stored = if again {
        resize(
            &small,
            picture.width(),
            picture.height(),
            FilterType::Triangle,
        )
    } else {
        // A photo has 180 columns or more: what is missing is wall.
        let mut wide =
            image::RgbImage::from_pixel(width.max(420), height.max(504), image::Rgb([250; 3]));
        let (left, top) = ((wide.width() - width) / 2, wide.height() - height);
        image::imageops::overlay(&mut wide, &small, i64::from(left), i64::from(top));
        wide
    };
    encoded(&stored, 92)
}

fn share(of: u32, share: f32) -> u32 {
    let of = usize::try_from(of).unwrap_or_default();
    let part = inference::raster::whole(inference::raster::real(of) * share);
    u32::try_from(part).unwrap_or_default()
}
