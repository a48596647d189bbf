//! What a thief of the disk or a writer past the store would find.

use std::path::{Path, PathBuf};

use licence::e_licence;
use storage::{AtRest, Steward};
use testkit::postgres::Server;

use crate::{
    everything::Everything,
    harness::{Kind, Setup, after, inconsistent, named, start},
    people,
    steps::write,
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

    let (from, to) = (
        &first.credential.as_ref().unwrap().id,
        &second.credential.as_ref().unwrap().id,
    );
    let key = ("credential_id", from.as_str(), to.as_str());
    swap(setup, "credential_forms", "form_sealed", key).await;
    let found = setup.store.forms(&driver.id, to).await;
    assert_eq!(inconsistent(found), ("credential_forms", "form_sealed"));
}

/// SC-63: whatever value is exchanged, the error names table, column and row, and nobody.
pub(crate) async fn sc_63_every_sealed_value_names_its_row(setup: &Setup) {
    let one = Everything::of(setup, 1).await;
    let two = Everything::of(setup, 2).await;
    exchange(setup, &one, &two).await;
    let store = &setup.store;
    let at = |table, column, row: &str| (table, column, row.to_owned());

    let found = named(store.driver(&one.holder).await);
    assert_eq!(found, at("drivers", "record_sealed", one.holder.as_str()));
    let found = named(store.photo(&one.photo).await);
    assert_eq!(found, at("photos", "meta_sealed", one.photo.as_str()));
    let found = named(store.photo_findings(&one.photo).await);
    let row = one.photo.as_str();
    assert_eq!(found, at("photo_findings", "findings_sealed", row));
    let found = named(store.person_check(&one.check).await);
    let row = one.check.as_str();
    assert_eq!(found, at("person_checks", "distances_sealed", row));
    let found = named(store.former_phone(&one.holder, start()).await);
    assert_eq!(
        found,
        at("drivers", "former_phone_sealed", one.holder.as_str())
    );
    let found = named(store.application(&one.application).await);
    let row = one.application.as_str();
    assert_eq!(found, at("applications", "identity_sealed", row));
    let found = named(store.forms(&one.holder, &one.credential).await);
    let row = format!("{} ES256", one.credential);
    assert_eq!(found, at("credential_forms", "form_sealed", &row));
    let found = named(store.verifications_of(&one.holder, 10).await);
    let row = one.look_up.as_str();
    assert_eq!(found, at("verifications", "answer_sealed", row));
    let found = named(store.staff(&one.staff).await);
    assert_eq!(found, at("staff", "name_sealed", one.staff.as_str()));
    let found = named(store.photo_bytes(&one.holder, &one.photo).await);
    assert_eq!(found, at("objects", "photo", one.photo.as_str()));
    two.reads_as_written(store).await;

    let key = ("key_id", "bb02", "aa01");
    swap(setup, "signing_keys", "secret_sealed", key).await;
    let found = named(store.signing_keys().await);
    assert_eq!(found, at("signing_keys", "secret_sealed", "aa01"));
}

/// SC-63: the same for a text that waits: neither its number nor its code is another's.
pub(crate) async fn sc_63_every_sealed_value_of_a_text_names_it(setup: &Setup) {
    let one = Everything::of(setup, 1).await;
    let two = Everything::of(setup, 2).await;
    let ids = ("id", two.text.as_str(), one.text.as_str());
    swap(setup, "texts", "params_sealed", ids).await;
    let claim = setup.store.claim_text(&one.text, after(100), after(200));
    let row = one.text.as_str().to_owned();
    assert_eq!(named(claim.await), ("texts", "params_sealed", row.clone()));
    swap(setup, "texts", "to_sealed", ids).await;
    let found = named(setup.store.text(&one.text).await);
    assert_eq!(found, ("texts", "to_sealed", row));
}

/// Puts every value of `two` but the signing key's in the place of `one`'s.
async fn exchange(setup: &Setup, one: &Everything, two: &Everything) {
    let (from, to) = (two.holder.as_str(), one.holder.as_str());
    swap(setup, "drivers", "record_sealed", ("id", from, to)).await;
    swap(setup, "drivers", "former_phone_sealed", ("id", from, to)).await;
    let (from, to) = (two.photo.as_str(), one.photo.as_str());
    swap(setup, "photos", "meta_sealed", ("id", from, to)).await;
    let key = ("photo_id", from, to);
    swap(setup, "photo_findings", "findings_sealed", key).await;
    let (from, to) = (two.check.as_str(), one.check.as_str());
    swap(setup, "person_checks", "distances_sealed", ("id", from, to)).await;
    let (from, to) = (two.application.as_str(), one.application.as_str());
    swap(setup, "applications", "identity_sealed", ("id", from, to)).await;
    let (from, to) = (two.credential.as_str(), one.credential.as_str());
    let key = ("credential_id", from, to);
    swap(setup, "credential_forms", "form_sealed", key).await;
    let (from, to) = (two.look_up.as_str(), one.look_up.as_str());
    swap(setup, "verifications", "answer_sealed", ("id", from, to)).await;
    let (from, to) = (two.staff.as_str(), one.staff.as_str());
    swap(setup, "staff", "name_sealed", ("id", from, to)).await;
    std::fs::copy(two.photo_file(setup), one.photo_file(setup)).unwrap();
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

/// SC-63: neither name, number, address, face nor an officer's name can be read from the files.
pub(crate) async fn sc_63_a_stolen_database_tells_nothing(setup: &Setup) {
    tells_nothing(setup).await;
}

/// SC-63: the same under SM4-GCM.
pub(crate) async fn sc_63_a_stolen_database_of_the_national_suite_tells_nothing(setup: &Setup) {
    let by = Steward {
        actor: "operator",
        request: "request-1",
        now: start(),
    };
    setup.spoil();
    let store = &setup.store;
    let mut rng = setup.rng();
    let key = store.rotate_data_key(AtRest::Sm4Gcm, &by, &mut rng).await;
    assert_eq!(key.unwrap(), 2);
    tells_nothing(setup).await;
    let under: Vec<String> = store
        .values_under(2)
        .await
        .unwrap()
        .into_iter()
        .map(|(place, _)| place)
        .collect();
    assert_eq!(under.len(), 22, "{under:?}");
}

async fn tells_nothing(setup: &Setup) {
    let n = 4_711;
    let everything = Everything::of(setup, n).await;
    let record = people::record(n, 1);
    let secrets = [
        record.name.as_str(),
        record.licence_number.as_str(),
        record.subject.as_str(),
        record.address.as_deref().unwrap(),
        record.file_number.as_ref().unwrap().as_str(),
        "演示员4711",
        "a drawn portrait",
        "eyes of",
        "申诉理由",
        "a face, number",
        "two photos apart",
        "\"apart\"",
        "public form",
        "enforcement form",
        "secret of",
        "13900004711",
        "secret code",
        "where 4711 hears",
        "19900000004711",
    ];
    let mut files = database_files(setup).await;
    files.push(text_of(&everything.photo_file(setup)));
    let holds = |text: &str| files.iter().any(|file| file.contains(text));
    // What is not sealed is found, so the search can find.
    assert!(holds(everything.holder.as_str()));
    assert!(holds("login4711"));
    for secret in secrets {
        assert!(!holds(secret), "{secret}");
    }
}

fn text_of(file: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned()
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
        .map(|path| text_of(&path))
        .collect()
}
