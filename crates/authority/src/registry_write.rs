//! Writing registry records: one transaction for the drivers of one partition, with everything that
//! follows from each change (R10, R88-R90).

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use licence::{
    Reason, Record, StatusValue, application::PhotoOrigin, civil_date, e_licence, effective,
    midnight, next_transition, supersedes,
};
use portrait::Photo;
use storage::{
    CurrentELicence, Driver, DriverWrite, HolderId, Locked, Notification, NotificationId,
    Partition, PhotoId, PhotoMeta, PhotoRow, Tx,
    audit::{Entry, Trail},
    outbox::Event,
};

use crate::{Act, Authority, Error, registry::Candidate};

/// A record to be written, with what it was planned on.
#[derive(Debug)]
pub(crate) struct Write {
    candidate: Candidate,
    holder: HolderId,
    driver: Option<Driver>,
    keep_photo: Option<PhotoId>,
}

/// What one transaction leaves behind besides its rows.
#[derive(Default)]
struct Traces {
    entries: Vec<Entry>,
    events: Vec<Event>,
}

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
            driver,
            keep_photo,
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

    fn row(&self, photo: Option<PhotoId>, now: Timestamp) -> DriverWrite {
        let record = &self.candidate.record;
        let today = civil_date(now);
        DriverWrite {
            id: self.holder.clone(),
            registry_gap: self.gap().is_some(),
            record: record.clone(),
            digest: self.candidate.digest.clone(),
            status_value: effective(record, today).value.value(),
            next_transition_at: next_transition(record, today).map(midnight),
            photo,
        }
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
    /// Writes records of one partition in one transaction.
    pub(crate) async fn write_group(
        &self,
        act: &mut Act,
        partition: Partition,
        group: &[Write],
    ) -> Result<(), Error> {
        // In the order of identifiers, as every writer of several drivers locks them.
        let mut group: Vec<&Write> = group.iter().collect();
        group.sort_by(|a, b| a.holder.cmp(&b.holder));
        let mut photos = Vec::with_capacity(group.len());
        for write in &group {
            photos.push(self.store_photo(act, write).await?);
        }
        let known: Vec<HolderId> = group
            .iter()
            .filter(|write| write.driver.is_some())
            .map(|write| write.holder.clone())
            .collect();
        let mut tx = self.store().begin_in(partition).await?;
        let mut traces = Traces::default();
        let mut new = Vec::new();
        let mut changed = Vec::new();
        for (write, photo) in group.into_iter().zip(photos) {
            let photo_id = match &photo {
                Some(row) => {
                    tx.insert_photo(row).await?;
                    Some(row.id.clone())
                }
                None => write.keep_photo.clone().or_else(|| {
                    write
                        .driver
                        .as_ref()
                        .and_then(|driver| driver.photo.clone())
                }),
            };
            let row = write.row(photo_id, act.now);
            match &write.driver {
                None => new.push(row),
                Some(driver) => changed.push((write, driver, row)),
            }
            traces.entries.push(write.entry(act));
        }
        tx.insert_drivers(&new, act.now).await?;
        let currents = if known.is_empty() {
            Vec::new()
        } else {
            tx.current_e_licences(&known).await?
        };
        for (write, driver, row) in changed {
            let current = currents
                .iter()
                .find(|current| current.e_licence.holder == write.holder);
            let locked = tx.lock(&driver.id, driver.revision).await?;
            change(act, &mut tx, (driver, &row, &locked), current, &mut traces).await?;
            let told = self.contact_changed(act, &mut tx, (driver, &row.record, &locked));
            traces.events.extend(told.await?);
        }
        if let Some(trail) = Trail::of(traces.entries) {
            tx.commit(trail, traces.events).await?;
        }
        Ok(())
    }

    /// Puts a new photo's bytes into the object store and answers the row that will name them.
    async fn store_photo(&self, act: &mut Act, write: &Write) -> Result<Option<PhotoRow>, Error> {
        let Some(photo) = &write.candidate.photo else {
            return Ok(None);
        };
        if write.keep_photo.is_some() {
            return Ok(None);
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
        Ok(Some(row))
    }
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

/// Applies a change to a known driver and everything that follows from it.
async fn change(
    act: &mut Act,
    tx: &mut Tx,
    (driver, row, locked): (&Driver, &DriverWrite, &Locked),
    current: Option<&CurrentELicence>,
    traces: &mut Traces,
) -> Result<(), Error> {
    tx.update_driver(locked, row, act.now).await?;
    let holder = driver.id.clone();
    traces.events.push(Event::DriverChanged {
        holder: holder.clone(),
    });
    let Some(current) = current else {
        return Ok(());
    };
    let reasons = supersedes(&driver.record, &row.record);
    if reasons.is_empty() {
        let record_value = effective(&row.record, civil_date(act.now)).value;
        let value = strictest_with(record_value, current);
        if value.value() == current.credential.status_value {
            return Ok(());
        }
        tx.set_status_value(locked, &current.credential.id, value.value())
            .await?;
        traces.events.push(status_event(&holder, current, value));
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
        .push(status_event(&holder, current, StatusValue::Invalid));
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

pub(crate) fn status_event(
    holder: &HolderId,
    current: &CurrentELicence,
    value: StatusValue,
) -> Event {
    Event::CredentialStatus {
        holder: holder.clone(),
        place: current.credential.place,
        value: value.value(),
    }
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
