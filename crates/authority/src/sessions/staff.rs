//! Sessions of staff: password and second factor, an end by time, by idleness, and by whatever
//! changes what the member may do.

use jiff::{SignedDuration, Timestamp};
use storage::{
    FactorStage, Partition, SignedInStaff, Staff, StaffFactor, StaffId, StaffScope, StaffSession,
    Tx,
};
use zeroize::Zeroizing;

use crate::{
    Act, Actor, Authority, Error, SecondFactor, StaffActor, refusal,
    secret::{self, Secret},
    totp::{Given, SECRET, matching_step},
    views::{FactorState, SessionKindView, SessionView, SignIn},
};

/// A session of staff: a shift.
const SESSION: SignedDuration = SignedDuration::from_hours(8);
/// An unattended desk must not stay open.
const IDLE: SignedDuration = SignedDuration::from_mins(30);
/// How exactly the last use is told: a write for each request would cost more than it tells.
const TOLD: SignedDuration = SignedDuration::from_mins(1);
/// Long enough to install an app and to write ten codes down.
const ENROLMENT: SignedDuration = SignedDuration::from_mins(15);

/// Wrong codes in a row after which none is looked at for [`WAIT`], and again after each further
/// one. This counts by account, whoever tries, and yet it is no way to shut an officer out: a code
/// is counted only together with the right password, so that whoever could abuse it holds the
/// password already, and then the lock is what stands between them and the account. At one try in
/// fifteen minutes, of which three codes in a million are right, they need six years for an even
/// chance. A right code after the wait sets the count back; a recovery code is looked at during
/// the wait too, and sets it back at once; so does the reset by an administrator. The remedy is to
/// change the password.
const WRONG_IN_ROW: u64 = 5;
const WAIT: SignedDuration = SignedDuration::from_mins(15);

/// What came of the second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// A code.
    Code,
    /// A recovery code; so many are left.
    Recovery(u64),
    /// There is none yet, and one must be set up.
    Missing,
    /// There is none, and none is asked for.
    NotAsked,
    /// It does not prove anything.
    Wrong,
}

impl Proof {
    /// Its name in the audit.
    fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Recovery(_) => "recovery-code",
            Self::Missing => "missing",
            Self::NotAsked => "not-asked",
            Self::Wrong => "wrong",
        }
    }
}

impl Authority {
    pub(super) async fn sign_in_staff(
        &self,
        act: &mut Act,
        request: SignIn,
    ) -> Result<(String, SessionView), Error> {
        self.inner.limits.staff_sign_in(act, &request.login)?;
        let given = Given::read(request.second_factor.as_deref());
        let staff = self.store().staff_by_login(&request.login).await?;
        let staff = staff.filter(|staff| staff.disabled_at.is_none());
        let hash = staff.as_ref().map(|staff| staff.password_hash.as_str());
        let password = Zeroizing::new(request.password);
        let matches = self.inner.passwords.matches(password, hash).await;
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        let Some(staff) = staff.filter(|_| matches) else {
            self.prove_nothing(&mut tx, act, &given).await?;
            let entry = act
                .entry("session.refused")
                .with("refused", refusal::WRONG_LOGIN.code);
            tx.commit(entry, Vec::new()).await?;
            return Err(refusal::WRONG_LOGIN.into());
        };
        let proof = self.prove_factor(&mut tx, act, &staff.id, &given).await?;
        if proof == Proof::Wrong {
            let entry = act
                .entry("session.refused")
                .with("refused", refusal::WRONG_LOGIN.code)
                .with("staff", staff.id.as_str())
                .with("factor", proof.as_str());
            tx.commit(entry, Vec::new()).await?;
            return Err(refusal::WRONG_LOGIN.into());
        }
        let (token, session) = open_session(&mut tx, act, &staff.id, proof).await?;
        let mut entry = act
            .entry("session.began")
            .with("staff", staff.id.as_str())
            .with("factor", proof.as_str())
            .with("until", session.expires_at.to_string());
        if let Proof::Recovery(left) = proof {
            entry = entry.with("recovery-codes-left", left);
        }
        tx.commit(entry, Vec::new()).await?;
        Ok((token, view(&staff, &session, Some(proof))))
    }

    /// Ends all sessions of a member in favour of a new one, with everything they may do.
    pub(crate) async fn renew_staff_session(
        &self,
        tx: &mut Tx,
        act: &mut Act,
        staff: &Staff,
    ) -> Result<(String, SessionView), Error> {
        tx.delete_staff_sessions_of(&staff.id).await?;
        let (token, session) = open_session(tx, act, &staff.id, Proof::Code).await?;
        Ok((token, view(staff, &session, Some(Proof::Code))))
    }

