//! At the counter: who may handle which driver, and the single-use activation code that is printed
//! after an identity check.

use jiff::SignedDuration;
use licence::LicenceNumber;
use rand::Rng;
use storage::{ActivationId, AliasKind, Blind, Driver, HolderId};
use zeroize::Zeroizing;

use crate::{
    Act, Authority, Error, Role, StaffActor, refusal,
    views::{ActivationCodeView, MakeActivationCode},
};

/// How long a printed code works: the way home and a night.
const CODE_LASTS: SignedDuration = SignedDuration::from_hours(72);
/// Without I, L, O, U, 0 and 1, which people confuse when they read a print.
const ALPHABET: &[u8; 30] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_LENGTH: usize = 10;

impl Authority {
    /// Makes an activation code for a driver at the counter; an earlier open one is replaced.
    ///
    /// # Errors
    /// Outside the office's scope, an officer's own record, or an unknown driver.
    pub async fn make_activation_code(
        &self,
        act: &mut Act,
        request: MakeActivationCode,
    ) -> Result<ActivationCodeView, Error> {
        let driver = self
            .driver_at_counter(act, &request.licence_number, "activation-code.made")
            .await?;
        if driver.frozen_at.is_some() {
            return Err(refusal::ALREADY_FROZEN.into());
        }
        let code = new_code(&mut act.rng);
        let id = ActivationId::generate(driver.id.partition(), &mut act.rng);
        let expires_at = act.now.saturating_add(CODE_LASTS).unwrap_or(act.now);
        let blind = self.code_blind(&driver.id, &code);
        let mut tx = self.store().begin_in(driver.id.partition()).await?;
        tx.insert_activation_code(
            (&id, &blind),
            &driver.id,
            &act.actor_id(),
            act.now,
            expires_at,
        )
        .await?;
        let entry = act
            .entry("activation-code.made")
            .about(&driver.id)
            .with("code", id.as_str())
            .with("identity", method_code(&request.identity)?);
        tx.commit(entry, Vec::new()).await?;
        Ok(ActivationCodeView {
            code: grouped(&code),
            expires_at,
        })
    }

    /// The driver with this number, if the officer's office may handle them and they are not the
    /// officer. A refusal is audited.
    pub(crate) async fn driver_at_counter(
        &self,
        act: &Act,
        licence_number: &str,
        what: &'static str,
    ) -> Result<Driver, Error> {
        self.driver_of_officer(act, &[Role::Counter], licence_number, what)
            .await
    }

    /// The same for an officer in one of `roles`.
    pub(crate) async fn driver_of_officer(
        &self,
        act: &Act,
        roles: &[Role],
        licence_number: &str,
        what: &'static str,
    ) -> Result<Driver, Error> {
        let actor = act.staff(roles)?.clone();
        let number = LicenceNumber::parse(licence_number)
            .map_err(|_not_a_number| Error::from(refusal::INVALID_NUMBER))?;
        let Some(holder) = self.holder_by_number(&number).await? else {
            return self
                .refuse(act, what, None, refusal::NOT_FOUND.into())
                .await;
        };
        let Some(driver) = self.store().driver(&holder).await? else {
            return Err(refusal::NOT_FOUND.into());
        };
        match self.may_handle(&actor, &driver) {
            Ok(()) => Ok(driver),
            Err(error) => self.refuse(act, what, Some(&holder), error).await,
        }
    }

    /// R91: only the office that issued the licence, and never an officer's own record.
    pub(crate) fn may_handle(&self, actor: &StaffActor, driver: &Driver) -> Result<(), Error> {
        let office = actor.office.as_ref().ok_or(refusal::NO_OFFICE)?;
        if office.authority_code != driver.record.issuing_authority.code.as_str() {
            return Err(refusal::OUT_OF_SCOPE.into());
        }
        self.not_their_own(actor, driver)
    }

    /// SC-31: never an officer's own record.
    pub(crate) fn not_their_own(&self, actor: &StaffActor, driver: &Driver) -> Result<(), Error> {
        let owns = |number: &LicenceNumber| {
            let blind = self
                .store()
                .lasting_alias(AliasKind::LicenceNumber, number.as_str());
            actor.staff.owns(&blind)
        };
        let record = &driver.record;
        if owns(&record.licence_number) || record.previous_licence_numbers.iter().any(owns) {
            return Err(refusal::OWN_RECORD.into());
        }
        Ok(())
    }

    pub(crate) fn code_blind(&self, holder: &HolderId, code: &str) -> Blind {
        let value = Zeroizing::new(format!("{holder}\0{code}"));
        self.store().blind("activation-code", value.as_bytes())
    }
}

/// The stable name of the identity check, for the audit.
pub(crate) fn method_code(check: &crate::views::IdentityCheck) -> Result<String, Error> {
    if check.note.chars().count() > 200 || check.note.chars().any(char::is_control) {
        return Err(refusal::INVALID.into());
    }
    match serde_json::to_value(check.method) {
        Ok(serde_json::Value::String(code)) => Ok(code),
        Ok(_) | Err(_) => Err(Error::Internal("an identity method has no name")),
    }
}

fn new_code(rng: &mut impl Rng) -> Zeroizing<String> {
    let mut code = Zeroizing::new(String::with_capacity(CODE_LENGTH));
    while code.len() < CODE_LENGTH {
        // 240 = 8 * 30: bytes above it would favour the first letters.
        let [byte, ..] = rng.next_u32().to_le_bytes();
        if byte < 240
            && let Some(letter) = ALPHABET.get(usize::from(byte % 30))
        {
            code.push(char::from(*letter));
        }
    }
    code
}

fn grouped(code: &str) -> String {
    match code.split_at_checked(CODE_LENGTH / 2) {
        Some((left, right)) => format!("{left}-{right}"),
        None => code.to_owned(),
    }
}

/// What a person types: spaces, hyphens and small letters are how people copy a print.
pub(crate) fn normalised(typed: &str) -> Zeroizing<String> {
    Zeroizing::new(
        typed
            .chars()
            .filter(|c| !matches!(c, ' ' | '-'))
            .take(64)
            .collect::<String>()
            .to_ascii_uppercase(),
    )
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn printed_codes_read_back() {
        let mut rng = StdRng::seed_from_u64(7);
        for _ in 0..200 {
            let code = new_code(&mut rng);
            assert_eq!(code.len(), CODE_LENGTH);
            assert_eq!(*normalised(&grouped(&code).to_lowercase()), *code);
        }
    }
}
