//! The answer to an offline check: separate facts, never one boolean.
//!
//! A credential alone is authentic at best; a code that its holder's device signed can be good, where
//! the verifier holds a current trust list and a current status list.
//!
//! What could not be checked is its own outcome. It is never "valid", and never said of a
//! licence that nobody has called invalid.

mod code;
mod memory;
mod status;

pub use code::{CodeKind, CodeShown, check_code};
pub use memory::Memory;
pub use status::{Known, Status, StatusSource};

use jiff::{Timestamp, civil::Date};
use serde::Serialize;
use std::fmt;

use crate::{
    claims::{LicenceClaims, Validity},
    code::NotFresh,
    cwt::{Refusal, Unverified, Verified},
    key::KeyId,
    reason::Reason,
    suite::Suite,
    time::{NumericDate, date_in_china},
    trust::{TrustedKey, VerifiedTrustList},
};

/// What is known of a credential offline. `Debug` shows no personal data; the JSON form is for
/// the person who checks.
#[derive(Clone, Serialize)]
pub struct Answer {
    /// A key of the trust list signed exactly these claims.
    pub authentic: bool,
    /// Shown live by its holder. A credential alone never is: it can be copied.
    pub fresh: bool,
    /// The licence's status as a status list has it.
    pub status: Status,
    /// The time as of which the status is known.
    pub status_as_of: Option<NumericDate>,
    /// Whether the person was compared with the portrait.
    pub person: Person,
    /// Everything that stands in the way, each by its code.
    pub reasons: Vec<Reason>,
    /// Who signed, where that is certain.
    pub by: Option<SignedBy>,
    /// The main claims, where they are authentic.
    pub licence: Option<Summary>,
    /// The code that was shown, where one was.
    pub code: Option<CodeShown>,
    /// The trust list under which this was answered.
    pub trust_list: TrustListUsed,
    #[serde(skip)]
    outcome: Outcome,
}

/// Whether the person at hand is the holder, as far as this check knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Person {
    /// Nobody compared face and portrait, and there is no portrait to compare with.
    NotCompared,
    /// An authentic portrait is shown, for somebody to compare the face with it.
    PortraitShown,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Forged, foreign, expired, not yet valid: more checking would not mend it.
    Failed,
    /// Nothing wrong was found, and not everything could be checked: a credential alone, which is
    /// never fresh, at best.
    Unchecked,
    /// Authentic, shown live, and its status is known and good.
    Good,
}

/// Who signed a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignedBy {
    /// The issuer's name.
    pub issuer: String,
    /// The signing key.
    pub key_id: KeyId,
    /// Its suite.
    pub suite: Suite,
}

/// The claims that a person compares with what is shown to him. `Debug` shows none of them.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The credential.
    pub credential_id: String,
    /// The e-licence; a code does not show it.
    pub e_licence_id: Option<String>,
    /// 姓名
    pub name: String,
    /// 证号, in a code with its middle hidden.
    pub licence_number: String,
    /// 准驾车型
    pub classes: Vec<String>,
    /// 有效起始日期
    pub valid_from: Date,
    /// 有效期限: the last day, absent where it is long-term (长期).
    pub valid_until: Option<Date>,
    /// 发证机关代码
    pub authority_code: String,
    /// 发证机关; a code names it by its code alone.
    pub authority_name: Option<String>,
    /// When the credential was signed.
    pub issued_at: NumericDate,
    /// When it stops being technically valid.
    pub expires_at: NumericDate,
}

/// The trust list that was used, and whether it was still current.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TrustListUsed {
    /// Its version.
    pub version: u64,
    /// When it was signed.
    pub issued_at: NumericDate,
    /// When a newer one was due.
    pub next_update: NumericDate,
    /// Whether that was before the check.
    pub stale: bool,
    /// Whether this verifier has seen a later version: somebody gave it an old one.
    pub rolled_back: bool,
}

