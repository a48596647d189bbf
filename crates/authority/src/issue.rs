//! Issue: prepare at a revision, sign for every suite outside the transaction, commit guarded by the
//! revision. A lost race discards the signatures.

use std::sync::Arc;

use credential::{
    LicenceClaims, NumericDate, Sex, Signer, StatusReference, Validity, issue as sign,
};
use jiff::{SignedDuration, Timestamp};
use licence::{
    CertificateIdentifier, Reason, Record, Situation, StatusValue, ValidUntil,
    application::{Event as Move, Kind, Stage},
    civil_date, e_licence, effective, eligibility,
};
use rand::Rng;
use storage::{
    ApplicationId, ApplicationRow, Conflict, CredentialId, CurrentELicence, Driver, ELicenceId,
    FormRow, Locked, NewCredential, NewELicence, PhotoRow, StatusPlace, StoreError, Tx,
    audit::{Entry, Trail},
    outbox::Event,
};
use zeroize::Zeroizing;

use crate::{
    Act, Authority, Because, Error,
    accounts::Notice,
    apply::{RequestKey, as_application},
    applying::submitted,
    notify::TextKind,
    refusal,
    registry_write::{message, notified, reason_codes, status_event},
    render::store_reasons,
    review::{changed, channel_of},
    views::ReasonView,
};

/// Technical validity of a credential: renewed on contact before it ends.
const CREDENTIAL_LASTS: SignedDuration = SignedDuration::from_hours(365 * 24);
/// How often an issue is prepared anew when the driver changes meanwhile.
const ATTEMPTS: u8 = 3;
/// After this an approved application that was not issued is taken up by the job: the reviewer's own
/// request, which issues at once, has long ended.
const LEFT_BEHIND: SignedDuration = SignedDuration::from_secs(30);

/// Which application becomes an e-licence, as it was read with its driver.
#[derive(Clone, Copy)]
pub(crate) struct ToIssue<'a> {
    pub(crate) application: &'a ApplicationRow,
    pub(crate) driver: &'a Driver,
    /// Of the applicant's own request, where no officer's decision led here.
    pub(crate) key: Option<&'a RequestKey>,
}

/// What is signed and then committed, all of it prepared on one revision of the driver.
struct Prepared {
    e_licence: NewELicence,
    credential: NewCredential,
    status_value: StatusValue,
}

