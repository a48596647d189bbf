//! The person check (实人认证, R36, R39): a challenge bound to application, session, device, key and
//! the server's time; frames that are judged and forgotten, or the word of an identity service.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use credential::{
    PublicKey, Suite,
    device::{Evidence, person_check_proof},
};
use jiff::{SignedDuration, Timestamp};
use licence::{
    application::{Event as Move, Stage},
    person_check::{Method, Outcome},
};
use portrait::challenge::{Challenge, Frame, MOST_FRAMES, check};
use rand::Rng as _;
use storage::{
    ApplicationRow, ClosedCheck, NewPersonCheck, PersonCheckId, PersonCheckRow, PhotoId,
};
use zeroize::Zeroizing;

use super::{ATTEMPTS, declared::signs, lost_race, on_file::MODEL_FAILED};
use crate::{
    Act, Authority, Error,
    accounts::after,
    apply::{RequestKey, as_application, image_bytes},
    identity::{IdentityClaim, NotAsked, Proved},
    refusal,
    registry_write::sha256_of,
    review::changed,
    views::{
        AnswerPersonCheck, ApplicationView, FrameView, MethodView, OpenPersonCheck,
        PersonCheckChallengeView, StepView,
    },
};

/// How long the answer may take: five steps take half a minute, a slow network a minute more. Frames
/// that somebody had made to order would have to be made within it.
const ANSWER_WITHIN: SignedDuration = SignedDuration::from_mins(3);
/// Person checks of one person that may fail in 24 hours, whatever the application and the device. Of
/// frames that answered another challenge one in 60 would answer the next.
pub(super) const MOST_IN_VAIN: u64 = 5;
const IN_VAIN_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// What a client's clock may be off, between the opening and the last frame.
const CLOCK_SLACK_MS: i64 = 5_000;
/// Bytes of a frame; `portrait` says the same of its pixels.
const MOST_FRAME_BYTES: usize = portrait::Limits::FRAME.max_bytes;

const OPENED: &str = "person-check.opened";
const CLOSED: &str = "person-check.closed";

/// What came of the answer.
struct Concluded {
    outcome: Outcome,
    codes: Vec<String>,
    /// Distance and similarity, where faces were compared.
    measured: Option<(f32, f32)>,
}

impl Concluded {
    fn refused(code: &str) -> Self {
        Self {
            outcome: Outcome::Reject,
            codes: vec![code.to_owned()],
            measured: None,
        }
    }
}

/// A frame as it came.
struct Taken {
    step: u8,
    at_ms: u32,
    bytes: Zeroizing<Vec<u8>>,
}

impl Authority {
    /// Begins a person check.
    ///
    /// # Errors
    /// Out of order, without consent, with another key than that of the device's binding, or after too
    /// many that failed: then the counter is the way (SC-04).
    pub async fn open_person_check(
        &self,
        act: &mut Act,
        id: &str,
        request: OpenPersonCheck,
    ) -> Result<PersonCheckChallengeView, Error> {
        let row = self.own_application(act, id).await?;
        let photo = self.ready_for_check(act, &row).await?;
        let here = act.holder_here()?.clone();
        let method = Method::from(request.method);
        self.check_method(method)?;
        if self.checks_left(act).await? == 0 {
            let used_up = refusal::PERSON_CHECKS_USED_UP.into();
            return self.refuse(act, OPENED, Some(&row.holder), used_up).await;
        }
        self.inner.limits.person_check(act, &here.device)?;
        let key = self.key_at_hand(act, &request.device_key).await?;
        let challenge = Challenge::random(&mut act.rng);
        let mut nonce = [0; 32];
        act.rng.fill_bytes(&mut nonce);
        let new = NewPersonCheck {
            id: PersonCheckId::generate(row.holder.partition(), &mut act.rng),
            application: Some(row.id.clone()),
            photo,
            method,
            here: Some((here.device, here.session)),
            device_key: key.to_sec1(),
            challenge: challenge.to_text(),
            nonce,
            opened_at: act.now,
            expires_at: after(act.now, ANSWER_WITHIN),
        };
        let driver = self.own_driver(act).await?;
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        tx.open_person_check(&locked, &new).await?;
        let entry = act
            .entry(OPENED)
            .about(&driver.id)
            .with("application", row.id.as_str())
            .with("check", new.id.as_str())
            .with("method", method.as_str())
            .with("photo", new.photo.as_str());
        tx.commit(entry, Vec::new()).await?;
        Ok(challenge_view(&new, &challenge))
    }

