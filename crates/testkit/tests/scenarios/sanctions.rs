//! Sanctions (R75, R76): two officers close the app to a driver and stop the e-licence, two lift it.

mod and_objection;
mod case_file;
mod in_the_app;
mod refused;

use jiazhao::demo::device::Shows;
use jiff::SignedDuration;
use serde_json::{Value, json};
use testkit::{
    app::App,
    client::{Answer, Client},
    people::{BEIJING, record, with},
};

use crate::{
    accounts::{PHONE, issue_reachable},
    binding::{bind, checked, dynamic, material, offline},
    on_both_engines,
    steps::{
        activate, apply, approve, codes, counter_application, deliver, driver_with_licence, issue,
        told, verified,
    },
};

on_both_engines!(
    sc_35_two_officers_stop_a_licence_and_two_bring_it_back,
    sc_35_the_counter_stays_open_and_its_licence_is_good,
    sc_35_what_devices_show_says_suspended_at_once,
    sc_35_an_appeal_is_answered_by_two_officers,
    sc_35_what_was_begun_in_the_app_ends_and_at_the_counter_goes_on,
    sc_35_a_second_node_refuses_at_once,
    sc_10_a_sanctioned_driver_is_told_without_a_word_on_the_locked_screen,
    r88_a_stopped_licence_that_is_superseded_does_not_come_back,
    two_officers_confirm_at_once_and_one_sanction_is_in_force,
    a_lift_and_its_refusal_at_once_and_one_counts,
);

pub(crate) fn proposal(number: &str) -> Value {
    json!({
        "licence_number": number,
        "grounds": ["composite-photo"],
        "statement": "照片为合成，详见证据",
    })
}

