//! Registry records from a file: read line by line, handed over in batches.
//!
//! While one batch is written, the next is planned and the one after it read. Memory does not grow
//! with the file. What a run has handed over stays, so that one that was
//! interrupted is run again: what is in already is unchanged.

pub mod compare;
pub mod mapping;
mod photos;
mod report;

use std::io::{self, BufRead};

use authority::{Act, Delivery, Examined, Planned};
use licence::{RegistryLine, civil_date, notes, registry_line::MAX_LINE};
use tokio::{runtime::Handle, sync::mpsc, task};

use crate::{app::App, failure::Failure, lines::BoundedLines};
pub(crate) use photos::read_within;
pub use photos::{PhotoFolder, Unreadable};
pub use report::{RejectedField, RejectedRecord, Summary};

/// Records handed over at once.
const BATCH_RECORDS: usize = 6144;
/// Bytes of lines and photos in a batch, besides the last line; three batches are under way.
const BATCH_BYTES: usize = 16 << 20;

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
    let (batches, examined) = mpsc::channel(1);
    let (plans, mut planned) = mpsc::channel(1);
    let reading = task::spawn_blocking({
        let (app, runtime) = (app.clone(), Handle::current());
        move || read(&app, &runtime, input, &photos, &batches)
    });
    let planning = task::spawn(plan(app.clone(), examined, plans));
    let mut summary = Summary::default();
    while let Some((mut act, batch)) = planned.recv().await {
        let view = app.authority().write_delivery(&mut act, batch).await?;
        summary.add(&view);
        for reject in &view.rejects {
            rejected(RejectedRecord::from(reject))?;
        }
    }
    planning.await.map_err(io::Error::other)??;
    reading.await.map_err(io::Error::other)??;
    Ok(summary)
}

/// Plans each batch while the one before is written.
async fn plan(
    app: App,
    mut examined: mpsc::Receiver<(Act, Examined)>,
    plans: mpsc::Sender<(Act, Planned)>,
) -> Result<(), Failure> {
    // A place for the plan is taken before the batch is, so that no more than one batch is at each
    // step. Nobody gives one any more after a failure, which is told by whoever received.
    while let Ok(place) = plans.reserve().await {
        let Some((mut act, batch)) = examined.recv().await else {
            break;
        };
        let planned = app.authority().plan_delivery(&mut act, batch).await?;
        place.send((act, planned));
    }
    Ok(())
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

/// Reads and examines batch after batch while those before are planned and written.
fn read(
    app: &App,
    runtime: &Handle,
    input: impl BufRead,
    photos: &PhotoFolder,
    batches: &mpsc::Sender<(Act, Examined)>,
) -> Result<(), Failure> {
    let mut lines = BoundedLines::new(input, MAX_LINE);
    // As with plans: nobody gives a place any more after a failure.
    while let Ok(place) = runtime.block_on(batches.reserve()) {
        let batch = next_batch(&mut lines, photos)?;
        if batch.is_empty() {
            break;
        }
        let act = app.act("import");
        let examined = app.authority().examine_delivery(&act, batch)?;
        place.send((act, examined));
    }
    Ok(())
}

fn next_batch(
    lines: &mut BoundedLines<impl BufRead>,
    photos: &PhotoFolder,
) -> io::Result<Vec<Delivery>> {
    let mut batch = Vec::new();
    let mut bytes = 0_usize;
    while batch.len() < BATCH_RECORDS && bytes < BATCH_BYTES {
        let Some(line) = lines.next()? else {
            break;
        };
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
    }
    Ok(batch)
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}
