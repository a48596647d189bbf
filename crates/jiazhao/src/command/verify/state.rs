//! What a verifier remembers between two runs, in a file.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use credential::Memory;

use super::MAX_FILE;
use crate::failure::Failure;

/// The memory and its file, where one was named.
pub(super) struct State {
    memory: Memory,
    file: Option<PathBuf>,
}

impl State {
    /// A file that is there and cannot be read ends the command: starting afresh would forget which
    /// codes were shown, and which trust list is the latest.
    pub(super) fn open(file: Option<&Path>) -> Result<Self, Failure> {
        let memory = match file.map(|file| (file, file.try_exists())) {
            None | Some((_, Ok(false))) => Memory::default(),
            Some((file, _)) => {
                let json = crate::import::read_within(file, MAX_FILE);
                let memory = json.and_then(|json| Memory::from_json(&json).ok());
                memory.ok_or_else(|| unusable(file))?
            }
        };
        let file = file.map(Path::to_owned);
        Ok(Self { memory, file })
    }

    pub(super) fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }

    /// Replaces the file, so that a crash leaves the one or the other.
    pub(super) fn keep(&self) -> Result<(), Failure> {
        let Some(path) = &self.file else {
            return Ok(());
        };
        let written = || -> io::Result<()> {
            let new = path.with_extension("new");
            let mut file = File::create(&new)?;
            writeln!(file, "{}", self.memory.to_json())?;
            file.sync_all()?;
            fs::rename(&new, path)
        };
        written().map_err(|error| {
            let (zh, en) = ("无法写入文件", "The file cannot be written");
            let about = format!("{}: {error}", path.display());
            Failure::new("file-unwritable", zh, en).about(about)
        })
    }
}

fn unusable(file: &Path) -> Failure {
    let credential::Reason { code, zh, en } = credential::Malformed::NotVerifierState.reason();
    Failure::new(code, zh, en).about(file.display())
}