    /// The photo with which the person is compared, if it is the check's turn.
    async fn ready_for_check(&self, act: &Act, row: &ApplicationRow) -> Result<PhotoId, Error> {
        as_application(row)?.apply(Move::VerifyPerson)?;
        if row.confirmed_at.is_none() {
            return Err(refusal::CONFIRM_FIRST.into());
        }
        if self.standing_consent(act).await?.is_none() {
            return Err(refusal::FACE_CONSENT_REQUIRED.into());
        }
        let photo = row.photo.clone();
        photo.ok_or(Error::Internal("a confirmed application has no photo"))
    }

    fn check_method(&self, method: Method) -> Result<(), Error> {
        match method {
            Method::Frames => self.judge().map(|_| ()),
            Method::IdentityService if self.inner.settings.identity.is_some() => Ok(()),
            Method::IdentityService => Err(refusal::METHOD_UNAVAILABLE.into()),
        }
    }

    /// How many person checks of the driver may still fail today.
    pub(super) async fn checks_left(&self, act: &Act) -> Result<u64, Error> {
        let since = act.now.saturating_sub(IN_VAIN_WITHIN).unwrap_or(act.now);
        let holder = act.holder()?;
        let vain = self.store().person_checks_in_vain(holder, since).await?;
        Ok(MOST_IN_VAIN.saturating_sub(vain))
    }

    /// Takes the answer. Whatever comes of it is recorded; the frames are not.
    ///
    /// # Errors
    /// [`refusal::NOT_FOUND`] for a check that this session did not begin (SC-20), one that is over or
    /// too late, a signature of another key, and frames that do not follow their form. Frames that show
    /// somebody else are an answer, not an error.
    pub async fn answer_person_check(
        &self,
        act: &mut Act,
        id: &str,
        request: AnswerPersonCheck,
        key: Option<&str>,
    ) -> Result<ApplicationView, Error> {
        let row = self.own_application(act, id).await?;
        let (application, signed) = (row.id.to_string(), request.signature.clone());
        let key = key.map(|key| {
            let asked = [&application, &request.id, &signed];
            self.request_key(act, CLOSED, key, &asked)
        });
        if let Some(view) = self.answered_own(act, key.as_ref()).await? {
            return Ok(view);
        }
        let check = self.own_check(act, &row, &request.id).await?;
        if check.expires_at < act.now {
            let late = Concluded {
                outcome: Outcome::Expired,
                codes: vec!["too-late".to_owned()],
                measured: None,
            };
            self.close_check(act, &row, (&check, late), None).await?;
            return Err(refusal::PERSON_CHECK_EXPIRED.into());
        }
        self.ready_for_check(act, &row).await?;
        let concluded = match self.conclude(act, &check, request).await {
            Ok(concluded) => concluded,
            Err(error @ Error::Refused(..)) => {
                return self.refuse(act, CLOSED, Some(&row.holder), error).await;
            }
            Err(error) => return Err(error),
        };
        self.close_check(act, &row, (&check, concluded), key.as_ref())
            .await?;
        self.own_view(act, &row.id).await
    }

    /// A check that this session began on this device for this application.
    async fn own_check(
        &self,
        act: &Act,
        row: &ApplicationRow,
        id: &str,
    ) -> Result<PersonCheckRow, Error> {
        let here = act.holder_here()?;
        let id = PersonCheckId::parse(id).map_err(|_not_an_id| Error::from(refusal::NOT_FOUND))?;
        let check = self.store().person_check(&id).await?;
        let check = check
            .filter(|check| {
                let begun = check.here.as_ref();
                check.holder == here.id
                    && check.application.as_ref() == Some(&row.id)
                    && begun.is_some_and(|(device, session)| {
                        *device == here.device && *session == here.session
                    })
            })
            .ok_or(refusal::NOT_FOUND)?;
        if check.closed.is_some() {
            return Err(refusal::PERSON_CHECK_OVER.into());
        }
        Ok(check)
    }

