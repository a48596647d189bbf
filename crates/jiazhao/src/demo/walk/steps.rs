//! The steps of the walk up to the verification, each with what it must answer.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use hyper::header;
use serde_json::{Value, json};
use service::{Clock, Entropy};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

use super::{
    BEIJING,
    client::{Answer, Client, broken, text},
};
use crate::{
    demo::{
        accounts::Accounts,
        people::{OUTSIDE, Person},
    },
    failure::Failure,
};

/// What the walk walks with.
pub(super) struct Walker {
    pub(super) anonymous: Client,
    pub(super) accounts: Accounts,
    pub(super) person: Person,
    pub(super) counter_photo: String,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    /// Officers who are signed in: whoever signs in often from one address is slowed down.
    pub(super) officers: Mutex<BTreeMap<String, Client>>,
}

/// What a step answers: a value for the next, and a line for the reader.
pub(super) type Told<T> = Result<(T, String), Failure>;

const PASSWORD: &str = "walk-with-me-2026";
const READ_AGAIN: Duration = Duration::from_millis(25);
/// A change is on an open page within this (R10).
const WITHIN: Duration = Duration::from_secs(1);

impl Walker {
    /// A new driver, as the registry's change.
    pub(super) async fn register(&self) -> Told<()> {
        let view = self.deliver(&self.person).await?;
        expect(&view, "/imported", &json!(1))?;
        Ok(((), "200 imported 1, rejected 0".to_owned()))
    }

    /// Signs a member of staff in.
    pub(super) async fn staff(&self, role: &str, city: &str) -> Told<Client> {
        let account = self.accounts.of(role, city)?;
        let body = json!({ "login": account.login, "password": account.secret, "kind": "staff" });
        let answer = self.anonymous.post("/sessions", &body).await?;
        let session = answer.json(201)?;
        let client = self.anonymous.clone().with_session(&answer)?;
        let office = text(&session, "/office");
        Ok((client, format!("201 {} of office {office}", account.login)))
    }

    /// An officer who signed in before, or does now.
    pub(super) async fn officer(&self, role: &str) -> Result<Client, Failure> {
        let mut officers = self.officers.lock().await;
        if let Some(officer) = officers.get(role) {
            return Ok(officer.clone());
        }
        let (officer, _) = self.staff(role, BEIJING).await?;
        officers.insert(role.to_owned(), officer.clone());
        Ok(officer)
    }

    /// A driver whose city takes no part yet (R6).
    pub(super) async fn outside_the_roll_out(&self, officer: &Client) -> Told<()> {
        let person = Person::new(&OUTSIDE, 0, self.person.today());
        let body = self.application(person.licence_number());
        let answer = officer.post("/counter/applications", &body).await?;
        let told = answer.refused(409, "not-eligible")?;
        contains(&told, "not-rolled-out")?;
        Ok(((), told))
    }

    /// Only the office that issued the licence (R91).
    pub(super) async fn other_city(&self, officer: &Client) -> Told<()> {
        let body = self.application(self.person.licence_number());
        let answer = officer.post("/counter/applications", &body).await?;
        Ok(((), answer.refused(403, "office-out-of-scope")?))
    }

    pub(super) async fn apply(&self, officer: &Client) -> Told<String> {
        let body = self.application(self.person.licence_number());
        let answer = officer.post("/counter/applications", &body).await?;
        let view = answer.json(201)?;
        expect(&view, "/stage", &json!("under-review"))?;
        let due = text(&view, "/due_at");
        let told = format!("201 under-review, due {due}");
        Ok((text(&view, "/id").to_owned(), told))
    }

    /// Whoever applies does not decide.
    pub(super) async fn decide_own(&self, officer: &Client, id: &str) -> Told<()> {
        let path = format!("/review/applications/{id}/decision");
        let answer = officer
            .post(&path, &json!({ "decision": "approve" }))
            .await?;
        Ok(((), answer.refused(403, "same-officer")?))
    }

    pub(super) async fn queue(&self, id: &str) -> Told<Client> {
        let reviewer = self.officer("reviewer").await?;
        let queue = reviewer.get("/review/queue").await?.json(200)?;
        let cases = queue.as_array().map(Vec::as_slice).unwrap_or_default();
        if !cases.iter().any(|case| text(case, "/application") == id) {
            return Err(broken("the application is not in the queue"));
        }
        Ok((reviewer, format!("200 {} open", cases.len())))
    }

