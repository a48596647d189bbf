//! Activation (激活): a proof of the person makes a device. What else it does depends on what there
//! is: it opens the account, adds a device, or recovers the account from whoever has it.

use jiff::SignedDuration;
use licence::person_check::FacePurpose;
use storage::{
    ActivationCode, Blind, ClientKind, Conflict, Device, DeviceEnd, DeviceId, DeviceProof,
    FaceConsentId, FaceConsentRow, HolderId, Locked, StoreError, Tx,
    audit::{Entry, Trail},
    outbox::Event,
};
use zeroize::Zeroizing;

use super::{
    Claimant, Client, after, notices::Notice, person_check::Shown, phone_code::challenge_name,
};
use crate::{
    Act, Authority, Error,
    applying::ACTIVATION_CONSENT_VERSION,
    enrol,
    notify::TextKind,
    passwords::Passwords,
    refusal, secret,
    sessions::open_session,
    views::{Activate, SessionView},
};

/// How long a device lives on which nobody signs in.
pub const DEVICE_LASTS: SignedDuration = SignedDuration::from_hours(180 * 24);
/// Tries at one code before it is closed. For the printed code it is five of 2^49, for the code by
/// phone five of 10^8 (see `phone_code`): guessing is hopeless, a slip is not.
const MAX_TRIES: u64 = 5;
/// How often an activation is begun anew when the driver's record changes meanwhile.
const ATTEMPTS: u8 = 3;
const REFUSED: &str = "activation.refused";

/// A device that was added, and the session on it.
pub struct Activated {
    /// The session's token.
    pub token: Zeroizing<String>,
    /// The device's secret.
    pub device: Zeroizing<String>,
    /// The session.
    pub view: SessionView,
}

/// What an activation is asked for, its secrets apart.
struct Asked<'a> {
    request: &'a Activate,
    password: &'a Zeroizing<String>,
    /// Hash of the password, made before anything was looked up.
    hash: &'a str,
    /// The device that the client says it is.
    here: Option<&'a Device>,
    client: ClientKind,
    /// What a person check showed, where that is the proof.
    shown: Option<&'a Shown>,
}

/// A proof that was right, in the transaction that counted the try.
enum Proof {
    Counter(ActivationCode),
    Phone(String),
    Person,
}

/// What an activation amounts to.
#[derive(Clone, Copy)]
enum Outcome {
    /// There was no account.
    First,
    /// The password was the account's: one device more.
    Added,
    /// The password was another: every other device ends.
    Recovered,
}

impl Proof {
    const fn kind(&self) -> DeviceProof {
        match self {
            Self::Counter(_) => DeviceProof::CounterCode,
            Self::Phone(_) => DeviceProof::PhoneCode,
            Self::Person => DeviceProof::PersonCheck,
        }
    }
}

impl Asked<'_> {
    /// Which proof was tried.
    const fn way(&self) -> DeviceProof {
        if self.shown.is_some() {
            DeviceProof::PersonCheck
        } else if self.request.challenge.is_some() {
            DeviceProof::PhoneCode
        } else {
            DeviceProof::CounterCode
        }
    }

    /// An audit row with the proof that was tried.
    fn noted(&self, entry: Entry) -> Entry {
        let entry = entry.with("proof", self.way().as_str());
        match self.shown {
            Some(shown) => entry.with("check", shown.check.as_str()),
            None => entry,
        }
    }
}

impl Outcome {
    fn of(claimant: &Claimant, same_password: bool) -> Self {
        match (&claimant.account, same_password) {
            (None, _) => Self::First,
            (Some(_), true) => Self::Added,
            (Some(_), false) => Self::Recovered,
        }
    }

    const fn text(self) -> TextKind {
        match self {
            Self::First => TextKind::AccountActivated,
            Self::Added => TextKind::DeviceAdded,
            Self::Recovered => TextKind::AccountRecovered,
        }
    }

    const fn act(self) -> &'static str {
        match self {
            Self::First => "account.activated",
            Self::Added => "account.device-added",
            Self::Recovered => "account.recovered",
        }
    }
}