    async fn conclude(
        &self,
        act: &Act,
        check: &PersonCheckRow,
        request: AnswerPersonCheck,
    ) -> Result<Concluded, Error> {
        match check.method {
            Method::Frames => {
                let frames = taken(request.frames)?;
                let evidence = frames.iter().map(evidence_of).collect::<Vec<_>>();
                signed(check, &evidence, &request.signature)?;
                self.judge_frames(act, check, frames).await
            }
            Method::IdentityService => {
                let token = request.token.ok_or(refusal::FRAMES_REFUSED)?;
                let token = Zeroizing::new(token);
                let evidence = Evidence {
                    step: 0,
                    at_ms: 0,
                    sha256: sha256_of(token.as_bytes()),
                };
                signed(check, &[evidence], &request.signature)?;
                self.ask_service(check, token).await
            }
        }
    }

    /// Judges the frames, and forgets them.
    async fn judge_frames(
        &self,
        act: &Act,
        check_row: &PersonCheckRow,
        frames: Vec<Taken>,
    ) -> Result<Concluded, Error> {
        let elapsed = act.now.duration_since(check_row.opened_at).as_millis();
        let last = frames.last().map_or(0, |frame| i64::from(frame.at_ms));
        // Frames that claim to be later than now were not taken since the check was opened.
        if i128::from(last) > elapsed.saturating_add(i128::from(CLOCK_SLACK_MS)) {
            return Ok(Concluded::refused("time-mismatch"));
        }
        let challenge = Challenge::parse(&check_row.challenge);
        let challenge = challenge.ok_or(Error::Internal("a challenge cannot be read"))?;
        let (holder, photo) = (&check_row.holder, &check_row.photo);
        let reference = self.store().photo_bytes(holder, photo).await?;
        let judged = self
            .judge()?
            .run(move |faces| {
                let frames: Vec<Frame<'_>> = frames
                    .iter()
                    .map(|frame| Frame {
                        step: frame.step,
                        at_ms: frame.at_ms,
                        bytes: &frame.bytes,
                    })
                    .collect();
                let (models, thresholds) = (&faces.models, &faces.thresholds);
                check(&frames, &challenge, &reference, models, thresholds)
            })
            .await?
            .map_err(|_photo_or_model| MODEL_FAILED)?;
        Ok(Concluded {
            outcome: match judged.outcome {
                portrait::Outcome::Match => Outcome::Match,
                portrait::Outcome::Reject => Outcome::Reject,
                portrait::Outcome::Officer => Outcome::Officer,
            },
            codes: judged
                .reasons
                .iter()
                .map(|reason| reason.code().to_owned())
                .collect(),
            measured: judged.distance.zip(judged.similarity),
        })
    }

