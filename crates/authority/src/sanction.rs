//! Sanctions (停止申领使用, R75): proposed by one officer and confirmed by another, lifted by two.
//!
//! One in force closes the app to the driver and stops the e-licence that there is. The counter stays
//! open: an officer sees the person there, and what is issued then is good. See
//! `docs/decisions/0033-sanctions-and-peaks.md`.

mod appeal;
mod case_file;
mod effects;
mod evidence;
mod render;

use licence::{
    Sanction,
    e_licence::SanctionId as Stopping,
    machine::OfficerId,
    sanction::{Confirmed, Event as Move, Evidence, Ground, Grounds, Proposal, Stage},
};
use storage::{
    Conflict, Driver, HolderId, Locked, NewSanction, NewSanctionStep, SanctionId, SanctionMove,
    SanctionRow, SanctionStepId, StepKind, StoreError, Tx,
};

pub use self::case_file::{CaseFile, CaseFileFault, CaseFileReport, read_case_file};
use self::effects::Effects;
use crate::{
    Act, Authority, Because, Error, PhotoFile, Role,
    apply::RequestKey,
    refusal,
    views::{
        DecideSanction, ProposeFromCase, ProposeSanction, SanctionDecision, SanctionRowView,
        SanctionStatement, SanctionView,
    },
};

/// Who proposes, and reads.
const OFFICERS: [Role; 2] = [Role::Reviewer, Role::Counter];
/// Who decides.
const DECIDERS: [Role; 1] = [Role::Reviewer];
/// Sanctions shown at once.
const PAGE: u32 = 100;
/// How often a decision is begun anew when the driver's record changes meanwhile.
const ATTEMPTS: u8 = 3;
/// What an officer or a driver writes at most.
const MOST_CHARACTERS: usize = 2000;

const PROPOSED: &str = "sanction.proposed";

/// What is to be proposed, parsed.
struct Wanted {
    grounds: Grounds,
    evidence: Evidence,
    statement: String,
}

/// What an officer does about a sanction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    /// Confirms the proposal of another.
    Confirm,
    /// Declines it.
    Decline,
    /// Would have it lifted.
    ProposeLift,
    /// Lifts it, as another would have it.
    Lift,
    /// Lets it stand.
    DeclineLift,
}

impl Authority {
    /// Proposes a sanction from a case that the reviewer may review. Nothing happens to the driver.
    ///
    /// # Errors
    /// As for the review of the case; [`refusal::INVALID_SANCTION`];
    /// [`refusal::OPEN_SANCTION`] with the one that there is.
    pub async fn propose_from_case(
        &self,
        act: &mut Act,
        application: &str,
        request: ProposeFromCase,
        key: Option<&str>,
    ) -> Result<SanctionView, Error> {
        let found = self.reviewable(act, application, PROPOSED).await?;
        let (row, driver) = (found.application, found.driver);
        let mut evidence = request.evidence;
        evidence.extend(self.evidence_of_case(&row).await?);
        let wanted = Wanted {
            grounds: grounds(&request.grounds)?,
            evidence: self.evidence(&driver.id, &evidence).await?,
            statement: statement(&request.statement)?,
        };
        self.propose(act, &driver, wanted, key).await
    }

    /// Proposes a sanction against the driver of a licence number of the officer's own authority.
    ///
    /// # Errors
    /// An unknown driver, one of another authority, or the officer's own record;
    /// [`refusal::INVALID_SANCTION`]; [`refusal::OPEN_SANCTION`] with the one that there is.
    pub async fn propose_sanction(
        &self,
        act: &mut Act,
        request: ProposeSanction,
        key: Option<&str>,
    ) -> Result<SanctionView, Error> {
        let driver = self
            .driver_of_officer(act, &OFFICERS, &request.licence_number, PROPOSED)
            .await?;
        let evidence = if request.evidence.is_empty() {
            self.evidence_of_newest(&driver.id).await?
        } else {
            request.evidence
        };
        let wanted = Wanted {
            grounds: grounds(&request.grounds)?,
            evidence: self.evidence(&driver.id, &evidence).await?,
            statement: statement(&request.statement)?,
        };
        self.propose(act, &driver, wanted, key).await
    }

