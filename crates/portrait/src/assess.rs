//! A photo judged.

use inference::{ModelError, Raster};
use jiff::civil::Date;

use crate::crop::{self, Formed};
use crate::decode::{Limits, Opened, Photo, PhotoError, open};
use crate::detect::{self, Found};
use crate::finding::{Finding, Measured, Profile, Verdict, by_rule};
use crate::fingerprint::Fingerprint;
use crate::geometry::Area;
use crate::measure;
use crate::mesh::{self, Mesh};
use crate::models::Models;
use crate::rules::judge;
use crate::taken::{self, Notes};

/// What a photo is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Which rules apply.
    pub profile: Profile,
    /// The date of today, for R71.
    pub today: Date,
    /// Earlier photos of the same person, for R71.
    pub earlier: &'a [Fingerprint],
}

/// What was found about a photo.
#[derive(Clone, Debug)]
pub struct Assessment {
    /// One for each rule of the profile, in the rules' order.
    pub findings: Vec<Finding>,
    /// Every number behind them.
    pub measured: Vec<Measured>,
    /// How many faces there are.
    pub faces: usize,
    /// The photo as it would stand on the licence, 358 x 441, and which part of the photo that
    /// is; `None` where there is no face.
    pub crop: Option<Crop>,
    /// For R71: to keep beside the photo, so that it is known again.
    pub fingerprint: Option<Fingerprint>,
}

/// The automatic crop.
#[derive(Clone, Debug)]
pub struct Crop {
    /// 358 x 441 pixels.
    pub raster: Raster,
    /// Which part of the photo it is, in the photo's pixels.
    pub area: Area,
}

/// Why a photo could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum AssessError {
    /// It is no acceptable photo.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// A model did not give what it should.
    #[error("a face model failed: {0}")]
    Model(#[from] ModelError),
}

impl Assessment {
    /// The gravest verdict of all rules.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let verdicts = self.findings.iter().map(|it| it.verdict);
        verdicts.max().unwrap_or(Verdict::Officer)
    }
}

/// Decodes a photo within limits and judges it.
///
/// # Errors
/// [`AssessError`]
pub fn assess(
    bytes: &[u8],
    limits: &Limits,
    models: &Models,
    asked: &Asked<'_>,
) -> Result<(Photo, Assessment), AssessError> {
    let opened = open(bytes, limits)?;
    let notes = taken::read(opened.exif.clone());
    let (photo, subject) = Subject::new(opened)?;
    let assessment = subject.assess(models, asked, notes)?;
    Ok((photo, assessment))
}

/// Longest side on which faces are looked for and measured. What is finer does not show on a
/// licence.
const LONGEST: usize = 2048;

/// Pixels to look at.
pub(crate) struct Subject {
    pub(crate) raster: Raster,
    /// How many pixels of the photo one of the raster is across.
    shrunk: usize,
}

impl Subject {
    pub(crate) fn new(opened: Opened) -> Result<(Photo, Self), PhotoError> {
        let Opened { photo, pixels, .. } = opened;
        let (width, height) = (pixels.width(), pixels.height());
        let rgb = if pixels.color().has_alpha() {
            on_black(&pixels.into_rgba8())
        } else {
            pixels.into_rgb8().into_raw()
        };
        let size = usize::try_from(width)
            .ok()
            .zip(usize::try_from(height).ok());
        let raster = size.and_then(|(width, height)| Raster::new(width, height, &rgb));
        let raster = raster.ok_or(PhotoError::Damaged)?;
        drop(rgb);
        let shrunk = raster.width().max(raster.height()).div_ceil(LONGEST);
        let raster = if shrunk > 1 {
            raster.shrunk(shrunk)
        } else {
            raster
        };
        Ok((photo, Self { raster, shrunk }))
    }

    /// The faces that the mesh confirms, the largest first.
    pub(crate) fn faces(&self, models: &Models) -> Result<Vec<Mesh>, ModelError> {
        confirmed(
            &self.raster,
            models,
            &detect::faces(&self.raster, &models.detector)?,
        )
    }

    /// The faces of a frame of a person check, where whoever is far behind does not matter.
    pub(crate) fn near_faces(&self, models: &Models) -> Result<Vec<Mesh>, ModelError> {
        confirmed(
            &self.raster,
            models,
            &detect::near(&self.raster, &models.detector)?,
        )
    }