    pub(super) async fn claim(&self, reviewer: &Client, id: &str) -> Told<()> {
        let path = format!("/review/applications/{id}/claim");
        let view = reviewer.post(&path, &json!({})).await?.json(200)?;
        expect(&view, "/has_photo_on_file", &json!(true))?;
        expect(&view, "/identity/method", &json!("id-card-reader"))?;
        expect(&view, "/blocking", &json!([]))?;
        for photo in ["photo", "photo-on-file"] {
            let path = format!("/review/applications/{id}/{photo}");
            is_jpeg(&reviewer.get(&path).await?)?;
        }
        let told = "200 both photos side by side, identity by id-card-reader, nothing blocks";
        Ok(((), told.to_owned()))
    }

    pub(super) async fn approve(&self, reviewer: &Client, id: &str) -> Told<()> {
        let path = format!("/review/applications/{id}/decision");
        let body = json!({ "decision": "approve" });
        let view = reviewer.post(&path, &body).await?.json(200)?;
        expect(&view, "/stage", &json!("issued"))?;
        Ok(((), format!("200 issued {}", text(&view, "/e_licence"))))
    }

    pub(super) async fn activation_code(&self, officer: &Client, person: &Person) -> Told<String> {
        let body = json!({
            "licence_number": person.licence_number(),
            "identity": { "method": "id-card-reader" },
        });
        let answer = officer.post("/counter/activation-codes", &body).await?;
        let view = answer.json(201)?;
        let told = format!("201 valid until {}", text(&view, "/expires_at"));
        Ok((text(&view, "/code").to_owned(), told))
    }

    pub(super) async fn activate(&self, code: &str, person: &Person) -> Told<Client> {
        let client = self.activated(code, person).await?;
        let body = activation(code, person);
        let again = self.anonymous.post("/activations", &body).await?;
        again.refused(403, "activation-refused")?;
        Ok((client, "201 signed in; the code works once".to_owned()))
    }

    /// A driver on a device of their own.
    pub(super) async fn activated(&self, code: &str, person: &Person) -> Result<Client, Failure> {
        let body = activation(code, person);
        let answer = self.anonymous.post("/activations", &body).await?;
        answer.json(201)?;
        self.anonymous.clone().with_session(&answer)
    }

    /// The pages with every field, or with what they say instead (SC-09, SC-10).
    pub(super) async fn pages(&self, driver: &Client, stage: &str, shown: &str) -> Told<()> {
        let view = driver.get("/holder/e-licence").await?.json(200)?;
        expect(&view, "/stage", &json!(stage))?;
        expect(&view, "/status/shown", &json!(shown))?;
        let number = json!(self.person.licence_number());
        expect(&view, "/main_page/licence_number", &number)?;
        if text(&view, "/sub_page/issuing_authority").is_empty() {
            return Err(broken("the sub page is not complete"));
        }
        is_jpeg(&driver.get("/holder/e-licence/portrait").await?)?;
        let reasons = codes(view.pointer("/status/reasons"));
        let letters = codes_of(view.pointer("/status/letters"), "/letter");
        let generated = text(&view, "/main_page/generated_at");
        let told = format!("200 {stage}, {shown}, status {letters}{reasons}, made {generated}");
        Ok(((), told))
    }

    pub(super) async fn credential(&self, driver: &Client) -> Told<Vec<u8>> {
        let answer = driver
            .get("/holder/e-licence/credential?suite=SM2-SM3")
            .await?;
        let bytes = answer.bytes(200)?;
        let told = format!("200 {} bytes, SM2-SM3", bytes.len());
        Ok((bytes, told))
    }

    pub(super) async fn code(&self, driver: &Client, colour: &str) -> Told<String> {
        let body = json!({ "kind": "numeric" });
        let answer = driver.post("/holder/e-licence/codes", &body).await?;
        let view = answer.json(201)?;
        expect(&view, "/colour", &json!(colour))?;
        let svg = ["/qr_svg", "/code128_svg"].map(|field| text(&view, field).contains("<svg"));
        if svg != [true, true] {
            return Err(broken("a symbol is missing"));
        }
        let told = format!("201 {} {colour}, QR and Code128", text(&view, "/grouped"));
        Ok((text(&view, "/code").to_owned(), told))
    }

