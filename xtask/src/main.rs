//! The project's own commands, run as `cargo xtask COMMAND`.
//!
//! Nothing here is part of the product: these are the checks, the tests, the
//! demo, the generated files and the figures, each as one command that also
//! installs what it needs.
#![forbid(unsafe_code)]

mod bench;
mod build;
mod check;
mod coverage;
mod demo;
mod docs;
mod files;
mod fuzz;
mod generate;
mod layering;
mod marks;
mod models;
mod setup;
mod sh;
mod sources;
mod test;
mod web;

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

use crate::sh::{Failure, say};

const USAGE: &str = "\
cargo xtask demo [--listen 127.0.0.1:8080] [--data DIR] [--no-web]   build and run the demo
cargo xtask test [--fast]      install what the tests need, run all of them
cargo xtask check              format, lints, layering, generated files, licences, docs
cargo xtask generate           write the generated files anew
cargo xtask bench [GROUP]      one line a figure
cargo xtask fuzz [TARGET] [--seconds N]   search for inputs that break a check
cargo xtask build              target/release/jiazhao
cargo xtask setup [--models]   install tools and packages
";

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let command = arguments.next();
    let rest: Vec<OsString> = arguments.collect();
    match dispatch(command.as_ref().and_then(|name| name.to_str()), &rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nothing is left to do when standard output is gone as well.
            drop(say(&failure.to_string()));
            ExitCode::from(failure.exit_code())
        }
    }
}

fn dispatch(command: Option<&str>, rest: &[OsString]) -> Result<(), Failure> {
    match command {
        Some("check") => no_arguments(rest).and_then(|()| check::run()),
        Some("test") => test::run(flag(rest, "--fast")?),
        Some("demo") => demo::run(rest),
        Some("generate") => no_arguments(rest).and_then(|()| generate::run()),
        Some("bench") => bench::run(rest),
        Some("fuzz") => fuzz::run(rest),
        Some("build") => no_arguments(rest).and_then(|()| build::run()),
        Some("setup") => setup::run(flag(rest, "--models")?),
        Some("help" | "--help" | "-h") => say(USAGE.trim_end()),
        Some(_) | None => Err(Failure::usage(USAGE)),
    }
}

fn no_arguments(rest: &[OsString]) -> Result<(), Failure> {
    if rest.is_empty() {
        Ok(())
    } else {
        Err(Failure::usage(USAGE))
    }
}

/// Whether the only argument that the command knows was given.
fn flag(rest: &[OsString], name: &str) -> Result<bool, Failure> {
    match rest {
        [] => Ok(false),
        [only] if only == name => Ok(true),
        _ => Err(Failure::usage(USAGE)),
    }
}
