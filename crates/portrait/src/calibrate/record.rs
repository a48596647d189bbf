//! The record of a calibration (标定记录), and what it must show before anything rests on it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calibrate::{Pairs, count};
use crate::matcher::Thresholds;
use crate::models::Models;

/// Begins what is signed, so that a signature of one kind is never one of another.
const FORMAT: &str = "jiazhao-calibration/1";

/// What a calibration found. Whether to believe it is a question of its signature
/// ([`Record::verify`]); whether it suffices, of [`Record::checked`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub(super) format: String,
    /// When.
    pub made_at: Timestamp,
    /// SHA-256 of each file of the models, by name.
    pub models: BTreeMap<String, String>,
    /// Persons with a photo that could be used.
    pub persons: usize,
    /// Photos that could be used.
    pub photos: usize,
    /// Photos that could not: no image, or no face.
    pub unusable: usize,
    /// Pairs of one person.
    pub genuine: usize,
    /// Pairs of two persons.
    pub impostor: usize,
    /// The share of false matches that was wanted.
    pub wanted_fmr: f64,
    /// The thresholds that follow.
    pub thresholds: Thresholds,
    /// Two persons taken for one, by these thresholds.
    pub false_matches: usize,
    /// One person not recognised.
    pub false_non_matches: usize,
    /// One person taken for two outright.
    pub false_rejects: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    record: Record,
    key_id: String,
    signature: String,
}

/// What a signed record says of itself, for whoever checks the signature.
#[derive(Clone, Copy, Debug)]
pub struct Claimed<'a> {
    /// What is signed.
    pub message: &'a [u8],
    /// The key that is said to have signed.
    pub key_id: &'a str,
    /// The signature, as it was written.
    pub signature: &'a str,
}

/// What a record must show before licences are issued on its thresholds without a human.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// Fewest persons.
    pub persons: usize,
    /// Fewest pairs of one person.
    pub genuine: usize,
    /// Fewest pairs of two persons.
    pub impostor: usize,
    /// Most false matches, by the upper end of the 95 % confidence interval.
    pub fmr: f64,
}

impl Demand {
    /// One false match in 10,000, which 30,000 pairs without an error show at 95 %: 250 persons
    /// with a photo each make as many.
    pub const AUTOMATIC_ISSUE: Self = Self {
        persons: 250,
        genuine: 250,
        impostor: 30_000,
        fmr: 0.0001,
    };
}

/// A record that was signed, fits the models that are loaded, and shows enough.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked(Record);

impl Checked {
    /// The record.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.0
    }

    /// Its thresholds.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        self.0.thresholds
    }
}

/// Why nothing rests on a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// It is no record, or of another format.
    Malformed,
    /// The key did not sign it, or is not the one that is believed.
    BadSignature,
    /// Other models are loaded than were calibrated.
    OtherModels,
    /// Too few persons or pairs.
    TooFew,
    /// Too many false matches, or too few pairs to say that there are so few.
    FmrTooHigh,
}

impl RecordError {
    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.parts().0
    }

    /// Chinese text.
    #[must_use]
    pub const fn zh(self) -> &'static str {
        self.parts().1
    }

    /// English text.
    #[must_use]
    pub const fn en(self) -> &'static str {
        self.parts().2
    }

    const fn parts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Malformed => (
                "calibration-malformed",
                "不是标定记录",
                "this is no calibration record",
            ),
            Self::BadSignature => (
                "calibration-signature",
                "标定记录的签名无效，或不是配置的密钥所签",
                "the calibration record is not signed by the key that is configured",
            ),
            Self::OtherModels => (
                "calibration-other-models",
                "标定记录所用模型与现用模型不同，请重新标定",
                "the record is of other models than are loaded: calibrate again",
            ),
            Self::TooFew => (
                "calibration-too-few",
                "标定样本不足",
                "the calibration rests on too few persons or pairs",
            ),
            Self::FmrTooHigh => (
                "calibration-fmr",
                "标定的误匹配率上限过高",
                "the calibration does not show few enough false matches",
            ),
        }
    }
}

impl std::fmt::Display for RecordError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} ({})", self.code(), self.en(), self.zh())
    }
}

impl std::error::Error for RecordError {}

impl Record {
    /// The record of a set of pairs; `None` where it has no pairs of both kinds.
    #[must_use]
    pub fn new(
        pairs: &Pairs,
        unusable: usize,
        wanted_fmr: f64,
        models: &Models,
        made_at: Timestamp,
    ) -> Option<Self> {
        let thresholds = pairs.thresholds(wanted_fmr)?;
        let errors = pairs.errors(&thresholds);
        Some(Self {
            format: FORMAT.to_owned(),
            made_at,
            models: models.digests().clone(),
            persons: pairs.persons,
            photos: pairs.photos,
            unusable,
            genuine: pairs.genuine(),
            impostor: pairs.impostor(),
            wanted_fmr,
            thresholds,
            false_matches: errors.false_matches,
            false_non_matches: errors.false_non_matches,
            false_rejects: errors.false_rejects,
        })
    }

