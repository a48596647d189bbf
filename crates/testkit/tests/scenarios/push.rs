//! Web Push: from the act to the browser, which devices are told, and what everybody sees of it.

mod browser;

use std::{path::Path, sync::Arc};

use authority::{
    TextId,
    notify::NotSent,
    push::{Push, PushService as _, PushTarget, Urgency},
};
use credential::{SoftwareSigner, Suite};
use jiazhao::{ambient::SystemEntropy, config::Config, web_push::WebPush};
use jiff::SignedDuration;
use serde_json::{Value, json};
use storage::Partition;
use testkit::{
    app::{App, PASSWORD},
    client::Client,
    people::{BEIJING, record, with},
    push::ENDPOINT,
    random::seeded,
};

use self::browser::{Browser, Service};
use crate::{
    accounts::login,
    on_both_engines,
    steps::{
        activate, activation, activation_code, apply, approve, decide, deliver,
        driver_with_licence, issue,
    },
};

on_both_engines!(
    sc_03_r37_a_success_message_is_pushed_to_the_browser_that_asked,
    sc_08_a_rejection_and_sc_15_a_supersession_are_pushed,
    sc_10_a_change_of_status_is_pushed_with_a_topic_and_nothing_personal,
    sc_18_warnings_are_pushed_also_to_devices_that_end,
    a_push_reaches_a_browser_through_its_service,
    what_a_service_or_the_configuration_says_later_counts,
    a_subscription_ends_by_turning_it_off_signing_out_and_with_its_device,
    a_subscription_that_is_gone_is_asked_no_more,
    a_service_that_is_busy_is_asked_again_and_holds_no_text_up,
    only_push_services_and_whole_keys_are_taken,
    sc_20_nobody_else_is_told_or_seen,
    where_nothing_is_pushed_the_app_is_told_so,
    r77_the_delivery_of_a_push_is_shown_and_counted,
);

const PATH: &str = "/holder/push-subscriptions";

/// Where a browser of these tests is reached.
fn endpoint(name: &str) -> String {
    format!("{ENDPOINT}{name}")
}

async fn subscribe(driver: &Client, name: &str) {
    let subscription = Browser::new(7).subscription(&endpoint(name));
    let answer = driver.put(PATH, &subscription).await.done();
    assert_eq!(answer["this_device"], true);
}

async fn subscriptions(driver: &Client) -> Value {
    driver.get(PATH).await.done()["subscriptions"].clone()
}

fn kinds(app: &App, name: &str) -> Vec<String> {
    app.push.kinds(&endpoint(name))
}

/// A record of the driver, which may not have an e-licence yet, with a status.
async fn change(app: &App, version: u64, change: Value) {
    let next = with(with(record(BEIJING), json!({ "version": version })), change);
    deliver(app, &[next]).await;
}

async fn sc_03_r37_a_success_message_is_pushed_to_the_browser_that_asked(app: App) {
    deliver(&app, &[record(BEIJING)]).await;
    let driver = activate(&app, BEIJING).await;
    let told = driver.get(PATH).await.done();
    assert_eq!(told["subscriptions"], json!([]));
    subscribe(&driver, "phone").await;
    let application = apply(&app, BEIJING).await;
    approve(&app, BEIJING, &application).await;
    assert_eq!(app.deliver_texts().await, 1);
    assert_eq!(kinds(&app, "phone"), ["e-licence-issued"]);
    let push = app.push.pushed().remove(0);
    assert_eq!(
        (push.urgency, push.payload["link"].as_str()),
        (Urgency::Normal, Some("/"))
    );
    assert_eq!(u64::from(push.ttl), 3 * 86_400);
    assert_eq!(app.deliver_texts().await, 0);
}

async fn sc_08_a_rejection_and_sc_15_a_supersession_are_pushed(app: App) {
    deliver(&app, &[record(BEIJING)]).await;
    let driver = activate(&app, BEIJING).await;
    subscribe(&driver, "phone").await;
    let application = apply(&app, BEIJING).await;
    let rejection = json!({"decision": "reject", "reasons": ["R59"]});
    decide(&app, "1101", &application, &rejection).await.done();
    app.deliver_texts().await;
    assert_eq!(kinds(&app, "phone"), ["application-rejected"]);
    assert_eq!(app.push.pushed()[0].payload["link"], "/messages");

    let application = apply(&app, BEIJING).await;
    approve(&app, BEIJING, &application).await;
    change(&app, 2, json!({"document_edition": 2, "classes": ["A2"]})).await;
    app.deliver_texts().await;
    let kinds = kinds(&app, "phone");
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    assert!(kinds.contains(&"e-licence-superseded".to_owned()));
}

