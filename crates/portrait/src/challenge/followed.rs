//! The same check in two steps: what the frames show by themselves, and whether it is the person of a
//! photo. Whoever must not say whom it asked for tells the first and keeps the second.

use std::fmt;

use crate::assess::AssessError;
use crate::challenge::{Challenge, CheckReason, Frame, look_at, own_faults, seen};
use crate::decode::Limits;
use crate::matcher::{Outcome, Thresholds, likeness};
use crate::models::Models;

/// Frames in which one person did what was asked; who it is was not asked yet. It holds what the
/// recognisers made of the face: drop it with the frames.
pub struct Followed {
    seen: Vec<seen::Seen>,
}

/// Judges the frames of a challenge as [`check`](super::check) does, beside no photo.
///
/// # Errors
/// [`AssessError`] where a model fails. What is wrong with frames is an answer, and the same whoever
/// the person is.
pub fn follow(
    frames: &[Frame<'_>],
    challenge: &Challenge,
    models: &Models,
    thresholds: &Thresholds,
) -> Result<Result<Followed, Vec<CheckReason>>, AssessError> {
    let seen = match look_at(frames, challenge, models)? {
        Ok(seen) => seen,
        Err(reason) => return Ok(Err(vec![reason])),
    };
    let faults = own_faults(&seen, challenge, thresholds);
    Ok(if faults.is_empty() {
        Ok(Followed { seen })
    } else {
        Err(faults)
    })
}

impl Followed {
    /// Compares the person with the one of the photo, as [`check`](super::check) does. Without a photo,
    /// or with one that has no usable face, one of the frames, `decoy`, is looked at and compared in its
    /// place, so that it is no less work; what comes of that is thrown away, and it is an officer's.
    ///
    /// # Errors
    /// [`AssessError`] where a model fails.
    pub fn compare(
        &self,
        photo: Option<&[u8]>,
        decoy: &[u8],
        models: &Models,
        thresholds: &Thresholds,
    ) -> Result<Outcome, AssessError> {
        let known = match photo.map(|photo| likeness(photo, &Limits::PHOTO, models)) {
            None | Some(Err(AssessError::Photo(_))) => None,
            Some(Err(error @ AssessError::Model(_))) => return Err(error),
            Some(Ok(likeness)) => likeness,
        };
        let other = match known {
            Some(_) => None,
            None => likeness(decoy, &Limits::FRAME, models)?,
        };
        let compared = seen::compared(&self.seen, known.as_ref().or(other.as_ref()), thresholds);
        Ok(if known.is_some() {
            compared.outcome
        } else {
            Outcome::Officer
        })
    }
}

impl fmt::Debug for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Followed(..)")
    }
}
