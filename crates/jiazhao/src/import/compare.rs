//! The dry run over a database that is there: what would change, and nothing is written.

use std::io::{self, BufRead};

use authority::{ChangedRecord, Follows};
use licence::registry_line::MAX_LINE;

use super::{
    PhotoFolder, next_batch,
    report::{RejectedRecord, Summary},
};
use crate::{app::App, failure::Failure, lines::BoundedLines};

/// What an import would change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// What would come of it; nothing was imported.
    pub summary: Summary,
    /// Drivers who are not known yet.
    pub new: u64,
    /// Drivers who would change.
    pub changed: u64,
    /// E-licences that would be superseded.
    pub superseded: u64,
    /// Drivers whose effective status would be another.
    pub status_changes: u64,
    /// Drivers whose phone number would be another.
    pub phones: u64,
}

/// Compares everything that `input` holds with the database, tells each rejected record to
/// `rejected` and each that would change a driver to `changed`.
///
/// # Errors
/// When the file cannot be read, what is told cannot be written, or the store fails.
pub async fn compare(
    app: &App,
    input: impl BufRead,
    photos: &PhotoFolder,
    mut rejected: impl FnMut(RejectedRecord) -> io::Result<()>,
    mut changed: impl FnMut(&ChangedRecord) -> io::Result<()>,
) -> Result<Diff, Failure> {
    let mut lines = BoundedLines::new(input, MAX_LINE);
    let mut diff = Diff::default();
    loop {
        let batch = next_batch(&mut lines, photos)?;
        if batch.is_empty() {
            diff.summary.imported = 0;
            return Ok(diff);
        }
        let act = app.act("import-dry-run");
        let found = app.authority().compare(&act, batch).await?;
        diff.summary.add(&found.view);
        for reject in &found.view.rejects {
            rejected(RejectedRecord::from(reject))?;
        }
        diff.new = diff.new.saturating_add(found.new);
        for record in &found.changed {
            diff.count(record);
            changed(record)?;
        }
    }
}

impl Diff {
    fn count(&mut self, record: &ChangedRecord) {
        self.changed = self.changed.saturating_add(1);
        for follows in &record.follows {
            let counter = match follows {
                Follows::ELicenceSuperseded { .. } => &mut self.superseded,
                Follows::StatusChanges { .. } => &mut self.status_changes,
                Follows::ActivationByPhoneHeld => &mut self.phones,
                // Told with the other oddities.
                Follows::VersionGap => continue,
            };
            *counter = counter.saturating_add(1);
        }
    }
}
