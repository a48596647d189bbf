//! Holder binding: one device presents, proved to hold its key, and everything that ends it.

mod refused;

use jiazhao::demo::device::{Device, Shows};
use jiff::SignedDuration;
use serde_json::{Value, json};
use testkit::{
    app::App,
    client::{Answer, Client},
    people::{BEIJING, record, with},
    random::seeded,
};

use crate::{
    accounts::{PHONE, inbox, issue_reachable, link, texts},
    on_both_engines,
    steps::{activate, check, deliver, driver_with_licence, numeric_code},
};

on_both_engines!(
    a_device_binds_and_the_licence_goes_on,
    sc_17_the_second_phone_takes_over_and_the_first_is_told,
    another_device_of_the_driver_does_not_present,
    the_driver_ends_the_binding_from_any_device,
    a_counter_ends_the_binding_after_an_identity_check,
    sc_19_freezing_ends_the_binding,
    a_device_that_ends_presents_nothing_more,
    a_recovered_account_has_no_binding,
    the_credential_follows_record_and_time,
    a_new_edition_ends_the_binding_with_the_licence,
);

/// A new device in a test's hand.
pub(crate) fn device(seed: u64) -> Device {
    Device::new(&mut seeded(seed)).unwrap()
}

pub(crate) async fn begin(driver: &Client, device: &Device) -> Answer {
    let request = json!({"device_key": device.key()});
    driver.post("/holder/bindings", &request).await
}

pub(crate) async fn prove(driver: &Client, device: &Device, challenge: &Value) -> Answer {
    let path = format!(
        "/holder/bindings/{}/proof",
        challenge["id"].as_str().unwrap()
    );
    driver.put(&path, &device.proof(challenge).unwrap()).await
}

/// Binds the driver's device with a key of this seed.
pub(crate) async fn bind(driver: &Client, seed: u64) -> Device {
    let device = device(seed);
    let challenge = begin(driver, &device).await.expect(201);
    prove(driver, &device, &challenge).await.done();
    device
}

pub(crate) async fn material(driver: &Client, kind: &str) -> Answer {
    let request = json!({"kind": kind});
    driver.post("/holder/e-licence/codes", &request).await
}

/// A dynamic code of this instant.
pub(crate) async fn dynamic(app: &App, driver: &Client, device: &Device) -> String {
    let material = material(driver, "dynamic").await.expect(201);
    device.dynamic(&material, app.clock.now()).unwrap()
}

/// An offline code of this instant.
pub(crate) async fn offline(app: &App, driver: &Client, device: &Device, shows: Shows) -> String {
    let material = material(driver, "offline").await.expect(201);
    device.offline(&material, app.clock.now(), shows).unwrap()
}

/// Police check a code.
pub(crate) async fn checked(app: &App, code: &str) -> Answer {
    let police = app.staff("police").await;
    police.post("/verifications", &check(code)).await
}

/// What the lists say at the place that an offline code names.
fn listed(app: &App, material: &Value) -> u8 {
    let profile = crate::codes::profile(app, material);
    let place = profile.claims().status;
    let place = storage::StatusPlace {
        list: place.list.try_into().unwrap(),
        index: place.index.try_into().unwrap(),
    };
    app.authority.status_in_memory(place).unwrap()
}

/// Neither what was made before nor anything new is good.
async fn presents_nothing(app: &App, device: &Device, before: &Value) {
    app.clock.advance(SignedDuration::from_secs(2));
    let now = app.clock.now();
    let code = device.dynamic(before, now).unwrap();
    checked(app, &code).await.problem(410, "code-ended");
    let code = device.offline(before, now, Shows::Public).unwrap();
    checked(app, &code).await.problem(410, "code-ended");
    assert_eq!(listed(app, before), 1, "offline too");
}

