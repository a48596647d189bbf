//! Steps that many scenarios share.

use serde_json::{Value, json};
use testkit::{
    app::{App, PASSWORD},
    client::{Answer, Client},
    people::{data_url, photo, record},
};

/// Sends records as the registry of the whole country and expects all of them to be good.
pub(crate) async fn deliver(app: &App, records: &[Value]) -> Value {
    let answer = try_deliver(app, records).await.done();
    assert_eq!(answer["rejected"], 0, "{answer}");
    answer
}

pub(crate) async fn try_deliver(app: &App, records: &[Value]) -> Answer {
    let registry = app.registry(&["*"]).await;
    registry
        .post("/registry/changes", &Value::Array(records.to_vec()))
        .await
}

pub(crate) fn counter_application(number: &str) -> Value {
    json!({
        "licence_number": number,
        "identity": {"method": "id-card-reader", "note": ""},
        "photo": data_url(&photo(40)),
    })
}

/// An officer of the city applies for the driver.
pub(crate) async fn apply(app: &App, number: &str) -> String {
    let officer = app.staff(&format!("counter-{}", &number[..4])).await;
    let application = officer
        .post("/counter/applications", &counter_application(number))
        .await
        .done();
    application["id"].as_str().unwrap().to_owned()
}

/// A reviewer of the city claims a case and decides it.
pub(crate) async fn decide(app: &App, city: &str, application: &str, decision: &Value) -> Answer {
    let reviewer = app.staff(&format!("reviewer-{city}")).await;
    let path = format!("/review/applications/{application}");
    reviewer
        .post(&format!("{path}/claim"), &json!({}))
        .await
        .done();
    reviewer.post(&format!("{path}/decision"), decision).await
}

pub(crate) async fn approve(app: &App, number: &str, application: &str) -> Value {
    let approve = json!({"decision": "approve"});
    decide(app, &number[..4], application, &approve)
        .await
        .done()
}

/// From registry record to e-licence.
pub(crate) async fn issue(app: &App, number: &str) -> Value {
    deliver(app, &[record(number)]).await;
    let application = apply(app, number).await;
    approve(app, number, &application).await
}

/// A code is printed at the counter and the driver activates with it.
pub(crate) async fn activate(app: &App, number: &str) -> Client {
    let code = activation_code(app, number).await;
    let driver = app.client();
    driver
        .post("/activations", &activation(number, &code))
        .await
        .done();
    driver
}

pub(crate) async fn activation_code(app: &App, number: &str) -> String {
    let officer = app.staff(&format!("counter-{}", &number[..4])).await;
    let request = json!({"licence_number": number, "identity": {"method": "id-card"}});
    let made = officer
        .post("/counter/activation-codes", &request)
        .await
        .done();
    made["code"].as_str().unwrap().to_owned()
}

pub(crate) fn activation(number: &str, code: &str) -> Value {
    json!({"licence_number": number, "code": code, "password": PASSWORD})
}

/// From registry record to a driver who is signed in with an e-licence.
pub(crate) async fn driver_with_licence(app: &App, number: &str) -> Client {
    issue(app, number).await;
    activate(app, number).await
}

pub(crate) async fn numeric_code(driver: &Client) -> String {
    let made = driver
        .post("/holder/e-licence/codes", &json!({"kind": "numeric"}))
        .await
        .done();
    made["code"].as_str().unwrap().to_owned()
}

pub(crate) fn check(code: &str) -> Value {
    json!({"code": code, "purpose": "enforcement"})
}

/// Police check a fresh code of the driver.
pub(crate) async fn verified(app: &App, driver: &Client) -> Value {
    let code = numeric_code(driver).await;
    let police = app.staff("police").await;
    police.post("/verifications", &check(&code)).await.done()
}

pub(crate) fn codes(reasons: &Value) -> Vec<&str> {
    reasons
        .as_array()
        .into_iter()
        .flatten()
        .map(|reason| reason["code"].as_str().unwrap())
        .collect()
}

/// Whether the inbox holds a message of this kind.
pub(crate) fn told(inbox: &Value, kind: &str) -> bool {
    let mut messages = inbox.as_array().into_iter().flatten();
    messages.any(|message| message["kind"] == kind)
}

/// Licence number of one more person of 北京, born on the day that [`record`] says; none is anybody's.
pub(crate) fn beijing_number(n: u32) -> String {
    number_in("1101", n)
}

/// The same of another city.
pub(crate) fn number_in(city: &str, n: u32) -> String {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    // An odd sequence number is a man's, as the record says.
    let digits = format!("{city}9919900101{:03}", 2 * n + 1);
    let sum: u32 = digits
        .chars()
        .zip(WEIGHTS)
        .map(|(digit, weight)| digit.to_digit(10).unwrap() * weight)
        .sum();
    let check = "10X98765432"
        .chars()
        .nth(usize::try_from(sum % 11).unwrap())
        .unwrap();
    format!("{digits}{check}")
}

/// Applications at the counter for `people` persons of 北京, in the order of their deadlines.
pub(crate) async fn applications(app: &App, people: u32) -> Vec<String> {
    let numbers: Vec<String> = (0..people).map(beijing_number).collect();
    let records: Vec<Value> = numbers.iter().map(|number| record(number)).collect();
    deliver(app, &records).await;
    let mut applications = Vec::new();
    for number in &numbers {
        applications.push(apply(app, number).await);
        app.clock.advance(jiff::SignedDuration::from_secs(1));
    }
    applications
}
