//! What members of staff do about their own account: second factor, recovery codes, password.

use rand::Rng;
use storage::{Blind, FactorStage, Partition, Staff, Tx};
use zeroize::Zeroizing;

use crate::{
    Act, Actor, Authority, Error,
    passwords::Passwords,
    refusal,
    sessions::Proof,
    symbol,
    totp::{self, Given},
    views::{
        ChangeStaffPassword, ConfirmFactor, NewFactorView, RecoveryCodesView, RenewRecoveryCodes,
    },
};

/// What stands before the login in an authenticator app.
const ISSUER: &str = "Jiazhao 驾照";

impl Authority {
    /// Begins to set up the second factor: makes a secret, in place of one that was not confirmed.
    ///
    /// # Errors
    /// Not as staff, or when there is one already.
    pub async fn begin_factor(&self, act: &mut Act) -> Result<NewFactorView, Error> {
        let staff = own(act)?.clone();
        let mut secret = Zeroizing::new([0_u8; totp::SECRET]);
        act.rng.fill_bytes(&mut *secret);
        // Instants grow, also over a reset: no older ciphertext opens as this one.
        let enrolment = u64::try_from(act.now.as_microsecond()).unwrap_or_default();
        let uri = totp::uri(&*secret, ISSUER, &staff.login);
        let view = NewFactorView {
            secret: totp::base32(&*secret).as_str().to_owned(),
            qr_svg: symbol::qr(&uri, "black")?,
            uri: uri.as_str().to_owned(),
        };
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        tx.begin_factor(&staff.id, enrolment, &*secret, act.now)
            .await?;
        let entry = act
            .entry("staff.factor-begun")
            .with("staff", staff.id.as_str());
        tx.commit(entry, Vec::new()).await?;
        Ok(view)
    }

    /// Confirms the second factor with its first code. The member's sessions end; the answer is the
    /// token of a new one that may do everything, with the recovery codes.
    ///
    /// # Errors
    /// [`refusal::WRONG_PROOF`] when the code is none of the secret's; not as staff; when nothing
    /// was begun.
    pub async fn confirm_factor(
        &self,
        act: &mut Act,
        request: ConfirmFactor,
    ) -> Result<(String, RecoveryCodesView), Error> {
        let staff = own(act)?.clone();
        self.inner.limits.proof(act)?;
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        let factor = tx.hold_factor(&staff.id).await?;
        let factor = factor
            .filter(|factor| factor.stage == FactorStage::Pending)
            .ok_or(refusal::NOT_IN_THIS_STATE)?;
        let step = match Given::read(Some(&request.code)) {
            Given::Code(code) => totp::matching_step(&factor.secret, &code, act.now, 0),
            Given::Recovery(_) | Given::Nothing => None,
        };
        let Some(step) = step else {
            return refused(tx, act, "staff.factor-refused").await;
        };
        tx.confirm_factor(&staff.id, factor.enrolment, step, act.now)
            .await?;
        let recovery_codes = self.new_recovery_codes(&mut tx, act, &staff).await?;
        let (token, session) = self.renew_staff_session(&mut tx, act, &staff).await?;
        let entry = act
            .entry("staff.factor-confirmed")
            .with("staff", staff.id.as_str())
            .with("until", session.expires_at.to_string());
        tx.commit(entry, Vec::new()).await?;
        let view = RecoveryCodesView {
            session: Some(session),
            recovery_codes,
        };
        Ok((token, view))
    }

    /// Makes new recovery codes; those from before no longer work.
    ///
    /// # Errors
    /// [`refusal::WRONG_PROOF`] when password or second factor is wrong; not as staff; when there
    /// is no second factor.
    pub async fn renew_recovery_codes(
        &self,
        act: &mut Act,
        request: RenewRecoveryCodes,
    ) -> Result<RecoveryCodesView, Error> {
        let staff = signed_in(act)?.clone();
        let password = Zeroizing::new(request.password);
        let given = Given::read(Some(&request.second_factor));
        let (mut tx, proof) = self.prove_again(act, &staff, password, &given).await?;
        match proof {
            Proof::Code | Proof::Recovery(_) => {}
            Proof::Wrong => return refused(tx, act, "staff.recovery-codes-refused").await,
            Proof::Missing | Proof::NotAsked => return Err(refusal::NOT_IN_THIS_STATE.into()),
        }
        let recovery_codes = self.new_recovery_codes(&mut tx, act, &staff).await?;
        let entry = act
            .entry("staff.recovery-codes-renewed")
            .with("staff", staff.id.as_str());
        tx.commit(entry, Vec::new()).await?;
        Ok(RecoveryCodesView {
            session: None,
            recovery_codes,
        })
    }

