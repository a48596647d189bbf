//! Applying for an e-licence: at the counter, where an officer establishes who the person is (R91).

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use licence::{
    Application, Channel, Due, Reason, Rollout, Scope, Situation, Wave,
    application::{Event as Move, Kind, MOST_REJECTIONS, OwnPhoto, PhotoOrigin, Stage},
    e_licence, eligibility,
    identifier::AuthorityCode,
    machine::OfficerId,
    reason,
};
use portrait::{Limits, Photo, PhotoError};
use storage::{
    ApplicationId, ApplicationRow, Blind, Conflict, Driver, HolderId, NewApplication, Partition,
    PhotoRow, Remembered, StoreError, ToRemember, outbox::Event,
};
use zeroize::Zeroizing;

use crate::{
    Act, Authority, Because, Error,
    enrol::method_code,
    refusal,
    registry_write::photo_row,
    render::{application_view, is_of_a_reviewer},
    views::{ApplicationView, CounterApply},
};

/// The submission in the audit.
pub(crate) const SUBMITTED: &str = "application.submitted";

/// A client's request key with the hash of what it asked for.
pub(crate) struct RequestKey {
    key: Blind,
    fingerprint: Vec<u8>,
}

impl Authority {
    /// Applies for a driver at the counter; another officer reviews it (R91, R92).
    ///
    /// # Errors
    /// Outside the office's scope, an officer's own record, an unusable photo, or a driver who
    /// cannot apply, with every reason.
    pub async fn apply_at_counter(
        &self,
        act: &mut Act,
        request: CounterApply,
        key: Option<&str>,
    ) -> Result<ApplicationView, Error> {
        let driver = self
            .driver_at_counter(act, &request.licence_number, SUBMITTED)
            .await?;
        let method = method_code(&request.identity)?;
        let key = key.map(|key| {
            let body = [&request.licence_number, &method, &request.photo];
            self.request_key(act, SUBMITTED, key, &body)
        });
        if let Some(id) = self.answered(driver.id.partition(), key.as_ref()).await? {
            return self.application_view(&id).await;
        }
        let photo = counter_photo(&request.photo)?;
        // The counter takes what a driver comes for: the kind follows from what they hold.
        let way = (Channel::Counter, Kind::First);
        self.check_eligible(act, &driver, way, SUBMITTED).await?;
        let due = self.inner.calendar.due_end_of_next_working_day(act.now);
        let officer = OfficerId(act.actor_id());
        let draft = Application::Draft {
            origin: PhotoOrigin::Counter,
        };
        draft.apply(Move::SubmitAtCounter { officer, due })?;
        let row = photo_row(act, &driver.id, PhotoOrigin::Counter, &photo, None);
        self.store()
            .put_photo_bytes(&driver.id, &row.id, photo.bytes())
            .await?;
        let identity = serde_json::to_vec(&request.identity)
            .map_err(|_not_json| Error::Internal("an identity check cannot be written"))?;
        let new = NewApplication {
            id: ApplicationId::generate(driver.id.partition(), &mut act.rng),
            kind: self.kind_for(&driver.id).await?,
            photo_source: PhotoOrigin::Counter,
            office: driver.record.issuing_authority.code.as_str().to_owned(),
            photo: row.id.clone(),
            identity: Zeroizing::new(identity),
            submitted_by: act.actor_id(),
            submitted_at: act.now,
            due,
        };
        self.submit(act, &driver, (&new, &row), &method, key)
            .await?;
        self.application_view(&new.id).await
    }

    /// Writes a submitted application with its photo.
    async fn submit(
        &self,
        act: &Act,
        driver: &Driver,
        (new, photo): (&NewApplication, &PhotoRow),
        method: &str,
        key: Option<RequestKey>,
    ) -> Result<(), Error> {
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        tx.insert_photo(photo).await?;
        tx.insert_counter_application(&locked, new).await?;
        if let Some(key) = &key {
            key.remember(&mut tx, new.id.as_str(), act.now).await?;
        }
        let entry = act
            .entry(SUBMITTED)
            .about(&driver.id)
            .with("application", new.id.as_str())
            .with("kind", new.kind.as_str())
            .with("channel", Channel::Counter.as_str())
            .with("identity", method)
            .with("photo", photo.id.as_str());
        let event = Event::ApplicationChanged {
            holder: driver.id.clone(),
            application: new.id.clone(),
            stage: Stage::UnderReview.as_str().to_owned(),
            office: new.office.clone(),
            submitted_at: Some(act.now),
            due_at: due_at(new.due),
        };
        let committed = tx.commit(entry, vec![event]).await?;
        self.follow_committed(&[committed]).await
    }

