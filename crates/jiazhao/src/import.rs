//! Registry records from a file: read line by line, handed over in batches.
//!
//! Memory does not grow with the file. What a run has handed over stays, so that one that was
//! interrupted is run again: what is in already is unchanged.

pub mod compare;
pub mod mapping;
mod photos;
mod report;

use std::io::{self, BufRead};

use authority::Delivery;
use licence::{RegistryLine, civil_date, notes, registry_line::MAX_LINE};
use tokio::{sync::mpsc, task};

use crate::{app::App, failure::Failure, lines::BoundedLines};
pub(crate) use photos::read_within;
pub use photos::{PhotoFolder, Unreadable};
pub use report::{RejectedField, RejectedRecord, Summary};

/// Records handed over at once.
const BATCH_RECORDS: usize = 4096;
/// Bytes of lines and photos held at once, besides the last line.
const BATCH_BYTES: usize = 64 << 20;

/// Imports everything that `input` holds and tells each rejected record to `rejected`, in the order
/// of the lines.
///
/// # Errors
/// When the file cannot be read, the rejects cannot be written, or the store fails.
pub async fn import(
    app: &App,
    input: impl BufRead + Send + 'static,
    photos: PhotoFolder,
    mut rejected: impl FnMut(RejectedRecord) -> io::Result<()>,
) -> Result<Summary, Failure> {
    let (batches, mut next) = mpsc::channel(1);
    let reader = task::spawn_blocking(move || read(input, &photos, &batches));
    let mut summary = Summary::default();
    while let Some(batch) = next.recv().await {
        let mut act = app.act("import");
        let view = app.authority().deliver(&mut act, batch).await?;
        summary.add(&view);
        for reject in &view.rejects {
            rejected(RejectedRecord::from(reject))?;
        }
    }
    match reader.await {
        Ok(outcome) => outcome?,
        Err(error) => return Err(io::Error::other(error).into()),
    }
    Ok(summary)
}

/// Reads records as an import would, and writes nothing. What only the database knows (versions,
/// numbers that are another driver's) is not judged.
///
/// # Errors
/// When the file cannot be read or the rejects cannot be written.
pub fn examine(
    now: jiff::Timestamp,
    input: impl BufRead,
    photos: &PhotoFolder,
    mut rejected: impl FnMut(RejectedRecord) -> io::Result<()>,
) -> Result<Summary, Failure> {
    let today = civil_date(now);
    let mut lines = BoundedLines::new(input, MAX_LINE);
    let mut summary = Summary::default();
    while let Some(line) = lines.next()? {
        if is_blank(&line.bytes) {
            continue;
        }
        let outcome = RegistryLine::parse(&line.bytes);
        let problems = match &outcome {
            Ok(parsed) => photos.problem(parsed.photo.as_ref()).into_iter().collect(),
            Err(problems) => problems.iter().map(RejectedField::from).collect(),
        };
        match outcome {
            Ok(parsed) if Vec::is_empty(&problems) => {
                summary.readable(line.number, &notes(&parsed.record, today));
            }
            Ok(_) | Err(_) => {
                summary.rejected = summary.rejected.saturating_add(1);
                rejected(RejectedRecord {
                    line: line.number,
                    reasons: problems,
                })?;
            }
        }
    }
    Ok(summary)
}

fn read(
    input: impl BufRead,
    photos: &PhotoFolder,
    batches: &mpsc::Sender<Vec<Delivery>>,
) -> io::Result<()> {
    let mut lines = BoundedLines::new(input, MAX_LINE);
    let mut batch = Vec::new();
    let mut bytes = 0_usize;
    while let Some(line) = lines.next()? {
        if is_blank(&line.bytes) {
            continue;
        }
        let mut delivery = Delivery::from_line(line.number, &line.bytes);
        bytes = bytes.saturating_add(line.bytes.len());
        if let Some(path) = delivery.photo_path() {
            let photo = photos.read(path);
            bytes = bytes.saturating_add(photo.as_ref().map_or(0, Vec::len));
            delivery.set_photo(photo.map_err(|_unreadable| ()));
        }
        batch.push(delivery);
        if batch.len() >= BATCH_RECORDS || bytes >= BATCH_BYTES {
            bytes = 0;
            // Nobody receives any more after a failure, which is told by whoever received.
            if batches.blocking_send(std::mem::take(&mut batch)).is_err() {
                return Ok(());
            }
        }
    }
    if !batch.is_empty() && batches.blocking_send(batch).is_err() {
        tracing::debug!("the import ended before the file did");
    }
    Ok(())
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}
