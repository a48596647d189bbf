//! Activation by a person check: by frames, and on the word of an identity service.

mod equal;

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use authority::{
    ActivationChecks, AutomaticIssue,
    identity::{IdentityClaim, IdentityService, NotAsked, Proved},
};
use jiazhao::demo::device::Device;
use jiff::SignedDuration;
use licence::person_check::FacePurpose;
use serde_json::{Value, json};
use storage::HolderId;
use testkit::{
    app::{App, PASSWORD},
    client::{Answer, Client},
    faces::{Load, judge_of_turns},
    people::{BEIJING, CHENGDU, data_url, photo, with},
    random::seeded,
};

use super::{
    OTHER_PHONE, PHONE, activate_by_phone,
    equal::{UNKNOWN, shown},
    inbox, jobs, reachable, texts,
};
use crate::{
    applying::{frames_of, on_file, sitter},
    on_both_engines,
    steps::{activate, deliver},
};

on_both_engines!(
    a_person_check_activates_nothing_unless_it_is_turned_on,
    frames_activate_add_and_recover_and_the_earlier_channels_are_told,
    the_word_of_an_identity_service_activates,
    an_answer_is_of_its_check_number_name_key_and_time,
    person_checks_have_an_allowance_that_closes_no_other_way,
    sc_19_a_check_begun_before_a_freeze_proves_nobody,
    the_consent_is_to_one_check_and_of_its_text,
    checks_of_nobody_are_swept_like_others,
    of_two_answers_at_once_one_is_judged_and_activates,
    frames_that_nobody_gets_to_judge_in_time_may_be_sent_again,
);

const NAME: &str = "测试甲";
const PATH: &str = "/activations/person-checks";
const BOTH: ActivationChecks = ActivationChecks {
    frames: true,
    identity_service: true,
};

/// Sees what the token says, of anybody; and counts how often it was asked.
#[derive(Debug, Default)]
struct Service(AtomicU64);

impl Service {
    fn asked(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl IdentityService for Service {
    fn prove<'a>(
        &'a self,
        claim: &'a IdentityClaim,
    ) -> Pin<Box<dyn Future<Output = Result<Proved, NotAsked>> + Send + 'a>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let answer = match claim.token.as_str() {
            "seen" => Ok(Proved::Match),
            "another" => Ok(Proved::Reject),
            "dim" => Ok(Proved::Officer),
            _ => Err(NotAsked("unreachable")),
        };
        Box::pin(async move { answer })
    }
}

/// Where the identity service activates, and frames too.
async fn with_service(app: App) -> (App, Arc<Service>) {
    let service = Arc::new(Service::default());
    let app = app
        .with_identity_service(Arc::<Service>::clone(&service))
        .await;
    (app.with_activation_checks(BOTH).await, service)
}

fn device(seed: u64) -> Device {
    Device::new(&mut seeded(seed)).unwrap()
}

fn begin(number: &str, name: &str, device: &Device, method: &str) -> Value {
    json!({
        "licence_number": number, "name": name, "method": method,
        "device_key": device.key(), "consent": "2026-11",
    })
}

/// Begins a check of the identity service.
async fn begun(client: &Client, number: &str, device: &Device) -> Value {
    let request = begin(number, NAME, device, "identity-service");
    client.post(PATH, &request).await.expect(201)
}

/// The activation that an answer asks for.
fn activation(number: &str, name: &str, answer: Option<Value>) -> Value {
    let mut answer = answer.unwrap();
    answer["name"] = json!(name);
    json!({"licence_number": number, "password": PASSWORD, "person_check": answer})
}

/// The answer "the service saw that" to a check.
fn by_token(number: &str, (device, challenge): (&Device, &Value), token: &str) -> Value {
    activation(number, NAME, device.answer_by_token(challenge, token))
}

/// Begins a check and answers it by a token.
async fn answered(client: &Client, number: &str, token: &str) -> Answer {
    let device = device(5);
    let challenge = begun(client, number, &device).await;
    let request = by_token(number, (&device, &challenge), token);
    client.post("/activations", &request).await
}

/// A record with a phone and a drawn photo of nobody.
fn pictured(number: &str, phone: &str) -> Value {
    let drawn = json!({"photo": data_url(&photo(40))});
    with(reachable(number, phone), drawn)
}

async fn holder_of(app: &App, number: &str) -> HolderId {
    let kind = storage::AliasKind::LicenceNumber;
    let owners = app.authority.store().holders_named(kind, &[number]).await;
    owners.unwrap().remove(0).unwrap()
}

async fn proofs(driver: &Client) -> Vec<String> {
    let devices = driver.get("/holder/devices").await.done();
    let proof = |device: &Value| device["proof"].as_str().unwrap().to_owned();
    devices.as_array().unwrap().iter().map(proof).collect()
}

