//! Devices: what a password opens, and where.

use axum::http::Method;
use jiff::SignedDuration;
use serde_json::json;
use testkit::{
    app::{App, PASSWORD},
    people::{BEIJING, CHENGDU, record},
};

use super::{PHONE, inbox, issue_reachable, jobs, link, login, texts};
use crate::{
    on_both_engines,
    steps::{activate, activation, activation_code, deliver, driver_with_licence},
};

on_both_engines!(
    sc_18_a_password_alone_opens_nothing_on_a_new_device,
    sc_18_the_warning_does_not_ring_all_day,
    a_stolen_session_cookie_is_worth_nothing_elsewhere,
    a_planted_cookie_is_never_taken_over,
    another_device_is_added_and_the_first_is_told,
    another_password_recovers_the_account_from_whoever_has_it,
    the_same_client_again_is_one_device,
    devices_are_seen_and_removed,
    a_device_is_forgotten_when_nobody_uses_it,
    a_password_change_ends_other_sessions,
    passwords_on_one_device_are_slowed,
    another_sites_page_reaches_no_account,
    a_record_is_masked_until_there_is_an_e_licence,
);

/// SC-18: somebody knows number and password. They see nothing, learn nothing, and the driver is
/// warned in the inbox and on the phone.
async fn sc_18_a_password_alone_opens_nothing_on_a_new_device(app: App) {
    issue_reachable(&app, BEIJING, PHONE).await;
    let driver = activate(&app, BEIJING).await;
    let stranger = app.client();
    let wrong = stranger
        .post("/sessions", &login(BEIJING, "not the password"))
        .await;
    jobs(&app).await;
    let before = inbox(&driver).await;
    app.clock.advance(SignedDuration::from_secs(1));
    let right = stranger.post("/sessions", &login(BEIJING, PASSWORD)).await;
    right.problem(401, "wrong-login");
    assert_eq!(right.body, wrong.body);
    assert!(right.headers.get("set-cookie").is_none());
    for path in ["/holder/licence", "/holder/e-licence", "/holder/devices"] {
        stranger.get(path).await.problem(401, "sign-in-required");
    }
    assert_eq!(inbox(&driver).await, before, "a job warns, not the answer");
    jobs(&app).await;
    assert_eq!(inbox(&driver).await[0], "device-refused");
    assert_eq!(texts(&app, PHONE), ["account-activated", "device-refused"]);
    assert!(!link(&app, PHONE, "device-refused").is_empty());
    // On another driver's device it is no better.
    let other = driver_with_licence(&app, CHENGDU).await;
    let elsewhere = other.on_same_device();
    let answer = elsewhere.post("/sessions", &login(BEIJING, PASSWORD)).await;
    assert_eq!(answer.body, wrong.body);
    // On the driver's own it is right.
    let own = driver.on_same_device();
    own.post("/sessions", &login(BEIJING, PASSWORD))
        .await
        .done();
    own.get("/holder/licence").await.done();
}

async fn sc_18_the_warning_does_not_ring_all_day(app: App) {
    issue_reachable(&app, BEIJING, PHONE).await;
    let driver = activate(&app, BEIJING).await;
    let warned = async || {
        let stranger = app.client();
        let answer = stranger.post("/sessions", &login(BEIJING, PASSWORD)).await;
        answer.problem(401, "wrong-login");
        jobs(&app).await;
        let inbox = inbox(&driver).await;
        inbox
            .iter()
            .filter(|kind| *kind == "device-refused")
            .count()
    };
    assert_eq!(warned().await, 1);
    assert_eq!(warned().await, 1);
    app.clock.advance(SignedDuration::from_secs(3599));
    assert_eq!(warned().await, 1);
    app.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(warned().await, 2);
}

async fn a_stolen_session_cookie_is_worth_nothing_elsewhere(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let other = driver_with_licence(&app, CHENGDU).await;
    let session = driver.cookies()["jz_session"].clone();
    let thief = app.client();
    thief.set_cookie("jz_session", &session);
    thief
        .get("/holder/e-licence")
        .await
        .problem(401, "sign-in-required");
    // The thief's own device does not help, nor does one of the driver's that is another.
    let thief = other.on_same_device();
    thief.set_cookie("jz_session", &session);
    thief
        .get("/holder/e-licence")
        .await
        .problem(401, "sign-in-required");
    let second = activate(&app, BEIJING).await.on_same_device();
    second.set_cookie("jz_session", &session);
    second
        .get("/holder/e-licence")
        .await
        .problem(401, "sign-in-required");
    driver.get("/holder/e-licence").await.done();
}

