//! `jiazhao seal reindex` and `retire-index`: the index key changes by commands.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use super::*;

const PEOPLE: u64 = 60;

#[test]
fn sc_63_another_index_key_is_taken_into_use_on_sqlite() {
    changes_the_key("");
}

#[test]
fn sc_63_another_index_key_is_taken_into_use_on_postgresql() {
    if let Some(server) = testkit::postgres::Server::shared() {
        changes_the_key(&format!("[database]\nurl = \"{}\"\n", server.database()));
    }
}

struct Site {
    folder: Folder,
    /// Names the older key's file, and the newer one's.
    older: String,
    newer: String,
    records: String,
}

impl Site {
    fn new(database: &str) -> Self {
        let folder = Folder::new();
        let master = folder.path("secret/master.key");
        let config = |name: &str| {
            let index = folder.path(&format!("secret/{name}.key"));
            let keys = format!("[keys]\nmaster_file = \"{master}\"\nindex_file = \"{index}\"\n");
            folder.write(&format!("{name}.toml"), format!("{database}{keys}"))
        };
        let lines: String = people(PEOPLE).iter().map(Person::line).collect();
        Self {
            older: config("index"),
            newer: config("next"),
            records: folder.write("records.ndjson", lines),
            folder,
        }
    }

    fn run(&self, config: &str, arguments: &[&str]) -> Run {
        self.folder
            .run(&[&["--config", config], arguments].concat())
    }

    /// Imports the same people again; answers the counts.
    fn imports(&self, config: &str) -> String {
        let run = self.run(config, &["registry", "import", &self.records]);
        assert_eq!(run.code, 0, "{}", run.err);
        run.last_line().to_owned()
    }

    /// Starts the change and kills it once names are entered under the newer key.
    fn is_interrupted(&self, file: &str) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_jiazhao"))
            .args(["--data", &self.folder.path("data")])
            .args(["--config", &self.older])
            .args(["seal", "reindex", "--new-index-file", file])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let told = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut told = told.map_while(Result::ok);
        assert!(told.any(|line| line.contains("names are entered under index key 2")));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

fn changes_the_key(database: &str) {
    let site = Site::new(database);
    let made = site.run(&site.older, &["keys", "generate"]);
    assert_eq!(made.code, 0, "{}", made.err);
    assert_eq!(
        site.imports(&site.older),
        "imported 60, unchanged 0, rejected 0"
    );
    let refused = site.run(&site.older, &["seal", "reindex"]);
    assert!(refused.err.contains("index-file-needed"), "{}", refused.err);
    let nothing = site.run(&site.older, &["seal", "retire-index"]);
    assert_eq!(nothing.code, 1, "{}", nothing.err);

    let file = site.folder.path("secret/next.key");
    site.is_interrupted(&file);
    // Either key opens it, and everybody is found.
    for config in [&site.older, &site.newer] {
        assert_eq!(site.imports(config), "imported 0, unchanged 60, rejected 0");
    }
    let other = site.folder.path("secret/other.key");
    let arguments = ["seal", "reindex", "--new-index-file", &other];
    let refused = site.run(&site.older, &arguments);
    assert!(refused.err.contains("index-key-other"), "{}", refused.err);
    assert!(!Path::new(&other).exists());
    let goes_on = site.run(&site.older, &["seal", "reindex"]);
    assert_eq!(goes_on.code, 0, "{}", goes_on.err);
    assert!(goes_on.last_line().ends_with("given up 0, left 0"));
    retires(&site);
}

fn retires(site: &Site) {
    let listed = site.run(&site.older, &["seal", "list"]);
    assert!(listed.out.contains("\nindex 1  aes-256-gcm") && listed.out.contains("left since"));
    // Whoever has the older file only would shut the door behind them.
    let kept = site.run(&site.older, &["seal", "retire-index"]);
    assert_eq!(kept.code, 1);
    assert!(
        kept.out.contains("does not hold the newer key"),
        "{}",
        kept.out
    );
    let gone = site.run(&site.newer, &["seal", "retire-index"]);
    assert_eq!(gone.code, 0, "{}{}", gone.out, gone.err);
    let refused = site.run(&site.older, &["seal", "list"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("database-mismatch"), "{}", refused.err);
    let listed = site.run(&site.newer, &["seal", "list"]);
    assert!(
        listed.last_line().starts_with("index 2  "),
        "{}",
        listed.out
    );
    assert_eq!(
        site.imports(&site.newer),
        "imported 0, unchanged 60, rejected 0"
    );
    let verified = site.run(&site.newer, &["audit", "verify"]);
    assert_eq!(verified.code, 0, "{}", verified.out);
}
