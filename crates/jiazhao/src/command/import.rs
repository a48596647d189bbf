//! `jiazhao registry import`

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use authority::ChangedRecord;
use clap::Subcommand;

use super::{Context, say, tell};
use crate::{
    failure::Failure,
    import::{
        self, PhotoFolder, RejectedRecord, Summary,
        compare::{Diff, compare},
        mapping::{MappedRows, Mapping},
    },
};

/// Rejected records told on standard error where no file takes them.
const TOLD: u64 = 20;

#[derive(Debug, Subcommand)]
pub(super) enum RegistryCommand {
    /// Import records, one JSON object a line: 0 all imported, 1 some rejected, 2 could not run
    Import {
        /// The file
        file: PathBuf,
        /// Where each rejected record is named, written anew
        #[arg(long, value_name = "FILE")]
        rejects: Option<PathBuf>,
        /// How the columns of an export become records: a mapping file, or `gat`, which is built in
        #[arg(long, value_name = "MAP")]
        mapping: Option<PathBuf>,
        /// Say what would change, and write nothing; without a database yet the records are only
        /// read and judged
        #[arg(long)]
        dry_run: bool,
        /// Where a dry run names each record that would change a driver, with the fields and what
        /// would follow, written anew
        #[arg(long, value_name = "FILE", requires = "dry_run")]
        diff: Option<PathBuf>,
    },
}

/// Where rejected records go.
enum Rejects {
    File(BufWriter<File>),
    StandardError { told: u64 },
}

impl RegistryCommand {
    pub(super) async fn run(&self, context: &Context) -> Result<u8, Failure> {
        let Self::Import {
            file,
            rejects,
            mapping,
            dry_run,
            diff,
        } = self;
        let input = File::open(file).map_err(|error| unreadable(file, &error))?;
        let photos = PhotoFolder::beside(file).map_err(|error| unreadable(file, &error))?;
        let mut input: Box<dyn BufRead + Send> = Box::new(BufReader::with_capacity(1 << 20, input));
        let rejects = Shared::new(Rejects::open(file, rejects.as_deref())?);
        if let Some(mapping) = mapping {
            let mapping = Mapping::load(mapping)?;
            let rows = MappedRows::open(input, mapping, rejects.for_rows())?;
            input = Box::new(BufReader::new(rows));
        }
        let mut summary = if *dry_run {
            let changes = Changes::open(file, diff.as_deref())?;
            dry_run_of(context, input, &photos, &rejects, changes).await?
        } else {
            let (_, app) = context.open().await?;
            let outcome = import::import(&app, input, photos, |record| rejects.take(&record)).await;
            app.close().await;
            outcome?
        };
        summary.rejected = summary.rejected.saturating_add(rejects.finish()?);
        tell_summary(&summary)?;
        let Summary {
            imported,
            unchanged,
            rejected,
            ..
        } = summary;
        say(&format!(
            "imported {imported}, unchanged {unchanged}, rejected {rejected}"
        ))?;
        Ok(u8::from(rejected > 0))
    }
}

/// Where a dry run names what would change.
struct Changes(Option<BufWriter<File>>);

impl Changes {
    fn open(input: &Path, path: Option<&Path>) -> Result<Self, Failure> {
        let file = path.map(|path| written_anew(input, path)).transpose()?;
        Ok(Self(file.map(BufWriter::new)))
    }

    fn take(&mut self, record: &ChangedRecord) -> io::Result<()> {
        match &mut self.0 {
            Some(file) => writeln!(file, "{}", serde_json::to_string(record)?),
            None => Ok(()),
        }
    }

    fn finish(self) -> io::Result<()> {
        self.0.map_or(Ok(()), |mut file| file.flush())
    }
}

