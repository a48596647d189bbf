//! The answer to an offline check of a code.

use jiff::Timestamp;
use serde::Serialize;
use std::fmt;

use super::{
    Answer, Memory, Outcome, Person, SignedBy, Status, StatusSource, Summary, Terms, not_in_force,
};
use crate::{
    code::{Code, CodeRefusal, OfflineCode, check_window},
    cwt::Refusal,
    malformed::Malformed,
    numeric::NumericCode,
    profile::{Form, ProfileClaims, VerifiedProfile},
    reason::Reason,
    rest::SealedRest,
    stamp::StampRefusal,
    time::NumericDate,
    trust::VerifiedTrustList,
};

/// The code that was shown. `Debug` shows no personal data.
#[derive(Clone, Serialize)]
pub struct CodeShown {
    /// Which kind.
    pub kind: CodeKind,
    /// When the device made it; a numeric code does not say.
    pub made_at: Option<NumericDate>,
    /// When the server last saw the device, in an offline code.
    pub renewed_at: Option<NumericDate>,
    /// Whether an enforcement code had no room for the address.
    pub address_left_out: bool,
    /// The authentic portrait, WebP.
    #[serde(skip)]
    pub portrait: Option<Vec<u8>>,
    /// The rest of the licence, for whoever has the enforcement key.
    #[serde(skip)]
    pub rest: Option<SealedRest>,
}

/// The kinds of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodeKind {
    /// 数字码
    Numeric,
    /// 动态码
    Dynamic,
    /// 离线码
    Offline,
    /// 离线码（执法）
    Enforcement,
}

pub(super) const NEEDS_SERVER: Reason = Reason::new(
    "needs-server",
    "此码须联网核验",
    "this code can only be checked with the server",
);
pub(super) const CODE_USED: Reason = Reason::new(
    "code-used",
    "此码已使用过，请持证人重新出示",
    "this code was shown before; ask the holder for a new one",
);
pub(super) const STATUS_LIST_STALE: Reason = Reason::new(
    "status-list-stale",
    "状态列表已过更新期限，未能核查驾驶证当前状态",
    "the status list is past its next update: the present status could not be checked",
);

/// Checks a code's text with nothing but a trust list, status lists, and what this verifier remembers.
///
/// Codes that only the server can tell (numeric, dynamic) are not checked here, and never good.
#[must_use]
pub fn check_code(
    text: &str,
    trust: &VerifiedTrustList,
    lists: &StatusSource,
    memory: Option<&mut Memory>,
    at: Timestamp,
) -> Answer {
    let mut unremembered = Memory::default();
    let memory = memory.unwrap_or(&mut unremembered);
    let answer = match Code::parse(text) {
        Ok(Code::Offline(code)) => match code.authenticate(trust) {
            Ok(profile) => Answer::of_profile(&code, &profile, trust, at)
                .shown_now(&code, profile.claims(), memory, at)
                .with_status(profile.claims(), lists, at)
                .judged(),
            Err(refusal) => Answer::refused_code(refusal, trust, at),
        },
        Ok(Code::Dynamic(code)) => {
            Answer::online_only(CodeKind::Dynamic, Some(code.time), trust, at)
        }
        Err(Malformed::NotCodeText) if NumericCode::parse(text).is_ok() => {
            Answer::online_only(CodeKind::Numeric, None, trust, at)
        }
        Err(malformed) => Answer::refused(Refusal::Malformed(malformed), trust, at),
    };
    memory.judge(trust, answer)
}

impl Answer {
    fn refused_code(refusal: CodeRefusal, trust: &VerifiedTrustList, at: Timestamp) -> Self {
        let newer_list_may_know = matches!(
            refusal,
            CodeRefusal::Profile(Refusal::Foreign) | CodeRefusal::Stamp(StampRefusal::KeyUnknown)
        );
        Self::refused_for(refusal.reason(), newer_list_may_know, trust, at)
    }

    fn online_only(
        kind: CodeKind,
        made_at: Option<NumericDate>,
        trust: &VerifiedTrustList,
        at: Timestamp,
    ) -> Self {
        let mut answer = Self::blank(trust, at);
        answer.code = Some(CodeShown::bare(kind, made_at));
        // Nobody vouches for the time; but one that is past makes a good answer impossible.
        if let Some(Err(not_fresh)) = made_at.map(|time| check_window(time, at)) {
            answer.reasons.push(not_fresh.reason());
            answer.outcome = Outcome::Failed;
        }
        answer.reasons.push(NEEDS_SERVER);
        answer.note_stale_list()
    }

