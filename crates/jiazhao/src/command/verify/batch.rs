//! A file of credentials and codes, checked at the rate of batches on every core.
//!
//! Every core has a thread of its own for the whole file, since a thread keeps what it needs to verify a batch. Batches
//! go to them in turn and come back in that order, while this thread reads on.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufReader, IsTerminal as _, Write as _},
    path::Path,
    sync::mpsc::{Receiver, Sender, channel},
    thread::{self, Scope},
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

/// Batches that wait for each thread or are under way, so that none waits for the file.
const AHEAD: usize = 2;

/// What came of some lines.
#[derive(Debug, Default)]
struct Tally {
    bytes: u64,
    checked: u64,
    authentic: u64,
    failed: u64,
    unchecked: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.checked = self.checked.saturating_add(other.checked);
        self.authentic = self.authentic.saturating_add(other.authentic);
        self.failed = self.failed.saturating_add(other.failed);
        self.unchecked = self.unchecked.saturating_add(other.unchecked);
    }

    fn exit_code(&self) -> u8 {
        match (self.failed, self.unchecked) {
            (1.., _) => 1,
            (0, 1..) => 2,
            (0, 0) => 0,
        }
    }
}

/// What is to be told of a batch, and what to count.
struct Judged {
    text: Vec<u8>,
    tally: Tally,
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
    let mut total = Tally::default();
    let mut tell = |judged: &Judged| -> Result<(), Failure> {
        if !judged.text.is_empty() {
            progress.suspend(|| io::stdout().lock().write_all(&judged.text))?;
        }
        progress.inc(judged.tally.bytes);
        total.add(&judged.tally);
        Ok(())
    };
    thread::scope(|scope| {
        let count = thread::available_parallelism().map_or(1, usize::from);
        let checkers: Vec<_> = (0..count)
            .map(|_| Checker::start(scope, against, as_json))
            .collect();
        let mut under_way = VecDeque::new();
        for checker in checkers.iter().cycle() {
            let batch = read_batch(&mut lines).map_err(unreadable)?;
            let at_the_end = batch.is_empty();
            if !at_the_end {
                under_way.push_back(checker);
                checker.take(batch);
            }
            while under_way.len() > if at_the_end { 0 } else { AHEAD * count }
                && let Some(judged) = under_way.pop_front().and_then(Checker::judged)
            {
                tell(&judged)?;
            }
            if at_the_end {
                break;
            }
        }
        Ok::<_, Failure>(())
    })?;
    progress.finish_and_clear();
    let Tally {
        checked,
        authentic,
        failed,
        unchecked,
        ..
    } = total;
    super::say(&format!(
        "checked {checked}, authentic {authentic}, failed {failed}, unchecked {unchecked}"
    ))?;
    Ok(total.exit_code())
}

/// The next lines that hold something; none at the end.
fn read_batch(lines: &mut BoundedLines<BufReader<File>>) -> io::Result<Vec<Line>> {
    let mut batch = Vec::with_capacity(BATCH);
    while batch.len() < BATCH
        && let Some(line) = lines.next()?
    {
        if !line.bytes.is_empty() {
            batch.push(line);
        }
    }
    Ok(batch)
}

/// A thread that judges batches, in the order in which it gets them.
struct Checker {
    batches: Sender<Vec<Line>>,
    judged: Receiver<Judged>,
}

impl Checker {
    fn start<'s>(scope: &'s Scope<'s, '_>, against: &'s Against, as_json: bool) -> Self {
        let (batches, to_check) = channel::<Vec<Line>>();
        let (answers, judged) = channel();
        scope.spawn(move || {
            for lines in to_check {
                // Nobody waits any more where telling has failed.
                if answers.send(judge(&lines, against, as_json)).is_err() {
                    break;
                }
            }
        });
        Self { batches, judged }
    }

    fn take(&self, lines: Vec<Line>) {
        // A thread that is gone has panicked, which the scope passes on.
        self.batches.send(lines).ok();
    }

    /// Its next answer; none where the thread has panicked.
    fn judged(&self) -> Option<Judged> {
        self.judged.recv().ok()
    }
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

/// What stands in a line.
enum Shown<'a> {
    Code(&'a str),
    Credential(Vec<u8>),
    Neither,
}

/// The answers in the order of the lines; `None` for a line that is neither code nor base64url.
fn answers(lines: &[Line], against: &Against) -> Vec<Option<Answer>> {
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

fn judge(lines: &[Line], against: &Against, as_json: bool) -> Judged {
    let mut text = Vec::new();
    let mut tally = Tally::default();
    for (line, answer) in lines.iter().zip(answers(lines, against)) {
        let outcome = answer.as_ref().map_or(Outcome::Failed, Answer::outcome);
        tally.bytes += length(line);
        tally.checked += 1;
        tally.authentic += u64::from(answer.as_ref().is_some_and(|answer| answer.authentic));
        tally.failed += u64::from(outcome == Outcome::Failed);
        tally.unchecked += u64::from(outcome == Outcome::Unchecked);
        if as_json || outcome == Outcome::Failed {
            // Memory takes whatever is written.
            tell(&mut text, line.number, answer.as_ref(), as_json).ok();
        }
    }
    Judged { text, tally }
}

fn tell(out: &mut Vec<u8>, number: u64, answer: Option<&Answer>, as_json: bool) -> io::Result<()> {
    let reasons = answer.map_or(&[NOT_BASE64][..], |answer| answer.reasons.as_slice());
    if as_json {
        let told = json!({"line": number, "answer": answer, "reasons": reasons});
        return writeln!(out, "{told}");
    }
    for Reason { code, zh, en } in reasons {
        writeln!(out, "line {number}: {code}: {zh} {en}")?;
    }
    Ok(())
}