    /// Share of false matches among the pairs of two persons.
    #[must_use]
    pub fn fmr(&self) -> f64 {
        super::rate(self.false_matches, self.impostor)
    }

    /// Share of false non-matches among the pairs of one person.
    #[must_use]
    pub fn fnmr(&self) -> f64 {
        super::rate(self.false_non_matches, self.genuine)
    }

    /// The upper end of the 95 % confidence interval of [`Self::fmr`], one-sided, as though the
    /// pairs were drawn independently: by the Poisson distribution, 3 over the number of pairs
    /// where no error was seen (rule of three).
    #[must_use]
    pub fn fmr_bound(&self) -> f64 {
        bound(self.false_matches, self.impostor)
    }

    /// The same for [`Self::fnmr`].
    #[must_use]
    pub fn fnmr_bound(&self) -> f64 {
        bound(self.false_non_matches, self.genuine)
    }

    /// What is signed: the format, a line's end, and the record as this library writes it. The
    /// spelling of a file that was read proves nothing.
    ///
    /// # Errors
    /// [`RecordError::Malformed`] where it holds numbers that cannot be written.
    pub fn message(&self) -> Result<Vec<u8>, RecordError> {
        let record = serde_json::to_string(self).map_err(|_error| RecordError::Malformed)?;
        Ok(format!("{FORMAT}\n{record}").into_bytes())
    }

    /// The record with a signature over [`Self::message`], as JSON.
    ///
    /// # Errors
    /// [`RecordError::Malformed`] where it cannot be written.
    pub fn signed(self, key_id: String, signature: String) -> Result<String, RecordError> {
        let document = Document {
            record: self,
            key_id,
            signature,
        };
        serde_json::to_string_pretty(&document).map_err(|_error| RecordError::Malformed)
    }

    /// Reads a signed record; `is_signed` says whether the signature is that of a key that is
    /// believed.
    ///
    /// # Errors
    /// [`RecordError::Malformed`], [`RecordError::BadSignature`].
    pub fn verify(
        text: &[u8],
        is_signed: impl FnOnce(&Claimed<'_>) -> bool,
    ) -> Result<Self, RecordError> {
        let document: Document =
            serde_json::from_slice(text).map_err(|_error| RecordError::Malformed)?;
        if document.record.format != FORMAT {
            return Err(RecordError::Malformed);
        }
        let message = document.record.message()?;
        let claimed = Claimed {
            message: &message,
            key_id: &document.key_id,
            signature: &document.signature,
        };
        if is_signed(&claimed) {
            Ok(document.record)
        } else {
            Err(RecordError::BadSignature)
        }
    }

    /// Whether it is of these models and shows what is asked for.
    ///
    /// # Errors
    /// [`RecordError::OtherModels`], [`RecordError::TooFew`], [`RecordError::FmrTooHigh`].
    pub fn checked(self, models: &Models, demand: &Demand) -> Result<Checked, RecordError> {
        if self.models != *models.digests() {
            return Err(RecordError::OtherModels);
        }
        self.shows(demand).map(|()| Checked(self))
    }

    fn shows(&self, demand: &Demand) -> Result<(), RecordError> {
        let enough = self.persons >= demand.persons
            && self.genuine >= demand.genuine
            && self.impostor >= demand.impostor;
        if !enough {
            Err(RecordError::TooFew)
        } else if self.fmr_bound() <= demand.fmr {
            Ok(())
        } else {
            Err(RecordError::FmrTooHigh)
        }
    }
}

/// The mean of a Poisson distribution of which so few or fewer come in 5 cases of 100, over the
/// number of pairs.
fn bound(errors: usize, pairs: usize) -> f64 {
    if pairs == 0 {
        return 1.0;
    }
    let few = count(errors);
    let (mut low, mut high) = (few, few + 4.0 * (few + 1.0).sqrt() + 4.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if so_few(errors, middle) > 0.05 {
            low = middle;
        } else {
            high = middle;
        }
    }
    (high / count(pairs)).min(1.0)
}

/// The probability of so few or fewer, of a Poisson distribution.
fn so_few(errors: usize, mean: f64) -> f64 {
    // In logarithms: the first terms of a large mean are smaller than any number.
    let mut term = -mean;
    let mut sum = term.exp();
    for number in 1..=errors {
        term += mean.ln() - count(number).ln();
        sum += term.exp();
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_error_the_bound_is_three_over_the_pairs() {
        assert!((bound(0, 30_000) - 2.9957 / 30_000.0).abs() < 1e-8);
        // Tables of the Poisson distribution: 4.744 for one, 18.208 for eleven.
        assert!((bound(1, 1000) - 0.004_744).abs() < 1e-6);
        assert!((bound(11, 1000) - 0.018_208).abs() < 1e-6);
        assert!((bound(0, 0) - 1.0).abs() < f64::EPSILON);
        assert!(bound(1000, 2000) > 0.5 && bound(1000, 2000) < 0.53);
    }
}