async fn sc_10_a_change_of_status_is_pushed_with_a_topic_and_nothing_personal(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    subscribe(&driver, "phone").await;
    change(&app, 2, json!({"status": ["B"]})).await;
    assert_eq!(app.deliver_texts().await, 1);
    let push = app.push.pushed().remove(0);
    let inbox = driver.get("/holder/notifications").await.done();
    let mut inbox = inbox.as_array().unwrap().iter();
    let message = inbox.find(|one| one["kind"] == "status-changed").unwrap();
    assert_eq!(
        push.payload,
        json!({"v": 1, "kind": "status-changed", "message": message["id"], "link": "/"})
    );
    // A later one takes its place with the service.
    assert_eq!(push.topic.as_deref(), Some("status-changed"));
    let shown = format!("{push:?}");
    for personal in [BEIJING, "测试", "样例市", "red", "drv_"] {
        assert!(!shown.contains(personal), "{personal}");
    }
}

/// Whoever takes an account over ends its devices; those hear of it all the same.
async fn sc_18_warnings_are_pushed_also_to_devices_that_end(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    subscribe(&driver, "phone").await;
    let stranger = app.client();
    let tried = stranger.post("/sessions", &login(BEIJING, PASSWORD)).await;
    tried.problem(401, "wrong-login");
    app.authority.tend_accounts(&mut app.act()).await.unwrap();
    app.deliver_texts().await;
    assert_eq!(kinds(&app, "phone"), ["device-refused"]);
    let push = app.push.pushed().remove(0);
    assert_eq!((push.urgency, &push.topic), (Urgency::High, &None));

    let code = activation_code(&app, BEIJING).await;
    let mut recovery = activation(BEIJING, &code);
    recovery["password"] = json!("another long password");
    app.client().post("/activations", &recovery).await.done();
    app.deliver_texts().await;
    assert_eq!(
        kinds(&app, "phone"),
        ["device-refused", "account-recovered"]
    );
    // From then on it is told nothing.
    change(&app, 2, json!({"status": ["B"]})).await;
    app.deliver_texts().await;
    assert_eq!(app.push.pushed().len(), 2);
}

/// The whole way: encrypted, signed, over TLS, opened as a browser opens it.
async fn a_push_reaches_a_browser_through_its_service(app: App) {
    let service = Service::start();
    let app = app.with_push(Arc::new(web_push(&service.named()))).await;
    let driver = driver_with_licence(&app, BEIJING).await;
    let browser = Browser::new(9);
    let target = browser.subscription(&service.endpoint("a"));
    driver.put(PATH, &target).await.done();
    for (version, status) in [(2, "B"), (3, "A")] {
        change(&app, version, json!({"status": [status]})).await;
        assert_eq!(app.deliver_texts().await, 1);
    }
    let requests = service.requests();
    let [first, second] = requests.as_slice() else {
        panic!("two pushes were sent, and {} came", requests.len());
    };
    assert_eq!(first.path, "/push/a");
    for (name, value) in [
        ("content-encoding", "aes128gcm"),
        ("content-type", "application/octet-stream"),
        ("ttl", "259200"),
        ("urgency", "normal"),
        ("topic", "status-changed"),
    ] {
        assert_eq!(first.header(name), Some(value), "{name}");
    }
    assert!(first.header("cookie").is_none());
    let key = driver.get(PATH).await.done()["application_server_key"].clone();
    let expected = json!({
        "aud": format!("https://localhost:{}", service.address.port()),
        "exp": app.clock.now().as_second() + 12 * 3_600,
        "sub": "mailto:push@authority.example",
    });
    assert_eq!(first.vapid(key.as_str().unwrap()), expected);
    let opened = browser.opened(&first.body);
    let told = (&opened["v"], &opened["kind"]);
    assert_eq!(told, (&json!(1), &json!("status-changed")));
    assert_eq!(browser.opened(&second.body)["kind"], "status-changed");
    // Nothing of a push tells another of its kind: one length, salt and sender's key of their own.
    assert_eq!(first.body.len(), second.body.len());
    assert_ne!(first.body[..16], second.body[..16]);
    assert_ne!(first.body[21..86], second.body[21..86]);
}

