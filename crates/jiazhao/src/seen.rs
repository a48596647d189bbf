//! The newest checkpoint of the audit that this node has seen, in a file outside the database: a
//! database that was set back does not hold it any more.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use authority::Error;
use jiff::{SignedDuration, Timestamp};

use crate::{app::App, failure::Failure, key_files};

/// How far the clock may be behind the newest checkpoint at the start. Nodes of one database differ
/// by less; time then goes on from the checkpoint.
const BEHIND: SignedDuration = SignedDuration::from_mins(1);
/// Longer than any checkpoint.
const MAX_BYTES: u64 = 1 << 20;

/// Remembers the newest checkpoint of the database.
///
/// # Errors
/// When the database cannot be read or the file not be written.
pub async fn note(app: &App) -> Result<(), Error> {
    let Some(newest) = app.authority().store().newest_checkpoint().await? else {
        return Ok(());
    };
    let path = app.seen_file().to_owned();
    let document = newest.document;
    let written = tokio::task::spawn_blocking(move || {
        if fs::read_to_string(&path).is_ok_and(|known| known.trim_end() == document) {
            return Ok(());
        }
        write(&path, &document)
    })
    .await;
    match written {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            tracing::warn!(path = %app.seen_file().display(), %error, "cannot be written");
            Err(Error::Internal(
                "the newest checkpoint cannot be remembered",
            ))
        }
        Err(_ended) => Err(Error::Internal("a blocking task ended early")),
    }
}

/// Replaces the file, so that a crash leaves the one or the other.
fn write(path: &Path, document: &str) -> io::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    key_files::private_folder(folder)?;
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    writeln!(file, "{document}")?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(folder)?.sync_all()
}

/// Refuses a database that does not hold what this node has seen in it.
///
/// # Errors
/// `database-set-back`; when the file or the database cannot be read.
pub async fn expect_known(app: &App) -> Result<(), Failure> {
    let path = app.seen_file();
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::new("file-unreadable", "无法读取文件", "The file cannot be read")
            .about(format!("{}: {error}", path.display()))
    };
    match fs::metadata(path) {
        Ok(found) if found.len() > MAX_BYTES => return Err(unreadable(&"too long")),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unreadable(&error)),
    }
    let seen = fs::read_to_string(path).map_err(|error| unreadable(&error))?;
    if app.authority().holds_checkpoint(&seen).await? {
        return Ok(());
    }
    Err(Failure::new(
        "database-set-back",
        "数据库被回退：本节点见过的审计检查点已不在其中。请先查明原因（见运维手册），确认后以 --accept-rollback 启动",
        "The database was set back: it does not hold the checkpoint that this node has seen. Find out why (see the operations manual), then start with --accept-rollback",
    )
    .about(path.display()))
}

/// The instant before which time must not begin here, unless the clock is so far behind it that
/// something is wrong.
///
/// # Errors
/// `clock-behind`; when the database cannot be read.
pub async fn floor(app: &App, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
    let newest = app.authority().store().newest_checkpoint().await?;
    let Some(at) = newest.map(|newest| newest.at) else {
        return Ok(None);
    };
    if at.duration_since(now) <= BEHIND {
        return Ok(Some(at));
    }
    Err(Failure::new(
        "clock-behind",
        "系统时钟早于数据库中最新的审计检查点。请先校准时钟；如此前的时钟有误，以 --accept-clock 启动",
        "The clock is behind the newest checkpoint in the database. Set it right; if it was wrong before, start with --accept-clock",
    )
    .about(format!("clock {now}, checkpoint {at}")))
}
