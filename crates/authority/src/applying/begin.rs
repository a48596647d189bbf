//! An application is begun, seen, or given up.

use licence::{
    Channel, Reason,
    application::{Event as Move, Kind, PhotoOrigin, Stage},
    civil_date, e_licence,
    photo::change_possible_from,
    reason,
};
use storage::{ApplicationId, ApplicationRow, CurrentELicence, Driver, NewDraft, PhotoId};

use super::{
    ATTEMPTS, lost_race,
    on_file::{OnFile, not_usable},
};
use crate::{
    Act, Authority, Because, Error,
    apply::{RequestKey, as_application},
    refusal,
    review::changed,
    views::{ApplicationView, BeginApplication, KindView, PhotoSourceView},
};

const BEGUN: &str = "application.begun";
const WITHDRAWN: &str = "application.withdrawn";

impl Authority {
    /// Begins an application with the photo on file, or with one that is to be submitted.
    ///
    /// # Errors
    /// When the driver cannot apply, with every reason; for another kind than the e-licence at hand
    /// allows; and where the photo's source is not open to them (R41, R49, R32).
    pub async fn begin_application(
        &self,
        act: &mut Act,
        request: BeginApplication,
        key: Option<&str>,
    ) -> Result<ApplicationView, Error> {
        let asked = format!("{request:?}");
        let key = key.map(|key| self.request_key(act, BEGUN, key, &[&asked]));
        if let Some(view) = self.answered_own(act, key.as_ref()).await? {
            return Ok(view);
        }
        let mut attempt = 1;
        loop {
            match self.try_begin(act, &request, key.as_ref()).await {
                Err(error) if lost_race(&error) && attempt < ATTEMPTS => attempt += 1,
                other => return self.own_view(act, &other?).await,
            }
        }
    }

    async fn try_begin(
        &self,
        act: &mut Act,
        request: &BeginApplication,
        key: Option<&RequestKey>,
    ) -> Result<ApplicationId, Error> {
        let (driver, on_file) = self.judged_on_file(act).await?;
        let kind = Kind::from(request.kind);
        let way = (Channel::App, kind);
        self.check_eligible(act, &driver, way, BEGUN).await?;
        self.check_kind(&driver, kind).await?;
        let office = driver.record.issuing_authority.code.as_str();
        self.admit(act, kind, office).await?;
        let source = PhotoOrigin::from(request.photo_source);
        self.check_source(act, &driver, (kind, source), on_file.as_ref())
            .await?;
        let new = NewDraft {
            id: ApplicationId::generate(driver.id.partition(), &mut act.rng),
            kind,
            photo_source: source,
            office: office.to_owned(),
            photo: on_file
                .filter(|_| source == PhotoOrigin::OnFile)
                .map(|on_file| on_file.photo),
            created_at: act.now,
        };
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        tx.insert_draft(&locked, &new).await?;
        if let Some(key) = key {
            key.remember(&mut tx, new.id.as_str(), act.now).await?;
        }
        let entry = act
            .entry(BEGUN)
            .about(&driver.id)
            .with("application", new.id.as_str())
            .with("kind", kind.as_str())
            .with("channel", Channel::App.as_str())
            .with("source", source.as_str())
            .with("photo", new.photo.as_ref().map(PhotoId::as_str));
        let event = storage::outbox::Event::ApplicationChanged {
            holder: driver.id.clone(),
            application: new.id.clone(),
            stage: Stage::Draft.as_str().to_owned(),
            office: new.office.clone(),
            submitted_at: None,
            due_at: None,
        };
        let committed = tx.commit(entry, vec![event]).await?;
        self.follow_committed(&[committed]).await?;
        Ok(new.id)
    }

    /// What the driver holds decides what an application can be for.
    async fn check_kind(&self, driver: &Driver, kind: Kind) -> Result<(), Error> {
        let right = self.kind_for(&driver.id).await?;
        if kind == right {
            return Ok(());
        }
        let (zh, en) = match right {
            Kind::First => ("首次申领", "It is the first application"),
            Kind::PhotoChange => (
                "已持有电子驾驶证，可申请更换照片",
                "There is an e-licence: its photo can be changed",
            ),
            Kind::Reapplication => (
                "电子驾驶证已失效，须重新申领",
                "The e-licence has ended: apply again",
            ),
        };
        let because = Because {
            code: right.as_str().to_owned(),
            rule: None,
            field: Some("kind".to_owned()),
            zh: zh.to_owned(),
            en: en.to_owned(),
            clears_zh: None,
            clears_en: None,
        };
        Err(Error::Refused(refusal::WRONG_KIND, vec![because]))
    }