    async fn propose(
        &self,
        act: &mut Act,
        driver: &Driver,
        wanted: Wanted,
        key: Option<&str>,
    ) -> Result<SanctionView, Error> {
        let asked = format!(
            "{}\0{:?}\0{:?}\0{}",
            driver.id, wanted.grounds, wanted.evidence, wanted.statement
        );
        let key = key.map(|key| self.request_key(act, PROPOSED, key, &[&asked]));
        let answered: Option<SanctionId> =
            self.answered(driver.id.partition(), key.as_ref()).await?;
        let id = match answered {
            Some(id) => id,
            None => self.write_proposal(act, driver, wanted, key).await?,
        };
        let row = self.store().sanction(&id).await?;
        let row = row.ok_or(Error::Internal("a sanction is gone"))?;
        self.sanction_view(&row, driver).await
    }

    async fn write_proposal(
        &self,
        act: &mut Act,
        driver: &Driver,
        wanted: Wanted,
        key: Option<RequestKey>,
    ) -> Result<SanctionId, Error> {
        if let Some(open) = self.open_sanction(&driver.id).await? {
            return Err(already_open(&open));
        }
        let new = NewSanction {
            id: SanctionId::generate(driver.id.partition(), &mut act.rng),
            office: driver.record.issuing_authority.code.as_str().to_owned(),
            grounds: wanted.grounds,
            evidence: wanted.evidence,
            proposed_by: act.actor_id(),
            proposed_at: act.now,
        };
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        tx.insert_sanction(&locked, &new).await?;
        if let Some(key) = &key {
            key.remember(&mut tx, new.id.as_str(), act.now).await?;
        }
        let written = (&new.id, StepKind::Proposed, Some(wanted.statement.as_str()));
        add_step(act, &mut tx, &locked, written).await?;
        let grounds: Vec<&str> = new
            .grounds
            .as_slice()
            .iter()
            .map(|it| it.as_str())
            .collect();
        let entry = act
            .entry(PROPOSED)
            .about(&driver.id)
            .with("sanction", new.id.as_str())
            .with("grounds", grounds);
        tx.commit(entry, Vec::new()).await?;
        Ok(new.id)
    }

    async fn open_sanction(&self, holder: &HolderId) -> Result<Option<SanctionRow>, Error> {
        let all = self.store().sanctions_of(holder).await?;
        Ok(all.into_iter().find(|row| row.stage.is_open()))
    }

    /// Sanctions of the officer's authority, newest first: those to be decided or in force, or, with
    /// `all`, those that ended too.
    ///
    /// # Errors
    /// Without the role or an office.
    pub async fn sanctions(&self, act: &mut Act, all: bool) -> Result<Vec<SanctionRowView>, Error> {
        let actor = act.staff(&OFFICERS)?;
        let office = actor.office.as_ref().ok_or(refusal::NO_OFFICE)?;
        let stages: Vec<Stage> = Stage::ALL
            .iter()
            .copied()
            .filter(|stage| all || stage.is_open())
            .collect();
        let rows = self
            .store()
            .sanctions_of_office(&office.authority_code, &stages, PAGE)
            .await?;
        Ok(rows.iter().map(render::row_view).collect())
    }

    /// A sanction with the driver's record and everything that happened. Reading it is audited.
    ///
    /// # Errors
    /// [`refusal::NOT_FOUND`]; outside the officer's authority, or their own record.
    pub async fn sanction(&self, act: &mut Act, id: &str) -> Result<SanctionView, Error> {
        const WHAT: &str = "sanction.read";
        let (row, driver) = self.sanction_for(act, &OFFICERS, id, WHAT).await?;
        self.note_reading(act, WHAT, &row).await?;
        self.sanction_view(&row, &driver).await
    }