/// The first officer proposes it.
pub(crate) async fn proposed(app: &App, number: &str) -> String {
    let officer = app.staff(&format!("reviewer-{}", &number[..4])).await;
    let made = officer
        .post("/admin/sanctions", &proposal(number))
        .await
        .expect(201);
    assert_eq!(made["sanction"]["stage"], "proposed");
    made["sanction"]["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn decided(officer: &Client, path: &str, decision: &str) -> Answer {
    let body = json!({"decision": decision, "statement": "已核对证据"});
    officer.post(path, &body).await
}

/// The first proposes it, the second confirms it.
pub(crate) async fn sanctioned(app: &App, number: &str) -> String {
    let id = proposed(app, number).await;
    let second = app.staff(&format!("both-{}", &number[..4])).await;
    let path = format!("/admin/sanctions/{id}/decision");
    let confirmed = decided(&second, &path, "confirm").await.done();
    assert_eq!(confirmed["sanction"]["stage"], "in-force");
    id
}

/// The second would have it lifted, the first decides.
pub(crate) async fn lift_decided(app: &App, number: &str, id: &str, decision: &str) -> Value {
    let city = &number[..4];
    let (first, second) = (
        app.staff(&format!("reviewer-{city}")).await,
        app.staff(&format!("both-{city}")).await,
    );
    let path = format!("/admin/sanctions/{id}/lift");
    let reason = json!({"statement": "复核后认为应当解除"});
    let asked = second.post(&path, &reason).await.done();
    assert_eq!(asked["sanction"]["stage"], "lift-proposed");
    decided(&first, &format!("{path}/decision"), decision)
        .await
        .done()
}

async fn shown(driver: &Client) -> Value {
    driver.get("/holder/e-licence").await.done()
}

async fn blocking(driver: &Client) -> Vec<String> {
    let answer = driver.get("/holder/eligibility").await.done();
    codes(&answer["reasons"])
        .into_iter()
        .map(str::to_owned)
        .collect()
}

async fn sc_35_two_officers_stop_a_licence_and_two_bring_it_back(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let before = shown(&driver).await;
    let id = proposed(&app, BEIJING).await;
    // Proposed, it is nothing: the driver sees no trace of it.
    assert_eq!(shown(&driver).await["status"]["shown"], "black");
    assert_eq!(driver.get("/holder/sanctions").await.done(), json!([]));
    assert!(!blocking(&driver).await.contains(&"sanctioned".to_owned()));

    let second = app.staff("both-1101").await;
    let path = format!("/admin/sanctions/{id}");
    let confirmed = decided(&second, &format!("{path}/decision"), "confirm")
        .await
        .done();
    assert_eq!(confirmed["e_licence"], before["id"]);
    let stopped = shown(&driver).await;
    assert_eq!(stopped["stage"], "stopped");
    assert_eq!(stopped["status"]["value"], "suspended");
    assert_eq!(stopped["status"]["shown"], "hidden");
    assert_eq!(stopped["main_page"], Value::Null);
    let reason = &stopped["status"]["reasons"][0];
    assert_eq!(reason["code"], "e-licence-stopped");
    let contact = before["sub_page"]["issuing_authority"].as_str().unwrap();
    assert!(
        reason["clears_zh"].as_str().unwrap().contains(contact),
        "{reason}"
    );
    let refused = material(&driver, "numeric").await;
    let reasons = refused.problem(409, "e-licence-not-shown");
    assert!(
        reasons.contains(&"e-licence-stopped".to_owned()),
        "{reasons:?}"
    );
    assert!(blocking(&driver).await.contains(&"sanctioned".to_owned()));

    the_driver_reads_why(&driver, &id, &before["sub_page"]["issuing_authority"]).await;

    let lifted = lift_decided(&app, BEIJING, &id, "confirm").await;
    assert_eq!(lifted["sanction"]["stage"], "lifted");
    let after = shown(&driver).await;
    assert_eq!(after["id"], before["id"]);
    assert_eq!(after["stage"], "active");
    assert_eq!(after["main_page"], before["main_page"]);
    assert_eq!(after["status"]["shown"], "black");
    assert!(!blocking(&driver).await.contains(&"sanctioned".to_owned()));
    assert_eq!(verified(&app, &driver).await["status"]["value"], "valid");
    assert!(told(
        &driver.get("/holder/notifications").await.done(),
        "sanction-lifted"
    ));
    let own = driver.get("/holder/sanctions").await.done();
    assert_eq!(
        (&own[0]["stage"], &own[0]["may_appeal"]),
        (&json!("lifted"), &json!(false))
    );
}

/// And whom to contact.
async fn the_driver_reads_why(driver: &Client, id: &str, contact: &Value) {
    let own = driver.get("/holder/sanctions").await.done();
    assert_eq!(own[0]["id"], id);
    assert_eq!(own[0]["stage"], "in-force");
    assert_eq!(codes(&own[0]["grounds"]), ["composite-photo"]);
    assert_eq!(own[0]["grounds"][0]["rule"], "R73");
    assert_eq!(&own[0]["contact"], contact);
    assert_eq!(own[0]["may_appeal"], true);
    assert!(told(
        &driver.get("/holder/notifications").await.done(),
        "sanctioned"
    ));
}

/// The person is seen there and the photo is another: what comes of it is good, and the app stays
/// closed.
async fn sc_35_the_counter_stays_open_and_its_licence_is_good(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let before = shown(&driver).await;
    let id = sanctioned(&app, BEIJING).await;
    let application = apply(&app, BEIJING).await;
    approve(&app, BEIJING, &application).await;
    let new = shown(&driver).await;
    assert_ne!(new["id"], before["id"]);
    assert_eq!(
        (&new["stage"], &new["status"]["shown"]),
        (&json!("active"), &json!("black"))
    );
    assert_eq!(verified(&app, &driver).await["status"]["value"], "valid");
    assert!(blocking(&driver).await.contains(&"sanctioned".to_owned()));
    let own = driver.get("/holder/sanctions").await.done();
    assert_eq!(own[0]["stage"], "in-force");

    // Lifted, the one that was stopped stays superseded.
    lift_decided(&app, BEIJING, &id, "confirm").await;
    assert_eq!(shown(&driver).await["id"], new["id"]);
    assert!(!blocking(&driver).await.contains(&"sanctioned".to_owned()));
}

async fn sc_35_what_devices_show_says_suspended_at_once(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let device = bind(&driver, 1).await;
    let shows = material(&driver, "offline").await.expect(201);
    let place = crate::codes::profile(&app, &shows).claims().status;
    let listed = || {
        let place = storage::StatusPlace {
            list: place.list.try_into().unwrap(),
            index: place.index.try_into().unwrap(),
        };
        app.authority.status_in_memory(place).unwrap()
    };
    assert_eq!(listed(), 0);
    let code = dynamic(&app, &driver, &device).await;
    let id = sanctioned(&app, BEIJING).await;
    assert_eq!(listed(), 2, "suspended in the lists");
    // What was on the screen before is still a code, and says what is the case.
    let answer = checked(&app, &code).await.done();
    assert_eq!(answer["authentic"]["outcome"], "yes");
    assert_eq!(answer["e_licence"]["stage"], "stopped");
    assert_eq!(answer["status"]["value"], "suspended");
    assert_eq!(answer["person"]["portrait"], Value::Null);
    assert_eq!(answer["paper"]["required"], false);
    for kind in ["dynamic", "offline", "numeric"] {
        material(&driver, kind)
            .await
            .problem(409, "e-licence-not-shown");
    }
    app.clock.advance(SignedDuration::from_secs(2));
    let old = device
        .offline(&shows, app.clock.now(), Shows::Public)
        .unwrap();
    let answer = checked(&app, &old).await.done();
    assert_eq!(answer["status"]["value"], "suspended");

    lift_decided(&app, BEIJING, &id, "confirm").await;
    assert_eq!(listed(), 0);
    app.clock.advance(SignedDuration::from_secs(2));
    let code = offline(&app, &driver, &device, Shows::Public).await;
    assert_eq!(
        checked(&app, &code).await.done()["status"]["value"],
        "valid"
    );
}

async fn sc_35_an_appeal_is_answered_by_two_officers(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let id = sanctioned(&app, BEIJING).await;
    let path = format!("/holder/sanctions/{id}/appeal");
    let appeal = json!({"statement": "照片为本人近照，未经处理。"});
    for bad in [
        json!(""),
        json!(" \n "),
        json!("a\u{7}b"),
        json!("长".repeat(2001)),
    ] {
        let refused = driver.post(&path, &json!({"statement": bad})).await;
        assert_eq!(
            refused.problem(422, "invalid-sanction"),
            ["invalid-statement"]
        );
    }
    let appealed = driver.post(&path, &appeal).await.done();
    assert_eq!(
        (&appealed["appeal"], &appealed["may_appeal"]),
        (&json!("open"), &json!(false))
    );
    driver
        .post(&path, &appeal)
        .await
        .problem(409, "appeal-open");

    // Those who decide read it.
    let reviewer = app.staff("reviewer-1101").await;
    let listed = reviewer.get("/admin/sanctions").await.done();
    assert_eq!(
        (&listed[0]["id"], &listed[0]["appeal"]),
        (&json!(id), &json!("open"))
    );
    let case = reviewer.get(&format!("/admin/sanctions/{id}")).await.done();
    let steps: Vec<_> = case["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["step"])
        .collect();
    assert_eq!(steps, ["proposed", "confirmed", "appealed"]);
    assert_eq!(case["steps"][2]["statement"], appeal["statement"]);

    let stays = lift_decided(&app, BEIJING, &id, "decline").await;
    assert_eq!(stays["sanction"]["stage"], "in-force");
    assert_eq!(stays["sanction"]["appeal"], "dismissed");
    assert_eq!(shown(&driver).await["stage"], "stopped");
    assert!(told(
        &driver.get("/holder/notifications").await.done(),
        "appeal-dismissed"
    ));

    driver.post(&path, &appeal).await.done();
    let outcome = lift_decided(&app, BEIJING, &id, "confirm").await;
    assert_eq!(outcome["sanction"]["appeal"], "granted");
    assert_eq!(shown(&driver).await["stage"], "active");
    driver
        .post(&path, &appeal)
        .await
        .problem(409, "not-in-this-state");
}

/// An application made in the app ends with the reason; one that an officer made goes on to its
/// licence.
async fn sc_35_what_was_begun_in_the_app_ends_and_at_the_counter_goes_on(app: App) {
    deliver(&app, &[record(BEIJING)]).await;
    let application = apply(&app, BEIJING).await;
    let driver = activate(&app, BEIJING).await;
    let officer = app.staff("reviewer-1101").await;
    let evidence = json!([{"kind": "application", "id": application}]);
    let mut request = proposal(BEIJING);
    request["evidence"] = evidence;
    let made = officer.post("/admin/sanctions", &request).await.expect(201);
    let id = made["sanction"]["id"].as_str().unwrap();
    let second = app.staff("both-1101").await;
    let path = format!("/admin/sanctions/{id}/decision");
    decided(&second, &path, "confirm").await.done();
    let own = format!("/holder/applications/{application}");
    assert_eq!(driver.get(&own).await.done()["stage"], "under-review");
    approve(&app, BEIJING, &application).await;
    assert_eq!(shown(&driver).await["stage"], "active");
}

/// SC-65: what one node committed another refuses.
async fn sc_35_a_second_node_refuses_at_once(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let (node, _) = app.second_node().await;
    let current = {
        let holder = app
            .authority
            .store()
            .current_e_licence(&holder_of(&app, &driver).await)
            .await;
        holder.unwrap().unwrap()
    };
    let place = current.credential.unwrap().place;
    assert_eq!(node.status_in_memory(place), Some(0));
    sanctioned(&app, BEIJING).await;
    node.follow().await.unwrap();
    assert_eq!(node.status_in_memory(place), Some(2));
}

async fn holder_of(app: &App, driver: &Client) -> storage::HolderId {
    let e_licence = shown(driver).await;
    let id = storage::ELicenceId::parse(e_licence["id"].as_str().unwrap()).unwrap();
    app.authority
        .store()
        .e_licence(&id)
        .await
        .unwrap()
        .unwrap()
        .holder
}

async fn sc_10_a_sanctioned_driver_is_told_without_a_word_on_the_locked_screen(app: App) {
    issue_reachable(&app, BEIJING, PHONE).await;
    let driver = activate(&app, BEIJING).await;
    app.deliver_texts().await;
    let before = app.texts.to(PHONE).len();
    sanctioned(&app, BEIJING).await;
    app.deliver_texts().await;
    let sent = app.texts.to(PHONE);
    assert_eq!(sent.len(), before + 1);
    let text = sent.last().unwrap();
    for word in [
        "停止", "处置", "违法", "sanction", "stopped", "illegal", BEIJING,
    ] {
        assert!(!text.zh.contains(word) && !text.en.contains(word), "{word}");
    }
    let inbox = driver.get("/holder/notifications").await.done();
    assert!(told(&inbox, "sanctioned"));
}

async fn r88_a_stopped_licence_that_is_superseded_does_not_come_back(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let id = sanctioned(&app, BEIJING).await;
    let edition = json!({"document_edition": 2, "classes": ["A2"], "version": 2});
    deliver(&app, &[with(record(BEIJING), edition)]).await;
    assert_eq!(shown(&driver).await["stage"], "superseded");
    lift_decided(&app, BEIJING, &id, "confirm").await;
    assert_eq!(shown(&driver).await["stage"], "superseded");
}

async fn two_officers_confirm_at_once_and_one_sanction_is_in_force(app: App) {
    issue(&app, BEIJING).await;
    let officer = app.staff("counter-1101").await;
    let made = officer
        .post("/admin/sanctions", &proposal(BEIJING))
        .await
        .expect(201);
    let path = format!(
        "/admin/sanctions/{}/decision",
        made["sanction"]["id"].as_str().unwrap()
    );
    let (one, two) = (
        app.staff("reviewer-1101").await,
        app.staff("both-1101").await,
    );
    let (first, second) = tokio::join!(
        decided(&one, &path, "confirm"),
        decided(&two, &path, "confirm")
    );
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let listed = one.get("/admin/sanctions").await.done();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["stage"], "in-force");
}

async fn a_lift_and_its_refusal_at_once_and_one_counts(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let officer = app.staff("counter-1101").await;
    let made = officer
        .post("/admin/sanctions", &proposal(BEIJING))
        .await
        .expect(201);
    let id = made["sanction"]["id"].as_str().unwrap();
    let one = app.staff("reviewer-1101").await;
    let path = format!("/admin/sanctions/{id}");
    decided(&one, &format!("{path}/decision"), "confirm")
        .await
        .done();
    let why = json!({"statement": "当事人已到窗口说明"});
    officer.post(&format!("{path}/lift"), &why).await.done();
    let two = app.staff("both-1101").await;
    let lift = format!("{path}/lift/decision");
    let (first, second) = tokio::join!(
        decided(&two, &lift, "confirm"),
        decided(&two, &lift, "decline")
    );
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let stage = if first.status == 200 {
        "active"
    } else {
        "stopped"
    };
    assert_eq!(shown(&driver).await["stage"], stage);
    // Applying at the counter is refused only for a licence that is active.
    let again = officer
        .post("/counter/applications", &counter_application(BEIJING))
        .await;
    assert_eq!(again.status, if stage == "active" { 409 } else { 201 });
}
