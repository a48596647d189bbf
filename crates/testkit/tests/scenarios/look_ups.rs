//! Look-ups that are committed together: each still stands for itself.

use std::{sync::Arc, time::Duration};

use authority::{Act, Actor, StaffActor, views::Verify};
use serde_json::Value;
use storage::{AliasKind, Driver, Locked, Tx, audit::AuditRow};
use testkit::{
    app::App,
    client::{Answer, Client},
    people::BEIJING,
};
use tokio::task::JoinHandle;

use crate::{
    audit::execute,
    on_both_engines,
    steps::{check, driver_with_licence, numeric_code},
};

on_both_engines!(
    sc_43_a_code_twice_in_one_group_works_once,
    sc_43_the_same_request_in_one_group_is_answered_the_same,
    a_driver_who_changed_before_the_commit_is_looked_up_anew,
    a_look_up_is_recorded_though_nobody_waits_for_it,
    a_group_that_cannot_be_written_is_not_answered,
    a_look_up_takes_two_reads_and_six_statements,
);

/// Long enough for look-ups to be prepared and to wait for their commit. Were it too short they would
/// be committed one by one, and the outcome were the same.
const GATHERED: Duration = Duration::from_millis(300);

async fn driver_of(app: &App) -> Driver {
    let store = app.authority.store();
    let number = store.alias(AliasKind::LicenceNumber, BEIJING);
    let owners = store
        .holders_of(AliasKind::LicenceNumber, &[number])
        .await
        .unwrap();
    let holder = owners.into_values().next().unwrap();
    store.driver(&holder).await.unwrap().unwrap()
}

/// Holds the driver, so that every look-up of them waits.
async fn held(app: &App) -> (Tx, Locked) {
    let driver = driver_of(app).await;
    let store = app.authority.store();
    store.begin(&driver.id, driver.revision).await.unwrap()
}

async fn look_ups_in_audit(app: &App) -> Vec<AuditRow> {
    let partition = driver_of(app).await.id.partition();
    let rows = app.authority.store().audit_after(partition, 0, 500).await;
    let mut rows = rows.unwrap();
    rows.retain(|row| row.act == "verification.answered");
    rows
}

async fn some_codes(driver: &Client, count: usize) -> Vec<String> {
    let mut codes = Vec::new();
    for _ in 0..count {
        codes.push(numeric_code(driver).await);
    }
    codes
}

fn ask(police: &Arc<Client>, code: &str, key: Option<String>) -> JoinHandle<Answer> {
    let (police, request) = (Arc::clone(police), check(code));
    tokio::spawn(async move {
        match key {
            Some(key) => police.post_once("/verifications", &request, &key).await,
            None => police.post("/verifications", &request).await,
        }
    })
}

async fn answers(asked: Vec<JoinHandle<Answer>>) -> Vec<Answer> {
    let mut answers = Vec::new();
    for one in asked {
        answers.push(one.await.unwrap());
    }
    answers
}

fn answered(answers: &[Answer]) -> Vec<Value> {
    let good = answers.iter().filter(|answer| answer.status == 200);
    good.map(Answer::json).collect()
}

async fn sc_43_a_code_twice_in_one_group_works_once(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let police = Arc::new(app.staff("police").await);
    let codes = some_codes(&driver, 8).await;
    let hold = held(&app).await;
    let twice = codes.iter().chain(&codes);
    let asked: Vec<_> = twice.map(|code| ask(&police, code, None)).collect();
    tokio::time::sleep(GATHERED).await;
    drop(hold);
    let answers = answers(asked).await;
    for (first, second) in answers.iter().zip(&answers[8..]) {
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
    }
    // Each answer has its row, and nothing else has.
    let mut told: Vec<String> = answered(&answers)
        .iter()
        .map(|answer| answer["id"].as_str().unwrap().to_owned())
        .collect();
    told.sort();
    let mut audited: Vec<String> = look_ups_in_audit(&app)
        .await
        .iter()
        .map(|row| serde_json::from_str::<Value>(&row.detail).unwrap())
        .map(|detail| detail["verification"].as_str().unwrap().to_owned())
        .collect();
    audited.sort();
    assert_eq!((told.len(), audited), (8, told));
}

