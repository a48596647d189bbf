//! The status lists that a verifier holds, and what they say.

use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

use crate::{
    profile::StatusPlace, reason::Reason, status_list::VerifiedStatusList, time::NumericDate,
};

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

/// All status lists that a verifier holds, by number. Without any, every status is unknown.
#[derive(Clone, Debug, Default)]
pub struct StatusSource(BTreeMap<u64, VerifiedStatusList>);

impl StatusSource {
    /// Takes a list. Of two with one number the newer stays, whichever comes last, so that an old list
    /// given again takes nothing back; of two of one time the one that says more.
    pub fn hold(&mut self, list: VerifiedStatusList) {
        let rank = |list: &VerifiedStatusList| (list.issued_at(), list.width());
        let number = u64::from(list.number());
        let held = self.0.get(&number);
        if held.is_none_or(|held| rank(held) < rank(&list)) {
            self.0.insert(number, list);
        }
    }

    /// What is known at this instant of a credential that was signed at another; nothing where no list
    /// speaks of it.
    ///
    /// A list that was made before the credential says nothing of it: a place that nobody had then
    /// reads as invalid.
    #[must_use]
    pub fn value(
        &self,
        place: StatusPlace,
        signed_at: NumericDate,
        at: Timestamp,
    ) -> Option<Known> {
        let list = self.0.get(&place.list)?;
        if list.issued_at() <= signed_at {
            return None;
        }
        Some(Known {
            status: Status::of(list.value(place.index)?),
            as_of: list.issued_at(),
            stale: list.is_stale(at),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        samples::{instant, second, signer, trusted_online, verified},
        signer::Signer as _,
        status_list::{ListClaims, StatusList, UnverifiedStatusList, Width, sign_cwt},
        suite::Suite,
    };

    const MADE: &str = "2021-09-14T00:00:00Z";
    const NOON: &str = "2021-09-14T12:00:00Z";

    fn list(width: Width, values: &[u8], made: &str) -> VerifiedStatusList {
        let online = signer(&Suite::Es256, 0x22);
        let values = StatusList::from_bytes(width, values.to_vec()).unwrap();
        let claims = ListClaims {
            subject: "https://jiazhao.example/api/v1/status-lists/7".to_owned(),
            issued_at: second(made),
            expires_at: second("2021-09-15T00:00:00Z"),
            ttl: 600,
            list: values.compress(),
        };
        let trust = verified(vec![trusted_online(online.public_key())]);
        let cwt = sign_cwt(&claims, &online).unwrap();
        UnverifiedStatusList::parse(&cwt)
            .unwrap()
            .verify(&trust)
            .unwrap()
    }

    fn known(source: &StatusSource, index: u64, at: &str) -> Option<Known> {
        let place = StatusPlace { list: 7, index };
        source.value(place, second("2021-09-01T00:00:00Z"), instant(at))
    }

    #[test]
    fn sc_13_a_list_speaks_as_of_its_time_and_is_stale_from_its_next_update() {
        let mut source = StatusSource::default();
        assert_eq!(known(&source, 0, NOON), None);
        source.hold(list(Width::Four, &[0x10, 0x32, 0x09], MADE));
        let statuses: Vec<_> = (0..6)
            .map(|index| known(&source, index, NOON).unwrap().status)
            .collect();
        let (unknown, valid) = (Status::Unknown, Status::Valid);
        let expected = [
            valid,
            Status::Invalid,
            Status::Suspended,
            Status::Red,
            unknown,
            valid,
        ];
        assert_eq!(statuses, expected);
        let first = known(&source, 0, NOON).unwrap();
        assert_eq!((first.as_of, first.stale), (second(MADE), false));
        assert!(known(&source, 0, "2021-09-15T00:00:00Z").unwrap().stale);
        assert_eq!(known(&source, 6, NOON), None, "beyond its end");
    }

    #[test]
    fn a_list_says_nothing_of_a_credential_that_was_signed_after_it() {
        let mut source = StatusSource::default();
        source.hold(list(Width::Two, &[0x55], MADE));
        let place = StatusPlace { list: 7, index: 0 };
        let value = |signed_at| source.value(place, second(signed_at), instant(NOON));
        assert_eq!(value(MADE), None);
        let before = value("2021-09-13T23:59:59Z").unwrap();
        assert_eq!(before.status, Status::Invalid);
    }

    #[test]
    fn an_older_list_takes_nothing_back_and_of_one_time_the_wider_stays() {
        let newer = || list(Width::Two, &[0x01], MADE);
        let older = || list(Width::Two, &[0x00], "2021-09-13T00:00:00Z");
        let wider = || list(Width::Four, &[0x03], MADE);
        for (lists, expected) in [
            ([newer(), older()], Status::Invalid),
            ([older(), newer()], Status::Invalid),
            ([newer(), wider()], Status::Red),
            ([wider(), newer()], Status::Red),
        ] {
            let mut source = StatusSource::default();
            for list in lists {
                source.hold(list);
            }
            assert_eq!(known(&source, 0, NOON).unwrap().status, expected);
        }
    }
}
