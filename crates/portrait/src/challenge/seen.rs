//! What one frame shows, and whether all show one person.

use crate::assess::{AssessError, Subject};
use crate::challenge::follow::{Movement, median};
use crate::challenge::{CheckReason, Frame};
use crate::decode::{Limits, PhotoError, open};
use crate::fingerprint::Fingerprint;
use crate::matcher::{Outcome, Thresholds};
use crate::models::Models;
use crate::recognise::Likeness;

/// A face narrower than this has eyes of some ten pixels, in which no lid is to be seen.
const LEAST_FACE: f32 = 100.0;

/// What one frame shows.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) movement: Movement,
    likeness: Likeness,
}

/// Looks at a frame: its one face, or why there is none.
pub(super) fn look(
    frame: &Frame<'_>,
    models: &Models,
) -> Result<Result<Seen, CheckReason>, AssessError> {
    let opened = open(frame.bytes, &Limits::FRAME).and_then(Subject::new);
    let subject = match opened {
        Ok((_, subject)) => subject,
        Err(error) => return Ok(Err(unusable(error))),
    };
    let faces = subject.near_faces(models)?;
    let mesh = match faces.as_slice() {
        [] => return Ok(Err(CheckReason::NoFace)),
        [mesh] => mesh,
        _ => return Ok(Err(CheckReason::SeveralFaces)),
    };
    if mesh.width() < LEAST_FACE {
        return Ok(Err(CheckReason::FaceTooSmall));
    }
    let [left, right] = mesh.look(&subject.raster, &models.iris)?;
    Ok(Ok(Seen {
        movement: Movement {
            step: usize::from(frame.step),
            yaw: mesh.pose().yaw,
            // A blink closes both.
            opening: left.opening.max(right.opening),
            fingerprint: Fingerprint::of(&subject.raster),
        },
        likeness: Likeness::of(&subject.raster, models, mesh)?,
    }))
}

fn unusable(error: PhotoError) -> CheckReason {
    match error {
        PhotoError::TooManyBytes | PhotoError::TooManyPixels | PhotoError::TooFewPixels => {
            CheckReason::FrameSize
        }
        PhotoError::NotAPhoto | PhotoError::Animated | PhotoError::Damaged => {
            CheckReason::FrameUnusable
        }
    }
}

/// Whether some frame shows another person than the first that looks straight: each must be that
/// person by one recogniser at the least, and another by none. A head that is turned, or has its
/// eyes closed, is a different picture to either, so that not both are asked to agree.
pub(super) fn changed(seen: &[Seen], thresholds: &Thresholds) -> bool {
    let Some(first) = seen.iter().find(|it| it.movement.is_straight()) else {
        return true;
    };
    // What is no number is nobody's likeness.
    let same = |it: &Seen| {
        let distance = first.likeness.distance(&it.likeness);
        let similar = first.likeness.similarity(&it.likeness) >= thresholds.match_similarity;
        distance <= thresholds.reject_distance && (similar || distance <= thresholds.match_distance)
    };
    !seen.iter().all(same)
}

/// The photo and the frames compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compared {
    pub(super) outcome: Outcome,
    pub(super) distance: Option<f32>,
    pub(super) similarity: Option<f32>,
}

/// By the medians over the frames that look straight: one lucky frame of many decides nothing.
pub(super) fn compared(
    seen: &[Seen],
    photo: Option<&Likeness>,
    thresholds: &Thresholds,
) -> Compared {
    let straight = seen.iter().filter(|it| it.movement.is_straight());
    let pairs: Vec<(f32, f32)> = straight
        .zip(photo.into_iter().cycle())
        .map(|(it, photo)| (photo.distance(&it.likeness), photo.similarity(&it.likeness)))
        .collect();
    let distance = median(pairs.iter().map(|it| it.0));
    let similarity = median(pairs.iter().map(|it| it.1));
    let outcome = distance
        .zip(similarity)
        .map_or(Outcome::Officer, |(distance, similarity)| {
            thresholds.outcome(distance, similarity)
        });
    Compared {
        outcome,
        distance,
        similarity,
    }
}

#[cfg(test)]
pub(super) fn compared_with(seen: &Seen, photo: &Likeness) -> (f32, f32) {
    (
        photo.distance(&seen.likeness),
        photo.similarity(&seen.likeness),
    )
}
