//! Opening a store, again and with the wrong things.

use std::time::Duration;

use storage::{
    AliasKind, AtRest, Conflict, Engine, Layout, MasterKeys, Partition, Store, StoreError,
    StoreOptions,
};
use testkit::random;

use crate::{
    harness::{Kind, Setup, conflict, keys, open, start},
    steps::{entry, write_in},
};

pub(crate) async fn reopening_keeps_data(setup: &Setup) {
    let driver = setup.driver(1).await;
    let blind = setup.store.blind("kind", b"value");
    setup.store.ping().await.unwrap();
    setup.store.close().await;
    let again = open(&setup.options, 2).await.unwrap();
    let found = again.driver(&driver.id).await.unwrap().unwrap();
    assert_eq!(found.record, driver.record);
    assert_eq!(found.revision, driver.revision);
    assert_eq!(again.blind("kind", b"value"), blind);
    let audit = again
        .audit_after(driver.id.partition(), 0, 10)
        .await
        .unwrap();
    assert_eq!(audit.len(), 1);
    again.close().await;
}

pub(crate) async fn two_nodes_open_one_database(setup: &Setup) {
    let (second, third) = tokio::join!(open(&setup.options, 2), open(&setup.options, 3));
    let (second, third) = (second.unwrap(), third.unwrap());
    let driver = setup.driver(1).await;
    for node in [&second, &third] {
        let found = node.driver(&driver.id).await.unwrap().unwrap();
        assert_eq!(found.record, driver.record);
        node.close().await;
    }
}

pub(crate) async fn a_wrong_master_key_is_refused(setup: &Setup) {
    let mut wrong = keys();
    wrong.master[0] ^= 1;
    let refused = Store::open(&setup.options, &wrong, start(), &mut random::seeded(2)).await;
    assert!(matches!(refused, Err(StoreError::Mismatch(_))));
    // The right key still opens it: the refusal wrote nothing.
    open(&setup.options, 3).await.unwrap().close().await;
}

/// With another index key nobody would be found, and new names would lie under it: it is refused.
pub(crate) async fn another_index_key_is_refused(setup: &Setup) {
    let other = MasterKeys {
        master: keys().master,
        index: [0x33; 32],
    };
    let refused = Store::open(&setup.options, &other, start(), &mut random::seeded(2)).await;
    assert!(matches!(refused, Err(StoreError::Mismatch(_))));
    open(&setup.options, 3).await.unwrap().close().await;
}

pub(crate) async fn a_changed_or_newer_schema_is_refused(setup: &Setup) {
    setup
        .execute(
            "INSERT INTO schema_migrations SELECT 999, 'later', sha256, 0 FROM schema_migrations WHERE version = 1",
        )
        .await;
    assert!(matches!(
        open(&setup.options, 2).await,
        Err(StoreError::Mismatch(_))
    ));
    setup
        .execute("DELETE FROM schema_migrations WHERE version = 999")
        .await;
    open(&setup.options, 3).await.unwrap().close().await;
    setup
        .execute("UPDATE schema_migrations SET sha256 = (SELECT wrapped FROM data_keys)")
        .await;
    assert!(matches!(
        open(&setup.options, 4).await,
        Err(StoreError::Mismatch(_))
    ));
}

/// Migrations that laid out what they add otherwise would leave a database of both kinds.
pub(crate) async fn another_layout_is_refused_by_name(setup: &Setup) {
    let other = StoreOptions {
        layout: match setup.options.layout {
            Layout::Plain => Layout::Partitioned,
            Layout::Partitioned => Layout::Plain,
        },
        ..setup.options.clone()
    };
    let refused = open(&other, 2).await.unwrap_err();
    let expected = match setup.kind {
        Kind::Sqlite => "only PostgreSQL partitions tables",
        Kind::PostgreSql | Kind::Partitioned => "its tables have another layout",
    };
    assert!(refused.to_string().contains(expected), "{refused}");
    open(&setup.options, 3).await.unwrap().close().await;
}

pub(crate) async fn the_engine_is_known(setup: &Setup) {
    let expected = match setup.kind {
        Kind::Sqlite => Engine::Sqlite,
        Kind::PostgreSql | Kind::Partitioned => Engine::PostgreSql,
    };
    assert_eq!(setup.store.engine(), expected);
    let partitioned = setup.options.layout == Layout::Partitioned;
    assert_eq!(setup.kind == Kind::Partitioned, partitioned);
    if expected == Engine::PostgreSql {
        let mut raw = setup.raw().await;
        let ways: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM pg_inherits WHERE inhparent = CAST('drivers' AS regclass)",
        )
        .fetch_one(&mut raw)
        .await
        .unwrap();
        assert_eq!(ways, if partitioned { 16 } else { 0 });
    }
}

