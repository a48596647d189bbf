//! `jiazhao backup` beside a server that is being used, and `jiazhao restore` elsewhere.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use jiazhao::{
    app::{Ambient, App, Options},
    config::Config,
};
use storage::{ELicenceId, Partition};
use tokio::{runtime::Runtime, time::sleep};

use super::{
    crash::*,
    sessions::{Sessions, again, seed},
    *,
};

#[test]
fn sc_61_a_backup_of_a_busy_server_on_sqlite_is_restored_elsewhere() {
    let (folder, other) = (Folder::new(), Folder::new());
    let keys = format!(
        "[keys]\nmaster_file = \"{}\"\nindex_file = \"{}\"\n",
        folder.path("data/keys/master.key"),
        folder.path("data/keys/index.key")
    );
    back_up_and_restore(&folder, "", &other, &keys);
}

#[test]
fn sc_61_a_backup_of_a_busy_server_on_postgresql_is_restored_elsewhere() {
    let Some(server) = testkit::postgres::Server::shared() else {
        return;
    };
    let (folder, other) = (Folder::new(), Folder::new());
    let first = on_postgresql(&folder, &server.database());
    let second = on_postgresql(&other, &server.database());
    back_up_and_restore(&folder, &first, &other, &second);
}

fn back_up_and_restore(folder: &Folder, database: &str, other: &Folder, target: &str) {
    let config = configure(folder, database);
    let admin = install(folder, &config);
    let runtime = Runtime::new().unwrap();
    let backup = folder.path("backup");
    let sessions = runtime.block_on(seed(folder, &config, &admin));
    let server = Server::start(folder, &config);
    let known = runtime.block_on(async {
        let desk = Desk::open(&server.base, &sessions);
        let acknowledged = Arc::new(Mutex::new(Acknowledged::default()));
        let load = tokio::spawn(desk.work(0, acknowledged.clone()));
        while acknowledged.lock().unwrap().issued.len() < 3 {
            assert!(!load.is_finished(), "the load ended");
            sleep(Duration::from_millis(20)).await;
        }
        let known = acknowledged.lock().unwrap().clone();
        let made = folder.run(&["--config", &config, "backup", &backup]);
        assert_eq!(made.code, 0, "{}", made.err);
        assert!(made.last_line().contains(", 0 missing)"), "{}", made.out);
        // The server goes on: how much is acknowledged while a backup is made depends on the machine.
        while acknowledged.lock().unwrap().count() == known.count() {
            assert!(!load.is_finished(), "the load ended");
            sleep(Duration::from_millis(20)).await;
        }
        load.abort();
        known
    });
    let witness = folder.path("witness.ndjson");
    let pushed = folder.run(&["--config", &config, "audit", "push", &witness]);
    assert_eq!(pushed.code, 0, "{}", pushed.err);
    drop(server);

    let config = configure(other, target);
    restored(
        other,
        &[
            "--config",
            &config,
            "restore",
            &backup,
            "--against",
            &witness,
        ],
    );
    // The restore ended everybody's session.
    let sessions = runtime.block_on(again(other, &config, &sessions));
    let server = Server::start(other, &config);
    runtime.block_on(verifies(
        &server.base,
        &sessions,
        known.versions.keys().next().unwrap(),
    ));
    drop(server);
    runtime.block_on(async {
        check(other, &config, &known).await;
        photos_open(other, &config, &known).await;
    });
}

fn restored(other: &Folder, arguments: &[&str]) {
    let restored = other.run(arguments);
    assert_eq!(restored.code, 0, "{}{}", restored.out, restored.err);
    assert!(
        restored.last_line().starts_with("whole: "),
        "{}",
        restored.out
    );
    assert!(
        restored.out.contains("\nended: sessions "),
        "{}",
        restored.out
    );
    let again = other.run(arguments);
    assert_eq!(again.code, 2);
    assert!(again.err.contains("restore-not-empty"), "{}", again.err);
}