async fn a_device_binds_and_the_licence_goes_on(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let before = driver.get("/holder/e-licence/credential?suite=ES256").await;
    let path = "/holder/bindings/current";
    driver.get(path).await.problem(404, "no-binding");
    for kind in ["dynamic", "offline"] {
        let refused = material(&driver, kind).await;
        refused.problem(409, "device-not-bound");
    }
    let phone = device(1);
    let challenge = begin(&driver, &phone).await.expect(201);
    driver.get(path).await.problem(404, "no-binding");
    app.clock.advance(SignedDuration::from_secs(3));
    let bound = prove(&driver, &phone, &challenge).await.done();
    assert_eq!(bound["id"], challenge["id"]);
    assert_eq!(bound["assurance"], "software");
    assert_eq!(bound["this_device"], true);
    assert_eq!(bound["bound_at"], app.clock.now().to_string());
    assert_eq!(bound["renewed_at"], bound["bound_at"]);
    assert_eq!(driver.get(path).await.done(), bound);
    // Contact renews.
    app.clock.advance(SignedDuration::from_hours(1));
    let made = material(&driver, "dynamic").await.expect(201);
    assert_eq!(made["handle"], bound["handle"]);
    assert_eq!(made["server_time"], app.clock.now().as_second());
    assert_eq!((&made["lasts"], &made["skew"]), (&json!(60), &json!(30)));
    let renewed = driver.get(path).await.done();
    assert_eq!(renewed["renewed_at"], app.clock.now().to_string());
    // The e-licence is the same, its credential another, with the device's key and the same
    // certificate identifier.
    let after = driver.get("/holder/e-licence/credential?suite=ES256").await;
    let (before, after) = (
        crate::codes::claims(&app, &before),
        crate::codes::claims(&app, &after),
    );
    assert_eq!(before.e_licence_id, after.e_licence_id);
    assert_eq!(before.certificate_identifier, after.certificate_identifier);
    assert!(before.certificate_identifier.is_some());
    assert_ne!(before.credential_id, after.credential_id);
    assert_eq!(before.holder_key, None);
    let named = credential::DeviceKey::try_from(after.holder_key.as_ref().unwrap()).unwrap();
    let profile = crate::codes::profile(&app, &material(&driver, "offline").await.expect(201));
    assert_eq!(named, profile.claims().device_key);
}

/// SC-17: after the second phone is activated and binds, the first phone's codes die at once, and
/// the first is told.
async fn sc_17_the_second_phone_takes_over_and_the_first_is_told(app: App) {
    issue_reachable(&app, BEIJING, PHONE).await;
    let first = activate(&app, BEIJING).await;
    let phone = bind(&first, 1).await;
    let shown = material(&first, "offline").await.expect(201);
    let second = activate(&app, BEIJING).await;
    // The proof of activation alone ends nothing.
    let code = dynamic(&app, &first, &phone).await;
    checked(&app, &code).await.done();
    let other = bind(&second, 2).await;
    presents_nothing(&app, &phone, &shown).await;
    for kind in ["dynamic", "offline"] {
        material(&first, kind).await.problem(409, "other-device");
    }
    let code = dynamic(&app, &second, &other).await;
    let facts = checked(&app, &code).await.done();
    assert_eq!(facts["assurance"], "software");
    let seen = first.get("/holder/bindings/current").await.done();
    assert_eq!(seen["this_device"], false);
    let told = inbox(&first).await;
    assert!(
        told.iter().any(|kind| kind == "device-replaced"),
        "{told:?}"
    );
    app.deliver_texts().await;
    assert!(texts(&app, PHONE).contains(&"device-replaced".to_owned()));
    assert!(!link(&app, PHONE, "device-replaced").is_empty());
    // Binding the same device anew tells nobody.
    bind(&second, 3).await;
    assert_eq!(inbox(&first).await.len(), told.len());
}

