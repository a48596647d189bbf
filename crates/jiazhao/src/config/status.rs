//! `[status]`

use super::Source;

/// The status lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusLists {
    /// How often they are published, in seconds.
    pub period_seconds: u32,
}

pub(super) const STATUS: &[&str] = &["period_seconds"];

/// Ten minutes: a list that is fetched once in a period costs its verifiers little, and what
/// matters at once is asked online.
const DEFAULT_PERIOD: u32 = 600;
/// Every period signs anew what changed.
const LEAST_PERIOD: u32 = 10;
/// Six hours: far within the day that a list lasts.
const LONGEST_PERIOD: u32 = 6 * 3600;

pub(super) fn status(source: &mut Source<'_>) -> StatusLists {
    let bounds = (LEAST_PERIOD, LONGEST_PERIOD);
    let period = source.number("status", "period_seconds", bounds);
    StatusLists {
        period_seconds: period.unwrap_or(DEFAULT_PERIOD),
    }
}
