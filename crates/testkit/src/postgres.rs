//! A throw-away PostgreSQL: no TCP port, in a folder of its own, gone when the test process is.
//!
//! A small shell script is its guard: it holds the read end of a pipe from the test process and
//! stops the server and removes its folder once the pipe closes, which the kernel sees to however
//! the process ends.

use std::{
    env,
    io::{self, BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// Set by `cargo xtask test --fast`: PostgreSQL is left out.
const FAST: &str = "JIAZHAO_TEST_FAST";
const GUARD: &str = include_str!("postgres.sh");

/// Whether a commit reaches the disk before it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It does: for tests that kill the server.
    Durable,
    /// It does not: quick, for all others.
    Fast,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    guard: Child,
    programs: PathBuf,
    folder: String,
    databases: AtomicU32,
}

impl Server {
    /// The server that all tests of this process share, started with the first call. None when
    /// `JIAZHAO_TEST_FAST` is set; that is said once on standard error.
    ///
    /// # Panics
    /// As [`Server::start`].
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Server>> = OnceLock::new();
        SHARED
            .get_or_init(|| {
                if env::var_os(FAST).is_some() {
                    writeln!(io::stderr(), "left out: PostgreSQL").expect("standard error");
                    return None;
                }
                Some(Self::start(Durability::Fast))
            })
            .as_ref()
    }

    /// Starts a server.
    ///
    /// # Panics
    /// When PostgreSQL is not installed or does not start.
    #[must_use]
    pub fn start(durability: Durability) -> Self {
        let programs = programs();
        let mut guard = as_the_servers_user("sh")
            .args(["-c", GUARD, "postgres-guard"])
            .arg(&programs)
            .arg(match durability {
                Durability::Durable => "on",
                Durability::Fast => "off",
            })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A Ctrl-C for the tests must not stop the guard before it has cleaned up.
            .process_group(0)
            .spawn()
            .expect("sh (and, for root, runuser) starts");
        let mut answer = String::new();
        BufReader::new(guard.stdout.take().expect("a pipe from the guard"))
            .read_line(&mut answer)
            .expect("the guard answers");
        let Some(folder) = answer.trim_end().strip_prefix("ready ") else {
            panic!("PostgreSQL does not start: {}", answer.trim_end());
        };
        Self {
            guard,
            programs,
            folder: folder.to_owned(),
            databases: AtomicU32::new(0),
        }
    }

    /// Makes an empty database and answers its URL.
    ///
    /// # Panics
    /// When the server refuses.
    #[must_use]
    pub fn database(&self) -> String {
        self.create("template0")
    }

    /// Makes a copy of the database at `url`, to which nobody may be connected.
    ///
    /// # Panics
    /// When `url` is not of this server or the server refuses.
    #[must_use]
    pub fn copy_of(&self, url: &str) -> String {
        assert!(url.ends_with(&self.folder), "a database of another server");
        let name = url.split(['/', '?']).nth(3);
        self.create(name.expect("a URL made by this server"))
    }

    /// The folder that holds the server's files and socket.
    #[must_use]
    pub fn folder(&self) -> &Path {
        Path::new(&self.folder)
    }

    fn create(&self, template: &str) -> String {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let made = Command::new(self.programs.join("psql"))
            .args(["-h", &self.folder, "-p", "5432", "-U", "postgres"])
            .args(["-X", "-q", "-d", "postgres", "-c"])
            .arg(format!("CREATE DATABASE {name} TEMPLATE {template}"))
            .stdin(Stdio::null())
            .output()
            .expect("psql starts");
        assert!(
            made.status.success(),
            "CREATE DATABASE: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        format!(
            "postgres://postgres@localhost:5432/{name}?sslmode=disable&host={}",
            self.folder
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // Whether it ended well no longer matters to the test.
        self.guard.wait().ok();
    }
}

/// The folder that holds `initdb`, `pg_ctl`, `postgres` and `psql`.
fn programs() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).collect();
    // Debian keeps the server's programs out of PATH, one folder for each version.
    if let Ok(versions) = Path::new("/usr/lib/postgresql").read_dir() {
        let mut found: Vec<PathBuf> = versions
            .filter_map(Result::ok)
            .map(|version| version.path().join("bin"))
            .collect();
        found.sort();
        folders.extend(found.into_iter().rev());
    }
    folders
        .into_iter()
        .find(|folder| {
            ["initdb", "pg_ctl", "postgres", "psql"]
                .iter()
                .all(|program| folder.join(program).is_file())
        })
        .unwrap_or_else(|| {
            panic!(
                "PostgreSQL's server programs are missing: apt-get install postgresql \
                 (or set {FAST} to leave these tests out)"
            )
        })
}

/// PostgreSQL refuses to run as root, which is who tests are in many a container.
fn as_the_servers_user(program: &str) -> Command {
    if runs_as_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", program]);
        command
    } else {
        Command::new(program)
    }
}

fn runs_as_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|answer| answer.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits up to 20 s for `path` to disappear.
    fn gone(path: &str) -> bool {
        let script = r#"for _ in $(seq 200); do [ -e "$1" ] || exit 0; sleep 0.1; done; exit 1"#;
        Command::new("sh")
            .args(["-c", script, "sh", path])
            .status()
            .unwrap()
            .success()
    }

    #[test]
    fn a_database_is_made_and_copied() {
        let Some(server) = Server::shared() else {
            return;
        };
        let first = server.database();
        let second = server.copy_of(&first);
        assert_ne!(first, second);
        for url in [first, second] {
            let answer = Command::new(server.programs.join("psql"))
                .args(["-X", "-t", "-A", "-c", "SHOW listen_addresses", "-d"])
                .arg(&url)
                .output()
                .unwrap();
            assert!(answer.status.success(), "{answer:?}");
            assert_eq!(answer.stdout.trim_ascii(), b"");
        }
    }

    #[test]
    fn a_dropped_server_leaves_nothing() {
        if env::var_os(FAST).is_some() {
            return;
        }
        let server = Server::start(Durability::Durable);
        let folder = server.folder.clone();
        assert!(server.folder().join(".s.PGSQL.5432").exists());
        drop(server);
        assert!(!Path::new(&folder).exists());
    }

    #[test]
    fn a_killed_process_leaves_nothing() {
        if env::var_os(FAST).is_some() {
            return;
        }
        let mut victim = Command::new(env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture"])
            .arg("postgres::tests::starts_a_server_and_waits_to_be_killed")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let folder = BufReader::new(victim.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap)
            .find_map(|line| line.split_once("folder ").map(|(_, rest)| rest.to_owned()))
            .unwrap();
        assert!(Path::new(&folder).exists());
        victim.kill().unwrap();
        victim.wait().unwrap();
        assert!(gone(&folder));
    }

    #[test]
    #[ignore = "the process that a_killed_process_leaves_nothing starts and kills"]
    fn starts_a_server_and_waits_to_be_killed() {
        let server = Server::start(Durability::Fast);
        println!("folder {}", server.folder);
        let mut line = String::new();
        io::stdin().read_line(&mut line).unwrap();
    }
}
