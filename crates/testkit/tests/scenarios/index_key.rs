//! The index key changes while the platform serves: whoever has a name keeps it.

use authority::{Authority, Delivery, views::DeliveryView};
use serde_json::{Value, json};
use storage::{AliasKind, AtRest, IndexRetirement, Steward, Store};
use testkit::{
    app::{App, PASSWORD},
    client::Client,
    people::{BEIJING, BEIJING_OTHER, CHENGDU, WUHAN, record, with},
};

use crate::{
    on_both_engines,
    steps::{codes, counter_application, deliver, driver_with_licence, try_deliver},
};

on_both_engines!(
    sc_63_drivers_are_found_and_delivered_while_the_index_key_changes,
    a_delivery_planned_before_a_pass_is_planned_anew,
    r91_an_officers_own_number_is_known_after_the_change,
);

const NEW: [u8; 32] = [0x77; 32];

fn by(app: &App) -> Steward<'static> {
    Steward {
        actor: "system:test",
        request: "test",
        now: app.act().now,
    }
}

async fn begin(app: &App) {
    let (store, by) = (app.authority.store(), by(app));
    let suite = AtRest::default();
    store.prepare_index_key(&NEW, suite, &by).await.unwrap();
    store.begin_reindex(&by).await.unwrap();
}

/// One step; whether names are left to be brought over.
async fn step(app: &App, limit: u32) -> bool {
    let done = app.authority.store().reindex_batch(&by(app), limit).await;
    !done.unwrap().finished
}

async fn finish(app: &App) {
    while step(app, 100).await {}
    let retired = app.authority.store().retire_index_key(&NEW, &by(app)).await;
    assert_eq!(retired.unwrap(), IndexRetirement::Retired);
}

fn renamed() -> Value {
    let changes = json!({
        "licence_number": BEIJING_OTHER, "previous_licence_numbers": [BEIJING], "version": 2,
    });
    with(record(BEIJING), changes)
}

fn deliveries(records: &[Value]) -> Vec<Delivery> {
    let lines = (1..).zip(records);
    lines
        .map(|(line, record)| Delivery::from_line(line, record.to_string().as_bytes()))
        .collect()
}

async fn deliver_to(node: &Authority, app: &App, records: &[Value]) -> DeliveryView {
    let mut act = app.act();
    node.deliver(&mut act, deliveries(records)).await.unwrap()
}

async fn signs_in(driver: &Client, login: &str) {
    let request = json!({"kind": "holder", "login": login, "password": PASSWORD});
    let again = driver.on_same_device();
    again.post("/sessions", &request).await.done();
}

async fn known(store: &Store, number: &str) -> bool {
    let names = [number];
    let found = store.holders_named(AliasKind::LicenceNumber, &names);
    found.await.unwrap().iter().flatten().count() == 1
}

async fn sc_63_drivers_are_found_and_delivered_while_the_index_key_changes(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    deliver(&app, &[record(CHENGDU)]).await;
    // Nobody tells this node of the other key.
    let (second, _) = app.second_node().await;
    begin(&app).await;
    signs_in(&driver, BEIJING).await;
    // A changed number and a new driver beside the pass, on that node.
    let view = deliver_to(&second, &app, &[renamed(), record(WUHAN)]).await;
    assert_eq!((view.imported, view.rejected), (2, 0), "{view:?}");
    loop {
        for login in [BEIJING, BEIJING_OTHER] {
            signs_in(&driver, login).await;
            // Of which no other subject takes any.
            let stolen = json!({"subject": format!("thief-{login}"), "licence_number": login});
            let answer = try_deliver(&app, &[with(record(login), stolen)]).await;
            let reasons = answer.done()["rejects"][0]["reasons"].clone();
            assert_eq!(codes(&reasons), ["licence-number-taken"]);
        }
        for number in [CHENGDU, WUHAN] {
            assert!(known(second.store(), number).await);
        }
        if !step(&app, 1).await {
            break;
        }
    }
    finish(&app).await;
    signs_in(&driver, BEIJING_OTHER).await;
    // Delivered again, what came before is known as the same.
    let view = deliver_to(&second, &app, &[renamed(), record(WUHAN), record(CHENGDU)]).await;
    assert_eq!((view.unchanged, view.rejected), (3, 0), "{view:?}");
    assert_eq!(deliver(&app, &[renamed()]).await["unchanged"], 1);
}

/// Names that were claimed under the older key do not count once the pass has begun.
async fn a_delivery_planned_before_a_pass_is_planned_anew(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let authority = &app.authority;
    let mut act = app.act();
    let examined = authority
        .examine_delivery(&act, deliveries(&[renamed(), record(WUHAN)]))
        .unwrap();
    let planned = authority.plan_delivery(&mut act, examined).await.unwrap();
    begin(&app).await;
    while step(&app, 100).await {}
    let view = authority.write_delivery(&mut act, planned).await.unwrap();
    assert_eq!((view.imported, view.rejected), (2, 0), "{view:?}");
    finish(&app).await;
    for login in [BEIJING, BEIJING_OTHER] {
        signs_in(&driver, login).await;
    }
    assert!(known(authority.store(), WUHAN).await);
    assert_eq!(deliver(&app, &[record(WUHAN)]).await["unchanged"], 1);
}

/// R91: nothing but a keyed hash is known of it, which hence does not change.
async fn r91_an_officers_own_number_is_known_after_the_change(app: App) {
    let own = json!({
        "login": "own-counter", "name": "演示员", "password": PASSWORD, "roles": ["counter"],
        "office": "office-1101", "own_licence_number": BEIJING,
    });
    let admin = app.staff("admin").await;
    admin.post("/admin/staff", &own).await.done();
    begin(&app).await;
    finish(&app).await;
    // The officer's record comes only now.
    deliver(&app, &[record(BEIJING)]).await;
    let officer = app.staff("own-counter").await;
    let asked = counter_application(BEIJING);
    let answer = officer.post("/counter/applications", &asked).await;
    answer.problem(403, "own-record");
}
