//! For how long a code counts as shown now.

use jiff::{SignedDuration, Timestamp};

use crate::{reason::Reason, time::NumericDate};

/// How long a code is good after it was made.
///
/// Whoever films the screen can show the film for so long, to a verifier whom the holder's own
/// screen has not reached: with minutes instead of one, he drives to the next road check with it.
/// With less than a dozen seconds, a slow camera fails an honest holder. Two things remain with any
/// length: a holder who relays live what his screen shows, against whom only the comparison of face
/// and portrait helps; and a holder who has his device sign codes of times to come, offline codes for
/// as long as his renewal stamp holds.
pub const LASTS: SignedDuration = SignedDuration::from_secs(60);

/// How far the clocks of device and verifier may stand apart.
///
/// It lengthens the life of a film by as much where the device's clock is ahead. Without it, every
/// phone that is some seconds fast would be refused.
pub const SKEW: SignedDuration = SignedDuration::from_secs(30);

/// Beyond this a wrong clock is the likely cause, on either side, and the answer says so. It is not
/// taken for good either way: for who moves a verifier's clock, every old code would be new.
pub const CLOCK_OFF: SignedDuration = SignedDuration::from_mins(5);

/// Why a code does not count as shown now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotFresh {
    /// Past its window, or made ahead of it.
    OutsideWindow,
    /// So far off that a clock is likely wrong.
    ClockOff,
}

impl NotFresh {
    /// The stable code and both texts.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::OutsideWindow => Reason::new(
                "not-fresh",
                "不能证明是持证人当面出示：二维码已过时，或仅为证照文件",
                "not shown live by its holder: a code past its time, or a credential alone",
            ),
            Self::ClockOff => Reason::new(
                "clock-off",
                "二维码时间与核验时间相差过大，请检查双方设备的时钟，或请持证人重新出示",
                "the code's time is far from the time of the check: look at both clocks, or ask for \
                 a new code",
            ),
        }
    }
}

/// Whether a code made at `time` counts as shown now: from [`SKEW`] before its time to [`LASTS`] after.
///
/// # Errors
/// [`NotFresh`].
pub fn check_window(time: NumericDate, at: Timestamp) -> Result<(), NotFresh> {
    let age = at.duration_since(time.timestamp());
    if (-SKEW..=LASTS).contains(&age) {
        Ok(())
    } else if (-CLOCK_OFF..=CLOCK_OFF).contains(&age) {
        Err(NotFresh::OutsideWindow)
    } else {
        Err(NotFresh::ClockOff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sc_12_a_code_counts_from_half_a_minute_before_its_time_to_a_minute_after() {
        let time = NumericDate::floor("2021-09-15T00:00:00Z".parse().unwrap());
        for (milliseconds, expected) in [
            (0, Ok(())),
            (-30_000, Ok(())),
            (60_000, Ok(())),
            (-30_001, Err(NotFresh::OutsideWindow)),
            (60_001, Err(NotFresh::OutsideWindow)),
            (120_000, Err(NotFresh::OutsideWindow)),
            (300_000, Err(NotFresh::OutsideWindow)),
            (-300_000, Err(NotFresh::OutsideWindow)),
            (300_001, Err(NotFresh::ClockOff)),
            (-600_000, Err(NotFresh::ClockOff)),
            (600_000, Err(NotFresh::ClockOff)),
        ] {
            let at = time.timestamp() + SignedDuration::from_millis(milliseconds);
            assert_eq!(check_window(time, at), expected, "{milliseconds}");
        }
    }
}
