//! A sanction (R75) and an objection to an automatic issue (R36) on one e-licence: each stops it by
//! itself, and it is back when neither stands.

use serde_json::{Value, json};
use storage::{ApplicationId, SanctionId};
use testkit::{app::App, client::Client, people::BEIJING};

use super::{lift_decided, sanctioned, shown};
use crate::{
    binding::material,
    on_both_engines,
    review::samples::{decision, sampled},
    steps::{told, verified},
};

on_both_engines!(
    sc_35_the_sanction_first_and_lifted_first,
    sc_35_the_sanction_first_and_lifted_last,
    sc_35_the_objection_first_and_lifted_first,
    sc_35_the_objection_first_and_lifted_last,
    sc_35_what_the_objection_revoked_stays_revoked,
);

/// Claims the case and decides it.
async fn decided(app: &App, login: &str, application: &str, body: Value) {
    let officer = app.staff(login).await;
    let claim = format!("/review/applications/{application}/claim");
    officer.post(&claim, &json!({})).await.done();
    officer.post(&decision(application), &body).await.done();
}

async fn object(app: &App, application: &str) {
    let body = json!({"decision": "object", "reasons": ["R73"]});
    decided(app, "reviewer-1101", application, body).await;
}

async fn settle(app: &App, application: &str, decision: &str) {
    let body = json!({"decision": decision});
    decided(app, "both-1101", application, body).await;
}

/// Stopped: hidden from the driver, and no code is made.
async fn is_stopped(driver: &Client) {
    let pages = shown(driver).await;
    assert_eq!(
        (&pages["stage"], &pages["status"]["value"]),
        (&json!("stopped"), &json!("suspended"))
    );
    let refused = material(driver, "numeric").await;
    refused.problem(409, "e-licence-not-shown");
}

async fn is_back(app: &App, driver: &Client) {
    let pages = shown(driver).await;
    assert_eq!(pages["stage"], "active");
    assert_eq!(verified(app, driver).await["status"]["value"], "valid");
}

/// Whether the audit says that the lift of the sanction brought the e-licence back.
async fn lift_restored(app: &App, application: &str, sanction: &str) -> bool {
    let partition = ApplicationId::parse(application).unwrap().partition();
    let store = app.authority.store();
    let rows = store.audit_after(partition, 0, 500).await.unwrap();
    let lifted = rows.iter().find(|row| row.act == "sanction.lifted");
    let detail: Value = serde_json::from_str(&lifted.unwrap().detail).unwrap();
    assert_eq!(detail["sanction"], sanction);
    assert!(SanctionId::parse(sanction).is_ok());
    !detail["restored"].is_null()
}

async fn both_stop(app: &App, objection_first: bool) -> (String, Client, String) {
    let (application, driver) = sampled(app, BEIJING).await;
    let sanction = if objection_first {
        object(app, &application).await;
        is_stopped(&driver).await;
        sanctioned(app, BEIJING).await
    } else {
        let sanction = sanctioned(app, BEIJING).await;
        is_stopped(&driver).await;
        object(app, &application).await;
        sanction
    };
    is_stopped(&driver).await;
    (application, driver, sanction)
}

async fn both_lifted(app: &App, objection_first: bool, sanction_lifted_first: bool) {
    let (application, driver, sanction) = both_stop(app, objection_first).await;
    let inbox = async || driver.get("/holder/notifications").await.done();
    if sanction_lifted_first {
        lift_decided(app, BEIJING, &sanction, "confirm").await;
        is_stopped(&driver).await;
        settle(app, &application, "lift").await;
        assert!(told(&inbox().await, "e-licence-restored"));
    } else {
        settle(app, &application, "lift").await;
        is_stopped(&driver).await;
        assert!(!told(&inbox().await, "e-licence-restored"));
        lift_decided(app, BEIJING, &sanction, "confirm").await;
    }
    is_back(app, &driver).await;
    let restored = lift_restored(app, &application, &sanction).await;
    assert_ne!(restored, sanction_lifted_first);
}

async fn sc_35_the_sanction_first_and_lifted_first(app: App) {
    both_lifted(&app, false, true).await;
}

async fn sc_35_the_sanction_first_and_lifted_last(app: App) {
    both_lifted(&app, false, false).await;
}

async fn sc_35_the_objection_first_and_lifted_first(app: App) {
    both_lifted(&app, true, false).await;
}

async fn sc_35_the_objection_first_and_lifted_last(app: App) {
    both_lifted(&app, true, true).await;
}

async fn sc_35_what_the_objection_revoked_stays_revoked(app: App) {
    let (application, driver, sanction) = both_stop(&app, false).await;
    settle(&app, &application, "revoke").await;
    assert_eq!(shown(&driver).await["stage"], "revoked");
    lift_decided(&app, BEIJING, &sanction, "confirm").await;
    assert_eq!(shown(&driver).await["stage"], "revoked");
    assert!(!lift_restored(&app, &application, &sanction).await);
}
