//! Writing registry records: one transaction for the drivers of many partitions, with everything that
//! follows from each change (R10, R88-R90).

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use licence::{
    Reason, Record, StatusValue, application::PhotoOrigin, civil_date, e_licence, effective,
    midnight, next_transition, supersedes,
};
use portrait::Photo;
use storage::{
    Committed, Conflict, CurrentELicence, Driver, DriverWrite, HolderId, Locked, Notification,
    NotificationId, Partition, PhotoId, PhotoMeta, PhotoRow, SealedDriver, Store, StoreError,
    Traces, Tx,
    audit::{Entry, Trail},
    outbox::Event,
};
use tokio::task::JoinSet;

use crate::{
    Act, Authority, Error,
    registry::{Candidate, Report},
    registry_plan::attempted,
};

/// A record to be written, with what it was planned on.
#[derive(Debug)]
pub(crate) struct Write {
    candidate: Candidate,
    holder: HolderId,
    driver: Option<Box<Driver>>,
    keep_photo: Option<PhotoId>,
    new_photo: Option<Box<PhotoRow>>,
    sealed: Option<SealedDriver>,
}

/// What one transaction leaves behind in a partition besides its rows.
#[derive(Default)]
struct Left {
    entries: Vec<Entry>,
    events: Vec<Event>,
}

/// Records to be written, by partition, in the order of identifiers.
type Groups = BTreeMap<Partition, Vec<Write>>;

impl Write {
    pub(crate) fn new(
        candidate: Candidate,
        holder: HolderId,
        driver: Option<Driver>,
        keep_photo: Option<PhotoId>,
    ) -> Self {
        Self {
            candidate,
            holder,
            driver: driver.map(Box::new),
            keep_photo,
            new_photo: None,
            sealed: None,
        }
    }

    pub(crate) fn into_candidate(self) -> Candidate {
        self.candidate
    }

    pub(crate) fn line(&self) -> u64 {
        self.candidate.line
    }

    pub(crate) fn holder(&self) -> &HolderId {
        &self.holder
    }

    pub(crate) fn record(&self) -> &Record {
        &self.candidate.record
    }

    pub(crate) fn known(&self) -> Option<&Record> {
        self.driver.as_ref().map(|driver| &driver.record)
    }

    /// Version known before and version applied, where some between them are missing.
    pub(crate) fn gap(&self) -> Option<(i64, i64)> {
        let known = self.driver.as_ref()?.registry_version;
        let applied = self.candidate.record.version;
        (applied > known.saturating_add(1)).then_some((known, applied))
    }

    /// Seals the record as it will be written; `named_under` is what the index key's version was
    /// before its names were claimed.
    pub(crate) fn seal(
        &mut self,
        store: &Store,
        named_under: u32,
        now: Timestamp,
    ) -> Result<(), Error> {
        let record = &self.candidate.record;
        let today = civil_date(now);
        let on_file = self.driver.as_ref().and_then(|driver| driver.photo.clone());
        let sealed = store.seal_driver(DriverWrite {
            id: self.holder.clone(),
            registry_gap: self.gap().is_some(),
            record: self.record().clone(),
            digest: self.candidate.digest.clone(),
            status_value: effective(record, today).value.value(),
            next_transition_at: next_transition(record, today).map(midnight),
            photo: self.keep_photo.clone().or(on_file),
            named_under,
        })?;
        self.sealed = Some(sealed);
        Ok(())
    }

    fn sealed(&self) -> Result<&SealedDriver, Error> {
        let sealed = self.sealed.as_ref();
        sealed.ok_or(Error::Internal(
            "a record was not sealed before it is written",
        ))
    }

    fn entry(&self, act: &Act) -> Entry {
        let what = if self.driver.is_some() {
            "registry.changed"
        } else {
            "registry.registered"
        };
        let record = &self.candidate.record;
        act.entry(what)
            .about(&self.holder)
            .with("version", record.version)
            .with("edition", record.document_edition)
            .with("record", hex::encode(self.candidate.digest.as_bytes()))
            .with("gap", self.gap().is_some())
    }
}

impl Authority {
    /// Writes records, as many at once as the store has writers, and reports them; answers those
    /// whose drivers changed after they were planned.
    pub(crate) async fn write_round(
        &self,
        act: &mut Act,
        writes: Vec<Write>,
        report: &mut Report,
    ) -> Result<Vec<Candidate>, Error> {
        let mut tasks = JoinSet::new();
        for groups in shares(writes, self.store().writers()) {
            let (authority, mut act) = (self.clone(), act.fork());
            tasks.spawn(async move { authority.write_share(&mut act, groups).await });
        }
        let (mut written, mut again) = (Vec::new(), Vec::new());
        while let Some(share) = tasks.join_next().await {
            let share = share.map_err(|_ended| Error::Internal("a writer ended early"))?;
            let (good, stale) = share?;
            written.extend(good);
            again.extend(stale);
        }
        written.sort_unstable_by_key(Write::line);
        for write in &written {
            report.imported(write, act.now);
        }
        again.sort_unstable_by_key(Write::line);
        let again = again.into_iter().map(Write::into_candidate).map(attempted);
        again.collect()
    }

