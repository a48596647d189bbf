//! Activation by a person check (实人认证激活): whoever gives a number and a name shows to the camera, or
//! to the operator's identity service, that they are the person of the record. See
//! `docs/decisions/0038-activation-by-person-check.md`.
//!
//! Nobody is signed in here, so nothing may tell whom a number stands for. A check is begun, answered
//! and ended alike where nobody can be proved: its row is then nobody's, a frame is compared in the place
//! of a photo, the identity service is asked all the same, and what comes of it is thrown away.

use jiff::{SignedDuration, Timestamp};
use licence::{
    application::Kind,
    person_check::{Method, Outcome},
};
use portrait::challenge::{Challenge, follow};
use rand::Rng as _;
use storage::{
    ClosedCheck, HolderId, NewPersonCheck, PersonCheckId, PersonCheckRow, PhotoId, Tx, audit::Entry,
};
use zeroize::Zeroizing;

use super::{
    Claimant, after,
    claimed::{Claimed, client_name, identity_claim, is_called, stored_name},
};
use crate::{
    Act, Authority, Because, Error,
    applying::{ACTIVATION_CONSENT, ACTIVATION_CONSENT_VERSION, MODEL_FAILED, because_of_check},
    bind::device_key,
    person_check::{
        ANSWER_WITHIN, Answer, Concluded, Taken, as_frames, challenge_of, challenge_view,
        later_than_now, outcome,
    },
    refusal,
    views::{
        ActivationChecksView, AnswerActivationCheck, OpenActivationCheck, PersonCheckChallengeView,
        VersionedTextView,
    },
};

/// Person checks of one driver: five at once, then one in six hours, hence nine on the first day and four
/// on each that follows. Whoever uses the allowance up keeps a driver from activating so for as long as
/// they go on, never by phone or at the counter; the answers do not show it.
const ALLOWANCE: (u32, SignedDuration) = (5, SignedDuration::from_hours(6));

/// When to come again where judging takes too long, in seconds.
const COME_AGAIN: u64 = 10;

const OPENED: &str = "activation-check.opened";
const ANSWERED: &str = "activation-check.answered";
const CLOSED: &str = "activation-check.closed";

/// What the answer of a check showed, whoever it was opened for. The check is answered, and not ended
/// yet.
pub(super) struct Shown {
    pub(super) check: PersonCheckId,
    pub(super) closed: ClosedCheck,
    /// When the consent to it was given.
    pub(super) begun_at: Timestamp,
    holder: HolderId,
    photo: PhotoId,
    name: Zeroizing<String>,
}

impl Shown {
    /// Whether it proves the claimant, as the record is now.
    pub(super) fn proves(&self, claimant: &Claimant) -> bool {
        self.closed.outcome == Outcome::Match
            && claimant.not_frozen().is_some_and(|driver| {
                driver.id == self.holder
                    && driver.photo.as_ref() == Some(&self.photo)
                    && is_called(driver, &self.name)
            })
    }
}

impl Authority {
    /// By which person checks a device is activated here, and what is agreed to before one.
    #[must_use]
    pub fn activation_checks(&self) -> ActivationChecksView {
        let methods = [Method::IdentityService, Method::Frames].into_iter();
        ActivationChecksView {
            methods: methods
                .filter(|method| self.activates_by(*method))
                .map(Into::into)
                .collect(),
            consent: VersionedTextView {
                version: ACTIVATION_CONSENT_VERSION.to_owned(),
                zh: ACTIVATION_CONSENT.zh.to_owned(),
                en: ACTIVATION_CONSENT.en.to_owned(),
            },
        }
    }

    /// Whether frames of the camera activate a device here.
    #[must_use]
    pub fn activates_by_frames(&self) -> bool {
        self.activates_by(Method::Frames)
    }

    /// Whether the operator lets such a check activate, and it can be done.
    fn activates_by(&self, method: Method) -> bool {
        let settings = &self.inner.settings;
        settings.activation_checks.allows(method)
            && match method {
                Method::Frames => settings.judge.is_some(),
                Method::IdentityService => settings.identity.is_some(),
            }
    }

