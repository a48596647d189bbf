#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests: what cannot be set up ends the test"
)]
//! The command line as a script uses it: arguments in, exit code and lines out.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

use credential::{SoftwareSigner, Suite};
use jiazhao::demo::people::{Person, population};
use jiff::civil::{Date, date};
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use tempfile::TempDir;

mod backup;
mod calibration;
mod case_file;
mod codes;
mod crash;
mod full;
mod gateway;
mod identity;
mod import;
mod index_key;
mod key_files;
mod keys;
mod large_import;
mod mapping;
mod newcomer;
mod peer;
mod portrait;
mod sessions;
mod set_back;
mod status;
#[cfg(feature = "pkcs11")]
mod token;
mod trust_changes;
mod verify;
mod witness;

const TODAY: Date = date(2026, 2, 28);

struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    fn last_line(&self) -> &str {
        self.out.lines().last().unwrap_or_default()
    }
}

/// A data folder and what is run on it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// The same, for its owner only.
    fn write_private(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.write(name, content);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let output: Output = Command::new(env!("CARGO_BIN_EXE_jiazhao"))
            .args(["--data", &self.path("data")])
            .args(arguments)
            .output()
            .unwrap();
        Run {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn people(count: u64) -> Vec<Person> {
    population(count, TODAY).collect()
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn config_check_prints_what_applies() {
    let folder = Folder::new();
    let run = folder.run(&["config", "check"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("server.listen = 127.0.0.1:8080"));
    assert!(run.out.contains("issuer.suites = SM2-SM3 ES256"));
}

#[test]
fn config_check_names_every_unknown_key_with_its_line() {
    let folder = Folder::new();
    let file = folder.write("a.toml", "[server]\nlisen = 1\n\n[databse]\nurl = \"x\"\n");
    let run = folder.run(&["config", "check", "--config", &file]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("a.toml:2: server.lisen: "), "{}", run.err);
    assert!(run.err.contains("a.toml:4: databse: "), "{}", run.err);
}

#[test]
fn config_check_names_what_is_wrong_with_the_machine() {
    let folder = Folder::new();
    let file = folder.write("a.toml", "[server]\nlisten = \"0.0.0.0:80\"\n");
    folder.write("data/jiazhao.sqlite", "");
    let run = folder.run(&["config", "check", "--config", &file]);
    assert_eq!(run.code, 1);
    assert!(
        run.err.contains("key-missing") && run.err.contains("not-https"),
        "{}",
        run.err
    );
}

#[test]
fn unknown_arguments_could_not_run() {
    let folder = Folder::new();
    assert_eq!(folder.run(&["serve", "--frobnicate"]).code, 2);
    assert_eq!(folder.run(&["demo", "--drivers", "3"]).code, 2);
    assert_eq!(folder.run(&["--help"]).code, 0);
}

/// The main job over HTTP: SC-10, SC-15, SC-30, SC-31, SC-40, SC-41, SC-42 and SC-43 in one walk,
/// twice in one folder.
#[test]
fn sc_30_the_walk_meets_what_it_expects_every_time() {
    let folder = Folder::new();
    for _ in 0..2 {
        let run = folder.run(&["demo", "--walk", "--drivers", "200"]);
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
        assert!(run.last_line().starts_with("all 32 steps as expected in "));
        assert!(!run.out.contains("FAILED"));
    }
}
