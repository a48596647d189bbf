//! Instants and civil dates in signed forms. They never mix: an instant is a whole second since
//! the epoch, a date is days since the epoch under its own CBOR tag.

use jiff::{Timestamp, Unit, civil::Date, tz::Offset};
use serde::{Deserialize, Serialize};
use std::fmt;

use crate::{cbor::Value, malformed::Malformed};

/// An instant in whole seconds, as `NumericDate` of RFC 8392 carries it.
///
/// A [`Timestamp`] is finer than what is signed. The conversion is explicit, so that what was
/// signed is equal to what is read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Timestamp", into = "Timestamp")]
pub struct NumericDate(Timestamp);

/// The timestamp carries a fraction of a second, which a [`NumericDate`] cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fractional-second: an instant in whole seconds is required")]
pub struct FractionalSecond;

impl NumericDate {
    /// The second in which the instant lies; the fraction is dropped.
    #[must_use]
    pub fn floor(instant: Timestamp) -> Self {
        // Flooring fails only within a second of year -9999, where the instant itself will do.
        let second = instant.as_second() - i64::from(instant.subsec_nanosecond() < 0);
        Self(Timestamp::from_second(second).unwrap_or(instant))
    }

    /// The instant.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        self.0
    }

    pub(crate) fn encode(self) -> Value<'static> {
        Value::from(self.0.as_second())
    }

    pub(crate) fn decode(value: &Value<'_>, claim: &'static str) -> Result<Self, Malformed> {
        let second = value.as_i64().ok_or(Malformed::ClaimType(claim))?;
        match Timestamp::from_second(second) {
            Ok(instant) => Ok(Self(instant)),
            Err(_out_of_range) => Err(Malformed::ClaimValue(claim)),
        }
    }
}

impl NumericDate {
    /// The last second that takes four bytes, which is how long every time is until then.
    pub(crate) const LONGEST: Self = Self(Timestamp::constant(0xffff_ffff, 0));

    /// The same where only an unsigned number is in form: codes and stamps, which are never from
    /// before the epoch.
    pub(crate) fn decode_unsigned(
        value: &Value<'_>,
        claim: &'static str,
    ) -> Result<Self, Malformed> {
        crate::fields::unsigned(value, claim)?;
        Self::decode(value, claim)
    }
}

impl TryFrom<Timestamp> for NumericDate {
    type Error = FractionalSecond;

    fn try_from(instant: Timestamp) -> Result<Self, FractionalSecond> {
        if instant.subsec_nanosecond() == 0 {
            Ok(Self(instant))
        } else {
            Err(FractionalSecond)
        }
    }
}

impl From<NumericDate> for Timestamp {
    fn from(date: NumericDate) -> Self {
        date.0
    }
}

impl fmt::Display for NumericDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Tag for days since 1970-01-01 (RFC 8943).
const TAG_DAYS: u64 = 100;

const EPOCH: Date = Date::constant(1970, 1, 1);

pub(crate) fn encode_date(date: Date) -> Value<'static> {
    let days = EPOCH
        .until((Unit::Day, date))
        .map_or(0, |span| i64::from(span.get_days()));
    Value::Tag(TAG_DAYS, Box::new(Value::from(days)))
}

pub(crate) fn decode_date(value: &Value<'_>, claim: &'static str) -> Result<Date, Malformed> {
    let Value::Tag(TAG_DAYS, days) = value else {
        return Err(Malformed::ClaimType(claim));
    };
    let days = days.as_i64().ok_or(Malformed::ClaimType(claim))?;
    let date = jiff::Span::new()
        .try_days(days)
        .and_then(|span| EPOCH.checked_add(span));
    match date {
        Ok(date) => Ok(date),
        Err(_out_of_range) => Err(Malformed::ClaimValue(claim)),
    }
}

/// The civil date in Asia/Shanghai. The zone has been eight hours ahead, without summer time,
/// since 1991, long before the first credential.
pub(crate) fn date_in_china(instant: Timestamp) -> Date {
    Offset::constant(8).to_datetime(instant).date()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fraction_is_dropped_downwards_on_both_sides_of_the_epoch() {
        let after: Timestamp = "2021-06-01T00:00:00.9Z".parse().unwrap();
        let before: Timestamp = "1969-12-31T23:59:59.1Z".parse().unwrap();
        assert_eq!(
            NumericDate::floor(after).to_string(),
            "2021-06-01T00:00:00Z"
        );
        assert_eq!(
            NumericDate::floor(before).to_string(),
            "1969-12-31T23:59:59Z"
        );
        assert_eq!(NumericDate::try_from(after), Err(FractionalSecond));
    }

    #[test]
    fn midnight_in_china_is_four_in_the_afternoon_utc() {
        let last: Timestamp = "2024-09-13T15:59:59Z".parse().unwrap();
        let first: Timestamp = "2024-09-13T16:00:00Z".parse().unwrap();
        assert_eq!(date_in_china(last).to_string(), "2024-09-13");
        assert_eq!(date_in_china(first).to_string(), "2024-09-14");
    }

    proptest! {
        #[test]
        fn every_date_round_trips(year in -9999i16..=9999, month in 1i8..=12, day in 1i8..=28) {
            let date = Date::new(year, month, day).unwrap();
            prop_assert_eq!(decode_date(&encode_date(date), "date"), Ok(date));
        }
    }
}
