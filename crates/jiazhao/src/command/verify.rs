//! `jiazhao verify`: offline, with nothing but a trust list.

mod batch;

use std::path::{Path, PathBuf};

use clap::Args;
use credential::{Answer, SignedTrustList, check_credential, verify::Summary};
use jiff::Timestamp;
use serde_json::json;

use super::{Context, say};
use crate::{failure::Failure, import::read_within};

/// Larger than any credential or trust list that would be believed.
const MAX_FILE: usize = 2 << 20;

#[derive(Debug, Args)]
pub(super) struct Verify {
    #[command(flatten)]
    what: What,
    /// The exported trust list
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// As of this instant [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// A credential file
    #[arg(long, value_name = "FILE")]
    credential: Option<PathBuf>,
    /// A file of credentials, one a line in base64url: one line of answer for each that fails
    #[arg(long, value_name = "FILE")]
    batch: Option<PathBuf>,
}

impl Verify {
    pub(super) fn run(&self, context: &Context) -> Result<u8, Failure> {
        let at = self.at.unwrap_or_else(|| context.ambient.clock.now());
        let trust = read(&self.trust)?;
        let refused = |reason: credential::Reason| {
            let credential::Reason { code, zh, en } = reason;
            Failure::new(code, zh, en).about(self.trust.display())
        };
        let trust = SignedTrustList::from_json(&trust)
            .map_err(|malformed| refused(malformed.reason()))?
            .verify(None)
            .map_err(|refusal| refused(refusal.reason()))?;
        if let Some(file) = &self.what.batch {
            return batch::verify(file, &trust, at, self.json);
        }
        let Some(credential) = &self.what.credential else {
            let (zh, en) = ("未指定核验对象", "Nothing to verify was named");
            return Err(Failure::new("nothing-to-verify", zh, en));
        };
        let credential = read(credential)?;
        let answer = check_credential(&credential, &trust, at);
        if self.json {
            say(&json!(answer).to_string())?;
        } else {
            say(&told(&answer))?;
        }
        Ok(answer.exit_code())
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

/// The answer for people: each fact by itself.
fn told(answer: &Answer) -> String {
    let yes = |fact: bool| if fact { "yes" } else { "no" };
    let mut lines = vec![
        format!("真实 authentic     {}", yes(answer.authentic)),
        format!("当面 fresh         {}", yes(answer.fresh)),
        format!("状态 status        {}", word(&json!(answer.status))),
        format!("本人 person        {}", word(&json!(answer.person))),
    ];
    if let Some(by) = &answer.by {
        let (issuer, suite, key) = (&by.issuer, &by.suite, &by.key_id);
        lines.push(format!("签发 signed by     {issuer} ({suite} {key})"));
    }
    if let Some(licence) = &answer.licence {
        lines.extend(licence_lines(licence));
    }
    for reason in &answer.reasons {
        lines.push(format!("- {}: {} {}", reason.code, reason.zh, reason.en));
    }
    lines.join("\n")
}

fn licence_lines(licence: &Summary) -> [String; 5] {
    let until = licence
        .valid_until
        .map_or_else(|| "长期".to_owned(), |date| date.to_string());
    [
        format!("姓名 name          {}", licence.name),
        format!("证号 number        {}", licence.licence_number),
        format!("准驾车型 classes   {}", licence.classes.join(" ")),
        format!("有效期限 validity  {} - {until}", licence.valid_from),
        format!(
            "发证机关 authority {}",
            licence
                .authority_name
                .as_ref()
                .unwrap_or(&licence.authority_code)
        ),
    ]
}

fn word(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_default()
}
