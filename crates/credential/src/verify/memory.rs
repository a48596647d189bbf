//! What a verifier that stands alone remembers from one check to the next.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::{Answer, Outcome};
use crate::{
    code::{CLOCK_OFF, LASTS},
    malformed::Malformed,
    profile::CredentialId,
    reason::Reason,
    time::NumericDate,
    trust::VerifiedTrustList,
};

/// The highest version of the trust list seen, and the codes of the last minutes.
///
/// Without the version, whoever can hand a verifier an old file brings back a key that was revoked
/// since. Without the codes, whoever photographs a screen shows the photograph to the same verifier
/// within the code's minute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    trust_version: u64,
    /// By credential, the time of the latest code.
    shown: BTreeMap<CredentialId, NumericDate>,
}

/// How long a code is remembered: until it is outside its window even for a clock that was set back a
/// little meanwhile.
const REMEMBERED: SignedDuration = LASTS.saturating_add(CLOCK_OFF);

/// Largest file: some thousand codes.
const MAX_FILE: usize = 1 << 20;

const FORMAT: &str = "jiazhao-verifier/1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    trust_version: u64,
    shown: BTreeMap<String, NumericDate>,
}

pub(super) const ROLLED_BACK: Reason = Reason::new(
    "trust-list-rolled-back",
    "信任列表比本机用过的版本旧，结果不能视为有效",
    "the trust list is older than one that was used here; the result does not count as valid",
);

impl Memory {
    /// As a file keeps it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let shown = self.shown.iter();
        let file = File {
            format: FORMAT.to_owned(),
            trust_version: self.trust_version,
            shown: shown.map(|(id, time)| (id.to_string(), *time)).collect(),
        };
        // Strings and numbers only: serialising them cannot fail.
        serde_json::to_string(&file).unwrap_or_default()
    }

    /// Reads that file.
    ///
    /// # Errors
    /// [`Malformed::NotVerifierState`].
    pub fn from_json(json: &[u8]) -> Result<Self, Malformed> {
        let Ok(file) = serde_json::from_slice::<File>(json) else {
            return Err(Malformed::NotVerifierState);
        };
        if json.len() > MAX_FILE || file.format != FORMAT {
            return Err(Malformed::NotVerifierState);
        }
        let mut shown = BTreeMap::new();
        for (id, time) in file.shown {
            let mut bytes = [0; 16];
            if hex::decode_to_slice(&id, &mut bytes).is_err() {
                return Err(Malformed::NotVerifierState);
            }
            shown.insert(CredentialId::from_bytes(bytes), time);
        }
        Ok(Self {
            trust_version: file.trust_version,
            shown,
        })
    }

    /// Takes note of the trust list under which something was answered. Under one that is older than
    /// another seen here, nothing is good.
    #[must_use]
    pub fn judge(&mut self, trust: &VerifiedTrustList, mut answer: Answer) -> Answer {
        let version = trust.list().version;
        if version < self.trust_version {
            answer.trust_list.rolled_back = true;
            answer.reasons.push(ROLLED_BACK);
            if answer.outcome == Outcome::Good {
                answer.outcome = Outcome::Unchecked;
            }
        } else {
            self.trust_version = version;
        }
        answer
    }

    /// Whether this credential's code of this time was not shown here before. Codes are told apart by
    /// their time, so that a signature in its other form makes no new one.
    pub(super) fn is_new(&mut self, id: CredentialId, time: NumericDate, at: Timestamp) -> bool {
        self.shown
            .retain(|_, shown| at.duration_since(shown.timestamp()) <= REMEMBERED);
        let new = self.shown.get(&id).is_none_or(|shown| *shown < time);
        if new {
            self.shown.insert(id, time);
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{CREDENTIAL, instant, second};

    #[test]
    fn a_memory_comes_back_from_its_file_and_other_files_do_not() {
        let mut memory = Memory {
            trust_version: 9,
            ..Memory::default()
        };
        let time = second("2021-09-15T00:00:00Z");
        assert!(memory.is_new(CREDENTIAL, time, time.timestamp()));
        assert_eq!(
            Memory::from_json(memory.to_json().as_bytes()),
            Ok(memory.clone())
        );
        let json = memory.to_json();
        for other in [
            String::new(),
            "{}".to_owned(),
            json.replace("verifier/1", "verifier/2"),
            json.replace("4f4f", "4g4f"),
            json.replace("{\"format", "{\"more\":1,\"format"),
            " ".repeat(MAX_FILE) + &json,
        ] {
            let read = Memory::from_json(other.as_bytes());
            assert_eq!(read, Err(Malformed::NotVerifierState), "{other:.60}");
        }
    }

    #[test]
    fn codes_are_remembered_for_longer_than_they_are_good() {
        let mut memory = Memory::default();
        let time = second("2021-09-15T00:00:00Z");
        let mut is_new = |time, at: &str| memory.is_new(CREDENTIAL, time, instant(at));
        assert!(is_new(time, "2021-09-15T00:00:10Z"));
        assert!(!is_new(time, "2021-09-15T00:00:59Z"));
        assert!(!is_new(time, "2021-09-15T00:06:00Z"));
        assert!(is_new(
            second("2021-09-15T00:06:00Z"),
            "2021-09-15T00:06:00Z"
        ));
        assert!(
            !is_new(second("2021-09-15T00:05:59Z"), "2021-09-15T00:06:00Z"),
            "an earlier one"
        );
        memory.is_new(
            CredentialId::from_bytes([1; 16]),
            time,
            instant("2021-09-15T01:00:00Z"),
        );
        assert_eq!(memory.shown.len(), 1, "what is long past is forgotten");
    }
}
