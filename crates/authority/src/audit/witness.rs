//! The witness: a copy of the checkpoints outside the database, one a line.
//!
//! Whoever can write to the database can set it back, or write it anew with the signing keys; what
//! lies where they cannot write shows it.

use std::{
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use tokio::{
    fs::File,
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
};

use super::{
    checkpoint::Checkpoint,
    report::{AuditFault, AuditFinding},
    walk::Stop,
};
use crate::{Error, refusal};

/// Bytes of a line that are read. One with all 257 heads has a third of it.
const MAX_LINE: u64 = 1 << 16;

/// The lines of a witness file, in order.
#[derive(Debug)]
pub(super) struct Lines {
    reader: BufReader<File>,
    line: u64,
    newest: u64,
    ahead: Option<Checkpoint>,
}

impl Lines {
    pub(super) async fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path)
            .await
            .map_err(|error| failed(path, &error))?;
        Ok(Self {
            reader: BufReader::new(file),
            line: 0,
            newest: 0,
            ahead: None,
        })
    }

    /// The next checkpoint, without taking it.
    pub(super) async fn peek(&mut self) -> Result<Option<&Checkpoint>, Stop> {
        if self.ahead.is_none() {
            self.ahead = self.read().await?;
        }
        Ok(self.ahead.as_ref())
    }

    pub(super) fn take(&mut self) -> Option<Checkpoint> {
        self.ahead.take()
    }

    /// The line that was read last is not what it should be.
    pub(super) fn damaged(&self) -> Stop {
        AuditFinding {
            line: Some(self.line),
            ..AuditFinding::new(AuditFault::WitnessDamaged)
        }
        .into()
    }

    async fn read(&mut self) -> Result<Option<Checkpoint>, Stop> {
        let mut bytes = Vec::new();
        let mut limited = (&mut self.reader).take(MAX_LINE);
        if let Err(error) = limited.read_until(b'\n', &mut bytes).await {
            tracing::warn!(%error, "the witness cannot be read");
            return Err(Stop::Failed(refusal::WITNESS_FAILED.into()));
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        self.line = self.line.saturating_add(1);
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let checkpoint = Checkpoint::parse(text).ok_or_else(|| self.damaged())?;
        if checkpoint.statement.number <= self.newest {
            return Err(self.damaged());
        }
        self.newest = checkpoint.statement.number;
        Ok(Some(checkpoint))
    }
}

/// The end of a witness file that is being written.
#[derive(Debug)]
pub(super) struct Tail {
    file: std::fs::File,
    /// Where its last whole line ends. What follows is the rest of a line that was cut short, by a
    /// crash or a full disk, and is written anew.
    end: u64,
    pub(super) newest: Option<Checkpoint>,
}

impl Tail {
    /// Opens `path`, making it where it is missing, and reads its last line. Blocks.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        Self::read(path)
            .map_err(|error| failed(path, &error))?
            .ok_or_else(|| refusal::WITNESS_AHEAD.into())
    }

    fn read(path: &Path) -> io::Result<Option<Self>> {
        let mut file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let length = file.metadata()?.len();
        let start = length.saturating_sub(2 * MAX_LINE);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        (&mut file).take(2 * MAX_LINE).read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        let whole = bytes.get(..whole.unwrap_or(0)).unwrap_or_default();
        let rest = bytes.len().saturating_sub(whole.len().saturating_add(1));
        if whole.is_empty() {
            // No whole line: a new file, the rest of a first line, or something else.
            let ours = start == 0 && bytes.first().is_none_or(|byte| *byte == b'{');
            return Ok(ours.then_some(Self {
                file,
                end: 0,
                newest: None,
            }));
        }
        let last = whole.rsplit(|byte| *byte == b'\n').next();
        let text = last.and_then(|line| std::str::from_utf8(line).ok());
        let newest = text.and_then(Checkpoint::parse);
        let end = length.saturating_sub(u64::try_from(rest).unwrap_or(u64::MAX));
        Ok(newest.map(|newest| Self {
            file,
            end,
            newest: Some(newest),
        }))
    }

    /// Adds lines and waits until they are on the disk. Blocks.
    pub(super) fn append(&mut self, lines: &[String]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
        }
        if self.file.metadata()?.len() > self.end {
            self.file.set_len(self.end)?;
        }
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&bytes)?;
        self.file.sync_all()?;
        let written = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.end = self.end.saturating_add(written);
        Ok(())
    }
}

pub(super) fn failed(path: &Path, error: &io::Error) -> Error {
    tracing::warn!(witness = %path.display(), %error, "the witness cannot be read or written");
    refusal::WITNESS_FAILED.into()
}