async fn another_device_of_the_driver_does_not_present(app: App) {
    let first = driver_with_licence(&app, BEIJING).await;
    bind(&first, 1).await;
    let second = activate(&app, BEIJING).await;
    for kind in ["dynamic", "offline"] {
        material(&second, kind).await.problem(409, "other-device");
    }
    // The numeric code is any device's.
    checked(&app, &numeric_code(&second).await).await.done();
}

async fn the_driver_ends_the_binding_from_any_device(app: App) {
    let first = driver_with_licence(&app, BEIJING).await;
    let phone = bind(&first, 1).await;
    let shown = material(&first, "offline").await.expect(201);
    let second = activate(&app, BEIJING).await;
    let path = "/holder/bindings/current";
    second.delete(path).await.expect(204);
    presents_nothing(&app, &phone, &shown).await;
    material(&first, "dynamic")
        .await
        .problem(409, "device-not-bound");
    second.delete(path).await.problem(404, "no-binding");
    first.get(path).await.problem(404, "no-binding");
    let told = inbox(&first).await;
    assert!(
        told.iter().any(|kind| kind == "binding-revoked"),
        "{told:?}"
    );
    // The licence is as good as before, and a device binds again.
    let facts = checked(&app, &numeric_code(&second).await).await.done();
    assert_eq!(facts["authentic"]["outcome"], "yes");
    assert_eq!(facts["status"]["value"], "valid");
    let phone = bind(&first, 2).await;
    let code = dynamic(&app, &first, &phone).await;
    assert_eq!(
        checked(&app, &code).await.done()["status"]["value"],
        "valid"
    );
}

async fn a_counter_ends_the_binding_after_an_identity_check(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let phone = bind(&driver, 1).await;
    let shown = material(&driver, "offline").await.expect(201);
    let path = "/counter/binding-revocations";
    let request = json!({"licence_number": BEIJING, "identity": {"method": "id-card"}});
    let elsewhere = app.staff("counter-5101").await;
    let refused = elsewhere.post(path, &request).await;
    refused.problem(403, "office-out-of-scope");
    let police = app.staff("police").await;
    police
        .post(path, &request)
        .await
        .problem(403, "not-your-role");
    let officer = app.staff("counter-1101").await;
    officer.post(path, &request).await.expect(204);
    presents_nothing(&app, &phone, &shown).await;
    officer
        .post(path, &request)
        .await
        .problem(404, "no-binding");
    // The driver stays signed in, and binds anew with what the counter prints.
    let other = activate(&app, BEIJING).await;
    let phone = bind(&other, 2).await;
    let code = dynamic(&app, &other, &phone).await;
    checked(&app, &code).await.done();
}

async fn sc_19_freezing_ends_the_binding(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let phone = bind(&driver, 1).await;
    let shown = material(&driver, "offline").await.expect(201);
    let frozen = driver.post("/holder/account-freeze", &json!({})).await;
    frozen.expect(204);
    presents_nothing(&app, &phone, &shown).await;
    let officer = app.staff("counter-1101").await;
    let request = json!({"licence_number": BEIJING, "identity": {"method": "id-card"}});
    let lifted = officer.post("/counter/account-unfreezes", &request).await;
    lifted.expect(204);
    // Lifting brings no code back.
    presents_nothing(&app, &phone, &shown).await;
}

async fn a_device_that_ends_presents_nothing_more(app: App) {
    let first = driver_with_licence(&app, BEIJING).await;
    let phone = bind(&first, 1).await;
    let shown = material(&first, "offline").await.expect(201);
    let second = activate(&app, BEIJING).await;
    let devices = second.get("/holder/devices").await.done();
    let (here, there) = (&devices[0], &devices[1]);
    assert_eq!(here["current"], true);
    let there = format!("/holder/devices/{}", there["id"].as_str().unwrap());
    second.delete(&there).await.expect(204);
    presents_nothing(&app, &phone, &shown).await;
    // Removing a device that does not present ends no binding.
    let phone = bind(&second, 2).await;
    let third = activate(&app, BEIJING).await;
    let devices = third.get("/holder/devices").await.done();
    let here = format!("/holder/devices/{}", devices[0]["id"].as_str().unwrap());
    second.delete(&here).await.expect(204);
    let code = dynamic(&app, &second, &phone).await;
    checked(&app, &code).await.done();
    // The same client activated anew is another device, which binds for itself.
    let shown = material(&second, "offline").await.expect(201);
    let again = second.on_same_device();
    let code = crate::steps::activation_code(&app, BEIJING).await;
    let activation = crate::steps::activation(BEIJING, &code);
    again.post("/activations", &activation).await.done();
    presents_nothing(&app, &phone, &shown).await;
}