/// A driver of then activates, shows a code, and police check it.
async fn verifies(base: &str, sessions: &Sessions, number: &str) {
    let mut counter = Http::of(base, ("cookie", &sessions.counter));
    let request = json!({"licence_number": number, "identity": {"method": "id-card"}});
    let (status, made) = counter
        .post("/counter/activation-codes", &request)
        .await
        .unwrap();
    assert_eq!(status, 201, "{made}");
    let mut driver = Http::new(base);
    let activation =
        json!({"licence_number": number, "code": made["code"], "password": "another long phrase"});
    let (status, answer) = driver.post("/activations", &activation).await.unwrap();
    assert_eq!(status, 201, "{answer}");
    let (status, code) = driver
        .post("/holder/e-licence/codes", &json!({"kind": "numeric"}))
        .await
        .unwrap();
    assert_eq!(status, 201, "{code}");
    let mut police = Http::of(base, ("cookie", &sessions.police));
    let request = json!({"code": code["code"], "purpose": "enforcement"});
    let (status, facts) = police.post("/verifications", &request).await.unwrap();
    assert_eq!(status, 200, "{facts}");
    assert_eq!(facts["authentic"]["outcome"], "yes");
    assert_eq!(facts["status"]["value"], "valid");
}

async fn photos_open(folder: &Folder, config: &str, known: &Acknowledged) {
    let data = folder.path("data");
    let config = Config::load(Some(Path::new(config)), Path::new(&data)).unwrap();
    let ambient = Ambient::system().unwrap();
    let app = App::open(&config, &ambient, Options::default())
        .await
        .unwrap();
    let store = app.authority().store();
    for licence in known.issued.values() {
        let licence = ELicenceId::parse(licence).unwrap();
        let row = store.e_licence(&licence).await.unwrap().unwrap();
        let photo = store.photo_bytes(&row.holder, &row.photo).await.unwrap();
        assert!(photo.starts_with(&[0xff, 0xd8]), "a JPEG");
    }
    let acts = store.audit_after(Partition::SYSTEM, 0, 500).await.unwrap();
    assert!(acts.iter().any(|row| row.act == "store.restored"));
    app.close().await;
}

#[test]
fn a_backup_that_is_damaged_or_of_another_key_is_refused_by_name() {
    let folder = Folder::new();
    let config = configure(&folder, "");
    install(&folder, &config);
    let backup = folder.path("backup");
    let run = |arguments: &[&str]| folder.run(&[&["--config", &config], arguments].concat());
    assert_eq!(run(&["backup", &backup]).code, 0);
    let refused = run(&["backup", &backup]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("backup-exists"), "{}", refused.err);
    assert_eq!(run(&["restore", &backup, "--check"]).code, 0);

    let other = Folder::new();
    let target = |master: &str| {
        let text = format!(
            "[keys]\nmaster_file = \"{master}\"\nindex_file = \"{}\"\n",
            folder.path("data/keys/index.key")
        );
        other.run(&["--config", &configure(&other, &text), "restore", &backup])
    };
    let expect = |run: Run, code: &str| {
        assert_eq!(run.code, 2, "{}", run.out);
        assert!(run.err.contains(code), "{}", run.err);
        assert!(!Path::new(&other.path("data")).exists());
    };
    // Keys are never made for data that needs its own.
    expect(target(&other.path("none.key")), "key-missing");
    let wrong = other.write_private("wrong.key", "77".repeat(32));
    expect(target(&wrong), "backup-other-key");
    let master = folder.path("data/keys/master.key");
    let table = folder.path("backup/tables/staff");
    let mut bytes = fs::read(&table).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&table, bytes).unwrap();
    expect(target(&master), "tables/staff");
    fs::remove_file(folder.path("backup/manifest")).unwrap();
    expect(target(&master), "backup-incomplete");
}