async fn a_person_check_activates_nothing_unless_it_is_turned_on(app: App) {
    let service = Arc::new(Service::default());
    let app = app
        .with_identity_service(Arc::<Service>::clone(&service))
        .await;
    deliver(&app, &[pictured(BEIJING, PHONE)]).await;
    let ways = app.client().get(PATH).await.done();
    assert_eq!(ways["methods"], json!([]));
    for method in ["frames", "identity-service"] {
        let request = begin(BEIJING, NAME, &device(5), method);
        let refused = app.client().post(PATH, &request).await;
        refused.problem(503, "method-unavailable");
    }
    // What was begun while it was on is worth nothing either.
    let app = app.with_activation_checks(BOTH).await;
    let ways = app.client().get(PATH).await.done();
    assert_eq!(ways["methods"], json!(["identity-service", "frames"]));
    let device = device(5);
    let challenge = begun(&app.client(), BEIJING, &device).await;
    let app = app
        .with_activation_checks(ActivationChecks::default())
        .await;
    let request = by_token(BEIJING, (&device, &challenge), "seen");
    let refused = app.client().post("/activations", &request).await;
    refused.problem(503, "method-unavailable");
    assert_eq!(service.asked(), 0);
    // Nobody who is not signed in sends as much as frames take.
    let mut large = request.clone();
    large["person_check"]["token"] = json!("x".repeat(5 << 20));
    let refused = app.client().post("/activations", &large).await;
    refused.problem(413, "body-too-large");
}

async fn frames_activate_add_and_recover_and_the_earlier_channels_are_told(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let only_frames = ActivationChecks {
        frames: true,
        identity_service: false,
    };
    let app = app.with_activation_checks(only_frames).await;
    let who = sitter(0);
    deliver(&app, &[with(reachable(BEIJING, PHONE), on_file(&who))]).await;
    let mut drivers = Vec::new();
    for password in [PASSWORD, PASSWORD, "another password entirely"] {
        let (driver, device) = (app.client(), device(5));
        // As people type it.
        let request = begin(BEIJING, " 测试甲 ", &device, "frames");
        let challenge = driver.post(PATH, &request).await.expect(201);
        app.clock.advance(SignedDuration::from_secs(12));
        let frames = frames_of(&who, &challenge, 0);
        let mut request = activation(BEIJING, NAME, device.answer(&challenge, &frames));
        request["password"] = json!(password);
        driver.post("/activations", &request).await.expect(201);
        drivers.push(driver);
    }
    jobs(&app).await;
    for ended in &drivers[..2] {
        let refused = ended.get("/holder/licence").await;
        refused.problem(401, "sign-in-required");
    }
    let told = ["account-recovered", "device-added", "account-activated"];
    assert_eq!(inbox(&drivers[2]).await, told);
    let told = ["account-activated", "device-added", "account-recovered"];
    assert_eq!(texts(&app, PHONE), told);
    assert_eq!(proofs(&drivers[2]).await, ["person-check"]);
}

async fn the_word_of_an_identity_service_activates(app: App) {
    let (app, service) = with_service(app).await;
    deliver(&app, &[pictured(BEIJING, PHONE)]).await;
    // A service that cannot be asked uses nothing up, and says nothing of anybody.
    let (driver, device) = (app.client(), device(5));
    let challenge = begun(&driver, BEIJING, &device).await;
    assert_eq!(challenge["steps"], json!([]));
    let lost = by_token(BEIJING, (&device, &challenge), "lost");
    let refused = driver.post("/activations", &lost).await;
    refused.problem(503, "identity-service-unreachable");
    let nobody = answered(&app.client(), UNKNOWN, "lost").await;
    assert_eq!(shown(&nobody), shown(&refused));
    let request = by_token(BEIJING, (&device, &challenge), "seen");
    driver.post("/activations", &request).await.expect(201);
    assert_eq!(proofs(&driver).await, ["person-check"]);
    assert_eq!(service.asked(), 3);
    // One's own device may be activated anew by any proof.
    let officer_code = crate::steps::activation_code(&app, BEIJING).await;
    let printed = crate::steps::activation(BEIJING, &officer_code);
    driver.post("/activations", &printed).await.expect(201);
    assert_eq!(proofs(&driver).await, ["counter-code"]);
}

