//! Only their own (R77), and nothing to be learned by asking.

use authority::AuditCheck;
use jiff::SignedDuration;
use serde_json::json;
use testkit::{
    app::{App, PASSWORD},
    people::{BEIJING, CHENGDU, record},
};

use crate::{
    on_both_engines,
    steps::{activation, check, deliver, driver_with_licence, issue, numeric_code, verified},
};

on_both_engines!(
    sc_20_another_drivers_things_do_not_exist,
    answers_are_equal_whether_or_not_a_number_exists,
    sessions_end,
    guessing_is_slowed_by_source_and_never_locks_a_driver_out,
    audit_rows_hold_no_names_numbers_or_addresses,
    what_was_kept_long_enough_is_cleared_and_the_audit_is_whole,
);

async fn sc_20_another_drivers_things_do_not_exist(app: App) {
    let issued = issue(&app, BEIJING).await;
    let own = crate::steps::activate(&app, BEIJING).await;
    let other = driver_with_licence(&app, CHENGDU).await;
    let facts = verified(&app, &own).await;
    let application = issued["id"].as_str().unwrap();
    let path = |id: &str| format!("/holder/applications/{id}");
    own.get(&path(application)).await.done();
    let no_such = format!("{}0000", &application[..application.len() - 4]);
    let answers = [
        other.get(&path(application)).await,
        other.get(&path(&no_such)).await,
        other.get(&path("anything")).await,
    ];
    for answer in &answers {
        answer.problem(404, "not-found");
        assert_eq!(answer.body, answers[0].body);
    }
    // Staff paths are not the driver's, nor the other way round.
    other
        .get(&format!("/review/applications/{application}/photo"))
        .await
        .problem(403, "not-your-role");
    other
        .get(&format!("/verifications/{}", facts["id"].as_str().unwrap()))
        .await
        .problem(403, "not-your-role");
    let police = app.staff("police").await;
    for path in [
        "/holder/licence",
        "/holder/e-licence",
        "/holder/e-licence/portrait",
        "/holder/applications",
        "/holder/notifications",
        "/holder/look-ups",
        "/holder/events",
    ] {
        police.get(path).await.problem(403, "not-your-role");
        app.client()
            .get(path)
            .await
            .problem(401, "sign-in-required");
    }
    // What each sees is their own.
    let mine = other.get("/holder/e-licence").await.done();
    assert_eq!(mine["main_page"]["licence_number"], CHENGDU);
    assert_eq!(other.get("/holder/look-ups").await.done(), json!([]));
}

async fn answers_are_equal_whether_or_not_a_number_exists(app: App) {
    deliver(&app, &[record(BEIJING)]).await;
    driver_with_licence(&app, CHENGDU).await;
    let unknown = "310199199001019928";
    let sign_in = async |login: &str| {
        let request = json!({"kind": "holder", "login": login, "password": "a wrong password"});
        app.client().post("/sessions", &request).await
    };
    let (none, not_activated, activated) = (
        sign_in(unknown).await,
        sign_in(BEIJING).await,
        sign_in(CHENGDU).await,
    );
    none.problem(401, "wrong-login");
    assert_eq!(none.body, not_activated.body);
    assert_eq!(none.body, activated.body);
    let activate = async |number: &str| {
        app.client()
            .post("/activations", &activation(number, "22222-22222"))
            .await
    };
    let (none, some) = (activate(unknown).await, activate(BEIJING).await);
    none.problem(403, "activation-refused");
    assert_eq!(none.body, some.body);
    let staff = json!({"kind": "staff", "login": "nobody", "password": "a wrong password"});
    let nobody = app.client().post("/sessions", &staff).await;
    let staff = json!({"kind": "staff", "login": "admin", "password": "a wrong password"});
    let admin = app.client().post("/sessions", &staff).await;
    nobody.problem(401, "wrong-login");
    assert_eq!(nobody.body, admin.body);
}

