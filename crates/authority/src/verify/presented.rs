//! What a code stands for: the numeric code, and the codes that a bound device signs.
//!
//! Of a device's code first the signatures are judged and then its time, and only then what is known
//! of it: nobody learns from a made-up code what became of a real one.

use credential::{
    Code, DeviceKey, DynamicCode, NotFresh, NumericCode, NumericDate, OfflineCode, Reason, Refusal,
    VerifiedProfile, VerifiedTrustList,
    code::{CodeRefusal, PREFIX, check_window},
};
use jiff::Timestamp;
use licence::{
    binding::{Assurance, Stage},
    e_licence,
};
use storage::{
    BindingId, BindingRow, CodeToUse, CodeUse, CredentialId, ELicenceId, HolderId, Partition,
    Subject, ToPresent,
};
use zeroize::Zeroizing;

use crate::{
    Act, Authority, DEVICE_LASTS, Error, accounts::after, look_ups::Spends, refusal,
    views::AuthenticFact,
};

/// A code that was read. Of an offline code everything is checked that it carries.
pub(super) enum Read {
    Numeric(NumericCode),
    Dynamic(BindingId, DynamicCode, Zeroizing<String>),
    Offline(Box<OfflineRead>),
}

/// An offline code whose issuer, device, portrait and stamp are right, and whose time it is.
pub(super) struct OfflineRead {
    pub(super) credential: CredentialId,
    pub(super) profile: VerifiedProfile,
    time: NumericDate,
    text: Zeroizing<String>,
}

/// What a usable code stands for.
pub(super) struct Presented {
    /// `numeric`, `dynamic` or `offline`.
    pub(super) kind: &'static str,
    pub(super) holder: HolderId,
    pub(super) e_licence: ELicenceId,
    pub(super) made_at: Timestamp,
    pub(super) assurance: Option<Assurance>,
    /// What the credential in the repository must name.
    pub(super) device_key: Option<[u8; 65]>,
    /// Where the code carried the credential itself.
    pub(super) authentic: Option<AuthenticFact>,
    pub(super) spends: Option<Spends>,
    /// Whom it is about, where that was read with it.
    pub(super) subject: Option<Box<Subject>>,
}

/// A code that cannot be used. Whose it was is for the audit.
pub(super) struct Unusable {
    pub(super) holder: Option<HolderId>,
    pub(super) refused: Box<Error>,
}

impl Unusable {
    fn of(holder: Option<HolderId>, refused: impl Into<Error>) -> Self {
        Self {
            holder,
            refused: Box::new(refused.into()),
        }
    }

    /// Why it is not what it says it is.
    pub(super) fn because(refused: refusal::Refusal, reason: Reason) -> Self {
        let because = crate::Because {
            code: reason.code.to_owned(),
            rule: None,
            field: None,
            zh: reason.zh.to_owned(),
            en: reason.en.to_owned(),
            clears_zh: None,
            clears_en: None,
        };
        Self::of(None, Error::Refused(refused, vec![because]))
    }
}

impl Presented {
    /// The same code as one that is over.
    pub(super) fn over(self) -> Unusable {
        let refused = match self.spends {
            Some(Spends::Numeric(_)) => refusal::CODE_EXPIRED,
            Some(Spends::Shown(_)) | None => refusal::CODE_ENDED,
        };
        Unusable::of(Some(self.holder), refused)
    }
}

impl Read {
    /// Where what it stands for lies.
    pub(super) fn partition(&self) -> Partition {
        match self {
            Self::Numeric(code) => Partition::of_holders(code.partition()),
            Self::Dynamic(binding, ..) => binding.partition(),
            Self::Offline(code) => code.credential.partition(),
        }
    }

    /// Its text.
    pub(super) fn text(&self) -> Zeroizing<String> {
        match self {
            Self::Numeric(code) => Zeroizing::new(code.digits()),
            Self::Dynamic(_, _, text) => text.clone(),
            Self::Offline(code) => code.text.clone(),
        }
    }
}

impl Authority {
    /// Reads a code, and checks what needs no records.
    pub(super) async fn read_code(
        &self,
        act: &Act,
        text: &str,
    ) -> Result<Result<Read, Unusable>, Error> {
        if !text.starts_with(PREFIX) {
            let code = NumericCode::parse(text);
            return Ok(code
                .map(Read::Numeric)
                .map_err(|_not_a_code| Unusable::of(None, refusal::NOT_A_CODE)));
        }
        let kept = Zeroizing::new(text.to_owned());
        match Code::parse(text) {
            Err(malformed) => {
                let reason = malformed.reason();
                Ok(Err(Unusable::because(refusal::NOT_A_CODE, reason)))
            }
            Ok(Code::Dynamic(code)) => Ok(match BindingId::from_bytes(*code.handle.as_bytes()) {
                Ok(binding) => Ok(Read::Dynamic(binding, code, kept)),
                Err(_not_an_id) => Err(Unusable::of(None, refusal::CODE_UNKNOWN)),
            }),
            Ok(Code::Offline(code)) => self.read_offline(act.now, code, kept).await,
        }
    }