    /// Begins a person check for an activation. The answer is the same, for the same work, whether the
    /// number, the name, a photo exist, whether the account is frozen, and whether the driver's
    /// allowance is used up.
    ///
    /// # Errors
    /// [`refusal::METHOD_UNAVAILABLE`] where the operator did not turn it on; for a consent to another
    /// text, a key that is none; [`Error::TooMany`] from a source that asks too often.
    pub async fn open_activation_check(
        &self,
        act: &mut Act,
        request: OpenActivationCheck,
    ) -> Result<PersonCheckChallengeView, Error> {
        let method = Method::from(request.method);
        self.check_activates_by(method)?;
        if request.consent != ACTIVATION_CONSENT_VERSION {
            return Err(refusal::TEXT_OUTDATED.into());
        }
        let device_key = device_key(&request.device_key)?.to_sec1();
        let claimed = Claimed::read(&request.licence_number, &request.name)?;
        self.inner.limits.activation_check(act)?;
        let claimant = self.claimant(act, claimed.number).await?;
        // As in applications: a photo that replaced another a short time ago is for an officer.
        let replaced = self.on_file_replaced_lately(act, &claimant.holder).await?;
        let photo = claimed.photo_of(&claimant).filter(|_| !replaced);
        let partition = claimant.holder.partition();
        let mut tx = self.store().begin_in(partition).await?;
        let (allowed, holder, photo) = whose(act, &mut tx, (&claimant, photo)).await?;
        let (id, challenge) = (client_name(act), Challenge::random(&mut act.rng));
        let mut nonce = [0; 32];
        act.rng.fill_bytes(&mut nonce);
        let new = NewPersonCheck {
            id: stored_name(partition, &id),
            application: None,
            photo,
            method,
            here: None,
            device_key,
            challenge: challenge.to_text(),
            nonce,
            opened_at: act.now,
            expires_at: after(act.now, ANSWER_WITHIN),
        };
        let claim = claimed.blind(self.store(), &id);
        tx.open_activation_check(&holder, &new, &claim).await?;
        let entry = entry(act, OPENED, &claimant)
            .with("check", new.id.as_str())
            .with("method", method.as_str())
            .with("consent", ACTIVATION_CONSENT_VERSION)
            .with("allowed", allowed);
        tx.commit(entry, Vec::new()).await?;
        Ok(challenge_view(&id, &new, &challenge))
    }

