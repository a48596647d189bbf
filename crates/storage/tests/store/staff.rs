//! Acts of no holder: staff, offices, registry sources, the roll-out, keys and trust lists.

use jiff::civil::date;
use storage::{
    Conflict, Office, Partition, RegistrySource, SigningKeyRow, SourceId, Staff, StaffId,
    TrustListRow, WaveRow,
};
use zeroize::Zeroizing;

use crate::{
    harness::{Setup, after, conflict, inconsistent, start},
    people,
    steps::write_in,
};

const SYSTEM: Partition = Partition::SYSTEM;

fn officer(setup: &Setup, login: &str, n: u32) -> Staff {
    let number = people::licence_number(n);
    let own = setup.store.blind("licence-number", number.as_bytes());
    Staff {
        id: StaffId::generate(SYSTEM, &mut setup.rng()),
        login: login.to_owned(),
        name: format!("演示员{n}"),
        password_hash: "$argon2id$".to_owned(),
        roles: vec!["counter".to_owned(), "reviewer".to_owned()],
        office: Some("110101".to_owned()),
        own_licence: Some(own.as_bytes().to_vec()),
        disabled_at: None,
    }
}

async fn insert(setup: &Setup, staff: &Staff) -> Result<(), storage::StoreError> {
    write_in(&setup.store, SYSTEM, async |tx| {
        tx.insert_staff(staff, start()).await
    })
    .await
}

pub(crate) async fn sc_31_staff_come_back_as_written(setup: &Setup) {
    assert!(!setup.store.has_staff().await.unwrap());
    let one = officer(setup, "counter1", 1);
    insert(setup, &one).await.unwrap();
    assert!(setup.store.has_staff().await.unwrap());
    for found in [
        setup.store.staff(&one.id).await,
        setup.store.staff_by_login("counter1").await,
    ] {
        let found = found.unwrap().unwrap();
        assert_eq!((&found.id, &found.name), (&one.id, &one.name));
        assert_eq!(found.login, one.login);
        assert_eq!(found.password_hash, one.password_hash);
        assert_eq!(found.roles, one.roles);
        assert_eq!(found.office, one.office);
        assert_eq!(found.disabled_at, None);
        let blind = |n| {
            let number = people::licence_number(n);
            setup.store.blind("licence-number", number.as_bytes())
        };
        assert!(found.owns(&blind(1)));
        assert!(!found.owns(&blind(2)));
    }
    let nobody = setup.store.staff_by_login("COUNTER1").await.unwrap();
    assert!(nobody.is_none());
}

pub(crate) async fn a_login_is_taken_once(setup: &Setup) {
    insert(setup, &officer(setup, "one", 1)).await.unwrap();
    let refused = insert(setup, &officer(setup, "one", 2)).await;
    assert_eq!(conflict(refused), Conflict::NameTaken);
    let mut without = officer(setup, "two", 2);
    (without.office, without.own_licence) = (None, None);
    insert(setup, &without).await.unwrap();
    let found = setup.store.staff(&without.id).await.unwrap().unwrap();
    assert_eq!((found.office, found.own_licence), (None, None));
}

/// SC-63: names of staff are sealed, and bound to their row.
pub(crate) async fn sc_63_a_swapped_staff_name_is_noticed(setup: &Setup) {
    let (one, other) = (officer(setup, "one", 1), officer(setup, "two", 2));
    insert(setup, &one).await.unwrap();
    insert(setup, &other).await.unwrap();
    let swap = "UPDATE staff SET name_sealed = (SELECT name_sealed FROM staff WHERE login = 'two') WHERE login = 'one'";
    assert_eq!(setup.execute(swap).await, 1);
    let found = setup.store.staff(&one.id).await;
    assert_eq!(inconsistent(found), ("staff", "name_sealed"));
}

pub(crate) async fn offices_are_listed_by_code(setup: &Setup) {
    let office = |code: &str| Office {
        code: code.to_owned(),
        name: format!("{code}窗口（演示）"),
        authority_code: "1101".to_owned(),
    };
    let add = async |office: &Office| {
        write_in(&setup.store, SYSTEM, async |tx| {
            tx.insert_office(office, start()).await
        })
        .await
    };
    add(&office("110102")).await.unwrap();
    add(&office("110101")).await.unwrap();
    let refused = add(&office("110101")).await;
    assert_eq!(conflict(refused), Conflict::NameTaken);
    let all = setup.store.offices().await.unwrap();
    assert_eq!(all, [office("110101"), office("110102")]);
    let one = setup.store.office("110102").await.unwrap();
    assert_eq!(one, Some(office("110102")));
    assert!(setup.store.office("110103").await.unwrap().is_none());
}

