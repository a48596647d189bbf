//! The web workspace: what npm, vite, vitest and eslint do for the other commands. Nothing of the
//! product needs node to run, and a build without it leaves the pages out.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::sh::{self, Failure, say};

/// The oldest node that the tools run on.
const LEAST_NODE: (u32, u32) = (20, 19);

/// What the page that stands in place of the apps says as well.
const WITHOUT: &str = "node 20.19 or later and npm are not here: the web apps are left out";

/// How many tests passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

/// Whether node is here; says what follows where it is not.
pub(crate) fn is_here() -> Result<bool, Failure> {
    let here = sh::find_program("npm").is_some() && node().is_some_and(|it| it >= LEAST_NODE);
    if !here {
        say(WITHOUT)?;
    }
    Ok(here)
}

fn node() -> Option<(u32, u32)> {
    let output = Command::new("node").arg("--version").output().ok()?;
    version(&String::from_utf8(output.stdout).ok()?)
}

fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn folder() -> PathBuf {
    sh::root().join("web")
}

/// The packages as the lock file names them.
pub(crate) fn install() -> Result<(), Failure> {
    let lock = fs::read(folder().join("package-lock.json"))?;
    let stamp = folder().join("node_modules/.installed-lock");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    say("installing the web's packages")?;
    let mut npm = Command::new("npm");
    npm.current_dir(folder());
    sh::run(npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]))?;
    fs::write(stamp, lock)?;
    Ok(())
}

/// Builds the apps where node is here and something of them changed since.
pub(crate) fn build() -> Result<(), Failure> {
    if !is_here()? {
        return Ok(());
    }
    install()?;
    let built = fs::metadata(folder().join("dist/verify-sw.js")).and_then(|it| it.modified());
    if built.is_ok_and(|built| newest(&folder()).is_ok_and(|newest| newest <= built)) {
        return Ok(());
    }
    say("building the web apps")?;
    sh::run(&mut script("build.mjs"))
}

/// When a source of the workspace changed last.
fn newest(folder: &Path) -> io::Result<SystemTime> {
    let mut newest = SystemTime::UNIX_EPOCH;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == "node_modules" || name == "dist" {
            continue;
        }
        let changed = if entry.file_type()?.is_dir() {
            self::newest(&entry.path())?
        } else {
            entry.metadata()?.modified()?
        };
        newest = newest.max(changed);
    }
    Ok(newest)
}

/// Types and style of everything in the workspace.
pub(crate) fn check() -> Result<(), Failure> {
    if !is_here()? {
        return Ok(());
    }
    install()?;
    for project in [
        "tsconfig.json",
        "tsconfig.tools.json",
        "tsconfig.worker.json",
    ] {
        sh::run(tool("vue-tsc").args(["-p", project]))?;
    }
    sh::run(tool("eslint").args([".", "--max-warnings", "0"]))
}

/// Where the client's types are generated to.
pub(crate) const CLIENT: &str = "web/packages/api/src/schema.ts";

/// The client's types, from the API document that lies on disk; none without node.
pub(crate) fn client() -> Result<Option<String>, Failure> {
    if !is_here()? {
        return Ok(None);
    }
    install()?;
    let output = sh::stdout_of(tool("openapi-typescript").args([
        "../docs/openapi.json",
        "--root-types",
        "--root-types-no-schema-prefix",
        "--alphabetize",
    ]))?;
    match String::from_utf8(output) {
        Ok(types) => Ok(Some(types)),
        Err(_other) => Err(Failure::new("openapi-typescript wrote no text")),
    }
}

/// The tests that need no browser.
pub(crate) fn unit_tests() -> Result<Counts, Failure> {
    install()?;
    vitest("vitest.config.ts", "unit")
}

/// The tests in a browser, against a demonstration of this very build.
pub(crate) fn browser_tests() -> Result<Counts, Failure> {
    build()?;
    sh::run(sh::cargo().args(["build", "--locked", "--package", "jiazhao"]))?;
    vitest("vitest.e2e.config.ts", "browser")
}

fn vitest(config: &str, name: &str) -> Result<Counts, Failure> {
    let report = sh::root().join(format!("target/vitest-{name}.json"));
    // A report of an earlier run must not count.
    if report.exists() {
        fs::remove_file(&report)?;
    }
    let mut output = std::ffi::OsString::from("--outputFile.json=");
    output.push(&report);
    let outcome = sh::run(
        tool("vitest")
            .args(["run", "--config", config])
            .args(["--reporter=default", "--reporter=json"])
            .arg(output),
    );
    let mut counts = fs::read(&report)
        .ok()
        .and_then(|report| counted(&report))
        .unwrap_or_default();
    // It ended badly and no test says so: a file did not load, or the server did not start.
    if outcome.is_err() && counts.failed == 0 {
        say("vitest failed without a failed test: see the errors above")?;
        counts.failed = 1;
    }
    Ok(counts)
}

fn counted(report: &[u8]) -> Option<Counts> {
    let report: serde_json::Value = serde_json::from_slice(report).ok()?;
    let count = |name| report.get(name).and_then(serde_json::Value::as_u64);
    Some(Counts {
        passed: count("numPassedTests")?,
        failed: count("numFailedTests")?,
        skipped: count("numPendingTests")?,
    })
}

fn tool(name: &str) -> Command {
    let mut command = Command::new(folder().join("node_modules/.bin").join(name));
    command.current_dir(folder());
    command
}

fn script(name: &str) -> Command {
    let mut command = Command::new("node");
    command
        .current_dir(folder())
        .arg(folder().join("scripts").join(name));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_node_tells_them() {
        assert_eq!(version("v20.20.2\n"), Some((20, 20)));
        assert!(version("v20.9.0").unwrap() < LEAST_NODE);
        assert!(version("v22.1.0").unwrap() > LEAST_NODE);
        assert_eq!(version("20.1"), None);
    }

    #[test]
    fn reports_are_counted() {
        let report =
            br#"{"numPassedTests": 7, "numFailedTests": 1, "numPendingTests": 2, "x": []}"#;
        let expected = Counts {
            passed: 7,
            failed: 1,
            skipped: 2,
        };
        assert_eq!(counted(report), Some(expected));
        assert_eq!(counted(b"{}"), None);
    }
}
