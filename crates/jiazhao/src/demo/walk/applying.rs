//! Drivers who apply by themselves (R31-R54, R86-R90), with people made from the photos that
//! `cargo xtask setup --models` fetches; see `demo::stills`.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    BEIJING, FIRST_WALKER, Printer,
    checks::facts,
    client::{Answer, Client, broken, text},
    steps::{Told, Walker, codes, expect},
};
use crate::{
    demo::{
        device::Device,
        people::Person,
        stills::{self, STILLS, Sitter},
    },
    face_models,
    failure::Failure,
};

/// Drivers of a walk besides the first: each kind behind the others.
const APART: u64 = 2_500;
/// What is said where there is nobody to show.
const LEFT_OUT: &str = "drivers who apply by themselves (自行申领)  ->  left out: no models; \
     `cargo xtask setup --models` fetches them";

/// A driver at a device.
struct Applicant {
    client: Client,
    device: Device,
    person: Person,
    sitter: Sitter,
}

/// All flows, where there are models and photos.
pub(super) async fn applying<S: FnMut(&str) -> Result<(), Failure>>(
    walker: &Walker,
    printer: &mut Printer<S>,
    models: &Path,
) -> Result<(), Failure> {
    if !face_models::are_in(models) || !models.join("photos").is_dir() {
        return (printer.say)(&format!("    {LEFT_OUT}"));
    }
    let first = flow_a(walker, printer, models).await?;
    flows_b_and_c(walker, printer, models).await?;
    changed(walker, printer, first).await
}

async fn flow_a<S: FnMut(&str) -> Result<(), Failure>>(
    walker: &Walker,
    printer: &mut Printer<S>,
    models: &Path,
) -> Result<Applicant, Failure> {
    let [who, stranger] = [sitter(models, 0)?, sitter(models, 1)?];
    let first = walker.arrives(1, who, true).await?;
    let application = printer
        .step(
            "flow A: photo on file, somebody else at the camera (流程A：他人冒用)",
            walker.impostor(&first, &stranger),
        )
        .await?;
    printer
        .step(
            "flow A: the driver at the camera, issued at once (流程A：使用留存照片)",
            walker.issued_at_once(&first, &application),
        )
        .await?;
    printer
        .step(
            "police verify that licence (核验)",
            walker.verifies(&first, "C1"),
        )
        .await?;
    Ok(first)
}

async fn flows_b_and_c<S: FnMut(&str) -> Result<(), Failure>>(
    walker: &Walker,
    printer: &mut Printer<S>,
    models: &Path,
) -> Result<(), Failure> {
    for (apart, number, source, name) in [
        (
            2,
            0,
            "camera",
            "flow B: camera photo, reviewed, issued (流程B：手机拍照)",
        ),
        (
            3,
            1,
            "album",
            "flow C: album photo, reviewed, issued (流程C：相册照片)",
        ),
    ] {
        let applicant = walker
            .arrives(apart, sitter(models, number)?, false)
            .await?;
        let way = ("first", source);
        printer
            .step(name, walker.own_photo(&applicant, way))
            .await?;
        printer
            .step(
                "police verify that licence (核验)",
                walker.verifies(&applicant, "C1"),
            )
            .await?;
    }
    Ok(())
}

async fn changed<S: FnMut(&str) -> Result<(), Failure>>(
    walker: &Walker,
    printer: &mut Printer<S>,
    first: Applicant,
) -> Result<(), Failure> {
    // Another photo of the same person, for whoever knows photos again.
    let mirrored = Applicant {
        sitter: first.sitter.mirrored(),
        ..first
    };
    let way = ("photo-change", "camera");
    printer
        .step(
            "photo change, reviewed (更换照片)",
            walker.own_photo(&mirrored, way),
        )
        .await?;
    let person = mirrored.person.clone().next();
    let renewed = Applicant {
        person: person.with_new_edition(&["A2", "C1"]),
        sitter: first_sitter(&mirrored),
        ..mirrored
    };
    printer
        .step(
            "new edition, applied again with one person check (重新申领)",
            walker.applies_again(&renewed),
        )
        .await?;
    printer
        .step(
            "police verify the new licence, class A2 (核验)",
            walker.verifies(&renewed, "A2"),
        )
        .await
}

