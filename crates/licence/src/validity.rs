//! Terms of validity (有效期限) and when to renew.

use jiff::ToSpan;
use jiff::civil::Date;

use crate::named::named;
use crate::record::ValidUntil;

named! {
    /// How long a licence is valid.
    pub enum Term {
        /// 6 年
        SixYears = "six-years",
        /// 10 年
        TenYears = "ten-years",
        /// 长期
        LongTerm = "long-term",
    }
}

impl Term {
    /// The term after this one. It grows where no points cycle of this term reached 12.
    #[must_use]
    pub const fn next(self, a_cycle_reached_twelve: bool) -> Self {
        match (self, a_cycle_reached_twelve) {
            (same, true) => same,
            (Self::SixYears, false) => Self::TenYears,
            (Self::TenYears | Self::LongTerm, false) => Self::LongTerm,
        }
    }

    /// The last day of a licence of this term.
    #[must_use]
    pub fn valid_until(self, valid_from: Date) -> ValidUntil {
        match self {
            Self::SixYears => ValidUntil::Date(valid_from.saturating_add(6.years())),
            Self::TenYears => ValidUntil::Date(valid_from.saturating_add(10.years())),
            Self::LongTerm => ValidUntil::LongTerm,
        }
    }
}

/// Whether a licence can be renewed on a day: the last 90 days of its validity.
#[must_use]
pub fn in_renewal_window(valid_until: ValidUntil, on: Date) -> bool {
    valid_until
        .date()
        .is_some_and(|last| on <= last && on > last.saturating_sub(90.days()))
}

/// Whether the yearly medical of drivers aged 70 and above applies on a day.
#[must_use]
pub fn needs_yearly_medical(birth_date: Date, on: Date) -> bool {
    birth_date.saturating_add(70.years()) <= on
}
