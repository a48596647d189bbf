//! `fuzz`: looks for inputs that break a check, which takes a nightly compiler.
//!
//! Its corpora are replayed by ordinary tests, so that nothing of CI depends on it.

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use crate::setup;
use crate::sh::{self, Failure, say};

const DEFAULT_SECONDS: u32 = 60;

/// Runs one target, or each in turn, for so many seconds.
pub(crate) fn run(arguments: &[OsString]) -> Result<(), Failure> {
    let known = targets()?;
    let Some((chosen, seconds)) = parsed(arguments, &known) else {
        let known = known.join(", ");
        return Err(Failure::usage(format!(
            "cargo xtask fuzz [TARGET] [--seconds N]; the targets are: {known}"
        )));
    };
    if !has_nightly() {
        return say(
            "skipped: fuzzing takes a nightly compiler (`rustup toolchain install nightly`)",
        );
    }
    let program = setup::cargo_fuzz()?;
    for target in chosen {
        sh::run(
            Command::new(&program)
                .current_dir(sh::root())
                // It runs `cargo`, which shall be the nightly one.
                .env("RUSTUP_TOOLCHAIN", "nightly")
                .env_remove("CARGO")
                .args(["run", "--fuzz-dir", "fuzz", target, "--"])
                .arg(format!("-max_total_time={seconds}")),
        )?;
    }
    Ok(())
}

/// The names of the files in `fuzz/fuzz_targets`.
fn targets() -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for entry in fs::read_dir(sh::root().join("fuzz").join("fuzz_targets"))? {
        let name = entry?.file_name();
        let name = name.to_str().and_then(|it| it.strip_suffix(".rs"));
        names.extend(name.map(str::to_owned));
    }
    names.sort_unstable();
    Ok(names)
}

fn parsed<'a>(arguments: &[OsString], known: &'a [String]) -> Option<(&'a [String], u32)> {
    let mut chosen = known;
    let mut seconds = DEFAULT_SECONDS;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--seconds" {
            seconds = arguments.next()?.to_str()?.parse().ok()?;
        } else {
            let place = known.iter().position(|it| argument == it.as_str())?;
            chosen = known.get(place..=place)?;
        }
    }
    Some((chosen, seconds))
}

fn has_nightly() -> bool {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "rustc", "--version"]);
    command.output().is_ok_and(|output| output.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_and_a_time_are_read() {
        let known = ["a".to_owned(), "b".to_owned()];
        let read = |words: &[&str]| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            parsed(&words, &known).map(|(chosen, seconds)| (chosen.len(), seconds))
        };
        assert_eq!(read(&[]), Some((2, DEFAULT_SECONDS)));
        assert_eq!(read(&["b", "--seconds", "5"]), Some((1, 5)));
        assert_eq!(read(&["c"]), None);
        assert_eq!(read(&["--seconds"]), None);
        assert_eq!(read(&["--seconds", "x"]), None);
    }

    #[test]
    fn every_target_has_a_corpus() {
        for name in targets().unwrap() {
            let corpus = sh::root().join("fuzz").join("corpus").join(&name);
            assert!(fs::read_dir(corpus).unwrap().next().is_some(), "{name}");
        }
    }
}
