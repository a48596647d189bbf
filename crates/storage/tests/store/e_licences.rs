//! Electronic licences: one current for each driver, one active credential for each of them.

use licence::e_licence::Stage;
use sqlx::Row;
use storage::{Conflict, CredentialId, StatusPlace};

use crate::{
    harness::{Setup, after, conflict, inconsistent},
    steps::{issue, new_credential, new_e_licence, write},
};

const ELSEWHERE: StatusPlace = StatusPlace { list: 9, index: 9 };

pub(crate) async fn an_issue_comes_back_as_written(setup: &Setup) {
    let driver = setup.driver(1).await;
    let application = setup.approved(&driver.id).await;
    let place = StatusPlace { list: 0, index: 77 };
    let e_licence = new_e_licence(setup, &driver.id, &application, after(60));
    let credential = new_credential(setup, &e_licence.id, place);
    let revision = setup.reread(&driver.id).await.revision;
    let committed = issue(&setup.store, &driver.id, revision, &e_licence, &credential)
        .await
        .unwrap();
    assert_eq!(committed.partition, driver.id.partition());

    let current = setup.store.current_e_licence(&driver.id).await.unwrap();
    let current = current.unwrap();
    assert_eq!(current.e_licence.id, e_licence.id);
    assert_eq!(current.e_licence.holder, driver.id);
    assert_eq!(current.e_licence.application, application);
    assert_eq!(current.e_licence.stage, Stage::Active);
    assert_eq!(current.e_licence.edition, 1);
    assert_eq!(current.e_licence.photo, e_licence.photo);
    assert_eq!(current.e_licence.generated_at, after(60));
    assert_eq!(current.credential.as_ref().unwrap().id, credential.id);
    assert_eq!(current.credential.as_ref().unwrap().e_licence, e_licence.id);
    assert_eq!(current.credential.as_ref().unwrap().binding, None);
    assert_eq!(current.credential.as_ref().unwrap().place, place);
    assert_eq!(current.credential.as_ref().unwrap().status_value, 0);
    assert_eq!(current.credential.as_ref().unwrap().issued_at, after(60));
    assert_eq!(
        current.credential.as_ref().unwrap().expires_at,
        credential.expires_at
    );

    let values = setup.store.status_values(driver.id.partition()).await;
    assert_eq!(values.unwrap(), [(place, 0)]);
    let several = setup
        .store
        .current_e_licences(driver.id.partition(), std::slice::from_ref(&driver.id))
        .await
        .unwrap();
    assert_eq!(several.len(), 1);
}

/// R13: each suite's signature is kept sealed beside its credential.
pub(crate) async fn r13_signed_forms_come_back_as_written(setup: &Setup) {
    let driver = setup.driver(1).await;
    let current = setup.issued(&driver.id).await;
    let written = new_credential(setup, &current.e_licence.id, ELSEWHERE).forms;
    let credential = &current.credential.as_ref().unwrap().id;
    let forms = setup.store.forms(&driver.id, credential).await.unwrap();
    assert_eq!(forms.len(), 2);
    for (found, written) in forms.iter().zip(&written) {
        assert_eq!((&found.suite, &found.form), (&written.suite, &written.form));
        assert_eq!(found.key_id, written.key_id);
    }
    let other = setup.driver_in(driver.id.partition(), 2).await;
    let refused = setup.store.forms(&other.id, credential).await;
    assert_eq!(inconsistent(refused), ("credential_forms", "form_sealed"));
    // One suite's form does not pass for another's.
    setup
        .execute("UPDATE credential_forms SET suite = 'other' WHERE suite = 'ES256'")
        .await;
    let refused = setup.store.forms(&driver.id, credential).await;
    assert_eq!(inconsistent(refused), ("credential_forms", "form_sealed"));
}

/// R13: one active e-licence for each driver, whoever tries and however fresh the lock.
pub(crate) async fn r13_a_driver_has_one_current_e_licence(setup: &Setup) {
    let driver = setup.driver(1).await;
    let current = setup.issued(&driver.id).await;
    let application = setup.approved(&driver.id).await;
    let second = new_e_licence(setup, &driver.id, &application, after(90));
    let refused = write(&setup.store, &driver.id, async |tx, locked| {
        tx.insert_e_licence(locked, &second).await
    })
    .await;
    assert_eq!(conflict(refused), Conflict::CurrentELicence);

    // Past the store, the index itself refuses; a superseded one is no obstacle.
    let insert = |id: &str, stage: &str, ended: &str| {
        let sanction = if stage == "stopped" {
            "'san_x'"
        } else {
            "NULL"
        };
        format!(
            "INSERT INTO e_licences (partition, id, holder_id, application_id, stage, edition, photo_id, generated_at, \
             ended_at, ended_reason, sanction_id) SELECT partition, '{id}', holder_id, '{id}', '{stage}', edition, photo_id, \
             generated_at, {ended}, {sanction} FROM e_licences WHERE id = '{}'",
            current.e_licence.id
        )
    };
    let mut raw = setup.raw().await;
    for stage in ["active", "stopped"] {
        let text = sqlx::AssertSqlSafe(insert("lic_x", stage, "NULL, NULL"));
        let error = sqlx::query(text).execute(&mut raw).await.unwrap_err();
        assert!(error.as_database_error().unwrap().is_unique_violation());
    }
    setup
        .execute(&insert("lic_y", "superseded", "1, 'new-edition'"))
        .await;
    let found: i64 = sqlx::query("SELECT COUNT(*) FROM e_licences WHERE stage = 'active'")
        .fetch_one(&mut raw)
        .await
        .unwrap()
        .get(0);
    assert_eq!(found, 1);
}