/// As the photo on file shows them.
fn first_sitter(mirrored: &Applicant) -> Sitter {
    mirrored.sitter.mirrored()
}

fn sitter(models: &Path, number: usize) -> Result<Sitter, Failure> {
    let still = STILLS.get(number).ok_or_else(|| broken("no such still"))?;
    still
        .open(models)
        .map_err(|error| broken(&error.to_string()))
}

fn data_url(photo: &[u8]) -> String {
    format!("data:image/jpeg;base64,{}", STANDARD.encode(photo))
}

fn studio(sitter: &Sitter) -> Result<Vec<u8>, Failure> {
    sitter
        .studio()
        .photo(0)
        .map_err(|error| broken(&error.to_string()))
}

impl Walker {
    /// A driver comes to the registry, with a photo on file or without, and activates.
    async fn arrives(&self, apart: u64, sitter: Sitter, photo: bool) -> Result<Applicant, Failure> {
        let city = licence::CITIES.iter().find(|city| city.code == BEIJING);
        let city = city.ok_or_else(|| broken("no city"))?;
        let number = self.person.number() - FIRST_WALKER + apart * APART;
        let mut person = Person::new(city, FIRST_WALKER + number, self.person.today());
        if photo {
            person = person.with_photo(data_url(&studio(&sitter)?));
        }
        expect(&self.deliver(&person).await?, "/imported", &json!(1))?;
        let officer = self.officer("counter").await?;
        let (code, _) = self.activation_code(&officer, &person).await?;
        // Once: whoever activates often from one address is slowed down.
        let client = self.activated(&code, &person).await?;
        let device = Device::new(&mut self.entropy.rng());
        Ok(Applicant {
            client,
            device: device.ok_or_else(|| broken("no key was made"))?,
            person,
            sitter,
        })
    }

    /// SC-04: the attempt is recorded, and nothing is issued.
    async fn impostor(&self, applicant: &Applicant, stranger: &Sitter) -> Told<Value> {
        let on_file = applicant.client.get("/holder/photo-on-file").await?;
        expect(&on_file.json(200)?, "/state", &json!("acceptable"))?;
        let application = applicant.begins(("first", "on-file")).await?;
        applicant.agrees(&application).await?;
        let seen = applicant.is_checked(&application, stranger).await?;
        let check = "/progress/person_check";
        expect(&seen, &format!("{check}/outcome"), &json!("reject"))?;
        expect(&seen, "/stage", &json!("draft"))?;
        let refused = applicant.submits(&application).await;
        let refused = refused?.refused(409, "person-check-first")?;
        let reasons = codes(seen.pointer(&format!("{check}/reasons")));
        Ok((application, format!("200 reject{reasons}; {refused}")))
    }

    /// SC-03: no officer is needed.
    async fn issued_at_once(&self, applicant: &Applicant, application: &Value) -> Told<()> {
        let who = applicant.sitter.clone();
        let seen = applicant.is_checked(application, &who).await?;
        expect(&seen, "/progress/person_check/outcome", &json!("match"))?;
        let issued = applicant.submits(application).await?.json(200)?;
        expect(&issued, "/stage", &json!("issued"))?;
        Ok(((), format!("200 issued {}", text(&issued, "/e_licence"))))
    }

    /// SC-06, SC-14: rules read, photo judged and seen, person checked, reviewed.
    async fn own_photo(&self, applicant: &Applicant, way: (&str, &str)) -> Told<()> {
        let application = applicant.begins(way).await?;
        applicant.hands_in(&application).await?;
        applicant.agrees(&application).await?;
        let who = applicant.sitter.clone();
        applicant.is_checked(&application, &who).await?;
        let submitted = applicant.submits(&application).await?.json(200)?;
        expect(&submitted, "/stage", &json!("under-review"))?;
        let id = text(&submitted, "/id");
        let (reviewer, _) = self.queue(id).await?;
        let path = format!("/review/applications/{id}/claim");
        let case = reviewer.post(&path, &json!({})).await?.json(200)?;
        expect(&case, "/blocking", &json!([]))?;
        let ((), told) = self.approve(&reviewer, id).await?;
        let due = text(&submitted, "/due_at");
        Ok(((), format!("200 under-review, due {due}; {told}")))
    }