async fn an_answer_is_of_its_check_number_name_key_and_time(app: App) {
    let (app, service) = with_service(app).await;
    let records = [pictured(BEIJING, PHONE), pictured(CHENGDU, OTHER_PHONE)];
    deliver(&app, &records).await;
    let device = device(5);
    let activate = async |request: &Value| app.client().post("/activations", request).await;
    let own = begun(&app.client(), BEIJING, &device).await;
    let right = by_token(BEIJING, (&device, &own), "seen");
    // Another number, another name, another check, and none.
    let elsewhere = by_token(CHENGDU, (&device, &own), "seen");
    let unknown = by_token(UNKNOWN, (&device, &own), "seen");
    let renamed = activation(BEIJING, "测试乙", device.answer_by_token(&own, "seen"));
    let mut others = right.clone();
    others["person_check"]["id"] = begun(&app.client(), CHENGDU, &device).await["id"].clone();
    let mut none = right.clone();
    none["person_check"]["id"] = json!("none");
    for request in [&elsewhere, &unknown, &renamed, &others, &none] {
        let refused = activate(request).await;
        refused.problem(403, "activation-refused");
    }
    // Another key, another token than the one that was signed, and the signature of another check.
    let stranger = Device::new(&mut seeded(78)).unwrap();
    let forged = by_token(BEIJING, (&stranger, &own), "seen");
    let mut swapped = right.clone();
    swapped["person_check"]["token"] = json!("another");
    let second = begun(&app.client(), BEIJING, &device).await;
    let mut replayed = right.clone();
    replayed["person_check"]["id"] = second["id"].clone();
    for request in [&forged, &swapped, &replayed] {
        let refused = activate(request).await;
        refused.problem(403, "signature-refused");
    }
    // Two proofs at once are none, and so is none.
    let mut both = right.clone();
    both["code"] = json!("22222-22222");
    let mut neither = right.clone();
    neither.as_object_mut().unwrap().remove("person_check");
    let mut half = neither.clone();
    half["challenge"] = json!("chl_1");
    for request in [&both, &neither, &half] {
        activate(request).await.problem(422, "invalid-request");
    }
    // Nor is a token that no service gives.
    let mut long = right.clone();
    long["person_check"]["token"] = json!("t".repeat(9 << 10));
    activate(&long).await.problem(422, "frames-refused");
    assert_eq!(service.asked(), 0);
    assert_eq!(activate(&right).await.status, 201);
    let replayed = activate(&right).await;
    replayed.problem(409, "person-check-over");
    assert_eq!(service.asked(), 1);
    // In time, and not later; for nobody too.
    let nobodys = begun(&app.client(), UNKNOWN, &device).await;
    let late = by_token(BEIJING, (&device, &second), "seen");
    let nobodys = by_token(UNKNOWN, (&device, &nobodys), "seen");
    let lasts = SignedDuration::from_mins(3) + SignedDuration::from_secs(1);
    app.clock.advance(lasts);
    let late = activate(&late).await;
    late.problem(410, "person-check-expired");
    assert_eq!(shown(&activate(&nobodys).await), shown(&late));
}

/// Whoever uses it up keeps a driver from this way alone, and is not told.
async fn person_checks_have_an_allowance_that_closes_no_other_way(app: App) {
    let (app, _service) = with_service(app).await;
    deliver(&app, &[pictured(BEIJING, PHONE)]).await;
    let device = device(5);
    for _ in 0..6 {
        begun(&app.client(), BEIJING, &device).await;
    }
    let refused = answered(&app.client(), BEIJING, "seen").await;
    refused.problem(403, "activation-refused");
    activate_by_phone(&app, BEIJING, PHONE).await;
    activate(&app, BEIJING).await;
    app.clock.advance(SignedDuration::from_hours(6));
    let driver = app.client();
    answered(&driver, BEIJING, "seen").await.expect(201);
    // Nor does a check that anybody began take one away from the driver's applications.
    let holder = holder_of(&app, BEIJING).await;
    let long_ago = app.clock.now() - SignedDuration::from_hours(24);
    let store = app.authority.store();
    let vain = store.person_checks_in_vain(&holder, long_ago).await;
    assert_eq!(vain.unwrap(), 0);
    // One source is slowed before that.
    let one = app.client();
    for attempt in 0..6 {
        let request = begin(UNKNOWN, NAME, &device, "identity-service");
        let answer = one.post(PATH, &request).await;
        assert_eq!(answer.status == 429, attempt == 5, "{}", answer.text());
    }
}

async fn sc_19_a_check_begun_before_a_freeze_proves_nobody(app: App) {
    let (app, _service) = with_service(app).await;
    deliver(&app, &[pictured(BEIJING, PHONE)]).await;
    let driver = activate(&app, BEIJING).await;
    let device = device(5);
    let first = begun(&app.client(), BEIJING, &device).await;
    let second = begun(&app.client(), BEIJING, &device).await;
    let freeze = driver.post("/holder/account-freeze", &json!({})).await;
    freeze.done();
    let refused = async |challenge: &Value| {
        let request = by_token(BEIJING, (&device, challenge), "seen");
        let refused = app.client().post("/activations", &request).await;
        refused.problem(403, "activation-refused");
    };
    refused(&first).await;
    let officer = app.staff("counter-1101").await;
    let person = json!({"licence_number": BEIJING, "identity": {"method": "id-card"}});
    let lifted = officer.post("/counter/account-unfreezes", &person).await;
    lifted.expect(204);
    refused(&second).await;
    answered(&app.client(), BEIJING, "seen").await.expect(201);
}

