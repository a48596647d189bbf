//! Calibration (阈值标定): what the recognisers make of an operator's own photos of known persons,
//! the thresholds that follow for a wanted share of false matches, and the record of it.
//!
//! A false match (误匹配) is two persons taken for one; the false match rate (FMR) is their share
//! of all pairs of different persons. A false non-match is one person not recognised; FNMR is
//! their share of all pairs of the same person (ISO/IEC 19795-1 has the terms).

mod record;

use crate::matcher::Thresholds;
use crate::recognise::Likeness;

pub use record::{Checked, Claimed, Demand, Record, RecordError};

/// Distance and similarity of one pair.
type Pair = (f32, f32);

/// All pairs of a set of photos.
#[derive(Clone, Debug, Default)]
pub struct Pairs {
    genuine: Vec<Pair>,
    impostor: Vec<Pair>,
    persons: usize,
    photos: usize,
}

/// More photos make more pairs than are kept in memory: 6,000 make 18 million, 144 MB.
pub const MOST_PHOTOS: usize = 6000;

impl Pairs {
    /// Compares every photo with every other: one list of likenesses for each person. At most
    /// [`MOST_PHOTOS`] are taken.
    #[must_use]
    pub fn of(persons: &[Vec<Likeness>]) -> Self {
        let numbered = persons.iter().enumerate();
        let photos: Vec<(usize, &Likeness)> = numbered
            .flat_map(|(person, photos)| photos.iter().map(move |it| (person, it)))
            .take(MOST_PHOTOS)
            .collect();
        let mut pairs = Self {
            persons: persons.iter().filter(|it| !it.is_empty()).count(),
            photos: photos.len(),
            ..Self::default()
        };
        for (number, (person, one)) in photos.iter().enumerate() {
            for (other_person, other) in photos.iter().skip(number + 1) {
                let pair = (one.distance(other), one.similarity(other));
                if person == other_person {
                    pairs.genuine.push(pair);
                } else {
                    pairs.impostor.push(pair);
                }
            }
        }
        pairs
    }

    /// How many pairs of one person there are.
    #[must_use]
    pub fn genuine(&self) -> usize {
        self.genuine.len()
    }

    /// How many pairs of two persons there are.
    #[must_use]
    pub fn impostor(&self) -> usize {
        self.impostor.len()
    }

    /// What thresholds would make of the pairs.
    #[must_use]
    pub fn errors(&self, thresholds: &Thresholds) -> Errors {
        let matches =
            |it: &&Pair| it.0 <= thresholds.match_distance && it.1 >= thresholds.match_similarity;
        let rejected = self
            .genuine
            .iter()
            .filter(|it| it.0 > thresholds.reject_distance);
        Errors {
            false_matches: self.impostor.iter().filter(matches).count(),
            false_non_matches: self.genuine.len() - self.genuine.iter().filter(matches).count(),
            false_rejects: rejected.count(),
        }
    }

