//! Verification online: separate facts, each with its reasons (R11-R13, R79-R81).

mod facts;
mod known;
mod presented;

use jiff::civil::Date;
use licence::{ClassCode, civil_date};
use storage::{Conflict, Driver, HolderId, PhotoId, Subject, VerificationId, VerificationRow};
use zeroize::Zeroizing;

use self::{
    facts::{entitled, paper, visible},
    presented::{Presented, Read, Unusable},
};
use crate::{
    Act, Authority, Error, PhotoFile, Role, StaffActor,
    apply::RequestKey,
    look_ups::{LookUp, Recorded},
    refusal,
    render::stage_reasons,
    views::{
        ELicenceFact, FreshFact, Measure, PersonFact, Purpose, StatusView, VerificationView, Verify,
    },
};

/// How often an answer is prepared anew when the driver changes meanwhile.
const ATTEMPTS: u8 = 3;
/// The look-up in the audit.
const ANSWERED: &str = "verification.answered";
/// How long a verifier can read an answer again and see the portrait: as long as the check takes.
const ANSWER_LASTS: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);

impl Authority {
    /// Checks a code and answers with separate facts. The look-up is audited and shown to the holder.
    ///
    /// # Errors
    /// A code that cannot be used has its own refusal, as [`refusal::NOT_A_CODE`],
    /// [`refusal::CODE_REFUSED`], [`refusal::CODE_NOT_FRESH`] or [`refusal::CODE_USED`]; none of them
    /// says anything about a licence or its holder.
    pub async fn verify(
        &self,
        act: &mut Act,
        request: Verify,
        key: Option<&str>,
    ) -> Result<VerificationView, Error> {
        check_purpose(verifier(act)?, request.purpose)?;
        if let Some(ClassCode::Unknown(_)) = request.class {
            return Err(refusal::UNKNOWN_CLASS.into());
        }
        let code = match self.read_code(act, &request.code).await? {
            Ok(code) => code,
            Err(unusable) => return self.refuse_code(act, unusable).await,
        };
        let partition = code.partition();
        let what = format!("{:?}", without_code(&request));
        let asked = Zeroizing::new([code.text().as_str(), "\0", &what].concat());
        let key = key.map(|key| self.request_key(act, ANSWERED, key, &[&*asked]));
        if let Some(id) = self.answered(partition, key.as_ref()).await? {
            return self.stored_answer(act, &id).await;
        }

        for _ in 0..ATTEMPTS {
            let tried = self.try_verify(act, (&request, &code), key.as_ref());
            let (outcome, answer) = tried.await?;
            match outcome {
                Recorded::Yes => return Ok(answer),
                Recorded::Stale => {}
                // The same request at the same time may have been answered first.
                Recorded::CodeSpent | Recorded::SameRequest => {
                    if let Some(id) = self.answered(partition, key.as_ref()).await? {
                        return self.stored_answer(act, &id).await;
                    }
                }
            }
        }
        Err(Conflict::Revision.into())
    }

    /// Prepares the answer on what is read now. It is recorded only if the code is still unused and
    /// the driver unchanged: an answer never rests on a stale record.
    async fn try_verify(
        &self,
        act: &mut Act,
        (request, code): (&Verify, &Read),
        key: Option<&RequestKey>,
    ) -> Result<(Recorded, VerificationView), Error> {
        let mut shown = match self.presented(act, code).await? {
            Ok(shown) => shown,
            Err(unusable) => return self.refuse_code(act, unusable).await,
        };
        let subject = self.subject_of(&mut shown).await?;
        let driver = &subject.driver;
        if driver.frozen_at.is_some() {
            // SC-19: to a verifier it looks like any code that is over.
            return self.refuse_code(act, shown.over()).await;
        }
        let current = subject.current();
        let status = self.status_with(act, driver, &subject.e_licence, current.as_ref());
        let answer = self
            .answer(act, (request, &shown), &subject, status)
            .await?;
        let look_up = LookUp {
            spends: shown.spends,
            request: key.map(|key| key.to_remember(code.partition(), &answer.id, act.now)),
            ..self.look_up(act, request, (driver, &answer))?
        };
        Ok((self.record_look_up(look_up).await?, answer))
    }

    /// Whom a code is about. What a numeric code stands for was read with the code.
    async fn subject_of(&self, shown: &mut Presented) -> Result<Box<Subject>, Error> {
        let subject = if let Some(read) = shown.subject.take() {
            Some(read)
        } else {
            let suite = self.first_suite();
            let found = self
                .store()
                .subject(&shown.holder, &shown.e_licence, &suite);
            found.await?.map(Box::new)
        };
        subject.ok_or(Error::Internal(
            "a code stands for no driver or no e-licence",
        ))
    }

    /// The look-up as it is recorded.
    fn look_up(
        &self,
        act: &Act,
        request: &Verify,
        (driver, answer): (&Driver, &VerificationView),
    ) -> Result<LookUp, Error> {
        let json = serde_json::to_vec(answer)
            .map_err(|_not_json| Error::Internal("an answer cannot be written"))?;
        let purpose = purpose_code(request.purpose);
        let office = verifier(act)?.staff.office.clone();
        let row = VerificationRow {
            id: parse_id(&answer.id)?,
            holder: driver.id.clone(),
            verifier: act.actor_id(),
            office: office.unwrap_or_default(),
            purpose: purpose.to_owned(),
            at: act.now,
            answer: Zeroizing::new(json),
        };
        Ok(LookUp {
            holder: driver.id.clone(),
            revision: driver.revision,
            spends: None,
            answer: self.store().seal_verification(row)?,
            request: None,
            entry: act
                .entry(ANSWERED)
                .about(&driver.id)
                .with("verification", answer.id.as_str())
                .with("purpose", purpose)
                .with("code", answer.code_kind.clone())
                .with("status", answer.status.value.clone())
                .with("authentic", answer.authentic.outcome.clone()),
        })
    }

