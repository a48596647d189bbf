//! Importing, in a process of its own, whose memory is then the import's.

use std::{
    env,
    fs::{self, File},
    io::{BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use jiazhao::import::{self, PhotoFolder};
use tempfile::TempDir;

use crate::{
    figure::{Failed, rate},
    platform,
    postgres::Engine,
};

/// The argument by which this program calls itself.
pub(crate) const CHILD: &str = "--import-child";

/// What came of an import.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Imported {
    pub(crate) records: u64,
    pub(crate) seconds: f64,
    /// The most memory that was resident, in MB.
    pub(crate) peak_memory: f64,
}

impl Imported {
    pub(crate) fn per_second(&self) -> f64 {
        rate(
            self.records,
            std::time::Duration::from_secs_f64(self.seconds),
        )
    }
}

/// Imports a file into an empty database.
pub(crate) fn into_empty(engine: &Engine, file: &Path) -> Result<Imported, Failed> {
    let folder = TempDir::new()?;
    let url = match engine {
        Engine::Sqlite => String::new(),
        Engine::PostgreSql(server) => server.database(),
    };
    let child = Command::new(env::current_exe()?)
        .arg(CHILD)
        .arg(folder.path())
        .arg(url)
        .arg(file)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8(child.stdout)?;
    let told: Vec<&str> = text.split_whitespace().collect();
    let ([records, seconds, kib], true) = (told.as_slice(), child.status.success()) else {
        return Err(Failed::new("the import ended early"));
    };
    let kib: f64 = kib.parse()?;
    Ok(Imported {
        records: records.parse()?,
        seconds: seconds.parse()?,
        peak_memory: kib * 1024.0 / 1e6,
    })
}

/// What the process of its own does: opens the platform on an empty folder, imports the file as
/// `registry import` does, and tells records, seconds and KiB.
pub(crate) async fn child(data: &str, url: &str, file: &str) -> Result<(), Failed> {
    let url = Some(url).filter(|url| !url.is_empty());
    let app = platform::open(Path::new(data), url).await?;
    let path = Path::new(file);
    let photos = PhotoFolder::beside(path)?;
    let input = BufReader::with_capacity(1 << 20, File::open(path)?);
    let started = Instant::now();
    let summary = import::import(&app, input, photos, |_| Ok(())).await?;
    let seconds = started.elapsed().as_secs_f64();
    app.close().await;
    if summary.rejected > 0 {
        return Err(Failed::new("a made-up record was rejected"));
    }
    let memory = peak_memory_kib()?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{} {seconds} {memory}", summary.imported)?;
    Ok(())
}

fn peak_memory_kib() -> Result<u64, Failed> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    let number = number.ok_or_else(|| Failed::new("the system does not tell VmHWM"))?;
    Ok(number.parse()?)
}