    /// The facts that hold whatever the clock says, and the claims' own terms.
    fn of_profile(
        code: &OfflineCode,
        profile: &VerifiedProfile,
        trust: &VerifiedTrustList,
        at: Timestamp,
    ) -> Self {
        let claims = profile.claims();
        let mut answer = Self::blank(trust, at);
        answer.authentic = true;
        answer.by = Some(SignedBy::of(profile.key().clone()));
        answer.licence = Some(Summary::of_profile(claims));
        answer.code = Some(CodeShown::offline(code, claims));
        if code.portrait.is_some() {
            answer.person = Person::PortraitShown;
        }
        answer.outcome = Outcome::Good;
        for reason in not_in_force(&Terms::of_profile(claims), at) {
            answer.fail(reason);
        }
        answer
    }

    fn shown_now(
        mut self,
        code: &OfflineCode,
        claims: &ProfileClaims,
        memory: &mut Memory,
        at: Timestamp,
    ) -> Self {
        let in_window = check_window(code.time, at);
        let in_term = code.stamp.check_term(at);
        if let Err(not_fresh) = in_window {
            self.fail(not_fresh.reason());
        } else if !memory.is_new(claims.credential_id, code.time, at) {
            self.fail(CODE_USED);
            return self;
        }
        if let Err(lapse) = in_term {
            self.fail(lapse.reason());
        }
        self.fresh = in_window.is_ok() && in_term.is_ok();
        self
    }

    fn with_status(mut self, claims: &ProfileClaims, lists: &StatusSource, at: Timestamp) -> Self {
        let Some(known) = lists.value(claims.status, claims.issued_at, at) else {
            self.leave_open(Status::Unknown.reason());
            return self;
        };
        self.status_as_of = Some(known.as_of);
        if known.stale {
            self.leave_open(Some(STATUS_LIST_STALE));
            return self;
        }
        self.status = known.status;
        match known.status {
            Status::Valid => {}
            Status::Unknown => self.leave_open(Status::Unknown.reason()),
            Status::Invalid | Status::Suspended | Status::Red => {
                self.reasons.extend(known.status.reason());
                self.outcome = Outcome::Failed;
            }
        }
        self
    }

    fn judged(mut self) -> Self {
        if self.trust_list.stale && self.outcome == Outcome::Good {
            self.outcome = Outcome::Unchecked;
        }
        self.note_stale_list()
    }

    fn fail(&mut self, reason: Reason) {
        self.reasons.push(reason);
        self.outcome = Outcome::Failed;
    }

    fn leave_open(&mut self, reason: Option<Reason>) {
        self.reasons.extend(reason);
        if self.outcome == Outcome::Good {
            self.outcome = Outcome::Unchecked;
        }
    }
}

impl Terms {
    fn of_profile(claims: &ProfileClaims) -> Self {
        Self {
            not_before: claims.not_before,
            expires_at: claims.expires_at,
            valid_from: claims.valid_from,
            valid_until: claims.valid_until,
        }
    }
}

impl Summary {
    fn of_profile(claims: &ProfileClaims) -> Self {
        Self {
            credential_id: claims.credential_id.to_string(),
            e_licence_id: None,
            name: claims.name.clone(),
            licence_number: claims.masked_number.as_str().to_owned(),
            classes: claims.classes.clone(),
            valid_from: claims.valid_from,
            valid_until: claims.valid_until.last_day(),
            authority_code: claims.authority_code.clone(),
            authority_name: None,
            issued_at: claims.issued_at,
            expires_at: claims.expires_at,
        }
    }
}

impl CodeShown {
    fn bare(kind: CodeKind, made_at: Option<NumericDate>) -> Self {
        Self {
            kind,
            made_at,
            renewed_at: None,
            address_left_out: false,
            portrait: None,
            rest: None,
        }
    }

    fn offline(code: &OfflineCode, claims: &ProfileClaims) -> Self {
        let (kind, address_left_out, rest) = match &claims.form {
            Form::Public { .. } => (CodeKind::Offline, false, None),
            Form::Enforcement {
                rest,
                address_left_out,
            } => (CodeKind::Enforcement, *address_left_out, Some(rest.clone())),
        };
        Self {
            renewed_at: Some(code.stamp.renewed_at),
            address_left_out,
            portrait: code.portrait.clone(),
            rest,
            ..Self::bare(kind, Some(code.time))
        }
    }
}

impl fmt::Debug for CodeShown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeShown")
            .field("kind", &self.kind)
            .field("made_at", &self.made_at)
            .finish_non_exhaustive()
    }
}