async fn sc_43_the_same_request_in_one_group_is_answered_the_same(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let police = Arc::new(app.staff("police").await);
    let codes = some_codes(&driver, 5).await;
    let hold = held(&app).await;
    let mut asked = Vec::new();
    for _ in 0..3 {
        for code in &codes {
            asked.push(ask(&police, code, Some(format!("key-{code}"))));
        }
    }
    tokio::time::sleep(GATHERED).await;
    drop(hold);
    let answers = answers(asked).await;
    let all = answered(&answers);
    assert_eq!(all.len(), 15, "{:?}", answers.last());
    for (place, answer) in all.iter().enumerate() {
        assert_eq!(answer, &all[place % 5]);
    }
    assert_eq!(look_ups_in_audit(&app).await.len(), 5);
    // The key of one request does not serve another.
    let fresh = numeric_code(&driver).await;
    let (fresh, key) = (check(&fresh), format!("key-{}", codes[0]));
    let reused = police.post_once("/verifications", &fresh, &key).await;
    reused.problem(409, "idempotency-key-reused");
}

/// An answer never rests on a stale record: one prepared before a change is prepared anew.
async fn a_driver_who_changed_before_the_commit_is_looked_up_anew(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let police = Arc::new(app.staff("police").await);
    let codes = some_codes(&driver, 8).await;
    let before = driver_of(&app).await.revision;
    let (tx, _locked) = held(&app).await;
    let asked = codes.iter().map(|code| ask(&police, code, None));
    let asked: Vec<_> = asked.collect();
    tokio::time::sleep(GATHERED).await;
    let entry = app.act().entry("test.changed");
    tx.commit(entry, Vec::new()).await.unwrap();
    assert_eq!(answered(&answers(asked).await).len(), 8);
    assert_eq!(driver_of(&app).await.revision, before + 1);
    assert_eq!(look_ups_in_audit(&app).await.len(), 8);
}

/// The act of a police officer, past HTTP.
async fn officer(app: &App) -> Act {
    let staff = app.authority.store().staff_by_login("police").await;
    let staff = staff.unwrap().unwrap();
    Act {
        actor: Actor::Staff(StaffActor {
            staff,
            office: None,
        }),
        ..app.act()
    }
}

/// Whoever waits for a look-up may leave: it goes on with its group.
async fn a_look_up_is_recorded_though_nobody_waits_for_it(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let police = Arc::new(app.staff("police").await);
    let codes = some_codes(&driver, 6).await;
    let hold = held(&app).await;
    let mut left = Vec::new();
    for code in &codes[..3] {
        let (authority, mut act) = (app.authority.clone(), officer(&app).await);
        let request: Verify = serde_json::from_value(check(code)).unwrap();
        left.push(tokio::spawn(async move {
            authority.verify(&mut act, request, None).await
        }));
    }
    let stayed: Vec<_> = codes[3..]
        .iter()
        .map(|code| ask(&police, code, None))
        .collect();
    tokio::time::sleep(GATHERED).await;
    for one in left {
        one.abort();
        assert!(one.await.unwrap_err().is_cancelled());
    }
    drop(hold);
    assert_eq!(answered(&answers(stayed).await).len(), 3);
    for code in &codes {
        let again = police.post("/verifications", &check(code)).await;
        again.problem(409, "code-used");
    }
    assert_eq!(look_ups_in_audit(&app).await.len(), 6);
}

/// Where a group cannot be written none of it is answered, and nothing is used up.
async fn a_group_that_cannot_be_written_is_not_answered(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let police = Arc::new(app.staff("police").await);
    let codes = some_codes(&driver, 8).await;
    execute(&app, "ALTER TABLE audit RENAME TO audit_elsewhere").await;
    let asked = codes.iter().map(|code| ask(&police, code, None));
    for answer in answers(asked.collect()).await {
        assert_eq!(answer.status, 503, "{}", answer.text());
    }
    execute(&app, "ALTER TABLE audit_elsewhere RENAME TO audit").await;
    assert!(look_ups_in_audit(&app).await.is_empty());
    let asked = codes.iter().map(|code| ask(&police, code, None));
    assert_eq!(answered(&answers(asked.collect()).await).len(), 8);
    assert_eq!(look_ups_in_audit(&app).await.len(), 8);
}

/// Each statement is a way to the database and back: the session with its member is one, what the code
/// is about another, and a group is written by as few as one look-up.
async fn a_look_up_takes_two_reads_and_six_statements(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let police = Arc::new(app.staff("police").await);
    let code = numeric_code(&driver).await;
    let store = app.authority.store();
    let before = store.work();
    ask(&police, &code, None).await.unwrap().done();
    let after = store.work();
    assert_eq!(after.reads - before.reads, 2);
    // The driver held, the code used, the answer kept; then heads, audit row, heads.
    assert_eq!(after.statements - before.statements, 6);
}
