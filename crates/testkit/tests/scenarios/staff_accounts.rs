//! Accounts of staff: the second factor, and sessions that end.

mod factor;
mod resets;
mod sessions;

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use testkit::{
    app::{App, PASSWORD},
    client::{Answer, Client},
};

pub(crate) const STEP: SignedDuration = SignedDuration::from_secs(30);

/// An authenticator app: its codes are computed by OpenSSL, not by the code under test.
pub(crate) struct Authenticator(Vec<u8>);

impl Authenticator {
    pub(crate) fn of(secret: &str) -> Self {
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let (mut held, mut bits, mut bytes) = (0_u32, 0, Vec::new());
        for letter in secret.chars() {
            held = (held << 5) | u32::try_from(letters.find(letter).unwrap()).unwrap();
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                bytes.push(u8::try_from((held >> bits) & 255).unwrap());
            }
        }
        Self(bytes)
    }

    pub(crate) fn code(&self, at: Timestamp) -> String {
        let step = u64::try_from(at.as_second()).unwrap() / 30;
        let mut child = Command::new("openssl")
            .args(["dgst", "-sha1", "-binary", "-mac", "hmac", "-macopt"])
            .arg(format!("hexkey:{}", hex::encode(&self.0)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(&step.to_be_bytes()).unwrap();
        drop(input);
        let tag = child.wait_with_output().unwrap().stdout;
        let offset = usize::from(tag[19] & 15);
        let four: [u8; 4] = tag[offset..offset + 4].try_into().unwrap();
        let number = u32::from_be_bytes(four) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }
}

/// A member with a second factor.
pub(crate) struct Member {
    pub(crate) login: String,
    pub(crate) app: Authenticator,
    pub(crate) recovery: Vec<String>,
}

pub(crate) async fn sign_in(
    client: &Client,
    login: &str,
    password: &str,
    factor: Option<&str>,
) -> Answer {
    let body =
        json!({"kind": "staff", "login": login, "password": password, "second_factor": factor});
    client.post("/sessions", &body).await
}

/// Sets up the second factor of somebody who has none; the client is signed in then.
pub(crate) async fn enrol(app: &App, client: &Client, login: &str) -> Member {
    let session = sign_in(client, login, PASSWORD, None).await.expect(201);
    assert_eq!(session["second_factor"], "to-enrol");
    let secret = client.post("/staff/factor", &json!({})).await.expect(201);
    let authenticator = Authenticator::of(secret["secret"].as_str().unwrap());
    let code = json!({"code": authenticator.code(app.clock.now())});
    let confirmed = client
        .post("/staff/factor/confirmation", &code)
        .await
        .expect(201);
    let recovery = confirmed["recovery_codes"].as_array().unwrap();
    app.clock.advance(STEP);
    Member {
        login: login.to_owned(),
        app: authenticator,
        recovery: recovery
            .iter()
            .map(|code| code.as_str().unwrap().to_owned())
            .collect(),
    }
}

impl Member {
    /// Signs in with the code of the present step, and lets that pass.
    pub(crate) async fn sign_in(&self, app: &App) -> Client {
        let client = app.client();
        let code = self.app.code(app.clock.now());
        let session = sign_in(&client, &self.login, PASSWORD, Some(&code)).await;
        assert_eq!(session.expect(201)["second_factor"], "active");
        app.clock.advance(STEP);
        client
    }
}

/// Whether the client's session is good for what staff of these roles do.
pub(crate) async fn is_in(client: &Client) -> bool {
    let answer = client.get("/review/queue").await;
    match answer.status {
        200 => true,
        403 => {
            answer.problem(403, "not-your-role");
            true
        }
        _ => {
            answer.problem(401, "sign-in-required");
            false
        }
    }
}

pub(crate) async fn id_of(admin: &Client, login: &str) -> String {
    let all = admin.get("/admin/staff").await.expect(200);
    let mut all = all.as_array().unwrap().iter();
    let member = all.find(|member| member["login"] == login).unwrap();
    member["id"].as_str().unwrap().to_owned()
}

/// How often the audit names an act.
pub(crate) async fn audited(app: &App, act: &str) -> usize {
    let store = app.authority.store();
    let rows = store
        .audit_after(storage::Partition::SYSTEM, 0, 10_000)
        .await;
    rows.unwrap().iter().filter(|row| row.act == act).count()
}