    /// Refuses an unusable code. Whose it was, only the audit learns: the verifier learns nothing
    /// about them.
    async fn refuse_code<T>(&self, act: &Act, unusable: Unusable) -> Result<T, Error> {
        self.inner.limits.bad_code(act)?;
        let Unusable { holder, refused } = unusable;
        if refused.code() == refusal::NOT_A_CODE.code {
            return Err(*refused);
        }
        self.refuse(act, "verification.refused", holder.as_ref(), *refused)
            .await
    }

    /// An answer given to this verifier before.
    ///
    /// # Errors
    /// [`refusal::NOT_FOUND`], the same for another's as for none.
    pub async fn verification(&self, act: &mut Act, id: &str) -> Result<VerificationView, Error> {
        verifier(act)?;
        self.stored_answer(act, &parse_id(id)?).await
    }

    /// The portrait to compare the person with.
    ///
    /// # Errors
    /// As [`Authority::verification`].
    pub async fn verification_portrait(&self, act: &mut Act, id: &str) -> Result<PhotoFile, Error> {
        let row = self.own_verification(act, &parse_id(id)?).await?;
        let view = read_answer(&row)?;
        let photo = self.portrait_of(&row.holder, &view.e_licence.id).await?;
        self.photo_file(&row.holder, &photo).await
    }

    async fn portrait_of(&self, holder: &HolderId, e_licence: &str) -> Result<PhotoId, Error> {
        let id = storage::ELicenceId::parse(e_licence)
            .map_err(|_not_an_id| Error::Internal("an answer names no e-licence"))?;
        let row = self.store().e_licence(&id).await?;
        row.filter(|row| row.holder == *holder)
            .map(|row| row.photo)
            .ok_or_else(|| refusal::NOT_FOUND.into())
    }

    async fn stored_answer(
        &self,
        act: &Act,
        id: &VerificationId,
    ) -> Result<VerificationView, Error> {
        read_answer(&self.own_verification(act, id).await?)
    }

    async fn own_verification(
        &self,
        act: &Act,
        id: &VerificationId,
    ) -> Result<VerificationRow, Error> {
        verifier(act)?;
        let row = self.store().verification(id).await?;
        row.filter(|row| {
            row.verifier == act.actor_id()
                && row
                    .at
                    .saturating_add(ANSWER_LASTS)
                    .is_ok_and(|until| act.now < until)
        })
        .ok_or_else(|| refusal::NOT_FOUND.into())
    }

    async fn answer(
        &self,
        act: &mut Act,
        (request, shown): (&Verify, &Presented),
        subject: &Subject,
        status: StatusView,
    ) -> Result<VerificationView, Error> {
        let (driver, e_licence) = (&subject.driver, &subject.e_licence);
        let id = VerificationId::generate(driver.id.partition(), &mut act.rng);
        let on = request.on.unwrap_or_else(|| civil_date(act.now));
        let hidden = status.shown == "hidden";
        let authentic = if let Some(authentic) = &shown.authentic {
            authentic.clone()
        } else {
            let device_key = shown.device_key.as_ref();
            self.authentic(subject, device_key).await?
        };
        Ok(VerificationView {
            id: id.to_string(),
            at: act.now,
            code_kind: shown.kind.to_owned(),
            assurance: shown.assurance.map(|it| it.as_str().to_owned()),
            authentic,
            fresh: FreshFact {
                outcome: "yes".to_owned(),
                made_at: shown.made_at,
            },
            e_licence: ELicenceFact {
                id: e_licence.id.to_string(),
                stage: e_licence.stage.as_str().to_owned(),
                reasons: stage_reasons(e_licence),
            },
            entitled: request
                .class
                .as_ref()
                .map(|class| entitled(driver, class, on)),
            person: PersonFact {
                outcome: "not-compared".to_owned(),
                portrait: (!hidden).then(|| format!("/api/v1/verifications/{id}/portrait")),
            },
            paper: paper(request.measure, &status),
            licence: visible(verifier(act)?, driver),
            status,
        })
    }
}

/// The member of staff who may verify.
fn verifier(act: &Act) -> Result<&StaffActor, Error> {
    act.staff(&[Role::Police, Role::Window])
}

fn check_purpose(actor: &StaffActor, purpose: Purpose) -> Result<(), Error> {
    let role = match purpose {
        Purpose::Enforcement => &[Role::Police][..],
        Purpose::Violation | Purpose::Accident => &[Role::Police, Role::Window][..],
        Purpose::VehicleService | Purpose::DriverService => &[Role::Window][..],
    };
    if role.iter().any(|role| actor.has(*role)) {
        Ok(())
    } else {
        Err(refusal::WRONG_PURPOSE.into())
    }
}

fn purpose_code(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Enforcement => "enforcement",
        Purpose::Violation => "violation",
        Purpose::Accident => "accident",
        Purpose::VehicleService => "vehicle-service",
        Purpose::DriverService => "driver-service",
    }
}

fn without_code(request: &Verify) -> (Purpose, &Option<ClassCode>, Option<Date>, Option<Measure>) {
    (request.purpose, &request.class, request.on, request.measure)
}

fn read_answer(row: &VerificationRow) -> Result<VerificationView, Error> {
    serde_json::from_slice(&row.answer)
        .map_err(|_not_json| Error::Internal("a stored answer cannot be read"))
}

fn parse_id(id: &str) -> Result<VerificationId, Error> {
    VerificationId::parse(id).map_err(|_not_an_id| refusal::NOT_FOUND.into())
}
