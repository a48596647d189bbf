//! What a thief of the disk or a writer past the store would find.

use std::path::PathBuf;

use licence::e_licence;
use storage::{Staff, StaffId};
use testkit::postgres::Server;

use crate::{
    harness::{Kind, Setup, after, inconsistent, start},
    people,
    steps::{write, write_in},
};

/// SC-63: a sealed column moved to another row of the same holder does not open either.
pub(crate) async fn sc_63_swapped_columns_are_noticed(setup: &Setup) {
    let driver = setup.driver(1).await;
    let first = setup.issued(&driver.id).await;
    write(&setup.store, &driver.id, async |tx, locked| {
        let stage = e_licence::Stage::Superseded;
        tx.end_e_licence(locked, &first, stage, "new-edition", after(70))
            .await
    })
    .await
    .unwrap();
    let second = setup.issued(&driver.id).await;

    let (from, to) = (&first.e_licence.application, &second.e_licence.application);
    swap(
        setup,
        "applications",
        "identity_sealed",
        ("id", from.as_str(), to.as_str()),
    )
    .await;
    let found = setup.store.application(to).await;
    assert_eq!(inconsistent(found), ("applications", "identity_sealed"));
    let found = setup.store.applications_of(&driver.id).await;
    assert_eq!(inconsistent(found), ("applications", "identity_sealed"));

    let (from, to) = (&first.credential.id, &second.credential.id);
    let key = ("credential_id", from.as_str(), to.as_str());
    swap(setup, "credential_forms", "form_sealed", key).await;
    let found = setup.store.forms(&driver.id, to).await;
    assert_eq!(inconsistent(found), ("credential_forms", "form_sealed"));
}

async fn swap(setup: &Setup, table: &str, column: &str, (key, from, to): (&str, &str, &str)) {
    let text = format!(
        "UPDATE {table} SET {column} = (SELECT {column} FROM {table} WHERE {key} = '{from}' LIMIT 1) WHERE {key} = '{to}'"
    );
    assert!(setup.execute(&text).await >= 1);
}

/// A value of the wrong shape is named by table and column, and is no unavailability.
pub(crate) async fn a_value_that_breaks_its_rule_is_named(setup: &Setup) {
    let driver = setup.driver(1).await;
    let id = setup.applied(&driver.id).await;
    setup
        .execute(&format!(
            "UPDATE applications SET photo_id = 'pho_1' WHERE id = '{id}'"
        ))
        .await;
    let found = setup.store.application(&id).await;
    assert_eq!(inconsistent(found), ("applications", "photo_id"));
    setup.execute("UPDATE drivers SET photo_id = 'drv_1'").await;
    let found = setup.store.driver(&driver.id).await;
    assert_eq!(inconsistent(found), ("drivers", "photo_id"));
    setup
        .execute("UPDATE outbox SET event = '{\"v\":2,\"event\":\"later\"}'")
        .await;
    let found = setup.store.events_after(driver.id.partition(), 0, 10).await;
    assert_eq!(inconsistent(found), ("outbox", "event"));
    // PostgreSQL itself keeps text out of a number's column.
    if setup.kind == Kind::Sqlite {
        setup.execute("UPDATE drivers SET revision = 'x'").await;
        let found = setup.store.driver(&driver.id).await;
        assert_eq!(inconsistent(found), ("drivers", "revision"));
    }
}

/// SC-63: neither name, number, address nor an officer's name can be read from the database's files.
pub(crate) async fn sc_63_a_stolen_database_tells_nothing(setup: &Setup) {
    let n = 4_711;
    let driver = setup.driver(n).await;
    setup.issued(&driver.id).await;
    let officer = Staff {
        id: StaffId::generate(storage::Partition::SYSTEM, &mut setup.rng()),
        login: "sc63-login".to_owned(),
        name: "演示员六三".to_owned(),
        password_hash: "$argon2id$".to_owned(),
        roles: vec!["counter".to_owned()],
        office: None,
        own_licence: None,
        disabled_at: None,
    };
    write_in(&setup.store, storage::Partition::SYSTEM, async |tx| {
        tx.insert_staff(&officer, start()).await
    })
    .await
    .unwrap();
    let record = people::record(n, 1);
    let secrets = [
        record.name.as_str(),
        record.licence_number.as_str(),
        record.subject.as_str(),
        record.address.as_deref().unwrap(),
        record.file_number.as_ref().unwrap().as_str(),
        officer.name.as_str(),
    ];
    let files = database_files(setup).await;
    let holds = |text: &str| files.iter().any(|file| file.contains(text));
    // What is not sealed is found, so the search can find.
    assert!(holds(driver.id.as_str()));
    assert!(holds("sc63-login"));
    for secret in secrets {
        assert!(!holds(secret), "{secret}");
    }
}

/// What of the database's files reads as text.
async fn database_files(setup: &Setup) -> Vec<String> {
    let folder: PathBuf = match setup.kind {
        Kind::Sqlite => setup.folder.path().to_owned(),
        Kind::PostgreSql | Kind::Partitioned => {
            let mut raw = setup.raw().await;
            sqlx::query("CHECKPOINT").execute(&mut raw).await.unwrap();
            let number: String = sqlx::query_scalar(
                "SELECT CAST(oid AS TEXT) FROM pg_database WHERE datname = current_database()",
            )
            .fetch_one(&mut raw)
            .await
            .unwrap();
            let server = Server::shared().unwrap().folder();
            server.join("data/base").join(number)
        }
    };
    folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned())
        .collect()
}