async fn what_a_service_or_the_configuration_says_later_counts(app: App) {
    let service = Service::start();
    let app = app.with_push(Arc::new(web_push(&service.named()))).await;
    let driver = driver_with_licence(&app, BEIJING).await;
    let target = Browser::new(9).subscription(&service.endpoint("a"));
    driver.put(PATH, &target).await.done();
    let key = driver.get(PATH).await.done()["application_server_key"].clone();
    service.answers(410);
    change(&app, 2, json!({"status": ["B"]})).await;
    assert_eq!(app.deliver_texts().await, 0);
    assert_eq!(subscriptions(&driver).await, json!([]));

    driver.put(PATH, &target).await.done();
    let app = app
        .with_push(Arc::new(web_push(&service.configured(""))))
        .await;
    let again = app.client();
    for name in ["jz_session", "jz_device"] {
        again.set_cookie(name, &driver.cookies()[name]);
    }
    // The key is the same after a new start, or every browser would have to subscribe again.
    assert_eq!(again.get(PATH).await.done()["application_server_key"], key);
    // A service that is not named any more is not spoken to, whatever was taken before.
    let before = service.requests().len();
    change(&app, 3, json!({"status": ["A"]})).await;
    assert_eq!(app.deliver_texts().await, 0);
    assert_eq!(service.requests().len(), before);
}

#[tokio::test]
async fn what_a_push_service_answers_decides_whether_it_is_asked_again() {
    let service = Service::start();
    let push = web_push(&service.named());
    let mut rng = seeded(5);
    let browser = Browser::new(9).subscription(&service.endpoint("a"));
    let text = |name: &str| browser["keys"][name].as_str().unwrap().to_owned();
    let asked = Push {
        id: TextId::generate(Partition::of_holders(1), &mut rng),
        target: PushTarget::new(service.endpoint("a"), text("p256dh"), text("auth")),
        payload: b"{}".to_vec(),
        ttl: 60,
        urgency: Urgency::High,
        topic: None,
        now: jiff::Timestamp::UNIX_EPOCH,
        key: Arc::new(SoftwareSigner::generate(&Suite::Es256, &mut rng).unwrap()),
    };
    for (status, expected) in [
        (200, None),
        (201, None),
        (202, None),
        (307, Some(NotSent::Never("refused"))),
        (400, Some(NotSent::Never("refused"))),
        (403, Some(NotSent::Never("refused"))),
        (404, Some(NotSent::Gone)),
        (408, Some(NotSent::Later("busy"))),
        (410, Some(NotSent::Gone)),
        (413, Some(NotSent::Never("refused"))),
        (429, Some(NotSent::Later("busy"))),
        (500, Some(NotSent::Later("service-error"))),
        (503, Some(NotSent::Later("service-error"))),
    ] {
        service.answers(status);
        assert_eq!(push.send(&asked).await.err(), expected, "{status}");
    }
    let sent = service.requests().pop().unwrap();
    assert_eq!(
        (sent.header("urgency"), sent.header("topic")),
        (Some("high"), None)
    );
    assert!(!format!("{asked:?} {push:?}").contains("push/a"));
    // Whoever has no certificate that is believed gets nothing.
    let public = format!(
        "[push]\ncontact = \"mailto:a@b.example\"\nservices = [\"localhost:{}\"]\n",
        service.address.port()
    );
    let stranger = web_push(&public).send(&asked).await;
    assert_eq!(stranger.err(), Some(NotSent::Later("unreachable")));
}

fn web_push(text: &str) -> WebPush {
    let config = Config::parse(text, None, Path::new("data")).unwrap();
    WebPush::new(
        &config.push.unwrap(),
        Arc::new(SystemEntropy::open().unwrap()),
    )
    .unwrap()
}

