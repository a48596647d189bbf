//! Freezing (SC-19): by the link of a warning, by the driver, at a counter.

use jiff::SignedDuration;
use serde_json::json;
use testkit::{
    app::{App, PASSWORD},
    people::{BEIJING, BEIJING_OTHER, CHENGDU},
};

use super::{
    PHONE, activate_by_phone, ask_for_code, by_phone, code_by_phone, issue_reachable, jobs, link,
    login, texts, unreachable,
};
use crate::{
    on_both_engines,
    steps::{activate, activation, activation_code, check, numeric_code},
};

on_both_engines!(
    sc_19_no_code_works_until_the_freeze_is_lifted,
    sc_19_a_link_works_once_and_not_for_ever,
    sc_19_only_the_drivers_office_freezes_and_lifts,
    sc_19_the_counter_freezes_and_lifts_by_its_rules,
    sc_19_a_driver_freezes_their_own_account,
    sc_19_an_activation_and_a_freeze_do_not_cross,
);

fn person(number: &str) -> serde_json::Value {
    json!({"licence_number": number, "identity": {"method": "id-card"}})
}

/// SC-19: the phone is lost, and the driver opens the link in a message.
async fn sc_19_no_code_works_until_the_freeze_is_lifted(app: App) {
    issue_reachable(&app, BEIJING, PHONE).await;
    let lost = activate(&app, BEIJING).await;
    jobs(&app).await;
    let printed = activation_code(&app, BEIJING).await;
    let (challenge, code) = code_by_phone(&app, BEIJING, PHONE).await;
    let shown = numeric_code(&lost).await;
    let token = json!({"token": link(&app, PHONE, "account-activated")});
    app.client()
        .post("/account-freezes", &token)
        .await
        .expect(204);
    jobs(&app).await;
    // No session, no device, no code; and the verifier learns nothing but that.
    lost.get("/holder/e-licence")
        .await
        .problem(401, "sign-in-required");
    lost.post("/sessions", &login(BEIJING, PASSWORD))
        .await
        .problem(401, "wrong-login");
    let police = app.staff("police").await;
    police
        .post("/verifications", &check(&shown))
        .await
        .problem(410, "code-expired");
    // Nothing activates it: neither what was open, nor what is asked for now.
    let by_phone = by_phone(BEIJING, (&challenge, &code), PASSWORD);
    for request in [activation(BEIJING, &printed), by_phone] {
        let answer = app.client().post("/activations", &request).await;
        answer.problem(403, "activation-refused");
    }
    let before = texts(&app, PHONE);
    assert_eq!(before.last().unwrap(), "account-frozen");
    ask_for_code(&app.client(), BEIJING).await.expect(202);
    jobs(&app).await;
    assert_eq!(texts(&app, PHONE), before);
    let officer = app.staff("counter-1101").await;
    officer
        .post("/counter/activation-codes", &person(BEIJING))
        .await
        .problem(409, "account-frozen");
    // The counter lifts it, and the person is proved anew.
    officer
        .post("/counter/account-unfreezes", &person(BEIJING))
        .await
        .expect(204);
    lost.post("/sessions", &login(BEIJING, PASSWORD))
        .await
        .problem(401, "wrong-login");
    let answer = app
        .client()
        .post("/activations", &activation(BEIJING, &printed))
        .await;
    answer.problem(403, "activation-refused");
    let driver = activate_by_phone(&app, BEIJING, PHONE).await;
    let code = numeric_code(&driver).await;
    police.post("/verifications", &check(&code)).await.done();
    let kinds = texts(&app, PHONE);
    assert!(kinds.contains(&"account-unfrozen".to_owned()), "{kinds:?}");
}

async fn sc_19_a_link_works_once_and_not_for_ever(app: App) {
    issue_reachable(&app, BEIJING, PHONE).await;
    activate(&app, BEIJING).await;
    jobs(&app).await;
    let used = link(&app, PHONE, "account-activated");
    activate(&app, BEIJING).await;
    jobs(&app).await;
    let left = link(&app, PHONE, "device-added");
    let freeze = async |token: &str| {
        let answer = app
            .client()
            .post("/account-freezes", &json!({ "token": token }))
            .await;
        answer.expect(204);
        assert!(answer.body.is_empty());
    };
    freeze(&used).await;
    let officer = app.staff("counter-1101").await;
    let unfrozen = async || {
        officer
            .post("/counter/account-unfreezes", &person(BEIJING))
            .await
    };
    unfrozen().await.expect(204);
    // Neither that link, nor one from before, nor what is none.
    for token in [used.as_str(), left.as_str(), "", "none", &"A".repeat(46)] {
        freeze(token).await;
        unfrozen().await.problem(409, "account-not-frozen");
    }
    jobs(&app).await;
    let new = link(&app, PHONE, "account-unfrozen");
    app.clock.advance(SignedDuration::from_hours(7 * 24));
    freeze(&new).await;
    let officer = app.staff("counter-1101").await;
    officer
        .post("/counter/account-unfreezes", &person(BEIJING))
        .await
        .problem(409, "account-not-frozen");
    // Trying links is slowed by source.
    let one = app.client();
    for attempt in 0..11 {
        let answer = one
            .post("/account-freezes", &json!({"token": "none"}))
            .await;
        assert_eq!(answer.status == 429, attempt == 10, "{}", answer.text());
    }
}

