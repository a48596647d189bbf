//! How a node comes to its status memory, and how soon it learns.

use std::{fs, time::Duration};

use serde_json::json;
use storage::{HolderId, LIST_SIZE, Partition, StatusPlace, outbox::Event};
use testkit::{
    app::App,
    people::{BEIJING, CHENGDU},
};
use tokio::time::{Instant, sleep};

use super::{letters, place_of};
use crate::{
    on_both_engines,
    steps::{check, driver_with_licence, numeric_code},
};

on_both_engines!(
    sc_65_another_node_refuses_within_a_second,
    a_node_starts_from_its_snapshot_and_what_happened_since,
    a_snapshot_that_does_not_open_is_not_needed,
    a_snapshot_is_written_when_there_is_something_new,
);

/// Two nodes on one database, each with its jobs: one commits a suspension, the other refuses, and
/// knows it from its own memory within a second.
async fn sc_65_another_node_refuses_within_a_second(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let place = place_of(&app, &driver).await;
    let (second, client) = app.serving_node().await;
    assert_eq!(second.status_in_memory(place), Some(0));
    let code = numeric_code(&driver).await;
    let login = json!({"kind": "staff", "login": "police", "password": testkit::app::PASSWORD});
    client.post("/sessions", &login).await.done();

    letters(&app, BEIJING, "D", 2).await;
    let committed = Instant::now();
    assert_eq!(
        app.authority.status_in_memory(place),
        Some(3),
        "here at once"
    );
    while second.status_in_memory(place) != Some(3) {
        assert!(committed.elapsed() < Duration::from_secs(1));
        sleep(Duration::from_millis(5)).await;
    }
    let facts = client.post("/verifications", &check(&code)).await.done();
    assert_eq!(facts["status"]["value"], "red");
}

/// The two drivers' places.
async fn two_places(app: &App) -> [StatusPlace; 2] {
    let first = driver_with_licence(app, BEIJING).await;
    let second = driver_with_licence(app, CHENGDU).await;
    [place_of(app, &first).await, place_of(app, &second).await]
}

fn in_memory(app: &App, places: [StatusPlace; 2]) -> [Option<u8>; 2] {
    places.map(|place| app.authority.status_in_memory(place))
}

/// Says something else of every credential, past the store: no event tells of it.
async fn change_past_the_store(app: &App) {
    sqlx::any::install_default_drivers();
    let url = app.database_url();
    let url = url
        .strip_prefix("sqlite:")
        .map_or_else(|| url.to_owned(), |path| format!("sqlite:{path}?mode=rw"));
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    sqlx::query("UPDATE credentials SET status_value = 2 WHERE stage = 'active'")
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
}

async fn a_node_starts_from_its_snapshot_and_what_happened_since(app: App) {
    let places = two_places(&app).await;
    let mut act = app.act();
    assert!(app.authority.snapshot_status(&mut act).await.unwrap());
    letters(&app, CHENGDU, "D", 2).await;
    change_past_the_store(&app).await;
    let app = app.restarted().await;
    // Beijing as the snapshot has it, Chengdu as the event since.
    assert_eq!(in_memory(&app, places), [Some(0), Some(3)]);
}

/// A snapshot that was changed, exchanged or is gone: the values are those of the credentials.
async fn a_snapshot_that_does_not_open_is_not_needed(app: App) {
    let places = two_places(&app).await;
    let mut act = app.act();
    app.authority.snapshot_status(&mut act).await.unwrap();
    change_past_the_store(&app).await;
    let folder = app.folder().join("objects").join("status");
    let folder = if folder.exists() {
        folder
    } else {
        app.folder().join("status")
    };
    let head = folder.join("head");
    let good = fs::read(&head).unwrap();
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&head, changed).unwrap();
    let app = app.restarted().await;
    assert_eq!(in_memory(&app, places), [Some(2), Some(2)]);
    // The head is as it was, and a shard is cut short.
    fs::write(&head, good).unwrap();
    let app = app.restarted().await;
    assert_eq!(in_memory(&app, places), [Some(0), Some(0)]);
    let mut shards = fs::read_dir(&folder).unwrap();
    let generation = shards.find_map(|entry| {
        let path = entry.unwrap().path();
        path.is_dir().then_some(path)
    });
    let shard = generation.unwrap().join("0");
    let whole = fs::read(&shard).unwrap();
    fs::write(&shard, &whole[..whole.len() / 2]).unwrap();
    let app = app.restarted().await;
    assert_eq!(in_memory(&app, places), [Some(2), Some(2)]);
    fs::remove_dir_all(&folder).unwrap();
    let app = app.restarted().await;
    assert_eq!(in_memory(&app, places), [Some(2), Some(2)]);
}