async fn a_subscription_ends_by_turning_it_off_signing_out_and_with_its_device(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let other = activate(&app, BEIJING).await;
    subscribe(&driver, "phone").await;
    subscribe(&driver, "phone-anew").await;
    subscribe(&other, "tablet").await;
    let told = subscriptions(&driver).await;
    let here = |told: &Value| {
        let told = told.as_array().unwrap();
        told.iter().filter(|one| one["this_device"] == true).count()
    };
    assert_eq!((told.as_array().unwrap().len(), here(&told)), (2, 1));

    for _ in 0..2 {
        driver.delete(PATH).await.expect(204);
    }
    assert_eq!(here(&subscriptions(&driver).await), 0);
    subscribe(&driver, "phone").await;
    driver.delete("/sessions/current").await.expect(204);
    let told = subscriptions(&other).await;
    assert_eq!((told.as_array().unwrap().len(), here(&told)), (1, 1));
    // The device is still the driver's: signing in again turns nothing on by itself.
    driver
        .post("/sessions", &login(BEIJING, PASSWORD))
        .await
        .done();
    assert_eq!(here(&subscriptions(&driver).await), 0);

    let devices = driver.get("/holder/devices").await.done();
    let tablet = devices
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["current"] == false);
    let tablet = tablet.unwrap()["id"].as_str().unwrap();
    driver
        .delete(&format!("/holder/devices/{tablet}"))
        .await
        .expect(204);
    assert_eq!(subscriptions(&driver).await, json!([]));
    app.deliver_texts().await;
    let before = app.push.pushed().len();
    change(&app, 2, json!({"status": ["B"]})).await;
    assert_eq!(app.deliver_texts().await, 0);
    assert_eq!(app.push.pushed().len(), before);
}

async fn a_subscription_that_is_gone_is_asked_no_more(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    subscribe(&driver, "phone").await;
    app.push.answers(Err(NotSent::Gone));
    change(&app, 2, json!({"status": ["B"]})).await;
    assert_eq!(app.deliver_texts().await, 0);
    assert_eq!(subscriptions(&driver).await, json!([]));
    change(&app, 3, json!({"status": ["A"]})).await;
    assert_eq!(app.deliver_texts().await, 0);
    assert_eq!(app.push.pushed().len(), 1);
    // What waits for another try when a browser is turned off is not sent any more.
    subscribe(&driver, "phone").await;
    app.push.answers(Err(NotSent::Later("busy")));
    change(&app, 4, json!({"status": ["B"]})).await;
    app.deliver_texts().await;
    driver.delete(PATH).await.expect(204);
    app.clock.advance(SignedDuration::from_secs(5));
    assert_eq!(app.deliver_texts().await, 0);
    assert_eq!(app.push.pushed().len(), 2);
}

async fn a_service_that_is_busy_is_asked_again_and_holds_no_text_up(app: App) {
    crate::accounts::issue_reachable(&app, BEIJING, crate::accounts::PHONE).await;
    let driver = activate(&app, BEIJING).await;
    app.deliver_texts().await;
    subscribe(&driver, "phone").await;
    for _ in 0..2 {
        app.push.answers(Err(NotSent::Later("service-error")));
    }
    let before = app.texts.to(crate::accounts::PHONE).len();
    driver
        .post("/holder/account-freeze", &json!({}))
        .await
        .expect(204);
    assert_eq!(app.deliver_texts().await, 1);
    assert_eq!(app.texts.to(crate::accounts::PHONE).len(), before + 1);
    let attempts = async |wait: i64| {
        app.clock.advance(SignedDuration::from_secs(wait));
        app.deliver_texts().await;
        app.push.pushed().len()
    };
    assert_eq!(attempts(4).await, 1);
    assert_eq!(attempts(1).await, 2);
    assert_eq!(attempts(29).await, 2);
    assert_eq!(attempts(1).await, 3);
    assert_eq!(attempts(3_600).await, 3);
    assert_eq!(kinds(&app, "phone"), ["account-frozen"; 3]);
}

