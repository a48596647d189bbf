//! The licence pages as data (R15-R22), black, red and hidden, live.

use std::time::Duration;

use http_body_util::BodyExt as _;
use jiff::SignedDuration;
use serde_json::json;
use testkit::{
    app::App,
    people::{BEIJING, record, with},
};

use crate::{
    on_both_engines,
    steps::{codes, deliver, driver_with_licence, numeric_code, verified},
};

on_both_engines!(
    sc_09_main_page_and_sub_page_show_every_field,
    sc_10_a_status_change_turns_the_open_page_red,
    sc_11_a_locked_licence_is_not_shown,
    sc_15_a_new_edition_supersedes_and_tells,
    sc_16_a_corrected_address_supersedes_nothing,
    sc_66_a_licence_turns_red_at_midnight_without_any_change,
    sc_66_the_late_job_turns_lists_and_pages_once,
    status_in_memory_is_rebuilt_at_start,
);

async fn sc_09_main_page_and_sub_page_show_every_field(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let pages = driver.get("/holder/e-licence").await.done();
    let main = &pages["main_page"];
    assert_eq!(main["licence_number"], BEIJING);
    assert_eq!(main["name"], "测试甲");
    assert_eq!(main["sex"], "male");
    assert_eq!(main["nationality"], "CHN");
    assert_eq!(main["birth_date"], "1990-01-01");
    assert_eq!(main["first_issue_date"], "2015-06-01");
    assert_eq!(main["classes"], json!(["C1"]));
    assert_eq!(main["valid_from"], "2021-06-01");
    assert_eq!(main["valid_until"], "2031-06-01");
    assert_eq!(main["points"], 3);
    assert_eq!(main["generated_at"], "2024-09-02T04:00:00Z");
    assert_eq!(pages["server_time"], "2024-09-02T04:00:00Z");
    assert_eq!(pages["status"]["shown"], "black");
    let sub = &pages["sub_page"];
    assert_eq!(sub["address"], "样例市样例区测试路0号");
    assert_eq!(sub["issuing_authority"], "样例市公安局交通管理局（演示）");
    assert_eq!(sub["file_number"], "110199000001");
    assert_eq!(sub["record"][0]["text"], "期满换证");
    assert_eq!(sub["class_table"].as_array().unwrap().len(), 17);

    let portrait = driver.get(main["photo"].as_str().unwrap()).await;
    assert_eq!(portrait.status, 200);
    assert_eq!(portrait.headers["content-type"], "image/jpeg");
    assert_eq!(portrait.body, testkit::people::photo(40));
    let code = driver
        .post(main["codes"].as_str().unwrap(), &json!({"kind": "numeric"}))
        .await
        .done();
    assert_eq!(code["code"].as_str().unwrap().len(), 18);
    assert!(code["code"].as_str().unwrap().starts_with("77"));
    assert_eq!(code["grouped"].as_str().unwrap().split(' ').count(), 6);
    for symbol in ["code128_svg", "qr_svg"] {
        assert!(code[symbol].as_str().unwrap().starts_with("<svg "));
    }
    // Without a bound device there is no dynamic and no offline code.
    for kind in ["dynamic", "offline"] {
        driver
            .post("/holder/e-licence/codes", &json!({"kind": kind}))
            .await
            .problem(409, "device-not-bound");
    }
}

async fn sc_10_a_status_change_turns_the_open_page_red(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let mut events = driver.stream("/holder/events").await;
    let suspended = json!({"status": ["B"], "points": 12, "version": 2});
    deliver(&app, &[with(record(BEIJING), suspended)]).await;

    let mut seen = String::new();
    let told = tokio::time::timeout(Duration::from_secs(1), async {
        while !seen.contains("status") {
            let frame = events.frame().await.unwrap().unwrap();
            if let Ok(data) = frame.into_data() {
                seen.push_str(&String::from_utf8_lossy(&data));
            }
        }
    });
    told.await.expect("the page learns within a second");
    let pages = driver.get("/holder/e-licence").await.done();
    assert_eq!(pages["status"]["shown"], "red");
    assert_eq!(pages["status"]["letters"][0]["letter"], "B");
    assert!(!codes(&pages["status"]["reasons"]).is_empty());
    assert!(pages["main_page"].is_object(), "red is still shown");
    let code = driver
        .post("/holder/e-licence/codes", &json!({"kind": "numeric"}))
        .await
        .done();
    assert_eq!(code["colour"], "red");
    let inbox = driver.get("/holder/notifications").await.done();
    assert!(crate::steps::told(&inbox, "status-changed"), "{inbox}");
}

async fn sc_11_a_locked_licence_is_not_shown(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    for (version, letter) in [(2, "G"), (3, "J"), (4, "L")] {
        let change = json!({"status": [letter], "version": version});
        deliver(&app, &[with(record(BEIJING), change)]).await;
        let pages = driver.get("/holder/e-licence").await.done();
        assert_eq!(pages["status"]["shown"], "hidden", "{letter}");
        assert!(pages["main_page"].is_null() && pages["sub_page"].is_null());
        let reasons = pages["status"]["reasons"].as_array().unwrap();
        assert!(!reasons.is_empty(), "{letter}");
        assert!(!reasons[0]["clears_zh"].as_str().unwrap().is_empty());
        driver
            .post("/holder/e-licence/codes", &json!({"kind": "numeric"}))
            .await
            .problem(409, "e-licence-not-shown");
        driver
            .get("/holder/e-licence/portrait")
            .await
            .problem(409, "e-licence-not-shown");
    }
}