    /// A photo of the evidence, for the officer who has to decide. Audited.
    ///
    /// # Errors
    /// As [`Authority::sanction`]; [`refusal::NOT_FOUND`] for a photo that is no evidence of it.
    pub async fn sanction_photo(
        &self,
        act: &mut Act,
        id: &str,
        photo: &str,
    ) -> Result<PhotoFile, Error> {
        const WHAT: &str = "sanction.photo-read";
        let (row, driver) = self.sanction_for(act, &OFFICERS, id, WHAT).await?;
        let photos = self.photos_of_evidence(&row).await?;
        let photo = photos.iter().find(|it| it.as_str() == photo);
        let photo = photo.ok_or(refusal::NOT_FOUND)?;
        self.note_reading(act, WHAT, &row).await?;
        self.photo_file(&driver.id, photo).await
    }

    async fn note_reading(
        &self,
        act: &Act,
        what: &'static str,
        row: &SanctionRow,
    ) -> Result<(), Error> {
        let tx = self.store().begin_in(row.holder.partition()).await?;
        let entry = act
            .entry(what)
            .about(&row.holder)
            .with("sanction", row.id.as_str());
        tx.commit(entry, Vec::new()).await?;
        Ok(())
    }

    /// Another officer confirms a proposal, and it is in force; or declines it.
    ///
    /// # Errors
    /// As [`Authority::sanction`]; [`refusal::SAME_OFFICER`]; [`refusal::NOT_IN_THIS_STATE`].
    pub async fn decide_sanction(
        &self,
        act: &mut Act,
        id: &str,
        request: DecideSanction,
    ) -> Result<SanctionView, Error> {
        let decision = match request.decision {
            SanctionDecision::Confirm => Decision::Confirm,
            SanctionDecision::Decline => Decision::Decline,
        };
        let written = why(&request)?;
        self.decide_about(act, id, decision, written.as_deref())
            .await
    }

    /// An officer would have a sanction lifted, by what the driver wrote or for another reason.
    ///
    /// # Errors
    /// As [`Authority::decide_sanction`].
    pub async fn propose_lift(
        &self,
        act: &mut Act,
        id: &str,
        request: SanctionStatement,
    ) -> Result<SanctionView, Error> {
        let written = statement(&request.statement)?;
        self.decide_about(act, id, Decision::ProposeLift, Some(&written))
            .await
    }

    /// Another officer lifts a sanction: all is as before; or lets it stand.
    ///
    /// # Errors
    /// As [`Authority::decide_sanction`]; [`refusal::OWN_DECISION`] for whoever confirmed it.
    pub async fn decide_lift(
        &self,
        act: &mut Act,
        id: &str,
        request: DecideSanction,
    ) -> Result<SanctionView, Error> {
        let decision = match request.decision {
            SanctionDecision::Confirm => Decision::Lift,
            SanctionDecision::Decline => Decision::DeclineLift,
        };
        let written = why(&request)?;
        self.decide_about(act, id, decision, written.as_deref())
            .await
    }