impl Authority {
    /// Issues an approved application.
    ///
    /// # Errors
    /// [`refusal::ISSUE_REFUSED`] with every reason when the record blocks it: the application is
    /// rejected then, and the driver told.
    pub(crate) async fn issue(
        &self,
        act: &mut Act,
        id: &ApplicationId,
    ) -> Result<ELicenceId, Error> {
        let mut attempt = 1;
        loop {
            match self.try_issue(act, id).await {
                Err(Error::Store(StoreError::Conflict(Conflict::Revision)))
                    if attempt < ATTEMPTS =>
                {
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    /// Issues what was approved and left behind, for instance by a crash; answers how many.
    ///
    /// # Errors
    /// When the store fails. A refusal of one application is no failure of the job.
    pub async fn finish_approved(&self, act: &mut Act) -> Result<u64, Error> {
        let before = act.now.saturating_sub(LEFT_BEHIND).unwrap_or(act.now);
        let mut issued = 0_u64;
        for id in self.store().approved_before(before, 100).await? {
            match self.issue(act, &id).await {
                Ok(_) => issued = issued.saturating_add(1),
                Err(Error::Refused(..) | Error::Store(StoreError::Conflict(_))) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(issued)
    }

    async fn try_issue(&self, act: &mut Act, id: &ApplicationId) -> Result<ELicenceId, Error> {
        let row = self.store().application(id).await?;
        let row = row.ok_or(refusal::NOT_FOUND)?;
        // What no officer approved is issued by its submission only.
        if row.stage == Stage::PersonVerified {
            return Err(Conflict::ApplicationState.into());
        }
        as_application(&row)?.apply(Move::Issue)?;
        let driver = self.store().driver(&row.holder).await?;
        let driver = driver.ok_or(refusal::NOT_FOUND)?;
        let request = ToIssue {
            application: &row,
            driver: &driver,
            key: None,
        };
        self.issue_on(act, request).await
    }

    /// Issues on what was read: a driver who changed since is a [`Conflict::Revision`].
    pub(crate) async fn issue_on(
        &self,
        act: &mut Act,
        request: ToIssue<'_>,
    ) -> Result<ELicenceId, Error> {
        let (application, driver) = (request.application, request.driver);
        let blocking = self.blocking_issue(act, application, driver).await?;
        if !blocking.is_empty() {
            return self.refuse_issue(act, application, driver, &blocking).await;
        }
        let current = self.store().current_e_licence(&driver.id).await?;
        let prepared = self.prepare(act, application, driver).await?;
        self.commit_issue(act, request, current, prepared).await
    }

    /// What blocks the issue of this application now: the rules are asked again (R24-R30).
    pub(crate) async fn blocking_issue(
        &self,
        act: &Act,
        application: &ApplicationRow,
        driver: &Driver,
    ) -> Result<Vec<Reason>, Error> {
        let current = self.store().current_e_licence(&driver.id).await?;
        Ok(eligibility(&Situation {
            record: &driver.record,
            rollout: &self.rollout().await?,
            at: act.now,
            sanctioned: self.is_sanctioned(&driver.id).await?,
            channel: channel_of(application),
            has_active_e_licence: current.is_some() && application.kind == Kind::First,
            has_open_application: false,
        }))
    }

    async fn prepare(
        &self,
        act: &mut Act,
        application: &ApplicationRow,
        driver: &Driver,
    ) -> Result<Prepared, Error> {
        let photo_id = application.photo.as_ref().ok_or(refusal::NOT_FOUND)?;
        let photo = self.store().photo(photo_id).await?;
        let photo = photo.ok_or(Error::Internal("an application's photo is missing"))?;
        let partition = driver.id.partition();
        let place = self.store().reserve_status_place(partition).await?;
        let e_licence = NewELicence {
            id: ELicenceId::generate(partition, &mut act.rng),
            application: application.id.clone(),
            edition: u64::from(driver.record.document_edition),
            photo: photo.id.clone(),
            generated_at: act.now,
        };
        let id = CredentialId::generate(partition, &mut act.rng);
        let claims = self.claims(act, driver, (&e_licence, &id), place, &photo)?;
        let status_value = effective(&driver.record, civil_date(act.now)).value;
        let credential = NewCredential {
            forms: sign_each(self.signing()?.licence_signers(act.now)?, claims).await?,
            e_licence: e_licence.id.clone(),
            binding: None,
            place,
            status_value: status_value.value(),
            issued_at: act.now,
            expires_at: expiry(act.now),
            id,
        };
        Ok(Prepared {
            e_licence,
            credential,
            status_value,
        })
    }

    pub(crate) fn claims(
        &self,
        act: &mut Act,
        driver: &Driver,
        (e_licence, credential): (&NewELicence, &CredentialId),
        place: StatusPlace,
        photo: &PhotoRow,
    ) -> Result<LicenceClaims, Error> {
        let record = &driver.record;
        let mut portrait = [0_u8; 32];
        hex::decode_to_slice(&photo.meta.sha256, &mut portrait)
            .map_err(|_not_hex| Error::Internal("a photo's hash is damaged"))?;
        let settings = &self.inner.settings;
        Ok(LicenceClaims {
            issuer: settings.issuer.clone(),
            e_licence_id: e_licence.id.to_string(),
            credential_id: credential.to_string(),
            issued_at: NumericDate::floor(act.now),
            not_before: NumericDate::floor(act.now),
            expires_at: NumericDate::floor(expiry(act.now)),
            generated_at: NumericDate::floor(e_licence.generated_at),
            status: StatusReference {
                list: format!("{}/api/v1/status-lists/{}", settings.base_url, place.list),
                index: u64::from(place.index),
            },
            certificate_identifier: self.certificate(act, driver)?,
            licence_number: record.licence_number.as_str().to_owned(),
            name: record.name.clone(),
            sex: match record.sex {
                licence::Sex::Male => Sex::Male,
                licence::Sex::Female => Sex::Female,
            },
            nationality: record.nationality.clone(),
            birth_date: record.birth_date,
            address: record.address.clone(),
            first_issue_date: record.first_issue_date,
            classes: record
                .classes
                .iter()
                .map(|c| c.as_str().to_owned())
                .collect(),
            valid_from: record.valid_from,
            valid_until: match record.valid_until {
                ValidUntil::Date(date) => Validity::Until(date),
                ValidUntil::LongTerm => Validity::LongTerm,
            },
            authority_code: record.issuing_authority.code.as_str().to_owned(),
            authority_name: record.issuing_authority.name.clone(),
            file_number: record.file_number.as_ref().map(|n| n.as_str().to_owned()),
            document_edition: record.document_edition,
            portrait_sha256: Some(portrait),
            holder_key: None,
        })
    }

    /// 电子证照标识 (GB/T 36904), where the codes are configured. The serial carries authority and
    /// partition, so that it is unique by what one partition knows.
    fn certificate(&self, act: &mut Act, driver: &Driver) -> Result<Option<String>, Error> {
        let Some(codes) = &self.inner.settings.certificate else {
            return Ok(None);
        };
        let serial = serial(&driver.record, driver.id.partition().number(), &mut act.rng);
        CertificateIdentifier::build(&codes.type_code, &codes.issuer_code, &serial, 1)
            .map(|identifier| Some(identifier.to_string()))
            .map_err(|_odd| Error::Internal("the certificate codes are not what they should be"))
    }

    async fn commit_issue(
        &self,
        act: &mut Act,
        request: ToIssue<'_>,
        current: Option<CurrentELicence>,
        prepared: Prepared,
    ) -> Result<ELicenceId, Error> {
        let (application, driver) = (request.application, request.driver);
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        let new = &prepared.e_licence;
        let mut trail = mark(act, &mut tx, &locked, (request, &new.id)).await?;
        let mut events = vec![changed(application, Stage::Issued)];
        if let Some(current) = &current {
            let reason = e_licence::SupersessionCause::NewELicence.as_str();
            let stage = e_licence::Stage::Superseded;
            tx.end_e_licence(&locked, current, stage, reason, act.now)
                .await?;
            events.extend(status_event(&driver.id, current, StatusValue::Invalid));
        }
        tx.insert_e_licence(&locked, new).await?;
        tx.insert_credential(&locked, &prepared.credential).await?;
        events.push(Event::CredentialStatus {
            holder: driver.id.clone(),
            place: prepared.credential.place,
            value: prepared.status_value.value(),
        });
        events.push(Event::ELicenceChanged {
            holder: driver.id.clone(),
            e_licence: new.id.clone(),
            stage: e_licence::Stage::Active.as_str().to_owned(),
        });
        // R37: told on every channel; somebody else's doing can be frozen from there.
        let notice = Notice {
            kind: TextKind::LicenceIssued,
            driver,
            former: None,
        };
        events.push(self.tell(act, &mut tx, notice).await?);
        let keys: Vec<&str> = prepared
            .credential
            .forms
            .iter()
            .map(|form| form.key_id.as_str())
            .collect();
        let entry = act
            .entry("e-licence.issued")
            .about(&driver.id)
            .with("application", application.id.as_str())
            .with("e-licence", new.id.as_str())
            .with("credential", prepared.credential.id.as_str())
            .with("revision", locked.revision())
            .with("keys", keys);
        trail.push(entry);
        let trail = Trail::of(trail).ok_or(Error::Internal("an issue leaves no trail"))?;
        let committed = tx.commit(trail, events).await?;
        self.follow_committed(&[committed]).await?;
        Ok(prepared.e_licence.id)
    }

    /// SC-34: approved, but the record blocks; reviewer and driver both learn why.
    async fn refuse_issue<T>(
        &self,
        act: &mut Act,
        application: &ApplicationRow,
        driver: &Driver,
        blocking: &[Reason],
    ) -> Result<T, Error> {
        let codes: Vec<String> = reason_codes(blocking)
            .into_iter()
            .map(str::to_owned)
            .collect();
        let by = application.decided_by.clone().unwrap_or_default();
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        let reasons = store_reasons(blocking.iter().map(ReasonView::from).collect())?;
        tx.reject_application(
            &locked,
            (&application.id, application.stage),
            &by,
            &reasons,
            act.now,
        )
        .await?;
        let approved = application.stage == Stage::Approved;
        let (kind, refused) = if approved {
            ("issue-refused", refusal::ISSUE_REFUSED)
        } else {
            ("issue-blocked", refusal::ISSUE_BLOCKED)
        };
        let message = message(act, &driver.id, kind, &codes);
        tx.insert_notification(&message).await?;
        let entry = act
            .entry("issue.refused")
            .about(&driver.id)
            .with("application", application.id.as_str())
            .with("reasons", codes);
        let events = vec![changed(application, Stage::Rejected), notified(&message)];
        let committed = tx.commit(entry, events).await?;
        self.follow_committed(&[committed]).await?;
        let because = blocking.iter().map(Because::from).collect();
        Err(Error::Refused(refused, because))
    }
}

/// The application becomes issued: after an officer's approval, or by its own submission (R36), which
/// is audited beside the issue.
async fn mark(
    act: &Act,
    tx: &mut Tx,
    locked: &Locked,
    (request, e_licence): (ToIssue<'_>, &ELicenceId),
) -> Result<Vec<Entry>, Error> {
    let application = request.application;
    if application.stage == Stage::Approved {
        tx.mark_issued(locked, &application.id, e_licence).await?;
        return Ok(Vec::new());
    }
    tx.mark_issued_unreviewed(locked, &application.id, e_licence, act.now)
        .await?;
    if let Some(key) = request.key {
        key.remember(tx, application.id.as_str(), act.now).await?;
    }
    Ok(vec![submitted(act, application).with("unreviewed", true)])
}

/// Signs with each of these, off the runtime's threads.
pub(crate) async fn sign_each(
    signers: Vec<Arc<dyn Signer>>,
    claims: LicenceClaims,
) -> Result<Vec<FormRow>, Error> {
    let signed = tokio::task::spawn_blocking(move || {
        signers
            .iter()
            .map(|signer| {
                Ok(FormRow {
                    suite: signer.suite().to_string(),
                    key_id: signer.key_id().to_string(),
                    form: Zeroizing::new(sign(&claims, signer.as_ref())?),
                })
            })
            .collect::<Result<Vec<_>, credential::IssueError>>()
    })
    .await;
    match signed {
        Ok(Ok(forms)) => Ok(forms),
        Ok(Err(_)) | Err(_) => Err(Error::Internal("a credential could not be signed")),
    }
}

pub(crate) fn expiry(now: Timestamp) -> Timestamp {
    now.saturating_add(CREDENTIAL_LASTS).unwrap_or(now)
}

fn serial(record: &Record, partition: u16, rng: &mut impl Rng) -> String {
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut text = format!("{}{partition:03}", record.issuing_authority.code.as_str());
    let mut bytes = [0_u8; 15];
    rng.fill_bytes(&mut bytes);
    text.extend(
        bytes
            .iter()
            .filter_map(|byte| LETTERS.get(usize::from(byte % 32)))
            .map(|letter| char::from(*letter)),
    );
    text
}