    /// Off the runtime's threads: two signatures in SM2 take as long as a commit.
    async fn read_offline(
        &self,
        now: Timestamp,
        code: OfflineCode,
        text: Zeroizing<String>,
    ) -> Result<Result<Read, Unusable>, Error> {
        let authority = self.clone();
        let checked = tokio::task::spawn_blocking(move || {
            let trust = &authority.signing()?.trust;
            Ok::<_, Error>(check_offline(&code, trust, now).map(|profile| (profile, code.time)))
        });
        let checked = checked.await;
        let checked = checked.map_err(|_panicked| Error::Internal("a check ended early"))??;
        let (profile, time) = match checked {
            Ok(good) => good,
            Err(unusable) => return Ok(Err(unusable)),
        };
        let credential = CredentialId::from_bytes(*profile.claims().credential_id.as_bytes());
        Ok(match credential {
            Ok(credential) => Ok(Read::Offline(Box::new(OfflineRead {
                credential,
                profile,
                time,
                text,
            }))),
            Err(_not_an_id) => Err(Unusable::of(None, refusal::CODE_UNKNOWN)),
        })
    }

    /// What a code stands for now.
    pub(super) async fn presented(
        &self,
        act: &Act,
        code: &Read,
    ) -> Result<Result<Presented, Unusable>, Error> {
        match code {
            Read::Numeric(code) => self.numeric_presented(act, code).await,
            Read::Dynamic(binding, code, _) => self.dynamic_presented(act, binding, code).await,
            Read::Offline(code) => self.offline_presented(act, code).await,
        }
    }

    async fn numeric_presented(
        &self,
        act: &Act,
        code: &NumericCode,
    ) -> Result<Result<Presented, Unusable>, Error> {
        let partition = Partition::of_holders(code.partition());
        let blind = self.numeric_blind(code);
        let found = self
            .store()
            .peek_numeric_code((partition, &blind), &self.first_suite(), act.now)
            .await?;
        Ok(match found {
            CodeUse::Used(row, subject) => Ok(Presented {
                kind: "numeric",
                holder: row.holder,
                e_licence: row.e_licence,
                made_at: row.made_at,
                assurance: None,
                device_key: None,
                authentic: None,
                spends: Some(Spends::Numeric(CodeToUse {
                    partition,
                    code: blind,
                    at: act.now,
                })),
                subject,
            }),
            CodeUse::Unknown => Err(Unusable::of(None, refusal::CODE_UNKNOWN)),
            CodeUse::Expired(holder) => Err(Unusable::of(Some(holder), refusal::CODE_EXPIRED)),
            CodeUse::AlreadyUsed(holder) => Err(Unusable::of(Some(holder), refusal::CODE_USED)),
        })
    }

    async fn dynamic_presented(
        &self,
        act: &Act,
        binding: &BindingId,
        code: &DynamicCode,
    ) -> Result<Result<Presented, Unusable>, Error> {
        let Some(binding) = self.store().binding(binding).await? else {
            return Ok(Err(Unusable::of(None, refusal::CODE_UNKNOWN)));
        };
        // ES256 of a device comes in two forms, r and s or r and n - s: browsers settle on neither,
        // and who makes one of the other gains nothing, since used codes are told by their time.
        let signed =
            DeviceKey::from_sec1(&binding.device_key).is_ok_and(|key| code.verify(&key).is_ok());
        if !signed {
            let unusable =
                Unusable::because(refusal::CODE_REFUSED, CodeRefusal::OtherDevice.reason());
            return Ok(Err(unusable));
        }
        if let Err(off) = check_window(code.time, act.now) {
            let refused = not_fresh(off);
            return Ok(Err(Unusable::of(Some(binding.holder), refused)));
        }
        self.bound_presented(act, binding, ("dynamic", code.time, None))
            .await
    }

    async fn offline_presented(
        &self,
        act: &Act,
        code: &OfflineRead,
    ) -> Result<Result<Presented, Unusable>, Error> {
        let Some(found) = self.store().credential(&code.credential).await? else {
            return Ok(Err(Unusable::of(None, refusal::CODE_UNKNOWN)));
        };
        let over = || Unusable::of(Some(found.holder.clone()), refusal::CODE_ENDED);
        let Some(binding) = &found.credential.binding else {
            return Ok(Err(over()));
        };
        let Some(binding) = self.store().binding(binding).await? else {
            return Ok(Err(over()));
        };
        let same = DeviceKey::from_sec1(&binding.device_key)
            .is_ok_and(|key| key == code.profile.claims().device_key);
        // A credential that was renewed on this device since is over with it, like a device that was
        // replaced.
        if !same || (!found.active && binding.stage == Stage::Active) {
            return Ok(Err(over()));
        }
        let key = code.profile.key();
        let authentic = AuthenticFact {
            outcome: "yes".to_owned(),
            suite: Some(key.public_key.suite().to_string()),
            key_id: Some(key.key_id().to_string()),
            issuer: Some(key.issuer.clone()),
            reasons: Vec::new(),
        };
        self.bound_presented(act, binding, ("offline", code.time, Some(authentic)))
            .await
    }

