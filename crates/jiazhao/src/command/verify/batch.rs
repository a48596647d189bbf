//! A file of credentials and codes, checked at the rate of batches on every core.

use std::{
    fs::File,
    io::{self, BufReader, IsTerminal as _, Write as _},
    path::Path,
    thread,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use credential::{
    Answer, NumericCode, Reason, check_code, check_credentials, code::PREFIX, verify::Outcome,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::Against;
use crate::{
    failure::Failure,
    lines::{BoundedLines, Line},
};

/// Longer than any credential in base64url.
const LONGEST: usize = credential::cwt::MAX_CREDENTIAL * 4 / 3 + 4;
/// Credentials that a thread checks together.
const BATCH: usize = 1_024;

const NOT_BASE64: Reason = Reason {
    code: "not-base64url",
    zh: "不是二维码文本，也不是 base64url 编码的电子凭证",
    en: "the line is neither a code nor a credential in base64url",
};

/// What came of the file so far.
#[derive(Debug, Default)]
struct Tally {
    checked: u64,
    authentic: u64,
    failed: u64,
    unchecked: u64,
}

/// Checks every line; tells those that fail, or with `json` every answer. Exit code 1 if any failed,
/// 2 if any could not be checked to the end, 0 otherwise.
pub(super) fn verify(path: &Path, against: &Against, as_json: bool) -> Result<u8, Failure> {
    let unreadable = |_error: io::Error| {
        let (zh, en) = ("无法读取文件", "The file cannot be read");
        Failure::new("file-unreadable", zh, en).about(path.display())
    };
    let file = File::open(path).map_err(unreadable)?;
    let progress = progress(file.metadata().map_err(unreadable)?.len());
    let mut lines = BoundedLines::new(BufReader::with_capacity(1 << 20, file), LONGEST);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut tally = Tally::default();
    loop {
        let mut read = Vec::with_capacity(threads * BATCH);
        while read.len() < threads * BATCH
            && let Some(line) = lines.next().map_err(unreadable)?
        {
            if !line.bytes.is_empty() {
                read.push(line);
            }
        }
        if read.is_empty() {
            break;
        }
        let answers = on_every_core(&read, against);
        progress.suspend(|| tell(&read, &answers, as_json, &mut tally))?;
        progress.inc(read.iter().map(length).sum());
    }
    progress.finish_and_clear();
    let Tally {
        checked,
        authentic,
        failed,
        unchecked,
    } = tally;
    super::say(&format!(
        "checked {checked}, authentic {authentic}, failed {failed}, unchecked {unchecked}"
    ))?;
    Ok(match (failed, unchecked) {
        (1.., _) => 1,
        (0, 1..) => 2,
        (0, 0) => 0,
    })
}

/// Shown on a terminal only.
fn progress(bytes: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {percent}% {bytes}/{total_bytes} {eta}");
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The bytes of a line with its end.
fn length(line: &Line) -> u64 {
    u64::try_from(line.bytes.len())
        .unwrap_or(u64::MAX)
        .saturating_add(1)
}

/// The answers in the order of the lines; `None` for a line that is neither code nor base64url.
fn on_every_core(lines: &[Line], against: &Against) -> Vec<Option<Answer>> {
    thread::scope(|scope| {
        let work = |lines| scope.spawn(move || one_batch(lines, against));
        let threads: Vec<_> = lines.chunks(BATCH).map(work).collect();
        let joined = threads.into_iter().flat_map(|thread| {
            let answers = thread.join();
            answers.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        joined.collect()
    })
}

/// What stands in a line.
enum Shown<'a> {
    Code(&'a str),
    Credential(Vec<u8>),
    Neither,
}

fn one_batch(lines: &[Line], against: &Against) -> Vec<Option<Answer>> {
    let Against { trust, lists, at } = against;
    let shown: Vec<_> = lines.iter().map(shown).collect();
    let credentials = shown.iter().filter_map(|it| match it {
        Shown::Credential(bytes) => Some(bytes),
        Shown::Code(_) | Shown::Neither => None,
    });
    let credentials: Vec<_> = credentials.collect();
    let mut answers = check_credentials(&credentials, trust, *at).into_iter();
    let in_order = shown.iter().map(|it| match it {
        Shown::Credential(_) => answers.next(),
        // The lines are no checks one after the other, so none makes another a repetition.
        Shown::Code(code) => Some(check_code(code, trust, lists, None, *at)),
        Shown::Neither => None,
    });
    in_order.collect()
}

fn shown(line: &Line) -> Shown<'_> {
    let bytes = line.bytes.strip_suffix(b"\r").unwrap_or(&line.bytes);
    match str::from_utf8(bytes) {
        Ok(text) if text.starts_with(PREFIX) || NumericCode::parse(text).is_ok() => {
            Shown::Code(text)
        }
        Ok(_) | Err(_) => URL_SAFE_NO_PAD
            .decode(bytes)
            .map_or(Shown::Neither, Shown::Credential),
    }
}

fn tell(
    lines: &[Line],
    answers: &[Option<Answer>],
    as_json: bool,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for (line, answer) in lines.iter().zip(answers) {
        let outcome = answer.as_ref().map_or(Outcome::Failed, Answer::outcome);
        let failed = outcome == Outcome::Failed;
        tally.checked += 1;
        tally.authentic += u64::from(answer.as_ref().is_some_and(|answer| answer.authentic));
        tally.failed += u64::from(failed);
        tally.unchecked += u64::from(outcome == Outcome::Unchecked);
        let number = line.number;
        let reasons = match answer {
            Some(answer) => answer.reasons.as_slice(),
            None => &[NOT_BASE64],
        };
        if as_json {
            writeln!(
                out,
                "{}",
                json!({"line": number, "answer": answer, "reasons": reasons})
            )?;
        } else if failed {
            for Reason { code, zh, en } in reasons {
                writeln!(out, "line {number}: {code}: {zh} {en}")?;
            }
        }
    }
    Ok(())
}