    /// R41, R49: camera and album only where no photo on file can be used, when it is the first time.
    /// R32: another photo from the day on which it may be changed.
    async fn check_source(
        &self,
        act: &Act,
        driver: &Driver,
        (kind, source): (Kind, PhotoOrigin),
        on_file: Option<&OnFile>,
    ) -> Result<(), Error> {
        let usable = on_file.is_some_and(OnFile::usable);
        match (kind, source) {
            (Kind::PhotoChange, PhotoOrigin::OnFile) => Err(refusal::WRONG_KIND.into()),
            (Kind::PhotoChange, _) => self.check_change(act, driver).await,
            (Kind::First, PhotoOrigin::Camera | PhotoOrigin::Album) if usable => {
                Err(refusal::PHOTO_ON_FILE_USABLE.into())
            }
            (_, PhotoOrigin::OnFile) if !usable => Err(not_usable(on_file)),
            (Kind::First | Kind::Reapplication, _) => Ok(()),
        }
    }

    async fn check_change(&self, act: &Act, driver: &Driver) -> Result<(), Error> {
        let current = self.store().current_e_licence(&driver.id).await?;
        let current = current.ok_or(refusal::WRONG_KIND)?;
        match self.change_later(act, &current).await? {
            None => Ok(()),
            Some(reason) => {
                let because = vec![Because::from(&reason)];
                Err(Error::Refused(refusal::PHOTO_CHANGE_LATER, because))
            }
        }
    }

    /// The day from which the photo can be changed, where that is still to come.
    async fn change_later(
        &self,
        act: &Act,
        current: &CurrentELicence,
    ) -> Result<Option<Reason>, Error> {
        if current.e_licence.stage != e_licence::Stage::Active {
            return Ok(None);
        }
        let photo = self.store().photo(&current.e_licence.photo).await?;
        let photo = photo.ok_or(Error::Internal("an e-licence's photo is missing"))?;
        let issued_on = civil_date(current.e_licence.generated_at);
        let from = change_possible_from(photo.source, issued_on);
        Ok((civil_date(act.now) < from).then(|| reason::PHOTO_CHANGE_LATER.on(from)))
    }

    /// Gives an application up. What was submitted with it and never reviewed is erased; what an
    /// officer was to see stays, so that nobody undoes a malicious photo (R75) by withdrawing it.
    ///
    /// # Errors
    /// When it is open no more.
    pub async fn withdraw_application(
        &self,
        act: &mut Act,
        id: &str,
    ) -> Result<ApplicationView, Error> {
        let mut attempt = 1;
        loop {
            let row = self.own_application(act, id).await?;
            match self.withdraw(act, &row, WITHDRAWN).await {
                Err(error) if lost_race(&error) && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
                Ok(()) => return self.own_view(act, &row.id).await,
            }
        }
    }

    pub(super) async fn withdraw(
        &self,
        act: &Act,
        row: &ApplicationRow,
        what: &'static str,
    ) -> Result<(), Error> {
        as_application(row)?.apply(Move::Withdraw)?;
        let driver = self.store().driver(&row.holder).await?;
        let driver = driver.ok_or(refusal::NOT_FOUND)?;
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        tx.withdraw_application(&locked, &row.id, act.now).await?;
        tx.leave_person_checks(&locked, &row.id, act.now).await?;
        let unseen = row.photo.as_ref().filter(|_| row.submitted_at.is_none());
        let erased = match unseen {
            Some(photo) => tx.remove_photo(&locked, photo).await?,
            None => false,
        };
        let entry = act
            .entry(what)
            .about(&driver.id)
            .with("application", row.id.as_str())
            .with("from", row.stage.as_str())
            .with("photo-erased", erased);
        let event = changed(row, Stage::Withdrawn);
        let committed = tx.commit(entry, vec![event]).await?;
        if let Some(photo) = unseen.filter(|_| erased) {
            self.erase_bytes(photo).await;
        }
        self.follow_committed(&[committed]).await
    }
}

impl From<KindView> for Kind {
    fn from(kind: KindView) -> Self {
        match kind {
            KindView::First => Self::First,
            KindView::PhotoChange => Self::PhotoChange,
            KindView::Reapplication => Self::Reapplication,
        }
    }
}

impl From<PhotoSourceView> for PhotoOrigin {
    fn from(source: PhotoSourceView) -> Self {
        match source {
            PhotoSourceView::OnFile => Self::OnFile,
            PhotoSourceView::Camera => Self::Camera,
            PhotoSourceView::Album => Self::Album,
        }
    }
}
