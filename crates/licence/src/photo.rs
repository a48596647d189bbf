//! When photos may be taken, used and changed (R32, R71), and what is found about them.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::application::PhotoOrigin;
use crate::named::named;

named! {
    /// Which rules a photo was judged by.
    pub enum Profile {
        /// A photo that an applicant submits: all rules, R56-R74.
        Submitted = "submitted",
        /// The photo on file (已留存的照片), which was accepted once.
        OnFile = "on-file",
    }
}

named! {
    /// What a machine concludes about a photo.
    pub enum Verdict {
        /// Nothing speaks against it.
        Pass = "pass",
        /// An officer must look.
        Officer = "officer",
        /// A rule is broken.
        Fail = "fail",
    }
}

/// How long a photo on file that replaced another is looked at by an officer: whoever gets a photo
/// of theirs into somebody's file must not get a licence of it on the same day.
const REPLACED_LATELY: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Whether the photo on file replaced another within the last 90 days. `photos` are the instants at
/// which the photos on file came, the present one among them. The first is no replacement.
#[must_use]
pub fn replaced_lately(photos: &[Timestamp], at: Timestamp) -> bool {
    let since = at.saturating_sub(REPLACED_LATELY).unwrap_or(Timestamp::MIN);
    photos.len() > 1 && photos.iter().max().is_some_and(|newest| *newest > since)
}

/// Whether an ID photo was taken within the last six months (R71), the day itself included. A
/// photo from the future was not.
#[must_use]
pub fn taken_within_six_months(taken: Date, on: Date) -> bool {
    taken <= on && on <= taken.saturating_add(6.months())
}

/// The day from which the holder may ask for another photo (R32): at once after a photo on file,
/// six months after a submitted one.
#[must_use]
pub fn change_possible_from(origin: PhotoOrigin, issued_on: Date) -> Date {
    match origin {
        PhotoOrigin::OnFile => issued_on,
        PhotoOrigin::Camera | PhotoOrigin::Album | PhotoOrigin::Counter => {
            issued_on.saturating_add(6.months())
        }
    }
}
