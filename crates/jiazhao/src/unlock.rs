//! Where passphrase and wrapping key come from: a file, which may be a descriptor (`/dev/fd/3`) or
//! a credential of the service manager, or a terminal; never the command line or the environment,
//! which other programs can read.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// What opens protected key files. Cloning shares what was read: a descriptor is read once.
#[derive(Clone, Default)]
pub struct Unlock {
    /// Where the passphrase is read; a terminal is asked where there is none.
    pub passphrase_file: Option<PathBuf>,
    /// The key that protects others.
    pub wrapping_file: Option<PathBuf>,
    known: Arc<OnceLock<Zeroizing<String>>>,
}

/// Longer than any passphrase.
const MOST: u64 = 1024;

impl fmt::Debug for Unlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unlock")
            .field("passphrase_file", &self.passphrase_file)
            .field("wrapping_file", &self.wrapping_file)
            .finish_non_exhaustive()
    }
}

impl Unlock {
    /// What these files hold.
    #[must_use]
    pub fn new(passphrase_file: Option<PathBuf>, wrapping_file: Option<PathBuf>) -> Self {
        Self {
            passphrase_file,
            wrapping_file,
            known: Arc::default(),
        }
    }

    /// The passphrase.
    ///
    /// # Errors
    /// When its file cannot be read or is open to others, or there is neither file nor terminal.
    pub fn passphrase(&self) -> Result<Zeroizing<String>, Failure> {
        if let Some(known) = self.known.get() {
            return Ok(known.clone());
        }
        let passphrase = match &self.passphrase_file {
            Some(file) => read(file)?,
            None => ask("Passphrase of the key files (密钥文件口令): ")?,
        };
        Ok(self.known.get_or_init(|| passphrase).clone())
    }
}

/// The first line of a file.
///
/// # Errors
/// When it cannot be read, is empty, or a file that others can read.
pub fn read(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let unreadable = |error: io::Error| {
        Failure::new(
            "passphrase-unreadable",
            "无法读取口令文件",
            "The passphrase file cannot be read",
        )
        .about(format!("{}: {error}", path.display()))
    };
    let file = File::open(path).map_err(unreadable)?;
    let meta = file.metadata().map_err(unreadable)?;
    if meta.is_file() && meta.permissions().mode() & 0o007 != 0 {
        return Err(Failure::new(
            "passphrase-open-to-others",
            "口令文件可被其他用户读取",
            "Other users can read the passphrase file",
        )
        .about(path.display()));
    }
    first_line(file).map_err(unreadable)
}

/// Asks on the terminal, without showing what is typed.
///
/// # Errors
/// When there is no terminal.
pub fn ask(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let none = |error: io::Error| {
        Failure::new(
            "passphrase-missing",
            "密钥文件受口令保护：请用 --passphrase-file 提供口令",
            "A key file is protected by a passphrase: give it by --passphrase-file",
        )
        .about(error)
    };
    let terminal = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .map_err(none)?;
    let hidden = Hidden::new(&terminal).map_err(none)?;
    (&terminal).write_all(prompt.as_bytes()).map_err(none)?;
    let line = first_line(&terminal).map_err(none)?;
    drop(hidden);
    (&terminal).write_all(b"\n").map_err(none)?;
    Ok(line)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden<'t> {
    terminal: &'t File,
    before: Termios,
}

impl<'t> Hidden<'t> {
    fn new(terminal: &'t File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing any more.
        tcsetattr(self.terminal, OptionalActions::Flush, &self.before).unwrap_or_default();
    }
}

fn first_line(from: impl io::Read) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::with_capacity(256));
    BufReader::new(from.take(MOST)).read_line(&mut line)?;
    let text = line.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is empty"));
    }
    Ok(Zeroizing::new(text.to_owned()))
}