    /// The most lenient thresholds with no more than the wanted share of false matches. Both
    /// recognisers are held to the same number of impostors each, so that neither is there for
    /// show, and the joint rule decides how many that may be. A pair is rejected outright beyond
    /// the distance of all but one in a thousand of the same person.
    ///
    /// `None` where there are no pairs of both kinds.
    #[must_use]
    pub fn thresholds(&self, wanted_fmr: f64) -> Option<Thresholds> {
        let allowed = share_of(self.impostor.len(), wanted_fmr);
        let ranked = Ranked::of(self)?;
        let reject = ranked.reject_distance()?;
        let (mut low, mut high) = (0, self.impostor.len().saturating_sub(1));
        // The joint rule's false matches grow with what each recogniser may let through.
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            let tried = ranked.at(middle, reject)?;
            if self.errors(&tried).false_matches <= allowed {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        ranked.at(low, reject)
    }

    /// FMR and FNMR along thresholds: of each recogniser alone and of both together.
    #[must_use]
    pub fn curve(&self) -> Vec<Point> {
        let mut points = Vec::new();
        for number in 0..=POINTS {
            let at = step(number);
            let distance = FIRST.0 + (FIRST.1 - FIRST.0) * at;
            let similarity = SECOND.0 + (SECOND.1 - SECOND.0) * at;
            points.push(self.point(Rule::Distance, distance, f32::NEG_INFINITY));
            points.push(self.point(Rule::Similarity, f32::INFINITY, similarity));
            points.push(self.point(Rule::Both, distance, similarity));
        }
        points
    }

    fn point(&self, rule: Rule, distance: f32, similarity: f32) -> Point {
        let errors = self.errors(&Thresholds {
            match_distance: distance,
            match_similarity: similarity,
            reject_distance: f32::INFINITY,
        });
        Point {
            rule,
            distance: (rule != Rule::Similarity).then_some(distance),
            similarity: (rule != Rule::Distance).then_some(similarity),
            fmr: rate(errors.false_matches, self.impostor.len()),
            fnmr: rate(errors.false_non_matches, self.genuine.len()),
        }
    }
}

/// Steps of the curve, and where it begins and ends: from where nobody matches to where all do.
const POINTS: u8 = 24;
const FIRST: (f32, f32) = (0.2, 0.92);
const SECOND: (f32, f32) = (0.98, 0.26);

fn step(number: u8) -> f32 {
    f32::from(number) / f32::from(POINTS)
}

/// Errors that were counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errors {
    /// Two persons taken for one.
    pub false_matches: usize,
    /// One person not recognised.
    pub false_non_matches: usize,
    /// One person taken for two, outright.
    pub false_rejects: usize,
}

/// Which recogniser decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The first alone, by distance.
    Distance,
    /// The second alone, by similarity.
    Similarity,
    /// Both must agree, as they do in the product.
    Both,
}

impl Rule {
    /// Stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Distance => "distance",
            Self::Similarity => "similarity",
            Self::Both => "both",
        }
    }
}

/// One point of the curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Which recogniser decides.
    pub rule: Rule,
    /// Threshold of the first, where it is asked.
    pub distance: Option<f32>,
    /// Threshold of the second, where it is asked.
    pub similarity: Option<f32>,
    /// Share of false matches.
    pub fmr: f64,
    /// Share of false non-matches.
    pub fnmr: f64,
}

/// The impostors nearest first, by each recogniser, and the distances of the same persons.
struct Ranked {
    distances: Vec<f32>,
    similarities: Vec<f32>,
    genuine: Vec<f32>,
}

impl Ranked {
    fn of(pairs: &Pairs) -> Option<Self> {
        let mut distances: Vec<f32> = pairs.impostor.iter().map(|it| it.0).collect();
        let mut similarities: Vec<f32> = pairs.impostor.iter().map(|it| it.1).collect();
        let mut genuine: Vec<f32> = pairs.genuine.iter().map(|it| it.0).collect();
        distances.sort_by(f32::total_cmp);
        similarities.sort_by(|one, other| other.total_cmp(one));
        genuine.sort_by(f32::total_cmp);
        let some = !distances.is_empty() && !genuine.is_empty();
        some.then_some(Self {
            distances,
            similarities,
            genuine,
        })
    }

    /// Just short of the impostor after the first `through`.
    fn at(&self, through: usize, reject_distance: f32) -> Option<Thresholds> {
        let match_distance = self.distances.get(through)?.next_down();
        Some(Thresholds {
            match_distance,
            match_similarity: self.similarities.get(through)?.next_up(),
            reject_distance: reject_distance.max(match_distance),
        })
    }

    fn reject_distance(&self) -> Option<f32> {
        let beyond = share_of(self.genuine.len(), 0.001);
        self.genuine.iter().rev().nth(beyond).copied()
    }
}

/// How many of so many a share is, downward.
fn share_of(count: usize, share: f64) -> usize {
    let wanted = |it: usize| rate(it, count) <= share;
    // Counted, since there is no lossless way from a real number to a count.
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if wanted(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

/// A share; of nothing it is none.
fn rate(part: usize, of: usize) -> f64 {
    if of == 0 {
        return 0.0;
    }
    count(part) / count(of)
}

/// Pairs are at most 18 million.
fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests;
