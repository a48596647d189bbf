//! A disk that takes no more, in the middle of everything: refused clearly, nothing half done, and
//! all goes on when there is room again.
//!
//! The limit is the size that a file of the process may have, which needs no rights and refuses
//! writes as a full disk does; what engines and systems call a full disk, `storage::error` tests.

use std::process::Stdio;

use tokio::runtime::Runtime;

use super::{crash::*, sessions::seed, *};

/// Runs `jiazhao` with the signal ignored that would end it, and with files of `kilobytes` at most.
fn limited(folder: &Folder, config: &str, kilobytes: &str) -> Command {
    // `ulimit -f` counts blocks of 512 bytes in some shells and of 1024 in others.
    let script = r#"trap "" XFSZ; limit=$1; shift; [ "$limit" = unlimited ] || ulimit -S -f "$limit"; exec "$@""#;
    let mut command = Command::new("sh");
    command
        .args(["-c", script, "sh", kilobytes, env!("CARGO_BIN_EXE_jiazhao")])
        .args(["--data", &folder.path("data"), "--config", config]);
    command
}

/// Sets the limit of a running process, in bytes.
fn limit(server: &Server, bytes: &str) {
    let pid = server.child.id().to_string();
    let set = Command::new("prlimit")
        .args(["--pid", &pid, &format!("--fsize={bytes}:")])
        .status()
        .unwrap();
    assert!(set.success());
}

fn serve(folder: &Folder, config: &str) -> Server {
    let mut command = limited(folder, config, "unlimited");
    // The log lies on the same disk.
    let log = fs::File::create(folder.path("log")).unwrap();
    Server::of(command.arg("serve").stderr(log))
}

#[test]
fn a_full_disk_under_sqlite_refuses_and_recovers() {
    full(&Folder::new(), "", 507);
}

/// The database is elsewhere: what has no photo goes on.
#[test]
fn a_full_disk_beside_postgresql_refuses_photos_and_recovers() {
    let Some(server) = testkit::postgres::Server::shared() else {
        return;
    };
    let folder = Folder::new();
    let database = on_postgresql(&folder, &server.database());
    full(&folder, &database, 200);
}

fn full(folder: &Folder, database: &str, without_photo: u16) {
    let config = configure(folder, database);
    let admin = install(folder, &config);
    let runtime = Runtime::new().unwrap();
    let sessions = runtime.block_on(seed(folder, &config, &admin));
    let server = serve(folder, &config);
    let known = runtime.block_on(async {
        let mut desk = Desk::open(&server.base, &sessions);
        let mut known = Acknowledged::default();
        let (first, second) = (number(0), number(1));
        let delivered = desk.deliver(&first).await;
        assert_eq!(delivered.0, 200, "{}", delivered.1);
        limit(&server, "2048");
        let (status, answer) = desk.deliver(&second).await;
        assert_eq!(status, without_photo, "{answer}");
        let (status, answer) = desk.apply(&first).await;
        let full = json!("urn:jiazhao:problem:storage-full");
        assert_eq!((status, &answer["type"]), (507, &full));
        limit(&server, "unlimited");
        // Nothing is left of what was refused, and everything can be done now.
        assert_eq!(desk.deliver(&second).await.0, 200);
        for person in [&first, &second] {
            known.versions.insert(person.clone(), 1);
            let (status, applied) = desk.apply(person).await;
            assert_eq!(status, 201, "{applied}");
            let id = applied["id"].as_str().unwrap().to_owned();
            let licence = desk.approve(&id).await.unwrap();
            known.issued.insert(id, licence);
        }
        known
    });
    drop(server);
    runtime.block_on(check(folder, &config, &known));
}

/// SC-60 with ten thousand records, one in a hundred bad, and a disk that fills up on the way: said
/// so, and run again with room the import brings in what is missing.
#[test]
fn sc_60_an_import_onto_a_full_disk_is_continued_by_a_second_run() {
    let folder = Folder::new();
    let config = configure(&folder, "");
    install(&folder, &config);
    let mut lines: Vec<String> = people(10_000).iter().map(Person::line).collect();
    for line in lines.iter_mut().skip(99).step_by(100) {
        "{\"name\": \"测试甲\"\n".clone_into(line);
    }
    let file = folder.write("records.ndjson", lines.concat());
    let database = folder.path("data/jiazhao.sqlite");
    let size = fs::metadata(&database).unwrap().len() / 512 + 2_000;
    let refused = limited(&folder, &config, &size.to_string())
        .args(["registry", "import", &file])
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let told = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(told.contains("storage-full"), "{told}");

    let run = |arguments: &[&str]| folder.run(&[&["--config", &config], arguments].concat());
    let whole = run(&["audit", "verify"]);
    assert_eq!(whole.code, 0, "{}{}", whole.out, whole.err);
    let second = run(&["registry", "import", &file]);
    assert_eq!(second.code, 1, "{}", second.err);
    let rejects = folder.path("rejects.ndjson");
    let third = run(&["registry", "import", &file, "--rejects", &rejects]);
    assert_eq!(
        third.last_line(),
        "imported 0, unchanged 9900, rejected 100"
    );
    let named = json_lines(&fs::read_to_string(&rejects).unwrap());
    let numbers = named.iter().map(|it| it["line"].as_u64().unwrap());
    assert!(numbers.eq((100..=10_000).step_by(100)));
}

/// A backup onto a full disk is none, and says so; the database goes on.
#[test]
fn a_backup_onto_a_full_disk_is_no_backup() {
    let Some(server) = testkit::postgres::Server::shared() else {
        return;
    };
    let folder = Folder::new();
    let config = configure(&folder, &on_postgresql(&folder, &server.database()));
    install(&folder, &config);
    let backup = folder.path("backup");
    let refused = limited(&folder, &config, "8")
        .args(["backup", &backup])
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let told = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(told.contains("backup-file"), "{told}");
    let run = |arguments: &[&str]| folder.run(&[&["--config", &config], arguments].concat());
    let refused = run(&["restore", &backup, "--check"]);
    assert!(refused.err.contains("backup-incomplete"), "{}", refused.err);
    let elsewhere = folder.path("elsewhere");
    assert_eq!(run(&["backup", &elsewhere]).code, 0);
}