async fn sc_19_only_the_drivers_office_freezes_and_lifts(app: App) {
    let driver = unreachable(&app, BEIJING).await;
    for path in ["/counter/account-freezes", "/counter/account-unfreezes"] {
        // R91: the office that issued the licence; and officers only.
        let elsewhere = app.staff("counter-5101").await;
        elsewhere
            .post(path, &person(BEIJING))
            .await
            .problem(403, "office-out-of-scope");
        let police = app.staff("police").await;
        police
            .post(path, &person(BEIJING))
            .await
            .problem(403, "not-your-role");
        driver
            .post(path, &person(BEIJING))
            .await
            .problem(403, "not-your-role");
        let officer = app.staff("counter-1101").await;
        officer
            .post(path, &person(BEIJING_OTHER))
            .await
            .problem(404, "not-found");
    }
    driver.get("/holder/licence").await.done();
}

async fn sc_19_the_counter_freezes_and_lifts_by_its_rules(app: App) {
    let driver = unreachable(&app, BEIJING).await;
    let shown = numeric_code(&driver).await;
    let officer = app.staff("counter-1101").await;
    officer
        .post("/counter/account-unfreezes", &person(BEIJING))
        .await
        .problem(409, "account-not-frozen");
    officer
        .post("/counter/account-freezes", &person(BEIJING))
        .await
        .expect(204);
    officer
        .post("/counter/account-freezes", &person(BEIJING))
        .await
        .problem(409, "account-frozen");
    driver
        .get("/holder/licence")
        .await
        .problem(401, "sign-in-required");
    let police = app.staff("police").await;
    police
        .post("/verifications", &check(&shown))
        .await
        .problem(410, "code-expired");
    officer
        .post("/counter/account-unfreezes", &person(BEIJING))
        .await
        .expect(204);
    activate(&app, BEIJING).await;
    let mut acts = Vec::new();
    for partition in storage::Partition::all() {
        let rows = app.authority.store().audit_after(partition, 0, 1000).await;
        acts.extend(rows.unwrap().into_iter().map(|row| (row.act, row.detail)));
    }
    for act in ["account.frozen", "account.unfrozen"] {
        let audited = acts
            .iter()
            .any(|(name, detail)| name == act && detail.contains("\"identity\":\"id-card\""));
        assert!(audited, "{act}");
    }
}

async fn sc_19_a_driver_freezes_their_own_account(app: App) {
    let driver = unreachable(&app, BEIJING).await;
    let second = activate(&app, BEIJING).await;
    let other = unreachable(&app, CHENGDU).await;
    driver
        .post("/holder/account-freeze", &json!({}))
        .await
        .expect(204);
    for device in [&driver, &second] {
        device
            .get("/holder/licence")
            .await
            .problem(401, "sign-in-required");
    }
    other.get("/holder/licence").await.done();
}

/// Whichever comes first, a frozen account has no living device in the end.
async fn sc_19_an_activation_and_a_freeze_do_not_cross(app: App) {
    let mut driver = unreachable(&app, BEIJING).await;
    for _ in 0..6 {
        let code = activation_code(&app, BEIJING).await;
        let racer = app.client();
        let request = activation(BEIJING, &code);
        let nothing = json!({});
        let (activated, frozen) = tokio::join!(
            racer.post("/activations", &request),
            driver.post("/holder/account-freeze", &nothing),
        );
        frozen.expect(204);
        assert!(
            [201, 403].contains(&activated.status),
            "{}",
            activated.text()
        );
        racer
            .get("/holder/licence")
            .await
            .problem(401, "sign-in-required");
        let officer = app.staff("counter-1101").await;
        officer
            .post("/counter/account-unfreezes", &person(BEIJING))
            .await
            .expect(204);
        driver = activate(&app, BEIJING).await;
    }
}