    /// Judges the answer of a check. What does not depend on who the person is may be told, and is:
    /// nothing else is said here.
    ///
    /// # Errors
    /// [`refusal::ACTIVATION_REFUSED`] for a check that there is not, or that was begun for another
    /// number or name; one that is over or too late, a signature of another key, frames that do not
    /// follow their form or do not show what was asked.
    pub(super) async fn shown(
        &self,
        act: &mut Act,
        number: &str,
        answer: AnswerActivationCheck,
    ) -> Result<Shown, Error> {
        let name = Zeroizing::new(answer.name.clone());
        let claimed = Claimed::read(number, &name)?;
        let claimant = self.claimant(act, number).await?;
        let asked = (&claimant, &claimed);
        let (id, check, answer) = match self.read_answer(act, asked, answer).await {
            Ok(read) => read,
            Err(error @ Error::Refused(..)) => {
                // The audit row lies where the number's do, also for nobody. The check stays as it is.
                let partition = claimant.holder.partition();
                let tx = self.store().begin_in(partition).await?;
                let entry = entry(act, CLOSED, &claimant).with("refused", error.code());
                tx.commit(entry, Vec::new()).await?;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        let photo = claimed
            .photo_of(&claimant)
            .filter(|photo| claimant.holder == check.holder && **photo == check.photo);
        // Before it is judged: of answers that come at once, one is looked at.
        let mut tx = self.store().begin_in(check.id.partition()).await?;
        tx.answer_activation_check(&check.id, act.now).await?;
        let noted = entry(act, ANSWERED, &claimant).with("check", check.id.as_str());
        tx.commit(noted, Vec::new()).await?;
        let judged = match answer {
            Answer::Frames(frames) => {
                let within = self.inner.settings.frames_judged_within;
                let judging = self.compare_frames(act, &check, frames, photo);
                let judged = tokio::time::timeout(within, judging).await;
                judged.unwrap_or_else(|_late| Err(refusal::too_many(COME_AGAIN)))
            }
            Answer::Token(token) => {
                let claim = identity_claim((&id, &check), (&claimed, &claimant), token);
                self.ask_service(&claim).await.map(Ok)
            }
        };
        let concluded = match judged {
            Ok(Ok(concluded)) => concluded,
            Ok(Err(faults)) => return self.not_passed(act, (&claimant, &check), faults).await,
            Err(error) => return self.not_judged(act, (&claimant, &check), error).await,
        };
        let concluded = if photo.is_some() {
            concluded
        } else {
            Concluded::refused("nobody")
        };
        Ok(Shown {
            check: check.id,
            closed: concluded.closed(act.now)?,
            begun_at: check.opened_at,
            holder: check.holder,
            photo: check.photo,
            name: Zeroizing::new(claimed.name.to_owned()),
        })
    }

    /// The open check that its client calls so, begun for this number and name, with an answer that the
    /// key of the check signed.
    async fn read_answer(
        &self,
        act: &Act,
        (claimant, claimed): (&Claimant, &Claimed<'_>),
        answer: AnswerActivationCheck,
    ) -> Result<(PersonCheckId, PersonCheckRow, Answer), Error> {
        let none = || Error::from(refusal::ACTIVATION_REFUSED);
        let id = PersonCheckId::parse(&answer.id).map_err(|_not_an_id| none())?;
        let stored = stored_name(claimant.holder.partition(), &id);
        let claim = claimed.blind(self.store(), &id);
        let found = self.store().activation_check(&stored).await?;
        let (check, _) = found
            .filter(|(_, begun)| claim.matches(begun))
            .ok_or_else(none)?;
        self.check_activates_by(check.method)?;
        if check.closed.is_some() {
            return Err(refusal::PERSON_CHECK_OVER.into());
        }
        if check.expires_at < act.now {
            return Err(refusal::PERSON_CHECK_EXPIRED.into());
        }
        let read = Answer::read(check.method, answer.frames, answer.token)?;
        read.signed((&id, &check), &answer.signature)?;
        Ok((id, check, read))
    }

    /// Judges the frames, and forgets them; compares them with the photo, or one of them with the others.
    /// The photo is read while the frames are judged, so that reading it takes no time of its own. A
    /// photo that cannot be read is none: a failure of it would show that there is one.
    async fn compare_frames(
        &self,
        act: &Act,
        check: &PersonCheckRow,
        frames: Vec<Taken>,
        photo: Option<&PhotoId>,
    ) -> Result<Result<Concluded, Vec<String>>, Error> {
        if later_than_now(&frames, check.opened_at, act.now) {
            return Ok(Err(vec!["time-mismatch".to_owned()]));
        }
        let challenge = challenge_of(check)?;
        let judge = self.judge()?;
        // After those who apply for a first licence, and in few of the places: nobody is signed in.
        let stranger = judge.stranger()?;
        let judging = judge.run_for(Kind::PhotoChange, move |faces| {
            let followed = follow(
                &as_frames(&frames),
                &challenge,
                &faces.models,
                &faces.thresholds,
            );
            let decoy = frames.into_iter().next().map(|frame| frame.bytes);
            followed.map(|followed| followed.map(|followed| (followed, decoy)))
        });
        let (judged, photo) = tokio::join!(judging, self.photo_to_compare(&check.holder, photo));
        let (followed, decoy) = match judged?.map_err(|_model| MODEL_FAILED)? {
            Ok(followed) => followed,
            Err(faults) => {
                let codes = faults.iter().map(|fault| fault.code().to_owned());
                return Ok(Err(codes.collect()));
            }
        };
        let decoy = decoy.ok_or(Error::Internal("frames that follow are none"))?;
        let compared = judge
            .run_for(Kind::PhotoChange, move |faces| {
                let photo = photo.as_ref().map(|photo| photo.as_slice());
                followed.compare(photo, &decoy, &faces.models, &faces.thresholds)
            })
            .await?
            .map_err(|_model| MODEL_FAILED)?;
        drop(stranger);
        Ok(Ok(Concluded {
            outcome: outcome(compared),
            codes: Vec::new(),
            measured: None,
        }))
    }

    async fn photo_to_compare(
        &self,
        holder: &HolderId,
        photo: Option<&PhotoId>,
    ) -> Option<Zeroizing<Vec<u8>>> {
        match self.store().photo_bytes(holder, photo?).await {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                tracing::warn!(%error, "the photo of a person check could not be read");
                None
            }
        }
    }

    /// Lets a check be answered once more whose answer could not be judged: nothing was learnt by it.
    async fn not_judged(
        &self,
        act: &Act,
        (claimant, check): (&Claimant, &PersonCheckRow),
        error: Error,
    ) -> Result<Shown, Error> {
        let mut tx = self.store().begin_in(check.id.partition()).await?;
        tx.reopen_activation_check(&check.id).await?;
        let entry = entry(act, CLOSED, claimant)
            .with("check", check.id.as_str())
            .with("refused", error.code());
        tx.commit(entry, Vec::new()).await?;
        Err(error)
    }

    /// Ends a check whose frames do not show what was asked, and says what is wrong with them.
    async fn not_passed(
        &self,
        act: &Act,
        (claimant, check): (&Claimant, &PersonCheckRow),
        faults: Vec<String>,
    ) -> Result<Shown, Error> {
        let reasons: Vec<Because> = faults
            .iter()
            .filter_map(|code| because_of_check(code))
            .collect();
        let concluded = Concluded {
            outcome: Outcome::Reject,
            codes: faults,
            measured: None,
        };
        let closed = concluded.closed(act.now)?;
        let mut tx = self.store().begin_in(check.id.partition()).await?;
        tx.end_activation_check(&check.id, &closed).await?;
        let entry = entry(act, CLOSED, claimant)
            .with("check", check.id.as_str())
            .with("outcome", concluded.outcome.as_str())
            .with("reasons", concluded.codes);
        tx.commit(entry, Vec::new()).await?;
        Err(Error::Refused(refusal::CHECK_NOT_PASSED, reasons))
    }

    fn check_activates_by(&self, method: Method) -> Result<(), Error> {
        if self.activates_by(method) {
            Ok(())
        } else {
            Err(refusal::METHOD_UNAVAILABLE.into())
        }
    }
}

/// Whose check it becomes: the driver's, who can be proved by this photo and is allowed another; else
/// nobody's, by the same statement.
async fn whose(
    act: &mut Act,
    tx: &mut Tx,
    (claimant, photo): (&Claimant, Option<&PhotoId>),
) -> Result<(bool, HolderId, PhotoId), Error> {
    let partition = claimant.holder.partition();
    let nobody = HolderId::generate(partition, &mut act.rng);
    let none = PhotoId::generate(partition, &mut act.rng);
    let taker = photo.map_or(&nobody, |_| &claimant.holder);
    let allowed = tx.take_activation_check(taker, ALLOWANCE, act.now).await?;
    Ok(match photo.filter(|_| allowed) {
        Some(photo) => (true, claimant.holder.clone(), photo.clone()),
        None => (false, nobody, none),
    })
}

/// An audit row about whoever a number stands for, where it stands for somebody.
fn entry(act: &Act, what: &'static str, claimant: &Claimant) -> Entry {
    let entry = act.entry(what);
    match claimant.known() {
        Some(holder) => entry.about(holder),
        None => entry,
    }
}
