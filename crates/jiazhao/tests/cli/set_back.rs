//! A database or a clock that was set back while nobody served.

use std::{thread, time::Duration};

use jiazhao::{
    app::{Ambient, App, Options},
    config::Config,
};
use jiff::SignedDuration;

use super::{crash::*, *};

#[test]
fn sc_62_a_sqlite_database_that_was_set_back_is_not_served() {
    let folder = Folder::new();
    let config = configure(&folder, "");
    let file = folder.path("data/jiazhao.sqlite");
    let kept = folder.path("kept.sqlite");
    set_back(
        &folder,
        &config,
        || fs::copy(&file, &kept).map(drop).unwrap(),
        || {
            for end in ["-wal", "-shm"] {
                // They are there only where the server was killed in the middle of something.
                drop(fs::remove_file(format!("{file}{end}")));
            }
            fs::copy(&kept, &file).unwrap();
            config.clone()
        },
    );
}

#[test]
fn sc_62_a_postgresql_database_that_was_set_back_is_not_served() {
    let Some(server) = testkit::postgres::Server::shared() else {
        return;
    };
    let folder = Folder::new();
    let url = server.database();
    let settings = on_postgresql(&folder, &url);
    let config = configure(&folder, &settings);
    let copy = std::cell::RefCell::new(String::new());
    set_back(
        &folder,
        &config,
        || *copy.borrow_mut() = server.copy_of(&url),
        || configure(&folder, &settings.replace(&url, &copy.borrow())),
    );
}

/// Keeps a copy between two checkpoints, sets the database back to it, and expects the server to
/// say so.
fn set_back(folder: &Folder, config: &str, keep: impl Fn(), back: impl Fn() -> String) {
    install(folder, config);
    serve_until_seen(folder, config, 1);
    keep();
    checkpoint(folder, config, SignedDuration::ZERO);
    assert_eq!(seen(folder).unwrap(), 2);
    let config = back();
    let run = |arguments: &[&str]| folder.run(&[&["--config", &config], arguments].concat());
    let refused = run(&["serve"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("database-set-back"), "{}", refused.err);

    drop(Server::start_with(folder, &config, &["--accept-rollback"]));
    let seen = seen(folder).unwrap();
    assert!(seen <= 2, "{seen}");
    // Accepted once, it is the state of things.
    drop(Server::start(folder, &config));
    let verified = run(&["audit", "verify"]);
    assert_eq!(verified.code, 0, "{}", verified.out);
}

/// The job of the server makes a checkpoint and remembers it.
fn serve_until_seen(folder: &Folder, config: &str, number: u64) {
    let server = Server::start(folder, config);
    for _ in 0..500 {
        if seen(folder).is_some_and(|seen| seen >= number) {
            break;
        }
        wait();
    }
    drop(server);
    assert_eq!(seen(folder), Some(number));
}

/// Makes a checkpoint as a server would whose clock goes `ahead`.
fn checkpoint(folder: &Folder, config: &str, ahead: SignedDuration) {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let data = folder.path("data");
        let loaded = Config::load(Some(Path::new(config)), Path::new(&data)).unwrap();
        let ambient = Ambient::system().unwrap();
        let app = App::open(&loaded, &ambient, Options::default())
            .await
            .unwrap();
        let mut act = app.act("test");
        // The lease of the server that was killed ends by itself, only later.
        let later = act.now + SignedDuration::from_hours(1);
        let store = app.authority().store();
        assert!(
            store
                .lease("checkpoint", "test", later, act.now)
                .await
                .unwrap()
        );
        act.now += ahead;
        let made = app.authority().checkpoint(&act, app.node()).await.unwrap();
        assert!(made.is_some());
        jiazhao::seen::note(&app).await.unwrap();
        app.close().await;
    });
}

#[expect(
    clippy::disallowed_methods,
    reason = "another process has to come that far"
)]
fn wait() {
    thread::sleep(Duration::from_millis(20));
}

/// The newest checkpoint the node remembers.
fn seen(folder: &Folder) -> Option<u64> {
    let config = fs::read_to_string(folder.path("data/keys/seen.json")).ok()?;
    let seen: Value = serde_json::from_str(&config).unwrap();
    let number = seen["number"].as_u64().unwrap();
    Some(number)
}

#[test]
fn sc_62_a_clock_behind_the_newest_checkpoint_is_not_served() {
    let folder = Folder::new();
    let config = configure(&folder, "");
    install(&folder, &config);
    checkpoint(&folder, &config, SignedDuration::from_hours(48));
    let refused = folder.run(&["--config", &config, "serve"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("clock-behind"), "{}", refused.err);
    drop(Server::start_with(&folder, &config, &["--accept-clock"]));
}
