//! Drivers' accounts: devices, codes by phone, freezing, and what cannot be learnt or taken over.

mod devices;
mod equal;
mod freezing;
mod person;
mod phone;
mod times;

use serde_json::{Value, json};
use testkit::{
    app::{App, PASSWORD},
    client::{Answer, Client},
    people::{record, with},
};

use crate::steps::{deliver, issue};

pub(crate) const PHONE: &str = "19900000001";
pub(crate) const OTHER_PHONE: &str = "19900000002";

/// A record whose registry holds this phone number.
pub(crate) fn reachable(number: &str, phone: &str) -> Value {
    let contact = json!({"phone": phone, "verified_at": "2021-06-01"});
    with(record(number), json!({ "contact": contact }))
}

/// From a registry record with a phone number to an e-licence.
pub(crate) async fn issue_reachable(app: &App, number: &str, phone: &str) {
    deliver(app, &[reachable(number, phone)]).await;
    let application = crate::steps::apply(app, number).await;
    crate::steps::approve(app, number, &application).await;
}

pub(crate) fn login(number: &str, password: &str) -> Value {
    json!({"kind": "holder", "login": number, "password": password})
}

/// Does what the jobs do: codes, warnings, texts.
pub(crate) async fn jobs(app: &App) {
    app.authority.tend_accounts(&mut app.act()).await.unwrap();
    app.deliver_texts().await;
}

pub(crate) async fn ask_for_code(client: &Client, number: &str) -> Answer {
    let request = json!({"licence_number": number});
    client.post("/activations/phone-codes", &request).await
}

/// Asks for a code and reads it on the phone: the request's name and the code.
pub(crate) async fn code_by_phone(app: &App, number: &str, phone: &str) -> (String, String) {
    let answer = ask_for_code(&app.client(), number).await.expect(202);
    let challenge = answer["challenge"].as_str().unwrap().to_owned();
    jobs(app).await;
    let mut texts = app.texts.to(phone);
    texts.retain(|text| text.kind == "phone-code");
    (challenge, digits(&texts.pop().unwrap().zh))
}

fn digits(text: &str) -> String {
    let code: String = text.chars().filter(char::is_ascii_digit).collect();
    assert_eq!(code.len(), 8, "{text}");
    code
}

pub(crate) fn by_phone(number: &str, (challenge, code): (&str, &str), password: &str) -> Value {
    json!({
        "licence_number": number, "challenge": challenge, "code": code, "password": password,
    })
}

/// Activates by phone with the password of all.
pub(crate) async fn activate_by_phone(app: &App, number: &str, phone: &str) -> Client {
    let (challenge, code) = code_by_phone(app, number, phone).await;
    let driver = app.client();
    let request = by_phone(number, (&challenge, &code), PASSWORD);
    driver.post("/activations", &request).await.done();
    driver
}

/// The kinds of the texts about the account that reached a phone: that a licence was issued is none of
/// them.
pub(crate) fn texts(app: &App, phone: &str) -> Vec<String> {
    let kinds = app.texts.to(phone).into_iter().map(|text| text.kind);
    kinds.filter(|kind| kind != "e-licence-issued").collect()
}

/// The secret of the link in the newest text of a kind to a phone.
pub(crate) fn link(app: &App, phone: &str, kind: &str) -> String {
    let mut texts = app.texts.to(phone);
    texts.retain(|text| text.kind == kind);
    let text = texts.pop().unwrap();
    let (_, secret) = text.zh.split_once("http://localhost:8080/freeze#").unwrap();
    assert!(text.en.contains(secret));
    secret.to_owned()
}

/// The kinds of the messages in the inbox, the newest first.
pub(crate) async fn inbox(driver: &Client) -> Vec<String> {
    let inbox = driver.get("/holder/notifications").await.done();
    let kind = |message: &Value| message["kind"].as_str().unwrap().to_owned();
    inbox.as_array().unwrap().iter().map(kind).collect()
}

/// An e-licence whose driver has no phone number at the registry, and an account.
pub(crate) async fn unreachable(app: &App, number: &str) -> Client {
    issue(app, number).await;
    crate::steps::activate(app, number).await
}
