//! The status lists that a verifier holds, and what they say.

use jiff::Timestamp;
use serde::Serialize;
use std::{collections::BTreeMap, fmt};

use crate::{profile::StatusPlace, reason::Reason, time::NumericDate};

/// The licence's status, as far as a check knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Status {
    /// No current status list speaks of it.
    Unknown,
    /// Usable.
    Valid,
    /// This credential is over: superseded, replaced, or the licence with it.
    Invalid,
    /// Not usable at present. The public lists say no more of a red code than this.
    Suspended,
    /// A red code: the licence is withheld, overdue, or out of its term.
    Red,
}

impl Status {
    /// The value of a status list (Token Status List; three is of this system).
    fn of(value: u8) -> Self {
        match value {
            0 => Self::Valid,
            1 => Self::Invalid,
            2 => Self::Suspended,
            3 => Self::Red,
            // A value that nobody has given a meaning is no status.
            _ => Self::Unknown,
        }
    }

    /// Why this status stands in the way; none where it does not.
    #[must_use]
    pub const fn reason(self) -> Option<Reason> {
        let reason = match self {
            Self::Valid => return None,
            Self::Unknown => Reason::new(
                "status-unknown",
                "未能核查驾驶证当前状态",
                "the licence's status could not be checked",
            ),
            Self::Invalid => Reason::new(
                "status-invalid",
                "该电子凭证已失效或已被更换",
                "this credential is no longer in force, or was replaced",
            ),
            Self::Suspended => Reason::new(
                "status-suspended",
                "驾驶证当前不可使用，请联系发证机关核实",
                "the licence cannot be used at present; ask the issuing authority",
            ),
            Self::Red => Reason::new(
                "status-red",
                "驾驶证状态异常（红码）",
                "the licence is shown in red: it does not entitle at present",
            ),
        };
        Some(reason)
    }
}

/// What is known of one place, and as of when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The value, as its list had it.
    pub status: Status,
    /// When that list was made.
    pub as_of: NumericDate,
    /// Whether a newer list should have been fetched by now: then the value is a memory, and no
    /// answer.
    pub stale: bool,
}

/// One status list whose signature was checked, as a verifier keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct HeldList {
    /// Bits of one value: 1, 2, 4 or 8.
    pub bits: u8,
    /// The values, the first in the least significant bits of the first byte.
    pub values: Vec<u8>,
    /// When it was made.
    pub as_of: NumericDate,
    /// From this instant on it is stale.
    pub next_update: NumericDate,
}

impl HeldList {
    fn value(&self, index: u64) -> Option<u8> {
        let per_byte = match self.bits {
            1 => 8,
            2 => 4,
            4 => 2,
            8 => 1,
            _ => return None,
        };
        let byte = *self.values.get(usize::try_from(index / per_byte).ok()?)?;
        let place = u32::try_from(index % per_byte).ok()?;
        let mask = u8::MAX.checked_shr(8 - u32::from(self.bits))?;
        Some(byte.checked_shr(place * u32::from(self.bits))? & mask)
    }
}

impl fmt::Debug for HeldList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldList")
            .field("bits", &self.bits)
            .field("as_of", &self.as_of)
            .finish_non_exhaustive()
    }
}

/// All status lists that a verifier holds, by number. Without any, every status is unknown.
#[derive(Clone, Debug, Default)]
pub struct StatusSource(BTreeMap<u64, HeldList>);

impl StatusSource {
    /// Takes a list whose signature was checked. Of two with one number the newer stays, whichever
    /// comes last: an old list given again takes nothing back.
    pub fn hold(&mut self, number: u64, list: HeldList) {
        let newer = self
            .0
            .get(&number)
            .is_none_or(|held| held.as_of < list.as_of);
        if newer {
            self.0.insert(number, list);
        }
    }

    /// What is known of a place at this instant; nothing where no list speaks of it.
    #[must_use]
    pub fn value(&self, place: StatusPlace, at: Timestamp) -> Option<Known> {
        let list = self.0.get(&place.list)?;
        Some(Known {
            status: Status::of(list.value(place.index)?),
            as_of: list.as_of,
            stale: at >= list.next_update.timestamp(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{instant, second};

    fn list(bits: u8, values: &[u8]) -> HeldList {
        HeldList {
            bits,
            values: values.to_vec(),
            as_of: second("2021-09-14T00:00:00Z"),
            next_update: second("2021-09-15T00:00:00Z"),
        }
    }

    fn statuses(held: HeldList) -> Vec<Option<Status>> {
        let mut source = StatusSource::default();
        source.hold(7, held);
        let at = instant("2021-09-14T12:00:00Z");
        let place = |index| StatusPlace { list: 7, index };
        (0..9)
            .map(|index| Some(source.value(place(index), at)?.status))
            .collect()
    }

    #[test]
    fn every_width_is_read_from_the_least_significant_bit() {
        use Status::{Invalid, Red, Suspended, Unknown, Valid};
        let some = |statuses: &[Status]| -> Vec<Option<Status>> {
            let mut all: Vec<_> = statuses.iter().copied().map(Some).collect();
            all.resize(9, None);
            all
        };
        let eight = [
            Valid, Invalid, Valid, Valid, Invalid, Invalid, Valid, Invalid,
        ];
        assert_eq!(statuses(list(1, &[0b1011_0010])), some(&eight));
        let four = [Red, Valid, Suspended, Invalid];
        assert_eq!(statuses(list(2, &[0b0110_0011])), some(&four));
        assert_eq!(
            statuses(list(4, &[0x93, 0x20])),
            some(&[Red, Unknown, Valid, Suspended])
        );
        assert_eq!(
            statuses(list(8, &[1, 0, 255])),
            some(&[Invalid, Valid, Unknown])
        );
        assert_eq!(statuses(list(3, &[0, 0])), some(&[]), "no such width");
    }

    #[test]
    fn sc_13_a_list_speaks_as_of_its_time_and_is_stale_from_its_next_update() {
        let mut source = StatusSource::default();
        let place = StatusPlace { list: 7, index: 0 };
        let at = instant("2021-09-14T23:59:59Z");
        assert_eq!(source.value(place, at), None);
        source.hold(7, list(2, &[0]));
        let known = source.value(place, at).unwrap();
        assert_eq!(
            (known.status, known.as_of, known.stale),
            (Status::Valid, second("2021-09-14T00:00:00Z"), false)
        );
        assert!(
            source
                .value(place, instant("2021-09-15T00:00:00Z"))
                .unwrap()
                .stale
        );
    }

    #[test]
    fn an_older_list_takes_nothing_back() {
        let older = HeldList {
            as_of: second("2021-09-13T00:00:00Z"),
            ..list(2, &[0])
        };
        for lists in [[list(2, &[1]), older.clone()], [older, list(2, &[1])]] {
            let mut source = StatusSource::default();
            for list in lists {
                source.hold(7, list);
            }
            let place = StatusPlace { list: 7, index: 0 };
            let known = source
                .value(place, instant("2021-09-14T12:00:00Z"))
                .unwrap();
            assert_eq!(known.status, Status::Invalid);
        }
    }
}
