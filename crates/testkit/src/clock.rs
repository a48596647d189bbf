//! Instants that stand still, and a clock that moves when a test says so.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use jiff::{SignedDuration, Timestamp};

/// Noon in Shanghai on 2024-09-02, a Monday: every city of the first batch takes part.
#[must_use]
pub fn monday_noon() -> Timestamp {
    at("2024-09-02T04:00:00Z")
}

/// 16:00 in Shanghai on Friday 2024-09-13, before a make-up working Saturday (SC-06).
#[must_use]
pub fn friday_before_make_up_day() -> Timestamp {
    at("2024-09-13T08:00:00Z")
}

/// The last second of 2021-08-31 in Shanghai, before the first batch opens (SC-01).
#[must_use]
pub fn eve_of_first_batch() -> Timestamp {
    at("2021-08-31T15:59:59Z")
}

/// An instant written as in RFC 3339.
///
/// # Panics
/// When the text is not an instant.
#[must_use]
pub fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant as in RFC 3339")
}

/// A clock that a test sets. Clones share the hand; it counts microseconds, as the store does.
#[derive(Clone, Debug)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// A clock that stands at `instant`.
    #[must_use]
    pub fn new(instant: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(instant.as_microsecond())))
    }

    /// What it shows.
    ///
    /// # Panics
    /// When it was advanced beyond the year 9999.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.load(Ordering::SeqCst))
            .expect("the clock stands within the years that instants have")
    }

    /// Sets it.
    pub fn set(&self, instant: Timestamp) {
        self.0.store(instant.as_microsecond(), Ordering::SeqCst);
    }

    /// Moves it; a negative duration moves it back.
    ///
    /// # Panics
    /// When the duration exceeds 290,000 years.
    pub fn advance(&self, by: SignedDuration) {
        let micros = i64::try_from(by.as_micros()).expect("a duration that fits");
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_hand() {
        let clock = TestClock::new(monday_noon());
        let other = clock.clone();
        clock.advance(SignedDuration::from_secs(61));
        assert_eq!(other.now(), at("2024-09-02T04:01:01Z"));
        other.set(eve_of_first_batch());
        other.advance(SignedDuration::from_millis(-500));
        assert_eq!(clock.now(), at("2021-08-31T15:59:58.5Z"));
    }
}
