//! Group commit of look-ups: what many verifiers wait for is written by few statements and made
//! durable by one commit.
//!
//! A look-up that finds no commit under way begins one at once; those that come meanwhile wait for
//! it and go into the next together. Each is answered only when the commit that holds its audit row
//! is durable, and each stands for itself: one whose driver changed or whose code is spent leaves
//! the group, and the others are written without it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use storage::{
    BindingId, Blind, CodeToUse, Conflict, HolderId, Partition, SealedVerification, StoreError,
    ToPresent, ToRemember, Traces,
    audit::{Entry, Trail},
};
use tokio::sync::oneshot;

use crate::{Authority, Error};

/// Look-ups in one transaction.
const MOST: usize = 64;
/// Groups at once, where the store has as many writers: more would be smaller, and one alone would
/// keep all others behind a driver whom somebody else holds.
const WRITERS: u32 = 2;

/// A look-up that is prepared, and what it is committed with.
#[derive(Debug)]
pub(crate) struct LookUp {
    pub(crate) holder: HolderId,
    /// The driver's revision on which it was prepared.
    pub(crate) revision: u64,
    /// What it uses up: no code counts twice.
    pub(crate) spends: Option<Spends>,
    /// The answer to be kept.
    pub(crate) answer: SealedVerification,
    /// The request, where it is to be answered the same again.
    pub(crate) request: Option<ToRemember>,
    pub(crate) entry: Entry,
}

/// What a look-up uses up.
#[derive(Clone, Debug)]
pub(crate) enum Spends {
    /// A numeric code.
    Numeric(CodeToUse),
    /// A device's codes up to the one it showed.
    Shown(ToPresent),
}

/// What two look-ups of one group do not both use up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Spent {
    Numeric(Blind),
    Shown(BindingId),
}

impl Spends {
    fn spent(&self) -> Spent {
        match self {
            Self::Numeric(code) => Spent::Numeric(code.code.clone()),
            Self::Shown(code) => Spent::Shown(code.binding.clone()),
        }
    }
}

/// What came of a look-up. Where it is not recorded, nothing of it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// It is in the audit, durable.
    Yes,
    /// The driver changed meanwhile: it is to be prepared anew.
    Stale,
    /// The code was used, or is too old.
    CodeSpent,
    /// The same request is answered already, or is being answered.
    SameRequest,
}

type Told = oneshot::Sender<Result<Recorded, StoreError>>;
type Waiting = (LookUp, Told);

/// Look-ups that wait for their commit.
#[derive(Debug, Default)]
pub(crate) struct LookUps {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    writers: u32,
}

impl LookUps {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a look-up; whether a writer is to begin, of which there are at most so many.
    fn add(&self, waiting: Waiting, most: u32) -> bool {
        let mut state = self.state();
        state.waiting.push_back(waiting);
        let begins = state.writers < most;
        if begins {
            state.writers = state.writers.saturating_add(1);
        }
        begins
    }
}

/// A writer's place. It is given back whatever ends the writer.
struct Writer<'a> {
    look_ups: &'a LookUps,
    ended: bool,
}

impl Writer<'_> {
    /// The next group: whatever waits. Of look-ups that use the same code or answer the same request
    /// only the first is in it, since the others depend on what comes of it. Where nothing waits the
    /// place is given back in the same moment, so that whoever comes then begins a writer.
    fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut state = self.look_ups.state();
        let group = take_group(&mut state.waiting);
        if group.is_empty() {
            state.writers = state.writers.saturating_sub(1);
            self.ended = true;
            return None;
        }
        Some(group)
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let mut state = self.look_ups.state();
            state.writers = state.writers.saturating_sub(1);
        }
    }
}

fn take_group(waiting: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let (mut codes, mut requests) = (HashSet::new(), HashSet::new());
    let (mut group, mut later) = (Vec::new(), VecDeque::new());
    while group.len() < MOST
        && let Some(next) = waiting.pop_front()
    {
        let code = next.0.spends.as_ref().map(Spends::spent);
        let request = next.0.request.as_ref().map(|request| request.key.clone());
        let twice = code.as_ref().is_some_and(|code| codes.contains(code))
            || request.as_ref().is_some_and(|key| requests.contains(key));
        if twice {
            later.push_back(next);
        } else {
            codes.extend(code);
            requests.extend(request);
            group.push(next);
        }
    }
    later.append(waiting);
    *waiting = later;
    group
}

impl Authority {
    /// Records a look-up; answers when that is durable. It is recorded even if nobody waits for it
    /// any more.
    pub(crate) async fn record_look_up(&self, look_up: LookUp) -> Result<Recorded, Error> {
        let (told, wait) = oneshot::channel();
        let most = self.store().writers().min(WRITERS);
        if self.inner.look_ups.add((look_up, told), most) {
            tokio::spawn(self.clone().write_look_ups());
        }
        let told = wait.await;
        let outcome = told.map_err(|_ended| Error::Internal("a look-up was given up"))?;
        Ok(outcome?)
    }