async fn the_consent_is_to_one_check_and_of_its_text(app: App) {
    let (app, _service) = with_service(app).await;
    deliver(&app, &[pictured(BEIJING, PHONE)]).await;
    let ways = app.client().get(PATH).await.done();
    assert_eq!(ways["consent"]["version"], "2026-11");
    let device = device(5);
    for number in [BEIJING, UNKNOWN] {
        let mut request = begin(number, NAME, &device, "identity-service");
        request["consent"] = json!("1999-01");
        let refused = app.client().post(PATH, &request).await;
        refused.problem(409, "text-outdated");
    }
    let began = app.clock.now();
    let driver = app.client();
    answered(&driver, BEIJING, "seen").await.expect(201);
    let (store, holder) = (app.authority.store(), holder_of(&app, BEIJING).await);
    let given = store.face_consents_of(&holder).await.unwrap();
    let [consent] = given.as_slice() else {
        panic!("{} consents", given.len());
    };
    assert_eq!(
        (consent.text_version.as_str(), consent.given_at),
        ("2026-11", began)
    );
    let check = consent.check.clone().unwrap();
    let (check, _) = store.activation_check(&check).await.unwrap().unwrap();
    assert_eq!(check.holder, holder);
    // It covers that check, and no application.
    let stands = store.face_consent(&holder, FacePurpose::PersonCheck).await;
    assert_eq!(stands.unwrap(), None);
    let seen = driver.get("/holder/face-consent").await.done();
    assert_eq!(seen["given_at"], Value::Null);
    let rows = store
        .audit_after(holder.partition(), 0, 1000)
        .await
        .unwrap();
    let given = rows.iter().filter(|row| row.act == "face-consent.given");
    assert_eq!(given.count(), 1);
}

async fn checks_of_nobody_are_swept_like_others(app: App) {
    let (app, _service) = with_service(app).await;
    deliver(&app, &[pictured(BEIJING, PHONE)]).await;
    let device = device(5);
    begun(&app.client(), BEIJING, &device).await;
    begun(&app.client(), UNKNOWN, &device).await;
    answered(&app.client(), CHENGDU, "seen").await;
    let sweep = async || app.authority.sweep_accounts(&app.act()).await.unwrap();
    app.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(sweep().await, 0);
    app.clock.advance(SignedDuration::from_mins(4));
    assert_eq!(sweep().await, 3);
    assert_eq!(sweep().await, 0);
}

async fn of_two_answers_at_once_one_is_judged_and_activates(app: App) {
    let (app, service) = with_service(app).await;
    deliver(&app, &[pictured(BEIJING, PHONE)]).await;
    let device = device(5);
    let challenge = begun(&app.client(), BEIJING, &device).await;
    let request = by_token(BEIJING, (&device, &challenge), "seen");
    let (one, other) = (app.client(), app.client());
    let (one, other) = tokio::join!(
        one.post("/activations", &request),
        other.post("/activations", &request),
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409], "{} {}", one.text(), other.text());
    assert_eq!(service.asked(), 1, "the other was not judged");
}

/// Somebody else's photos are judged all the while: the request ends before nobody would wait for it any
/// more, and the check is not spent.
async fn frames_that_nobody_gets_to_judge_in_time_may_be_sent_again(app: App) {
    let judge = judge_of_turns(1);
    let app = app
        .with_judge(judge.clone(), AutomaticIssue::Demonstration)
        .await;
    let app = app.with_activation_checks(BOTH).await;
    let app = app.judging_frames_within(Duration::from_millis(50)).await;
    let who = sitter(0);
    deliver(&app, &[with(reachable(BEIJING, PHONE), on_file(&who))]).await;
    let (driver, device) = (app.client(), device(5));
    let request = begin(BEIJING, NAME, &device, "frames");
    let challenge = driver.post(PATH, &request).await.expect(201);
    app.clock.advance(SignedDuration::from_secs(12));
    let frames = frames_of(&who, &challenge, 0);
    let request = activation(BEIJING, NAME, device.answer(&challenge, &frames));
    let load = Load::on(&judge, 0).await;
    for _ in 0..2 {
        let late = driver.post("/activations", &request).await;
        late.problem(429, "too-many-requests");
        assert_eq!(late.headers["retry-after"], "10");
    }
    assert_eq!(judge.waiting().0, 0, "nobody waits for it any more");
    load.off().await;
    let app = app.judging_frames_within(Duration::from_mins(10)).await;
    let driver = app.client();
    driver.post("/activations", &request).await.expect(201);
}
