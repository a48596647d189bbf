//! `verify-batch-file`: what `jiazhao verify --batch` makes of a file of credentials, beside the rate at
//! which the crate under it verifies their signatures. This program is the command for it.

use std::{
    env,
    fs::{self, File},
    io::{BufWriter, Write as _},
    process::{Command, Stdio},
    time::Instant,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use credential::{SignedTrustList, SoftwareSigner, Suite};
use jiff::Timestamp;
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::{
    figure::{Failed, Rounds, children_time, note, rate},
    sm2_credentials::{NOW, credentials, trust},
};

/// Where this is set, this program is the platform's command line.
pub(crate) const AS_COMMAND: &str = "JIAZHAO_BENCH_AS_COMMAND";

const NAME: &str = "verify-batch-file";
const LINES: u32 = 100_000;

/// A file of credentials and the trust list against which they are checked.
pub(crate) struct BatchFile {
    folder: TempDir,
    at: Timestamp,
}

impl BatchFile {
    /// Makes both.
    pub(crate) fn make() -> Result<Self, Failed> {
        let folder = TempDir::new()?;
        let signer = SoftwareSigner::from_secret(&Suite::sm2(), Zeroizing::new([0x44; 32]))?;
        let list: SignedTrustList = trust(&signer)?;
        fs::write(folder.path().join("trust.json"), list.to_json())?;
        let texts: Vec<String> = credentials(&signer)?
            .iter()
            .map(|credential| URL_SAFE_NO_PAD.encode(credential))
            .collect();
        let mut file = BufWriter::new(File::create(folder.path().join("credentials"))?);
        for text in texts.iter().cycle().take(usize::try_from(LINES)?) {
            writeln!(file, "{text}")?;
        }
        file.flush()?;
        Ok(Self {
            folder,
            at: Timestamp::from_second(NOW)?,
        })
    }

    /// Runs the command once; its start is part of what it takes.
    pub(crate) fn round(&self, rounds: &mut Rounds) -> Result<(), Failed> {
        let (before, began) = (children_time()?, Instant::now());
        let done = Command::new(env::current_exe()?)
            .env(AS_COMMAND, "1")
            .current_dir(self.folder.path())
            .args(["verify", "--batch", "credentials", "--trust", "trust.json"])
            .args(["--at", &self.at.to_string()])
            .stdin(Stdio::null())
            .output()?;
        let wall = began.elapsed();
        let answer = String::from_utf8(done.stdout)?;
        // Nobody asks for their status, so that none is checked to the end.
        let all = format!("checked {LINES}, authentic {LINES}, failed 0, unchecked {LINES}");
        if answer.trim() != all {
            return Err(Failed::new(format!("the command said: {}", answer.trim())));
        }
        let took = children_time()?.saturating_sub(before);
        rounds.add(NAME, rate(u64::from(LINES), took));
        rounds.add(WALL, rate(u64::from(LINES), wall));
        Ok(())
    }
}

const WALL: &str = "verify-batch-file/wall";

/// Beside the crate's rate in the same rounds.
pub(crate) fn tell(rounds: &Rounds) -> Result<(), Failed> {
    note(&format!(
        "{NAME}: {LINES} credentials in base64url a line, a second of processor time of all threads; by the wall {:.0}/s",
        rounds.median(WALL).unwrap_or_default()
    ));
    rounds.tell(NAME, "1/s", &["sm2-verify-batch"])
}
