//! What can be said of a code while the records cannot be reached (SC-44): what it carries itself, and
//! the status that this node last knew. That is what anybody reads out of the code and the public
//! status lists, and nothing more; nothing of it is recorded, and it is no verification.

use std::sync::atomic::Ordering;

use credential::{Code, NumericCode, OfflineCode, Validity, VerifiedProfile, code::PREFIX};
use jiff::Timestamp;
use licence::StatusValue;
use storage::StatusPlace;

use super::presented::{Unusable, check_offline};
use crate::{
    Authority, refusal,
    views::{KnownLicence, KnownView, ReasonView},
};

impl Authority {
    /// What can be said of a code without the records.
    pub async fn known_of(&self, now: Timestamp, text: &str) -> KnownView {
        let of_kind = |kind: &str| KnownView {
            code_kind: kind.to_owned(),
            authentic: "could-not-check".to_owned(),
            fresh: "could-not-check".to_owned(),
            status: "unknown".to_owned(),
            status_as_of: self.reached(),
            licence: None,
            reasons: Vec::new(),
        };
        if !text.starts_with(PREFIX) {
            let numeric = NumericCode::parse(text).is_ok();
            return of_kind(if numeric { "numeric" } else { "unknown" });
        }
        match Code::parse(text) {
            Err(malformed) => {
                let unusable = Unusable::because(refusal::NOT_A_CODE, malformed.reason());
                KnownView {
                    authentic: "no".to_owned(),
                    reasons: reasons(&unusable),
                    ..of_kind("unknown")
                }
            }
            Ok(Code::Dynamic(_)) => of_kind("dynamic"),
            Ok(Code::Offline(code)) => self.known_offline(now, code, of_kind("offline")).await,
        }
    }

    async fn known_offline(&self, now: Timestamp, code: OfflineCode, view: KnownView) -> KnownView {
        let authority = self.clone();
        let checked = tokio::task::spawn_blocking(move || {
            let signing = authority.signing().ok()?;
            Some(check_offline(&code, &signing.trust, now))
        });
        match checked.await {
            Ok(Some(Ok(profile))) => KnownView {
                authentic: "yes".to_owned(),
                fresh: "yes".to_owned(),
                status: self.public_status(&profile).to_owned(),
                licence: Some(licence(&profile)),
                ..view
            },
            Ok(Some(Err(unusable))) => {
                let code = unusable.refused.code();
                let late = [refusal::CODE_NOT_FRESH, refusal::CODE_CLOCK_OFF];
                let late = late.iter().any(|refusal| refusal.code == code);
                let (authentic, fresh) = if late {
                    ("yes", "no")
                } else {
                    ("no", "could-not-check")
                };
                KnownView {
                    authentic: authentic.to_owned(),
                    fresh: fresh.to_owned(),
                    reasons: reasons(&unusable),
                    ..view
                }
            }
            Ok(None) | Err(_) => view,
        }
    }

    /// What the public list says: red is told apart for authorised verifiers only.
    fn public_status(&self, profile: &VerifiedProfile) -> &'static str {
        let place = profile.claims().status;
        let (Ok(list), Ok(index)) = (u32::try_from(place.list), u32::try_from(place.index)) else {
            return "unknown";
        };
        let value = self.status_in_memory(StatusPlace { list, index });
        match value.and_then(StatusValue::from_value) {
            Some(StatusValue::Valid) => "valid",
            Some(StatusValue::Invalid) => "invalid",
            Some(StatusValue::Suspended | StatusValue::Red) => "suspended",
            None => "unknown",
        }
    }

    /// When the records were last reached.
    fn reached(&self) -> Timestamp {
        let reached = self.inner.reached.load(Ordering::Relaxed);
        Timestamp::from_microsecond(reached).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The records were reached at this instant; what this node follows is as new, or will be within
    /// its next step.
    pub(crate) fn note_reached(&self, now: Timestamp) {
        let reached = &self.inner.reached;
        reached.fetch_max(now.as_microsecond(), Ordering::Relaxed);
    }
}

fn reasons(unusable: &Unusable) -> Vec<ReasonView> {
    let refused = unusable.refused.refusal();
    let own = crate::authentic::plain(refused.code, refused.text.zh, refused.text.en);
    let because = unusable.refused.reasons().iter().map(ReasonView::from);
    std::iter::once(own).chain(because).collect()
}

fn licence(profile: &VerifiedProfile) -> KnownLicence {
    let claims = profile.claims();
    KnownLicence {
        name: claims.name.clone(),
        masked_number: claims.masked_number.as_str().to_owned(),
        classes: claims.classes.clone(),
        valid_from: claims.valid_from,
        valid_until: match claims.valid_until {
            Validity::Until(date) => date.to_string(),
            Validity::LongTerm => "long-term".to_owned(),
        },
        authority_code: claims.authority_code.clone(),
    }
}