async fn guessing_is_slowed_by_source_and_never_locks_a_driver_out(app: App) {
    issue(&app, BEIJING).await;
    let driver = crate::steps::activate(&app, BEIJING).await;
    let attacker = app.client();
    let wrong = json!({"kind": "holder", "login": BEIJING, "password": "a wrong password"});
    for _ in 0..10 {
        attacker
            .post("/sessions", &wrong)
            .await
            .problem(401, "wrong-login");
    }
    let refused = attacker.post("/sessions", &wrong).await;
    refused.problem(429, "too-many-requests");
    assert_eq!(refused.headers["retry-after"], "6");
    // The driver, from elsewhere, is not concerned.
    let right = json!({"kind": "holder", "login": BEIJING, "password": PASSWORD});
    let elsewhere = driver.on_same_device();
    elsewhere.post("/sessions", &right).await.done();
    // Activation codes likewise.
    for attempt in 0..6 {
        let answer = attacker
            .post("/activations", &activation(CHENGDU, "22222-22222"))
            .await;
        assert_eq!(answer.status == 429, attempt == 5, "{}", answer.text());
    }
    // And a verifier who guesses codes.
    let police = app.staff("police").await;
    for attempt in 0..11 {
        let answer = police.post("/verifications", &check("123")).await;
        assert_eq!(answer.status == 429, attempt == 10, "{}", answer.text());
    }
    app.clock.advance(SignedDuration::from_secs(6));
    police
        .post("/verifications", &check("123"))
        .await
        .problem(422, "not-a-code");
}

async fn sessions_end(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    driver.get("/holder/licence").await.done();
    driver.delete("/sessions/current").await.done();
    driver
        .get("/holder/licence")
        .await
        .problem(401, "sign-in-required");
    let login = json!({"kind": "holder", "login": BEIJING, "password": PASSWORD});
    driver.post("/sessions", &login).await.done();
    app.clock.advance(SignedDuration::from_hours(12));
    driver
        .get("/holder/licence")
        .await
        .problem(401, "sign-in-required");
}

async fn audit_rows_hold_no_names_numbers_or_addresses(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    verified(&app, &driver).await;
    let mut rows = 0;
    let mut acts = std::collections::BTreeSet::new();
    for partition in storage::Partition::all() {
        let mut previous = vec![0; 32];
        for row in app
            .authority
            .store()
            .audit_after(partition, 0, 1000)
            .await
            .unwrap()
        {
            rows += 1;
            let text = format!("{row:?}");
            for personal in [BEIJING, "测试甲", "测试路", "110199000001"] {
                assert!(!text.contains(personal), "{}", row.act);
            }
            assert_eq!(row.hash, row.chained(&previous));
            previous.clone_from(&row.hash);
            acts.insert(row.act);
        }
    }
    assert!(rows > 20, "{rows}");
    for act in [
        "registry.registered",
        "application.submitted",
        "review.claimed",
        "review.decided",
        "e-licence.issued",
        "activation-code.made",
        "account.activated",
        "session.began",
        "code.made",
        "verification.answered",
    ] {
        assert!(acts.contains(act), "{act}: {acts:?}");
    }
}

/// One node at a time clears, once a day; what was cleared is told in the audit, which is not touched.
async fn what_was_kept_long_enough_is_cleared_and_the_audit_is_whole(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let code = numeric_code(&driver).await;
    let clear = async |node: &str| {
        let cleared = app.authority.clear_past(&app.act(), node).await;
        cleared.unwrap()
    };
    assert_eq!(clear("one").await, 0);
    app.clock.advance(SignedDuration::from_mins(2));
    let verify = async || {
        let police = app.staff("police").await;
        police.post("/verifications", &check(&code)).await
    };
    verify().await.problem(410, "code-expired");
    app.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(clear("two").await, 1);
    verify().await.problem(404, "code-unknown");
    // The driver's session was over after half a day; the other node has the day.
    app.clock.advance(SignedDuration::from_hours(13));
    assert_eq!(clear("one").await, 0);
    app.clock.advance(SignedDuration::from_hours(8));
    assert_eq!(clear("one").await, 1);
    let report = app.authority.verify_audit(&AuditCheck::default()).await;
    assert_eq!(report.unwrap().first, None);
}
