//! What person checks (实人认证) share, whether they let an application go on or activate a device: the
//! form of an answer, whose key signed it, the word of an identity service, and how an end is written
//! down.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use credential::{
    PublicKey, Suite,
    device::{Evidence, person_check_proof},
};
use jiff::{SignedDuration, Timestamp};
use licence::person_check::{Method, Outcome};
use portrait::challenge::{Challenge, Frame, MOST_FRAMES};
use storage::{ClosedCheck, NewPersonCheck, PersonCheckId, PersonCheckRow};
use zeroize::Zeroizing;

use crate::{
    Authority, Error,
    apply::image_bytes,
    applying::signs,
    identity::{IdentityClaim, NotAsked, Proved},
    refusal,
    registry_write::sha256_of,
    views::{FrameView, MethodView, PersonCheckChallengeView, StepView},
};

/// How long the answer may take: five steps take half a minute, a slow network a minute more. Frames
/// that somebody had made to order would have to be made within it.
pub(crate) const ANSWER_WITHIN: SignedDuration = SignedDuration::from_mins(3);
/// What a client's clock may be off, between the opening and the last frame.
const CLOCK_SLACK_MS: i64 = 5_000;
/// Bytes of a frame; `portrait` says the same of its pixels.
const MOST_FRAME_BYTES: usize = portrait::Limits::FRAME.max_bytes;

/// What came of the answer.
pub(crate) struct Concluded {
    pub(crate) outcome: Outcome,
    pub(crate) codes: Vec<String>,
    /// Distance and similarity, where faces were compared.
    pub(crate) measured: Option<(f32, f32)>,
}

impl Concluded {
    pub(crate) fn refused(code: &str) -> Self {
        Self {
            outcome: Outcome::Reject,
            codes: vec![code.to_owned()],
            measured: None,
        }
    }

    /// As it is stored.
    pub(crate) fn closed(&self, at: Timestamp) -> Result<ClosedCheck, Error> {
        let reasons = serde_json::json!({"v": 1, "codes": self.codes}).to_string();
        let distances = match self.measured {
            Some((distance, similarity)) => {
                let measured =
                    serde_json::json!({"v": 1, "distance": distance, "similarity": similarity});
                let text = serde_json::to_vec(&measured)
                    .map_err(|_not_json| Error::Internal("distances cannot be written"))?;
                Some(Zeroizing::new(text))
            }
            None => None,
        };
        Ok(ClosedCheck {
            outcome: self.outcome,
            reasons,
            distances,
            at,
        })
    }
}

/// A frame as it came.
pub(crate) struct Taken {
    step: u8,
    at_ms: u32,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

/// Bytes of an identity service's token at most.
const LONGEST_TOKEN: usize = 8 << 10;

/// What a check is answered with.
pub(crate) enum Answer {
    Frames(Vec<Taken>),
    /// By what the identity service knows what it saw.
    Token(Zeroizing<String>),
}

impl Answer {
    /// Reads it; too many or too large frames are refused before anything is judged.
    pub(crate) fn read(
        method: Method,
        frames: Vec<FrameView>,
        token: Option<String>,
    ) -> Result<Self, Error> {
        match method {
            Method::Frames => taken(frames).map(Self::Frames),
            Method::IdentityService => {
                let token = token.filter(|token| token.len() <= LONGEST_TOKEN);
                let token = token.ok_or(refusal::FRAMES_REFUSED)?;
                Ok(Self::Token(Zeroizing::new(token)))
            }
        }
    }

    /// Whether the key that the check named signed this for the check that its client calls `id`.
    pub(crate) fn signed(
        &self,
        (id, check): (&PersonCheckId, &PersonCheckRow),
        signature: &str,
    ) -> Result<(), Error> {
        let damaged = Error::Internal("a person check's key or nonce is damaged");
        let nonce = <[u8; 32]>::try_from(check.nonce.as_slice());
        let key = PublicKey::from_sec1(Suite::Es256, &check.device_key);
        let (Ok(nonce), Ok(key)) = (nonce, key) else {
            return Err(damaged);
        };
        let message = person_check_proof(&id.to_bytes(), &nonce, &self.evidence());
        if signs(&key, &message, signature) {
            Ok(())
        } else {
            Err(refusal::SIGNATURE_REFUSED.into())
        }
    }