    async fn write_look_ups(self) {
        let mut writer = Writer {
            look_ups: &self.inner.look_ups,
            ended: false,
        };
        while let Some(group) = writer.next() {
            self.write_group_of_look_ups(group).await;
        }
    }

    /// Writes a group and tells each of it what came of it.
    async fn write_group_of_look_ups(&self, group: Vec<Waiting>) {
        let mut groups = VecDeque::from([group]);
        while let Some(group) = groups.pop_front() {
            match self.try_look_ups(&group).await {
                Ok(outcomes) => {
                    let all = outcomes.iter().all(|outcome| *outcome == Recorded::Yes);
                    let (stay, leave): (Vec<_>, Vec<_>) = group
                        .into_iter()
                        .zip(outcomes)
                        .partition(|(_, outcome)| *outcome == Recorded::Yes && !all);
                    for ((_, told), outcome) in leave {
                        tell(told, Ok(outcome));
                    }
                    if !stay.is_empty() {
                        groups.push_back(stay.into_iter().map(|(waiting, _)| waiting).collect());
                    }
                }
                // One of them met another's write; alone each shows whether it was that one.
                Err(StoreError::Conflict(_)) if group.len() > 1 => {
                    groups.extend(group.into_iter().map(|waiting| vec![waiting]));
                }
                Err(error) => {
                    for (_, told) in group {
                        tell(told, alone(error.for_another()));
                    }
                }
            }
        }
    }

    /// Writes a group in one transaction, all or none: where one cannot be recorded, none is yet.
    async fn try_look_ups(&self, group: &[Waiting]) -> Result<Vec<Recorded>, StoreError> {
        let look_ups = || group.iter().map(|(look_up, _)| look_up);
        let partitions: BTreeSet<Partition> = look_ups().map(|it| it.holder.partition()).collect();
        let holders: Vec<HolderId> = look_ups().map(|it| it.holder.clone()).collect();
        let (mut codes, mut shown) = (Vec::new(), Vec::new());
        for spends in look_ups().filter_map(|it| it.spends.as_ref()) {
            match spends {
                Spends::Numeric(code) => codes.push(code.clone()),
                Spends::Shown(code) => shown.push(code.clone()),
            }
        }
        let answers: Vec<&SealedVerification> = look_ups().map(|it| &it.answer).collect();
        let requests: Vec<ToRemember> = look_ups().filter_map(|it| it.request.clone()).collect();
        let traces = traces(look_ups());

        let mut tx = self.store().begin_in_each(partitions).await?;
        let revisions = tx.driver_revisions(&holders).await?;
        let used = tx.use_numeric_codes(&codes).await?;
        let presented = tx.present(&shown).await?;
        let spent: HashSet<Spent> = used
            .into_iter()
            .map(Spent::Numeric)
            .chain(presented.into_iter().map(Spent::Shown))
            .collect();
        let outcomes: Vec<Recorded> = look_ups()
            .map(|look_up| look_up.outcome(&revisions, &spent))
            .collect();
        if outcomes.iter().all(|outcome| *outcome == Recorded::Yes) {
            tx.insert_verifications(&answers).await?;
            tx.remember_each(&requests).await?;
            tx.commit_each(traces).await?;
        }
        Ok(outcomes)
    }
}

impl LookUp {
    fn outcome(&self, revisions: &HashMap<HolderId, u64>, spent: &HashSet<Spent>) -> Recorded {
        if revisions.get(&self.holder) != Some(&self.revision) {
            Recorded::Stale
        } else if self
            .spends
            .as_ref()
            .is_some_and(|it| !spent.contains(&it.spent()))
        {
            Recorded::CodeSpent
        } else {
            Recorded::Yes
        }
    }
}

fn traces<'a>(look_ups: impl Iterator<Item = &'a LookUp>) -> BTreeMap<Partition, Traces> {
    let mut traces: BTreeMap<Partition, Traces> = BTreeMap::new();
    for look_up in look_ups {
        let partition = look_up.holder.partition();
        let entry = look_up.entry.clone();
        let traces_there = match traces.remove(&partition) {
            Some(earlier) => Traces {
                trail: earlier.trail.and(entry),
                events: earlier.events,
            },
            None => Traces {
                trail: Trail::from(entry),
                events: Vec::new(),
            },
        };
        traces.insert(partition, traces_there);
    }
    traces
}

/// What a failure means for a look-up that was alone in its group.
fn alone(error: StoreError) -> Result<Recorded, StoreError> {
    if let StoreError::Conflict(Conflict::Revision) = error {
        return Ok(Recorded::Stale);
    }
    if let StoreError::Conflict(Conflict::Request) = error {
        return Ok(Recorded::SameRequest);
    }
    Err(error)
}

fn tell(told: Told, outcome: Result<Recorded, StoreError>) {
    // Whoever asked may be gone; what was recorded stays.
    drop(told.send(outcome));
}