    /// SC-15: two taps and one person check.
    async fn applies_again(&self, applicant: &Applicant) -> Told<()> {
        let view = self.deliver(&applicant.person).await?;
        expect(&view, "/imported", &json!(1))?;
        let application = applicant.begins(("reapplication", "on-file")).await?;
        applicant.agrees(&application).await?;
        self.issued_at_once(applicant, &application).await
    }

    /// The licence ends in a code that police find authentic.
    async fn verifies(&self, applicant: &Applicant, class: &str) -> Told<()> {
        let (code, _) = self.code(&applicant.client, "black").await?;
        let police = self.officer("police").await?;
        let body = json!({"code": code, "purpose": "enforcement", "class": class});
        let view = police.post("/verifications", &body).await?.json(200)?;
        facts(&view, "active", "black")?;
        expect(&view, "/entitled/outcome", &json!("yes"))?;
        let number = json!(applicant.person.licence_number());
        expect(&view, "/licence/licence_number", &number)?;
        Ok(((), format!("200 authentic yes, {class} yes")))
    }
}

impl Applicant {
    async fn begins(&self, (kind, source): (&str, &str)) -> Result<Value, Failure> {
        let body = json!({"kind": kind, "photo_source": source});
        let answer = self.client.post("/holder/applications", &body).await?;
        answer.json(201)
    }

    async fn put(&self, application: &Value, step: &str, body: &Value) -> Result<Value, Failure> {
        let path = path(application, step);
        self.client.put(&path, body).await?.json(200)
    }

    /// The rules are read, and a photo is handed in that carries no date.
    async fn hands_in(&self, application: &Value) -> Result<(), Failure> {
        let rules = self.client.get("/holder/photo-rules").await?.json(200)?;
        let read = json!({"version": text(&rules, "/version")});
        self.put(application, "photo-rules", &read).await?;
        let photo = studio(&self.sitter)?;
        let version = text(&rules, "/declaration/version");
        let id = text(application, "/id");
        let declaration = self.device.declaration(id, &photo, version);
        let body = json!({"photo": data_url(&photo), "declaration": declaration});
        self.put(application, "photo", &body).await?;
        Ok(())
    }

    /// Confirms what is shown, and agrees to the comparison.
    async fn agrees(&self, application: &Value) -> Result<(), Failure> {
        let path = format!("/holder/applications/{}", text(application, "/id"));
        let seen = self.client.get(&path).await?.json(200)?;
        let confirmed = json!({"photo": text(&seen, "/progress/photo")});
        self.put(application, "confirmation", &confirmed).await?;
        let consent = self.client.get("/holder/face-consent").await?.json(200)?;
        let agreed = json!({"version": text(&consent, "/text/version")});
        self.put(application, "face-consent", &agreed).await?;
        Ok(())
    }

    /// Answers a challenge with frames of `who`.
    async fn is_checked(&self, application: &Value, who: &Sitter) -> Result<Value, Failure> {
        let body = json!({"device_key": self.device.key()});
        let check = path(application, "person-check");
        let challenge = self.client.post(&check, &body).await?.json(201)?;
        let steps = challenge.get("steps").and_then(Value::as_array);
        let steps: Vec<&str> = steps
            .into_iter()
            .flatten()
            .map(|step| text(step, "/code"))
            .collect();
        let frames = stills::answer(who, &steps, 0).map_err(|error| broken(&error.to_string()))?;
        let answer = self.device.answer(&challenge, &frames);
        let answer = answer.ok_or_else(|| broken("the challenge cannot be answered"))?;
        self.put(application, "person-check", &answer).await
    }

    async fn submits(&self, application: &Value) -> Result<Answer, Failure> {
        let path = path(application, "submission");
        self.client.post(&path, &json!({})).await
    }
}

fn path(application: &Value, step: &str) -> String {
    format!("/holder/applications/{}/{step}", text(application, "/id"))
}
