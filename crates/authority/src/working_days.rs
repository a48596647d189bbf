//! The working calendar (工作日): what is built in, and the years that an administrator enters when
//! they are announced. Reviews that were submitted before have no due time until then (R42).

use std::{
    collections::BTreeSet,
    sync::{PoisonError, RwLock},
};

use jiff::{SignedDuration, Timestamp};
use licence::{
    Calendar, Due,
    application::{Event as Move, Stage},
    calendar::YearPlan,
    civil_date,
};
use serde::{Deserialize, Serialize};
use storage::{ApplicationId, Conflict, Partition, Store, StoreError};

use crate::{
    Act, Authority, Error, Role,
    apply::as_application,
    refusal,
    review::{appeal_changed, changed_to},
    views::{CalendarView, CalendarYearView},
};

/// The job's lease, and how long a node that died keeps others from it.
const LEASE: &str = "set-dues";
const LEASE_LASTS: SignedDuration = SignedDuration::from_secs(60);
/// Applications read at once.
const BATCH: u32 = 200;

/// The calendar in use; another node or an administrator may have entered a year since.
#[derive(Debug)]
pub(crate) struct WorkingDays(RwLock<Calendar>);

/// A year as stored.
#[derive(Serialize, Deserialize)]
struct StoredYear {
    v: u8,
    plan: CalendarYearView,
}

impl WorkingDays {
    pub(crate) async fn load(store: &Store) -> Result<Self, Error> {
        Ok(Self(RwLock::new(entered(store).await?)))
    }

    pub(crate) fn due_end_of_next_working_day(&self, submitted: Timestamp) -> Due {
        let calendar = self.0.read().unwrap_or_else(PoisonError::into_inner);
        calendar.due_end_of_next_working_day(submitted)
    }

    /// The calendar as it is now.
    pub(crate) fn calendar(&self) -> Calendar {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn exchange(&self, calendar: Calendar) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = calendar;
    }
}

impl Authority {
    /// Enters a year of the working calendar, as announced; it goes before what is built in.
    ///
    /// # Errors
    /// Without the role, or [`refusal::INVALID_CALENDAR`].
    pub async fn set_calendar_year(
        &self,
        act: &Act,
        request: CalendarYearView,
    ) -> Result<CalendarView, Error> {
        act.staff(&[Role::Admin])?;
        let year = request.year;
        let holidays = request.holidays.len();
        // No year is without days off: an empty plan is a mistake, and would make reviews late.
        let sound = Calendar::built_in().with_year(plan(&request)).is_ok();
        if !sound || request.holidays.is_empty() {
            return Err(refusal::INVALID_CALENDAR.into());
        }
        let stored = serde_json::to_string(&StoredYear {
            v: 1,
            plan: request,
        })
        .map_err(|_not_json| Error::Internal("a year cannot be written"))?;
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        tx.set_calendar_year(year, &stored, &act.actor_id(), act.now)
            .await?;
        let entry = act
            .entry("calendar-year.set")
            .with("year", year)
            .with("holidays", u64::try_from(holidays).unwrap_or(u64::MAX));
        tx.commit(entry, Vec::new()).await?;
        self.refresh_calendar().await?;
        self.working_calendar(act)
    }

    /// The years of the working calendar, and the one that is missing soon.
    ///
    /// # Errors
    /// Without the role.
    pub fn working_calendar(&self, act: &Act) -> Result<CalendarView, Error> {
        act.staff(&[Role::Admin, Role::Reviewer])?;
        let calendar = self.inner.calendar.calendar();
        Ok(CalendarView {
            years: calendar
                .years()
                .map(|plan| CalendarYearView {
                    year: plan.year,
                    holidays: plan.holidays.iter().copied().collect(),
                    make_up_days: plan.make_up_days.iter().copied().collect(),
                })
                .collect(),
            missing: calendar.missing_year(civil_date(act.now)),
        })
    }

    /// Learns the years that another node entered, and sets what is due of the reviews that waited for
    /// them; answers how many. `node` names this node: another's lease makes it answer 0.
    ///
    /// # Errors
    /// When the store fails; what was set is set, the next call goes on.
    pub async fn set_dues(&self, act: &mut Act, node: &str) -> Result<u64, Error> {
        self.refresh_calendar().await?;
        let until = act.now.saturating_add(LEASE_LASTS).unwrap_or(act.now);
        let mut set = 0_u64;
        let mut after = None;
        while self.store().lease(LEASE, node, act.now, until).await? {
            let found = self.store().pending_calendar(after.as_ref(), BATCH).await?;
            let Some(last) = found.last().cloned() else {
                break;
            };
            for id in found {
                match self.set_due(act, &id).await {
                    Ok(done) => set = set.saturating_add(u64::from(done)),
                    // Decided or withdrawn meanwhile, or another act concerned the driver: next time.
                    Err(Error::Store(StoreError::Conflict(_))) => {}
                    Err(error) => return Err(error),
                }
            }
            after = Some(last);
        }
        Ok(set)
    }

    async fn set_due(&self, act: &mut Act, id: &ApplicationId) -> Result<bool, Error> {
        let row = self.store().application(id).await?;
        let row = row.ok_or(Error::Internal("a waiting application is missing"))?;
        let appeal = match &row.appealed_from {
            Some(_) => self.store().appeal(id).await?,
            None => None,
        };
        let since = appeal.as_ref().map(|appeal| appeal.filed_at);
        let since = since.or(row.submitted_at).unwrap_or(act.now);
        let due = self.inner.calendar.due_end_of_next_working_day(since);
        let Due::At(at) = due else {
            return Ok(false);
        };
        if row.stage != Stage::UnderReview {
            return Err(Conflict::ApplicationState.into());
        }
        as_application(&row)?.apply(Move::SetDue { at })?;
        let driver = self.store().driver(&row.holder).await?;
        let driver = driver.ok_or(Error::Internal("an application's driver is missing"))?;
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        tx.set_due(&locked, id, at).await?;
        let mut events = vec![changed_to(&row, Stage::UnderReview, Some(due))];
        if row.appealed_from.is_some() {
            events.push(appeal_changed(&row, since, due));
        }
        let entry = act
            .entry("review.due-set")
            .about(&driver.id)
            .with("application", id.as_str())
            .with("due", at.to_string());
        let committed = tx.commit(entry, events).await?;
        self.follow_committed(&[committed]).await?;
        Ok(true)
    }

    async fn refresh_calendar(&self) -> Result<(), Error> {
        let calendar = entered(self.store()).await?;
        self.inner.calendar.exchange(calendar);
        Ok(())
    }
}

/// What is built in, with the years that were entered.
async fn entered(store: &Store) -> Result<Calendar, Error> {
    let mut calendar = Calendar::built_in();
    for row in store.calendar_years().await? {
        let odd = Error::Internal("a year of the working calendar cannot be read");
        let stored: StoredYear = serde_json::from_str(&row.plan)
            .map_err(|_not_json| Error::Internal("a year of the working calendar is damaged"))?;
        if stored.v != 1 || stored.plan.year != row.year {
            return Err(odd);
        }
        calendar = calendar
            .with_year(plan(&stored.plan))
            .map_err(|_odd_year| odd)?;
    }
    Ok(calendar)
}

fn plan(view: &CalendarYearView) -> YearPlan {
    YearPlan {
        year: view.year,
        holidays: view.holidays.iter().copied().collect::<BTreeSet<_>>(),
        make_up_days: view.make_up_days.iter().copied().collect(),
    }
}