    /// Asks the identity service whether it saw that person.
    async fn ask_service(
        &self,
        check: &PersonCheckRow,
        token: Zeroizing<String>,
    ) -> Result<Concluded, Error> {
        let service = self.inner.settings.identity.as_ref();
        let service = service.ok_or(refusal::METHOD_UNAVAILABLE)?;
        let driver = self.store().driver(&check.holder).await?;
        let record = driver.ok_or(refusal::NOT_FOUND)?.record;
        let claim = IdentityClaim {
            check: check.id.clone(),
            token,
            nonce: URL_SAFE_NO_PAD.encode(&check.nonce),
            name: Zeroizing::new(record.name),
            licence_number: Zeroizing::new(record.licence_number.as_str().to_owned()),
            birth_date: record.birth_date,
        };
        let (outcome, code) = match service.prove(&claim).await {
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

    /// Records how a check ended; where it lets the person go on, the application does so in the same
    /// transaction.
    async fn close_check(
        &self,
        act: &Act,
        row: &ApplicationRow,
        (check, concluded): (&PersonCheckRow, Concluded),
        key: Option<&RequestKey>,
    ) -> Result<(), Error> {
        let ended = closed(&concluded, act.now)?;
        let mut attempt = 1;
        loop {
            match self
                .try_close(act, row, (check, &concluded, &ended), key)
                .await
            {
                Err(error) if lost_race(&error) && attempt < ATTEMPTS => attempt += 1,
                other => return other,
            }
        }
    }

    async fn try_close(
        &self,
        act: &Act,
        row: &ApplicationRow,
        (check, concluded, ended): (&PersonCheckRow, &Concluded, &ClosedCheck),
        key: Option<&RequestKey>,
    ) -> Result<(), Error> {
        let driver = self.own_driver(act).await?;
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        tx.close_person_check(&locked, &check.id, ended).await?;
        let mut events = Vec::new();
        if concluded.outcome.goes_on() {
            let which = (&row.id, &check.photo);
            tx.verify_person(&locked, which, act.now).await?;
            events.push(changed(row, Stage::PersonVerified));
        }
        if let Some(key) = key {
            key.remember(&mut tx, row.id.as_str(), act.now).await?;
        }
        let entry = act
            .entry(CLOSED)
            .about(&driver.id)
            .with("application", row.id.as_str())
            .with("check", check.id.as_str())
            .with("outcome", concluded.outcome.as_str())
            .with("reasons", concluded.codes.clone());
        let committed = tx.commit(entry, events).await?;
        self.follow_committed(&[committed]).await
    }

    /// The newest check of an application that let its person go on.
    pub(super) async fn passed_check(
        &self,
        row: &ApplicationRow,
    ) -> Result<Option<PersonCheckRow>, Error> {
        let checks = self.store().person_checks_of_application(&row.id).await?;
        Ok(checks.into_iter().find(|check| {
            let closed = check.closed.as_ref();
            closed.is_some_and(|closed| closed.outcome.goes_on())
                && Some(&check.photo) == row.photo.as_ref()
        }))
    }
}

/// The frames' bytes; too many or too large ones are refused before anything is judged.
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

fn evidence_of(frame: &Taken) -> Evidence {
    Evidence {
        step: frame.step,
        at_ms: frame.at_ms,
        sha256: sha256_of(&frame.bytes),
    }
}

/// Whether the key that the check named signed this evidence for this check.
fn signed(check: &PersonCheckRow, evidence: &[Evidence], signature: &str) -> Result<(), Error> {
    let damaged = Error::Internal("a person check's key or nonce is damaged");
    let nonce = <[u8; 32]>::try_from(check.nonce.as_slice());
    let key = PublicKey::from_sec1(Suite::Es256, &check.device_key);
    let (Ok(nonce), Ok(key)) = (nonce, key) else {
        return Err(damaged);
    };
    let message = person_check_proof(&check.id.to_bytes(), &nonce, evidence);
    if signs(&key, &message, signature) {
        Ok(())
    } else {
        Err(refusal::SIGNATURE_REFUSED.into())
    }
}

fn closed(concluded: &Concluded, at: Timestamp) -> Result<ClosedCheck, Error> {
    let reasons = serde_json::json!({"v": 1, "codes": concluded.codes}).to_string();
    let distances = match concluded.measured {
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
        outcome: concluded.outcome,
        reasons,
        distances,
        at,
    })
}

fn challenge_view(new: &NewPersonCheck, challenge: &Challenge) -> PersonCheckChallengeView {
    let steps = challenge.steps().iter().map(|step| StepView {
        code: step.code().to_owned(),
        zh: step.zh().to_owned(),
        en: step.en().to_owned(),
    });
    PersonCheckChallengeView {
        id: new.id.to_string(),
        method: match new.method {
            Method::Frames => MethodView::Frames,
            Method::IdentityService => MethodView::IdentityService,
        },
        nonce: URL_SAFE_NO_PAD.encode(new.nonce),
        steps: match new.method {
            Method::Frames => steps.collect(),
            Method::IdentityService => Vec::new(),
        },
        expires_at: new.expires_at,
    }
}

impl From<MethodView> for Method {
    fn from(method: MethodView) -> Self {
        match method {
            MethodView::Frames => Self::Frames,
            MethodView::IdentityService => Self::IdentityService,
        }
    }
}
