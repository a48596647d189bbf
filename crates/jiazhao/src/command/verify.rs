//! `jiazhao verify`: offline, with nothing but a trust list and status lists that were fetched before.

mod batch;
mod export;
mod lists;
#[cfg(feature = "image")]
mod picture;
mod state;
mod told;

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use clap::Args;
use credential::{Answer, StatusSource, VerifiedTrustList, check_code, check_credential};
use jiff::Timestamp;
use serde_json::json;

use self::state::State;
use super::{Context, say, trusted::Trusted};
use crate::{failure::Failure, import::read_within};

/// Larger than any credential that would be believed.
const MAX_FILE: usize = 2 << 20;

#[derive(Debug, Args)]
pub(super) struct Verify {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    trust: Trusted,
    /// A folder of status lists, <number>.cwt or <number>.jwt each
    #[arg(long, value_name = "DIR")]
    status: Option<PathBuf>,
    /// What this verifier remembers: the latest trust list and the codes of the last minutes; made
    /// where it is missing
    #[arg(long, value_name = "FILE", conflicts_with = "batch")]
    state: Option<PathBuf>,
    /// As of this instant [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
    /// Also write there what the issuer signed, the signature and the key, for another program to check
    #[arg(long, value_name = "DIR", conflicts_with = "batch")]
    export_signature: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// A code's text, as a scanner reads it
    #[arg(value_name = "CODE")]
    code: Option<String>,
    /// A picture of a code's QR symbol: JPEG, PNG or WebP
    #[cfg(feature = "image")]
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// A credential file
    #[arg(long, value_name = "FILE")]
    credential: Option<PathBuf>,
    /// A file of credentials in base64url and of codes, one a line: one line of answer for each that
    /// fails
    #[arg(long, value_name = "FILE")]
    batch: Option<PathBuf>,
}

/// Against what something is checked.
struct Against {
    trust: VerifiedTrustList,
    lists: StatusSource,
    at: Timestamp,
}

impl Verify {
    pub(super) fn run(&self, context: &Context) -> Result<u8, Failure> {
        let trust = self.trust.list()?;
        let lists = self.status.as_deref();
        let against = Against {
            lists: lists.map_or_else(
                || Ok(StatusSource::default()),
                |folder| lists::read(folder, &trust),
            )?,
            trust,
            at: self.at.unwrap_or_else(|| context.ambient.clock.now()),
        };
        if let Some(file) = &self.what.batch {
            return batch::verify(file, &against, self.json);
        }
        let mut state = State::open(self.state.as_deref())?;
        let answer = self.answer(&against, &mut state)?;
        state.keep()?;
        if self.json {
            say(&json!(answer).to_string())?;
        } else {
            say(&told::answer(&answer))?;
        }
        Ok(answer.exit_code())
    }

    fn answer(&self, against: &Against, state: &mut State) -> Result<Answer, Failure> {
        let Against { trust, lists, at } = against;
        if let Some(file) = &self.what.credential {
            let credential = read(file)?;
            if let Some(folder) = &self.export_signature {
                export::credential(&credential, trust, folder)?;
            }
            let answer = check_credential(&credential, trust, *at);
            return Ok(state.memory().judge(trust, answer));
        }
        let code = self.what.code().unwrap_or_else(|| {
            let (zh, en) = ("未指定核验对象", "Nothing to verify was named");
            Err(Failure::new("nothing-to-verify", zh, en))
        })?;
        if let Some(folder) = &self.export_signature {
            export::code(&code, trust, folder)?;
        }
        Ok(check_code(&code, trust, lists, Some(state.memory()), *at))
    }
}

impl What {
    /// The code's text, typed or read from a picture; nothing where neither was given.
    fn code(&self) -> Option<Result<Cow<'_, str>, Failure>> {
        #[cfg(feature = "image")]
        if let Some(file) = &self.image {
            return Some(picture::code(file).map(Cow::Owned));
        }
        self.code.as_deref().map(|text| Ok(Cow::Borrowed(text)))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    read_within(path, MAX_FILE).ok_or_else(|| {
        Failure::new(
            "file-unreadable",
            "无法读取文件或文件过大",
            "The file cannot be read or is too large",
        )
        .about(path.display())
    })
}