    fn evidence(&self) -> Vec<Evidence> {
        match self {
            Self::Frames(frames) => frames
                .iter()
                .map(|frame| Evidence {
                    step: frame.step,
                    at_ms: frame.at_ms,
                    sha256: sha256_of(&frame.bytes),
                })
                .collect(),
            Self::Token(token) => vec![Evidence {
                step: 0,
                at_ms: 0,
                sha256: sha256_of(token.as_bytes()),
            }],
        }
    }
}

impl Authority {
    /// Asks the identity service whether it saw that person.
    pub(crate) async fn ask_service(&self, claim: &IdentityClaim) -> Result<Concluded, Error> {
        let service = self.inner.settings.identity.as_ref();
        let service = service.ok_or(refusal::METHOD_UNAVAILABLE)?;
        let (outcome, code) = match service.prove(claim).await {
            Ok(Proved::Match) => (Outcome::Match, None),
            Ok(Proved::Reject) => (Outcome::Reject, Some("service-rejects")),
            Ok(Proved::Officer) => (Outcome::Officer, Some("service-undecided")),
            Err(NotAsked(code)) => {
                tracing::warn!(code, "the identity service could not be asked");
                return Err(refusal::IDENTITY_UNREACHABLE.into());
            }
        };
        Ok(Concluded {
            outcome,
            codes: code.map(str::to_owned).into_iter().collect(),
            measured: None,
        })
    }
}

/// Frames that claim to be later than now were not taken since the check was opened.
pub(crate) fn later_than_now(frames: &[Taken], opened_at: Timestamp, now: Timestamp) -> bool {
    let elapsed = now.duration_since(opened_at).as_millis();
    let last = frames.last().map_or(0, |frame| i64::from(frame.at_ms));
    i128::from(last) > elapsed.saturating_add(i128::from(CLOCK_SLACK_MS))
}

/// The frames as `portrait` judges them.
pub(crate) fn as_frames(frames: &[Taken]) -> Vec<Frame<'_>> {
    frames
        .iter()
        .map(|frame| Frame {
            step: frame.step,
            at_ms: frame.at_ms,
            bytes: &frame.bytes,
        })
        .collect()
}

/// The outcome of a comparison as it is stored.
pub(crate) const fn outcome(outcome: portrait::Outcome) -> Outcome {
    match outcome {
        portrait::Outcome::Match => Outcome::Match,
        portrait::Outcome::Reject => Outcome::Reject,
        portrait::Outcome::Officer => Outcome::Officer,
    }
}

/// The steps that a check asked for.
pub(crate) fn challenge_of(check: &PersonCheckRow) -> Result<Challenge, Error> {
    let challenge = Challenge::parse(&check.challenge);
    challenge.ok_or(Error::Internal("a challenge cannot be read"))
}

/// A check that is begun, as its client sees it and calls it.
pub(crate) fn challenge_view(
    id: &PersonCheckId,
    new: &NewPersonCheck,
    challenge: &Challenge,
) -> PersonCheckChallengeView {
    let steps = challenge.steps().iter().map(|step| StepView {
        code: step.code().to_owned(),
        zh: step.zh().to_owned(),
        en: step.en().to_owned(),
    });
    PersonCheckChallengeView {
        id: id.to_string(),
        method: MethodView::from(new.method),
        nonce: URL_SAFE_NO_PAD.encode(new.nonce),
        steps: match new.method {
            Method::Frames => steps.collect(),
            Method::IdentityService => Vec::new(),
        },
        expires_at: new.expires_at,
    }
}

/// The frames' bytes.
fn taken(frames: Vec<FrameView>) -> Result<Vec<Taken>, Error> {
    if frames.len() > MOST_FRAMES {
        return Err(refusal::FRAMES_REFUSED.into());
    }
    frames
        .into_iter()
        .map(|frame| {
            let bytes = image_bytes(&frame.image).filter(|it| it.len() <= MOST_FRAME_BYTES);
            Ok(Taken {
                step: frame.step,
                at_ms: frame.at_ms,
                bytes: bytes.ok_or(refusal::FRAMES_REFUSED)?,
            })
        })
        .collect()
}

impl From<MethodView> for Method {
    fn from(method: MethodView) -> Self {
        match method {
            MethodView::Frames => Self::Frames,
            MethodView::IdentityService => Self::IdentityService,
        }
    }
}

impl From<Method> for MethodView {
    fn from(method: Method) -> Self {
        match method {
            Method::Frames => Self::Frames,
            Method::IdentityService => Self::IdentityService,
        }
    }
}
