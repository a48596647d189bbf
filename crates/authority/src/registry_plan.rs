//! Planning registry records: what each means for its driver, under which names it will be found, and
//! its record sealed, before any transaction is begun.

use std::collections::{HashMap, HashSet};

use storage::{AliasClaim, AliasKind, Blind, Conflict, Driver, HolderId, StoreError, names_of};

use crate::{
    Act, Authority, Error,
    registry::{Candidate, NUMBER_TAKEN, OTHER_CONTENT, OUT_OF_SCOPE, Problem, Report, Scope},
    registry_write::{Write, sha256},
    views::RejectView,
};

/// How often a record is planned anew when its driver changes meanwhile.
const ATTEMPTS: u8 = 5;

enum Plan {
    Write(Box<Write>),
    Unchanged,
    Reject(RejectView),
}

type Owners = HashMap<(AliasKind, Blind), HolderId>;

impl Authority {
    /// Plans one record of each subject: those to be written, and those to be planned anew because
    /// somebody else claimed their subject first.
    pub(crate) async fn plan_round(
        &self,
        act: &mut Act,
        scope: &Scope,
        round: Vec<Candidate>,
        report: &mut Report,
    ) -> Result<(Vec<Write>, Vec<Candidate>), Error> {
        // Before any name is hashed: a pass to another index key that begins later keeps what was
        // claimed under this one from being written.
        let named_under = self.store().index_version();
        let subjects: Vec<&str> = round.iter().map(|it| it.record.subject.as_str()).collect();
        let holders = self
            .store()
            .holders_named(AliasKind::Subject, &subjects)
            .await?;
        let known: Vec<HolderId> = holders.iter().flatten().cloned().collect();
        let mut existing: HashMap<HolderId, Driver> = HashMap::with_capacity(known.len());
        for driver in self.store().drivers(&known).await? {
            existing.insert(driver.id.clone(), driver);
        }
        let mut writes = Vec::with_capacity(round.len());
        for (candidate, holder) in round.into_iter().zip(holders) {
            let Some(holder) = holder else {
                let holder = HolderId::random(&mut act.rng);
                writes.push(Write::new(candidate, holder, None, None));
                continue;
            };
            let driver = existing.remove(&holder);
            match self.plan(candidate, holder, driver, scope).await? {
                Plan::Write(write) => writes.push(*write),
                Plan::Unchanged => {
                    report.view.unchanged = report.view.unchanged.saturating_add(1);
                }
                Plan::Reject(reject) => report.view.rejects.push(reject),
            }
        }
        let (mut writes, again) = self.claim_names(act, writes, report).await?;
        for write in &mut writes {
            write.seal(self.store(), named_under, act.now)?;
        }
        Ok((writes, again))
    }

    /// What a record means for its driver: versions decide.
    async fn plan(
        &self,
        candidate: Candidate,
        holder: HolderId,
        driver: Option<Driver>,
        scope: &Scope,
    ) -> Result<Plan, Error> {
        let reject = |problem: &Problem, field: &str| {
            Plan::Reject(RejectView {
                line: candidate.line,
                reasons: vec![problem.view(field)],
            })
        };
        let Some(driver) = driver else {
            // A claim whose driver never came.
            let write = Write::new(candidate, holder, None, None);
            return Ok(Plan::Write(Box::new(write)));
        };
        if !scope.covers(driver.record.issuing_authority.code.as_str()) {
            return Ok(reject(&OUT_OF_SCOPE, "issuing_authority.code"));
        }
        let same_photo = self.same_photo(&candidate, &driver).await?;
        if candidate.record.version < driver.registry_version {
            return Ok(Plan::Unchanged);
        }
        if candidate.record.version == driver.registry_version {
            let same_record = candidate.digest.matches(&driver.digest);
            return Ok(if same_record && same_photo {
                Plan::Unchanged
            } else {
                reject(&OTHER_CONTENT, "version")
            });
        }
        let keep = driver.photo.clone().filter(|_| same_photo);
        let write = Write::new(candidate, holder, Some(driver), keep);
        Ok(Plan::Write(Box::new(write)))
    }

