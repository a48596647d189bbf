//! Codes to the phone number that the registry holds (短信验证码).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use rand::Rng;
use storage::{Driver, HolderId, NewChallenge};
use zeroize::Zeroizing;

use super::after;
use crate::{
    Act, Authority, Error, secret,
    views::{PhoneChallengeView, RequestPhoneCode},
};

/// How long a code by phone works: as long as a text may take, and typing it.
const CODE_LASTS: SignedDuration = SignedDuration::from_mins(10);
/// Digits of a code. Five tries at 10^8 codes are a chance of one in twenty million for each text.
const DIGITS: usize = 8;
/// Texts with codes to one driver: six at once, then one an hour. Each request has tries of its own,
/// so that nobody spoils another's; what is limited instead is how many there are. Somebody who
/// asks for codes of one driver without end has 30 texts on the first day and 24 on each that
/// follows, hence 120 tries a day: a chance of one in 800,000 a day, while the driver's phone rings
/// 24 times. Whoever uses the allowance up keeps a driver from activating by phone for as long as
/// they go on, never at the counter.
pub(super) const ALLOWANCE: (u32, SignedDuration) = (6, SignedDuration::from_hours(1));

impl Authority {
    /// Asks for a code to the phone that the registry holds. The answer is the same, for the same
    /// work, whether the number, an account or a phone exist, and whether a text leaves.
    ///
    /// # Errors
    /// [`Error::TooMany`] from a source that asks too often.
    pub async fn request_phone_code(
        &self,
        act: &mut Act,
        request: RequestPhoneCode,
    ) -> Result<PhoneChallengeView, Error> {
        self.inner.limits.phone_code(act)?;
        let mut challenge = [0_u8; 16];
        act.rng.fill_bytes(&mut challenge);
        let challenge = URL_SAFE_NO_PAD.encode(challenge);
        let claimant = self.claimant(act, &request.licence_number).await?;
        let partition = claimant.holder.partition();
        let nobody = HolderId::generate(partition, &mut act.rng);
        let may = self.sends_texts()
            && claimant
                .not_frozen()
                .is_some_and(|driver| phone_that_proves(driver, act.now).is_some());
        let holder = if may { &claimant.holder } else { &nobody };
        let expires_at = after(act.now, CODE_LASTS);
        let mut tx = self.store().begin_in(partition).await?;
        let allowed = tx.take_phone_code(holder, ALLOWANCE, act.now).await?;
        // The code is made by a job, and so is its text: what is done here is the same for nobody.
        tx.insert_challenge(&NewChallenge {
            id: challenge_name(&challenge),
            holder: holder.clone(),
            send: may && allowed,
            made_at: act.now,
            expires_at,
        })
        .await?;
        let mut entry = act
            .entry("phone-code.requested")
            .with("allowed", may && allowed);
        if let Some(holder) = claimant.known() {
            entry = entry.about(holder);
        }
        tx.commit(entry, Vec::new()).await?;
        Ok(PhoneChallengeView {
            challenge,
            expires_at,
        })
    }
}

/// The name under which a request is kept: the one that the client has is a secret.
pub(super) fn challenge_name(challenge: &str) -> String {
    hex::encode(secret::hash(challenge.as_bytes()))
}

/// The phone number that proves a driver: the registry's, unless it changed a short time ago.
pub(super) fn phone_that_proves(driver: &Driver, now: Timestamp) -> Option<Zeroizing<String>> {
    if driver.phone_held_until.is_some_and(|until| now < until) {
        return None;
    }
    let contact = driver.record.contact.as_ref()?;
    Some(Zeroizing::new(contact.phone.clone()))
}

/// A code of [`DIGITS`] digits, each as likely as any other.
pub(super) fn new_code(rng: &mut impl Rng) -> Zeroizing<String> {
    let mut code = Zeroizing::new(String::with_capacity(DIGITS));
    while code.len() < DIGITS {
        let [byte, ..] = rng.next_u32().to_le_bytes();
        // 250 = 25 * 10: bytes above it would favour the low digits.
        if byte < 250 {
            code.push(char::from(b'0' + byte % 10));
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn codes_are_eight_digits_of_every_kind() {
        let mut rng = StdRng::seed_from_u64(5);
        let mut seen = [0_u32; 10];
        for _ in 0..1000 {
            let code = new_code(&mut rng);
            assert_eq!(code.len(), DIGITS);
            for digit in code.bytes() {
                seen[usize::from(digit - b'0')] += 1;
            }
        }
        // 800 expected of each; five standard deviations are 134.
        assert!(
            seen.iter().all(|count| count.abs_diff(800) < 134),
            "{seen:?}"
        );
    }
}