    /// A code of a device whose signature and time are right.
    async fn bound_presented(
        &self,
        act: &Act,
        binding: BindingRow,
        (kind, time, authentic): (&'static str, NumericDate, Option<AuthenticFact>),
    ) -> Result<Result<Presented, Unusable>, Error> {
        let seconds = u64::try_from(time.timestamp().as_second()).unwrap_or_default();
        let unusable = |refused: refusal::Refusal| {
            let holder = Some(binding.holder.clone());
            Ok(Err(Unusable::of(holder, refused)))
        };
        if binding.last_presented.is_some_and(|last| seconds <= last) {
            return unusable(refusal::CODE_USED);
        }
        let presents = self.stands(act.now, &binding).await?;
        if presents == Standing::Over {
            return unusable(refusal::CODE_ENDED);
        }
        let device_key = <[u8; 65]>::try_from(binding.device_key.as_slice());
        let device_key =
            device_key.map_err(|_length| Error::Internal("a device's key is damaged"))?;
        Ok(Ok(Presented {
            kind,
            made_at: time.timestamp(),
            assurance: Some(binding.assurance),
            device_key: Some(device_key),
            authentic,
            spends: (presents == Standing::Presents).then(|| {
                Spends::Shown(ToPresent {
                    binding: binding.id.clone(),
                    time: seconds,
                })
            }),
            holder: binding.holder,
            e_licence: binding.e_licence,
            subject: None,
        }))
    }

    /// Whether the device presents: it is bound, and has been here within the life of a device.
    async fn stands(&self, now: Timestamp, binding: &BindingRow) -> Result<Standing, Error> {
        if binding.stage == Stage::Active {
            let renewed = binding.renewed_at.unwrap_or(binding.created_at);
            let living = now < after(renewed, DEVICE_LASTS);
            return Ok(if living {
                Standing::Presents
            } else {
                Standing::Over
            });
        }
        if binding.stage != Stage::Revoked {
            return Ok(Standing::Over);
        }
        let licence = self.store().e_licence(&binding.e_licence).await?;
        let with_it = licence.is_some_and(|licence| {
            licence.stage == e_licence::Stage::Superseded && licence.ended_at == binding.ended_at
        });
        Ok(if with_it {
            Standing::EndedWithLicence
        } else {
            Standing::Over
        })
    }
}

/// Where a binding stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Presents,
    /// It presented until its e-licence was superseded: the driver may be entitled all the same, and
    /// the verifier learns what happened.
    EndedWithLicence,
    Over,
}

const EXPIRED: Reason = Reason {
    code: "expired",
    zh: "凭证已过期",
    en: "the credential has expired",
};
const NOT_YET_VALID: Reason = Reason {
    code: "not-yet-valid",
    zh: "凭证尚未生效",
    en: "the credential is not valid yet",
};

fn not_fresh(off: NotFresh) -> refusal::Refusal {
    match off {
        NotFresh::OutsideWindow => refusal::CODE_NOT_FRESH,
        NotFresh::ClockOff => refusal::CODE_CLOCK_OFF,
    }
}

/// Checks what an offline code carries: first that it is authentic, then that it is of now.
pub(super) fn check_offline(
    code: &OfflineCode,
    trust: &VerifiedTrustList,
    now: Timestamp,
) -> Result<VerifiedProfile, Unusable> {
    let forged = |reason| Unusable::because(refusal::CODE_REFUSED, reason);
    let profile = code.authenticate(trust).map_err(|refused| {
        let reason = refused.reason();
        match refused {
            CodeRefusal::Profile(Refusal::Malformed(_)) => {
                Unusable::because(refusal::NOT_A_CODE, reason)
            }
            CodeRefusal::Profile(_)
            | CodeRefusal::OtherDevice
            | CodeRefusal::OtherPortrait
            | CodeRefusal::Stamp(_) => forged(reason),
        }
    })?;
    let claims = profile.claims();
    if now < claims.not_before.timestamp() {
        return Err(forged(NOT_YET_VALID));
    }
    if now >= claims.expires_at.timestamp() {
        return Err(forged(EXPIRED));
    }
    check_window(code.time, now).map_err(|off| Unusable::of(None, not_fresh(off)))?;
    let term = code.stamp.check_term(now);
    term.map_err(|lapse| Unusable::because(refusal::CODE_NOT_FRESH, lapse.reason()))?;
    Ok(profile)
}