async fn only_push_services_and_whole_keys_are_taken(app: App) {
    issue(&app, BEIJING).await;
    let driver = activate(&app, BEIJING).await;
    let good = Browser::new(7).subscription(&endpoint("phone"));
    let long = endpoint(&"x".repeat(1024));
    for refused in [
        "https://evil.example/",
        "http://push.example/",
        "",
        long.as_str(),
    ] {
        let bad = with(good.clone(), json!({ "endpoint": refused }));
        driver
            .put(PATH, &bad)
            .await
            .problem(422, "push-endpoint-refused");
    }
    let p256dh = good["keys"]["p256dh"].as_str().unwrap();
    let off_the_curve = format!("{}AAAA", &p256dh[..p256dh.len() - 4]);
    for (name, value) in [
        ("p256dh", off_the_curve.as_str()),
        ("p256dh", "BA"),
        ("p256dh", "!"),
        ("auth", "AAAA"),
        ("auth", ""),
        ("auth", p256dh),
    ] {
        let mut bad = good.clone();
        bad["keys"][name] = json!(value);
        driver
            .put(PATH, &bad)
            .await
            .problem(422, "push-keys-invalid");
    }
    for bad in [
        json!({}),
        json!({"endpoint": endpoint("phone")}),
        with(good.clone(), json!({"expirationTime": null})),
        with(good.clone(), json!({"keys": 1})),
    ] {
        driver.put(PATH, &bad).await.problem(422, "invalid-request");
    }
    assert_eq!(subscriptions(&driver).await, json!([]));
    // The addresses that the real services are told apart by.
    let service = web_push("[push]\ncontact = \"mailto:push@authority.example\"\n");
    assert!(service.takes("https://fcm.googleapis.com/fcm/send/x"));
    assert!(!service.takes("https://127.0.0.1/x"));
}

async fn sc_20_nobody_else_is_told_or_seen(app: App) {
    let good = Browser::new(7).subscription(&endpoint("phone"));
    let nobody = app.client();
    nobody.get(PATH).await.problem(401, "sign-in-required");
    nobody
        .put(PATH, &good)
        .await
        .problem(401, "sign-in-required");
    nobody.delete(PATH).await.problem(401, "sign-in-required");
    let officer = app.staff("police").await;
    officer.get(PATH).await.problem(403, "not-your-role");
    officer.put(PATH, &good).await.problem(403, "not-your-role");

    let driver = driver_with_licence(&app, BEIJING).await;
    let other = driver_with_licence(&app, testkit::people::CHENGDU).await;
    subscribe(&driver, "phone").await;
    assert_eq!(subscriptions(&other).await, json!([]));
    other.delete(PATH).await.expect(204);
    assert_eq!(subscriptions(&driver).await.as_array().unwrap().len(), 1);
    // The answers never tell an address: it would let others send to it.
    let told = driver.get(PATH).await.done().to_string();
    assert!(!told.contains("push.example"), "{told}");
}

async fn where_nothing_is_pushed_the_app_is_told_so(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    subscribe(&driver, "phone").await;
    let app = app.without_texts().await;
    let again = app.client();
    again.set_cookie("jz_session", &driver.cookies()["jz_session"]);
    again.set_cookie("jz_device", &driver.cookies()["jz_device"]);
    assert_eq!(again.get(PATH).await.done(), json!({"subscriptions": []}));
    let good = Browser::new(7).subscription(&endpoint("phone"));
    again.put(PATH, &good).await.problem(404, "push-off");
    // What was queued for those who had asked is given up, so that no queue grows.
    change(&app, 2, json!({"status": ["B"]})).await;
    assert_eq!(app.deliver_texts().await, 0);
    let admin = app.staff("admin").await;
    let summary = admin.get("/admin/texts/summary").await.done();
    assert_eq!(
        (&summary["push"]["queued"], &summary["push"]["given_up"]),
        (&json!(0), &json!(1))
    );
}

async fn r77_the_delivery_of_a_push_is_shown_and_counted(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    subscribe(&driver, "phone").await;
    change(&app, 2, json!({"status": ["B"]})).await;
    let deliveries = async || {
        let inbox = driver.get("/holder/notifications").await.done();
        let one = inbox
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["kind"] == "status-changed");
        one.unwrap()["deliveries"].clone()
    };
    let state = |seen: &Value| {
        assert_eq!(
            (&seen[1]["channel"], seen[1].get("to_ends")),
            (&json!("push"), None)
        );
        seen[1]["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(&deliveries().await), "queued");
    app.deliver_texts().await;
    assert_eq!(state(&deliveries().await), "sent");
    let admin = app.staff("admin").await;
    let summary = admin.get("/admin/texts/summary").await.done();
    let push = &summary["push"];
    assert_eq!((&push["channel"], &push["sent"]), (&json!(true), &json!(1)));
    // Counted for itself: the texts of activation are the phone's.
    assert_eq!(summary["sent"], 0);
    let metrics = app.client().get("/metrics").await.text();
    for line in [
        "jiazhao_pushes_total{outcome=\"sent\"} 1",
        "jiazhao_pushes_queued 0",
    ] {
        assert!(metrics.contains(line), "{line}");
    }
}