    /// What an application of this driver is for, by what they hold.
    pub(crate) async fn kind_for(&self, holder: &HolderId) -> Result<Kind, Error> {
        let newest = self.store().newest_e_licence(holder).await?;
        Ok(match newest.map(|e_licence| e_licence.stage) {
            None => Kind::First,
            Some(e_licence::Stage::Active | e_licence::Stage::Stopped) => Kind::PhotoChange,
            Some(e_licence::Stage::Superseded | e_licence::Stage::Revoked) => Kind::Reapplication,
        })
    }

    /// Every reason that blocks an application now; a change of the photo rests on the e-licence
    /// that would block any other.
    pub(crate) async fn blocking(
        &self,
        act: &Act,
        driver: &Driver,
        (channel, kind): (Channel, Kind),
    ) -> Result<Vec<Reason>, Error> {
        let current = self.store().current_e_licence(&driver.id).await?;
        let all = self.store().applications_of(&driver.id).await?;
        let mut reasons = eligibility(&Situation {
            record: &driver.record,
            rollout: &self.rollout().await?,
            at: act.now,
            sanctioned: self.is_sanctioned(&driver.id).await?,
            channel,
            // A stopped one is no obstacle: at the counter another takes its place.
            has_active_e_licence: kind != Kind::PhotoChange
                && current.is_some_and(|it| it.e_licence.stage == e_licence::Stage::Active),
            has_open_application: all.iter().any(|row| row.stage.is_open()),
        });
        let since = self.store().newest_e_licence(&driver.id).await?;
        let since = since.map(|e_licence| e_licence.generated_at);
        if channel == Channel::App && rejections(&all, since) >= MOST_REJECTIONS {
            reasons.push(reason::THREE_REJECTIONS.reason());
        }
        Ok(reasons)
    }

    /// A refusal with every reason, which is audited.
    pub(crate) async fn check_eligible(
        &self,
        act: &Act,
        driver: &Driver,
        way: (Channel, Kind),
        what: &'static str,
    ) -> Result<(), Error> {
        let reasons = self.blocking(act, driver, way).await?;
        if reasons.is_empty() {
            return Ok(());
        }
        let because = reasons.iter().map(Because::from).collect();
        let refused = Error::Refused(refusal::NOT_ELIGIBLE, because);
        self.refuse(act, what, Some(&driver.id), refused).await
    }

    /// The roll-out: built in, plus the operator's waves.
    pub(crate) async fn rollout(&self) -> Result<Rollout, Error> {
        let mut rollout = Rollout::built_in();
        for wave in self.store().waves().await? {
            let scope = if wave.city == "*" {
                Scope::Nationwide
            } else {
                let code = AuthorityCode::parse(&wave.city);
                Scope::City(code.map_err(|_not_a_code| Error::Internal("a wave names no city"))?)
            };
            rollout = rollout.with_wave(Wave {
                scope,
                from: wave.opens_on,
            });
        }
        Ok(rollout)
    }

    pub(crate) async fn application_view(
        &self,
        id: &ApplicationId,
    ) -> Result<ApplicationView, Error> {
        let row = self.store().application(id).await?;
        Ok(application_view(&row.ok_or(refusal::NOT_FOUND)?))
    }

    /// The key of a request: actor, act and the client's text, keyed; and what it asked for.
    pub(crate) fn request_key(
        &self,
        act: &Act,
        what: &str,
        key: &str,
        body: &[&String],
    ) -> RequestKey {
        let text = format!("{}\0{what}\0{key}", act.actor_id());
        let asked: Vec<&str> = body.iter().map(|part| part.as_str()).collect();
        let asked = Zeroizing::new(asked.join("\0"));
        RequestKey {
            key: self.store().blind("request", text.as_bytes()),
            fingerprint: self
                .store()
                .blind("request-body", digest(&SHA256, asked.as_bytes()).as_ref())
                .as_bytes()
                .to_vec(),
        }
    }