const NOT_FRESH: Reason = NotFresh::OutsideWindow.reason();
const TRUST_LIST_STALE: Reason = Reason::new(
    "trust-list-stale",
    "信任列表已过更新期限，结果不能视为有效",
    "the trust list is past its next update; the result does not count as valid",
);
const KEY_UNKNOWN: Reason = Reason::new(
    "key-unknown",
    "签名密钥不在这份过期的信任列表中，请更新后再核验",
    "this outdated trust list does not know the signing key; update it and check again",
);
const EXPIRED: Reason = Reason::new(
    "credential-expired",
    "电子凭证已过技术有效期",
    "the credential is past its technical validity",
);
const NOT_YET_VALID: Reason = Reason::new(
    "credential-not-yet-valid",
    "电子凭证尚未生效",
    "the credential is not in force yet",
);
const LICENCE_EXPIRED: Reason = Reason::new(
    "licence-expired",
    "驾驶证已过有效期限",
    "the licence is past its validity",
);
const LICENCE_NOT_YET_VALID: Reason = Reason::new(
    "licence-not-yet-valid",
    "驾驶证有效期尚未开始",
    "the licence's validity has not begun",
);

/// The reasons that are of the check itself, and of no signature or list.
pub(crate) const OWN: [Reason; 10] = [
    TRUST_LIST_STALE,
    KEY_UNKNOWN,
    EXPIRED,
    NOT_YET_VALID,
    LICENCE_EXPIRED,
    LICENCE_NOT_YET_VALID,
    memory::ROLLED_BACK,
    code::NEEDS_SERVER,
    code::CODE_USED,
    code::STATUS_LIST_STALE,
];

/// Checks a credential with nothing but a trust list, as of an instant.
#[must_use]
pub fn check_credential(bytes: &[u8], trust: &VerifiedTrustList, at: Timestamp) -> Answer {
    let unverified = match Unverified::parse(bytes) {
        Ok(unverified) => unverified,
        Err(malformed) => {
            return Answer::refused(Refusal::Malformed(malformed), trust, at);
        }
    };
    match unverified.verify(trust) {
        Ok(verified) => Answer::authentic(verified, trust, at),
        Err(refusal) => Answer::refused(refusal, trust, at),
    }
}

/// [`check_credential`] of many at once, which is several times as fast with SM2; the answers are in
/// the order of the credentials.
#[must_use]
pub fn check_credentials<T: AsRef<[u8]>>(
    credentials: &[T],
    trust: &VerifiedTrustList,
    at: Timestamp,
) -> Vec<Answer> {
    let mut parsed = Vec::with_capacity(credentials.len());
    let read: Vec<_> = credentials
        .iter()
        .map(|bytes| Unverified::parse(bytes.as_ref()).map(|unverified| parsed.push(unverified)))
        .collect();
    let mut verdicts = Unverified::verify_all(&parsed, trust).into_iter();
    let answers = read.into_iter().map(|read| {
        let verdict = match read {
            Ok(()) => verdicts.next().unwrap_or(Err(Refusal::BadSignature)),
            Err(malformed) => Err(Refusal::Malformed(malformed)),
        };
        match verdict {
            Ok(verified) => Answer::authentic(verified, trust, at),
            Err(refusal) => Answer::refused(refusal, trust, at),
        }
    });
    answers.collect()
}

