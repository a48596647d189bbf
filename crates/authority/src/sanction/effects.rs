//! What a sanction does when it comes into force and when it is lifted, within the decision's own
//! transaction: the e-licence stops or comes back, and what was begun in the app ends.

use licence::{
    Channel, ELicence, Reason, StatusValue,
    application::{Event as Move, RejectionReason, RejectionReasons, Stage},
    civil_date, e_licence, effective, reason,
    sanction::Appeal,
};
use storage::{
    ApplicationRow, CurrentELicence, Driver, ELicenceId, Locked, SanctionRow, Tx, audit::Entry,
    outbox::Event,
};
use zeroize::Zeroizing;

use super::{Decision, stopping};
use crate::{
    Act, Authority, Error,
    accounts::Notice,
    apply::as_application,
    notify::TextKind,
    reasons::store_reasons,
    registry_write::{message, notified, status_event},
    review::{changed, channel_of},
    views::ReasonView,
};

/// What is to happen, read before the transaction: the driver's revision guards it.
#[derive(Default)]
pub(super) struct Effects {
    /// The e-licence that stops, or stays stopped: an objection to its issue may have stopped it.
    stops: Option<CurrentELicence>,
    /// The stopped e-licence that comes back.
    restores: Option<CurrentELicence>,
    /// The application in the app that ends.
    ends: Option<ApplicationRow>,
}

impl Authority {
    /// What this decision brings about.
    pub(super) async fn effects(
        &self,
        row: &SanctionRow,
        decision: Decision,
    ) -> Result<Effects, Error> {
        let none = Effects::default();
        match decision {
            Decision::Decline | Decision::ProposeLift | Decision::DeclineLift => Ok(none),
            Decision::Confirm => {
                let current = self.store().current_e_licence(&row.holder).await?;
                let applications = self.store().applications_of(&row.holder).await?;
                let begun_here =
                    |it: &ApplicationRow| it.stage.is_open() && channel_of(it) == Channel::App;
                Ok(Effects {
                    stops: current,
                    ends: applications.into_iter().find(begun_here),
                    ..none
                })
            }
            Decision::Lift => {
                let current = self.store().current_e_licence(&row.holder).await?;
                // Another may have taken the place of the one that it stopped.
                let restores = current.filter(|it| {
                    it.e_licence.stage == e_licence::Stage::Stopped
                        && Some(&it.e_licence.id) == row.e_licence.as_ref()
                });
                Ok(Effects { restores, ..none })
            }
        }
    }

    /// Tells the driver of what concerns them: that it is in force, that it is lifted, that an appeal
    /// was dismissed.
    pub(super) async fn tell_of_sanction(
        &self,
        act: &mut Act,
        tx: &mut Tx,
        (row, driver, decision): (&SanctionRow, &Driver, Decision),
        former: Option<Zeroizing<String>>,
    ) -> Result<Option<Event>, Error> {
        let kind = match decision {
            Decision::Confirm => TextKind::Sanctioned,
            Decision::Lift => TextKind::SanctionLifted,
            Decision::DeclineLift if row.appeal == Appeal::Open => {
                let inbox = message(act, &driver.id, "appeal-dismissed", &row.id);
                tx.insert_notification(&inbox).await?;
                return Ok(Some(notified(&inbox)));
            }
            Decision::Decline | Decision::ProposeLift | Decision::DeclineLift => return Ok(None),
        };
        let notice = Notice {
            kind,
            driver,
            former,
        };
        self.tell(act, tx, notice).await.map(Some)
    }
}

impl Effects {
    /// The e-licence that stops.
    pub(super) fn stopped(&self) -> Option<&ELicenceId> {
        self.stops.as_ref().map(|current| &current.e_licence.id)
    }

    /// What the audit says of it, where this came back.
    pub(super) fn on(&self, entry: Entry, restored: Option<&ELicenceId>) -> Entry {
        entry
            .with("stopped", self.stopped().map(ToString::to_string))
            .with("restored", restored.map(ToString::to_string))
            .with("ended", self.ends.as_ref().map(|it| it.id.to_string()))
    }

    /// Makes it so; answers the events, and the e-licence that came back: none where an objection to its
    /// issue keeps it stopped.
    pub(super) async fn apply(
        &self,
        act: &Act,
        tx: &mut Tx,
        locked: &Locked,
        (row, driver): (&SanctionRow, &Driver),
    ) -> Result<(Vec<Event>, Option<&ELicenceId>), Error> {
        let record = effective(&driver.record, civil_date(act.now)).value;
        let (mut events, mut restored) = (Vec::new(), None);
        if let Some(current) = &self.stops {
            let sanction = stopping(&row.id);
            let stopped = if current.e_licence.stage == e_licence::Stage::Stopped {
                ELicence::Stopped { sanction }
            } else {
                ELicence::Active.apply(e_licence::Event::Stop { sanction })?
            };
            tx.stop_e_licence(locked, &current.e_licence.id, &row.id)
                .await?;
            let moved = moved(tx, locked, current, (&stopped, record)).await?;
            events.extend(moved);
        }
        if let Some(current) = &self.restores {
            let stopped = ELicence::Stopped {
                sanction: stopping(&row.id),
            };
            let active = stopped.apply(e_licence::Event::Lift {
                sanction: stopping(&row.id),
            })?;
            if tx.restore_e_licence(locked, &row.id).await? {
                let moved = moved(tx, locked, current, (&active, record)).await?;
                events.extend(moved);
                restored = Some(&current.e_licence.id);
            }
        }
        if let Some(application) = &self.ends {
            let told: Reason = reason::SANCTIONED.reason();
            as_application(application)?.apply(Move::Sanction {
                reasons: RejectionReasons::new(vec![RejectionReason::from(&told)])?,
            })?;
            let reasons = store_reasons(vec![ReasonView::from(&told)])?;
            let which = (&application.id, application.stage);
            let by = act.actor_id();
            tx.reject_application(locked, which, &by, &reasons, act.now)
                .await?;
            tx.leave_person_checks(locked, &application.id, act.now)
                .await?;
            events.push(changed(application, Stage::Rejected));
        }
        Ok((events, restored))
    }
}

/// What followers learn of an e-licence that moved, with its place in the lists.
async fn moved(
    tx: &mut Tx,
    locked: &Locked,
    current: &CurrentELicence,
    (e_licence, record): (&ELicence, StatusValue),
) -> Result<Vec<Event>, Error> {
    let value = record.strictest(e_licence.status_value());
    if let Some(credential) = &current.credential {
        tx.set_status_value(locked, &credential.id, value.value())
            .await?;
    }
    let mut events = vec![Event::ELicenceChanged {
        holder: locked.holder().clone(),
        e_licence: current.e_licence.id.clone(),
        stage: e_licence.stage().as_str().to_owned(),
    }];
    events.extend(status_event(locked.holder(), current, value));
    Ok(events)
}
