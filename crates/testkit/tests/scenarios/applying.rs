//! Drivers who apply by themselves. The faces are made from the photos that
//! `cargo xtask setup --models` fetches; what is made of them is synthetic.

mod flows;
mod order;
mod person;
mod photos;
mod renewed;
mod sitters;

use std::sync::OnceLock;

use jiazhao::demo::{
    device::Device,
    stills::{self, STILLS, Sitter, Taken},
};
use serde_json::{Value, json};
use testkit::{
    app::App,
    client::{Answer, Client},
    faces,
    people::data_url,
    random::seeded,
};

use crate::steps::{activate, codes, deliver};

/// One of the people of whom pictures can be taken; read and set upright once in a process.
pub(crate) fn sitter(number: usize) -> Sitter {
    static SITTERS: [OnceLock<Sitter>; STILLS.len()] = [const { OnceLock::new() }; STILLS.len()];
    let open = || {
        STILLS[number]
            .open(&faces::folder())
            .expect("the photos: run `cargo xtask setup --models`")
    };
    SITTERS[number].get_or_init(open).clone()
}

/// The same person, as a mirror shows them: another photo, for whoever knows photos again.
pub(crate) fn mirrored(sitter: &Sitter) -> Sitter {
    sitter.mirrored()
}

/// As the registry has it on file.
pub(crate) fn on_file(sitter: &Sitter) -> Value {
    json!({"photo": data_url(&sitter.studio().photo(0).unwrap())})
}

/// A driver at their device.
pub(crate) struct Applicant {
    pub(crate) driver: Client,
    pub(crate) device: Device,
}

impl Applicant {
    /// Activates the account of a driver whose record was delivered.
    pub(crate) async fn new(app: &App, number: &str) -> Self {
        Self::with(activate(app, number).await)
    }

    pub(crate) fn with(driver: Client) -> Self {
        Self {
            driver,
            device: Device::new(&mut seeded(77)).unwrap(),
        }
    }

    /// With a key that no other applicant has.
    pub(crate) fn of_another_device(driver: Client) -> Self {
        Self {
            driver,
            device: Device::new(&mut seeded(79)).unwrap(),
        }
    }

    pub(crate) async fn try_begin(&self, kind: &str, source: &str) -> Answer {
        let request = json!({"kind": kind, "photo_source": source});
        self.driver.post("/holder/applications", &request).await
    }

    pub(crate) async fn begin(&self, kind: &str, source: &str) -> Value {
        self.try_begin(kind, source).await.expect(201)
    }

    pub(crate) async fn put(&self, application: &Value, step: &str, body: &Value) -> Answer {
        self.driver.put(&path(application, step), body).await
    }

    pub(crate) async fn post(&self, application: &Value, step: &str, body: &Value) -> Answer {
        self.driver.post(&path(application, step), body).await
    }

    pub(crate) async fn seen(&self, application: &Value) -> Value {
        let id = application["id"].as_str().unwrap();
        let path = format!("/holder/applications/{id}");
        self.driver.get(&path).await.done()
    }

    pub(crate) async fn read_rules(&self, application: &Value) -> Value {
        let rules = self.driver.get("/holder/photo-rules").await.done();
        let read = json!({"version": rules["version"]});
        self.put(application, "photo-rules", &read).await.done()
    }

    /// Hands in a photo, declared to be of these months.
    pub(crate) async fn try_photo(&self, application: &Value, photo: &[u8]) -> Answer {
        let id = application["id"].as_str().unwrap();
        let declaration = self.device.declaration(id, photo, "2021-09").unwrap();
        let body = json!({"photo": data_url(photo), "declaration": declaration});
        self.put(application, "photo", &body).await
    }

    pub(crate) async fn confirm(&self, application: &Value) -> Value {
        let seen = self.seen(application).await;
        let body = json!({"photo": seen["progress"]["photo"]});
        self.put(application, "confirmation", &body).await.done()
    }

    pub(crate) async fn consent(&self, application: &Value) -> Value {
        let text = self.driver.get("/holder/face-consent").await.done();
        let body = json!({"version": text["text"]["version"]});
        self.put(application, "face-consent", &body).await.done()
    }

    pub(crate) async fn try_open(&self, application: &Value) -> Answer {
        let body = json!({"device_key": self.device.key()});
        self.post(application, "person-check", &body).await
    }

    pub(crate) async fn open(&self, application: &Value) -> Value {
        self.try_open(application).await.expect(201)
    }

    /// Answers a challenge with these frames.
    pub(crate) async fn answer(
        &self,
        app: &App,
        application: &Value,
        challenge: &Value,
        frames: &[Taken],
    ) -> Answer {
        // As long as it took.
        app.clock.advance(jiff::SignedDuration::from_secs(12));
        let body = self.device.answer(challenge, frames).unwrap();
        self.put(application, "person-check", &body).await
    }

    /// Confirms, agrees where that was not done, and passes the check as `who` would.
    pub(crate) async fn checked(&self, app: &App, application: &Value, who: &Sitter) -> Value {
        self.confirm(application).await;
        self.consent(application).await;
        let challenge = self.open(application).await;
        let frames = frames_of(who, &challenge, 0);
        self.answer(app, application, &challenge, &frames)
            .await
            .done()
    }