    /// Status B while the licence page is open: told without reload, within a second (SC-10).
    pub(super) async fn twelve_points(&self, driver: &Client) -> Told<()> {
        let mut events = driver.events("/holder/events").await?;
        let changed = self.person.clone().next().with_status(&["B"]);
        let began = Instant::now();
        let view = self.deliver(&changed).await?;
        expect(&view, "/imported", &json!(1))?;
        events.wait_for("licence").await?;
        loop {
            let page = driver.get("/holder/e-licence").await?.json(200)?;
            if text(&page, "/status/shown") == "red" {
                break;
            }
            if began.elapsed() > WITHIN {
                return Err(broken("the page is not red within a second"));
            }
            sleep(READ_AGAIN).await;
        }
        if began.elapsed() > WITHIN {
            return Err(broken("the page learnt it later than in a second"));
        }
        Ok(((), "200 imported 1; event licence, page red".to_owned()))
    }

    /// A replacement with another class supersedes (SC-15).
    pub(super) async fn new_edition(&self, driver: &Client) -> Told<()> {
        let next = self.person.clone().next().next();
        let next = next.with_new_edition(&["C1", "A2"]);
        let view = self.deliver(&next).await?;
        expect(&view, "/imported", &json!(1))?;
        let page = driver.get("/holder/e-licence").await?.json(200)?;
        expect(&page, "/stage", &json!("superseded"))?;
        let inbox = driver.get("/holder/notifications").await?.json(200)?;
        let kinds = codes_of(Some(&inbox), "/kind");
        contains(&kinds, "e-licence-superseded")?;
        let record = driver.get("/holder/licence").await?.json(200)?;
        expect(&record, "/record/classes", &json!(["C1", "A2"]))?;
        Ok(((), format!("200 superseded; messages: {kinds}")))
    }

    pub(super) async fn no_more_codes(&self, driver: &Client) -> Told<()> {
        let body = json!({ "kind": "numeric" });
        let answer = driver.post("/holder/e-licence/codes", &body).await?;
        Ok(((), answer.refused(410, "e-licence-superseded")?))
    }

    pub(super) async fn deliver(&self, person: &Person) -> Result<Value, Failure> {
        let token = &self.accounts.of("registry", "")?.secret;
        let registry = self.anonymous.clone();
        let registry = registry.with(header::AUTHORIZATION, &format!("Bearer {token}"))?;
        let body = json!([person.record()]);
        registry.post("/registry/changes", &body).await?.json(200)
    }

    fn application(&self, licence_number: &str) -> Value {
        json!({
            "licence_number": licence_number,
            "identity": { "method": "id-card-reader" },
            "photo": self.counter_photo,
        })
    }
}

/// The value at a place in an answer must be this one.
pub(super) fn expect(view: &Value, pointer: &str, wanted: &Value) -> Result<(), Failure> {
    let found = view.pointer(pointer).unwrap_or(&Value::Null);
    if found == wanted {
        Ok(())
    } else {
        Err(broken(&format!("{pointer} is {found}, not {wanted}")))
    }
}

pub(super) fn contains(told: &str, wanted: &str) -> Result<(), Failure> {
    if told.contains(wanted) {
        Ok(())
    } else {
        Err(broken(&format!("{wanted} is not in: {told}")))
    }
}

/// ` [code, code]` of a list of reasons, nothing where it is empty.
pub(super) fn codes(reasons: Option<&Value>) -> String {
    let codes = codes_of(reasons, "/code");
    if codes.is_empty() {
        codes
    } else {
        format!(" [{codes}]")
    }
}

fn codes_of(list: Option<&Value>, pointer: &str) -> String {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    let codes: Vec<&str> = items.map(|item| text(item, pointer)).collect();
    codes.join(", ")
}

fn is_jpeg(answer: &Answer) -> Result<(), Failure> {
    if answer.bytes(200)?.starts_with(&[0xff, 0xd8, 0xff]) {
        Ok(())
    } else {
        Err(broken("a photo is no JPEG"))
    }
}

fn activation(code: &str, person: &Person) -> Value {
    json!({
        "licence_number": person.licence_number(),
        "code": code,
        "password": PASSWORD,
    })
}