    fn assess(
        &self,
        models: &Models,
        asked: &Asked<'_>,
        notes: Notes,
    ) -> Result<Assessment, ModelError> {
        let faces = self.faces(models)?;
        let mut values = vec![("faces", inference::raster::real(faces.len()))];
        let formed = match faces.first() {
            Some(mesh) => Some(self.face(models, mesh, &mut values)?),
            None => None,
        };
        let fingerprint = formed.as_ref().map(|it| Fingerprint::of(&it.raster));
        if let Some(taken_on) = notes.taken_on {
            values.push(("age-in-days", days(taken_on, asked.today)));
        }
        let nearest = fingerprint.and_then(|it| it.nearest(asked.earlier));
        values.extend(nearest.map(|it| ("difference-from-earlier", it)));
        let values = values.into_iter();
        let measured: Vec<Measured> = values
            .filter_map(|(name, value)| judge(asked.profile, name, value))
            .collect();
        let mut findings = by_rule(asked.profile, &measured);
        crate::rules::without_date(&mut findings, notes.taken_on.is_none());
        if notes.edited {
            crate::rules::edited(&mut findings);
        }
        Ok(Assessment {
            findings,
            measured,
            faces: faces.len(),
            crop: formed.map(|it| self.crop(it)),
            fingerprint,
        })
    }

    fn face(
        &self,
        models: &Models,
        mesh: &Mesh,
        values: &mut Vec<measure::Value>,
    ) -> Result<Formed, ModelError> {
        let formed = crop::form(&self.raster, models, mesh)?;
        let pose = mesh.pose();
        let [left, right] = mesh.look(&self.raster, &models.iris)?;
        values.extend([
            (
                "face-width",
                mesh.width() * inference::raster::real(self.shrunk),
            ),
            ("inside", formed.inside),
            ("roll", pose.roll),
            ("yaw", pose.yaw),
            ("pitch", pose.pitch),
            // Seen in a mirror, one eye's outside is the other's.
            ("gaze", f32::midpoint(left.gaze, -right.gaze)),
            ("mouth", mesh.mouth()),
            ("eyes", left.opening.min(right.opening)),
        ]);
        values.extend(measure::all(&formed, mesh));
        Ok(formed)
    }

    fn crop(&self, formed: Formed) -> Crop {
        let by = inference::raster::real(self.shrunk);
        let mut area = formed.area;
        area.corner.x *= by;
        area.corner.y *= by;
        area.width *= by;
        area.height *= by;
        Crop {
            raster: formed.raster,
            area,
        }
    }
}

/// What the mesh must say of a face that only a tile showed, and of the surest one.
const SURE: f32 = 0.8;
const LIKELY: f32 = 0.5;
/// A face narrower than this share of the largest is a picture on a wall, or nothing.
const LEAST_SHARE: f32 = 0.12;

fn confirmed(raster: &Raster, models: &Models, found: &[Found]) -> Result<Vec<Mesh>, ModelError> {
    let mut faces: Vec<Mesh> = Vec::new();
    for (number, face) in found.iter().enumerate() {
        let mesh = mesh::of(raster, models, face)?;
        let wanted = if number == 0 { LIKELY } else { SURE };
        let centre = mesh.bounds().centre();
        // The second cut may lead to a face that is known already.
        let known = faces
            .iter()
            .any(|it| it.bounds().centre().distance(centre) < it.width().max(mesh.width()) / 2.0);
        if mesh.presence >= wanted && !known {
            faces.push(mesh);
        }
    }
    faces.sort_by(|one, other| other.width().total_cmp(&one.width()));
    let largest = faces.first().map_or(0.0, Mesh::width);
    faces.retain(|it| it.width() >= largest * LEAST_SHARE);
    Ok(faces)
}

/// Days from the photo to today; a date in the future is none within the last six months.
fn days(taken_on: Date, today: Date) -> f32 {
    let days = taken_on
        .until(today)
        .map_or(i32::MAX, |span| span.get_days());
    i16::try_from(days).map_or(f32::INFINITY, f32::from)
}

/// What shows through is nobody's to choose: behind it lies black, which no background may be.
fn on_black(pixels: &image::RgbaImage) -> Vec<u8> {
    let (pixels, _) = pixels.as_raw().as_chunks::<4>();
    let over = |colour: u8, alpha: u8| {
        let seen = u16::from(colour) * u16::from(alpha) / 255;
        u8::try_from(seen).unwrap_or(u8::MAX)
    };
    pixels
        .iter()
        .flat_map(|[red, green, blue, alpha]| [*red, *green, *blue].map(|it| over(it, *alpha)))
        .collect()
}

#[cfg(test)]
pub(crate) mod tests;
