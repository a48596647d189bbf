//! `test`: installs what the tests need, runs them, and adds them up.

use std::io::{self, BufRead as _, BufReader, IsTerminal as _, PipeReader, Write as _};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use crate::models;
use crate::setup;
use crate::sh::{self, Failure, say};
use crate::web;

/// How many tests passed, failed and were ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
}

/// Runs the tests; `fast` leaves the slow kinds out. The last line is `N passed, N failed`.
pub(crate) fn run(fast: bool) -> Result<(), Failure> {
    setup::require_openssl()?;
    models::fetch()?;
    if !fast {
        setup::require_postgresql()?;
    }
    let mut tally = cargo_test(&["--no-fail-fast"], fast)?;
    if !fast {
        // What a feature of the binary adds, once; built beside the rest, so that little is built anew.
        setup::require_softhsm()?;
        let features = "jiazhao/image,jiazhao/pkcs11";
        let of_features = [
            "--features",
            features,
            "--test",
            "cli",
            "--",
            "picture",
            "in_a_token",
        ];
        tally.add_up(cargo_test(&of_features, fast)?);
    }
    let node = web::is_here()?;
    if node {
        tally.count(web::unit_tests()?);
    }
    if node && !fast {
        setup::require_browser()?;
        tally.count(web::browser_tests()?);
    }
    say("")?;
    if fast {
        say("left out: PostgreSQL, browser, features")?;
    } else if !node {
        say("left out: the web, for want of node")?;
    }
    if tally.total() == 0 {
        say("no test ran")?;
        tally.failed = 1;
    }
    if tally.ignored > 0 {
        say(&format!("{} ignored", tally.ignored))?;
    }
    let closing = format!("{} passed, {} failed", tally.passed, tally.failed);
    if tally.failed == 0 {
        say(&closing)
    } else {
        Err(Failure::new(closing))
    }
}

fn cargo_test(what: &[&str], fast: bool) -> Result<Tally, Failure> {
    let mut command = sh::cargo();
    command.args(["test", "--workspace", "--locked"]).args(what);
    if fast {
        // Read by testkit, which then skips what needs PostgreSQL.
        command.env("JIAZHAO_TEST_FAST", "1");
    } else {
        command.env_remove("JIAZHAO_TEST_FAST");
    }
    if io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    // One pipe for both streams keeps their lines in order.
    let (reader, writer) = io::pipe()?;
    command.stdin(Stdio::null());
    command.stdout(writer.try_clone()?).stderr(writer);
    let child = command
        .spawn()
        .map_err(|error| sh::could_not_start(&command, &error))?;
    // The command holds the pipe's writing end, which must close with the child's.
    drop(command);
    let (mut tally, status) = follow(child, reader)?;
    if !status.success() && tally.failed == 0 {
        // It did not compile, or a test's process died before it could count.
        say("cargo test failed without a failed test: see the errors above")?;
        tally.failed = 1;
    }
    Ok(tally)
}

enum News {
    Line(Vec<u8>),
    Ended(io::Result<ExitStatus>),
}

/// Passes lines on as they come and counts, until the child has ended.
fn follow(mut child: Child, reader: PipeReader) -> Result<(Tally, ExitStatus), Failure> {
    let (lines, news) = mpsc::channel();
    let ended = lines.clone();
    thread::spawn(move || send_lines(reader, &lines));
    thread::spawn(move || ended.send(News::Ended(child.wait())));
    let mut tally = Tally::default();
    let mut out = io::stdout().lock();
    let mut status = None;
    while let Some(item) = next(&news, status.is_some()) {
        match item {
            News::Line(line) => {
                out.write_all(&line)?;
                out.flush()?;
                tally.add(&String::from_utf8_lossy(&line));
            }
            News::Ended(outcome) => status = Some(outcome?),
        }
    }
    let status = status.ok_or_else(|| Failure::new("cargo test: lost sight of it"))?;
    Ok((tally, status))
}

/// After the child's end the rest of its output is at hand; a process that a
/// test left behind may still hold the pipe, and must not hold this program.
fn next(news: &Receiver<News>, ended: bool) -> Option<News> {
    if ended {
        news.recv_timeout(Duration::from_secs(2)).ok()
    } else {
        news.recv().ok()
    }
}

fn send_lines(reader: PipeReader, lines: &Sender<News>) {
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                if lines.send(News::Line(line)).is_err() {
                    return;
                }
            }
        }
    }
}

impl Tally {
    const fn total(self) -> u64 {
        self.passed + self.failed
    }

    fn add_up(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }

    fn count(&mut self, counts: web::Counts) {
        self.passed += counts.passed;
        self.failed += counts.failed;
        self.ignored += counts.skipped;
    }

    /// Counts a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; ...`;
    /// any other line counts nothing.
    fn add(&mut self, line: &str) {
        let Some(result) = line.trim().strip_prefix("test result: ") else {
            return;
        };
        for part in result.split(['.', ';']) {
            match part.trim().split_once(' ') {
                Some((count, "passed")) => self.passed += count.parse().unwrap_or(0),
                Some((count, "failed")) => self.failed += count.parse().unwrap_or(0),
                Some((count, "ignored")) => self.ignored += count.parse().unwrap_or(0),
                Some(_) | None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(output: &str) -> Tally {
        let mut tally = Tally::default();
        for line in output.lines() {
            tally.add(line);
        }
        tally
    }

    #[test]
    fn results_of_several_binaries_add_up() {
        let output = "\
running 3 tests
test a ... ok
test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.12s
   Doc-tests licence
test result: FAILED. 11 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.50s
";
        let expected = Tally {
            passed: 14,
            failed: 2,
            ignored: 1,
        };
        assert_eq!(tally(output), expected);
    }

    #[test]
    fn other_lines_count_nothing() {
        let output = "5 passed; 1 failed\nerror: test failed\nwarning: test result missing\n";
        assert_eq!(tally(output).total(), 0);
    }
}
