//! What a delivery would change, without changing it: the dry run of an import.
//!
//! Each record is compared with what is stored, not with earlier records of the same delivery.

use std::collections::BTreeMap;

use licence::{Record, civil_date, effective, notes, supersedes};
use serde::Serialize;
use storage::{AliasKind, Driver};

use crate::{
    Act, Actor, Authority, Delivery, Error, refusal,
    registry::{Candidate, NUMBER_TAKEN, OTHER_CONTENT, Scope},
    registry_write::{reason_codes, sha256},
    views::{DeliveryView, GapView, NoteCount, RejectView},
};

/// What a delivery would change.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// What would come of it: `imported` counts what is new or changed.
    pub view: DeliveryView,
    /// How many of those are drivers who are not known yet.
    pub new: u64,
    /// Each record that would change a driver who is known.
    pub changed: Vec<ChangedRecord>,
}

/// A record that would change a driver. It names fields, never their values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangedRecord {
    /// Its line or place in the delivery, from 1.
    pub line: u64,
    /// The fields that differ.
    pub fields: Vec<String>,
    /// What would follow.
    pub follows: Vec<Follows>,
}

/// What would follow from a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Follows {
    /// The e-licence is superseded; the driver applies again (R88-R90).
    ELicenceSuperseded {
        /// Codes of the reasons.
        reasons: Vec<&'static str>,
    },
    /// The effective status is another (R10).
    StatusChanges {
        /// Before.
        from: &'static str,
        /// After.
        to: &'static str,
    },
    /// The phone number is another: activation by phone waits.
    ActivationByPhoneHeld,
    /// Versions between are missing.
    VersionGap,
}

impl Authority {
    /// Compares a delivery with what is stored, and writes nothing. Only the operator's command
    /// line may.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn compare(&self, act: &Act, deliveries: Vec<Delivery>) -> Result<Comparison, Error> {
        let Actor::System(_) = act.actor else {
            return Err(refusal::NOT_YOUR_ROLE.into());
        };
        let mut comparison = Comparison::default();
        let mut candidates = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            match self.examine(delivery, &Scope::All) {
                Ok(candidate) => candidates.push(candidate),
                Err(reject) => comparison.view.rejects.push(reject),
            }
        }
        let names = |name: fn(&Record) -> &str| -> Vec<&str> {
            candidates.iter().map(|one| name(&one.record)).collect()
        };
        let subjects = names(|record| &record.subject);
        let numbers = names(|record| record.licence_number.as_str());
        let store = self.store();
        let holders = store.holders_named(AliasKind::Subject, &subjects).await?;
        let owners = store
            .holders_named(AliasKind::LicenceNumber, &numbers)
            .await?;
        for ((candidate, holder), owner) in candidates.iter().zip(&holders).zip(&owners) {
            if owner.is_some() && owner != holder {
                let reasons = vec![NUMBER_TAKEN.view("licence_number")];
                comparison.reject(candidate.line, reasons);
                continue;
            }
            let driver = match holder {
                Some(holder) => self.store().driver(holder).await?,
                None => None,
            };
            self.compare_one(act, candidate, driver, &mut comparison)
                .await?;
        }
        let rejected = comparison.view.rejects.len();
        comparison.view.rejected = u64::try_from(rejected).unwrap_or(u64::MAX);
        comparison.view.rejects.sort_by_key(|reject| reject.line);
        Ok(comparison)
    }

    async fn compare_one(
        &self,
        act: &Act,
        candidate: &Candidate,
        driver: Option<Driver>,
        comparison: &mut Comparison,
    ) -> Result<(), Error> {
        let record = &candidate.record;
        if let Some(driver) = driver {
            let other_photo = self.other_photo(candidate, &driver).await?;
            let same = !other_photo && candidate.digest.matches(&driver.digest);
            let repeated = record.version == driver.registry_version;
            if record.version < driver.registry_version || repeated && same {
                comparison.view.unchanged = comparison.view.unchanged.saturating_add(1);
                return Ok(());
            }
            if repeated {
                comparison.reject(candidate.line, vec![OTHER_CONTENT.view("version")]);
                return Ok(());
            }
            let mut fields = differing(&driver.record, record);
            fields.extend(other_photo.then(|| "photo".to_owned()));
            let follows = self.follows(act, &driver, record).await?;
            if follows.contains(&Follows::VersionGap) {
                comparison.view.gaps.push(GapView {
                    line: candidate.line,
                    known: driver.registry_version,
                    applied: record.version,
                });
            }
            comparison.changed.push(ChangedRecord {
                line: candidate.line,
                fields,
                follows,
            });
        } else {
            comparison.new = comparison.new.saturating_add(1);
        }
        comparison.taken(candidate, act);
        Ok(())
    }

    async fn follows(
        &self,
        act: &Act,
        driver: &Driver,
        record: &Record,
    ) -> Result<Vec<Follows>, Error> {
        let mut follows = Vec::new();
        let reasons = supersedes(&driver.record, record);
        if !reasons.is_empty() && self.store().current_e_licence(&driver.id).await?.is_some() {
            follows.push(Follows::ELicenceSuperseded {
                reasons: reason_codes(&reasons),
            });
        }
        let today = civil_date(act.now);
        let (from, to) = (
            effective(&driver.record, today).value,
            effective(record, today).value,
        );
        if from != to {
            follows.push(Follows::StatusChanges {
                from: from.as_str(),
                to: to.as_str(),
            });
        }
        let phone = |record: &Record| record.contact.as_ref().map(|one| one.phone.clone());
        if phone(&driver.record) != phone(record) {
            follows.push(Follows::ActivationByPhoneHeld);
        }
        if record.version > driver.registry_version.saturating_add(1) {
            follows.push(Follows::VersionGap);
        }
        Ok(follows)
    }

    /// Whether a record brings another photo than the one on file; one without says nothing of it.
    async fn other_photo(&self, candidate: &Candidate, driver: &Driver) -> Result<bool, Error> {
        let Some(photo) = &candidate.photo else {
            return Ok(false);
        };
        let Some(on_file) = &driver.photo else {
            return Ok(true);
        };
        let row = self.store().photo(on_file).await?;
        Ok(row.is_none_or(|row| row.meta.sha256 != sha256(photo.bytes())))
    }
}

impl Comparison {
    fn reject(&mut self, line: u64, reasons: Vec<crate::views::ReasonView>) {
        self.view.rejects.push(RejectView { line, reasons });
    }

    fn taken(&mut self, candidate: &Candidate, act: &Act) {
        self.view.imported = self.view.imported.saturating_add(1);
        let found = notes(&candidate.record, civil_date(act.now));
        self.view.notes.extend(found.iter().map(|note| NoteCount {
            code: note.code.to_owned(),
            zh: note.text.zh.to_string(),
            en: note.text.en.to_string(),
            count: 1,
            lines: vec![candidate.line],
        }));
    }
}

/// The fields in which two records differ, besides the version.
fn differing(old: &Record, new: &Record) -> Vec<String> {
    let fields = |record: &Record| -> BTreeMap<String, serde_json::Value> {
        match serde_json::to_value(record) {
            Ok(serde_json::Value::Object(map)) => map.into_iter().collect(),
            Ok(_) | Err(_) => BTreeMap::new(),
        }
    };
    let (old, new) = (fields(old), fields(new));
    let names = old
        .keys()
        .chain(new.keys().filter(|key| !old.contains_key(*key)));
    let mut differing: Vec<String> = names
        .filter(|name| *name != "version" && old.get(*name) != new.get(*name))
        .cloned()
        .collect();
    differing.sort_unstable();
    differing
}