    /// What an earlier request with this key made.
    pub(crate) async fn answered<T>(
        &self,
        partition: Partition,
        key: Option<&RequestKey>,
    ) -> Result<Option<T>, Error>
    where
        T: TryFrom<String>,
    {
        let Some(key) = key else {
            return Ok(None);
        };
        let Some(earlier) = self.store().remembered(partition, &key.key).await? else {
            return Ok(None);
        };
        if earlier.fingerprint != key.fingerprint {
            return Err(refusal::KEY_REUSED.into());
        }
        T::try_from(earlier.resource)
            .map(Some)
            .map_err(|_not_an_id| Error::Internal("a remembered request made something else"))
    }
}

impl RequestKey {
    /// What is to be remembered in `partition`, where the request is committed with others.
    pub(crate) fn to_remember(
        &self,
        partition: Partition,
        resource: &str,
        at: Timestamp,
    ) -> ToRemember {
        ToRemember {
            partition,
            key: self.key.clone(),
            remembered: self.remembered(resource),
            at,
        }
    }

    fn remembered(&self, resource: &str) -> Remembered {
        Remembered {
            fingerprint: self.fingerprint.clone(),
            resource: resource.to_owned(),
        }
    }

    /// Remembers what the request made, in its own transaction.
    pub(crate) async fn remember(
        &self,
        tx: &mut storage::Tx,
        resource: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        tx.remember(&self.key, &self.remembered(resource), now)
            .await
    }
}

/// The licence rules' view of a stored application.
pub(crate) fn as_application(row: &ApplicationRow) -> Result<Application, Error> {
    let odd = Error::Internal("an application's columns contradict its stage");
    let reviewer = row.decided_by.clone().map(OfficerId);
    let origin = row.photo_source;
    Ok(match (row.stage, row.due, reviewer) {
        (Stage::Draft, ..) => Application::Draft { origin },
        (Stage::PhotoSubmitted, ..) => Application::PhotoSubmitted {
            origin: OwnPhoto::parse(origin.as_str()).ok_or(odd)?,
        },
        (Stage::PersonVerified, ..) => Application::PersonVerified { origin },
        (Stage::UnderReview, Some(due), _) => Application::UnderReview {
            origin: row.photo_source,
            due,
            submitted_by: row.submitted_by.clone().map(OfficerId),
        },
        (Stage::Approved, _, Some(reviewer)) => Application::Approved {
            origin: row.photo_source,
            reviewer,
        },
        (Stage::UnderReview | Stage::Approved, _, _) => return Err(odd),
        (Stage::Issued | Stage::Rejected | Stage::Withdrawn, _, _) => {
            return Err(Conflict::ApplicationState.into());
        }
    })
}

/// How many applications in the app were rejected in review since the last e-licence (R91). What the
/// registry blocked was no review.
pub(crate) fn rejections(all: &[ApplicationRow], since: Option<Timestamp>) -> usize {
    let counts = |row: &&ApplicationRow| {
        row.stage == Stage::Rejected
            && row.channel == Channel::App.as_str()
            && row.decided_at > since
            && row.reasons.as_deref().is_some_and(is_of_a_reviewer)
    };
    all.iter().filter(counts).count()
}

pub(crate) fn due_at(due: Due) -> Option<Timestamp> {
    match due {
        Due::At(at) => Some(at),
        Due::PendingCalendar => None,
    }
}

/// The photo of a request: a data URL whose bytes decide what it is.
fn counter_photo(data_url: &str) -> Result<Photo, Error> {
    let bytes = image_bytes(data_url).ok_or(refusal::INVALID_PHOTO)?;
    Photo::decode(&bytes, &Limits::PHOTO).map_err(invalid_photo)
}

/// The bytes of a data URL of an image.
pub(crate) fn image_bytes(data_url: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (_, text) = data_url
        .strip_prefix("data:image/")?
        .split_once(";base64,")?;
    STANDARD.decode(text).ok().map(Zeroizing::new)
}

/// Why bytes are no acceptable photo.
pub(crate) fn invalid_photo(error: PhotoError) -> Error {
    let because = Because {
        code: error.code().to_owned(),
        rule: None,
        field: Some("photo".to_owned()),
        zh: error.zh().to_owned(),
        en: error.en().to_owned(),
        clears_zh: None,
        clears_en: None,
    };
    Error::Refused(refusal::INVALID_PHOTO, vec![because])
}