    /// Looks at a second factor within a transaction, and notes there what comes of it. The caller
    /// has seen the right password, and commits also what is wrong.
    pub(crate) async fn prove_factor(
        &self,
        tx: &mut Tx,
        act: &Act,
        staff: &StaffId,
        given: &Given,
    ) -> Result<Proof, Error> {
        let factor = tx.hold_factor(staff).await?;
        let Some(factor) = factor.filter(|factor| factor.stage == FactorStage::Active) else {
            return Ok(match self.inner.settings.second_factor {
                SecondFactor::Required => Proof::Missing,
                SecondFactor::Demonstration => Proof::NotAsked,
            });
        };
        let waits = factor.wait_until.is_some_and(|until| act.now < until);
        match given {
            Given::Recovery(code) => {
                let blind = self.recovery_blind(staff, code);
                if let Some(left) = tx.use_recovery_code(staff, &blind, act.now).await? {
                    return Ok(Proof::Recovery(left));
                }
            }
            Given::Code(code) => {
                let step = matching_step(&factor.secret, code, act.now, factor.last_step);
                if let Some(step) = step.filter(|_| !waits) {
                    tx.use_factor_step(staff, step).await?;
                    return Ok(Proof::Code);
                }
            }
            // No guess, and nothing to count.
            Given::Nothing => return Ok(Proof::Wrong),
        }
        if !waits {
            tx.count_wrong_factor(staff, wait_after(&factor, act.now))
                .await?;
        }
        Ok(Proof::Wrong)
    }

    /// The same work for somebody who does not exist or has another password.
    async fn prove_nothing(&self, tx: &mut Tx, act: &mut Act, given: &Given) -> Result<(), Error> {
        let nobody = StaffId::generate(Partition::SYSTEM, &mut act.rng);
        tx.hold_factor(&nobody).await?;
        match given {
            Given::Code(code) => {
                matching_step(&[0; SECRET], code, act.now, 0);
            }
            Given::Recovery(code) => {
                let blind = self.recovery_blind(&nobody, code);
                tx.use_recovery_code(&nobody, &blind, act.now).await?;
            }
            Given::Nothing => {}
        }
        Ok(())
    }

    pub(crate) fn recovery_blind(&self, staff: &StaffId, code: &str) -> storage::Blind {
        let value = Zeroizing::new(format!("{staff}\0{code}"));
        self.store().blind("staff-recovery-code", value.as_bytes())
    }

    pub(super) async fn authenticate_staff(
        &self,
        hash: &[u8],
        now: Timestamp,
    ) -> Result<(Actor, SessionView), Error> {
        let found = self.store().signed_in_staff(hash).await?;
        let SignedInStaff {
            session,
            staff,
            office,
        } = found
            .filter(|found| {
                let session = &found.session;
                now < session.expires_at
                    && now.duration_since(session.last_used_at) < IDLE
                    && found.staff.disabled_at.is_none()
            })
            .ok_or(refusal::SIGN_IN)?;
        if now.duration_since(session.last_used_at) >= TOLD {
            self.store().touch_staff_session(hash, now).await?;
        }
        match session.scope {
            StaffScope::Enrolment => {
                let view = view(&staff, &session, Some(Proof::Missing));
                Ok((Actor::Enrolling(staff), view))
            }
            StaffScope::Full => {
                let view = view(&staff, &session, None);
                Ok((Actor::Staff(StaffActor { staff, office }), view))
            }
        }
    }
}

fn wait_after(factor: &StaffFactor, now: Timestamp) -> Option<Timestamp> {
    (factor.wrong_in_row.saturating_add(1) >= WRONG_IN_ROW)
        .then(|| now.saturating_add(WAIT).unwrap_or(Timestamp::MAX))
}

async fn open_session(
    tx: &mut Tx,
    act: &mut Act,
    staff: &StaffId,
    proof: Proof,
) -> Result<(String, StaffSession), Error> {
    let (scope, lasts) = match proof {
        Proof::Code | Proof::Recovery(_) | Proof::NotAsked => (StaffScope::Full, SESSION),
        Proof::Missing => (StaffScope::Enrolment, ENROLMENT),
        Proof::Wrong => return Err(refusal::WRONG_LOGIN.into()),
    };
    let Secret { text, hash } = secret::new(tx.partition(), &mut act.rng);
    let session = StaffSession {
        staff: staff.clone(),
        scope,
        created_at: act.now,
        expires_at: act.now.saturating_add(lasts).unwrap_or(act.now),
        last_used_at: act.now,
    };
    tx.insert_staff_session(&hash, &session).await?;
    Ok((text.to_string(), session))
}

/// How the factor was proven is known where the session begins, and not later.
fn view(staff: &Staff, session: &StaffSession, proof: Option<Proof>) -> SessionView {
    let second_factor = proof.map(|proof| match proof {
        Proof::Code | Proof::Recovery(_) => FactorState::Active,
        Proof::Missing | Proof::Wrong => FactorState::ToEnrol,
        Proof::NotAsked => FactorState::NotAsked,
    });
    let full = session.scope == StaffScope::Full;
    SessionView {
        kind: SessionKindView::Staff,
        id: staff.id.to_string(),
        // Until the factor is set up the session gives no role.
        roles: if full {
            staff.roles.clone()
        } else {
            Vec::new()
        },
        office: staff.office.clone().filter(|_| full),
        expires_at: session.expires_at,
        second_factor,
        recovery_codes_left: match proof {
            Some(Proof::Recovery(left)) => Some(left),
            Some(Proof::Code | Proof::Missing | Proof::NotAsked | Proof::Wrong) | None => None,
        },
    }
}