async fn sc_15_a_new_edition_supersedes_and_tells(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let code = numeric_code(&driver).await;
    let edition = json!({"document_edition": 2, "classes": ["A2", "C1"], "version": 2});
    deliver(&app, &[with(record(BEIJING), edition)]).await;

    let pages = driver.get("/holder/e-licence").await.done();
    assert_eq!(pages["stage"], "superseded");
    assert_eq!(pages["status"]["shown"], "hidden");
    let inbox = driver.get("/holder/notifications").await.done();
    assert!(
        crate::steps::told(&inbox, "e-licence-superseded"),
        "{inbox}"
    );
    assert!(inbox.to_string().contains("请重新申领"), "{inbox}");
    driver
        .post("/holder/e-licence/codes", &json!({"kind": "numeric"}))
        .await
        .problem(410, "e-licence-superseded");
    // A code made before says what it is: a superseded licence of an entitled driver.
    let police = app.staff("police").await;
    let request = json!({"code": code, "purpose": "enforcement", "class": "A2"});
    let facts = police.post("/verifications", &request).await.done();
    assert_eq!(facts["e_licence"]["stage"], "superseded");
    assert_eq!(facts["status"]["value"], "invalid");
    assert_eq!(facts["entitled"]["outcome"], "yes");
    // A new application at the counter is a re-application (R88-R90).
    let application = crate::steps::apply(&app, BEIJING).await;
    let issued = crate::steps::approve(&app, BEIJING, &application).await;
    assert_eq!(issued["kind"], "reapplication");
    let pages = driver.get("/holder/e-licence").await.done();
    assert_eq!(pages["main_page"]["classes"], json!(["A2", "C1"]));
}

async fn sc_16_a_corrected_address_supersedes_nothing(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let before = driver.get("/holder/e-licence").await.done();
    let moved = json!({"document_edition": 2, "address": "样例市样例区测试路1号", "version": 2});
    deliver(&app, &[with(record(BEIJING), moved)]).await;
    let after = driver.get("/holder/e-licence").await.done();
    assert_eq!(after["sub_page"]["address"], "样例市样例区测试路1号");
    assert_eq!(after["id"], before["id"]);
    assert_eq!(after["stage"], "active");
    assert_eq!(verified(&app, &driver).await["status"]["value"], "valid");
}

async fn sc_66_a_licence_turns_red_at_midnight_without_any_change(app: App) {
    let expiring = with(record(BEIJING), json!({"valid_until": "2024-09-02"}));
    deliver(&app, &[expiring]).await;
    let application = crate::steps::apply(&app, BEIJING).await;
    crate::steps::approve(&app, BEIJING, &application).await;
    let driver = crate::steps::activate(&app, BEIJING).await;
    app.clock.set(testkit::clock::at("2024-09-02T15:59:59Z"));
    let again = json!({"kind": "holder", "login": BEIJING, "password": testkit::app::PASSWORD});
    driver.post("/sessions", &again).await.done();
    let pages = driver.get("/holder/e-licence").await.done();
    assert_eq!(pages["status"]["shown"], "black");
    app.clock.advance(SignedDuration::from_secs(1));
    let pages = driver.get("/holder/e-licence").await.done();
    assert_eq!(pages["status"]["shown"], "red");
    assert_eq!(codes(&pages["status"]["reasons"]), ["expired"]);
}

/// The job comes three hours late, on one node of two.
async fn sc_66_the_late_job_turns_lists_and_pages_once(app: App) {
    let expiring = with(record(BEIJING), json!({"valid_until": "2024-09-02"}));
    deliver(&app, &[expiring]).await;
    let application = crate::steps::apply(&app, BEIJING).await;
    crate::steps::approve(&app, BEIJING, &application).await;
    assert_eq!(published(&app).await, [0]);
    app.clock.set(testkit::clock::at("2024-09-02T15:59:59Z"));
    let turn = async |node: &str| {
        app.authority
            .turn_calendar(&mut app.act(), node)
            .await
            .unwrap()
    };
    assert_eq!(turn("one").await, 0, "nothing is due before midnight");
    app.clock.set(testkit::clock::at("2024-09-02T19:00:00Z"));
    let mut live = app.authority.live();
    assert_eq!(turn("one").await, 1);
    assert_eq!(published(&app).await, [3]);
    let mut told = Vec::new();
    while let Ok(event) = live.try_recv() {
        told.push(event.kind);
    }
    assert!(told.contains(&"status"), "{told:?}");
    assert_eq!(turn("one").await, 0, "once");
    assert_eq!(turn("two").await, 0, "the lease is another's");
    // A year later the lapse is another one, and the pages are hidden.
    app.clock.set(testkit::clock::at("2025-09-02T16:00:00Z"));
    assert_eq!(turn("two").await, 1);
    assert_eq!(published(&app).await, [2]);
}

/// What the status lists say of every credential.
async fn published(app: &App) -> Vec<u8> {
    let mut values = Vec::new();
    for partition in storage::Partition::all() {
        let store = app.authority.store();
        let found = store.status_values(partition).await.unwrap();
        values.extend(found.into_iter().map(|(_, value)| value));
    }
    values
}

async fn status_in_memory_is_rebuilt_at_start(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let red = with(record(BEIJING), json!({"status": ["D"], "version": 2}));
    deliver(&app, &[red]).await;
    let before = verified(&app, &driver).await;
    let app = app.restarted().await;
    let again = app.client();
    again.set_cookie("jz_device", &driver.cookies()["jz_device"]);
    let login = json!({"kind": "holder", "login": BEIJING, "password": testkit::app::PASSWORD});
    again.post("/sessions", &login).await.done();
    let after = verified(&app, &again).await;
    assert_eq!(before["status"]["value"], "red");
    assert_eq!(after["status"]["value"], "red");
}