async fn a_snapshot_is_written_when_there_is_something_new(app: App) {
    driver_with_licence(&app, BEIJING).await;
    let mut act = app.act();
    assert!(app.authority.snapshot_status(&mut act).await.unwrap());
    assert!(!app.authority.snapshot_status(&mut act).await.unwrap());
    letters(&app, BEIJING, "D", 2).await;
    assert!(app.authority.snapshot_status(&mut act).await.unwrap());
}

/// A node is ready soon however many credentials there are. `JIAZHAO_STATUS_CREDENTIALS` says how
/// many, and the time is printed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_ready_soon_with_many_credentials() {
    let many = std::env::var_os("JIAZHAO_STATUS_CREDENTIALS")
        .and_then(|text| text.to_str()?.parse().ok())
        .unwrap_or(3_000_000_u32);
    let app = App::sqlite().await;
    let store = app.authority.store();
    let lists: Vec<u32> = (0..many.div_ceil(LIST_SIZE)).collect();
    // Half of the places valid, one in sixteen red.
    let shard: Vec<u8> = (0..LIST_SIZE / 2)
        .map(|at| if at % 8 == 0 { 0x30 } else { 0x10 })
        .collect();
    for list in &lists {
        store.write_status_shard(1, *list, &shard).await.unwrap();
    }
    let cursors = store.outbox_heads().await.unwrap().into_iter().collect();
    let finished = store.finish_status_snapshot(1, &cursors, app.clock.now(), &lists);
    finished.await.unwrap();
    let last = since_the_snapshot(&app, lists.len()).await;

    let started = Instant::now();
    let (node, _) = app.second_node().await;
    let ready = started.elapsed();
    println!(
        "{many} credentials and {EVENTS} events: ready after {ready:?}, {} MB at most",
        peak_megabytes()
    );
    assert_eq!(node.status_in_memory(last), Some(2));
    let place = StatusPlace { list: 0, index: 1 };
    assert_eq!(node.status_in_memory(place), Some(3));
    if many <= 10_000_000 {
        assert!(ready < Duration::from_secs(5), "{ready:?}");
    }
}

/// Events since the snapshot: five minutes of a million issues a day, four events each.
const EVENTS: u32 = 14_000;

/// Commits events in all partitions; answers the place of the last.
async fn since_the_snapshot(app: &App, lists: usize) -> StatusPlace {
    let mut rng = testkit::random::seeded(1);
    let mut last = StatusPlace { list: 0, index: 0 };
    let lists = u32::try_from(lists).unwrap();
    let each = EVENTS / 256;
    for partition in 0..=255_u8 {
        let partition = Partition::of_holders(partition);
        let holder = HolderId::generate(partition, &mut rng);
        let mut events = Vec::new();
        for event in 0..each {
            let at = u32::from(partition.number()) * each + event;
            last = StatusPlace {
                list: at % lists,
                index: (at * 2) % LIST_SIZE,
            };
            events.push(Event::CredentialStatus {
                holder: holder.clone(),
                place: last,
                value: 2,
            });
        }
        let tx = app.authority.store().begin_in(partition).await.unwrap();
        let entry = app.act().entry("test.changed").about(&holder);
        tx.commit(entry, events).await.unwrap();
    }
    last
}

/// The most memory that this process has had.
fn peak_megabytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() / 1024
}
