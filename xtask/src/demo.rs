//! `demo`: the platform with synthetic drivers, quickly.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;

use crate::sh::{self, Failure, say};
use crate::web;

/// Becomes `cargo run`, which becomes the demo itself, so that signals and the
/// exit code are the demo's own. Returns only if that fails.
pub(crate) fn run(arguments: &[OsString]) -> Result<(), Failure> {
    let without = ["--no-web", "--walk"];
    if !arguments.iter().any(|it| without.iter().any(|no| it == no)) {
        // The platform is worth showing without its pages, too.
        if let Err(failure) = web::build() {
            say(&format!("the web apps could not be built: {failure}"))?;
        }
    }
    let mut command = sh::cargo();
    // The data folder is the caller's, not the repository root's.
    if let Ok(here) = std::env::current_dir() {
        command.current_dir(here);
    }
    command.arg("run").arg("--manifest-path");
    command.arg(sh::root().join("Cargo.toml"));
    command.args(["--locked", "--profile", "demo", "--package", "jiazhao"]);
    command.args(["--bin", "jiazhao", "--", "demo"]);
    command.args(arguments);
    let error = command.exec();
    Err(sh::could_not_start(&command, &error))
}