impl Answer {
    /// How the check ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Exit code of `jiazhao verify`: 0 good, 1 failed, 2 could not check.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.outcome {
            Outcome::Good => 0,
            Outcome::Failed => 1,
            Outcome::Unchecked => 2,
        }
    }

    fn refused(refusal: Refusal, trust: &VerifiedTrustList, at: Timestamp) -> Self {
        let newer_list_may_know = matches!(refusal, Refusal::Foreign | Refusal::ReSigned);
        Self::refused_for(refusal.reason(), newer_list_may_know, trust, at)
    }

    /// A key that a stale list does not know may be in the next one, so nobody is called a forger for
    /// it. Anything else is wrong whatever a newer list says.
    fn refused_for(
        reason: Reason,
        newer_list_may_know: bool,
        trust: &VerifiedTrustList,
        at: Timestamp,
    ) -> Self {
        let mut answer = Self::blank(trust, at);
        if answer.trust_list.stale && newer_list_may_know {
            answer.reasons.push(KEY_UNKNOWN);
        } else {
            answer.reasons.push(reason);
            answer.outcome = Outcome::Failed;
        }
        answer.note_stale_list()
    }

    fn authentic(verified: Verified, trust: &VerifiedTrustList, at: Timestamp) -> Self {
        let (claims, key) = verified.into_parts();
        let mut answer = Self::blank(trust, at);
        answer.authentic = true;
        answer.by = Some(SignedBy::of(key));
        answer.reasons.extend(not_in_force(&Terms::of(&claims), at));
        answer.licence = Some(Summary::of(claims));
        if !answer.reasons.is_empty() {
            answer.outcome = Outcome::Failed;
        }
        answer.reasons.push(NOT_FRESH);
        answer.reasons.extend(Status::Unknown.reason());
        answer.note_stale_list()
    }

    fn blank(trust: &VerifiedTrustList, at: Timestamp) -> Self {
        let list = trust.list();
        Self {
            authentic: false,
            fresh: false,
            status: Status::Unknown,
            status_as_of: None,
            person: Person::NotCompared,
            reasons: Vec::new(),
            by: None,
            licence: None,
            code: None,
            trust_list: TrustListUsed {
                version: list.version,
                issued_at: list.issued_at,
                next_update: list.next_update,
                stale: trust.is_stale(at),
                rolled_back: false,
            },
            outcome: Outcome::Unchecked,
        }
    }

    fn note_stale_list(mut self) -> Self {
        if self.trust_list.stale {
            self.reasons.push(TRUST_LIST_STALE);
        }
        self
    }
}

/// The periods in which a licence and its credential hold.
struct Terms {
    not_before: NumericDate,
    expires_at: NumericDate,
    valid_from: Date,
    valid_until: Validity,
}

impl Terms {
    fn of(claims: &LicenceClaims) -> Self {
        Self {
            not_before: claims.not_before,
            expires_at: claims.expires_at,
            valid_from: claims.valid_from,
            valid_until: claims.valid_until,
        }
    }
}

/// What the claims themselves say against their use at this instant.
fn not_in_force(terms: &Terms, at: Timestamp) -> impl Iterator<Item = Reason> {
    let today = date_in_china(at);
    let ended = |last_day| today > last_day;
    [
        (at >= terms.expires_at.timestamp(), EXPIRED),
        (at < terms.not_before.timestamp(), NOT_YET_VALID),
        (
            terms.valid_until.last_day().is_some_and(ended),
            LICENCE_EXPIRED,
        ),
        (today < terms.valid_from, LICENCE_NOT_YET_VALID),
    ]
    .into_iter()
    .filter_map(|(applies, reason)| applies.then_some(reason))
}

impl SignedBy {
    fn of(key: TrustedKey) -> Self {
        Self {
            key_id: *key.key_id(),
            suite: key.public_key.suite().clone(),
            issuer: key.issuer,
        }
    }
}

impl Summary {
    fn of(claims: LicenceClaims) -> Self {
        Self {
            credential_id: claims.credential_id,
            e_licence_id: Some(claims.e_licence_id),
            name: claims.name,
            licence_number: claims.licence_number,
            classes: claims.classes,
            valid_from: claims.valid_from,
            valid_until: claims.valid_until.last_day(),
            authority_code: claims.authority_code,
            authority_name: Some(claims.authority_name),
            issued_at: claims.issued_at,
            expires_at: claims.expires_at,
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes: Vec<_> = self.reasons.iter().map(|reason| reason.code).collect();
        f.debug_struct("Answer")
            .field("authentic", &self.authentic)
            .field("outcome", &self.outcome)
            .field("reasons", &codes)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Summary")
            .field("credential_id", &self.credential_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
