//! The submission (提交申请): issued at once where nothing is left to an officer (R36), else to the
//! review that is due by the end of the next working day (R34, R42).

use licence::{
    application::{Event as Move, Kind, PhotoOrigin, Stage},
    person_check::{Method, Outcome},
};
use storage::{ApplicationRow, Driver, PersonCheckRow, outbox::Event};

use super::{ATTEMPTS, lost_race};
use crate::{
    Act, Authority, AutomaticIssue, Because, Error,
    apply::{RequestKey, SUBMITTED, as_application, due_at},
    issue::ToIssue,
    refusal,
    review::channel_of,
    views::ApplicationView,
};

/// Where a submission goes.
enum Way {
    /// Issued without an officer.
    Issue,
    /// To an officer, for this reason.
    Review(&'static str),
}

impl Authority {
    /// Submits an application whose person is verified. The view says what became of it.
    ///
    /// # Errors
    /// Out of order; when the photo on file is another now; and when the record blocks it, with every
    /// reason.
    pub async fn submit_application(
        &self,
        act: &mut Act,
        id: &str,
        key: Option<&str>,
    ) -> Result<ApplicationView, Error> {
        let row = self.own_application(act, id).await?;
        let application = row.id.to_string();
        let key = key.map(|key| self.request_key(act, SUBMITTED, key, &[&application]));
        if let Some(view) = self.answered_own(act, key.as_ref()).await? {
            return Ok(view);
        }
        let mut attempt = 1;
        loop {
            match self.try_submit(act, id, key.as_ref()).await {
                Err(error) if lost_race(&error) && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
                Ok(()) => return self.own_view(act, &row.id).await,
            }
        }
    }

    async fn try_submit(
        &self,
        act: &mut Act,
        id: &str,
        key: Option<&RequestKey>,
    ) -> Result<(), Error> {
        let row = self.own_application(act, id).await?;
        if matches!(row.stage, Stage::Draft | Stage::PhotoSubmitted) {
            return Err(refusal::PERSON_CHECK_FIRST.into());
        }
        let driver = self.own_driver(act).await?;
        let check = self.passed_check(&row).await?;
        let check = check.ok_or(refusal::PERSON_CHECK_FIRST)?;
        let on_file = row.photo_source == PhotoOrigin::OnFile;
        // The person was compared with a photo that is no longer the one of the record.
        if on_file && driver.photo != row.photo {
            return Err(refusal::PHOTO_ON_FILE_CHANGED.into());
        }
        match self.way(act, &row, &driver, &check).await? {
            Way::Issue => {
                as_application(&row)?.apply(Move::Issue)?;
                let request = ToIssue {
                    application: &row,
                    driver: &driver,
                    key,
                };
                self.issue_on(act, request).await?;
                Ok(())
            }
            Way::Review(because) => {
                self.to_review(act, (&row, &driver), because, key).await?;
                self.remember_submitted(act, &row, &check.device_key).await;
                Ok(())
            }
        }
    }

    /// R36: the photo on file and a person who is the one of it need no officer, where automatic issue
    /// rests on something.
    async fn way(
        &self,
        act: &Act,
        row: &ApplicationRow,
        driver: &Driver,
        check: &PersonCheckRow,
    ) -> Result<Way, Error> {
        let matched = check.closed.as_ref().map(|closed| closed.outcome) == Some(Outcome::Match);
        Ok(if row.kind == Kind::PhotoChange {
            Way::Review("photo-change")
        } else if row.photo_source != PhotoOrigin::OnFile {
            Way::Review("photo-submitted")
        } else if !matched {
            Way::Review("person-check-undecided")
        } else if !self.inner.settings.automatic_issue.rests_on(check.method) {
            Way::Review("automatic-issue-off")
        } else if self.on_file_replaced_lately(act, &driver.id).await? {
            Way::Review("photo-on-file-replaced")
        } else {
            Way::Issue
        })
    }

    async fn to_review(
        &self,
        act: &Act,
        (row, driver): (&ApplicationRow, &Driver),
        because: &'static str,
        key: Option<&RequestKey>,
    ) -> Result<(), Error> {
        let due = self.inner.calendar.due_end_of_next_working_day(act.now);
        as_application(row)?.apply(Move::RequestReview { due })?;
        let blocking = self.blocking_issue(act, row, driver).await?;
        if !blocking.is_empty() {
            let reasons = blocking.iter().map(Because::from).collect();
            let refused = Error::Refused(refusal::NOT_ELIGIBLE, reasons);
            return self.refuse(act, SUBMITTED, Some(&driver.id), refused).await;
        }
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        tx.submit_for_review(&locked, &row.id, due, act.now).await?;
        if let Some(key) = key {
            key.remember(&mut tx, row.id.as_str(), act.now).await?;
        }
        let entry = submitted(act, row).with("because", because);
        let event = Event::ApplicationChanged {
            holder: driver.id.clone(),
            application: row.id.clone(),
            stage: Stage::UnderReview.as_str().to_owned(),
            office: row.office.clone(),
            submitted_at: Some(act.now),
            due_at: due_at(due),
        };
        let committed = tx.commit(entry, vec![event]).await?;
        self.follow_committed(&[committed]).await
    }
}

/// The submission in the audit.
pub(crate) fn submitted(act: &Act, row: &ApplicationRow) -> storage::audit::Entry {
    act.entry(SUBMITTED)
        .about(&row.holder)
        .with("application", row.id.as_str())
        .with("kind", row.kind.as_str())
        .with("channel", channel_of(row).as_str())
        .with("source", row.photo_source.as_str())
}

impl AutomaticIssue {
    /// Whether a person check that was done so suffices.
    fn rests_on(&self, method: Method) -> bool {
        match self {
            Self::Off => false,
            Self::Demonstration | Self::Calibrated(_) => true,
            Self::External => method == Method::IdentityService,
        }
    }
}
