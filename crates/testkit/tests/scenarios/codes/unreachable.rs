//! SC-44: the records cannot be reached. The answer is "could not check", with what is known all the
//! same and as of when; it is never "valid" by itself and never "revoked".

use jiazhao::demo::device::Shows;
use jiff::SignedDuration;
use serde_json::{Value, json};
use testkit::{
    app::App,
    client::Client,
    people::{BEIJING, record, with},
};

use crate::{
    binding::{bind, dynamic, material, offline},
    on_both_engines,
    steps::{check, deliver, driver_with_licence, numeric_code},
};

on_both_engines!(
    sc_44_without_the_records_it_says_what_it_knows,
    sc_44_the_status_is_as_last_known,
);

async fn known(police: &Client, code: &str) -> Value {
    let answer = police.post("/verifications", &check(code)).await;
    assert!(answer.problem(503, "could-not-check").is_empty());
    let text = answer.text().to_lowercase();
    assert!(
        !text.contains("revoked") && !text.contains("吊销"),
        "{text}"
    );
    answer.json()["known"].clone()
}

async fn sc_44_without_the_records_it_says_what_it_knows(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let phone = bind(&driver, 1).await;
    let police = app.staff("police").await;
    let numeric = numeric_code(&driver).await;
    let dynamic = dynamic(&app, &driver, &phone).await;
    let made = material(&driver, "offline").await.expect(201);
    let last = app.clock.now();
    app.authority.store().close().await;
    app.clock.advance(SignedDuration::from_secs(5));

    let code = phone
        .offline(&made, app.clock.now(), Shows::Portrait)
        .unwrap();
    let facts = known(&police, &code).await;
    assert_eq!(facts["code_kind"], "offline");
    assert_eq!(facts["authentic"], "yes");
    assert_eq!(facts["fresh"], "yes");
    assert_eq!(facts["status"], "valid");
    assert_eq!(facts["status_as_of"], last.to_string());
    assert_eq!(facts["licence"]["name"], "测试甲");
    assert_eq!(facts["licence"]["masked_number"], "1101**********9912");
    assert_eq!(facts["licence"]["classes"], json!(["C1"]));
    assert!(facts["reasons"].as_array().unwrap().is_empty());
    // A code that leads to a record tells nothing without it.
    for (code, kind) in [(&dynamic, "dynamic"), (&numeric, "numeric")] {
        let facts = known(&police, code).await;
        assert_eq!(facts["code_kind"], kind);
        assert_eq!(facts["authentic"], "could-not-check");
        assert_eq!(facts["fresh"], "could-not-check");
        assert_eq!(facts["status"], "unknown");
        assert_eq!(facts["status_as_of"], last.to_string());
        assert!(facts["licence"].is_null());
    }
    // What is bad is bad without the records too, and says nothing of anybody.
    let thief = crate::binding::device(2);
    let forged = thief
        .offline(&made, app.clock.now(), Shows::Public)
        .unwrap();
    let facts = known(&police, &forged).await;
    assert_eq!(facts["authentic"], "no");
    assert_eq!(
        crate::steps::codes(&facts["reasons"]),
        ["code-refused", "bad-device-signature"]
    );
    assert!(facts["licence"].is_null());
    app.clock.advance(SignedDuration::from_mins(2));
    let facts = known(&police, &code).await;
    assert_eq!(
        (&facts["authentic"], &facts["fresh"]),
        (&json!("yes"), &json!("no"))
    );
    assert!(facts["licence"].is_null());
    let facts = known(&police, "12").await;
    assert_eq!(facts["code_kind"], "unknown");
}

/// Red is told apart for authorised verifiers only, and nobody is authorised without the records.
async fn sc_44_the_status_is_as_last_known(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let phone = bind(&driver, 1).await;
    let police = app.staff("police").await;
    let made = material(&driver, "offline").await.expect(201);
    for (letter, version, status) in [("D", 2, "suspended"), ("A", 3, "valid")] {
        let changed = json!({"status": [letter], "version": version});
        deliver(&app, &[with(record(BEIJING), changed)]).await;
        let code = offline(&app, &driver, &phone, Shows::Public).await;
        let known = app.authority.known_of(app.clock.now(), &code).await;
        assert_eq!(known.status, status);
    }
    app.authority.store().close().await;
    // The credential that the first material shows ended when the record changed.
    let code = phone
        .offline(&made, app.clock.now(), Shows::Public)
        .unwrap();
    let facts = known(&police, &code).await;
    assert_eq!(
        (&facts["authentic"], &facts["status"]),
        (&json!("yes"), &json!("invalid"))
    );
}