    /// Writes a share in one transaction or, where a driver changed meanwhile, each partition in one
    /// of its own; answers what is written and what is not.
    async fn write_share(
        &self,
        act: &mut Act,
        mut groups: Groups,
    ) -> Result<(Vec<Write>, Vec<Write>), Error> {
        for write in groups.values_mut().flatten() {
            self.store_photo(act, write).await?;
        }
        if self.write_groups(act, &groups).await? {
            return Ok((groups.into_values().flatten().collect(), Vec::new()));
        }
        let (mut written, mut stale) = (Vec::new(), Vec::new());
        for (partition, group) in groups {
            let one = Groups::from([(partition, group)]);
            let outcome = self.write_groups(act, &one).await?;
            let group = one.into_values().flatten();
            if outcome {
                written.extend(group);
            } else {
                stale.extend(group);
            }
        }
        Ok((written, stale))
    }

    /// Whether the groups were written, all in one transaction; else a driver changed meanwhile.
    async fn write_groups(&self, act: &mut Act, groups: &Groups) -> Result<bool, Error> {
        match self.try_write_groups(act, groups).await {
            Ok(committed) => {
                self.follow_committed(&committed).await?;
                Ok(true)
            }
            Err(Error::Store(StoreError::Conflict(Conflict::Revision))) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn try_write_groups(
        &self,
        act: &mut Act,
        groups: &Groups,
    ) -> Result<Vec<Committed>, Error> {
        let mut new = Vec::new();
        let mut traces = BTreeMap::new();
        for (partition, group) in groups {
            for write in group.iter().filter(|write| write.driver.is_none()) {
                new.push(write.sealed()?);
            }
            let left = Left {
                entries: group.iter().map(|write| write.entry(act)).collect(),
                events: Vec::new(),
            };
            traces.insert(*partition, left);
        }
        let partitions: BTreeSet<Partition> = groups.keys().copied().collect();
        self.store().let_others_first().await;
        let mut tx = self.store().begin_in_each(partitions).await?;
        tx.insert_drivers(&new, act.now).await?;
        for (partition, group) in groups {
            tx.turn_to(*partition)?;
            let left = traces.entry(*partition).or_default();
            write_photos_and_changes(self, act, &mut tx, group, left).await?;
        }
        let traces = traces.into_iter().map(|(partition, left)| {
            let trail = Trail::of(left.entries);
            let trail = trail.ok_or(Error::Internal("a write leaves no trace"))?;
            let events = left.events;
            Ok((partition, Traces { trail, events }))
        });
        let traces: BTreeMap<Partition, Traces> = traces.collect::<Result<_, Error>>()?;
        Ok(tx.commit_each(traces).await?)
    }

    /// Puts a new photo's bytes into the object store and keeps the row that will name them.
    async fn store_photo(&self, act: &mut Act, write: &mut Write) -> Result<(), Error> {
        let Some(photo) = &write.candidate.photo else {
            return Ok(());
        };
        if write.keep_photo.is_some() {
            return Ok(());
        }
        let row = photo_row(
            act,
            &write.holder,
            PhotoOrigin::OnFile,
            photo,
            write.candidate.record.photo_taken_on,
        );
        self.store()
            .put_photo_bytes(&write.holder, &row.id, photo.bytes())
            .await?;
        if let Some(sealed) = &mut write.sealed {
            sealed.photo = Some(row.id.clone());
        }
        write.new_photo = Some(Box::new(row));
        Ok(())
    }
}

/// The records cut into at most so many shares, whole partitions each.
fn shares(writes: Vec<Write>, most: u32) -> impl Iterator<Item = Groups> {
    let mut groups = Groups::new();
    for write in writes {
        groups
            .entry(write.holder.partition())
            .or_default()
            .push(write);
    }
    for group in groups.values_mut() {
        // As every writer of several drivers locks them.
        group.sort_unstable_by(|a, b| a.holder.cmp(&b.holder));
    }
    let most = usize::try_from(most).unwrap_or(1).max(1);
    let size = groups.len().div_ceil(most).max(1);
    let mut rest = groups.into_iter().peekable();
    std::iter::from_fn(move || {
        rest.peek()?;
        Some(rest.by_ref().take(size).collect())
    })
}

/// The rows of new photos, and the changes of known drivers with what follows from them.
async fn write_photos_and_changes(
    authority: &Authority,
    act: &mut Act,
    tx: &mut Tx,
    group: &[Write],
    left: &mut Left,
) -> Result<(), Error> {
    for photo in group.iter().filter_map(|write| write.new_photo.as_deref()) {
        tx.insert_photo(photo).await?;
    }
    let changed = group.iter().filter(|write| write.driver.is_some());
    let known: Vec<HolderId> = changed.map(|write| write.holder.clone()).collect();
    if known.is_empty() {
        return Ok(());
    }
    let currents = tx.current_e_licences(&known).await?;
    for write in group {
        let Some(driver) = &write.driver else {
            continue;
        };
        let current = currents
            .iter()
            .find(|current| current.e_licence.holder == write.holder);
        let locked = tx.lock(&driver.id, driver.revision).await?;
        change(act, tx, (write, driver, &locked), current, left).await?;
        let told = authority
            .contact_changed(act, tx, (driver, write.record(), &locked))
            .await?;
        left.events.extend(told);
    }
    Ok(())
}

/// A row for new photo bytes.
pub(crate) fn photo_row(
    act: &mut Act,
    holder: &HolderId,
    source: PhotoOrigin,
    photo: &Photo,
    taken_on: Option<jiff::civil::Date>,
) -> PhotoRow {
    PhotoRow {
        id: PhotoId::generate(holder.partition(), &mut act.rng),
        holder: holder.clone(),
        source,
        meta: PhotoMeta {
            sha256: sha256(photo.bytes()),
            media_type: photo.format().media_type().to_owned(),
            width: photo.width(),
            height: photo.height(),
            taken_on,
        },
        created_at: act.now,
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

pub(crate) fn sha256_of(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// Applies a change to a known driver and everything that follows from it.
async fn change(
    act: &mut Act,
    tx: &mut Tx,
    (write, driver, locked): (&Write, &Driver, &Locked),
    current: Option<&CurrentELicence>,
    traces: &mut Left,
) -> Result<(), Error> {
    tx.update_driver(locked, write.sealed()?, act.now).await?;
    let holder = driver.id.clone();
    traces.events.push(Event::DriverChanged {
        holder: holder.clone(),
    });
    let Some(current) = current else {
        return Ok(());
    };
    let reasons = supersedes(&driver.record, write.record());
    if reasons.is_empty() {
        let record_value = effective(write.record(), civil_date(act.now)).value;
        let value = strictest_with(record_value, current);
        // Without a credential the lists say nothing of it, and the record's own value counts.
        let credential = current.credential.as_ref();
        let before = credential.map_or(driver.status_value, |it| it.status_value);
        if value.value() == before {
            return Ok(());
        }
        if let Some(credential) = credential {
            tx.set_status_value(locked, &credential.id, value.value())
                .await?;
        }
        traces.events.extend(status_event(&holder, current, value));
        let message = message(act, &holder, "status-changed", &value.as_str());
        tx.insert_notification(&message).await?;
        traces.events.push(notified(&message));
        return Ok(());
    }
    tx.end_e_licence(
        locked,
        current,
        e_licence::Stage::Superseded,
        e_licence::SupersessionCause::NewEdition.as_str(),
        act.now,
    )
    .await?;
    let codes = reason_codes(&reasons);
    traces.entries.push(
        act.entry("e-licence.superseded")
            .about(&holder)
            .with("e-licence", current.e_licence.id.as_str())
            .with("reasons", codes.clone()),
    );
    traces
        .events
        .extend(status_event(&holder, current, StatusValue::Invalid));
    traces.events.push(Event::ELicenceChanged {
        holder: holder.clone(),
        e_licence: current.e_licence.id.clone(),
        stage: e_licence::Stage::Superseded.as_str().to_owned(),
    });
    let message = message(act, &holder, "e-licence-superseded", &codes);
    tx.insert_notification(&message).await?;
    traces.events.push(notified(&message));
    Ok(())
}

/// The stricter of the record's status and what the e-licence's stage adds.
pub(crate) fn strictest_with(record: StatusValue, current: &CurrentELicence) -> StatusValue {
    record.strictest(stage_value(current.e_licence.stage))
}

/// What an e-licence's stage adds to the record's status.
pub(crate) fn stage_value(stage: e_licence::Stage) -> StatusValue {
    match stage {
        e_licence::Stage::Active => StatusValue::Valid,
        e_licence::Stage::Stopped => StatusValue::Suspended,
        e_licence::Stage::Superseded | e_licence::Stage::Revoked => StatusValue::Invalid,
    }
}

/// What followers learn of the place in the lists of an e-licence's credential, if it has one.
pub(crate) fn status_event(
    holder: &HolderId,
    current: &CurrentELicence,
    value: StatusValue,
) -> Option<Event> {
    let credential = current.credential.as_ref()?;
    Some(Event::CredentialStatus {
        holder: holder.clone(),
        place: credential.place,
        value: value.value(),
    })
}

/// A message with codes for parameters, never personal data.
pub(crate) fn message(
    act: &mut Act,
    holder: &HolderId,
    kind: &str,
    about: &impl serde::Serialize,
) -> Notification {
    Notification {
        id: NotificationId::generate(holder.partition(), &mut act.rng),
        holder: holder.clone(),
        kind: kind.to_owned(),
        params: serde_json::json!({ "v": 1, "about": about }).to_string(),
        created_at: act.now,
        read_at: None,
    }
}

pub(crate) fn notified(message: &Notification) -> Event {
    Event::Notified {
        holder: message.holder.clone(),
        notification: message.id.clone(),
    }
}

pub(crate) fn reason_codes(reasons: &[Reason]) -> Vec<&'static str> {
    reasons.iter().map(|reason| reason.code).collect()
}
