//! The steps of those who check: police online, anybody offline.

use credential::{SignedTrustList, VerifiedTrustList, check_credential, verify::Outcome};
use hyper::header::HeaderName;
use serde_json::{Value, json};

use super::{
    client::{Answer, Client, broken, text},
    steps::{Told, Walker, codes, contains, expect},
};
use crate::failure::Failure;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

impl Walker {
    /// Authentic, fresh, valid, entitled; no paper (SC-40, SC-41).
    pub(super) async fn verify_black(&self, police: &Client, code: &str) -> Told<String> {
        let view = self.verify(police, code, "one", "none").await?.json(200)?;
        facts(&view, "active", "black")?;
        expect(&view, "/entitled/outcome", &json!("yes"))?;
        expect(&view, "/paper/required", &json!(false))?;
        let number = json!(self.person.licence_number());
        expect(&view, "/licence/licence_number", &number)?;
        let id = text(&view, "/id").to_owned();
        police
            .get(&format!("/verifications/{id}/portrait"))
            .await?
            .bytes(200)?;
        Ok((id, told(&view)))
    }

    /// The same key, the same answer (SC-43).
    pub(super) async fn verify_repeated(&self, police: &Client, code: &str, id: &str) -> Told<()> {
        let view = self.verify(police, code, "one", "none").await?.json(200)?;
        expect(&view, "/id", &json!(id))?;
        Ok(((), "200 the same answer".to_owned()))
    }

    /// A code works once (SC-43).
    pub(super) async fn verify_used(&self, police: &Client, code: &str) -> Told<()> {
        let answer = self.verify(police, code, "two", "none").await?;
        Ok(((), answer.refused(409, "code-used")?))
    }

    /// Red, and the measure at hand needs the paper (SC-41).
    pub(super) async fn verify_red(&self, police: &Client, code: &str) -> Told<()> {
        let answer = self.verify(police, code, "three", "withhold-licence");
        let view = answer.await?.json(200)?;
        facts(&view, "active", "red")?;
        expect(&view, "/paper/required", &json!(true))?;
        contains(&codes(view.pointer("/status/reasons")), "points-reached")?;
        Ok(((), told(&view)))
    }

    /// Superseded is not an invalid driver (SC-15).
    pub(super) async fn verify_superseded(&self, police: &Client, code: &str) -> Told<()> {
        let answer = self.verify(police, code, "four", "none").await?;
        let view = answer.json(200)?;
        expect(&view, "/e_licence/stage", &json!("superseded"))?;
        expect(&view, "/entitled/outcome", &json!("yes"))?;
        let reasons = codes(view.pointer("/e_licence/reasons"));
        contains(&reasons, "e-licence-superseded")?;
        Ok(((), format!("{}{reasons}", told(&view))))
    }

    pub(super) async fn trust_list(&self) -> Told<VerifiedTrustList> {
        let json = self.anonymous.get("/trust-list").await?.bytes(200)?;
        let trust = SignedTrustList::from_json(&json)
            .map_err(|malformed| broken(malformed.reason().en))?
            .verify(None)
            .map_err(|refusal| broken(refusal.reason().en))?;
        let told = format!(
            "200 version {}, {} keys",
            trust.list().version,
            trust.list().keys.len()
        );
        Ok((trust, told))
    }

    /// Authentic, never fresh: a file can be copied.
    pub(super) fn offline(&self, credential: &[u8], trust: &VerifiedTrustList) -> Told<()> {
        let answer = check_credential(credential, trust, self.clock.now());
        if !answer.authentic || answer.fresh || answer.outcome() != Outcome::Unchecked {
            return Err(broken("the credential is not authentic, or is fresh"));
        }
        let codes: Vec<&str> = answer.reasons.iter().map(|reason| reason.code).collect();
        let codes = codes.join(", ");
        Ok(((), format!("authentic, not fresh [{codes}], exit code 2")))
    }

    /// Somebody writes another digit into it (SC-42).
    pub(super) fn altered(&self, credential: &[u8], trust: &VerifiedTrustList) -> Told<()> {
        let number = self.person.licence_number().as_bytes();
        let place = credential
            .windows(number.len())
            .position(|window| window == number)
            .ok_or_else(|| broken("the credential holds no licence number"))?;
        let mut altered = credential.to_vec();
        if let Some(digit) = altered.get_mut(place) {
            *digit ^= 1;
        }
        let answer = check_credential(&altered, trust, self.clock.now());
        if answer.authentic || answer.outcome() != Outcome::Failed {
            return Err(broken("an altered copy is not found out"));
        }
        let codes: Vec<&str> = answer.reasons.iter().map(|reason| reason.code).collect();
        Ok(((), format!("forged [{}], exit code 1", codes.join(", "))))
    }

    async fn verify(
        &self,
        police: &Client,
        code: &str,
        key: &str,
        measure: &str,
    ) -> Result<Answer, Failure> {
        let body = json!({
            "code": code,
            "purpose": "enforcement",
            "class": "C1",
            "measure": measure,
        });
        // A key belongs to one request: the code makes it this walk's own.
        let client = police.clone().with(KEY, &format!("walk-{key}-{code}"))?;
        client.post("/verifications", &body).await
    }
}

/// What every answer to a good code says.
pub(super) fn facts(view: &Value, stage: &str, shown: &str) -> Result<(), Failure> {
    expect(view, "/authentic/outcome", &json!("yes"))?;
    expect(view, "/fresh/outcome", &json!("yes"))?;
    expect(view, "/person/outcome", &json!("not-compared"))?;
    expect(view, "/e_licence/stage", &json!(stage))?;
    expect(view, "/status/shown", &json!(shown))
}

pub(super) fn told(view: &Value) -> String {
    let fact = |pointer| text(view, pointer);
    let paper = match view.pointer("/paper/required").and_then(Value::as_bool) {
        Some(true) => "required",
        Some(false) | None => "not required",
    };
    format!(
        "200 authentic {} ({}), fresh {}, e-licence {}, status {}{}, C1 {}, person {}, paper {paper}",
        fact("/authentic/outcome"),
        fact("/authentic/suite"),
        fact("/fresh/outcome"),
        fact("/e_licence/stage"),
        fact("/status/value"),
        codes(view.pointer("/status/reasons")),
        fact("/entitled/outcome"),
        fact("/person/outcome"),
    )
}