/// Whatever isolation the server defaults to, a lost race is a named conflict.
pub(crate) async fn the_servers_default_isolation_does_not_matter(setup: &Setup) {
    if setup.kind == Kind::Sqlite {
        return;
    }
    let mut raw = setup.raw().await;
    let name: String = sqlx::query_scalar("SELECT CAST(current_database() AS TEXT)")
        .fetch_one(&mut raw)
        .await
        .unwrap();
    setup
        .execute(&format!(
            "ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'"
        ))
        .await;
    let store = open(&setup.options, 2).await.unwrap();
    let driver = setup.driver(1).await;
    let (tx, _held) = store.begin(&driver.id, 1).await.unwrap();
    let second = tokio::spawn({
        let (store, holder) = (store.clone(), driver.id.clone());
        async move { store.begin(&holder, 1).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    tx.commit(entry("test.first"), Vec::new()).await.unwrap();
    let refused = second.await.unwrap();
    assert_eq!(conflict(refused), Conflict::Revision);
    store.close().await;
}

/// Heads and counters of every partition are there before the first write.
pub(crate) async fn every_partition_can_be_written(setup: &Setup) {
    let mut heads = setup.store.outbox_heads().await.unwrap();
    heads.sort_unstable();
    assert_eq!(heads, Partition::all().map(|p| (p, 0)).collect::<Vec<_>>());
    for partition in [
        Partition::of_holders(0),
        Partition::of_holders(255),
        Partition::SYSTEM,
    ] {
        write_in(&setup.store, partition, async |_| Ok(()))
            .await
            .unwrap();
        let audit = setup.store.audit_after(partition, 0, 10).await.unwrap();
        assert_eq!(audit.len(), 1);
    }
}

/// The suite is chosen when a store is made, and kept whatever is asked later.
#[test]
fn a_store_keeps_the_suite_with_which_it_was_made() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let options = StoreOptions {
        url: format!("sqlite:{}", folder.path().join("s.db").display()),
        connections: 2,
        layout: Layout::Plain,
        objects: folder.path().to_owned(),
        durable_objects: false,
    };
    runtime.block_on(async {
        let mut rng = random::seeded(1);
        let keys = keys();
        let national = Store::open_at_rest(&options, AtRest::Sm4Gcm, &keys, start(), &mut rng);
        let national = national.await.unwrap();
        let blind = national.blind("kind", b"value");
        national.close().await;
        let again = open(&options, 2).await.unwrap();
        let suites: Vec<_> = again
            .data_keys()
            .await
            .unwrap()
            .iter()
            .map(|key| key.suite)
            .collect();
        assert_eq!(suites, [AtRest::Sm4Gcm]);
        assert_eq!(again.blind("kind", b"value"), blind);
        again.close().await;
    });
}

/// A store from before the suites is one of AES-256-GCM and HMAC-SHA-256.
pub(crate) async fn a_store_without_an_index_entry_has_the_first_suite(setup: &Setup) {
    setup.execute("DELETE FROM blind_indexes").await;
    let mut rng = random::seeded(2);
    let keys = keys();
    let again = Store::open_at_rest(&setup.options, AtRest::Sm4Gcm, &keys, start(), &mut rng);
    let again = again.await.unwrap();
    assert_eq!(again.blind("k", b"v"), setup.store.blind("k", b"v"));
    again.close().await;
    open(&setup.options, 3).await.unwrap().close().await;
}

/// What lies by the index key in a store that is older than the layout key stays where it is, also
/// when the index key changes later.
pub(crate) async fn a_store_without_a_layout_key_takes_its_index_key_over(setup: &Setup) {
    let kind = AliasKind::LicenceNumber;
    let blind = setup.store.alias(kind, "1");
    assert_ne!(
        setup.store.lasting_alias(kind, "1").as_bytes(),
        blind.as_bytes()
    );
    setup.execute("DELETE FROM layout_keys").await;
    let again = open(&setup.options, 2).await.unwrap();
    assert_eq!(again.lasting_alias(kind, "1").as_bytes(), blind.as_bytes());
    again.close().await;
}

/// Characters that mean something in a URL are plain characters in a path.
#[test]
fn a_sqlite_folder_may_have_any_name() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let base = tempfile::TempDir::new().unwrap();
    for name in [
        "plain",
        "with space",
        "数据",
        "50%",
        "%41",
        "a#b",
        "a?b=c",
        "a+b",
    ] {
        let folder = base.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join("store.db");
        let options = StoreOptions {
            url: format!("sqlite:{}", file.display()),
            connections: 2,
            layout: Layout::Plain,
            objects: folder,
            durable_objects: false,
        };
        runtime.block_on(async { open(&options, 1).await.unwrap().close().await });
        assert!(file.is_file(), "{name}");
    }
    let inside: Vec<_> = base.path().read_dir().unwrap().collect();
    assert_eq!(inside.len(), 8, "{inside:?}");
}

#[test]
fn sqlite_refuses_the_partitioned_layout_and_unknown_engines_are_refused() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    for (url, layout) in [
        (
            format!("sqlite:{}", folder.path().join("s.db").display()),
            Layout::Partitioned,
        ),
        ("mysql://localhost/db".to_owned(), Layout::Plain),
    ] {
        let options = StoreOptions {
            url,
            connections: 2,
            layout,
            objects: folder.path().to_owned(),
            durable_objects: false,
        };
        let refused = runtime.block_on(open(&options, 1));
        assert!(matches!(refused, Err(StoreError::Mismatch(_))));
    }
}
