//! The person check (实人认证, R36, R39): a challenge bound to application, session, device, key and
//! the server's time; frames that are judged and forgotten, or the word of an identity service.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use licence::{
    application::{Event as Move, Stage},
    person_check::{Method, Outcome},
};
use portrait::challenge::{Challenge, check};
use rand::Rng as _;
use storage::{
    ApplicationRow, ClosedCheck, NewPersonCheck, PersonCheckId, PersonCheckRow, PhotoId,
};
use zeroize::Zeroizing;

use super::{ATTEMPTS, lost_race, on_file::MODEL_FAILED};
use crate::{
    Act, Authority, Error,
    accounts::after,
    apply::{RequestKey, as_application},
    identity::IdentityClaim,
    person_check::{
        ANSWER_WITHIN, Answer, Concluded, Taken, as_frames, challenge_of, challenge_view,
        later_than_now, outcome,
    },
    refusal,
    review::changed,
    views::{AnswerPersonCheck, ApplicationView, OpenPersonCheck, PersonCheckChallengeView},
};

/// Person checks of one person that may fail in 24 hours, whatever the application and the device. Of
/// frames that answered another challenge one in 60 would answer the next.
pub(super) const MOST_IN_VAIN: u64 = 5;
const IN_VAIN_WITHIN: SignedDuration = SignedDuration::from_hours(24);

const OPENED: &str = "person-check.opened";
const CLOSED: &str = "person-check.closed";

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
        Ok(challenge_view(&new.id, &new, &challenge))
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
        let answer = Answer::read(check.method, request.frames, request.token)?;
        answer.signed((&check.id, check), &request.signature)?;
        match answer {
            Answer::Frames(frames) => self.judge_frames(act, check, frames).await,
            Answer::Token(token) => self.ask_about(check, token).await,
        }
    }

    /// Judges the frames, and forgets them.
    async fn judge_frames(
        &self,
        act: &Act,
        check_row: &PersonCheckRow,
        frames: Vec<Taken>,
    ) -> Result<Concluded, Error> {
        if later_than_now(&frames, check_row.opened_at, act.now) {
            return Ok(Concluded::refused("time-mismatch"));
        }
        let challenge = challenge_of(check_row)?;
        let (holder, photo) = (&check_row.holder, &check_row.photo);
        let reference = self.store().photo_bytes(holder, photo).await?;
        let judged = self
            .judge()?
            .run(move |faces| {
                let frames = as_frames(&frames);
                let (models, thresholds) = (&faces.models, &faces.thresholds);
                check(&frames, &challenge, &reference, models, thresholds)
            })
            .await?
            .map_err(|_photo_or_model| MODEL_FAILED)?;
        Ok(Concluded {
            outcome: outcome(judged.outcome),
            codes: judged
                .reasons
                .iter()
                .map(|reason| reason.code().to_owned())
                .collect(),
            measured: judged.distance.zip(judged.similarity),
        })
    }

    /// Asks the identity service whether it saw the person of the record.
    async fn ask_about(
        &self,
        check: &PersonCheckRow,
        token: Zeroizing<String>,
    ) -> Result<Concluded, Error> {
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
        self.ask_service(&claim).await
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
        let ended = concluded.closed(act.now)?;
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
