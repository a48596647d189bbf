//! What a look-up is about: read by one statement, and the same as what its parts say one by one.

use licence::e_licence::Stage;
use storage::{
    CodeUse, CurrentELicence, Driver, ELicenceId, HolderId, NumericCodeRow, StatusPlace, Subject,
};
use zeroize::Zeroizing;

use crate::{
    harness::{Setup, after, named, start},
    steps::{new_credential, write, write_in},
};

const ELSEWHERE: StatusPlace = StatusPlace { list: 9, index: 9 };
const ES256: &str = "ES256";
const SM2: &str = "SM2-with-SM3";

async fn licensed(setup: &Setup) -> (Driver, CurrentELicence) {
    let driver = setup.driver(1).await;
    let current = setup.issued(&driver.id).await;
    (setup.reread(&driver.id).await, current)
}

async fn subject(setup: &Setup, holder: &HolderId, id: &ELicenceId, suite: &str) -> Subject {
    let found = setup.store.subject(holder, id, suite).await.unwrap();
    found.unwrap()
}

/// Reads by a numeric code of that driver and e-licence.
async fn by_code(setup: &Setup, holder: &HolderId, id: &ELicenceId) -> Option<Box<Subject>> {
    let code = NumericCodeRow {
        code: setup.store.blind("numeric-code", id.as_str().as_bytes()),
        holder: holder.clone(),
        e_licence: id.clone(),
        made_at: start(),
        expires_at: after(9_999),
    };
    let partition = holder.partition();
    write_in(&setup.store, partition, async |tx| {
        tx.insert_numeric_code(&code).await
    })
    .await
    .unwrap();
    let seen = setup
        .store
        .peek_numeric_code((partition, &code.code), ES256, after(100));
    let CodeUse::Used(row, subject) = seen.await.unwrap() else {
        panic!("a fresh code works");
    };
    assert_eq!((row.holder, row.e_licence), (holder.clone(), id.clone()));
    subject
}

pub(crate) async fn a_subject_is_what_its_parts_say(setup: &Setup) {
    let (driver, current) = licensed(setup).await;
    let id = &current.e_licence.id;
    let credential = current.credential.as_ref().unwrap();
    let by_code = by_code(setup, &driver.id, id).await.unwrap();
    for found in [*by_code, subject(setup, &driver.id, id, ES256).await] {
        assert_eq!(found.driver.id, driver.id);
        assert_eq!(found.driver.revision, driver.revision);
        assert_eq!(found.driver.record, driver.record);
        assert_eq!(found.driver.photo, driver.photo);
        assert_eq!(found.driver.status_value, driver.status_value);
        assert_eq!(found.e_licence.photo, current.e_licence.photo);
        assert_eq!(found.current().unwrap().e_licence.id, *id);
        let active = found.active.as_ref().unwrap();
        assert_eq!(
            (&active.id, active.place),
            (&credential.id, credential.place)
        );
        let (newest, form) = found.newest.unwrap();
        assert_eq!((&newest, form.suite.as_str()), (&credential.id, ES256));
        assert_eq!(form.form.as_slice(), b"signed by ES256");
    }
    // The suite that is asked for, else the first.
    for (asked, suite) in [(SM2, SM2), ("none", ES256)] {
        let found = subject(setup, &driver.id, id, asked).await;
        assert_eq!(found.newest.unwrap().1.suite, suite);
    }
}

/// R88: what ended is told as it ended, with the credential that ended last.
pub(crate) async fn a_subject_that_ended_has_its_last_credential(setup: &Setup) {
    let (driver, current) = licensed(setup).await;
    let (id, first) = (&current.e_licence.id, current.credential.as_ref().unwrap());
    let mut second = new_credential(setup, id, ELSEWHERE);
    second.issued_at = after(70);
    second.forms[0].form = Zeroizing::new(b"newer".to_vec());
    write(&setup.store, &driver.id, async |tx, locked| {
        tx.end_credential(locked, &first.id, after(70)).await?;
        tx.insert_credential(locked, &second).await
    })
    .await
    .unwrap();
    let found = subject(setup, &driver.id, id, ES256).await;
    assert_eq!(found.active.as_ref().unwrap().id, second.id);
    assert_eq!(found.newest.unwrap().1.form.as_slice(), b"newer");

    write(&setup.store, &driver.id, async |tx, locked| {
        tx.end_credential(locked, &second.id, after(80)).await
    })
    .await
    .unwrap();
    let without = subject(setup, &driver.id, id, ES256).await;
    assert!(without.active.is_none() && without.current().unwrap().credential.is_none());
    assert_eq!(without.newest.unwrap().0, second.id);

    let current = setup.store.current_e_licence(&driver.id).await.unwrap();
    write(&setup.store, &driver.id, async |tx, locked| {
        let (stage, reason) = (Stage::Superseded, "new-edition");
        tx.end_e_licence(locked, &current.unwrap(), stage, reason, after(90))
            .await
    })
    .await
    .unwrap();
    let ended = subject(setup, &driver.id, id, ES256).await;
    assert_eq!(ended.e_licence.stage, Stage::Superseded);
    assert!(ended.current().is_none() && ended.active.is_none());
    assert_eq!(ended.newest.unwrap().0, second.id);
}

/// SC-20: nobody's e-licence is read with another's record.
pub(crate) async fn sc_20_a_subject_is_of_one_holder(setup: &Setup) {
    let (driver, current) = licensed(setup).await;
    let other = setup.driver_in(driver.id.partition(), 2).await;
    let id = &current.e_licence.id;
    let found = setup.store.subject(&other.id, id, ES256).await.unwrap();
    assert!(found.is_none());
    assert!(by_code(setup, &other.id, id).await.is_none());
    let nobody = HolderId::generate(driver.id.partition(), &mut setup.rng());
    assert!(
        setup
            .store
            .subject(&nobody, id, ES256)
            .await
            .unwrap()
            .is_none()
    );
}

/// SC-63: a record from elsewhere is named with its row.
pub(crate) async fn sc_63_a_swapped_record_of_a_subject_is_named(setup: &Setup) {
    let (driver, current) = licensed(setup).await;
    let other = setup.driver_in(driver.id.partition(), 2).await;
    let text = format!(
        "UPDATE drivers SET record_sealed = (SELECT record_sealed FROM drivers WHERE id = '{}') WHERE id = '{}'",
        other.id, driver.id
    );
    assert_eq!(setup.execute(&text).await, 1);
    let found = setup
        .store
        .subject(&driver.id, &current.e_licence.id, ES256);
    assert_eq!(
        named(found.await),
        ("drivers", "record_sealed", driver.id.to_string())
    );
}