pub(crate) async fn a_registry_is_known_by_its_token(setup: &Setup) {
    let source = |name: &str| RegistrySource {
        id: SourceId::generate(SYSTEM, &mut setup.rng()),
        name: name.to_owned(),
        authorities: vec!["1101".to_owned(), "5101".to_owned()],
    };
    let add = async |source: &RegistrySource, token: &[u8]| {
        write_in(&setup.store, SYSTEM, async |tx| {
            tx.insert_registry_source(source, token, start()).await
        })
        .await
    };
    let one = source("demo");
    add(&one, b"hash-1").await.unwrap();
    for (name, token) in [("demo", b"hash-2"), ("other", b"hash-1")] {
        let refused = add(&source(name), token).await;
        assert_eq!(conflict(refused), Conflict::NameTaken);
    }
    let found = setup.store.registry_source(b"hash-1").await.unwrap();
    let found = found.unwrap();
    assert_eq!((found.id, found.name), (one.id, one.name));
    assert_eq!(found.authorities, one.authorities);
    let unknown = setup.store.registry_source(b"hash-2").await.unwrap();
    assert!(unknown.is_none());
    setup
        .execute("UPDATE registry_sources SET disabled_at = 1")
        .await;
    let shut_out = setup.store.registry_source(b"hash-1").await.unwrap();
    assert!(shut_out.is_none());
}

/// R5: a city's date can be set and set again; `*` opens the whole country.
pub(crate) async fn r5_waves_are_set_and_moved(setup: &Setup) {
    let wave = |city: &str, opens_on| WaveRow {
        city: city.to_owned(),
        opens_on,
    };
    for one in [
        wave("4401", date(2021, 10, 1)),
        wave("*", date(2022, 1, 1)),
        wave("4401", date(2021, 11, 1)),
    ] {
        write_in(&setup.store, SYSTEM, async |tx| {
            tx.set_wave(&one, "stf_admin", start()).await
        })
        .await
        .unwrap();
    }
    let waves = setup.store.waves().await.unwrap();
    let expected = [wave("*", date(2022, 1, 1)), wave("4401", date(2021, 11, 1))];
    assert_eq!(waves, expected);
}

fn key(id: &str) -> SigningKeyRow {
    SigningKeyRow {
        key_id: id.to_owned(),
        suite: "ES256".to_owned(),
        secret: Zeroizing::new(format!("secret of {id}").into_bytes()),
        not_before: start(),
        not_after: after(86_400),
    }
}

pub(crate) async fn signing_keys_are_sealed_and_listed_newest_first(setup: &Setup) {
    let add = async |id: &str, at: i64| {
        write_in(&setup.store, SYSTEM, async |tx| {
            tx.insert_signing_key(&key(id), after(at)).await
        })
        .await
    };
    add("aa", 1).await.unwrap();
    add("bb", 2).await.unwrap();
    assert_eq!(conflict(add("aa", 3).await), Conflict::Trust);
    let found = setup.store.signing_keys().await.unwrap();
    assert_eq!(found.len(), 2);
    for (row, id) in found.iter().zip(["bb", "aa"]) {
        let written = key(id);
        assert_eq!((&row.key_id, &row.suite), (&written.key_id, &written.suite));
        assert_eq!(row.secret, written.secret);
        assert_eq!((row.not_before, row.not_after), (start(), after(86_400)));
        assert!(!format!("{row:?}").contains("secret"));
    }
    let swap = "UPDATE signing_keys SET secret_sealed = (SELECT secret_sealed FROM signing_keys WHERE key_id = 'aa')";
    setup.execute(swap).await;
    let found = setup.store.signing_keys().await;
    assert_eq!(inconsistent(found), ("signing_keys", "secret_sealed"));
}

pub(crate) async fn the_newest_trust_list_counts(setup: &Setup) {
    assert!(setup.store.trust_list().await.unwrap().is_none());
    let add = async |version: u64, document: &str| {
        write_in(&setup.store, SYSTEM, async |tx| {
            tx.insert_trust_list(&trust_list(version, document), start())
                .await
        })
        .await
    };
    for version in [1, 10, 9] {
        add(version, &format!("list {version}")).await.unwrap();
    }
    assert_eq!(conflict(add(10, "other").await), Conflict::Trust);
    let newest = setup.store.trust_list().await.unwrap();
    assert_eq!(newest, Some(trust_list(10, "list 10")));
    assert_eq!(setup.store.trust_version().await.unwrap(), Some(10));
}

fn trust_list(version: u64, document: &str) -> TrustListRow {
    TrustListRow {
        version,
        document: document.to_owned(),
        certificates: None,
    }
}