    pub(crate) async fn submit(&self, application: &Value) -> Answer {
        self.post(application, "submission", &json!({})).await
    }

    pub(crate) async fn withdraw(&self, application: &Value) -> Answer {
        let id = application["id"].as_str().unwrap();
        let path = format!("/holder/applications/{id}");
        self.driver.delete(&path).await
    }

    /// The photo on file, up to the person check.
    pub(crate) async fn ready(&self, kind: &str) -> Value {
        let application = self.begin(kind, "on-file").await;
        self.confirm(&application).await;
        self.consent(&application).await;
        application
    }

    /// The photo on file, up to the submission.
    pub(crate) async fn applied(&self, app: &App, kind: &str, who: &Sitter) -> Answer {
        let application = self.begin(kind, "on-file").await;
        self.checked(app, &application, who).await;
        self.submit(&application).await
    }

    /// An e-licence from the photo on file, with the person check passed over and an officer's word.
    pub(crate) async fn issued(&self, app: &App, number: &str) {
        let application = self.begin("first", "on-file").await;
        let id = application["id"].as_str().unwrap();
        let parsed = storage::ApplicationId::parse(id).unwrap();
        let photo = app.authority.store().application(&parsed).await;
        reviewed_with(app, id, photo.unwrap().unwrap().photo).await;
        let issued = crate::steps::approve(app, number, id).await;
        assert_eq!(issued["stage"], "issued");
    }

    /// Camera or album, up to the submission.
    pub(crate) async fn submitted(&self, app: &App, way: (&str, &str), who: &Sitter) -> Value {
        let photo = who.studio().photo(0).unwrap();
        self.submitted_with(app, way, (&photo, who)).await
    }

    /// The same with this photo, and this person at the check.
    pub(crate) async fn submitted_with(
        &self,
        app: &App,
        (kind, source): (&str, &str),
        (photo, who): (&[u8], &Sitter),
    ) -> Value {
        let application = self.begin(kind, source).await;
        self.read_rules(&application).await;
        self.try_photo(&application, photo).await.done();
        self.checked(app, &application, who).await;
        self.submit(&application).await.done()
    }
}

/// A driver with a photo on file of this person, at their device, with faces judged.
pub(crate) async fn applicant(app: &App, number: &str, who: Option<&Sitter>) -> Applicant {
    let photo = who.map_or_else(|| json!({}), on_file);
    let record = testkit::people::with(testkit::people::record(number), photo);
    deliver(app, &[record]).await;
    Applicant::new(app, number).await
}

/// What somebody shows who does what the challenge asks.
pub(crate) fn frames_of(who: &Sitter, challenge: &Value, first: u8) -> Vec<Taken> {
    let steps = codes(&challenge["steps"]);
    stills::answer(who, &steps, first).unwrap()
}

pub(crate) fn path(application: &Value, step: &str) -> String {
    let id = application["id"].as_str().unwrap();
    format!("/holder/applications/{id}/{step}")
}

/// What leads on.
pub(crate) fn next(application: &Value) -> &str {
    application["progress"]["next"][0].as_str().unwrap()
}

/// Signs the same device in again: sessions end by themselves.
pub(crate) async fn signed_in(driver: &Client, number: &str) -> Client {
    let again = driver.on_same_device();
    let login = json!({"kind": "holder", "login": number, "password": testkit::app::PASSWORD});
    again.post("/sessions", &login).await.done();
    again
}

/// Brings a draft to review by the store, as a submission does.
pub(crate) async fn into_review(app: &App, id: &str) {
    reviewed_with(app, id, None).await;
}

/// The same with this photo, which the draft has already, or with one that is submitted.
async fn reviewed_with(app: &App, id: &str, has: Option<storage::PhotoId>) {
    let store = app.authority.store();
    let id = storage::ApplicationId::parse(id).unwrap();
    let row = store.application(&id).await.unwrap().unwrap();
    let driver = store.driver(&row.holder).await.unwrap().unwrap();
    let submitted = has.is_none();
    let new = || storage::PhotoId::generate(row.holder.partition(), &mut app.act().rng);
    let photo = has.unwrap_or_else(new);
    let now = app.clock.now();
    let due = licence::Due::At(now);
    let (mut tx, locked) = store.begin(&driver.id, driver.revision).await.unwrap();
    if submitted {
        tx.submit_photo(&locked, &id, &photo).await.unwrap();
    }
    tx.confirm_application(&locked, (&id, &photo), now)
        .await
        .unwrap();
    tx.verify_person(&locked, (&id, &photo), now).await.unwrap();
    tx.submit_for_review(&locked, &id, due, now).await.unwrap();
    let event = storage::outbox::Event::ApplicationChanged {
        holder: row.holder.clone(),
        application: id.clone(),
        stage: "under-review".to_owned(),
        office: row.office.clone(),
        submitted_at: Some(now),
        due_at: Some(now),
    };
    let entry = app.act().entry("application.submitted");
    tx.commit(entry, vec![event]).await.unwrap();
    app.authority.follow().await.unwrap();
}