    /// Changes the password. Every session of the member ends, this one too.
    ///
    /// # Errors
    /// [`refusal::WRONG_PROOF`] when password or second factor is wrong; not as staff; when the new
    /// password is too weak.
    pub async fn change_staff_password(
        &self,
        act: &mut Act,
        request: ChangeStaffPassword,
    ) -> Result<(), Error> {
        let staff = signed_in(act)?.clone();
        Passwords::check(&request.new_password, None)?;
        let password = Zeroizing::new(request.password);
        let given = Given::read(request.second_factor.as_deref());
        let new = Zeroizing::new(request.new_password);
        let hash = self.inner.passwords.hash(new, &mut act.rng).await?;
        let (mut tx, proof) = self.prove_again(act, &staff, password, &given).await?;
        match proof {
            Proof::Code | Proof::Recovery(_) | Proof::NotAsked => {}
            Proof::Wrong => return refused(tx, act, "staff.password-refused").await,
            Proof::Missing => return Err(refusal::ENROL_FACTOR.into()),
        }
        tx.set_staff_password(&staff, &hash).await?;
        let ended = tx.delete_staff_sessions_of(&staff.id).await?;
        let entry = act
            .entry("staff.password-changed")
            .with("staff", staff.id.as_str())
            .with("sessions-ended", ended);
        tx.commit(entry, Vec::new()).await?;
        Ok(())
    }

    /// Asks for password and second factor again, within a session. A wrong password is not told
    /// from a wrong code, and no code is looked at without the right password.
    async fn prove_again(
        &self,
        act: &Act,
        staff: &Staff,
        password: Zeroizing<String>,
        given: &Given,
    ) -> Result<(Tx, Proof), Error> {
        self.inner.limits.proof(act)?;
        let hash = Some(staff.password_hash.as_str());
        let matches = self.inner.passwords.matches(password, hash).await;
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        let proof = if matches {
            self.prove_factor(&mut tx, act, &staff.id, given).await?
        } else {
            Proof::Wrong
        };
        Ok((tx, proof))
    }

    async fn new_recovery_codes(
        &self,
        tx: &mut Tx,
        act: &mut Act,
        staff: &Staff,
    ) -> Result<Vec<String>, Error> {
        let codes: Vec<Zeroizing<String>> = (0..totp::RECOVERY_CODES)
            .map(|_| totp::recovery_code(&mut act.rng))
            .collect();
        let blinds: Vec<Blind> = codes
            .iter()
            .map(|code| self.recovery_blind(&staff.id, code))
            .collect();
        tx.replace_recovery_codes(&staff.id, &blinds, act.now)
            .await?;
        Ok(codes.iter().map(|code| totp::grouped(code)).collect())
    }
}

/// The member who acts on their own account, with a second factor or to set one up.
fn own(act: &Act) -> Result<&Staff, Error> {
    match &act.actor {
        Actor::Enrolling(staff) => Ok(staff),
        Actor::Staff(actor) => Ok(&actor.staff),
        Actor::Anonymous => Err(refusal::SIGN_IN.into()),
        Actor::Holder(_) | Actor::Registry(_) | Actor::Gateway | Actor::System(_) => {
            Err(refusal::NOT_YOUR_ROLE.into())
        }
    }
}

/// The member who acts on their own account and has shown a second factor.
fn signed_in(act: &Act) -> Result<&Staff, Error> {
    match &act.actor {
        Actor::Staff(actor) => Ok(&actor.staff),
        Actor::Enrolling(_) => Err(refusal::ENROL_FACTOR.into()),
        Actor::Anonymous => Err(refusal::SIGN_IN.into()),
        Actor::Holder(_) | Actor::Registry(_) | Actor::Gateway | Actor::System(_) => {
            Err(refusal::NOT_YOUR_ROLE.into())
        }
    }
}

/// Commits what a wrong proof left behind, and refuses.
async fn refused<T>(tx: Tx, act: &Act, what: &'static str) -> Result<T, Error> {
    let entry = act.entry(what).with("refused", refusal::WRONG_PROOF.code);
    tx.commit(entry, Vec::new()).await?;
    Err(refusal::WRONG_PROOF.into())
}
