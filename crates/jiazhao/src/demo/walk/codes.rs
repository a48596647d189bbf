//! The steps of the bound device: a key in software, its codes, and who checks them.

use authority::rand::rngs::StdRng;
use credential::{StatusSource, VerifiedTrustList, check_code, verify::Outcome};
use serde_json::{Value, json};

use super::{
    checks::{facts, told},
    client::{Client, broken, text},
    steps::{Told, Walker, expect},
};
use crate::demo::device::{Device, Shows};

/// A device that presents, and what the server gave it.
pub(super) struct Presenting {
    device: Device,
    material: Value,
}

impl Walker {
    /// The driver's device proves that it holds its key.
    pub(super) async fn bind(&self, driver: &Client, mut rng: StdRng) -> Told<Presenting> {
        let device = Device::new(&mut rng).ok_or_else(|| broken("no key was made"))?;
        let request = json!({ "device_key": device.key() });
        let challenge = driver.post("/holder/bindings", &request).await?.json(201)?;
        let path = format!("/holder/bindings/{}/proof", text(&challenge, "/id"));
        let proof = device.proof(&challenge);
        let proof = proof.ok_or_else(|| broken("the challenge cannot be answered"))?;
        let bound = driver.put(&path, &proof).await?.json(200)?;
        expect(&bound, "/this_device", &json!(true))?;
        let request = json!({ "kind": "offline" });
        let codes = driver.post("/holder/e-licence/codes", &request).await?;
        let material = codes.json(201)?;
        let assurance = text(&bound, "/assurance");
        let until = text(&material, "/good_until");
        let told = format!("200 bound, key in {assurance}, offline codes until {until}");
        Ok((Presenting { device, material }, told))
    }

    /// Checked online: authentic, fresh, once (SC-40).
    pub(super) async fn dynamic(&self, police: &Client, phone: &Presenting) -> Told<()> {
        let code = phone.device.dynamic(&phone.material, self.clock.now());
        let code = code.ok_or_else(|| broken("no dynamic code was made"))?;
        let view = self.checked(police, &code).await?;
        expect(&view, "/code_kind", &json!("dynamic"))?;
        let again = json!({ "code": code, "purpose": "enforcement" });
        let again = police.post("/verifications", &again).await?;
        let refused = again.refused(409, "code-used")?;
        let length = code.len();
        Ok((
            (),
            format!("{}; again: {refused}; {length} characters", told(&view)),
        ))
    }

    /// A code a second later, with the portrait, checked without the system: authentic and fresh, its
    /// status unknown without a status list (SC-13).
    pub(super) fn without_signal(&self, phone: &Presenting, trust: &VerifiedTrustList) -> Told<()> {
        let now = self.clock.now();
        let code = phone.device.offline(&phone.material, now, Shows::Portrait);
        let code = code.ok_or_else(|| broken("no offline code was made"))?;
        let answer = check_code(&code, trust, &StatusSource::default(), None, now);
        if !answer.authentic || !answer.fresh || answer.outcome() != Outcome::Unchecked {
            return Err(broken(
                "the code is not authentic and fresh, or its status is known",
            ));
        }
        let codes: Vec<&str> = answer.reasons.iter().map(|reason| reason.code).collect();
        let (codes, length) = (codes.join(", "), code.len());
        let told = format!("authentic, fresh [{codes}], exit code 2; {length} characters");
        Ok(((), told))
    }

    async fn checked(&self, police: &Client, code: &str) -> Result<Value, crate::failure::Failure> {
        let body = json!({ "code": code, "purpose": "enforcement", "class": "C1" });
        let view = police.post("/verifications", &body).await?.json(200)?;
        facts(&view, "active", "black")?;
        expect(&view, "/assurance", &json!("software"))?;
        Ok(view)
    }
}