async fn a_recovered_account_has_no_binding(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let phone = bind(&driver, 1).await;
    let shown = material(&driver, "offline").await.expect(201);
    let code = crate::steps::activation_code(&app, BEIJING).await;
    let mut activation = crate::steps::activation(BEIJING, &code);
    activation["password"] = json!("quite another password");
    let other = app.client();
    other.post("/activations", &activation).await.done();
    presents_nothing(&app, &phone, &shown).await;
    other
        .get("/holder/bindings/current")
        .await
        .problem(404, "no-binding");
}

/// What the device shows is made anew on contact when the record changed, and in the last month of
/// its year; the one before ends.
async fn the_credential_follows_record_and_time(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let phone = bind(&driver, 1).await;
    let first = material(&driver, "offline").await.expect(201);
    assert_eq!(
        material(&driver, "offline").await.expect(201)["credential"],
        first["credential"]
    );
    let moved = json!({"address": "样例市样例区测试路9号", "version": 2});
    deliver(&app, &[with(record(BEIJING), moved)]).await;
    let second = material(&driver, "offline").await.expect(201);
    assert_ne!(second["credential"], first["credential"]);
    assert_eq!((listed(&app, &first), listed(&app, &second)), (1, 0));
    let rest = crate::codes::opened(&app, &second);
    assert_eq!(rest.address.as_deref(), Some("样例市样例区测试路9号"));
    // The code of the one before is over, though its device is bound.
    let now = app.clock.now();
    let code = phone.offline(&first, now, Shows::Public).unwrap();
    checked(&app, &code).await.problem(410, "code-ended");
    // Eleven months later: the device is there all the time.
    let mut last = second;
    for month in 1..=12 {
        app.clock.advance(SignedDuration::from_hours(24 * 30));
        let again = driver.on_same_device();
        let login = crate::accounts::login(BEIJING, testkit::app::PASSWORD);
        again.post("/sessions", &login).await.done();
        let now = material(&again, "offline").await.expect(201);
        assert_eq!(
            now["credential"] != last["credential"],
            month == 12,
            "{month}"
        );
        last = now;
    }
}

/// SC-15, R88-R90: what a new edition supersedes presents nothing more, and says so.
async fn a_new_edition_ends_the_binding_with_the_licence(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let phone = bind(&driver, 1).await;
    let shown = material(&driver, "offline").await.expect(201);
    let edition = json!({"document_edition": 2, "classes": ["C1", "D"], "version": 2});
    deliver(&app, &[with(record(BEIJING), edition)]).await;
    material(&driver, "dynamic")
        .await
        .problem(410, "e-licence-superseded");
    begin(&driver, &phone)
        .await
        .problem(410, "e-licence-superseded");
    assert_eq!(listed(&app, &shown), 1);
    // A superseded e-licence of an entitled driver says so, and no more.
    let now = app.clock.now();
    for code in [
        phone.dynamic(&shown, now).unwrap(),
        phone.offline(&shown, now, Shows::Public).unwrap(),
    ] {
        let facts = checked(&app, &code).await.done();
        assert_eq!(facts["e_licence"]["stage"], "superseded");
        assert_eq!(facts["authentic"]["outcome"], "yes");
    }
}