    async fn decide_about(
        &self,
        act: &mut Act,
        id: &str,
        decision: Decision,
        written: Option<&str>,
    ) -> Result<SanctionView, Error> {
        let mut attempt = 1;
        loop {
            match self.try_decide(act, id, decision, written).await {
                Err(Error::Store(StoreError::Conflict(Conflict::Revision)))
                    if attempt < ATTEMPTS =>
                {
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    async fn try_decide(
        &self,
        act: &mut Act,
        id: &str,
        decision: Decision,
        written: Option<&str>,
    ) -> Result<SanctionView, Error> {
        let (row, driver) = self
            .sanction_for(act, decision.roles(), id, decision.what())
            .await?;
        let officer = OfficerId(act.actor_id());
        if let Err(refused) = as_sanction(&row)?.apply(decision.event(officer)) {
            let refused = refused.into();
            return self
                .refuse(act, decision.what(), Some(&driver.id), refused)
                .await;
        }
        let effects = self.effects(&row, decision).await?;
        let former = self.store().former_phone(&driver.id, act.now).await?;
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        let by = act.actor_id();
        tx.move_sanction(&locked, &row.id, decision.moves(&effects), (&by, act.now))
            .await?;
        let (mut events, restored) = effects
            .apply(act, &mut tx, &locked, (&row, &driver))
            .await?;
        events.extend(
            self.tell_of_sanction(act, &mut tx, (&row, &driver, decision), former)
                .await?,
        );
        add_step(act, &mut tx, &locked, (&row.id, decision.step(), written)).await?;
        let entry = act
            .entry(decision.what())
            .about(&driver.id)
            .with("sanction", row.id.as_str());
        let committed = tx.commit(effects.on(entry, restored), events).await?;
        self.follow_committed(&[committed]).await?;
        let row = self.store().sanction(&row.id).await?;
        let row = row.ok_or(Error::Internal("a sanction is gone"))?;
        self.sanction_view(&row, &driver).await
    }

    /// Whether a sanction closes the app to the driver (R75).
    pub(crate) async fn is_sanctioned(&self, holder: &HolderId) -> Result<bool, Error> {
        Ok(self.store().sanction_in_force(holder).await?.is_some())
    }

    /// A sanction and its driver, if the officer may deal with it. A refusal is audited.
    async fn sanction_for(
        &self,
        act: &Act,
        roles: &[Role],
        id: &str,
        what: &'static str,
    ) -> Result<(SanctionRow, Driver), Error> {
        let actor = act.staff(roles)?;
        let id = SanctionId::parse(id).map_err(|_not_an_id| Error::from(refusal::NOT_FOUND))?;
        let row = self.store().sanction(&id).await?;
        let row = row.ok_or(refusal::NOT_FOUND)?;
        let driver = self.store().driver(&row.holder).await?;
        let driver = driver.ok_or(Error::Internal("a sanction of no driver"))?;
        match self.may_handle(actor, &driver) {
            Ok(()) => Ok((row, driver)),
            Err(error) => self.refuse(act, what, Some(&driver.id), error).await,
        }
    }
}

impl Decision {
    /// Its name in the audit.
    const fn what(self) -> &'static str {
        match self {
            Self::Confirm => "sanction.confirmed",
            Self::Decline => "sanction.declined",
            Self::ProposeLift => "sanction.lift-proposed",
            Self::Lift => "sanction.lifted",
            Self::DeclineLift => "sanction.lift-declined",
        }
    }

    /// The step that it is.
    const fn step(self) -> StepKind {
        match self {
            Self::Confirm => StepKind::Confirmed,
            Self::Decline => StepKind::Declined,
            Self::ProposeLift => StepKind::LiftProposed,
            Self::Lift => StepKind::Lifted,
            Self::DeclineLift => StepKind::LiftDeclined,
        }
    }

    /// Who may: the counter too hears a driver who would have it lifted.
    const fn roles(self) -> &'static [Role] {
        match self {
            Self::ProposeLift => &OFFICERS,
            Self::Confirm | Self::Decline | Self::Lift | Self::DeclineLift => &DECIDERS,
        }
    }

    fn event(self, officer: OfficerId) -> Move {
        match self {
            Self::Confirm => Move::Confirm { officer },
            Self::Decline => Move::Decline { officer },
            Self::ProposeLift => Move::ProposeLift { officer },
            Self::Lift => Move::ConfirmLift { officer },
            Self::DeclineLift => Move::DeclineLift { officer },
        }
    }

    fn moves(self, effects: &Effects) -> SanctionMove<'_> {
        match self {
            Self::Confirm => SanctionMove::Confirm {
                e_licence: effects.stopped(),
            },
            Self::Decline => SanctionMove::Decline,
            Self::ProposeLift => SanctionMove::ProposeLift,
            Self::Lift => SanctionMove::Lift,
            Self::DeclineLift => SanctionMove::DeclineLift,
        }
    }
}

/// Adds the step that goes with the act; its audit row is the first of the commit.
async fn add_step(
    act: &mut Act,
    tx: &mut Tx,
    locked: &Locked,
    (sanction, kind, written): (&SanctionId, StepKind, Option<&str>),
) -> Result<(), Error> {
    let step = NewSanctionStep {
        id: SanctionStepId::generate(sanction.partition(), &mut act.rng),
        sanction,
        kind,
        actor: act.actor_id(),
        at: act.now,
        statement: written,
    };
    Ok(tx.add_sanction_step(locked, &step).await?)
}

/// The rules' view of a stored sanction.
fn as_sanction(row: &SanctionRow) -> Result<Sanction, Error> {
    let odd = Error::Internal("a sanction's columns contradict its stage");
    let officer = |id: &Option<String>| id.clone().map(OfficerId);
    let proposal = Proposal {
        by: OfficerId(row.proposed_by.clone()),
        grounds: row.grounds.clone(),
        evidence: row.evidence.clone(),
    };
    if row.stage == Stage::Proposed {
        return Ok(Sanction::Proposed { proposal });
    }
    let Some(by) = officer(&row.decided_by) else {
        return Err(odd);
    };
    let appeal = row.appeal;
    if row.stage == Stage::Declined {
        return Ok(Sanction::Declined { proposal, by });
    }
    let confirmed = Confirmed { proposal, by };
    match (row.stage, officer(&row.lift_by), officer(&row.lifted_by)) {
        (Stage::InForce, None, None) => Ok(Sanction::InForce { confirmed, appeal }),
        (Stage::LiftProposed, Some(by), None) => Ok(Sanction::LiftProposed {
            confirmed,
            by,
            appeal,
        }),
        (Stage::Lifted, Some(proposed_by), Some(by)) => Ok(Sanction::Lifted {
            confirmed,
            proposed_by,
            by,
            appeal,
        }),
        _ => Err(odd),
    }
}

/// A sanction as an e-licence's states name it.
fn stopping(id: &SanctionId) -> Stopping {
    Stopping(id.to_string())
}

fn already_open(open: &SanctionRow) -> Error {
    let because = Because {
        code: open.id.to_string(),
        rule: None,
        field: Some("sanction".to_owned()),
        zh: "未办结的处置".to_owned(),
        en: "the sanction that is open".to_owned(),
        clears_zh: None,
        clears_en: None,
    };
    Error::Refused(refusal::OPEN_SANCTION, vec![because])
}

fn grounds(codes: &[String]) -> Result<Grounds, Error> {
    let known: Option<Vec<Ground>> = codes.iter().map(|code| Ground::parse(code)).collect();
    let known = known.ok_or_else(|| {
        invalid(
            "grounds",
            "未知的处置理由",
            "one of the grounds is not known",
        )
    })?;
    Ok(Grounds::new(known)?)
}

/// What was written about a decision: to decline, something is.
fn why(request: &DecideSanction) -> Result<Option<String>, Error> {
    match (&request.statement, request.decision) {
        (Some(text), _) => statement(text).map(Some),
        (None, SanctionDecision::Confirm) => Ok(None),
        (None, SanctionDecision::Decline) => statement("").map(Some),
    }
}

/// What a person wrote: something, not too long, and lines only.
fn statement(text: &str) -> Result<String, Error> {
    let text = text.trim();
    let length = text.chars().count();
    let odd = |c: char| c.is_control() && c != '\n';
    if length == 0 || length > MOST_CHARACTERS || text.chars().any(odd) {
        return Err(invalid(
            "statement",
            "说明须为 1 至 2000 个字符",
            "a statement has 1 to 2000 characters",
        ));
    }
    Ok(text.to_owned())
}

fn invalid(field: &str, zh: &str, en: &str) -> Error {
    let because = Because {
        code: format!("invalid-{field}"),
        rule: None,
        field: Some(field.to_owned()),
        zh: zh.to_owned(),
        en: en.to_owned(),
        clears_zh: None,
        clears_en: None,
    };
    Error::Refused(refusal::INVALID_SANCTION, vec![because])
}
