//! Two photos compared by two recognisers.

use inference::ModelError;
use serde::{Deserialize, Serialize};

use crate::assess::{AssessError, Subject};
use crate::decode::{Limits, open};
use crate::models::Models;
use crate::recognise::Likeness;

/// Whether two photos show one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Both recognisers say so.
    Match,
    /// The first is sure that it is another.
    Reject,
    /// Neither; an officer must look.
    Officer,
}

impl Outcome {
    /// Stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Reject => "reject",
            Self::Officer => "officer",
        }
    }
}

/// Where one person ends and another begins: [`Thresholds::START`], or what an operator's own
/// set says ([`crate::calibrate`]).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Largest distance of the first recogniser for a match.
    pub match_distance: f32,
    /// Least similarity of the second for a match.
    pub match_similarity: f32,
    /// Distance of the first beyond which it is another person.
    pub reject_distance: f32,
}

impl Thresholds {
    /// Starting points from a handful of pairs, not calibrated.
    pub const START: Self = Self {
        match_distance: 0.48,
        match_similarity: 0.66,
        reject_distance: 0.55,
    };

    /// What follows from both numbers; what is no number matches and rejects nobody.
    #[must_use]
    pub fn outcome(&self, distance: f32, similarity: f32) -> Outcome {
        if distance <= self.match_distance && similarity >= self.match_similarity {
            Outcome::Match
        } else if distance > self.reject_distance {
            Outcome::Reject
        } else {
            Outcome::Officer
        }
    }
}

/// Two photos compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What follows.
    pub outcome: Outcome,
    /// Distance of the first recogniser; `None` where a photo has no usable face.
    pub distance: Option<f32>,
    /// Similarity of the second.
    pub similarity: Option<f32>,
    /// Which photo has no usable face, first and second.
    pub without_face: (bool, bool),
}

/// Compares the largest faces of two photos.
///
/// # Errors
/// [`AssessError`]
pub fn compare(
    one: &[u8],
    other: &[u8],
    limits: &Limits,
    models: &Models,
    thresholds: &Thresholds,
) -> Result<Comparison, AssessError> {
    let one = likeness(one, limits, models)?;
    let other = likeness(other, limits, models)?;
    Ok(compared(one.as_ref(), other.as_ref(), thresholds))
}

/// What the recognisers make of the largest face of a photo; `None` where it has no usable one.
///
/// # Errors
/// [`AssessError`]
pub fn likeness(
    bytes: &[u8],
    limits: &Limits,
    models: &Models,
) -> Result<Option<Likeness>, AssessError> {
    let (_, subject) = Subject::new(open(bytes, limits)?)?;
    Ok(subject.likeness(models)?)
}

/// What follows from two faces, where there are two.
#[must_use]
pub fn compared(
    one: Option<&Likeness>,
    other: Option<&Likeness>,
    thresholds: &Thresholds,
) -> Comparison {
    let without_face = (one.is_none(), other.is_none());
    let Some((one, other)) = one.zip(other) else {
        return Comparison {
            outcome: Outcome::Officer,
            distance: None,
            similarity: None,
            without_face,
        };
    };
    let (distance, similarity) = (one.distance(other), one.similarity(other));
    Comparison {
        outcome: thresholds.outcome(distance, similarity),
        distance: Some(distance),
        similarity: Some(similarity),
        without_face,
    }
}

impl Subject {
    pub(crate) fn likeness(&self, models: &Models) -> Result<Option<Likeness>, ModelError> {
        match self.faces(models)?.first() {
            Some(mesh) => Likeness::of(&self.raster, models, mesh).map(Some),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_match_and_reject_lies_the_officer() {
        let outcome = |distance, similarity| Thresholds::START.outcome(distance, similarity);
        assert_eq!(outcome(0.4, 0.7), Outcome::Match);
        assert_eq!(outcome(0.4, 0.6), Outcome::Officer);
        assert_eq!(outcome(0.5, 0.9), Outcome::Officer);
        assert_eq!(outcome(0.56, 0.9), Outcome::Reject);
        assert_eq!(outcome(f32::NAN, f32::NAN), Outcome::Officer);
    }
}