impl Authority {
    /// Activates a driver's account on the client's device, with a code printed at a counter, one sent
    /// to the phone that the registry holds, or a person check. Every earlier channel is told.
    ///
    /// # Errors
    /// [`refusal::ACTIVATION_REFUSED`], the same and for the same work whatever was wrong; what is wrong
    /// with a person check whoever the person is; [`refusal::INVALID`] for two proofs at once, and for none;
    /// [`Error::TooMany`] from a source that tries too often.
    pub async fn activate(
        &self,
        act: &mut Act,
        mut request: Activate,
        client: Client<'_>,
    ) -> Result<Activated, Error> {
        let checked = request.person_check.take();
        // One proof: a code, to which a challenge may belong, or a check. What is none uses up no try.
        let by_code = !request.code.is_empty();
        if checked.is_some() == by_code || (checked.is_some() && request.challenge.is_some()) {
            return Err(refusal::INVALID.into());
        }
        Passwords::check(&request.password, Some(&request.licence_number))?;
        self.inner.limits.activation(act)?;
        let password = Zeroizing::new(request.password.clone());
        // Hashed first and always, so that the answer takes as long whatever comes of it.
        let hash = self
            .inner
            .passwords
            .hash(password.clone(), &mut act.rng)
            .await?;
        let here = self.device(client.device).await?;
        let shown = match checked {
            Some(answer) => Some(self.shown(act, &request.licence_number, answer).await?),
            None => None,
        };
        let asked = Asked {
            request: &request,
            password: &password,
            hash: &hash,
            here: here.as_ref(),
            client: client.kind,
            shown: shown.as_ref(),
        };
        let mut attempt = 1;
        loop {
            match self.try_activate(act, &asked).await {
                Err(Error::Store(StoreError::Conflict(Conflict::Revision)))
                    if attempt < ATTEMPTS =>
                {
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    async fn try_activate(&self, act: &mut Act, asked: &Asked<'_>) -> Result<Activated, Error> {
        let claimant = self.claimant(act, &asked.request.licence_number).await?;
        let same = self
            .inner
            .passwords
            .matches(asked.password.clone(), claimant.password_hash())
            .await;
        let former = self.store().former_phone(&claimant.holder, act.now).await?;
        let mut tx = self.store().begin_in(claimant.holder.partition()).await?;
        let proof = self.prove(act, &mut tx, asked, &claimant).await?;
        let (Some(proof), Some(driver)) = (proof, claimant.not_frozen()) else {
            let mut entry = asked.noted(act.entry(REFUSED));
            if let Some(holder) = claimant.known() {
                entry = entry.about(holder);
            }
            tx.commit(entry, Vec::new()).await?;
            return Err(refusal::ACTIVATION_REFUSED.into());
        };
        // The code's row before the driver's, as everybody takes them who takes both.
        let locked = tx.lock(&driver.id, driver.revision).await?;
        let proved = proof.kind();
        match proof {
            Proof::Counter(code) => tx.use_activation_code(&code, act.now).await?,
            Proof::Phone(challenge) => tx.use_challenge(&challenge, act.now).await?,
            // It was ended with the try: it had one.
            Proof::Person => {}
        }
        let outcome = Outcome::of(&claimant, same);
        let notice = Notice {
            kind: outcome.text(),
            driver,
            former,
        };
        // Before devices end, so that they hear of it.
        let told = self.tell(act, &mut tx, notice).await?;
        let mut events = self
            .make_room(act, &mut tx, (&locked, outcome), asked)
            .await?;
        let device = new_device(act, &driver.id, proved, asked.client);
        let secret = secret::new(driver.id.partition(), &mut act.rng);
        tx.insert_device(&locked, &device, &secret.hash).await?;
        let owner = driver.id.as_str();
        let opened = open_session(&mut tx, act, owner, Some(&device.id)).await?;
        events.push(told);
        let entry = asked
            .noted(act.entry(outcome.act()).about(&driver.id))
            .with("device", device.id.as_str());
        let session = opened.entry(act).about(&driver.id);
        let mut trail = Trail::from(entry).and(session);
        if let Some(shown) = asked.shown {
            trail = trail.and(agreed(act, &mut tx, (&locked, &device), shown).await?);
        }
        tx.commit(trail, events).await?;
        self.follow().await?;
        Ok(Activated {
            view: opened.holder_view(&driver.id),
            token: opened.token,
            device: secret.text,
        })
    }

    /// Counts the try and judges the proof. One statement in every case.
    async fn prove(
        &self,
        act: &Act,
        tx: &mut Tx,
        asked: &Asked<'_>,
        claimant: &Claimant,
    ) -> Result<Option<Proof>, Error> {
        let (request, holder) = (asked.request, &claimant.holder);
        if let Some(shown) = asked.shown {
            tx.end_activation_check(&shown.check, &shown.closed).await?;
            return Ok(shown.proves(claimant).then_some(Proof::Person));
        }
        let Some(challenge) = &request.challenge else {
            let given = self.code_blind(holder, &enrol::normalised(&request.code));
            let code = tx.try_activation_code(holder, MAX_TRIES, act.now).await?;
            let code = code.filter(|code| given.matches(&code.code));
            return Ok(code.map(Proof::Counter));
        };
        let challenge = challenge_name(challenge);
        let given = self.phone_code_blind(holder, &challenge, &enrol::normalised(&request.code));
        let known = tx
            .try_challenge(&challenge, holder, MAX_TRIES, act.now)
            .await?;
        // A code may have gone to the phone that the registry held before.
        let held = claimant.driver.as_ref().is_some_and(|driver| {
            let until = driver.phone_held_until;
            until.is_some_and(|until| act.now < until)
        });
        let right = known.is_some_and(|known| given.matches(&known)) && !held;
        Ok(right.then_some(Proof::Phone(challenge)))
    }

    /// Ends what does not go on beside the new device; a device that ends presents nothing more.
    async fn make_room(
        &self,
        act: &Act,
        tx: &mut Tx,
        (locked, outcome): (&Locked, Outcome),
        asked: &Asked<'_>,
    ) -> Result<Vec<Event>, Error> {
        let holder = locked.holder();
        let mut events = Vec::new();
        match outcome {
            Outcome::First => tx.set_password(holder, asked.hash, act.now).await?,
            Outcome::Recovered => {
                tx.set_password(holder, asked.hash, act.now).await?;
                tx.end_devices(locked, DeviceEnd::Recovered, act.now)
                    .await?;
                tx.delete_sessions_of(holder.as_str()).await?;
                events = Self::unbind(tx, locked, None, act.now).await?.events;
            }
            Outcome::Added => {
                // The same client again: one device, not two.
                if let Some(here) = asked.here.filter(|here| here.holder == *holder) {
                    tx.end_device(holder, &here.id, DeviceEnd::Replaced, act.now)
                        .await?;
                    tx.delete_sessions_on(holder, &here.id).await?;
                    let unbound = Self::unbind(tx, locked, Some(&here.id), act.now).await?;
                    events = unbound.events;
                }
            }
        }
        Ok(events)
    }

    pub(super) fn phone_code_blind(&self, holder: &HolderId, challenge: &str, code: &str) -> Blind {
        let value = Zeroizing::new(format!("{holder}\0{challenge}\0{code}"));
        self.store().blind("phone-code", value.as_bytes())
    }
}

/// Writes down the consent to the person check that activated the device: given when it was begun, for
/// that check alone.
async fn agreed(
    act: &mut Act,
    tx: &mut Tx,
    (locked, device): (&Locked, &Device),
    shown: &Shown,
) -> Result<Entry, Error> {
    let holder = locked.holder();
    let new = FaceConsentRow {
        id: FaceConsentId::generate(holder.partition(), &mut act.rng),
        holder: holder.clone(),
        purpose: FacePurpose::PersonCheck,
        text_version: ACTIVATION_CONSENT_VERSION.to_owned(),
        device: device.id.clone(),
        check: Some(shown.check.clone()),
        given_at: shown.begun_at,
        withdrawn_at: None,
    };
    tx.insert_face_consent(locked, &new).await?;
    Ok(act
        .entry("face-consent.given")
        .about(holder)
        .with("consent", new.id.as_str())
        .with("version", ACTIVATION_CONSENT_VERSION)
        .with("device", device.id.as_str())
        .with("check", shown.check.as_str()))
}

fn new_device(act: &mut Act, holder: &HolderId, proof: DeviceProof, client: ClientKind) -> Device {
    Device {
        id: DeviceId::generate(holder.partition(), &mut act.rng),
        holder: holder.clone(),
        client,
        proof,
        created_at: act.now,
        last_seen_at: act.now,
        expires_at: after(act.now, DEVICE_LASTS),
        ended_at: None,
    }
}

impl std::fmt::Debug for Activated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Activated")
            .field("view", &self.view)
            .finish_non_exhaustive()
    }
}