pub(crate) async fn an_application_brings_one_e_licence(setup: &Setup) {
    let driver = setup.driver(1).await;
    let current = setup.issued(&driver.id).await;
    write(&setup.store, &driver.id, async |tx, locked| {
        tx.end_e_licence(
            locked,
            &current,
            Stage::Revoked,
            "holder-request",
            after(70),
        )
        .await
    })
    .await
    .unwrap();
    let again = new_e_licence(setup, &driver.id, &current.e_licence.application, after(90));
    let refused = write(&setup.store, &driver.id, async |tx, locked| {
        tx.insert_e_licence(locked, &again).await
    })
    .await;
    assert_eq!(conflict(refused), Conflict::CurrentELicence);
}

pub(crate) async fn an_e_licence_has_one_active_credential(setup: &Setup) {
    let driver = setup.driver(1).await;
    let current = setup.issued(&driver.id).await;
    let mut second = new_credential(setup, &current.e_licence.id, ELSEWHERE);
    second.issued_at = after(70);
    let refused = write(&setup.store, &driver.id, async |tx, locked| {
        tx.insert_credential(locked, &second).await
    })
    .await;
    assert_eq!(conflict(refused), Conflict::ELicenceState);
    write(&setup.store, &driver.id, async |tx, locked| {
        tx.end_credential(locked, &current.credential.as_ref().unwrap().id, after(70))
            .await?;
        tx.insert_credential(locked, &second).await
    })
    .await
    .unwrap();
    let now = setup.store.current_e_licence(&driver.id).await.unwrap();
    assert_eq!(now.unwrap().credential.unwrap().id, second.id);
    let newest = setup.store.newest_forms(&driver.id, &current.e_licence.id);
    let (newest, forms) = newest.await.unwrap().unwrap();
    assert_eq!(
        (newest, forms.len()),
        (second.id.clone(), second.forms.len())
    );
    let mut values = setup
        .store
        .status_values(driver.id.partition())
        .await
        .unwrap();
    values.sort_by_key(|(_, value)| *value);
    assert_eq!(
        values,
        [
            (ELSEWHERE, 0),
            (current.credential.as_ref().unwrap().place, 1)
        ]
    );
}

pub(crate) async fn a_place_in_the_status_lists_is_given_once(setup: &Setup) {
    let one = setup.driver(1).await;
    let other = setup.driver_in(one.id.partition(), 2).await;
    let taken = setup.issued(&one.id).await.credential.unwrap().place;
    let application = setup.approved(&other.id).await;
    let e_licence = new_e_licence(setup, &other.id, &application, after(60));
    let credential = new_credential(setup, &e_licence.id, taken);
    let revision = setup.reread(&other.id).await.revision;
    let refused = issue(&setup.store, &other.id, revision, &e_licence, &credential).await;
    assert_eq!(conflict(refused), Conflict::ELicenceState);
    let found = setup.store.current_e_licence(&other.id).await.unwrap();
    assert!(found.is_none());
}

/// R88-R90: what a new edition supersedes; afterwards the next one can be issued.
pub(crate) async fn r88_ending_an_e_licence_ends_its_credential(setup: &Setup) {
    let driver = setup.driver(1).await;
    let current = setup.issued(&driver.id).await;
    let end = async || {
        write(&setup.store, &driver.id, async |tx, locked| {
            tx.end_e_licence(
                locked,
                &current,
                Stage::Superseded,
                "new-edition",
                after(70),
            )
            .await?;
            let left = tx
                .current_e_licences(std::slice::from_ref(&driver.id))
                .await?;
            assert!(left.is_empty());
            Ok(())
        })
        .await
    };
    end().await.unwrap();
    assert_eq!(conflict(end().await), Conflict::ELicenceState);
    let store = &setup.store;
    assert!(store.current_e_licence(&driver.id).await.unwrap().is_none());
    let newest = store.newest_e_licence(&driver.id).await.unwrap().unwrap();
    assert_eq!(newest.id, current.e_licence.id);
    assert_eq!(newest.stage, Stage::Superseded);
    assert_eq!(newest.ended_at, Some(after(70)));
    assert_eq!(newest.ended_reason.as_deref(), Some("new-edition"));
    let values = store.status_values(driver.id.partition()).await.unwrap();
    assert_eq!(values, [(current.credential.as_ref().unwrap().place, 1)]);
    let newest = store.newest_forms(&driver.id, &current.e_licence.id);
    let (credential, _) = newest.await.unwrap().unwrap();
    assert_eq!(credential, current.credential.as_ref().unwrap().id);

    let next = setup.issued(&driver.id).await;
    assert_ne!(next.e_licence.id, current.e_licence.id);
    let old = store.e_licence(&current.e_licence.id).await.unwrap();
    assert_eq!(old.unwrap().stage, Stage::Superseded);
}

pub(crate) async fn a_status_value_is_set_on_an_active_credential_only(setup: &Setup) {
    let driver = setup.driver(1).await;
    let other = setup.driver_in(driver.id.partition(), 2).await;
    let current = setup.issued(&driver.id).await;
    let set = async |holder, credential: &CredentialId| {
        write(&setup.store, holder, async |tx, locked| {
            tx.set_status_value(locked, credential, 3).await
        })
        .await
    };
    let id = &current.credential.as_ref().unwrap().id;
    assert_eq!(conflict(set(&other.id, id).await), Conflict::ELicenceState);
    set(&driver.id, id).await.unwrap();
    let found = setup.store.current_e_licence(&driver.id).await.unwrap();
    assert_eq!(found.unwrap().credential.unwrap().status_value, 3);
    write(&setup.store, &driver.id, async |tx, locked| {
        tx.end_credential(locked, id, after(70)).await
    })
    .await
    .unwrap();
    assert_eq!(conflict(set(&driver.id, id).await), Conflict::ELicenceState);
}