    /// Whether the photo of a record is the one on file; a record without one says nothing of it.
    async fn same_photo(&self, candidate: &Candidate, driver: &Driver) -> Result<bool, Error> {
        let Some(photo) = &candidate.photo else {
            return Ok(true);
        };
        let Some(on_file) = &driver.photo else {
            return Ok(false);
        };
        let row = self.store().photo(on_file).await?;
        Ok(row.is_some_and(|row| row.meta.sha256 == sha256(photo.bytes())))
    }

    /// Claims the names of the records to be written; a number that is another driver's is refused,
    /// and whose subject somebody else claimed first is planned anew.
    async fn claim_names(
        &self,
        act: &Act,
        writes: Vec<Write>,
        report: &mut Report,
    ) -> Result<(Vec<Write>, Vec<Candidate>), Error> {
        let mut claims = Vec::new();
        let mut numbers = HashSet::new();
        let mut first = Vec::with_capacity(writes.len());
        for write in writes {
            let wanted = self.names(&write);
            let is_number = |claim: &&AliasClaim| claim.kind == AliasKind::LicenceNumber;
            let twice = wanted
                .iter()
                .filter(is_number)
                .any(|claim| numbers.contains(&claim.blind));
            numbers.extend(wanted.iter().filter(is_number).map(|it| it.blind.clone()));
            if twice {
                report.reject(write.line(), &NUMBER_TAKEN, "licence_number");
            } else {
                let from = claims.len();
                claims.extend(wanted);
                first.push((write, from..claims.len()));
            }
        }
        self.store().let_others_first().await;
        let owned = match self.store().claim_aliases(&claims, act.now).await {
            // Another index key came into use: nothing was claimed.
            Err(StoreError::Conflict(Conflict::IndexKey)) => {
                let again = first.into_iter();
                let again = again.map(|(write, _)| write.into_candidate());
                let again: Result<_, Error> = again.map(attempted).collect();
                return Ok((Vec::new(), again?));
            }
            owned => owned?,
        };
        let (mut kept, mut again) = (Vec::with_capacity(first.len()), Vec::new());
        for (write, range) in first {
            let wanted = claims.get(range).unwrap_or_default();
            if !all_mine(wanted, AliasKind::Subject, &owned) {
                again.push(attempted(write.into_candidate())?);
            } else if all_mine(wanted, AliasKind::LicenceNumber, &owned) {
                kept.push(write);
            } else {
                report.reject(write.line(), &NUMBER_TAKEN, "licence_number");
            }
        }
        Ok((kept, again))
    }

    /// The names under which a record is to be found, but those it is found under already. Of a
    /// driver who is new all are claimed, also where a subject was claimed before and the driver
    /// never came: such a claim may go at any moment.
    fn names(&self, write: &Write) -> Vec<AliasClaim> {
        let known = write.known();
        let is_known = |(kind, name): &(AliasKind, &str)| {
            known.is_some_and(|known| match kind {
                AliasKind::Subject => known.subject == *name,
                AliasKind::LicenceNumber => known.licence_number.as_str() == *name,
                AliasKind::FileNumber => {
                    let file = known.file_number.as_ref();
                    file.is_some_and(|file| file.as_str() == *name)
                }
            })
        };
        let mut names = names_of(write.record());
        names.retain(|name| !is_known(name));
        names
            .into_iter()
            .map(|(kind, name)| AliasClaim {
                kind,
                blind: self.store().alias(kind, name),
                holder: write.holder().clone(),
            })
            .collect()
    }
}

/// Whether the claims of that kind came through.
fn all_mine(claims: &[AliasClaim], kind: AliasKind, owned: &Owners) -> bool {
    claims
        .iter()
        .filter(|claim| claim.kind == kind)
        .all(|claim| owned.get(&(kind, claim.blind.clone())) == Some(&claim.holder))
}

/// Counts one more attempt.
pub(crate) fn attempted(mut candidate: Candidate) -> Result<Candidate, Error> {
    candidate.attempts = candidate.attempts.saturating_add(1);
    if candidate.attempts >= ATTEMPTS {
        return Err(Conflict::Revision.into());
    }
    Ok(candidate)
}
