//! When photos may be taken, used and changed (R32, R71).

use jiff::ToSpan;
use jiff::civil::Date;

use crate::application::PhotoOrigin;

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