/// Session fixation: what a client brings along when somebody signs in never becomes theirs.
async fn a_planted_cookie_is_never_taken_over(app: App) {
    let attacker = driver_with_licence(&app, CHENGDU).await;
    let planted = attacker.cookies();
    deliver(&app, &[record(BEIJING)]).await;
    let code = activation_code(&app, BEIJING).await;
    let driver = app.client();
    for (name, value) in &planted {
        driver.set_cookie(name, value);
    }
    driver
        .post("/activations", &activation(BEIJING, &code))
        .await
        .done();
    let own = driver.cookies();
    assert_ne!(own["jz_session"], planted["jz_session"]);
    assert_ne!(own["jz_device"], planted["jz_device"]);
    driver.set_cookie("jz_session", &planted["jz_session"]);
    driver
        .get("/holder/licence")
        .await
        .problem(401, "sign-in-required");
    driver
        .post("/sessions", &login(BEIJING, PASSWORD))
        .await
        .done();
    assert_ne!(driver.cookies()["jz_session"], planted["jz_session"]);
    // The attacker is who they were.
    let pages = attacker.get("/holder/e-licence").await.done();
    assert_eq!(pages["main_page"]["licence_number"], CHENGDU);
}

async fn another_device_is_added_and_the_first_is_told(app: App) {
    issue_reachable(&app, BEIJING, PHONE).await;
    app.clock.advance(SignedDuration::from_secs(1));
    let first = activate(&app, BEIJING).await;
    app.clock.advance(SignedDuration::from_secs(1));
    let second = activate(&app, BEIJING).await;
    jobs(&app).await;
    first.get("/holder/licence").await.done();
    assert_eq!(
        inbox(&first).await[..2],
        ["device-added", "account-activated"]
    );
    assert_eq!(texts(&app, PHONE), ["account-activated", "device-added"]);
    let devices = second.get("/holder/devices").await.done();
    assert_eq!(devices.as_array().unwrap().len(), 2);
}

async fn another_password_recovers_the_account_from_whoever_has_it(app: App) {
    issue_reachable(&app, BEIJING, PHONE).await;
    let thief = activate(&app, BEIJING).await;
    app.clock.advance(SignedDuration::from_secs(1));
    let code = activation_code(&app, BEIJING).await;
    let driver = app.client();
    let mut request = activation(BEIJING, &code);
    request["password"] = json!("another password entirely");
    driver.post("/activations", &request).await.done();
    jobs(&app).await;
    thief
        .get("/holder/licence")
        .await
        .problem(401, "sign-in-required");
    for password in [PASSWORD, "another password entirely"] {
        let again = thief.on_same_device();
        let answer = again.post("/sessions", &login(BEIJING, password)).await;
        answer.problem(401, "wrong-login");
    }
    assert_eq!(inbox(&driver).await[0], "account-recovered");
    assert_eq!(
        texts(&app, PHONE),
        ["account-activated", "account-recovered"]
    );
    let devices = driver.get("/holder/devices").await.done();
    assert_eq!(devices.as_array().unwrap().len(), 1);
}

async fn the_same_client_again_is_one_device(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let before = driver.cookies();
    let code = activation_code(&app, BEIJING).await;
    driver
        .post("/activations", &activation(BEIJING, &code))
        .await
        .done();
    let devices = driver.get("/holder/devices").await.done();
    assert_eq!(devices.as_array().unwrap().len(), 1);
    let old = app.client();
    for (name, value) in &before {
        old.set_cookie(name, value);
    }
    old.get("/holder/licence")
        .await
        .problem(401, "sign-in-required");
}

async fn devices_are_seen_and_removed(app: App) {
    let first = driver_with_licence(&app, BEIJING).await;
    app.clock.advance(SignedDuration::from_secs(1));
    let second = activate(&app, BEIJING).await;
    let other = driver_with_licence(&app, CHENGDU).await;
    let devices = second.get("/holder/devices").await.done();
    assert_eq!(devices[0]["current"], true);
    assert_eq!(devices[1]["current"], false);
    assert_eq!(devices[1]["proof"], "counter-code");
    assert_eq!(devices[1]["client"], "other");
    let path = format!("/holder/devices/{}", devices[1]["id"].as_str().unwrap());
    let none = other.delete(&path).await;
    none.problem(404, "not-found");
    assert_eq!(other.delete("/holder/devices/none").await.body, none.body);
    first.get("/holder/licence").await.done();
    second.delete(&path).await.done();
    first
        .get("/holder/licence")
        .await
        .problem(401, "sign-in-required");
    first
        .post("/sessions", &login(BEIJING, PASSWORD))
        .await
        .problem(401, "wrong-login");
    let left = second.get("/holder/devices").await.done();
    assert_eq!(left.as_array().unwrap().len(), 1);
    // Signing out ends the session, not the device.
    second.delete("/sessions/current").await.done();
    second
        .post("/sessions", &login(BEIJING, PASSWORD))
        .await
        .done();
}