async fn dry_run_of(
    context: &Context,
    input: impl BufRead,
    photos: &PhotoFolder,
    rejects: &Shared,
    mut changes: Changes,
) -> Result<Summary, Failure> {
    let config = context.config()?;
    let rejected = |record| rejects.take(&record);
    // A database that is not there yet is not made to be compared with.
    if config.sqlite_file().is_some_and(|file| !file.exists()) {
        let now = context.ambient.clock.now();
        let summary = import::examine(now, input, photos, rejected)?;
        changes.finish()?;
        let readable = summary.readable;
        say(&format!(
            "dry run: {readable} can be read, nothing was written"
        ))?;
        return Ok(summary);
    }
    let (_, app) = context.open().await?;
    let compared = compare(&app, input, photos, rejected, |record| changes.take(record)).await;
    app.close().await;
    changes.finish()?;
    let Diff {
        summary,
        new,
        changed,
        superseded,
        status_changes,
        phones,
    } = compared?;
    say(&format!(
        "dry run: new {new}, changed {changed}, of them e-licences superseded {superseded}, \
         status changes {status_changes}, activations by phone held {phones}; nothing was written"
    ))?;
    Ok(summary)
}

/// The rejects, to which both the reader of rows and the import add. Records that the rows reject
/// are told when they are read, those that the import rejects when they were judged.
#[derive(Clone)]
struct Shared(Arc<Mutex<(Rejects, u64)>>);

impl Shared {
    fn new(rejects: Rejects) -> Self {
        Self(Arc::new(Mutex::new((rejects, 0))))
    }

    fn for_rows(&self) -> impl FnMut(RejectedRecord) -> io::Result<()> + Send + use<> {
        let shared = self.clone();
        move |record| {
            let mut inner = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
            inner.1 = inner.1.saturating_add(1);
            inner.0.take(&record)
        }
    }

    fn take(&self, record: &RejectedRecord) -> io::Result<()> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.0.take(record)
    }

    /// Answers how many rows were no records.
    fn finish(&self) -> Result<u64, Failure> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.0.finish()?;
        Ok(inner.1)
    }
}

impl Rejects {
    fn open(input: &Path, path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else {
            return Ok(Self::StandardError { told: 0 });
        };
        let file = written_anew(input, path)?;
        Ok(Self::File(BufWriter::new(file)))
    }

    fn take(&mut self, record: &RejectedRecord) -> io::Result<()> {
        let line = serde_json::to_string(record)?;
        match self {
            Self::File(file) => writeln!(file, "{line}"),
            Self::StandardError { told } => {
                *told = told.saturating_add(1);
                if *told <= TOLD {
                    writeln!(io::stderr().lock(), "rejected {line}")?;
                }
                Ok(())
            }
        }
    }

    fn finish(&mut self) -> Result<(), Failure> {
        match self {
            Self::File(file) => file.flush()?,
            Self::StandardError { told } if *told > TOLD => {
                let more = told.saturating_sub(TOLD);
                tell(&format!("and {more} more: --rejects FILE names them all"))?;
            }
            Self::StandardError { .. } => {}
        }
        Ok(())
    }
}

/// Makes a file anew, unless it is the one that is imported.
fn written_anew(input: &Path, path: &Path) -> Result<File, Failure> {
    let same = match (input.canonicalize(), path.canonicalize()) {
        (Ok(input), Ok(path)) => input == path,
        (Ok(_) | Err(_), _) => false,
    };
    if same {
        return Err(Failure::new(
            "rejects-is-input",
            "输出文件不得与导入文件相同",
            "The file to write must not be the file that is imported",
        )
        .about(path.display()));
    }
    File::create(path).map_err(|error| {
        Failure::new(
            "file-unwritable",
            "无法写入文件",
            "The file cannot be written",
        )
        .about(format!("{}: {error}", path.display()))
    })
}

fn tell_summary(summary: &Summary) -> Result<(), Failure> {
    let text = summary.to_string();
    if text.is_empty() {
        return Ok(());
    }
    tell(text.trim_end())
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new("file-unreadable", "无法读取文件", "The file cannot be read")
        .about(format!("{}: {error}", path.display()))
}