async fn a_device_is_forgotten_when_nobody_uses_it(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let half = SignedDuration::from_hours(90 * 24);
    app.clock.advance(half);
    driver
        .post("/sessions", &login(BEIJING, PASSWORD))
        .await
        .done();
    // From then on it lives as long again.
    app.clock
        .advance(half + half - SignedDuration::from_secs(1));
    driver
        .post("/sessions", &login(BEIJING, PASSWORD))
        .await
        .done();
    app.clock.advance(half + half);
    driver
        .post("/sessions", &login(BEIJING, PASSWORD))
        .await
        .problem(401, "wrong-login");
}

async fn a_password_change_ends_other_sessions(app: App) {
    let first = driver_with_licence(&app, BEIJING).await;
    let second = activate(&app, BEIJING).await;
    app.clock.advance(SignedDuration::from_secs(1));
    let new = "quite another password";
    let change = |current: &str| json!({"password": current, "new_password": new});
    second
        .post("/holder/password", &change("not the password"))
        .await
        .problem(403, "wrong-password");
    first.get("/holder/licence").await.done();
    second
        .post("/holder/password", &change(PASSWORD))
        .await
        .done();
    second.get("/holder/licence").await.done();
    assert_eq!(inbox(&second).await[0], "password-changed");
    first
        .get("/holder/licence")
        .await
        .problem(401, "sign-in-required");
    first
        .post("/sessions", &login(BEIJING, PASSWORD))
        .await
        .problem(401, "wrong-login");
    first.post("/sessions", &login(BEIJING, new)).await.done();
}

/// Whoever stole a device and tries passwords on it is slowed wherever they are; the driver's other
/// device is not concerned.
async fn passwords_on_one_device_are_slowed(app: App) {
    let stolen = driver_with_licence(&app, BEIJING).await;
    let own = activate(&app, BEIJING).await;
    for attempt in 0..11 {
        let thief = stolen.on_same_device();
        let answer = thief
            .post("/sessions", &login(BEIJING, "not the password"))
            .await;
        assert_eq!(answer.status == 429, attempt == 10, "{}", answer.text());
    }
    let own = own.on_same_device();
    own.post("/sessions", &login(BEIJING, PASSWORD))
        .await
        .done();
}

/// CSRF: a page of another site can send nothing that counts.
async fn another_sites_page_reaches_no_account(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let post = async |path: &str, origin: &str, kind: &str, body: &str| {
        let request = driver.request(Method::POST, path);
        let request = request
            .header("origin", origin)
            .header("content-type", kind);
        driver.send(request, body.to_owned().into()).await
    };
    let (own, json) = ("http://localhost:8080", "application/json");
    let foreign = "https://evil.example";
    for path in [
        "/sessions",
        "/activations",
        "/activations/phone-codes",
        "/account-freezes",
        "/holder/account-freeze",
        "/holder/password",
    ] {
        post(path, foreign, json, "{}")
            .await
            .problem(403, "cross-origin");
        post(path, own, "text/plain", "{}")
            .await
            .problem(415, "wrong-content-type");
    }
    driver.get("/holder/licence").await.done();
    post("/holder/account-freeze", own, json, "{}").await.done();
}

async fn a_record_is_masked_until_there_is_an_e_licence(app: App) {
    deliver(&app, &[record(BEIJING)]).await;
    let driver = activate(&app, BEIJING).await;
    let answer = driver.get("/holder/licence").await;
    let licence = answer.done();
    assert_eq!(licence["masked"], true);
    assert_eq!(licence["record"]["name"], "测*");
    assert_eq!(licence["record"]["licence_number"], "1101***12");
    assert_eq!(licence["record"]["address"], "***");
    assert_eq!(licence["record"]["file_number"], "***");
    for absent in ["birth_date", "sex"] {
        assert!(licence["record"][absent].is_null());
    }
    assert_eq!(licence["record"]["classes"], json!(["C1"]));
    assert_eq!(licence["status"]["value"], "valid");
    for personal in ["测试", "1990", "110199000001", "测试路", "期满换证"] {
        assert!(!answer.text().contains(personal), "{personal}");
    }
    driver.get("/holder/eligibility").await.done();
    let application = crate::steps::apply(&app, BEIJING).await;
    let licence = driver.get("/holder/licence").await.done();
    assert_eq!(licence["masked"], true);
    crate::steps::approve(&app, BEIJING, &application).await;
    let licence = driver.get("/holder/licence").await.done();
    assert_eq!(licence["masked"], false);
    assert_eq!(licence["record"]["licence_number"], BEIJING);
    assert_eq!(licence["record"]["birth_date"], "1990-01-01");
}
